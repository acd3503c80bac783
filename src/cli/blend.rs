//! `admix blend`: the commonest merges without a recipe file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use super::args::{PlanArgs, RunArgs, assignment};
use super::render::{self, Usage};
use super::run;
use crate::escape::is_hidden;
use crate::method::{self, Base, Count, Kind, METHODS, MergeMethod, Scope};
use crate::recipe::Recipe;
pub(super) use crate::recipe::model_reference as reference;

/// Merge checkpoints by weight, without a recipe file
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix blend base=0.4 ko-en=0.6 -o merged
  admix blend base ko-en ko-ko -o merged                      equal weights
  admix blend checkpoints/step-* -o merged                    a uniform soup of a run
  admix blend base=0.4 ko-en=0.6 --method slerp -o merged     base is the start, t = 0.6
  admix blend ko-en=1 ko-ko=0.5 --method ties --base base --param density=0.3 -o merged
  admix blend base=0.4 ko-en=0.6 --print-recipe > recipe.yaml")]
pub(super) struct Args {
    /// Model folders, or models in the Hugging Face cache (org/name[@revision]), each with its weight (1 when left out)
    #[arg(value_name = "FOLDER[=WEIGHT]", required = true)]
    models: Vec<String>,

    /// Folder to write; it appears when it is complete
    #[arg(short, long, value_name = "OUT", required_unless_present = "print_recipe")]
    out: Option<PathBuf>,

    /// Merge method
    #[arg(short, long, value_name = "METHOD", default_value = "linear", value_parser = methods())]
    method: String,

    /// Base model, for methods that take differences from one
    #[arg(short, long, value_name = "FOLDER")]
    base: Option<String>,

    /// Model whose pooling, prompts and modules the output has, where the models differ in them
    #[arg(long, value_name = "FOLDER")]
    settings_source: Option<String>,

    /// Parameter for all models and tensors (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,

    /// Print the recipe this stands for, and merge nothing
    #[arg(long)]
    print_recipe: bool,

    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    run: RunArgs,
}

fn methods() -> PossibleValuesParser {
    PossibleValuesParser::new(METHODS.iter().map(|method| PossibleValue::new(method.name).help(method.summary)))
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let text = recipe_text(args)?;
    let recipe = Recipe::parse(&text, "<blend>", &BTreeMap::new())?;
    if args.print_recipe {
        return render::print_file(&text);
    }
    let Some(out) = &args.out else { return Err(Usage::new("no folder to write is given").into()) };
    run::run(recipe, out, None, &args.plan, &args.run)
}

fn recipe_text(args: &Args) -> anyhow::Result<String> {
    let method = method::find(&args.method).ok_or_else(|| Usage::new(format!("unknown method `{}`", args.method)))?;
    let mut models = args.models.iter().map(|text| model(text)).collect::<anyhow::Result<Vec<(String, f64)>>>()?;
    let mut parameters = args.parameters.clone();
    let mut base = args.base.clone();
    let weighted = method.parameter("weight").is_some_and(|weight| weight.scope == Scope::PerModel);
    match (method.base, &base) {
        (Base::Member, Some(base)) => {
            let message = format!("{} has no base model, and `--base {base}` is given", method.name);
            return Err(Usage::with_hint(message, "list it among the models").into());
        }
        (Base::Required, None) if weighted || method.models != Count::Exactly(1) => {
            let message = format!("{} takes differences from a base model, and none is given", method.name);
            return Err(Usage::with_hint(message, "`--base FOLDER` names it").into());
        }
        (Base::Required, _) if method.models == Count::Exactly(1) => {
            base = Some(pair(method, &mut models, base, &mut parameters)?);
        }
        _ => {}
    }
    if let Some((name, value)) = parameters.iter().find(|(name, value)| format!("{name}{value}").contains(is_hidden)) {
        return Err(Usage::new(format!("`--param {name}={value}` is not one line of plain text")).into());
    }
    let given = |name: &str| parameters.iter().any(|(known, _)| known == name);
    let needed = method.parameters.iter().find(|parameter| {
        parameter.scope == Scope::Shared
            && parameter.default.is_none()
            && parameter.kind != Kind::Ignored
            && !given(parameter.name)
    });
    if let Some(parameter) = needed {
        let message = format!("{} needs `{}`: {}", method.name, parameter.name, parameter.doc);
        return Err(Usage::with_hint(message, format!("`--param {}=VALUE` gives it", parameter.name)).into());
    }
    let mut text = yaml(method, base.as_deref(), &models, weighted, &parameters);
    match args.settings_source.as_deref() {
        // A word of recipes.
        Some("base") => text.push_str("settings_source: {model: {path: base}}\n"),
        Some(model) => {
            let _ = writeln!(text, "settings_source: {}", reference(model));
        }
        None => {}
    }
    Ok(text)
}

/// For a method between two models: takes the one it starts from out of `models` and returns it. The weights of the two
/// are how far slerp goes.
fn pair(
    method: &MergeMethod,
    models: &mut Vec<(String, f64)>,
    base: Option<String>,
    parameters: &mut Vec<(String, String)>,
) -> anyhow::Result<String> {
    let start = match &base {
        None => (models.len() == 2).then_some(0),
        Some(base) => models.iter().position(|(path, _)| path == base),
    };
    let start = start.map(|start| models.remove(start));
    let (Some(name), 1) = (start.as_ref().map(|(name, _)| name.clone()).or(base), models.len()) else {
        let message = format!("{} goes from one model to another, and {} are given", method.name, models.len());
        return Err(Usage::with_hint(message, "`admix blend FROM TO --method …`").into());
    };
    let to_give = method.name == "slerp" && !parameters.iter().any(|(name, _)| name == "t");
    if let Some((_, weight)) = start.filter(|_| to_give) {
        let sum = weight + models[0].1;
        if sum.abs() < f64::EPSILON {
            return Err(Usage::new("the weights sum to zero").into());
        }
        // Printed with the digits people wrote: 0.6, not 0.6000000000000001.
        parameters.push(("t".into(), format!("{}", (models[0].1 / sum * 1e12).round() / 1e12)));
    }
    Ok(name)
}

pub(super) fn yaml(
    method: &MergeMethod,
    base: Option<&str>,
    models: &[(String, f64)],
    weighted: bool,
    parameters: &[(String, String)],
) -> String {
    let mut text = format!("merge_method: {}\n", method.name);
    if let Some(base) = base {
        let _ = writeln!(text, "base_model: {}", reference(base));
    }
    text.push_str("models:\n");
    for (path, weight) in models {
        let _ = writeln!(text, "  - model: {}", reference(path));
        if weighted {
            let _ = writeln!(text, "    parameters:\n      weight: {weight}");
        }
    }
    if !parameters.is_empty() {
        text.push_str("parameters:\n");
        for (name, value) in parameters {
            let _ = writeln!(text, "  {name}: {value}");
        }
    }
    text
}

/// `FOLDER=WEIGHT`, or a folder alone. A folder that is there is taken as it is written.
fn model(text: &str) -> anyhow::Result<(String, f64)> {
    let whole = std::path::Path::new(text).is_dir();
    match text.rsplit_once('=').filter(|_| !whole) {
        None => Ok((text.to_owned(), 1.0)),
        Some((path, weight)) => match weight.trim().parse::<f64>() {
            Ok(weight) if weight.is_finite() => Ok((path.to_owned(), weight)),
            _ => Err(Usage::new(format!("the weight of `{path}` is `{weight}`, which is not a number")).into()),
        },
    }
}
