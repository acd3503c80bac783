#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tempfile::TempDir;

use super::super::compare::STEP;
use super::*;

fn with(files: &[(&str, &str)]) -> (TempDir, Tokenizer) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let tokenizer = Tokenizer::open(folder.path()).unwrap();
    (folder, tokenizer)
}

fn compare(left: &[(&str, &str)], right: &[(&str, &str)]) -> Option<(String, String, String)> {
    let ((_one, left), (_other, right)) = (with(left), with(right));
    left.difference(&right).map(|found| (found.what, found.left, found.right))
}

fn fast(left: &str, right: &str) -> Option<(String, String, String)> {
    compare(&[(FAST, left)], &[(FAST, right)])
}

#[test]
fn other_spellings_of_one_tokenizer_are_no_difference() {
    for (left, right) in [
        (
            r#"{"truncation":null,"model":{"type":"WordPiece","vocab":{"a":0,"b":1}}}"#,
            r#"{"padding":{"x":1},"model":{"vocab":{"b":1,"\u0061":0},"type":"WordPiece","unk":null}}"#,
        ),
        (
            r#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b","c d"],"fuse_unk":false}}"#,
            r#"{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b"],["c","d"]]}}"#,
        ),
        (
            r#"{"added_tokens":[{"id":0,"content":"<s>","special":true}],"model":{"vocab":[["a",0],["b",-1.25]]}}"#,
            r#"{"added_tokens":[{"id":0,"content":"<s>"}],"model":{"vocab":[["a",0.0],["b",-1.250000001]]}}"#,
        ),
    ] {
        assert_eq!(fast(left, right), None);
    }
}

#[test]
fn what_differs_is_named() {
    let of = |vocabulary: &str| format!(r#"{{"model":{{"vocab":{vocabulary}}}}}"#);
    let found = |left: &str, right: &str| {
        let (what, left, right) = fast(left, right).unwrap();
        format!("{what}: {left} | {right}")
    };
    assert_eq!(found(&of(r#"{"a":0}"#), &of(r#"{"a":0,"b":1}"#)), "vocabulary size: 1 tokens | 2 tokens");
    assert_eq!(
        found(&of(r#"{"a":0,"b":1}"#), &of(r#"{"a":0,"b":2}"#)),
        r#"vocabulary: token "b" is 1 | token "b" is 2"#
    );
    assert_eq!(
        found(&of(r#"[["a",0],["b",1]]"#), &of(r#"[["a",0],["c",1]]"#)),
        r#"vocabulary: no token "c" | token "c" is 1"#
    );
    assert!(found(&of(r#"[["a",0]]"#), &of(r#"[["a",-3]]"#)).starts_with("piece scores"));
    assert_eq!(
        found(r#"{"normalizer":null}"#, r#"{"normalizer":{"type":"NFC"}}"#),
        r#"normalizer: none | {"type":"NFC"}"#
    );
    let added = |content: &str| format!(r#"{{"added_tokens":[{{"id":7,"content":"{content}"}}]}}"#);
    assert_eq!(found(&added("x"), &added("y")), r#"added tokens: token "x" is 7 | token "y" is 7"#);
    let merges = |merges: &str| format!(r#"{{"model":{{"merges":{merges}}}}}"#);
    assert!(found(&merges(r#"["a b"]"#), &merges(r#"["b a"]"#)).starts_with("merges: 1 merges"));
    assert!(found("{}", r#"{"model":3}"#).contains("not valid"));
}

#[test]
fn tokenizers_of_other_files_are_compared_as_far_as_they_can_be() {
    assert_eq!(compare(&[], &[]), None);
    assert_eq!(compare(&[(FAST, "{}")], &[]).unwrap().2, "no tokenizer");
    let fast = (FAST, r#"{"model":{"type":"WordPiece","vocab":{"a":0,"b":1}}}"#);
    assert_eq!(compare(&[fast], &[(LINES, "a\nb\n")]), None);
    assert_eq!(compare(&[fast], &[(LINES, "b\r\na")]).unwrap().0, "vocabulary");
    assert_eq!(compare(&[("spiece.model", "abc")], &[("spiece.model", "abc")]), None);
    assert_eq!(compare(&[("spiece.model", "abc")], &[("spiece.model", "abd")]).unwrap().0, "spiece.model");
    let damaged = compare(&[("spiece.model", "abc")], &[fast]).unwrap();
    assert_eq!((damaged.0.as_str(), damaged.1.as_str()), ("vocabulary", "no sentencepiece model"));
}

#[test]
fn a_large_vocabulary_is_compared_in_steps() {
    let mut content = "x".repeat(3 * STEP + 5);
    let (left, right) = (with(&[("vocab.json", &content)]), with(&[("vocab.json", &content)]));
    assert_eq!(left.1.difference(&right.1), None);
    content.pop();
    content.push('y');
    fs::write(right.0.path().join("vocab.json"), &content).unwrap();
    assert!(left.1.difference(&right.1).is_some());
}
