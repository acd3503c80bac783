//! `modules`: the parts of a model, of which a recipe may have one.

use super::super::{ErrorKind, Slice};
use super::{good, parse, refused};
use crate::method::Value;

#[test]
fn a_single_module_reads_as_the_top_level() {
    for name in ["default", "text_decoder"] {
        let recipe = good(&format!(
            "merge_method: slerp\nbase_model: a\nmodules:\n  {name}:\n    slices:\n    - sources:\n      - {{model: a, layer_range: [0, 2]}}\n      - {{model: b, layer_range: [1, 3]}}\nparameters: {{t: 0.5}}\ntokenizer: {{}}\n"
        ));
        assert_eq!(recipe.slices.iter().map(Slice::layers).collect::<Vec<_>>(), [Some(2)]);
        assert_eq!(recipe.place(&recipe.slices[0].sources[1].at).unwrap().line, 8);
        assert!(recipe.warnings.is_empty() && !recipe.whole_models());
    }
    let recipe = good(
        "merge_method: linear\nmodels: []\nmodules: {default: {models: [{model: a, parameters: {weight: 1}}, {model: b}], parameters: {weight: 3}}}\nparameters: {normalize: off}\n",
    );
    assert!(recipe.whole_models());
    assert_eq!(recipe.module.get("weight").unwrap().evaluate("any", 0.0), Some(Value::Number(3.0)));
    assert_eq!(recipe.settings().map(|(name, _)| name).collect::<Vec<_>>(), ["weight", "weight", "normalize"]);
}

#[test]
fn mistakes_in_a_module_have_their_places() {
    let with = |module: &str| format!("merge_method: ties\nbase_model: a\nmodules:\n  default: {module}\n");
    for (text, place, message, hint) in [
        (with("{models: []}"), "4:12 {models: []}", "the module has no `models` and no `slices`", "list them as"),
        (with("[a]"), "4:12 [a]", "expected a module as a map, found a list", ""),
        (with("{modles: [a]}"), "4:13 modles", "unknown key `modles` in a module", "did you mean `models`?"),
        (
            with("{models: [{model: b}]}"),
            "4:22 {model: b}",
            "missing parameter `weight` for the model `b`",
            "add `parameters: {weight: …}`",
        ),
        (
            with("{models: [{model: b, parameters: {weight: 1}}], slices: [{sources: []}]}"),
            "4:60 slices",
            "the module has both `models` and `slices`",
            "keep `models`",
        ),
        (
            "merge_method: nuslerp\nmodules: {m: {models: [{model: b}], parameters: {weight: 1}}}\n".into(),
            "2:15 models",
            "`nuslerp` merges exactly 2 models, found 1",
            "",
        ),
        (
            "merge_method: linear\nmodules: {m: {models: [{model: b}]}}\nmodels: [{model: a}]\nparameters: {weight: 1}\n".into(),
            "3:1 models",
            "the recipe has both `modules` and `models`",
            "write the `models` in the module",
        ),
        ("merge_method: linear\nmodules: [a]\n".into(), "2:10 [a]", "expected `modules` as a map, found a list", "write"),
    ] {
        refused(&text, place, message, hint);
    }
}

#[test]
fn several_modules_are_not_supported() {
    let text = "merge_method: linear\nmodules: {vision: {models: [{model: a}]}, text: {models: [{model: a}]}}\n";
    let message = "the recipe has 2 modules: `vision` and `text`; admix merges a model as a whole";
    refused(text, "2:1 modules", message, "a model of one part needs no `modules`");
    assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::Unsupported);
}
