//! The data sets and texts of `admix learn`.

use std::path::{Path, PathBuf};

use super::Args;
use crate::cli::render::Usage;
use crate::eval::DataSet;
use crate::eval::data::{self, Options};
use crate::learn::Agreement;

/// Opens data sets.
pub(super) fn sets(folders: &[PathBuf], args: &Args) -> anyhow::Result<Vec<DataSet>> {
    let options = Options { split: args.split.clone(), limit_queries: None };
    let mut sets = Vec::new();
    for folder in folders {
        sets.extend(data::open(folder, &options)?);
    }
    Ok(sets)
}

/// Reads the texts without judgements.
pub(super) fn agreements(args: &Args) -> anyhow::Result<Vec<Agreement>> {
    let read = |(model, path): &(String, String)| {
        let options = Options { split: args.split.clone(), limit_queries: None };
        let texts = data::plain_texts(Path::new(path), &options)?;
        if texts.len() < 4 {
            return Err(Usage::new(format!("`{path}` has {} texts, expected at least 4", texts.len())).into());
        }
        Ok(Agreement { model: model.clone(), label: path.clone(), texts })
    };
    args.unlabelled.iter().map(read).collect()
}
