//! A configuration with the defaults of its class, and its values in a form that can be compared.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::per_layer;

/// The defaults of transformers' classes for keys that a file omits: `"?"` if there is no single value, `"="` if it follows
/// from other keys. `fixtures/make_config_defaults.py` writes the table.
static DEFAULTS: LazyLock<BTreeMap<String, Map<String, Value>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("config_defaults.json")).unwrap_or_default());

pub(super) const HEADS: &[&str] = &["num_attention_heads", "n_heads", "n_head", "num_heads", "attention_heads"];
pub(super) const WIDTH: &[&str] = &["hidden_size", "d_model", "n_embd", "dim"];

/// A value that two models must share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stated {
    /// The name of the value.
    pub(super) what: String,
    /// The value; `None` if the file has none and the class has no single default.
    pub(super) value: Option<String>,
    /// Whether it is equivalent to a missing key.
    pub(super) is_neutral: bool,
}

impl Stated {
    /// A value with its name.
    pub(super) fn new(what: impl Into<String>, value: Option<String>) -> Self {
        const NEUTRAL: [&str; 6] = ["none", "false", "0", "1", "absolute", "default"];
        let is_neutral = value.as_deref().is_none_or(|value| NEUTRAL.contains(&value));
        Self { what: what.into(), value, is_neutral }
    }

    pub(super) fn neutral_if(self, is_neutral: bool) -> Self {
        Self { is_neutral: self.is_neutral || is_neutral, ..self }
    }
}

/// A configuration with the defaults of its class.
#[derive(Clone, Copy)]
pub(super) struct Config<'a> {
    pub(super) whole: &'a Map<String, Value>,
    pub(super) part: &'a Map<String, Value>,
    /// The defaults of the class; `None` for an unknown class.
    pub(super) class: Option<&'static Map<String, Value>>,
    pub(super) model_type: &'a str,
}

impl<'a> Config<'a> {
    pub(super) fn of(whole: &'a Map<String, Value>) -> Self {
        let part = per_layer::part(whole);
        let text = |map: &'a Map<String, Value>| map.get("model_type").and_then(Value::as_str);
        let model_type = text(part).or_else(|| text(whole)).unwrap_or_default();
        // Nomic's own code has other keys under the same model type.
        let is_own_code = model_type == "nomic_bert" && part.contains_key("n_embd");
        Self { whole, part, class: DEFAULTS.get(model_type).filter(|_| !is_own_code), model_type }
    }

    /// The value of the first key that has one, at the top level or in the text part; null if one is null.
    pub(super) fn stated(&self, keys: &[&str]) -> Option<&'a Value> {
        let of = |map: &'a Map<String, Value>, key: &str| map.get(key);
        let all = || keys.iter().filter_map(|key| of(self.whole, key).or_else(|| of(self.part, key)));
        all().find(|value| !value.is_null()).or_else(|| all().next())
    }

    /// The class's default for the first of the keys that it has.
    pub(super) fn default(&self, keys: &[&str]) -> Option<&'static Value> {
        keys.iter().find_map(|&key| self.class?.get(key))
    }

    /// Whether the class is known.
    pub(super) fn is_known(&self) -> bool {
        self.class.is_some()
    }

    pub(super) fn number(&self, keys: &[&str]) -> Option<u64> {
        self.stated(keys).or_else(|| self.default(keys))?.as_u64()
    }

    /// A value for comparison: the stated one, or else the class's default; `None` if there is no single default.
    pub(super) fn value(&self, keys: &[&str]) -> Option<String> {
        let stated = self.stated(keys);
        let default = self.default(keys);
        // null means the default of a flag.
        let stated = stated.filter(|value| !(value.is_null() && default.is_some_and(Value::is_boolean)));
        match stated.or(default)? {
            Value::String(mark) if stated.is_none() && mark == "?" => None,
            Value::String(mark) if stated.is_none() && mark == "=" => self.derived(keys),
            Value::Null if default.is_some_and(|default| default == "=") => self.derived(keys),
            value => Some(value_text(value)),
        }
    }

    /// Whether the head is tied to the token embeddings, which is the usual default.
    pub(super) fn ties_head(&self) -> bool {
        self.value(&["tie_word_embeddings"]).as_deref() != Some("false")
    }

    /// A value that follows from others: the width of a head, or the number of key heads.
    fn derived(&self, keys: &[&str]) -> Option<String> {
        let heads = self.number(HEADS)?;
        if keys.contains(&"head_dim") {
            return Some(self.number(WIDTH)?.checked_div(heads)?.to_string());
        }
        Some(heads.to_string())
    }
}

/// A value as text for comparison and for messages.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => crate::escape::escaped(text),
        // 10000 and 10000.0 are equal.
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.fract() == 0.0 => format!("{number}"),
            Some(number) => format!("{number:?}"),
            None => number.to_string(),
        },
        value => value.to_string(),
    }
}
