//! `admix metrics` on files.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::support::{admix, repository, run, stderr, stdout_json};

fn goldens() -> PathBuf {
    repository().join("tests/goldens/metrics")
}

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A folder with `qrels` and the runs `a` and `b`.
fn folder(qrels: &str, a: &str, b: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("qrels", qrels), ("a", a), ("b", b)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Six queries of one relevant document each, which `a` has first in four of them and `b` in all but one.
fn example() -> TempDir {
    let lines = |line: &dyn Fn(u32) -> String| (1..7).map(line).collect::<String>();
    let qrels = lines(&|q| format!("q{q} 0 r 1\n"));
    let listed = |q: u32, first: bool| {
        let (r, x) = if first { (0.9, 0.8) } else { (0.8, 0.9) };
        format!("q{q} Q0 r 1 {r} a\nq{q} Q0 x 2 {x} a\n")
    };
    folder(&qrels, &lines(&|q| listed(q, q < 5)), &lines(&|q| listed(q, q > 1)))
}

#[test]
fn a_run_is_scored() {
    let folder = example();
    let output = run(folder.path(), &["metrics", "qrels", "a"]);
    let expected = "\
a: 6 queries

metric        mean
ndcg@10     0.8770
recall@100  1.0000
mrr@10      0.8333
map@100     0.8333
";
    assert_eq!(stdout(&output), expected);
    assert_eq!(stderr(&output), "");
}

#[test]
fn two_runs_are_compared() {
    let folder = example();
    let output = run(folder.path(), &["metrics", "qrels", "a", "b", "-m", "P_1,recip_rank,P_1"]);
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["A  a: 6 queries", "B  b: 6 queries"]);
    assert_eq!(lines[3], "metric       A       B      B−A      95 % interval       p  better  equal  worse");
    assert!(lines[4].starts_with("p@1     0.6667  0.8333  +0.1667  "), "{text}");
    assert!(lines[4].ends_with("  1.0000       2      3      1"), "{text}");
    assert_eq!(lines.len(), 6, "each metric once: {text}");

    let value = stdout_json(&run(folder.path(), &["metrics", "qrels", "a", "b", "-m", "p@1", "--json"]));
    let interval = value["comparison"]["p@1"]["interval"].clone();
    let expected = json!({
        "qrels": "qrels",
        "compat": "trec",
        "runs": [
            {"run": "a", "queries": 6, "metrics": {"p@1": 4.0 / 6.0}},
            {"run": "b", "queries": 6, "metrics": {"p@1": 5.0 / 6.0}},
        ],
        "comparison": {"p@1": {
            "queries": 6, "difference": 1.0 / 6.0, "interval": interval, "p": 1.0, "better": 2, "equal": 3, "worse": 1,
        }},
    });
    assert_eq!(value, expected);
    let bound = |index: usize| interval[index].as_f64().unwrap();
    assert!(bound(0) < 0.0 && bound(1) > 1.0 / 6.0, "{interval}");
}

#[test]
fn queries_that_are_left_out_are_counted() {
    let folder =
        folder("q1 0 d 1\nq2 0 d 1\nq3 0 d 1\n", "q1 Q0 d 1 1 a\nq9 Q0 d 1 1 a\n", "q1 Q0 d 1 1 b\nq2 Q0 x 1 1 b\n");
    let mean = |arguments: &[&str]| {
        let arguments = [&["metrics", "qrels", "a", "-m", "mrr@10", "--json"], arguments].concat();
        let output = run(folder.path(), &arguments);
        (stdout_json(&output)["runs"][0]["metrics"]["mrr@10"].as_f64().unwrap(), stderr(&output))
    };
    let (value, said) = mean(&[]);
    assert!((value - 1.0).abs() < 1e-12);
    let missing = "2 of 3 judged queries are not in `a` and are left out; `--complete` counts them as 0";
    assert!(said.contains(missing), "{said}");
    assert!(said.contains("1 of 2 queries of `a` are not judged and are left out"), "{said}");
    for (arguments, says) in [
        (&["-c"][..], "count as 0"),
        (&["--compat", "st"], "count as 0"),
        (&["--compat", "beir"], "count as 0 in mrr and are left out of other metrics"),
    ] {
        let (value, said) = mean(arguments);
        assert!((value - 1.0 / 3.0).abs() < 1e-12, "{arguments:?}: {value}");
        assert!(said.contains(says), "{said}");
    }
    let output = run(folder.path(), &["metrics", "qrels", "a", "b", "--json"]);
    assert_eq!(stdout_json(&output)["comparison"]["ndcg@10"]["queries"], 1);
    assert!(stderr(&output).contains("differences are over the 1 query that both runs have"));
}

#[test]
fn per_query_values_are_those_of_trec_eval() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("scores.tsv");
    let expected = fs::read_to_string(goldens().join("random.trec.tsv")).unwrap();
    let metrics = expected.lines().next().unwrap().split('\t').skip(1).collect::<Vec<_>>().join(",");
    let arguments = ["metrics", "random.qrels", "random.run", "--metrics", &metrics, "--per-query"];
    run(&goldens(), &[&arguments[..], &[file.to_str().unwrap()]].concat());
    let found = fs::read_to_string(&file).unwrap();
    assert_eq!(found.lines().next().unwrap().strip_prefix("run\t"), expected.lines().next());
    assert_eq!(found.lines().count(), expected.lines().count());
    for (found, expected) in found.lines().zip(expected.lines()).skip(1) {
        let mut found = found.split('\t');
        assert_eq!(found.next(), Some("random.run"));
        let mut expected = expected.split('\t');
        assert_eq!(found.next(), expected.next());
        let numbers = |fields: std::str::Split<'_, char>| fields.map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
        let (found, expected) = (numbers(found), numbers(expected));
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-9), "{found:?} {expected:?}");
    }
}

#[test]
fn identical_ids_are_taken_out_on_request() {
    let folder = folder("q 0 d 1\n", "q Q0 q 1 0.9 a\nq Q0 d 2 0.8 a\n", "");
    let mrr = |arguments: &[&str]| {
        let arguments = [&["metrics", "qrels", "a", "-m", "mrr", "--json"], arguments].concat();
        stdout_json(&run(folder.path(), &arguments))["runs"][0]["metrics"]["mrr"].as_f64().unwrap()
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(mrr(&["--compat", "mteb"]), 0.5);
    close(mrr(&["--compat", "mteb", "--ignore-identical-ids"]), 1.0);
    close(mrr(&["--compat", "beir"]), 1.0);
}

#[test]
fn faults_are_named() {
    let folder = folder("q 0 d 1\n", "q Q0 d 1 1 a\n", "r Q0 d 1 1 b\n");
    fs::write(folder.path().join("nan"), "q Q0 d 1 1 a\nq Q0 e 2 nan a\n").unwrap();
    fs::write(folder.path().join("twice"), "q 0 d 1\nq 0 d 0\n").unwrap();
    for (arguments, code, says, hint) in [
        (&["qrels", "nan"][..], 3, "`nan`, line 2: the score of document `e` is NaN", "NaN"),
        (&["twice", "a"], 3, "`twice`, line 2: document `d` of query `q` is already on line 1", "trec_eval"),
        (&["a", "a"], 3, "`a`, line 1: 6 fields, expected 4: query, iteration, document, grade", "white space"),
        (&["qrels", "qrels"], 3, "`qrels`, line 1: 4 fields, expected 6", "white space"),
        (&["qrels", "none"], 3, "cannot read `none`: No such file", ""),
        (&["qrels", "."], 3, "cannot read `.`: is a directory", ""),
        (&["qrels", "b"], 3, "no query of `b` is judged in `qrels`", ""),
        (&["qrels", "a", "--metrics", "ndgc@10"], 2, "`ndgc@10` is no metric", ""),
        (&["qrels", "a", "--compat", "trek"], 2, "`trek` is none of trec, mteb, st, beir", ""),
        (&["qrels", "a", "--per-query", "no/where"], 1, "cannot write `no/where`", ""),
    ] {
        let output = admix(folder.path()).arg("metrics").args(arguments).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(says), "{arguments:?}: {said}");
        let hints: Vec<&str> = said.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert_eq!(hints.is_empty(), hint.is_empty(), "{said}");
        assert!(hints.join("").contains(hint), "{said}");
        assert!(output.stdout.is_empty());
    }
}
