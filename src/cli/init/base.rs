//! Which of several models the others were trained from.

use std::path::Path;

use super::Model;
use crate::checkpoint::{Tensor, Weights};
use crate::kernel::Float;

/// The model that the others were trained from, and how that is known.
pub(super) fn find(models: &[Model]) -> Option<(usize, String)> {
    named(models).or_else(|| nearest(models))
}

/// By what the folders say of themselves: `_name_or_path` of config.json, or `base_model` of the model card.
fn named(models: &[Model]) -> Option<(usize, String)> {
    let said: Vec<Vec<String>> = models.iter().map(origins).collect();
    (0..models.len()).find_map(|base| {
        let name = last(&models[base].name);
        let from: Vec<&str> = (0..models.len())
            .filter(|other| *other != base && said[*other].iter().any(|origin| last(origin) == name))
            .map(|other| models[other].name.as_str())
            .collect();
        (!from.is_empty()).then(|| (base, format!("named by {} as what it was trained from", from.join(" and "))))
    })
}

/// The last part of a path or a name on the Hub, without a revision.
fn last(name: &str) -> String {
    let name = name.split('@').next().unwrap_or(name);
    name.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase()
}

fn origins(model: &Model) -> Vec<String> {
    let config = model.checkpoint.config().get("_name_or_path").and_then(serde_json::Value::as_str);
    let card = front_matter(&model.checkpoint.path().join("README.md"));
    config.map(str::to_owned).into_iter().chain(card).filter(|name| !last(name).is_empty()).collect()
}

/// Bytes of a model card that are looked at.
const CARD: u64 = 1 << 16;

/// `base_model` in the front matter of a model card: a name, or a list of them.
fn front_matter(path: &Path) -> Vec<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    if file.take(CARD).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some("---") {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut inside = false;
    for line in lines.take_while(|line| line.trim() != "---") {
        let plain = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        if let Some(value) = line.strip_prefix("base_model:") {
            inside = value.trim().is_empty();
            names.extend(Some(plain(value)).filter(|name| !name.is_empty()));
        } else if let Some(entry) = line.trim_start().strip_prefix("- ").filter(|_| inside) {
            names.push(plain(entry));
        } else {
            inside = false;
        }
    }
    names
}

/// Fine-tunes go different ways from their base, so that they are further from each other than from it.
const CLOSER: f64 = 0.9;

/// By distance: the model that is nearer to every other one than those are to each other.
fn nearest(models: &[Model]) -> Option<(usize, String)> {
    if models.len() < 3 {
        return None;
    }
    let samples: Vec<Vec<(String, Vec<f64>)>> = models.iter().map(sample).collect();
    let distance = |one: usize, other: usize| apart(&samples[one], &samples[other]);
    (0..models.len()).find_map(|base| {
        let others: Vec<usize> = (0..models.len()).filter(|other| *other != base).collect();
        let mut farthest: f64 = 0.0;
        for other in &others {
            farthest = farthest.max(distance(base, *other)?);
        }
        let mut closest = f64::INFINITY;
        for (at, one) in others.iter().enumerate() {
            for other in &others[at + 1..] {
                closest = closest.min(distance(*one, *other)?);
            }
        }
        (farthest < CLOSER * closest)
            .then(|| (base, format!("at most {farthest:.2e} from the others, which are {closest:.2e} apart or more")))
    })
}

/// Tensors, and values of each, that are sampled.
const TENSORS: usize = 12;
const VALUES: usize = 4096;

/// Values from the middle of some tensors, by name.
fn sample(model: &Model) -> Vec<(String, Vec<f64>)> {
    let Some(weights) = model.checkpoint.main_module().and_then(|module| module.weights.as_ref()) else {
        return Vec::new();
    };
    let matrices: Vec<&Tensor> =
        weights.tensors().iter().filter(|tensor| tensor.float().is_some() && tensor.shape.len() == 2).collect();
    let step = matrices.len().div_ceil(TENSORS).max(1);
    matrices.into_iter().step_by(step).map(|tensor| (tensor.canonical.clone(), values(weights, tensor))).collect()
}

fn values(weights: &Weights, tensor: &Tensor) -> Vec<f64> {
    let bytes = weights.bytes(tensor);
    let (width, read): (usize, fn(&[u8]) -> f64) = match tensor.float() {
        Some(Float::F64) => (8, |b| b.try_into().map_or(0.0, f64::from_le_bytes)),
        Some(Float::F32) => (4, |b| b.try_into().map_or(0.0, |b| f64::from(f32::from_le_bytes(b)))),
        Some(Float::F16) => (2, |b| b.try_into().map_or(0.0, |b| half::f16::from_le_bytes(b).to_f64())),
        Some(Float::Bf16) => (2, |b| b.try_into().map_or(0.0, |b| half::bf16::from_le_bytes(b).to_f64())),
        None => return Vec::new(),
    };
    let count = bytes.len() / width;
    let skip = count.saturating_sub(VALUES) / 2;
    bytes.chunks_exact(width).skip(skip).take(VALUES).map(read).collect()
}

/// The distance of two samples relative to the first one's norm; `None` where they have nothing in common.
fn apart(one: &[(String, Vec<f64>)], other: &[(String, Vec<f64>)]) -> Option<f64> {
    let (mut square, mut norm) = (0.0, 0.0);
    for (name, values) in one {
        let twin = other.iter().find(|(known, twin)| known == name && twin.len() == values.len());
        let Some((_, twin)) = twin else { continue };
        for (a, b) in values.iter().zip(twin) {
            square += (a - b) * (a - b);
            norm += a * a;
        }
    }
    (norm > 0.0).then(|| (square / norm).sqrt())
}
