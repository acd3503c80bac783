//! `admix score`, as its users run it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{admix, copy_folder, edit_json, names, read_json, repository, run, stderr, stdout_json};

/// A folder with the models `a` and `b` and the data set `weather`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (fixture, name) in [("tiny/base", "a"), ("tiny/ko-en", "b"), ("sets/weather", "weather")] {
        copy_folder(&repository().join("fixtures").join(fixture), &folder.path().join(name));
    }
    folder
}

/// A BEIR folder of three queries, of which the last has no judgement.
fn beir(folder: &Path) {
    fs::create_dir_all(folder.join("qrels")).unwrap();
    let line = |id: &str, text: &str| format!("{}\n", json!({"_id": id, "title": "", "text": text}));
    let documents = [("d1", "It rains in Seoul."), ("d2", "The museum is closed."), ("d3", "It rains in Seoul.")];
    fs::write(folder.join("corpus.jsonl"), documents.map(|(id, text)| line(id, text)).concat()).unwrap();
    let queries = [("q1", "rain"), ("q2", "museum"), ("q3", "train")];
    fs::write(folder.join("queries.jsonl"), queries.map(|(id, text)| line(id, text)).concat()).unwrap();
    fs::write(folder.join("qrels/test.tsv"), "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t1\n").unwrap();
}

fn score(folder: &Path, arguments: &[&str]) -> Value {
    let output = admix(folder).arg("score").args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout_json(&output)
}

fn metric(scores: &Value, model: usize, set: usize, metric: &str) -> f64 {
    scores["models"][model]["datasets"][set]["metrics"][metric].as_f64().unwrap()
}

#[test]
fn scores_are_those_of_the_embeddings() {
    let folder = folder();
    let read = |name: &str| -> Vec<String> {
        fs::read_to_string(folder.path().join("weather").join(name)).unwrap().lines().map(str::to_owned).collect()
    };
    let embed = |texts: &[String], prompt: &str| -> Vec<Vec<f64>> {
        let arguments = ["embed", "b", "-o", "out.jsonl", "--force", "--prompt", prompt];
        assert!(admix(folder.path()).args(arguments).write_stdin(texts.join("\n")).output().unwrap().status.success());
        let lines = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
        let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| serde_json::from_value(row["embedding"].clone()).unwrap()).collect()
    };
    let (english, korean) = (embed(&read("weather.en"), "query: "), embed(&read("weather.ko"), "passage: "));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let cosine = |a: &[f64], b: &[f64]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    // One relevant document a query: 1 / log2(rank + 1), or nothing beyond the cut.
    let gains = english.iter().enumerate().map(|(at, query)| {
        let own = cosine(query, &korean[at]);
        let rank = korean.iter().filter(|document| cosine(query, document) >= own).count() as u32;
        if rank > 3 { 0.0 } else { 1.0 / libm::log2(f64::from(rank + 1)) }
    });
    let expected = gains.sum::<f64>() / english.len() as f64;
    let scores = score(folder.path(), &["b", "--data", "weather", "--metrics", "ndcg@3"]);
    let dataset = &scores["models"][0]["datasets"][0];
    assert_eq!((&dataset["name"], &dataset["direction"]), (&json!("weather"), &json!("en-ko")));
    assert_eq!((&dataset["queries"], &dataset["documents"]), (&json!(6), &json!(6)));
    assert!(dataset["tokens"].as_u64() > Some(0) && dataset["seconds"].is_number());
    assert!((metric(&scores, 0, 0, "ndcg@3") - expected).abs() < 1e-9);
    assert_eq!(scores["models"][0]["model"], "b");
}

#[test]
fn run_files_give_the_same_scores_under_every_tools_rules() {
    let folder = folder();
    beir(&folder.path().join("rain"));
    for compat in ["trec", "mteb", "st", "beir"] {
        let arguments =
            ["a", "--data", "rain", "--compat", compat, "--run-file", "runs/{data}.run", "-m", "ndcg@2,mrr"];
        let scores = score(folder.path(), &arguments);
        let arguments = ["metrics", "rain/qrels/test.tsv", "runs/rain-en-en.run", "--compat", compat, "--json"];
        let metrics = stdout_json(&run(folder.path(), &[&arguments[..], &["--metrics", "ndcg@2,mrr"]].concat()));
        for name in ["ndcg@2", "mrr"] {
            assert_eq!(
                metrics["runs"][0]["metrics"][name].as_f64(),
                Some(metric(&scores, 0, 0, name)),
                "{compat} {name}"
            );
        }
    }
    let run = fs::read_to_string(folder.path().join("runs/rain-en-en.run")).unwrap();
    // Queries without judgements are no part of it.
    assert_eq!(run.lines().count(), 6);
}

#[test]
fn equal_texts_have_equal_scores_and_the_tools_order() {
    let folder = folder();
    beir(&folder.path().join("rain"));
    for (compat, first) in [("mteb", "d3"), ("st", "d1")] {
        run(folder.path(), &["score", "a", "--data", "rain", "--compat", compat, "--run-file", "out.run", "-q"]);
        let found = fs::read_to_string(folder.path().join("out.run")).unwrap();
        let rows: Vec<Vec<&str>> = found.lines().map(|line| line.split(' ').collect()).collect();
        let twins: Vec<_> = rows.iter().filter(|row| row[0] == "q1" && row[2] != "d2").collect();
        assert_eq!(twins[0][4], twins[1][4]);
        assert_eq!(twins[0][2], first, "{compat}");
    }
}

#[test]
fn a_baseline_is_compared_with_and_not_marked() {
    let folder = folder();
    copy_folder(&folder.path().join("a"), &folder.path().join("same"));
    let scores = score(folder.path(), &["b", "same", "--baseline", "a", "--data", "weather"]);
    let models: Vec<&str> = scores["models"].as_array().unwrap().iter().map(|m| m["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["a", "b", "same"]);
    let compared = |model: usize| scores["models"][model]["datasets"][1].get("against_baseline").cloned();
    assert_eq!(compared(0), None);
    let difference = metric(&scores, 1, 1, "ndcg@10") - metric(&scores, 0, 1, "ndcg@10");
    assert!((compared(1).unwrap()["ndcg@10"]["difference"].as_f64().unwrap() - difference).abs() < 1e-12);
    assert_eq!(compared(2).unwrap()["ndcg@10"]["difference"], 0.0);
    assert_eq!(compared(2).unwrap()["ndcg@10"]["p_holm"], 1.0);

    let table = run(folder.path(), &["score", "b", "same", "--baseline", "a", "--data", "weather", "-m", "ndcg@10"]);
    let table = String::from_utf8(table.stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("ndcg@10") && lines[0].contains("weather en-ko") && lines[0].contains("weather ko-en")
    );
    assert!(lines[1].starts_with("a ") && lines[3].starts_with("same") && lines[3].contains("+0.0000"), "{table}");
}

#[test]
fn files_are_written_beside_the_table() {
    let folder = folder();
    let arguments = [
        "score",
        "a",
        "b",
        "--data",
        "weather",
        "--metrics",
        "ndcg@10,p@1,success@1",
        "--per-query",
        "queries.tsv",
        "--mteb-json",
        "results",
        "--run-file",
        "{model}.{data}.run",
        "-q",
    ];
    run(folder.path(), &arguments);
    let rows = fs::read_to_string(folder.path().join("queries.tsv")).unwrap();
    assert_eq!(rows.lines().next(), Some("model\tdata\tdirection\tquery\tmetric\tvalue"));
    // Two models, two directions, six queries, three metrics.
    assert_eq!(rows.lines().count(), 1 + 72);
    assert_eq!(
        names(folder.path()),
        [
            "a",
            "a.weather-en-ko.run",
            "a.weather-ko-en.run",
            "b",
            "b.weather-en-ko.run",
            "b.weather-ko-en.run",
            "queries.tsv",
            "results",
            "weather",
        ]
    );
    let result = read_json(&folder.path().join("results/b/weather.json"));
    assert_eq!(result["task_name"], "weather");
    let subsets = result["scores"]["test"].as_array().unwrap();
    assert_eq!(subsets.iter().map(|subset| &subset["hf_subset"]).collect::<Vec<_>>(), ["en-ko", "ko-en"]);
    assert_eq!(subsets[0]["main_score"], subsets[0]["ndcg_at_10"]);
    assert_eq!(subsets[0]["hit_rate_at_1"], subsets[0]["precision_at_1"]);
}

#[test]
fn texts_that_data_sets_share_are_encoded_once() {
    let folder = folder();
    copy_folder(&folder.path().join("weather"), &folder.path().join("again"));
    let scores = score(folder.path(), &["a", "--data", "weather", "again"]);
    let tokens: Vec<_> =
        scores["models"][0]["datasets"].as_array().unwrap().iter().map(|set| set["tokens"].as_u64().unwrap()).collect();
    assert!(tokens[0] > 0 && tokens[1] > 0);
    assert_eq!(tokens[2..], [0, 0]);
    for name in ["ndcg@10", "recall@100"] {
        assert_eq!(metric(&scores, 0, 0, name).to_bits(), metric(&scores, 0, 2, name).to_bits());
    }
}

#[test]
fn prompts_are_the_models_own_unless_given() {
    let folder = folder();
    let tokens = |arguments: &[&str]| {
        let scores =
            score(folder.path(), &[&["b", "--data", "weather", "--limit-queries", "2"][..], arguments].concat());
        let set = &scores["models"][0]["datasets"][0];
        (set["queries"].as_u64().unwrap(), set["tokens"].as_u64().unwrap())
    };
    let own = tokens(&[]);
    assert_eq!(own, tokens(&["--query-prompt", "query: ", "--document-prompt", "passage: "]));
    assert_eq!(own.0, 2);
    assert!(tokens(&["--query-prompt", "", "--document-prompt", ""]).1 < own.1);

    // A family is known by the folder's name, and has no prompts in its folder.
    let known = folder.path().join("multilingual-e5-tiny");
    copy_folder(&folder.path().join("b"), &known);
    edit_json(&known.join("config_sentence_transformers.json"), |config| config["prompts"] = json!({}));
    let output = run(folder.path(), &["score", "multilingual-e5-tiny", "--data", "weather"]);
    let said = stderr(&output);
    assert!(said.contains("--query-prompt \"query: \" --document-prompt \"passage: \""), "{said}");
    let output =
        run(folder.path(), &["score", "multilingual-e5-tiny", "--data", "weather", "--query-prompt", "query: "]);
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_cocktail_weighs_models_by_their_loss() {
    let folder = folder();
    let examples = [("rain", "It rains in Seoul.", Some("A dry day.")), ("museum", "The museum is closed.", None)];
    let lines = examples.map(|(query, pos, neg)| {
        let neg: Vec<&str> = neg.into_iter().collect();
        format!("{}\n", json!({"query": query, "pos": [pos], "neg": neg}))
    });
    fs::write(folder.path().join("examples.jsonl"), lines.concat()).unwrap();
    let embed = |model: &str, texts: &[&str], name: &str| -> Vec<Vec<f64>> {
        let arguments = ["embed", model, "-o", "out.jsonl", "--force", "--prompt-name", name];
        assert!(admix(folder.path()).args(arguments).write_stdin(texts.join("\n")).output().unwrap().status.success());
        let lines = fs::read_to_string(folder.path().join("out.jsonl")).unwrap();
        let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| serde_json::from_value(row["embedding"].clone()).unwrap()).collect()
    };
    let loss = |model: &str| {
        let queries = embed(model, &["rain", "museum"], "query");
        let passages = embed(model, &["It rains in Seoul.", "The museum is closed.", "A dry day."], "document");
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let shares = (0..2).map(|at| {
            let powers: Vec<f64> =
                passages.iter().map(|passage| libm::exp(dot(&queries[at], passage) / 0.05)).collect();
            -libm::log(powers[at] / powers.iter().sum::<f64>())
        });
        shares.sum::<f64>() / 2.0
    };
    let losses = [loss("a"), loss("b")];
    let arguments = ["cocktail", "a", "b", "--examples", "examples.jsonl", "--temperature", "0.5", "--json", "-q"];
    let found = stdout_json(&run(folder.path(), &arguments));
    let powers = losses.map(|loss| libm::exp(-loss / 0.5));
    for (at, loss) in losses.into_iter().enumerate() {
        let model = &found["models"][at];
        assert!((model["loss"].as_f64().unwrap() - loss).abs() < 1e-4, "{found}");
        assert!((model["weight"].as_f64().unwrap() - powers[at] / (powers[0] + powers[1])).abs() < 1e-4, "{found}");
    }
    // The recipe merges, and a data set gives examples too.
    let arguments = ["cocktail", "a", "b", "--examples", "weather", "--limit", "4", "-o", "recipe.yaml"];
    let output = run(folder.path(), &arguments);
    assert!(stderr(&output).contains("8 examples, temperature 5"), "{}", stderr(&output));
    run(folder.path(), &["merge", "recipe.yaml", "-o", "out", "-q"]);
    for (arguments, code, says) in [
        (&["a", "b", "--examples", "nowhere"][..], 3, "cannot read `nowhere`"),
        (&["a", "--examples", "examples.jsonl"], 2, ""),
        (&["a", "b", "--examples", "examples.jsonl", "--temperature", "0"], 2, "above 0"),
        (&["a", "b", "--examples", "examples.jsonl", "-o", "recipe.yaml"], 2, "`recipe.yaml` exists"),
        (&["a", "b", "--examples", "weather/weather.ko"], 3, "line 1: no example"),
    ] {
        let output = admix(folder.path()).arg("cocktail").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(says), "{}", stderr(&output));
    }
}

#[test]
fn what_is_odd_is_said() {
    let folder = folder();
    beir(&folder.path().join("rain"));
    fs::write(
        folder.path().join("rain/qrels/test.tsv"),
        "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td9\t1\nq8\td1\t1\n",
    )
    .unwrap();
    let output = run(folder.path(), &["score", "a", "--data", "rain"]);
    let said = stderr(&output);
    assert!(said.starts_with("warning: `rain en-en`: ") && said.contains("`admix data rain` says more"), "{said}");
    assert_eq!(stderr(&run(folder.path(), &["score", "a", "--data", "rain", "--quiet"])), "");
}

#[test]
fn faults_have_their_messages_and_exit_codes() {
    type Arrange = fn(&Path);
    type Case = (&'static str, Arrange, &'static [&'static str], i32, &'static str, &'static str);
    let nothing: Arrange = |_| {};
    let cases: [Case; 14] = [
        ("no data set", nothing, &["a", "--data", "b"], 3, "`b` is no retrieval data set of a known form", "BEIR"),
        ("no folder", nothing, &["a", "--data", "c"], 3, "`c`", ""),
        (
            "no judgements",
            |folder| fs::remove_dir_all(folder.join("rain/qrels")).unwrap(),
            &["a", "--data", "rain"],
            3,
            "`rain`",
            "qrels",
        ),
        (
            "unknown documents",
            |folder| {
                let qrels = "query-id\tcorpus-id\tscore\nq1\tx\t1\n";
                fs::write(folder.join("rain/qrels/test.tsv"), qrels).unwrap();
            },
            &["a", "--data", "rain"],
            3,
            "`rain",
            "",
        ),
        (
            "broken line",
            |folder| fs::write(folder.join("rain/corpus.jsonl"), "{\"_id\": \"d1\", \"text\": \"\"}\n{oops\n").unwrap(),
            &["a", "--data", "rain"],
            3,
            "`rain/corpus.jsonl`, line 2",
            "",
        ),
        (
            "no tokenizer",
            |folder| fs::remove_file(folder.join("a/tokenizer.json")).unwrap(),
            &["a", "--data", "rain"],
            3,
            "tokenizer",
            "tokenizer",
        ),
        (
            "no model type",
            |folder| {
                edit_json(&folder.join("a/config.json"), |config| {
                    config.as_object_mut().unwrap().remove("model_type");
                });
            },
            &["a", "--data", "rain"],
            3,
            "has no `model_type`",
            "xlm-roberta",
        ),
        (
            "other architecture",
            |folder| edit_json(&folder.join("a/config.json"), |config| config["model_type"] = json!("xlnet")),
            &["a", "--data", "rain"],
            3,
            "is a `xlnet` model",
            "bert",
        ),
        ("no such split", nothing, &["a", "--data", "rain", "--split", "dev"], 3, "dev", "test"),
        ("no such metric", nothing, &["a", "--data", "rain", "-m", "ndgc@10"], 2, "`ndgc@10` is no metric", ""),
        ("no such rules", nothing, &["a", "--data", "rain", "--compat", "x"], 2, "`x` is none of", ""),
        ("too long", nothing, &["a", "--data", "rain", "--max-length", "100000"], 2, "100000", ""),
        (
            "one file for several",
            nothing,
            &["a", "b", "--data", "rain", "--run-file", "out.run"],
            2,
            "names one file for 2 rankings",
            "{model}",
        ),
        ("nowhere to write", nothing, &["a", "--data", "rain", "--per-query", "no/x.tsv"], 2, "no folder `no`", ""),
    ];
    for (name, arrange, arguments, code, message, hint) in cases {
        let folder = folder();
        beir(&folder.path().join("rain"));
        arrange(folder.path());
        let output = admix(folder.path()).arg("score").args(arguments).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains("error: ") && said.contains(message), "{name}: {said}");
        let hints: Vec<&str> = said.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert!(hints.join("\n").contains(hint), "{name}: {said}");
        assert!(output.stdout.is_empty(), "{name}");
    }
}

#[test]
fn ids_that_no_run_carries_cost_the_run_and_not_the_scores() {
    let folder = folder();
    beir(&folder.path().join("rain"));
    let set = folder.path().join("rain");
    for name in ["corpus.jsonl", "qrels/test.tsv"] {
        let text = fs::read_to_string(set.join(name)).unwrap().replace("d1", "d 1");
        fs::write(set.join(name), text).unwrap();
    }
    let arguments = ["score", "a", "--data", "rain", "--data", "weather", "--run-file", "{data}.run"];
    let output = admix(folder.path()).args(arguments).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("warning: no run of `rain en-en` will be written: the id `d 1`"), "{said}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("ndcg@10"));
    let runs: Vec<String> = names(folder.path())
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "run"))
        .collect();
    assert_eq!(runs, ["weather-en-ko.run", "weather-ko-en.run"]);
}

#[test]
#[cfg(unix)]
fn a_device_is_written_into_and_stays_one() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = folder();
    std::os::unix::fs::symlink("/dev/null", folder.path().join("null")).unwrap();
    let output = run(folder.path(), &["score", "a", "--data", "weather", "--per-query", "null", "--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(folder.path().join("null").is_symlink());
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let output = run(folder.path(), &["score", "a", "--data", "weather", "--per-query", "/dev/stdout", "--json"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("model\tdata\tdirection\tquery\tmetric\tvalue\n"));
}
