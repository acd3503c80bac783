//! `settings_source`: the model whose settings of use the output has.

use super::super::identity::identify_model;
use super::super::types::{ModelRef, Origin, Recipe};
use super::model_ref::model_ref;
use crate::nearest::nearest;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, and, quoted};

/// Reads the key. The word `base` means the base model, or the first model where there is no base.
pub(super) fn settings_source(
    fields: &Fields<'_>,
    recipe: &Recipe,
    source: &Origin,
    diagnostics: &mut Diagnostics,
) -> Checked<Option<ModelRef>> {
    let Some((node, at)) = fields.get("settings_source") else { return Ok(None) };
    let models = recipe.models();
    let mut model = match node {
        _ if diagnostics.is_unknown(&at) => return Ok(None),
        Node::Text(text) if text == "base" => {
            let Some(base) = recipe.base_model.as_ref().or(models.first().copied()) else { return Ok(None) };
            if models.iter().any(|model| model.path == *text && *model != base) {
                let message =
                    format!("`base` is the word for {} and the name of another model", quoted(&base.to_string()));
                let hint = "write the other as `{model: {path: base}}`, and the first by its own name".to_owned();
                return Err(Diagnostic::value(&at, message).hint(hint));
            }
            return Ok(Some(ModelRef { at, ..base.clone() }));
        }
        Node::Text(_) | Node::Map(_) => model_ref(node, &at, diagnostics)?,
        other => {
            let hint = "`base`, or one of the models as the recipe names it".to_owned();
            return Err(Diagnostic::value(&at, format!("expected `base` or a model, found {other}")).hint(hint));
        }
    };
    identify_model(&mut model, source.folder.as_deref(), &source.documents);
    let is_meant =
        |other: &&ModelRef| **other == model || (model.adapter.is_none() && other.without_adapter() == model);
    if models.iter().any(is_meant) || models.iter().any(|other| other.is_unknown()) {
        return Ok(Some(model));
    }
    let names: Vec<String> = models.iter().map(ToString::to_string).collect();
    let listed = format!("they are {}", and(&names.iter().map(|name| quoted(name)).collect::<Vec<_>>()));
    let hint = match nearest(&model.to_string(), names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {}? {listed}", quoted(near)),
        None => listed,
    };
    let message = format!("{} is not one of the models that are merged", quoted(&model.to_string()));
    Err(Diagnostic::value(&at, message).hint(hint))
}
