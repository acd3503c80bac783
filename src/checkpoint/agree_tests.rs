#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tempfile::TempDir;

use super::*;

const MODULES: &str = r#"[{"path":"","type":"m.Transformer"},{"path":"1_Pooling","type":"m.Pooling"}]"#;

/// A folder with weights of one byte, a configuration and those files.
fn open(files: &[(&str, &str)]) -> (TempDir, Checkpoint) {
    let folder = tempfile::tempdir().unwrap();
    let header = r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let weights = format!("{}\0\0\0\0\0\0\0{header}a", char::from(u8::try_from(header.len()).unwrap()));
    for (name, content) in [("config.json", "{}"), ("model.safetensors", weights.as_str())].iter().chain(files) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.replace("WEIGHTS", &weights)).unwrap();
    }
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    (folder, checkpoint)
}

/// The disagreements of two folders as `kind: what: left | right`, and that the other way round they are the same.
fn found(left: &[(&str, &str)], right: &[(&str, &str)]) -> Vec<String> {
    let ((_one, left), (_other, right)) = (open(left), open(right));
    let list = disagreements(&left, &right);
    let mut kinds: Vec<Mismatch> = disagreements(&right, &left).iter().map(|found| found.kind).collect();
    kinds.sort();
    let mut here: Vec<Mismatch> = list.iter().map(|found| found.kind).collect();
    here.sort();
    assert_eq!(here, kinds);
    list.iter().map(|found| format!("{}: {}: {} | {}", found.kind, found.what, found.left, found.right)).collect()
}

#[test]
fn older_and_newer_spellings_agree() {
    let older = [
        ("modules.json", MODULES),
        ("1_Pooling/config.json", r#"{"word_embedding_dimension":4,"pooling_mode_mean_tokens":true}"#),
        ("config_sentence_transformers.json", r#"{"prompts":{"query":"q: ","passage":"p: "}}"#),
        ("sentence_bert_config.json", r#"{"max_seq_length":256,"do_lower_case":false}"#),
        ("tokenizer_config.json", r#"{"model_max_length":512}"#),
    ];
    let newer = [
        ("modules.json", MODULES),
        ("1_Pooling/config.json", r#"{"embedding_dimension":4,"pooling_mode":"mean","include_prompt":true}"#),
        (
            "config_sentence_transformers.json",
            r#"{"prompts":{"query":"q: ","document":"p: "},"default_prompt_name":null,"similarity_fn_name":"cosine"}"#,
        ),
        ("sentence_bert_config.json", r#"{"transformer_task":"feature-extraction"}"#),
        ("tokenizer_config.json", r#"{"model_max_length":256}"#),
    ];
    assert_eq!(found(&older, &newer), Vec::<String>::new());
}

#[test]
fn every_kind_of_disagreement_is_found() {
    let left = [
        ("modules.json", MODULES),
        ("config.json", r#"{"model_type":"bert","hidden_size":4,"num_hidden_layers":2}"#),
        ("1_Pooling/config.json", r#"{"pooling_mode":"mean"}"#),
        ("config_sentence_transformers.json", r#"{"prompts":{"query":"q: "},"default_prompt_name":"query"}"#),
        ("sentence_bert_config.json", r#"{"max_seq_length":128}"#),
        ("vocab.txt", "a\n"),
    ];
    let modules = r#"[{"path":"","type":"m.Transformer"},{"path":"1_Pooling","type":"m.Pooling"},
        {"path":"2_Dense","type":"m.Dense"},{"path":"3_Normalize","type":"m.Normalize"}]"#;
    let right = [
        ("modules.json", modules),
        ("config.json", r#"{"model_type":"bert","hidden_size":8,"num_hidden_layers":3}"#),
        ("1_Pooling/config.json", r#"{"pooling_mode":"cls"}"#),
        ("config_sentence_transformers.json", r#"{"similarity_fn_name":"dot"}"#),
        ("sentence_bert_config.json", r#"{"max_seq_length":64}"#),
        ("vocab.txt", "a\nb\n"),
        ("2_Dense/model.safetensors", "WEIGHTS"),
    ];
    assert_eq!(
        found(&left, &right),
        [
            "architecture: hidden size: 4 | 8",
            "tokenizer: tokenizer vocabulary size: 1 tokens | 2 tokens",
            "modules: modules: Transformer | Transformer, Dense",
            "pooling: pooling mode: mean | cls",
            "normalize: normalisation: false | true",
            "prompts: prompt `query`: \"q: \" | none",
            "prompts: default prompt: \"q: \" | none",
            "similarity: similarity: cosine | dot",
            "max-length: longest input: 128 | 64",
        ]
    );
}

#[test]
fn a_plain_folder_disagrees_only_about_modules_with_weights() {
    let pooled = [("modules.json", MODULES), ("1_Pooling/config.json", r#"{"pooling_mode":"cls"}"#)];
    assert_eq!(found(&pooled, &[]), Vec::<String>::new());
    let modules = r#"[{"path":"","type":"m.Transformer"},{"path":"2_Dense","type":"m.Dense"}]"#;
    let dense = [("modules.json", modules), ("2_Dense/model.safetensors", "WEIGHTS")];
    assert_eq!(found(&dense, &[]), ["modules: modules: Transformer, Dense | Transformer"]);
}

#[test]
fn rerankers_disagree_about_the_activation_of_their_scores() {
    let with =
        |more: &str| format!(r#"{{"model_type":"bert","architectures":["BertForSequenceClassification"]{more}}}"#);
    let silent = with("");
    let sigmoid = with(r#","sbert_ce_default_activation_function":"torch.nn.modules.activation.Sigmoid""#);
    let own = ("config_sentence_transformers.json", r#"{"activation_fn":"torch.nn.modules.linear.Identity"}"#);
    assert_eq!(found(&[("config.json", &silent)], &[("config.json", &sigmoid)]), Vec::<String>::new());
    assert_eq!(
        found(&[("config.json", &sigmoid)], &[("config.json", &sigmoid), own]),
        ["similarity: activation of scores: torch.nn.modules.activation.Sigmoid | torch.nn.modules.linear.Identity"]
    );
}

#[test]
fn dense_modules_agree_across_class_paths() {
    let modules = r#"[{"path":"","type":"m.Transformer"},{"path":"2_Dense","type":"m.Dense"}]"#;
    let with =
        |config| [("modules.json", modules), ("2_Dense/model.safetensors", "WEIGHTS"), ("2_Dense/config.json", config)];
    let tanh = with(r#"{"bias":true,"activation_function":"torch.nn.modules.activation.Tanh"}"#);
    assert_eq!(found(&tanh, &with("{}")), Vec::<String>::new());
    let identity = with(r#"{"bias":true,"activation_function":"torch.nn.modules.linear.Identity"}"#);
    assert_eq!(found(&tanh, &identity), ["modules: activation_function of module Dense: Tanh | Identity"]);
}

#[test]
fn every_kind_is_found_by_its_name() {
    for kind in Mismatch::ALL {
        assert_eq!(Mismatch::from_name(kind.name()), Some(kind));
        assert!(!kind.doc().is_empty() && !kind.doc().contains('\n'));
    }
    assert_eq!(Mismatch::from_name("Pooling"), None);
}
