//! `admix sweep check`

use super::finish::quoted;
use super::location::StudyArgs;
use crate::cli::render;
use crate::escape::Page;
use crate::sweep::{Checked, Error, Study, check};

/// Read everything that a study has, and put damaged files aside so that just they are made again
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Every record vouches for its content, and every mean is computed again from the values of its queries.
Damaged files are moved to the folder `damaged` of the study, and the next `run` or `worker` scores just
their trials again. The exit code is 0 for a study that is whole and 3 for one that was damaged.

Examples:
  admix sweep check studies/ko-en
  admix sweep check studies/ko-en --json | jq '.damaged[].file'")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open()?;
    // One that cannot be written can be whole.
    let study = study.clone().writable().unwrap_or(study);
    let checked = check(&study)?;
    if args.json {
        render::print_json(&serde_json::to_value(&checked)?)?;
    } else {
        render::print(&text(&study, &checked))?;
    }
    match checked.damaged.len() {
        0 => Ok(()),
        files => Err(Error::Found { study: study.store.root().to_owned(), files }.into()),
    }
}

fn text(study: &Study, checked: &Checked) -> Page {
    let (name, files) = (&study.manifest.spec.study, checked.files);
    if checked.damaged.is_empty() {
        return Page::of(format_args!("{name}: {files} files, all whole"));
    }
    let mut out = Page::of(format_args!("{name}: {files} files, {} damaged", checked.damaged.len()));
    for damage in &checked.damaged {
        let place = damage.moved.as_ref().map_or_else(String::new, |moved| format!("; now {moved}"));
        out.line(format_args!("  {}: {}{place}", damage.file, damage.problem));
    }
    if !checked.again.is_empty() {
        out.line(format_args!("to be scored again: {}", checked.again.join(", ")));
    }
    out.whole(format_args!("next: admix sweep worker {}", quoted(study.store.root())));
    out
}
