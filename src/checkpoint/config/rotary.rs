//! Rotary position embeddings in configurations: `rope_theta` with `rope_scaling`, `rope_parameters`, and bases for each
//! kind of attention.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::class_config::{Config, Stated, value_text};

/// The default base of nearly every class.
const USUAL: &str = "10000";

/// Whether a key is about rotary positions.
pub(super) fn is_told(key: &str) -> bool {
    const KEYS: [&str; 9] = [
        "global_rope_theta",
        "local_rope_theta",
        "partial_rotary_factor",
        "rope_local_base_freq",
        "rope_parameters",
        "rope_scaling",
        "rope_theta",
        "rotary_emb_base",
        "original_max_position_embeddings",
    ];
    KEYS.contains(&key)
}

/// Bases, scalings and partial factors of rotary positions.
pub(super) fn values(config: &Config<'_>) -> Vec<Stated> {
    let parameters = config.stated(&["rope_parameters"]).and_then(Value::as_object);
    let kind = |name: &str| parameters.and_then(|all| all.get(name)).and_then(Value::as_object);
    let (full, sliding) = (kind("full_attention"), kind("sliding_attention"));
    let is_for_kinds = full.is_some()
        || sliding.is_some()
        || config.default(&["global_rope_theta"]).is_some()
        || config.stated(&["global_rope_theta", "local_rope_theta", "rope_local_base_freq"]).is_some();
    if config.is_known() && !is_for_kinds && config.default(&["rope_theta"]).is_none() {
        return Vec::new();
    }
    let scaling = config.stated(&["rope_scaling"]).and_then(Value::as_object);
    if !is_for_kinds {
        let objects: Vec<&Map<String, Value>> = scaling.into_iter().chain(parameters).collect();
        return of_kind(config, ["rotary base", "scaling of rotary positions"], &["rope_theta"], &objects);
    }
    let both = config.model_type.starts_with("modernbert");
    let global: Vec<&Map<String, Value>> = scaling.into_iter().chain(full).collect();
    let local: Vec<&Map<String, Value>> = scaling.filter(|_| both).into_iter().chain(sliding).collect();
    let local_keys: &[&str] = match config.model_type {
        "olmo3" => &["local_rope_theta", "rope_theta"],
        _ => &["local_rope_theta", "rope_local_base_freq"],
    };
    let mut found = of_kind(
        config,
        ["global rotary base", "scaling of global rotary positions"],
        &["global_rope_theta", "rope_theta"],
        &global,
    );
    found.extend(of_kind(config, ["local rotary base", "scaling of local rotary positions"], local_keys, &local));
    found
}

/// The base, the scaling and the partial factor of one kind of attention. `objects` take precedence over the file's top
/// level.
fn of_kind(config: &Config<'_>, names: [&str; 2], bases: &[&str], objects: &[&Map<String, Value>]) -> Vec<Stated> {
    let [base_name, scaling_name] = names;
    let inside = |key: &str| objects.iter().find_map(|object| object.get(key)).filter(|value| !value.is_null());
    let outside = |keys: &[&str]| config.stated(keys).filter(|value| !value.is_null());
    let default = |keys: &[&str]| config.default(keys).filter(|value| *value != "?");
    let more = ["rotary_emb_base"];
    let base = inside("rope_theta")
        .or_else(|| outside(bases))
        .or_else(|| outside(&more))
        .or_else(|| default(bases))
        .map(value_text);
    let is_usual = base.as_deref() == Some(USUAL);
    let kind = inside("rope_type").or_else(|| inside("type")).and_then(Value::as_str);
    let is_scaled_by_default = kind.is_none() && config.default(&["rope_scaling"]).is_some();
    let scaling = (!is_scaled_by_default).then(|| scaling(config, kind.unwrap_or("default"), objects));
    let share = inside("partial_rotary_factor")
        .or_else(|| outside(&["partial_rotary_factor", "rotary_pct", "rotary_emb_fraction"]))
        .or_else(|| default(&["partial_rotary_factor"]))
        .map_or_else(|| "1".to_owned(), value_text);
    let mut found = Vec::new();
    if base.is_some() || config.is_known() {
        let stated = Stated::new(base_name, base);
        found.push(Stated { is_neutral: stated.is_neutral || is_usual, ..stated });
    }
    found.push(Stated::new(scaling_name, scaling));
    if base_name != "local rotary base" {
        found.push(Stated::new("share of rotary positions", Some(share)));
    }
    found
}

/// The scaling of positions with its parameters; `none` without scaling.
fn scaling(config: &Config<'_>, kind: &str, objects: &[&Map<String, Value>]) -> String {
    let kind = match kind {
        "mrope" => "default",
        "su" => "longrope",
        kind => kind,
    };
    let mut parameters: BTreeMap<&str, String> = BTreeMap::new();
    for object in objects.iter().rev() {
        for (key, value) in *object {
            let is_elsewhere = matches!(key.as_str(), "rope_type" | "type" | "rope_theta" | "partial_rotary_factor");
            if !is_elsewhere && !value.is_null() {
                parameters.insert(key, value_text(value));
            }
        }
    }
    if kind == "linear" && parameters.get("factor").is_some_and(|factor| factor == "1") {
        parameters.remove("factor");
        return if parameters.is_empty() { "none".to_owned() } else { written("default", &parameters) };
    }
    // Defaults, and values without effect.
    let length = ["yarn", "llama3", "dynamic", "longrope"].contains(&kind);
    if length && let Some(own) = config.stated(&["original_max_position_embeddings"]).filter(|value| !value.is_null()) {
        parameters.insert("original_max_position_embeddings", value_text(own));
    }
    if length && !parameters.contains_key("original_max_position_embeddings") {
        let positions = config.stated(&["max_position_embeddings"]).map(value_text);
        parameters.extend(positions.map(|positions| ("original_max_position_embeddings", positions)));
    }
    for (key, usual) in [("beta_fast", "32"), ("beta_slow", "1"), ("truncate", "true")] {
        if kind == "yarn" && parameters.get(key).is_some_and(|value| value == usual) {
            parameters.remove(key);
        }
    }
    if kind == "default" {
        // A factor or a length has no effect without a kind of scaling.
        parameters.retain(|key, _| key.starts_with("mrope"));
        if parameters.is_empty() {
            return "none".to_owned();
        }
    }
    written(kind, &parameters)
}

fn written(kind: &str, parameters: &BTreeMap<&str, String>) -> String {
    let kind = crate::escape::escaped(kind);
    let parameter = |(key, value): (&&str, &String)| format!("{} {value}", crate::escape::escaped(key));
    let parameters: Vec<String> = parameters.iter().map(parameter).collect();
    if parameters.is_empty() { kind } else { format!("{kind} ({})", parameters.join(", ")) }
}
