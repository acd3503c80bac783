//! Encoders against sentence-transformers, and `admix embed`.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use admix::checkpoint::Checkpoint;
use admix::encoder::{Embeddings, Encoder, Error, Options};
use admix::kernel::Float;
use safetensors::Dtype;
use serde_json::{Value, json};

use super::support::{
    Tensor, admix, copy_folder, edit_json, parse_tensors, read_json, read_tensors, repository, run, safetensors,
    stderr, stdout_json,
};

/// Model folders whose weights are in half precision.
const HALF: [&str; 2] = ["bert-float16", "bert-bfloat16"];

fn folder() -> PathBuf {
    repository().join("tests/goldens/encoders")
}

fn cases() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut names: Vec<String> = entries.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 11);
    names
}

fn texts() -> Vec<String> {
    serde_json::from_value(read_json(&folder().join("texts.json"))).unwrap()
}

fn open(model: &Path, options: &Options) -> Result<Encoder, Error> {
    Encoder::open(&Checkpoint::open(model).unwrap(), options)
}

fn encode(encoder: &Encoder, texts: &[String], prompt: Option<&str>) -> Embeddings {
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
        for padded in [false, true] {
            let options = Options { padded, ..Options::default() };
            let encoder = open(&folder().join(&case), &options).unwrap();
            let (least, most) = distance(&encode(&encoder, &texts, None), &expected(&case, "plain"));
            eprintln!("{case:14} padded {padded:5}: cosine {least:.9}, difference {most:.2e}");
            let (cosine, difference) = if HALF.contains(&case.as_str()) { (0.999, 0.05) } else { (0.999_999, 1e-5) };
            assert!(least >= cosine && most <= difference, "{case}, padded {padded}: {least} {most}");
        }
    }
}

#[test]
fn prompts_are_put_in_front_and_left_out_of_pooling() {
    let encoder = open(&folder().join("prompt"), &Options::default()).unwrap();
    assert_eq!((encoder.dimension(), encoder.max_length()), (10, 12));
    let (least, most) = distance(&encode(&encoder, &texts(), Some("search query: ")), &expected("prompt", "query"));
    assert!(least >= 0.999_999 && most <= 1e-5, "{least} {most}");
}

#[test]
fn an_embedding_does_not_depend_on_the_texts_around_it() {
    let mut texts = texts();
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
            for (index, (text, a)) in texts.iter().zip(together.rows()).enumerate() {
                let alone = encode(&encoder, std::slice::from_ref(text), None);
                let scale = a.iter().fold(1.0, |most: f32, x| most.max(x.abs()));
                assert!(
                    difference(a, &alone.values) <= 1e-6 * scale,
                    "{case}, padded {padded}, {batch_tokens}: {index}"
                );
            }
        }
    }
}

#[test]
fn half_precision_can_be_asked_for() {
    let texts = texts();
    for dtype in [Float::F16, Float::Bf16] {
        let encoder =
            open(&folder().join("xlm-roberta"), &Options { dtype: Some(dtype), ..Options::default() }).unwrap();
        let (least, most) = distance(&encode(&encoder, &texts, None), &expected("xlm-roberta", "plain"));
        assert!(least >= 0.99 && most > 1e-6, "{dtype}: {least} {most}");
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
fn changed(case: &str, change: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("m");
    copy_folder(&folder().join(case), &model);
    change(&model);
    (root, model)
}

fn change_tensors(model: &Path, change: impl FnOnce(&mut super::support::Tensors)) {
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
            |m| edit(m, "config.json", "model_type", json!("t5")),
            "is a `t5` model, which cannot be encoded with",
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
        assert!(got.iter().zip(&expected).all(|(a, b)| difference(a, b) <= 1e-4));
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
