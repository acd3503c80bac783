//! Which of several models the others were trained from.

use super::choice::Model;
use crate::checkpoint::{ModelPath, Tensor, Weights};
use crate::kernel::DType;

/// The model that the others were trained from, and how that is known.
pub(super) fn find(models: &[Model]) -> Option<(usize, String)> {
    named(models).or_else(|| crossing(models)).or_else(|| called(models))
}

/// By what two folders are called: `base`, or a name that the other begins with, as `e5` and `e5-ko-en`. Of more than two,
/// their weights say it.
fn called(models: &[Model]) -> Option<(usize, String)> {
    let names: Vec<String> = models.iter().map(|model| last(&model.name)).collect();
    let is_base = |name: &str| matches!(name, "base" | "pretrained" | "original");
    let begins = |base: usize| {
        let continues = |name: &String| {
            name.strip_prefix(names[base].as_str()).is_some_and(|rest| rest.starts_with(['-', '_', '.']))
        };
        !names[base].is_empty() && names.iter().enumerate().all(|(at, name)| at == base || continues(name))
    };
    let found: Vec<usize> = (0..models.len()).filter(|at| is_base(&names[*at]) || begins(*at)).collect();
    match found[..] {
        [base] if models.len() == 2 => Some((base, "by its name".to_owned())),
        _ => None,
    }
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
    let card = front_matter(&model.checkpoint.folder().join("README.md"));
    config.map(str::to_owned).into_iter().chain(card).filter(|name| !last(name).is_empty()).collect()
}

/// Bytes of a model card that are looked at.
const CARD: u64 = 1 << 16;

/// `base_model` in the front matter of a model card: a name, or a list of them.
fn front_matter(path: &ModelPath) -> Vec<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let Ok(file) = path.open() else { return Vec::new() };
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

/// The largest cosine between two fine-tunes' differences from their base: they go their own ways from it.
const UNRELATED: f64 = 0.5;
/// How much more alike the differences from any other of the models must be. Seen from a fine-tune, base and other
/// fine-tunes lie in about the same direction; seen from one that is hardly changed, it is hard to tell.
const MARGIN: f64 = 0.2;

/// By geometry: the model from which all others differ in unrelated directions, where that is so of one only.
fn crossing(models: &[Model]) -> Option<(usize, String)> {
    if models.len() < 3 {
        return None;
    }
    let samples: Vec<Vec<(String, Vec<f64>)>> = models.iter().map(sample).collect();
    let alike: Vec<f64> = (0..models.len()).map(|corner| alike(&samples, corner)).collect::<Option<_>>()?;
    let base = (0..models.len()).min_by(|one, other| alike[*one].total_cmp(&alike[*other]))?;
    let least = alike[base];
    let is_apart = |other: usize| other == base || alike[other] >= least + MARGIN;
    (least < UNRELATED && (0..models.len()).all(is_apart)).then(|| {
        (base, format!("the others differ from it in unrelated directions (cosine {least:.2} or less in size)"))
    })
}

/// The largest cosine, without its sign, between the differences of two other models from the one at `corner`.
fn alike(samples: &[Vec<(String, Vec<f64>)>], corner: usize) -> Option<f64> {
    let others: Vec<usize> = (0..samples.len()).filter(|other| *other != corner).collect();
    let mut most: f64 = 0.0;
    for (at, one) in others.iter().enumerate() {
        for other in &others[at + 1..] {
            most = most.max(cosine(&samples[corner], &samples[*one], &samples[*other])?.abs());
        }
    }
    Some(most)
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
        Some(DType::F64) => (8, |b| b.try_into().map_or(0.0, f64::from_le_bytes)),
        Some(DType::F32) => (4, |b| b.try_into().map_or(0.0, |b| f64::from(f32::from_le_bytes(b)))),
        Some(DType::F16) => (2, |b| b.try_into().map_or(0.0, |b| half::f16::from_le_bytes(b).to_f64())),
        Some(DType::Bf16) => (2, |b| b.try_into().map_or(0.0, |b| half::bf16::from_le_bytes(b).to_f64())),
        None => return Vec::new(),
    };
    let count = bytes.len() / width;
    let skip = count.saturating_sub(VALUES) / 2;
    bytes.chunks_exact(width).skip(skip).take(VALUES).map(read).collect()
}

/// The cosine between `one` − `corner` and `other` − `corner`; `None` where they have nothing in common, or are no two models.
fn cosine(corner: &[(String, Vec<f64>)], one: &[(String, Vec<f64>)], other: &[(String, Vec<f64>)]) -> Option<f64> {
    let (mut dot, mut norms) = (0.0, [0.0, 0.0]);
    for (name, values) in corner {
        let twin = |sample: &'_ [(String, Vec<f64>)]| {
            sample.iter().position(|(known, twin)| known == name && twin.len() == values.len())
        };
        let (Some(one_at), Some(other_at)) = (twin(one), twin(other)) else { continue };
        for ((from, a), b) in values.iter().zip(&one[one_at].1).zip(&other[other_at].1) {
            let (a, b) = (a - from, b - from);
            dot += a * b;
            norms[0] += a * a;
            norms[1] += b * b;
        }
    }
    norms.iter().all(|norm| *norm > 0.0).then(|| dot / (norms[0] * norms[1]).sqrt())
}
