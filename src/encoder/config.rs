//! What config.json says about a BERT-like model.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::Error;
use super::names::{CLASSES, First, Names};
use crate::kernel::Activation;

/// The `model_type`s that can be encoded with.
pub const SUPPORTED: &[&str] = &["bert", "xlm-roberta", "roberta", "camembert", "distilbert", "mpnet"];

/// The shape of a BERT-like model, as far as its tensors do not tell it.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) names: &'static Names,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) epsilon: f32,
    pub(super) activation: Activation,
    pub(super) first: Position,
}

/// The row of the first token's position, and the token that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) start: u32,
    /// Tokens of this number do not count and take the row of the same number.
    pub(super) padding: Option<u32>,
}

impl Config {
    /// Reads the config.json at `path`.
    pub(super) fn read(path: &Path, config: &Map<String, Value>) -> Result<Self, Error> {
        let model_type = config.get("model_type").and_then(Value::as_str);
        let model_type = model_type.ok_or_else(|| Error::NoModelType { path: path.to_owned() })?;
        let found = CLASSES.iter().find(|names| names.types.contains(&model_type));
        let names = found.ok_or_else(|| refused(path, model_type))?;
        refuse_other_uses(path, config)?;
        let layers = number(path, config, &["num_hidden_layers", "n_layers"])?;
        let heads = number(path, config, &["num_attention_heads", "n_heads"])?;
        Ok(Self {
            names,
            layers,
            heads,
            epsilon: epsilon(path, config, model_type)?,
            activation: activation(path, config)?,
            first: first_position(path, config, names.first)?,
        })
    }
}

fn refused(path: &Path, found: &str) -> Error {
    Error::Architecture { path: path.parent().unwrap_or(path).to_owned(), found: found.to_owned() }
}

/// Models whose weights have these names but another meaning.
fn refuse_other_uses(path: &Path, config: &Map<String, Value>) -> Result<(), Error> {
    if let Some(kind) = config.get("position_embedding_type").and_then(Value::as_str)
        && kind != "absolute"
    {
        return Err(Error::setting(path, format!("`position_embedding_type` is {kind:?}, expected \"absolute\"")));
    }
    if config.get("is_decoder").and_then(Value::as_bool) == Some(true) {
        return Err(Error::setting(path, "`is_decoder` is true, expected an encoder"));
    }
    let classes = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
    match classes.filter_map(Value::as_str).find(|class| class.to_ascii_lowercase().contains("colbert")) {
        Some(class) => Err(refused(path, class)),
        None => Ok(()),
    }
}

fn find<'a>(config: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|&key| config.get(key).filter(|value| !value.is_null()))
}

fn number(path: &Path, config: &Map<String, Value>, keys: &[&str]) -> Result<usize, Error> {
    let key = keys.first().copied().unwrap_or_default();
    let value = find(config, keys).ok_or_else(|| Error::setting(path, format!("`{key}` is missing")))?;
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0);
    number.ok_or_else(|| Error::setting(path, format!("`{key}` is {value}, expected a positive integer")))
}

fn epsilon(path: &Path, config: &Map<String, Value>, model_type: &str) -> Result<f32, Error> {
    const DEFAULT: f64 = 1e-12;
    // DistilBERT's is fixed in its code.
    let value = config.get("layer_norm_eps").filter(|value| !value.is_null() && model_type != "distilbert");
    let Some(value) = value else { return Ok(DEFAULT as f32) };
    let number = value.as_f64().filter(|number| (0.0..1.0).contains(number));
    let number = number.ok_or_else(|| Error::setting(path, format!("`layer_norm_eps` is {value}, expected 0 to 1")))?;
    Ok(number as f32)
}

fn activation(path: &Path, config: &Map<String, Value>) -> Result<Activation, Error> {
    let Some(value) = find(config, &["hidden_act", "activation"]) else { return Ok(Activation::Gelu) };
    match value.as_str().unwrap_or_default() {
        "gelu" | "gelu_python" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_python_tanh" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        "silu" | "swish" => Ok(Activation::Silu),
        "tanh" => Ok(Activation::Tanh),
        _ => Err(Error::setting(path, format!("`hidden_act` is {value}, expected gelu, gelu_new, relu, silu or tanh"))),
    }
}

fn first_position(path: &Path, config: &Map<String, Value>, first: First) -> Result<Position, Error> {
    let padding = match first {
        First::Zero => return Ok(Position { start: 0, padding: None }),
        First::One => 1,
        First::Padding => match config.get("pad_token_id").filter(|value| !value.is_null()) {
            None => 1,
            Some(value) => {
                let id = value.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id < u32::MAX);
                id.ok_or_else(|| Error::setting(path, format!("`pad_token_id` is {value}, expected a token's number")))?
            }
        },
    };
    Ok(Position { start: padding + 1, padding: Some(padding) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Error> {
        Config::read(Path::new("m/config.json"), &serde_json::from_str(text).unwrap())
    }

    #[test]
    fn every_supported_type_has_names() {
        for model_type in SUPPORTED {
            let config = read(&format!(
                r#"{{"model_type":"{model_type}","num_hidden_layers":2,"num_attention_heads":4,"pad_token_id":5}}"#
            ));
            let first = config.unwrap().first.start;
            let expected = match *model_type {
                "bert" | "distilbert" => 0,
                "mpnet" => 2,
                _ => 6,
            };
            assert_eq!(first, expected, "{model_type}");
        }
    }

    #[test]
    fn what_cannot_be_encoded_with_is_named() {
        let base = r#""num_hidden_layers":2,"num_attention_heads":4"#;
        for (rest, expected) in [
            (String::new(), "`m/config.json` has no `model_type`"),
            (r#","model_type":"t5""#.to_owned(), "`m` is a `t5` model, which cannot be encoded with"),
            (
                r#","model_type":"bert","position_embedding_type":"relative_key""#.to_owned(),
                "`m/config.json`: `position_embedding_type` is \"relative_key\", expected \"absolute\"",
            ),
            (
                r#","model_type":"bert","architectures":["HF_ColBERT"]"#.to_owned(),
                "`m` is a `HF_ColBERT` model, which cannot be encoded with",
            ),
            (
                r#","model_type":"bert","hidden_act":"mish""#.to_owned(),
                "`m/config.json`: `hidden_act` is \"mish\", expected gelu, gelu_new, relu, silu or tanh",
            ),
            (
                r#","model_type":"bert","is_decoder":true"#.to_owned(),
                "`m/config.json`: `is_decoder` is true, expected an encoder",
            ),
        ] {
            let error = read(&format!("{{{base}{rest}}}")).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let error = read(r#"{"model_type":"bert","num_hidden_layers":-1,"num_attention_heads":4}"#).unwrap_err();
        assert_eq!(error.to_string(), "`m/config.json`: `num_hidden_layers` is -1, expected a positive integer");
    }
}
