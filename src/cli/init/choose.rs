//! Chooses a base and a method for the models.

use super::args::Args;
use super::base;
use super::choice::{Choice, Differing, Model};
use crate::checkpoint::{Checkpoint, Links, disagreements_among, used_among};
use crate::cli::blend;
use crate::cli::render::Usage;
use crate::method::{self, Base, Count, METHODS, MergeMethod};
use crate::plan;
use crate::recipe::Recipe;

pub(super) fn choose(args: &Args) -> anyhow::Result<Choice> {
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
            if method.needs_texts() {
                let message = format!("`{name}` needs texts, which `init` does not look for");
                let hint = format!("`admix methods {name}` shows a recipe to copy");
                return Err(Usage::with_hint(message, hint).into());
            }
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
