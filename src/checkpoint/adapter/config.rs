//! Reads `adapter_config.json`: the kind of adapter, and the rank and scale of each module.

use fancy_regex::Regex;
use serde_json::{Map, Value};

pub(crate) const CONFIG: &str = "adapter_config.json";

/// The settings that affect the result.
pub(crate) struct Config {
    rank: u64,
    alpha: f64,
    ranks: Vec<Pattern>,
    alphas: Vec<Pattern>,
    square_root: bool,
    /// Whether weights are stored with a row for each input, as GPT-2's are.
    pub(crate) transposed: bool,
    /// The endings of module names; `None` where a pattern selects the modules.
    targets: Option<Vec<String>>,
}

/// An entry of `rank_pattern` or `alpha_pattern`.
struct Pattern {
    key: &'static str,
    text: String,
    /// Matches the whole name of a module, or the part after any dot.
    regex: Regex,
    value: f64,
}

impl Config {
    pub(crate) fn read(config: &Map<String, Value>) -> Result<Self, String> {
        let kind = config.get("peft_type").and_then(Value::as_str).unwrap_or("LORA");
        if kind != "LORA" {
            return Err(format!("is a {kind} adapter; only LORA adapters are merged"));
        }
        let is_set = |key: &str| match config.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            Some(_) => true,
        };
        // These settings change the computation.
        let unsupported = [
            ("use_dora", "DoRA"),
            ("use_qalora", "QALoRA"),
            ("use_bdlora", "block-diagonal LoRA"),
            ("lora_bias", "a bias of the adapter's own"),
            ("layer_replication", "repeated layers"),
            ("target_parameters", "adapted parameters outside of layers"),
            ("trainable_token_indices", "single trained tokens"),
            ("alora_invocation_tokens", "activation by tokens"),
            ("arrow_config", "a router between adapters"),
            ("kasa_config", "KaSA"),
            ("velora_config", "VeLoRA"),
            ("monteclora_config", "MonteCLoRA"),
        ];
        if let Some((key, what)) = unsupported.iter().find(|(key, _)| is_set(key)) {
            return Err(format!("uses {what} (`{key}`), which cannot be merged"));
        }
        let rank = config.get("r").and_then(Value::as_u64).filter(|rank| *rank > 0);
        let rank = rank.ok_or_else(|| format!("has no rank: `r` in {CONFIG} is {}", value_text(config.get("r"))))?;
        let alpha = config.get("lora_alpha").and_then(Value::as_f64);
        let alpha = alpha.ok_or_else(|| format!("has no `lora_alpha` in {CONFIG}"))?;
        let targets = match config.get("target_modules") {
            Some(Value::Array(list)) => {
                Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
            }
            _ => None,
        };
        Ok(Self {
            rank,
            alpha,
            ranks: patterns(config, "rank_pattern")?,
            alphas: patterns(config, "alpha_pattern")?,
            square_root: is_set("use_rslora"),
            transposed: is_set("fan_in_fan_out"),
            targets,
        })
    }

    /// The rank and the scale of a module, by its name in the model that was trained.
    pub(crate) fn of(&self, module: &str) -> Result<(f64, f64), String> {
        let rank = value(&self.ranks, module)?.unwrap_or(self.rank as f64);
        let alpha = value(&self.alphas, module)?.unwrap_or(self.alpha);
        Ok((rank, if self.square_root { alpha / rank.sqrt() } else { alpha / rank }))
    }

    /// Whether `target_modules` names a module. Its entries are written as the model's class names its modules, wrappers
    /// included.
    pub(crate) fn targets(&self, module: &str) -> bool {
        self.targets.as_ref().is_none_or(|targets| {
            targets
                .iter()
                .any(|end| ends_with(module, end) || ends_with(module, super::super::names::split_wrapper(end).1))
        })
    }
}

/// The entries of a map from patterns to numbers. For PEFT every key is a regular expression that must match a module's
/// whole name, or everything after one of its dots.
fn patterns(config: &Map<String, Value>, key: &'static str) -> Result<Vec<Pattern>, String> {
    let Some(Value::Object(map)) = config.get(key) else { return Ok(Vec::new()) };
    let entry = |(text, value): (&String, &Value)| {
        let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{text})$"));
        let regex = regex.map_err(|_| format!("has `{text}` in `{key}`, which is no regular expression"))?;
        let value = value.as_f64().filter(|value| *value > 0.0);
        let value = value.ok_or_else(|| format!("has no number above 0 for `{text}` in `{key}`"))?;
        Ok(Pattern { key, text: text.clone(), regex, value })
    };
    map.iter().map(entry).collect()
}

/// The value of the first pattern that matches a module.
fn value(patterns: &[Pattern], module: &str) -> Result<Option<f64>, String> {
    for Pattern { key, text, regex, value } in patterns {
        let found = regex.is_match(module);
        if found.map_err(|_| format!("has `{text}` in `{key}`, which takes too long to match with `{module}`"))? {
            return Ok(Some(*value));
        }
    }
    Ok(None)
}

/// Whether a module's name is `end`, or ends in it after a dot.
fn ends_with(module: &str, end: &str) -> bool {
    module.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn value_text(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), Value::to_string)
}
