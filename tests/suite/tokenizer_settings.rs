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
