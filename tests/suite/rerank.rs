//! `admix score --rerank`, compared with sentence-transformers' `CrossEncoder` and its evaluator.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use admix::checkpoint::Checkpoint;
use admix::encoder::{CrossEncoder, Options};
use safetensors::Dtype;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensor, admix, copy_folder, edit_json, read_json, read_tensors, repository, run, safetensors, stderr, stdout_json,
};

/// The classes of tiny rerankers that `tests/goldens/make_rerankers.py` makes.
const CASES: [&str; 17] = [
    "bert",
    "xlm-roberta",
    "roberta",
    "distilbert",
    "modernbert",
    "modernbert-cls",
    "gte",
    "electra",
    "albert",
    "deberta-v2",
    "mpnet",
    "qwen3-logits",
    "qwen2-logits",
    "qwen3-published",
    "qwen3-score",
    "llama-score",
    "gemma2-score",
];

/// A folder with the rerankers, their data, and a retriever.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&repository().join("tests/goldens/rerankers"), folder.path());
    copy_folder(&repository().join("tests/goldens/encoders/bert"), &folder.path().join("retriever"));
    folder
}

fn score(folder: &Path, arguments: &[&str]) -> Value {
    let output = admix(folder).arg("score").args(arguments).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout_json(&output)
}

fn metric(scores: &Value, model: usize, metric: &str) -> f64 {
    scores["models"][model]["datasets"][0]["metrics"][metric].as_f64().unwrap()
}

/// The scores of a run file by query and document, and the documents of each query in its order.
type Ranking = BTreeMap<String, Vec<(String, f64)>>;

fn ranking(path: &Path) -> Ranking {
    let mut found = Ranking::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        found.entry(fields[0].to_owned()).or_default().push((fields[2].to_owned(), fields[4].parse().unwrap()));
    }
    found
}

#[test]
fn pairs_score_and_rank_as_cross_encoder_has_them() {
    let folder = folder();
    for case in CASES {
        let arguments =
            [case, "--data", "data", "--rerank", "candidates.run", "--compat", "st", "--run-file", "out.run"];
        let scores = score(folder.path(), &arguments);
        let expected = read_json(&folder.path().join(case).join("expected.json"));
        let ranked = ranking(&folder.path().join("out.run"));
        assert_eq!(ranked.len(), expected["scores"].as_object().unwrap().len());
        for (query, documents) in expected["scores"].as_object().unwrap() {
            let mut known: Vec<(&str, f64)> = documents
                .as_object()
                .unwrap()
                .iter()
                .map(|(id, score)| (id.as_str(), score.as_f64().unwrap()))
                .collect();
            known.sort_by(|a, b| b.1.total_cmp(&a.1));
            let found = &ranked[query];
            assert_eq!(found.len(), known.len(), "{case} {query}");
            for ((id, value), (other, expected)) in found.iter().zip(&known) {
                assert!(
                    id == other && (value - expected).abs() < 1e-5,
                    "{case} {query}: {id} {value}, {other} {expected}"
                );
            }
        }
        for (name, value) in expected["with_positives"].as_object().unwrap() {
            let (model, name) = name.strip_prefix("base_").map_or((1, name.as_str()), |name| (0, name));
            let found = metric(&scores, model, name);
            assert!((found - value.as_f64().unwrap()).abs() < 1e-6, "{case} {name}: {found}, expected {value}");
        }
    }
}

#[test]
fn padded_batches_give_the_same_scores() {
    let folder = folder();
    let text = |file: &str| -> BTreeMap<String, String> {
        let lines = fs::read_to_string(folder.path().join("data").join(file)).unwrap();
        let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        rows.map(|row| (row["_id"].as_str().unwrap().to_owned(), row["text"].as_str().unwrap().to_owned())).collect()
    };
    let (queries, documents) = (text("queries.jsonl"), text("corpus.jsonl"));
    for case in CASES {
        let expected = read_json(&folder.path().join(case).join("expected.json"));
        let scores = expected["scores"].as_object().unwrap();
        let scores = scores.iter().flat_map(|(query, found)| {
            found.as_object().unwrap().iter().map(|(id, score)| (query.as_str(), id.as_str(), score.as_f64().unwrap()))
        });
        let scores: Vec<(&str, &str, f64)> = scores.collect();
        let pairs: Vec<(&str, &str)> =
            scores.iter().map(|(query, id, _)| (queries[*query].as_str(), documents[*id].as_str())).collect();
        let options = Options { padded: true, ..Options::default() };
        let checkpoint = Checkpoint::open(&folder.path().join(case)).unwrap();
        let reranker = CrossEncoder::open(&checkpoint, &options).unwrap();
        assert_eq!(Some(reranker.max_length() as u64), expected["max_seq_length"].as_u64(), "{case}");
        let tokens = reranker.tokenize(&pairs).unwrap();
        let logits = reranker.logits(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap();
        for (logit, (query, id, expected)) in logits.into_iter().zip(&scores) {
            let found = reranker.activate(logit);
            assert!((found - expected).abs() < 1e-5, "{case} {query} {id}: {found}, expected {expected}");
        }
    }
}

#[test]
fn without_compat_st_only_what_was_found_is_ranked() {
    let folder = folder();
    let arguments =
        ["xlm-roberta", "--data", "data", "--rerank", "candidates.run", "--top-k", "7", "--run-file", "out.run"];
    let scores = score(folder.path(), &arguments);
    let known = read_json(&folder.path().join("xlm-roberta/expected.json"));
    let first = ranking(&folder.path().join("candidates.run"));
    let again = ranking(&folder.path().join("out.run"));
    for (query, found) in &first {
        let value = |id: &str| known["scores"][query][id].as_f64().unwrap();
        let mut expected: Vec<&str> = found[..7].iter().map(|(id, _)| id.as_str()).collect();
        expected.sort_by(|a, b| value(b).total_cmp(&value(a)));
        assert_eq!(again[query].iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), expected, "{query}");
    }
    let names = scores["models"][0]["datasets"][0]["metrics"].as_object().unwrap().keys().collect::<Vec<_>>();
    assert_eq!(names, ["ndcg@10", "mrr@10", "map"]);
    assert_eq!(scores["models"][0]["first_stage"], true);
    assert_eq!(scores["models"][1]["first_stage"], false);
    // The ranking that was written has the scores that were shown.
    let metrics = ["metrics", "data/qrels/test.tsv", "out.run", "--metrics", "ndcg@10,mrr@10,map", "--json"];
    let metrics = stdout_json(&run(folder.path(), &metrics));
    for name in ["ndcg@10", "mrr@10", "map"] {
        assert_eq!(metrics["runs"][0]["metrics"][name].as_f64(), Some(metric(&scores, 1, name)), "{name}");
    }
}

#[test]
fn a_retriever_finds_what_its_run_lists() {
    let folder = folder();
    score(folder.path(), &["retriever", "--data", "data", "--run-file", "found.run", "-m", "ndcg@10"]);
    let arguments = |first| ["bert", "modernbert", "--data", "data", "--rerank", first, "--top-k", "9"];
    let [searched, read] = ["retriever", "found.run"].map(|first| score(folder.path(), &arguments(first)));
    for model in 0..3 {
        for name in ["ndcg@10", "mrr@10", "map"] {
            let [searched, read] = [&searched, &read].map(|scores| metric(scores, model, name));
            assert!((searched - read).abs() < 1e-12, "{model} {name}: {searched}, {read}");
        }
    }
    assert_eq!(searched["models"][0]["model"], "retriever");
    assert!(searched["models"][0]["datasets"][0]["tokens"].as_u64() > Some(0));
    assert!((metric(&searched, 1, "map") - metric(&searched, 0, "map")).abs() > 1e-3);
}

#[test]
fn rerankers_are_compared_with_the_first_stage() {
    let folder = folder();
    let arguments =
        ["score", "bert", "--data", "data", "--rerank", "candidates.run", "--baseline", "candidates.run", "-m", "map"];
    let table = String::from_utf8(run(folder.path(), &arguments).stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].starts_with("candidates.run (first stage)"), "{table}");
    assert!(lines[2].starts_with("bert") && (lines[2].contains('+') || lines[2].contains('-')), "{table}");
    let scores = score(folder.path(), &arguments[1..]);
    let difference = scores["models"][1]["datasets"][0]["against_baseline"]["map"]["difference"].as_f64().unwrap();
    assert!((difference - (metric(&scores, 1, "map") - metric(&scores, 0, "map"))).abs() < 1e-12);
}

#[test]
fn a_merged_reranker_is_one() {
    let folder = folder();
    copy_folder(&folder.path().join("modernbert-cls"), &folder.path().join("other"));
    let recipe = "merge_method: linear\ndtype: float32\nmodels:\n  - {model: modernbert-cls, parameters: {weight: 0.5}}\n  \
                  - {model: other, parameters: {weight: 0.5}}\n";
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    run(folder.path(), &["merge", "recipe.yaml", "merged"]);
    let arguments = ["modernbert-cls", "merged", "--data", "data", "--rerank", "candidates.run"];
    let scores = score(folder.path(), &arguments);
    assert!((metric(&scores, 1, "ndcg@10") - metric(&scores, 2, "ndcg@10")).abs() < 1e-12);
    let settings = read_json(&folder.path().join("merged/config_sentence_transformers.json"));
    assert_eq!(settings["model_type"], "CrossEncoder");
}

#[test]
fn a_merged_language_model_scores_with_the_rows_of_its_own_head() {
    let folder = folder();
    let root = folder.path();
    for (model, head) in [("qwen3-logits", "model.embed_tokens.weight"), ("qwen2-logits", "lm_head.weight")] {
        // Of two models that differ in one row, the mean has the mean of both scores.
        copy_folder(&root.join(model), &root.join("other"));
        let file = root.join("other/model.safetensors");
        let mut tensors = read_tensors(&file);
        let table = tensors.get_mut(head).unwrap();
        let values: Vec<f64> = table.values().into_iter().map(|value| value * 1.5).collect();
        *table = Tensor::floats(Dtype::F32, &table.shape.clone(), values);
        fs::write(&file, safetensors(&tensors)).unwrap();
        let recipe = format!(
            "merge_method: linear\ndtype: float32\nmodels:\n  - {{model: {model}, parameters: {{weight: 0.5}}}}\n  \
             - {{model: other, parameters: {{weight: 0.5}}}}\n"
        );
        fs::write(root.join("recipe.yaml"), recipe).unwrap();
        run(root, &["merge", "recipe.yaml", "merged", "--force"]);
        let merged = read_tensors(&root.join("merged/model.safetensors"));
        let scaled = read_tensors(&root.join(model).join("model.safetensors"))[head].values();
        for (found, one) in merged[head].values().iter().zip(scaled) {
            assert!((found - 1.25 * one).abs() < 1e-6);
        }
        let logits = |model: &str| -> Vec<f64> {
            let arguments = [model, "--data", "data", "--rerank", "candidates.run", "--run-file", "out.run"];
            score(root, &arguments);
            let ranked: BTreeMap<String, BTreeMap<String, f64>> =
                ranking(&root.join("out.run")).into_iter().map(|(q, found)| (q, found.into_iter().collect())).collect();
            ranked.into_values().flat_map(BTreeMap::into_values).map(|score| libm::log(score / (1.0 - score))).collect()
        };
        if head == "lm_head.weight" {
            let [one, merged] = [model, "merged"].map(logits);
            for (one, merged) in one.iter().zip(&merged) {
                assert!((merged - 1.25 * one).abs() < 1e-3 * one.abs().max(1.0), "{merged} {one}");
            }
        }
        fs::remove_dir_all(root.join("other")).unwrap();
    }
}

#[test]
fn language_models_without_a_place_for_a_pair_are_refused_or_named() {
    let folder = folder();
    let root = folder.path();
    let said = |model: &str| {
        let arguments = ["score", model, "--data", "data", "--rerank", "candidates.run", "-m", "map"];
        let output = admix(root).args(arguments).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    let (code, text) = said("qwen3-published");
    assert!(code == Some(0) && text.contains("as Qwen3-Reranker's authors publish it"), "{text}");
    fs::write(root.join("qwen2-logits/chat_template.jinja"), "{{ messages[0].content }}").unwrap();
    let (code, text) = said("qwen2-logits");
    assert!(code == Some(3) && text.contains("no place for the role `document`"), "{text}");
    fs::write(root.join("qwen2-logits/chat_template.jinja"), "{{ raise_exception('no roles') }}").unwrap();
    let (code, text) = said("qwen2-logits");
    assert!(code == Some(3) && text.contains("the chat template cannot be used: no roles"), "{text}");
    fs::write(root.join("qwen3-score/chat_template.jinja"), "{{ messages[0].content }}").unwrap();
    let (code, text) = said("qwen3-score");
    assert!(code == Some(0) && text.contains("taken as a plain pair"), "{text}");
    edit_json(&root.join("qwen3-logits/1_LogitScore/config.json"), |config| config["true_token_id"] = json!(99999));
    let (code, text) = said("qwen3-logits");
    assert!(code == Some(3) && text.contains("expected one for token 99999"), "{text}");
}

#[test]
fn a_default_prompt_stands_in_front_of_queries_and_pairs_are_cut_where_asked() {
    let folder = folder();
    copy_folder(&folder.path().join("modernbert-cls"), &folder.path().join("prompted"));
    edit_json(&folder.path().join("prompted/config_sentence_transformers.json"), |config| {
        config["prompts"] = json!({"ask": "search query: "});
        config["default_prompt_name"] = json!("ask");
    });
    copy_folder(&folder.path().join("data"), &folder.path().join("written"));
    let file = folder.path().join("written/queries.jsonl");
    let queries = fs::read_to_string(&file).unwrap().replace("\"text\": \"", "\"text\": \"search query: ");
    fs::write(&file, queries).unwrap();
    let ranked = |model: &str, data: &str, length: &str| -> Vec<f64> {
        let arguments = ["--rerank", "candidates.run", "--max-length", length, "--run-file", "out.run"];
        score(folder.path(), &[&[model, "--data", data], &arguments[..]].concat());
        ranking(&folder.path().join("out.run")).into_values().flatten().map(|(_, score)| score).collect()
    };
    let differ = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let [prompted, written, plain] = [("prompted", "data"), ("modernbert-cls", "written"), ("modernbert-cls", "data")]
        .map(|(model, data)| ranked(model, data, "1024"));
    assert!(differ(&prompted, &written) < 1e-6 && differ(&prompted, &plain) > 1e-3);
    assert!(differ(&plain, &ranked("modernbert-cls", "data", "12")) > 1e-3);
    let output = admix(folder.path())
        .args(["score", "bert", "--data", "data", "--rerank", "candidates.run", "--max-length", "4"])
        .output()
        .unwrap();
    assert!(stderr(&output).contains("the maximum length 4 is not between 5 and 40"), "{}", stderr(&output));
}

#[test]
fn what_cannot_rerank_is_named() {
    let folder = folder();
    let edit = |name: &str, change: &dyn Fn(&mut Value)| {
        copy_folder(&folder.path().join("xlm-roberta"), &folder.path().join(name));
        edit_json(&folder.path().join(name).join("config.json"), change);
    };
    edit("flaubert", &|config| config["architectures"] = json!(["FlaubertForSequenceClassification"]));
    edit("relu", &|config| config["sbert_ce_default_activation_function"] = json!("torch.nn.modules.activation.ReLU"));
    let failed = |arguments: &[&str]| admix(folder.path()).args(arguments).output().unwrap();
    fs::write(folder.path().join("none.run"), "other Q0 d1 1 1.0 x\n").unwrap();
    fs::write(folder.path().join("unknown.run"), "q0 Q0 nowhere 1 1.0 x\n").unwrap();
    for (model, first, code, parts) in [
        ("flaubert", "candidates.run", 3, ["FlaubertForSequenceClassification", "XLMRobertaForSequenceClassification"]),
        ("retriever", "candidates.run", 3, ["`BertModel`", "BertForSequenceClassification"]),
        ("relu", "candidates.run", 3, ["ReLU", "Sigmoid"]),
        ("bert", "none.run", 3, ["no query of `data", "`none.run`"]),
        ("bert", "unknown.run", 3, ["document `nowhere` for query `q0`", "unknown.run"]),
        ("bert", "modernbert-cls", 3, ["reranking (CrossEncoder)", "--rerank"]),
        ("bert", "nothing", 3, ["nothing", "re-rank"]),
    ] {
        let output = failed(&["score", model, "--data", "data", "--rerank", first]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{model} {first}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{model} {first}: {said}");
    }
    let output = failed(&["score", "bert", "--data", "data", "--top-k", "3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--rerank"), "{}", stderr(&output));
}
