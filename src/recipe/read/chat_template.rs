//! `chat_template`: the chat template that the output's tokenizer gets.

use super::super::types::ChatTemplate;
use crate::nearest::nearest;
use crate::yaml::{Checked, Diagnostic, Fields, Node, and, quoted};

/// Templates of the names that mergekit knows, written from the prompt formats in the models' cards.
static NAMED: [(&str, &str); 5] = [
    ("alpaca", include_str!("templates/alpaca.jinja")),
    ("chatml", include_str!("templates/chatml.jinja")),
    ("exaone", include_str!("templates/exaone.jinja")),
    ("llama3", include_str!("templates/llama3.jinja")),
    ("mistral", include_str!("templates/mistral.jinja")),
];
/// The fewest characters of a text that is taken for a template, as in mergekit.
const SHORTEST: usize = 20;

/// Reads the key. An empty text counts as no template.
pub(super) fn chat_template(recipe: &Fields<'_>) -> Checked<Option<ChatTemplate>> {
    let Some((node, at)) = recipe.get("chat_template") else { return Ok(None) };
    let hint = "write `auto` for the template that most of the models have, or a template's Jinja text after `|`";
    let text = match node {
        Node::Text(text) if text.is_empty() => return Ok(None),
        Node::Text(text) => text,
        other => {
            let message = format!("expected `auto` or a chat template's Jinja text, found {other}");
            return Err(Diagnostic::value(&at, message).hint(hint.to_owned()));
        }
    };
    if text == "auto" {
        return Ok(Some(ChatTemplate::Auto));
    }
    if let Some((_, template)) = NAMED.iter().find(|(name, _)| name == text) {
        return Ok(Some(ChatTemplate::Text(template.trim_end().to_owned())));
    }
    if !text.contains('{') {
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        let message = format!("{} is no Jinja text, which has a `{{`, nor the name of a template", quoted(text));
        let near = nearest(text, names.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let known = format!("{}{hint}; the names are {}", near.unwrap_or_default(), and(&quoted));
        return Err(Diagnostic::value(&at, message).hint(known));
    }
    if text.chars().count() < SHORTEST {
        let message = format!("{} is shorter than any chat template: at least {SHORTEST} characters", quoted(text));
        return Err(Diagnostic::value(&at, message).hint(hint.to_owned()));
    }
    Ok(Some(ChatTemplate::Text(text.clone())))
}
