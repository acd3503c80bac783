//! `texts`: the texts that run through the models.

use super::super::types::{Recipe, Texts};
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, quoted};

/// Reads the key of the recipe or of one of its models.
pub(super) fn texts(fields: &Fields<'_>) -> Checked<Option<Texts>> {
    let Some((node, at)) = fields.get("texts") else { return Ok(None) };
    match node {
        Node::Text(path) if !path.trim().is_empty() && !path.contains('\0') => {
            Ok(Some(Texts { path: path.into(), at }))
        }
        other => {
            let hint = "name a file with a text a line, a jsonl file with `text`, or a data set's folder".to_owned();
            Err(Diagnostic::value(&at, format!("expected the path of a file of texts, found {other}")).hint(hint))
        }
    }
}

/// Checks that a method has texts for every model where it needs them, and that others have none.
pub(super) fn check(recipe: &Recipe, diagnostics: &mut Diagnostics) {
    let name = recipe.method.name;
    let sources = || recipe.slices.iter().flat_map(|slice| &slice.sources);
    if !recipe.method.needs_texts() {
        for texts in sources().filter_map(|source| source.texts.as_ref()).chain(&recipe.texts) {
            diagnostics.warn(&texts.at, format!("`texts` has no effect: `{name}` reads no texts"));
        }
        return;
    }
    if !recipe.whole_models() {
        let message = format!("`{name}` merges whole models, and the recipe has `slices`");
        let hint = "list the models under `models`".to_owned();
        let at = recipe.slices.first().map(|slice| slice.at.clone()).unwrap_or_default();
        diagnostics.fault(Diagnostic::value(&at, message).hint(hint));
        return;
    }
    for source in sources().filter(|source| source.model.stage) {
        let message = format!(
            "`{name}` runs texts through its models, and {} is not on disk yet",
            quoted(&source.model.to_string())
        );
        let hint = "merge that document into a folder first, and name the folder".to_owned();
        diagnostics.fault(Diagnostic::value(&source.model.at, message).hint(hint));
    }
    let bare = |source: &&super::super::types::Source| source.texts.is_none() && !source.model.is_unknown();
    let without: Vec<_> = sources().filter(bare).collect();
    if recipe.texts.is_some() || without.is_empty() {
        return;
    }
    let follows = diagnostics.blames("texts");
    let message = match without.as_slice() {
        _ if without.len() == sources().count() => {
            format!("`{name}` needs `texts`, a few hundred of which run through the models")
        }
        sources => format!("`{name}` needs `texts` for the model {}", quoted(&sources[0].model.to_string())),
    };
    let hint = "add `texts: FILE` at the top of the recipe for all models, or to each model: a text a line, or jsonl with `text`";
    let at = if without.len() == sources().count() {
        crate::yaml::NodePath::default().key("merge_method")
    } else {
        without[0].at.clone()
    };
    diagnostics.fault(Diagnostic::value(&at, message).hint(hint.to_owned()).follows(follows));
}
