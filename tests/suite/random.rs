//! What the random methods draw: how much stays, which elements, and that nothing else decides.

use admix::kernel::SimdLevel;
use admix::merge::{Access, TILE};
use admix::plan::{self, Plan};
use admix::recipe::Recipe;
use safetensors::Dtype;
use std::collections::BTreeMap;
use std::path::Path;

use super::bytes::merge;
use super::support::{Tensor, Tensors, mix, read_tensors, run, tensors, write_model};

/// Not a whole number of blocks or tiles.
const SHAPE: [usize; 2] = [1003, 211];
const LONG: usize = 70_001;
/// Merges of which a mean is taken.
const SEEDS: u64 = 60;

/// A folder with `base` and two models whose differences from it are nowhere zero.
fn models() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = |seed: u32| -> Tensors {
        let tensor = |shape: &[usize], salt: u32| {
            let count = shape.iter().product::<usize>() as u32;
            let value = |index| {
                let base = f64::from(mix(index, salt) % 1024) / 256.0 - 2.0;
                let change = f64::from(mix(index, salt + seed) % 4000 + 1) / 4096.0;
                base + if seed == 0 {
                    0.0
                } else {
                    change * if mix(index, seed).is_multiple_of(2) { 1.0 } else { -1.0 }
                }
            };
            Tensor::floats(Dtype::F32, shape, (0..count).map(value))
        };
        tensors([
            ("dense.weight", tensor(&SHAPE, 100)),
            ("long.bias", tensor(&[LONG], 200)),
            ("one.bias", tensor(&[1], 300)),
        ])
    };
    for (name, seed) in [("base", 0), ("one", 1), ("two", 2)] {
        write_model(&folder.path().join(name), &model(seed));
    }
    folder
}

fn planned(folder: &Path, recipe: &str, seed: u64) -> Plan {
    let text = recipe.replace("FOLDER", folder.to_str().unwrap());
    let recipe = Recipe::parse(&text, "test", &BTreeMap::new()).unwrap();
    Plan::build(recipe, &plan::Options { seed, ..plan::Options::default() }).unwrap()
}

fn merged(folder: &Path, recipe: &str, seed: u64) -> Tensors {
    merge(&planned(folder, recipe, seed), 2, TILE, SimdLevel::best(), Access::Read)
}

/// A recipe of one model.
fn single(method: &str, parameters: &str, shared: &str) -> String {
    format!(
        "merge_method: {method}\nbase_model: FOLDER/base\nmodels:\n  - {{model: FOLDER/one, parameters: {{weight: 1, {parameters}}}}}\nparameters: {{{shared}}}\n"
    )
}

fn differences(folder: &Path, merged: &Tensors, name: &str) -> (Vec<f64>, Vec<f64>) {
    let read = |model: &str| read_tensors(&folder.join(model).join("model.safetensors"))[name].values();
    let base = read("base");
    let of = |values: Vec<f64>| values.iter().zip(&base).map(|(x, b)| x - b).collect();
    (of(merged[name].values()), of(read("one")))
}

/// Whether a count of `n` draws of probability `p` is within five standard deviations.
fn is_binomial(count: usize, n: usize, p: f64) -> bool {
    let (n, count) = (n as f64, count as f64);
    (count - n * p).abs() <= 5.0 * (n * p * (1.0 - p)).sqrt() + 1e-9
}

#[test]
fn dare_keeps_its_density_and_restores_the_l1_norm() {
    let folder = models();
    for density in [0.1, 0.5, 0.93] {
        for seed in [0, 1, u64::MAX] {
            let plain =
                merged(folder.path(), &single("dare_linear", &format!("density: {density}"), "rescale: false"), seed);
            let rescaled = merged(folder.path(), &single("dare_linear", &format!("density: {density}"), ""), seed);
            for name in ["dense.weight", "long.bias"] {
                let (found, whole) = differences(folder.path(), &plain, name);
                let kept = found.iter().filter(|d| **d != 0.0).count();
                assert!(is_binomial(kept, found.len(), density), "{name}: {kept} of {} at {density}", found.len());
                assert!(found.iter().zip(&whole).all(|(f, w)| *f == 0.0 || (f - w).abs() < 1e-6));
                let (found, whole) = differences(folder.path(), &rescaled, name);
                let norm = |values: &[f64]| values.iter().map(|d| d.abs()).sum::<f64>();
                assert!((norm(&found) / norm(&whole) - 1.0).abs() < 1e-6, "{name} at {density}");
            }
        }
    }
    let nothing = merged(folder.path(), &single("dare_ties", "density: 0", ""), 0);
    assert!(differences(folder.path(), &nothing, "dense.weight").0.iter().all(|d| *d == 0.0));
}

#[test]
fn the_mean_over_seeds_is_that_of_the_probabilities() {
    let folder = models();
    let (density, epsilon) = (0.4, 0.3);
    let mut kept = vec![0usize; SHAPE[0] * SHAPE[1]];
    let parameters = format!("density: {density}, epsilon: {epsilon}");
    for seed in 0..SEEDS {
        let merged = merged(folder.path(), &single("della_linear", &parameters, "rescale: false"), seed);
        for (kept, found) in kept.iter_mut().zip(differences(folder.path(), &merged, "dense.weight").0) {
            *kept += usize::from(found != 0.0);
        }
    }
    // Elements by rank in their row, the smallest first.
    let whole = differences(
        folder.path(),
        &merged(folder.path(), &single("della_linear", "density: 1", ""), 0),
        "dense.weight",
    )
    .1;
    let mut by_rank = vec![0usize; SHAPE[1]];
    for (row, kept) in whole.chunks(SHAPE[1]).zip(kept.chunks(SHAPE[1])) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|a, b| row[*a].abs().total_cmp(&row[*b].abs()).then(b.cmp(a)));
        for (rank, index) in order.into_iter().enumerate() {
            by_rank[rank] += kept[index];
        }
    }
    let draws = SHAPE[0] * SEEDS as usize;
    for (rank, count) in by_rank.iter().enumerate() {
        let p = density - epsilon + 2.0 * epsilon * rank as f64 / (SHAPE[1] - 1) as f64;
        assert!(is_binomial(*count, draws, p), "rank {rank}: {count} of {draws} at {p}");
    }
    assert!(is_binomial(by_rank.iter().sum(), draws * SHAPE[1], density));
}

#[test]
fn seeds_models_and_tensors_draw_apart() {
    let folder = models();
    let mask = |model: &str, name: &str, seed: u64| -> Vec<bool> {
        let recipe = format!(
            "merge_method: dare_linear\nbase_model: FOLDER/base\nmodels:\n  - {{model: FOLDER/one, parameters: {{weight: {}}}}}\n  - {{model: FOLDER/two, parameters: {{weight: {}}}}}\nparameters: {{density: 0.5, rescale: false}}\n",
            u8::from(model == "one"),
            u8::from(model == "two"),
        );
        differences(folder.path(), &merged(folder.path(), &recipe, seed), name).0.iter().map(|d| *d != 0.0).collect()
    };
    let same = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count();
    let one = mask("one", "dense.weight", 5);
    assert_eq!(one, mask("one", "dense.weight", 5));
    for other in [mask("two", "dense.weight", 5), mask("one", "dense.weight", 6), mask("one", "long.bias", 5)] {
        let n = one.len().min(other.len());
        assert!(is_binomial(same(&one, &other), n, 0.5));
    }
    // Nor do neighbours of one stream go together.
    assert!(is_binomial(same(&one[1..], &one[..one.len() - 1]), one.len() - 1, 0.5));
}

#[test]
fn the_program_takes_the_seed_and_records_it() {
    let folder = models();
    std::fs::write(folder.path().join("recipe.yaml"), single("dare_ties", "density: 0.5", "").replace("FOLDER/", ""))
        .unwrap();
    let bytes = |out: &str, arguments: &[&str]| {
        let arguments = [&["merge", "recipe.yaml", "-q", "--no-sync", "-o", out], arguments].concat();
        run(folder.path(), &arguments);
        let record = super::support::read_json(&folder.path().join(out).join("admix.json"));
        (std::fs::read(folder.path().join(out).join("model.safetensors")).unwrap(), record["seed"].as_u64().unwrap())
    };
    let first = bytes("a", &[]);
    assert_eq!(first.1, 0);
    assert!(first == bytes("b", &["--seed", "0", "--threads", "1"]));
    let other = bytes("c", &["--seed", "7"]);
    assert_eq!(other.1, 7);
    assert!(other.0 != first.0);
}
