//! The library as a Rust program uses it: the examples run on the bundled models, and nothing of the command line is in it.

use std::process::Command;

use super::support::repository;

#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#[path = "../../examples/merge.rs"]
mod merge;
#[cfg(feature = "eval")]
#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#[path = "../../examples/score.rs"]
mod score;
#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#[path = "../../examples/sink.rs"]
mod sink;
#[cfg(feature = "eval")]
#[expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#[path = "../../examples/sweep.rs"]
mod sweep;

#[test]
fn the_merge_example_writes_three_models_and_says_what_is_wrong() {
    let out = tempfile::tempdir().unwrap();
    let said = merge::run(&repository().join("fixtures"), out.path()).unwrap();
    for name in ["linear", "ties", "slerp"] {
        assert!(out.path().join(name).join("model.safetensors").is_file(), "{name}");
    }
    assert!(!out.path().join("never").exists());
    assert_eq!(said[3], "unknown key `dtyp` in the recipe (did you mean `dtype`?)");
    assert_eq!(said[4], "interrupted");
}

#[test]
fn the_sink_example_gets_every_byte() {
    let said = sink::run(&repository().join("fixtures")).unwrap();
    assert_eq!(said.len(), 4);
    assert!(said[1].contains("word_embeddings"), "{said:?}");
}

#[cfg(feature = "eval")]
#[test]
fn the_score_example_finds_that_the_fine_tune_is_better() {
    let said = score::run(&repository().join("fixtures")).unwrap();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].contains(": +"), "{said:?}");
}

#[cfg(feature = "eval")]
#[test]
fn the_sweep_example_merges_at_the_best_ratio() {
    let out = tempfile::tempdir().unwrap();
    let said = sweep::run(&repository().join("fixtures"), out.path()).unwrap();
    assert_eq!(said[0], "5 trials");
    assert!(out.path().join("merged/model.safetensors").is_file(), "{said:?}");
}

#[test]
fn a_built_merge_has_the_bytes_of_its_recipe_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = |name: &str| repository().join("fixtures/retrievers").join(name);
    let merge = admix::Merge::ties(model("base"), [(model("mono-ko"), 0.6), (model("mono-en"), 0.4)]).density(0.3);
    merge.write(folder.path().join("built")).unwrap();
    let text = format!(
        "merge_method: ties\nbase_model: {0}/base\nmodels:\n- {{model: {0}/mono-ko, parameters: {{weight: 0.6}}}}\n- \
         {{model: {0}/mono-en, parameters: {{weight: 0.4}}}}\nparameters: {{density: 0.3}}\n",
        repository().join("fixtures/retrievers").display()
    );
    std::fs::write(folder.path().join("recipe.yaml"), text).unwrap();
    admix::Merge::recipe(folder.path().join("recipe.yaml")).write(folder.path().join("read")).unwrap();
    let weights = |name: &str| std::fs::read(folder.path().join(name).join("model.safetensors")).unwrap();
    assert!(weights("built") == weights("read"));
}

#[test]
fn a_library_that_scores_does_not_depend_on_the_command_line() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository()).args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none"]);
    let output = cargo.args(["--no-default-features", "--features", "eval"]).output().unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("\ncandle-core v"), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["clap", "anyhow", "indicatif", "annotate-snippets", "signal-hook"] {
        assert!(!tree.contains(&format!("\n{name} v")), "{name}");
    }
}

#[test]
fn every_error_of_the_library_has_a_hint_a_place_and_an_exit_class() {
    let mut without = Vec::new();
    let mut folders = vec![repository().join("src")];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            for (at, _) in text.match_indices("thiserror::Error)]") {
                // What stays inside of a module is turned into one of the module's errors.
                let Some(declared) = text[at..].lines().find(|line| line.starts_with("pub ")) else { continue };
                let name = declared.split(['{', ' ']).rfind(|word| word.starts_with(char::is_uppercase)).unwrap();
                found += 1;
                let implementation = format!("impl Diagnose for {name} {{");
                let beside = std::fs::read_to_string(entry.with_file_name("diagnose.rs")).unwrap_or_default();
                // The reader of YAML stands below the trait.
                if ![&text, &beside].iter().any(|text| text.contains(&implementation))
                    && !entry.ends_with("yaml/error.rs")
                {
                    without.push(format!("{}: {name}", entry.display()));
                }
            }
        }
    }
    assert!(found > 15 && without.is_empty(), "{}", without.join("\n"));
}
