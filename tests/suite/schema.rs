//! `admix schema`: what the parser accepts is valid, and what a schema can know to be wrong is not.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use super::support::{repository, run, stdout_json};

fn validator(what: &str) -> Validator {
    let schema = stdout_json(&run(&repository(), &["schema", what]));
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft7::new(&schema).unwrap()
}

/// A YAML text as an editor sees it.
fn value(text: &str) -> Value {
    let mut value: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect()
}

#[test]
fn every_recipe_of_the_repository_is_valid() {
    let (recipe, sweep) = (validator("recipe"), validator("sweep"));
    let goldens = repository().join("tests/goldens/recipes");
    let folders = [repository().join("recipes"), goldens.join("half"), goldens];
    let mut faults = Vec::new();
    for path in folders.iter().flat_map(|folder| yaml_files(folder)) {
        let text = fs::read_to_string(&path).unwrap();
        let validator = if text.lines().any(|line| line.starts_with("study:")) { &sweep } else { &recipe };
        for document in text.split("\n---\n") {
            for error in validator.iter_errors(&value(document)) {
                faults.push(format!("{}: {}: {error}", path.display(), error.instance_path()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn recipes_that_a_schema_can_know_to_be_wrong_are_invalid() {
    let recipe = validator("recipe");
    let linear =
        "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: 1}}\n- {model: b, parameters: {weight: 1}}\n";
    assert!(recipe.is_valid(&value(linear)));
    for good in [
        "merge_method: linear\nmodels: [{model: a}]\nparameters: {weight: {value: [1, 2], filter: \"*\"}, normalize: yes}\n",
        "merge_method: linear\nmodels: [{model: a}]\nbase_model: ~\ndtype: torch.bfloat16\nparameters: {weight: \"1_000\"}\n",
        "merge_method: linear\nmodels: [{model: a}]\nparameters: {lambda: 1}\n",
        "merge_method: ${method}\nmodels: [{model: 'runs/${seed}', parameters: {weight: '${w}'}}]\n",
    ] {
        assert!(recipe.is_valid(&value(good)), "{good}");
    }
    for bad in [
        "method: linear\n",
        "merge_method: linaer\nmodels: [{model: a}]\n",
        "merge_method: linear\nmodels: [a]\n",
        "merge_method: linear\nmodels: [{modle: a}]\n",
        "merge_method: linear\nmodels: [{model: 3}]\n",
        "merge_method: linear\n",
        "merge_method: linear\nmodels: [{model: a, parameters: {wieght: 1}}]\n",
        "merge_method: linear\nmodels: [{model: a, parameters: {weight: half}}]\n",
        "merge_method: linear\nmodels: [{model: a}]\nparameters: {lambada: 1}\n",
        "merge_method: linear\nmodels: [{model: a}]\nparameters: {normalize: 2}\n",
        "merge_method: linear\nmodels: [{model: a}]\ndtype: bf16\n",
        "merge_method: linear\nmodels: [{model: a}]\nweight: 1\n",
        "merge_method: ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: 1, density: 1.5}}]\n",
        "merge_method: ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: [1, two]}}]\n",
        "merge_method: ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: {fliter: x, value: 1}}}]\n",
        "merge_method: slerp\nmodels: [{model: a}, {model: b}]\nparameters: {t: 1}\n",
        "merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}, {model: c}]\nparameters: {t: 1}\n",
        "merge_method: passthrough\nslices: [{sources: [{model: a}]}]\n",
        "merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: 4}]}]\n",
    ] {
        assert!(!recipe.is_valid(&value(bad)), "{bad}");
    }
    let sweep = validator("sweep");
    let good = format!(
        "recipe:\n{}params: {{w: [0, 1]}}\nobjectives: {{a: {{mean: [x]}}, b: {{mean: y}}}}\n",
        linear.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat()
    );
    assert!(sweep.is_valid(&value(&good)));
    for (from, to) in [
        ("params:", "parms:"),
        ("merge_method: linear", "merge_method: linaer"),
        ("b: {mean: y}", ""),
        ("mean: [x]", "mean: []"),
        ("params: {w: [0, 1]}", "params: {w: {mim: 0}}"),
        ("params:", "keep: some\nparams:"),
        ("params:", "device: tpu\nparams:"),
        ("params:", "search: {method: gird}\nparams:"),
    ] {
        assert!(good.contains(from));
        assert!(!sweep.is_valid(&value(&good.replace(from, to))), "{to}");
    }
}

#[test]
fn the_schemas_of_the_cookbook_are_current_and_every_file_names_its_own() {
    for what in ["recipe", "sweep"] {
        let printed = String::from_utf8(run(&repository(), &["schema", what]).stdout).unwrap();
        let kept = fs::read_to_string(repository().join(format!("recipes/schema/{what}.json"))).unwrap_or_default();
        assert!(kept == printed, "run: admix schema {what} > recipes/schema/{what}.json");
    }
    for path in yaml_files(&repository().join("recipes")) {
        let text = fs::read_to_string(&path).unwrap();
        let what = if text.lines().any(|line| line.starts_with("study:")) { "sweep" } else { "recipe" };
        let line = format!("# yaml-language-server: $schema=schema/{what}.json");
        assert!(text.lines().take(10).any(|found| found == line), "{} lacks {line}", path.display());
    }
}
