//! The bundled retrievers and their data sets: small, whole, and as good as `fixtures/README.md` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "eval")]
use super::support::stdout_json;
use super::support::{read_json, repository, run};

const DIRECTIONS: [&str; 4] = ["ko-ko", "en-en", "ko-en", "en-ko"];
const MODELS: [&str; 5] = ["base", "mono-ko", "mono-en", "cross-ko-en", "cross-en-ko"];

fn fixture(path: &str) -> PathBuf {
    repository().join("fixtures").join(path)
}

fn bytes(path: &Path) -> u64 {
    let metadata = fs::metadata(path).unwrap();
    if metadata.is_dir() {
        fs::read_dir(path).unwrap().map(|entry| bytes(&entry.unwrap().path())).sum()
    } else {
        metadata.len()
    }
}

#[test]
fn they_are_small() {
    for model in MODELS {
        let weights = fixture("retrievers").join(model).join("model.safetensors");
        assert!(bytes(&weights) < 1_500_000, "{model}: {} bytes", bytes(&weights));
    }
    let all = bytes(&fixture("retrievers")) + bytes(&fixture("bilingual"));
    assert!(all < 9_000_000, "{all} bytes");
}

#[test]
fn retrievers_share_tokenizer_and_settings() {
    for model in &MODELS[1..] {
        for file in ["tokenizer.json", "config.json", "modules.json", "1_Pooling/config.json"] {
            let of = |model: &str| fs::read(fixture("retrievers").join(model).join(file)).unwrap();
            assert_eq!(of(model), of("base"), "{model}: {file}");
        }
    }
}

/// Ids and texts of a file of JSON lines.
fn texts(direction: &str, file: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(fixture("bilingual").join(direction).join(file)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let field = |line: &serde_json::Value, name: &str| line[name].as_str().unwrap().to_owned();
    lines.map(|line| (field(&line, "_id"), field(&line, "text"))).collect()
}

#[test]
fn sets_have_the_same_passages_in_both_languages() {
    for direction in DIRECTIONS {
        let (query, document) = direction.split_once('-').unwrap();
        assert_eq!(texts(direction, "corpus.jsonl"), texts(&format!("{document}-{document}"), "corpus.jsonl"));
        assert_eq!(texts(direction, "queries.jsonl"), texts(&format!("{query}-{query}"), "queries.jsonl"));
        for split in ["dev", "test"] {
            let judgements = |direction: &str| {
                fs::read_to_string(fixture("bilingual").join(direction).join(format!("qrels/{split}.tsv"))).unwrap()
            };
            assert_eq!(judgements(direction), judgements("ko-ko"));
        }
    }
    let ids = |texts: Vec<(String, String)>| texts.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(texts("ko-ko", "corpus.jsonl")), ids(texts("en-en", "corpus.jsonl")));
    let passages = texts("ko-en", "corpus.jsonl");
    let distinct: BTreeSet<&String> = passages.iter().map(|(_, text)| text).collect();
    assert!(passages.len() >= 150 && distinct.len() == passages.len());
    let (korean, english) = (texts("ko-en", "queries.jsonl"), texts("en-ko", "queries.jsonl"));
    assert!(korean.len() >= 300 && english.len() == korean.len());
}

#[cfg(feature = "eval")]
/// The rows of the README's table: a model or a recipe, and nDCG@10 in the four directions.
fn stated(readme: &str) -> Vec<(String, Vec<f64>)> {
    let row = |line: &str| -> Option<(String, Vec<f64>)> {
        let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?.to_owned();
        let scores: Vec<f64> = cells.map_while(|cell| cell.trim().parse().ok()).collect();
        (scores.len() == DIRECTIONS.len()).then_some((name, scores))
    };
    readme.lines().filter_map(row).collect()
}

#[cfg(feature = "eval")]
fn scores(model: &Path) -> Vec<f64> {
    let data: Vec<String> =
        DIRECTIONS.iter().map(|direction| fixture("bilingual").join(direction).display().to_string()).collect();
    let mut arguments =
        vec!["score", model.to_str().unwrap(), "-q", "--json", "-m", "ndcg@10", "--split", "test", "--data"];
    arguments.extend(data.iter().map(String::as_str));
    let output = stdout_json(&run(&repository(), &arguments));
    let sets = output["models"][0]["datasets"].as_array().unwrap();
    sets.iter().map(|set| set["metrics"]["ndcg@10"].as_f64().unwrap() * 100.0).collect()
}

#[cfg(feature = "eval")]
#[test]
fn scores_are_those_that_are_stated() {
    let stated = stated(&fs::read_to_string(fixture("README.md")).unwrap());
    let models = MODELS.map(|model| stated.iter().find(|(name, _)| name == model));
    for (name, expected) in models.map(|row| row.unwrap()) {
        for ((direction, found), expected) in
            DIRECTIONS.iter().zip(scores(&fixture("retrievers").join(name))).zip(expected)
        {
            // Two hundred queries: one that moves by a rank on another processor changes the mean by 0.2 at most.
            assert!((found - expected).abs() < 0.25, "{name} {direction}: {found:.2}, stated {expected}");
            assert!(found < 99.0, "{name} {direction}: {found:.2}");
        }
    }
}

#[test]
fn a_merge_keeps_the_format() {
    let out = tempfile::tempdir().unwrap();
    let merged = out.path().join("merged");
    let models = ["base", "cross-ko-en"].map(|model| format!("{}=1", fixture("retrievers").join(model).display()));
    run(&repository(), &["blend", &models[0], &models[1], "--no-sync", "-o", merged.to_str().unwrap()]);
    assert_eq!(read_json(&merged.join("config.json"))["dtype"], "float16");
    assert!(bytes(&merged.join("model.safetensors")) < 1_500_000);
}
