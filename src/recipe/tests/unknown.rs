//! What mergekit ignores: notes are warnings, and what may be a setting is a mistake.

use super::{good, refused, underlined};

/// A recipe for two models whose last lines are `rest`.
fn linear(rest: &str) -> String {
    format!("merge_method: linear\nmodels:\n- model: a\n- model: b\nparameters: {{weight: 1}}\n{rest}")
}

fn sce(models: &str, parameters: &str) -> String {
    format!(
        "merge_method: sce\nbase_model: r\nmodels:\n- {{model: a, parameters: {{{models}}}}}\n- model: b\nparameters: {{{parameters}}}\n"
    )
}

#[test]
fn parameters_of_other_methods_have_no_effect() {
    let recipe = good(&sce("weight: 1, density: 0.5", "select_topk: 0.3, normalize: true, lambda: [1, 2], t: 0.5"));
    let said = ["line 4: `weight`", "line 4: `density`", "line 6: `normalize`", "line 6: `lambda`", "line 6: `t`"];
    let said: Vec<String> = said.iter().map(|begin| format!("{begin} has no effect with `sce`")).collect();
    assert_eq!(recipe.warnings, said);
    assert!(recipe.parameters.get("select_topk").is_some() && recipe.parameters.iter().count() == 1);
    // Whatever stands there.
    assert_eq!(good(&sce("weight: [{filter: mlp, value: [2, 1]}, {value: x}]", "")).warnings.len(), 1);
}

#[test]
fn a_parameter_of_another_method_names_the_own_one_that_is_like_it() {
    let recipe = good(
        "merge_method: multislerp\nmodels:\n- model: a\n- model: b\nparameters: {weight: 1, normalize: true, epsilon: 1}\n",
    );
    let said = [
        "line 5: `normalize` has no effect with `multislerp`; its own is `normalize_weights`",
        "line 5: `epsilon` has no effect with `multislerp`; its own is `eps`",
    ];
    assert_eq!(recipe.warnings, said);
}

#[test]
fn parameters_of_no_method_are_notes_or_mistakes() {
    let recipe = good(&sce("", "smooth: false, embed_slerp: true, int_space: cs, majority_sign_method: total"));
    let said = [
        "line 6: `smooth` has no effect",
        "line 6: `embed_slerp` has no effect with `sce`",
        "line 6: no method has a parameter `int_space`, and it has no effect",
        "line 6: `majority_sign_method` has no effect with `sce`",
    ];
    assert_eq!(recipe.warnings, said);
    for (name, value, hint) in [
        ("wieght", "1", "did you mean `weight`, which other methods have? `sce` has `select_topk`"),
        ("denisty", "0.5", "did you mean `density`"),
        ("select_topk_", "x", "did you mean `select_topk`?"),
        ("drop_rate", "0.9", "`sce` has `select_topk`"),
        ("temperature", "[1, 2]", "`sce` has `select_topk`"),
        ("heat", "{value: 0.2}", "`sce` has `select_topk`"),
        ("weight_of_first", "high", "`sce` has `select_topk`"),
        ("layer_mode", "all", "`sce` has `select_topk`"),
    ] {
        let text = sce("", &format!("{name}: {value}"));
        refused(&text, &format!("6:14 {name}"), &format!("`sce` has no parameter `{name}`"), hint);
    }
}

#[test]
fn keys_of_the_recipe_are_no_parameters() {
    for (name, value, hint) in [
        ("base_model", "r", "write `base_model: r` beside `merge_method`"),
        ("dtype", "bfloat16", "write `dtype: bfloat16` beside"),
        ("tokenizer_source", "union", "write `tokenizer_source: union` beside"),
    ] {
        let text = format!(
            "merge_method: task_arithmetic\nmodels:\n- model: a\nparameters: {{weight: 1, {name}: {value}}}\nbase_model: {}\n",
            if name == "base_model" { "~" } else { "r" }
        );
        let message = format!("`{name}` belongs at the top of the recipe, not under `parameters`");
        refused(&text, &format!("4:25 {name}"), &message, hint);
        assert_eq!(super::parse(&text).unwrap_err().all().len(), 1, "{text}");
    }
}

#[test]
fn bookkeeping_is_accepted_at_the_top_and_beside_models() {
    let recipe = good(
        "author: me\nout_path: ./x\nrandom_seed: 11\nmetadata: {version: 2}\nallow_negative_weights: true\nmerge_method: linear\n\
         models:\n- {model: a, name: north, description: the first}\n- model: b\nparameters: {weight: 1}\n\
         x-common: &x {weight: 2}\ncreator: somebody\nhardware: [cpu, gpu]\nmajority_sign_method: total\n",
    );
    let said = [
        "line 1: `author` has no effect",
        "line 2: `out_path` has no effect: the output folder is named on the command line",
        "line 3: `random_seed` has no effect: `--seed` sets it",
        "line 4: `metadata` has no effect",
        "line 5: `allow_negative_weights` has no effect",
        "line 11: `x-common` has no effect but by its anchors",
        "line 12: `creator` is no key of a recipe and has no effect",
        "line 13: `hardware` is no key of a recipe and has no effect",
        "line 14: `majority_sign_method` has no effect",
        "line 8: `name` has no effect",
        "line 8: `description` has no effect",
    ];
    assert_eq!(recipe.warnings, said);
}

#[test]
fn what_may_be_a_setting_is_no_note() {
    for (rest, place, hint) in [
        ("dype: float32", "6:1 dype", "did you mean `dtype`?"),
        ("tokenizer_sorce: base", "6:1 tokenizer_sorce", "did you mean `tokenizer_source`?"),
        ("select_topk: 0.5", "6:1 select_topk", "put it under `parameters:`"),
        ("pad_to_multiple_of: 8", "6:1 pad_to_multiple_of", "`pad_to_multiple_of` is a key of `tokenizer`"),
        ("temperature: 0.5", "6:1 temperature", "the recipe has "),
        ("schedule: [a, {b: \"1e-3\"}]", "6:1 schedule", "the recipe has "),
        ("merge_strategy: dare", "6:1 merge_strategy", "the recipe has "),
        ("lora_path: x", "6:1 lora_path", "the recipe has "),
    ] {
        let name = rest.split(':').next().unwrap();
        refused(&linear(rest), place, &format!("unknown key `{name}` in the recipe"), hint);
    }
    for (entry, place, message, hint) in [
        ("weight: 1", "6:3 weight", "unknown key `weight` in an entry of `models`", "put it under `parameters:`"),
        (
            "revision: main",
            "6:3 revision",
            "unknown key `revision` in an entry of `models`",
            "write it behind the model, as `model: org/name@revision`",
        ),
        ("branch: main", "6:3 branch", "unknown key `branch` in an entry of `models`", "an entry of `models` has"),
    ] {
        let text =
            format!("merge_method: linear\nparameters: {{weight: 1}}\nmodels:\n- model: b\n- model: a\n  {entry}\n");
        refused(&text, place, message, hint);
    }
    // Without the model it was meant for that.
    let text = "merge_method: linear\nmodels:\n- name: a\nparameters: {weight: 1}\n";
    refused(text, "3:3 name", "unknown key `name` in an entry of `models`", "did you mean `model`?");
}

#[test]
fn a_misplaced_setting_is_said_once() {
    let text = "merge_method: linear\nmodels:\n- {model: a, weight: 1}\n- {model: b, weight: 2}\n";
    let error = super::parse(text).unwrap_err();
    let places: Vec<String> = error.all().into_iter().map(underlined).collect();
    assert_eq!(places, ["3:14 weight", "4:14 weight"]);
}
