//! `model` and `base_model`: a folder or a name on the Hub, as a text or as `{model: {path: …, revision: …}}`.
//!
//! A text is `path[@revision][+adapter[@revision]]`, as mergekit reads it.

use super::super::keys::{PATH, REFERENCE};
use super::super::types::ModelRef;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, NodePath, quoted};

/// Reads a model reference.
pub(super) fn model_ref(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<ModelRef> {
    match node {
        Node::Text(text) => adapted(text, at, at),
        Node::Map(_) => {
            let reference = Fields::of(node, at, &REFERENCE, diagnostics)?;
            let (inner, inner_at) = reference.need("model")?;
            let mut found = match inner {
                Node::Text(text) => adapted(text, &inner_at, at)?,
                _ => literal(inner, &inner_at, at, diagnostics)?,
            };
            if let Some((adapter, adapter_at)) = reference.get("lora") {
                if found.adapter.is_some() {
                    let message = "the model has an adapter after `+` and another under `lora`";
                    return Err(Diagnostic::key(&adapter_at, message));
                }
                let adapter = match adapter {
                    Node::Text(text) => {
                        let (path, revision) = part(text, &adapter_at)?;
                        model(path, revision, &adapter_at, &adapter_at)?
                    }
                    _ => literal(adapter, &adapter_at, &adapter_at, diagnostics)?,
                };
                found.adapter = Some(Box::new(adapter));
            }
            if let Some((node, class_at)) = reference.get("override_architecture") {
                let Node::Text(class) = node else {
                    let message = format!("expected the name of an architecture, found {node}");
                    return Err(Diagnostic::value(&class_at, message));
                };
                found.architecture = Some(class.clone());
            }
            Ok(found)
        }
        other => Err(not_a_folder(other, at)),
    }
}

/// Reads a model reference, or a placeholder where it cannot be read.
pub(super) fn reference(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> ModelRef {
    let read = diagnostics.attempt(|diagnostics| model_ref(node, at, diagnostics));
    read.filter(|_| !diagnostics.is_unknown(at)).unwrap_or_else(|| ModelRef::unknown(at))
}

/// Reads `path[@revision][+adapter[@revision]]`.
fn adapted(text: &str, written: &NodePath, at: &NodePath) -> Checked<ModelRef> {
    let (text, adapter) = match text.split_once('+') {
        None => (text, None),
        Some((_, adapter)) if adapter.contains('+') => {
            let message = format!("expected `model+adapter`, found two adapters in {}", quoted(text));
            let hint = "merge the model with one of them first, and name the folder that gives here";
            return Err(Diagnostic::value(written, message).hint(hint.to_owned()));
        }
        Some((model, adapter)) if model.trim().is_empty() || adapter.trim().is_empty() => {
            let found = if model.trim().is_empty() { "no model" } else { "no adapter" };
            let message = format!("expected `model+adapter`, found {found} in {}", quoted(text));
            return Err(Diagnostic::value(written, message).hint(literal_hint('+')));
        }
        Some((model, adapter)) => (model, Some(adapter)),
    };
    let (path, revision) = part(text, written)?;
    let mut found = model(path, revision, written, at)?;
    if let Some(adapter) = adapter {
        let (path, revision) = part(adapter, written)?;
        found.adapter = Some(Box::new(model(path, revision, written, at)?));
    }
    Ok(found)
}

/// Reads `{path: …, revision: …}`, whose path is taken literally.
fn literal(node: &Node, written: &NodePath, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<ModelRef> {
    let fields = Fields::of(node, written, &PATH, diagnostics)?;
    let revision = match fields.get("revision") {
        None => None,
        Some((Node::Text(text), _)) if !text.trim().is_empty() => Some(text.as_str()),
        Some((other, revision_at)) => {
            let hint = matches!(other, Node::Number(_)).then(|| "write it in quotes".to_owned());
            return Err(Diagnostic::value(&revision_at, format!("expected a revision, found {other}")).hint(hint));
        }
    };
    match fields.need("path")? {
        (Node::Text(text), path_at) => model(text, revision, &path_at, at),
        (other, path_at) => Err(not_a_folder(other, &path_at)),
    }
}

/// Reads `path[@revision]`.
fn part<'t>(text: &'t str, at: &NodePath) -> Checked<(&'t str, Option<&'t str>)> {
    let Some((path, revision)) = text.split_once('@') else { return Ok((text, None)) };
    let wrong = match revision {
        "" => "an empty revision",
        _ if path.trim().is_empty() => "no model",
        _ if revision.contains('@') => "two revisions",
        _ => return Ok((path, Some(revision))),
    };
    let message = format!("expected `model@revision`, found {wrong} in {}", quoted(text));
    Err(Diagnostic::value(at, message).hint(literal_hint('@')))
}

fn model(path: &str, revision: Option<&str>, written: &NodePath, at: &NodePath) -> Checked<ModelRef> {
    if path.trim().is_empty() {
        return Err(Diagnostic::value(written, "expected a model's folder, found an empty text"));
    }
    if path.contains('\0') {
        return Err(Diagnostic::value(
            written,
            format!("{} cannot be a folder: it holds a NUL character", quoted(path)),
        ));
    }
    Ok(ModelRef {
        path: path.to_owned(),
        revision: revision.map(str::to_owned),
        adapter: None,
        architecture: None,
        stage: false,
        identity: None,
        at: at.clone(),
    })
}

fn not_a_folder(node: &Node, at: &NodePath) -> Diagnostic {
    let fault = Diagnostic::value(at, format!("expected a model's folder, found {node}"));
    match node {
        Node::Number(_) | Node::Flag(_) => {
            fault.hint("write a folder's name that looks like a number in quotes".to_owned())
        }
        _ => fault,
    }
}

fn literal_hint(sign: char) -> String {
    format!("a folder whose name holds `{sign}` is written `{{model: {{path: \"…\"}}}}`")
}
