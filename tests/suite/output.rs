//! The folder a merge writes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use safetensors::Dtype;
use serde_json::{Value, json};

use super::support::{
    Tensors, edit_json, encoder, names, pair, program, read_json, read_tensors, retrievers, run, snapshot,
};

fn weights(folder: &Path) -> Tensors {
    read_tensors(&folder.join("model.safetensors"))
}

#[test]
fn shards_and_their_index_load_back() {
    let folder = retrievers("tiny");
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "whole"]);
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out", "--shard-size", "50kB"]);
    let out = folder.path().join("out");
    assert!(!out.join("model.safetensors").exists());
    let index = read_json(&out.join("model.safetensors.index.json"));
    let map: BTreeMap<String, String> = serde_json::from_value(index["weight_map"].clone()).unwrap();
    let mut shards: Vec<&String> = map.values().collect();
    shards.sort();
    shards.dedup();
    let count = shards.len();
    assert!(count > 1);
    let mut found = Tensors::new();
    for (number, shard) in shards.into_iter().enumerate() {
        assert_eq!(*shard, format!("model-{:05}-of-{count:05}.safetensors", number + 1));
        let tensors = read_tensors(&out.join(shard));
        let size: usize = tensors.values().map(|tensor| tensor.bytes.len()).sum();
        assert!(size <= 50_000 || tensors.len() == 1, "{shard} holds {size} bytes");
        assert!(tensors.keys().all(|name| map[name] == *shard));
        found.extend(tensors);
    }
    assert_eq!(found, weights(&folder.path().join("whole")));
    assert_eq!(found.len(), map.len());
    let size: usize = found.values().map(|tensor| tensor.bytes.len()).sum();
    assert_eq!(index["metadata"]["total_size"], json!(size));
    // And admix reads its own shards.
    fs::write(folder.path().join("copy.yaml"), "merge_method: passthrough\nmodels: [{model: out}]\n").unwrap();
    run(folder.path(), &["merge", "copy.yaml", "-q", "-o", "copy"]);
    assert_eq!(weights(&folder.path().join("copy")), found);
}

#[test]
fn a_second_run_writes_the_same_folder() {
    let folder = retrievers("tiny-dense");
    let merge = || {
        run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
        let found = snapshot(&folder.path().join("out"));
        fs::remove_dir_all(folder.path().join("out")).unwrap();
        found
    };
    assert!(merge() == merge());
}

#[test]
fn force_replaces_what_an_earlier_merge_wrote() {
    let folder = pair();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    fs::write(folder.path().join("out/notes.txt"), "old").unwrap();
    let before = weights(&folder.path().join("out"));
    fs::write(folder.path().join("other.yaml"), "merge_method: passthrough\nmodels: [{model: b}]\n").unwrap();
    run(folder.path(), &["merge", "other.yaml", "-q", "out", "--force"]);
    let after = weights(&folder.path().join("out"));
    assert!(after != before && after == encoder(2));
    assert!(!folder.path().join("out/notes.txt").exists());
    assert_eq!(names(folder.path()), ["a", "b", "other.yaml", "out", "recipe.yaml"]);
}

#[test]
fn permissions_follow_the_umask_and_not_the_inputs() {
    let folder = retrievers("tiny-dense");
    for (path, _) in snapshot(folder.path()).iter().filter(|(path, _)| path.is_file()) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap();
    }
    for (umask, file, inner) in [("022", 0o644, 0o755), ("077", 0o600, 0o700), ("002", 0o664, 0o775)] {
        let script = format!("umask {umask}; exec '{}' merge recipe.yaml -q -o out-{umask}", program());
        assert!(Command::new("sh").args(["-c", &script]).current_dir(folder.path()).status().unwrap().success());
        let out = folder.path().join(format!("out-{umask}"));
        let paths: Vec<_> = snapshot(&out).into_keys().chain([out.clone()]).collect();
        for path in paths {
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            let expected = if path.is_dir() { inner } else { file };
            assert_eq!(mode, expected, "{} is {mode:o}", path.display());
        }
    }
}

#[test]
fn config_json_names_the_format_that_was_written() {
    for (key, other) in [("dtype", "torch_dtype"), ("torch_dtype", "dtype")] {
        let folder = pair();
        for model in ["a", "b"] {
            edit_json(&folder.path().join(model).join("config.json"), |config| {
                let config = config.as_object_mut().unwrap();
                config.remove(other);
                config.insert(key.into(), json!("float32"));
                config.insert("untouched".into(), json!({"deep": [1, 1e-12]}));
            });
        }
        run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out", "--out-dtype", "bfloat16"]);
        let config = read_json(&folder.path().join("out/config.json"));
        assert_eq!((&config[key], &config[other]), (&json!("bfloat16"), &Value::Null));
        assert_eq!(config["untouched"], json!({"deep": [1, 1e-12]}));
        assert!(weights(&folder.path().join("out")).values().all(|tensor| tensor.dtype == Dtype::BF16));
    }
}

#[test]
fn slices_set_the_number_of_layers() {
    let folder = pair();
    let text = "merge_method: passthrough\nslices:\n  - sources: [{model: a, layer_range: [0, 2]}]\n  - sources: [{model: b, layer_range: [1, 2]}]\n";
    fs::write(folder.path().join("slices.yaml"), text).unwrap();
    run(folder.path(), &["merge", "slices.yaml", "-q", "-o", "out"]);
    assert_eq!(read_json(&folder.path().join("out/config.json"))["num_hidden_layers"], json!(3));
    let found = weights(&folder.path().join("out"));
    let (a, b) = (encoder(1), encoder(2));
    assert_eq!(found.len(), 7);
    assert_eq!(found["encoder.layer.1.output.dense.weight"], a["encoder.layer.1.output.dense.weight"]);
    assert_eq!(found["encoder.layer.2.output.dense.weight"], b["encoder.layer.1.output.dense.weight"]);
    assert_eq!(found["embeddings.word_embeddings.weight"], a["embeddings.word_embeddings.weight"]);
}

#[test]
fn the_model_card_has_the_hubs_front_matter() {
    for (folder, library) in [(pair(), "transformers"), (retrievers("tiny"), "sentence-transformers")] {
        run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
        let card = fs::read_to_string(folder.path().join("out/README.md")).unwrap();
        let (front, text) = card.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
        let front: Value = serde_yaml::from_str(front).unwrap();
        // Folders on this machine are no models of the Hub.
        assert_eq!(front["base_model"], json!(null));
        assert_eq!(front["base_model_relation"], json!(null));
        assert!(text.contains("- a (configuration and tokenizer)\n- b\n") || text.contains("- a\n- b\n"), "{text}");
        let tags: &[&str] =
            if library == "transformers" { &[] } else { &["sentence-transformers", "feature-extraction"] };
        assert_eq!(front["tags"], json!([tags, &["merge", "admix"]].concat()));
        assert_eq!(front["library_name"], json!(library));
        assert!(text.contains("merge_method: linear"), "{text}");
    }
}

/// The front matter and the text of a merge's model card.
fn card(folder: &Path) -> (Value, String) {
    let card = fs::read_to_string(folder.join("README.md")).unwrap();
    let (front, text) = card.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    (serde_yaml::from_str(front).unwrap(), text.to_owned())
}

#[test]
fn the_model_card_has_languages_and_licence_of_the_models_and_values_in_its_recipe() {
    let folder = pair();
    let root = folder.path();
    let recipe = super::support::LINEAR.replacen("weight: 0.5", "weight: \"${w}\"", 1).replacen(
        "weight: 1",
        "weight: \"${w}\"",
        1,
    );
    assert!(recipe.contains("${w}"), "{recipe}");
    fs::write(root.join("recipe.yaml"), recipe).unwrap();
    let write = |model: &str, front: &str| {
        fs::write(root.join(model).join("README.md"), format!("---\n{front}---\n# M\n")).unwrap();
    };
    write("a", "language: [ko, en]\nlicense: apache-2.0\n");
    write("b", "language: en\nlicense: apache-2.0\n");
    run(root, &["merge", "recipe.yaml", "--set", "w=0.25", "-q", "-o", "out"]);
    let (front, text) = card(&root.join("out"));
    assert_eq!(front["language"], json!(["ko", "en"]));
    assert_eq!(front["license"], json!("apache-2.0"));
    assert!(text.contains("weight: 0.25") && !text.contains("${w}"), "{text}");
    write("b", "license: mit\n");
    run(root, &["merge", "recipe.yaml", "--set", "w=0.25", "-q", "-o", "other"]);
    let (front, text) = card(&root.join("other"));
    assert_eq!(front["license"], json!(null));
    assert!(text.contains("- a: apache-2.0\n- b: mit\n"), "{text}");
}

#[test]
fn admix_json_records_the_merge() {
    let folder = pair();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out", "--seed", "7"]);
    let record = read_json(&folder.path().join("out/admix.json"));
    assert_eq!(record["admix"], json!(env!("CARGO_PKG_VERSION")));
    assert_eq!((&record["method"], &record["seed"], &record["tensors"]), (&json!("linear"), &json!(7), &json!(5)));
    assert_eq!(record["recipe"].as_str().unwrap(), super::support::LINEAR);
    let size = fs::metadata(folder.path().join("b/model.safetensors")).unwrap().len();
    assert_eq!(record["models"][1]["weights"], json!([{"file": "model.safetensors", "bytes": size}]));
    assert_eq!(record["warnings"], json!([]));
}

#[test]
fn missing_parents_are_made() {
    let folder = pair();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "deep/er/out"]);
    assert_eq!(names(&folder.path().join("deep/er")), ["out"]);
}
