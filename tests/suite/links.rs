//! Links in model folders: what they lead to outside of the folder is not carried into what people publish.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::support::{
    admix, copy_folder, edit_json, encoder, repository, retrievers, run, safetensors, snapshot, stderr, write_json,
    write_model,
};

/// What must not get out.
const SECRET: &str = "{\"token\": \"A SECRET OF THIS MACHINE\"}";

/// Two retrievers with a Dense module, a folder of torch's, and a secret beside them.
fn world() -> tempfile::TempDir {
    let folder = retrievers("tiny-dense");
    copy_folder(&repository().join("fixtures/torch"), &folder.path().join("torch"));
    fs::create_dir(folder.path().join("home")).unwrap();
    fs::write(folder.path().join("home/secret.json"), SECRET).unwrap();
    folder
}

/// Puts a link into a folder in the place of what is there.
fn link(target: &Path, place: &Path) {
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    let _ = fs::remove_file(place);
    if place.is_dir() {
        fs::remove_dir_all(place).unwrap();
    }
    symlink(target, place).unwrap();
}

/// The files below a folder that hold the secret.
fn leaks(folder: &Path) -> Vec<PathBuf> {
    if !folder.exists() {
        return Vec::new();
    }
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("A SECRET OF THIS MACHINE");
    snapshot(folder).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

#[test]
fn no_file_that_a_link_leads_to_outside_gets_into_a_merge() {
    for name in [
        "LICENSE",
        "NOTICE.txt",
        "modeling_x.py",
        "config.json",
        "config_sentence_transformers.json",
        "modules.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "chat_template.jinja",
        "sentence_bert_config.json",
        "preprocessor_config.json",
        "1_Pooling/config.json",
        "1_Pooling/extra.json",
        "2_Dense/config.json",
        "2_Dense",
    ] {
        let folder = world();
        let (root, secret) = (folder.path(), folder.path().join("home/secret.json"));
        let target = if name == "2_Dense" { root.join("home") } else { secret };
        link(&target, &root.join("a").join(name));
        let refused = admix(root).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(3), "{name}: {said}");
        let file =
            format!("`a/{name}` leads out of the model folder, to `{}`", fs::canonicalize(&target).unwrap().display());
        assert!(said.contains(&file) && said.contains("hint: "), "{name}: {said}");
        assert!(said.contains("`--allow links`") && !said.contains("A SECRET"), "{name}: {said}");
        assert!(!root.join("out").exists(), "{name}");
    }
}

#[test]
fn every_command_refuses_such_a_folder_and_follows_the_link_where_asked() {
    let folder = world();
    let root = folder.path();
    fs::write(root.join("home/LICENSE"), "free").unwrap();
    link(&root.join("home/LICENSE"), &root.join("a/LICENSE"));
    link(&root.join("home/LICENSE"), &root.join("torch/LICENSE"));
    copy_folder(&repository().join("fixtures/bilingual/ko-en"), &root.join("set"));
    fs::write(root.join("texts"), "a\n").unwrap();
    let sweep = |allow: &str| {
        format!(
            "recipe:\n  merge_method: linear\n  models:\n  - {{model: a, parameters: {{weight: \"${{w}}\"}}}}\n  \
             - {{model: b, parameters: {{weight: 0.5}}}}\nparams: {{w: [0.5, 1]}}\ndata: {{set: set}}\n\
             objectives: {{o: {{metric: ndcg@10, mean: [set]}}, p: {{metric: recall@10, mean: [set]}}}}\n\
             select: {{part: 1/2}}\nkeep: all\n{allow}"
        )
    };
    fs::write(root.join("sweep.yaml"), sweep("")).unwrap();
    fs::write(root.join("sweep-links.yaml"), sweep("allow: [links]\n")).unwrap();
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["merge", "recipe.yaml", "-q", "-o", "merged"],
        vec!["blend", "a", "b", "-q", "-o", "blended"],
        vec!["plan", "recipe.yaml"],
        vec!["check", "recipe.yaml"],
        vec!["inspect", "a"],
        vec!["inspect", "b", "a"],
        vec!["convert", "torch", "-q", "-o", "converted"],
        vec!["init", "a", "b", "-o", "made.yaml"],
    ];
    if cfg!(feature = "eval") {
        commands.extend([
            vec!["score", "a", "-q", "--data", "set", "--limit-queries", "2"],
            vec!["embed", "a", "-q", "-o", "out.npy"],
            vec!["cocktail", "a", "b", "-q", "--examples", "set", "--limit", "2"],
        ]);
    }
    for command in &commands {
        let refused = admix(root).args(command).write_stdin("a\n").output().unwrap();
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(3), "{command:?}: {said}");
        assert!(said.contains("leads out of the model folder, to `") && said.contains("`--allow links`"), "{said}");
        let followed = admix(root).args(command).args(["--allow", "links"]).write_stdin("a\n").output().unwrap();
        assert!(followed.status.success(), "{command:?}: {}", stderr(&followed));
    }
    for out in ["merged", "blended", "converted"] {
        assert_eq!(fs::read_to_string(root.join(out).join("LICENSE")).unwrap(), "free", "{out}");
    }
    if cfg!(feature = "eval") {
        let refused = admix(root).args(["sweep", "run", "sweep.yaml", "-q"]).output().unwrap();
        assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
        run(root, &["sweep", "run", "sweep-links.yaml", "-q"]);
    }
}

#[test]
fn a_conversion_copies_nothing_from_outside() {
    for name in
        ["LICENSE", "config.yaml", "secret", ".hidden", "assets/x.txt", "2_Dense/more.json", "extra.safetensors"]
    {
        let folder = world();
        let root = folder.path();
        link(&root.join("home/secret.json"), &root.join("torch").join(name));
        let refused = admix(root).args(["convert", "torch", "-o", "out"]).output().unwrap();
        assert_eq!(refused.status.code(), Some(3), "{name}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(&format!("`torch/{name}` leads out of the model folder")), "{name}");
        assert!(!root.join("out").exists(), "{name}");
    }
    // A folder behind a link is no part of the model.
    let folder = world();
    link(&folder.path().join("home"), &folder.path().join("torch/assets"));
    run(folder.path(), &["convert", "torch", "-q", "-o", "out"]);
    assert_eq!(leaks(&folder.path().join("out")), Vec::<PathBuf>::new());
}

#[test]
fn adapters_and_other_models_tokenizers_are_held_to_the_same() {
    let folder = world();
    let root = folder.path();
    fs::create_dir(root.join("adapter")).unwrap();
    link(&root.join("home/secret.json"), &root.join("adapter/adapter_config.json"));
    fs::write(root.join("adapted.yaml"), "merge_method: passthrough\nmodels: [{model: a+adapter}]\n").unwrap();
    copy_folder(&root.join("b"), &root.join("c"));
    link(&root.join("home/secret.json"), &root.join("c/added_tokens.json"));
    edit_json(&root.join("c/tokenizer.json"), |json| json["added_tokens"][0]["special"] = false.into());
    let union = "merge_method: linear\ntokenizer_source: c\nmodels:\n- {model: a, parameters: {weight: 1}}\n\
                 - {model: b, parameters: {weight: 1}}\n";
    fs::write(root.join("union.yaml"), union).unwrap();
    for recipe in ["adapted.yaml", "union.yaml"] {
        for command in [["plan", recipe].as_slice(), &["merge", recipe, "-o", "out"]] {
            let refused = admix(root).args(command).output().unwrap();
            let said = stderr(&refused);
            assert_eq!(refused.status.code(), Some(3), "{recipe}: {said}");
            assert!(said.contains("leads out of the model folder"), "{recipe}: {said}");
        }
        assert!(!root.join("out").exists());
    }
}

#[test]
fn weights_may_lie_on_another_disk_and_are_said_to() {
    let folder = world();
    let root = folder.path();
    run(root, &["merge", "recipe.yaml", "-q", "-o", "plain"]);
    let disk = root.join("disk");
    fs::create_dir(&disk).unwrap();
    fs::rename(root.join("a/model.safetensors"), disk.join("w")).unwrap();
    symlink("../disk/w", root.join("a/model.safetensors")).unwrap();
    let merged = run(root, &["merge", "recipe.yaml", "-o", "out"]);
    let warning = format!(
        "warning: `a/model.safetensors` leads out of the model folder: the weights of `{}` go into the merge",
        fs::canonicalize(disk.join("w")).unwrap().display()
    );
    assert!(stderr(&merged).contains(&warning), "{}", stderr(&merged));
    let bytes = |out: &str| fs::read(root.join(out).join("model.safetensors")).unwrap();
    assert_eq!(bytes("out"), bytes("plain"));
    let meant = run(root, &["merge", "recipe.yaml", "-o", "meant", "--allow", "links"]);
    assert!(!stderr(&meant).contains("warning"), "{}", stderr(&meant));
    // What is no file of weights goes no further.
    fs::write(disk.join("w"), SECRET).unwrap();
    let refused = admix(root).args(["merge", "recipe.yaml", "-o", "more"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(!stderr(&refused).contains("A SECRET"), "{}", stderr(&refused));
}

#[test]
fn links_inside_a_folder_are_files_like_others() {
    let folder = world();
    let root = folder.path();
    run(root, &["merge", "recipe.yaml", "-q", "-o", "plain"]);
    let place = root.join("a/files");
    fs::create_dir(&place).unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors", "modules.json"] {
        fs::rename(root.join("a").join(name), place.join(name)).unwrap();
        symlink(format!("files/{name}"), root.join("a").join(name)).unwrap();
    }
    fs::rename(root.join("a/2_Dense"), place.join("dense")).unwrap();
    symlink(place.join("dense"), root.join("a/2_Dense")).unwrap();
    let merged = run(root, &["merge", "recipe.yaml", "-o", "out"]);
    assert!(!stderr(&merged).contains("leads out"), "{}", stderr(&merged));
    let below = |out: &str| {
        let all = snapshot(&root.join(out)).into_iter();
        let all = all.filter(|(path, _)| !path.ends_with("README.md") && !path.ends_with("admix.json"));
        all.map(|(path, bytes)| (path.strip_prefix(root.join(out)).unwrap().to_owned(), bytes)).collect::<Vec<_>>()
    };
    assert_eq!(below("out"), below("plain"));
}

#[test]
fn pipes_and_devices_in_a_model_folder_are_never_read() {
    let names =
        ["LICENSE", "config.json", "tokenizer.json", "tokenizer_config.json", "1_Pooling/config.json", "README.md"];
    for name in names {
        for device in [false, true] {
            let folder = world();
            let root = folder.path();
            for model in ["a", "torch"] {
                let place = root.join(model).join(name);
                let _ = fs::remove_file(&place);
                if device {
                    symlink("/dev/zero", &place).unwrap();
                } else {
                    assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success());
                }
            }
            let commands: [&[&str]; 4] = [
                &["merge", "recipe.yaml", "-q", "-o", "out"],
                &["convert", "torch", "-q", "-o", "converted"],
                &["init", "a", "b", "-o", "made.yaml"],
                &["merge", "recipe.yaml", "-q", "-o", "out", "--force", "--allow", "links"],
            ];
            for command in commands {
                let mut program = admix(root);
                let done = program.args(command).timeout(std::time::Duration::from_secs(60)).output().unwrap();
                // A file that a loader can do without is passed over.
                assert!(matches!(done.status.code(), Some(0 | 3)), "{name} {command:?}: {}", stderr(&done));
            }
        }
    }
}

#[test]
fn an_index_of_shards_elsewhere_is_read_and_its_shards_are_held_to_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write_model(&root.join("a"), &encoder(1));
    fs::rename(root.join("a/model.safetensors"), root.join("a/part.safetensors")).unwrap();
    let names: serde_json::Map<_, _> =
        encoder(1).into_keys().map(|name| (name, serde_json::Value::from("part.safetensors"))).collect();
    write_json(&root.join("index"), &serde_json::json!({"metadata": {}, "weight_map": names}));
    symlink("../index", root.join("a/model.safetensors.index.json")).unwrap();
    run(root, &["inspect", "a"]);
    fs::write(root.join("private.safetensors"), safetensors(&encoder(2))).unwrap();
    let mut out = names.clone();
    out.values_mut().for_each(|shard| *shard = "../private.safetensors".into());
    write_json(&root.join("index"), &serde_json::json!({"metadata": {}, "weight_map": out}));
    let refused = admix(root).args(["inspect", "a"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
}
