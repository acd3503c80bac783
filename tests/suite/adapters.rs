//! LoRA adapters: folded as PEFT folds them, in every method as if they had been folded before, and refused where they do
//! not fit.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde_json::{Value, json};

use super::fault_table::{FAULT, Fault, check};
use super::support::{
    Tensor, Tensors, distance, edit_json, encoder, pair, read_json, read_tensors, repository, run, safetensors, stderr,
    stdout_json, tensors, write_json, write_model,
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
    for name in ["plain", "root", "patterns", "expressions", "embeddings"] {
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

/// The numbers of a matrix, by row and column.
fn matrix(tensor: &Tensor) -> Vec<Vec<f64>> {
    tensor.values().chunks(tensor.shape[1]).map(<[f64]>::to_vec).collect()
}

/// The sum over ranks that row `row` and column `column` of B·A is, in float64.
fn product(b: &Tensor, a: &Tensor, row: usize, column: usize) -> f64 {
    let (b, a) = (matrix(b), matrix(a));
    b[row].iter().zip(&a).map(|(b, a)| b * a[column]).sum()
}

const FOLDED: &str = "merge_method: passthrough\nmodels: [{model: a+lora}]\n";

/// `a` with the tensors, and an adapter with the others that doubles its product; the merge of both.
fn folded(own: &Tensors, lora: &Tensors, change: impl FnOnce(&mut Value)) -> Tensors {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(&folder.join("a"), own);
    adapter(folder, lora);
    edit_json(&folder.join("lora/adapter_config.json"), change);
    fs::write(folder.join("recipe.yaml"), FOLDED).unwrap();
    run(folder, &["merge", "recipe.yaml", "-q", "--no-sync", "-o", "out"]);
    read_tensors(&folder.join("out/model.safetensors"))
}

#[test]
fn a_layer_that_is_stored_transposed_gets_the_product_transposed() {
    let module = "encoder.layer.0.mlp.c_fc";
    let weight = format!("{module}.weight");
    let mut own = encoder(1);
    own.insert(weight.clone(), Tensor::random(&[4, 6], 5));
    let lora = factors(&format!("base_model.model.{module}"), &[2, 4], &[6, 2]);
    let found = folded(&own, &lora, |config| {
        config["fan_in_fan_out"] = json!(true);
        config["target_modules"] = json!(["c_fc"]);
    });
    let [a, b] = ["lora_A", "lora_B"].map(|factor| &lora[&format!("base_model.model.{module}.{factor}.weight")]);
    let (before, found) = (matrix(&own[&weight]), matrix(&found[&weight]));
    for (row, values) in found.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let expected = before[row][column] + 2.0 * product(b, a, column, row);
            assert!((value - expected).abs() <= 1e-6, "{row}, {column}: {value}, not {expected}");
        }
    }
}

/// [`encoder`] with the tensor `name`, and what an adapter that holds `saved` makes of it.
fn trained_whole(name: &str, own: Tensor, saved: Tensors) -> (Tensors, Tensors) {
    let mut model = encoder(1);
    model.insert(name.to_owned(), own);
    let mut lora = factors(DENSE, &[2, 4], &[4, 2]);
    lora.extend(saved);
    (folded(&model, &lora, |_| {}), model)
}

#[test]
fn embeddings_that_peft_saved_three_times_are_the_trained_ones() {
    let name = "embeddings.word_embeddings.weight";
    let module = "base_model.model.bert.embeddings.word_embeddings";
    let of = |seed| Tensor::random(&[8, 4], seed);
    let [plain, saved, original] =
        ["weight", "modules_to_save.weight", "original_module.weight"].map(|end| format!("{module}.{end}"));
    let named = format!("{module}.modules_to_save.default.weight");
    let all = tensors([(plain.as_str(), of(2)), (saved.as_str(), of(2)), (original.as_str(), of(3))]);
    let [saved, named] = [saved, named].map(|name| tensors([(name.as_str(), of(2)), (original.as_str(), of(3))]));
    for lora in [all, saved, named] {
        assert_eq!(trained_whole(name, of(1), lora).0[name].values(), of(2).values());
    }
}

#[test]
fn a_head_that_the_model_ties_to_its_embeddings_is_not_asked_for() {
    let (name, head) = ("embeddings.word_embeddings.weight", "base_model.model.lm_head.weight");
    let embeddings = format!("base_model.model.{name}");
    let of = |seed| Tensor::random(&[8, 4], seed);
    for (seed, warns) in [(2, false), (3, true)] {
        let lora = tensors([(embeddings.as_str(), of(2)), (head, of(seed))]);
        let (found, model) = trained_whole(name, of(1), lora.clone());
        assert_eq!(found[name].values(), of(2).values());
        assert!(found.keys().eq(model.keys()));
        let folder = pair();
        let mut own = factors(DENSE, &[2, 4], &[4, 2]);
        own.extend(lora);
        adapter(folder.path(), &own);
        let said = stderr(&run(folder.path(), &["merge", "recipe.yaml", "--no-sync", "-o", "out"]));
        assert_eq!(
            said.contains("warning: the adapter `lora` changes `lm_head.weight`, which `a` has not"),
            warns,
            "{said}"
        );
    }
}

#[test]
fn a_model_in_float64_is_adapted_in_float64() {
    let double = |tensor: &Tensor, shift: f64| {
        let values = tensor.values().into_iter().map(|value| value + shift);
        Tensor::floats(Dtype::F64, &tensor.shape, values)
    };
    // Numbers that float32 does not hold.
    let own: Tensors = encoder(1).iter().map(|(name, tensor)| (name.clone(), double(tensor, 1e-10 / 3.0))).collect();
    let single = factors(DENSE, &[2, 4], &[4, 2]);
    let exact: Tensors = single.iter().map(|(name, tensor)| (name.clone(), double(tensor, 1e-11 / 7.0))).collect();
    for lora in [single, exact] {
        let found = folded(&own, &lora, |_| {});
        let [a, b] = ["lora_A", "lora_B"].map(|factor| &lora[&format!("{DENSE}.{factor}.weight")]);
        for (name, before) in &own {
            assert_eq!(found[name].dtype, Dtype::F64);
            let (before, found) = (before.values(), found[name].values());
            for (index, (before, found)) in before.iter().zip(found).enumerate() {
                let is_adapted = name == "encoder.layer.0.output.dense.weight";
                let delta = if is_adapted { 2.0 * product(b, a, index / 4, index % 4) } else { 0.0 };
                assert!((found - (before + delta)).abs() <= 1e-15, "{name}: {found}, not {}", before + delta);
            }
        }
    }
}

#[test]
fn an_adapter_with_another_tokenizer_than_its_model_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base", "adapter"] {
        let from = if name == "base" { goldens().join(BASE) } else { goldens().join("adapters/plain") };
        super::support::copy_folder(&from, &folder.path().join(name));
    }
    let tokenizer = |spare: &str| {
        let added = json!([{"id": 1, "content": spare, "special": false}]);
        json!({"added_tokens": added, "model": {"type": "WordLevel", "vocab": {"a": 0, spare: 1}, "unk_token": "a"}})
    };
    write_json(&folder.path().join("base/tokenizer.json"), &tokenizer("<spare>"));
    fs::write(folder.path().join("r.yaml"), "merge_method: passthrough\nmodels: [{model: base+adapter}]\n").unwrap();
    for (own, warns) in [("<spare>", false), ("<trained>", true)] {
        write_json(&folder.path().join("adapter/tokenizer.json"), &tokenizer(own));
        let output = run(folder.path(), &["plan", "r.yaml"]);
        let said = stderr(&output);
        assert_eq!(said.contains("the adapter `adapter` has a tokenizer of its own"), warns, "{said}");
        assert!(!warns || said.contains("<spare>"), "{said}");
    }
}

#[test]
fn an_adapter_of_another_model_is_a_warning_and_json_names_it() {
    let folder = pair();
    let folder = folder.path();
    for (trained_on, warns) in [("org/Other-Base", true), ("org/A", false), ("runs/a/", false), ("", false)] {
        with_config(folder, |config| config["base_model_name_or_path"] = json!(trained_on));
        let output = run(folder, &["merge", "recipe.yaml", "--no-sync", "--force", "--json", "-o", "out"]);
        let warning =
            format!("warning: the adapter `lora` was trained on `{trained_on}`, which by its name is not `a`");
        assert_eq!(stderr(&output).contains(&warning), warns, "{trained_on}: {}", stderr(&output));
        let record = stdout_json(&output);
        assert_eq!((&record["models"], &record["adapters"]), (&json!(["a", "b"]), &json!(["lora", null])));
        assert_eq!(record["warnings"].as_array().unwrap().len(), usize::from(warns));
    }
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
                name: "added tokens",
                arrange: |folder| {
                    let mut lora = factors(DENSE, &[2, 4], &[4, 2]);
                    let name = "base_model.model.embeddings.word_embeddings.weight";
                    lora.insert(name.to_owned(), Tensor::random(&[9, 4], 1));
                    adapter(folder, &lora);
                },
                says: &["`embeddings.word_embeddings.weight` in shape [9, 4], which in `a` has shape [8, 4]"],
                hint: "resize_token_embeddings",
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
                name: "no pattern",
                arrange: |folder| with_config(folder, |config| config["rank_pattern"] = json!({"dense(": 2})),
                says: &["has `dense(` in `rank_pattern`, which is no regular expression"],
                ..FAULT
            },
            Fault {
                name: "a pattern without end",
                arrange: |folder| {
                    let slow = "(?:(?=.)(?:.|.)+)+!";
                    with_config(folder, |config| config["alpha_pattern"] = json!({slow: 2}));
                },
                says: &["in `alpha_pattern`, which takes too long to match with"],
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
