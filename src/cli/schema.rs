//! `admix schema`

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use super::{output, render};
use crate::{files, recipe, sweep};

/// Print the JSON Schema of recipes or sweep files, for editors
#[derive(clap::Args, Debug)]
#[command(after_help = "\
An editor with yaml-language-server completes and checks a file that begins with
  # yaml-language-server: $schema=recipe.schema.json

Examples:
  admix schema > recipe.schema.json
  admix schema sweep > sweep.schema.json")]
pub(super) struct Args {
    /// What the schema is of
    #[arg(value_name = "WHAT", value_enum, default_value_t)]
    what: What,
}

/// A file that has a schema.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub(super) enum What {
    /// Recipes
    #[default]
    Recipe,
    /// Sweep files
    Sweep,
}

impl What {
    /// The schema's file.
    fn file(self) -> &'static str {
        match self {
            Self::Recipe => "recipe.schema.json",
            Self::Sweep => "sweep.schema.json",
        }
    }

    pub(super) fn schema(self) -> Value {
        match self {
            Self::Recipe => recipe::schema(),
            Self::Sweep => sweep::file::schema(),
        }
    }
}

/// The first line of a file that was written with its schema beside it.
pub(super) fn modeline(what: What) -> String {
    format!("# yaml-language-server: $schema={FOLDER}/{}\n", what.file())
}

/// Writes the schema of a file into a folder beside it, where the modeline leads.
pub(super) fn write_beside(file: &Path, what: What) -> anyhow::Result<()> {
    let folder = file.with_file_name(FOLDER);
    let path = folder.join(what.file());
    let text = format!("{:#}\n", what.schema());
    output::remove_left_over(&path);
    let mut known = String::new();
    let read = files::open(&path).and_then(|file| file.take(text.len() as u64 + 1).read_to_string(&mut known));
    if read.is_ok() && known == text {
        return Ok(());
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot write `{}`", folder.display()))?;
    output::write(&path, true, |out| Ok(out.write_all(text.as_bytes())?))
}

/// The folder of schemas beside recipes.
const FOLDER: &str = ".admix";

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    render::print_json(&args.what.schema())
}
