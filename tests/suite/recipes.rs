//! Every recipe in `recipes/` merges the bundled fixtures.

use std::fs;
use std::path::PathBuf;

use super::support::{read_tensors, repository, run};

#[test]
fn every_recipe_merges_from_the_repository() {
    let out = tempfile::tempdir().unwrap();
    let mut recipes: Vec<PathBuf> =
        fs::read_dir(repository().join("recipes")).unwrap().map(|entry| entry.unwrap().path()).collect();
    recipes.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    assert!(!recipes.is_empty());
    for recipe in recipes {
        let relative = recipe.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned();
        let target = out.path().join(recipe.file_stem().unwrap());
        let text = fs::read_to_string(&recipe).unwrap();
        if text.lines().any(|line| line.starts_with("study:")) {
            #[cfg(feature = "eval")]
            run(&repository(), &["sweep", "run", &relative, "-q", "--store", target.to_str().unwrap()]);
            continue;
        }
        if cfg!(not(feature = "eval")) && text.contains("texts:") {
            continue;
        }
        let variables = variables(&text);
        let mut arguments = vec!["merge", &relative, "--no-sync", "-o", target.to_str().unwrap()];
        arguments.extend(variables.iter().flat_map(|assignment| ["--set", assignment.as_str()]));
        let output = run(&repository(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("warning"), "{relative}: {said}");
        assert!(!read_tensors(&target.join("model.safetensors")).is_empty(), "{relative}");
        assert!(target.join("tokenizer.json").is_file(), "{relative}");
    }
}

/// The values that a recipe's comments give its variables: `--set name=value`.
fn variables(text: &str) -> Vec<String> {
    let comments = text.lines().filter_map(|line| line.split_once('#')).map(|(_, comment)| comment);
    let values = comments.flat_map(|comment| comment.split("--set ").skip(1).map(str::to_owned).collect::<Vec<_>>());
    let mut found: Vec<String> = Vec::new();
    for value in values {
        let assignment: String = value.chars().take_while(|c| !c.is_whitespace() && !"`'\",;)".contains(*c)).collect();
        let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
        if assignment.contains('=') && found.iter().all(|known| name(known) != name(&assignment)) {
            found.push(assignment);
        }
    }
    found
}
