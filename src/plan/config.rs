//! The transformer's config.json, made true for the merge.

use serde_json::{Map, Value, json};

use super::Plan;

impl Plan {
    /// The donor's configuration with the number format that is really written and, for slices, the layers of the output.
    pub fn config(&self) -> Map<String, Value> {
        config(self)
    }
}

fn config(plan: &Plan) -> Map<String, Value> {
    let mut config = plan.layer_config.as_ref().unwrap_or(plan.models[plan.donor].config()).clone();
    if let Some(dtype) = plan.dtype() {
        let key =
            if config.contains_key("torch_dtype") && !config.contains_key("dtype") { "torch_dtype" } else { "dtype" };
        config.insert(key.into(), json!(dtype.name()));
        if key == "dtype" {
            config.shift_remove("torch_dtype");
        }
    }
    adapt(plan, &mut config);
    config
}

/// Makes what a configuration says of its vocabulary true for the merge: its size, and the numbers of special tokens.
fn adapt(plan: &Plan, config: &mut Map<String, Value>) {
    let Some(alignment) = &plan.alignment else { return };
    with_part(config, |part| {
        if part.contains_key("vocab_size") {
            part.insert("vocab_size".into(), json!(alignment.rows));
        }
    });
    if alignment.tokenizer_of != Some(plan.donor) {
        renumber(plan, config);
    }
}

/// The numbers of special tokens are those of the tokenizer's own model, or else of the same tokens.
pub(crate) fn renumber(plan: &Plan, config: &mut Map<String, Value>) {
    let Some(alignment) = &plan.alignment else { return };
    let own = alignment.tokenizer_of.map(|model| plan.models[model].config());
    let row = |id: &Value| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok())?;
        alignment.row_of(plan.donor, id)
    };
    with_part(config, |part| {
        for (key, value) in part.iter_mut().filter(|(key, _)| key.ends_with("_token_id")) {
            let stated = own.and_then(|own| own.get(key)).filter(|stated| !stated.is_null());
            *value = match (stated, &*value) {
                (Some(stated), _) => stated.clone(),
                (None, Value::Array(ids)) => ids.iter().filter_map(row).map(Value::from).collect(),
                (None, id) => row(id).map_or(Value::Null, Value::from),
            };
        }
    });
}

/// Changes a configuration, or the part of it about texts where that has the vocabulary.
fn with_part(config: &mut Map<String, Value>, change: impl FnOnce(&mut Map<String, Value>)) {
    let is_inside = !config.contains_key("vocab_size") && config.get("text_config").is_some_and(Value::is_object);
    match config.get_mut("text_config").filter(|_| is_inside) {
        Some(Value::Object(part)) => change(part),
        _ => change(config),
    }
}
