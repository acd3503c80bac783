//! Tokenizers of every kind, sound and broken.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bolero::{check, produce};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::{encode, read};

const TEXTS: [&str; 7] =
    ["", "a", "Hello, world! 12345", "한국어 문장 한국어", "\u{1f600} e\u{301}\u{fdfa}", "   \n\t  x", "[MASK]"];

/// The tokenizers of the golden models, each kind of model among them.
fn sound() -> Vec<(PathBuf, Vec<u8>)> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let names = ["encoders/bert", "encoders/xlm-roberta", "encoders/qwen2", "encoders/roberta"]
        .into_iter()
        .chain(["models/vocabularies/unigram/base", "models/vocabularies/bpe/base"]);
    let paths = names.map(|name| goldens.join(name).join("tokenizer.json"));
    paths.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

fn word_level(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"}
    });
    change(&mut file);
    serde_json::to_vec(&file).unwrap()
}

#[test]
fn tokens_are_those_of_the_crate() {
    for (path, bytes) in sound() {
        let (ours, mut plain) = (read(&bytes).unwrap(), Tokenizer::from_bytes(&bytes).unwrap());
        plain.with_padding(None).with_truncation(None).unwrap();
        for text in TEXTS.into_iter().map(str::to_owned).chain(TEXTS.map(|text| text.repeat(50))) {
            let expected = plain.encode_fast(text.as_str(), true).unwrap();
            assert_eq!(encode(&ours, &text).unwrap().get_ids(), expected.get_ids(), "{}: {text:?}", path.display());
        }
    }
}

#[test]
fn what_the_crate_takes_for_granted_is_named() {
    let template = |single: Value, tokens: Value| json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": tokens});
    let cases = [
        ("/pre_tokenizer", json!({"type": "FixedLength", "length": 0}), "`length` is 0"),
        (
            "/normalizer",
            json!({"type": "Precompiled", "precompiled_charsmap": "/////w=="}),
            "4294967295 bytes of units",
        ),
        (
            "/normalizer",
            json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAA="}),
            "leads out of its table",
        ),
        (
            "/pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "(?:(?:(?=a)a){9999}){9999}"}, "behavior": "Isolated", "invert": false}),
            "repeats too much",
        ),
        (
            "/post_processor",
            template(json!([{"SpecialToken": {"id": "[CLS]", "type_id": 0}}]), json!({})),
            "which `special_tokens` lacks",
        ),
        (
            "/post_processor",
            template(
                json!([{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]),
                json!({}),
            ),
            "the text 2 times",
        ),
        ("/post_processor", template(json!([{"Sequence": {"id": "B", "type_id": 0}}]), json!({})), "expected \"A\""),
        (
            "/model",
            json!({"type": "BPE", "continuing_subword_prefix": "\u{ac00}", "vocab": {"a": 0, "\u{ac01}": 1}, "merges": [["a", "\u{ac01}"]]}),
            "lacks `continuing_subword_prefix`",
        ),
        (
            "/model",
            json!({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a"]]}),
            "a merge makes a token of 2 bytes",
        ),
        ("/model", json!({"type": "Unigram", "unk_id": 0, "vocab": [["a".repeat(2000), 0.0]]}), "has 2000 bytes"),
        ("/model", json!({"type": "Unigram", "unk_id": 7, "vocab": [["a", 0.0]]}), "Unable to load vocab"),
    ];
    for (place, value, problem) in cases {
        let bytes = word_level(|file| *file.pointer_mut(place).unwrap() = value);
        let error = read(&bytes).unwrap_err();
        assert!(error.contains(problem), "{place}: {error}");
    }
}

#[test]
fn a_text_cannot_grow_without_bound() {
    let step = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "a".repeat(30)});
    let bytes = word_level(|file| file["normalizer"] = json!({"type": "Sequence", "normalizers": vec![step; 5]}));
    let error = read(&bytes).unwrap_err();
    assert!(error.contains("grow to more than"), "{error}");
}

#[test]
fn an_expression_that_meets_its_limit_is_an_error() {
    let slow =
        json!({"type": "Split", "pattern": {"Regex": "(?:(?=a)a|a)*(?!a)b"}, "behavior": "Isolated", "invert": false});
    let replace = json!({"type": "Replace", "pattern": {"Regex": "(?:(?=a)a|a)*(?!a)b"}, "content": "b"});
    for (place, value) in [("pre_tokenizer", slow), ("normalizer", replace)] {
        let tokenizer = read(&word_level(|file| file[place] = value)).unwrap();
        assert!(encode(&tokenizer, "aab").is_ok());
        let error = encode(&tokenizer, &"a".repeat(60)).unwrap_err();
        assert!(error.contains("backtracking"), "{place}: {error}");
    }
}

/// Values that are put in the place of others.
fn strange(choice: u8) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(5),
        json!(4_294_967_295_u64),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("가"),
        json!("##"),
        json!("A"),
        json!("."),
        json!("(?=a)"),
        json!("AAAAAA=="),
        json!("BAAAAAAAAAA="),
        json!([]),
        json!({}),
        json!([["a", 0.0]]),
        json!([["a", "b"]]),
        json!({"a": 0}),
        json!({"Regex": "\\s*"}),
        json!({"String": ""}),
        json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        json!({"type": "Replace", "pattern": {"Regex": ""}, "content": "xyz"}),
        json!({"type": "Strip", "strip_left": true, "strip_right": true}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}),
        json!({"type": "Sequence", "processors": []}),
        json!({"type": "NFKD"}),
        json!({"type": "FixedLength", "length": 2}),
    ];
    values[usize::from(choice) % values.len()].clone()
}

/// Puts another value somewhere: the path is a choice at every level.
fn mutate(value: &mut Value, path: &[u8], choice: u8) {
    let Some((first, rest)) = path.split_first() else {
        *value = strange(choice);
        return;
    };
    let pick = |count: usize| usize::from(*first) * count / 256;
    match value {
        Value::Object(object) if !object.is_empty() => {
            let key = object.keys().nth(pick(object.len())).unwrap().clone();
            mutate(&mut object[&key], rest, choice);
        }
        Value::Array(list) if !list.is_empty() => {
            let at = pick(list.len());
            mutate(&mut list[at], rest, choice);
        }
        _ => *value = strange(choice),
    }
}

#[test]
fn a_changed_tokenizer() {
    let mut sound: Vec<Value> = sound().iter().map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    sound.push(serde_json::from_slice(&word_level(|_| {})).unwrap());
    let change = (produce::<[u8; 6]>(), 1..6_usize, produce::<u8>());
    let changes = produce::<Vec<_>>().with().values(change).len(1..=3_usize);
    let long = "a가 \u{1f600}b".repeat(400);
    let seconds = std::env::var("ADMIX_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let time = seconds.map_or(Duration::from_millis(700), Duration::from_secs);
    check!().with_test_time(time).with_generator((0..sound.len(), changes)).for_each(|(choice, changes)| {
        let mut file = sound[*choice].clone();
        for (path, depth, value) in changes {
            mutate(&mut file, &path[..*depth], *value);
        }
        // A panic ends the test unless it became an error.
        match read(&serde_json::to_vec(&file).unwrap()) {
            Ok(tokenizer) => {
                for text in TEXTS.into_iter().chain([long.as_str()]) {
                    let _ = encode(&tokenizer, text).map(|encoding| assert!(encoding.len() <= 64 * (text.len() + 64)));
                }
            }
            Err(problem) => assert!(!problem.is_empty()),
        }
    });
}
