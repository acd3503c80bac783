//! One model named by several spellings is one model.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::support::{Tensors, admix, encoder, read_tensors, run, stderr, write_json, write_model};

/// A folder with the encoders `base`, `a` and `b`, and `link`, which leads to `base`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in (1..).zip(["base", "a", "b"]) {
        write_model(&folder.path().join(name), &encoder(seed));
    }
    symlink(folder.path().join("base"), folder.path().join("link")).unwrap();
    folder
}

/// The weights that a recipe's text merges to.
fn merged(folder: &Path, recipe: &str) -> Tensors {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    run(folder, &["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"]);
    read_tensors(&folder.join("out/model.safetensors"))
}

/// The error of a recipe's text.
fn refused(folder: &Path, recipe: &str) -> String {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let output = admix(folder).args(["merge", "recipe.yaml", "-o", "refused"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    stderr(&output)
}

fn spellings(folder: &Path) -> [String; 5] {
    let whole = folder.join("base").display().to_string();
    ["./base/".into(), "a/../base".into(), whole.clone(), format!("{whole}/"), "link".into()]
}

#[test]
fn a_base_that_is_listed_under_another_name_is_no_model() {
    let folder = folder();
    let root = folder.path();
    for (method, parameters) in [
        ("model_stock", ""),
        ("ties", "parameters: {weight: 0.5, density: 0.5}"),
        ("multislerp", "parameters: {weight: 0.5}"),
        ("dare_linear", "parameters: {weight: 0.5, density: 0.5}"),
    ] {
        let recipe = |base: &str, models: &str| {
            format!("merge_method: {method}\nbase_model: {base}\nmodels: [{models}]\n{parameters}\n")
        };
        let expected = merged(root, &recipe("base", "{model: a}, {model: b}"));
        for base in spellings(root) {
            assert!(
                merged(root, &recipe(&base, "{model: base}, {model: a}, {model: b}")) == expected,
                "{method} {base}"
            );
            assert!(
                merged(root, &recipe("base", &format!("{{model: a}}, {{model: b}}, {{model: {base}}}"))) == expected
            );
        }
    }
}

#[test]
fn a_method_that_averages_its_base_does_so_once() {
    let folder = folder();
    let recipe = |base: &str| {
        format!(
            "merge_method: linear\nbase_model: {base}\nmodels: [{{model: base}}, {{model: a}}]\nparameters: {{weight: 1}}\n"
        )
    };
    let expected = merged(folder.path(), &recipe("base"));
    for base in spellings(folder.path()) {
        assert!(merged(folder.path(), &recipe(&base)) == expected, "{base}");
    }
}

#[test]
fn a_slice_has_the_layers_of_its_base_under_any_name() {
    let folder = folder();
    let recipe = |base: &str| {
        format!(
            "merge_method: task_arithmetic\nbase_model: {base}\nparameters: {{weight: 0.5}}\nslices:\n  - sources:\n      \
             - {{model: base, layer_range: [0, 2]}}\n      - {{model: a, layer_range: [0, 2]}}\n"
        )
    };
    let expected = merged(folder.path(), &recipe("base"));
    for base in spellings(folder.path()) {
        assert!(merged(folder.path(), &recipe(&base)) == expected, "{base}");
    }
}

#[test]
fn a_model_beside_the_recipe_is_the_one_under_its_whole_path() {
    let folder = folder();
    let (root, elsewhere) = (folder.path(), tempfile::tempdir().unwrap());
    let recipe = |base: &str| {
        format!(
            "merge_method: model_stock\nbase_model: {base}\nmodels: [{{model: base}}, {{model: a}}, {{model: b}}]\n"
        )
    };
    let expected = merged(root, &recipe("base"));
    fs::write(root.join("recipe.yaml"), recipe(&root.join("base").display().to_string())).unwrap();
    let (file, out) = (root.join("recipe.yaml"), root.join("out"));
    let arguments = ["merge", file.to_str().unwrap(), "-q", "--no-sync", "--force", "-o", out.to_str().unwrap()];
    run(elsewhere.path(), &arguments);
    assert!(read_tensors(&out.join("model.safetensors")) == expected);
}

#[test]
fn a_model_is_not_listed_twice_under_two_names() {
    let folder = folder();
    let recipe =
        "merge_method: linear\nmodels: [{model: base}, {model: a}, {model: ./link}]\nparameters: {weight: 1}\n";
    let said = refused(folder.path(), recipe);
    assert!(said.contains("the model `./link` is listed twice: it is `base`"), "{said}");
    let recipe = "merge_method: model_stock\nbase_model: link\nmodels: [{model: base}, {model: a}]\n";
    let said = refused(folder.path(), recipe);
    assert!(said.contains("at least 2 models besides its base, found 1"), "{said}");
}

#[test]
fn a_name_of_the_hub_is_the_folder_of_its_snapshot() {
    const COMMIT: &str = "00000000000000000000000000000000000000aa";
    let folder = folder();
    let root = folder.path();
    let expected = merged(root, "merge_method: model_stock\nbase_model: base\nmodels: [{model: a}, {model: b}]\n");
    let repository = root.join("cache/models--org--base");
    fs::create_dir_all(repository.join("snapshots")).unwrap();
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::write(repository.join("refs/main"), COMMIT).unwrap();
    fs::rename(root.join("base"), repository.join("snapshots").join(COMMIT)).unwrap();
    let snapshot = format!("cache/models--org--base/snapshots/{COMMIT}");
    for (base, listed) in [("org/base", snapshot.as_str()), (snapshot.as_str(), "org/base@main")] {
        let recipe = format!(
            "merge_method: model_stock\nbase_model: {base}\nmodels: [{{model: {listed}}}, {{model: a}}, {{model: b}}]\n"
        );
        fs::write(root.join("recipe.yaml"), recipe).unwrap();
        let arguments = ["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"];
        let output = admix(root).env("HF_HUB_CACHE", root.join("cache")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(read_tensors(&root.join("out/model.safetensors")) == expected, "{base}");
    }
}

#[test]
fn a_model_with_an_adapter_is_another_one_and_the_same_under_any_name() {
    let folder = folder();
    let root = folder.path();
    let lora = root.join("lora");
    fs::create_dir_all(&lora).unwrap();
    let dense = "base_model.model.encoder.layer.0.output.dense";
    let factors = super::support::tensors([
        (format!("{dense}.lora_A.weight").as_str(), super::support::Tensor::random(&[2, 4], 7)),
        (format!("{dense}.lora_B.weight").as_str(), super::support::Tensor::random(&[4, 2], 8)),
    ]);
    fs::write(lora.join("adapter_model.safetensors"), super::support::safetensors(&factors)).unwrap();
    let config = json!({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["dense"], "bias": "none"});
    write_json(&lora.join("adapter_config.json"), &config);
    let recipe = |models: &str| format!("merge_method: model_stock\nbase_model: base\nmodels: [{models}]\n");
    // The base with an adapter is a fine-tune of it.
    let with = merged(root, &recipe("{model: base+lora}, {model: a}, {model: b}"));
    assert!(with != merged(root, &recipe("{model: a}, {model: b}")));
    assert!(with == merged(root, &recipe("{model: link+./lora/}, {model: a}, {model: b}, {model: ./base}")));
    let said = refused(root, &recipe("{model: base+lora}, {model: ./base+./lora}, {model: a}"));
    assert!(said.contains("the model `./base+./lora` is listed twice: it is `base+lora`"), "{said}");
}

#[test]
fn a_documents_name_is_not_the_folder_of_that_name() {
    let folder = folder();
    let recipe = |listed: &str| {
        format!(
            "name: base\nmerge_method: linear\nmodels: [{{model: a}}, {{model: b}}]\nparameters: {{weight: 1}}\n---\n\
             merge_method: linear\nmodels: [{{model: base}}, {{model: {listed}}}]\nparameters: {{weight: 1}}\n"
        )
    };
    let expected = merged(folder.path(), &recipe("link"));
    assert!(merged(folder.path(), &recipe("./base")) == expected);
    let said = refused(folder.path(), &recipe("base"));
    assert!(said.contains("the model `base` is listed twice"), "{said}");
}
