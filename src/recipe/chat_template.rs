//! `chat_template`: the chat template that the output's tokenizer gets.

use super::error::{Checked, Fault, shown};
use super::fields::Fields;
use super::keys::and;
use super::tree::Node;

/// The chat template of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatTemplate {
    /// The one that most of the models have.
    Auto,
    /// A Jinja text.
    Text(String),
}

/// Names of templates that mergekit brings along.
const BUILT_IN: [&str; 5] = ["alpaca", "chatml", "exaone", "llama3", "mistral"];
/// Characters of the shortest text that is taken for a template, as in mergekit.
const SHORTEST: usize = 20;

/// Reads the key. An empty text is as good as none.
pub(super) fn chat_template(recipe: &Fields<'_>) -> Checked<Option<ChatTemplate>> {
    let Some((node, at)) = recipe.get("chat_template") else { return Ok(None) };
    let hint = "write `auto` for the template that most of the models have, or a template's Jinja text after `|`";
    let text = match node {
        Node::Text(text) if text.is_empty() => return Ok(None),
        Node::Text(text) => text,
        other => {
            let message = format!("expected `auto` or a chat template's Jinja text, found {other}");
            return Err(Fault::value(&at, message).hint(hint.to_owned()));
        }
    };
    if text == "auto" {
        return Ok(Some(ChatTemplate::Auto));
    }
    if BUILT_IN.contains(&text.as_str()) {
        let message = format!("the chat template {} comes with mergekit and not with admix", shown(text));
        let hint =
            "paste its Jinja text after `chat_template: |`, or write `auto` for the one that most of the models have";
        return Err(Fault::value(&at, message).hint(hint.to_owned()));
    }
    if !text.contains('{') {
        let names: Vec<String> = BUILT_IN.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("{} is no Jinja text: it has no `{{`", shown(text));
        let own = format!("{hint}; mergekit's names {} stand for texts that admix does not have", and(&names));
        return Err(Fault::value(&at, message).hint(own));
    }
    if text.chars().count() < SHORTEST {
        let message = format!("{} is shorter than any chat template: at least {SHORTEST} characters", shown(text));
        return Err(Fault::value(&at, message).hint(hint.to_owned()));
    }
    Ok(Some(ChatTemplate::Text(text.clone())))
}
