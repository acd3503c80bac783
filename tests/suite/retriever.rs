//! sentence-transformers folders are merged as a whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::support::{edit_json, read_tensors, repository, retrievers, run, snapshot, write_json};

/// The paths of the files below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let paths = snapshot(folder).into_keys().filter(|path| path.is_file());
    paths.map(|path| path.strip_prefix(folder).unwrap().to_owned()).collect()
}

/// Holds that `out` has every file of `input`, with the same content but for weights and the configuration.
fn carries_over(input: &Path, out: &Path) {
    let mut expected = files(input);
    expected.extend([PathBuf::from("README.md"), PathBuf::from("admix.json")]);
    assert_eq!(files(out), expected);
    for file in files(input) {
        let changes = file.ends_with("model.safetensors") || file.file_name().is_some_and(|name| name == "config.json");
        if !changes || file.starts_with("1_Pooling") {
            assert!(fs::read(input.join(&file)).unwrap() == fs::read(out.join(&file)).unwrap(), "{}", file.display());
        }
    }
}

/// Holds that the tensors of a file are the means of those in `a` and `b`.
fn is_mean(folder: &Path, file: &str) {
    let read = |model: &str| read_tensors(&folder.join(model).join(file));
    let (a, b, out) = (read("a"), read("b"), read("out"));
    assert_eq!(out.keys().collect::<Vec<_>>(), a.keys().collect::<Vec<_>>());
    for (name, tensor) in out {
        for ((found, a), b) in tensor.values().iter().zip(a[&name].values()).zip(b[&name].values()) {
            assert!((found - f64::midpoint(a, b)).abs() < 1e-6, "{file}: {name}");
        }
    }
}

#[test]
fn every_file_a_loader_needs_is_carried_over() {
    let folder = retrievers("tiny");
    for (name, content) in [("vocab.txt", "words"), ("sentencepiece.bpe.model", "pieces"), ("modeling_own.py", "code")]
    {
        for model in ["a", "b"] {
            fs::write(folder.path().join(model).join(name), content).unwrap();
        }
    }
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    carries_over(&folder.path().join("a"), &folder.path().join("out"));
    is_mean(folder.path(), "model.safetensors");
}

#[test]
fn a_dense_module_is_merged_by_the_same_recipe() {
    let folder = retrievers("tiny-dense");
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    carries_over(&folder.path().join("a"), &folder.path().join("out"));
    is_mean(folder.path(), "model.safetensors");
    is_mean(folder.path(), "2_Dense/model.safetensors");
}

/// Moves the transformer of a model into `0_Transformer`, as older versions of sentence-transformers save it.
fn to_old_layout(model: &Path) {
    let inner = model.join("0_Transformer");
    fs::create_dir(&inner).unwrap();
    for name in [
        "config.json",
        "model.safetensors",
        "sentence_bert_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        fs::rename(model.join(name), inner.join(name)).unwrap();
    }
    edit_json(&model.join("modules.json"), |modules| modules[0]["path"] = json!("0_Transformer"));
}

#[test]
fn the_old_layout_merges_with_itself_and_with_the_new_one() {
    let folder = retrievers("tiny");
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "new"]);
    let expected = read_tensors(&folder.path().join("new/model.safetensors"));
    to_old_layout(&folder.path().join("a"));
    for out in ["mixed", "old"] {
        run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", out]);
        carries_over(&folder.path().join("a"), &folder.path().join(out));
        let found = read_tensors(&folder.path().join(out).join("0_Transformer/model.safetensors"));
        assert!(found == expected, "{out}");
        if out == "mixed" {
            to_old_layout(&folder.path().join("b"));
        }
    }
}

#[test]
fn settings_in_older_and_newer_spelling_agree() {
    let folder = retrievers("tiny");
    let pooling = json!({"word_embedding_dimension": 24, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": false});
    write_json(&folder.path().join("a/1_Pooling/config.json"), &pooling);
    let pooling = json!({"embedding_dimension": 24, "pooling_mode": "mean", "include_prompt": true});
    write_json(&folder.path().join("b/1_Pooling/config.json"), &pooling);
    let said = run(folder.path(), &["merge", "recipe.yaml", "-o", "out"]).stderr;
    assert!(!String::from_utf8_lossy(&said).contains("warning"));
}

#[test]
fn a_plain_folder_takes_the_place_of_a_retriever_of_the_same_model() {
    let folder = retrievers("tiny");
    for name in ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"] {
        fs::remove_file(folder.path().join("b").join(name)).unwrap();
    }
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    carries_over(&folder.path().join("a"), &folder.path().join("out"));
    is_mean(folder.path(), "model.safetensors");
}

#[test]
fn configuration_comes_from_the_base_model() {
    let folder = retrievers("tiny");
    for (model, value) in [("a", 1), ("b", 2)] {
        edit_json(&folder.path().join(model).join("config.json"), |config| config["marked"] = json!(value));
    }
    let text = "merge_method: slerp\nbase_model: b\nmodels: [{model: a}]\nparameters: {t: 0.5}\n";
    fs::write(folder.path().join("slerp.yaml"), text).unwrap();
    run(folder.path(), &["merge", "slerp.yaml", "-q", "-o", "out"]);
    let config = super::support::read_json(&folder.path().join("out/config.json"));
    assert_eq!(config["marked"], json!(2));
}

#[test]
fn the_fixtures_are_there() {
    for model in ["tiny/base", "tiny/ko-ko", "tiny/ko-en", "tiny-dense/base", "tiny-dense/ko-en"] {
        assert!(repository().join("fixtures").join(model).join("modules.json").is_file(), "{model}");
    }
}
