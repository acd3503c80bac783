//! Sweeps over a value for each group of tensors, as their users run them.

use std::fs;

use super::support::{read_tensors, repository, run, stderr, stdout_json};
use super::sweep::{SWEEP, folder, refused, text};

/// The sweep file of a weight for every layer and part.
fn sweep() -> String {
    SWEEP
        .replace("merge_method: slerp", "merge_method: task_arithmetic")
        .replace(
            "models: [{model: b}]\n  parameters: {t: \"${w}\"}",
            "models: [{model: b, parameters: {weight: \"${w}\"}}]\n  dtype: float32",
        )
        .replace("ndcg@3", "ndcg@24")
        .replace("step: 0.5}}", "by: layer+part}}\nsearch: {method: bayes, seed: 4}\nbudget: {trials: 10}")
}

#[test]
fn every_group_of_tensors_has_the_value_that_the_study_names() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("sweep.yaml"), sweep()).unwrap();
    // Three layers with two parts each, the table of token embeddings, and the rest.
    let plan = text(&run(folder, &["sweep", "plan", "sweep.yaml"]));
    assert!(plan.contains("numbers  8 are searched: 8 of w by layer+part"), "{plan}");
    let plan = stdout_json(&run(folder, &["sweep", "plan", "sweep.yaml", "--json"]));
    assert_eq!(plan["variables"], serde_json::json!([{"name": "w", "numbers": 8}]));

    let table = text(&run(folder, &["sweep", "run", "sweep.yaml", "--all"]));
    assert!(table.contains("w: weight of b, in 8 groups of tensors"), "{table}");
    assert!(table.contains("w~0.") && table.lines().all(|line| line.chars().count() < 160), "{table}");

    let study = stdout_json(&run(folder, &["sweep", "export", "study", "--json", "-"]));
    let points: Vec<_> = study["trials"].as_array().unwrap().iter().filter(|trial| trial["kind"] == "point").collect();
    assert_eq!(points.len(), 10);
    let point = points.iter().find(|trial| trial["label"].as_str().unwrap().contains('#')).unwrap();
    let values = point["values"].as_object().unwrap();
    assert_eq!(values.len(), 8);
    let csv = text(&run(folder, &["sweep", "export", "study", "--csv", "-"]));
    assert!(csv.contains(",w[attention 0],w[attention 1],w[attention 2],w[feed-forward 0],"), "{csv}");

    let (_, mark) = point["label"].as_str().unwrap().rsplit_once(' ').unwrap();
    run(folder, &["sweep", "pick", "study", "--trial", mark, "-o", "picked.yaml"]);
    run(folder, &["merge", "picked.yaml", "-o", "merged"]);
    let fixture = |name: &str| read_tensors(&repository().join("fixtures/tiny").join(name).join("model.safetensors"));
    let (base, tuned, merged) =
        (fixture("base"), fixture("ko-en"), read_tensors(&folder.join("merged/model.safetensors")));
    let mut seen = Vec::new();
    for (name, tensor) in merged.iter().filter(|(_, tensor)| tensor.dtype == safetensors::Dtype::F32) {
        let group = match name.strip_prefix("encoder.layer.") {
            Some(inside) => {
                let (layer, rest) = inside.split_once('.').unwrap();
                let part = if rest.starts_with("attention.") { "attention" } else { "feed-forward" };
                format!("{part} {layer}")
            }
            None if name == "embeddings.word_embeddings.weight" => "word_embeddings".to_owned(),
            None => "others".to_owned(),
        };
        let weight = values[&format!("w[{group}]")].as_f64().unwrap();
        for ((out, base), tuned) in tensor.values().iter().zip(base[name].values()).zip(tuned[name].values()) {
            let expected = base + weight * (tuned - base);
            assert!((out - expected).abs() < 1e-5, "{name}: {out} {expected}");
        }
        seen.push(group);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[test]
fn other_workers_and_later_runs_have_the_same_groups_and_points() {
    let whole = folder();
    fs::write(whole.path().join("sweep.yaml"), sweep()).unwrap();
    run(whole.path(), &["sweep", "run", "sweep.yaml", "-q"]);
    let parts = folder();
    fs::write(parts.path().join("sweep.yaml"), sweep()).unwrap();
    run(parts.path(), &["sweep", "run", "sweep.yaml", "-q", "--max-time", "0.000001"]);
    run(parts.path(), &["sweep", "worker", "study", "-q", "--max-trials", "9"]);
    run(parts.path(), &["sweep", "run", "sweep.yaml", "-q", "-j", "2"]);
    let points = |folder: &std::path::Path| {
        let study = stdout_json(&run(folder, &["sweep", "export", "study", "--json", "-"]));
        let trials = study["trials"].as_array().unwrap().clone();
        trials.iter().map(|trial| (trial["trial"].clone(), trial["objectives"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(points(whole.path()), points(parts.path()));
    // The groups follow from the checkpoints: the sweep file that has none of them is still the study's.
    assert_eq!(stderr(&run(whole.path(), &["sweep", "run", "sweep.yaml", "-q"])), "");
    // Numbers for other groups are other variables.
    fs::write(whole.path().join("sweep.yaml"), sweep().replace("layer+part", "part")).unwrap();
    let (code, said) = refused(whole.path(), &["run", "sweep.yaml"]);
    assert!(code == 5 && said.contains("the groups of tensors were w by layer+part, are w by part"), "{said}");
}

#[test]
fn groups_that_cannot_be_searched_are_refused_with_their_place() {
    let folder = folder();
    let folder = folder.path();
    let refuse = |from: &str, to: &str, parts: &[&str]| {
        let text = sweep();
        assert!(text.contains(from));
        fs::write(folder.join("sweep.yaml"), text.replace(from, to)).unwrap();
        let (code, said) = refused(folder, &["plan", "sweep.yaml"]);
        assert!(code == 2 && parts.iter().all(|part| said.contains(part)), "{said}");
    };
    refuse("layer+part", "layers+part", &["sweep.yaml:7:34", "found `layers+part`", "did you mean `layer+part`?"]);
    refuse("method: bayes", "method: grid", &["sweep.yaml:8:9", "`grid` cannot search `w`", "bayes"]);
    refuse("weight: \"${w}\"", "weight: [0, \"${w}\"]", &["sweep.yaml:5:48", "found a list"]);
    refuse(
        "models: [{model: b, parameters: {weight: \"${w}\"}}]",
        "slices: [{sources: [{model: a, layer_range: [0, 3]}, {model: b, layer_range: [0, 3], parameters: {weight: \"${w}\"}}]}]",
        &["groups of tensors are for whole models, and the recipe has slices"],
    );
}
