//! What form a folder is of.

use super::files::Listing;
use super::layout::{Form, Found, Layout};
use super::settings::Settings;
use super::{Error, beir, mteb, parallel, three_json, trec};

/// The layout of a folder: the first form that fits whole, else what the nearest form lacks.
pub(super) fn layout(listing: &Listing, settings: &Settings) -> Result<Layout, Error> {
    let named = settings.files.is_empty();
    let forms: [(&[Form], &dyn Fn() -> Found); 5] = [
        (&[Form::ThreeJson], &|| three_json::find(listing)),
        (&[Form::Beir], &|| beir::find(listing)),
        (&[Form::Mteb], &|| mteb::find(listing)),
        (&[Form::MsMarco, Form::Trec], &|| trec::find(listing)),
        (&[Form::Parallel], &|| parallel::find(listing, settings)),
    ];
    let mut lacks = None;
    for (names, find) in forms {
        let wanted = settings.form.map_or(named || names.contains(&Form::Parallel), |form| names.contains(&form));
        if !wanted {
            continue;
        }
        match find() {
            Found::Whole(layout) => return Ok(layout),
            Found::Lacks(form, missing) => lacks = lacks.or(Some((form, missing))),
            Found::Nothing => {}
        }
    }
    let (path, found) = (listing.root.clone(), listing.names());
    Err(match lacks {
        Some((form, missing)) => Error::Incomplete { path, form, missing, found },
        None => Error::Unknown { path, found },
    })
}
