//! `admix learn`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::support::{admix, copy_folder, program, repository, run, stderr, stdout_json};

/// A folder with three retrievers, two directions of the bilingual set, and a recipe of equal weights.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = repository().join("fixtures");
    for model in ["base", "cross-ko-en", "cross-en-ko"] {
        copy_folder(&fixtures.join("retrievers").join(model), &folder.path().join(model));
    }
    for set in ["ko-ko", "en-ko"] {
        copy_folder(&fixtures.join("bilingual").join(set), &folder.path().join(set));
    }
    fs::write(folder.path().join("recipe.yaml"), RECIPE).unwrap();
    folder
}

const RECIPE: &str = "\
merge_method: task_arithmetic
base_model: base
models:
  - model: cross-ko-en
    parameters: {weight: 0.4}
  - model: cross-en-ko
    parameters: {weight: 0.4}
dtype: float16
";

/// Options of a quick run.
const QUICK: [&str; 7] = ["--split", "test", "--pairs", "48", "--tokens", "32", "-q"];

fn learn(folder: &Path, arguments: &[&str]) -> Value {
    let output = admix(folder).arg("learn").args(arguments).args(QUICK).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout_json(&output)
}

#[test]
fn a_learned_recipe_beats_the_uniform_one_on_held_out_queries_and_merges_like_any_other() {
    let folder = folder();
    let learned = learn(folder.path(), &["recipe.yaml", "--data", "ko-ko", "en-ko", "-o", "learned.yaml"]);
    let (mean, validation) = (&learned["mean"], &learned["validation"]);
    assert!(mean["difference"].as_f64().unwrap() > 0.02, "{mean}");
    assert!(validation["after"].as_f64().unwrap() < validation["before"].as_f64().unwrap());
    // Two layers with two parts, the table, and what is left, of two models.
    assert_eq!(learned["coefficients"].as_array().unwrap().len(), 12);
    let text = fs::read_to_string(folder.path().join("learned.yaml")).unwrap();
    assert_eq!(text.split_once('\n').unwrap().1, learned["recipe"].as_str().unwrap());
    let before = learned["held_out"][1]["ndcg@10"]["before"].as_f64().unwrap();
    assert!(text.contains(&format!("#   bilingual en-ko: {before:.4} -> ")), "{text}");
    for part in ["- filter: .attention.", "- filter: encoder.layer.", "- filter: word_embeddings", "dtype: float16"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!folder.path().join(".learned.yaml.learning").exists());

    // The scores that the comments state are those of the merges.
    run(folder.path(), &["merge", "recipe.yaml", "-o", "uniform", "-q"]);
    run(folder.path(), &["merge", "learned.yaml", "-o", "merged", "-q"]);
    let score = |model: &str| {
        let scored = run(folder.path(), &["score", model, "--data", "en-ko", "--split", "test", "--json", "-q"]);
        stdout_json(&scored)["models"][0]["datasets"][0]["metrics"]["ndcg@10"].as_f64().unwrap()
    };
    assert!(score("merged") > score("uniform") + 0.02, "{} {}", score("merged"), score("uniform"));
}

#[test]
fn a_seed_gives_one_recipe_and_a_killed_run_goes_on_to_the_same() {
    let folder = folder();
    let arguments = ["recipe.yaml", "--data", "en-ko", "--hold-out", "0.2", "-o"];
    let whole = learn(folder.path(), &[&arguments[..], &["whole.yaml", "--seed", "3"]].concat());
    let other = learn(folder.path(), &[&arguments[..], &["other.yaml", "--seed", "4"]].concat());
    assert_ne!(whole["coefficients"], other["coefficients"]);

    let state = folder.path().join(".part.yaml.learning");
    let mut part = Command::new(program())
        .arg("learn")
        .args(arguments)
        .args(["part.yaml", "--seed", "3"])
        .args(QUICK)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while part.try_wait().unwrap().is_none() {
        // Room for the line and some of the columns.
        if fs::metadata(&state).is_ok_and(|state| state.len() > 200_000) {
            part.kill().unwrap();
            break;
        }
        sleep(Duration::from_millis(1));
    }
    part.wait().unwrap();
    assert!(state.exists() && !folder.path().join("part.yaml").exists(), "the run was not killed in its midst");
    let resumed = learn(folder.path(), &[&arguments[..], &["part.yaml", "--seed", "3"]].concat());
    assert_eq!(resumed["coefficients"], whole["coefficients"]);
    assert_eq!(resumed["recipe"], whole["recipe"]);
    assert!(!state.exists());
}

#[test]
fn rows_of_scripts_and_other_methods_parameters_are_learned_too() {
    let folder = folder();
    let scripts = learn(folder.path(), &["recipe.yaml", "--data", "en-ko", "--by", "script", "-o", "script.yaml"]);
    let text = scripts["recipe"].as_str().unwrap();
    assert!(text.contains("- rows: {script: Hangul}") && text.contains("- rows: {script: Latin}"), "{text}");
    let moved = |of: &Value| (of["value"].as_f64().unwrap() - of["start"].as_f64().unwrap()).abs() > 1e-3;
    assert!(scripts["coefficients"].as_array().unwrap().iter().all(moved), "{scripts}");
    run(folder.path(), &["merge", "script.yaml", "-o", "merged", "-q"]);

    let slerp =
        "merge_method: slerp\nbase_model: base\nmodels: [{model: base}, {model: cross-en-ko}]\nparameters: {t: 0.3}\n";
    fs::write(folder.path().join("slerp.yaml"), slerp).unwrap();
    let found =
        learn(folder.path(), &["slerp.yaml", "--data", "en-ko", "--by", "layer", "--freeze", "word_embeddings"]);
    let coefficients = found["coefficients"].as_array().unwrap();
    assert!(coefficients.iter().all(|of| of["parameter"] == "t" && of["model"].is_null()), "{found}");
    let (frozen, learned): (Vec<&Value>, Vec<&Value>) =
        coefficients.iter().partition(|of| of["group"].as_str().unwrap().contains("frozen"));
    assert!(frozen.len() == 1 && frozen.iter().all(|of| !moved(of)), "{found}");
    let mut layers = learned.iter().filter(|of| of["group"].as_str().unwrap().starts_with("layer"));
    assert!(layers.all(|of| of["value"].as_f64().unwrap() > 0.3), "{found}");
    assert!(found["recipe"].as_str().unwrap().contains("  t:\n    - filter: word_embeddings\n      value: 0.3\n"));
}

#[test]
fn texts_without_judgements_bring_the_merge_nearer_to_a_model() {
    let folder = folder();
    let texts: String = ["ko-ko", "en-ko"]
        .iter()
        .flat_map(|set| {
            let queries = fs::read_to_string(folder.path().join(set).join("queries.jsonl")).unwrap();
            let text = |line: &str| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
            queries.lines().map(|line| text(line) + "\n").collect::<Vec<_>>()
        })
        .collect();
    fs::write(folder.path().join("texts.txt"), texts).unwrap();
    let found = learn(folder.path(), &["recipe.yaml", "--unlabelled", "cross-en-ko=texts.txt", "--by", "model"]);
    let agreed = &found["agreements"][0];
    assert!(agreed["after"].as_f64().unwrap() < 0.8 * agreed["before"].as_f64().unwrap(), "{agreed}");
    let weight = |at: usize| found["coefficients"][at]["value"].as_f64().unwrap();
    assert!(weight(1) > weight(0), "{found}");
    assert!(found["recipe"].as_str().unwrap().contains("cross-en-ko on texts.txt: "));
}

#[test]
fn what_cannot_be_learned_is_said_before_anything_is_computed() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("passthrough.yaml", "merge_method: passthrough\nmodels: [{model: base}]\n");
    write("karcher.yaml", "merge_method: karcher\nmodels: [{model: base}, {model: cross-ko-en}]\n");
    let slices = "merge_method: passthrough\nslices:\n  - sources: [{model: base, layer_range: [0, 1]}]\n";
    write("slices.yaml", slices);
    write(
        "documents.yaml",
        &format!("{RECIPE}name: one\n---\nmerge_method: linear\nmodels: [{{model: one, parameters: {{weight: 1}}}}]\n"),
    );
    write("texts.txt", "one\ntwo\n");
    write("there.yaml", "");
    for (arguments, code, says) in [
        (&["recipe.yaml"][..], 2, "--data"),
        (&["recipe.yaml", "--data", "nowhere"], 3, "nowhere"),
        (&["recipe.yaml", "--data", "en-ko", "--by", "layers"], 2, "expected model, or one or more of layer"),
        (
            &["recipe.yaml", "--data", "en-ko", "--parameter", "density"],
            2,
            "`density` is no parameter of `task_arithmetic`",
        ),
        (&["recipe.yaml", "--data", "en-ko", "--reach", "0"], 2, "a number above 0"),
        (&["recipe.yaml", "--data", "en-ko", "--hold-out", "1"], 2, "a share from 0 to below 1"),
        (&["recipe.yaml", "--data", "en-ko", "--hold-out", "0.999"], 3, "pairs of a query and a relevant document"),
        (&["recipe.yaml", "--data", "en-ko", "-o", "there.yaml"], 2, "`there.yaml` exists"),
        (&["karcher.yaml", "--data", "en-ko"], 2, "`karcher` has no parameter that can be learned"),
        (&["slices.yaml", "--data", "en-ko"], 2, "merges ranges of layers"),
        (&["documents.yaml", "--data", "en-ko"], 2, "has several documents"),
        (&["recipe.yaml", "--unlabelled", "mono=en-ko"], 2, "`mono` is not a model of the recipe"),
        (&["recipe.yaml", "--unlabelled", "base=texts.txt"], 2, "has 2 texts, expected at least 4"),
    ] {
        let output = admix(folder.path()).arg("learn").args(arguments).output().unwrap();
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    }
}
