//! Sparse retrievers, compared with sentence-transformers' `SparseEncoder` and its evaluator.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use admix::checkpoint::Checkpoint;
use admix::encoder::{Options, Retriever, Role, SparseEmbeddings, Vectors};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensor, admix, copy_folder, distance, edit_json, read_json, read_tensors, repository, run, safetensors, snapshot,
    stderr, stdout_json,
};

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
            let retrieval = (!says_so).then(|| "sparse".parse().unwrap());
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

/// The folders below `folder` with weights, by their names.
fn weight_folders(folder: &Path) -> Vec<String> {
    let found = snapshot(folder).into_keys().filter(|path| path.ends_with("model.safetensors"));
    let inside =
        |path: std::path::PathBuf| path.parent().and_then(|at| at.strip_prefix(folder).ok().map(Path::to_path_buf));
    found.filter_map(inside).map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_merge_has_the_mean_of_every_head_and_route() {
    let folder = folder();
    let root = folder.path();
    for (case, modules) in [("bert", 1), ("router", 2), ("router-root", 2), ("autoencoder", 2)] {
        let (other, out) = (format!("{case}-other"), format!("{case}-merged"));
        copy_folder(&root.join(case), &root.join(&other));
        for module in weight_folders(&root.join(case)) {
            let file = root.join(&other).join(&module).join("model.safetensors");
            let mut tensors = read_tensors(&file);
            for (seed, tensor) in tensors.values_mut().enumerate().filter(|(_, tensor)| tensor.dtype == Dtype::F32) {
                *tensor = Tensor::random(&tensor.shape, seed as u32 + 3);
            }
            // A count of the other's own training.
            if let Some(count) = tensors.get_mut("stats_last_nonzero") {
                *count = Tensor::integers(&count.shape, (0i64..).take(count.shape[0]));
            }
            fs::write(file, safetensors(&tensors)).unwrap();
        }
        run(root, &["blend", &format!("{case}=0.5"), &format!("{other}=0.5"), "-q", "-o", &out]);
        let found = weight_folders(&root.join(&out));
        assert_eq!(found, weight_folders(&root.join(case)));
        assert_eq!(found.len(), modules, "{case}");
        for module in found {
            let read = |model: &str| read_tensors(&root.join(model).join(&module).join("model.safetensors"));
            let (a, b, merged) = (read(case), read(&other), read(&out));
            assert_eq!(merged.keys().collect::<Vec<_>>(), a.keys().collect::<Vec<_>>());
            for (name, tensor) in merged.iter().filter(|(_, tensor)| tensor.dtype == Dtype::F32) {
                let mean = a[name].values().into_iter().zip(b[name].values()).map(|(a, b)| f64::midpoint(a, b));
                let expected = Tensor::floats(Dtype::F64, &tensor.shape, mean);
                assert!(distance(tensor, &expected) < 1e-6, "{case} {module} {name}");
            }
        }
        // Every file that says what the modules are and how they are used came along.
        let settings = |model: &str| -> Vec<_> {
            let all = snapshot(&root.join(model)).into_iter();
            let told = all.filter(|(path, _)| path.ends_with("modules.json") || path.ends_with("router_config.json"));
            told.map(|(path, bytes)| (path.strip_prefix(root.join(model)).unwrap().to_owned(), bytes)).collect()
        };
        assert_eq!(settings(&out), settings(case));
        let scored = run(root, &["score", &out, "--data", "data", "--json"]);
        assert!(stdout_json(&scored)["models"][0]["datasets"][0]["metrics"]["ndcg@10"].as_f64().is_some());
    }
}

#[test]
fn embed_writes_the_heaviest_tokens_first() {
    let folder = folder();
    let root = folder.path();
    for case in ["bert", "router", "xlm-roberta"] {
        let document = texts(root, "corpus.jsonl").swap_remove(0);
        let mut command = admix(root);
        command.args(["embed", case, "-q", "--prompt-name", "document", "-f", "-o", "out.jsonl"]);
        let output = command.write_stdin(document).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let line: Value = serde_json::from_str(&fs::read_to_string(root.join("out.jsonl")).unwrap()).unwrap();
        let found: Vec<(&String, f64)> = line["weights"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(token, weight)| (token, weight.as_f64().unwrap()))
            .collect();
        let expected = read_json(&root.join(case).join("expected.json"))["heaviest"].clone();
        for ((token, weight), known) in found.iter().zip(expected.as_array().unwrap()) {
            assert_eq!(Some(token.as_str()), known[0].as_str(), "{case}");
            assert!((weight - known[1].as_f64().unwrap()).abs() < 1e-4, "{case} {token}");
        }
        assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }
    let output = admix(root).args(["embed", "bert", "-o", "out.npy"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`out.npy` cannot hold sparse embeddings"), "{}", stderr(&output));
}

#[test]
fn fewer_entries_are_the_heaviest_ones() {
    let folder = folder();
    let checkpoint = Checkpoint::open(&folder.path().join("albert")).unwrap();
    let encoded = |max_active_dims| {
        let retriever = Retriever::open(&checkpoint, &Options { max_active_dims, ..Options::default() }).unwrap();
        let tokens = retriever.tokenize(Role::Document, &["the cat sat on the mat"], None).unwrap();
        match retriever.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap() {
            Vectors::Sparse(found) => found.get(0).0.iter().copied().zip(found.get(0).1.iter().copied()).collect(),
            _ => Vec::new(),
        }
    };
    let (all, few) = (encoded(None), encoded(Some(4)));
    assert!(all.len() > 10 && few.len() == 4);
    let least = few.iter().map(|(_, weight): &(u32, f32)| *weight).fold(f32::INFINITY, f32::min);
    for entry in &all {
        assert_eq!(few.contains(entry), entry.1 >= least, "{entry:?} {least}");
    }
}

#[test]
fn inspect_names_the_kind_of_a_model() {
    let folder = folder();
    for (case, kind) in [("router", "sparse"), ("distilbert", "dense"), ("autoencoder", "sparse")] {
        let found = stdout_json(&run(folder.path(), &["inspect", case, "--json"]));
        assert_eq!(found["kind"], kind, "{case}");
    }
    let found = run(folder.path(), &["inspect", "router"]);
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("sparse retriever") && found.contains("Router"), "{found}");
}

#[test]
fn what_is_no_sparse_retriever_is_refused_by_name() {
    let folder = folder();
    let root = folder.path();
    copy_folder(&repository().join("tests/goldens/encoders/qwen3"), &root.join("qwen3"));
    copy_folder(&repository().join("tests/goldens/encoders/qwen2"), &root.join("qwen2"));
    for (model, message) in [
        ("qwen3", "`qwen3` has a `Pooling` module"),
        ("qwen2", "`qwen2` is a `qwen2` model, which has no scores of tokens"),
    ] {
        let output = admix(root).args(["score", model, "--data", "data", "--retrieval", "sparse"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    // A route with a module that its router does not know.
    edit_json(&root.join("router/router_config.json"), |config| config["structure"]["query"] = json!(["lost"]));
    let output = admix(root).args(["inspect", "router"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("`types` has no module `lost`"), "{}", stderr(&output));
    edit_json(&root.join("router-root/router_config.json"), |config| {
        config["types"]["../out"] = json!("x.Dense");
        config["structure"]["query"] = json!(["../out"]);
    });
    let output = admix(root).args(["inspect", "router-root"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("not a plain folder name"), "{}", stderr(&output));
}
