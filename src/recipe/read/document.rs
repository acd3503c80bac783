//! Reads one document of a recipe.

use std::collections::BTreeMap;

use super::super::check;
use super::super::identity;
use super::super::keys::RECIPE;
use super::super::review::Review;
use super::super::types::{Origin, Recipe};
use super::chat_template;
use super::model_ref::reference;
use super::other_formats::refuse_others;
use super::parameters::{Owner, parameters};
use super::settings_source;
use super::slices::{self, Merged};
use super::sources;
use super::texts;
use super::tokenizer;
use crate::kernel::DType;
use crate::method::{self, MergeMethod};
use crate::nearest::nearest;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, NodePath, Variables, and, quoted};

/// Reads one document as far as possible. `several` says that the recipe has more than one.
pub(super) fn read_document(
    mut source: Origin,
    values: &BTreeMap<String, String>,
    open: bool,
    several: bool,
) -> Review {
    let mut diagnostics = Diagnostics::new(open);
    source.variables.clone_from(values);
    let root = match source.yaml().tree() {
        Ok(root) => root,
        Err(error) => return Review { faults: vec![error], ..Review::default() },
    };
    let recipe = diagnostics.attempt(|diagnostics| recipe(root, values, &source, several, diagnostics));
    let partial = !diagnostics.is_whole();
    let (faults, unknown) = (diagnostics.faults(&source.yaml()), diagnostics.variables(&source.yaml()));
    let warnings = diagnostics.warnings(&source.yaml());
    let recipe = recipe.map(|recipe| Recipe {
        warnings: warnings.iter().map(ToString::to_string).collect(),
        source,
        partial,
        ..recipe
    });
    Review { recipe, faults, warnings, unknown }
}

fn recipe(
    mut root: Node,
    values: &BTreeMap<String, String>,
    source: &Origin,
    several: bool,
    diagnostics: &mut Diagnostics,
) -> Checked<Recipe> {
    refuse_others(&root)?;
    let mut variables = Variables::new(values);
    variables.fill(&mut root, &mut NodePath::default(), diagnostics);
    for name in variables.unused() {
        diagnostics.add(None, format!("the variable `{name}` is given and the recipe does not name it"));
    }
    let at = NodePath::default();
    if root.is_blank() {
        let hint = "a recipe has `merge_method`, `models` and, for most methods, `base_model`".to_owned();
        return Err(Diagnostic::value(&at, "the recipe is empty").hint(hint));
    }
    let fields = Fields::of(&root, &at, &RECIPE, diagnostics)?;
    let method = diagnostics.attempt(|_| merge_method(&fields));
    let base_model = base_model(&fields).map(|(node, at)| reference(node, &at, diagnostics));
    let soup = diagnostics.attempt(|diagnostics| sources::soup(&fields, source.folder.as_deref(), diagnostics));
    let (Merged { slices, module }, soup) = match soup {
        Some(Some((slice, soup))) => (Merged { slices: vec![slice], ..Merged::default() }, Some(soup)),
        // What is wrong with `sources` is said already.
        None => (Merged::default(), None),
        Some(None) => {
            let read = diagnostics.attempt(|diagnostics| slices::merged(&fields, method, diagnostics));
            (read.unwrap_or_default(), None)
        }
    };
    let mut recipe = Recipe {
        // A recipe without a method is refused, but its models are still checked.
        method: method.unwrap_or(method::METHODS[0]),
        slices,
        soup,
        base_model,
        module,
        parameters: parameters(&fields, Owner::All, method, diagnostics),
        texts: diagnostics.attempt(|_| texts::texts(&fields)).flatten(),
        dtype: diagnostics.attempt(|_| dtype(&fields, "dtype")).flatten(),
        out_dtype: diagnostics.attempt(|_| dtype(&fields, "out_dtype")).flatten(),
        tokenizer: diagnostics.attempt(|diagnostics| tokenizer::tokenizer(&fields, diagnostics)).flatten(),
        chat_template: diagnostics.attempt(|_| chat_template::chat_template(&fields)).flatten(),
        settings_source: None,
        warnings: Vec::new(),
        partial: false,
        name: name(&fields, several, diagnostics),
        stages: Vec::new(),
        source: Origin { documents: source.documents.clone(), ..Origin::default() },
    };
    identity::identify(&mut recipe, source.folder.as_deref());
    if method.is_some() {
        diagnostics.attempt(|_| sources::weigh(&mut recipe));
        check::check(&mut recipe, diagnostics);
        texts::check(&recipe, diagnostics);
        diagnostics.attempt(|_| tokenizer::check(&recipe));
    }
    recipe.settings_source = diagnostics
        .attempt(|diagnostics| settings_source::settings_source(&fields, &recipe, source, diagnostics))
        .flatten();
    Ok(recipe)
}

/// The base model. One under `parameters`, where it is refused, is still known to the checks that follow.
fn base_model<'n>(fields: &Fields<'n>) -> Option<(&'n Node, NodePath)> {
    let misplaced = || {
        let (parameters, at) = fields.get("parameters")?;
        Some((parameters.get("base_model")?, at.key("base_model")))
    };
    fields.get("base_model").or_else(misplaced)
}

fn merge_method(fields: &Fields<'_>) -> Checked<&'static MergeMethod> {
    let (node, at) = fields.need("merge_method")?;
    let Node::Text(name) = node else {
        return Err(Diagnostic::value(&at, format!("expected the name of a merge method, found {node}")));
    };
    if let Some(method) = method::find(name) {
        return Ok(method);
    }
    let names: Vec<&str> = method::METHODS.iter().map(|method| method.name).collect();
    let known = format!("the methods are {}", and(&names));
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {known}"),
        None => known,
    };
    Err(Diagnostic::value(&at, format!("unknown merge method {}", quoted(name))).hint(hint))
}

fn dtype(fields: &Fields<'_>, key: &str) -> Checked<Option<DType>> {
    let Some((node, at)) = fields.get(key) else { return Ok(None) };
    let names: Vec<&str> = DType::ALL.iter().map(|float| float.name()).collect();
    let known = format!("the formats are {}", and(&names));
    let Node::Text(name) = node else {
        return Err(Diagnostic::value(&at, format!("expected a number format, found {node}")).hint(known));
    };
    let short = name.strip_prefix("torch.").unwrap_or(name);
    if let Some(float) = DType::from_name(short) {
        return Ok(Some(float));
    }
    let lower = short.to_ascii_lowercase();
    let meant = match lower.as_str() {
        "bf16" => Some("bfloat16"),
        "fp16" | "f16" | "half" => Some("float16"),
        "fp32" | "f32" | "float" | "single" => Some("float32"),
        "fp64" | "f64" | "double" => Some("float64"),
        integer if integer.starts_with("int") || integer.starts_with("uint") => None,
        other => nearest(other, names.iter().copied()),
    };
    let hint = meant.map_or(known, |meant| format!("did you mean `{meant}`?"));
    Err(Diagnostic::value(&at, format!("`{key}` names no floating-point format: {}", quoted(name))).hint(hint))
}

/// The value of `name`, by which other documents refer to this merge as a model. A refused name still identifies the
/// document.
fn name(fields: &Fields<'_>, several: bool, diagnostics: &mut Diagnostics) -> Option<String> {
    let (node, _) = fields.get("name")?;
    if several {
        diagnostics.attempt(|_| named_well(fields));
    }
    match node {
        Node::Text(name) => Some(name.clone()),
        other => Some(other.to_string()),
    }
}

fn named_well(fields: &Fields<'_>) -> Checked<()> {
    let Some((node, at)) = fields.get("name") else { return Ok(()) };
    let Node::Text(name) = node else {
        let hint = matches!(node, Node::Number(_) | Node::Flag(_)).then(|| "write it in quotes".to_owned());
        return Err(Diagnostic::value(&at, format!("expected the document's name, found {node}")).hint(hint));
    };
    let is_plain = !name.trim().is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0', '+', '@']);
    if is_plain {
        return Ok(());
    }
    let hint =
        "a name is that of a folder: not empty, without `/`, `\\`, `+` and `@`, and with no `.` in front".to_owned();
    Err(Diagnostic::value(&at, format!("a document cannot be called {}", quoted(name))).hint(hint))
}
