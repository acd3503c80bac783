//! `admix sweep compare`

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::location;
use crate::cli::render::{self, Usage};
use crate::report::studies;
use crate::sweep::{Study, compare_studies, comparison_json};

/// Set several studies side by side, on the data sets that they share
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Data sets are shared where their documents, queries and judgements are the same, whatever they are called, and
where the metric is the same. The points that the studies recommend are tested against each other query by
query, on held-out queries where all of them are confirmed. What is not shared is said, and so are references
that differ.

Examples:
  admix sweep compare studies/slerp studies/ties
  admix sweep compare slerp.yaml ties.yaml dare.yaml
  admix sweep compare studies/slerp studies/ties --json | jq .tests")]
pub(super) struct Args {
    /// Folders of studies, or their sweep files
    #[arg(value_name = "STUDY", required = true, num_args = 2..)]
    studies: Vec<PathBuf>,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let folders = args.studies.iter().map(|path| location::folder(path)).collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(twice) =
        (1..folders.len()).find(|index| folders[..*index].iter().any(|other| is_same(other, &folders[*index])))
    {
        let message = format!("the study `{}` is named twice", folders[twice].display());
        return Err(Usage::with_hint(message, "name two studies or more that differ").into());
    }
    let opened = folders.iter().map(|folder| Ok(Study::open(folder)?)).collect::<anyhow::Result<Vec<Study>>>()?;
    let found = compare_studies(&opened.iter().collect::<Vec<_>>())?;
    if args.json {
        return render::print_json(&comparison_json(&found));
    }
    let styled = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    render::print(&studies(&found, styled))
}

/// Whether two paths lead to one folder.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
