//! Heads beside a model that modules.json does not name: bge-m3's `.pt` files, and folders such as `2_Dense_1024`.

use std::fs;
use std::path::Path;

use safetensors::Dtype;
use serde_json::json;
use tempfile::TempDir;

use super::support::{
    Tensor, Tensors, admix, copy_folder, distance, edit_json, read_json, read_tensors, repository, retrievers, run,
    safetensors, stderr, stdout_json, tensors,
};

/// The fixtures of [`retrievers`], with a `sparse_linear.pt` that torch saved in `a`, and one that was converted in `b`.
fn with_heads() -> (TempDir, Tensors, Tensors) {
    let folder = retrievers("tiny");
    let root = folder.path();
    fs::copy(repository().join("fixtures/torch/sparse_linear.pt"), root.join("a/sparse_linear.pt")).unwrap();
    let a = converted(root, "a", "sparse_linear");
    let b: Tensors = a.iter().map(|(name, tensor)| (name.clone(), Tensor::random(&tensor.shape, 7))).collect();
    fs::write(root.join("b/sparse_linear.safetensors"), safetensors(&b)).unwrap();
    (folder, a, b)
}

/// The tensors of a head that torch can load, read by way of `admix convert`.
fn converted(root: &Path, model: &str, head: &str) -> Tensors {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().join("out");
    run(root, &["convert", model, "-q", "-o", out.to_str().unwrap()]);
    read_tensors(&out.join(head).with_extension("safetensors"))
}

/// Holds that each tensor is `weight` of the way from the one in `a` to the one in `b`.
fn lies_between(found: &Tensors, a: &Tensors, b: &Tensors, weight: f64) {
    assert_eq!(found.keys().collect::<Vec<_>>(), a.keys().collect::<Vec<_>>());
    for (name, tensor) in found {
        let mean = a[name].values().into_iter().zip(b[name].values()).map(|(a, b)| a + weight * (b - a));
        let expected = Tensor::floats(Dtype::F64, &tensor.shape, mean);
        assert!(distance(tensor, &expected) < 1e-3, "{name}");
    }
}

#[test]
fn a_head_that_torch_saved_is_merged_and_saved_as_torch_does() {
    let (folder, a, b) = with_heads();
    let root = folder.path();
    let done = run(root, &["merge", "recipe.yaml", "-o", "out"]);
    assert!(!stderr(&done).contains("warning"), "{}", stderr(&done));
    lies_between(&converted(root, "out", "sparse_linear"), &a, &b, 0.5);
    let bytes = fs::read(root.join("out/sparse_linear.pt")).unwrap();
    assert!(bytes.starts_with(b"PK\x03\x04") && !root.join("out/sparse_linear.safetensors").exists());
    assert_eq!(stdout_json(&run(root, &["inspect", "out", "--json"]))["heads"], json!(["sparse_linear"]));
    let weights = read_json(&root.join("out/admix.json"))["models"][0]["weights"].clone();
    assert!(weights.to_string().contains("sparse_linear.pt"), "{weights}");
    // The same through another document, whose merge is never on disk.
    let stages = "name: half\nmerge_method: linear\nmodels:\n  - {model: a, parameters: {weight: 0.5}}\n  - {model: b, parameters: {weight: 0.5}}\n---\nmerge_method: linear\nmodels:\n  - {model: half, parameters: {weight: 0.5}}\n  - {model: b, parameters: {weight: 0.5}}\n";
    fs::write(root.join("stages.yaml"), stages).unwrap();
    run(root, &["merge", "stages.yaml", "-q", "-o", "staged"]);
    lies_between(&converted(root, "staged", "sparse_linear"), &a, &b, 0.75);
}

#[test]
fn filters_name_a_head_by_its_folder() {
    let (folder, a, b) = with_heads();
    let root = folder.path();
    let recipe = "merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\nparameters:\n  t:\n    - {filter: sparse_linear, value: 0}\n    - {value: 1}\n";
    fs::write(root.join("filtered.yaml"), recipe).unwrap();
    let done = run(root, &["merge", "filtered.yaml", "-o", "out"]);
    assert!(!stderr(&done).contains("matches no tensor"), "{}", stderr(&done));
    lies_between(&converted(root, "out", "sparse_linear"), &a, &b, 0.0);
    assert_eq!(read_tensors(&root.join("out/model.safetensors")), read_tensors(&root.join("b/model.safetensors")));
}

#[test]
fn a_model_without_the_head_leaves_it_to_the_others_and_is_named() {
    let (folder, a, _) = with_heads();
    let root = folder.path();
    fs::remove_file(root.join("b/sparse_linear.safetensors")).unwrap();
    let done = stderr(&run(root, &["merge", "recipe.yaml", "-o", "out"]));
    assert!(done.contains("the head `sparse_linear.pt` is merged from `a` alone: `b` has none"), "{done}");
    lies_between(&converted(root, "out", "sparse_linear"), &a, &a, 0.0);
    // Where the first model has none, the other's is left out, and the message says how to keep it.
    let swapped = fs::read_to_string(root.join("recipe.yaml")).unwrap();
    let swapped =
        swapped.replace("model: a", "model: c").replace("model: b", "model: a").replace("model: c", "model: b");
    fs::write(root.join("swapped.yaml"), &swapped).unwrap();
    let done = stderr(&run(root, &["merge", "swapped.yaml", "-o", "other"]));
    assert!(
        done.contains("`a` also has the head `sparse_linear.pt`, which is left out")
            && done.contains("settings_source: a"),
        "{done}"
    );
    assert!(!root.join("other/sparse_linear.pt").exists());
    fs::write(root.join("chosen.yaml"), swapped + "settings_source: a\n").unwrap();
    run(root, &["merge", "chosen.yaml", "-o", "chosen"]);
    lies_between(&converted(root, "chosen", "sparse_linear"), &a, &a, 0.0);
}

/// Gives a model a head as stella has it: a folder beside the one that modules.json names.
fn with_folder(model: &Path, seed: u32, activation: &str) -> Tensors {
    let head = model.join("2_Dense_8");
    fs::create_dir(&head).unwrap();
    let content =
        tensors([("linear.weight", Tensor::random(&[8, 24], seed)), ("linear.bias", Tensor::random(&[8], seed))]);
    fs::write(head.join("model.safetensors"), safetensors(&content)).unwrap();
    fs::write(
        head.join("config.json"),
        json!({"in_features": 24, "out_features": 8, "bias": true, "activation_function": activation}).to_string(),
    )
    .unwrap();
    content
}

#[test]
fn folders_of_other_heads_are_merged_with_their_settings_and_exports_are_named() {
    let folder = retrievers("tiny-dense");
    let root = folder.path();
    let identity = "torch.nn.modules.linear.Identity";
    let (a, b) = (with_folder(&root.join("a"), 1, identity), with_folder(&root.join("b"), 2, identity));
    fs::create_dir(root.join("b/onnx")).unwrap();
    fs::write(root.join("b/onnx/model.onnx"), "x").unwrap();
    fs::write(root.join("a/model.onnx"), "x").unwrap();
    let said = stderr(&run(root, &["merge", "recipe.yaml", "-o", "out"]));
    assert!(said.contains("`b` also holds onnx,") && said.contains("`a` also holds model.onnx,"), "{said}");
    lies_between(&read_tensors(&root.join("out/2_Dense_8/model.safetensors")), &a, &b, 0.5);
    assert_eq!(read_json(&root.join("out/2_Dense_8/config.json"))["out_features"], json!(8));
    // The heads of a folder are a setting like any other: they must be alike.
    edit_json(&root.join("b/2_Dense_8/config.json"), |config| {
        config["activation_function"] = json!("torch.nn.modules.activation.Tanh");
    });
    let refused = admix(root).args(["merge", "recipe.yaml", "-o", "more"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("activation_function of module 2_Dense_8"), "{}", stderr(&refused));
}

#[test]
fn small_shards_do_not_cut_a_head() {
    let (folder, a, b) = with_heads();
    let root = folder.path();
    run(root, &["merge", "recipe.yaml", "-q", "-o", "out", "--shard-size", "50KB"]);
    lies_between(&converted(root, "out", "sparse_linear"), &a, &b, 0.5);
    let index = read_json(&root.join("out/model.safetensors.index.json"));
    assert!(!index.to_string().contains("sparse_linear"), "{index}");
    assert!(copied_opens(root));
}

/// Whether the merge is a model like any other.
fn copied_opens(root: &Path) -> bool {
    copy_folder(&root.join("out"), &root.join("copy"));
    admix(root).args(["inspect", "copy"]).output().unwrap().status.success()
}
