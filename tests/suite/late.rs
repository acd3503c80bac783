//! Late-interaction models: scores and vectors as PyLate and sentence-transformers' `MultiVectorEncoder` have them, and merges.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use admix::checkpoint::Checkpoint;
use admix::encoder::{MultiVectorEncoder, Options, Role};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensor, admix, copy_folder, edit_json, names, read_json, read_tensors, repository, run, safetensors, stderr,
    stdout_json,
};

/// The tiny models that `tests/goldens/make_late_interaction.py` makes, and the tool whose numbers they must have.
const CASES: [(&str, &str); 10] = [
    ("pylate-bert", "pylate"),
    ("pylate-xlm-roberta", "pylate"),
    ("pylate-modernbert", "pylate"),
    ("pylate-plain", "pylate"),
    ("pylate-qwen3", "pylate"),
    ("pylate-lfm2", "pylate"),
    ("stanford", "pylate"),
    ("encoder-bert", "sentence-transformers"),
    ("encoder-xlm-roberta", "sentence-transformers"),
    ("encoder-modernbert", "sentence-transformers"),
];

/// Cases that both tools read in one way.
const SAME: [&str; 5] = ["pylate-bert", "pylate-modernbert", "pylate-plain", "pylate-lfm2", "stanford"];

const TEXTS: [&str; 4] =
    ["the cat, sat on the mat!", "고양이가 매트 위에 앉았다.", "a", "cat (mat): un##known - 고양이"];

fn folder(case: &str) -> PathBuf {
    repository().join("tests/goldens/late_interaction").join(case)
}

fn data() -> PathBuf {
    repository().join("tests/goldens/rerankers/data")
}

/// The score of each query and document of a run file.
fn scores_of(path: &Path) -> BTreeMap<(String, String), f64> {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        ((fields[0].to_owned(), fields[2].to_owned()), fields[4].parse().unwrap())
    });
    rows.collect()
}

/// Scores a model and writes its rankings.
fn score(place: &Path, model: &Path, run_file: &str) -> Value {
    let output = admix(place)
        .arg("score")
        .arg(model)
        .arg("--data")
        .arg(data())
        .args(["--compat", "st", "--metrics", "ndcg@10,mrr@10", "--run-file", run_file, "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", model.display(), stderr(&output));
    stdout_json(&output)
}

#[test]
fn every_score_and_the_metrics_are_those_of_the_tool_that_wrote_the_folder() {
    let place = tempfile::tempdir().unwrap();
    for (case, tool) in CASES {
        let expected = read_json(&folder(case).join("expected.json"));
        let tools = if SAME.contains(&case) { vec![tool, "sentence-transformers"] } else { vec![tool] };
        let found = score(place.path(), &folder(case), &format!("{case}.run"));
        let ranked = scores_of(&place.path().join(format!("{case}.run")));
        for tool in tools {
            let mut count = 0;
            for (query, documents) in expected[tool]["scores"].as_object().unwrap() {
                for (document, value) in documents.as_object().unwrap() {
                    let (found, value) = (ranked[&(query.clone(), document.clone())], value.as_f64().unwrap());
                    assert!(
                        (found - value).abs() < 2e-5,
                        "{case} {tool} {query} {document}: {found}, expected {value}"
                    );
                    count += 1;
                }
            }
            assert_eq!(count, ranked.len(), "{case}");
            for (name, value) in expected[tool]["metrics"].as_object().unwrap() {
                let found = found["models"][0]["datasets"][0]["metrics"][name].as_f64().unwrap();
                assert!(
                    (found - value.as_f64().unwrap()).abs() < 1e-6,
                    "{case} {tool} {name}: {found}, expected {value}"
                );
            }
        }
    }
}

/// Checks the vectors of a few texts against those of the tool.
fn vectors_are_those_of(case: &str, tool: &str, options: &Options) {
    let checkpoint = Checkpoint::open(&folder(case)).unwrap();
    let encoder = MultiVectorEncoder::open(&checkpoint, options).unwrap();
    let expected = read_tensors(&folder(case).join("expected.safetensors"));
    let settings = checkpoint.settings();
    for (role, name, prompt) in [
        (Role::Query, "query", settings.query_prompt.as_deref()),
        (Role::Document, "document", settings.document_prompt.as_deref()),
    ] {
        let tokens = encoder.tokenize(role, &TEXTS, prompt).unwrap();
        let vectors = encoder.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap();
        for (at, found) in vectors.texts().enumerate() {
            let expected = &expected[&format!("{tool}.{name}.{at}")];
            assert_eq!([vectors.count(at), vectors.dimension], expected.shape[..], "{case} {name} {at}");
            for (x, y) in found.iter().zip(expected.values()) {
                assert!((f64::from(*x) - y).abs() < 5e-6, "{case} {name} {at}: {x}, expected {y}");
            }
        }
    }
}

#[test]
fn every_vector_is_that_of_the_tool_packed_and_padded() {
    for (case, tool) in CASES {
        vectors_are_those_of(case, tool, &Options::default());
        vectors_are_those_of(case, tool, &Options { padded: true, ..Options::default() });
    }
}

#[test]
fn data_sets_that_share_documents_score_as_each_does_alone() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    copy_folder(&data(), &place.join("one"));
    copy_folder(&data(), &place.join("two"));
    let file = place.join("two/corpus.jsonl");
    let lines: Vec<String> = fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    let other = r#"{"_id": "new", "title": "", "text": "the cat sat"}"#.to_owned();
    let lines: Vec<String> = lines.into_iter().skip(3).rev().chain([other]).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let model = folder("pylate-bert");
    let score = |sets: &[&str]| {
        let arguments = ["score", model.to_str().unwrap(), "-m", "ndcg@10,map,recall@5", "--json", "--data"];
        let found = stdout_json(&run(place, &[&arguments[..], sets].concat()));
        let sets = found["models"][0]["datasets"].as_array().unwrap().iter();
        sets.map(|set| set["metrics"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(score(&["one", "two"]), [score(&["one"]), score(&["two"])].concat());
}

/// A folder with a case as `a`, and as `b` the same model with other weights.
fn pair(case: &str) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for (name, seed) in [("a", None), ("b", Some(7))] {
        let target = place.path().join(name);
        copy_folder(&folder(case), &target);
        let Some(seed) = seed else { continue };
        for file in weights(&target) {
            let mut tensors = read_tensors(&target.join(&file));
            for (number, tensor) in (0..).zip(tensors.values_mut()) {
                let noise = Tensor::random(&tensor.shape, seed + number).values();
                let values = tensor.values().into_iter().zip(noise).map(|(x, y)| x + 0.3 * y);
                *tensor = Tensor::floats(tensor.dtype, &tensor.shape, values);
            }
            fs::write(target.join(&file), safetensors(&tensors)).unwrap();
        }
    }
    place
}

/// The weight files of a folder.
fn weights(folder: &Path) -> Vec<String> {
    let mut files = vec!["model.safetensors".to_owned()];
    files.extend(names(folder).into_iter().map(|name| format!("{name}/model.safetensors")));
    files.retain(|file| folder.join(file).is_file());
    files
}

/// The error of a command that fails.
fn refused(place: &Path, arguments: &[&str]) -> String {
    let output = admix(place).args(arguments).output().unwrap();
    assert!(!output.status.success(), "admix {}", arguments.join(" "));
    stderr(&output)
}

#[test]
fn folders_merge_whole_and_are_scored() {
    for (case, projection, kept) in [
        ("pylate-xlm-roberta", "2_Dense/model.safetensors", "config_sentence_transformers.json"),
        ("stanford", "model.safetensors", "artifact.metadata"),
        ("encoder-bert", "1_Dense/model.safetensors", "2_MultiVectorMask/config.json"),
    ] {
        let place = pair(case);
        let place = place.path();
        run(place, &["blend", "a", "b", "-o", "merged"]);
        let (a, b, merged) = (place.join("a"), place.join("b"), place.join("merged"));
        assert!(weights(&a).contains(&projection.to_owned()), "{case}");
        for file in weights(&a) {
            let [a, b, merged] = [&a, &b, &merged].map(|folder| read_tensors(&folder.join(&file)));
            assert_eq!(a.keys().collect::<Vec<_>>(), merged.keys().collect::<Vec<_>>(), "{case} {file}");
            for (name, tensor) in &merged {
                let expected = a[name].values().into_iter().zip(b[name].values()).map(|(x, y)| f64::midpoint(x, y));
                for (found, expected) in tensor.values().into_iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-6, "{case} {file} {name}: {found}, expected {expected}");
                }
            }
        }
        assert_eq!(fs::read(a.join(kept)).unwrap(), fs::read(merged.join(kept)).unwrap(), "{case}");
        // Scores change with the weights, and the merge is scored as the same kind of model.
        let found = [&a, &b, &merged].map(|folder| {
            let name = format!("{}.run", folder.file_name().unwrap().to_string_lossy());
            score(place, folder, &name);
            scores_of(&place.join(name))
        });
        assert!(found[0] != found[2] && found[1] != found[2] && found[0].len() == found[2].len(), "{case}");
    }
}

#[test]
fn folders_that_make_vectors_in_different_ways_do_not_merge_unasked() {
    let place = pair("pylate-bert");
    let place = place.path();
    for (key, value, said, allow) in [
        ("query_length", json!(24), "longest query", "max-length"),
        ("query_prefix", json!("[unused0]"), "token in front of queries", "prompts"),
        ("do_query_expansion", json!(false), "expansion of queries", "pooling"),
        ("skiplist_words", json!(["."]), "skiplist", "pooling"),
    ] {
        let file = place.join("b/config_sentence_transformers.json");
        let before = fs::read(&file).unwrap();
        edit_json(&file, |config| config[key] = value);
        let error = refused(place, &["blend", "a", "b", "-o", "merged"]);
        assert!(error.contains(said) && error.contains(&format!("--allow {allow}")), "{key}: {error}");
        fs::write(&file, before).unwrap();
    }
    // What PyLate tokenised last is no setting.
    edit_json(&place.join("b/sentence_bert_config.json"), |config| config["max_seq_length"] = json!(15));
    run(place, &["blend", "a", "b", "-o", "merged"]);
}

#[test]
fn what_is_not_followed_is_refused_by_name() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let case = |name: &str, change: &dyn Fn(&Path)| {
        let target = place.join("model");
        let _ = fs::remove_dir_all(&target);
        copy_folder(&folder(name), &target);
        change(&target);
        let data = data();
        refused(place, &["score", "model", "--data", data.to_str().unwrap()])
    };
    let settings = "config_sentence_transformers.json";
    let said = case("pylate-bert", &|folder| {
        edit_json(&folder.join(settings), |config| config["query_prefix"] = json!("[Query]"));
    });
    assert!(said.contains("the tokenizer has no token \"[Query]\""), "{said}");
    let said = case("pylate-bert", &|folder| {
        edit_json(&folder.join("modules.json"), |modules| drop(modules.as_array_mut().unwrap().pop()));
    });
    assert!(said.contains("has no Dense module, for which PyLate would take random weights"), "{said}");
    let said = case("pylate-bert", &|folder| {
        edit_json(&folder.join("tokenizer_config.json"), |config| config["padding_side"] = json!("left"));
    });
    assert!(said.contains("`padding_side` is \"left\""), "{said}");
    let said = case("encoder-bert", &|folder| {
        edit_json(&folder.join("modules.json"), |modules| {
            let entry = json!({"idx": 4, "name": "4", "path": "4_Pool", "type": "x.HierarchicalTokenPooling"});
            modules.as_array_mut().unwrap().push(entry);
        });
    });
    assert!(said.contains("HierarchicalTokenPooling"), "{said}");
    let said = case("encoder-bert", &|folder| {
        edit_json(&folder.join(settings), |config| config["similarity_fn_name"] = json!("xtr"));
    });
    assert!(said.contains("`similarity_fn_name` is \"xtr\", expected maxsim or meanmaxsim"), "{said}");
    let said = case("stanford", &|folder| {
        edit_json(&folder.join("config.json"), |config| {
            config["auto_map"] = json!({"AutoModel": "jinaai/xlm-roberta-flash-implementation--modeling.Model"});
        });
    });
    assert!(said.contains("HF_ColBERT with code of its own"), "{said}");
}

#[test]
fn lines_are_embedded_to_lists_of_vectors_as_queries_or_as_documents() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (case, tool) = CASES[0];
    let model = folder(case);
    let model = model.to_str().unwrap();
    let expected = read_tensors(&folder(case).join("expected.safetensors"));
    for role in ["query", "document"] {
        let input = TEXTS.map(|text| format!("{text}\n")).concat();
        let arguments = ["embed", model, "--prompt-name", role, "-o", "out.jsonl", "--force", "-q"];
        let output = admix(place).args(arguments).write_stdin(input).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let lines = fs::read_to_string(place.join("out.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), TEXTS.len());
        for (at, line) in lines.lines().enumerate() {
            let row: Value = serde_json::from_str(line).unwrap();
            assert_eq!(row["text"], TEXTS[at]);
            let vectors = row["embeddings"].as_array().unwrap();
            let expected = &expected[&format!("{tool}.{role}.{at}")];
            assert_eq!(vectors.len(), expected.shape[0]);
            let values = vectors.iter().flat_map(|vector| vector.as_array().unwrap());
            for (x, y) in values.zip(expected.values()) {
                assert!((x.as_f64().unwrap() - y).abs() < 5e-6, "{role} {at}: {x}, expected {y}");
            }
        }
    }
    let fed = |arguments: &[&str]| admix(place).args(arguments).write_stdin("a\n").output().unwrap();
    let said = stderr(&fed(&["embed", model, "-o", "out.jsonl", "--force"]));
    assert!(said.contains("encodes queries in another way than documents"), "{said}");
    let said = stderr(&fed(&["embed", model, "--prompt-name", "query", "-o", "out.npy"]));
    assert!(said.contains("cannot hold several vectors for each text"), "{said}");
}

#[test]
fn the_library_scores_them_too() {
    let expected = read_json(&folder("encoder-xlm-roberta").join("expected.json"));
    let report = admix::Score::model(folder("encoder-xlm-roberta"))
        .data(data())
        .metric("ndcg@10")
        .compat(admix::eval::Compat::St)
        .run()
        .unwrap();
    let known = expected["sentence-transformers"]["metrics"]["ndcg@10"].as_f64().unwrap();
    assert!((report.mean("ndcg@10").unwrap() - known).abs() < 1e-6);
}

/// A sweep over `a` and `b`, with objectives on the one data set.
fn sweep(place: &Path, more: &str) -> Value {
    let text = format!(
        "study: tiny\nrecipe:\n  merge_method: linear\n  models:\n    - {{model: a, parameters: {{weight: \"${{w}}\"}}}}\n    \
         - {{model: b, parameters: {{weight: 1}}}}\nparams: {{w: {{values: [0.5, 1]}}}}\ndata: {{sets: {}}}\n\
         objectives:\n  first: {{metric: ndcg@10, mean: [sets]}}\n  other: {{metric: mrr@10, mean: [sets]}}\ncompat: st\n\
         store: study\n{more}",
        data().display()
    );
    fs::write(place.join("sweep.yaml"), text).unwrap();
    run(place, &["sweep", "plan", "sweep.yaml"]);
    run(place, &["sweep", "run", "sweep.yaml", "-q"]);
    stdout_json(&run(place, &["sweep", "report", "study", "--json"]))
}

/// The value of a metric of a trial in the study of [`sweep`].
fn of_trial(report: &Value, label: &str, objective: &str) -> f64 {
    let trial = report["trials"].as_array().unwrap().iter().find(|trial| trial["label"] == label);
    trial.unwrap_or_else(|| panic!("{label}: {report:#}"))["objectives"][objective]["value"].as_f64().unwrap()
}

#[test]
fn a_sweep_scores_late_interaction_as_merging_and_scoring_does() {
    let place = pair("pylate-bert");
    let place = place.path();
    let report = sweep(place, "");
    run(place, &["blend", "a", "b", "-o", "merged"]);
    for (label, folder) in [("a", "a"), ("w=1", "merged")] {
        let found = score(place, &place.join(folder), &format!("{folder}.run"));
        let metrics = &found["models"][0]["datasets"][0]["metrics"];
        for (objective, metric) in [("first", "ndcg@10"), ("other", "mrr@10")] {
            let (found, expected) = (of_trial(&report, label, objective), metrics[metric].as_f64().unwrap());
            assert!((found - expected).abs() < 1e-9, "{label} {objective}: {found}, expected {expected}");
        }
    }
}

#[test]
fn a_sweep_over_rerankers_orders_what_a_first_stage_found() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let rerankers = repository().join("tests/goldens/rerankers");
    copy_folder(&rerankers.join("bert"), &place.join("a"));
    copy_folder(&rerankers.join("bert"), &place.join("b"));
    let file = place.join("b/model.safetensors");
    let mut tensors = read_tensors(&file);
    for (number, tensor) in (0..).zip(tensors.values_mut()) {
        let noise = Tensor::random(&tensor.shape, number).values();
        let values = tensor.values().into_iter().zip(noise).map(|(x, y)| x + 0.3 * y);
        *tensor = Tensor::floats(tensor.dtype, &tensor.shape, values);
    }
    fs::write(&file, safetensors(&tensors)).unwrap();
    fs::copy(rerankers.join("candidates.run"), place.join("found.run")).unwrap();
    copy_folder(&repository().join("tests/goldens/encoders/bert"), &place.join("retriever"));
    run(place, &["blend", "a", "b", "-o", "merged"]);
    let data = data();
    for first in ["found.run", "retriever"] {
        let report = sweep(place, &format!("rerank: {{first_stage: {first}, top_k: 8}}\n"));
        for (label, folder) in [("a", "a"), ("b", "b"), ("w=1", "merged")] {
            let arguments = ["score", folder, "--data", data.to_str().unwrap(), "--rerank", first, "--top-k", "8"];
            let rules = ["--compat", "st", "--metrics", "ndcg@10,mrr@10", "--json"];
            let found = stdout_json(&run(place, &[&arguments[..], &rules].concat()));
            let metrics = &found["models"][1]["datasets"][0]["metrics"];
            for (objective, metric) in [("first", "ndcg@10"), ("other", "mrr@10")] {
                let (found, expected) = (of_trial(&report, label, objective), metrics[metric].as_f64().unwrap());
                assert!((found - expected).abs() < 1e-9, "{first} {label} {objective}: {found}, expected {expected}");
            }
        }
        if first == "found.run" {
            // The ranking is an input like any other.
            let ranking = fs::read_to_string(place.join(first)).unwrap();
            fs::write(place.join(first), ranking.replacen(" 99 first", " 98.5 first", 1)).unwrap();
            let said = refused(place, &["sweep", "run", "sweep.yaml"]);
            assert!(said.contains("found.run` has other content"), "{said}");
        }
        fs::remove_dir_all(place.join("study")).unwrap();
    }
}
