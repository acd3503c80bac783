//! LoRA adapters: folded as PEFT folds them, in every method as if they had been folded before, and refused where they do
//! not fit.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde_json::{Value, json};

use super::fault_table::{FAULT, Fault, check};
use super::support::{
    Tensor, Tensors, distance, edit_json, pair, read_json, read_tensors, repository, run, safetensors, tensors,
    write_json,
};

fn goldens() -> PathBuf {
    repository().join("tests/goldens")
}

/// Merges a recipe's text in `folder` into `out`, and gives the weights' bytes.
fn merged(folder: &Path, recipe: &str, out: &Path, more: &[&str]) -> Vec<u8> {
    let file = out.with_extension("yaml");
    fs::write(&file, recipe).unwrap();
    let mut arguments =
        vec!["merge", file.to_str().unwrap(), "-q", "--no-sync", "--force", "-o", out.to_str().unwrap()];
    arguments.extend(more);
    run(folder, &arguments);
    fs::read(out.join("model.safetensors")).unwrap()
}

const BASE: &str = "models/xlm-roberta/base";

#[test]
fn adapters_are_folded_as_peft_folds_them() {
    let out = tempfile::tempdir().unwrap();
    for name in ["plain", "root", "patterns", "embeddings"] {
        let target = out.path().join(name);
        let recipe = format!("merge_method: passthrough\nmodels: [{{model: {BASE}+adapters/{name}}}]\n");
        merged(&goldens(), &recipe, &target, &[]);
        let found = read_tensors(&target.join("model.safetensors"));
        let expected = read_tensors(&goldens().join(format!("expected/adapters/{name}.safetensors")));
        let base = read_tensors(&goldens().join(BASE).join("model.safetensors"));
        let mut changed = 0;
        for (tensor, found) in &found {
            let difference = distance(found, &expected[tensor]);
            assert!(difference <= 1e-6, "{name}: {tensor} differs by {difference:.1e}");
            changed += usize::from(distance(found, &base[tensor]) > 1e-3);
        }
        assert!(changed >= 6, "{name}: {changed} tensors are changed");
        let record = read_json(&target.join("admix.json"));
        assert_eq!(record["models"][0]["adapter"]["folder"], format!("adapters/{name}"));
        assert!(fs::read_to_string(target.join("README.md")).unwrap().contains(&format!("with the adapter {name}")));
    }
}

#[test]
fn a_merge_with_an_adapter_is_the_merge_with_the_folded_model() {
    let out = tempfile::tempdir().unwrap();
    let folded = out.path().join("folded");
    let adapted = format!("{BASE}+adapters/embeddings");
    merged(&goldens(), &format!("merge_method: passthrough\nmodels: [{{model: {adapted}}}]\n"), &folded, &[]);
    let folded = folded.to_str().unwrap();
    let literal = "{model: {path: models/xlm-roberta/base}, lora: {path: adapters/embeddings}}";
    for (method, parameters) in [
        ("linear", "weight: 0.3"),
        ("ties", "weight: 0.7, density: 0.4"),
        ("slerp", "t: 0.4"),
        ("nuslerp", "weight: 0.4, nuslerp_flatten: false"),
        ("della", "weight: 0.5, density: 0.6, epsilon: 0.2"),
        ("sce", "select_topk: 0.3"),
        ("arcee_fusion", ""),
    ] {
        let recipe = |model: &str| {
            let other = "models/xlm-roberta/ko-ko";
            let listed = format!("models: [{{model: {model}}}, {{model: {other}}}]");
            let base = match method {
                "linear" | "nuslerp" => String::new(),
                "ties" | "della" | "sce" => "base_model: models/xlm-roberta/ko-en\n".to_owned(),
                _ => format!("base_model: {other}\n"),
            };
            format!("merge_method: {method}\n{base}{listed}\nparameters: {{{parameters}}}\n")
        };
        let expected = merged(&goldens(), &recipe(folded), &out.path().join("expected"), &[]);
        for (model, more) in [(adapted.as_str(), ["-j", "1"]), (literal, ["-j", "8"])] {
            let found = merged(&goldens(), &recipe(model), &out.path().join("found"), &more);
            assert!(found == expected, "{method} with {more:?}");
        }
    }
}

/// An adapter of rank 2 for `encoder.layer.0.output.dense` of the encoders of [`pair`].
fn adapter(folder: &Path, tensors: &Tensors) {
    let lora = folder.join("lora");
    fs::create_dir_all(&lora).unwrap();
    fs::write(lora.join("adapter_model.safetensors"), safetensors(tensors)).unwrap();
    let config = json!({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["dense"], "bias": "none"});
    write_json(&lora.join("adapter_config.json"), &config);
    let recipe = "merge_method: linear\nmodels:\n  - {model: a+lora}\n  - {model: b}\nparameters: {weight: 1}\n";
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
}

const DENSE: &str = "base_model.model.bert.encoder.layer.0.output.dense";

fn factors(module: &str, a: &[usize], b: &[usize]) -> Tensors {
    let (first, second) = (format!("{module}.lora_A.weight"), format!("{module}.lora_B.weight"));
    tensors([(first.as_str(), Tensor::random(a, 7)), (second.as_str(), Tensor::random(b, 8))])
}

/// An adapter that fits, with its configuration changed.
fn with_config(folder: &Path, change: impl FnOnce(&mut Value)) {
    adapter(folder, &factors(DENSE, &[2, 4], &[4, 2]));
    edit_json(&folder.join("lora/adapter_config.json"), change);
}

#[test]
fn an_adapter_may_wrap_its_names() {
    let folder = pair();
    adapter(folder.path(), &factors(DENSE, &[2, 4], &[4, 2]));
    run(folder.path(), &["merge", "recipe.yaml", "-q", "-o", "out"]);
}

#[test]
fn adapters_that_do_not_fit_are_refused() {
    check(
        &[
            Fault {
                name: "missing",
                arrange: |folder| {
                    adapter(folder, &factors(DENSE, &[2, 4], &[4, 2]));
                    fs::remove_dir_all(folder.join("lora")).unwrap();
                },
                says: &["no such model folder: `lora`", "recipe.yaml:3:13"],
                ..FAULT
            },
            Fault {
                name: "no adapter",
                arrange: |folder| {
                    let recipe = "merge_method: passthrough\nmodels: [{model: a+b}]\n";
                    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
                },
                says: &["`b` is no adapter: it has no adapter_config.json"],
                ..FAULT
            },
            Fault {
                name: "pickle",
                arrange: |folder| {
                    adapter(folder, &factors(DENSE, &[2, 4], &[4, 2]));
                    let lora = folder.join("lora");
                    fs::rename(lora.join("adapter_model.safetensors"), lora.join("adapter_model.bin")).unwrap();
                },
                says: &["`lora` holds its adapter in adapter_model.bin"],
                hint: "admix convert",
                ..FAULT
            },
            Fault {
                name: "wrong rank",
                arrange: |folder| adapter(folder, &factors(DENSE, &[3, 4], &[4, 3])),
                says: &["encoder.layer.0.output.dense` with rank 2", "`lora_A` of shape [3, 4]"],
                ..FAULT
            },
            Fault {
                name: "wrong shape",
                arrange: |folder| adapter(folder, &factors(DENSE, &[2, 5], &[4, 2])),
                says: &["`encoder.layer.0.output.dense.weight` in shape [4, 5], which in `a` has shape [4, 4]"],
                ..FAULT
            },
            Fault {
                name: "a tensor without a target",
                arrange: |folder| {
                    adapter(folder, &factors("base_model.model.encoder.layer.7.dense", &[2, 4], &[4, 2]));
                },
                says: &["changes the tensor `encoder.layer.7.dense.weight`, which `a` has not"],
                ..FAULT
            },
            Fault {
                name: "half a product",
                arrange: |folder| {
                    let name = format!("{DENSE}.lora_A.weight");
                    adapter(folder, &tensors([(name.as_str(), Tensor::random(&[2, 4], 1))]));
                },
                says: &["with `lora_A` and without `lora_B`"],
                ..FAULT
            },
        ],
        pair,
    );
}

#[test]
fn adapters_of_other_kinds_are_refused() {
    check(
        &[
            Fault {
                name: "outside of the target modules",
                arrange: |folder| with_config(folder, |config| config["target_modules"] = json!(["query"])),
                says: &["adapts `encoder.layer.0.output.dense`, which `target_modules`"],
                ..FAULT
            },
            Fault {
                name: "DoRA",
                arrange: |folder| with_config(folder, |config| config["use_dora"] = json!(true)),
                says: &["uses DoRA (`use_dora`), which cannot be merged"],
                ..FAULT
            },
            Fault {
                name: "another kind",
                arrange: |folder| with_config(folder, |config| config["peft_type"] = json!("IA3")),
                says: &["is a IA3 adapter"],
                ..FAULT
            },
            Fault {
                name: "a pattern",
                arrange: |folder| with_config(folder, |config| config["rank_pattern"] = json!({"dense|x": 2})),
                says: &["has `dense|x` in `rank_pattern`"],
                ..FAULT
            },
            Fault {
                name: "no rank",
                arrange: |folder| with_config(folder, |config| config["r"] = json!(0)),
                says: &["has no rank"],
                ..FAULT
            },
            Fault {
                name: "not a number",
                arrange: |folder| {
                    let mut values = factors(DENSE, &[2, 4], &[4, 2]);
                    let name = format!("{DENSE}.lora_A.weight");
                    let numbers = (0..8).map(|at| if at == 3 { f64::NAN } else { 0.5 });
                    values.insert(name, Tensor::floats(Dtype::F32, &[2, 4], numbers));
                    adapter(folder, &values);
                },
                says: &["`encoder.layer.0.output.dense.weight` of `a+lora` holds NaN or infinity"],
                hint: "--allow non-finite",
                ..FAULT
            },
        ],
        pair,
    );
}
