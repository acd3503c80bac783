//! `settings_source`.

use super::{good, refused};

const MODELS: &str =
    "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: 1}}\n- {model: b+c, parameters: {weight: 1}}\n";
const BASE: &str = "merge_method: task_arithmetic\nbase_model: x\nmodels: [{model: a}]\nparameters: {weight: 1}\n";

#[test]
fn a_model_of_the_recipe_is_named_in_any_form() {
    let of = |text: &str| good(text).settings_source.map(|model| model.to_string());
    assert_eq!(of(MODELS), None);
    for (source, expected) in [
        ("~", None),
        ("a", Some("a")),
        ("b+c", Some("b+c")),
        ("{model: {path: b}, lora: c}", Some("b+c")),
        // The model without its adapter, which the recipe does not name by itself.
        ("b", Some("b")),
        // Without a base model the first model stands for it.
        ("base", Some("a")),
    ] {
        let found = of(&format!("{MODELS}settings_source: {source}\n"));
        assert_eq!(found.as_deref(), expected, "{source}");
    }
    assert_eq!(of(&format!("{BASE}settings_source: base\n")).as_deref(), Some("x"));
    assert_eq!(of(&format!("{BASE}settings_source: x\n")).as_deref(), Some("x"));
}

#[test]
fn mistakes_are_refused_where_they_are() {
    for (text, place, message, hint) in [
        ("settings_source: d\n", "5:18 d", "`d` is not one of the models that are merged", "they are `a` and `b+c`"),
        ("settings_source: 3\n", "5:18 3", "expected `base` or a model, found `3`", "`base`, or one of the models"),
        ("settings_source: c\n", "5:18 c", "`c` is not one of the models that are merged", "they are"),
        (
            "setting_source: a\n",
            "5:1 setting_source",
            "unknown key `setting_source` in the recipe",
            "did you mean `settings_source`?",
        ),
    ] {
        refused(&format!("{MODELS}{text}"), place, message, hint);
    }
    let named_base = BASE.replace("model: a", "model: base");
    let refusal = "`base` is the word for `x` and the name of another model";
    refused(&format!("{named_base}settings_source: base\n"), "5:18 base", refusal, "write the other as");
    assert_eq!(
        good(&format!("{named_base}settings_source: {{model: {{path: base}}}}\n")).settings_source.unwrap().path,
        "base"
    );
}
