//! Tensors that fine-tuning left as they were, such as a pooler that no loss saw: task vectors of length zero.

use std::fs;
use std::path::Path;

use admix::method::{Count, METHODS};
use safetensors::Dtype;

use super::support::{Tensor, Tensors, admix, distance, encoder, read_tensors, stderr, write_model};

const POOLER: &str = "pooler.dense.weight";
const NAMES: [&str; 4] = ["base", "a", "b", "c"];

/// Writes a base and three models that have its pooler.
fn models(folder: &Path, poolers: [&Tensor; 4]) {
    for ((seed, name), pooler) in (1..).zip(NAMES).zip(poolers) {
        let mut tensors = encoder(seed);
        tensors.insert(POOLER.into(), pooler.clone());
        write_model(&folder.join(name), &tensors);
    }
}

fn merged(folder: &Path, recipe: &str) -> Tensors {
    fs::write(folder.join("recipe.yaml"), recipe).unwrap();
    let output =
        admix(folder).args(["merge", "recipe.yaml", "-q", "--no-sync", "--force", "-o", "out"]).output().unwrap();
    assert!(output.status.success(), "{recipe}{}", stderr(&output));
    read_tensors(&folder.join("out/model.safetensors"))
}

#[test]
fn what_no_model_changed_stays_as_it_is_with_every_method() {
    let folder = tempfile::tempdir().unwrap();
    let pooler = Tensor::random(&[4, 4], 9);
    models(folder.path(), [&pooler; 4]);
    // For some methods texts run through the models, and these are no encoders.
    for method in METHODS.iter().filter(|method| !method.needs_texts()) {
        let has = |name: &str| method.parameter(name).is_some();
        let value = |name: &str| match name {
            "weight" => "0.4",
            "density" => "0.5",
            "epsilon" if has("density") => "0.2",
            "t" => "0.3",
            _ => "",
        };
        let given = method.parameters.iter().map(|parameter| (parameter.name, value(parameter.name)));
        let given: Vec<String> =
            given.filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}: {value}")).collect();
        let count = match method.models {
            Count::Exactly(count) => count,
            Count::AtLeast(_) => 3,
        };
        let (base, most) = if method.base.is_apart() { ("base_model: base\n", 0.0) } else { ("", 1e-6) };
        let listed: Vec<String> = NAMES[1..=count].iter().map(|name| format!("{{model: {name}}}")).collect();
        let recipe = format!(
            "merge_method: {}\n{base}models: [{}]\nparameters: {{{}}}\n",
            method.name,
            listed.join(", "),
            given.join(", ")
        );
        // Without a base it is a mean of equal tensors, up to rounding.
        let difference = distance(&merged(folder.path(), &recipe)[POOLER], &pooler);
        assert!(difference <= most, "{}: {difference}", method.name);
    }
}

#[test]
fn zeros_have_a_mean_too() {
    let folder = tempfile::tempdir().unwrap();
    let zero = Tensor::floats(Dtype::F32, &[4, 4], [0.0; 16]);
    models(folder.path(), [&zero; 4]);
    for method in ["multislerp", "karcher", "slerp_chain", "linear"] {
        let parameters = if method == "karcher" { "" } else { "weight: 0.3" };
        let recipe = format!(
            "merge_method: {method}\nmodels: [{{model: a}}, {{model: b}}, {{model: c}}]\nparameters: {{{parameters}}}\n"
        );
        assert_eq!(merged(folder.path(), &recipe)[POOLER], zero, "{method}");
    }
}

/// A model that changed nothing has no direction; its length of zero counts.
#[test]
fn multislerp_of_some_changed_tensors_has_the_direction_of_those() {
    let folder = tempfile::tempdir().unwrap();
    let (base, a, b) = (Tensor::random(&[4, 4], 9), Tensor::random(&[4, 4], 10), Tensor::random(&[4, 4], 11));
    models(folder.path(), [&base, &a, &b, &base]);
    let recipe = "merge_method: multislerp\nbase_model: base\nmodels:\n  - {model: a, parameters: {weight: 0.5}}\n  - \
                  {model: b, parameters: {weight: 0.25}}\n  - {model: c, parameters: {weight: 0.25}}\n";
    let found = &merged(folder.path(), recipe)[POOLER];
    let vector = |x: &Tensor| x.values().iter().zip(base.values()).map(|(x, base)| x - base).collect::<Vec<f64>>();
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (one, other) = (vector(&a), vector(&b));
    let sum: Vec<f64> = one.iter().zip(&other).map(|(x, y)| 0.5 * x / norm(&one) + 0.25 * y / norm(&other)).collect();
    let length = 0.5 * norm(&one) + 0.25 * norm(&other);
    let expected = base.values().into_iter().zip(&sum).map(|(base, x)| base + length * x / norm(&sum));
    let expected = Tensor::floats(Dtype::F32, &[4, 4], expected.collect::<Vec<_>>());
    assert!(distance(found, &expected) < 1e-6, "{}", distance(found, &expected));
}

#[test]
fn directions_that_cancel_still_have_no_mean() {
    let folder = tempfile::tempdir().unwrap();
    let base = Tensor::floats(Dtype::F32, &[4, 4], [0.0; 16]);
    let one = Tensor::floats(Dtype::F32, &[4, 4], [1.0; 16]);
    let other = Tensor::floats(Dtype::F32, &[4, 4], [-1.0; 16]);
    models(folder.path(), [&base, &one, &other, &base]);
    let recipe = "merge_method: multislerp\nbase_model: base\nmodels: [{model: a}, {model: b}, {model: c}]\nparameters: \
                  {weight: 1}\n";
    fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    let output = admix(folder.path()).args(["merge", "recipe.yaml", "-o", "out"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(&format!("tensor `{POOLER}`: the weighted directions cancel each other")));
}
