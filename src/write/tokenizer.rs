//! The tokenizer's files of a merge whose models have different vocabularies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Error;
use crate::checkpoint::{Change, Edited, Tokenizer};
use crate::plan::Plan;

/// Where a file of the tokenizer comes from.
#[derive(Debug)]
pub(super) enum File {
    /// It is copied.
    Copy(PathBuf),
    /// It is written with more in it.
    Edited(Edited),
}

/// The files of the output's tokenizer by name; nothing where they are the donor's own.
pub(super) fn files(plan: &Plan) -> Result<Option<BTreeMap<String, File>>, Error> {
    let Some(alignment) = &plan.alignment else { return Ok(None) };
    let tokenizer = alignment.vocabulary.tokenizer();
    let mut changes = alignment.vocabulary.changes().map_err(Error::Checkpoint)?;
    let mut files = BTreeMap::new();
    for name in tokenizer.file_names().map_err(Error::Checkpoint)? {
        match changes.remove(name.as_str()) {
            Some(Change::LeftOut) => {}
            Some(Change::Edited(edited)) => {
                files.insert(name, File::Edited(edited));
            }
            None => {
                let path = tokenizer.home().join(&name);
                files.insert(name, File::Copy(path));
            }
        }
    }
    Ok(Some(files))
}

/// Whether a side file of the donor is one of its tokenizer's: those come from [`files`].
pub(super) fn is_tokenizer_file(relative: &str, folder: &str) -> bool {
    let name = if folder.is_empty() {
        Some(relative)
    } else {
        relative.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    name.is_some_and(|name| !name.contains('/') && Tokenizer::is_file(name))
}
