//! The command line: variables, stdin, paths, summaries.

use std::fs;

use serde_json::{Value, json};

use super::support::{admix, encoder, pair, program, read_tensors, repository, retrievers, run, stderr, stdout_json};

fn weights(folder: &std::path::Path, out: &str) -> Vec<u8> {
    fs::read(folder.join(out).join("model.safetensors")).unwrap()
}

#[test]
fn variables_are_filled_in() {
    let folder = pair();
    let text = super::support::LINEAR.replacen("0.5", "${left}", 1).replacen("model: b", "model: ${other}", 1);
    fs::write(folder.path().join("variables.yaml"), text).unwrap();
    run(folder.path(), &["merge", "variables.yaml", "-q", "-o", "out", "--set", "left=0.25", "--set", "other=b"]);
    fs::write(folder.path().join("plain.yaml"), super::support::LINEAR.replacen("0.5", "0.25", 1)).unwrap();
    run(folder.path(), &["merge", "plain.yaml", "-q", "-o", "plain"]);
    assert!(weights(folder.path(), "out") == weights(folder.path(), "plain"));
    let twice = ["merge", "variables.yaml", "-o", "twice", "--set", "left=1", "--set", "left=2", "--set", "other=b"];
    let refused = admix(folder.path()).args(twice).assert().code(2);
    assert!(stderr(refused.get_output()).contains("`--set left=…` is given twice"));
    let said = run(folder.path(), &["merge", "plain.yaml", "-o", "more", "--set", "left=1"]);
    assert!(stderr(&said).contains("warning: the variable `left`"), "{}", stderr(&said));
}

#[test]
fn a_recipe_may_come_from_stdin() {
    let folder = pair();
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "file"]);
    admix(folder.path()).args(["merge", "-", "-q", "-o", "out"]).write_stdin(super::support::LINEAR).assert().success();
    assert!(weights(folder.path(), "out") == weights(folder.path(), "file"));
    let refused =
        admix(folder.path()).args(["merge", "-", "-o", "no"]).write_stdin("merge_method: [\n").assert().code(2);
    assert!(stderr(refused.get_output()).contains("<stdin>:"), "{}", stderr(refused.get_output()));
}

#[test]
fn paths_are_looked_up_here_and_then_beside_the_recipe() {
    let folder = pair();
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    run(&here, &["merge", "../recipe.yaml", "-q", "-o", "out"]);
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    assert!(weights(&here, "out") == weights(folder.path(), "out"));
    // What is here comes first.
    super::support::write_model(&here.join("a"), &encoder(9));
    run(&here, &["merge", "../recipe.yaml", "-q", "-o", "other"]);
    assert!(weights(&here, "other") != weights(folder.path(), "out"));
}

#[test]
fn a_tilde_is_the_home_folder() {
    let folder = pair();
    let text = super::support::LINEAR.replacen("model: a", "model: ~/a", 1).replacen("model: b", "model: ~/b", 1);
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    fs::write(here.join("home.yaml"), text).unwrap();
    for (arguments, out) in [(vec!["merge", "home.yaml"], "recipe"), (vec!["blend", "~/a=0.5", "~/b=0.5"], "blend")] {
        admix(&here).args(arguments).args(["-q", "-o", out]).env("HOME", folder.path()).assert().success();
    }
    assert!(weights(&here, "recipe") == weights(&here, "blend"));
}

#[test]
fn a_misspelt_path_has_a_suggestion() {
    let folder = pair();
    fs::create_dir_all(folder.path().join("sets/ko-en")).unwrap();
    fs::rename(folder.path().join("a"), folder.path().join("korean")).unwrap();
    for (arguments, hint) in [
        (&["merge", "recipee.yaml", "-o", "out"][..], "hint: did you mean `recipe.yaml`?"),
        (&["blend", "korea=0.5", "b=0.5", "-o", "out"], "hint: did you mean `korean`?"),
        (&["inspect", "koraen"], "hint: did you mean `korean`?"),
        (&["data", "sest/ko-en"], "hint: did you mean `sets/ko-en`?"),
    ] {
        let output = admix(folder.path()).args(arguments).output().unwrap();
        let said = stderr(&output);
        assert!(said.contains(hint), "{arguments:?}: {said}");
    }
}

#[cfg(not(feature = "hub"))]
#[test]
fn a_build_without_downloads_says_how_to_get_them() {
    let folder = pair();
    for arguments in [&["fetch", "org/model"][..], &["fetch", "--help"]] {
        let refused = admix(folder.path()).args(arguments).assert().code(2);
        let said = stderr(refused.get_output());
        assert!(said.contains("built without the feature `hub`") && said.contains("--features hub"), "{said}");
    }
    assert!(
        stderr(admix(folder.path()).args(["fetch", "org/model"]).assert().get_output())
            .contains("hf download org/model")
    );
}

#[test]
fn blend_is_the_recipe_it_prints() {
    let folder = pair();
    for (name, arguments) in [
        ("linear", &["a=0.4", "b=0.6"][..]),
        ("equal", &["a", "b"]),
        ("slerp", &["a=0.4", "b=0.6", "--method", "slerp"]),
        ("ties", &["b=0.8", "--method", "ties", "--base", "a", "--param", "density=0.3"]),
        ("task", &["b=-0.5", "--method", "task_arithmetic", "--base", "a"]),
    ] {
        let printed = run(folder.path(), &[&["blend", "--print-recipe"], arguments].concat()).stdout;
        assert!(!folder.path().join("out").exists());
        let recipe = format!("{name}.yaml");
        fs::write(folder.path().join(&recipe), printed).unwrap();
        run(folder.path(), &["merge", &recipe, "-q", "-o", name]);
        let blend = format!("blend-{name}");
        run(folder.path(), &[&["blend", "-q", "-o", &blend], arguments].concat());
        assert!(weights(folder.path(), name) == weights(folder.path(), &blend), "{name}");
    }
    // Weights of slerp are a share: 0.4 and 0.6 is t = 0.6.
    let slerp = fs::read_to_string(folder.path().join("slerp.yaml")).unwrap();
    assert!(slerp.contains("base_model: a") && slerp.contains("t: 0.6\n"), "{slerp}");
}

#[test]
fn blend_takes_folders_of_any_name() {
    let folder = pair();
    for (index, name) in ["with space", "a=b", "it's", "v1.0+ko@main", "한국어", "x: #y"].into_iter().enumerate() {
        fs::rename(folder.path().join("a"), folder.path().join(name)).unwrap();
        let out = format!("out-{index}");
        run(folder.path(), &["blend", name, "b=0.5", "-q", "-o", &out]);
        fs::rename(folder.path().join(name), folder.path().join("a")).unwrap();
        assert!(weights(folder.path(), &out) == weights(folder.path(), "out-0"), "{name}");
    }
}

#[test]
fn a_folder_that_looks_like_a_variable_is_a_folder() {
    let folder = pair();
    fs::rename(folder.path().join("a"), folder.path().join("${x}")).unwrap();
    run(folder.path(), &["blend", "${x}", "b=0.5", "-q", "-o", "out"]);
}

#[test]
fn plan_counts_and_writes_nothing() {
    let folder = retrievers("tiny-dense");
    let before = super::support::snapshot(folder.path());
    let plan = stdout_json(&run(folder.path(), &["plan", "recipe.yaml", "--json"]));
    assert!(super::support::snapshot(folder.path()) == before);
    let main = read_tensors(&folder.path().join("a/model.safetensors"));
    let dense = read_tensors(&folder.path().join("a/2_Dense/model.safetensors"));
    let bytes: usize = main.values().chain(dense.values()).map(|tensor| tensor.bytes.len()).sum();
    assert_eq!(plan["method"], json!("linear"));
    assert_eq!(plan["tensors"], json!(main.len() + dense.len()));
    assert_eq!(plan["parameters"], json!(bytes / 4));
    assert_eq!(plan["bytes_read"], json!(2 * bytes));
    assert_eq!(plan["files"].as_array().unwrap().len(), 2);
    let count: u64 = plan["groups"].as_array().unwrap().iter().map(|group| group["count"].as_u64().unwrap()).sum();
    assert_eq!(json!(count), plan["tensors"]);
    assert!(plan["memory"].as_u64().unwrap() < 64_000_000);
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    let size = |file: &str| fs::metadata(folder.path().join("out").join(file)).unwrap().len();
    assert_eq!(plan["bytes_written"], json!(size("model.safetensors") + size("2_Dense/model.safetensors")));
    let text = String::from_utf8(run(folder.path(), &["plan", "recipe.yaml"]).stdout).unwrap();
    assert!(text.contains("encoder.layer.{}.attention.self.query.weight"), "{text}");
}

#[test]
fn inspect_counts_what_is_there() {
    let folder = retrievers("tiny-dense");
    let found = stdout_json(&run(folder.path(), &["inspect", "a", "--json"]));
    let main = read_tensors(&folder.path().join("a/model.safetensors"));
    let dense = read_tensors(&folder.path().join("a/2_Dense/model.safetensors"));
    let bytes: usize = main.values().chain(dense.values()).map(|tensor| tensor.bytes.len()).sum();
    assert_eq!((&found["parameters"], &found["bytes"]), (&json!(bytes / 4), &json!(bytes)));
    assert_eq!((&found["architecture"], &found["layers"]), (&json!("xlm-roberta"), &json!(3)));
    assert_eq!((&found["pooling"], &found["normalize"]), (&json!("mean"), &json!(true)));
    assert_eq!(found["prompts"], json!({"document": "passage: ", "query": "query: "}));
    let tensors: u64 = found["groups"].as_array().unwrap().iter().map(|group| group["tensors"].as_u64().unwrap()).sum();
    assert_eq!(tensors, (main.len() + dense.len()) as u64);
}

#[test]
fn inspect_compares_two_folders() {
    let folder = retrievers("tiny");
    let groups = |arguments: &[&str]| -> Vec<Value> {
        stdout_json(&run(folder.path(), arguments))["groups"].as_array().unwrap().clone()
    };
    for group in groups(&["inspect", "a", "a", "--json"]) {
        // A tensor of zeros has no norm to be relative to.
        assert!(group["relative_norm"] == json!(0.0) || group["relative_norm"].is_null(), "{group}");
        assert_eq!(group["equal_share"], json!(1.0), "{group}");
    }
    let found = groups(&["inspect", "a", "b", "--json", "--by", "tensor"]);
    let (a, b) = (
        read_tensors(&folder.path().join("a/model.safetensors")),
        read_tensors(&folder.path().join("b/model.safetensors")),
    );
    assert_eq!(found.len(), a.len() + 1);
    for (name, tensor) in &a {
        let (x, y) = (tensor.values(), b[name].values());
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let delta: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - x).collect();
        let group = found.iter().find(|group| group["name"] == json!(name)).unwrap_or_else(|| panic!("{name}"));
        let close = |key: &str, expected: f64| {
            let found = group[key].as_f64();
            let both_none = found.is_none() && !expected.is_finite();
            assert!(
                both_none || (found.unwrap() - expected).abs() < 1e-6,
                "{name}: {key} is {found:?}, not {expected}"
            );
        };
        close("cosine", dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt());
        close("relative_norm", (dot(&delta, &delta) / dot(&x, &x)).sqrt());
        close("equal_share", delta.iter().filter(|d| **d == 0.0).count() as f64 / x.len() as f64);
    }
}

#[test]
fn a_merge_says_what_it_did() {
    let folder = pair();
    let output = run(folder.path(), &["merge", "recipe.yaml", "-o", "out", "--json"]);
    let summary = stdout_json(&output);
    assert_eq!((&summary["method"], &summary["tensors"]), (&json!("linear"), &json!(5)));
    assert_eq!((&summary["models"], &summary["files"]), (&json!(["a", "b"]), &json!(["model.safetensors"])));
    assert_eq!((&summary["parameters"], &summary["dtype"]), (&json!(72), &json!("float32")));
    assert_eq!((&summary["bytes_read"], &summary["warnings"]), (&json!(576), &json!([])));
    assert_eq!(
        summary["bytes_written"],
        json!(fs::metadata(folder.path().join("out/model.safetensors")).unwrap().len())
    );
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
    let said = stderr(&output);
    assert!(said.starts_with("merged 5 tensors, ") && said.trim_end().ends_with("/s) to out"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn quiet_says_nothing() {
    let folder = pair();
    let text = format!(
        "{}int8_mask: true\nparameters: {{normalize: [{{filter: nowhere, value: true}}]}}\n",
        super::support::LINEAR
    );
    fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    let output = run(folder.path(), &["merge", "recipe.yaml", "-o", "loud"]);
    assert_eq!(stderr(&output).matches("warning: ").count(), 2, "{}", stderr(&output));
    let output = run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn completions_and_man_pages_know_the_commands() {
    let folder = pair();
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(run(folder.path(), &["generate", "completions", shell]).stdout).unwrap();
        assert!(script.contains("admix") && script.contains("inspect") && script.contains("print-recipe"), "{shell}");
    }
    let page = String::from_utf8(run(folder.path(), &["generate", "man"]).stdout).unwrap();
    assert!(page.starts_with(".ie") && page.contains("admix"), "{page}");
    run(folder.path(), &["generate", "man", "-o", "man"]);
    let pages = super::support::names(&folder.path().join("man"));
    assert!(pages.contains(&"admix.1".to_owned()) && pages.contains(&"admix-merge.1".to_owned()), "{pages:?}");
}

/// The words of a command line of an example: up to what the shell does, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let end = [" | ", " && ", " > ", " < ", "   "].iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line[..end].trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn every_help_has_examples_that_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let mut left: Vec<Vec<String>> = vec![Vec::new()];
    let mut examples = 0;
    while let Some(command) = left.pop() {
        let name = format!("admix {}", command.join(" "));
        let output = admix(folder.path()).args(&command).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        let subcommands = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for word in subcommands.map(|line| line.split_whitespace().next().unwrap()).filter(|word| *word != "help") {
            left.push([command.as_slice(), &[word.to_owned()]].concat());
        }
        let (_, after) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        let lines: Vec<&str> = after.lines().take_while(|line| line.starts_with("  ")).collect();
        assert!(!lines.is_empty(), "{name} has no examples");
        for line in lines {
            let words = words(line);
            assert!(words[0] == "admix" && words.len() > command.len(), "{line}");
            assert!(words[1..].starts_with(&command) || command.is_empty(), "{name}: {line}");
            examples += 1;
            // What the network would be asked for is not tried.
            if words[1] == "fetch" {
                continue;
            }
            let mut program = admix(folder.path());
            program.env("HF_HUB_CACHE", folder.path().join("cache")).args(&words[1..]).write_stdin("");
            let output = program.output().unwrap();
            let said = stderr(&output);
            // Nothing that the examples name is here; the arguments must be those of the command.
            assert!(!said.contains("Usage: admix") && !said.contains("try '--help'"), "{line}: {said}");
            assert!(!said.contains("panicked"), "{line}: {said}");
        }
    }
    assert!(examples > 60, "{examples}");
}

#[test]
fn help_names_every_command_and_exit_code() {
    let folder = pair();
    let help = String::from_utf8(run(folder.path(), &["--help"]).stdout).unwrap();
    for word in
        ["merge", "blend", "plan", "inspect", "data", "metrics", "3 checkpoint or data set refused", "130 interrupted"]
    {
        assert!(help.contains(word), "{help}");
    }
    let version = String::from_utf8(run(folder.path(), &["--version"]).stdout).unwrap();
    assert_eq!(version, format!("admix {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_stdout_is_named_by_every_command_that_prints() {
    let folder = retrievers("tiny");
    let rankings = repository().join("fixtures/rankings");
    let (qrels, before) = (rankings.join("qrels.txt"), rankings.join("before.txt"));
    let weather = repository().join("fixtures/sets/weather");
    let (qrels, before, weather) = (qrels.to_str().unwrap(), before.to_str().unwrap(), weather.to_str().unwrap());
    let commands: [&[&str]; 13] = [
        &["check", "recipe.yaml"],
        &["check", "recipe.yaml", "--json"],
        &["plan", "recipe.yaml"],
        &["plan", "recipe.yaml", "--json"],
        &["merge", "recipe.yaml", "-o", "out", "--force", "--json", "--quiet"],
        &["inspect", "a"],
        &["methods"],
        &["schema", "recipe"],
        &["data", weather],
        &["metrics", qrels, before],
        &["score", "a", "--data", weather, "--quiet"],
        &["generate", "completions", "bash"],
        &["--help"],
    ];
    for arguments in commands {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = std::process::Command::new(program());
        let output = command.current_dir(folder.path()).args(arguments).stdout(full).output().unwrap();
        let said = stderr(&output);
        assert!(said.contains("cannot write to stdout"), "{arguments:?}: {said}");
        assert!(!output.status.success() && !said.contains("panicked"), "{arguments:?}: {said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_recipe_may_come_through_a_pipe_of_the_shell_and_no_other_pipe_is_waited_for() {
    let folder = pair();
    let shell = |line: &str| {
        let mut command = std::process::Command::new("bash");
        command.args(["-c", line]).current_dir(folder.path()).env("ADMIX", program()).output().unwrap()
    };
    for line in [
        "\"$ADMIX\" merge <(cat recipe.yaml) -o out --force --quiet",
        "\"$ADMIX\" check <(cat recipe.yaml)",
        "cat recipe.yaml | \"$ADMIX\" plan /dev/stdin",
    ] {
        let output = shell(line);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }
    let output = shell("mkfifo pipe && \"$ADMIX\" merge pipe -o other");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("a named pipe, expected a regular file"), "{}", stderr(&output));
    let output = shell("\"$ADMIX\" metrics pipe pipe");
    assert!(stderr(&output).contains("a named pipe, expected a regular file"), "{}", stderr(&output));
}

#[test]
fn recipes_and_sweep_files_may_be_json_on_one_line() {
    let folder = retrievers("tiny");
    let recipe = |weight: Value| {
        json!({
            "merge_method": "linear",
            "models": [
                {"model": "a", "parameters": {"weight": 1}},
                {"model": "b", "parameters": {"weight": weight}},
            ],
        })
    };
    let set = |name: &str| repository().join("fixtures/bilingual").join(name);
    let sweep = |weight: Value| {
        json!({
            "recipe": recipe(weight),
            "params": {"w": {"min": 0, "max": 1, "step": 0.5}},
            "data": {"ko-ko": {"path": set("ko-ko")}, "en-en": {"path": set("en-en")}},
            "objectives": {
                "ko": {"metric": "ndcg@10", "mean": ["ko-ko"]},
                "en": {"metric": "ndcg@10", "mean": ["en-en"]},
            },
            "select": {"split": "dev"},
            "report": {"split": "test"},
            "store": "study",
        })
    };
    fs::write(folder.path().join("r.json"), recipe(json!(0.5)).to_string()).unwrap();
    fs::write(folder.path().join("s.json"), sweep(json!("${w}")).to_string()).unwrap();
    for file in ["r.json", "s.json"] {
        let output = admix(folder.path()).args(["check", file]).output().unwrap();
        assert!(output.status.success(), "{file}: {}", stderr(&output));
    }
    // The place of a mistake in the recipe is that in the file.
    let text = sweep(json!("${w}")).to_string().replace("merge_method", "merge_methud");
    fs::write(folder.path().join("s.json"), &text).unwrap();
    let output = admix(folder.path()).args(["check", "s.json", "--json"]).output().unwrap();
    let column = text.find("\"merge_methud").unwrap() + 1;
    let found = stdout_json(&output);
    assert!(found.as_array().unwrap().iter().any(|found| found["column"] == column), "{column}: {found}");
}

#[test]
fn a_map_of_very_many_unknown_keys_is_a_mistake_as_a_whole() {
    let folder = pair();
    let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    let keys = (0..20_000).map(|number| format!("k{number}: 1\n")).collect::<Vec<_>>().concat();
    fs::write(folder.path().join("many.yaml"), recipe + &keys).unwrap();
    let output = admix(folder.path()).args(["check", "many.yaml", "--json"]).output().unwrap();
    let found = stdout_json(&output);
    let lines: Vec<u64> = found.as_array().unwrap().iter().filter_map(|found| found["line"].as_u64()).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(2), 50));
    assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "{lines:?}");
}
