//! Tensors that a file holds twice stay copies of each other, whatever the recipe says of either name.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Tensor, Tensors, admix, edit_json, encoder, read_tensors, run, stderr, write_model};

const SHARED: &str = "shared.weight";
const COPIES: [&str; 3] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"];

/// Models whose table of tokens stands under four names.
fn t5(config: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in (1..).zip(["base", "a", "b"]) {
        let table = Tensor::random(&[8, 4], seed);
        let mut tensors = Tensors::new();
        for name in COPIES.into_iter().chain([SHARED]) {
            tensors.insert(name.into(), table.clone());
        }
        tensors.insert("encoder.block.0.layer.0.SelfAttention.q.weight".into(), Tensor::random(&[4, 4], seed + 10));
        write_model(&folder.path().join(name), &tensors);
        edit_json(&folder.path().join(name).join("config.json"), |own| {
            own.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        });
    }
    folder
}

fn merged(folder: &Path, recipe: &str) -> (Tensors, String) {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let output = admix(folder).args(["merge", "recipe.yaml", "--no-sync", "--force", "-o", "out"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (read_tensors(&folder.join("out/model.safetensors")), stderr(&output))
}

/// A recipe whose weight depends on the name.
fn recipe(method: &str) -> String {
    format!(
        "merge_method: {method}\nbase_model: base\nmodels: [{{model: a}}, {{model: b}}]\nparameters:\n  density: 0.5\n  \
         weight:\n    - {{filter: encoder.embed, value: 0.9}}\n    - {{filter: lm_head, value: 0.1}}\n    - {{filter: \
         shared, value: 0.3}}\n    - {{value: 0.5}}\n"
    )
}

#[test]
fn copies_are_merged_as_what_they_are_copies_of() {
    let folder = t5(&json!({"model_type": "t5"}));
    for method in ["ties", "dare_ties", "dare_linear", "breadcrumbs"] {
        let (out, said) = merged(folder.path(), &recipe(method));
        for copy in COPIES {
            assert_eq!(out[copy], out[SHARED], "{method}: {copy}");
        }
        // What is said of the copies alone has no effect.
        assert!(said.contains("the filter `lm_head` of `weight` matches no tensor"), "{said}");
        // It is the merge of a file that holds the table once.
        let single = t5(&json!({"model_type": "t5"}));
        for model in ["base", "a", "b"] {
            let mut tensors = read_tensors(&single.path().join(model).join("model.safetensors"));
            tensors.retain(|name, _| !COPIES.contains(&name.as_str()));
            write_model(&single.path().join(model), &tensors);
            edit_json(&single.path().join(model).join("config.json"), |config| config["model_type"] = json!("t5"));
        }
        let (expected, _) = merged(single.path(), &recipe(method));
        assert_eq!(out[SHARED], expected[SHARED], "{method}");
        assert_eq!(expected.len() + COPIES.len(), out.len());
    }
}

#[test]
fn a_head_of_its_own_is_merged_on_its_own() {
    // Not tied, though equal in all models.
    let folder = t5(&json!({"model_type": "t5", "tie_word_embeddings": false}));
    let (out, _) = merged(folder.path(), &recipe("ties"));
    assert_ne!(out["lm_head.weight"], out[SHARED]);
    assert_eq!(out["encoder.embed_tokens.weight"], out[SHARED]);
    // By its class.
    let folder = t5(&json!({"model_type": "llama"}));
    assert_ne!(merged(folder.path(), &recipe("ties")).0["lm_head.weight"], out[SHARED]);
    // Tied, and another one in one of the models.
    let folder = t5(&json!({"model_type": "t5"}));
    let file = folder.path().join("b/model.safetensors");
    let mut tensors = read_tensors(&file);
    tensors.insert("lm_head.weight".into(), Tensor::random(&[8, 4], 99));
    fs::write(file, super::support::safetensors(&tensors)).unwrap();
    let (out, _) = merged(folder.path(), &recipe("ties"));
    assert_ne!(out["lm_head.weight"], out[SHARED]);
}

#[test]
fn a_model_need_not_hold_the_copy() {
    let folder = t5(&json!({"model_type": "t5"}));
    let (expected, _) = merged(folder.path(), &recipe("ties"));
    let without = |model: &str| {
        let file = folder.path().join(model).join("model.safetensors");
        let mut tensors = read_tensors(&file);
        tensors.remove("lm_head.weight");
        fs::write(file, super::support::safetensors(&tensors)).unwrap();
    };
    without("a");
    assert_eq!(merged(folder.path(), &recipe("ties")).0, expected);
    // Nor has the output one that the donor does not hold.
    without("base");
    let (out, _) = merged(folder.path(), &recipe("ties"));
    assert!(!out.contains_key("lm_head.weight"));
    assert_eq!((out.len(), &out[SHARED]), (expected.len() - 1, &expected[SHARED]));
}

#[test]
fn the_biases_and_the_words_of_a_masked_language_models_head_are_copies() {
    let folder = tempfile::tempdir().unwrap();
    let words = "bert.embeddings.word_embeddings.weight";
    for (seed, name) in (1..).zip(["base", "a", "b"]) {
        let mut tensors: Tensors = encoder(seed).into_iter().map(|(name, x)| (format!("bert.{name}"), x)).collect();
        tensors.insert("cls.predictions.decoder.weight".into(), tensors[words].clone());
        for name in ["cls.predictions.bias", "cls.predictions.decoder.bias"] {
            tensors.insert(name.into(), Tensor::random(&[8], seed + 5));
        }
        write_model(&folder.path().join(name), &tensors);
    }
    let recipe = "merge_method: dare_linear\nbase_model: base\nmodels: [{model: a}, {model: b}]\nparameters:\n  density: \
                  0.5\n  weight: [{filter: cls, value: 0.1}, {value: 0.5}]\n";
    let (out, _) = merged(folder.path(), recipe);
    assert_eq!(out["cls.predictions.decoder.weight"], out[words]);
    assert_eq!(out["cls.predictions.decoder.bias"], out["cls.predictions.bias"]);
}

#[test]
fn copies_stay_copies_through_documents() {
    let folder = t5(&json!({"model_type": "t5"}));
    let recipe = format!(
        "name: first\n{}---\nmerge_method: dare_linear\nbase_model: base\nmodels: [{{model: first}}, {{model: b}}]\n\
         parameters:\n  density: 0.5\n  weight: [{{filter: shared, value: 0.2}}, {{value: 0.7}}]\n",
        recipe("dare_ties")
    );
    let (out, _) = merged(folder.path(), &recipe);
    for copy in COPIES {
        assert_eq!(out[copy], out[SHARED], "{copy}");
    }
    run(folder.path(), &["plan", "recipe.yaml"]);
}
