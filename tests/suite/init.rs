//! `admix init`: a recipe and a sweep file that the other commands take.

use std::fs;

use super::support::{admix, copy_folder, encoder, pair, repository, run, stderr, write_model};

fn bundled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base", "cross-ko-en", "cross-en-ko"] {
        copy_folder(&repository().join("fixtures/retrievers").join(name), &folder.path().join(name));
    }
    for name in ["ko-ko", "ko-en"] {
        copy_folder(&repository().join("fixtures/bilingual").join(name), &folder.path().join("sets").join(name));
    }
    folder
}

#[test]
fn two_models_get_a_recipe_that_merges_and_a_sweep_file_to_fill_in() {
    let folder = pair();
    fs::remove_file(folder.path().join("recipe.yaml")).unwrap();
    run(folder.path(), &["init", "a", "b"]);
    let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    assert!(recipe.starts_with("# yaml-language-server: $schema=.admix/recipe.schema.json\n"), "{recipe}");
    assert!(recipe.contains("merge_method: slerp\n"), "{recipe}");
    assert!(folder.path().join(".admix/recipe.schema.json").is_file());
    run(folder.path(), &["check", "recipe.yaml"]);
    run(folder.path(), &["merge", "recipe.yaml", "-o", "out"]);
    let output = admix(folder.path()).args(["check", "sweep.yaml"]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no folder `FILL-IN/first`") && said.contains("`FILL-IN/second`"), "{said}");
    assert_eq!(said.matches("error: ").count(), 2, "{said}");
}

#[test]
fn the_base_is_found_by_distance_and_what_is_there_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let base = encoder(1);
    write_model(&folder.path().join("base"), &base);
    for (name, seed) in [("x", 5), ("y", 9)] {
        let mut tuned = base.clone();
        for (tensor, noise) in tuned.values_mut().zip(encoder(seed).values()) {
            let values: Vec<f64> = tensor.values().iter().zip(noise.values()).map(|(a, b)| a + 0.05 * b).collect();
            *tensor = super::support::Tensor::floats(safetensors::Dtype::F32, &tensor.shape, values);
        }
        write_model(&folder.path().join(name), &tuned);
    }
    run(folder.path(), &["init", "x", "base", "y"]);
    let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    assert!(recipe.contains("merge_method: task_arithmetic\n") && recipe.contains("base_model: base\n"), "{recipe}");
    let output = admix(folder.path()).args(["init", "x", "y"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`recipe.yaml` exists") && stderr(&output).contains("--force"));
    assert_eq!(fs::read_to_string(folder.path().join("recipe.yaml")).unwrap(), recipe);
}

#[test]
fn of_two_models_the_one_that_is_called_so_is_the_base() {
    for (models, base) in [(["a", "base"], "base"), (["e5-ko-en", "e5"], "e5"), (["pretrained", "tuned"], "pretrained")]
    {
        let folder = tempfile::tempdir().unwrap();
        for (name, seed) in models.iter().zip(1..) {
            write_model(&folder.path().join(name), &encoder(seed));
        }
        run(folder.path(), &["init", models[0], models[1]]);
        let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
        let expected = format!("merge_method: task_arithmetic\n# The base: by its name.\nbase_model: {base}\n");
        assert!(recipe.contains(&expected), "{recipe}");
    }
}

#[test]
fn every_method_has_a_recipe_that_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("base", 1), ("x", 2), ("y", 3)] {
        write_model(&folder.path().join(name), &encoder(seed));
    }
    for method in admix::method::METHODS {
        let (needs_texts, method) = (method.needs_texts(), method.name);
        if needs_texts {
            let output = admix(folder.path()).args(["init", "--method", method, "--force", "x", "y"]).output().unwrap();
            assert!(output.status.code() == Some(2) && stderr(&output).contains("needs texts"), "{}", stderr(&output));
            continue;
        }
        let mut done = false;
        for models in [&["x", "y", "--base", "base"][..], &["x", "y"], &["x", "--base", "base"], &["x"]] {
            let arguments = [&["init", "--method", method, "--force"], models].concat();
            let output = admix(folder.path()).args(&arguments).output().unwrap();
            if output.status.success() {
                let said = stderr(&run(folder.path(), &["check", "recipe.yaml"]));
                assert!(said.is_empty(), "{method}: {said}");
                run(folder.path(), &["merge", "recipe.yaml", "-o", "out", "--force"]);
                done = true;
            }
        }
        assert!(done, "{method}");
    }
}

#[test]
fn models_that_disagree_get_comments_that_say_what_to_do() {
    let folder = super::support::retrievers("tiny");
    fs::remove_file(folder.path().join("recipe.yaml")).unwrap();
    super::support::edit_json(&folder.path().join("b/1_Pooling/config.json"), |config| {
        config["pooling_mode_cls_token"] = true.into();
        config["pooling_mode_mean_tokens"] = false.into();
    });
    run(folder.path(), &["init", "a", "b"]);
    let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    assert!(recipe.contains("# The models disagree on pooling mode: a has mean, b has cls.\n"), "{recipe}");
    assert!(recipe.contains("# `--allow pooling` merges them"), "{recipe}");
    run(folder.path(), &["merge", "recipe.yaml", "-o", "out", "--allow", "pooling"]);
}

#[cfg(feature = "eval")]
#[test]
fn a_sweep_over_known_data_sets_runs() {
    let folder = bundled();
    let arguments = ["init", "base", "cross-ko-en", "--base", "base", "--data", "sets/ko-ko", "sets/ko-en"];
    run(folder.path(), &arguments);
    run(folder.path(), &["check", "recipe.yaml", "sweep.yaml"]);
    let sweep = fs::read_to_string(folder.path().join("sweep.yaml")).unwrap();
    assert!(sweep.contains("  ko-ko: {metric: ndcg@10, mean: [ko-ko]}"), "{sweep}");
    assert!(sweep.contains("  ko-en: {metric: ndcg@10, mean: [ko-en]}"), "{sweep}");
    assert!(sweep.contains("select: {split: dev}"), "{sweep}");
    // Fewer points do as well.
    fs::write(folder.path().join("sweep.yaml"), sweep.replace("step: 0.1", "step: 0.2")).unwrap();
    run(folder.path(), &["sweep", "run", "sweep.yaml", "-q"]);
}

#[test]
fn who_types_only_what_comes_next_gets_a_merged_folder() {
    let folder = bundled();
    let mut words: Vec<String> =
        ["init", "base", "cross-ko-en", "--data", "sets/ko-ko", "sets/ko-en"].map(str::to_owned).to_vec();
    let mut typed = Vec::new();
    while typed.len() < 8 {
        let output = run(folder.path(), &words.iter().map(String::as_str).collect::<Vec<_>>());
        typed.push(words.iter().take_while(|word| word.chars().all(char::is_alphabetic)).cloned().collect::<Vec<_>>());
        if words[0] == "init" {
            let sweep = fs::read_to_string(folder.path().join("sweep.yaml")).unwrap();
            fs::write(folder.path().join("sweep.yaml"), sweep.replace("step: 0.1", "step: 0.2")).unwrap();
        }
        let said = stderr(&output) + &String::from_utf8(output.stdout).unwrap();
        let Some(next) = said.lines().rev().find_map(|line| line.strip_prefix("next: admix ")) else { break };
        words = next.split(' ').map(str::to_owned).collect();
    }
    let typed: Vec<String> = typed.into_iter().map(|words| words.join(" ")).collect();
    assert_eq!(typed[1..], ["sweep run", "sweep confirm", "sweep pick"], "{typed:?}");
    assert!(folder.path().join("merged/trade-off.svg").is_file());
    let scores = ["score", "merged", "--baseline", "base", "--data", "sets/ko-ko", "-m", "ndcg@10", "--json"];
    let found = super::support::stdout_json(&run(folder.path(), &scores));
    assert!(found.is_object() && folder.path().join("picked.yaml").is_file());
}

#[test]
fn a_base_that_one_model_left_far_and_another_hardly_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let base = encoder(1);
    write_model(&folder.path().join("base"), &base);
    for (name, seed, far) in [("x", 6, 0.1), ("y", 13, 0.04)] {
        let mut tuned = base.clone();
        for (tensor, noise) in tuned.values_mut().zip(encoder(seed).values()) {
            let values: Vec<f64> = tensor.values().iter().zip(noise.values()).map(|(a, b)| a + far * b).collect();
            *tensor = super::support::Tensor::floats(safetensors::Dtype::F32, &tensor.shape, values);
        }
        write_model(&folder.path().join(name), &tuned);
    }
    run(folder.path(), &["init", "x", "y", "base"]);
    let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    assert!(recipe.contains("merge_method: task_arithmetic\n") && recipe.contains("base_model: base\n"), "{recipe}");
    assert!(recipe.contains("# The base: the others differ from it in unrelated directions"), "{recipe}");
    // Models that have nothing to do with each other have no base among them.
    write_model(&folder.path().join("x"), &encoder(20));
    write_model(&folder.path().join("y"), &encoder(30));
    let said = stderr(&run(folder.path(), &["init", "x", "y", "base", "--force"]));
    assert!(said.contains("linear, for several models among which no base is found (`--base` names one"), "{said}");
}

#[test]
fn a_recipe_and_a_sweep_file_are_not_taken_for_each_other() {
    let folder = pair();
    run(folder.path(), &["init", "a", "b", "--force"]);
    let refused = |arguments: &[&str], says: &str, hint: &str| {
        let output = admix(folder.path()).args(arguments).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says) && said.contains(hint), "{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{said}");
    };
    refused(&["merge", "sweep.yaml", "-o", "out"], "this is a sweep file, not a recipe", "`admix sweep plan`");
    if cfg!(feature = "eval") {
        refused(&["sweep", "plan", "recipe.yaml"], "this is a recipe, not a sweep file", "`admix init` writes one");
    }
}
