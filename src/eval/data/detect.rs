//! What form a folder is of.

use super::files::{Entry, Listing};
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
            Found::Whole(layout) => {
                let of_top = matches!(&layout, Layout::Parts(Form::Beir | Form::ThreeJson, _) | Layout::Pairs(_));
                let found = if of_top { Vec::new() } else { sets(listing) };
                if found.is_empty() {
                    return Ok(layout);
                }
                return Err(Error::Several { path: listing.root.clone(), found });
            }
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

/// The folders of a folder that are data sets themselves: BEIR's files, or three files of which each says by its name or
/// folder what it is.
fn sets(listing: &Listing) -> Vec<String> {
    let mut folders: Vec<&str> =
        listing.entries.iter().filter_map(|entry| Some(entry.relative.split_once('/')?.0)).collect();
    folders.dedup();
    let is_set = |folder: &&str| {
        let inside = |entry: &Entry| entry.relative.strip_prefix(folder)?.strip_prefix('/').map(Entry::new);
        let entries = listing.entries.iter().filter_map(inside).collect();
        let listing = Listing { root: listing.root.join(folder), entries };
        let whole = |found: Found| matches!(found, Found::Whole(_));
        whole(beir::find(&listing)) || whole(three_json::find(&listing)) || whole(trec::find(&listing))
    };
    folders.into_iter().filter(is_set).map(str::to_owned).collect()
}
