//! Gradients of embeddings with respect to a model's tensors, against what small changes of the tensors do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;

use admix::Cancel;
use admix::checkpoint::Checkpoint;
use admix::encoder::{Encoder, Options, TensorData, TensorSource, Tokens};
use admix::kernel::DType;

use super::embed::{encode, folder, texts};
use super::support::mix;

/// A checkpoint some of whose tensors are replaced by float32 values.
struct Changed<'a> {
    checkpoint: &'a Checkpoint,
    values: BTreeMap<(String, String), Vec<f32>>,
}

impl TensorSource for Changed<'_> {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        let found = self.checkpoint.tensor(module, canonical)?;
        match self.values.get(&(module.to_owned(), canonical.to_owned())) {
            Some(values) => {
                let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                Some(TensorData { dtype: DType::F32, shape: found.shape, bytes: Cow::Owned(bytes) })
            }
            None => Some(found),
        }
    }
}

/// A number between −1 and 1.
fn random(index: usize, seed: u32) -> f32 {
    f64::from(mix(index as u32, seed)) as f32 / (u32::MAX as f32) * 2.0 - 1.0
}

fn widened(data: &TensorData<'_>) -> Vec<f32> {
    match data.dtype {
        DType::F32 => data.bytes.chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect(),
        DType::F16 => {
            data.bytes.chunks_exact(2).map(|x| half::f16::from_le_bytes(x.try_into().unwrap()).to_f32()).collect()
        }
        DType::Bf16 => {
            data.bytes.chunks_exact(2).map(|x| half::bf16::from_le_bytes(x.try_into().unwrap()).to_f32()).collect()
        }
        DType::F64 => data.bytes.chunks_exact(8).map(|x| f64::from_le_bytes(x.try_into().unwrap()) as f32).collect(),
    }
}

fn length(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// Some texts of different lengths.
fn few() -> Vec<String> {
    texts().into_iter().take(4).collect()
}

/// Compares the gradient of every tensor with the slope along a random direction and returns how many tensors have one.
fn compare(case: &str) -> usize {
    let checkpoint = Checkpoint::open(&folder().join(case)).unwrap();
    let options = Options { padded: true, ..Options::default() };
    let mut encoder = Encoder::open(&checkpoint, &options).unwrap();
    let tokens: Tokens = encoder.tokenize(&few(), None).unwrap();
    let upstream: Vec<f32> = (0..tokens.len() * encoder.dimension()).map(|at| random(at, 1)).collect();
    let differentiable = encoder.differentiable(&checkpoint, &checkpoint).unwrap();
    let gradients = differentiable.gradients(&tokens, &upstream, &Cancel::new()).unwrap();
    let embeddings = encode(&encoder, &few(), None).values;
    // The size of the sum whose slopes are compared.
    let scale = length(&embeddings) * length(&upstream) / (upstream.len() as f64).sqrt();
    let mut checked = 0;
    for ((key, gradient), seed) in gradients.iter().zip(2..) {
        let data = checkpoint.tensor(&key.0, &key.1).unwrap();
        let values = widened(&data);
        assert_eq!(values.len(), gradient.len(), "{case} {key:?}");
        let noise: Vec<f32> = (0..values.len()).map(|at| random(at, seed)).collect();
        let scatter = length(gradient) * length(&noise) / (values.len() as f64).sqrt();
        // A small share of the tensor, or less where that changes much.
        let step = 0.0025 * (length(&values) / length(&noise)).max(0.02);
        let step = step.min(0.005 * scale / scatter.max(1e-9)) as f32;
        let mut value = |sign: f32| {
            let moved = values.iter().zip(&noise).map(|(x, noise)| x + sign * step * noise).collect();
            let source = Changed { checkpoint: &checkpoint, values: [(key.clone(), moved)].into() };
            encoder.replace(&checkpoint, &source).unwrap();
            dot(&encode(&encoder, &few(), None).values, &upstream)
        };
        // Central differences of two widths, by which the third derivative cancels.
        let slope = (8.0 * (value(1.0) - value(-1.0)) - (value(2.0) - value(-2.0))) / 6.0;
        let expected = 2.0 * f64::from(step) * dot(gradient, &noise);
        // What a random direction may change.
        let size = 2.0 * f64::from(step) * scatter;
        let tolerance = 0.03 * size.max(expected.abs()) + 1e-4 * scale;
        assert!(
            (slope - expected).abs() <= tolerance,
            "{case} {key:?}: {slope:e}, expected {expected:e}, size {size:e}"
        );
        checked += usize::from(size > 5e-4 * scale);
    }
    checked
}

#[test]
fn gradients_are_the_slopes_of_embeddings_for_every_class() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 30);
    for name in names {
        let checked = compare(&name);
        // Tables that several tensors are computed into are constants.
        assert!(checked >= 20 || name == "static" && checked > 0 || name == "model2vec", "{name}: {checked}");
    }
}
