//! Encoders against sentence-transformers, and `admix embed`.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use admix::Diagnose as _;
use admix::checkpoint::Checkpoint;
use admix::encoder::{Embeddings, Encoder, Error, Options};
use admix::kernel::{DType, tile_level};
use safetensors::Dtype;
use serde_json::{Value, json};

use super::support::{
    Tensor, admix, copy_folder, edit_json, parse_tensors, read_json, read_tensors, repository, run, safetensors,
    stderr, stdout_json, tolerance,
};

/// Model folders whose weights are in half precision.
const HALF: [&str; 2] = ["bert-float16", "bert-bfloat16"];

pub(super) fn folder() -> PathBuf {
    repository().join("tests/goldens/encoders")
}

fn cases() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut names: Vec<String> = entries.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 20);
    names
}

pub(super) fn texts() -> Vec<String> {
    serde_json::from_value(read_json(&folder().join("texts.json"))).unwrap()
}

/// Texts of 40 to 640 words.
fn long_texts() -> Vec<String> {
    serde_json::from_value(read_json(&folder().join("long.json"))).unwrap()
}

pub(super) fn open(model: &Path, options: &Options) -> Result<Encoder, Error> {
    Encoder::open(&Checkpoint::open(model).unwrap(), options)
}

pub(super) fn encode(encoder: &Encoder, texts: &[String], prompt: Option<&str>) -> Embeddings {
    let tokens = encoder.tokenize(texts, prompt).unwrap();
    encoder.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// The expected embeddings of a case: `plain`, or with a prompt the prompt's name.
fn expected(case: &str, name: &str) -> Vec<Vec<f32>> {
    let tensors = read_tensors(&folder().join(case).join("expected.safetensors"));
    rows(&tensors[name])
}

fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
    let values: Vec<f32> = tensor.values().iter().map(|x| *x as f32).collect();
    values.chunks(tensor.shape[1]).map(<[f32]>::to_vec).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

/// The smallest cosine and the largest difference of normalised embeddings.
fn distance(got: &Embeddings, expected: &[Vec<f32>]) -> (f64, f32) {
    assert_eq!(got.len(), expected.len());
    got.rows().zip(expected).fold((1.0, 0.0), |(least, most), (a, b)| {
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        let unit = |v: &[f32]| -> Vec<f32> { v.iter().map(|x| x / length(v)).collect() };
        (cosine(a, b).min(least), difference(&unit(a), &unit(b)).max(most))
    })
}

#[test]
#[expect(clippy::print_stderr, reason = "for whoever reads the test's output")]
fn embeddings_are_those_of_sentence_transformers() {
    let texts = texts();
    for case in cases() {
        for (padded, exact_products) in [(false, false), (true, false), (false, true)] {
            let tolerance = if exact_products { 1e-5 } else { tolerance() };
            let options = Options { padded, exact_products, ..Options::default() };
            let encoder = open(&folder().join(&case), &options).unwrap();
            let (least, most) = distance(&encode(&encoder, &texts, None), &expected(&case, "plain"));
            eprintln!("{case:14} padded {padded:5}: cosine {least:.9}, difference {most:.2e}");
            let (cosine, difference) =
                if HALF.contains(&case.as_str()) { (0.999, 0.05) } else { (0.999_999_9, tolerance) };
            assert!(least >= cosine && most <= difference, "{case}, padded {padded}: {least} {most}");
            let all = read_tensors(&folder().join(&case).join("expected.safetensors"));
            if let Some(expected) = all.get("long") {
                let (least, most) = distance(&encode(&encoder, &long_texts(), None), &rows(expected));
                eprintln!("{case:14} padded {padded:5}, long: cosine {least:.9}, difference {most:.2e}");
                assert!(least >= 0.999_999_9 && most <= tolerance, "{case}, padded {padded}, long: {least} {most}");
            }
        }
    }
}

/// Holds that a folder gives the embeddings of a case, of short texts and of long ones.
pub(super) fn assert_same(model: &Path, case: &str) {
    for padded in [false, true] {
        let encoder = open(model, &Options { padded, ..Options::default() }).unwrap();
        for (texts, name) in [(texts(), "plain"), (long_texts(), "long")] {
            let (least, most) = distance(&encode(&encoder, &texts, None), &expected(case, name));
            assert!(least >= 0.999_999_9 && most <= tolerance(), "{case}, {name}, padded {padded}: {least} {most}");
        }
    }
}

/// Sets and removes (with null) keys of config.json.
pub(super) fn edit_config(model: &Path, changes: &Value) {
    edit_json(&model.join("config.json"), |config| {
        for (key, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(config.as_object_mut().unwrap().remove(key)),
                value => config[key] = value.clone(),
            }
        }
    });
}

/// Puts `prefix` in front of every name, and adds a tensor of a head.
pub(super) fn wrap(model: &Path, prefix: &str) {
    change_tensors(model, |tensors| {
        *tensors =
            std::mem::take(tensors).into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect();
        tensors.insert("lm_head.weight".to_owned(), Tensor::random(&[3, 32], 1));
    });
}

#[test]
fn older_files_say_the_same() {
    let cases = [
        (
            "modernbert",
            json!({
                "rope_parameters": null, "layer_types": null, "norm_eps": null, "layer_norm_eps": 1e-4,
                "global_rope_theta": 160_000.0, "local_rope_theta": 10_000.0, "global_attn_every_n_layers": 3,
            }),
        ),
        ("qwen3", json!({"rope_parameters": null, "layer_types": null, "rope_theta": 1_000_000, "rope_scaling": null})),
        (
            "qwen2",
            json!({
                "rope_parameters": null, "layer_types": null, "rope_theta": 10000.0,
                "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256, "beta_fast": 8},
            }),
        ),
        (
            "mistral",
            json!({"rope_parameters": null, "rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 2}}),
        ),
        ("gemma3", json!({"rope_parameters": null, "rope_theta": 1_000_000, "rope_local_base_freq": 10_000.0})),
    ];
    for (case, config) in cases {
        let prefix = if case == "qwen2" { "module." } else { "model." };
        let (_root, model) = changed(case, |model| {
            edit_config(model, &config);
            wrap(model, prefix);
        });
        assert_same(&model, case);
    }
    // transformers has keys of its own for this class.
    let (_root, model) = changed("nomic_bert", |model| {
        let config = json!({
            "model_type": "nomic_bert", "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
            "intermediate_size": 32, "max_position_embeddings": 1024, "layer_norm_eps": 1e-12, "hidden_act": "silu",
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0},
        });
        fs::write(model.join("config.json"), config.to_string()).unwrap();
        wrap(model, "nomic_bert.");
    });
    assert_same(&model, "nomic_bert");
}

#[test]
fn the_side_of_padding_does_not_matter() {
    for case in ["qwen3", "mistral", "modernbert"] {
        for side in ["left", "right"] {
            let (_root, model) = changed(case, |model| {
                edit(model, "tokenizer_config.json", "padding_side", json!(side));
                let side = if side == "left" { "Left" } else { "Right" };
                let padding = json!({
                    "strategy": "BatchLongest", "direction": side, "pad_to_multiple_of": null, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "x",
                });
                edit(model, "tokenizer.json", "padding", padding);
            });
            assert_same(&model, case);
        }
    }
}

#[test]
fn a_cut_text_keeps_its_end_token() {
    let end = 290;
    let (_root, model) = changed("qwen3", |_| {});
    let encoder = open(&model, &Options { max_length: Some(8), ..Options::default() }).unwrap();
    let tokens = encoder.tokenize(&long_texts(), None).unwrap();
    for text in 0..tokens.len() {
        assert_eq!((tokens.length(text), tokens.get(text).last()), (8, Some(&end)));
    }
    // transformers 5 leaves the setting out where there is a tokenizer.json.
    let (_root, model) = changed("qwen3", |model| {
        edit(model, "tokenizer.json", "post_processor", json!(null));
        edit(model, "tokenizer_config.json", "add_eos_token", json!(true));
    });
    let encoder = open(&model, &Options::default()).unwrap();
    assert!(encoder.warnings().iter().any(|said| said.contains("`add_eos_token`")), "{:?}", encoder.warnings());
    assert_ne!(encoder.tokenize(&texts(), None).unwrap().get(0).last(), Some(&end));
}

#[test]
fn a_special_token_without_an_embedding_matters_only_in_a_text() {
    let (_root, model) = changed("gemma3", |model| {
        edit_json(&model.join("tokenizer.json"), |tokenizer| {
            let token = json!({
                "id": 38, "content": "<image>", "special": true, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false,
            });
            tokenizer["added_tokens"].as_array_mut().unwrap().push(token);
        });
    });
    assert_same(&model, "gemma3");
    let encoder = open(&model, &Options::default()).unwrap();
    let error = encoder.tokenize(&["a", "an <image>"], None).unwrap_err();
    assert!(
        error.to_string().contains("token \"<image>\" has number 38, but the model has 38 token embeddings"),
        "{error}"
    );
}

#[test]
fn prompts_are_put_in_front_and_left_out_of_pooling() {
    let encoder = open(&folder().join("prompt"), &Options::default()).unwrap();
    assert_eq!((encoder.dimension(), encoder.max_length()), (10, 12));
    let (least, most) = distance(&encode(&encoder, &texts(), Some("search query: ")), &expected("prompt", "query"));
    assert!(least >= 0.999_999_9 && most <= tolerance(), "{least} {most}");
}

#[test]
#[expect(clippy::print_stderr, reason = "for whoever reads the test's output")]
fn an_embedding_does_not_depend_on_the_texts_around_it() {
    let mut texts = texts();
    texts.push(long_texts()[2].clone());
    texts.extend((0..40).map(|i| format!("cat {} mat", "the ".repeat(i))));
    for case in cases() {
        for (padded, batch_tokens) in [(false, 1), (false, 50), (false, 100_000), (true, 50), (true, 100_000)] {
            let options = Options { padded, batch_tokens: Some(batch_tokens), ..Options::default() };
            let encoder = open(&folder().join(&case), &options).unwrap();
            let together = encode(&encoder, &texts, None);
            let mut reversed = texts.clone();
            reversed.reverse();
            let reversed = encode(&encoder, &reversed, None);
            for (index, (a, b)) in together.rows().zip(reversed.rows().collect::<Vec<_>>().iter().rev()).enumerate() {
                assert!(
                    difference(a, b) <= 1e-6 * a.iter().fold(1.0, |most: f32, x| most.max(x.abs())),
                    "{case}: {index}"
                );
            }
            let mut most: f32 = 0.0;
            for (text, a) in texts.iter().zip(together.rows()) {
                let alone = encode(&encoder, std::slice::from_ref(text), None);
                let length = a.iter().map(|x| x * x).sum::<f32>().sqrt().max(1.0);
                most = most.max(difference(a, &alone.values) / length);
            }
            eprintln!("{case:14} padded {padded:5}, {batch_tokens:6} tokens at a time: {most:.2e} from alone");
            // With padding, products have other sizes and so other roundings.
            let enough = if padded { 0.5 * tolerance() } else { 1e-6 };
            assert!(most <= enough, "{case}, padded {padded}, {batch_tokens}: {most}");
        }
    }
}

#[test]
fn half_precision_can_be_asked_for() {
    let texts = texts();
    for dtype in [DType::F16, DType::Bf16] {
        let encoder =
            open(&folder().join("xlm-roberta"), &Options { dtype: Some(dtype), ..Options::default() }).unwrap();
        let (least, most) = distance(&encode(&encoder, &texts, None), &expected("xlm-roberta", "plain"));
        assert!(least >= 0.99 && most > 1e-6, "{dtype}: {least} {most}");
    }
    for case in ["modernbert", "new", "nomic_bert", "qwen2", "qwen3", "mistral", "llama", "gemma3"] {
        for dtype in [DType::F16, DType::Bf16] {
            if case == "gemma3" && dtype == DType::F16 {
                continue;
            }
            let encoder = open(&folder().join(case), &Options { dtype: Some(dtype), ..Options::default() }).unwrap();
            let (least, most) = distance(&encode(&encoder, &texts, None), &expected(case, "plain"));
            // Random weights of this size take their rounding to 8 bits far.
            let enough = match dtype {
                DType::F16 => 0.999,
                // There inputs of products are rounded, too.
                _ if tile_level().is_some() => 0.98,
                _ => 0.99,
            };
            assert!(least >= enough, "{case}, {dtype}: {least} {most}");
        }
    }
    let options = Options { dtype: Some(DType::F16), ..Options::default() };
    let error = open(&folder().join("gemma3"), &options).unwrap_err();
    assert!(error.to_string().ends_with("is a `gemma3_text` model, which overflows in float16"), "{error}");
    assert!(error.hint().unwrap().contains("bfloat16"));
}

#[test]
fn settings_that_change_the_maths_are_refused_by_name() {
    let cases = [
        ("qwen3", json!({"rope_parameters": null, "rope_scaling": {"rope_type": "longrope"}}), "of type \"longrope\""),
        (
            "qwen3",
            json!({"num_key_value_heads": 3}),
            "`num_key_value_heads` is 3, which does not divide the 4 attention heads",
        ),
        (
            "qwen3",
            json!({"layer_types": ["full_attention", "chunked"]}),
            "`layer_types` is \"chunked\", expected full_attention",
        ),
        ("qwen3", json!({"layer_types": []}), "`layer_types` does not list 2 layers"),
        ("qwen3", json!({"head_dim": 15}), "heads have 15 numbers, expected an even number"),
        ("qwen3", json!({"head_dim": 14}), "`layers.0.self_attn.q_proj.weight` has shape [64, 32], expected [56, 32]"),
        ("qwen3", json!({"attention_bias": true}), "has no tensor `layers.0.self_attn.q_proj.bias`"),
        ("llama", json!({"hidden_act": "xielu"}), "`hidden_act` is \"xielu\""),
        ("mistral", json!({"layer_types": ["full_attention"]}), "`layer_types` is [\"full_attention\"], expected none"),
        ("gemma3", json!({"sliding_window": 257}), "`sliding_window` is 257, expected an even number, such as 512"),
        ("gemma3", json!({"attn_logit_softcapping": 50.0}), "`attn_logit_softcapping` is 50.0, expected none"),
        ("new", json!({"logn_attention_scale": true}), "`logn_attention_scale` is true, expected false"),
        (
            "new",
            json!({"position_embedding_type": "absolute"}),
            "`position_embedding_type` is \"absolute\", expected \"rope\"",
        ),
        (
            "new",
            json!({"rope_scaling": {"type": "ntk", "factor": 8, "mixed_b": 0.5}}),
            "`mixed_b` is 0.5, expected none",
        ),
        ("nomic_bert", json!({"prenorm": true}), "`prenorm` is true, expected false"),
        ("nomic_bert", json!({"num_experts": 8}), "is a `nomic_bert with experts` model, which cannot be encoded with"),
        ("nomic_bert", json!({"activation_function": "gelu"}), "`activation_function` is \"gelu\", expected swiglu"),
        ("nomic_bert", json!({"rotary_emb_fraction": 0.5}), "`rotary_emb_fraction` is 0.5, expected 1"),
    ];
    for (case, config, message) in cases {
        let (_root, model) = changed(case, |model| edit_config(model, &config));
        let error = open(&model, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_plain_folder_may_carry_wrappers_in_its_names() {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("m");
    copy_folder(&folder().join("plain"), &model);
    let file = model.join("model.safetensors");
    let tensors = read_tensors(&file);
    let wrapped = tensors.into_iter().map(|(name, tensor)| (format!("bert.{name}"), tensor)).collect();
    fs::write(&file, safetensors(&wrapped)).unwrap();
    let encoder = open(&model, &Options::default()).unwrap();
    let (least, _) = distance(&encode(&encoder, &texts(), None), &expected("plain", "plain"));
    assert!(least >= 0.999_999);
}

#[test]
fn a_sharded_folder_is_read() {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("m");
    copy_folder(&folder().join("plain"), &model);
    let tensors = read_tensors(&model.join("model.safetensors"));
    let mut map = serde_json::Map::new();
    for (number, (name, tensor)) in tensors.iter().enumerate() {
        let shard = format!("model-{number}.safetensors");
        fs::write(model.join(&shard), safetensors(&[(name.clone(), tensor.clone())].into())).unwrap();
        map.insert(name.clone(), json!(shard));
    }
    fs::remove_file(model.join("model.safetensors")).unwrap();
    fs::write(model.join("model.safetensors.index.json"), json!({"weight_map": map}).to_string()).unwrap();
    let encoder = open(&model, &Options::default()).unwrap();
    assert!(distance(&encode(&encoder, &texts(), None), &expected("plain", "plain")).0 >= 0.999_999);
}

/// A copy of a case, changed.
pub(super) fn changed(case: &str, change: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("m");
    copy_folder(&folder().join(case), &model);
    change(&model);
    (root, model)
}

pub(super) fn change_tensors(model: &Path, change: impl FnOnce(&mut super::support::Tensors)) {
    let file = model.join("model.safetensors");
    let mut tensors = read_tensors(&file);
    change(&mut tensors);
    fs::write(file, safetensors(&tensors)).unwrap();
}

fn edit(model: &Path, file: &str, key: &str, value: Value) {
    edit_json(&model.join(file), |config| config[key] = value);
}

type Change = fn(&Path);

#[test]
fn models_that_cannot_be_used_are_refused_by_name() {
    let cases: [(&str, Change, &str); 14] = [
        (
            "plain",
            |m| edit_json(&m.join("config.json"), |c| drop(c.as_object_mut().unwrap().remove("model_type"))),
            "config.json` has no `model_type`",
        ),
        (
            "plain",
            |m| edit(m, "config.json", "model_type", json!("longt5")),
            "is a `longt5` model, which cannot be encoded with",
        ),
        (
            "plain",
            |m| change_tensors(m, |t| drop(t.remove("encoder.layer.1.output.dense.bias"))),
            "has no tensor `encoder.layer.1.output.dense.bias`",
        ),
        (
            "plain",
            |m| edit(m, "config.json", "num_hidden_layers", json!(3)),
            "has no tensor `encoder.layer.2.intermediate.dense.weight`",
        ),
        (
            "plain",
            |m| edit(m, "config.json", "num_attention_heads", json!(3)),
            "`num_attention_heads` is 3, which does not divide the width 16",
        ),
        ("plain", |m| fs::remove_file(m.join("tokenizer.json")).unwrap(), "has no tokenizer.json"),
        ("plain", |m| fs::write(m.join("tokenizer.json"), "{}").unwrap(), "tokenizer.json` is not valid"),
        (
            "plain",
            |m| {
                change_tensors(m, |t| {
                    drop(t.insert("embeddings.word_embeddings.weight".into(), Tensor::random(&[37, 16], 1)));
                });
            },
            "has number 37, but the model has 37 token embeddings",
        ),
        (
            "plain",
            |m| {
                change_tensors(m, |t| {
                    drop(t.insert("encoder.layer.0.output.dense.weight".into(), Tensor::random(&[16, 31], 1)));
                });
            },
            "tensor `encoder.layer.0.output.dense.weight` has shape [16, 31], expected [16, 32]",
        ),
        (
            "bert",
            |m| edit_json(&m.join("modules.json"), |c| drop(c.as_array_mut().unwrap().remove(1))),
            "has no Pooling module",
        ),
        (
            "bert",
            |m| edit_json(&m.join("modules.json"), |c| c[1]["type"] = json!("pylate.models.ColBERT")),
            "has a `ColBERT` module: a late-interaction model",
        ),
        (
            "bert",
            |m| {
                edit_json(&m.join("modules.json"), |c| {
                    c[1]["type"] = json!("sentence_transformers.sparse_encoder.models.SpladePooling");
                });
            },
            "has a `SpladePooling` module: a sparse model",
        ),
        (
            "bert",
            |m| edit(m, "config_sentence_transformers.json", "model_type", json!("MultiVectorEncoder")),
            "late-interaction (MultiVectorEncoder)",
        ),
        (
            "dense",
            |m| edit_json(&m.join("modules.json"), |c| drop(c.as_array_mut().unwrap().remove(1))),
            "has a `Dense` module: a late-interaction model",
        ),
    ];
    for (case, change, message) in cases {
        let (_root, model) = changed(case, change);
        let error = open(&model, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(
            error.hint().is_some()
                || matches!(
                    error,
                    Error::Missing { .. } | Error::Setting { .. } | Error::Shape { .. } | Error::Tokenizer { .. }
                ),
            "{error}"
        );
    }
}

#[test]
fn an_embedding_that_is_not_finite_names_its_text() {
    let (_root, model) = changed("plain", |model| {
        let vocabulary = &read_json(&model.join("tokenizer.json"))["model"]["vocab"];
        let row = usize::try_from(vocabulary["search"].as_u64().unwrap()).unwrap();
        change_tensors(model, |tensors| {
            let words = tensors.get_mut("embeddings.word_embeddings.weight").unwrap();
            assert_eq!(words.dtype, Dtype::F32);
            words.bytes[row * 16 * 4..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        });
    });
    for padded in [false, true] {
        let encoder = open(&model, &Options { padded, ..Options::default() }).unwrap();
        let tokens = encoder.tokenize(&["the cat", "a search on the mat", "mat"], None).unwrap();
        let error = encoder.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
        assert_eq!(error.to_string(), "the embedding of text 1 (\"a search on the mat\") is not finite");
    }
}

#[test]
fn lengths_and_dimensions_out_of_range_are_refused() {
    let model = folder().join("xlm-roberta");
    for max_length in [0, 2, 39, usize::MAX] {
        let error = open(&model, &Options { max_length: Some(max_length), ..Options::default() }).unwrap_err();
        assert_eq!(error.to_string(), format!("the maximum length {max_length} is not between 3 and 38"));
    }
    for truncate_dim in [0, 17] {
        let error = open(&model, &Options { truncate_dim: Some(truncate_dim), ..Options::default() }).unwrap_err();
        assert_eq!(error.to_string(), format!("embeddings cannot be cut to {truncate_dim} dimensions: they have 16"));
    }
    let encoder = open(&model, &Options { max_length: Some(38), ..Options::default() }).unwrap();
    assert_eq!(encoder.tokenize(&["cat ".repeat(99)], None).unwrap().length(0), 38);
}

#[test]
fn encoding_can_be_stopped() {
    let encoder = open(&folder().join("bert"), &Options { batch_tokens: Some(1), ..Options::default() }).unwrap();
    let tokens = encoder.tokenize(&texts(), None).unwrap();
    let mut batches = 0;
    let done = encoder.encode(&tokens, &mut |_, _| {
        batches += 1;
        if batches == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(done, Err(Error::Cancelled)) && batches == 3);
}

#[test]
fn other_weights_take_the_place_of_the_first() {
    let (one, other) = (folder().join("bert"), folder().join("bert-float16"));
    let mut encoder = open(&one, &Options::default()).unwrap();
    let tokens = encoder.tokenize(&texts(), None).unwrap();
    encoder.replace(&Checkpoint::open(&one).unwrap(), &Checkpoint::open(&other).unwrap()).unwrap();
    let got = encoder.encode(&tokens, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(distance(&got, &expected("bert-float16", "plain")).0 >= 0.999);
}

fn lines(texts: &[String]) -> String {
    texts.join("\n") + "\n"
}

#[test]
fn the_command_writes_every_format() {
    let root = tempfile::tempdir().unwrap();
    let model = folder().join("bert");
    let input = lines(&texts());
    let expected = expected("bert", "plain");
    for name in ["out.npy", "out.safetensors", "out.jsonl"] {
        let output = admix(root.path())
            .args(["embed"])
            .arg(&model)
            .args(["-o", name, "--json"])
            .write_stdin(input.clone())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let summary = stdout_json(&output);
        assert_eq!((summary["texts"].as_u64(), summary["dimensions"].as_u64()), (Some(12), Some(16)));
        let bytes = fs::read(root.path().join(name)).unwrap();
        let got: Vec<Vec<f32>> = match name {
            "out.npy" => {
                assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
                let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
                assert_eq!((header + 10) % 64, 0);
                let text = std::str::from_utf8(&bytes[10..10 + header]).unwrap();
                assert!(
                    text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (12, 16), }")
                        && text.ends_with('\n')
                );
                let numbers: Vec<f32> =
                    bytes[10 + header..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
                numbers.chunks(16).map(<[f32]>::to_vec).collect()
            }
            "out.safetensors" => rows(&parse_tensors(&bytes)["embeddings"]),
            _ => {
                let values = bytes
                    .split(|b| *b == b'\n')
                    .filter(|line| !line.is_empty())
                    .map(|line| serde_json::from_slice::<Value>(line).unwrap());
                let values: Vec<Value> = values.collect();
                assert_eq!(values[1]["text"], json!(texts()[1]));
                values.iter().map(|value| serde_json::from_value(value["embedding"].clone()).unwrap()).collect()
            }
        };
        assert_eq!(got.len(), expected.len());
        for (a, b) in got.iter().zip(&expected) {
            assert!(difference(a, b) <= 1e-5, "{name}");
        }
    }
    assert_eq!(super::support::names(root.path()), ["out.jsonl", "out.npy", "out.safetensors"]);
}

#[test]
fn the_command_applies_prompts_and_options() {
    let root = tempfile::tempdir().unwrap();
    let model = folder().join("prompt");
    let model = model.to_str().unwrap();
    let expected = expected("prompt", "query");
    for (name, arguments) in [("a", ["--prompt-name", "query"]), ("b", ["--prompt", "search query: "])] {
        let out = format!("{name}.safetensors");
        let mut command = admix(root.path());
        command.args(["embed", model, "-o", &out]).args(arguments).write_stdin(lines(&texts()));
        assert!(command.output().unwrap().status.success());
        let got = rows(&read_tensors(&root.path().join(out))["embeddings"]);
        assert!(got.iter().zip(&expected).all(|(a, b)| difference(a, b) <= 10.0 * tolerance()));
    }
    let arguments = [
        "embed",
        model,
        "-o",
        "c.safetensors",
        "--pooling",
        "cls+mean",
        "--truncate-dim",
        "20",
        "--max-length",
        "8",
        "--json",
    ];
    let output = admix(root.path()).args(arguments).write_stdin("cat\n").output().unwrap();
    let summary = stdout_json(&output);
    assert_eq!((summary["dimensions"].as_u64(), summary["max_length"].as_u64()), (Some(20), Some(8)));
}

#[test]
fn faults_of_the_command_have_their_exit_codes() {
    let root = tempfile::tempdir().unwrap();
    let model = folder().join("bert");
    let model = model.to_str().unwrap();
    run(root.path(), &["embed", model, "-o", "there.npy", "--quiet"]);
    let cases: [(&[&str], i32, &str); 8] = [
        (&["embed", model, "-o", "out.csv"], 2, "`out.csv` ends in no known format"),
        (&["embed", model, "-o", "there.npy"], 2, "`there.npy` exists"),
        (&["embed", model, "-o", "out.npy", "--prompt-name", "x"], 2, "has no prompt called `x`"),
        (&["embed", model, "-o", "out.npy", "--device", "cuda:1"], 2, "this build of admix has no support for cuda:1"),
        (&["embed", model, "-o", "out.npy", "--device", "tpu"], 2, "`tpu` is not a device"),
        (&["embed", model, "-o", "out.npy", "--pooling", "median"], 2, "`median` is not a pooling mode"),
        (&["embed", "nowhere", "-o", "out.npy"], 3, "no such folder"),
        (&["embed", model, "-o", "no/such/out.npy"], 1, "cannot write `no/such/out.npy`"),
    ];
    for (arguments, code, message) in cases {
        if cfg!(feature = "cuda") && arguments.contains(&"cuda:1") {
            continue;
        }
        let output = admix(root.path()).args(arguments).write_stdin("cat\n").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
    let output = admix(root.path())
        .args(["embed", model, "-o", "out.npy"])
        .write_stdin(b"cat\n\xff\n".as_slice())
        .output()
        .unwrap();
    assert!(stderr(&output).contains("cannot read line 2 of stdin"), "{}", stderr(&output));
    run(root.path(), &["embed", model, "-o", "there.npy", "--force"]);
    assert_eq!(super::support::names(root.path()), ["there.npy"]);
}
