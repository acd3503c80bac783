//! Files with the vectors of texts.

use std::io;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::render::Usage;
use crate::encoder::{Embeddings, MultiVectors, Retriever, Vectors};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Safetensors,
    JsonLines,
}

impl Format {
    /// The format that the end of a file's name says.
    pub(super) fn of(out: &Path) -> Result<Self, Usage> {
        match out.extension().and_then(|end| end.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("safetensors") => Ok(Self::Safetensors),
            Some("jsonl") => Ok(Self::JsonLines),
            _ => Err(Usage::with_hint(
                format!("`{}` ends in no known format", out.display()),
                "the end of the name says the format: .npy, .safetensors or .jsonl",
            )),
        }
    }

    /// Checks that the format has room for what the retriever makes of a text.
    pub(super) fn check(self, out: &Path, retriever: &Retriever) -> Result<(), Usage> {
        if self == Self::Npy && matches!(retriever, Retriever::Late(_)) {
            return Err(Usage::with_hint(
                format!("`{}` cannot hold a different number of vectors for each text", out.display()),
                "a name that ends in .safetensors or .jsonl can",
            ));
        }
        Ok(())
    }

    /// Writes what texts were encoded to.
    pub(super) fn write(self, out: &mut dyn io::Write, texts: &[String], vectors: &Vectors) -> io::Result<()> {
        match (self, vectors) {
            (Self::Npy, Vectors::Dense(all)) => write_npy(out, all),
            (Self::Safetensors, Vectors::Dense(all)) => write_safetensors(out, all),
            (Self::JsonLines, Vectors::Dense(all)) => write_json_lines(out, texts, all.rows().map(|row| json!(row))),
            (Self::Safetensors, Vectors::Late(all)) => write_late_safetensors(out, all),
            (Self::JsonLines, Vectors::Late(all)) => {
                let rows = |text: &[f32]| json!(text.chunks_exact(all.dimension.max(1)).collect::<Vec<_>>());
                write_json_lines(out, texts, all.texts().map(rows))
            }
            (Self::Npy, Vectors::Late(_)) => Err(io::Error::other("one array cannot hold texts of different lengths")),
        }
    }
}

/// Format version 1.0: magic, length of the header, a Python literal filled up to 64 bytes, the numbers.
fn write_npy(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    let (rows, columns) = (embeddings.len(), embeddings.dimension);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let filled = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header.extend(std::iter::repeat_n(' ', filled - header.len()));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    write_numbers(out, embeddings)
}

fn write_numbers(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    embeddings.values.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))
}

fn write_safetensors(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    let bytes = bytes_of(&embeddings.values);
    let shape = vec![embeddings.len(), embeddings.dimension];
    let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(io::Error::other)?;
    out.write_all(&safetensors::serialize([("embeddings", view)], None).map_err(io::Error::other)?)
}

/// A tensor with the vectors of all texts, one after another, and one with the number of vectors of each text.
fn write_late_safetensors(out: &mut dyn io::Write, vectors: &MultiVectors) -> io::Result<()> {
    let bytes = bytes_of(&vectors.values);
    let shape = vec![vectors.ends.last().copied().unwrap_or(0), vectors.dimension];
    let all = TensorView::new(Dtype::F32, shape, &bytes).map_err(io::Error::other)?;
    let lengths: Vec<u8> = (0..vectors.len()).flat_map(|text| (vectors.count(text) as i64).to_le_bytes()).collect();
    let lengths = TensorView::new(Dtype::I64, vec![vectors.len()], &lengths).map_err(io::Error::other)?;
    let tensors = [("embeddings", all), ("lengths", lengths)];
    out.write_all(&safetensors::serialize(tensors, None).map_err(io::Error::other)?)
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn write_json_lines(
    out: &mut dyn io::Write,
    texts: &[String],
    embeddings: impl Iterator<Item = Value>,
) -> io::Result<()> {
    for (text, embedding) in texts.iter().zip(embeddings) {
        serde_json::to_writer(&mut *out, &json!({"text": text, "embedding": embedding}))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
