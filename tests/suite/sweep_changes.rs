//! Sweep files that change while their study is there: what stands is kept, and only what is missing is computed.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{admix, edit_json, names, read_json, repository, run, snapshot, stderr, stdout_json};
use super::sweep::{SWEEP, folder, refused, text, trials, with};

/// The sweep file without held-out queries.
fn whole() -> String {
    SWEEP.replace("select: {part: 1/2}\nreport: {part: 2/2}\n", "")
}

fn write(folder: &Path, text: &str) {
    fs::write(folder.join("sweep.yaml"), text).unwrap();
}

/// The trials that a command scored, and those whose scores it had, by what it says.
fn scored(said: &str) -> (Vec<String>, usize) {
    let trial = |line: &&str| line.ends_with(" s") && line.contains("  ");
    let labels = said.lines().filter(trial).map(|line| line.split("  ").next().unwrap().to_owned()).collect();
    (labels, said.lines().filter(|line| line.ends_with("scored before the sweep file changed")).count())
}

/// The scores of every trial, by label and whether they are of held-out queries.
fn scores(folder: &Path, study: &str) -> Vec<(String, bool, Value)> {
    run(folder, &["sweep", "export", study, "--json", "s.json"]);
    let all = read_json(&folder.join("s.json"));
    let rows = |key: &str, held_out: bool| -> Vec<(String, bool, Value)> {
        let row = |row: &Value| {
            let mut data = row["data"].clone();
            data.as_array_mut().unwrap().iter_mut().for_each(|set| set["tokens"] = Value::Null);
            (row["label"].as_str().unwrap().to_owned(), held_out, data)
        };
        all[key].as_array().unwrap().iter().map(row).collect()
    };
    let mut found = [rows("trials", false), rows("confirmed", true)].concat();
    found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    found
}

#[test]
fn a_plan_writes_nothing_and_warns_where_nothing_is_held_out() {
    let folder = folder();
    let folder = folder.path();
    let output = run(folder, &["sweep", "plan", "sweep.yaml"]);
    assert!(text(&output).contains("tiny: 5 trials to begin with") && text(&output).contains("which `run` makes"));
    assert!(!stderr(&output).contains("held out"), "{}", stderr(&output));
    write(folder, &whole());
    let before = names(folder);
    let output = run(folder, &["sweep", "plan", "sweep.yaml"]);
    assert!(stderr(&output).contains("warning: no queries are held out"), "{}", stderr(&output));
    assert!(stderr(&output).contains("hint: write `select: {split: dev}` and `report: {split: test}`"));
    assert_eq!(stdout_json(&run(folder, &["sweep", "plan", "sweep.yaml", "--json"]))["held_out"], false);
    assert_eq!(names(folder), before, "no study appears");
    // A study that is there stays as it is, also where its file has changed.
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let study = snapshot(&folder.join("study"));
    write(folder, &whole().replace("step: 0.5", "step: 0.25"));
    let plan = text(&run(folder, &["sweep", "plan", "sweep.yaml"]));
    assert!(plan.contains("params[0].range.step: was 0.5, is 0.25"), "{plan}");
    assert!(plan.contains("5 planned trials have scores") && plan.contains("the 2 that are left"), "{plan}");
    assert_eq!(snapshot(&folder.join("study")), study);
}

#[test]
fn points_data_objectives_and_held_out_queries_are_added_to_a_finished_study() {
    let folder = folder();
    let folder = folder.path();
    write(folder, &whole());
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let first = snapshot(&folder.join("study"));

    // Points: only those that are new are scored.
    let more = whole().replace("step: 0.5", "step: 0.25");
    write(folder, &more);
    let said = stderr(&run(folder, &["sweep", "run", "sweep.yaml"]));
    assert_eq!(scored(&said), (vec!["w=0.25".to_owned(), "w=0.75".to_owned()], 5), "{said}");
    assert!(said.contains("3 points that were scored stay: params[0].range.step: was 0.5, is 0.25"), "{said}");

    // A data set and an objective: every trial is scored on what it lacks, and on nothing else.
    let words = folder.join("words");
    super::support::copy_folder(&words, &folder.join("more"));
    for language in ["en", "ko"] {
        let file = folder.join("more").join(format!("words.{language}"));
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.lines().rev().flat_map(|line| [line, " 9\n"]).collect::<String>()).unwrap();
    }
    let more = more
        .replace("{words: words}", "{words: words, more: more}")
        .replace("  back:", "  third: {metric: ndcg@3, mean: [\"more:en-ko\"]}\n  back:");
    write(folder, &more);
    let said = stderr(&run(folder, &["sweep", "run", "sweep.yaml"]));
    let (labels, kept) = scored(&said);
    // The ends of the grid have the weights of the parents.
    assert_eq!((labels.len(), kept), (5, 0), "{said}");
    let done = |label: &str| {
        let all = names(&folder.join("study/revision-2/done"));
        let records = all.iter().map(|name| read_json(&folder.join("study/revision-2/done").join(name)));
        records.into_iter().find(|done| done["label"] == label).unwrap()
    };
    let tokens: Vec<u64> =
        done("w=0.5")["sets"].as_array().unwrap().iter().map(|set| set["tokens"].as_u64().unwrap()).collect();
    assert_eq!(tokens.len(), 4);

    // Held-out queries: they were scored already, and are shared out anew.
    let held = format!("{more}select: {{part: 1/2}}\nreport: {{part: 2/2}}\n");
    write(folder, &held);
    let output = run(folder, &["sweep", "confirm", "sweep.yaml"]);
    let (labels, kept) = scored(&stderr(&output));
    assert!(labels.is_empty() && kept > 7 + 2, "{}", stderr(&output));
    assert!(text(&output).contains("tiny: 7/7 trials") && text(&output).contains("on held-out queries"));

    // It is the study that the last file makes from nothing.
    write(folder, &held.replace("store: study", "store: fresh"));
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    run(folder, &["sweep", "confirm", "fresh", "-q"]);
    let (grown, fresh) = (scores(folder, "study"), scores(folder, "fresh"));
    assert_eq!(grown, fresh);
    assert!(text(&run(folder, &["sweep", "check", "study"])).ends_with(" files, all whole\n"));

    // What was recorded first is as it was.
    for (name, bytes) in first.iter().filter(|(name, _)| folder.join("study").join(name).is_file()) {
        assert_eq!(&fs::read(folder.join("study").join(name)).unwrap(), bytes, "{name:?}");
    }
}

#[test]
fn a_split_that_is_held_out_later_is_scored_by_confirm_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for part in ["fixtures/retrievers", "fixtures/bilingual"] {
        super::support::copy_folder(&repository().join(part), &folder.join(part));
    }
    let recipe = fs::read_to_string(repository().join("recipes/sweep.yaml")).unwrap().replace("step: 0.1", "step: 0.5");
    assert!(recipe.contains("report: {split: test}"));
    write(folder, &recipe.replace("report: {split: test}", ""));
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    let (code, said) = refused(folder, &["confirm", "sweep.yaml"]);
    assert!(code == 2 && said.contains("no queries are held out") && said.contains("what is scored stays"), "{said}");
    write(folder, &recipe);
    let output = run(folder, &["sweep", "confirm", "sweep.yaml", "--json"]);
    let (labels, kept) = scored(&stderr(&output));
    assert_eq!(kept, 5, "{}", stderr(&output));
    assert!(!labels.is_empty() && labels.iter().all(|label| label.ends_with(" (held out)")), "{labels:?}");
    let confirmed = stdout_json(&output)["confirmed"].as_array().unwrap().len();
    assert!(confirmed >= labels.len(), "{confirmed}");
}

#[test]
fn a_change_that_is_cut_short_goes_on() {
    let folder = folder();
    let folder = folder.path();
    write(folder, &whole());
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    write(folder, &whole().replace("ndcg@3, mean: [\"words:ko-en\"]", "recall@3, mean: [\"words:ko-en\"]"));
    // As a process leaves it that was killed before the change had its name.
    fs::create_dir_all(folder.join("study/.revision-1.elsewhere-1-1/done")).unwrap();
    run(folder, &["sweep", "status", "study"]);
    run(folder, &["sweep", "worker", "sweep.yaml", "-q", "--max-trials", "2"]);
    let status = stdout_json(&run(folder, &["sweep", "status", "study", "--json"]));
    assert_eq!((&status["done"], &status["settled"]), (&2.into(), &false.into()), "{status:#}");
    assert!(text(&run(folder, &["sweep", "check", "study"])).ends_with("all whole\n"));
    run(folder, &["sweep", "run", "sweep.yaml", "-q", "-j", "2"]);
    let table = text(&run(folder, &["sweep", "run", "sweep.yaml", "-q"]));
    assert!(table.starts_with("tiny: 5/5 trials"), "{table}");
    assert!(!folder.join("study/revision-2").exists(), "the same file changes nothing");

    // Damage is named with its place, and mended by a check.
    let name = names(&folder.join("study/revision-1/done"))[0].clone();
    let file = format!("revision-1/done/{name}");
    edit_json(&folder.join("study").join(&file), |done| done["weights"] = "x".into());
    let (code, said) = refused(folder, &["status", "study"]);
    assert!(code == 3 && said.contains(&file) && said.contains("`admix sweep check study`"), "{code} {said}");
    let output = admix(folder).args(["sweep", "check", "study", "--json"]).output().unwrap();
    assert_eq!(stdout_json(&output)["damaged"][0]["file"], file, "{}", stderr(&output));
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    assert!(text(&run(folder, &["sweep", "check", "study"])).ends_with("all whole\n"));
}

#[test]
fn what_no_result_survives_is_refused_and_a_study_without_results_is_made_anew() {
    let folder = folder();
    let folder = folder.path();
    with(folder, "store: study", "store: study\nbudget: {wall: 1h}");
    run(folder, &["sweep", "run", "sweep.yaml", "-q", "--max-time", "0.000001"]);
    assert!(names(&folder.join("study/done")).is_empty());
    // Another recipe, and a changed checkpoint: nothing is lost.
    with(folder, "merge_method: slerp", "merge_method: task_arithmetic");
    let text = fs::read_to_string(folder.join("sweep.yaml")).unwrap().replace("t: \"${w}\"", "weight: \"${w}\"");
    write(folder, &text);
    edit_json(&folder.join("b/config.json"), |config| config["a_note"] = 1.into());
    let said = stderr(&run(folder, &["sweep", "run", "sweep.yaml"]));
    assert!(said.contains("the study has no results and is made anew: recipe.text, line"), "{said}");
    assert_eq!(trials_of(folder, "study/revision-1"), ["a", "b", "w=0", "w=0.5", "w=1"]);

    for (from, to, difference) in [
        ("merge_method: task_arithmetic", "merge_method: ties", "recipe.text, line"),
        ("store: study", "store: study\nmax_length: 9", "scoring.max_length: was nothing, is 9"),
    ] {
        write(folder, &text.replace(from, to));
        for command in ["plan", "run", "worker", "confirm"] {
            let (code, said) = refused(folder, &[command, "sweep.yaml"]);
            assert!(code == 5 && said.contains(difference) && said.contains("another `store:`"), "{command}: {said}");
        }
    }
    // A change that adds is no cover for one that does not.
    write(folder, &text.replace("step: 0.5", "step: 0.25"));
    let words = folder.join("words/words.en");
    let lines = fs::read_to_string(&words).unwrap();
    fs::write(&words, lines.replacen('0', "1", 1)).unwrap();
    let (code, said) = refused(folder, &["run", "sweep.yaml"]);
    assert!(code == 5 && said.contains("words.en` has other content"), "{said}");
    fs::write(&words, lines).unwrap();
    edit_json(&folder.join("b/config.json"), |config| config["a_note"] = 2.into());
    let (code, said) = refused(folder, &["run", "sweep.yaml"]);
    assert!(code == 5 && said.contains("b/config.json` has other content"), "{said}");
    assert!(!folder.join("study/revision-2").exists());
    edit_json(&folder.join("b/config.json"), |config| config["a_note"] = 1.into());
    run(folder, &["sweep", "run", "sweep.yaml", "-q"]);
    assert_eq!(trials_of(folder, "study/revision-2").len(), 7, "what had no results is no hindrance");
}

/// The labels of the trials of one revision of a study.
fn trials_of(folder: &Path, revision: &str) -> Vec<String> {
    let at = folder.join("revision");
    fs::create_dir_all(&at).unwrap();
    let _ = fs::remove_dir_all(at.join("study"));
    super::support::copy_folder(&folder.join(revision), &at.join("study"));
    trials(&at)
}
