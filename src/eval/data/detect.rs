//! Detects the format of a folder.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{Entry, Listing};
use super::layout::{Form, Found, Labelled, Layout, Part};
use super::settings::Settings;
use super::{Error, beir, mteb, parallel, three_json, trec};

/// The layout of a folder in the first format that fits completely. The error names what the nearest format lacks.
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
            Found::Whole(mut layout) => {
                let found = apart(listing, &mut layout);
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
    let below = sets(listing, &|inner| matches!(mteb::find(inner), Found::Whole(_)));
    if !below.is_empty() && settings.form.is_none() && settings.files.is_empty() {
        return Err(Error::Several { path, found: below });
    }
    Err(match lacks {
        Some((form, missing)) => Error::Incomplete { path, form, missing, found },
        None => Error::Unknown { path, found },
    })
}

/// The folders whose files would be mixed up if the layout were read as one data set.
fn apart(listing: &Listing, layout: &mut Layout) -> Vec<String> {
    let Layout::Parts(form, parts) = layout else { return Vec::new() };
    // Files that README.md assigns belong together, wherever they are.
    let is_assigned = *form == Form::Mteb && mteb::is_assigned(listing);
    if is_assigned || matches!(form, Form::Beir | Form::ThreeJson) {
        return Vec::new();
    }
    let mut found: BTreeSet<String> = sets(listing, &|_| false).into_iter().collect();
    for part in parts {
        found.extend(homes(listing, part));
    }
    found.into_iter().collect()
}

/// The folders that have files of a part, if these do not belong to one data set. A folder that is complete without its
/// subfolders is read without them.
fn homes(listing: &Listing, part: &mut Part) -> BTreeSet<String> {
    let of = |from: &[Labelled]| -> BTreeSet<String> {
        from.iter().flat_map(|labelled| &labelled.files).map(|file| home(listing, file)).collect()
    };
    let roles = [&part.documents, &part.queries, &part.judgements].map(|from| of(from));
    let mut all: BTreeSet<String> = roles.iter().flatten().cloned().collect();
    if all.len() > 1 && roles.iter().all(|homes| homes.contains("")) {
        for from in [&mut part.documents, &mut part.queries, &mut part.judgements] {
            for labelled in &mut *from {
                labelled.files.retain(|file| home(listing, file).is_empty());
            }
            from.retain(|labelled| !labelled.files.is_empty());
        }
        return BTreeSet::new();
    }
    // Documents in the folder itself, with queries and judgements in a subfolder.
    let is_shared = all.len() == 2 && all.contains("") && roles.iter().all(|homes| homes.len() == 1);
    if all.len() < 2 || is_shared {
        return BTreeSet::new();
    }
    all.remove("");
    all
}

/// Names of folders that describe their content and not their data set.
const ROLES: [&str; 11] = [
    "collection",
    "documents",
    "docs",
    "passages",
    "topics",
    "questions",
    "qrel",
    "judgements",
    "judgments",
    "annotations",
    "relevance",
];

/// The folder of the data set that a file belongs to, relative to the listing's, without folders such as `corpus`.
fn home(listing: &Listing, file: &Path) -> String {
    let inside = file.strip_prefix(&listing.root).unwrap_or(file);
    let mut home = inside.parent().unwrap_or(Path::new(""));
    while let Some(name) = home.file_name().map(|name| name.to_string_lossy()) {
        if !ROLES.contains(&&*name) && !mteb::is_table(&name) {
            break;
        }
        home = home.parent().unwrap_or(Path::new(""));
    }
    home.to_string_lossy().into_owned()
}

/// The subfolders that are data sets themselves: with BEIR's files, or with three files whose names or folders say what
/// they are.
fn sets(listing: &Listing, other: &dyn Fn(&Listing) -> bool) -> Vec<String> {
    let mut folders: Vec<&str> =
        listing.entries.iter().filter_map(|entry| Some(entry.relative.split_once('/')?.0)).collect();
    folders.dedup();
    let is_set = |folder: &&str| {
        let inside = |entry: &Entry| entry.relative.strip_prefix(folder)?.strip_prefix('/').map(Entry::new);
        let entries = listing.entries.iter().filter_map(inside).collect();
        let listing = Listing { root: listing.root.join(folder), entries };
        let whole = |found: Found| matches!(found, Found::Whole(_));
        whole(beir::find(&listing))
            || whole(three_json::find(&listing))
            || whole(trec::find(&listing))
            || other(&listing)
    };
    folders.into_iter().filter(is_set).map(str::to_owned).collect()
}
