//! `admix init`: a recipe and a sweep file to begin with, after a look at the folders.

mod base;
mod data;
mod recipe;
mod sweep;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser};

use super::args::LinkArgs;
use super::render::{self, Usage};
use super::schema::What;
use super::{blend, output};
use crate::checkpoint::{Checkpoint, Disagreement, Links, disagreements_among, used_among};
use crate::escape::shell;
use crate::method::{self, Base, Count, METHODS, MergeMethod};
use crate::plan;
use crate::recipe::Recipe;

/// Look at model folders, and write a recipe and a sweep file to begin with
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The method follows from the folders: differences from a base where one is given or found among them, an average or an arc
without one. Comments in the recipe say why. The JSON Schemas that editors check the two files by go into .admix/ beside them.

Examples:
  admix init ko-ko ko-en
  admix init base ko-ko ko-en --data sets/ko-ko sets/ko-en
  admix init checkpoints/step-* --method linear --data sets/*    # more than five models: a greedy soup
  admix init ko-ko ko-en --base base --method ties -o recipes/ties.yaml
  admix init ko-ko ko-en && admix check recipe.yaml && admix merge recipe.yaml -o merged")]
pub(super) struct Args {
    /// Model folders; the base may be among them
    #[arg(value_name = "FOLDER", required = true)]
    models: Vec<String>,

    /// Base model, in place of the one that is found among the folders
    #[arg(short, long, value_name = "FOLDER")]
    base: Option<String>,

    /// Merge method, in place of the one that fits
    #[arg(short, long, value_name = "METHOD", value_parser = methods(), hide_possible_values = true)]
    method: Option<String>,

    /// Data sets to score the sweep's merges on
    #[arg(long, value_name = "DIR", num_args = 1..)]
    data: Vec<PathBuf>,

    /// Recipe to write
    #[arg(short, long, value_name = "RECIPE", default_value = "recipe.yaml")]
    out: PathBuf,

    /// Sweep file to write; without it sweep.yaml beside recipe.yaml, NAME-sweep.yaml beside NAME.yaml
    #[arg(long, value_name = "SWEEP")]
    sweep: Option<PathBuf>,

    #[command(flatten)]
    links: LinkArgs,

    /// Replace files that are there
    #[arg(short, long)]
    force: bool,
}

fn methods() -> PossibleValuesParser {
    PossibleValuesParser::new(METHODS.iter().map(|method| PossibleValue::new(method.name).help(method.summary)))
}

/// A model that was looked at.
pub(super) struct Model {
    /// As it was given.
    pub(super) name: String,
    pub(super) checkpoint: Checkpoint,
}

/// What the recipe will be, and why.
pub(super) struct Choice {
    pub(super) method: &'static MergeMethod,
    /// The base, and how it came to be it.
    pub(super) base: Option<(String, String)>,
    /// The models that are merged, the base not among them where it is apart.
    pub(super) models: Vec<String>,
    /// Why this method.
    pub(super) because: String,
    /// What the models disagree on.
    pub(super) disagreements: Vec<Differing>,
}

/// What two models disagree on.
pub(super) struct Differing {
    /// The model whose value the output would have.
    pub(super) left: String,
    /// The other.
    pub(super) right: String,
    pub(super) found: Disagreement,
    /// Whether it is about how models are used.
    pub(super) is_of_use: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
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
    match sweep::text(&choice, &sets, &args.out) {
        Some(text) => {
            write_new(&sweep_file, &text, What::Sweep, args.force)?;
            let next = if sets.len() > 1 { "" } else { "; name your data sets in it" };
            render::say(&format!("{}: a sweep of its ratio{next}", sweep_file.display()));
        }
        None => render::say(&format!("no sweep file: `{}` has no ratio", choice.method.name)),
    }
    render::say_command(&format!("next: admix check {}", shell(&args.out.display().to_string())));
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
        super::schema::write_beside(path, what)?;
    }
    output::write(path, force, |out| Ok(out.write_all(text.as_bytes())?))
}

fn choose(args: &Args) -> anyhow::Result<Choice> {
    let mut names = args.models.clone();
    names.extend(args.base.clone().filter(|base| !args.models.contains(base)));
    let models = open(&names, args.links.links())?;
    let found = match &args.base {
        Some(base) => Some((base.clone(), "given".to_owned())),
        None => base::find(&models).map(|(at, why)| (models[at].name.clone(), why)),
    };
    let merged: Vec<String> =
        names.iter().filter(|name| found.as_ref().is_none_or(|(base, _)| base != *name)).cloned().collect();
    if merged.is_empty() {
        return Err(Usage::with_hint("there is nothing to merge with the base", "name another folder").into());
    }
    let (method, because) = match &args.method {
        Some(name) => {
            let method = method::find(name).ok_or_else(|| Usage::new(format!("unknown method `{name}`")))?;
            (method, format!("{}, as asked", method.name))
        }
        None => fitting(found.is_some(), merged.len())?,
    };
    let (base, merged) = arrange(method, found, merged, &names)?;
    let donor = base.as_ref().map_or_else(|| merged[0].clone(), |(base, _)| base.clone());
    Ok(Choice { disagreements: disagreements(&models, &donor, base.is_some()), method, base, models: merged, because })
}

/// What the models would disagree on if they were merged.
fn disagreements(models: &[Model], donor: &str, is_base: bool) -> Vec<Differing> {
    let donor = models.iter().position(|model| model.name == donor).unwrap_or_default();
    let checkpoints: Vec<&Checkpoint> = models.iter().map(|model| &model.checkpoint).collect();
    let name = |model: usize| models.get(model).map(|model| model.name.clone()).unwrap_or_default();
    let found = disagreements_among(&checkpoints, donor, is_base, used_among(&checkpoints, donor), true);
    let named = found.into_iter().map(|among| Differing {
        left: name(among.left),
        right: name(among.right),
        found: among.found,
        is_of_use: among.is_of_use,
    });
    named.collect()
}

/// Opens the models, by folder or by their names on the Hub.
fn open(names: &[String], links: Links) -> anyhow::Result<Vec<Model>> {
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(Usage::new(format!("`{twice}` is given twice")).into());
    }
    let listed: Vec<(String, f64)> = names.iter().map(|name| (name.clone(), 1.0)).collect();
    let text = blend::yaml(METHODS[0], None, &listed, true, &[]);
    let recipe = Recipe::parse(&text, "<init>", &std::collections::BTreeMap::new())?;
    let mut models = Vec::new();
    let mut faults = Vec::new();
    for (name, model) in names.iter().zip(recipe.models()) {
        match plan::resolve(&recipe, model).and_then(|folder| Ok(Checkpoint::open_with(&folder, links)?)) {
            Ok(checkpoint) => models.push(Model { name: name.clone(), checkpoint }),
            Err(plan::Error::NoSuchModel { path, beside, .. }) => {
                faults.push(plan::Error::NoSuchModel { path, place: None, beside, near: None });
            }
            Err(error) => faults.push(error),
        }
    }
    if faults.is_empty() { Ok(models) } else { Err(plan::Errors(faults).into()) }
}

/// The method that fits, and why.
fn fitting(base: bool, models: usize) -> anyhow::Result<(&'static MergeMethod, String)> {
    let (name, because) = match (base, models) {
        (true, 1) => {
            ("task_arithmetic", "task_arithmetic, which adds a share of what the fine-tune learnt to the base")
        }
        (true, 2) => ("task_arithmetic", "task_arithmetic, which adds what both fine-tunes learnt to the base"),
        (true, _) => ("ties", "ties, which settles what several fine-tunes of one base changed in opposite directions"),
        (false, 2) => ("slerp", "slerp, for two models without a common base"),
        (false, 1) => return Err(Usage::with_hint("one model is nothing to merge", "name another folder").into()),
        (false, _) => {
            ("linear", "linear, for several models among which no base is found (`--base` names one that is there)")
        }
    };
    let method = method::find(name).ok_or_else(|| Usage::new(format!("unknown method `{name}`")))?;
    Ok((method, because.to_owned()))
}

/// The base and the models as the method wants them.
type Arranged = (Option<(String, String)>, Vec<String>);

fn arrange(
    method: &MergeMethod,
    found: Option<(String, String)>,
    merged: Vec<String>,
    names: &[String],
) -> anyhow::Result<Arranged> {
    let (base, merged) = match (method.base, found) {
        // A base is one model more.
        (Base::Member, _) => (None, names.to_vec()),
        (_, Some(base)) => (Some(base), merged),
        (Base::Optional, None) => (None, merged),
        (Base::Required, None) if method.models == Count::Exactly(1) && merged.len() == 2 => {
            (Some((merged[0].clone(), "the first one given".to_owned())), merged[1..].to_vec())
        }
        (Base::Required, None) => {
            let message = format!("`{}` takes differences from a base, and none is given or found", method.name);
            return Err(Usage::with_hint(message, "`--base FOLDER` names it").into());
        }
    };
    if method.models.accepts(merged.len()) {
        return Ok((base, merged));
    }
    let beside = if base.is_some() { " beside its base" } else { "" };
    let message = format!("`{}` merges {} models{beside}, found {}", method.name, method.models, merged.len());
    Err(Usage::with_hint(message, "`admix methods` shows which takes how many").into())
}
