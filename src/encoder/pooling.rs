//! Pools token vectors into one vector for each text, as sentence-transformers does.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Result as Computed, Tensor};

use super::batch::Batch;
use super::error::Error;

/// Added to vectors of tokens that are not pooled, so that they are below every other. With no token left the result is not
/// finite, which is refused.
const EXCLUDED: f32 = f32::NEG_INFINITY;

/// A pooling mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The first token's vector.
    Cls,
    /// The maximum of each dimension.
    Max,
    /// The mean.
    Mean,
    /// The sum divided by the square root of the number of tokens.
    MeanSqrtLen,
    /// The mean with weights 1, 2, 3, … .
    WeightedMean,
    /// The last token's vector.
    LastToken,
}

/// The modes that are applied. The results of several are concatenated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pooling(Vec<Mode>);

impl Mode {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Cls, "cls"),
        (Self::Max, "max"),
        (Self::Mean, "mean"),
        (Self::MeanSqrtLen, "mean_sqrt_len_tokens"),
        (Self::WeightedMean, "weightedmean"),
        (Self::LastToken, "lasttoken"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(mode, _)| *mode == self).map_or("", |(_, name)| name)
    }
}

impl Pooling {
    /// One mode.
    pub fn of(mode: Mode) -> Self {
        Self(vec![mode])
    }

    /// The width of the result as a multiple of a token vector's.
    pub(super) fn factor(&self) -> usize {
        self.0.len()
    }

    /// Pools the token vectors of each text of a batch, without its first `skip` tokens. The result is in float32.
    pub(super) fn forward(&self, hidden: &Tensor, batch: &Batch, skip: usize) -> Computed<Tensor> {
        if let Some(padding) = &batch.padding {
            let width = hidden.dim(1)?;
            let hidden = hidden.reshape((batch.lengths.len(), padding.width, width))?;
            return self.pool(&hidden.to_dtype(DType::F32)?, &batch.lengths, skip);
        }
        let mut rows = Vec::with_capacity(batch.lengths.len());
        let mut start = 0;
        for &length in &batch.lengths {
            rows.push(self.pool(&hidden.narrow(0, start, length)?.unsqueeze(0)?, &[length], skip)?);
            start += length;
        }
        Tensor::cat(&rows, 0)
    }

    /// Pools a tensor of shape texts × rows × width into texts × result.
    fn pool(&self, hidden: &Tensor, lengths: &[usize], skip: usize) -> Computed<Tensor> {
        let parts = self.0.iter().map(|&mode| pool_one(mode, hidden, lengths, skip)).collect::<Computed<Vec<_>>>()?;
        Tensor::cat(&parts, 1)
    }
}

fn pool_one(mode: Mode, hidden: &Tensor, lengths: &[usize], skip: usize) -> Computed<Tensor> {
    let (texts, width, _) = hidden.dims3()?;
    let mut values = Vec::with_capacity(texts * width);
    for &length in lengths {
        let start = values.len();
        values.extend((0..width).map(|at| weight(mode, at, length, skip)));
        if matches!(mode, Mode::Mean | Mode::MeanSqrtLen | Mode::WeightedMean) {
            normalise(mode, &mut values[start..]);
        }
    }
    if mode == Mode::Max {
        let lowered = Tensor::from_vec(values, (texts, width, 1), hidden.device())?;
        return hidden.broadcast_add(&lowered)?.max(1);
    }
    Tensor::from_vec(values, (texts, 1, width), hidden.device())?.matmul(hidden)?.squeeze(1)
}

/// The weight of token `at`, or for [`Mode::Max`] the value that is added to it.
fn weight(mode: Mode, at: usize, length: usize, skip: usize) -> f32 {
    let pooled = (skip..length).contains(&at);
    let chosen = match mode {
        // Without a token to pool, sentence-transformers takes the first of all tokens, and no last one.
        Mode::Cls => at == if skip < length { skip } else { 0 },
        Mode::LastToken => pooled && at + 1 == length,
        Mode::Max => return if pooled { 0.0 } else { EXCLUDED },
        Mode::WeightedMean => return if pooled { (at + 1) as f32 } else { 0.0 },
        Mode::Mean | Mode::MeanSqrtLen => pooled,
    };
    f32::from(u8::from(chosen))
}

fn normalise(mode: Mode, weights: &mut [f32]) {
    let sum = weights.iter().sum::<f32>().max(1e-9);
    let divisor = if mode == Mode::MeanSqrtLen { sum.sqrt() } else { sum };
    for weight in weights {
        *weight /= divisor;
    }
}

impl FromStr for Pooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mode = |name: &str| Mode::ALL.into_iter().find(|(_, known)| *known == name).map(|(mode, _)| mode);
        let modes = text.split('+').map(mode).collect::<Option<Vec<_>>>();
        modes.map(Self).ok_or_else(|| Error::UnknownPooling(text.to_owned()))
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|mode| mode.name()).collect();
        f.write_str(&names.join("+"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use candle_core::Device;

    fn pool(text: &str, skip: usize) -> Vec<Vec<f32>> {
        let values: Vec<f32> = vec![1.0, -1.0, 2.0, -2.0, 6.0, -6.0, 5.0, -5.0, 99.0, 99.0, 99.0, 99.0];
        let hidden = Tensor::from_vec(values, (2, 3, 2), &Device::Cpu).unwrap();
        text.parse::<Pooling>().unwrap().pool(&hidden, &[3, 1], skip).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn modes_pool_what_they_say() {
        assert_eq!(pool("mean", 0), [[3.0, -3.0], [5.0, -5.0]]);
        assert_eq!(pool("cls", 0), [[1.0, -1.0], [5.0, -5.0]]);
        assert_eq!(pool("lasttoken", 0), [[6.0, -6.0], [5.0, -5.0]]);
        assert_eq!(pool("max", 0), [[6.0, -1.0], [5.0, -5.0]]);
        let weighted = pool("weightedmean", 0);
        assert!((weighted[0][0] - 23.0 / 6.0).abs() < 1e-6);
        assert!((pool("mean_sqrt_len_tokens", 0)[0][0] - 9.0 / 3f32.sqrt()).abs() < 1e-6);
        assert_eq!(pool("cls+mean", 0)[0], [1.0, -1.0, 3.0, -3.0]);
    }

    #[test]
    fn a_prompt_is_left_out() {
        assert_eq!(pool("mean", 1), [[4.0, -4.0], [0.0, 0.0]]);
        assert_eq!(pool("cls", 1), [[2.0, -2.0], [5.0, -5.0]]);
        assert_eq!(pool("max", 1)[0], [6.0, -2.0]);
        // The weights stay those of all tokens.
        assert!((pool("weightedmean", 1)[0][0] - 22.0 / 5.0).abs() < 1e-6);
    }

    #[test]
    fn names_are_read_and_written() {
        assert_eq!("cls+max".parse::<Pooling>().unwrap().to_string(), "cls+max");
        for text in ["", "average", "cls,mean", "cls+"] {
            assert!(text.parse::<Pooling>().unwrap_err().to_string().contains("is not a pooling mode"), "{text}");
        }
    }
}
