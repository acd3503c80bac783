//! Reads config.json into a description of the model, whatever its class.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::error::Error;
use super::json::Json;
use super::shape::Config;
use super::{bert, decoder, modernbert, rotary_bert};

type Read = fn(Json<'_>, &str) -> Result<Config, Error>;

/// The function that reads the configuration of each class.
static READERS: &[(&[&str], Read)] = &[
    (&["bert", "xlm-roberta", "roberta", "camembert", "distilbert", "mpnet"], bert::read),
    (&["modernbert"], modernbert::read),
    (&["new", "gte"], rotary_bert::read_gte),
    (&["nomic_bert"], rotary_bert::read_nomic),
    (&["qwen2", "qwen3", "mistral", "llama"], decoder::read),
    (&["gemma3_text"], decoder::read_gemma3),
];

impl Config {
    /// Reads the config.json at `path`.
    pub(in crate::encoder) fn read(path: &Path, config: &Map<String, Value>) -> Result<Self, Error> {
        let model_type = config.get("model_type").and_then(Value::as_str);
        let model_type = model_type.ok_or_else(|| Error::NoModelType { path: path.to_owned() })?;
        let found = READERS.iter().find(|(types, _)| types.contains(&model_type));
        let (_, read) = found.ok_or_else(|| refused(path, model_type))?;
        refuse_other_uses(path, config)?;
        let json = Json { path, map: config };
        let config = read(json, model_type)?;
        if config.heads % config.key_value_heads != 0 {
            let (heads, key_value_heads) = (config.heads, config.key_value_heads);
            return Err(json.refuse(format!(
                "`num_key_value_heads` is {key_value_heads}, which does not divide the {heads} attention heads"
            )));
        }
        Ok(config)
    }
}

fn refused(path: &Path, found: &str) -> Error {
    Error::Architecture { path: path.parent().unwrap_or(path).to_owned(), found: found.to_owned() }
}

/// Refuses models whose weights have these names but another meaning.
fn refuse_other_uses(path: &Path, config: &Map<String, Value>) -> Result<(), Error> {
    let json = Json { path, map: config };
    if json.flag("is_decoder", false)? {
        return Err(json.refuse("`is_decoder` is true, expected an encoder"));
    }
    let classes = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
    match classes.filter_map(Value::as_str).find(|class| class.to_ascii_lowercase().contains("colbert")) {
        Some(class) => Err(refused(path, class)),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
