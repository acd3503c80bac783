//! Settings of tokenizers as sentence-transformers follows them, and tokenizers that are damaged.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use admix::checkpoint::Checkpoint;
use admix::encoder::{Encoder, Options, Role};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{admix, copy_folder, edit_json, read_json, repository, stderr, write_json};

fn goldens() -> PathBuf {
    repository().join("tests/goldens/tokenizer_settings")
}

/// A copy of a golden folder.
fn copy(base: &str) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("model");
    copy_folder(&goldens().join(base), &model);
    (root, model)
}

/// Sets keys of files as the script that made the goldens does: a key is a path, and `absent` takes it out.
fn change(model: &Path, edits: &Value) {
    for (name, keys) in edits.as_object().unwrap() {
        let path = model.join(name);
        if !path.exists() {
            write_json(&path, &json!({}));
        }
        edit_json(&path, |file| {
            for (key, new) in keys.as_object().unwrap() {
                let (outer, last) = key.rsplit_once('/').unwrap_or(("", key));
                let outer = if outer.is_empty() { String::new() } else { format!("/{outer}") };
                let object = file.pointer_mut(&outer).unwrap().as_object_mut().unwrap();
                if new == "absent" {
                    object.remove(last);
                } else {
                    object.insert(last.to_owned(), new.clone());
                }
            }
        });
    }
}

/// The largest difference of the embeddings of some texts to those that are expected; a text without any is passed over.
fn difference(encoder: &Encoder, role: Role, texts: &[String], expected: &Value) -> f64 {
    let tokens = encoder.tokenize_as(role, texts, None).unwrap();
    let found = encoder.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let mut most = 0.0;
    for (row, expected) in found.rows().zip(expected.as_array().unwrap()) {
        for (x, y) in row.iter().zip(expected.as_array().into_iter().flatten()) {
            most = f64::max(most, (f64::from(*x) - y.as_f64().unwrap()).abs());
        }
    }
    most
}

#[test]
fn settings_are_followed_as_sentence_transformers_follows_them() {
    let texts: Vec<String> = serde_json::from_value(read_json(&goldens().join("texts.json"))).unwrap();
    let cases = read_json(&goldens().join("cases.json"));
    let mut off = Vec::new();
    for case in cases.as_array().unwrap() {
        let (_root, model) = copy(case["base"].as_str().unwrap());
        change(&model, &case["edits"]);
        let encoder = Encoder::open(&Checkpoint::open(&model).unwrap(), &Options::default()).unwrap();
        for (role, name) in [(Role::Text, "plain"), (Role::Query, "query")] {
            let most = difference(&encoder, role, &texts, &case["expected"][name]);
            if most > 5e-5 {
                off.push(format!("{}, {name}: {most:.1e}", case["name"]));
            }
        }
    }
    assert!(off.is_empty(), "{off:#?}");
}

/// Parts of a tokenizer.json that its reader takes for granted, broken: where, and what stands there.
fn broken() -> Vec<(&'static str, Value)> {
    let template =
        |single: Value| json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": {}});
    let replace = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "a".repeat(30)});
    let split =
        |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    vec![
        ("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "/////w=="})),
        ("/normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAA="})),
        ("/normalizer", json!({"type": "Sequence", "normalizers": vec![replace; 5]})),
        ("/normalizer", json!({"type": "Unheard"})),
        ("/pre_tokenizer", json!({"type": "FixedLength", "length": 0})),
        ("/pre_tokenizer", split("(?:(?:(?=a)a){9999}){9999}")),
        ("/pre_tokenizer", split("(")),
        ("/post_processor", template(json!([{"SpecialToken": {"id": "[CLS]", "type_id": 0}}]))),
        ("/post_processor", template(json!([{"Sequence": {"id": "B", "type_id": 0}}]))),
        ("/added_tokens", json!([{"id": -1, "content": "x"}])),
        ("/model", json!({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a"]]})),
        (
            "/model",
            json!({"type": "BPE", "continuing_subword_prefix": "가", "vocab": {"a": 0, "각": 1}, "merges": [["a", "각"]]}),
        ),
        ("/model", json!({"type": "Unigram", "unk_id": 7, "vocab": [["a", 0.0]]})),
        ("/model", json!({"type": "Unigram", "unk_id": 0, "vocab": [["a".repeat(2000), 0.0]]})),
        ("/model", json!({"type": "WordPiece", "vocab": {"a": "b"}})),
        ("/model", json!(null)),
    ]
}

/// Runs a command and gives its exit code, and what it says.
fn code(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = admix(folder).args(arguments).write_stdin("a cat\nhello hello\n").output().unwrap();
    (output.status.code(), stderr(&output))
}

#[test]
fn a_damaged_tokenizer_is_refused_by_name_by_whatever_reads_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path();
    copy_folder(&repository().join("fixtures/tiny/base"), &folder.join("model"));
    copy_folder(&repository().join("fixtures/tiny/ko-en"), &folder.join("other"));
    copy_folder(&repository().join("fixtures/sets/weather"), &folder.join("weather"));
    fs::write(
        folder.join("union.yaml"),
        "merge_method: linear\nmodels: [{model: other}, {model: model}]\nparameters: {weight: 0.5}\ntokenizer_source: union\n",
    )
    .unwrap();
    // So that the parts of tokenizer.json are used, and not made anew.
    edit_json(&folder.join("model/tokenizer_config.json"), |config| {
        config["tokenizer_class"] = json!("PreTrainedTokenizerFast");
    });
    let file = folder.join("model/tokenizer.json");
    let sound = read_json(&file);
    for (place, value) in broken() {
        let mut tokenizer = sound.clone();
        *tokenizer.pointer_mut(place).unwrap() = value.clone();
        write_json(&file, &tokenizer);
        for arguments in
            [&["embed", "model", "-q", "-f", "-o", "out.npy"][..], &["score", "model", "--data", "weather", "-q"]]
        {
            let (code, said) = code(folder, arguments);
            assert_eq!(code, Some(3), "{arguments:?}, {place} {value}: {said}");
            assert!(said.contains("model/tokenizer.json"), "{arguments:?}, {place} {value}: {said}");
        }
        // A merge reads the tokens alone.
        let has_tokens = place != "/added_tokens" && !value.is_null() && value["type"] != "WordPiece";
        for arguments in [&["plan", "union.yaml"][..], &["merge", "union.yaml", "-o", "out", "--force", "--no-sync"]] {
            let (code, said) = code(folder, arguments);
            assert!(
                code == Some(3) || (code == Some(0) && has_tokens),
                "{arguments:?}, {place} {value}: {code:?} {said}"
            );
            let is_named = said.contains("tokenizer.json") || said.contains("a BPE one");
            assert!(code == Some(0) || is_named, "{arguments:?}, {place} {value}: {said}");
        }
    }
}
