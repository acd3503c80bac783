//! The data sets and texts of `admix learn`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Args;
use crate::cli::render::Usage;
use crate::eval::DataSet;
use crate::eval::data::{self, Options};
use crate::files;
use crate::learn::Agreement;

/// The largest file of texts.
const LARGEST: u64 = 256 << 20;

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
        let texts = texts(Path::new(path), args)?;
        if texts.len() < 4 {
            return Err(Usage::new(format!("`{path}` has {} texts, expected at least 4", texts.len())).into());
        }
        Ok(Agreement { model: model.clone(), label: path.clone(), texts })
    };
    args.unlabelled.iter().map(read).collect()
}

fn texts(path: &Path, args: &Args) -> anyhow::Result<Vec<String>> {
    if path.is_dir() {
        let sets = sets(&[path.to_owned()], args)?;
        let texts = sets.iter().flat_map(|set| set.queries.iter().chain(&set.documents));
        return Ok(texts.map(|text| text.text.clone()).collect());
    }
    let mut text = String::new();
    let read = files::open_or_pipe(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
    read.with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
