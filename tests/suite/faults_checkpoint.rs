//! Checkpoints that do not belong together, or whose numbers are no good: exit code 3, and nothing is written.

use std::fs;
use std::path::Path;

use safetensors::Dtype;
use serde_json::json;

use super::fault_table::{Accepted, FAULT, Fault, check, check_accepted};
use super::support::{Tensor, edit_json, encoder, pair, retrievers, write_json, write_model};

/// Changes one tensor of `b`; `None` takes it away.
fn tensor(folder: &Path, name: &str, tensor: Option<Tensor>) {
    let mut tensors = encoder(2);
    match tensor {
        Some(tensor) => drop(tensors.insert(name.to_owned(), tensor)),
        None => drop(tensors.remove(name)),
    }
    write_model(&folder.join("b"), &tensors);
}

const BIAS: &str = "encoder.layer.1.output.dense.bias";

fn with_nan(folder: &Path) {
    tensor(folder, BIAS, Some(Tensor::floats(Dtype::F32, &[4], [1.0, 2.0, f64::NAN, 3.0])));
}

#[test]
fn tensors_that_do_not_fit_together_are_refused() {
    check(
        &[
            Fault {
                name: "different shapes",
                arrange: |folder| tensor(folder, BIAS, Some(Tensor::random(&[5], 1))),
                says: &["`encoder.layer.1.output.dense.bias` has shape [4] in `a` and [5] in `b`"],
                hint: "architecture",
                ..FAULT
            },
            Fault {
                name: "integers and floats",
                arrange: |folder| tensor(folder, BIAS, Some(Tensor::integers(&[4], 0..4))),
                says: &["`encoder.layer.1.output.dense.bias` is F32 in `a` and I64 in `b`"],
                ..FAULT
            },
            Fault {
                name: "absent tensor",
                arrange: |folder| tensor(folder, BIAS, None),
                says: &["`encoder.layer.1.output.dense.bias` is in `a` and not in `b`"],
                hint: "--allow missing-tensor",
                ..FAULT
            },
            Fault {
                name: "NaN",
                arrange: with_nan,
                says: &["`encoder.layer.1.output.dense.bias` of `b` holds NaN or infinity"],
                hint: "--allow non-finite",
                ..FAULT
            },
            Fault {
                name: "too large for float16",
                arrange: |folder| tensor(folder, BIAS, Some(Tensor::floats(Dtype::F32, &[4], [1.0, 2e5, 0.0, 3.0]))),
                arguments: &["--out-dtype", "float16"],
                says: &["`encoder.layer.1.output.dense.bias` becomes too large for float16"],
                hint: "out_dtype",
                ..FAULT
            },
            Fault {
                name: "different integer buffers",
                arrange: |folder| {
                    for (model, seed) in [("a", 1), ("b", 2)] {
                        let mut tensors = encoder(seed);
                        let ids = Tensor::integers(&[1, 4], [0, 1, 2, i64::from(seed)]);
                        tensors.insert("embeddings.position_ids".into(), ids);
                        write_model(&folder.join(model), &tensors);
                    }
                },
                says: &["`embeddings.position_ids` (I64) can only be copied, and differs between `a` and `b`"],
                ..FAULT
            },
        ],
        pair,
    );
}

#[test]
fn nan_is_found_by_every_method() {
    let recipe = |method, rest| {
        format!("merge_method: {method}\nbase_model: a\nmodels: [{{model: b}}]\nparameters: {{{rest}}}\n")
    };
    let passthrough = "merge_method: passthrough\nmodels: [{model: b}]\n".to_owned();
    for text in [
        recipe("slerp", "t: 0.4"),
        recipe("ties", "weight: 1, density: 0.5"),
        recipe("task_arithmetic", "weight: 0.3"),
        recipe("nearswap", "t: 0.001"),
        recipe("linear", "weight: 1"),
        passthrough,
    ] {
        for value in [f64::NAN, f64::INFINITY] {
            let folder = pair();
            tensor(folder.path(), BIAS, Some(Tensor::floats(Dtype::F32, &[4], [1.0, 2.0, value, 3.0])));
            fs::write(folder.path().join("recipe.yaml"), &text).unwrap();
            let run = |more: &[&str]| {
                let output = super::support::admix(folder.path())
                    .args(["merge", "recipe.yaml", "-o", "out"])
                    .args(more)
                    .output()
                    .unwrap();
                (output.status.code(), super::support::stderr(&output))
            };
            let says = "`encoder.layer.1.output.dense.bias` of `b` holds NaN or infinity";
            let (code, said) = run(&[]);
            assert!(code == Some(3) && said.contains(says), "{value} in {text}{said}");
            let (code, said) = run(&["--allow", "non-finite"]);
            assert!(code == Some(0) && said.contains(says) && said.contains("warning"), "{value} in {text}{said}");
        }
    }
}

#[test]
fn what_the_user_accepts_goes_on_with_a_warning() {
    check_accepted(
        &[
            Accepted {
                name: "absent tensor",
                arrange: |folder| tensor(folder, BIAS, None),
                allow: "missing-tensor",
                says: &["`b` lacks `encoder.layer.1.output.dense.bias`; merged without it"],
            },
            Accepted {
                name: "NaN",
                arrange: with_nan,
                allow: "non-finite",
                says: &["`encoder.layer.1.output.dense.bias` of `b` holds NaN or infinity"],
            },
            Accepted {
                name: "different activations",
                arrange: |folder| {
                    edit_json(&folder.join("b/config.json"), |config| config["hidden_act"] = json!("relu"));
                },
                allow: "architecture",
                says: &["relu"],
            },
        ],
        || {
            let folder = pair();
            edit_json(&folder.path().join("a/config.json"), |config| config["hidden_act"] = json!("gelu"));
            edit_json(&folder.path().join("b/config.json"), |config| config["hidden_act"] = json!("gelu"));
            folder
        },
    );
}

#[test]
fn retrievers_that_are_used_differently_are_refused_unless_accepted() {
    check_accepted(
        &[
            Accepted {
                name: "pooling",
                arrange: |folder| {
                    write_json(
                        &folder.join("b/1_Pooling/config.json"),
                        &json!({"word_embedding_dimension": 24, "pooling_mode": "cls"}),
                    );
                },
                allow: "pooling",
                says: &["`a` has mean, `b` has cls"],
            },
            Accepted {
                name: "vocabulary",
                arrange: |folder| {
                    edit_json(&folder.join("b/tokenizer.json"), |tokenizer| {
                        tokenizer["model"]["vocab"].as_array_mut().unwrap().swap(100, 101);
                    });
                },
                allow: "tokenizer",
                says: &["tokenizer"],
            },
            Accepted {
                name: "prompts",
                arrange: |folder| {
                    edit_json(&folder.join("b/config_sentence_transformers.json"), |config| {
                        config["prompts"]["query"] = json!("search_query: ");
                    });
                },
                allow: "prompts",
                says: &["\"query: \"", "\"search_query: \""],
            },
            Accepted {
                name: "similarity",
                arrange: |folder| {
                    edit_json(&folder.join("b/config_sentence_transformers.json"), |config| {
                        config["similarity_fn_name"] = json!("dot");
                    });
                },
                allow: "similarity",
                says: &["cosine", "dot"],
            },
            Accepted {
                name: "normalisation",
                arrange: |folder| {
                    edit_json(&folder.join("b/modules.json"), |modules| drop(modules.as_array_mut().unwrap().pop()));
                },
                allow: "normalize",
                says: &["normalisation"],
            },
            Accepted {
                name: "longest input",
                arrange: |folder| {
                    edit_json(&folder.join("b/sentence_bert_config.json"), |config| {
                        config["max_seq_length"] = json!(32);
                    });
                },
                allow: "max-length",
                says: &["64", "32"],
            },
        ],
        || retrievers("tiny"),
    );
}
