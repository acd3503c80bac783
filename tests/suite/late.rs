//! Late-interaction models: scores and vectors as PyLate and sentence-transformers' `MultiVectorEncoder` have them, and merges.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use admix::checkpoint::Checkpoint;
use admix::encoder::{MultiVectorEncoder, Options, Role};
use serde_json::Value;

use super::support::{admix, copy_folder, read_json, read_tensors, repository, run, stderr, stdout_json};

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

fn score(place: &Path, model: &Path) -> Value {
    let output = admix(place)
        .arg("score")
        .arg(model)
        .arg("--data")
        .arg(data())
        .args(["--compat", "st", "--metrics", "ndcg@10,mrr@10", "--run-file", "out.run", "--json"])
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
        let found = score(place.path(), &folder(case));
        let ranked = scores_of(&place.path().join("out.run"));
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
