//! Tests of [`super`].
#![expect(clippy::unwrap_used, reason = "tests")]

use super::super::super::architectures::CLASSES;
use super::*;

fn read(text: &str) -> Result<Config, Error> {
    Config::read(Path::new("m/config.json"), &serde_json::from_str(text).unwrap())
}

#[test]
fn every_supported_type_has_names() {
    for model_type in CLASSES.iter().map(|class| class.model_type) {
        let config = read(&format!(
            r#"{{"model_type":"{model_type}","num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,
            "hidden_size":16,"max_position_embeddings":64,"pad_token_id":5}}"#
        ));
        let first = config.unwrap().first.start;
        let expected = match model_type {
            "mpnet" => 2,
            "roberta" | "xlm-roberta" | "camembert" => 6,
            _ => 0,
        };
        assert_eq!(first, expected, "{model_type}");
    }
}

#[test]
fn what_cannot_be_encoded_with_is_named() {
    let base = r#""num_hidden_layers":2,"num_attention_heads":4"#;
    for (rest, expected) in [
        (String::new(), "`m/config.json` has no `model_type`"),
        (r#","model_type":"longt5""#.to_owned(), "`m` is a `longt5` model, which cannot be encoded with"),
        (
            r#","model_type":"bert","auto_map":{"AutoModel":"jinaai/jina-bert-v2-qk-post-norm--modeling_bert.JinaBertModel"}"#.to_owned(),
            "`m` is a `JinaBertModel` model, which cannot be encoded with",
        ),
        (
            r#","model_type":"xlm-roberta","auto_map":{"AutoModel":"jinaai/x--modeling_lora.XLMRobertaLoRA"}"#.to_owned(),
            "`m` is a `XLMRobertaLoRA` model, which cannot be encoded with",
        ),
        (
            r#","model_type":"nomic_bert","hidden_size":16,"num_experts":8"#.to_owned(),
            "`m` is a `nomic_bert with experts` model, which cannot be encoded with",
        ),
        (
            r#","model_type":"deberta-v2","hidden_size":16,"conv_kernel_size":3"#.to_owned(),
            "`m/config.json`: `conv_kernel_size` is 3, expected 0",
        ),
        (
            r#","model_type":"deberta-v2","hidden_size":16,"relative_attention":true,"position_buckets":64,"max_position_embeddings":20"#
                .to_owned(),
            "`m/config.json`: `position_buckets` is 64, expected 2 to 36",
        ),
        (
            r#","model_type":"t5","feed_forward_proj":"gated-relu6""#.to_owned(),
            "`m/config.json`: `feed_forward_proj` is \"gated-relu6\", expected relu, gated-gelu or gated-silu",
        ),
        (
            r#","model_type":"lfm2","hidden_size":16,"layer_types":["conv","full"]"#.to_owned(),
            "`m/config.json`: `layer_types` is \"full\", expected full_attention or conv",
        ),
        (
            r#","model_type":"bert","position_embedding_type":"relative_key""#.to_owned(),
            "`m/config.json`: `position_embedding_type` is \"relative_key\", expected \"absolute\"",
        ),
        (
            r#","model_type":"bert","architectures":["HF_ColBERT"]"#.to_owned(),
            "`m` is a `HF_ColBERT` model, which cannot be encoded with",
        ),
        (
            r#","model_type":"bert","hidden_act":"mish""#.to_owned(),
            "`m/config.json`: `hidden_act` is \"mish\", expected gelu, gelu_new, relu, silu or tanh",
        ),
        (
            r#","model_type":"bert","is_decoder":true"#.to_owned(),
            "`m/config.json`: `is_decoder` is true, expected an encoder",
        ),
    ] {
        let error = read(&format!("{{{base}{rest}}}")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = read(r#"{"model_type":"bert","num_hidden_layers":-1,"num_attention_heads":4}"#).unwrap_err();
    assert_eq!(error.to_string(), "`m/config.json`: `num_hidden_layers` is -1, expected a positive integer");
}
