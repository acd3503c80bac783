//! Transformers put together from ranges of layers: where the tensors outside of the layers come from, and what the
//! configuration says of the layers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensor, Tensors, admix, edit_json, encoder, read_json, read_tensors, run, safetensors, stderr, stdout_json,
    tensors, write_json, write_model,
};

const STACK: &str = "\
merge_method: passthrough
slices:
  - sources: [{model: a, layer_range: [0, 1]}]
  - sources: [{model: b, layer_range: [1, 2]}]
";

/// The encoders `a` and `b` with a pooler, both with that configuration.
fn models(config: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in (1..).zip(["a", "b"]) {
        let mut tensors = encoder(seed);
        tensors.insert("pooler.dense.weight".into(), Tensor::random(&[4, 4], seed + 7));
        write_model(&folder.path().join(name), &tensors);
        edit_json(&folder.path().join(name).join("config.json"), |own| {
            own.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        });
    }
    folder
}

fn weights(folder: &Path, name: &str) -> Tensors {
    read_tensors(&folder.join(name).join("model.safetensors"))
}

/// Merges a recipe's text into `out`.
fn merge(folder: &Path, recipe: &str, more: &[&str]) -> (Option<i32>, String) {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let arguments = ["merge", "recipe.yaml", "--no-sync", "--force", "-o", "out"];
    let output = admix(folder).args(arguments).args(more).output().unwrap();
    (output.status.code(), stderr(&output))
}

#[test]
fn what_stands_behind_the_layers_comes_from_the_last_slice_where_the_class_is_listed() {
    for (class, from) in [(json!(["BertModel"]), "b"), (json!(["XLMRobertaModel"]), "a"), (Value::Null, "a")] {
        let folder = models(&json!({"architectures": class}));
        let root = folder.path();
        assert_eq!(merge(root, STACK, &[]).0, Some(0));
        let (out, expected) = (weights(root, "out"), weights(root, from));
        assert_eq!(out["pooler.dense.weight"], expected["pooler.dense.weight"], "{class}");
        let words = "embeddings.word_embeddings.weight";
        assert_eq!(out[words], weights(root, "a")[words], "{class}");
        let plan = stdout_json(&run(root, &["plan", "recipe.yaml", "--json"]));
        assert_eq!(plan["outside"]["behind_from_last"], from == "b", "{class}");
        let shown = String::from_utf8(run(root, &["plan", "recipe.yaml"]).stdout).unwrap();
        let line = if from == "b" { "behind the layers from the last (BertModel)" } else { "from the first slice, as" };
        assert!(shown.contains(line), "{shown}");
    }
}

/// Of models of two classes one that is not listed decides.
#[test]
fn one_class_that_is_not_listed_is_enough() {
    let folder = models(&json!({}));
    let root = folder.path();
    edit_json(&root.join("a/config.json"), |config| config["architectures"] = json!(["CamembertModel"]));
    assert_eq!(merge(root, STACK, &[]).0, Some(0));
    assert_eq!(weights(root, "out")["pooler.dense.weight"], weights(root, "a")["pooler.dense.weight"]);
}

#[test]
fn a_dense_module_goes_with_the_tensors_behind_the_layers() {
    let folder = models(&json!({}));
    let root = folder.path();
    for (seed, model) in [(1, "a"), (2, "b")] {
        let modules = json!([
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        ]);
        write_json(&root.join(model).join("modules.json"), &modules);
        let (pooling, dense) = (root.join(model).join("1_Pooling"), root.join(model).join("2_Dense"));
        fs::create_dir(&pooling).unwrap();
        fs::create_dir(&dense).unwrap();
        write_json(
            &pooling.join("config.json"),
            &json!({"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true}),
        );
        write_json(&dense.join("config.json"), &json!({"in_features": 4, "out_features": 4, "bias": false}));
        let weights = tensors([("linear.weight", Tensor::random(&[4, 4], seed))]);
        fs::write(dense.join("model.safetensors"), safetensors(&weights)).unwrap();
    }
    assert_eq!(merge(root, STACK, &[]).0, Some(0));
    assert_eq!(weights(root, "out/2_Dense"), weights(root, "b/2_Dense"));
}

#[test]
fn a_configuration_that_counts_its_layers_is_made_to_list_them() {
    let counted = json!({"model_type": "modernbert", "global_attn_every_n_layers": 2});
    let folder = models(&counted);
    let recipe = "merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [0, 1]}]\n  - sources: \
                  [{model: b, layer_range: [0, 2]}]\n";
    let (code, said) = merge(folder.path(), recipe, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: the kinds of attention are listed in config.json"), "{said}");
    let config = read_json(&folder.path().join("out/config.json"));
    assert_eq!(config["num_hidden_layers"], 3);
    assert_eq!(config["layer_types"], json!(["full_attention", "full_attention", "sliding_attention"]));
    assert_eq!(config["global_attn_every_n_layers"], Value::Null);
    // Where the count still holds it stays.
    assert_eq!(merge(folder.path(), STACK, &[]).1.matches("warning").count(), 0);
    let config = read_json(&folder.path().join("out/config.json"));
    assert_eq!((&config["global_attn_every_n_layers"], config.get("layer_types")), (&json!(2), None));
}

#[test]
fn layers_that_cannot_be_told_apart_are_refused() {
    let folder = models(&json!({"model_type": "jamba", "expert_layer_period": 2}));
    let recipe = "merge_method: passthrough\nslices:\n  - sources: [{model: b, layer_range: [1, 2]}]\n";
    let (code, said) = merge(folder.path(), recipe, &[]);
    assert_eq!(code, Some(3), "{said}");
    let expected = "layer 1 of `b` would be layer 0 of the output, and config.json counts the layers with experts by \
                    `expert_layer_period`";
    assert!(said.contains(expected) && said.contains("hint: "), "{said}");
    let (code, said) = merge(folder.path(), recipe, &["--allow", "architecture"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("warning: {expected}")), "{said}");
}

#[test]
fn layers_of_two_kinds_are_not_merged_into_one() {
    let folder = models(&json!({"model_type": "gemma3_text", "sliding_window_pattern": 2}));
    let recipe = "merge_method: linear\nparameters: {weight: 0.5}\nslices:\n  - sources:\n      - {model: a, \
                  layer_range: [0, 1]}\n      - {model: b, layer_range: [1, 2]}\n";
    let (code, said) = merge(folder.path(), recipe, &[]);
    assert_eq!(code, Some(3), "{said}");
    let expected =
        "layer 0 of `a` and layer 1 of `b` differ in kinds of attention: sliding_attention and full_attention";
    assert!(said.contains(expected), "{said}");
    assert_eq!(merge(folder.path(), recipe, &["--allow", "architecture"]).0, Some(0));
    assert_eq!(read_json(&folder.path().join("out/config.json"))["num_hidden_layers"], 1);
}

#[test]
fn lists_as_long_as_the_model_is_deep_are_cut_only_where_they_are_about_layers() {
    let folder = models(&json!({
        "eos_token_id": [1, 2], "layer_types": ["full_attention", "sliding_attention"], "my_list": [3, 4]
    }));
    let recipe = "merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [1, 2]}]\n";
    let (code, said) = merge(folder.path(), recipe, &[]);
    assert_eq!(code, Some(0), "{said}");
    let config = read_json(&folder.path().join("out/config.json"));
    assert_eq!(config["layer_types"], json!(["sliding_attention"]));
    assert_eq!((&config["eos_token_id"], &config["my_list"]), (&json!([1, 2]), &json!([3, 4])));
    assert!(said.contains("`my_list` of config.json may be about single layers") && !said.contains("eos"), "{said}");
}
