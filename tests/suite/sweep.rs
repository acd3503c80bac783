//! `admix sweep`, as its users run it, from the plan to the picked recipe.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::support::{
    Tensor, admix, copy_folder, edit_json, names, program, read_json, read_tensors, repository, run, safetensors,
    snapshot, stderr, stdout_json, tensors,
};

/// The sweep file of [`folder`].
pub(super) const SWEEP: &str = "\
study: tiny
recipe:
  merge_method: slerp
  base_model: a
  models: [{model: b}]
  parameters: {t: \"${w}\"}
params: {w: {min: 0, max: 1, step: 0.5}}
data: {words: words}
objectives:
  there: {metric: ndcg@3, mean: [\"words:en-ko\"]}
  back: {metric: ndcg@3, mean: [\"words:ko-en\"]}
select: {part: 1/2}
report: {part: 2/2}
store: study
";

/// A folder with the retrievers `a`, `b` and `c`, a data set in two directions, and a sweep file.
pub(super) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (fixture, name) in [("base", "a"), ("ko-en", "b"), ("ko-ko", "c")] {
        copy_folder(&repository().join("fixtures/tiny").join(fixture), &folder.path().join(name));
    }
    let words = folder.path().join("words");
    fs::create_dir(&words).unwrap();
    for language in ["en", "ko"] {
        let file = repository().join("fixtures/sets/weather").join(format!("weather.{language}"));
        let lines: Vec<String> = fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
        let more = (0..4).flat_map(|copy| lines.iter().map(move |line| format!("{line} {copy}\n")));
        fs::write(words.join(format!("words.{language}")), more.collect::<String>()).unwrap();
    }
    fs::write(folder.path().join("sweep.yaml"), SWEEP).unwrap();
    folder
}

/// Writes another sweep file: [`SWEEP`] with a part replaced.
pub(super) fn with(folder: &Path, from: &str, to: &str) {
    assert!(SWEEP.contains(from));
    fs::write(folder.join("sweep.yaml"), SWEEP.replacen(from, to, 1)).unwrap();
}

pub(super) fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Makes a study without results.
fn make(folder: &Path) {
    run(folder, &["sweep", "run", "sweep.yaml", "-q", "--max-time", "0.000001"]);
}

/// The labels of the trials that have results.
pub(super) fn trials(folder: &Path) -> Vec<String> {
    let mut labels: Vec<String> = names(&folder.join("study/done"))
        .iter()
        .map(|name| read_json(&folder.join("study/done").join(name))["label"].as_str().unwrap().to_owned())
        .collect();
    labels.sort();
    labels
}

/// Writes a record with its place, its study and its checksum, as the program does.
fn seal(study: &Path, file: &str, record: &Value) {
    let mut whole = serde_json::Map::new();
    whole.insert("file".into(), file.into());
    whole.insert("study".into(), read_json(&study.join("study.json"))["study"].clone());
    let fields =
        record.as_object().unwrap().iter().filter(|(key, _)| !["file", "study", "sha256"].contains(&key.as_str()));
    whole.extend(fields.map(|(key, value)| (key.clone(), value.clone())));
    let text = serde_json::to_string_pretty(&whole).unwrap();
    let body = text.strip_suffix("\n}").unwrap();
    let sum = Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    fs::write(study.join(file), format!("{body},\n  \"sha256\": \"{sum}\"\n}}\n")).unwrap();
}

/// The error of a command that fails: exit code, and what it says.
pub(super) fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = admix(folder).arg("sweep").args(arguments).output().unwrap();
    let said = stderr(&output);
    assert!(said.starts_with("error: ") && !said.contains("panicked"), "sweep {}: {said}", arguments.join(" "));
    (output.status.code().unwrap(), said)
}

#[test]
fn a_sweep_from_plan_to_pick() {
    let folder = folder();
    let folder = folder.path();
    let plan = text(&run(folder, &["sweep", "plan", "sweep.yaml"]));
    assert!(plan.contains("tiny: 5 trials to begin with") && plan.contains("a, b, w=0, w=0.5, w=1"), "{plan}");
    assert!(plan.contains("a trial merges 106 kB and encodes about") && plan.contains("the 5 that are left"), "{plan}");
    let plan = stdout_json(&run(folder, &["sweep", "plan", "sweep.yaml", "--json"]));
    // Eleven queries or so of each direction, and all documents; queries and documents have prompts of their own.
    assert!(plan["estimate"]["tokens"].as_u64() > Some(100) && plan["left"] == 5, "{plan:#}");

    let output = run(folder, &["sweep", "run", "sweep.yaml", "--all"]);
    let table = text(&output);
    assert!(table.starts_with("tiny: 5/5 trials"), "{table}");
    assert!(
        ["a", "b", "w=0.5", "(reference)", "next: admix sweep confirm"].iter().all(|part| table.contains(part)),
        "{table}"
    );
    assert!(stderr(&output).contains("w=1") && stderr(&output).contains("same weights as an earlier trial"));
    let before = snapshot(&folder.join("study/done"));
    let again = run(folder, &["sweep", "run", "sweep.yaml", "--all"]);
    assert_eq!((text(&again), stderr(&again).as_str()), (table, ""), "nothing is done twice");
    assert_eq!(snapshot(&folder.join("study/done")), before);
    assert!(stderr(&run(folder, &["sweep", "worker", "study"])).contains("nothing is left to do"));

    let status = text(&run(folder, &["sweep", "status", "sweep.yaml"]));
    assert!(status.starts_with("tiny: 5 of 5 trials done\n") && status.contains("  front  "), "{status}");
    assert_eq!(text(&run(folder, &["sweep", "status", "study", "--watch"])), status, "a settled study ends the watch");
    let status = stdout_json(&run(folder, &["sweep", "status", "study", "--json"]));
    assert_eq!((&status["done"], &status["failed"], &status["settled"]), (&5.into(), &0.into(), &true.into()));

    let confirmed = text(&run(folder, &["sweep", "confirm", "study", "-q"]));
    assert!(
        confirmed.contains("on held-out queries") && confirmed.contains("next: admix sweep pick study"),
        "{confirmed}"
    );
    assert!(confirmed.contains("The search's queries promised a gain of +0.0"), "{confirmed}");
    let document = stdout_json(&run(folder, &["sweep", "confirm", "study", "-q", "--json"]));
    let found = &document["recommendation"];
    let number = |key: &str| found["optimism"][key].as_f64().unwrap();
    assert!((number("given") - number("promised") - number("difference")).abs() < 1e-12, "{found:#}");
    assert!(found["held_out"] == true && (number("promised") - found["gain"].as_f64().unwrap()).abs() < 1e-12);
    assert_eq!(found["optimism"]["interval"].as_array().map(Vec::len), Some(2));
    assert_eq!(&stdout_json(&run(folder, &["sweep", "report", "study", "--json"]))["recommendation"], found);

    run(
        folder,
        &[
            "sweep",
            "export",
            "study",
            "--csv",
            "t.csv",
            "--per-query",
            "q.csv",
            "--json",
            "s.json",
            "--optuna",
            "o.log",
        ],
    );
    let csv = fs::read_to_string(folder.join("t.csv")).unwrap();
    assert!(csv.starts_with("trial,label,kind,queries,front,w,there,there difference"), "{csv}");
    let study = read_json(&folder.join("s.json"));
    let rows = study["trials"].as_array().unwrap().len() + study["confirmed"].as_array().unwrap().len();
    assert_eq!(csv.lines().count(), 1 + rows);
    assert!(fs::read_to_string(folder.join("q.csv")).unwrap().lines().count() > 5 * 20);
    let journal = fs::read_to_string(folder.join("o.log")).unwrap();
    assert!(journal.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(journal.matches("\"op_code\":4").count(), 3);

    run(folder, &["sweep", "report", "study", "-o", "report.html", "--svg", "figures"]);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n") && page.contains("Measured on "));
    assert_eq!(
        names(&folder.join("figures")),
        ["curve-held-out.svg", "curve.svg", "data.svg", "front.svg", "time.svg"]
    );
    assert!(text(&run(folder, &["sweep", "report", "study"])).contains("tiny: 5/5 trials"));

    let said = stderr(&run(
        folder,
        &["sweep", "pick", "study", "--max", "back", "--keep", "there >= -100%", "-o", "pick.yaml", "--merge", "out"],
    ));
    let (scores, more) = said.split_once('\n').unwrap();
    assert!(scores.starts_with("w=") && scores.ends_with(" queries") && more == "merged to out\n", "{said}");
    assert!(!fs::read_to_string(folder.join("pick.yaml")).unwrap().contains("${"));
    run(folder, &["merge", "pick.yaml", "-o", "by-hand"]);
    let [one, other] = ["out", "by-hand"].map(|name| fs::read(folder.join(name).join("model.safetensors")).unwrap());
    assert_eq!(one, other);
    the_card_has_scores(&folder.join("out"), scores);
    // Where the merge would replace something, there is no recipe either.
    let twice =
        ["sweep", "pick", "study", "--max", "back", "--keep", "there >= -100%", "-o", "twice.yaml", "--merge", "out"];
    let refused = admix(folder).args(twice).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("`out` already exists") && !folder.join("twice.yaml").exists());
    run(folder, &[&twice[..], &["--force"]].concat());
    assert!(folder.join("twice.yaml").is_file());
}

/// The model card of a picked merge has why it was picked, a table, a plot and the Hub's block of results.
fn the_card_has_scores(merge: &Path, said: &str) {
    let card = fs::read_to_string(merge.join("README.md")).unwrap();
    let (front, text) = card.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap();
    let front: Value = serde_yaml::from_str(front).unwrap();
    assert_eq!(front["language"], serde_json::json!(["en", "ko"]));
    let results = front["model-index"][0]["results"].as_array().unwrap();
    assert_eq!((front["model-index"][0]["name"].as_str(), results.len()), (Some("out"), 2));
    let (label, value) = said.rsplit_once(", back ").unwrap();
    let value: f64 = value.split(' ').next().unwrap().parse().unwrap();
    let back = results.iter().find(|result| result["dataset"]["config"] == "ko-en").unwrap();
    assert_eq!((&back["task"]["type"], &back["metrics"][0]["type"]), (&"Retrieval".into(), &"ndcg_at_3".into()));
    assert!((back["metrics"][0]["value"].as_f64().unwrap() - value * 100.0).abs() < 0.01, "{back} {said}");
    assert!(text.contains(label.split(':').next().unwrap()) && text.contains(&format!(" {value:.4} | 0.")), "{text}");
    assert!(text.contains("(trade-off.svg)") && !text.contains("${"), "{text}");
    let plot = fs::read_to_string(merge.join("trade-off.svg")).unwrap();
    assert!(plot.starts_with("<?xml") && plot.contains("fill=\"#fff\"") && plot.len() < 60_000);
}

/// Runs a sweep that keeps its merges, and holds that each trial's scores are those of `score` on its merge.
fn trials_score_as_their_merges(folder: &Path) {
    let said = stderr(&run(folder, &["sweep", "run", "sweep.yaml"]));
    assert!(said.contains("merged to "), "{said}");
    run(folder, &["sweep", "export", "study", "--json", "s.json"]);
    let study = read_json(&folder.join("s.json"));
    let score = |model: &str| {
        let output = run(folder, &["score", model, "--data", "words", "-m", "ndcg@3", "--json"]);
        let scores = stdout_json(&output)["models"][0]["datasets"].clone();
        ["en-ko", "ko-en"].map(|way| {
            let set = scores.as_array().unwrap().iter().find(|set| set["direction"] == way).unwrap().clone();
            set["metrics"]["ndcg@3"].as_f64().unwrap()
        })
    };
    for row in study["trials"].as_array().unwrap() {
        let label = row["label"].as_str().unwrap();
        let model = match (row["kind"] == "parent", label.contains('+')) {
            (false, _) => format!("study/merged/{label}"),
            (true, false) => label.to_owned(),
            (true, true) => {
                let folded = format!("merge_method: passthrough\nmodels: [{{model: {label}}}]\n");
                fs::write(folder.join("folded.yaml"), folded).unwrap();
                run(folder, &["merge", "folded.yaml", "-q", "--no-sync", "-o", "folded"]);
                "folded".to_owned()
            }
        };
        let means = ["words en-ko", "words ko-en"].map(|name| {
            let set = row["data"].as_array().unwrap().iter().find(|set| set["set"] == name).unwrap();
            set["means"]["ndcg@3"].as_f64().unwrap()
        });
        assert_eq!(means.map(f64::to_bits), score(&model).map(f64::to_bits), "{label}");
    }
}

#[test]
fn scores_are_those_of_merging_and_scoring() {
    let folder = folder();
    let folder = folder.path();
    with(folder, "select: {part: 1/2}\nreport: {part: 2/2}\n", "keep: all\nbaselines: [parents, uniform]\n");
    trials_score_as_their_merges(folder);
    assert_eq!(trials(folder).len(), 6);
    let merged = read_tensors(&folder.join("study/merged/w=0/model.safetensors"));
    assert!(!merged.is_empty());
}

/// An adapter for `b` whose effect is large.
fn write_adapter(folder: &Path) {
    let words = read_tensors(&folder.join("b/model.safetensors"));
    let (name, words) = words.iter().find(|(name, _)| name.ends_with("word_embeddings.weight")).unwrap();
    let module = name.strip_suffix(".weight").unwrap();
    let [rows, columns] = words.shape[..] else { panic!("{:?}", words.shape) };
    let (a, b) = (format!("{module}.lora_embedding_A"), format!("{module}.lora_embedding_B"));
    let factors = [(a.as_str(), Tensor::random(&[2, rows], 3)), (b.as_str(), Tensor::random(&[columns, 2], 4))];
    fs::create_dir(folder.join("lora")).unwrap();
    fs::write(folder.join("lora/adapter_model.safetensors"), safetensors(&tensors(factors))).unwrap();
    let config = serde_json::json!({"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": "b"});
    fs::write(folder.join("lora/adapter_config.json"), config.to_string()).unwrap();
}

#[test]
fn a_variable_of_rows_of_a_stage_or_beside_an_adapter_reaches_the_scores() {
    let rows = "merge_method: task_arithmetic\nbase_model: a\nmodels: [{model: b}, {model: c}]\nparameters:\n  \
                weight: [{rows: {script: Hangul}, value: \"${w}\"}, {value: 0.3}]\n";
    let stages = "name: inner\nmerge_method: linear\nmodels:\n  - {model: b, parameters: {weight: 1}}\n  \
                  - {model: c, parameters: {weight: \"${w}\"}}\n---\nmerge_method: slerp\nbase_model: a\n\
                  models: [{model: inner}]\nparameters: {t: 0.8}\n";
    let adapter = "merge_method: slerp\nbase_model: a\nmodels: [{model: b+lora}]\nparameters: {t: [\"${w}\", 0.5]}\n";
    for recipe in [rows, stages, adapter] {
        let folder = folder();
        let folder = folder.path();
        write_adapter(folder);
        fs::write(folder.join("recipe.yaml"), recipe).unwrap();
        let written = &SWEEP[SWEEP.find("recipe:").unwrap()..SWEEP.find("params:").unwrap()];
        let text = SWEEP.replace(written, "recipe: recipe.yaml\n");
        let text = text.replace("select: {part: 1/2}\nreport: {part: 2/2}\n", "keep: all\n");
        fs::write(folder.join("sweep.yaml"), text).unwrap();
        trials_score_as_their_merges(folder);
        let [low, high] = ["w=0", "w=1"].map(|trial| {
            let table = read_tensors(&folder.join("study/merged").join(trial).join("model.safetensors"));
            table.iter().find(|(name, _)| name.ends_with("word_embeddings.weight")).unwrap().1.clone()
        });
        assert_ne!(low, high);
    }
}

/// Makes a retriever a plain folder.
fn make_plain(model: &Path) {
    for name in ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"] {
        fs::remove_file(model.join(name)).unwrap();
    }
}

#[test]
fn merges_are_scored_as_their_folders_are_used() {
    let recipes = [
        // A plain base, and fine-tunes that say how they are used.
        (
            ["a", ""],
            "merge_method: task_arithmetic\nbase_model: a\nmodels: [{model: b}, {model: c}]\nparameters: {weight: \"${w}\"}\n",
        ),
        // The other way round: the average without the base is used as the merges are.
        (
            ["b", "c"],
            "merge_method: task_arithmetic\nbase_model: a\nmodels: [{model: b}, {model: c}]\nparameters: {weight: \"${w}\"}\n",
        ),
        // An adapter whose folder says how it is used, on a plain model.
        (["a", "b"], "merge_method: slerp\nbase_model: a\nmodels: [{model: b+lora}]\nparameters: {t: \"${w}\"}\n"),
    ];
    for (plain, recipe) in recipes {
        let folder = folder();
        let folder = folder.path();
        write_adapter(folder);
        for model in ["a", "b", "c"] {
            let pooling = folder.join(model).join("1_Pooling/config.json");
            edit_json(&pooling, |config| {
                *config = serde_json::json!({"embedding_dimension": 24, "pooling_mode": "cls"});
            });
        }
        for name in ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"] {
            fs::copy(folder.join("a").join(name), folder.join("lora").join(name)).unwrap();
        }
        for module in ["1_Pooling", "2_Normalize"] {
            copy_folder(&folder.join("a").join(module), &folder.join("lora").join(module));
        }
        for model in plain.into_iter().filter(|model| !model.is_empty()) {
            make_plain(&folder.join(model));
        }
        fs::write(folder.join("recipe.yaml"), recipe).unwrap();
        let written = &SWEEP[SWEEP.find("recipe:").unwrap()..SWEEP.find("params:").unwrap()];
        let text = SWEEP.replace(written, "recipe: recipe.yaml\n");
        let keep = "keep: all\nbaselines: [parents, uniform]\n";
        fs::write(folder.join("sweep.yaml"), text.replace("select: {part: 1/2}\nreport: {part: 2/2}\n", keep)).unwrap();
        trials_score_as_their_merges(folder);
        for trial in ["w=0", "w=1", "uniform"] {
            let merged = folder.join("study/merged").join(trial);
            assert_eq!(read_json(&merged.join("1_Pooling/config.json"))["pooling_mode"], "cls", "{recipe}{trial}");
            assert!(merged.join("modules.json").is_file() && merged.join("2_Normalize").exists(), "{recipe}{trial}");
        }
        // The adapter's settings are part of the study.
        if recipe.contains("lora") {
            edit_json(&folder.join("lora/1_Pooling/config.json"), |config| config["pooling_mode"] = "mean".into());
            let (code, said) = refused(folder, &["run", "sweep.yaml"]);
            assert!(code == 5 && said.contains("1_Pooling/config.json` has other content"), "{code} {said}");
        }
    }
}

#[test]
fn several_workers_do_what_one_does() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let study = |store: &str| {
        run(folder, &["sweep", "export", store, "--json", "s.json"]);
        let mut study = read_json(&folder.join("s.json"));
        study.as_object_mut().unwrap().remove("timings");
        study
    };
    let alone = study("study");
    let output = run(folder, &["sweep", "run", "sweep.yaml", "--store", "other", "-j", "3"]);
    assert_eq!(study("other"), alone);
    assert!(text(&output).starts_with("tiny: 5/5 trials"), "{}", text(&output));
    assert!(stderr(&output).contains("w=0.5  there "), "{}", stderr(&output));
    // A worker's error is the run's.
    fs::write(folder.join("b/config.json"), "{}").unwrap();
    let (code, said) = refused(folder, &["run", "sweep.yaml", "--store", "other", "-j", "2"]);
    assert!(code == 5 && said.contains("config.json` has other content"), "{code} {said}");
}

#[cfg(not(feature = "cuda"))]
#[test]
fn devices_that_this_build_lacks_are_refused_at_once() {
    let folder = folder();
    let folder = folder.path();
    for arguments in [["--devices", "cuda:0,cuda:1"], ["--devices", "cuda"]] {
        let (code, said) = refused(folder, &["run", "sweep.yaml", arguments[0], arguments[1]]);
        assert_eq!(code, 2);
        assert!(
            said.contains("this build of admix has no support for cuda:0") && said.contains("--features cuda"),
            "{said}"
        );
    }
    assert!(!folder.join("study").exists());
    let (code, said) = refused(folder, &["run", "sweep.yaml", "--devices", "cpu,cpu"]);
    assert!(code == 2 && said.contains("the device cpu is given twice"), "{said}");
    make(folder);
    let (code, said) = refused(folder, &["worker", "study", "--device", "cuda:0"]);
    assert!(code == 2 && said.contains("the study is made for cpu") && said.contains("device: cuda"), "{said}");
    with(folder, "store: study", "store: gpu\ndevice: cuda:1");
    let plan = text(&run(folder, &["sweep", "plan", "sweep.yaml"]));
    assert!(plan.contains("cost     not estimated: this build of admix has no support for cuda:1"), "{plan}");
    for more in [["-q"].as_slice(), &["-j", "2"]] {
        let (code, said) = refused(folder, &[["run", "sweep.yaml"].as_slice(), more].concat());
        assert!(code == 2 && said.contains("no support for cuda:1"), "{code} {said}");
    }
}

#[test]
fn a_failed_trial_is_shown_and_retried() {
    let folder = folder();
    let folder = folder.path();
    make(folder);
    let said = stderr(&run(folder, &["sweep", "worker", "study", "--max-trials", "2"]));
    assert!(said.contains("as many trials as asked for are done"), "{said}");
    assert_eq!(trials(folder), ["a", "b"]);
    let generation = read_json(&folder.join("study/plan/gen-0000.json"));
    let trial = generation["trials"].as_array().unwrap().iter().find(|trial| trial["label"] == "w=0.5").unwrap();
    let id = trial["id"].as_str().unwrap();
    for attempt in 0..3 {
        let failure = serde_json::json!({"trial": id, "stage": "full", "label": "w=0.5", "attempt": attempt, "error": "out of luck", "worker": "x"});
        seal(&folder.join("study"), &format!("fail/{id}.full.{attempt}.json"), &failure);
    }
    let table = text(&run(folder, &["sweep", "run", "sweep.yaml", "-q"]));
    assert!(table.contains("w=0.5 failed: out of luck") && table.contains("next: admix sweep retry study"), "{table}");
    assert!(text(&run(folder, &["sweep", "status", "study"])).contains("4 of 5 trials done, 1 failed"));
    let retried = text(&run(folder, &["sweep", "retry", "study"]));
    assert_eq!(retried, "to be tried again: w=0.5\nnext: admix sweep worker study\n");
    run(folder, &["sweep", "worker", "study", "-q"]);
    assert_eq!(trials(folder), ["a", "b", "w=0", "w=0.5", "w=1"]);
    assert_eq!(text(&run(folder, &["sweep", "retry", "study"])), "no trial has failed\n");
}

#[test]
fn points_are_added_to_ranges_and_to_simplexes() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let added = text(&run(folder, &["sweep", "extend", "study", "-p", "w=0.25:0.75:0.25"]));
    assert_eq!(added, "2 new points\nnext: admix sweep worker study\n");
    assert_eq!(text(&run(folder, &["sweep", "extend", "study", "-p", "w=0.25"])).lines().next(), Some("0 new points"));
    run(folder, &["sweep", "worker", "study", "-q"]);
    assert_eq!(trials(folder), ["a", "b", "w=0", "w=0.25", "w=0.5", "w=0.75", "w=1"]);
    let (code, said) = refused(folder, &["extend", "study", "-p", "v=1"]);
    assert!(code == 2 && said.contains("has no variable `v`") && said.contains("it has w"), "{said}");

    let models = ["a", "b", "c"].map(|model| format!("{{model: {model}, parameters: {{weight: \"${{{model}}}\"}}}}"));
    let sweep = SWEEP
        .replace("  merge_method: slerp\n  base_model: a\n", "  merge_method: linear\n")
        .replace("[{model: b}]\n  parameters: {t: \"${w}\"}", &format!("[{}]", models.join(", ")))
        .replace("{w: {min: 0, max: 1, step: 0.5}}", "{simplex: {of: [a, b, c], step: 1}}")
        .replace("store: study", "store: soup");
    fs::write(folder.join("soup.yaml"), sweep).unwrap();
    run(folder, &["sweep", "run", "soup.yaml", "-q"]);
    assert!(text(&run(folder, &["sweep", "extend", "soup", "-p", "simplex=0.5"])).starts_with("3 new points\n"));
    assert!(
        text(&run(folder, &["sweep", "extend", "soup", "-p", "a=0.6", "-p", "b=0.1,0.2"]))
            .starts_with("2 new points\n")
    );
    let table = text(&run(folder, &["sweep", "run", "soup.yaml", "-q", "--all"]));
    assert!(table.contains("11/11 trials") && table.contains("a=0.6 b=0.1 c=0.3"), "{table}");
    run(folder, &["sweep", "report", "soup", "--svg", "soup-figures"]);
    let figures = names(&folder.join("soup-figures"));
    assert_eq!(figures, ["data.svg", "front.svg", "ternary-back.svg", "ternary-there.svg", "time.svg"]);
    let (code, said) = refused(folder, &["extend", "soup", "-p", "a=0.5"]);
    assert!(code == 2 && said.contains("a, b, c sum to 1, and b and c have no values"), "{said}");
}

#[test]
fn a_grid_over_two_variables_has_contours() {
    let folder = folder();
    let folder = folder.path();
    let sweep = SWEEP
        .replace("slerp\n  base_model: a", "task_arithmetic\n  base_model: a")
        .replace(
            "[{model: b}]\n  parameters: {t: \"${w}\"}",
            "[{model: b, parameters: {weight: \"${v}\"}}, {model: c, parameters: {weight: \"${w}\"}}]",
        )
        .replace("{w: {min: 0, max: 1, step: 0.5}}", "{v: [0, 0.5, 1], w: [0, 0.4]}");
    fs::write(folder.join("sweep.yaml"), sweep).unwrap();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    run(folder, &["sweep", "report", "study", "-o", "report.html", "--svg", "figures"]);
    assert_eq!(names(&folder.join("figures"))[..2], ["contour-back.svg", "contour-there.svg"]);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("Over both variables") && page.contains("there over v and w"));
}

#[test]
fn another_recipe_checkpoint_data_set_or_version_is_refused_with_the_difference() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let done = snapshot(&folder.join("study/done"));
    let refuses = |part: &str| {
        for command in [
            ["run", "sweep.yaml"],
            ["plan", "sweep.yaml"],
            ["worker", "study"],
            ["extend", "study"],
            ["confirm", "study"],
        ] {
            if part.starts_with("scoring") && command[1] == "study" {
                continue;
            }
            let more: &[&str] = if command[0] == "extend" { &["-p", "w=0.3"] } else { &[] };
            let (code, said) = refused(folder, &[command.as_slice(), more].concat());
            assert!(code == 5 && said.contains(part) && said.contains("hint: "), "{}: {code} {said}", command[0]);
        }
        assert_eq!(snapshot(&folder.join("study/done")), done);
    };
    with(folder, "store: study", "store: study\nmax_length: 9");
    refuses("scoring.max_length: was nothing, is 9");
    with(folder, "study: tiny", "study: tiny");

    let config = fs::read(folder.join("b/config.json")).unwrap();
    edit_json(&folder.join("b/config.json"), |config| config["layer_norm_eps"] = 0.1.into());
    refuses("/b/config.json` has other content");
    fs::write(folder.join("b/config.json"), config).unwrap();

    let lines = fs::read_to_string(folder.join("words/words.en")).unwrap();
    fs::write(folder.join("words/words.en"), lines.replacen('0', "1", 1)).unwrap();
    refuses("words.en` has other content");
    fs::rename(folder.join("words/words.en"), folder.join("words.en")).unwrap();
    refuses("words.en` is gone");
    fs::write(folder.join("words/words.en"), &lines).unwrap();

    let record = folder.join("study/study.json");
    let text = fs::read_to_string(&record).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let mut study = read_json(&record);
    study["admix"] = "9.9.9".into();
    seal(&folder.join("study"), "study.json", &study);
    refuses(&format!("the program: made by admix 9.9.9, this is {version}"));
    // What only reads works with any version of the same form, of results that the same version made.
    let made = |name: &str, version: &str| {
        let mut done = read_json(&folder.join("study/done").join(name));
        done["admix"] = version.into();
        seal(&folder.join("study"), &format!("done/{name}"), &done);
    };
    for name in &names(&folder.join("study/done")) {
        made(name, "9.9.9");
    }
    for command in ["status", "report"] {
        assert!(String::from_utf8_lossy(&run(folder, &["sweep", command, "study"]).stdout).starts_with("tiny: 5"));
    }
    run(folder, &["sweep", "export", "study", "--csv", "-"]);
    for name in &names(&folder.join("study/done")) {
        made(name, version);
    }
    fs::write(&record, text.replace("\"schema\": 2", "\"schema\": 9")).unwrap();
    let (code, said) = refused(folder, &["status", "study"]);
    assert!(code == 5 && said.contains("form 9"), "{said}");
    fs::write(&record, text).unwrap();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
}

#[test]
fn mistakes_in_a_sweep_file_have_line_column_and_the_nearest_key() {
    let folder = folder();
    let folder = folder.path();
    for (from, to, place, parts) in [
        ("params:", "parms:", "sweep.yaml:7:1", ["unknown key `parms`", "did you mean `params`?"]),
        ("step: 0.5", "stpe: 0.5", "sweep.yaml:7:30", ["unknown key `stpe` in a parameter", "did you mean `step`?"]),
        (
            "merge_method: slerp",
            "merge_method: slurp",
            "sweep.yaml:3:17",
            ["unknown merge method `slurp`", "did you mean `slerp`?"],
        ),
        ("ndcg@3", "ndgc@3", "sweep.yaml:10:19", ["`ndgc@3` is no metric", "^^^^^^"]),
        ("words:ko-en", "wrods:ko-en", "sweep.yaml:11:", ["`wrods:ko-en` is neither", "^^^"]),
        ("words:en-ko", "words:en-fr", "", ["the direction `en-fr` of `words`, which has", "en-ko"]),
        ("{part: 1/2}", "{part: 3/2}", "sweep.yaml:12:", ["expected a part such as 1/2", "3/2"]),
        ("${w}", "${v}", "sweep.yaml:7:", ["the recipe does not name `${w}`", "`${v}`"]),
        ("max: 1, step", "max: 0, step", "sweep.yaml:7:", ["the largest value must be above the smallest", "^"]),
        ("store: study", "budget: {trials: 2}", "", ["the grid has 3 points", "`budget` allows 2 trials"]),
        (
            "store: study",
            "search: {method: external}",
            "sweep.yaml:14:18",
            ["unknown search method `external`", "the methods are grid, lattice"],
        ),
    ] {
        with(folder, from, to);
        let (code, said) = refused(folder, &["plan", "sweep.yaml"]);
        assert_eq!(code, 2, "{to}: {said}");
        assert!(said.contains(place) && parts.iter().all(|part| said.contains(part)), "{to}: {said}");
    }
    with(folder, "model: b", "model: nowhere");
    let (code, said) = refused(folder, &["run", "sweep.yaml"]);
    assert!(code == 3 && said.contains("nowhere"), "{code} {said}");
    assert!(!folder.join("study").exists() && !folder.join("studies").exists());
}

#[test]
fn every_command_refuses_what_it_cannot_use() {
    let folder = folder();
    let folder = folder.path();
    for command in ["worker", "status", "retry", "confirm", "report"] {
        let (code, said) = refused(folder, &[command, "a"]);
        assert!(code == 2 && said.contains("`a` is no study") && said.contains("admix sweep run"), "{command}: {said}");
    }
    make(folder);
    for (arguments, code, part) in [
        (["run", "missing.yaml"].as_slice(), 2, "missing.yaml"),
        (&["confirm", "study"], 2, "no trial has results yet"),
        (&["pick", "study", "--max", "back"], 2, "no point has results yet"),
        (&["pick", "study", "--max", "bakc"], 2, "did you mean `back`?"),
        (&["export", "study"], 2, "no form is given"),
        (&["extend", "study", "-p", "w=x"], 2, "expected a number, found `x`"),
        (&["slurm", "study", "--workers", "0"], 2, "an array of no workers"),
        (&["slurm", "study", "--workers", "2", "--time", "1:00\nrm"], 2, "nothing that Slurm takes"),
        (&["report", "study", "-o", "no/such/folder/r.html"], 1, "no/such/folder"),
    ] {
        let (found, said) = refused(folder, arguments);
        assert!(found == code && said.contains(part), "{}: {found} {said}", arguments.join(" "));
    }
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let (code, said) = refused(folder, &["pick", "study", "--max", "back", "--keep", "there >= 2"]);
    assert!(code == 2 && said.contains("no point keeps every bound") && said.contains("asks for 2.0000"), "{said}");
    with(folder, "select: {part: 1/2}\nreport: {part: 2/2}\nstore: study", "store: whole");
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let (code, said) = refused(folder, &["confirm", "whole"]);
    assert!(code == 2 && said.contains("no queries are held out"), "{said}");
    fs::write(folder.join("whole/plan/gen-0000.json"), "{").unwrap();
    let (code, said) = refused(folder, &["status", "whole"]);
    assert!(code == 3 && said.contains("gen-0000.json` is damaged"), "{code} {said}");
}

#[test]
fn a_budget_and_a_time_limit_end_a_run_and_the_next_goes_on() {
    let folder = folder();
    let folder = folder.path();
    with(folder, "store: study", "store: study\nsearch: {method: sobol, seed: 3}\nbudget: {trials: 3, wall: 1h}");
    let table = text(&run(folder, &["sweep", "run", "sweep.yaml", "-q", "--max-time", "0.000001"]));
    assert!(table.contains("next: admix sweep worker study"), "{table}");
    let table = text(&run(folder, &["sweep", "run", "sweep.yaml", "-q"]));
    assert!(trials(folder).len() <= 5 && table.contains("next: admix sweep confirm"), "{table}");
    // How long to run may change unsaid.
    with(folder, "store: study", "store: study\nsearch: {method: sobol, seed: 3}\nbudget: {trials: 3, wall: 2h}");
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    with(folder, "store: study", "store: study\nsearch: {method: sobol, seed: 3}\nbudget: {trials: 4}");
    let said = stderr(&run(folder, &["sweep", "run", "sweep.yaml"]));
    assert!(said.contains("the sweep file has changed") && said.contains("budget.trials: was 3, is 4"), "{said}");
}

#[test]
fn a_race_scores_samples_first_and_shows_what_was_scored_on_everything() {
    let folder = folder();
    let folder = folder.path();
    // Enough queries for samples: 240 in all.
    for language in ["en", "ko"] {
        let file = folder.join(format!("words/words.{language}"));
        let lines = fs::read_to_string(&file).unwrap();
        let more = (0..10).flat_map(|copy| lines.lines().map(move |line| format!("{line} {copy}\n")));
        fs::write(&file, more.collect::<String>()).unwrap();
    }
    with(folder, "store: study", "store: study\nsearch: racing");
    // In the middle of a race nothing is recommended.
    run(folder, &["sweep", "run", "sweep.yaml", "-q", "--max-time", "0.000001"]);
    run(folder, &["sweep", "worker", "study", "--max-trials", "4", "-q"]);
    let begun = text(&run(folder, &["sweep", "run", "sweep.yaml", "-q", "--max-time", "0.000001"]));
    assert!(begun.contains("next: admix sweep worker study") && !begun.contains("Recommended"), "{begun}");
    let output = run(folder, &["sweep", "run", "sweep.yaml", "--all"]);
    let said = stderr(&output);
    assert!(said.contains("(step 1 of the race)") && text(&output).contains("next: admix sweep confirm"), "{said}");
    let sampled = names(&folder.join("study/done")).iter().filter(|name| name.contains(".race-1.")).count();
    assert_eq!(sampled, 4);
    assert!(text(&output).contains("The race encoded ") && text(&output).contains("; the grid would have encoded "));
    // What is shown was scored on all documents, and samples have few.
    run(folder, &["sweep", "export", "study", "--json", "s.json"]);
    let study = read_json(&folder.join("s.json"));
    for row in study["trials"].as_array().unwrap() {
        assert!(row["data"].as_array().unwrap().iter().all(|set| set["documents"] == 240), "{row:#}");
    }
    let status = text(&run(folder, &["sweep", "status", "study"]));
    assert!(status.contains(" tokens encoded"), "{status}");
    let status = stdout_json(&run(folder, &["sweep", "status", "study", "--json"]));
    assert!(status["encoded_tokens"].as_u64().unwrap() > 0 && status["seconds_left"].is_null(), "{status}");
}

#[test]
fn searches_that_are_gone_are_refused_with_what_takes_their_place() {
    let folder = folder();
    let folder = folder.path();
    for search in ["quad", "{rungs: [{pool: 14}, {full: true}]}"] {
        with(folder, "store: study", &format!("store: study\nsearch: {search}"));
        let (code, said) = refused(folder, &["run", "sweep.yaml"]);
        assert!(code == 2 && said.contains(" is gone: ") && said.contains("`search: racing`"), "{said}");
    }
}

#[test]
fn the_array_script_names_the_study_and_asks_for_what_was_asked() {
    let folder = folder();
    let folder = folder.path();
    let script = text(&run(
        folder,
        &["sweep", "slurm", "sweep.yaml", "--workers", "4", "--time", "2:00:00", "--gres", "gpu:1", "--cpus", "8"],
    ));
    let here = fs::canonicalize(folder).unwrap();
    for line in [
        "#!/bin/bash",
        "#SBATCH --array=0-3",
        "#SBATCH --time=2:00:00",
        "#SBATCH --gres=gpu:1",
        "#SBATCH --cpus-per-task=8",
    ] {
        assert!(script.lines().any(|found| found == line), "{line}: {script}");
    }
    let last = script.lines().last().unwrap();
    assert!(last.starts_with("exec ") && last.ends_with("study --stop-on USR1,TERM"), "{last} {}", here.display());
}

#[test]
fn damage_is_refused_by_every_reader_and_mended_by_a_check() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    run(folder, &["sweep", "confirm", "study", "-q"]);
    let export = || {
        run(folder, &["sweep", "export", "study", "--json", "s.json", "--per-query", "q.csv"]);
        let mut study = read_json(&folder.join("s.json"));
        study.as_object_mut().unwrap().remove("timings");
        (study, fs::read_to_string(folder.join("q.csv")).unwrap())
    };
    let before = export();
    let whole = run(folder, &["sweep", "check", "sweep.yaml"]);
    assert!(text(&whole).starts_with("tiny: ") && text(&whole).ends_with(" files, all whole\n"), "{}", text(&whole));
    let done = names(&folder.join("study/done"));
    let is_searched = |name: &&String| {
        let record = read_json(&folder.join("study/done").join(name));
        record["label"] == "w=0.5" && record["stage"] == "full"
    };
    let name = done.iter().find(is_searched).unwrap();
    let file = format!("study/done/{name}");
    edit_json(&folder.join(&file), |done| done["sets"][0]["means"]["ndcg@3"] = 17.into());
    for arguments in [
        ["status", "study"].as_slice(),
        &["export", "study", "--csv", "-"],
        &["run", "sweep.yaml", "-q"],
        &["run", "sweep.yaml", "-q", "-j", "2"],
        &["worker", "study"],
        &["report", "study"],
        &["report", "study", "-o", "r.html"],
        &["pick", "study", "--max", "back"],
        &["confirm", "study"],
        &["retry", "study"],
        &["plan", "sweep.yaml"],
    ] {
        let (code, said) = refused(folder, arguments);
        assert_eq!(code, 3, "{arguments:?}: {said}");
        assert!(said.contains(&file) && said.contains("hint: `admix sweep check study`"), "{arguments:?}: {said}");
    }
    let output = admix(folder).args(["sweep", "check", "study", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let found = stdout_json(&output);
    assert_eq!(found["damaged"][0]["file"], format!("done/{name}"));
    assert_eq!((&found["damaged"][1], &found["again"]), (&Value::Null, &serde_json::json!(["w=0.5"])));
    assert!(stderr(&output).contains("1 of its files") && stderr(&output).contains("admix sweep worker study"));
    // What is left out is told.
    let missing = run(folder, &["sweep", "export", "study", "--csv", "-"]);
    assert!(stderr(&missing).contains("1 of 5 trials have no result yet"), "{}", stderr(&missing));
    let said = stderr(&run(folder, &["sweep", "worker", "study"]));
    assert_eq!(said.matches(" s\n").count(), 1, "just that trial is scored again: {said}");
    run(folder, &["sweep", "check", "study"]);
    assert_eq!(export(), before);
}

#[cfg(unix)]
#[test]
fn pipes_in_a_study_keep_nobody_waiting() {
    let folder = folder();
    let folder = folder.path();
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let done = names(&folder.join("study/done"))[0].clone();
    for file in [format!("done/{done}"), "plan/gen-0000.json".to_owned(), "study.json".to_owned()] {
        let path = folder.join("study").join(&file);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (code, said) = refused(folder, &["status", "study"]);
        assert!(code == 3 && said.contains("no plain file"), "{file}: {code} {said}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    run(folder, &["sweep", "status", "study"]);
}

/// The processes that were started with an argument.
#[cfg(target_os = "linux")]
fn running(argument: &str) -> usize {
    let has = |pid: &fs::DirEntry| {
        let line = fs::read(pid.path().join("cmdline")).unwrap_or_default();
        let state = fs::read_to_string(pid.path().join("stat")).unwrap_or_default();
        let is_dead = state.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']));
        !is_dead && line.split(|byte| *byte == 0).any(|part| part == argument.as_bytes())
    };
    fs::read_dir("/proc").unwrap().flatten().filter(|pid| has(pid)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn workers_end_with_their_run_however_it_ends() {
    use std::time::{Duration, Instant};
    let folder = folder();
    let folder = folder.path();
    with(folder, "step: 0.5", "step: 0.001");
    let store = folder.join("study").display().to_string();
    let mut command = std::process::Command::new(program());
    let command = command.args(["sweep", "run", "sweep.yaml", "-q", "-j", "3", "--store", &store]).current_dir(folder);
    let mut parent = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let wait = |what: &str, seconds: u64, done: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !done() {
            assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let done = folder.join("study/done");
    wait("the workers work", 120, &|| running(&store) == 4 && done.is_dir() && names(&done).len() > 3);
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait("the workers end", 10, &|| running(&store) == 0);
    let count = names(&done).len();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(names(&done).len(), count);
}
