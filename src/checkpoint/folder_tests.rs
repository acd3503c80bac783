#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::diagnose::Diagnose as _;

/// A folder with those files; weights of one tensor under every name that ends in `.safetensors`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// Safetensors content with one tensor `linear.weight`.
fn weights() -> String {
    let header = r#"{"linear.weight":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    format!("{}\0\0\0\0\0\0\0{header}abcd", char::from(u8::try_from(header.len()).unwrap()))
}

fn refusal(files: &[(&str, &str)]) -> Error {
    Checkpoint::open(folder(files).path()).unwrap_err()
}

#[test]
fn a_plain_folder_is_one_transformer() {
    let folder =
        folder(&[("config.json", r#"{"model_type":"bert"}"#), ("model.safetensors", &weights()), ("README.md", "")]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert!(!checkpoint.is_sentence_transformers());
    assert_eq!(checkpoint.path(), folder.path());
    let modules: Vec<_> =
        checkpoint.modules().iter().map(|module| (module.folder.as_str(), module.kind.as_str())).collect();
    assert_eq!(modules, [("", "Transformer")]);
    assert_eq!(checkpoint.config().get("model_type").unwrap(), "bert");
    assert_eq!(checkpoint.weight_bytes(), 4);
    let side: Vec<_> = checkpoint.side_files().iter().map(|file| file.relative.as_str()).collect();
    assert_eq!(side, ["config.json"]);
    assert!(checkpoint.tokenizer().is_empty());
}

#[test]
fn a_chain_of_modules_is_opened_whole() {
    let modules = r#"[{"path":"0_Transformer","type":"sentence_transformers.models.Transformer"},
        {"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
        {"path":"2_Dense","type":"sentence_transformers.models.Dense"},
        {"path":"3_Normalize","type":"sentence_transformers.models.Normalize"}]"#;
    let weights = weights();
    let folder = folder(&[
        ("modules.json", modules),
        ("0_Transformer/config.json", r#"{"model_type":"mpnet"}"#),
        ("0_Transformer/model.safetensors", &weights),
        ("0_Transformer/sentence_bert_config.json", r#"{"max_seq_length":128,"do_lower_case":true}"#),
        ("0_Transformer/vocab.txt", "a\nb\n"),
        ("1_Pooling/config.json", r#"{"pooling_mode_cls_token":true}"#),
        ("2_Dense/config.json", r#"{"out_features":8}"#),
        ("2_Dense/model.safetensors", &weights),
        ("2_Dense_8/config.json", r#"{"out_features":8}"#),
        ("2_Dense_8/model.safetensors", &weights),
        ("colbert_linear.safetensors", &weights),
        ("head.pt", "x"),
        ("onnx/config.json", "{}"),
    ]);
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    assert_eq!(checkpoint.config().get("model_type").unwrap(), "mpnet");
    assert!(checkpoint.module("2_Dense").unwrap().weights.is_some());
    assert!(checkpoint.module("3_Normalize").unwrap().config.is_empty());
    let settings = checkpoint.settings();
    assert_eq!((settings.pooling.as_deref(), settings.normalize), (Some("cls"), true));
    assert_eq!(
        (settings.max_seq_length, settings.embedding_dimension, settings.lower_case),
        (Some(128), Some(8), true)
    );
    let side: Vec<_> = checkpoint.side_files().iter().map(|file| file.relative.as_str()).collect();
    assert_eq!(
        side,
        [
            "0_Transformer/config.json",
            "0_Transformer/sentence_bert_config.json",
            "0_Transformer/vocab.txt",
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense_8/config.json",
            "modules.json",
        ]
    );
    assert_eq!(checkpoint.unread_weights(), [folder.path().join("head.pt")]);
    let heads: Vec<_> = checkpoint.heads().iter().map(|head| (head.folder.as_str(), head.name())).collect();
    assert_eq!(heads, [("2_Dense_8", "2_Dense_8"), ("colbert_linear", "colbert_linear.pt")]);
    assert!(checkpoint.module("colbert_linear").unwrap().weights.is_some() && checkpoint.modules().len() == 4);
    assert_eq!(checkpoint.tokenizer().files().count(), 1);
}

#[test]
fn folders_that_are_no_checkpoints_say_why() {
    let weights = weights();
    let missing = Checkpoint::open(Path::new("intfloat/no-such-model")).unwrap_err();
    assert!(missing.to_string().contains("`intfloat/no-such-model` is neither a folder nor in the"), "{missing}");
    assert!(missing.hint().unwrap().contains(" intfloat/no-such-model"));
    let misspelt = Checkpoint::open(Path::new("fixtures/nothing")).unwrap_err();
    assert_eq!(misspelt.to_string(), "no such folder: `fixtures/nothing`");
    let file = folder(&[("model.safetensors", &weights)]);
    let error = Checkpoint::open(&file.path().join("model.safetensors")).unwrap_err();
    assert!(error.to_string().ends_with("is not a folder") && error.hint().is_some(), "{error}");
    assert!(matches!(refusal(&[("model.safetensors", &weights)]), Error::NoConfig { .. }));
    assert!(matches!(refusal(&[("config.json", "{}")]), Error::NoWeights { .. }));
    assert!(matches!(refusal(&[("config.json", "{}"), ("pytorch_model.bin", "")]), Error::Torch { .. }));
    assert!(matches!(refusal(&[("config.json", "{}"), ("model.pt", "")]), Error::ForeignWeights { .. }));
    let error = refusal(&[("config.json", "[1]"), ("model.safetensors", &weights)]);
    assert!(error.to_string().contains("config.json` is not valid") && error.to_string().contains("line 1"), "{error}");
    let modules = r#"[{"path":"","type":"m.Transformer"},{"path":"2_Dense","type":"m.Dense"}]"#;
    let dense = folder(&[
        ("modules.json", modules),
        ("config.json", "{}"),
        ("model.safetensors", &weights),
        ("2_Dense/model.pt", ""),
    ]);
    let error = Checkpoint::open(dense.path()).unwrap_err();
    assert!(error.to_string().contains("2_Dense") && error.hint().unwrap().contains("admix convert "), "{error}");
}

#[test]
fn an_oversized_configuration_is_not_read() {
    let folder = folder(&[("model.safetensors", &weights())]);
    let config = fs::File::create(folder.path().join("config.json")).unwrap();
    config.set_len(17 * 1024 * 1024).unwrap();
    assert!(matches!(Checkpoint::open(folder.path()), Err(Error::TooLong { .. })));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let folder = folder(&[("config.json", "{}")]);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("model.safetensors")).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(matches!(Checkpoint::open(folder.path()), Err(Error::NotAFile { .. })));
    }
}
