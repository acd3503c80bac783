//! `models` and `slices`.

use std::ops::Range;

use super::error::{Checked, Fault};
use super::fields::Fields;
use super::keys::{Level, MODEL, SLICE, SOURCE};
use super::notes::Notes;
use super::parameters::{Owner, parameters};
use super::parse::reference;
use super::scalar;
use super::tree::Node;
use super::types::{ModelRef, NodePath, Parameters, Slice, Source};
use crate::method::Declaration;

/// Reads the slices of a recipe: those it lists, or one of the whole models it lists.
pub(super) fn slices(
    recipe: &Fields<'_>,
    method: Option<&'static Declaration>,
    notes: &mut Notes,
) -> Checked<Vec<Slice>> {
    let listed = |key: &str| recipe.get(key).filter(|(node, _)| !node.is_blank());
    let (models, slices) = (listed("models"), listed("slices"));
    if let (Some(_), Some((_, at))) = (&models, &slices) {
        let message = "the recipe has both `models` and `slices`";
        let hint = "keep `models` to merge whole models, `slices` to stack layers".to_owned();
        notes.fault(Fault::key(at, message).hint(hint));
    }
    if let Some((node, at)) = models {
        let read = |(entry, at)| source(entry, at, &MODEL, method, notes);
        let sources = entries(node, &at, "models")?.map(read).collect();
        let at = NodePath::default();
        return Ok(vec![Slice { sources, base_model: None, parameters: Parameters::default(), at }]);
    }
    let Some((node, at)) = slices else {
        let hint = "list them as `models: [{model: first/folder}, {model: second/folder}]`".to_owned();
        let fault = Fault::value(&NodePath::default(), "the recipe has no `models` and no `slices`").hint(hint);
        return Err(fault.follows(recipe.is_meant("models") || recipe.is_meant("slices")));
    };
    let entries = entries(node, &at, "slices")?;
    Ok(entries.filter_map(|(entry, at)| notes.attempt(|notes| slice(entry, at, method, notes))).collect())
}

/// The entries of a list and their paths.
fn entries<'n>(
    node: &'n Node,
    at: &NodePath,
    what: &str,
) -> Checked<impl Iterator<Item = (&'n Node, NodePath)> + use<'n>> {
    let Node::List(entries) = node else {
        return Err(Fault::value(at, format!("expected `{what}` as a list, found {node}")));
    };
    let at = at.clone();
    Ok(entries.iter().enumerate().map(move |(index, entry)| (entry, at.index(index))))
}

fn slice(node: &Node, at: NodePath, method: Option<&'static Declaration>, notes: &mut Notes) -> Checked<Slice> {
    let fields = Fields::of(node, &at, &SLICE, notes)?;
    let sources = notes.attempt(|notes| {
        let (list, list_at) = fields.need("sources")?;
        let read = |(entry, at)| source(entry, at, &SOURCE, method, notes);
        let sources: Vec<Source> = entries(list, &list_at, "sources")?.map(read).collect();
        if sources.is_empty() { Err(Fault::value(&list_at, "the slice has no sources")) } else { Ok(sources) }
    });
    let base_model = fields.get("base_model").map(|(node, at)| reference(node, &at, notes));
    let parameters = parameters(&fields, Owner::All, method, notes);
    Ok(Slice { sources: sources.unwrap_or_default(), base_model, parameters, at })
}

/// An entry of `models` or `sources`. What cannot be read of it is a stand-in: the other entries are counted with it.
fn source(
    node: &Node,
    at: NodePath,
    level: &'static Level,
    method: Option<&'static Declaration>,
    notes: &mut Notes,
) -> Source {
    let Some(fields) = notes.attempt(|notes| Fields::of(node, &at, level, notes)) else {
        return Source { model: ModelRef::unknown(&at), layers: None, parameters: Parameters::default(), at };
    };
    let in_slice = level.key("layer_range").is_some();
    let range = || fields.need("layer_range").and_then(|(node, at)| layer_range(node, &at));
    let layers = if in_slice { notes.attempt(|_| range()) } else { None };
    let model = notes.attempt(|_| fields.need("model"));
    let model = model.map_or_else(|| ModelRef::unknown(&at), |(node, at)| reference(node, &at, notes));
    let parameters = parameters(&fields, Owner::Model, method, notes);
    Source { model, layers, parameters, at }
}

fn layer_range(node: &Node, at: &NodePath) -> Checked<Range<usize>> {
    let refused = |found: String| {
        let message = format!("expected `layer_range` as two layer numbers, found {found}");
        let hint = "the first layer and the one after the last: `layer_range: [0, 12]` is twelve layers".to_owned();
        Fault::value(at, message).hint(hint)
    };
    let Node::List(entries) = node else { return Err(refused(node.to_string())) };
    let [start, end] = entries.as_slice() else {
        return Err(refused(format!("a list of {}", entries.len())));
    };
    let number = |node: &Node| layer(node).ok_or_else(|| refused(node.to_string()));
    let (start, end) = (number(start)?, number(end)?);
    if start >= end {
        return Err(refused(format!("`[{start}, {end}]`, which holds no layer")));
    }
    Ok(start..end)
}

/// A layer's number; no model has as many layers as the bound.
fn layer(node: &Node) -> Option<usize> {
    let number = scalar::number(node).ok()?;
    #[expect(clippy::cast_sign_loss, reason = "checked to be within the bounds")]
    ((0.0..=1e6).contains(&number) && number.fract().abs() < f64::EPSILON).then_some(number as usize)
}
