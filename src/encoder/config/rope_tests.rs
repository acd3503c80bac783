//! Tests of [`super`].
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use super::*;

fn read(text: &str) -> Result<Rope, Error> {
    let map = serde_json::from_str(text).unwrap();
    let json = Json { path: Path::new("m/config.json"), map: &map };
    Rope::read(json, &Source { kind: None, theta: ("rope_theta", 10_000.0), scaled: true, size: 4, longest: 64 })
}

#[test]
fn every_spelling_says_the_same() {
    let expected = Rope { frequencies: vec![1.0, 0.1], scale: 1.0 };
    for text in [
        r#"{"rope_theta": 100}"#,
        r#"{"rope_theta": 100, "rope_scaling": null}"#,
        r#"{"rope_parameters": {"rope_type": "default", "rope_theta": 100.0}}"#,
        r#"{"rope_theta": 100, "rope_scaling": {"type": "dynamic", "factor": 2}}"#,
        r#"{"rope_theta": 10000, "rope_parameters": {"rope_type": "linear", "rope_theta": 100, "factor": 1.0}}"#,
    ] {
        assert_eq!(read(text).unwrap(), expected, "{text}");
    }
    assert_eq!(read("{}").unwrap().frequencies, [1.0, 0.01]);
    assert_eq!(read(r#"{"rope_scaling": {"type": "linear", "factor": 4.0}}"#).unwrap().frequencies, [0.25, 0.0025]);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (text, expected) in [
        (
            r#"{"rope_scaling": {"rope_type": "longrope", "factor": 2}}"#,
            "rotary positions are of type \"longrope\", expected default, linear, dynamic, llama3 or yarn",
        ),
        (r#"{"rope_scaling": {"type": "linear"}}"#, "rotary positions of type \"linear\" have no `factor`"),
        (r#"{"partial_rotary_factor": 0.5}"#, "`partial_rotary_factor` is 0.5, expected 1"),
        (r#"{"rope_parameters": {"mrope_section": [1, 1]}}"#, "`mrope_section` is [1,1], expected none"),
        (
            r#"{"rope_parameters": {"full_attention": {"rope_theta": 5}}}"#,
            "`rope_parameters` has an object for each type of layer, expected one",
        ),
        (r#"{"rope_theta": "fast"}"#, "`rope_theta` is \"fast\", expected a positive number"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), format!("`m/config.json`: {expected}"));
    }
}
