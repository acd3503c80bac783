//! Reads config.json into a description of the model, whatever its class.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::error::Error;
use super::json::Json;
use super::shape::{Config, Pattern};
use super::{albert, bert, deberta, decoder, embedding_gemma2, lfm2, modernbert, rotary_bert, t5};

type Read = fn(Json<'_>, &str) -> Result<Config, Error>;

/// The function that reads the configuration of each class.
static READERS: &[(&[&str], Read)] = &[
    (&["bert", "xlm-roberta", "roberta", "camembert", "distilbert", "mpnet"], bert::read),
    (&["electra"], bert::read_electra),
    (&["albert"], albert::read),
    (&["deberta-v2"], deberta::read),
    (&["t5", "mt5"], t5::read),
    (&["modernbert"], modernbert::read),
    (&["jina_embeddings_v3"], rotary_bert::read_jina3),
    (&["new", "gte"], rotary_bert::read_gte),
    (&["nomic_bert"], rotary_bert::read_nomic),
    (&["qwen2", "qwen3", "mistral", "llama", "llama_bidirec", "eurobert"], decoder::read),
    (&["gemma2"], decoder::read_gemma2),
    (&["gemma3_text"], decoder::read_gemma3),
    (&["embedding_gemma2", "embedding_gemma2_text"], embedding_gemma2::read),
    (&["lfm2"], lfm2::read),
];

impl Config {
    /// Reads the config.json at `path`.
    pub(in crate::encoder) fn read(path: &Path, config: &Map<String, Value>) -> Result<Self, Error> {
        let model_type = config.get("model_type").and_then(Value::as_str);
        let model_type = model_type.ok_or_else(|| Error::NoModelType { path: path.to_owned() })?;
        let found = READERS.iter().find(|(types, _)| types.contains(&model_type));
        let (_, read) = found.ok_or_else(|| refused(path, model_type))?;
        refuse_own_code(path, config)?;
        refuse_other_uses(path, config)?;
        let json = Json { path, map: config };
        let config = read(json, model_type)?;
        let heads_of = |pattern: &Pattern| pattern.heads.map_or(config.key_value_heads, |(heads, _)| heads);
        if let Some(key_value_heads) = config.patterns.iter().map(heads_of).find(|count| config.heads % count != 0) {
            let heads = config.heads;
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

/// Parts of the names of classes that only their own code describes, which say that they are of another class.
const OWN_CODE: [&str; 2] = ["qk-post-norm", "XLMRobertaLoRA"];

/// Refuses classes of which only the code beside their weights says what they compute.
fn refuse_own_code(path: &Path, config: &Map<String, Value>) -> Result<(), Error> {
    let listed = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
    let mapped = config.get("auto_map").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let mut classes = listed.chain(mapped).filter_map(Value::as_str);
    let found = classes.find(|class| OWN_CODE.iter().any(|part| class.contains(part)));
    found.map_or(Ok(()), |class| Err(refused(path, class.rsplit(['.', '/']).next().unwrap_or(class))))
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
