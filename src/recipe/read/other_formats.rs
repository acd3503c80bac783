//! Refuses files of other tools with one message in place of one for each key.

use crate::yaml::{Checked, Diagnostic, Node, NodePath};

/// Another tool's file, and the keys that identify it.
struct Tool {
    /// What the file is.
    is: &'static str,
    /// Keys of which any one identifies the file.
    keys: &'static [&'static str],
    hint: &'static str,
}

static TOOLS: [Tool; 4] = [
    Tool {
        is: "this is a recipe for mergekit-moe, which makes a mixture of experts of its models",
        keys: &["experts", "gate_mode", "shared_experts", "residual_gate_mode"],
        hint: "admix merges models into one of their own shape: `admix methods` shows how",
    },
    Tool {
        is: "this is a configuration of mergekit-evolve, which searches for the numbers of a recipe",
        keys: &["genome"],
        hint: "`admix init` writes a sweep file, and `admix sweep run` searches with retrieval scores",
    },
    Tool {
        is: "these are options of mergekit-tokensurgeon, which gives a model another tokenizer",
        keys: &["donor", "donor_model", "approximation_method"],
        hint: "in a recipe, `tokenizer_source` says whose tokenizer the merge has",
    },
    Tool {
        is: "this is a configuration of bakllama, which stacks layers",
        keys: &["layer_slices"],
        hint: "write the layers as `slices` of `merge_method: passthrough`",
    },
];

/// Refuses another tool's file, or a sweep file.
pub(super) fn refuse_others(root: &Node) -> Checked<()> {
    let at = NodePath::default();
    let has = |key: &&&str| root.get(key).is_some_and(|value| !matches!(value, Node::Null));
    let is_recipe = ["merge_method", "models", "slices", "modules"].iter().filter(has).count() > 1;
    if is_recipe {
        return Ok(());
    }
    for tool in &TOOLS {
        if let Some(key) = tool.keys.iter().find(has) {
            return Err(Diagnostic::key(&at.key(*key), tool.is).hint(tool.hint.to_owned()));
        }
    }
    sweep(root)
}

fn sweep(root: &Node) -> Checked<()> {
    let has = |key: &str| root.get(key).is_some();
    if has("merge_method") || !(has("recipe") || (has("params") && has("objectives"))) {
        return Ok(());
    }
    let at = NodePath::default();
    let key = if has("recipe") { "recipe" } else { "params" };
    let hint = "`admix sweep plan` shows what it would do, and `admix sweep run` does it".to_owned();
    Err(Diagnostic::key(&at.key(key), "this is a sweep file, not a recipe").hint(hint))
}
