//! Models by their names on the Hub, from a cache laid out as `huggingface_hub` lays it out.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;

use super::support::{admix, pair, read_json, read_tensors, stderr, stdout_json};

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
    assert!(refused.status.code() == Some(3) && said.contains("is a link out of the model's folder"), "{said}");
    // A folder with a revision, which mergekit ignores too.
    fs::write(root.join("hub.yaml"), recipe.replace("model: b", "model: b@v2")).unwrap();
    let warned = run(root, &["merge", "hub.yaml", "-o", "out"]);
    assert!(
        stderr(&warned).contains("warning: `b` is a folder here; its revision `v2` has no effect"),
        "{}",
        stderr(&warned)
    );
}
