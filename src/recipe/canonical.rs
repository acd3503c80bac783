//! The canonical text of a recipe, which is equal for recipes that mean the same.

use std::fmt::Write as _;

use super::Error;
use super::types::Recipe;
use crate::yaml::{Diagnostics, Node, NodePath, Variables, number};

impl Recipe {
    /// Writes the recipe with variables filled in, without comments and layout, with sorted keys, numbers rounded to 10^-6,
    /// and every model renamed by `name`.
    ///
    /// # Errors
    /// None for a recipe that was read before; its text is read again.
    pub fn canonical(&self, name: &dyn Fn(&str) -> String) -> Result<String, Error> {
        let mut root = self.source.yaml().tree()?;
        let mut diagnostics = Diagnostics::default();
        Variables::new(&self.source.variables).fill(&mut root, &mut NodePath::default(), &mut diagnostics);
        if let Some(error) = Error::of(diagnostics.faults(&self.source.yaml())) {
            return Err(error);
        }
        if let (Some(soup), Node::Map(entries)) = (&self.soup, &mut root) {
            // What globs match is not in the text.
            let folders: Vec<Node> = soup.chosen().iter().map(|model| Node::Text(model.to_string())).collect();
            entries.retain(|(key, _)| key != "window" && key != "sources");
            entries.push(("sources".to_owned(), Node::List(folders)));
        }
        let mut out = String::new();
        for stage in &self.stages {
            out.push_str(&stage.canonical(name)?);
            out.push_str("\n---\n");
        }
        write(&root, false, name, &mut out);
        Ok(out)
    }
}

/// Whether the text at a key names a model.
fn is_reference(key: &str, value: &Node) -> bool {
    let reserved = |value: &Node| matches!(value, Node::Text(text) if text == "union" || text == "base");
    match key {
        // The sources of a slice are maps; those of a soup, folders.
        "model" | "base_model" | "path" | "sources" => true,
        "tokenizer_source" | "settings_source" | "source" => !reserved(value),
        _ => false,
    }
}

fn write(node: &Node, is_model: bool, name: &dyn Fn(&str) -> String, out: &mut String) {
    match node {
        Node::Text(text) if is_model => {
            let _ = write!(out, "{:?}", name(text));
        }
        Node::List(entries) => {
            out.push('[');
            for entry in entries {
                write(entry, is_model, name, out);
                out.push(',');
            }
            out.push(']');
        }
        Node::Map(entries) => {
            let mut sorted: Vec<&(String, Node)> = entries.iter().collect();
            sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
            out.push('{');
            for (key, value) in sorted {
                let _ = write!(out, "{key:?}:");
                write(value, is_reference(key, value), name, out);
                out.push(',');
            }
            out.push('}');
        }
        Node::Flag(flag) => {
            let _ = write!(out, "{flag}");
        }
        Node::Null => out.push_str("null"),
        scalar => match (number(scalar), scalar) {
            (Ok(number), _) => {
                let _ = write!(out, "{}", (number * 1e6).round() / 1e6 + 0.0);
            }
            (Err(_), Node::Text(text)) => {
                let _ = write!(out, "{text:?}");
            }
            (Err(_), other) => {
                let _ = write!(out, "{other}");
            }
        },
    }
}
