//! Properties that differ between layers, from lists or from patterns in a configuration.
//!
//! Older configurations have patterns: every third layer has global attention. Newer ones list the kind of each layer. For
//! a class that reads the list, layers can be in any order. For a class that only has a pattern, each layer must be where
//! the pattern has its kind.

use serde_json::{Map, Value, json};

use super::counted::{Counted, Spelt};

/// Keys for the number of layers, of which a configuration has one.
pub(super) const LAYER_COUNTS: [&str; 6] =
    ["num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers", "num_transformer_layers"];

/// More layers than any model has. The layers of a configuration with more are not described.
const MOST: u64 = 1 << 12;

/// Lists with an entry for each layer.
const LISTS: [&str; 23] = [
    "activation_sparsity_pattern",
    "attention_layers",
    "attention_window",
    "attn_type_list",
    "block_configs",
    "ffn_multipliers",
    "hybrid_layer_pattern",
    "indexer_types",
    "interleaved_sliding_window",
    "intermediate_size",
    "layer_rope_theta",
    "layer_types",
    "layers_block_type",
    "mlp_layer_types",
    "moe_layer_freq",
    "no_rope_layers",
    "num_attention_heads",
    "num_attention_heads_per_layer",
    "num_key_value_heads",
    "num_key_value_heads_per_layer",
    "num_kv_heads",
    "num_query_heads",
    "sliding_window",
];

/// Lists of layer numbers.
const NUMBERS: [&str; 10] = [
    "attn_layer_indices",
    "cross_attention_layers",
    "dense_layers",
    "full_attention_layers",
    "full_attn_idxs",
    "global_attn_layers",
    "hybrid_layer_ids",
    "mlp_only_layers",
    "moe_layers",
    "sparse_layers",
];

/// Lists that are unrelated to layers, whatever their length.
const OTHERS: [&str; 8] = [
    "architectures",
    "keys_to_ignore_at_inference",
    "languages",
    "lora_adaptations",
    "matryoshka_dimensions",
    "matryoshka_dims",
    "mrope_section",
    "task_specific_params",
];

/// A layer of the output: the configuration of the model that it comes from, and its number in that model.
#[derive(Clone, Copy)]
pub(crate) struct LayerOrigin<'a> {
    /// The configuration.
    pub(crate) config: &'a Map<String, Value>,
    /// The number.
    pub(crate) layer: usize,
}

/// A configuration adapted to layers in another order.
#[derive(Debug, Default)]
pub(crate) struct Rearranged {
    /// The configuration.
    pub(crate) config: Map<String, Value>,
    /// Warnings for the user.
    pub(crate) remarks: Vec<String>,
    /// Layers that cannot be at their new position.
    pub(crate) conflicts: Vec<Conflict>,
}

/// A layer that cannot be at its new position.
#[derive(Debug, PartialEq)]
pub(crate) struct Conflict {
    /// The property with a pattern.
    pub(crate) what: &'static str,
    /// The key of the pattern; empty if the class has a fixed one.
    pub(crate) key: &'static str,
    /// The number of the layer in the output.
    pub(crate) layer: usize,
}

/// The part of a configuration that describes the layers: all of it, or the text part of a multimodal model.
pub(super) fn part(config: &Map<String, Value>) -> &Map<String, Value> {
    let has_count = |map: &Map<String, Value>| LAYER_COUNTS.iter().any(|key| map.get(*key).is_some_and(Value::is_u64));
    let inner = config.get("text_config").and_then(Value::as_object);
    inner.filter(|inner| !has_count(config) && has_count(inner)).unwrap_or(config)
}

/// The number of layers that a configuration states.
pub(super) fn depth(config: &Map<String, Value>) -> Option<usize> {
    let stated = LAYER_COUNTS.iter().find_map(|key| config.get(*key)?.as_u64())?;
    (1..=MOST).contains(&stated).then_some(stated as usize)
}

/// The properties that differ between the layers of a model, each with the kind of every layer.
pub(crate) type LayerKinds = Vec<(String, Vec<Value>)>;

/// The properties that differ between the layers of a configuration, from lists, or else from patterns.
pub(crate) fn kinds(config: &Map<String, Value>) -> LayerKinds {
    let config = part(config);
    let Some(depth) = depth(config) else { return Vec::new() };
    let mut found = LayerKinds::new();
    let mut told: Vec<&str> = Vec::new();
    for way in Counted::of(config) {
        let listed = way.spelt.list().and_then(|key| list(config, key, depth));
        found.push((way.what.to_owned(), listed.unwrap_or_else(|| way.kinds(config, depth))));
        told.extend(way.spelt.list());
        told.extend(way.keys);
    }
    for key in LISTS.into_iter().filter(|key| !told.contains(key)) {
        found.extend(list(config, key, depth).map(|entries| (format!("`{key}`"), entries)));
    }
    for key in NUMBERS.into_iter().filter(|key| !told.contains(key)) {
        let Some(numbers) = config.get(key).and_then(Value::as_array) else { continue };
        let is_in = |layer: usize| numbers.iter().any(|number| number.as_u64() == Some(layer as u64));
        found.push((format!("`{key}`"), (0..depth).map(|layer| json!(is_in(layer))).collect()));
    }
    found
}

/// The entries of a list that has one for each layer.
fn list(config: &Map<String, Value>, key: &str, depth: usize) -> Option<Vec<Value>> {
    let entries = config.get(key)?.as_array().filter(|entries| entries.len() >= depth)?;
    Some(entries.get(..depth)?.iter().map(current).collect())
}

/// The current name of a kind.
fn current(kind: &Value) -> Value {
    match kind.as_str() {
        Some("mamba") => json!("linear_attention"),
        Some("attention") => json!("full_attention"),
        _ => kind.clone(),
    }
}

/// The donor's configuration for an output of these layers.
pub(crate) fn rearranged(donor: &Map<String, Value>, layers: &[LayerOrigin<'_>]) -> Rearranged {
    let inner = part(donor);
    let Some(depth) = depth(inner).filter(|_| layers.len() as u64 <= MOST) else {
        return Rearranged { config: donor.clone(), ..Rearranged::default() };
    };
    let origins: Vec<LayerOrigin<'_>> =
        layers.iter().map(|origin| LayerOrigin { config: part(origin.config), ..*origin }).collect();
    let mut out = Rearranged { config: inner.clone(), ..Rearranged::default() };
    for key in LAYER_COUNTS.into_iter().filter(|key| inner.contains_key(*key)) {
        out.config.insert(key.into(), json!(layers.len()));
    }
    let stays = depth == layers.len() && layers.iter().enumerate().all(|(at, origin)| at == origin.layer);
    lists(inner, depth, &origins, stays, &mut out);
    for way in Counted::of(inner) {
        recount(way, &origins, &mut out);
    }
    if !std::ptr::eq(inner, donor) {
        let mut whole = donor.clone();
        whole.insert("text_config".into(), Value::Object(out.config));
        out.config = whole;
    }
    out
}

/// Reorders lists like their layers.
fn lists(donor: &Map<String, Value>, depth: usize, layers: &[LayerOrigin<'_>], stays: bool, out: &mut Rearranged) {
    for (key, value) in donor {
        let key = key.as_str();
        let Some(entries) = value.as_array() else {
            if let (Some(text), "hybrid_override_pattern") = (value.as_str(), key) {
                let kinds: Vec<char> = text.chars().collect();
                let kept: Option<String> = layers.iter().map(|origin| kinds.get(origin.layer)).collect();
                if let Some(kept) = kept.filter(|_| kinds.len() == depth) {
                    out.config.insert(key.into(), json!(kept));
                }
            }
            continue;
        };
        let own =
            |origin: &LayerOrigin<'_>| origin.config.get(key).and_then(Value::as_array).unwrap_or(entries).clone();
        if LISTS.contains(&key) && entries.len() >= depth {
            out.config.insert(key.into(), layers.iter().map(|origin| entry(origin, key, entries)).collect());
        } else if NUMBERS.contains(&key) {
            let is_in = |origin: &LayerOrigin<'_>| own(origin).iter().any(|x| x.as_u64() == Some(origin.layer as u64));
            let kept = layers.iter().enumerate().filter(|(_, origin)| is_in(origin)).map(|(at, _)| at);
            out.config.insert(key.into(), kept.collect());
        } else if key == "attention_types" {
            let kinds = layers.iter().map(|origin| expanded(&own(origin)).get(origin.layer).cloned());
            if let Some(kinds) = kinds.collect::<Option<Vec<Value>>>() {
                out.config.insert(key.into(), json!([[kinds, 1]]));
            }
        } else if !stays && is_doubtful(key, entries.len(), depth) {
            out.remarks.push(format!("`{key}` of config.json may be about single layers, and is left as it is"));
        }
    }
}

/// The entry of a list for a layer: from its own model's list, or else from that model's pattern.
fn entry(origin: &LayerOrigin<'_>, key: &str, donor: &[Value]) -> Value {
    let listed = origin.config.get(key).and_then(Value::as_array).and_then(|own| own.get(origin.layer)).cloned();
    let counted = || {
        let way = Counted::of(origin.config).find(|way| way.spelt.list() == Some(key))?;
        Some(way.kind(origin.config, depth(origin.config)?, origin.layer))
    };
    listed.or_else(counted).or_else(|| donor.get(origin.layer).cloned()).unwrap_or(Value::Null)
}

/// GPT-Neo's `[[["global", "local"], 6]]`, written out.
fn expanded(types: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    for run in types.iter().filter_map(Value::as_array) {
        if let (Some(kinds), Some(times)) = (run.first().and_then(Value::as_array), run.get(1).and_then(Value::as_u64))
        {
            for _ in 0..times.min(MOST) {
                out.extend_from_slice(kinds);
                if out.len() as u64 > MOST {
                    return out;
                }
            }
        }
    }
    out
}

/// Whether an unknown list may describe layers, by its name or its length.
fn is_doubtful(key: &str, length: usize, depth: usize) -> bool {
    let is_known = OTHERS.contains(&key) || key.ends_with("_token_id") || key.ends_with("_token_ids");
    !is_known && (key.contains("layer") || (length == depth && depth > 1))
}

/// Checks that a pattern is true for the layers at their new positions, or writes it in another way.
fn recount(way: &'static Counted, layers: &[LayerOrigin<'_>], out: &mut Rearranged) {
    let wanted: Vec<Value> = layers.iter().map(|origin| kind(way, origin)).collect();
    let mut counting = out.config.clone();
    // A repeated pattern counts layers too.
    if let Some(key) = way.spelt.list().filter(|key| !way.keys.contains(key)) {
        counting.remove(key);
    }
    let counted = way.kinds(&counting, layers.len());
    let Some(layer) = wanted.iter().zip(&counted).position(|(wanted, counted)| wanted != counted) else { return };
    let key = way.keys.first().copied().unwrap_or_default();
    let mut set = |key: &str, value: Value| out.config.insert(key.into(), value);
    match (way.spelt, Counted::leading(&wanted)) {
        (Spelt::List(list), _) => {
            set(list, wanted.into());
        }
        (Spelt::NewerList(list), _) => {
            set(list, wanted.into());
            set(key, Value::Null);
            let what = way.what;
            out.remarks
                .push(format!("the {what} are listed in config.json, which transformers reads from version 5 on"));
        }
        (Spelt::Leading, Some(leading)) => {
            set(key, json!(leading));
        }
        (Spelt::Dense, _) => {
            set("decoder_sparse_step", json!(1));
            set("mlp_only_layers", Counted::dense(&wanted));
        }
        (Spelt::Leading | Spelt::No, _) => out.conflicts.push(Conflict { what: way.what, key, layer }),
    }
}

/// The kind of a layer in its own model.
fn kind(way: &Counted, origin: &LayerOrigin<'_>) -> Value {
    let listed =
        way.spelt.list().filter(|key| !way.keys.contains(key)).and_then(|key| origin.config.get(key)?.as_array());
    let depth = depth(origin.config).unwrap_or(0).max(origin.layer.saturating_add(1));
    let counted = || way.kind(origin.config, depth, origin.layer);
    listed.and_then(|list| list.get(origin.layer)).cloned().unwrap_or_else(counted)
}

#[cfg(test)]
#[path = "per_layer_tests.rs"]
mod tests;
