//! Which study is meant: by its folder, or by the sweep file that it was made from.

use std::path::{Path, PathBuf};

use crate::cli::render;
use crate::sweep::file::{Parsed, SearchMethod};
use crate::sweep::{Change, Preview, Spec, Study};

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
        folder(&self.study)
    }

    /// The study, to read it.
    pub(super) fn open(&self) -> anyhow::Result<Study> {
        Ok(Study::open(&self.folder()?)?)
    }

    /// The study, to work on it, which a sweep file makes where it is not there yet.
    pub(super) fn make(&self, quiet: bool) -> anyhow::Result<Study> {
        if self.study.is_file() { follow(&Spec::read(&self.study)?, quiet) } else { self.join() }
    }

    /// The study, to have others work on it, which a sweep file makes where it is not there yet.
    pub(super) fn open_or_make(&self) -> anyhow::Result<Study> {
        if self.study.is_file() { follow(&Spec::read(&self.study)?, false) } else { self.open() }
    }

    /// The study, to work on it: program, checkpoints and data sets must be the same as ever. A sweep file may have changed.
    pub(super) fn join(&self) -> anyhow::Result<Study> {
        if self.study.is_file() {
            let parsed = Spec::read(&self.study)?;
            // None is made: `run` does that.
            Study::open(&parsed.store)?;
            return follow(&parsed, false);
        }
        Ok(Study::join(&self.folder()?)?)
    }
}

/// The folder of a study that is named by it, or by its sweep file.
pub(super) fn folder(study: &Path) -> anyhow::Result<PathBuf> {
    if study.is_file() { Ok(Spec::read(study)?.store) } else { Ok(study.to_owned()) }
}

/// The study of a sweep file, which takes in what has changed in the file.
pub(super) fn follow(parsed: &Parsed, quiet: bool) -> anyhow::Result<Study> {
    let preview = Study::preview(parsed)?;
    if !quiet && let Some(said) = change(&preview)? {
        render::say(&said);
    }
    Ok(preview.write()?.writable()?)
}

/// Whether a search that learns from results has seen the queries that are held out.
fn was_seen(study: &Study) -> bool {
    let learns = matches!(study.manifest.spec.search.method, SearchMethod::Greedy | SearchMethod::Cmaes);
    learns && study.manifest.sets.iter().any(|set| set.content == set.held_out_content)
}

/// What a changed sweep file means for its study; `None` where it has not changed.
pub(super) fn change(preview: &Preview) -> anyhow::Result<Option<String>> {
    Ok(match &preview.change {
        Change::New | Change::Unchanged => None,
        Change::Rebuilt(lines) => Some(format!("the study has no results and is made anew: {}", lines.join("; "))),
        Change::Revised(lines) => {
            let kept = preview.study.known_points()?.len();
            let points = if kept == 1 { "point that was scored stays" } else { "points that were scored stay" };
            let seen = if lines.iter().any(|line| line.starts_with("report")) && was_seen(&preview.study) {
                "; the search chose its points with the queries in sight that are held out now"
            } else {
                ""
            };
            Some(format!("the sweep file has changed, and {kept} {points}: {}{seen}", lines.join("; ")))
        }
    })
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
