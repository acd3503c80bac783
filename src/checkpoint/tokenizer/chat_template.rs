//! Finds the chat template of a tokenizer as transformers does.

use serde_json::Value;

use super::super::error::Error;
use super::super::json;
use super::files::Tokenizer;

/// The file that takes precedence over the configuration.
const FILE: &str = "chat_template.jinja";
/// The name of the default template where a tokenizer has several.
const DEFAULT: &str = "default";

/// Whether a file of the tokenizer contains only its chat template.
pub(crate) fn is_chat_template(name: &str) -> bool {
    name.starts_with("chat_template.")
}

impl Tokenizer {
    /// Its chat template, from `chat_template.jinja`, else from `tokenizer_config.json`; if there are several, the default
    /// one.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn chat_template(&self) -> Result<Option<String>, Error> {
        if let Some(text) = json::read_text(&self.home().join(FILE))? {
            return Ok(Some(text));
        }
        let config = json::read_config(&self.home().join("tokenizer_config.json"))?.unwrap_or_default();
        Ok(config.get("chat_template").and_then(default).map(str::to_owned))
    }
}

/// The template in a value: the value itself, or the default one among several.
fn default(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Object(named) => named.get(DEFAULT)?.as_str(),
        Value::Array(list) => {
            let is_default = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(DEFAULT);
            list.iter().find(is_default)?.get("template")?.as_str()
        }
        _ => None,
    }
}
