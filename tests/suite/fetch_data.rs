//! Data sets by name: downloaded from a server on this machine, scored, re-ranked and swept from the cache.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use serde_json::json;

use super::fetch::{fetch, hub};
use super::support::{admix, copy_folder, names, read_json, repository, snapshot, stderr, stdout_json};

/// The revision of Ko-StrategyQA that MTEB scores.
const STRATEGY: &str = "d243889a3eb6654029dbd7e7f9319ae31d58f97c";

/// A folder with a tiny retriever, and two data sets as the Hub has them.
fn data_sets() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    copy_folder(&repository().join("tests/goldens/encoders/bert"), &root.join("retriever"));
    copy_folder(&repository().join("tests/goldens/rerankers/bert"), &root.join("reranker"));
    let rows =
        |rows: &[serde_json::Value]| rows.iter().flat_map(|row| [row.to_string(), "\n".to_owned()]).collect::<String>();
    let (texts, ids) = (["고양이 매트", "개와 고양이", "the cat sat"], ["d0", "d1", "d2"]);
    let corpus = ids.iter().zip(texts).map(|(id, text)| json!({"_id": id, "title": "", "text": text}));
    let corpus = rows(&corpus.collect::<Vec<_>>());
    let queries = rows(&[json!({"_id": "q0", "text": "고양이"}), json!({"_id": "q1", "text": "cat"})]);
    let qrels = rows(&[
        json!({"query-id": "q0", "corpus-id": "d1", "score": 1}),
        json!({"query-id": "q1", "corpus-id": "d2", "score": 1}),
    ]);
    let ranked = rows(&[
        json!({"query-id": "q0", "corpus-ids": ["d2", "d1"]}),
        json!({"query-id": "q1", "corpus-ids": ["d0", "d2", "d1"]}),
    ]);
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (table, split, text) in [("corpus", "dev", &corpus), ("queries", "dev", &queries), ("qrels", "dev", &qrels)] {
        write(&format!("strategy/{table}/{split}.jsonl"), text);
    }
    write("strategy/qrels/train.jsonl", &qrels);
    write("strategy/build.py", "");
    for subset in ["ko", "de"] {
        for (table, text) in [("corpus", &corpus), ("queries", &queries), ("qrels", &qrels), ("top_ranked", &ranked)] {
            write(&format!("miracl/{subset}-{table}/dev.jsonl"), text);
        }
    }
    folder
}

/// The program, with the cache of [`fetch`].
fn with_cache(root: &Path, arguments: &[&str]) -> Output {
    admix(root).env("HF_HUB_CACHE", root.join("cache")).args(arguments).output().unwrap()
}

const MIRACL: &str = "d11a14c74e8bd448cedab0c1d9a720040535f228";

#[test]
fn data_sets_are_downloaded_and_scored_by_name() {
    let folder = data_sets();
    let root = folder.path();
    let strategy = format!("datasets/taeminlee/Ko-StrategyQA@{STRATEGY}");
    let hub = hub(&[(&strategy, &root.join("strategy"))], Arc::new(|_, _, reply| reply));
    // A name that is not in the cache says how to get it, and a misspelt one what was meant.
    let missing = with_cache(root, &["score", "retriever", "--data", "mteb/Ko-StrategyQA"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(
        stderr(&missing).contains("hint: download it first: admix fetch --data mteb/Ko-StrategyQA"),
        "{}",
        stderr(&missing)
    );
    for (misspelt, meant) in [("mteb/Ko-StrategyQ", "`Ko-StrategyQA`"), ("MIRACLReranknig", "`MIRACLReranking`")] {
        let refused = with_cache(root, &["score", "retriever", "--data", misspelt]);
        assert!(stderr(&refused).contains(meant), "{}", stderr(&refused));
    }
    let done = fetch(root, &hub, &["--data", "mteb/Ko-StrategyQA", "--json"]);
    let summary = stdout_json(&done);
    assert_eq!(summary["models"][0]["type"], json!("data set"), "{}", stderr(&done));
    assert_eq!(summary["models"][0]["commit"], json!(STRATEGY));
    let snapshot = root.join(format!("cache/datasets--taeminlee--Ko-StrategyQA/snapshots/{STRATEGY}"));
    assert_eq!(names(&snapshot), ["corpus", "qrels", "queries"]);
    let score = |data: &str, more: &[&str]| {
        let output = with_cache(root, &[&["score", "retriever", "--json", "--data", data], more].concat());
        assert!(output.status.success(), "{data}: {}", stderr(&output));
        stdout_json(&output)["models"][0]["datasets"].clone()
    };
    let expected = score("strategy", &["--split", "dev"]);
    for name in ["Ko-StrategyQA", "ko-strategyqa", "mteb/Ko-StrategyQA", "taeminlee/Ko-StrategyQA"] {
        let found = score(name, &["--mteb-json", "results"]);
        assert_eq!(found[0]["metrics"], expected[0]["metrics"], "{name}");
        // The split is the one that MTEB scores, though the folder has another.
        assert_eq!((&found[0]["split"], &found[0]["name"]), (&json!("dev"), &json!("Ko-StrategyQA")));
    }
    let result = read_json(&root.join("results/retriever/Ko-StrategyQA.json"));
    assert_eq!(result["dataset_revision"], json!(STRATEGY));
    let scores = &result["scores"]["dev"][0];
    assert_eq!((&scores["hf_subset"], &scores["languages"]), (&json!("default"), &json!(["kor-Hang"])));
    assert_eq!(scores["main_score"], scores["ndcg_at_10"]);
    let shown = stdout_json(&with_cache(root, &["data", "Ko-StrategyQA", "--json"]));
    assert_eq!(shown["folders"][0]["hub"], json!({"name": "taeminlee/Ko-StrategyQA", "commit": STRATEGY}));
}

#[test]
fn one_subset_is_downloaded_and_its_own_lists_are_reranked() {
    let folder = data_sets();
    let root = folder.path();
    let miracl = format!("datasets/mteb/MIRACLReranking@{MIRACL}");
    let hub = hub(&[(&miracl, &root.join("miracl"))], Arc::new(|_, _, reply| reply));
    let done = fetch(root, &hub, &["--data", "MIRACLReranking:ko"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let snapshot = root.join(format!("cache/datasets--mteb--MIRACLReranking/snapshots/{MIRACL}"));
    assert_eq!(names(&snapshot), ["ko-corpus", "ko-qrels", "ko-queries", "ko-top_ranked"]);
    let arguments = [
        "score",
        "reranker",
        "--data",
        "MIRACLReranking:ko",
        "--rerank",
        "--run-file",
        "own.run",
        "--mteb-json",
        "results",
    ];
    let done = with_cache(root, &arguments);
    assert!(done.status.success(), "{}", stderr(&done));
    // The same lists as a ranking of a first stage give the same scores.
    let listed = "q0 Q0 d2 1 2 x\nq0 Q0 d1 2 1 x\nq1 Q0 d0 1 3 x\nq1 Q0 d2 2 2 x\nq1 Q0 d1 3 1 x\n";
    fs::write(root.join("listed.run"), listed).unwrap();
    let from_run =
        ["score", "reranker", "--data", "MIRACLReranking:ko", "--rerank", "listed.run", "--run-file", "run.run"];
    assert!(with_cache(root, &from_run).status.success());
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    assert_eq!((read("own.run"), read("own.run").lines().count()), (read("run.run"), 5));
    let result = read_json(&root.join("results/reranker/MIRACLReranking.json"));
    let scores = &result["scores"]["dev"][0];
    assert_eq!((&scores["hf_subset"], &scores["languages"]), (&json!("ko"), &json!(["kor-Kore"])));
    // A BEIR folder may have such lists, too.
    let beir = |file: &str, text: &str| {
        let path = root.join("beir").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (file, table) in [("corpus.jsonl", "corpus"), ("queries.jsonl", "queries"), ("top_ranked.jsonl", "top_ranked")]
    {
        beir(file, &read(&format!("miracl/ko-{table}/dev.jsonl")));
    }
    beir("qrels/dev.tsv", "query-id\tcorpus-id\tscore\nq0\td1\t1\nq1\td2\t1\n");
    let arguments = ["score", "reranker", "--data", "beir", "--rerank", "--top-k", "2", "--run-file", "beir.run"];
    assert!(with_cache(root, &arguments).status.success());
    assert_eq!(read("beir.run").lines().filter(|line| line.starts_with("q1 ")).count(), 2);
    // Of a data set without lists, nothing can be re-ranked.
    let refused = with_cache(root, &["score", "reranker", "--data", "strategy", "--split", "dev", "--rerank"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("lists no documents to re-rank"), "{}", stderr(&refused));
}

#[test]
fn sweeps_pin_a_data_set_to_its_commit() {
    let folder = data_sets();
    let root = folder.path();
    let strategy = format!("datasets/taeminlee/Ko-StrategyQA@{STRATEGY}");
    let hub = hub(&[(&strategy, &root.join("strategy"))], Arc::new(|_, _, reply| reply));
    copy_folder(&root.join("retriever"), &root.join("other"));
    let sweep = "recipe:\n  merge_method: linear\n  models:\n    - {model: retriever, parameters: {weight: 0.5}}\n    \
                 - {model: other, parameters: {weight: \"${ratio}\"}}\nparams: {ratio: {values: [0.25, 0.5]}}\n\
                 data: {strategy: Ko-StrategyQA, here: {path: here}}\nobjectives:\n  \
                 named: {metric: ndcg@10, mean: [strategy]}\n  here: {metric: ndcg@10, mean: [here]}\n";
    fs::remove_file(root.join("strategy/qrels/train.jsonl")).unwrap();
    fs::rename(root.join("strategy"), root.join("here")).unwrap();
    fs::write(root.join("sweep.yaml"), sweep).unwrap();
    let before = with_cache(root, &["check", "sweep.yaml"]);
    assert!(stderr(&before).contains("admix fetch --data Ko-StrategyQA"), "{}", stderr(&before));
    assert!(fetch(root, &hub, &["--data", "Ko-StrategyQA", "-q"]).status.success());
    let done = with_cache(root, &["sweep", "run", "sweep.yaml", "-q"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let study = snapshot(&root.join("studies/sweep"));
    let pinned = format!("Ko-StrategyQA@{STRATEGY}");
    assert!(study.values().any(|file| String::from_utf8_lossy(file).contains(&pinned)));
}
