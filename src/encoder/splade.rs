//! Splade pooling: the greatest score of each token of the vocabulary over all places of a text, or the sum of its scores.

use std::path::Path;

use candle_core::Tensor;
use serde_json::{Map, Value};

use super::cpu;
use super::embed::TokenVectors;
use super::error::Error;
use super::layers::values::with_values;
use super::mlm_head::MlmHead;
use super::sparse_embeddings::SparseVector;
use crate::kernel::{Matrix, Threads, multiply};

/// How the scores of places become the weights of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpladePooling {
    /// Whether weights are added up over places. Otherwise the greatest counts.
    sums: bool,
    /// Whether the logarithm is taken twice.
    twice: bool,
}

/// Number of tokens of the vocabulary whose scores are in memory at a time, for all places of a batch. Of a vocabulary of 250,000
/// and a batch of 1,024 places all scores would take a gigabyte.
const BLOCK: usize = 1024;

/// Number of scores that are in a device's memory at a time.
const ON_DEVICE: usize = 1 << 25;

impl SpladePooling {
    /// Reads the module's configuration.
    pub(super) fn read(config: &Map<String, Value>, path: &Path) -> Result<Self, Error> {
        let choice = |key: &str, first: &str, second: &str| match config.get(key).filter(|value| !value.is_null()) {
            None => Ok(false),
            Some(value) if value.as_str() == Some(first) => Ok(false),
            Some(value) if value.as_str() == Some(second) => Ok(true),
            Some(value) => Err(Error::setting(path, format!("`{key}` is {value}, expected {first:?} or {second:?}"))),
        };
        Ok(Self {
            sums: choice("pooling_strategy", "max", "sum")?,
            twice: choice("activation_function", "relu", "log1p_relu")?,
        })
    }

    /// The weight of a score.
    fn weight(self, score: f32) -> f32 {
        if score <= 0.0 {
            return 0.0;
        }
        let weight = libm::log1pf(score);
        if self.twice { libm::log1pf(weight) } else { weight }
    }

    /// The weights of the tokens of each text of a batch.
    pub(super) fn forward(
        self,
        head: &MlmHead,
        vectors: &TokenVectors<'_>,
        plain: bool,
        threads: Threads,
    ) -> Result<Vec<SparseVector>, Error> {
        let Some((hidden, lengths)) = vectors.packed()? else { return Ok(vec![SparseVector::new(); vectors.texts()]) };
        if plain {
            return self.on_device(head, &hidden, lengths);
        }
        let transformed = with_values(&hidden, |hidden| match &head.transform {
            None => Ok(hidden.to_vec()),
            Some((layer, activation, norm)) => {
                let mut rows = cpu::dense(layer, hidden, *activation, threads)?;
                cpu::normalise(&mut rows, norm.on_cpu(), threads);
                Ok(rows)
            }
        })?;
        self.on_cpu(head, &transformed, lengths, threads)
    }

    fn on_cpu(
        self,
        head: &MlmHead,
        rows: &[f32],
        lengths: &[usize],
        threads: Threads,
    ) -> Result<Vec<SparseVector>, Error> {
        let places: usize = lengths.iter().sum();
        let (mut table, mut scores, mut pooled) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = vec![SparseVector::new(); lengths.len()];
        for start in (0..head.vocabulary()).step_by(BLOCK) {
            let tokens: Vec<u32> = (start..(start + BLOCK).min(head.vocabulary())).map(|token| token as u32).collect();
            let count = tokens.len();
            table.resize(count * head.width, 0.0);
            head.decoder.gather(&tokens, &mut table, head.width)?;
            scores.resize(places * count, 0.0);
            let right = Matrix::of_rows(&table, head.width).transposed();
            multiply(&mut scores, count, Matrix::of_rows(rows, head.width), right, 1.0, threads);
            let bias = &head.bias[start..start + count];
            let mut rest = scores.as_slice();
            for (&length, found) in lengths.iter().zip(&mut found) {
                let (text, behind) = rest.split_at(length * count);
                rest = behind;
                self.pool(text, bias, &mut pooled);
                let weights = tokens.iter().zip(&pooled).filter(|(_, weight)| **weight != 0.0);
                found.extend(weights.map(|(token, weight)| (*token, *weight)));
            }
        }
        Ok(found)
    }

    /// The weights of some tokens in one text, of which `scores` has a row for each place.
    fn pool(self, scores: &[f32], bias: &[f32], pooled: &mut Vec<f32>) {
        pooled.clear();
        if self.sums {
            pooled.resize(bias.len(), 0.0);
            for row in scores.chunks_exact(bias.len()) {
                for ((sum, score), bias) in pooled.iter_mut().zip(row).zip(bias) {
                    *sum += self.weight(score + bias);
                }
            }
            return;
        }
        pooled.resize(bias.len(), f32::NEG_INFINITY);
        for row in scores.chunks_exact(bias.len()) {
            for (greatest, score) in pooled.iter_mut().zip(row) {
                // Not `max`, which would lose what is not a number.
                if *score > *greatest || score.is_nan() {
                    *greatest = *score;
                }
            }
        }
        // Weights grow with scores, so that the greatest score has the greatest weight.
        for (greatest, bias) in pooled.iter_mut().zip(bias) {
            let score = *greatest + bias;
            *greatest = if score.is_nan() { score } else { self.weight(score) };
        }
    }

    /// The same in plain tensor operations.
    fn on_device(self, head: &MlmHead, hidden: &Tensor, lengths: &[usize]) -> Result<Vec<SparseVector>, Error> {
        let rows = match &head.transform {
            None => hidden.clone(),
            Some((layer, activation, norm)) => norm.forward(&layer.forward(hidden, *activation)?)?,
        };
        let bias = Tensor::from_slice(&head.bias, head.vocabulary(), hidden.device())?;
        let table = head.decoder.on_device()?;
        let block = (ON_DEVICE / rows.dim(0)?.max(1)).clamp(256, head.vocabulary().max(256));
        let mut found = vec![SparseVector::new(); lengths.len()];
        for start in (0..head.vocabulary()).step_by(block) {
            let count = block.min(head.vocabulary() - start);
            let scores = rows.matmul(&table.narrow(0, start, count)?.t()?)?;
            let weights = Self::logarithm(&scores.broadcast_add(&bias.narrow(0, start, count)?)?.relu()?)?;
            let weights = if self.twice { Self::logarithm(&weights)? } else { weights };
            let (mut pooled, mut first) = (Vec::with_capacity(lengths.len()), 0);
            for &length in lengths {
                let text = weights.narrow(0, first, length)?;
                pooled.push(if self.sums { text.sum(0)? } else { text.max(0)? });
                first += length;
            }
            for (found, weights) in found.iter_mut().zip(Tensor::stack(&pooled, 0)?.to_vec2::<f32>()?) {
                let weights = (start as u32..).zip(weights).filter(|(_, weight)| *weight != 0.0);
                found.extend(weights);
            }
        }
        Ok(found)
    }

    fn logarithm(x: &Tensor) -> Result<Tensor, Error> {
        Ok((x + 1.0)?.log()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(pooling: SpladePooling, scores: &[f32], bias: &[f32]) -> Vec<f32> {
        let mut pooled = Vec::new();
        pooling.pool(scores, bias, &mut pooled);
        pooled
    }

    #[test]
    fn the_greatest_score_of_a_token_counts_or_their_sum() {
        let (scores, bias) = ([1.0, -5.0, 3.0, -1.0, 2.0, -2.0], [0.0, 1.0, 0.5]);
        let log = libm::log1pf;
        assert_eq!(pool(SpladePooling::default(), &scores, &bias), [log(1.0), log(3.0), log(3.5)]);
        let sum = pool(SpladePooling { sums: true, twice: true }, &scores, &bias);
        for (found, expected) in sum.iter().zip([log(log(1.0)), log(log(3.0)), log(log(3.5))]) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_not_a_number_is_not_lost() {
        assert!(pool(SpladePooling::default(), &[1.0, f32::NAN, 2.0], &[0.0]).first().is_some_and(|x| x.is_nan()));
    }
}
