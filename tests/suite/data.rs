//! `admix data`: data sets of every form, what is odd in them, and folders that are none.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{admix, run, stderr, stdout_json};

const CORPUS: &str = "\
{\"_id\": \"d1\", \"title\": \"서울\", \"text\": \"대한민국의 수도이다\"}
{\"_id\": \"d2\", \"title\": \"\", \"text\": \"부산은 항구 도시이다\"}
";
const QUERIES: &str = "\
{\"_id\": \"q1\", \"text\": \"수도는 어디인가\"}
{\"_id\": \"q2\", \"text\": \"항구는 어디인가\"}
";
const QRELS: &str = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\nq2\td1\t0\n";

/// A folder `set` with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    fs::create_dir(&set).unwrap();
    for (name, text) in files {
        let path = set.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.strip_suffix(".gz").is_some() {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            fs::write(path, encoder.finish().unwrap()).unwrap();
        } else {
            fs::write(path, text).unwrap();
        }
    }
    folder
}

/// What the program says of the folder, for programs.
fn shown(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[&["data", "set", "--json"], arguments].concat());
    stdout_json(&output)["folders"][0].clone()
}

/// Form, splits, and of each data set its name, direction, queries, documents and judgements.
fn gist(shown: &Value) -> Value {
    let set = |set: &Value| {
        json!([set["name"], set["direction"], set["queries"]["count"], set["documents"]["count"], set["judgements"]])
    };
    let sets: Vec<Value> = shown["datasets"].as_array().unwrap().iter().map(set).collect();
    json!([shown["form"], shown["splits"], sets])
}

#[test]
fn beir_is_read_compressed_or_not() {
    let expected = json!(["beir", ["dev", "test"], [["set", "ko-ko", 2, 2, 3]]]);
    let plain =
        [("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels/test.tsv", QRELS), ("qrels/dev.tsv", QRELS)];
    let found = shown(folder(&plain).path(), &[]);
    assert_eq!(gist(&found), expected);
    assert_eq!(found["split"], "test");
    assert_eq!(found["datasets"][0]["oddities"], json!([]));
    assert_eq!(found["datasets"][0]["grades"], json!({"0": 1, "1": 1, "2": 1}));
    assert_eq!(found["datasets"][0]["positives_per_query"], 1.0);
    assert_eq!(found["datasets"][0]["documents"]["longest_characters"], "서울 대한민국의 수도이다".chars().count());
    let compressed = plain.map(|(name, text)| (format!("{name}.gz"), text));
    let compressed: Vec<_> = compressed.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    assert_eq!(gist(&shown(folder(&compressed).path(), &[])), expected);
}

#[test]
fn mteb_is_read_from_jsonl() {
    let qrels = "{\"query-id\": \"q1\", \"corpus-id\": \"d1\", \"score\": 1.0}\n";
    let files = [("corpus/corpus.jsonl", CORPUS), ("queries/queries.jsonl", QUERIES), ("default/test.jsonl", qrels)];
    assert_eq!(gist(&shown(folder(&files).path(), &[])), json!(["mteb", ["test"], [["set", "ko-ko", 1, 2, 1]]]));
    let readme = "---\nconfigs:\n- config_name: corpus\n  data_files: [{split: x, path: a*}]\n- config_name: queries\n  \
                  data_files: b.jsonl\n- config_name: qrels\n  data_files: [{split: test, path: c.jsonl}]\n---\n";
    let files = [("a-1.jsonl", CORPUS), ("b.jsonl", QUERIES), ("c.jsonl", qrels), ("README.md", readme)];
    assert_eq!(gist(&shown(folder(&files).path(), &[])), json!(["mteb", ["test"], [["set", "ko-ko", 1, 2, 1]]]));
}

#[test]
fn mteb_subsets_are_data_sets_of_their_own() {
    let english = "{\"id\": 1, \"text\": \"the capital\"}\n";
    let korean = "{\"id\": 2, \"text\": \"수도\"}\n";
    let qrels = |query, document| format!("{{\"query-id\": {query}, \"corpus-id\": {document}, \"score\": 1}}\n");
    let (there, back) = (qrels(2, 1), qrels(1, 2));
    let files = [
        ("eng-kor-corpus/test.jsonl", english),
        ("eng-kor-queries/test.jsonl", korean),
        ("eng-kor-qrels/test.jsonl", &there),
        ("kor-eng-corpus/test.jsonl", korean),
        ("kor-eng-queries/test.jsonl", english),
        ("kor-eng-qrels/test.jsonl", &back),
    ];
    let all = json!([["set/eng-kor", "ko-en", 1, 1, 1], ["set/kor-eng", "en-ko", 1, 1, 1]]);
    let set = folder(&files);
    assert_eq!(gist(&shown(set.path(), &[])), json!(["mteb", ["test"], all]));
    fs::write(set.path().join("set/dataset.yaml"), "subsets: [kor-eng]\n").unwrap();
    assert_eq!(gist(&shown(set.path(), &[])), json!(["mteb", ["test"], [["set", "en-ko", 1, 1, 1]]]));
}

#[test]
fn ms_marco_and_trec_are_read() {
    let files = [
        ("collection.tsv", "0\tThe capital\n1\tThe port\n"),
        ("queries.dev.small.tsv", "5\twhere is the port\n6\tnever judged\n"),
        ("qrels.dev.small.tsv", "5\t0\t1\t1\n"),
        ("queries.train.tsv", "7\tx\n"),
        ("qrels.train.tsv", "7\t0\t1\t1\n"),
    ];
    let set = folder(&files);
    let found = shown(set.path(), &["--split", "dev"]);
    assert_eq!(gist(&found), json!(["ms-marco", ["dev.small", "train"], [["set", "en-en", 1, 2, 1]]]));
    assert_eq!(found["files"], json!(["collection.tsv", "queries.dev.small.tsv", "qrels.dev.small.tsv"]));
    assert_eq!(shown(set.path(), &["--split", "train"])["split"], "train");

    let files = [
        ("docs-0.jsonl.gz", "{\"docid\": \"1#0\", \"title\": \"서울\", \"text\": \"수도\"}\n"),
        ("docs-1.jsonl.gz", "{\"docid\": \"2#0\", \"title\": \"부산\", \"text\": \"항구\"}\n"),
        ("topics/topics.miracl-v1.0-ko-dev.tsv", "1\t수도는?\n"),
        ("qrels/qrels.miracl-v1.0-ko-dev.tsv", "1 Q0 1#0 1\n1 Q0 2#0 0\n"),
    ];
    let found = shown(folder(&files).path(), &["--split", "dev"]);
    assert_eq!(gist(&found), json!(["trec", ["miracl-v1.0-ko-dev"], [["set", "ko-ko", 1, 2, 2]]]));
}

#[test]
fn parallel_text_is_a_task_in_each_direction() {
    let (korean, english) = ("안녕\n수도\n", "hello\ncapital\n");
    let both = |one: &str, other: &str| json!([["set", one, 2, 2, 2], ["set", other, 2, 2, 2]]);
    let found = shown(folder(&[("a.ko", korean), ("a.en", english), ("README.md", "")]).path(), &["--split", "test"]);
    assert_eq!(gist(&found), json!(["parallel", [], both("en-ko", "ko-en")]));
    let files = [("dev.kor", korean), ("dev.eng", english), ("test.kor", korean), ("test.eng", english)];
    assert_eq!(gist(&shown(folder(&files).path(), &[])), json!(["parallel", ["dev", "test"], both("en-ko", "ko-en")]));
    let found = shown(folder(&[("left.txt", "hallo\nja\n"), ("right.txt", english)]).path(), &[]);
    assert_eq!(gist(&found), json!(["parallel", [], both("left-right", "right-left")]));
    let settings = "name: Talks\nfiles: {de: text/a, nl: text/b}\n";
    let found = shown(folder(&[("text/a", "ja\n"), ("text/b", "ja\n"), ("dataset.yaml", settings)]).path(), &[]);
    assert_eq!(gist(&found), json!(["parallel", [], [["Talks", "de-nl", 1, 1, 1], ["Talks", "nl-de", 1, 1, 1]]]));
}

#[test]
fn the_three_json_files_are_read() {
    let files = [
        ("queries.json", "{\"q1\": \"where\", \"q2\": \"what\"}"),
        ("corpus.json", "{\"d1\": \"here\", \"d2\": {\"title\": \"A\", \"text\": \"thing\"}}"),
        ("relevant_docs.json", "{\"q1\": [\"d1\"], \"q2\": {\"d1\": 0, \"d2\": 3}}"),
    ];
    let found = shown(folder(&files).path(), &[]);
    assert_eq!(gist(&found), json!(["three-json", [], [["set", "en-en", 2, 2, 3]]]));
    assert_eq!(found["datasets"][0]["documents"]["longest_characters"], "A thing".len());
}

#[test]
fn settings_say_what_files_cannot() {
    let settings = "name: Cities\nlanguages: {query: jje, document: ko}\nsplit: dev\n";
    let files = [
        ("corpus.jsonl", CORPUS),
        ("queries.jsonl", QUERIES),
        ("qrels/test.tsv", QRELS),
        ("qrels/dev.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n"),
        ("dataset.yaml", settings),
    ];
    let set = folder(&files);
    assert_eq!(gist(&shown(set.path(), &[])), json!(["beir", ["dev", "test"], [["Cities", "jje-ko", 1, 2, 1]]]));
    assert_eq!(shown(set.path(), &["--split", "test"])["split"], "test");
}

#[test]
fn what_is_odd_is_counted_and_explained() {
    let qrels = "q1\td1\t1\nq1\td1\t2\nq2\td9\t1\nq9\td1\t1\n";
    let set = folder(&[("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels/test.tsv", qrels)]);
    let found = shown(set.path(), &[]);
    let odd: Vec<_> =
        found["datasets"][0]["oddities"].as_array().unwrap().iter().map(|odd| odd["kind"].as_str().unwrap()).collect();
    assert_eq!(odd, ["duplicate-judgement", "unknown-query", "unknown-document", "no-header"]);
    let output = run(set.path(), &["data", "set"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "  form          BEIR\n",
        "  splits        test (read)\n",
        "  set, ko-ko\n",
        "    queries     2, median 8 characters, longest 8; Hangul 100.0 %\n",
        "    odd         1 judgement is repeated (query `q1`, document `d1`, test.tsv line 2)\n",
        "                the last grade counts, as in BEIR and MTEB; trec_eval refuses such a file\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

/// A folder that is refused: its files, arguments, what is said, and the hint.
type Refused = (&'static [(&'static str, &'static str)], &'static [&'static str], &'static str, &'static str);

const BEIR: [(&str, &str); 2] = [("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES)];

const REFUSED: &[Refused] = &[
    (
        &[],
        &[],
        "`set` is no retrieval data set of a known form: it holds nothing",
        "corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv",
    ),
    (
        &[("model.safetensors", "")],
        &[],
        "of a known form: it holds model.safetensors",
        "a data set is a folder with one of",
    ),
    (
        &BEIR,
        &[],
        "`set` looks like BEIR, but has no relevance judgements (qrels/SPLIT.tsv): it holds corpus.jsonl, queries.jsonl",
        "query-id, corpus-id, score",
    ),
    (
        &[("corpus/a.parquet", "x"), ("queries/a.parquet", "x")],
        &[],
        "`set` looks like MTEB, but has no relevance judgements (qrels or default)",
        "an MTEB folder holds",
    ),
    (
        &[BEIR[0], BEIR[1], ("qrels/dev.tsv", QRELS), ("qrels/train.tsv", QRELS)],
        &["--split", "test"],
        "`set` has no split `test`: it has dev, train",
        "`--split dev`",
    ),
    (
        &[BEIR[0], BEIR[1], ("qrels/a.tsv", QRELS), ("qrels/b.tsv", QRELS)],
        &[],
        "`set` has several splits and no `test`: a, b",
        "`--split a`",
    ),
    (
        &[
            BEIR[0],
            ("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"a\"}\n{\"_id\": \"q2\", \"text\" \"b\"}\n"),
            ("qrels/test.tsv", QRELS),
        ],
        &[],
        "`set/queries.jsonl`, line 2, column 22: expected `:`",
        "each line of a jsonl file is one object",
    ),
    (
        &[BEIR[1], ("corpus.jsonl", "\n{\"_id\": \"d1\", \"title\": \"a\"}\n"), ("qrels/test.tsv", QRELS)],
        &[],
        "`set/corpus.jsonl`, line 2: `text` is missing",
        "",
    ),
    (
        &[BEIR[0], BEIR[1], ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t0.5\n")],
        &[],
        "`set/qrels/test.tsv`, line 2: the grade `0.5` is not a whole number",
        "grades are whole numbers",
    ),
    (
        &[BEIR[0], BEIR[1], ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\n")],
        &[],
        "line 2: 2 fields, and the first line names 3",
        "",
    ),
    (
        &[BEIR[0], BEIR[1], ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\tx1\t1\nq2\tx2\t1\n")],
        &[],
        "`set`: no judged document is among its documents: judged `x1`, there `d1`",
        "another version",
    ),
    (&[BEIR[0], BEIR[1], ("qrels/test.tsv", "")], &[], "`set/qrels/test.tsv` is empty", "download"),
    (&[BEIR[0], BEIR[1], ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n")], &[], "`set` holds no judgements", ""),
    (
        &[("a.ko", "가\n나\n"), ("a.en", "a\n")],
        &[],
        "`set/a.en` and `set/a.ko` are not aligned: 1 and 2 lines",
        "translation",
    ),
    (
        &[("a.ko", "가\n"), ("a.en", "a\n"), ("a.de", "a\n")],
        &[],
        "`set` looks like parallel text, but has no pair of files that only one choice leaves",
        "two files of as many lines",
    ),
    (
        &[("dataset.yaml", "files: {ko: ../a, en: b}\n")],
        &[],
        "`set/dataset.yaml` names `../a`, which is not inside the folder",
        "without `..`",
    ),
    (
        &[("dataset.yaml", "name: a\nlanguage: ko\n")],
        &[],
        "`set/dataset.yaml`, line 2: unknown field `language`",
        "languages: {query: ko, document: en}",
    ),
    (
        &[("queries.json", "{\"q\": \"a\",\n\"r\": 1}"), ("corpus.json", "{}"), ("relevant_docs.json", "{}")],
        &[],
        "`set/queries.json`, line 2, column 7: invalid type: integer `1`, expected a text, or an object with `text`",
        "",
    ),
    (
        &[("topics.tsv", "<top>\n"), ("docs.jsonl", CORPUS), ("qrels.txt", "q1 0 d1 1\n")],
        &[],
        "`set/topics.tsv`, line 1: expected an id, a tab and a text, found `<top>`",
        "SGML",
    ),
];

#[test]
fn what_is_no_data_set_is_refused() {
    let mut faults = Vec::new();
    for (files, arguments, says, hint) in REFUSED {
        let folder = folder(files);
        let output = admix(folder.path()).args(["data", "set"]).args(*arguments).output().unwrap();
        let said = stderr(&output);
        let hints: Vec<&str> = said.lines().filter(|line| line.starts_with("hint: ")).collect();
        let fits = said.starts_with("error: ")
            && said.contains(says)
            && hints.is_empty() == hint.is_empty()
            && hints.join("\n").contains(hint);
        if !fits || output.status.code() != Some(3) || !output.stdout.is_empty() {
            faults.push(format!("expected `{says}` and `{hint}`, code {:?}\n{said}", output.status.code()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn folders_that_are_not_there_are_named() {
    let folder = folder(&[]);
    let output = admix(folder.path()).args(["data", "nowhere"]).output().unwrap();
    assert!(stderr(&output).contains("no such folder: `nowhere`") && output.status.code() == Some(3));
    fs::write(folder.path().join("file"), "").unwrap();
    let output = admix(folder.path()).args(["data", "file"]).output().unwrap();
    assert!(stderr(&output).contains("`file` is not a folder") && output.status.code() == Some(3));
}

#[test]
fn columns_are_those_that_the_header_names_and_surer_names_win() {
    let qrels = "query-id\tcorpus-id\tscore\tannotator\nq1\td1\t1\t3\nq2\td2\t2\t3\n";
    let corpus = "{\"_id\": \"d1\", \"id\": 7, \"text\": \"수도\", \"contents\": \"wrong and long\"}\n\
                  {\"contents\": \"wrong and long\", \"docid\": 1, \"text\": \"항구\", \"_id\": \"d2\"}\n";
    let set = folder(&[("corpus.jsonl", corpus), ("queries.jsonl", QUERIES), ("qrels/test.tsv", qrels)]);
    let found = shown(set.path(), &[]);
    assert_eq!(gist(&found), json!(["beir", ["test"], [["set", "ko-ko", 2, 2, 2]]]));
    assert_eq!(found["datasets"][0]["grades"], json!({"1": 1, "2": 1}));
    assert_eq!(found["datasets"][0]["documents"]["longest_characters"], 2);
    assert_eq!(found["datasets"][0]["oddities"], json!([]));
}

#[test]
fn folders_of_several_data_sets_are_not_read_as_one() {
    let qrels = "{\"query-id\": \"q1\", \"corpus-id\": \"d1\", \"score\": 1}\n";
    let beir = |name: &str| ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"].map(|file| format!("{name}/{file}"));
    let tables =
        |name: &str| ["corpus/a.jsonl", "queries/a.jsonl", "default/a.jsonl"].map(|file| format!("{name}/{file}"));
    let two_of_beir = [beir("a"), beir("b")].concat();
    let one_of_two = [&beir("a")[..], &beir("b")[..2]].concat();
    let in_parts = [&beir("a")[..2], &beir("b")[2..]].concat();
    let of_tables = [tables("a"), tables("b")].concat();
    for (files, named) in [(two_of_beir, "a, b"), (one_of_two, "a"), (in_parts, "a, b"), (of_tables, "a, b")] {
        let text = |name: &str| match name.rsplit_once('/').unwrap() {
            (folder, _) if folder.ends_with("default") => qrels,
            (_, "test.tsv") => QRELS,
            _ if name.contains("corpus") => CORPUS,
            _ => QUERIES,
        };
        let list: Vec<(&str, &str)> = files.iter().map(|name| (name.as_str(), text(name))).collect();
        let set = folder(&list);
        let output = refused(set.path());
        assert!(
            output.contains(&format!("`set` holds data sets in folders of their own: {named}")),
            "{files:?}: {output}"
        );
        assert!(output.contains("hint: `--data set/*` reads each as a data set of its own"), "{output}");
    }
}

/// What the program says when it refuses `set`.
fn refused(folder: &Path) -> String {
    let output = admix(folder).args(["data", "set"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn sets_in_subfolders_that_belong_together_are_read() {
    let qrels = "{\"query-id\": \"q1\", \"corpus-id\": \"d1\", \"score\": 1}\n";
    let readme = "---\nconfigs:\n- config_name: ko-corpus\n  data_files: ko/corpus.jsonl\n- config_name: ko-queries\n  data_files: \
                  ko/queries.jsonl\n- config_name: ko-qrels\n  data_files: [{split: test, path: ko/qrels.jsonl}]\n- config_name: \
                  en-corpus\n  data_files: en/corpus.jsonl\n- config_name: en-queries\n  data_files: en/queries.jsonl\n- \
                  config_name: en-qrels\n  data_files: [{split: test, path: en/qrels.jsonl}]\n---\n";
    let mut files = vec![("README.md", readme)];
    for (name, text) in [("corpus", CORPUS), ("queries", QUERIES), ("qrels", qrels)] {
        files.extend(
            [("ko", name), ("en", name)].map(|(folder, name)| (&*format!("{folder}/{name}.jsonl").leak(), text)),
        );
    }
    let found = gist(&shown(folder(&files).path(), &[]));
    assert_eq!(found[0], "mteb");
    assert_eq!(found[2].as_array().unwrap().len(), 2, "{found}");
    // A folder that is whole is read without what lies below it.
    let trec = [
        ("docs.jsonl", CORPUS),
        ("topics.tsv", "q1\t수도\n"),
        ("qrels.txt", "q1 0 d1 1\n"),
        ("old/docs.jsonl", CORPUS),
    ];
    assert_eq!(gist(&shown(folder(&trec).path(), &[])), json!(["trec", [], [["set", "ko-ko", 1, 2, 1]]]));
}

#[test]
fn decomposed_letters_are_named_in_ids_and_texts() {
    let decomposed = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}";
    let corpus = format!("{{\"_id\": \"한글\", \"text\": \"{decomposed}\"}}\n{{\"_id\": \"d2\", \"text\": \"b\"}}\n");
    let qrels = format!("query-id\tcorpus-id\tscore\nq1\t{decomposed}\t1\nq2\td2\t1\n");
    let set = folder(&[("corpus.jsonl", &*corpus), ("queries.jsonl", QUERIES), ("qrels/test.tsv", &*qrels)]);
    let found = shown(set.path(), &[]);
    let odd = found["datasets"][0]["oddities"].as_array().unwrap();
    let kinds: Vec<&str> = odd.iter().map(|odd| odd["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["unknown-document", "other-normalization", "decomposed-document"]);
    assert_eq!(odd[2]["example"], "`한글`, corpus.jsonl line 1");
    // Where no id fits, that is why.
    let corpus = corpus.replace("d2", "d3");
    fs::write(set.path().join("set/corpus.jsonl"), corpus).unwrap();
    let output = admix(set.path()).args(["data", "set"]).output().unwrap();
    assert!(stderr(&output).contains("differ by their Unicode normalization"), "{}", stderr(&output));
}

/// As BEIR's loader, MTEB's and `pytrec_eval` read the same lines.
#[test]
fn ids_grades_and_line_ends_are_read_as_other_tools_read_them() {
    let corpus = "\u{feff}{\"_id\": 1, \"title\": \"a\", \"text\": \"b \"}\r\n{\"_id\": \"2\", \"text\": \"\"}\r\n{\"_id\": \"1\", \
                  \"title\": \"a\", \"text\": \"b\"}\r\n";
    let queries = "{\"_id\": 7, \"text\": \"x\"}\r\n";
    let qrels = "query-id\tcorpus-id\tscore\r\n7\t1\t1.0\r\n\"7\"\t2\t-1\r\n";
    let set = folder(&[("corpus.jsonl", corpus), ("queries.jsonl", queries), ("qrels/test.tsv", qrels)]);
    let found = shown(set.path(), &[]);
    assert_eq!(gist(&found), json!(["beir", ["test"], [["set", "en-en", 1, 2, 2]]]));
    assert_eq!(found["datasets"][0]["grades"], json!({"-1": 1, "1": 1}));
    assert_eq!(found["datasets"][0]["documents"]["longest_characters"], "a b".len());
    let kinds: Vec<&Value> =
        found["datasets"][0]["oddities"].as_array().unwrap().iter().map(|odd| &odd["kind"]).collect();
    assert_eq!(kinds, ["duplicate-document-id", "empty-document"]);
    let json = [
        ("queries.json", "\u{feff}{\"q\": \"a\"}"),
        ("corpus.json", "\u{feff}{\"d\": \"b\"}"),
        ("relevant_docs.json", "\u{feff}{\"q\": [\"d\"]}"),
    ];
    assert_eq!(gist(&shown(folder(&json).path(), &[])), json!(["three-json", [], [["set", "en-en", 1, 1, 1]]]));
}

#[test]
#[cfg(unix)]
fn pipes_in_place_of_files_keep_nobody_waiting() {
    let set = folder(&[("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels/test.tsv", QRELS)]);
    for name in ["corpus.jsonl", "qrels/test.tsv", "dataset.yaml"] {
        let path = set.path().join("set").join(name);
        let kept = fs::read(&path).ok();
        let _ = fs::remove_file(&path);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let output = admix(set.path()).args(["data", "set"]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{name}: {}", stderr(&output));
        fs::remove_file(&path).unwrap();
        kept.map_or(Ok(()), |kept| fs::write(&path, kept)).unwrap();
    }
}
