//! Static embeddings: sentence-transformers' `StaticEmbedding` module, and the tables that model2vec writes for it.

use safetensors::Dtype;

use super::config::Config;
use super::error::Error;
use super::layers::token_embeddings::TokenEmbeddings;
use super::source::Loader;
use super::transformer::Transformer;
use crate::checkpoint::{Checkpoint, Weights};

/// The module that is a static embedding.
pub(super) const KIND: &str = "StaticEmbedding";

/// Which row of a table each token takes, where tokens share rows.
const MAPPING: &str = "mapping";
/// What each token's row is multiplied by.
const WEIGHTS: &str = "weights";

/// Whether the main module of a checkpoint is a static embedding.
pub(super) fn is_static(checkpoint: &Checkpoint) -> bool {
    checkpoint.main_module().is_some_and(|module| module.kind == KIND)
}

/// Loads the table, with a row for each token, as a transformer without layers.
pub(super) fn load(loader: &Loader<'_>, checkpoint: &Checkpoint) -> Result<Transformer, Error> {
    let config = Config::static_embedding();
    let mut transformer = Transformer::load(loader, &config)?;
    let weights = checkpoint.main_module().and_then(|module| module.weights.as_ref());
    let mapping = weights.map(|weights| mapping(loader, weights)).transpose()?.flatten();
    if mapping.is_none() && !loader.has(WEIGHTS) {
        return Ok(transformer);
    }
    let (rows, width) = (transformer.vocabulary, transformer.width);
    let table = loader.values(config.names.token_table(loader), &[rows, width])?;
    let mapping = mapping.unwrap_or_else(|| (0..rows).collect());
    let scales = if loader.has(WEIGHTS) { Some(loader.values(WEIGHTS, &[mapping.len()])?) } else { None };
    let mut spread = Vec::with_capacity(mapping.len() * width);
    for (token, row) in mapping.iter().enumerate() {
        let values = table.get(row * width..(row + 1) * width).ok_or_else(|| {
            let problem = format!("`{MAPPING}` sends token {token} to row {row} of {rows}");
            Error::setting(&loader.path.join("model.safetensors"), problem)
        })?;
        let scale = scales.as_ref().and_then(|scales| scales.get(token)).copied().unwrap_or(1.0);
        spread.extend(values.iter().map(|x| x * scale));
    }
    transformer.vocabulary = mapping.len();
    transformer.token_table = None;
    transformer.token_embeddings = TokenEmbeddings::OnDevice(loader.place(spread, &[mapping.len(), width])?);
    Ok(transformer)
}

/// The row of each token, where the file says it.
fn mapping(loader: &Loader<'_>, weights: &Weights) -> Result<Option<Vec<usize>>, Error> {
    let Some(tensor) = weights.get(MAPPING) else { return Ok(None) };
    let refused = |problem: String| Error::setting(&loader.path.join("model.safetensors"), problem);
    let data = loader.source.shared(loader.module, MAPPING);
    let data = data.ok_or_else(|| Error::Missing { path: loader.path.clone(), tensor: MAPPING.to_owned() })?;
    let size = match tensor.dtype {
        Dtype::I64 | Dtype::U64 => 8,
        Dtype::I32 | Dtype::U32 => 4,
        other => return Err(refused(format!("`{MAPPING}` is of type {other:?}, expected integers of 32 or 64 bits"))),
    };
    let rows = data.bytes().chunks_exact(size).map(|bytes| {
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(bytes);
        usize::try_from(u64::from_le_bytes(wide)).unwrap_or(usize::MAX / 2)
    });
    // A product with the width of a row must not overflow; no table has so many rows.
    Ok(Some(rows.map(|row| row.min(u32::MAX as usize)).collect()))
}
