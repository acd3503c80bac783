//! A gated convolution over the last few tokens, which some layers of `lfm2` have instead of attention.

use candle_core::{D, Result as Computed, Tensor};

use super::super::batch::Padding;
use super::super::error::Error;
use super::super::source::Loader;

/// The weights of a convolution in which every dimension has its own.
#[derive(Debug)]
pub(in crate::encoder) struct Convolution {
    /// One row of weights for each token it looks at, the token itself last.
    weights: Vec<Tensor>,
    bias: Option<Tensor>,
    /// The same numbers for loops over slices, empty elsewhere than on the CPU; the bias is zeros if there is none.
    on_cpu: (Vec<Vec<f32>>, Vec<f32>),
}

impl Convolution {
    /// Loads `name.weight` and, if it is `biased`, `name.bias`.
    pub(in crate::encoder) fn load(loader: &Loader<'_>, name: &str, width: usize, biased: bool) -> Result<Self, Error> {
        let weight = format!("{name}.weight");
        let reach = loader.shape(&weight)?.last().copied().unwrap_or(0);
        let values = loader.values(&weight, &[width, 1, reach])?;
        let row = |at: usize| values.iter().skip(at).step_by(reach.max(1)).copied().collect::<Vec<f32>>();
        let rows: Vec<Vec<f32>> = (0..reach).map(row).collect();
        let bias = if biased { Some(loader.values(&format!("{name}.bias"), &[width])?) } else { None };
        Ok(Self {
            weights: rows.iter().map(|row| loader.place(row.clone(), &[width])).collect::<Result<_, _>>()?,
            bias: bias.clone().map(|bias| loader.place(bias, &[width])).transpose()?,
            on_cpu: if loader.device.is_cpu() {
                (rows, bias.unwrap_or_else(|| vec![0.0; width]))
            } else {
                Default::default()
            },
        })
    }

    /// `gates` holds in each row of a padded batch the gate in front, the gate behind and the value of a token.
    pub(in crate::encoder) fn forward(&self, gates: &Tensor, padding: &Padding) -> Computed<Tensor> {
        let (rows, columns) = gates.dims2()?;
        let (length, width) = (padding.width, columns / 3);
        let gates = gates.reshape((rows / length.max(1), length, columns))?;
        let part = |index: usize| gates.narrow(D::Minus1, index * width, width);
        let input = (part(0)? * part(2)?)?;
        let mut sum = input.zeros_like()?;
        for (at, weight) in self.weights.iter().enumerate() {
            let back = self.weights.len() - 1 - at;
            let moved = input.pad_with_zeros(1, back, 0)?.narrow(1, 0, length)?;
            sum = (sum + moved.broadcast_mul(weight)?)?;
        }
        if let Some(bias) = &self.bias {
            sum = sum.broadcast_add(bias)?;
        }
        (sum * part(1)?)?.reshape((rows, width))
    }

    /// The same over the rows of one text on the CPU.
    pub(in crate::encoder) fn forward_text(&self, gates: &[f32], out: &mut [f32]) {
        let (weights, bias) = &self.on_cpu;
        let width = bias.len();
        for (token, out) in out.chunks_exact_mut(width).enumerate() {
            out.copy_from_slice(bias);
            for (at, weight) in weights.iter().enumerate() {
                let Some(source) = (token + at + 1).checked_sub(weights.len()) else { continue };
                let row = &gates[source * 3 * width..][..3 * width];
                let (front, value) = (&row[..width], &row[2 * width..]);
                for (((out, weight), front), value) in out.iter_mut().zip(weight).zip(front).zip(value) {
                    *out += weight * front * value;
                }
            }
            let behind = &gates[(3 * token + 1) * width..][..width];
            for (out, gate) in out.iter_mut().zip(behind) {
                *out *= gate;
            }
        }
    }
}
