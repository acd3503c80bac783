//! Merges of models with different vocabularies: numbers as mergekit 0.1.5 makes them, tokenizers that fit their rows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensor, Tensors, admix, copy_folder, distance, edit_json, names, read_json, read_tensors, repository, run,
    safetensors, stderr, stdout_json,
};

fn goldens() -> PathBuf {
    repository().join("tests/goldens")
}

/// The numbers of the tokens of a folder's tokenizer.json.
fn vocabulary(folder: &Path) -> BTreeMap<String, usize> {
    let tokenizer = read_json(&folder.join("tokenizer.json"));
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let mut tokens: BTreeMap<String, usize> = match &tokenizer["model"]["vocab"] {
        Value::Object(map) => map.iter().map(|(token, id)| (token.clone(), number(id))).collect(),
        list => {
            let piece = |(id, piece): (usize, &Value)| (piece[0].as_str().unwrap().to_owned(), id);
            list.as_array().unwrap().iter().enumerate().map(piece).collect()
        }
    };
    for added in tokenizer["added_tokens"].as_array().unwrap() {
        let known = tokens.insert(added["content"].as_str().unwrap().to_owned(), number(&added["id"]));
        assert!(known.is_none_or(|known| known == number(&added["id"])), "{added}");
    }
    tokens
}

/// The rows of a tensor.
fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    let width: usize = tensor.shape[1..].iter().product();
    tensor.values().chunks(width).map(<[f64]>::to_vec).collect()
}

fn far(one: &[f64], other: &[f64]) -> bool {
    one.len() != other.len() || one.iter().zip(other).any(|(a, b)| (a - b).abs() > 1e-6)
}

#[test]
fn every_row_is_what_mergekit_makes_of_its_token() {
    let out = tempfile::tempdir().unwrap();
    let mut recipes: Vec<PathBuf> =
        fs::read_dir(goldens().join("recipes/vocabularies")).unwrap().map(|entry| entry.unwrap().path()).collect();
    recipes.sort();
    assert!(recipes.len() >= 10, "{} recipes", recipes.len());
    let mut faults = Vec::new();
    for recipe in recipes {
        let name = recipe.file_stem().unwrap().to_string_lossy().into_owned();
        let target = out.path().join(&name);
        run(&goldens(), &["merge", recipe.to_str().unwrap(), "-q", "--no-sync", "-o", target.to_str().unwrap()]);
        let merged = read_tensors(&target.join("model.safetensors"));
        let expected = read_tensors(&goldens().join(format!("expected/vocabularies/{name}.safetensors")));
        let golden = read_json(&goldens().join(format!("expected/vocabularies/{name}.json")));
        assert_eq!(merged.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}");

        let tokens = vocabulary(&target);
        let theirs: BTreeMap<String, usize> = serde_json::from_value(golden["vocabulary"].clone()).unwrap();
        assert_eq!(tokens.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
        let size = golden["rows"].as_u64().unwrap() as usize;
        assert_eq!(read_json(&target.join("config.json"))["vocab_size"], golden["rows"], "{name}");
        for (tensor, expected) in &expected {
            let found = &merged[tensor];
            assert_eq!((found.dtype, &found.shape), (expected.dtype, &expected.shape), "{name}: {tensor}");
            let of_tokens = ["word_embeddings", "embed_tokens", "lm_head.bias", "lm_head.weight"];
            if !of_tokens.iter().any(|part| tensor.contains(part)) {
                if distance(found, expected) > 1e-6 {
                    faults.push(format!("{name}: {tensor} differs by {:.1e}", distance(found, expected)));
                }
                continue;
            }
            assert_eq!(found.shape[0], size, "{name}: {tensor}");
            let (found, expected) = (rows(found), rows(expected));
            let token_rows = tokens.iter().map(|(token, row)| (token.as_str(), *row, theirs[token]));
            // Rows of padding are all alike and stand behind the tokens.
            let padding = (theirs.len()..size).map(|row| ("padding", row, row));
            for (token, row, their) in token_rows.chain(padding) {
                if far(&found[row], &expected[their]) {
                    faults.push(format!("{name}: {tensor}: {token:?} is {:?}, not {:?}", found[row], expected[their]));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A folder with the goldens' models of one kind, and a recipe.
fn arranged(kind: &str, recipe: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names(&goldens().join("models/vocabularies").join(kind)) {
        copy_folder(&goldens().join("models/vocabularies").join(kind).join(&name), &folder.path().join(name));
    }
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    folder
}

const UNION: &str = "\
merge_method: linear
base_model: base
models:
  - {model: base, parameters: {weight: 0.4}}
  - {model: ko, parameters: {weight: 0.6}}
tokenizer_source: union
";

#[test]
fn the_tokens_of_a_text_are_those_of_either_model() {
    for (kind, text, expected) in [
        ("wordpiece", "서울의 날씨는 [QUERY] kimchi the weather", "서울 ##의 날씨 ##는 [QUERY] kimchi the weather"),
        ("unigram", "서울의 날씨 <ko> the weather is", "▁서울 의 ▁날씨 ▁ <ko> ▁the ▁weather ▁is"),
        ("bpe", "the 서<|ko|>", "the Ġ ìĦľ <|ko|>"),
    ] {
        let folder = arranged(kind, UNION);
        run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out"]);
        let out = folder.path().join("out");
        let tokenizer = tokenizers::Tokenizer::from_file(out.join("tokenizer.json")).unwrap();
        let encoding = tokenizer.encode(text, false).unwrap();
        assert_eq!(encoding.get_tokens().join(" "), expected, "{kind}");
        let numbers = vocabulary(&out);
        assert_eq!(tokenizer.get_vocab_size(true), numbers.len(), "{kind}");
        for (token, number) in &numbers {
            assert_eq!(tokenizer.token_to_id(token), Some(*number as u32), "{kind}: {token}");
        }
    }
}

#[test]
fn files_beside_tokenizer_json_say_the_same() {
    let folder = arranged("wordpiece", UNION);
    let lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nweather\nis\nmild\nin\ns\n##e\n##ou\n##l\na\n##b\n";
    fs::write(folder.path().join("base/vocab.txt"), lines).unwrap();
    fs::write(folder.path().join("base/added_tokens.json"), "{}").unwrap();
    fs::write(folder.path().join("base/special_tokens_map.json"), r#"{"pad_token": "[PAD]"}"#).unwrap();
    edit_json(&folder.path().join("base/tokenizer_config.json"), |config| {
        config["added_tokens_decoder"] = json!({"0": {"content": "[PAD]", "special": true}});
    });
    run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out"]);
    let out = folder.path().join("out");
    let numbers = vocabulary(&out);
    for (number, token) in fs::read_to_string(out.join("vocab.txt")).unwrap().lines().enumerate() {
        assert_eq!(numbers[token], number, "{token}");
    }
    let decoder = &read_json(&out.join("tokenizer_config.json"))["added_tokens_decoder"];
    assert_eq!(decoder[numbers["[QUERY]"].to_string()]["content"], "[QUERY]");
    assert_eq!(decoder[numbers["kimchi"].to_string()]["special"], false);
    assert_eq!(decoder["0"]["content"], "[PAD]");
    assert_eq!(read_json(&out.join("added_tokens.json"))["kimchi"], numbers["kimchi"]);
    assert_eq!(read_json(&out.join("special_tokens_map.json")), json!({"pad_token": "[PAD]"}));
}

#[test]
fn a_model_that_pieces_cannot_be_added_to_is_left_out() {
    let folder = arranged("unigram", UNION);
    fs::write(folder.path().join("base/sentencepiece.bpe.model"), "model").unwrap();
    let output = run(folder.path(), &["merge", "recipe.yaml", "--no-sync", "-o", "out"]);
    assert!(!folder.path().join("out/sentencepiece.bpe.model").exists());
    assert!(stderr(&output).contains("sentencepiece.bpe.model"), "{}", stderr(&output));

    // With added tokens only, it stays true.
    fs::copy(folder.path().join("base/tokenizer.json"), folder.path().join("ko/tokenizer.json")).unwrap();
    fs::copy(folder.path().join("base/model.safetensors"), folder.path().join("ko/model.safetensors")).unwrap();
    edit_json(&folder.path().join("base/tokenizer.json"), |tokenizer| {
        tokenizer["added_tokens"].as_array_mut().unwrap().retain(|token| token["content"] != "<mask>");
    });
    run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out", "--force"]);
    assert!(folder.path().join("out/sentencepiece.bpe.model").exists());
    assert!(vocabulary(&folder.path().join("out")).contains_key("<mask>"));
}

#[test]
fn another_models_tokenizer_brings_its_special_tokens() {
    let folder = arranged("bpe", &UNION.replace("union", "ko"));
    run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out"]);
    let (own, out) = (folder.path().join("ko"), folder.path().join("out"));
    let (theirs, found) = (read_json(&own.join("config.json")), read_json(&out.join("config.json")));
    for key in ["pad_token_id", "eos_token_id"] {
        assert_eq!(found[key], theirs[key], "{key}");
    }
    assert_ne!(found["pad_token_id"], read_json(&folder.path().join("base/config.json"))["pad_token_id"]);
    assert_eq!(found["vocab_size"], vocabulary(&own).len());
    assert_eq!(fs::read(out.join("tokenizer.json")).unwrap(), fs::read(own.join("tokenizer.json")).unwrap());

    // Positions of MPNet begin behind the padding token's number, which is another in `en`.
    let folder = arranged("wordpiece", &UNION.replace("union", "en").replace("model: ko", "model: en"));
    let output = admix(folder.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("`en` pads with token 1"), "{}", stderr(&output));
}

/// The plan of a folder's recipe.
fn plan(folder: &Path) -> Value {
    stdout_json(&run(folder, &["plan", "recipe.yaml", "--json"]))
}

#[test]
fn models_of_one_vocabulary_are_merged_as_without_the_key() {
    let folder = tempfile::tempdir().unwrap();
    for (fixture, model) in [("base", "base"), ("ko-en", "ko")] {
        copy_folder(&repository().join("fixtures/tiny").join(fixture), &folder.path().join(model));
    }
    let without = UNION.replace("tokenizer_source: union\n", "");
    let mut outputs = Vec::new();
    for recipe in [without.clone(), UNION.to_owned(), UNION.replace("union", "base"), UNION.replace("union", "ko")] {
        fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
        let plan = plan(folder.path());
        assert!(plan["vocabulary"]["made"].is_null(), "{plan}");
        run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out", "--force"]);
        let read = |name: &str| fs::read(folder.path().join("out").join(name)).unwrap();
        outputs.push(["model.safetensors", "tokenizer.json", "config.json"].map(read));
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]));
    // Without any rule, rows that no token names stay too.
    fs::write(folder.path().join("recipe.yaml"), without + "tokenizer: {pad_to_multiple_of: 7}\n").unwrap();
    let plan = plan(folder.path());
    assert_eq!((&plan["vocabulary"]["rows"], &plan["vocabulary"]["made"]["padding"]), (&json!(406), &json!(6)));
}

/// Gives a model of the goldens tables of so many rows.
fn resize(folder: &Path, rows: usize, seed: u32) {
    let file = folder.join("model.safetensors");
    let mut weights = read_tensors(&file);
    for (name, tensor) in &mut weights {
        if name.contains("word_embeddings") {
            *tensor = Tensor::random(&[rows, tensor.shape[1]], seed);
        }
    }
    fs::write(file, safetensors(&weights)).unwrap();
    edit_json(&folder.join("config.json"), |config| config["vocab_size"] = json!(rows));
}

/// Rows behind the tokens, to which tables are padded, and rows between them that no token has.
#[test]
fn equal_vocabularies_keep_the_rows_that_no_token_has() {
    let folder = arranged("wordpiece", UNION);
    let root = folder.path();
    fs::remove_dir_all(root.join("ko")).unwrap();
    copy_folder(&root.join("base"), &root.join("ko"));
    for (seed, model) in [(1, "base"), (2, "ko")] {
        resize(&root.join(model), 24, seed);
        edit_json(&root.join(model).join("tokenizer.json"), |json| {
            json["model"]["vocab"].as_object_mut().unwrap().remove("mild");
        });
    }
    // The same tokens in a file of other bytes.
    edit_json(&root.join("ko/tokenizer.json"), |json| json["post_processor"] = Value::Null);
    let without = UNION.replace("tokenizer_source: union\n", "");
    let merged = |key: &str, more: &[&str]| {
        fs::write(root.join("recipe.yaml"), format!("{without}{key}")).unwrap();
        let arguments = ["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"];
        run(root, &arguments.iter().chain(more).copied().collect::<Vec<_>>());
        (read_tensors(&root.join("out/model.safetensors")), read_json(&root.join("out/config.json")))
    };
    let expected = merged("", &["--allow", "tokenizer"]);
    for key in [
        "tokenizer_source: base",
        "tokenizer_source: union",
        "tokenizer_source: ko",
        "tokenizer: {source: base, pad_to_multiple_of: 8}",
        // Every model has the token: the rule has nothing to do.
        "tokenizer: {tokens: {\"[MASK]\": {source: ko}}}",
    ] {
        assert!(merged(key, &[]) == expected, "{key}");
    }
    let (weights, config) = merged("tokenizer: {source: base, tokens: {\"[MASK]\": {source: ko, force: true}}}", &[]);
    assert_eq!(config["vocab_size"], 24);
    let name = "embeddings.word_embeddings.weight";
    let theirs = rows(&read_tensors(&root.join("ko/model.safetensors"))[name]);
    for (row, (found, plain)) in rows(&weights[name]).iter().zip(rows(&expected.0[name])).enumerate() {
        assert!(!far(found, if row == 4 { &theirs[4] } else { &plain }), "row {row}");
    }
}

#[test]
fn the_plan_says_how_rows_come_about() {
    let folder = arranged("wordpiece", UNION);
    let made = plan(folder.path())["vocabulary"]["made"].clone();
    assert_eq!(made, json!({"all": 11, "several": 0, "one": 11, "by_rule": 0, "none": 0, "padding": 0}));
    let output = run(folder.path(), &["plan", "recipe.yaml"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("22 tokens, 6 of them appended; 22 rows: 11 of all models, 11 of one"), "{shown}");
}

#[test]
fn the_same_bytes_for_every_thread_count_and_access() {
    let folder = arranged(
        "unigram",
        &format!("{}tokenizer: {{pad_to_multiple_of: 16}}\n", UNION.replace("tokenizer_source: union\n", "")),
    );
    let mut files: Vec<Vec<u8>> = Vec::new();
    for options in [&["-j", "1"][..], &["-j", "3"], &["--mmap"]] {
        let arguments = [&["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"], options].concat();
        run(folder.path(), &arguments);
        files.push(fs::read(folder.path().join("out/model.safetensors")).unwrap());
    }
    assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
}

/// A way to break a merge of vocabularies, the exit code, parts of the message, and a part of the hint.
type Fault = (&'static str, fn(&Path), i32, &'static [&'static str], &'static str);

#[test]
fn faults_are_refused() {
    let faults: [Fault; 8] = [
        (
            "only a sentencepiece model",
            |folder| fs::rename(folder.join("ko/tokenizer.json"), folder.join("ko/spiece.model")).unwrap(),
            3,
            &["`ko` has no tokenizer.json, only spiece.model"],
            "AutoTokenizer",
        ),
        (
            "damaged tokenizer.json",
            |folder| fs::write(folder.join("ko/tokenizer.json"), "{").unwrap(),
            3,
            &["ko/tokenizer.json` is not valid"],
            "",
        ),
        (
            "token without a row",
            |folder| {
                edit_json(&folder.join("ko/tokenizer.json"), |tokenizer| {
                    tokenizer["model"]["vocab"]["##e"] = json!(40);
                });
            },
            3,
            &["token \"##e\" of `ko` has number 40", "17 rows"],
            "was not resized",
        ),
        (
            "huge number",
            |folder| {
                edit_json(&folder.join("ko/tokenizer.json"), |tokenizer| {
                    tokenizer["model"]["vocab"]["late"] = json!(4_000_000_000_u64);
                });
            },
            3,
            &["token \"late\" has number 4000000000"],
            "",
        ),
        (
            "another kind",
            |folder| {
                edit_json(&folder.join("ko/tokenizer.json"), |tokenizer| {
                    tokenizer["model"]["type"] = json!("WordLevel");
                });
            },
            3,
            &["`base` has a WordPiece vocabulary and `ko` a"],
            "`tokenizer_source: base`",
        ),
        (
            "no table",
            |folder| {
                let file = folder.join("ko/model.safetensors");
                let mut tensors: Tensors = read_tensors(&file);
                tensors.remove("embeddings.word_embeddings.weight").unwrap();
                fs::write(file, super::support::safetensors(&tensors)).unwrap();
            },
            3,
            &["`ko` has no table of token embeddings"],
            "",
        ),
        (
            "unknown token",
            |folder| {
                let recipe = UNION.replace("tokenizer_source: union", "tokenizer: {tokens: {nowhere: {}}}");
                fs::write(folder.join("recipe.yaml"), recipe).unwrap();
            },
            2,
            &["no model has the token \"nowhere\"", "recipe.yaml:6:"],
            "a new token needs a `source`",
        ),
        (
            "token that a model lacks",
            |folder| {
                let recipe = UNION.replace("tokenizer_source: union", "tokenizer: {tokens: {kimchi: {source: base}}}");
                fs::write(folder.join("recipe.yaml"), recipe).unwrap();
            },
            2,
            &["`base` has no token \"kimchi\"", "recipe.yaml:6:"],
            "kind: model_token",
        ),
    ];
    for (name, arrange, code, says, hint) in faults {
        let folder = arranged("wordpiece", UNION);
        arrange(folder.path());
        let output = admix(folder.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(says.iter().all(|part| said.contains(part)) && !said.contains("panicked"), "{name}: {said}");
        let hints: Vec<&str> = said.lines().filter(|line| line.starts_with("hint: ")).collect();
        assert!(hints.is_empty() == hint.is_empty() && hints.join("\n").contains(hint), "{name}: {said}");
        assert!(!folder.path().join("out").exists(), "{name}");
    }
}

#[test]
fn without_the_key_other_vocabularies_are_refused_and_the_hint_names_it() {
    let folder = arranged("wordpiece", &UNION.replace("tokenizer_source: union\n", ""));
    let output = admix(folder.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("hint: `tokenizer_source: union`"), "{}", stderr(&output));
}

/// A folder with two tiny retrievers, `base` and `ko`, of which `ko` has two pieces and an added token more, and a recipe.
fn retrievers(recipe: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (fixture, model) in [("base", "base"), ("ko-en", "ko")] {
        copy_folder(&repository().join("fixtures/tiny").join(fixture), &folder.path().join(model));
    }
    let ko = folder.path().join("ko");
    edit_json(&ko.join("tokenizer.json"), |tokenizer| {
        let vocabulary = tokenizer["model"]["vocab"].as_array_mut().unwrap();
        vocabulary.extend([json!(["▁weather", -3.0]), json!(["날씨", -3.5])]);
        let mut added = tokenizer["added_tokens"][0].clone();
        (added["id"], added["content"], added["special"]) = (json!(402), json!("mild"), json!(false));
        tokenizer["added_tokens"].as_array_mut().unwrap().push(added);
    });
    edit_json(&ko.join("config.json"), |config| config["vocab_size"] = json!(403));
    let file = ko.join("model.safetensors");
    let mut tensors = read_tensors(&file);
    let name = tensors.keys().find(|name| name.ends_with("word_embeddings.weight")).unwrap().clone();
    let table = &tensors[&name];
    let mut values = table.values();
    values.extend(Tensor::random(&[3, 24], 5).values());
    let table = Tensor::floats(table.dtype, &[403, 24], values);
    tensors.insert(name, table);
    fs::write(file, super::support::safetensors(&tensors)).unwrap();
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    folder
}

#[test]
fn a_sweep_scores_what_a_merge_writes() {
    let folder = retrievers(UNION);
    run(folder.path(), &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out"]);
    let weather = repository().join("fixtures/sets/weather");
    let weather = weather.to_str().unwrap();
    let scored = run(folder.path(), &["score", "out", "--data", weather, "-m", "ndcg@10", "--json"]);
    let scored = stdout_json(&scored);
    let of_merge: BTreeMap<String, f64> = scored["models"][0]["datasets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| (set["direction"].as_str().unwrap().to_owned(), set["metrics"]["ndcg@10"].as_f64().unwrap()))
        .collect();

    let swept = UNION.replace("weight: 0.4", "weight: \"${a}\"").replace("weight: 0.6", "weight: \"${b}\"");
    let sweep = format!(
        "study: s\nrecipe:\n{}params:\n  a: {{values: [0.4, 0.9]}}\n  b: {{values: [0.6]}}\ndata:\n  w: {{path: {weather}}}\n\
         objectives:\n  one: {{metric: ndcg@10, mean: [\"w:ko-en\"]}}\n  other: {{metric: ndcg@10, mean: [\"w:en-ko\"]}}\n\
         baselines: [parents, uniform]\nstore: study\n",
        swept.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat()
    );
    fs::write(folder.path().join("sweep.yaml"), sweep).unwrap();
    run(folder.path(), &["sweep", "run", "sweep.yaml"]);
    run(folder.path(), &["sweep", "export", "study", "--csv", "trials.csv"]);
    let table = fs::read_to_string(folder.path().join("trials.csv")).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let at = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let rows: Vec<Vec<&str>> = lines.collect();
    let row = rows.iter().find(|row| row[at("a")] == "0.4").unwrap();
    for (objective, direction) in [("one", "ko-en"), ("other", "en-ko")] {
        let swept: f64 = row[at(objective)].parse().unwrap();
        assert!((swept - of_merge[direction]).abs() < 1e-9, "{direction}: {swept}, {of_merge:?}");
    }
    assert!(rows.iter().any(|row| row[at("kind")] == "uniform"), "{table}");
}

#[test]
fn every_kind_of_method_takes_gathered_rows() {
    for method in [
        "linear",
        "slerp",
        "nuslerp",
        "multislerp",
        "karcher",
        "model_stock",
        "ties",
        "dare_ties",
        "della",
        "sce",
        "ram",
        "arcee_fusion",
        "nearswap",
        "breadcrumbs",
    ] {
        let needs_two = matches!(method, "model_stock" | "nuslerp");
        let other = if needs_two { "  - {model: en}\n" } else { "" };
        let recipe = format!(
            "merge_method: {method}\nbase_model: base\nmodels:\n  - {{model: ko}}\n{other}{}tokenizer: {{pad_to_multiple_of: 8}}\n",
            match method {
                "linear" | "multislerp" | "ties" | "della" | "breadcrumbs" | "dare_ties" | "nuslerp" =>
                    "parameters: {weight: 0.6}\n",
                "slerp" | "nearswap" => "parameters: {t: 0.4}\n",
                _ => "",
            }
        );
        let folder = arranged("unigram", &recipe);
        let mut files: Vec<Vec<u8>> = Vec::new();
        for options in [&["-j", "1"][..], &["-j", "2"]] {
            let arguments = [&["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"], options].concat();
            run(folder.path(), &arguments);
            files.push(fs::read(folder.path().join("out/model.safetensors")).unwrap());
        }
        assert!(files[0] == files[1], "{method}");
        let merged = read_tensors(&folder.path().join("out/model.safetensors"));
        let table = &merged["roberta.embeddings.word_embeddings.weight"];
        assert_eq!(table.shape, [24, 8], "{method}");
        assert!(table.values().iter().all(|value| value.is_finite()), "{method}");
    }
}

/// A model of 40,000 tokens, from number `first` on.
fn large(folder: &Path, first: usize) {
    const TOKENS: usize = 40_000;
    let mut tensors = super::support::encoder(first as u32);
    tensors.insert("embeddings.word_embeddings.weight".into(), Tensor::random(&[TOKENS, 4], first as u32));
    super::support::write_model(folder, &tensors);
    edit_json(&folder.join("config.json"), |config| config["vocab_size"] = json!(TOKENS));
    let tokens: BTreeMap<String, usize> = (0..TOKENS).map(|id| (format!("token{:06}", first + id), id)).collect();
    let model = json!({"type": "WordPiece", "unk_token": format!("token{first:06}"), "vocab": tokens});
    fs::write(folder.join("tokenizer.json"), json!({"added_tokens": [], "model": model}).to_string()).unwrap();
}

#[test]
fn the_estimate_of_memory_counts_what_tokenizers_take() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    large(&folder.join("a"), 0);
    large(&folder.join("b"), 20_000);
    let estimate = |other: &str| {
        let recipe = format!(
            "merge_method: linear\nmodels: [{{model: a}}, {{model: {other}}}]\nparameters: {{weight: 1}}\ntokenizer_source: union\n"
        );
        fs::write(folder.join("recipe.yaml"), recipe).unwrap();
        stdout_json(&run(folder, &["plan", "recipe.yaml", "--json"]))["memory"].as_u64().unwrap()
    };
    super::support::copy_folder(&folder.join("a"), &folder.join("c"));
    // Vocabularies of one file are not read. Two of this size take about 10 MB more, as measured with unions of unigram models.
    let more = estimate("b").saturating_sub(estimate("c"));
    assert!((7_000_000..16_000_000).contains(&more), "{more}");
}
