//! No text panics.

use proptest::prelude::*;

use super::super::Recipe;
use super::{SLERP, SLICES, variables};

/// Parses anything, and looks up the place of everything in what comes back.
fn survives(text: &str) {
    match Recipe::parse(text, "r.yaml", &variables(&[("a", "1"), ("b", "")])) {
        Ok(recipe) => {
            for source in recipe.slices.iter().flat_map(|slice| &slice.sources) {
                assert!(recipe.place(&source.at).is_some());
                for (_, setting) in source.parameters.iter() {
                    assert!(recipe.place(&setting.at).is_some());
                    setting.evaluate("layer.0", 0.5);
                }
            }
        }
        Err(error) => {
            if let Some(place) = error.place() {
                assert!(place.line >= 1 && place.column >= 1 && place.length >= 1);
                assert!(place.line <= text.matches('\n').count() + 1);
            }
        }
    }
}

proptest! {
    #[test]
    fn never_panics_on_text(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn never_panics_on_yaml_like_text(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..60)) {
        survives(&tokens.concat());
    }

    #[test]
    fn never_panics_on_mutated_recipes(
        recipe in prop::sample::select(vec![SLERP, SLICES]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, prop::sample::select(TOKENS)), 1..6),
    ) {
        let mut chars: Vec<char> = recipe.chars().collect();
        for (at, cut, token) in edits {
            let start = at.index(chars.len() + 1);
            let end = (start + cut).min(chars.len());
            chars.splice(start..end, token.chars());
        }
        survives(&chars.into_iter().collect::<String>());
    }
}

const TOKENS: &[&str] = &[
    "merge_method: linear\n",
    "models:\n",
    "- model: a\n",
    "- ",
    "  parameters:\n",
    "    weight: ",
    "slices:\n",
    "sources:\n",
    "layer_range: [0, 2]\n",
    "base_model: a\n",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "\n",
    "  ",
    "&x ",
    "*x",
    "<<: ",
    "1",
    "0.5",
    "-1e400",
    ".nan",
    "~",
    "yes",
    "\"",
    "'",
    "#",
    "|\n",
    ">-\n",
    "!!float ",
    "!t ",
    "---\n",
    "...\n",
    "? ",
    "${a}",
    "${b}",
    "$${",
    "${",
    "\t",
    "\r",
    "\u{85}",
    "\u{2028}",
    "가",
    "value: ",
    "filter: ",
    "%YAML 1.1\n",
    "dtype: ",
];
