//! `admix check`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{PlanArgs, assignment, assignments, pipe_text, stdin_text};
use super::render;
use crate::diagnose::{Diagnose as _, Diagnosis};
use crate::escape::Page;
use crate::files;
use crate::plan::{self, Errors, Options, Plan};
use crate::recipe::{self, Place, Recipe, Review, Warning};
use crate::sweep::file::Parsed;
use crate::sweep::{self, Spec};

/// Find everything that is wrong with recipes and sweep files, and with the headers of their checkpoints
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Variables without a value are noted, and what depends on them is not checked. No tensor is read.

Exit codes: 0 nothing but warnings · 2 a recipe or sweep file is wrong · 3 a checkpoint is refused; the highest of them

Examples:
  admix check recipe.yaml
  admix check recipe.yaml --set ratio=0.6
  admix check recipes/*.yaml
  admix check recipe.yaml --json | jq '.[] | .message'")]
pub(super) struct Args {
    /// Recipes and sweep files; - reads a recipe from stdin
    #[arg(value_name = "RECIPE", required = true)]
    files: Vec<PathBuf>,

    /// Value of `${name}` in the recipes (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,

    #[command(flatten)]
    plan: PlanArgs,

    /// Print a list for programs: file, line, column, end, severity, message, hint
    #[arg(long)]
    json: bool,
}

/// A diagnostic of a file.
struct Diagnostic {
    file: String,
    found: Diagnosis,
}

impl Diagnostic {
    fn new(file: &str, found: Diagnosis) -> Self {
        Self { file: file.to_owned(), found }
    }

    fn warning(file: &str, message: String, place: Option<Place>) -> Self {
        Self::new(file, Diagnosis::warning(message, place, None))
    }

    fn to_json(&self) -> Value {
        let Diagnosis { message, place, hint, .. } = &self.found;
        let place = place.as_ref();
        json!({
            "file": place.map_or(&self.file, |place| &place.file),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "end": place.map(|place| place.column + place.length),
            "severity": if self.found.is_warning() { "warning" } else { "error" },
            "message": message,
            "hint": hint,
        })
    }
}

/// Checks the files and gives the exit code.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let variables = assignments(&args.variables)?;
    let options = args.plan.options()?;
    let mut diagnostics = Vec::new();
    for path in &args.files {
        diagnostics.extend(check(path, &variables, &options)?);
    }
    let code = diagnostics.iter().map(|diagnostic| diagnostic.found.code()).max().unwrap_or(0);
    if args.json {
        render::print_json(&diagnostics.iter().map(Diagnostic::to_json).collect())?;
        return Ok(code);
    }
    for Diagnostic { file, found } in diagnostics {
        let several = args.files.len() > 1 && found.place.is_none() && !found.message.contains(file.as_str());
        let message = if several { format!("{file}: {}", found.message) } else { found.message.clone() };
        render::show(&Diagnosis { message, ..found });
    }
    if code == 0 {
        let files: Vec<String> = args.files.iter().map(|path| path.display().to_string()).collect();
        let verb = if files.len() == 1 { "is" } else { "are" };
        render::print(&Page::of(format_args!("{} {verb} fine", files.join(", "))))?;
    }
    Ok(code)
}

/// Everything to say about a file, in the order in which it stands there.
fn check(path: &Path, variables: &BTreeMap<String, String>, options: &Options) -> anyhow::Result<Vec<Diagnostic>> {
    let name = path.display().to_string();
    if path.as_os_str() == "-" {
        return Ok(check_text(&stdin_text()?, "<stdin>", variables, options));
    }
    if files::is_descriptor(path) {
        return Ok(check_text(&pipe_text(path)?, &name, variables, options));
    }
    if !sweep::file::is_sweep(path) {
        return Ok(recipe(&name, Recipe::review(path, variables, true), options));
    }
    Ok(sweep_file(&name, Spec::read(path), options))
}

/// Everything to say about a text that messages call `name`.
fn check_text(text: &str, name: &str, variables: &BTreeMap<String, String>, options: &Options) -> Vec<Diagnostic> {
    if sweep::file::is_sweep_text(text) {
        return sweep_file(name, Spec::parse(text, name, None), options);
    }
    recipe(name, Recipe::review_text(text, name, Some(PathBuf::new()), variables, true), options)
}

fn sweep_file(name: &str, parsed: Result<Parsed, recipe::Error>, options: &Options) -> Vec<Diagnostic> {
    match parsed {
        Err(error) => all(name, error.diagnoses()),
        Ok(parsed) => {
            let mut diagnostics = warnings(name, parsed.notices);
            diagnostics.extend(checkpoints_of(name, &parsed.spec, options));
            diagnostics
        }
    }
}

fn recipe(name: &str, review: Review, options: &Options) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    let fatal = review.recipe.is_none();
    for fault in &review.faults {
        diagnostics.extend(all(name, fault.diagnoses()));
    }
    diagnostics.extend(warnings(name, review.warnings));
    for (variable, place) in review.unknown {
        let message = format!("the variable `${{{variable}}}` has no value: what depends on it is not checked");
        let hint = Some(format!("give it one with `--set {variable}=…`"));
        diagnostics.push(Diagnostic::new(name, Diagnosis::warning(message, place, hint)));
    }
    if let Some(recipe) = review.recipe.filter(|_| !fatal) {
        let known = recipe.warnings.clone();
        let (faults, found) = Plan::check(recipe, options);
        diagnostics.extend(checkpoints(name, faults));
        let new = found.into_iter().filter(|warning| !known.contains(warning));
        diagnostics.extend(new.map(|message| Diagnostic::warning(name, message, None)));
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.found.place.as_ref().map(|place| (place.line, place.column)));
    diagnostics
}

fn all(name: &str, found: Vec<Diagnosis>) -> Vec<Diagnostic> {
    found.into_iter().map(|found| Diagnostic::new(name, found)).collect()
}

fn warnings(name: &str, warnings: Vec<Warning>) -> Vec<Diagnostic> {
    warnings.into_iter().map(|warning| Diagnostic::warning(name, warning.message, warning.place)).collect()
}

fn checkpoints(name: &str, faults: Vec<plan::Error>) -> Vec<Diagnostic> {
    all(name, Errors(faults).diagnoses())
}

/// The checkpoints of a sweep, by its recipe at both ends of the ranges.
fn checkpoints_of(name: &str, spec: &Spec, options: &Options) -> Vec<Diagnostic> {
    let mut options = Options { shard_size: None, ..options.clone() };
    for allowed in &spec.allow {
        options.allow.accept(allowed);
    }
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for recipe in spec.at_the_ends().into_iter().flatten() {
        let known = recipe.warnings.clone();
        let (faults, found) = Plan::check(recipe, &options);
        let found = found.into_iter().filter(|warning| !known.contains(warning));
        let found = found.map(|message| Diagnostic::warning(name, message, None));
        for diagnostic in checkpoints(name, faults).into_iter().chain(found) {
            if !diagnostics.iter().any(|known| known.found.message == diagnostic.found.message) {
                diagnostics.push(diagnostic);
            }
        }
    }
    diagnostics
}
