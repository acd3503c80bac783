//! The study in `docs/study`: its page is what its figures give, and its program runs on the bundled retrievers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{read_json, repository, run as run_program, stdout_json};

#[expect(dead_code, reason = "an example is a program of its own")]
#[path = "../../examples/study/main.rs"]
mod program;

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|of| of == extension)
}

#[test]
fn the_page_and_its_figures_are_those_of_the_json_files() {
    let kept = repository().join("docs/study");
    let made = tempfile::tempdir().unwrap();
    let names: Vec<String> =
        fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in names.iter().filter(|name| has_extension(name, "json") || *name == "conclusions.md") {
        fs::copy(kept.join(name), made.path().join(name)).unwrap();
    }
    program::run(&["--render", "-o", path(made.path())]).unwrap();
    for name in names.iter().filter(|name| has_extension(name, "svg") || *name == "README.md") {
        let of = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap();
        assert!(of(&kept) == of(made.path()), "{name} is stale: cargo run --example study -- --render -o docs/study");
    }
}

#[test]
fn a_conclusion_that_the_figures_contradict_makes_no_page() {
    let made = tempfile::tempdir().unwrap();
    fs::copy(repository().join("docs/study/bundled.json"), made.path().join("bundled.json")).unwrap();
    let render = |words: &str| {
        fs::write(made.path().join("conclusions.md"), words).unwrap();
        let ended = program::run(&["--render", "-o", path(made.path())]);
        ended.map(|()| fs::read_to_string(made.path().join("README.md")).unwrap()).map_err(|error| error.to_string())
    };
    let error = render("Words.\n{{check bundled.base.ko-ko > 0.99}}\n").unwrap_err();
    assert_eq!(error, "line 2 of the conclusions: `bundled.base.ko-ko > 0.99` does not hold");
    let error = render("The base has {{bundled.base.ko-zh}}.\n").unwrap_err();
    assert_eq!(error, "line 1 of the conclusions: `bundled.base.ko-zh` is not among the figures");
    let score = row(&read_json(&made.path().join("bundled.json")), "base")["scores"][0].as_f64().unwrap();
    let page = render("{{check bundled.base.ko-ko < 0.99}}\nThe base has {{bundled.base.ko-ko}}.\n").unwrap();
    assert!(page.contains(&format!("The base has {score:.3}.")) && !page.contains("check"), "{page}");
}

fn row<'a>(results: &'a Value, name: &str) -> &'a Value {
    results["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

/// The ids of the documents that the judgements of a half name.
fn judged(half: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(half.join("ko-en/qrels/test.tsv")).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn the_program_measures_the_bundled_retrievers_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (out, work) = (folder.path().join("out"), folder.path().join("work"));
    let run = |methods: &str| {
        let (out, work) = (path(&out), path(&work));
        program::run(&[
            "-o",
            out,
            "--work",
            work,
            "--points",
            "2",
            "--queries",
            "6",
            "--methods",
            methods,
            "--rounds",
            "1",
        ])
        .unwrap();
        read_json(&folder.path().join("out/bundled.json"))
    };
    let first = run("linear");
    let results = run("linear,model_stock");
    // What was measured the first time is not measured again: even its seconds are the same.
    let unchanged = |name: &str| {
        let of = |results: &Value| {
            let mut row = row(results, name).clone();
            row["against"].take();
            row
        };
        assert_eq!(of(&first), of(&results), "{name}");
    };
    unchanged("linear");
    unchanged("admix learn");
    assert_eq!(row(&results, "linear")["points"], 2);
    assert!(row(&results, "linear")["tokens"].as_u64().unwrap() > 0);
    // A held-out score is that of `admix score`.
    let held_out = work.join("bundled/held-out");
    let set = held_out.join("ko-en");
    let arguments = ["score", "fixtures/retrievers/base", "--data", path(&set), "-m", "ndcg@10", "--json", "-q"];
    let score = stdout_json(&run_program(&repository(), &arguments));
    let own = row(&results, "base")["scores"][2].as_f64().unwrap();
    let of_program = score["models"][0]["datasets"][0]["metrics"]["ndcg@10"].as_f64().unwrap();
    assert!((own - of_program).abs() < 1e-6, "{own} {of_program}");
    let (select, held_out) = (judged(&work.join("bundled/select")), judged(&held_out));
    assert!(!select.is_empty() && !held_out.is_empty() && select.is_disjoint(&held_out), "{select:?} {held_out:?}");
    let page = fs::read_to_string(out.join("README.md")).unwrap();
    for name in ["`base`", "`linear`", "`model_stock`", "`admix learn`", "plain average"] {
        assert!(page.contains(&format!("| {name} |")), "{name}: {page}");
    }
}
