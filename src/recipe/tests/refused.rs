//! Recipes that are refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::{ErrorKind, Recipe};
use super::{SLERP, parse, refused, underlined};

#[test]
fn refuses_keys() {
    for (text, place, message, hint) in [
        ("method: linear", "1:1 method", "unknown key `method` in the recipe", "did you mean `merge_method`?"),
        (
            "merge_method: linear\nlayers: 3\n",
            "2:1 layers",
            "unknown key `layers` in the recipe",
            "the recipe has `merge_method`, ",
        ),
        (
            "merge_method: linear\nweight: 3\n",
            "2:1 weight",
            "unknown key `weight` in the recipe",
            "put it under `parameters:`",
        ),
        (
            "merge_method: linear\nmodels:\n- model: a\n  t: 1\n",
            "4:3 t",
            "unknown key `t` in an entry of `models`",
            "put it under `parameters:`, as `parameters: {t: …}`",
        ),
        (
            "merge_method: linear\nmodels:\n- model: a\n  layer_range: [0, 1]\n",
            "4:3 layer_range",
            "unknown key `layer_range` in an entry of `models`",
            "layer ranges go with `slices`",
        ),
        (
            "merge_method: linear\nmodels:\n- modle: a\n",
            "3:3 modle",
            "unknown key `modle` in an entry of `models`",
            "did you mean `model`?",
        ),
        (
            "merge_method: linear\nmodels:\n- parameters: {weight: 1}\n",
            "3:3 parameters",
            "an entry of `models` has no `model`",
            "`model:` the model's folder",
        ),
        (
            "merge_method: linear\nmodels: [a]\n",
            "2:10 a",
            "expected an entry of `models` as a map, found `a`",
            "write the folder after a key: `model: …`",
        ),
        (
            "merge_method: linear\nmodels: {model: a}\n",
            "2:9 {model: a}",
            "expected `models` as a list, found a map",
            "",
        ),
        (
            "merge_method: linear\nslices:\n- models: []\n",
            "3:3 models",
            "unknown key `models` in a slice",
            "the models of a slice stand under `sources:`",
        ),
        (
            "merge_method: linear\nmodels: [{model: a}]\nslices: [{sources: []}]\n",
            "3:1 slices",
            "the recipe has both `models` and `slices`",
            "keep `models`",
        ),
        (
            "merge_method: linear\nmodels: []\n",
            "1:1 merge_method",
            "the recipe has no `models` and no `slices`",
            "list them as",
        ),
        ("models:\n- model: a\n", "1:1 models", "the recipe has no `merge_method`", "`merge_method:` the method"),
        (
            "merge_method: liner\n",
            "1:15 liner",
            "unknown merge method `liner`",
            "did you mean `linear`? the methods are linear, ",
        ),
        ("merge_method: [linear]\n", "1:15 [linear]", "expected the name of a merge method, found a list", ""),
    ] {
        refused(text, place, message, hint);
    }
}

#[test]
fn refuses_chat_templates() {
    for (text, place, message, hint) in [
        (
            "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nchat_template: ChatLM\n",
            "4:16 ChatLM",
            "`ChatLM` is no Jinja text, which has a `{`, nor the name of a template",
            "did you mean `chatml`? write `auto`",
        ),
        (
            "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nchat_template: a text of no template\n",
            "4:16 a text of no template",
            "`a text of no template` is no Jinja text, which has a `{`, nor the name of a template",
            "write `auto` for the template that most of the models have",
        ),
        (
            "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nchat_template: \"{{ messages }}\"\n",
            "4:16 \"{{ messages }}\"",
            "`{{ messages }}` is shorter than any chat template: at least 20 characters",
            "write `auto`",
        ),
        (
            "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: 1}\nchat_template: [auto]\n",
            "4:16 [auto]",
            "expected `auto` or a chat template's Jinja text, found a list",
            "write `auto`",
        ),
    ] {
        refused(text, place, message, hint);
    }
}

#[test]
fn refuses_parameters() {
    let linear = |rest: &str| format!("merge_method: linear\nmodels:\n- model: a\n- model: b\n{rest}");
    let ties = |parameters: &str| {
        format!(
            "merge_method: ties\nbase_model: a\nmodels:\n- model: b\nparameters:\n  weight: 1\n  density: {parameters}\n"
        )
    };
    for (text, place, message, hint) in [
        (
            linear("parameters: {weigth: 1}\n"),
            "5:14 weigth",
            "`linear` has no parameter `weigth`",
            "did you mean `weight`?",
        ),
        (
            linear("parameters: {dtype: 1}\n"),
            "5:14 dtype",
            "`dtype` belongs at the top of the recipe, not under `parameters`",
            "write `dtype: …` beside `merge_method`",
        ),
        (linear("parameters: {weight: yes}\n"), "5:22 yes", "`weight` must be a number, found `yes`", ""),
        (
            linear("parameters: {weight: 1:30}\n"),
            "5:22 1:30",
            "`weight` must be a number, found `1:30`",
            "YAML 1.1 reads",
        ),
        (linear("parameters: {weight: -.inf}\n"), "5:22 -.inf", "`weight` must be a finite number, found `-.inf`", ""),
        (linear("parameters: {weight: 1e999}\n"), "5:22 1e999", "`weight` must be a finite number, found `1e999`", ""),
        (
            linear("parameters: {weight: 1, normalize: 2}\n"),
            "5:36 2",
            "`normalize` must be true or false, found `2`",
            "",
        ),
        (linear("parameters: 3\n"), "5:13 3", "expected a map of parameters, found `3`", ""),
        (ties("1.5"), "7:12 1.5", "`density` must be between 0 and 1, found `1.5`", ""),
        (ties("[0.5, -1]"), "7:18 -1", "`density` must be between 0 and 1, found `-1`", ""),
        (
            ties("[1, {value: 1}]"),
            "7:13 1",
            "`density` mixes conditions and values: expected a map, found `1`",
            "write the value as a condition",
        ),
        (ties("{filter: x}"), "7:12 {filter: x}", "a condition has no `value`", "`value:` a scalar"),
        (ties("{filter: 3, value: 1}"), "7:21 3", "expected a part of a tensor's name, found `3`", "write a filter"),
        (ties("{filter: x, value: {value: 1}}"), "7:31 {value: 1}", "`density` must be a number, found a map", ""),
        (ties("{fliter: x, value: 1}"), "7:13 fliter", "unknown key `fliter` in a condition", "did you mean `filter`?"),
        (ties("50%"), "7:12 50%", "`density` must be a number, found `50%`", "write the share as a number: 0.5"),
    ] {
        refused(&text, place, message, hint);
    }
}

#[test]
fn refuses_values_out_of_their_method_s_range() {
    let with = |method: &str, models: &str, parameters: &str| {
        format!("merge_method: {method}\nbase_model: a\nmodels: [{models}]\nparameters: {{{parameters}}}\n")
    };
    let (one, two) = ("{model: b}", "{model: b}, {model: c}");
    for (text, place, message, hint) in [
        (
            with("breadcrumbs", one, "weight: 1, gamma: 1.1"),
            "4:32 1.1",
            "`gamma` must be between 0 and 1, found `1.1`",
            "",
        ),
        (
            with("dare_linear", one, "weight: 1, density: 2"),
            "4:34 2",
            "`density` must be between 0 and 1, found `2`",
            "",
        ),
        (
            with("dare_ties", one, "density: 1"),
            "3:10 {model: b}",
            "missing parameter `weight` for the model `b`",
            "add",
        ),
        (
            with("della", one, "weight: 1, epsilon: 0.7"),
            "4:34 0.7",
            "`epsilon` must be between 0 and 0.5, found `0.7`",
            "",
        ),
        (
            with("della_linear", one, "weight: 1, epsilon: -0.1"),
            "4:34 -0.1",
            "`epsilon` must be between 0 and 0.5, found `-0.1`",
            "",
        ),
        (with("sce", one, "select_topk: 1.5"), "4:27 1.5", "`select_topk` must be between 0 and 1, found `1.5`", ""),
        (with("ram", one, "epsilon: -1"), "4:23 -1", "`epsilon` must be 0 or more, found `-1`", ""),
        (with("ramplus_tl", one, "alpha: -1"), "4:21 -1", "`alpha` must be 0 or more, found `-1`", ""),
        (
            with("karcher", two, "max_iter: 2.5"),
            "4:24 2.5",
            "`max_iter` must be a whole number between 0 and 1000000, found `2.5`",
            "",
        ),
        (with("karcher", two, "tol: -1"), "4:19 -1", "`tol` must be 0 or more, found `-1`", ""),
        (with("multislerp", two, "weight: 1, eps: -1"), "4:30 -1", "`eps` must be 0 or more, found `-1`", ""),
        (
            with("nuslerp", one, "weight: 1"),
            "3:1 models",
            "`nuslerp` merges exactly 2 models besides its base, found 1",
            "the base is `a`",
        ),
        (
            with("nuslerp", two, "weight: 1, nuslerp_flatten: maybe"),
            "4:42 maybe",
            "`nuslerp_flatten` must be true or false, found `maybe`",
            "",
        ),
        (
            with("model_stock", one, ""),
            "3:1 models",
            "`model_stock` merges at least 2 models besides its base, found 1",
            "the base is `a`",
        ),
        (
            with("arcee_fusion", two, ""),
            "3:1 models",
            "`arcee_fusion` merges exactly 1 model besides its base, found 2",
            "the base is `a`",
        ),
        (with("arcee_fusion", one, "u: 1"), "4:14 u", "`arcee_fusion` has no parameter `u`", "`arcee_fusion` has no"),
        (with("slerp_chain", two, "weight: -1"), "4:22 -1", "`weight` must be 0 or more, found `-1`", ""),
        (
            "merge_method: nuslerp\nmodels: [{model: a}, {model: b}, {model: c}]\nparameters: {weight: 1}\n".to_owned(),
            "2:1 models",
            "`nuslerp` merges exactly 2 models, found 3",
            "",
        ),
        (
            "merge_method: sce\nmodels: [{model: a}]\n".to_owned(),
            "1:15 sce",
            "`sce` needs a `base_model`",
            "add `base_model: FOLDER`, the model that the others were fine-tuned from",
        ),
    ] {
        refused(&text, place, message, hint);
    }
}

#[test]
fn refuses_formats_and_models() {
    let linear = |rest: &str| format!("merge_method: linear\nmodels:\n- model: a\n- model: b\n{rest}");
    for (text, place, message, hint) in [
        (
            linear("dtype: bf16\n"),
            "5:8 bf16",
            "`dtype` names no floating-point format: `bf16`",
            "did you mean `bfloat16`?",
        ),
        (
            linear("out_dtype: fp16\n"),
            "5:12 fp16",
            "`out_dtype` names no floating-point format: `fp16`",
            "did you mean `float16`?",
        ),
        (
            linear("dtype: int64\n"),
            "5:8 int64",
            "`dtype` names no floating-point format: `int64`",
            "the formats are float16, ",
        ),
        (
            linear(""),
            "3:3 model",
            "missing parameter `weight` for the model `a`",
            "add `parameters: {weight: …}` to the model",
        ),
        (linear("- model: a\nparameters: {weight: 1}\n"), "5:10 a", "the model `a` is listed twice", "list it once"),
        (linear("- model: 3\n"), "5:10 3", "expected a model's folder, found `3`", "write a folder's name"),
        (
            linear("- model: c+one+two\n"),
            "5:10 c+one+two",
            "expected `model+adapter`, found two adapters in `c+one+two`",
            "merge the model with one of them",
        ),
        (
            linear("- model: c+\n"),
            "5:10 c+",
            "expected `model+adapter`, found no adapter in `c+`",
            "a folder whose name holds `+`",
        ),
        (
            linear("- model: {model: c+d, lora: e}\n"),
            "5:23 lora",
            "the model has an adapter after `+` and another under `lora`",
            "",
        ),
        (
            linear("- model: c@main@v2\n"),
            "5:10 c@main@v2",
            "expected `model@revision`, found two revisions in `c@main@v2`",
            "a folder whose name holds `@`",
        ),
        (
            linear("- model: c@\n"),
            "5:10 c@",
            "expected `model@revision`, found an empty revision in `c@`",
            "a folder whose name holds `@`",
        ),
        (
            linear("- model: {path: c}\n"),
            "5:11 path",
            "unknown key `path` in a model reference",
            "write it as `{model: {path: …}}`",
        ),
        (
            linear("- model: {model: {path: c, revision: 2}}\n"),
            "5:38 2",
            "expected a revision, found `2`",
            "write it in quotes",
        ),
        (
            linear("- model: ${a b}\n"),
            "5:10 ${a b}",
            "expected a variable such as `${name}`, found `${a b}`",
            "a name has letters",
        ),
    ] {
        refused(&text, place, message, hint);
    }
}

#[test]
fn refuses_bases_counts_and_layers() {
    let slices = |method: &str, sources: &str| {
        format!("merge_method: {method}\nbase_model: a\nslices:\n- sources:\n{sources}parameters: {{t: 1}}\n")
    };
    for (text, place, message, hint) in [
        (
            "merge_method: slerp\nmodels: [{model: a}, {model: b}]\nparameters: {t: 1}\n".into(),
            "1:15 slerp",
            "`slerp` needs a `base_model`",
            "add `base_model: FOLDER`, the model that the others were fine-tuned from",
        ),
        (
            "merge_method: slerp\nbase_model: a\nmodels: [{model: a}]\nparameters: {t: 1}\n".into(),
            "3:1 models",
            "`slerp` merges exactly 1 model besides its base, found 0",
            "the base is `a`",
        ),
        (
            "merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\n".into(),
            "1:15 slerp",
            "missing parameter `t`, the position between the base (0) and the other model (1)",
            "add `parameters: {t: …}`",
        ),
        (
            "merge_method: passthrough\nbase_model: a\nmodels: [{model: b}]\n".into(),
            "3:1 models",
            "`passthrough` merges exactly 1 model, found 2",
            "the base counts as a model",
        ),
        (
            slices("slerp", "  - {model: a, layer_range: [0, 2]}\n  - {model: b, layer_range: [0, 3]}\n"),
            "6:29 [0, 3]",
            "the sources of a slice must have equally many layers, found 2 and 3",
            "",
        ),
        (
            slices("slerp", "  - {model: c, layer_range: [0, 2]}\n  - {model: b, layer_range: [0, 2]}\n"),
            "4:3 sources",
            "the slice has no layers of its base `a`",
            "add `- {model: a, layer_range: […]}`",
        ),
        (
            slices("slerp", "  - {model: a, layer_range: [2, 2]}\n"),
            "5:29 [2, 2]",
            "expected `layer_range` as two layer numbers, found `[2, 2]`, which holds no layer",
            "the first layer",
        ),
        (
            slices("slerp", "  - {model: a, layer_range: [0, 1.5]}\n"),
            "5:29 [0, 1.5]",
            "expected `layer_range` as two layer numbers, found `1.5`",
            "the first layer",
        ),
        (
            slices("slerp", "  - {model: a, layer_range: 4}\n"),
            "5:29 4",
            "expected `layer_range` as two layer numbers, found `4`",
            "the first layer",
        ),
        (
            slices("slerp", "  - {model: a}\n"),
            "5:5 {model: a}",
            "a source has no `layer_range`",
            "`layer_range:` the first layer",
        ),
    ] {
        refused(&text, place, message, hint);
    }
}

#[test]
fn refuses_what_is_no_recipe() {
    for (text, place, message, hint) in [
        ("", "1:1 ", "the recipe is empty", "a recipe has"),
        ("# nothing\n", "1:9 g", "the recipe is empty", "a recipe has"),
        ("- a\n", "1:1 -", "expected the recipe as a map, found a list", ""),
        (
            "a: [1\nb: 2\n",
            "2:2 :",
            "the recipe is not valid YAML: did not find expected ',' or ']', while parsing a flow sequence",
            "",
        ),
        ("a: 1\n b: 2\n", "2:3 :", "the recipe is not valid YAML: mapping values are not allowed in this context", ""),
        ("a: *b\n", "1:4 *b", "the recipe is not valid YAML: unknown anchor", ""),
        ("a: 1\nb: 2\na: 3\n", "3:1 a", "the key `a` stands here twice", ""),
        ("? [a]\n: 1\n", "1:3 [a]", "a key must be a text, not a list or a map", ""),
        ("a: !x b\n", "1:4 !x b", "the tag `x` means nothing in a recipe", ""),
        ("<<: 3\n", "1:5 3", "expected a map or a list of maps after `<<`", ""),
        ("a: \u{7}\n", "1:4 \u{7}", "YAML does not allow the character U+0007", ""),
    ] {
        refused(text, place, message, hint);
    }
    let deep = "[".repeat(200);
    assert_eq!(parse(&deep).unwrap_err().message(), "the recipe nests more than 128 levels deep");
    let large = " ".repeat((1 << 20) + 1);
    assert_eq!(parse(&large).unwrap_err().message(), "the recipe is larger than 1024 KiB");
}

#[test]
fn texts_that_take_the_yaml_reader_minutes_are_refused() {
    let nested = "a: [".repeat(1 << 18);
    assert_eq!(parse(&nested).unwrap_err().message(), "the recipe nests more than 128 levels deep");
    let mut directives = String::new();
    for index in 0..40_000 {
        writeln!(directives, "%TAG !{index}! x").unwrap();
    }
    let error = parse(&format!("{directives}---\n{SLERP}")).unwrap_err();
    assert_eq!(error.message(), "the recipe has more than 64 directives (`%`)");
    assert_eq!(underlined(&error), "65:1 %TAG !64! x");
}

#[test]
fn aliases_that_explode_are_refused() {
    let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for level in 1..20 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        writeln!(bomb, "a{level}: &a{level} [{alias}]").unwrap();
    }
    let wide = format!("a: &a {}\nb: [{}]\n", "x".repeat(400_000), "*a,".repeat(100_000));
    for text in [bomb, wide] {
        assert_eq!(parse(&text).unwrap_err().message(), "the aliases of the recipe repeat too much");
    }
}

#[test]
fn reads_files_and_refuses_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recipe.yaml");
    std::fs::write(&path, SLERP).unwrap();
    let recipe = Recipe::read(&path, &BTreeMap::new()).unwrap();
    assert_eq!(recipe.folder(), Some(folder.path()));
    assert_eq!(recipe.origin(), path.display().to_string());
    std::fs::write(&path, [b'a', 0xff]).unwrap();
    let error = Recipe::read(&path, &BTreeMap::new()).unwrap_err();
    assert!(error.message().ends_with("is not UTF-8 text: byte 1 fits no character"), "{error}");
    let error = Recipe::read(&folder.path().join("absent"), &BTreeMap::new()).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::File, None));
}
