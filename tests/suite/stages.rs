//! Recipes of several documents: the merge is, byte for byte, the one with the named documents merged to folders first.

use std::fs;
use std::path::{Path, PathBuf};

use super::fault_table::{FAULT, Fault, check};
use super::support::{admix, distance, names, pair, read_json, read_tensors, repository, run, stderr};

fn goldens() -> PathBuf {
    repository().join("tests/goldens")
}

/// Merges a recipe's text, paths as in the goldens, into `out`, and gives the weights' bytes.
fn merged(recipe: &str, out: &Path, more: &[&str]) -> Vec<u8> {
    let file = out.with_extension("yaml");
    fs::write(&file, recipe).unwrap();
    let mut arguments =
        vec!["merge", file.to_str().unwrap(), "-q", "--no-sync", "--force", "-o", out.to_str().unwrap()];
    arguments.extend(more);
    run(&goldens(), &arguments);
    fs::read(out.join("model.safetensors")).unwrap()
}

const SLERP: &str = "\
merge_method: slerp
base_model: models/xlm-roberta/ko-ko
models:
  - model: models/xlm-roberta/ko-ko
  - model: models/xlm-roberta/ko-en
parameters: {t: [0.2, 0.7]}
";

/// A document that merges `MODEL` with others.
fn last(method: &str, parameters: &str) -> String {
    let base = match method {
        "linear" | "nuslerp" => "",
        "arcee_fusion" | "slerp" => "base_model: models/xlm-roberta/en-en\n",
        _ => "base_model: models/xlm-roberta/base\n",
    };
    format!(
        "merge_method: {method}\n{base}models: [{{model: MODEL}}, {{model: models/xlm-roberta/en-en}}]\n\
         parameters: {{{parameters}}}\n"
    )
}

#[test]
fn a_stage_is_as_its_folder_would_be() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("middle");
    for (format, first) in [
        ("", SLERP.to_owned()),
        (
            "out_dtype: bfloat16\n",
            last("nuslerp", "weight: 0.4, nuslerp_flatten: false").replace("MODEL", "models/xlm-roberta/ko-ko"),
        ),
        (
            "dtype: float64\n",
            last("della", "weight: 0.5, density: 0.6, epsilon: 0.2").replace("MODEL", "models/xlm-roberta/ko-en"),
        ),
        ("", last("arcee_fusion", "").replace("MODEL", "models/xlm-roberta/ko-en")),
    ] {
        let first = format!("{first}{format}");
        merged(&first, &folder, &[]);
        for (method, parameters) in [
            ("linear", "weight: 0.3"),
            ("ties", "weight: 0.7, density: 0.4"),
            ("slerp", "t: 0.4"),
            ("nuslerp", "weight: 0.4, nuslerp_row_wise: true, nuslerp_flatten: false"),
            ("model_stock", "filter_wise: true"),
            ("della", "weight: 0.5, density: 0.6, epsilon: 0.2"),
            ("sce", "select_topk: 0.3"),
            ("ramplus_tl", ""),
            ("arcee_fusion", ""),
        ] {
            let second = last(method, parameters);
            let expected = merged(&second.replace("MODEL", folder.to_str().unwrap()), &out.path().join("two"), &[]);
            let documents = format!("name: first\n{first}---\n{}", second.replace("MODEL", "first"));
            for threads in ["1", "2", "8"] {
                let found = merged(&documents, &out.path().join("found"), &["-j", threads]);
                assert!(found == expected, "{method} over {first} on {threads} threads");
            }
            let [one, other] = ["two", "found"].map(|name| read_json(&out.path().join(name).join("config.json")));
            assert_eq!(one, other);
        }
    }
}

#[test]
fn stages_of_stages_and_layers_stand_in_any_order() {
    let out = tempfile::tempdir().unwrap();
    let layers = "merge_method: passthrough\nslices:\n  - sources: [{model: middle, layer_range: [0, 2]}]\n  \
                  - sources: [{model: models/xlm-roberta/en-en, layer_range: [1, 3]}]\n";
    let result = "merge_method: linear\nmodels: [{model: deep}, {model: other}]\nparameters: {weight: ${w}}\n";
    let other = layers.replace("model: middle", "model: models/xlm-roberta/base");
    let documents = [
        format!("name: middle\n{SLERP}"),
        format!("name: deep\n{layers}"),
        format!("name: other\n{other}"),
        result.to_owned(),
    ];
    let set = ["--set", "w=0.5"];
    let stages = out.path().join("stages");
    let intermediates = ["--set", "w=0.5", "--intermediates", stages.to_str().unwrap()];
    let one = merged(&documents.join("---\n"), &out.path().join("one"), &intermediates);
    let turned: Vec<String> = documents.iter().rev().cloned().collect();
    assert!(one == merged(&format!("---\n{}\n...\n", turned.join("---\n")), &out.path().join("two"), &set));
    assert_eq!(names(&stages), ["deep", "middle", "other"]);
    assert_eq!(read_json(&out.path().join("one/config.json"))["num_hidden_layers"], 4);

    let middle = merged(SLERP, &out.path().join("m"), &[]);
    assert!(fs::read(stages.join("middle/model.safetensors")).unwrap() == middle);
    let deep = layers.replace("model: middle", &format!("model: {}", out.path().join("m").display()));
    assert!(fs::read(stages.join("deep/model.safetensors")).unwrap() == merged(&deep, &out.path().join("d"), &[]));
    let by_folders = result
        .replace("model: deep", &format!("model: {}", stages.join("deep").display()))
        .replace("model: other", &format!("model: {}", stages.join("other").display()));
    assert!(one == merged(&by_folders, &out.path().join("three"), &set));

    let record = read_json(&out.path().join("one/admix.json"));
    let folders: Vec<&str> =
        record["models"].as_array().unwrap().iter().map(|m| m["folder"].as_str().unwrap()).collect();
    assert_eq!(folders.len(), 4, "{folders:?}");
    assert!(record["recipe"].as_str().unwrap().contains("name: middle"));
    let plan = run(&goldens(), &["plan", out.path().join("one.yaml").to_str().unwrap(), "--set", "w=0.5"]);
    let text = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(text.contains("document `middle`: slerp of 2 models"), "{text}");
}

#[test]
fn two_stages_agree_with_mergekit_multi() {
    let out = tempfile::tempdir().unwrap();
    let target = out.path().join("out");
    run(&goldens(), &["merge", "stages/two.yaml", "-q", "--no-sync", "-o", target.to_str().unwrap()]);
    let found = read_tensors(&target.join("model.safetensors"));
    let expected = read_tensors(&goldens().join("expected/stages/two.safetensors"));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (tensor, expected) in &expected {
        let difference = distance(&found[tensor], expected);
        assert!(difference <= 1e-6, "{tensor} differs by {difference:.1e}");
    }
}

#[test]
fn a_document_that_nobody_needs_is_a_warning() {
    let folder = pair();
    let linear = |name: &str, one: &str, other: &str| {
        format!(
            "{name}merge_method: linear\nmodels: [{{model: {one}}}, {{model: {other}}}]\nparameters: {{weight: 1}}\n"
        )
    };
    let text = format!("{}---\n{}", linear("name: x\n", "a", "b"), linear("", "a", "b"));
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    let output = admix(folder.path()).args(["plan", "recipe.yaml"]).output().unwrap();
    assert!(output.status.success());
    assert!(stderr(&output).contains("the result does not need the document `x`"), "{}", stderr(&output));
}

#[test]
fn a_refused_name_is_one_mistake() {
    let folder = pair();
    documents(folder.path(), &[("x/y", "a", "b"), ("", "x/y", "a")]);
    let output = admix(folder.path()).args(["check", "recipe.yaml"]).output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("a document cannot be called `x/y`") && text.matches("error").count() == 1, "{text}");
}

#[test]
fn documents_that_say_nothing_are_passed_over() {
    let folder = pair();
    documents(folder.path(), &[("", "a", "b")]);
    let text = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    let weights = |text: &str| {
        fs::write(folder.path().join("recipe.yaml"), text).unwrap();
        run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"]);
        fs::read(folder.path().join("out/model.safetensors")).unwrap()
    };
    let plain = weights(&text);
    for more in [
        format!("---\n---\n{text}"),
        format!("# nothing\n---\n# nothing\n---\n{text}---\n"),
        format!("{text}...\n---\n"),
    ] {
        assert_eq!(weights(&more), plain, "{more}");
    }
}

/// Documents as (name, first model, second model).
fn documents(folder: &Path, documents: &[(&str, &str, &str)]) {
    let text: Vec<String> = documents
        .iter()
        .map(|(name, one, other)| {
            let name = if name.is_empty() { String::new() } else { format!("name: {name}\n") };
            format!(
                "{name}merge_method: linear\nmodels:\n  - model: {one}\n  - model: {other}\nparameters: {{weight: 1}}\n"
            )
        })
        .collect();
    fs::write(folder.join("recipe.yaml"), text.join("---\n")).unwrap();
}

const RECIPE: Fault = Fault { code: 2, ..FAULT };

#[test]
fn documents_that_do_not_go_together_are_refused_at_their_place() {
    check(
        &[
            Fault {
                name: "cycle",
                arrange: |folder| documents(folder, &[("x", "a", "y"), ("y", "x", "b"), ("", "x", "a")]),
                says: &["the documents need each other: `x` needs `y` needs `x`", "recipe.yaml:11:12"],
                ..RECIPE
            },
            Fault {
                name: "a document of itself",
                arrange: |folder| documents(folder, &[("x", "a", "x"), ("", "x", "a")]),
                says: &["`x` needs `x`", "recipe.yaml:5:12"],
                ..RECIPE
            },
            Fault {
                name: "one name twice",
                arrange: |folder| documents(folder, &[("x", "a", "b"), ("x", "b", "a"), ("", "x", "a")]),
                says: &["two documents are called `x`", "recipe.yaml:8:7"],
                ..RECIPE
            },
            Fault {
                name: "two results",
                arrange: |folder| documents(folder, &[("", "a", "b"), ("", "b", "a")]),
                says: &["two documents have no `name`", "recipe.yaml:"],
                hint: "only the document whose merge is the result",
                ..RECIPE
            },
            Fault {
                name: "two results with names",
                arrange: |folder| documents(folder, &[("x", "a", "b"), ("y", "b", "a")]),
                says: &["no other document needs `x` or `y`: which is the result?", "recipe.yaml:8:7"],
                hint: "leave `name` out",
                ..RECIPE
            },
            Fault {
                name: "unknown name",
                arrange: |folder| documents(folder, &[("middle", "a", "b"), ("", "midle", "middle")]),
                says: &["no such model folder: `midle`", "recipe.yaml:10:12"],
                hint: "did you mean the document `middle`?",
                ..FAULT
            },
            Fault {
                name: "unknown name, where the one that is meant is not needed otherwise",
                arrange: |folder| documents(folder, &[("middle", "a", "b"), ("", "midle", "a")]),
                says: &["no such model folder: `midle`", "recipe.yaml:10:12"],
                hint: "did you mean the document `middle`?",
                ..FAULT
            },
            Fault {
                name: "a name that is no folder's",
                arrange: |folder| documents(folder, &[("../x", "a", "b"), ("", "a", "b")]),
                says: &["a document cannot be called `../x`", "recipe.yaml:1:7"],
                hint: "a name is that of a folder",
                ..RECIPE
            },
            Fault {
                name: "a mistake in the second document",
                arrange: |folder| {
                    documents(folder, &[("x", "a", "b"), ("", "x", "b")]);
                    let text = fs::read_to_string(folder.join("recipe.yaml")).unwrap();
                    let at = text.rfind("weight").unwrap();
                    fs::write(folder.join("recipe.yaml"), format!("{}wieght: 1}}\n", &text[..at])).unwrap();
                },
                says: &["`wieght`", "recipe.yaml:12:14"],
                hint: "did you mean `weight`?",
                ..RECIPE
            },
            Fault {
                name: "too many documents",
                arrange: |folder| documents(folder, &[("x", "a", "b"); 40]),
                says: &["more than 32 documents"],
                ..RECIPE
            },
        ],
        pair,
    );
}
