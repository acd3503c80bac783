//! Writes the recipe and the sweep file.

use std::path::{Path, PathBuf};

use super::args::Args;
use super::choice::Differing;
use super::choose::choose;
use super::{data, recipe, sweep};
use crate::cli::output;
use crate::cli::render;
use crate::cli::schema::{self, What};
use crate::escape::shell;
use crate::recipe::Recipe;

pub(in crate::cli) fn run(args: &Args) -> anyhow::Result<()> {
    let sweep_file = args.sweep.clone().unwrap_or_else(|| beside(&args.out));
    for file in [&args.out, &sweep_file] {
        if !args.force && output::is_taken(file) {
            return Err(output::exists(file));
        }
    }
    let choice = choose(args)?;
    let sets = data::look(&args.data)?;
    let text = recipe::text(&choice);
    // What is written can be read: the user meets no mistake of ours.
    Recipe::parse(&text, &args.out.display().to_string(), &std::collections::BTreeMap::new())?;
    write_new(&args.out, &text, What::Recipe, args.force)?;
    render::say(&format!("{}: {}", args.out.display(), choice.because));
    for Differing { left, right, found, .. } in &choice.disagreements {
        let (what, one, other) = (&found.what, &found.left, &found.right);
        render::warn(&[format!("the models disagree on {what}: `{left}` has {one}, `{right}` has {other}")]);
    }
    let mut next = format!("admix check {}", shell(&args.out.display().to_string()));
    match sweep::text(&choice, &sets, &args.out) {
        Some(text) => {
            write_new(&sweep_file, &text, What::Sweep, args.force)?;
            let is_whole = sets.len() > 1;
            let missing = if is_whole { "" } else { "; name your data sets in it" };
            render::say(&format!("{}: a sweep of its ratio{missing}", sweep_file.display()));
            if is_whole {
                next = format!("admix sweep run {}", shell(&sweep_file.display().to_string()));
            }
        }
        None => render::say(&format!("no sweep file: `{}` has no ratio", choice.method.name)),
    }
    render::say_command(&format!("next: {next}"));
    Ok(())
}

/// The sweep file of a recipe.
fn beside(recipe: &Path) -> PathBuf {
    let stem = recipe.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    recipe.with_file_name(if stem == "recipe" { "sweep.yaml".to_owned() } else { format!("{stem}-sweep.yaml") })
}

/// Writes a file and, beside it, the schema that its first line names.
fn write_new(path: &Path, text: &str, what: What, force: bool) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    if !output::is_special(path) {
        schema::write_beside(path, what)?;
    }
    output::write(path, force, |out| Ok(out.write_all(text.as_bytes())?))
}
