//! `model` and `base_model`: a folder, as a text or as `{model: {path: …}}`.

use super::error::{Checked, ErrorKind, Fault, shown};
use super::fields::Fields;
use super::keys::{PATH, REFERENCE};
use super::parse::Notes;
use super::tree::Node;
use super::types::{ModelRef, NodePath};

/// Reads a model reference.
pub(super) fn model_ref(node: &Node, at: &NodePath, notes: &mut Notes) -> Checked<ModelRef> {
    match node {
        Node::Text(text) => {
            refuse_parts(text, at)?;
            folder(text, at, at)
        }
        Node::Map(_) => {
            let reference = Fields::of(node, at, &REFERENCE, notes)?;
            let (model, model_at) = reference.need("model")?;
            if let Node::Text(text) = model {
                refuse_parts(text, &model_at)?;
                return folder(text, &model_at, at);
            }
            let inner = Fields::of(model, &model_at, &PATH, notes)?;
            match inner.need("path")? {
                (Node::Text(text), path_at) => folder(text, &path_at, at),
                (other, path_at) => Err(not_a_folder(other, &path_at)),
            }
        }
        other => Err(not_a_folder(other, at)),
    }
}

fn folder(text: &str, written: &NodePath, at: &NodePath) -> Checked<ModelRef> {
    if text.trim().is_empty() {
        return Err(Fault::value(written, "expected a model's folder, found an empty text"));
    }
    if text.contains('\0') {
        return Err(Fault::value(written, format!("{} cannot be a folder: it holds a NUL character", shown(text))));
    }
    Ok(ModelRef { path: text.to_owned(), at: at.clone() })
}

fn not_a_folder(node: &Node, at: &NodePath) -> Fault {
    let fault = Fault::value(at, format!("expected a model's folder, found {node}"));
    match node {
        Node::Number(_) | Node::Flag(_) => {
            fault.hint("write a folder's name that looks like a number in quotes".to_owned())
        }
        _ => fault,
    }
}

/// mergekit splits a text at `+` (an adapter) and `@` (a revision).
fn refuse_parts(text: &str, at: &NodePath) -> Checked<()> {
    let (sign, parts) = match (text.contains('+'), text.contains('@')) {
        (true, _) => ('+', "adapters"),
        (_, true) => ('@', "revisions"),
        _ => return Ok(()),
    };
    let message = format!("{parts} in a model reference are not supported yet, found {}", shown(text));
    let hint = format!("a folder whose name holds `{sign}` is written `{{model: {{path: \"…\"}}}}`");
    Err(Fault::value(at, message).kind(ErrorKind::Unsupported).hint(hint))
}
