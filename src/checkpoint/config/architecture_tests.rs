#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn of(text: &str) -> Architecture {
    Architecture::of(&serde_json::from_str(text).unwrap())
}

fn of_value(value: &Value) -> Architecture {
    Architecture::of(value.as_object().unwrap())
}

/// The differences of two configurations as `what: left | right`; the other way round they are the same.
fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (one, other) = (of_value(one), of_value(other));
    let written = |found: Difference| format!("{}: {} | {}", found.what, found.left, found.right);
    let mirrored = |found: Difference| format!("{}: {} | {}", found.what, found.right, found.left);
    let mut there: Vec<String> = other.differences(&one).into_iter().map(mirrored).collect();
    let found: Vec<String> = one.differences(&other).into_iter().map(written).collect();
    let mut here = found.clone();
    here.sort();
    there.sort();
    assert_eq!(here, there);
    found
}

#[test]
fn spellings_of_one_value_agree() {
    for (one, other) in [
        (r#"{"hidden_size":4}"#, r#"{"n_embd":4,"is_decoder":false}"#),
        (r#"{"rope_theta":10000}"#, r#"{"rope_parameters":{"rope_theta":10000.0}}"#),
        (r#"{"layer_norm_eps":1e-5}"#, r#"{"rms_norm_eps":0.00001}"#),
        (r#"{"hidden_act":"gelu_new"}"#, r#"{"hidden_activation":"gelu_pytorch_tanh"}"#),
        (r#"{"num_hidden_layers":6}"#, r#"{"num_hidden_layers":12,"position_embedding_type":"absolute"}"#),
        (
            r#"{"global_rope_theta":160000.0,"local_rope_theta":10000}"#,
            r#"{"rope_parameters":{"full_attention":{"rope_theta":160000},"sliding_attention":{"rope_theta":10000}}}"#,
        ),
        (
            r#"{"rope_theta":10000,"rope_scaling":null}"#,
            r#"{"rope_parameters":{"rope_type":"default","rope_theta":10000.0,"partial_rotary_factor":1.0}}"#,
        ),
        (
            r#"{"max_position_embeddings":64,"rope_scaling":{"type":"yarn","factor":4,"beta_fast":32}}"#,
            r#"{"rope_parameters":{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64,"beta_slow":1.0}}"#,
        ),
        (r#"{"model_type":"bert","layer_norm_eps":1e-12}"#, r#"{"model_type":"bert","hidden_act":"gelu"}"#),
        (
            r#"{"model_type":"llama","hidden_size":64,"num_attention_heads":4}"#,
            r#"{"model_type":"llama","hidden_size":64,"num_attention_heads":4,"head_dim":16,"num_key_value_heads":4,"attention_bias":false}"#,
        ),
    ] {
        assert_eq!(of(one).differences(&of(other)), [], "{one} {other}");
    }
}

#[test]
fn values_that_change_the_model_do_not_agree() {
    let (one, other) = (
        json!({"model_type": "bert", "num_attention_heads": 12}),
        json!({"model_type": "mpnet", "num_attention_heads": 6}),
    );
    assert_eq!(differences(&one, &other), ["model type: bert | mpnet", "number of attention heads: 12 | 6"]);
    assert_eq!(differences(&json!({"position_embedding_type": "relative_key"}), &json!({})).len(), 1);
}

#[test]
fn positions_behind_the_padding_are_not_counted() {
    assert_eq!(
        of(r#"{"model_type":"xlm-roberta","max_position_embeddings":514,"pad_token_id":1}"#).positions,
        Some(512)
    );
    assert_eq!(of(r#"{"model_type":"bert","max_position_embeddings":512,"pad_token_id":0}"#).positions, Some(512));
}

fn pairs() -> Vec<(Value, Value)> {
    let pairs: Vec<(Value, Value)> = serde_json::from_str(include_str!("../../../tests/goldens/configs.json")).unwrap();
    assert!(pairs.len() > 35);
    pairs
}

/// What transformers 4.57 saved and what 5.24 makes of it.
#[test]
fn one_model_agrees_with_itself_in_every_version() {
    for (older, newer) in pairs() {
        assert_eq!(differences(&older, &newer), Vec::<String>::new(), "{older}\n{newer}");
    }
}

/// What training, saving and cleaning up leave in one folder and not in the other.
#[test]
fn harmless_keys_are_no_difference() {
    let harmless = json!({
        "attention_dropout": 0.7, "hidden_dropout_prob": 0.3, "classifier_dropout": 0.2, "initializer_range": 0.5,
        "use_cache": false, "transformers_version": "4.0.0", "_name_or_path": "somewhere", "architectures": ["Other"],
        "torch_dtype": "float16", "dtype": "bfloat16", "max_position_embeddings": 4096, "unsloth_fixed": true,
        "eos_token_id": [1, 2], "bos_token_id": null, "pretraining_tp": 2, "gradient_checkpointing": true,
        "id2label": {"0": "a"}, "problem_type": "regression", "tokenizer_class": "T", "attn_implementation": "sdpa",
        "router_aux_loss_coef": 0.5, "output_router_logits": true
    });
    for (older, newer) in pairs() {
        let scaled = older["rope_scaling"].is_object();
        for config in [older, newer] {
            let mut other = config.clone();
            other.as_object_mut().unwrap().extend(harmless.as_object().unwrap().clone());
            // The length is a parameter of some scalings.
            if scaled {
                other["max_position_embeddings"] = config["max_position_embeddings"].clone();
            }
            assert_eq!(differences(&config, &other), Vec::<String>::new(), "{config}");
        }
    }
}

#[test]
fn what_the_maths_depends_on_is_a_difference() {
    let yarn =
        json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "rope_theta": 10000.0});
    for (model_type, key, value, what) in [
        ("qwen3", "rope_parameters", yarn, "scaling of rotary positions"),
        ("llama", "rope_scaling", json!({"type": "linear", "factor": 4.0}), "scaling of rotary positions"),
        ("llama", "rope_theta", json!(500_000.0), "rotary base"),
        ("llama", "rope_parameters", json!({"rope_type": "default", "rope_theta": 500_000.0}), "rotary base"),
        ("llama", "rms_norm_eps", json!(1e-5), "layer norm epsilon"),
        ("llama", "attention_bias", json!(true), "`attention_bias`"),
        ("llama", "is_causal", json!(false), "causal attention"),
        ("bert", "is_decoder", json!(true), "decoder"),
        ("bert", "hidden_act", json!("relu"), "activation"),
        ("bert", "position_embedding_type", json!("relative_key"), "kind of positions"),
        ("mistral", "sliding_window", json!(null), "attention window"),
        ("mistral", "num_key_value_heads", json!(2), "number of key/value heads"),
        ("qwen3", "head_dim", json!(64), "attention head size"),
        ("gemma3_text", "use_bidirectional_attention", json!(true), "attention in both directions"),
        ("gemma3_text", "query_pre_attn_scalar", json!(64), "scale of attention scores"),
        ("gemma3_text", "rope_local_base_freq", json!(5000.0), "local rotary base"),
        ("gemma3_text", "rope_theta", json!(5000.0), "global rotary base"),
        ("gemma3_text", "sliding_window_pattern", json!(3), "kinds of attention"),
        ("gemma2", "attn_logit_softcapping", json!(null), "cap of attention scores"),
        ("gemma2", "final_logit_softcapping", json!(10.0), "`final_logit_softcapping`"),
        ("modernbert", "global_attn_every_n_layers", json!(2), "kinds of attention"),
        ("modernbert", "local_attention", json!(64), "attention window"),
        ("modernbert", "classifier_pooling", json!("mean"), "`classifier_pooling`"),
        ("granite", "attention_multiplier", json!(0.5), "`attention_multiplier`"),
        ("phi", "partial_rotary_factor", json!(0.25), "share of rotary positions"),
        ("gpt_neox", "rotary_pct", json!(0.5), "share of rotary positions"),
        ("mpnet", "relative_attention_num_buckets", json!(16), "number of relative positions"),
        ("xlm-roberta", "pad_token_id", json!(0), "padding token, behind which positions begin"),
        ("nomic_bert", "partial_rotary_factor", json!(0.5), "share of rotary positions"),
        ("of-mine", "rope_theta", json!(500_000.0), "rotary base"),
        ("of-mine", "attention_multiplier", json!(0.5), "`attention_multiplier`"),
        ("of-mine", "is_causal", json!(false), "causal attention"),
        (
            "of-mine",
            "layer_types",
            json!([
                "full_attention",
                "sliding_attention",
                "full_attention",
                "full_attention",
                "full_attention",
                "full_attention"
            ]),
            "`layer_types`",
        ),
        ("deepseek_v3", "first_k_dense_replace", json!(1), "layers with experts"),
    ] {
        let base = json!({
            "model_type": model_type, "num_hidden_layers": 6, "hidden_size": 64, "num_attention_heads": 4,
            "first_k_dense_replace": 3
        });
        let mut other = base.clone();
        other[key] = value;
        let found = differences(&base, &other);
        assert!(found.len() == 1 && found[0].starts_with(what), "{model_type} {key}: {found:?}");
    }
}

#[test]
fn what_changes_nothing_need_not_be_said() {
    for (model_type, key, value) in [
        ("qwen2", "max_window_layers", json!(2)),
        ("qwen2", "sliding_window", json!(16)),
        ("qwen2", "is_causal", json!(true)),
        ("bert", "is_causal", json!(false)),
        ("bert", "rope_theta", json!(5.0)),
        ("llama", "sliding_window", json!(16)),
        ("llama", "layer_types", json!(vec!["full_attention"; 6])),
        ("llama", "rope_scaling", json!({"rope_type": "linear", "factor": 1.0})),
        ("of-mine", "rope_theta", json!(10000)),
        ("of-mine", "attention_bias", json!(false)),
        ("of-mine", "rope_scaling", json!({"rope_type": "default"})),
        ("of-mine", "layer_types", json!(vec!["full_attention"; 6])),
        ("of-mine", "num_key_value_heads", json!(4)),
    ] {
        let base =
            json!({"model_type": model_type, "num_hidden_layers": 6, "hidden_size": 64, "num_attention_heads": 4});
        let mut other = base.clone();
        other[key] = value;
        assert_eq!(differences(&base, &other), Vec::<String>::new(), "{model_type} {key}");
    }
}

#[test]
fn kinds_of_layers_are_compared_layer_by_layer() {
    let counted = json!({"model_type": "gemma3_text", "num_hidden_layers": 3, "sliding_window_pattern": 3});
    let kinds = |kinds: [&str; 3]| {
        let kinds = kinds.map(|kind| format!("{kind}_attention"));
        json!({"model_type": "gemma3_text", "num_hidden_layers": 3, "layer_types": kinds})
    };
    assert!(differences(&counted, &kinds(["sliding", "sliding", "full"])).is_empty());
    let found = differences(&counted, &kinds(["sliding", "full", "full"]));
    assert_eq!(found, ["kinds of attention: sliding_attention in layer 1 | full_attention in layer 1"]);
    // Of models of another depth slices take what they take.
    let deeper = json!({"model_type": "gemma3_text", "num_hidden_layers": 4, "sliding_window_pattern": 2});
    assert!(differences(&counted, &deeper).is_empty());
}

#[test]
fn every_class_of_the_table_agrees_with_itself() {
    let table: Map<String, Value> = serde_json::from_str(include_str!("config_defaults.json")).unwrap();
    assert!(table.len() > 100);
    for (model_type, defaults) in &table {
        let plain = json!({"model_type": model_type, "num_hidden_layers": 4});
        let mut stated = plain.clone();
        for (key, value) in defaults.as_object().unwrap() {
            if value != "?" && value != "=" {
                stated[key] = value.clone();
            }
        }
        assert_eq!(differences(&plain, &stated), Vec::<String>::new(), "{model_type}");
    }
}
