//! A hash of everything that a run depends on, so that it is not gone on with from something else.

use std::fmt::Write as _;
use std::fs;
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use super::request::Request;
use crate::plan::Plan;

/// Hashes the request and the files of the models: their names, sizes and times.
pub(super) fn hash(request: &Request, plan: &Plan) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(env!("CARGO_PKG_VERSION"));
    add(&request.recipe.filled_text());
    add(&format!("{:?} {:?} {:?} {:?}", request.settings, request.plan, request.encoder, request.prompts));
    for set in &request.data {
        add(&set.label());
        for text in set.queries.iter().chain(&set.documents) {
            add(&text.id);
            add(&text.text);
        }
        add(&format!("{:?}", set.qrels));
    }
    for texts in &request.agreements {
        add(&texts.model);
        texts.texts.iter().for_each(|text| add(text));
    }
    for folder in plan.folders() {
        let mut files: Vec<String> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let metadata = fs::metadata(entry.path()).ok().filter(fs::Metadata::is_file)?;
                let time = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
                Some(format!("{} {} {}", entry.path().display(), metadata.len(), time.as_nanos()))
            })
            .collect();
        files.sort();
        for file in &files {
            add(file);
        }
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
