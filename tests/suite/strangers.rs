//! Text of strangers, in every field of every kind of file: it moves no cursor, forges no line, and is one value in what is
//! generated from it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use admix::escape::{is_hidden, literal};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{
    Tensor, admix, copy_folder, edit_json, raw_safetensors, read_json, repository, retrievers, safetensors, snapshot,
    stderr, tensors, write_json,
};

/// Clears the screen, sets a title, forges lines with every character that ends one, turns the direction of writing round, and
/// hides itself.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\r\nFORGED  0.9999\n# FORGED\nFORGED: 1\u{b}\u{7f}\u{85}FORGED\u{9b}31m\
                       \u{202e}\u{2066}\u{200b}\u{feff}\u{2028}FORGED\u{2029}FORGED";

/// Two retrievers with Dense modules, a data set, a folder of torch's, and recipes.
fn world() -> TempDir {
    let folder = retrievers("tiny-dense");
    let root = folder.path();
    copy_folder(&repository().join("fixtures/bilingual/ko-en"), &root.join("set"));
    copy_folder(&repository().join("fixtures/torch"), &root.join("torch"));
    let union =
        "merge_method: linear\ntokenizer_source: union\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}\n";
    fs::write(root.join("union.yaml"), union).unwrap();
    folder
}

/// Runs the program, and holds that nothing it says acts on a terminal or is a line of a stranger's.
fn heard(root: &Path, command: &[&str], case: &str) -> Output {
    let done = admix(root).args(command).write_stdin("one\ntwo\n").output().unwrap();
    for stream in [&done.stdout, &done.stderr] {
        let text = String::from_utf8(stream.clone()).unwrap();
        quiet(&text, &format!("{case}: admix {command:?}"));
    }
    let code = done.status.code();
    assert!(matches!(code, Some(0 | 2..=5)), "{case}: admix {command:?}: {code:?}\n{}", stderr(&done));
    done
}

fn quiet(text: &str, case: &str) {
    if let Some(found) = text.chars().find(|c| is_hidden(*c) && *c != '\n') {
        panic!("{case}: {found:?} in {text:?}");
    }
    let forged = text.lines().find(|line| line.trim_start_matches([' ', '#']).starts_with("FORGED"));
    assert_eq!(forged, None, "{case}: {text}");
}

/// Holds the same of generated files.
fn quiet_files(root: &Path, case: &str) {
    for (path, bytes) in snapshot(root) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let case = format!("{case}: {}", path.display());
        match name.as_str() {
            "README.md" | "admix.json" | "made.yaml" | "made-sweep.yaml" => {
                quiet(&String::from_utf8_lossy(&bytes), &case);
            }
            "values.tsv" => quiet(&String::from_utf8_lossy(&bytes).replace('\t', " "), &case),
            _ => {}
        }
    }
}

fn yaml(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn edit_header(path: &Path, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Map<String, Value> = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(&mut header);
    fs::write(path, raw_safetensors(&Value::Object(header).to_string(), &bytes[8 + length..])).unwrap();
}

type Plant = (&'static str, fn(&Path));

/// Places in a model folder, each with a text of a stranger's in it.
const IN_MODELS: &[Plant] = &[
    ("config_sentence_transformers.json", |b| {
        edit_json(&b.join("config_sentence_transformers.json"), |value| {
            value["similarity_fn_name"] = json!(HOSTILE);
            value["prompts"] = json!({HOSTILE: HOSTILE, "query": HOSTILE, "passage": HOSTILE});
            value["default_prompt_name"] = json!(HOSTILE);
            value[HOSTILE] = json!(HOSTILE);
        });
    }),
    ("model_type of the modules", |b| {
        edit_json(&b.join("config_sentence_transformers.json"), |value| value["model_type"] = json!(HOSTILE));
    }),
    ("similarity that is no text", |b| {
        edit_json(&b.join("config_sentence_transformers.json"), |value| value["prompts"] = json!([HOSTILE]));
    }),
    ("type of a module", |b| {
        edit_json(&b.join("modules.json"), |value| value[2]["type"] = json!(format!("models.{HOSTILE}")));
    }),
    ("path of a module", |b| edit_json(&b.join("modules.json"), |value| value[2]["path"] = json!(HOSTILE))),
    ("entry of modules.json", |b| edit_json(&b.join("modules.json"), |value| value[0] = json!(HOSTILE))),
    ("pooling", |b| {
        edit_json(&b.join("1_Pooling/config.json"), |value| value["pooling_mode"] = json!(HOSTILE));
    }),
    ("activation", |b| {
        edit_json(&b.join("2_Dense/config.json"), |value| {
            value["activation_function"] = json!(HOSTILE);
            value[HOSTILE] = json!(HOSTILE);
        });
    }),
    ("model_type", |b| edit_json(&b.join("config.json"), |value| value["model_type"] = json!(HOSTILE))),
    ("config.json", |b| {
        edit_json(&b.join("config.json"), |value| {
            for key in ["hidden_act", "position_embedding_type", "_name_or_path", "torch_dtype", HOSTILE] {
                value[key] = json!(HOSTILE);
            }
            value["architectures"] = json!([HOSTILE]);
            value["rope_scaling"] = json!({"type": HOSTILE, HOSTILE: HOSTILE});
        });
    }),
    ("size in config.json", |b| edit_json(&b.join("config.json"), |value| value["num_hidden_layers"] = json!(HOSTILE))),
    ("broken config.json", |b| fs::write(b.join("config.json"), format!("{{\"a\": \"{HOSTILE}")).unwrap()),
    ("sentence_bert_config.json", |b| {
        edit_json(&b.join("sentence_bert_config.json"), |value| value["max_seq_length"] = json!(HOSTILE));
    }),
    ("tokenizer_config.json", |b| {
        edit_json(&b.join("tokenizer_config.json"), |value| {
            for key in ["tokenizer_class", "chat_template", "truncation_side", "model_max_length", "eos_token", HOSTILE]
            {
                value[key] = json!(HOSTILE);
            }
        });
    }),
    ("model of tokenizer.json", |b| {
        edit_json(&b.join("tokenizer.json"), |value| value["model"]["type"] = json!(HOSTILE));
    }),
    ("normalizer", |b| edit_json(&b.join("tokenizer.json"), |value| value["normalizer"] = json!({"type": HOSTILE}))),
    ("regular expression", |b| {
        let split = json!({"type": "Split", "pattern": {"Regex": format!("({HOSTILE}")}, "behavior": "Isolated", "invert": false});
        edit_json(&b.join("tokenizer.json"), |value| value["pre_tokenizer"] = split);
    }),
    ("added token", |b| {
        edit_json(&b.join("tokenizer.json"), |value| value["added_tokens"][0]["content"] = json!(HOSTILE));
    }),
    ("token of the model", |b| {
        edit_json(&b.join("tokenizer.json"), |value| value["model"][HOSTILE] = json!(HOSTILE));
    }),
    ("broken tokenizer.json", |b| fs::write(b.join("tokenizer.json"), format!("{{\"{HOSTILE}\"")).unwrap()),
    ("name of a tensor", |b| {
        edit_header(&b.join("model.safetensors"), |header| {
            let name = header.keys().find(|name| name.contains("layer")).unwrap().clone();
            let value = header.shift_remove(&name).unwrap();
            header.insert(format!("{name}{HOSTILE}"), value);
        });
    }),
    ("format of a tensor", |b| {
        edit_header(&b.join("model.safetensors"), |header| {
            header
                .values_mut()
                .filter(|value| value.get("dtype").is_some())
                .for_each(|value| value["dtype"] = json!(HOSTILE));
        });
    }),
    ("metadata of a header", |b| {
        edit_header(&b.join("model.safetensors"), |header| drop(header.insert("__metadata__".into(), json!(HOSTILE))));
    }),
    ("broken header", |b| {
        fs::write(b.join("model.safetensors"), raw_safetensors(&format!("{{{HOSTILE}"), &[])).unwrap();
    }),
    ("shard of an index", |b| {
        fs::rename(b.join("model.safetensors"), b.join("shard.safetensors")).unwrap();
        let map = json!({HOSTILE: "shard.safetensors", "a": HOSTILE});
        write_json(&b.join("model.safetensors.index.json"), &json!({"metadata": {}, "weight_map": map}));
    }),
    ("tensor of an index", |b| {
        fs::rename(b.join("model.safetensors"), b.join("shard.safetensors")).unwrap();
        let map = json!({HOSTILE: "shard.safetensors"});
        write_json(&b.join("model.safetensors.index.json"), &json!({"metadata": {}, "weight_map": map}));
    }),
    ("names of files", |b| {
        for name in ["{}.py", "LICENSE{}", "tokenizer{}.json", "vocab.{}", "{}.bin"] {
            fs::write(b.join(name.replace("{}", HOSTILE)), "{}").unwrap();
        }
    }),
    ("link", |b| {
        fs::create_dir(b.with_file_name(HOSTILE)).unwrap();
        fs::write(b.with_file_name(HOSTILE).join("file"), "").unwrap();
        symlink(Path::new("..").join(HOSTILE).join("file"), b.join("LICENSE")).unwrap();
    }),
];

#[test]
fn nothing_in_a_model_folder_speaks_for_itself() {
    const ALLOW: &str = "tokenizer,similarity,pooling,prompts,modules,architecture,max-length,normalize,missing-tensor";
    for (case, plant) in IN_MODELS {
        let folder = world();
        let root = folder.path();
        plant(&root.join("b"));
        heard(root, &["inspect", "b"], case);
        heard(root, &["inspect", "a", "b", "--by", "tensor"], case);
        heard(root, &["check", "recipe.yaml", "union.yaml"], case);
        heard(root, &["merge", "recipe.yaml", "-o", "out", "--verbose", "--json", "--allow", ALLOW], case);
        heard(root, &["init", "a", "b", "-o", "made.yaml", "--data", "set"], case);
        heard(root, &["score", "b", "--data", "set", "--limit-queries", "1"], case);
        quiet_files(root, case);
        if root.join("made.yaml").exists() {
            let known = ["merge_method", "base_model", "models", "parameters", "tokenizer_source"];
            let made = yaml(&root.join("made.yaml"));
            assert!(keys(&made).iter().all(|key| known.contains(key)), "{case}: {made}");
        }
    }
}

#[test]
fn a_folder_of_any_name_is_that_folder_in_all_that_is_written() {
    // Texts that are no plain names; more of them are tried where they are spelt.
    for name in ["null", "a: b #c", "- a", "=cmd()", HOSTILE] {
        let folder = world();
        let root = folder.path();
        fs::rename(root.join("b"), root.join(name)).unwrap();
        let sets = format!("s{name}");
        copy_folder(&root.join("set"), &root.join(&sets));
        let given = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
        let case = name;
        let blend = heard(root, &["blend", "a", &given, "--print-recipe"], case);
        let recipe: Value = serde_yaml::from_slice(&blend.stdout).unwrap();
        assert_eq!((keys(&recipe).len(), &recipe["models"][1]["model"]), (2, &json!(given)));
        fs::write(root.join("blend.yaml"), &blend.stdout).unwrap();
        let merged = heard(root, &["merge", "blend.yaml", "-o", "out"], case);
        assert!(merged.status.success(), "{}", stderr(&merged));
        let card = fs::read_to_string(root.join("out/README.md")).unwrap();
        let front: Value = serde_yaml::from_str(card.split("---\n").nth(1).unwrap()).unwrap();
        assert_eq!(keys(&front), ["library_name", "pipeline_tag", "tags"]);
        let made = heard(root, &["init", "a", &given, "--data", "set", &sets, "-o", "made.yaml"], case);
        assert!(made.status.success(), "{}", stderr(&made));
        assert_eq!(yaml(&root.join("made.yaml"))["models"][0]["model"], json!(given));
        let sweep = yaml(&root.join("made-sweep.yaml"));
        assert_eq!(keys(&sweep), ["recipe", "params", "search", "data", "objectives", "select", "report"]);
        assert_eq!(sweep["data"].as_object().unwrap().values().next_back().unwrap()["path"], json!(sets));
        let checked = heard(root, &["check", "made.yaml", "made-sweep.yaml"], case);
        assert!(checked.status.success(), "{}", stderr(&checked));
        heard(root, &["inspect", &given], case);
        heard(root, &["data", &sets], case);
        let options = ["--per-query", "values.tsv", "--limit-queries", "2", "--baseline", "a"];
        let scored = heard(root, &[&["score", &given, "a", "--data", &sets][..], &options].concat(), case);
        assert!(scored.status.success(), "{}", stderr(&scored));
        for line in fs::read_to_string(root.join("values.tsv")).unwrap().lines() {
            assert_eq!(line.split('\t').count(), 6, "{line}");
            assert!(!line.starts_with(['=', '+', '-', '@']), "{line}");
        }
        heard(root, &["merge", &given, "-o", "more"], case);
        heard(root, &["plan", &format!("no{name}")], case);
        heard(root, &["embed", "a", "-q", "-o", &format!("{given}.txt")], case);
        heard(root, &["score", "a", "--data", &format!("no{name}")], case);
        heard(root, &["score", "a", "--data", "set", "--metrics", &format!("x{name}")], case);
        quiet_files(root, case);
    }
}

/// Files to plant, each with what it is.
type Plants<'a> = Vec<(&'a str, Box<dyn Fn(&Path) + 'a>)>;

#[test]
fn nothing_in_a_data_set_speaks_for_itself() {
    fn lines(path: &Path, change: impl Fn(&mut Value)) {
        let text = fs::read_to_string(path).unwrap();
        let changed = text.lines().map(|line| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            change(&mut value);
            format!("{value}\n")
        });
        fs::write(path, changed.collect::<String>()).unwrap();
    }
    let named = |name: &str| json!({"name": name, "form": "beir", "languages": {"query": "ko", "document": "en"}});
    let settings = |set: &Path, value: Value| fs::write(set.join("dataset.yaml"), value.to_string()).unwrap();
    let judged = |set: &Path, text: &str| fs::write(set.join("qrels/test.tsv"), text).unwrap();
    let plants: Plants<'_> = vec![
        ("name", Box::new(|set| settings(set, named(HOSTILE)))),
        ("name that is a formula", Box::new(|set| settings(set, named(&format!("=1+1{HOSTILE}"))))),
        (
            "languages",
            Box::new(|set| {
                settings(set, json!({"form": "beir", "languages": {"query": HOSTILE, "document": HOSTILE}}));
            }),
        ),
        ("form", Box::new(|set| settings(set, json!({"form": HOSTILE})))),
        ("key", Box::new(|set| settings(set, json!({HOSTILE: 1})))),
        ("split", Box::new(|set| settings(set, json!({"split": HOSTILE})))),
        ("files", Box::new(|set| settings(set, json!({"files": {HOSTILE: HOSTILE}})))),
        ("query's id", Box::new(|set| lines(&set.join("queries.jsonl"), |row| row["_id"] = json!(HOSTILE)))),
        (
            "document's id",
            Box::new(|set| {
                lines(&set.join("corpus.jsonl"), |row| row["_id"] = json!(format!("{}{HOSTILE}", row["_id"])));
            }),
        ),
        (
            "texts",
            Box::new(|set| {
                lines(&set.join("queries.jsonl"), |row| row["text"] = json!(HOSTILE));
                lines(&set.join("corpus.jsonl"), |row| row["title"] = json!(HOSTILE));
            }),
        ),
        ("text that is none", Box::new(|set| lines(&set.join("queries.jsonl"), |row| row["text"] = json!([HOSTILE])))),
        ("judgements", Box::new(|set| judged(set, "query-id\tcorpus-id\tscore\nx\u{1b}[2J\ty\u{202e}\t1\n"))),
        ("grade", Box::new(|set| judged(set, "query-id\tcorpus-id\tscore\nx\ty\tz\u{1b}[2J\n"))),
        (
            "name of a split",
            Box::new(|set| {
                fs::rename(set.join("qrels/test.tsv"), set.join("qrels").join(format!("{HOSTILE}.tsv"))).unwrap();
            }),
        ),
        ("broken line", Box::new(|set| fs::write(set.join("queries.jsonl"), format!("{{\"{HOSTILE}")).unwrap())),
        ("name of a file", Box::new(|set| fs::write(set.join(format!("queries-{HOSTILE}.jsonl")), "{}").unwrap())),
    ];
    for (case, plant) in plants {
        let folder = world();
        let root = folder.path();
        plant(&root.join("set"));
        copy_folder(&repository().join("fixtures/bilingual/ko-ko"), &root.join("other"));
        heard(root, &["data", "set"], case);
        heard(root, &["data", "set", "--json"], case);
        let written = ["--per-query", "values.tsv", "--mteb-json", "mteb", "--limit-queries", "2"];
        heard(root, &[&["score", "a", "--data", "set"][..], &written].concat(), case);
        heard(root, &["init", "a", "b", "--data", "set", "other", "-o", "made.yaml"], case);
        quiet_files(root, case);
        if root.join("values.tsv").exists() {
            let values = fs::read_to_string(root.join("values.tsv")).unwrap();
            assert!(values.lines().all(|line| line.split('\t').count() == 6), "{case}: {values}");
            assert!(!values.contains("\t=1+1"), "{case}: {values}");
        }
    }
}

#[test]
fn nothing_in_a_recipe_or_an_adapter_speaks_for_itself() {
    let quoted = literal(HOSTILE);
    let models = "models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: 1}}]\n";
    let recipes = [
        format!("merge_method: {quoted}\n{models}"),
        format!("{quoted}: 1\nmerge_method: linear\n{models}"),
        format!("merge_method: linear\nmodels: [{{model: {quoted}, parameters: {{weight: 1}}}}]\n"),
        format!("merge_method: linear\nmodels: [{{model: a, parameters: {{{quoted}: 1, weight: {quoted}}}}}]\n"),
        format!("merge_method: linear\ndtype: {quoted}\ntokenizer_source: {quoted}\n{models}"),
        format!("merge_method: linear\ntokenizer: {{source: union, tokens: {{{quoted}: {{source: a}}}}}}\n{models}"),
        format!("merge_method: linear\nchat_template: {quoted}\n{models}"),
        format!(
            "name: {quoted}\nmerge_method: linear\n{models}---\nmerge_method: linear\nmodels: [{{model: {quoted}}}]\n"
        ),
        format!("merge_method: passthrough\nslices: [{{sources: [{{model: {quoted}, layer_range: {quoted}}}]}}]\n"),
        format!("merge_method: linear # \u{202e}\u{2028}FORGED\u{200b}\nmodls: 1\n{models}"),
        "merge_method: linear # \u{1b}[2J\n".to_owned(),
        "merge_method: linear\rFORGED: 1\r".to_owned(),
        format!("merge_method: {}\n", "v".repeat(100_000)),
    ];
    let folder = world();
    let root = folder.path();
    for recipe in recipes {
        fs::write(root.join("odd.yaml"), &recipe).unwrap();
        for command in [["check", "odd.yaml"].as_slice(), &["check", "odd.yaml", "--json"], &["plan", "odd.yaml"]] {
            heard(root, command, &recipe);
        }
        heard(root, &["merge", "odd.yaml", "-o", "out", "--force", "--intermediates", "stages"], &recipe);
    }
    let adapter = root.join("adapter");
    fs::create_dir(&adapter).unwrap();
    fs::write(root.join("adapted.yaml"), "merge_method: passthrough\nmodels: [{model: a+adapter}]\n").unwrap();
    let layer = "base_model.model.encoder.layer.0.attention.self.query";
    let width = read_json(&root.join("a/config.json"))["hidden_size"].as_u64().unwrap() as usize;
    let sound = json!({"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["query"]});
    for key in
        ["peft_type", "r", "lora_alpha", "target_modules", "rank_pattern", "base_model_name_or_path", "bias", HOSTILE]
    {
        for value in [json!(HOSTILE), json!([HOSTILE]), json!({HOSTILE: HOSTILE})] {
            let mut config = sound.clone();
            config[key] = value;
            write_json(&adapter.join("adapter_config.json"), &config);
            for name in [layer.to_owned(), format!("{layer}{HOSTILE}")] {
                let [one, other] = ["A", "B"].map(|part| format!("{name}.lora_{part}.weight"));
                let (one, other) =
                    ((one.as_str(), Tensor::random(&[1, width], 1)), (other.as_str(), Tensor::random(&[width, 1], 2)));
                fs::write(adapter.join("adapter_model.safetensors"), safetensors(&tensors([one, other]))).unwrap();
                heard(root, &["merge", "adapted.yaml", "-o", "adapted", "--force"], key);
            }
        }
    }
    quiet_files(&root.join("adapted"), "adapter");
}

/// A sweep between two models over a data set in two directions.
fn sweep(model: &str, data: &str, store: &str) -> String {
    format!(
        "study: tiny\nrecipe:\n  merge_method: slerp\n  base_model: a\n  models: [{{model: {}}}]\n  \
         parameters: {{t: \"${{w}}\"}}\nparams: {{w: {{min: 0, max: 1, step: 0.5}}}}\ndata: {{words: {}}}\nobjectives:\n  \
         there: {{metric: ndcg@3, mean: [\"words:en-ko\"]}}\n  back: {{metric: ndcg@3, mean: [\"words:ko-en\"]}}\n\
         select: {{part: 1/2}}\nreport: {{part: 2/2}}\nstore: {}\n",
        literal(model),
        literal(data),
        literal(store)
    )
}

fn study(model: &str, data: &str, store: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (fixture, name) in [("base", "a"), ("ko-en", model)] {
        copy_folder(&repository().join("fixtures/tiny").join(fixture), &root.join(name));
    }
    fs::create_dir(root.join(data)).unwrap();
    for language in ["en", "ko"] {
        let file = repository().join("fixtures/sets/weather").join(format!("weather.{language}"));
        fs::copy(file, root.join(data).join(format!("words.{language}"))).unwrap();
    }
    fs::write(root.join("sweep.yaml"), sweep(model, data, store)).unwrap();
    let done = heard(root, &["sweep", "run", "sweep.yaml"], "sweep");
    assert!(done.status.success(), "{}", stderr(&done));
    folder
}

#[test]
fn a_study_of_odd_names_is_reported_as_what_it_is() {
    let folder = study(HOSTILE, &format!("=w{HOSTILE}"), "study");
    let root = folder.path();
    let settings = json!({"name": format!("=cmd()</script><!--<script><img src=x>{HOSTILE}")});
    fs::write(root.join(format!("=w{HOSTILE}")).join("dataset.yaml"), settings.to_string()).unwrap();
    let case = "study";
    for command in ["status", "report", "confirm"] {
        heard(root, &["sweep", command, "study"], case);
    }
    heard(root, &["sweep", "plan", "sweep.yaml"], case);
    heard(root, &["sweep", "status", "study", "--json"], case);
    heard(root, &["sweep", "report", "study", "-o", "report.html", "--svg", "figures"], case);
    for (option, file) in [("--csv", "t.csv"), ("--per-query", "q.csv"), ("--json", "t.json"), ("--optuna", "t.log")] {
        heard(root, &["sweep", "export", "study", option, "-"], case);
        heard(root, &["sweep", "export", "study", option, file], case);
    }
    for file in ["t.csv", "q.csv"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        quiet(&text, file);
        let columns = text.lines().next().unwrap().split(',').count();
        assert!(text.lines().all(|line| line.split(',').count() == columns), "{text}");
        let formula = |cell: &str| cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
        assert!(!text.split([',', '\n']).any(formula), "{text}");
    }
    assert_eq!(read_json(&root.join("t.json"))["models"][1]["path"], json!(HOSTILE));
    let page = fs::read_to_string(root.join("report.html")).unwrap();
    let hidden = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t');
    assert!(!page.contains(hidden) && !page.contains("<img") && page.matches("<script").count() == 2);
    for (path, bytes) in snapshot(&root.join("figures")) {
        let figure = String::from_utf8(bytes).unwrap();
        assert!(
            !figure.contains(hidden) && !figure.contains("<img") && !figure.contains("<script"),
            "{}",
            path.display()
        );
    }
    // From another folder, models are named by where they are.
    fs::create_dir(root.join("elsewhere")).unwrap();
    let picked = heard(&root.join("elsewhere"), &["sweep", "pick", "../study", "--max", "there"], case);
    let recipe: BTreeMap<String, Value> = serde_yaml::from_slice(&picked.stdout).unwrap();
    let place = fs::canonicalize(root).unwrap().join(HOSTILE);
    assert_eq!(recipe.keys().collect::<Vec<_>>(), ["base_model", "merge_method", "models", "parameters"]);
    let found = PathBuf::from(recipe["models"][0]["model"].as_str().unwrap());
    assert_eq!(fs::canonicalize(found).unwrap(), place);
    let script = heard(root, &["sweep", "slurm", "study", "--workers", "2"], case);
    assert!(script.status.success(), "{}", stderr(&script));
    fs::rename(root.join("study"), root.join(HOSTILE).join(HOSTILE)).unwrap();
    let moved = format!("{HOSTILE}/{HOSTILE}");
    let refused = heard(root, &["sweep", "slurm", &moved, "--workers", "2"], case);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
}

#[test]
fn nothing_in_a_studys_records_speaks_for_itself() {
    let folder = study("b", "words", "study");
    let root = folder.path();
    let records: Vec<PathBuf> = snapshot(&root.join("study"))
        .into_keys()
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for path in records.iter().filter(|path| seen.insert(path.parent())) {
        let sound = read_json(path);
        let mut places = Vec::new();
        texts(&sound, "", &mut places);
        for place in places {
            // A recipe is printed as it is written.
            if place.ends_with("/recipe/text") {
                continue;
            }
            let mut record = sound.clone();
            let text = record.pointer_mut(&place).unwrap();
            *text = json!(format!("{}{HOSTILE}", text.as_str().unwrap()));
            write_json(path, &record);
            let case = format!("{} {place}", path.display());
            for command in [["status"].as_slice(), &["report"], &["export", "--csv", "-"], &["pick", "--max", "there"]]
            {
                let mut arguments = vec!["sweep", command[0], "study"];
                arguments.extend(&command[1..]);
                heard(root, &arguments, &case);
            }
        }
        write_json(path, &sound);
    }
}

/// The places of all texts, at most two of a list.
fn texts(value: &Value, at: &str, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(at.to_owned()),
        Value::Array(list) => {
            list.iter().take(2).enumerate().for_each(|(nth, entry)| texts(entry, &format!("{at}/{nth}"), places));
        }
        Value::Object(map) => map.iter().for_each(|(key, entry)| texts(entry, &format!("{at}/{key}"), places)),
        _ => {}
    }
}
