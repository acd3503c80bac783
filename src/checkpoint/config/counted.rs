//! Layer patterns of model classes, such as every third layer having global attention, or the first three having no
//! experts.

use serde_json::{Map, Value, json};

/// A property of layers that a class derives from their numbers.
pub(super) struct Counted {
    /// The name of the property.
    pub(super) what: &'static str,
    /// The classes with this pattern. If empty: any class whose configuration has one of the keys and that no other pattern
    /// names.
    types: &'static [&'static str],
    /// The keys of the pattern.
    pub(super) keys: &'static [&'static str],
    /// How it can be written for layers in another order.
    pub(super) spelt: Spelt,
    /// The kind of a layer.
    kind: fn(&Keys<'_>, usize) -> Value,
}

/// How a configuration can describe layers in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelt {
    /// By a list with the kind of each layer.
    List(&'static str),
    /// By such a list, which earlier versions of transformers ignore. With null for the count they stop with an error
    /// instead.
    NewerList(&'static str),
    /// By the number of leading layers of the first kind, if no others are of that kind.
    Leading,
    /// By a list of the layers without experts.
    Dense,
    /// Not at all.
    No,
}

impl Spelt {
    /// The key of the list.
    pub(super) fn list(self) -> Option<&'static str> {
        match self {
            Self::List(key) | Self::NewerList(key) => Some(key),
            Self::Leading | Self::Dense | Self::No => None,
        }
    }
}

/// The values of a configuration.
pub(super) struct Keys<'a> {
    map: &'a Map<String, Value>,
    depth: usize,
}

impl Keys<'_> {
    fn number(&self, keys: &[&str], default: usize) -> usize {
        let stated = keys.iter().find_map(|&key| self.map.get(key)?.as_u64());
        stated.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    }

    fn flag(&self, key: &str) -> bool {
        self.map.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    fn states(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether a key is null, for classes that have a default otherwise.
    fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    fn list(&self, key: &str) -> &[Value] {
        self.map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn lists(&self, key: &str, layer: usize) -> bool {
        self.list(key).iter().any(|value| value.as_u64() == Some(layer as u64))
    }
}

/// Whether a layer is one of every `period`, of which the first is layer `first`.
fn every(period: usize, first: usize, layer: usize) -> bool {
    layer.checked_rem(period) == Some(first)
}

/// Whether a layer is the last of every `period`.
fn each(period: usize, layer: usize) -> bool {
    layer.saturating_add(1).checked_rem(period) == Some(0)
}

fn full_if(full: bool) -> Value {
    json!(if full { "full_attention" } else { "sliding_attention" })
}

fn linear_unless(full: bool) -> Value {
    json!(if full { "full_attention" } else { "linear_attention" })
}

fn sparse_if(sparse: bool) -> Value {
    json!(if sparse { "sparse" } else { "dense" })
}

const ATTENTION: &str = "kinds of attention";
const EXPERTS: &str = "layers with experts";
const TYPES: Spelt = Spelt::List("layer_types");

/// Whether a layer has rotary positions; a list or a period says which layers have none.
fn rope(keys: &Keys<'_>, layer: usize) -> bool {
    match keys.list("no_rope_layers").get(layer) {
        Some(rope) => rope.as_u64() != Some(0),
        None => !each(keys.number(&["no_rope_layer_interval"], 4), layer),
    }
}

/// A pattern of attention kinds that a list `layer_types` overrides.
const fn attention(
    types: &'static [&'static str],
    keys: &'static [&'static str],
    kind: fn(&Keys<'_>, usize) -> Value,
) -> Counted {
    Counted { what: ATTENTION, types, keys, spelt: TYPES, kind }
}

/// A pattern that cannot be written in another way.
const fn fixed(
    what: &'static str,
    types: &'static [&'static str],
    keys: &'static [&'static str],
    kind: fn(&Keys<'_>, usize) -> Value,
) -> Counted {
    Counted { what, types, keys, spelt: Spelt::No, kind }
}

/// Every pattern, as transformers 5 derives its lists.
static WAYS: &[Counted] = &[
    Counted {
        spelt: Spelt::NewerList("layer_types"),
        ..attention(&["modernbert"], &["global_attn_every_n_layers"], |keys, layer| {
            full_if(every(keys.number(&["global_attn_every_n_layers"], 3), 0, layer))
        })
    },
    attention(&["modernbert-decoder"], &["global_attn_every_n_layers"], |keys, layer| {
        full_if(every(keys.number(&["global_attn_every_n_layers"], 3), 0, layer))
    }),
    attention(&["afmoe"], &["global_attn_every_n_layers"], |keys, layer| {
        full_if(each(keys.number(&["global_attn_every_n_layers"], 4), layer))
    }),
    attention(&["gemma3_text"], &["sliding_window_pattern", "_sliding_window_pattern"], |keys, layer| {
        full_if(each(keys.number(&["sliding_window_pattern", "_sliding_window_pattern"], 6), layer))
    }),
    attention(&["cohere2"], &["sliding_window_pattern"], |keys, layer| {
        full_if(each(keys.number(&["sliding_window_pattern"], 4), layer))
    }),
    attention(&["exaone4"], &["sliding_window_pattern"], |keys, layer| {
        let period = keys.number(&["sliding_window_pattern"], 4);
        full_if(keys.is_null("sliding_window") || each(period, layer))
    }),
    attention(&["gemma2", "vaultgemma", "gpt_oss"], &[], |_, layer| full_if(each(2, layer))),
    attention(&["gemma3n_text"], &[], |_, layer| full_if(each(5, layer))),
    attention(&["olmo3"], &[], |_, layer| full_if(each(4, layer))),
    attention(&["cwm"], &[], |_, layer| full_if(every(4, 0, layer))),
    attention(&["qwen2", "qwen3"], &["max_window_layers"], |keys, layer| {
        let slides = keys.flag("use_sliding_window") && !keys.is_null("sliding_window");
        full_if(!slides || layer < keys.number(&["max_window_layers"], 28))
    }),
    attention(&["qwen2_moe"], &["max_window_layers"], |keys, layer| {
        let first = layer < keys.number(&["max_window_layers"], 28);
        full_if(!(keys.flag("use_sliding_window") && first && !each(2, layer)))
    }),
    attention(&["dots1"], &["max_window_layers"], |keys, layer| {
        full_if(keys.is_null("sliding_window") || layer < keys.number(&["max_window_layers"], 62))
    }),
    attention(&["qwen3_next", "qwen3_5_text"], &["full_attention_interval"], |keys, layer| {
        linear_unless(each(keys.number(&["full_attention_interval"], 4), layer))
    }),
    attention(&["minimax"], &[], |_, layer| linear_unless(!each(2, layer))),
    attention(&["granitemoehybrid"], &[], |_, _| json!("linear_attention")),
    attention(&["lfm2"], &["full_attn_idxs"], |keys, layer| {
        let full = !keys.states("full_attn_idxs") || keys.lists("full_attn_idxs", layer);
        json!(if full { "full_attention" } else { "conv" })
    }),
    Counted {
        what: "layers without positions",
        types: &["smollm3", "llama4_text"],
        keys: &["no_rope_layer_interval"],
        spelt: Spelt::List("no_rope_layers"),
        kind: |keys, layer| json!(u8::from(!each(keys.number(&["no_rope_layer_interval"], 4), layer))),
    },
    attention(&["smollm3"], &["no_rope_layer_interval"], |keys, layer| {
        let slides = keys.flag("use_sliding_window") && keys.states("sliding_window");
        full_if(!slides || rope(keys, layer))
    }),
    attention(&["llama4_text"], &["no_rope_layer_interval"], |keys, layer| {
        let is_chunked = rope(keys, layer) && !keys.is_null("attention_chunk_size");
        json!(if is_chunked { "chunked_attention" } else { "full_attention" })
    }),
    Counted {
        what: EXPERTS,
        types: &["qwen2_moe", "qwen3_moe", "qwen3_next"],
        keys: &["decoder_sparse_step", "mlp_only_layers"],
        spelt: Spelt::Dense,
        kind: |keys, layer| {
            let sparse = each(keys.number(&["decoder_sparse_step"], 1), layer);
            sparse_if(sparse && !keys.lists("mlp_only_layers", layer))
        },
    },
    Counted {
        what: EXPERTS,
        types: &[],
        keys: &["first_k_dense_replace"],
        spelt: Spelt::Leading,
        kind: |keys, layer| sparse_if(layer >= keys.number(&["first_k_dense_replace"], 0)),
    },
    Counted {
        what: EXPERTS,
        types: &[],
        keys: &["num_dense_layers"],
        spelt: Spelt::Leading,
        kind: |keys, layer| sparse_if(layer >= keys.number(&["num_dense_layers"], 0)),
    },
    fixed(EXPERTS, &[], &["moe_layer_freq"], |keys, layer| {
        sparse_if(every(keys.number(&["moe_layer_freq"], 1), 0, layer))
    }),
    fixed(EXPERTS, &["ernie4_5_moe"], &["moe_layer_interval"], |keys, layer| {
        let ends = keys.map.get("moe_layer_end_index").and_then(Value::as_u64).map_or(usize::MAX, |end| end as usize);
        let within = (keys.number(&["moe_layer_start_index"], 1)..=ends).contains(&layer);
        sparse_if(within && each(keys.number(&["moe_layer_interval"], 1), layer))
    }),
    fixed(EXPERTS, &["nomic_bert"], &["moe_every_n_layers"], |keys, layer| {
        sparse_if(every(keys.number(&["moe_every_n_layers"], 0), 1, layer))
    }),
    fixed(EXPERTS, &["jamba"], &["expert_layer_period"], |keys, layer| {
        let ahead = keys.number(&["expert_layer_offset"], 1);
        sparse_if(every(keys.number(&["expert_layer_period"], 2), ahead, layer))
    }),
    fixed(ATTENTION, &["jamba"], &["attn_layer_period"], |keys, layer| {
        linear_unless(every(keys.number(&["attn_layer_period"], 8), keys.number(&["attn_layer_offset"], 4), layer))
    }),
    fixed(ATTENTION, &["phi3small"], &["dense_attention_every_n_layers"], |keys, layer| {
        full_if(each(keys.number(&["dense_attention_every_n_layers"], 2), layer))
    }),
    Counted {
        what: "kinds of layers",
        types: &["recurrent_gemma"],
        keys: &["block_types"],
        spelt: Spelt::List("block_types"),
        kind: |keys, layer| {
            let kinds = keys.list("block_types");
            layer.checked_rem(kinds.len()).and_then(|at| kinds.get(at)).cloned().unwrap_or(Value::Null)
        },
    },
    fixed("layers that share keys and values", &[], &["num_kv_shared_layers"], |keys, layer| {
        json!(layer >= keys.depth.saturating_sub(keys.number(&["num_kv_shared_layers"], 0)))
    }),
    fixed("embeddings of layers", &[], &["hidden_size_per_layer_input"], |keys, layer| {
        json!(if keys.number(&["hidden_size_per_layer_input"], 0) > 0 { (layer, keys.depth) } else { (0, 0) })
    }),
    fixed("scales by the layer's number", &[], &["scale_attn_by_inverse_layer_idx"], |keys, layer| {
        json!(if keys.flag("scale_attn_by_inverse_layer_idx") { layer } else { 0 })
    }),
    fixed("scales by the layer's number", &["diffllama"], &[], |_, layer| json!(layer)),
    // For an unknown class the offset of the pattern is unknown too.
    fixed("kinds of layers", &[], &UNKNOWN, |keys, layer| {
        let stated = UNKNOWN.iter().map(|key| keys.number(&[key], 0)).filter(|period| *period > 0);
        json!(stated.map(|period| layer % period).collect::<Vec<_>>())
    }),
];

/// Keys that describe a pattern in any class.
const UNKNOWN: [&str; 9] = [
    "attn_layer_period",
    "decoder_sparse_step",
    "full_attention_interval",
    "global_attn_every_n_layers",
    "interleave_moe_layer_step",
    "layer_group_size",
    "moe_every_n_layers",
    "no_rope_layer_interval",
    "sliding_window_pattern",
];

impl Counted {
    /// The patterns that a configuration uses.
    pub(super) fn of(config: &Map<String, Value>) -> impl Iterator<Item = &'static Self> {
        let model_type = config.get("model_type").and_then(Value::as_str).unwrap_or_default();
        let states = |key: &&str| config.get(*key).is_some_and(|value| value.is_number() || value.is_boolean());
        let named: Vec<&'static Self> = WAYS.iter().filter(|way| way.types.contains(&model_type)).collect();
        let stated = WAYS.iter().filter(move |way| way.types.is_empty() && way.keys.iter().any(states));
        let taken: Vec<&str> = named.iter().flat_map(|way| way.keys).copied().collect();
        let others: Vec<&'static Self> = stated.filter(|way| way.keys.iter().all(|key| !taken.contains(key))).collect();
        named.into_iter().chain(others)
    }

    /// The kind of each of `depth` layers.
    pub(super) fn kinds(&self, config: &Map<String, Value>, depth: usize) -> Vec<Value> {
        (0..depth).map(|layer| self.kind(config, depth, layer)).collect()
    }

    /// The kind of a layer of `depth`.
    pub(super) fn kind(&self, config: &Map<String, Value>, depth: usize, layer: usize) -> Value {
        (self.kind)(&Keys { map: config, depth }, layer)
    }

    /// The number of leading layers of the first kind, if that describes all layers.
    pub(super) fn leading(kinds: &[Value]) -> Option<usize> {
        let dense = json!("dense");
        let count = kinds.iter().take_while(|kind| **kind == dense).count();
        kinds.get(count..).is_some_and(|rest| rest.iter().all(|kind| *kind != dense)).then_some(count)
    }

    /// The numbers of the layers without experts.
    pub(super) fn dense(kinds: &[Value]) -> Value {
        let dense = kinds.iter().enumerate().filter(|(_, kind)| **kind == json!("dense"));
        dense.map(|(layer, _)| layer).collect()
    }
}
