#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Texts that would be more than a text in some kind of file.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "null",
    "True",
    "no",
    "1e3",
    ".5",
    ".inf",
    "~",
    "a: b",
    "a #b",
    "- a",
    "'a'",
    "\"a\"",
    "\\",
    "a\nmerge_method: x",
    "a\r\nb",
    "a\tb",
    "\u{85}k: v",
    "\u{2028}k: v",
    "\u{feff}a",
    "\x1b[2J\x07",
    "\u{9b}2J",
    "\u{202e}abc",
    "\u{e0041}\u{1f600}",
    "{a: 1}",
    "[a]",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a`",
    "```\n# b",
    "한국어 검색",
    "=1+1",
    "-5",
    "$(touch x)",
    "</script><!--<script>",
    "--",
    "---",
    "...",
    "\u{fffe}",
];

#[test]
fn a_yaml_scalar_is_the_text_and_nothing_else() {
    for text in HOSTILE.iter().copied().chain(["models/ko-en", "./a", "../b", "/c/d_e.f", "한국어"]) {
        let file = format!("before: 1\nkey: {}\nlist: [{}, 2]\n", yaml(text), yaml(text));
        let read: BTreeMap<String, Value> =
            serde_yaml::from_str(&file).unwrap_or_else(|error| panic!("{text:?}: {error}\n{file}"));
        assert_eq!(read.keys().map(String::as_str).collect::<Vec<_>>(), ["before", "key", "list"]);
        assert_eq!(read["key"], json!(text), "{file}");
        assert_eq!(read["list"], json!([text, 2]), "{file}");
        assert_eq!(file.lines().count(), 3);
        assert!(!file.replace('\n', "").contains(is_hidden), "{file:?}");
    }
    for text in HOSTILE {
        let value = json!({*text: [text, 1, null, {"a": false}]});
        assert_eq!(serde_yaml::from_str::<Value>(&flow(&value)).unwrap(), value);
    }
    for plain in ["models/ko-en", "./a", "../b", "/c/d_e.f", "한국어"] {
        assert_eq!(yaml(plain), plain);
    }
}

#[test]
fn json_reads_the_same_and_holds_nothing_hidden() {
    let value = json!({"texts": HOSTILE});
    for pretty in [false, true] {
        let written = json(&value, pretty);
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        assert!(!written.replace('\n', "").contains(is_hidden));
        assert_eq!(written.contains('\n'), pretty);
    }
}

#[test]
fn cells_are_never_computed_and_never_more_than_one() {
    for (cell, expected) in [
        ("a", "a"),
        ("b,c", "\"b,c\""),
        ("b;=1", "\"b;=1\""),
        ("d\"e", "\"d\"\"e\""),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+a", "'+a"),
        ("＝1", "'＝1"),
        ("-0.5", "-0.5"),
        ("+1e-3", "+1e-3"),
        ("-5 or so", "'-5 or so"),
        ("a\n=1", "a\\n=1"),
        ("\t=1", "\\t=1"),
    ] {
        assert_eq!(csv(cell), expected);
    }
    assert_eq!((tsv("a\tb"), tsv("b,c"), tsv("\"q")), ("a\\tb".into(), "b,c".into(), "\"\"\"q\"".into()));
}

#[test]
fn markdown_has_no_marks_of_a_strangers() {
    for (text, expected) in [
        ("ko-en", "ko-en"),
        ("a_b", "a_b"),
        ("a\n# b", "a\\\\n# b"),
        ("# a", "\\# a"),
        ("- a", "\\- a"),
        ("12. a", "12\\. a"),
        ("<b>|`*", "\\<b\\>\\|\\`\\*"),
        ("![x](y)", "\\!\\[x\\](y)"),
    ] {
        assert_eq!(markdown(text), expected);
    }
    assert_eq!((code("a`b"), code("`"), code("a\nb")), ("``a`b``".into(), "`` ` ``".into(), "`a\\nb`".into()));
    assert_eq!(fenced("yaml", "a: 1\n```\n\x1b\n"), "````yaml\na: 1\n```\n\\u{1b}\n````\n");
}

#[test]
fn nothing_breaks_out_of_a_text() {
    assert_eq!(html("<a b=\"c\">&'\u{1}\u{202e}"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;\u{fffd}\u{fffd}");
}

#[test]
fn a_shell_takes_it_for_one_word() {
    for text in HOSTILE.iter().filter(|text| !text.contains('\0')) {
        let said = std::process::Command::new("bash").args(["-c", &format!("printf %s {}", shell(text))]).output();
        let Ok(said) = said else { return };
        assert_eq!(String::from_utf8_lossy(&said.stdout), **text, "{}", shell(text));
        assert!(!shell(text).contains(is_hidden));
    }
}

proptest! {
    #[test]
    fn any_text_is_one_value(text in any::<String>(), tail in "[\\PC\u{0}-\u{20}]{0,12}") {
        let text = format!("{text}{tail}");
        let file = format!("key: {}\nnext: 1\n", yaml(&text));
        let read: BTreeMap<String, Value> = serde_yaml::from_str(&file).unwrap();
        prop_assert_eq!((&read["key"], read.len()), (&json!(text), 2), "{}", file);
        prop_assert_eq!(&serde_yaml::from_str::<Value>(&flow(&json!({&text: [&text]}))).unwrap(), &json!({&text: [&text]}));
        prop_assert_eq!(&serde_json::from_str::<Value>(&json(&json!(text), true)).unwrap(), &json!(text));
        for cell in [csv(&text), tsv(&text), markdown(&text), code(&text), comment(&text), shell(&text)] {
            prop_assert!(!cell.contains(is_hidden), "{cell:?}");
        }
        prop_assert!(!html(&text).contains(['<', '>', '"', '\'']));
        let number = text.parse::<f64>().is_ok();
        prop_assert!(number || !csv(&text).starts_with(['=', '+', '-', '@']));
    }
}
