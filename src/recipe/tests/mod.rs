//! Whole recipes: what is accepted, and what a refusal says and where.

mod accepted;
mod arbitrary;
mod modules;
mod others;
mod refused;
mod settings_source;
mod tokenizer;
mod unknown;

use std::collections::BTreeMap;

use super::{Error, Recipe};

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(text: &str) -> Result<Recipe, Error> {
    Recipe::parse(text, "r.yaml", &BTreeMap::new())
}

fn good(text: &str) -> Recipe {
    parse(text).unwrap_or_else(|error| panic!("{error} at {:?}\n{text}", error.place()))
}

/// Where an error stands: line, column, and the characters underlined.
fn underlined(error: &Error) -> String {
    let Some(place) = error.place() else { return "nowhere".into() };
    let marked: String = place.text.chars().skip(place.column - 1).take(place.length).collect();
    format!("{}:{} {marked}", place.line, place.column)
}

/// Checks one refusal; `hint` is how the hint starts.
fn refused(text: &str, place: &str, message: &str, hint: &str) {
    let error = parse(text).expect_err(text);
    assert_eq!(error.message(), message, "{text}");
    assert_eq!(underlined(&error), place, "{message}\n{text}");
    let found = error.hint().unwrap_or_default();
    assert!(found.starts_with(hint) && found.is_empty() == hint.is_empty(), "{message}: {found}");
}

const SLERP: &str = "\
merge_method: slerp
base_model: org/a
models:
- model: org/a
- model: org/b
parameters:
  t:
  - filter: attention
    value: [0, 0.5, 1]
  - value: 0.25
dtype: torch.bfloat16
out_dtype: float32
";

const SLICES: &str = "\
merge_method: passthrough
slices:
- sources:
  - {model: a, layer_range: [0, 3]}
- sources:
  - model: b
    layer_range: [2, 4]
    parameters: {scale: [1, 2]}
";
