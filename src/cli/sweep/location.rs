//! Which study is meant: by its folder, or by the sweep file that it was made from.

use std::path::{Path, PathBuf};

use crate::cli::render;
use crate::sweep::file::Parsed;
use crate::sweep::{Spec, Study};

/// A study.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct StudyArgs {
    /// Folder of the study, or its sweep file
    #[arg(value_name = "STUDY")]
    study: PathBuf,
}

impl StudyArgs {
    /// The study's folder.
    pub(super) fn folder(&self) -> anyhow::Result<PathBuf> {
        if self.study.is_file() { Ok(Spec::read(&self.study)?.store) } else { Ok(self.study.clone()) }
    }

    /// The study, to read it.
    pub(super) fn open(&self) -> anyhow::Result<Study> {
        Ok(Study::open(&self.folder()?)?)
    }

    /// The study, to work on it: program, checkpoints and data sets must be the same as ever.
    pub(super) fn join(&self) -> anyhow::Result<Study> {
        Ok(Study::join(&self.folder()?)?)
    }
}

/// Reads a sweep file, and shows its warnings.
pub(super) fn read(path: &Path, store: Option<&PathBuf>, quiet: bool) -> anyhow::Result<Parsed> {
    let mut parsed = Spec::read(path)?;
    if !quiet {
        render::warn(&parsed.warnings);
    }
    if let Some(store) = store {
        parsed.store.clone_from(store);
    }
    Ok(parsed)
}
