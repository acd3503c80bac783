//! Models by their names on the Hub, from a cache laid out as `huggingface_hub` lays it out.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;

use super::support::{
    Tensor, admix, pair, read_json, read_tensors, safetensors, stderr, stdout_json, tensors, write_json,
};

const MAIN: &str = "00000000000000000000000000000000000000aa";
const TAGGED: &str = "00000000000000000000000000000000000000bb";

/// Puts a folder into the cache `cache` as a snapshot of `org/NAME`.
fn cached(cache: &Path, name: &str, revision: &str, commit: &str, folder: &Path) -> PathBuf {
    let model = cache.join(format!("models--org--{name}"));
    let snapshot = model.join("snapshots").join(commit);
    for folder in [&model.join("blobs"), &model.join("refs"), &snapshot] {
        fs::create_dir_all(folder).unwrap();
    }
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let blob = format!("{commit}-{file}");
        fs::copy(folder.join(&file), model.join("blobs").join(&blob)).unwrap();
        symlink(format!("../../blobs/{blob}"), snapshot.join(file)).unwrap();
    }
    fs::write(model.join("refs").join(revision), commit).unwrap();
    snapshot
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    admix(folder).env("HF_HUB_CACHE", folder.join("cache")).args(arguments).output().unwrap()
}

#[test]
fn names_of_the_hub_are_found_in_its_cache() {
    let folder = pair();
    let root = folder.path();
    let cache = root.join("cache");
    let main = cached(&cache, "a", "main", MAIN, &root.join("a"));
    cached(&cache, "b", "main", MAIN, &root.join("a"));
    cached(&cache, "b", "v1", TAGGED, &root.join("b"));
    let done = run(root, &["merge", "recipe.yaml", "-q", "-o", "local"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let recipe = fs::read_to_string(root.join("recipe.yaml")).unwrap();
    let hub =
        recipe.replace("model: a", "model: org/a").replace("model: b", "model: {model: {path: org/b, revision: v1}}");
    fs::write(root.join("hub.yaml"), hub).unwrap();
    for arguments in [&["merge", "hub.yaml", "-o", "out"][..], &["blend", "org/a@main", "org/b@v1", "-o", "blended"]] {
        let done = run(root, arguments);
        assert!(done.status.success(), "{}", stderr(&done));
    }
    for out in ["out", "blended"] {
        let weights = |folder: &str| read_tensors(&root.join(folder).join("model.safetensors"));
        assert_eq!(weights(out), weights("local"));
        let models = &read_json(&root.join(out).join("admix.json"))["models"];
        assert_eq!(models[0]["hub"], json!({"name": "org/a", "commit": MAIN}));
        assert_eq!(models[1]["hub"], json!({"name": "org/b", "commit": TAGGED}));
        assert_eq!(models[0]["folder"], json!(main.display().to_string()));
        let card = fs::read_to_string(root.join(out).join("README.md")).unwrap();
        assert!(card.contains("base_model:\n- org/a\n- org/b\n"), "{card}");
    }
    let shown = run(root, &["inspect", "org/b@v1", "--json"]);
    assert_eq!(stdout_json(&shown)["hub"]["commit"], json!(TAGGED));
    // A folder here goes before the Hub's name.
    fs::create_dir(root.join("org")).unwrap();
    fs::rename(root.join("b"), root.join("org/a")).unwrap();
    assert_eq!(stdout_json(&run(root, &["inspect", "org/a", "--json"]))["hub"], json!(null));
    let warned = run(root, &["plan", "hub.yaml", "--json"]);
    assert_eq!(warned.status.code(), Some(0), "{}", stderr(&warned));
}

#[test]
fn an_adapter_is_found_in_the_cache() {
    let folder = pair();
    let root = folder.path();
    let lora = root.join("lora");
    fs::create_dir(&lora).unwrap();
    let module = "base_model.model.encoder.layer.0.output.dense";
    let (a, b) = (format!("{module}.lora_A.weight"), format!("{module}.lora_B.weight"));
    let factors = tensors([(a.as_str(), Tensor::random(&[2, 4], 7)), (b.as_str(), Tensor::random(&[4, 2], 8))]);
    fs::write(lora.join("adapter_model.safetensors"), safetensors(&factors)).unwrap();
    let config = json!({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": "org/a"});
    write_json(&lora.join("adapter_config.json"), &config);
    let cache = root.join("cache");
    cached(&cache, "a", "main", MAIN, &root.join("a"));
    cached(&cache, "lora", "v2", TAGGED, &lora);
    let mut folded = Vec::new();
    for model in [
        "a+lora",
        "a+org/lora@v2",
        "org/a@main+org/lora@v2",
        "{model: {path: org/a}, lora: {path: org/lora, revision: v2}}",
    ] {
        let recipe = format!("merge_method: passthrough\nmodels: [{{model: {model}}}]\n");
        fs::write(root.join("recipe.yaml"), recipe).unwrap();
        let done = run(root, &["merge", "recipe.yaml", "--force", "--no-sync", "-o", "out"]);
        assert!(done.status.success() && !stderr(&done).contains("warning"), "{model}: {}", stderr(&done));
        folded.push(read_tensors(&root.join("out/model.safetensors")));
    }
    assert!(folded.iter().all(|tensors| *tensors == folded[0]));
    assert_ne!(folded[0], read_tensors(&root.join("a/model.safetensors")));
    fs::write(root.join("recipe.yaml"), "merge_method: passthrough\nmodels: [{model: a+org/lora@v3}]\n").unwrap();
    let refused = run(root, &["merge", "recipe.yaml", "-o", "out"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("has `org/lora`, but not its revision `v3`: it has v2"), "{}", stderr(&refused));
}

#[test]
fn a_model_that_the_cache_lacks_is_an_error_with_its_place() {
    let folder = pair();
    let root = folder.path();
    cached(&root.join("cache"), "b", "main", MAIN, &root.join("b"));
    let recipe = fs::read_to_string(root.join("recipe.yaml")).unwrap();
    for (model, says, hint) in [
        ("org/c", "`org/c` is neither a folder nor in the Hugging Face cache", "org/c"),
        ("org/b@v2", "the Hugging Face cache has `org/b`, but not its revision `v2`: it has main", "v2"),
        ("a/b", "no such model folder: `a/b`", ""),
        ("nothing@v2", "no such model folder: `nothing@v2`", "a folder whose name holds `@`"),
    ] {
        fs::write(root.join("hub.yaml"), recipe.replace("model: b", &format!("model: {model}"))).unwrap();
        let refused = run(root, &["merge", "hub.yaml", "-o", "out"]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(3), "{said}");
        assert!(said.starts_with(&format!("error: {says}")) && said.contains("--> hub.yaml:6:12"), "{said}");
        assert!(said.contains("hint: ") != hint.is_empty() && said.contains(hint), "{said}");
    }
    let refused = run(root, &["inspect", "org/c"]);
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    let snapshot = root.join("cache/models--org--b/snapshots").join(MAIN);
    symlink(root.join("a/config.json"), snapshot.join("tokenizer.json")).unwrap();
    let refused = run(root, &["inspect", "org/b"]);
    let said = stderr(&refused);
    assert!(refused.status.code() == Some(3) && said.contains("leads out of the model folder"), "{said}");
    // A folder with a revision, which mergekit ignores too.
    fs::write(root.join("hub.yaml"), recipe.replace("model: b", "model: b@v2")).unwrap();
    let warned = run(root, &["merge", "hub.yaml", "-o", "out"]);
    assert!(
        stderr(&warned).contains("warning: `b` is a folder here; its revision `v2` has no effect"),
        "{}",
        stderr(&warned)
    );
}
