#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn map(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn pooling_has_one_name_in_every_version() {
    for (config, mode) in [
        (r#"{"pooling_mode":"mean"}"#, "mean"),
        (r#"{"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":false}"#, "mean"),
        (r#"{"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":true}"#, "cls+mean"),
        (r#"{"pooling_mode":["cls","mean"]}"#, "cls+mean"),
        (r#"{"pooling_mode_lasttoken":true}"#, "lasttoken"),
        ("{}", "mean"),
    ] {
        assert_eq!(pooling_mode(&map(config)), mode, "{config}");
    }
}

#[test]
fn an_empty_document_prompt_hides_a_passage_prompt() {
    let prompts = read_prompts(&map(r#"{"prompts":{"document":"","passage":"passage: ","query":"query: "}}"#));
    assert_eq!(effective(&prompts, DOCUMENT_PROMPTS), None);
    let prompts = read_prompts(&map(r#"{"prompts":{"passage":"passage: "}}"#));
    assert_eq!(effective(&prompts, DOCUMENT_PROMPTS).as_deref(), Some("passage: "));
}

#[test]
fn the_longest_input_comes_from_whoever_says_it() {
    let bert = Architecture::of(&map(r#"{"model_type":"bert","max_position_embeddings":512}"#));
    let roberta =
        Architecture::of(&map(r#"{"model_type":"xlm-roberta","max_position_embeddings":514,"pad_token_id":1}"#));
    let of =
        |transformer: &str, tokenizer: &str, architecture| max_length(&map(transformer), &map(tokenizer), architecture);
    assert_eq!(of(r#"{"max_seq_length":256}"#, r#"{"model_max_length":512}"#, &bert), Some(256));
    assert_eq!(of(r#"{"max_seq_length":null}"#, r#"{"model_max_length":256}"#, &bert), Some(256));
    assert_eq!(of("{}", r#"{"model_max_length":1000000000000000019884624838656}"#, &bert), Some(512));
    assert_eq!(of(r#"{"max_seq_length":514}"#, "{}", &roberta), Some(512));
    assert_eq!(of("{}", "{}", &Architecture::default()), None);
}

#[test]
fn similarity_is_cosine_unless_something_else_is_said() {
    for config in ["{}", r#"{"similarity_fn_name":null}"#, r#"{"similarity_fn_name":"cos_sim"}"#] {
        assert_eq!(similarity(&map(config), ModelKind::Dense), "cosine");
    }
    assert_eq!(similarity(&map(r#"{"similarity_fn_name":"dot"}"#), ModelKind::Dense), "dot");
    assert_eq!(similarity(&map("{}"), ModelKind::Sparse), "dot");
}
