//! Writes what texts were encoded to.

use std::io;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Map, Value, json};

use crate::cli::render::Usage;
use crate::encoder::{Embeddings, MultiVectors, Retriever, SparseEmbeddings, Vectors};

/// A format of files, which the end of a file's name says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Safetensors,
    JsonLines,
}

impl Format {
    pub(super) fn of(out: &Path) -> anyhow::Result<Self> {
        match out.extension().and_then(|end| end.to_str()) {
            Some("npy") => Ok(Self::Npy),
            Some("safetensors") => Ok(Self::Safetensors),
            Some("jsonl") => Ok(Self::JsonLines),
            _ => Err(Usage::with_hint(
                format!("`{}` ends in no known format", out.display()),
                "the end of the name says the format: .npy, .safetensors or .jsonl",
            )
            .into()),
        }
    }

    /// Refuses a format that cannot hold what the retriever makes of texts.
    pub(super) fn check(self, retriever: &Retriever, out: &Path) -> anyhow::Result<()> {
        match (self, retriever) {
            (Self::Npy, Retriever::Sparse(_)) => Err(unfit(out, "sparse embeddings")),
            (Self::Npy | Self::Safetensors, Retriever::Hybrid(_)) => Err(Usage::with_hint(
                format!("`{}` cannot hold several kinds of embeddings", out.display()),
                "write them to a file that ends in .jsonl, or ask for one kind with `--retrieval`",
            )
            .into()),
            (Self::Npy, Retriever::Late(_)) => Err(unfit(out, "several vectors for each text")),
            _ => Ok(()),
        }
    }

    pub(super) fn write(
        self,
        out: &mut dyn io::Write,
        texts: &[String],
        vectors: &Vectors,
        retriever: &Retriever,
    ) -> io::Result<()> {
        match (self, vectors, retriever) {
            (Self::Npy, Vectors::Dense(all), _) => write_npy(out, all),
            (Self::Safetensors, Vectors::Dense(all), _) => write_safetensors(out, all),
            (Self::Safetensors, Vectors::Sparse(all), _) => write_rows(out, all),
            (Self::JsonLines, ..) => write_json_lines(out, texts, vectors, retriever),
            (Self::Safetensors, Vectors::Late(all), _) => write_vectors(out, all),
            (Self::Npy, Vectors::Sparse(_) | Vectors::Late(_), _) | (_, Vectors::Hybrid(_), _) => {
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }
}

fn unfit(out: &Path, what: &str) -> anyhow::Error {
    let hint = "write them to a file that ends in .jsonl or .safetensors";
    Usage::with_hint(format!("`{}` cannot hold {what}", out.display()), hint).into()
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
    embeddings.values.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))
}

fn write_safetensors(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    let bytes: Vec<u8> = embeddings.values.iter().flat_map(|x| x.to_le_bytes()).collect();
    write_tensors(out, &[("embeddings", Dtype::F32, vec![embeddings.len(), embeddings.dimension], bytes)])
}

/// Writes all vectors, and for each text the number of those before it.
fn write_vectors(out: &mut dyn io::Write, all: &MultiVectors) -> io::Result<()> {
    let bytes = all.values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let starts =
        std::iter::once(0).chain(all.ends.iter().copied()).flat_map(|end| (end as u64).to_le_bytes()).collect();
    let rows = all.values.len() / all.dimension.max(1);
    let tensors = [
        ("embeddings", Dtype::F32, vec![rows, all.dimension], bytes),
        ("indptr", Dtype::I64, vec![all.len() + 1], starts),
    ];
    write_tensors(out, &tensors)
}

/// Writes the rows as scipy's `csr_matrix` takes them.
fn write_rows(out: &mut dyn io::Write, all: &SparseEmbeddings) -> io::Result<()> {
    let (mut ends, mut tokens, mut weights) = (vec![0; 8], Vec::new(), Vec::new());
    let mut entries = 0u64;
    for text in 0..all.len() {
        let (of_text, values) = all.get(text);
        entries += of_text.len() as u64;
        ends.extend(entries.to_le_bytes());
        tokens.extend(of_text.iter().flat_map(|token| token.to_le_bytes()));
        weights.extend(values.iter().flat_map(|weight| weight.to_le_bytes()));
    }
    let shape = [all.len() as u64, all.vocabulary as u64].iter().flat_map(|size| size.to_le_bytes()).collect();
    let tensors = [
        ("indptr", Dtype::I64, vec![all.len() + 1], ends),
        ("indices", Dtype::I32, vec![all.entries()], tokens),
        ("data", Dtype::F32, vec![all.entries()], weights),
        ("shape", Dtype::I64, vec![2], shape),
    ];
    write_tensors(out, &tensors)
}

fn write_tensors(out: &mut dyn io::Write, tensors: &[(&str, Dtype, Vec<usize>, Vec<u8>)]) -> io::Result<()> {
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (*name, view)).map_err(io::Error::other)
    });
    let views = views.collect::<io::Result<Vec<_>>>()?;
    out.write_all(&safetensors::serialize(views, None).map_err(io::Error::other)?)
}

/// The weights of a text by token, or by number where dimensions are no tokens, the heaviest first.
fn weights(all: &SparseEmbeddings, text: usize, retriever: &Retriever) -> Value {
    let (tokens, weights) = all.get(text);
    let mut entries: Vec<(u32, f32)> = tokens.iter().copied().zip(weights.iter().copied()).collect();
    entries.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let name = |token| retriever.token(token).unwrap_or_else(|| token.to_string());
    Value::Object(entries.into_iter().map(|(token, weight)| (name(token), json!(weight))).collect())
}

fn rows(all: &MultiVectors, text: usize) -> Value {
    json!(all.get(text).chunks_exact(all.dimension.max(1)).collect::<Vec<_>>())
}

fn write_json_lines(
    out: &mut dyn io::Write,
    texts: &[String],
    vectors: &Vectors,
    retriever: &Retriever,
) -> io::Result<()> {
    let (dense, sparse, late) = match vectors {
        Vectors::Dense(all) => (Some(all), None, None),
        Vectors::Sparse(all) => (None, Some(all), None),
        Vectors::Late(all) => (None, None, Some(all)),
        Vectors::Hybrid(all) => (all.dense.as_ref(), all.sparse.as_ref(), all.late.as_ref()),
    };
    for (index, text) in texts.iter().enumerate() {
        let mut object = Map::new();
        object.insert("text".to_owned(), json!(text));
        object.extend(dense.and_then(|all| Some(("embedding".to_owned(), json!(all.rows().nth(index)?)))));
        object.extend(sparse.map(|all| ("weights".to_owned(), weights(all, index, retriever))));
        object.extend(late.map(|all| ("embeddings".to_owned(), rows(all, index))));
        serde_json::to_writer(&mut *out, &object)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
