//! Checks across a whole recipe: bases, numbers of models, layer ranges, missing parameters.

use super::types::{ModelRef, Parameters, Recipe, Slice, Source};
use crate::method::{Base, Count, Kind, Parameter, Scope};
use crate::yaml::{Checked, Diagnostic, Diagnostics, NodePath, quoted, written};

/// Checks a recipe, and adds the base to the models where the method averages it in.
pub(super) fn check(recipe: &mut Recipe, diagnostics: &mut Diagnostics) {
    add_member_base(recipe, diagnostics);
    for slice in recipe.slices.iter().filter(|slice| !slice.sources.is_empty()) {
        diagnostics.attempt(|_| repeated(recipe, slice));
        diagnostics.attempt(|_| spans(slice));
        // While the base is unknown, so is whether a model is the base.
        if recipe.base_of(slice).is_none_or(|base| !base.is_unknown()) {
            diagnostics.attempt(|_| base(recipe, slice));
            diagnostics.attempt(|_| count(recipe, slice));
            for parameter in recipe.method.parameters.iter().filter(|p| p.default.is_none() && p.kind != Kind::Ignored)
            {
                given(recipe, slice, parameter, diagnostics);
            }
        }
        base_settings(recipe, slice, diagnostics);
    }
}

/// mergekit treats a base as one more model where the method does not set it apart. With slices it would need a layer
/// range, so there it only says whose files are copied.
fn add_member_base(recipe: &mut Recipe, diagnostics: &mut Diagnostics) {
    if recipe.method.base != Base::Member || !recipe.whole_models() {
        return;
    }
    let Some(base) = recipe.base_model.clone() else { return };
    for slice in &mut recipe.slices {
        if slice.sources.iter().any(|source| source.model == base) {
            continue;
        }
        if recipe.soup.is_some() {
            let message = format!("`{}` averages its base in, and `sources` gives it no weight", recipe.method.name);
            let hint = "leave `base_model` out, or list its folder in `sources`".to_owned();
            diagnostics.fault(Diagnostic::key(&NodePath::default().key("base_model"), message).hint(hint));
            continue;
        }
        let message =
            format!("`{}` averages its base in: {} is one more model", recipe.method.name, quoted(&base.to_string()));
        diagnostics.warn(&NodePath::default().key("base_model"), message);
        let at = base.at.clone();
        slice.sources.push(Source {
            model: base.clone(),
            layers: None,
            parameters: Parameters::default(),
            texts: None,
            at,
        });
    }
}

fn repeated(recipe: &Recipe, slice: &Slice) -> Checked<()> {
    let mut seen = std::collections::BTreeSet::new();
    match slice.sources.iter().find(|source| !seen.insert(&source.model)) {
        None => Ok(()),
        Some(source) => {
            let name = source.model.to_string();
            let first = seen.get(&source.model).map(ToString::to_string).filter(|first| *first != name);
            let alias = first.map(|first| format!(": it is {}", quoted(&first))).unwrap_or_default();
            let message = format!("the model {} is listed twice{alias}", quoted(&name));
            let hint = match source.layers {
                None if recipe.soup.is_some() => "write globs that match each folder once",
                None => "list it once, with the sum of its weights",
                Some(_) => "a slice takes one run of layers from a model; write another slice for the other run",
            };
            Err(Diagnostic::value(&source.model.at, message).hint(hint.to_owned()))
        }
    }
}

fn spans(slice: &Slice) -> Checked<()> {
    let Some(first) = slice.layers() else { return Ok(()) };
    let uneven = slice.sources.iter().find_map(|source| {
        let count = source.layers.as_ref().map(ExactSizeIterator::len)?;
        (count != first).then_some((source, count))
    });
    match uneven {
        None => Ok(()),
        Some((source, count)) => {
            let message = format!("the sources of a slice must have equally many layers, found {first} and {count}");
            Err(Diagnostic::value(&source.at.key("layer_range"), message))
        }
    }
}

/// Checks the base where the method sets it apart: there must be one, and slices must list its layers.
fn base(recipe: &Recipe, slice: &Slice) -> Checked<()> {
    if !recipe.method.base.is_apart() {
        return Ok(());
    }
    let name = recipe.method.name;
    let Some(base) = recipe.base_of(slice) else {
        if recipe.method.base == Base::Optional {
            return Ok(());
        }
        let at = if recipe.whole_models() { NodePath::default().key("merge_method") } else { slice.at.clone() };
        return Err(Diagnostic::value(&at, format!("`{name}` needs a `base_model`"))
            .hint("add `base_model: FOLDER`, the model that the others were fine-tuned from".to_owned()));
    };
    if slice.layers().is_none() || slice.sources.iter().any(|source| source.model == *base) {
        return Ok(());
    }
    let message = format!("the slice has no layers of its base {}", quoted(&base.to_string()));
    let hint = format!("add `- {{model: {}, layer_range: […]}}` to its `sources`", written(&base.to_string()));
    Err(Diagnostic::key(&slice.at.key("sources"), message).hint(hint))
}

fn count(recipe: &Recipe, slice: &Slice) -> Checked<()> {
    let found = recipe.merged(slice).count();
    let wanted = recipe.method.models;
    if wanted.accepts(found) {
        return Ok(());
    }
    let is_list = recipe.soup.is_none() && recipe.whole_models();
    let at = slice.at.key(if is_list { "models" } else { "sources" });
    let plural = if matches!(wanted, Count::Exactly(1) | Count::AtLeast(1)) { "model" } else { "models" };
    let base = recipe.base_of(slice);
    let apart = base.is_some() && recipe.method.base.is_apart();
    let beside = if apart { " besides its base" } else { "" };
    let message = format!("`{}` merges {wanted} {plural}{beside}, found {found}", recipe.method.name);
    let averaged = |base: &ModelRef| slice.sources.iter().any(|source| source.model == *base && source.at == base.at);
    let hint = match base {
        Some(base) if apart => Some(format!("the base is {}", quoted(&base.to_string()))),
        Some(base) if averaged(base) => Some("the base counts as a model; take `base_model` away".to_owned()),
        _ => None,
    };
    Err(Diagnostic::key(&at, message).hint(hint))
}

/// Checks that a parameter without a default is given somewhere. Conditions may still leave tensors out, which shows once
/// the tensors are known.
fn given(recipe: &Recipe, slice: &Slice, parameter: &Parameter, diagnostics: &mut Diagnostics) {
    let name = parameter.name;
    // A misplaced or unreadable value was reported already.
    let follows = diagnostics.blames(name);
    let has = |parameters: &Parameters| parameters.get(name).is_some_and(|setting| !setting.is_empty());
    if has(&recipe.parameters) || has(&recipe.module) || has(&slice.parameters) {
        return;
    }
    if parameter.scope == Scope::Shared {
        let at = if recipe.whole_models() { NodePath::default().key("merge_method") } else { slice.at.clone() };
        let message = format!("missing parameter `{name}`, the {}", parameter.doc);
        let hint = format!("add `parameters: {{{name}: …}}` at the top of the recipe");
        diagnostics.fault(Diagnostic::value(&at, message).hint(hint).follows(follows));
        return;
    }
    for source in recipe.merged(slice).filter(|source| !source.model.is_unknown() && !has(&source.parameters)) {
        let message = format!("missing parameter `{name}` for the model {}", quoted(&source.model.to_string()));
        let hint = format!(
            "add `parameters: {{{name}: …}}` to the model, or at the top of the recipe for every model without its own"
        );
        diagnostics.fault(Diagnostic::value(&source.at, message).hint(hint).follows(follows));
    }
}

fn base_settings(recipe: &Recipe, slice: &Slice, diagnostics: &mut Diagnostics) {
    let Some(base) = recipe.base_of(slice).filter(|_| recipe.method.base.is_apart()) else { return };
    let listed = slice.sources.iter().find(|source| source.model == *base && !source.parameters.is_empty());
    if let Some(source) = listed {
        let message = format!("the parameters of {} have no effect: it is the base", quoted(&base.to_string()));
        diagnostics.warn(&source.at.key("parameters"), message);
    }
}
