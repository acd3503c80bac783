//! `models`, `slices` and `modules`.

use std::ops::Range;

use super::super::keys::{MODEL, MODULE, SLICE, SOURCE};
use super::super::types::{ModelRef, Parameters, Slice, Source};
use super::model_ref::reference;
use super::parameters::{Owner, parameters};
use super::texts::texts;
use crate::method::MergeMethod;
use crate::yaml::{Checked, Diagnostic, Diagnostics, ErrorKind, Fields, KeyTable, Node, NodePath, and, number, quoted};

/// The slices that a recipe merges.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) slices: Vec<Slice>,
    /// The settings of the module that has the slices.
    pub(super) module: Parameters,
}

/// Reads what a recipe merges, at its top level or in its only module: slices, or whole models as a single slice.
pub(super) fn merged(
    recipe: &Fields<'_>,
    method: Option<&'static MergeMethod>,
    diagnostics: &mut Diagnostics,
) -> Checked<Merged> {
    let Some((modules, at)) = recipe.get("modules").filter(|(node, _)| !node.is_blank()) else {
        let slices = slices(recipe, &NodePath::default(), "the recipe", method, diagnostics)?;
        return Ok(Merged { slices, module: Parameters::default() });
    };
    for key in ["models", "slices"] {
        if let Some((_, at)) = recipe.get(key).filter(|(node, _)| !node.is_blank()) {
            let hint = format!("write the `{key}` in the module, or leave `modules` out");
            diagnostics.fault(Diagnostic::key(&at, format!("the recipe has both `modules` and `{key}`")).hint(hint));
        }
    }
    let Node::Map(entries) = modules else {
        let hint = "write a module as `modules: {default: {models: […]}}`".to_owned();
        return Err(Diagnostic::value(&at, format!("expected `modules` as a map, found {modules}")).hint(hint));
    };
    let [(name, module)] = entries.as_slice() else {
        let names: Vec<String> = entries.iter().map(|(name, _)| quoted(name)).collect();
        let message =
            format!("the recipe has {} modules: {}; admix merges a model as a whole", names.len(), and(&names));
        let hint = "a model of one part needs no `modules`: write `models` or `slices` at the top".to_owned();
        return Err(Diagnostic::key(&at, message).kind(ErrorKind::Unsupported).hint(hint));
    };
    let at = at.key(name);
    let fields = Fields::of(module, &at, &MODULE, diagnostics)?;
    let slices = slices(&fields, &at, "the module", method, diagnostics)?;
    Ok(Merged { slices, module: parameters(&fields, Owner::All, method, diagnostics) })
}

/// Reads the slices of a recipe or module: those it lists, or a single one for the whole models it lists.
fn slices(
    fields: &Fields<'_>,
    at: &NodePath,
    what: &str,
    method: Option<&'static MergeMethod>,
    diagnostics: &mut Diagnostics,
) -> Checked<Vec<Slice>> {
    let listed = |key: &str| fields.get(key).filter(|(node, _)| !node.is_blank());
    let (models, slices) = (listed("models"), listed("slices"));
    if let (Some(_), Some((_, at))) = (&models, &slices) {
        let message = format!("{what} has both `models` and `slices`");
        let hint = "keep `models` to merge whole models, `slices` to stack layers".to_owned();
        diagnostics.fault(Diagnostic::key(at, message).hint(hint));
    }
    if let Some((node, list_at)) = models {
        let read = |(entry, at)| source(entry, at, &MODEL, method, diagnostics);
        let sources = entries(node, &list_at, "models")?.map(read).collect();
        return Ok(vec![Slice { sources, base_model: None, parameters: Parameters::default(), at: at.clone() }]);
    }
    let Some((node, at)) = slices else {
        let hint = "list them as `models: [{model: first/folder}, {model: second/folder}]`".to_owned();
        let fault = Diagnostic::value(at, format!("{what} has no `models` and no `slices`")).hint(hint);
        let meant = ["models", "slices", "modules", "sources"].iter().any(|key| fields.is_meant(key));
        return Err(fault.follows(meant));
    };
    let entries = entries(node, &at, "slices")?;
    Ok(entries
        .filter_map(|(entry, at)| diagnostics.attempt(|diagnostics| slice(entry, at, method, diagnostics)))
        .collect())
}

/// The entries of a list and their paths.
fn entries<'n>(
    node: &'n Node,
    at: &NodePath,
    what: &str,
) -> Checked<impl Iterator<Item = (&'n Node, NodePath)> + use<'n>> {
    let Node::List(entries) = node else {
        return Err(Diagnostic::value(at, format!("expected `{what}` as a list, found {node}")));
    };
    let at = at.clone();
    Ok(entries.iter().enumerate().map(move |(index, entry)| (entry, at.index(index))))
}

fn slice(
    node: &Node,
    at: NodePath,
    method: Option<&'static MergeMethod>,
    diagnostics: &mut Diagnostics,
) -> Checked<Slice> {
    let fields = Fields::of(node, &at, &SLICE, diagnostics)?;
    let sources = diagnostics.attempt(|diagnostics| {
        let (list, list_at) = fields.need("sources")?;
        let read = |(entry, at)| source(entry, at, &SOURCE, method, diagnostics);
        let sources: Vec<Source> = entries(list, &list_at, "sources")?.map(read).collect();
        if sources.is_empty() { Err(Diagnostic::value(&list_at, "the slice has no sources")) } else { Ok(sources) }
    });
    let base_model = fields.get("base_model").map(|(node, at)| reference(node, &at, diagnostics));
    let parameters = parameters(&fields, Owner::All, method, diagnostics);
    Ok(Slice { sources: sources.unwrap_or_default(), base_model, parameters, at })
}

/// Reads an entry of `models` or `sources`. Placeholders replace what cannot be read, so that the number of models is
/// right.
fn source(
    node: &Node,
    at: NodePath,
    level: &'static KeyTable,
    method: Option<&'static MergeMethod>,
    diagnostics: &mut Diagnostics,
) -> Source {
    let Some(fields) = diagnostics.attempt(|diagnostics| Fields::of(node, &at, level, diagnostics)) else {
        return Source {
            model: ModelRef::unknown(&at),
            layers: None,
            parameters: Parameters::default(),
            texts: None,
            at,
        };
    };
    let in_slice = level.key("layer_range").is_some();
    let range = || fields.need("layer_range").and_then(|(node, at)| layer_range(node, &at));
    let layers = if in_slice { diagnostics.attempt(|_| range()) } else { None };
    let model = diagnostics.attempt(|_| fields.need("model"));
    let model = model.map_or_else(|| ModelRef::unknown(&at), |(node, at)| reference(node, &at, diagnostics));
    let parameters = parameters(&fields, Owner::Model, method, diagnostics);
    let texts = if in_slice { None } else { diagnostics.attempt(|_| texts(&fields)).flatten() };
    Source { model, layers, parameters, texts, at }
}

fn layer_range(node: &Node, at: &NodePath) -> Checked<Range<usize>> {
    let refused = |found: String| {
        let message = format!("expected `layer_range` as two layer numbers, found {found}");
        let hint = "the first layer and the one after the last: `layer_range: [0, 12]` is twelve layers".to_owned();
        Diagnostic::value(at, message).hint(hint)
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

/// Reads a layer's number, with a bound above the number of layers of any model.
fn layer(node: &Node) -> Option<usize> {
    let number = number(node).ok()?;
    #[expect(clippy::cast_sign_loss, reason = "checked to be within the bounds")]
    ((0.0..=1e6).contains(&number) && number.fract().abs() < f64::EPSILON).then_some(number as usize)
}
