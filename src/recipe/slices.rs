//! `models` and `slices`.

use std::ops::Range;

use super::error::{Checked, Fault};
use super::fields::Fields;
use super::keys::{MODEL, SLICE, SOURCE};
use super::model_ref::model_ref;
use super::parameters::{Owner, parameters};
use super::parse::Notes;
use super::scalar;
use super::tree::Node;
use super::types::{NodePath, Parameters, Slice, Source};
use crate::method::Declaration;

/// Reads the slices of a recipe: those it lists, or one of the whole models it lists.
pub(super) fn slices(recipe: &Fields<'_>, method: &'static Declaration, notes: &mut Notes) -> Checked<Vec<Slice>> {
    let listed = |key: &str| recipe.get(key).filter(|(node, _)| !node.is_blank());
    match (listed("models"), listed("slices")) {
        (Some(_), Some((_, at))) => {
            let message = "the recipe has both `models` and `slices`";
            Err(Fault::key(&at, message)
                .hint("keep `models` to merge whole models, `slices` to stack layers".to_owned()))
        }
        (Some((node, at)), None) => {
            let mut sources = Vec::new();
            for (entry, at) in entries(node, &at, "models")? {
                let fields = Fields::of(entry, &at, &MODEL, notes)?;
                sources.push(source(&fields, at, None, method, notes)?);
            }
            let at = NodePath::default();
            Ok(vec![Slice { sources, base_model: None, parameters: Parameters::default(), at }])
        }
        (None, Some((node, at))) => {
            entries(node, &at, "slices")?.map(|(entry, at)| slice(entry, at, method, notes)).collect()
        }
        (None, None) => {
            let hint = "list them as `models: [{model: first/folder}, {model: second/folder}]`".to_owned();
            Err(Fault::value(&NodePath::default(), "the recipe has no `models` and no `slices`").hint(hint))
        }
    }
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

fn slice(node: &Node, at: NodePath, method: &'static Declaration, notes: &mut Notes) -> Checked<Slice> {
    let fields = Fields::of(node, &at, &SLICE, notes)?;
    let (list, list_at) = fields.need("sources")?;
    let mut sources = Vec::new();
    for (entry, at) in entries(list, &list_at, "sources")? {
        let fields = Fields::of(entry, &at, &SOURCE, notes)?;
        let (range, range_at) = fields.need("layer_range")?;
        let layers = layer_range(range, &range_at)?;
        sources.push(source(&fields, at, Some(layers), method, notes)?);
    }
    if sources.is_empty() {
        return Err(Fault::value(&list_at, "the slice has no sources"));
    }
    let base_model = fields.get("base_model").map(|(node, at)| model_ref(node, &at, notes)).transpose()?;
    let parameters = parameters(&fields, Owner::All, method, notes)?;
    Ok(Slice { sources, base_model, parameters, at })
}

fn source(
    fields: &Fields<'_>,
    at: NodePath,
    layers: Option<Range<usize>>,
    method: &'static Declaration,
    notes: &mut Notes,
) -> Checked<Source> {
    let (node, model_at) = fields.need("model")?;
    let model = model_ref(node, &model_at, notes)?;
    let parameters = parameters(fields, Owner::Model, method, notes)?;
    Ok(Source { model, layers, parameters, at })
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
