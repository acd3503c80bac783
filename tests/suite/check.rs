//! `admix check`: everything that is wrong at once.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::support::{LINEAR, admix, pair, repository, run, stderr, stdout_json};

const THREE: &str = "\
merge_method: linear
models:
  - model: a
    parameters:
      wieght: 0.5
  - model: b
    parameters:
      weight: half
dtype: bf16
";

#[test]
fn three_mistakes_have_three_carets_in_the_order_of_the_text() {
    let folder = pair();
    fs::write(folder.path().join("recipe.yaml"), THREE).unwrap();
    for arguments in [&["check", "recipe.yaml"][..], &["merge", "recipe.yaml", "-o", "out"], &["plan", "recipe.yaml"]] {
        let output = admix(folder.path()).args(arguments).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let places: Vec<&str> = said.lines().filter_map(|line| line.trim().strip_prefix("--> ")).collect();
        assert_eq!(places, ["recipe.yaml:5:7", "recipe.yaml:8:15", "recipe.yaml:9:8"], "{said}");
        assert_eq!(said.lines().filter(|line| line.contains('^')).count(), 3, "{said}");
        assert!(said.contains("hint: did you mean `weight`?"), "{said}");
        assert!(said.contains("hint: did you mean `bfloat16`?"), "{said}");
        assert!(!folder.path().join("out").exists());
    }
}

#[test]
fn a_list_for_programs() {
    let folder = pair();
    fs::write(folder.path().join("recipe.yaml"), THREE).unwrap();
    let output = admix(folder.path()).args(["check", "recipe.yaml", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let found = stdout_json(&output);
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
    let expected = json!({
        "file": "recipe.yaml", "line": 9, "column": 8, "end": 12, "severity": "error",
        "message": "`dtype` names no floating-point format: `bf16`", "hint": "did you mean `bfloat16`?",
    });
    assert_eq!(found[2], expected);
}

#[test]
fn what_only_follows_from_a_mistake_is_not_reported() {
    let folder = pair();
    for (text, messages) in [
        ("method: linear\nmodels: [{model: a}]\n", &["unknown key `method` in the recipe"][..]),
        ("merge_method: linear\nmodels: [{modle: a}]\n", &["unknown key `modle` in an entry of `models`"]),
        ("merge_method: linaer\nmodels: [{model: a, parameters: {w: 1}}]\n", &["unknown merge method `linaer`"]),
        (
            "merge_method: linear\nmodels: [{model: a}]\nparameters: {wight: 1}\n",
            &["`linear` has no parameter `wight`"],
        ),
        (
            "merge_method: slerp\nbase_model: 3\nmodels: [{model: a}, {model: b}]\nparameters: {t: 1}\n",
            &["expected a model's folder, found `3`"],
        ),
        (
            "merge_method: linear\nmodels: [{model: a}, {model: c}]\nparameters: {weight: x}\n",
            &["no such model folder: `c`", "`weight` must be a number, found `x`"],
        ),
    ] {
        fs::write(folder.path().join("recipe.yaml"), text).unwrap();
        let output = admix(folder.path()).args(["check", "recipe.yaml", "--json"]).output().unwrap();
        let found = stdout_json(&output);
        let found: Vec<&str> =
            found.as_array().unwrap().iter().map(|found| found["message"].as_str().unwrap()).collect();
        assert_eq!(found, messages, "{text}");
    }
}

#[test]
fn variables_without_a_value_are_noted_and_the_rest_is_checked() {
    let folder = pair();
    let text = LINEAR.replacen("0.5", "${ratio}", 1);
    fs::write(folder.path().join("recipe.yaml"), &text).unwrap();
    let output = run(folder.path(), &["check", "recipe.yaml"]);
    let said = stderr(&output);
    assert!(said.contains("warning: the variable `${ratio}` has no value"), "{said}");
    assert!(said.contains("hint: give it one with `--set ratio=…`"), "{said}");
    let output = run(folder.path(), &["check", "recipe.yaml", "--set", "ratio=0.5"]);
    assert_eq!(stderr(&output), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "recipe.yaml is fine\n");
    fs::write(folder.path().join("recipe.yaml"), text.replace("model: b", "model: c")).unwrap();
    let output = admix(folder.path()).args(["check", "recipe.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("no such model folder: `c`"));
}

#[test]
fn checkpoints_are_checked_by_their_headers() {
    let folder = pair();
    fs::write(folder.path().join("b/config.json"), "{").unwrap();
    let text = LINEAR.replace("model: a", "model: c");
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    let output = admix(folder.path()).args(["check", "recipe.yaml"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("no such model folder: `c`") && said.contains("config.json"), "{said}");
}

#[test]
fn tensors_that_do_not_fit_are_counted() {
    let folder = pair();
    let mut tensors = super::support::encoder(3);
    for tensor in tensors.values_mut() {
        tensor.shape.insert(0, 1);
    }
    super::support::write_model(&folder.path().join("b"), &tensors);
    let output = admix(folder.path()).args(["check", "recipe.yaml"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.matches("has shape").count(), 3, "{said}");
    assert!(said.contains(", and 2 more of this sort"), "{said}");
}

#[test]
fn the_cookbook_is_fine() {
    let mut files: Vec<String> = fs::read_dir(repository().join("recipes"))
        .unwrap()
        .map(|entry| format!("recipes/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "yaml"))
        .collect();
    files.sort();
    let arguments: Vec<&str> = std::iter::once("check").chain(files.iter().map(String::as_str)).collect();
    run(&repository(), &arguments);
}

#[test]
fn sweep_files_show_all_their_mistakes() {
    let folder = pair();
    fs::create_dir(folder.path().join("mono")).unwrap();
    let text = "\
recipe:
  merge_method: linear
  models:
    - {model: a, parameters: {weight: \"${w}\", wight: 1}}
    - {model: b, parameters: {weight: 1}}
params: {w: {min: 1, max: 0}}
objectives:
  mono: {metric: ndgc@10, mean: [mono]}
  cross: {mean: [corss]}
device: tpu
";
    fs::write(folder.path().join("sweep.yaml"), text).unwrap();
    let output = admix(folder.path()).args(["check", "sweep.yaml", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let found = stdout_json(&output);
    let lines: Vec<u64> = found.as_array().unwrap().iter().map(|found| found["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [4, 6, 8, 9, 10], "{found}");
}
