//! How a model turns texts into embeddings: what the commands that encode share.

use crate::encoder::{Device, Options, Pooling};
use crate::kernel::Float;

/// How a model turns texts into embeddings.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct EncoderArgs {
    /// Longest text in tokens, special tokens included; longer ones are cut
    #[arg(long, value_name = "N")]
    max_length: Option<usize>,

    /// How token vectors become one, in place of what the folder says: `cls`, `max`, `mean`, `mean_sqrt_len_tokens`,
    /// `weightedmean`, `lasttoken`, or several joined by `+`
    #[arg(long, value_name = "MODES")]
    pooling: Option<Pooling>,

    /// Dimensions to keep of each embedding
    #[arg(long, value_name = "N")]
    truncate_dim: Option<usize>,

    /// Where to compute: cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: Device,

    /// Format of weights: f32, f16 or bf16. The processor rounds weights to it and computes in f32
    #[arg(long, value_name = "DTYPE", default_value = "f32", value_parser = dtype)]
    dtype: Float,

    /// Tokens computed at a time
    #[arg(long, value_name = "N")]
    batch_tokens: Option<usize>,
}

impl EncoderArgs {
    pub(super) fn options(&self) -> Options {
        Options {
            device: self.device,
            dtype: Some(self.dtype),
            max_length: self.max_length,
            pooling: self.pooling.clone(),
            truncate_dim: self.truncate_dim,
            batch_tokens: self.batch_tokens,
            ..Options::default()
        }
    }
}

fn dtype(text: &str) -> Result<Float, String> {
    match text {
        "f32" | "float32" => Ok(Float::F32),
        "f16" | "float16" => Ok(Float::F16),
        "bf16" | "bfloat16" => Ok(Float::Bf16),
        _ => Err("expected f32, f16 or bf16".to_owned()),
    }
}
