//! What mergekit's users bring: checkpoints that hold more or less than others of their class, and templates by name. The
//! values of heads and modules are among the goldens.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    LINEAR, Tensor, Tensors, admix, copy_folder, edit_json, encoder, names, pair, read_json, read_tensors, repository,
    run, stderr, write_model,
};

fn goldens() -> std::path::PathBuf {
    repository().join("tests/goldens")
}

/// Merges `recipe.yaml` to `out` and gives what was said on the way.
fn merged(folder: &Path) -> String {
    stderr(&run(folder, &["merge", "recipe.yaml", "--no-sync", "--force", "-o", "out"]))
}

/// The errors that the recipe ends with, and its exit code.
fn refused(folder: &Path) -> (String, Option<i32>) {
    let output = admix(folder).args(["plan", "recipe.yaml"]).output().unwrap();
    (stderr(&output), output.status.code())
}

#[test]
fn a_merged_head_is_no_longer_the_embeddings() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&goldens().join("models"), &folder.path().join("models"));
    fs::copy(goldens().join("recipes/heads-linear.yaml"), folder.path().join("recipe.yaml")).unwrap();
    let said = merged(folder.path());
    assert!(said.contains("`models/llama/tied` has no `lm_head.weight` and lends its token embeddings"), "{said}");
    assert!(said.contains("`layers.0.self_attn.rotary_emb.inv_freq` and 1 more are left out"), "{said}");
    assert_eq!(read_json(&folder.path().join("out/config.json"))["tie_word_embeddings"], json!(false));
    // Where all heads are the embeddings, there is none to merge.
    let text = "merge_method: linear\nmodels: [{model: models/llama/base}, {model: models/llama/tied}]\nparameters: {weight: 1}\n";
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    assert!(!merged(folder.path()).contains("warning"));
    assert_eq!(read_json(&folder.path().join("out/config.json"))["tie_word_embeddings"], json!(true));
    assert!(!read_tensors(&folder.path().join("out/model.safetensors")).contains_key("lm_head.weight"));
    // One that says that it has a head of its own and has none is incomplete.
    edit_json(&folder.path().join("models/llama/tied/config.json"), |config| {
        config["tie_word_embeddings"] = json!(false);
    });
    fs::copy(goldens().join("recipes/heads-linear.yaml"), folder.path().join("recipe.yaml")).unwrap();
    let (said, code) = refused(folder.path());
    assert!(
        said.contains("tensor `lm_head.weight` is in `models/llama/untied` and not in `models/llama/tied`"),
        "{said}"
    );
    assert_eq!(code, Some(3));
}

#[test]
fn a_bias_by_two_names_is_one() {
    let folder = pair();
    for (model, seed) in [("a", 1), ("b", 2)] {
        let mut tensors = encoder(seed);
        tensors.insert("cls.predictions.bias".into(), Tensor::random(&[8], seed));
        if model == "a" {
            tensors.insert("cls.predictions.decoder.bias".into(), Tensor::random(&[8], seed));
        }
        write_model(&folder.path().join(model), &tensors);
    }
    merged(folder.path());
    let tensors = read_tensors(&folder.path().join("out/model.safetensors"));
    assert_eq!(tensors["cls.predictions.decoder.bias"], tensors["cls.predictions.bias"]);
}

#[test]
fn buffers_that_models_compute_are_left_out() {
    let folder = pair();
    for (model, seed) in [("a", 1), ("b", 2)] {
        let mut tensors = encoder(seed);
        if model == "b" {
            tensors.insert("rotary_emb.inv_freq".into(), Tensor::random(&[2], 9));
            for layer in 0..2 {
                let name = |end: &str| format!("encoder.layer.{layer}.attention.{end}");
                tensors.insert(name("masked_bias"), Tensor::random(&[], 9));
                tensors.insert(name("bias"), Tensor::random(&[1, 1, 2, 2], 9));
                tensors.insert(name("rotary_emb.cos_cached"), Tensor::random(&[1, 1, 2, 2], 9));
            }
        }
        write_model(&folder.path().join(model), &tensors);
    }
    let said = merged(folder.path());
    assert!(said.contains("`encoder.layer.0.attention.bias` and 6 more are left out"), "{said}");
    let kept: Vec<String> = read_tensors(&folder.path().join("out/model.safetensors")).into_keys().collect();
    assert_eq!(kept, encoder(1).into_keys().collect::<Vec<_>>());
    // A bias of the attention is none.
    for (model, seed) in [("a", 1), ("b", 2)] {
        let mut tensors = encoder(seed);
        tensors.insert("encoder.layer.0.attention.bias".into(), Tensor::random(&[4], seed));
        write_model(&folder.path().join(model), &tensors);
    }
    assert!(!merged(folder.path()).contains("left out"));
}

#[test]
fn a_vocabulary_size_that_config_json_overstates_is_no_other_model() {
    let folder = pair();
    edit_json(&folder.path().join("b/config.json"), |config| config["vocab_size"] = json!(12));
    let said = merged(folder.path());
    assert!(said.contains("warning: the models disagree on vocabulary size: `a` has 8, `b` has 12"), "{said}");
    // With tables of other sizes it is one.
    let mut tensors: Tensors = encoder(2);
    tensors.insert("embeddings.word_embeddings.weight".into(), Tensor::random(&[12, 4], 2));
    fs::write(folder.path().join("b/model.safetensors"), super::support::safetensors(&tensors)).unwrap();
    let (said, code) = refused(folder.path());
    assert!(said.contains("error: the models disagree on vocabulary size"), "{said}");
    assert!(said.contains("hint: `tokenizer_source: union`") && code == Some(3), "{said}");
}

/// Two models of one vocabulary, of which the second has it in other files.
fn one_vocabulary(kind: &str, change: impl Fn(&Path, &Value)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for model in ["a", "b"] {
        copy_folder(&goldens().join("models/vocabularies").join(kind).join("base"), &folder.path().join(model));
    }
    let b = folder.path().join("b");
    let tokenizer = read_json(&b.join("tokenizer.json"));
    fs::remove_file(b.join("tokenizer.json")).unwrap();
    change(&b, &tokenizer);
    fs::write(folder.path().join("recipe.yaml"), LINEAR).unwrap();
    folder
}

/// A model of sentencepiece with these pieces, the first three of them control pieces.
fn sentencepiece<'t>(pieces: impl Iterator<Item = &'t str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, piece) in pieces.enumerate() {
        let mut inner = vec![0x0a, piece.len() as u8];
        inner.extend(piece.as_bytes());
        inner.extend([0x15, 0, 0, 0, 0, 0x18, if place < 3 { 3 } else { 1 }]);
        bytes.extend([0x0a, inner.len() as u8]);
        bytes.extend(inner);
    }
    bytes
}

/// Tokens in the order of their numbers.
fn in_order(vocabulary: &Value) -> Vec<String> {
    let mut tokens: Vec<(u64, &String)> =
        vocabulary.as_object().unwrap().iter().map(|(token, id)| (id.as_u64().unwrap(), token)).collect();
    tokens.sort();
    tokens.into_iter().map(|(_, token)| token.clone()).collect()
}

#[test]
fn tokens_in_other_files_are_compared() {
    let lines = |folder: &Path, tokenizer: &Value| {
        fs::write(folder.join("vocab.txt"), in_order(&tokenizer["model"]["vocab"]).join("\n")).unwrap();
    };
    let table = |folder: &Path, tokenizer: &Value| {
        fs::write(folder.join("vocab.json"), tokenizer["model"]["vocab"].to_string()).unwrap();
        fs::write(folder.join("merges.txt"), "#version: 0.2\n").unwrap();
    };
    let pieces = |folder: &Path, tokenizer: &Value| {
        let vocabulary = tokenizer["model"]["vocab"].as_array().unwrap();
        let pieces = vocabulary.iter().map(|piece| piece[0].as_str().unwrap());
        // XLM-RoBERTa counts from one more than sentencepiece does.
        fs::write(folder.join("sentencepiece.bpe.model"), sentencepiece(pieces.skip(1))).unwrap();
    };
    let none = |_: &Path, _: &Value| {};
    for (kind, files, says) in [
        ("wordpiece", &lines as &dyn Fn(&Path, &Value), ""),
        ("bpe", &table, ""),
        ("unigram", &pieces, ""),
        ("unigram", &none, "`b` has no tokenizer"),
    ] {
        let folder = one_vocabulary(kind, files);
        for more in ["", "tokenizer_source: union\n", "tokenizer_source: base\n"] {
            fs::write(folder.path().join("recipe.yaml"), format!("{LINEAR}{more}")).unwrap();
            let said = merged(folder.path());
            assert!(said.contains("warning") != says.is_empty() && said.contains(says), "{kind} {more}: {said}");
            assert!(names(&folder.path().join("out")).contains(&"tokenizer.json".to_owned()), "{kind} {more}");
        }
        // The other way round the output needs a tokenizer.json where vocabularies are merged.
        let swapped =
            LINEAR.replace("model: a", "model: x").replace("model: b", "model: a").replace("model: x", "model: b");
        fs::write(folder.path().join("recipe.yaml"), format!("{swapped}tokenizer_source: base\n")).unwrap();
        let said = merged(folder.path());
        assert!(!said.contains("error"), "{kind}: {said}");
    }
}

#[test]
fn other_tokens_in_other_files_are_refused() {
    let moved = |folder: &Path, tokenizer: &Value| {
        let mut tokens = in_order(&tokenizer["model"]["vocab"]);
        tokens.swap(6, 7);
        let table: serde_json::Map<String, Value> =
            tokens.into_iter().enumerate().map(|(id, token)| (token, json!(id))).collect();
        fs::write(folder.join("vocab.json"), Value::Object(table).to_string()).unwrap();
    };
    let pieces = |folder: &Path, tokenizer: &Value| {
        let vocabulary = tokenizer["model"]["vocab"].as_array().unwrap();
        let mut pieces: Vec<&str> = vocabulary.iter().map(|piece| piece[0].as_str().unwrap()).collect();
        pieces.swap(6, 7);
        fs::write(folder.join("tokenizer.model"), sentencepiece(pieces.into_iter())).unwrap();
    };
    let damaged = |folder: &Path, _: &Value| fs::write(folder.join("tokenizer.model"), [0x0a, 0xff]).unwrap();
    for (kind, files, says) in [
        ("bpe", &moved as &dyn Fn(&Path, &Value), "disagree on tokenizer vocabulary"),
        ("unigram", &pieces, "disagree on tokenizer vocabulary"),
        ("unigram", &damaged, "no sentencepiece model"),
    ] {
        let (said, code) = refused(one_vocabulary(kind, files).path());
        assert!(said.contains(says) && code == Some(3), "{said}");
    }
}

#[test]
fn a_class_that_the_recipe_gives_changes_config_json_alone() {
    let folder = pair();
    let with = |class: &str| {
        let model = format!("model: {{model: {{path: a}}, override_architecture: {class}}}");
        fs::write(folder.path().join("recipe.yaml"), LINEAR.replacen("model: a", &model, 1)).unwrap();
        let said = merged(folder.path());
        (said, read_json(&folder.path().join("out/config.json"))["architectures"].clone())
    };
    let before = run(folder.path(), &["blend", "a", "b", "--no-sync", "-o", "plain"]);
    assert!(before.status.success());
    let (said, classes) = with("BertModel");
    assert!(said.contains("`override_architecture` has no effect on `a`"), "{said}");
    assert_eq!(classes, json!(["BertModel"]));
    let (said, classes) = with("RobertaModel");
    assert!(said.contains("config.json name `RobertaModel`, and changes no tensor"), "{said}");
    assert_eq!(classes, json!(["RobertaModel"]));
}

#[test]
fn weights_that_cancel_are_said_once() {
    for method in ["linear", "multislerp"] {
        let folder = pair();
        let text = format!(
            "merge_method: {method}\nmodels:\n  - model: a\n    parameters: {{weight: 1}}\n  - model: b\n    parameters: {{weight: -1}}\n"
        );
        fs::write(folder.path().join("recipe.yaml"), text).unwrap();
        let (said, code) = refused(folder.path());
        assert_eq!(said.matches("error").count(), 1, "{said}");
        assert!(said.contains("the weights sum to zero and cannot be normalised"), "{said}");
        assert!(said.contains("recipe.yaml:4:26") && said.contains(": false` takes the weights as they are"), "{said}");
        assert_eq!(code, Some(2));
    }
}

#[test]
fn named_chat_templates_are_what_was_rendered() {
    let folder = pair();
    for model in ["a", "b"] {
        fs::write(folder.path().join(model).join("vocab.txt"), "[PAD]\n[UNK]\n").unwrap();
    }
    let rendered = read_json(&goldens().join("chat_templates.json"));
    let rendered = rendered.as_object().unwrap();
    assert_eq!(rendered.keys().collect::<Vec<_>>(), ["alpaca", "chatml", "exaone", "llama3", "mistral"]);
    for (name, golden) in rendered {
        fs::write(folder.path().join("recipe.yaml"), format!("{LINEAR}chat_template: {name}\n")).unwrap();
        merged(folder.path());
        let found = read_json(&folder.path().join("out/tokenizer_config.json"))["chat_template"].take();
        assert_eq!(found, golden["template"], "{name}: render it again with make_chat_templates.py");
    }
}

#[test]
fn a_recipe_in_utf_16_is_named() {
    let folder = pair();
    let text: Vec<u8> = std::iter::once(0xfeff).chain(LINEAR.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    let (said, code) = refused(folder.path());
    assert!(said.contains("recipe.yaml is UTF-16 text, and recipes are UTF-8") && code == Some(2), "{said}");
}
