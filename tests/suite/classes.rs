//! Classes of models beyond BERT's and Qwen's kin: in the spellings that published folders have, and merged.

use std::fs;

use admix::encoder::Options;
use safetensors::Dtype;
use serde_json::{Value, json};

use super::embed::{assert_same, change_tensors, changed, edit_config, encode, folder, open, texts, wrap};
use super::support::{Tensor, copy_folder, edit_json, read_json, read_tensors, run, safetensors};

/// Golden folders of these classes.
const CASES: [&str; 15] = [
    "albert",
    "deberta-tables",
    "deberta-v2",
    "electra",
    "electra-base",
    "embedding_gemma2",
    "eurobert",
    "gemma2",
    "jina_embeddings_v3",
    "lfm2",
    "llama_bidirec",
    "model2vec",
    "mt5",
    "static",
    "t5",
];

#[test]
fn published_spellings_say_the_same() {
    let cases = [
        ("electra", "electra.", json!({})),
        ("albert", "albert.", json!({"hidden_act": "gelu_new", "inner_group_num": 2})),
        ("deberta-v2", "deberta.", json!({"pos_att_type": ["c2p", "p2c"], "max_relative_positions": -1})),
        ("eurobert", "model.", json!({"rope_parameters": null, "rope_theta": 250_000, "clf_pooling": "late"})),
        ("jina_embeddings_v3", "roberta.", json!({"rope_parameters": null, "rope_theta": 20_000.0})),
        ("gemma2", "model.", json!({"rope_parameters": null, "rope_theta": 10_000.0, "layer_types": null})),
        ("lfm2", "model.", json!({"layer_types": null, "full_attn_idxs": [1], "rope_parameters": null})),
        ("llama_bidirec", "model.", json!({"architectures": ["LlamaBidirectionalForSequenceClassification"]})),
    ];
    for (case, prefix, config) in cases {
        let (_root, model) = changed(case, |model| {
            edit_config(model, &config);
            // Only models with long texts have those compared.
            wrap(model, prefix);
        });
        if read_tensors(&folder().join(case).join("expected.safetensors")).contains_key("long") {
            assert_same(&model, case);
        } else {
            let same = encode(&open(&folder().join(case), &Options::default()).unwrap(), &texts(), None);
            let found = encode(&open(&model, &Options::default()).unwrap(), &texts(), None);
            assert_eq!(found.values, same.values, "{case}");
        }
    }
}

#[test]
fn the_encoder_of_t5_may_have_its_table_under_either_name() {
    for case in ["t5", "mt5"] {
        let (_root, model) = changed(case, |model| {
            change_tensors(model, |tensors| {
                let table = tensors.remove("shared.weight").unwrap();
                tensors.insert("encoder.embed_tokens.weight".to_owned(), table);
            });
        });
        assert_same(&model, case);
    }
}

#[test]
fn embeddinggemma_2_is_read_from_a_model_of_several_media() {
    let (_root, model) = changed("embedding_gemma2", |model| {
        let file = model.join("config.json");
        let inner = read_json(&file);
        let whole = json!({
            "model_type": "embedding_gemma2", "architectures": ["EmbeddingGemma2Model"], "text_config": inner,
            "vision_config": {"model_type": "gemma4_vision", "num_hidden_layers": 9},
        });
        fs::write(&file, whole.to_string()).unwrap();
        change_tensors(model, |tensors| {
            let wrapped = std::mem::take(tensors).into_iter();
            *tensors = wrapped.map(|(name, tensor)| (format!("language_model.{name}"), tensor)).collect();
        });
    });
    assert_same(&model, "embedding_gemma2");
}

#[test]
fn every_class_is_merged_and_the_merge_is_encoded_with() {
    let root = tempfile::tempdir().unwrap();
    for case in CASES {
        let (one, other, out) = (folder().join(case), root.path().join("b"), root.path().join("out"));
        let _ = fs::remove_dir_all(&other);
        copy_folder(&one, &other);
        let file = other.join("model.safetensors");
        let first = read_tensors(&file);
        let mut second = first.clone();
        for tensor in second.values_mut().filter(|tensor| tensor.dtype != Dtype::I64) {
            let values = tensor.values().into_iter().enumerate().map(|(i, x)| x + 0.01 * f64::from(i as u32 % 7));
            *tensor = Tensor::floats(tensor.dtype, &tensor.shape, values);
        }
        fs::write(&file, safetensors(&second)).unwrap();
        let paths = [&one, &other, &out].map(|path| path.to_str().unwrap().to_owned());
        run(root.path(), &["blend", &paths[0], &paths[1], "-o", &paths[2], "--force", "--no-sync", "-q"]);
        let merged = read_tensors(&out.join("model.safetensors"));
        for (name, tensor) in merged.iter().filter(|(_, tensor)| tensor.dtype != Dtype::I64) {
            let (first, second) = (first[name].values(), second[name].values());
            for (index, x) in tensor.values().iter().enumerate() {
                let expected = f64::midpoint(first[index], second[index]);
                assert!(
                    (x - expected).abs() <= 0.01 * expected.abs().max(1.0),
                    "{case}: {name} {index} {x} {expected}"
                );
            }
        }
        assert_eq!(merged.len(), first.len(), "{case}");
        let found = encode(&open(&out, &Options::default()).unwrap(), &texts(), None);
        assert!(found.len() == texts().len() && found.values.iter().all(|x| x.is_finite()), "{case}");
    }
}

#[test]
fn layers_may_be_rearranged() {
    let root = tempfile::tempdir().unwrap();
    for (case, key) in [("lfm2", "num_hidden_layers"), ("t5", "num_layers"), ("deberta-v2", "num_hidden_layers")] {
        let recipe = format!(
            "merge_method: passthrough\nslices:\n- sources: [{{model: {0}, layer_range: [0, 2]}}]\n- sources: [{{model: {0}, \
             layer_range: [1, 3]}}]\n",
            folder().join(case).display()
        );
        fs::write(root.path().join("recipe.yaml"), recipe).unwrap();
        run(root.path(), &["merge", "recipe.yaml", "-o", "out", "--force", "--no-sync", "-q"]);
        assert_eq!(read_json(&root.path().join("out/config.json"))[key], json!(4), "{case}");
        let found = encode(&open(&root.path().join("out"), &Options::default()).unwrap(), &texts(), None);
        assert!(found.values.iter().all(|x| x.is_finite()), "{case}");
    }
    let types = read_json(&folder().join("lfm2/config.json"))["layer_types"].clone();
    let of = |layer: usize| types[layer].clone();
    let expected: Value = [0, 1, 1, 2].map(of).to_vec().into();
    let recipe = fs::read_to_string(root.path().join("recipe.yaml")).unwrap();
    fs::write(root.path().join("recipe.yaml"), recipe.replace("deberta-v2", "lfm2")).unwrap();
    run(root.path(), &["merge", "recipe.yaml", "-o", "out", "--force", "--no-sync", "-q"]);
    assert_eq!(read_json(&root.path().join("out/config.json"))["layer_types"], expected);
}

#[test]
fn a_difference_that_changes_relative_positions_is_said() {
    let root = tempfile::tempdir().unwrap();
    for (case, key, value, said) in [
        ("deberta-v2", "max_relative_positions", json!(48), "`max_relative_positions`"),
        ("t5", "relative_attention_max_distance", json!(64), "`relative_attention_max_distance`"),
        ("gemma2", "attn_logit_softcapping", json!(30.0), "cap of attention scores"),
    ] {
        let other = root.path().join(case);
        copy_folder(&folder().join(case), &other);
        edit_json(&other.join("config.json"), |config| config[key] = value.clone());
        let one = folder().join(case);
        let arguments = ["blend", one.to_str().unwrap(), other.to_str().unwrap(), "-o", "out", "--no-sync"];
        let output = super::support::admix(root.path()).args(arguments).output().unwrap();
        let text = super::support::stderr(&output);
        assert!(output.status.code() == Some(3) && text.contains(said), "{case}: {text}");
    }
}
