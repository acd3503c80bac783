//! bge-m3's dense, sparse and late-interaction heads, compared with `FlagEmbedding`.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use admix::checkpoint::Checkpoint;
use admix::encoder::{HybridVectors, Options, Retriever, Role, Vectors};
use safetensors::SafeTensors;
use serde_json::Value;
use tempfile::TempDir;

use super::support::{
    Tensor, admix, copy_folder, read_json, read_tensors, repository, run, safetensors, stderr, stdout_json,
};

/// The rankings whose scores `tests/goldens/make_bge_m3.py` has.
const RANKINGS: [&str; 6] =
    ["dense", "sparse", "late", "dense,sparse", "dense,sparse,late", "dense=0.4,sparse=0.2,late=0.4"];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&repository().join("tests/goldens/bge-m3"), &folder.path().join("m3"));
    copy_folder(&repository().join("tests/goldens/rerankers/data"), &folder.path().join("data"));
    folder
}

fn texts(folder: &Path, name: &str) -> Vec<String> {
    let lines = fs::read_to_string(folder.join("data").join(name)).unwrap();
    let text = |line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
    lines.lines().map(text).collect()
}

/// A tensor of `expected.safetensors`, and the length of its rows.
fn expected(name: &str) -> (Vec<f32>, usize) {
    let bytes = fs::read(repository().join("tests/goldens/bge-m3/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let values = tensor.data().chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    (values, *tensor.shape().last().unwrap())
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 2e-5 * expected.abs().max(1.0), "{what} {at}: {found} {expected}");
    }
}

fn encoded(folder: &Path, role: Role, texts: &[String], options: &Options) -> HybridVectors {
    let checkpoint = Checkpoint::open(&folder.join("m3")).unwrap();
    let retriever = Retriever::open(&checkpoint, options).unwrap();
    let tokens = retriever.tokenize(role, texts, None).unwrap();
    match retriever.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap() {
        Vectors::Hybrid(found) => found,
        _ => panic!("the model has not all heads"),
    }
}

#[test]
fn all_heads_give_what_flag_embedding_gives() {
    let folder = folder();
    for padded in [false, true] {
        let options = Options { padded, retrieval: Some("all".parse().unwrap()), ..Options::default() };
        for (role, file, name) in
            [(Role::Query, "queries.jsonl", "queries"), (Role::Document, "corpus.jsonl", "documents")]
        {
            let found = encoded(folder.path(), role, &texts(folder.path(), file), &options);
            close(&found.dense.unwrap().values, &expected(&format!("dense_{name}")).0, "dense");
            let (weights, vocabulary) = expected(&format!("sparse_{name}"));
            let sparse = found.sparse.unwrap();
            assert_eq!(sparse.vocabulary, vocabulary);
            for (text, weights) in weights.chunks_exact(vocabulary).enumerate() {
                let mut row = vec![0.0; vocabulary];
                let (tokens, own) = sparse.get(text);
                tokens.iter().zip(own).for_each(|(token, weight)| row[*token as usize] = *weight);
                close(&row, weights, "sparse");
            }
            let late = found.late.unwrap();
            close(&late.values, &expected(&format!("late_{name}")).0, "late");
            let counts: Vec<f32> = (0..late.len()).map(|text| late.count(text) as f32).collect();
            close(&counts, &expected(&format!("counts_{name}")).0, "vectors of a text");
        }
    }
}

#[test]
fn rankings_by_heads_and_by_their_sums_have_flag_embeddings_scores() {
    let folder = folder();
    let metrics = read_json(&repository().join("tests/goldens/bge-m3/expected.json"));
    for ranking in RANKINGS {
        let file = "out/{model}-{data}.run";
        let arguments =
            ["score", "m3", "--data", "data", "--retrieval", ranking, "--json", "--run-file", file, "-m", "ndcg@10"];
        let scored = run(folder.path(), &arguments);
        let rows = stdout_json(&scored)["models"].clone();
        let rows = rows.as_array().unwrap();
        let kinds = ranking.split(',').count();
        assert_eq!(rows.len(), if kinds > 1 { kinds + 1 } else { 1 });
        let row = rows.last().unwrap();
        let found = row["datasets"][0]["metrics"]["ndcg@10"].as_f64().unwrap();
        let known = metrics[ranking].as_f64().unwrap();
        assert!((found - known).abs() < 5e-4, "{ranking}: {found} {known}");
        if kinds > 1 {
            assert_eq!(row["retrieval"], ranking);
        }
        let (scores, documents) = expected(&format!("scores_{ranking}"));
        let name = if ranking == "dense" { "m3".to_owned() } else { format!("m3-{ranking}") };
        let lines = fs::read_to_string(folder.path().join(format!("out/{name}-data-en-en.run"))).unwrap();
        assert_eq!(lines.lines().count(), scores.len());
        for line in lines.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let number = |id: &str| id[1..].parse::<usize>().unwrap();
            let known = scores[number(fields[0]) * documents + number(fields[2])];
            let found: f32 = fields[4].parse().unwrap();
            assert!((found - known).abs() < 1e-4, "{ranking} {line}: {known}");
        }
    }
}

#[test]
fn inspect_names_the_heads() {
    let folder = folder();
    let found = String::from_utf8_lossy(&run(folder.path(), &["inspect", "m3"]).stdout).into_owned();
    assert!(found.contains("dense retriever with a sparse and a late-interaction head"), "{found}");
}

#[test]
fn kinds_that_a_folder_has_not_are_refused_by_name() {
    let folder = folder();
    copy_folder(&repository().join("tests/goldens/sparse/bert"), &folder.path().join("splade"));
    copy_folder(&repository().join("tests/goldens/encoders/bert"), &folder.path().join("dense"));
    for (model, asked, message) in [
        ("splade", "dense", "`splade` is a sparse model, asked for dense retrieval"),
        ("dense", "late", "`dense` is a dense model, asked for late retrieval"),
        ("dense", "all", "`dense` is a dense model, asked for dense, sparse, late retrieval"),
        ("m3", "lexical", "`lexical` is not a kind of retrieval"),
    ] {
        let output =
            admix(folder.path()).args(["score", model, "--data", "data", "--retrieval", asked]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    fs::remove_file(folder.path().join("m3/sparse_linear.pt")).unwrap();
    let output = admix(folder.path()).args(["score", "m3", "--data", "data", "--retrieval", "all"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

/// A second model, `other`, whose weights are a little different.
fn perturbed(root: &Path) {
    copy_folder(&root.join("m3"), &root.join("other"));
    let file = root.join("other/model.safetensors");
    let mut tensors = read_tensors(&file);
    for (seed, tensor) in (0..).zip(tensors.values_mut()) {
        let noise = Tensor::random(&tensor.shape, seed).values();
        let values = tensor.values().into_iter().zip(noise).map(|(x, y)| x + 0.3 * y);
        *tensor = Tensor::floats(tensor.dtype, &tensor.shape, values);
    }
    fs::write(&file, safetensors(&tensors)).unwrap();
}

#[test]
fn a_sweep_has_columns_for_heads_and_variables_for_their_weights() {
    let folder = folder();
    let root = folder.path();
    perturbed(root);
    let sweep = |data: &str| {
        format!(
            "study: heads\nrecipe:\n  merge_method: linear\n  models:\n    - {{model: m3, parameters: {{weight: \"${{w}}\"}}}}\n    \
             - {{model: other, parameters: {{weight: 1}}}}\n\
             params: {{w: {{values: [0.5, 1]}}, l: {{values: [0.5, 2]}}}}\ndata:\n{data}  \
             heads: {{path: data, retrieval: \"dense,sparse=0.5,late=${{l}}\"}}\n\
             objectives:\n  dense: {{metric: ndcg@10, mean: [vectors]}}\n  sparse: {{metric: mrr@10, mean: [words]}}\n  \
             late: {{metric: ndcg@10, mean: [tokens]}}\n  all: {{metric: ndcg@10, mean: [heads]}}\n\
             search: grid\ncompat: st\nstore: study\n"
        )
    };
    let columns = "  vectors: {path: data, retrieval: dense}\n  words: {path: data, retrieval: sparse}\n  \
                   tokens: {path: data, retrieval: late}\n";
    fs::write(root.join("sweep.yaml"), sweep(columns)).unwrap();
    run(root, &["sweep", "run", "sweep.yaml", "-q"]);
    run(root, &["blend", "m3=0.5", "other=0.5", "-q", "-o", "merged"]);
    let report = stdout_json(&run(root, &["sweep", "report", "study", "--json"]));
    let scored = |model: &str, retrieval: &str, metric: &str| {
        let arguments =
            ["score", model, "--data", "data", "--retrieval", retrieval, "--compat", "st", "-m", metric, "--json"];
        let rows = stdout_json(&run(root, &arguments))["models"].as_array().unwrap().clone();
        rows.last().unwrap()["datasets"][0]["metrics"][metric].as_f64().unwrap()
    };
    let of_trial = |label: &str, objective: &str| {
        let trial = report["trials"].as_array().unwrap().iter().find(|trial| trial["label"] == label);
        trial.unwrap_or_else(|| panic!("{label}: {report:#}"))["objectives"][objective]["value"].as_f64().unwrap()
    };
    for (label, model, weights) in [
        ("w=1 l=0.5", "merged", "dense=1,sparse=0.5,late=0.5"),
        ("w=1 l=2", "merged", "dense=1,sparse=0.5,late=2"),
        ("m3", "m3", "dense=1,sparse=0.5,late=1"),
    ] {
        let (found, expected) = (of_trial(label, "all"), scored(model, weights, "ndcg@10"));
        assert!((found - expected).abs() < 1e-9, "{label}: {found} {expected}");
        for (kind, metric) in [("dense", "ndcg@10"), ("sparse", "mrr@10"), ("late", "ndcg@10")] {
            let (found, expected) = (of_trial(label, kind), scored(model, kind, metric));
            assert!((found - expected).abs() < 1e-9, "{label} {kind}: {found} {expected}");
        }
    }
    let table = String::from_utf8_lossy(&run(root, &["sweep", "report", "study"]).stdout).into_owned();
    for column in ["dense", "sparse", "late", "all"] {
        assert!(table.contains(column), "{column}: {table}");
    }
    // The recipe of a point says how its heads were weighted.
    let recipe = run(root, &["sweep", "pick", "study", "--trial", "w=1 l=2"]).stdout;
    let recipe = String::from_utf8_lossy(&recipe).into_owned();
    assert!(recipe.starts_with("# \"heads\" was searched with `--retrieval dense,sparse=0.5,late=2`.\n"), "{recipe}");
    // The same data searched in another way is another data set, of which no score is taken over.
    let more = format!("{columns}  both: {{path: data, retrieval: \"dense,sparse\"}}\n");
    let text = sweep(&more).replace("search: grid", "  both: {metric: mrr@10, mean: [both]}\nsearch: grid");
    fs::write(root.join("sweep.yaml"), text).unwrap();
    run(root, &["sweep", "run", "sweep.yaml", "-q"]);
    let report = stdout_json(&run(root, &["sweep", "report", "study", "--json"]));
    let trial = report["trials"].as_array().unwrap().iter().find(|trial| trial["label"] == "m3").unwrap();
    let found = trial["objectives"]["both"]["value"].as_f64().unwrap();
    let expected = scored("m3", "dense,sparse", "mrr@10");
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn a_sweep_file_says_where_a_retrieval_is_wrong() {
    let folder = folder();
    let root = folder.path();
    perturbed(root);
    for (retrieval, rerank, message) in [
        ("lexical", "", "`lexical` is not a kind of retrieval"),
        ("\"dense=${d}\"", "", "`params` gives `${d}` no values"),
        ("sparse", "rerank: {first_stage: m3}\n", "rerankers search nothing: `rerank` says what they order"),
    ] {
        let text = format!(
            "recipe: {{merge_method: linear, models: [{{model: m3, parameters: {{weight: \"${{w}}\"}}}}, \
             {{model: other, parameters: {{weight: 1}}}}]}}\nparams: {{w: [0.5, 1]}}\n\
             data: {{x: {{path: data, retrieval: {retrieval}}}}}\n\
             objectives: {{a: {{metric: ndcg@10, mean: [x]}}, b: {{metric: mrr@10, mean: [x]}}}}\n{rerank}"
        );
        fs::write(root.join("wrong.yaml"), text).unwrap();
        let output = admix(root).args(["sweep", "plan", "wrong.yaml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}
