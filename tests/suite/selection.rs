//! What ties keeps of a task vector, against a naive version.

use admix::kernel::SimdLevel;
use admix::merge::{Access, TILE};
use safetensors::Dtype;

use super::bytes::{ELEMENTS, merge, models, plan};
use super::support::{Tensor, Tensors, mix, read_tensors, run, stderr, tensors, write_model};

const TENSOR: &str = "embeddings.weight";

#[expect(clippy::cast_sign_loss, reason = "counts are not negative")]
fn floor(count: f64) -> usize {
    count.floor() as usize
}

/// The elements that stay: the largest magnitudes, and among equals the lowest positions.
fn kept(delta: &[f64], density: f64) -> Vec<bool> {
    let count = if density <= 0.0 { 0 } else { floor(density * delta.len() as f64).max(1) };
    let mut order: Vec<usize> = (0..delta.len()).collect();
    order.sort_by(|a, b| delta[*b].abs().total_cmp(&delta[*a].abs()).then(a.cmp(b)));
    let mut kept = vec![false; delta.len()];
    order.iter().take(count).for_each(|index| kept[*index] = true);
    kept
}

fn read(folder: &std::path::Path, model: &str) -> Tensors {
    read_tensors(&folder.join(model).join("model.safetensors"))
}

fn difference(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(a, b)| a - b).collect()
}

/// Densities that end among equals of magnitude 1/2 just before, at and just behind the edges of tiles and blocks.
fn densities_at_edges(delta: &[f64]) -> Vec<f64> {
    let larger = delta.iter().filter(|d| d.abs() > 0.5).count();
    let equals_before = |end: usize| delta[..end].iter().filter(|d| d.abs().to_bits() == 0.5f64.to_bits()).count();
    let ends =
        [1, 16_384, TILE - 1, TILE, TILE + 1, 3 * TILE, 65_535, 65_536, 65_537, 5 * 65_536, ELEMENTS - 1, ELEMENTS];
    let density = |end: usize| ((larger + equals_before(end)) as f64 + 0.5) / delta.len() as f64;
    ends.into_iter().map(density).chain([0.0, 1e-9, 0.3, 0.999_999_9, 1.0]).collect()
}

fn keeps_exactly(dtype: Dtype) {
    let folder = models(dtype);
    let (base, one) = (read(folder.path(), "base"), read(folder.path(), "one"));
    let delta = difference(&one[TENSOR].values(), &base[TENSOR].values());
    for density in densities_at_edges(&delta) {
        let recipe = format!(
            "merge_method: ties\nbase_model: FOLDER/base\nmodels:\n  - model: FOLDER/one\n    parameters: {{weight: 1, density: {density:?}}}\nparameters: {{normalize: false}}\n"
        );
        let plan = plan(folder.path(), &recipe);
        for (threads, tile) in [(1, TILE), (2, 16_384)] {
            let merged = merge(&plan, threads, tile, SimdLevel::best(), Access::Read);
            for (name, base) in &base {
                let base = base.values();
                let delta = difference(&one[name].values(), &base);
                let expected = kept(&delta, density);
                let found: Vec<bool> = difference(&merged[name].values(), &base).iter().map(|d| *d != 0.0).collect();
                let count = |kept: &[bool]| kept.iter().filter(|kept| **kept).count();
                assert_eq!(count(&found), count(&expected), "{dtype:?}, density {density}, {name}");
                let first = found.iter().zip(&expected).position(|(a, b)| a != b);
                assert_eq!(first, None, "{dtype:?}, density {density}, {name}");
            }
        }
    }
}

#[test]
fn ties_keeps_exactly_the_largest_and_of_equals_the_first() {
    for dtype in [Dtype::F32, Dtype::BF16, Dtype::F16, Dtype::F64] {
        keeps_exactly(dtype);
    }
}

/// `ties` in f64, step by step as its formula says.
fn naive_ties(base: &[f64], terms: &[(Vec<f64>, f64, f64)], rescale: bool, normalize: bool, lambda: f64) -> Vec<f64> {
    let trimmed: Vec<(Vec<f64>, f64)> = terms
        .iter()
        .map(|(model, weight, density)| {
            let delta = difference(model, base);
            let masked: Vec<f64> =
                delta.iter().zip(kept(&delta, *density)).map(|(d, kept)| if kept { *d } else { 0.0 }).collect();
            let norm = |values: &[f64]| values.iter().map(|d| d.abs()).sum::<f64>();
            let factor = if rescale && norm(&masked) > 0.0 { norm(&delta) / norm(&masked) } else { 1.0 };
            (masked.into_iter().map(|d| d * factor * weight).collect(), *weight)
        })
        .collect();
    let element = |(index, base): (usize, &f64)| {
        let sign = if trimmed.iter().map(|(values, _)| values[index]).sum::<f64>() >= 0.0 { 1.0 } else { -1.0 };
        let agreeing = trimmed.iter().filter(|(values, _)| values[index] * sign > 0.0);
        let (sum, weights) =
            agreeing.fold((0.0, 0.0), |(sum, weights), (values, weight)| (sum + values[index], weights + weight));
        let divisor = if normalize && weights != 0.0 { weights } else { 1.0 };
        base + lambda * sum / divisor
    };
    base.iter().enumerate().map(element).collect()
}

#[test]
fn ties_agrees_with_its_formula_where_magnitudes_are_equal() {
    let folder = models(Dtype::F32);
    let [base, one, two] = ["base", "one", "two"].map(|model| read(folder.path(), model));
    for (rescale, normalize) in [(false, true), (true, true), (true, false)] {
        let recipe = format!(
            "merge_method: ties\nbase_model: FOLDER/base\nmodels:\n  - {{model: FOLDER/one, parameters: {{weight: 0.7, density: 0.31}}}}\n  - {{model: FOLDER/two, parameters: {{weight: 0.4, density: 0.62}}}}\nparameters: {{rescale: {rescale}, normalize: {normalize}, lambda: 0.9}}\n"
        );
        let merged = merge(&plan(folder.path(), &recipe), 2, TILE, SimdLevel::best(), Access::Map);
        for (name, base) in &base {
            let terms = [(one[name].values(), 0.7, 0.31), (two[name].values(), 0.4, 0.62)];
            let expected = naive_ties(&base.values(), &terms, rescale, normalize, 0.9);
            let most = difference(&merged[name].values(), &expected).iter().fold(0.0f64, |most, d| most.max(d.abs()));
            assert!(most <= 1e-6, "{name}, rescale {rescale}, normalize {normalize}: {most:.1e}");
        }
    }
}

/// The merge of a recipe whose models are in `folder`.
fn merged(folder: &std::path::Path, recipe: &str) -> Tensors {
    merge(&plan(folder, recipe), 2, TILE, SimdLevel::best(), Access::Read)
}

#[test]
fn breadcrumbs_keeps_exactly_its_window_of_the_ranking() {
    let folder = models(Dtype::F32);
    let (base, one) = (read(folder.path(), "base"), read(folder.path(), "one"));
    for (density, gamma) in [(0.5, 0.1), (0.31, 0.0), (0.9, 0.3), (0.0, 0.1), (1e-9, 0.5), (0.77, 0.123)] {
        let recipe = format!(
            "merge_method: breadcrumbs\nbase_model: FOLDER/base\nmodels:\n  - model: FOLDER/one\n    parameters: {{weight: 1, density: {density:?}, gamma: {gamma:?}}}\n"
        );
        let merged = merged(folder.path(), &recipe);
        for (name, base) in &base {
            let base = base.values();
            let delta = difference(&one[name].values(), &base);
            let keep = floor(density * delta.len() as f64);
            let skip = floor(gamma * delta.len() as f64).min(delta.len() - keep);
            let mut order: Vec<usize> = (0..delta.len()).collect();
            order.sort_by(|a, b| delta[*b].abs().total_cmp(&delta[*a].abs()).then(a.cmp(b)));
            let mut expected = vec![false; delta.len()];
            order[skip..skip + keep].iter().for_each(|index| expected[*index] = true);
            let found: Vec<bool> = difference(&merged[name].values(), &base).iter().map(|d| *d != 0.0).collect();
            let first = found.iter().zip(&expected).position(|(a, b)| a != b);
            assert_eq!(first, None, "density {density}, gamma {gamma}, {name}");
        }
    }
}

#[test]
fn sce_selects_the_elements_of_largest_variance() {
    let folder = models(Dtype::F32);
    let [base, one, two] = ["base", "one", "two"].map(|model| read(folder.path(), model));
    for share in [0.3, 0.5001, 0.999, 0.0] {
        let recipe = format!(
            "merge_method: sce\nbase_model: FOLDER/base\nmodels: [{{model: FOLDER/one}}, {{model: FOLDER/two}}]\nparameters: {{select_topk: {share:?}}}\n"
        );
        let merged = merged(folder.path(), &recipe);
        for (name, base) in &base {
            let base = base.values();
            let deltas = [difference(&one[name].values(), &base), difference(&two[name].values(), &base)];
            let variance: Vec<f64> = deltas[0].iter().zip(&deltas[1]).map(|(a, b)| (a - b) * (a - b) / 4.0).collect();
            let nonzero = variance.iter().filter(|v| **v != 0.0).count();
            let mut order: Vec<usize> = (0..variance.len()).collect();
            order.sort_by(|a, b| variance[*b].total_cmp(&variance[*a]).then(a.cmp(b)));
            let mut stays = vec![false; variance.len()];
            order.iter().take(floor(nonzero as f64 * share)).for_each(|index| stays[*index] = true);
            let mean = |delta: &[f64]| {
                delta.iter().zip(&stays).map(|(d, stays)| if *stays { d * d } else { 0.0 }).sum::<f64>()
                    / delta.len() as f64
            };
            let means = [mean(&deltas[0]), mean(&deltas[1])];
            let total: f64 = means.iter().sum();
            let weights = means.map(|mean| if total < 1e-6 { 0.5 } else { mean / total });
            let found = merged[name].values();
            for (index, base) in base.iter().enumerate() {
                let values = [deltas[0][index], deltas[1][index]];
                let sign = if values.iter().sum::<f64>() >= 0.0 { 1.0 } else { -1.0 };
                let agreeing = (0..2).filter(|k| stays[index] && values[*k] * sign > 0.0);
                let (sum, divisor) =
                    agreeing.fold((0.0, 0.0), |(sum, divisor), k| (sum + weights[k] * values[k], divisor + weights[k]));
                let expected = base + sum / divisor.max(1e-6);
                let found = found[index];
                assert!((found - expected).abs() < 1e-6, "{share}, {name}, {index}: {found} is not {expected}");
                if index > 3000 && name == "embeddings.weight" {
                    break;
                }
            }
        }
    }
}

#[test]
fn sce_says_when_the_changes_are_too_small_to_weigh_the_models() {
    let folder = tempfile::tempdir().unwrap();
    for (name, step) in [("base", 0.0), ("one", 1e-5), ("two", 2e-5)] {
        let tensor = Tensor::floats(Dtype::F32, &[50], (0..50).map(|index| 0.5 + step * f64::from(index % 3)));
        write_model(&folder.path().join(name), &tensors([("dense.weight", tensor)]));
    }
    let recipe = "merge_method: sce\nbase_model: base\nmodels: [{model: one}, {model: two}]\n";
    std::fs::write(folder.path().join("recipe.yaml"), recipe).unwrap();
    let said = stderr(&run(folder.path(), &["merge", "recipe.yaml", "--no-sync", "-o", "out"]));
    assert!(said.contains("in 1 of 1 tensors") && said.contains("all models weigh the same"), "{said}");
}

#[test]
fn fusion_takes_over_what_reaches_the_quartiles_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let shapes: [(&str, &[usize]); 4] =
        [("wide.weight", &[701, 131]), ("bias", &[50_001]), ("narrow.weight", &[9, 2]), ("scale", &[3])];
    let [base, x] = [(1, 0), (2, 1)].map(|(seed, step)| {
        let mut tensors = Tensors::new();
        for (name, shape) in shapes {
            let mut values = Tensor::random(shape, 1).values();
            for (index, value) in values.iter_mut().enumerate() {
                let change = f64::from(mix(index as u32, seed)) / 4_294_967_296.0 - 0.5;
                *value += f64::from(step) * change * change * change;
            }
            tensors.insert(name.to_owned(), Tensor::floats(Dtype::F32, shape, values));
        }
        tensors
    });
    write_model(&folder.path().join("base"), &base);
    write_model(&folder.path().join("x"), &x);
    let recipe = "merge_method: arcee_fusion\nbase_model: FOLDER/base\nmodels: [{model: FOLDER/x}]\n";
    let merged = merged(folder.path(), recipe);
    for (name, shape) in shapes {
        let (base, x) = (base[name].values(), x[name].values());
        let row = shape[shape.len() - 1];
        let softmax = |row: &[f64]| {
            let sum: f64 = row.iter().map(|v| libm::exp(*v)).sum();
            row.iter().map(|v| libm::exp(*v) / sum + 1e-8).collect::<Vec<f64>>()
        };
        let mut scores = Vec::new();
        for (base, x) in base.chunks(row).zip(x.chunks(row)) {
            let divergence: f64 = softmax(x).iter().zip(softmax(base)).map(|(p, q)| p * libm::log(p / q)).sum();
            scores.extend(base.iter().zip(x).map(|(b, x)| f64::from((*x as f32 - *b as f32).abs()) * divergence));
        }
        let mut sorted = scores.clone();
        sorted.sort_by(f64::total_cmp);
        let quantile = |q: f64| sorted[floor(q * (sorted.len() - 1) as f64)];
        let threshold = quantile(0.5) + 1.5 * (quantile(0.75) - quantile(0.25));
        let near = |score: &f64| (score - threshold).abs() < 1e-12 * threshold;
        let taken = scores.iter().filter(|score| **score >= threshold).count();
        assert!(taken * 3 < scores.len() && (scores.len() < 20 || taken > 0), "{name}: {taken}");
        for (index, found) in merged[name].values().iter().enumerate() {
            let expected = if scores[index] >= threshold { x[index] } else { base[index] };
            assert!(
                (found - expected).abs() < 1e-6 || near(&scores[index]),
                "{name}, {index}: {found} is not {expected}"
            );
        }
    }
}
