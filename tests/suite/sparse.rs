//! Sparse retrievers, compared with sentence-transformers' `SparseEncoder` and its evaluator.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use admix::checkpoint::Checkpoint;
use admix::encoder::{Options, Retrieval, Retriever, Role, SparseEmbeddings, Vectors};
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::TempDir;

use super::support::{admix, copy_folder, read_json, repository, stderr, stdout_json};

/// The tiny retrievers that `tests/goldens/make_sparse.py` makes, and whether their folder says that they are sparse.
const CASES: [(&str, bool); 15] = [
    ("bert", true),
    ("distilbert", false),
    ("xlm-roberta", true),
    ("mpnet", true),
    ("modernbert", true),
    ("untied", true),
    ("electra", true),
    ("albert", true),
    ("deberta-v2", true),
    ("deberta-newer", true),
    ("gte", true),
    ("eurobert", true),
    ("router", true),
    ("router-root", true),
    ("autoencoder", true),
];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&repository().join("tests/goldens/sparse"), folder.path());
    copy_folder(&repository().join("tests/goldens/rerankers/data"), &folder.path().join("data"));
    folder
}

fn texts(folder: &Path, name: &str) -> Vec<String> {
    let lines = fs::read_to_string(folder.join("data").join(name)).unwrap();
    let text = |line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
    lines.lines().map(text).collect()
}

/// The rows of a tensor of `expected.safetensors`.
fn expected(folder: &Path, name: &str) -> Vec<Vec<f32>> {
    let bytes = fs::read(folder.join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let values: Vec<f32> = tensor.data().chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    values.chunks_exact(tensor.shape()[1]).map(<[f32]>::to_vec).collect()
}

fn dense(all: &SparseEmbeddings, text: usize) -> Vec<f32> {
    let mut row = vec![0.0; all.vocabulary];
    let (tokens, weights) = all.get(text);
    for (token, weight) in tokens.iter().zip(weights) {
        row[*token as usize] = *weight;
    }
    row
}

#[test]
fn weights_of_tokens_are_those_of_sentence_transformers() {
    let folder = folder();
    for (case, says_so) in CASES {
        let target = folder.path().join(case);
        let checkpoint = Checkpoint::open(&target).unwrap();
        let prompts = checkpoint.settings();
        for padded in [false, true] {
            let retrieval = (!says_so).then_some(Retrieval::Sparse);
            let retriever = Retriever::open(&checkpoint, &Options { padded, retrieval, ..Options::default() }).unwrap();
            for (role, file, name, prompt) in [
                (Role::Query, "queries.jsonl", "queries", &prompts.query_prompt),
                (Role::Document, "corpus.jsonl", "documents", &prompts.document_prompt),
            ] {
                let tokens = retriever.tokenize(role, &texts(folder.path(), file), prompt.as_deref()).unwrap();
                let vectors = retriever.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap();
                let Vectors::Sparse(found) = vectors else { panic!("{case} is not sparse") };
                let expected = expected(&target, name);
                assert_eq!(found.len(), expected.len());
                for (text, expected) in expected.iter().enumerate() {
                    let found = dense(&found, text);
                    assert_eq!(found.len(), expected.len(), "{case}");
                    for (token, (found, expected)) in found.iter().zip(expected).enumerate() {
                        let close = (found - expected).abs() < 2e-4 * expected.abs().max(1.0);
                        assert!(close, "{case} {name} {text}, padded {padded}: token {token} {found} {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn metrics_are_those_of_sentence_transformers_evaluator() {
    let folder = folder();
    for (case, says_so) in CASES {
        let mut command = admix(folder.path());
        command.args(["score", case, "--data", "data", "--compat", "st", "--json"]);
        command.args(["--metrics", "ndcg@10,mrr@10,recall@5,success@1"]);
        if !says_so {
            command.args(["--retrieval", "sparse"]);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{case}: {}", stderr(&output));
        let found = stdout_json(&output)["models"][0]["datasets"][0]["metrics"].clone();
        let expected = read_json(&folder.path().join(case).join("expected.json"));
        let similarity = expected["similarity"].as_str().unwrap();
        for (name, known) in
            [("ndcg@10", "ndcg@10"), ("mrr@10", "mrr@10"), ("recall@5", "recall@5"), ("success@1", "accuracy@1")]
        {
            let (found, expected) =
                (found[name].as_f64().unwrap(), expected["metrics"][format!("{similarity}_{known}")].as_f64().unwrap());
            assert!((found - expected).abs() < 5e-4, "{case} {name}: {found} {expected}");
        }
    }
}
