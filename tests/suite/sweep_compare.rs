//! `admix sweep compare`: several studies side by side, on what they share.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{copy_folder, run, stderr, stdout_json};
use super::sweep::{SWEEP, folder, refused, text};

/// A study of slerp, and one of a sum whose data set has another name and an objective more, each with three points.
fn studies(folder: &Path) {
    // Whatever a direction loses, a point is recommended that gains on average.
    let keep = "keep: {there: \">= -100%\", back: \">= -100%\"}\n";
    fs::write(folder.join("one.yaml"), format!("{}{keep}", SWEEP.replace("store: study", "store: one"))).unwrap();
    copy_folder(&folder.join("words"), &folder.join("elsewhere"));
    let other = SWEEP
        .replace("store: study", "store: other")
        .replace("study: tiny", "study: sum")
        .replace("merge_method: slerp", "merge_method: task_arithmetic")
        .replace("t: \"${w}\"", "weight: \"${w}\"")
        .replace("max: 1, step: 0.5", "max: 0.5, step: 0.25")
        .replace("words: words", "texts: elsewhere")
        .replace("words:", "texts:")
        .replace("  back:", "  more: {metric: recall@3, mean: [\"texts:ko-en\"]}\n  back:");
    fs::write(folder.join("other.yaml"), format!("{other}{keep}")).unwrap();
    for study in ["one", "other"] {
        run(folder, &["sweep", "run", &format!("{study}.yaml"), "-q"]);
    }
}

/// The values of a study's trial on a data set, query by query.
fn per_query(folder: &Path, study: &str, label: &str, set: &str) -> Vec<(String, f64)> {
    run(folder, &["sweep", "export", study, "--per-query", "q.csv"]);
    let csv = fs::read_to_string(folder.join("q.csv")).unwrap();
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| head.iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}: {head:?}"));
    let (trial, data, query, queries) = (at("label"), at("data set"), at("query"), at("queries"));
    let metric = at("ndcg@3");
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let wanted = rows.filter(|row| row[trial] == label && row[data] == set && row[queries] == "select");
    wanted.map(|row| (row[query].to_owned(), row[metric].parse().unwrap())).collect()
}

#[test]
fn studies_are_compared_on_what_they_share() {
    let folder = folder();
    let folder = folder.path();
    studies(folder);
    let found = stdout_json(&run(folder, &["sweep", "compare", "one", "other.yaml", "--json"]));
    assert_eq!((&found["queries"], &found["same_reference"]), (&"full".into(), &true.into()), "{found:#}");
    let shared = found["shared"].as_array().unwrap();
    let names: Vec<&Value> = shared.iter().map(|set| &set["names"]).collect();
    assert_eq!(
        names,
        [&serde_json::json!(["words en-ko", "texts en-ko"]), &serde_json::json!(["words ko-en", "texts ko-en"])]
    );
    assert_eq!(found["not_shared"], serde_json::json!([{"study": 1, "name": "texts ko-en", "metric": "recall@3"}]));
    let methods: Vec<&str> =
        found["methods"].as_array().unwrap().iter().map(|method| method["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["slerp", "task_arithmetic"]);
    assert_eq!(found["points"], 6);
    let front = found["front"].as_array().unwrap();
    assert!(!front.is_empty() && front.iter().all(|point| point["worst"]["set"].is_string()), "{front:#?}");

    // A test is that of `score` on the values of the queries, and its correction is Holm's over all of them.
    let labels = [0, 1].map(|study| found["studies"][study]["recommended"]["label"].as_str().unwrap().to_owned());
    let tests = found["tests"].as_array().unwrap();
    let p: Vec<f64> = tests.iter().map(|test| test["p"].as_f64().unwrap()).collect();
    let smallest = p.iter().copied().fold(1.0, f64::min);
    let corrected = tests.iter().map(|test| test["p_corrected"].as_f64().unwrap()).fold(1.0, f64::min);
    assert!((corrected - (smallest * p.len() as f64).min(1.0)).abs() < 1e-12, "{tests:#?}");
    assert_eq!(tests.len(), 3, "the mean and each data set: {tests:#?}");
    for (test, way) in tests[1..].iter().zip(["en-ko", "ko-en"]) {
        let one = per_query(folder, "one", &labels[0], &format!("words {way}"));
        let other = per_query(folder, "other", &labels[1], &format!("texts {way}"));
        assert!(one.len() > 5 && one.len() == other.len());
        let differences: f64 = one.iter().zip(&other).map(|((_, one), (_, other))| other - one).sum();
        let mean = differences / one.len() as f64;
        assert!((test["difference"].as_f64().unwrap() - mean).abs() < 1e-6, "{test:#}, {mean}");
    }
    assert!(tests[2]["difference"].as_f64().unwrap() < 0.0, "half-way is not the end: {tests:#?}");

    let table = text(&run(folder, &["sweep", "compare", "one", "other"]));
    for part in [
        "A  one: slerp, 3 points",
        "B  other: task_arithmetic, 3 points",
        "They share 2 data sets and directions",
        "Not shared, of B: texts ko-en (recall@3).",
        "words en-ko ndcg@3",
        "Front of all points together",
        "B against A",
        "Methods",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let is_sentence = |line: &str| line.ends_with('.');
    let wide: Vec<&str> = table.lines().filter(|line| !is_sentence(line) && line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    assert!(!table.contains("The references differ"));
}

#[test]
fn confirmed_studies_are_compared_on_held_out_queries_and_other_references_are_said() {
    let folder = folder();
    let folder = folder.path();
    studies(folder);
    for study in ["one", "other"] {
        run(folder, &["sweep", "confirm", study, "-q"]);
    }
    let found = stdout_json(&run(folder, &["sweep", "compare", "one", "other", "--json"]));
    let recommend =
        found["studies"].as_array().unwrap().iter().filter(|study| study["recommended"].is_object()).count();
    assert_eq!(found["queries"], if recommend > 0 { "confirm" } else { "full" }, "{found:#}");

    // The same two models the other way round: another reference. The queries are shared out otherwise: those in common count.
    let third = SWEEP
        .replace("store: study", "store: third")
        .replace("base_model: a", "base_model: b")
        .replace("{model: b}", "{model: a}")
        .replace("select: {part: 1/2}\nreport: {part: 2/2}\n", "");
    fs::write(folder.join("third.yaml"), third).unwrap();
    run(folder, &["sweep", "run", "third.yaml", "-q"]);
    let output = run(folder, &["sweep", "compare", "one", "other", "third"]);
    let said = text(&output);
    assert!(said.contains("The references differ: a in A, a in B, b in C."), "{said}");
    let three = stdout_json(&run(folder, &["sweep", "compare", "one", "other", "third", "--json"]));
    let queries = |found: &Value| found["shared"][0]["queries"].as_u64().unwrap();
    assert_eq!(three["queries"], "full");
    let whole = stdout_json(&run(folder, &["sweep", "plan", "third.yaml", "--json"]));
    assert!(queries(&three) > 5 && queries(&three) < whole["data"][0]["queries"].as_u64().unwrap(), "{three:#}");
    assert!(three["same_reference"] == false && stderr(&output).is_empty());
}

#[test]
fn studies_that_share_nothing_are_refused_with_a_hint() {
    let folder = folder();
    let folder = folder.path();
    studies(folder);
    for (arguments, code, part) in [
        (["compare", "one"].as_slice(), 2, "2"),
        (&["compare", "one", "./one"], 2, "the study `./one` is named twice"),
        (&["compare", "one", "a"], 2, "`a` is no study"),
    ] {
        let output = super::support::admix(folder).arg("sweep").args(arguments).output().unwrap();
        let said = stderr(&output);
        assert!(output.status.code() == Some(code) && said.contains(part), "{arguments:?}: {said}");
    }
    let other = SWEEP.replace("ndcg@3", "mrr@5").replace("store: study", "store: far");
    fs::write(folder.join("far.yaml"), other).unwrap();
    run(folder, &["sweep", "run", "far.yaml", "-q"]);
    let (code, said) = refused(folder, &["compare", "one", "far"]);
    assert!(code == 2 && said.contains("share no data set with the same metric"), "{said}");
    assert!(said.contains("hint: data sets are the same where documents"), "{said}");
    let other = SWEEP.replace("store: study", "store: rules\ncompat: trec");
    fs::write(folder.join("rules.yaml"), other).unwrap();
    run(folder, &["sweep", "run", "rules.yaml", "-q"]);
    let (code, said) = refused(folder, &["compare", "one", "rules"]);
    assert!(code == 2 && said.contains("counts by the rules of") && said.contains("hint: "), "{said}");
}
