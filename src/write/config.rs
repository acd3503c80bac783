//! The transformer's config.json, made true for the merge.

use serde_json::{Map, Value, json};

use super::tokenizer;
use crate::plan::Plan;

/// Keys that hold the number of layers, one of which a configuration has.
const LAYER_COUNTS: [&str; 5] = ["num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers"];

/// The donor's configuration with the number format that was really written and, for slices, the layers of the output.
pub(crate) fn config(plan: &Plan) -> Map<String, Value> {
    let mut config = plan.models[plan.donor].config().clone();
    if let Some(dtype) = plan.dtype() {
        let key =
            if config.contains_key("torch_dtype") && !config.contains_key("dtype") { "torch_dtype" } else { "dtype" };
        config.insert(key.into(), json!(dtype.name()));
        if key == "dtype" {
            config.shift_remove("torch_dtype");
        }
    }
    tokenizer::adapt(plan, &mut config);
    if let Some(layers) = &plan.layers {
        let before = plan.models[plan.donor].config();
        let depth = LAYER_COUNTS.iter().find_map(|key| before.get(*key)?.as_u64());
        for key in LAYER_COUNTS.iter().filter(|key| before.contains_key(**key)) {
            config.insert((*key).into(), json!(layers.len()));
        }
        // Lists with an entry a layer (attention kinds, say) follow their layers.
        for (key, value) in before {
            let Value::Array(entries) = value else { continue };
            if depth == Some(entries.len() as u64) {
                let entry = |layer: &crate::plan::LayerSource| {
                    let own = plan.models[layer.model].config().get(key).and_then(Value::as_array);
                    own.unwrap_or(entries).get(layer.layer).cloned().unwrap_or(Value::Null)
                };
                config.insert(key.clone(), layers.iter().map(entry).collect());
            }
        }
    }
    config
}
