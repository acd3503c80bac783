#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// The configuration for layers of one model.
fn cut(config: Value, layers: &[usize]) -> Rearranged {
    let config = map(config);
    let layers: Vec<LayerOrigin<'_>> =
        layers.iter().map(|layer| LayerOrigin { config: &config, layer: *layer }).collect();
    rearranged(&config, &layers)
}

fn kinds_of(config: &Map<String, Value>) -> Vec<Value> {
    kinds(config).swap_remove(0).1
}

#[test]
fn layers_are_counted_as_transformers_counts_them() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("../../../tests/goldens/layers.json")).unwrap();
    assert!(entries.len() > 50);
    for entry in entries {
        let (config, key) = (map(entry["config"].clone()), entry["key"].as_str().unwrap());
        let depth = depth(&config).unwrap();
        let way = Counted::of(&config).find(|way| way.spelt.list() == Some(key)).unwrap();
        assert_eq!(json!(way.kinds(&config, depth)), entry["entries"], "{config:?}");
    }
}

#[test]
fn a_count_that_still_holds_stays() {
    for (config, layers) in [
        (
            json!({"model_type": "modernbert", "num_hidden_layers": 6, "global_attn_every_n_layers": 3}),
            &[0, 1, 2, 3][..],
        ),
        (json!({"model_type": "modernbert", "num_hidden_layers": 6, "global_attn_every_n_layers": 3}), &[3, 4, 5, 0]),
        (
            json!({"model_type": "gemma3_text", "num_hidden_layers": 12, "sliding_window_pattern": 6}),
            &[6, 7, 8, 9, 10, 11],
        ),
        (json!({"model_type": "qwen2", "num_hidden_layers": 4, "max_window_layers": 2, "sliding_window": 8}), &[3, 1]),
        (json!({"model_type": "deepseek_v3", "num_hidden_layers": 6, "first_k_dense_replace": 1}), &[0, 3, 5]),
        (
            json!({"model_type": "jamba", "num_hidden_layers": 16, "attn_layer_period": 8, "expert_layer_period": 2}),
            &[8, 9],
        ),
        (json!({"model_type": "xlm-roberta", "num_hidden_layers": 6}), &[5, 0, 0]),
    ] {
        let before = map(config.clone());
        let found = cut(config, layers);
        assert!(found.conflicts.is_empty() && found.remarks.is_empty(), "{before:?} {:?}", found.remarks);
        let mut expected = before;
        expected.insert("num_hidden_layers".into(), json!(layers.len()));
        assert_eq!(found.config, expected);
    }
}

#[test]
fn a_count_that_no_longer_holds_is_written_out() {
    let modernbert = json!({"model_type": "modernbert", "num_hidden_layers": 6, "global_attn_every_n_layers": 3});
    let found = cut(modernbert, &[0, 2, 3]);
    assert_eq!(found.config["layer_types"], json!(["full_attention", "sliding_attention", "full_attention"]));
    assert_eq!(found.config["global_attn_every_n_layers"], Value::Null);
    assert!(found.remarks[0].contains("transformers reads from version 5 on"), "{:?}", found.remarks);

    let gemma = json!({"model_type": "gemma3_text", "num_hidden_layers": 6, "sliding_window_pattern": 6});
    let found = cut(gemma, &[3, 4, 5]);
    assert_eq!(found.config["layer_types"], json!(["sliding_attention", "sliding_attention", "full_attention"]));
    assert!(found.remarks.is_empty());

    let qwen = json!({"model_type": "qwen2", "num_hidden_layers": 4, "max_window_layers": 2, "use_sliding_window": true, "sliding_window": 8});
    let found = cut(qwen, &[3, 0]);
    assert_eq!(found.config["layer_types"], json!(["sliding_attention", "full_attention"]));

    let deepseek = json!({"model_type": "deepseek_v3", "num_hidden_layers": 6, "first_k_dense_replace": 2});
    assert_eq!(cut(deepseek.clone(), &[1, 4, 5]).config["first_k_dense_replace"], 1);
    assert_eq!(cut(deepseek, &[4, 5]).config["first_k_dense_replace"], 0);

    let experts =
        json!({"model_type": "qwen3_moe", "num_hidden_layers": 4, "decoder_sparse_step": 2, "mlp_only_layers": [3]});
    let found = cut(experts, &[0, 1, 1, 3]).config;
    assert_eq!((&found["decoder_sparse_step"], &found["mlp_only_layers"]), (&json!(1), &json!([0, 3])));

    let kinds = json!({"model_type": "recurrent_gemma", "num_hidden_layers": 6, "block_types": ["recurrent", "recurrent", "attention"]});
    assert_eq!(cut(kinds, &[1, 2, 4]).config["block_types"], json!(["recurrent", "attention", "recurrent"]));

    let rope = json!({"model_type": "smollm3", "num_hidden_layers": 8, "no_rope_layer_interval": 4});
    assert_eq!(cut(rope, &[2, 3, 7]).config["no_rope_layers"], json!([1, 0, 0]));
}

#[test]
fn lists_follow_their_layers_and_others_do_not() {
    let config = json!({
        "model_type": "lfm2", "num_hidden_layers": 4, "eos_token_id": [1, 2, 3, 4], "architectures": ["a", "b", "c", "d"],
        "layer_types": ["conv", "full_attention", "conv", "full_attention"], "full_attn_idxs": [1, 3],
        "intermediate_size": [8, 16, 24, 32], "hybrid_override_pattern": "M-M*",
        "attention_types": [[["global", "local"], 2]], "attention_layers": ["global", "local", "global", "local"],
        "my_sizes": [1, 2, 3, 4], "layers_of_mine": [2]
    });
    let found = cut(config, &[1, 2, 3]);
    assert_eq!(found.config["layer_types"], json!(["full_attention", "conv", "full_attention"]));
    assert_eq!(found.config["full_attn_idxs"], json!([0, 2]));
    assert_eq!(found.config["intermediate_size"], json!([16, 24, 32]));
    assert_eq!(found.config["hybrid_override_pattern"], "-M*");
    assert_eq!(found.config["attention_types"], json!([[["local", "global", "local"], 1]]));
    assert_eq!(found.config["attention_layers"], json!(["local", "global", "local"]));
    assert_eq!(found.config["eos_token_id"], json!([1, 2, 3, 4]));
    assert_eq!(found.config["architectures"], json!(["a", "b", "c", "d"]));
    assert_eq!(found.config["my_sizes"], json!([1, 2, 3, 4]));
    let named: Vec<bool> = ["`layers_of_mine`", "`my_sizes`"]
        .iter()
        .map(|key| found.remarks.iter().any(|remark| remark.starts_with(key)))
        .collect();
    assert_eq!((found.remarks.len(), named), (2, vec![true, true]), "{:?}", found.remarks);
}

#[test]
fn each_layer_has_the_kind_it_has_in_its_own_model() {
    let listed = map(json!({
        "model_type": "gemma3_text", "num_hidden_layers": 2, "layer_types": ["full_attention", "sliding_attention"]
    }));
    let counted = map(json!({"model_type": "gemma3_text", "num_hidden_layers": 6, "sliding_window_pattern": 2}));
    let of = |config, layer| LayerOrigin { config, layer };
    let expected = json!(["full_attention", "full_attention", "sliding_attention"]);
    for donor in [&listed, &counted] {
        let found = rearranged(donor, &[of(&listed, 0), of(&counted, 1), of(&counted, 4)]);
        assert_eq!(found.config["layer_types"], expected);
    }
}

#[test]
fn what_can_only_be_counted_must_hold() {
    for (config, layers, key) in [
        (json!({"model_type": "jamba", "num_hidden_layers": 16}), &[1, 2][..], "expert_layer_period"),
        (
            json!({"model_type": "nomic_bert", "num_hidden_layers": 4, "moe_every_n_layers": 2}),
            &[1, 2],
            "moe_every_n_layers",
        ),
        (
            json!({"model_type": "deepseek_v3", "num_hidden_layers": 6, "first_k_dense_replace": 2}),
            &[4, 1],
            "first_k_dense_replace",
        ),
        (
            json!({"model_type": "gpt2", "n_layer": 4, "scale_attn_by_inverse_layer_idx": true}),
            &[1, 2],
            "scale_attn_by_inverse_layer_idx",
        ),
        (
            json!({"model_type": "gemma3n_text", "num_hidden_layers": 4, "num_kv_shared_layers": 2}),
            &[0, 1, 2],
            "num_kv_shared_layers",
        ),
        (json!({"model_type": "diffllama", "num_hidden_layers": 4}), &[1, 2], ""),
        (
            json!({"model_type": "of-mine", "num_hidden_layers": 4, "full_attention_interval": 2}),
            &[1, 2],
            "attn_layer_period",
        ),
    ] {
        let found = cut(config.clone(), layers);
        assert!(found.conflicts.iter().any(|conflict| conflict.key == key), "{config} {:?}", found.conflicts);
    }
    let kept =
        cut(json!({"model_type": "of-mine", "num_hidden_layers": 4, "full_attention_interval": 2}), &[0, 3, 2, 1]);
    assert!(kept.conflicts.is_empty());
}

#[test]
fn the_layers_of_texts_are_those_of_a_model_for_several_media() {
    let config = json!({"model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "num_hidden_layers": 6, "sliding_window_pattern": 6
    }});
    let found = cut(config, &[4, 5]).config;
    assert_eq!(found["text_config"]["num_hidden_layers"], 2);
    assert_eq!(found["text_config"]["layer_types"], json!(["sliding_attention", "full_attention"]));
}

#[test]
fn any_configuration_can_be_looked_at() {
    for config in [
        json!({}),
        json!({"num_hidden_layers": 0}),
        json!({"num_hidden_layers": u64::MAX, "model_type": "modernbert"}),
        json!({"num_hidden_layers": 2, "model_type": "modernbert", "global_attn_every_n_layers": 0}),
        json!({"num_hidden_layers": 2, "model_type": "gpt_neo", "attention_types": [[["global"], u64::MAX]]}),
        json!({"num_hidden_layers": 2, "model_type": "jamba", "expert_layer_period": 0, "expert_layer_offset": u64::MAX}),
        json!({"num_hidden_layers": 2, "model_type": "recurrent_gemma", "block_types": []}),
        json!({"num_hidden_layers": 2, "layer_types": "full", "full_attn_idxs": [-1, 1.5, "x"], "text_config": 3}),
    ] {
        let config = map(config);
        kinds(&config);
        rearranged(&config, &[LayerOrigin { config: &config, layer: usize::MAX - 1 }]);
    }
    let modernbert = map(json!({"model_type": "modernbert", "num_hidden_layers": 2}));
    assert_eq!(kinds_of(&modernbert), [json!("full_attention"), json!("sliding_attention")]);
}
