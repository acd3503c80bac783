//! The table of token types.

use super::super::config::Config;
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::Names;

/// The rows once for each token type, with the type's vector added. Without types they are returned as they are.
pub(in crate::encoder) fn with_each_type(
    loader: &Loader<'_>,
    config: &Config,
    names: &Names,
    width: usize,
    rows: Vec<f32>,
) -> Result<Vec<f32>, Error> {
    let Some(name) = names.token_types.filter(|_| config.token_types) else { return Ok(rows) };
    let (types, _) = loader.dimensions(name)?;
    let vectors = loader.values(name, &[types, width])?;
    let mut all = Vec::with_capacity(rows.len() * types);
    for vector in vectors.chunks_exact(width) {
        all.extend(rows.chunks_exact(width).flat_map(|row| row.iter().zip(vector).map(|(x, y)| x + y)));
    }
    Ok(all)
}

/// Adds the vector of the first token type to every row.
pub(in crate::encoder) fn add_first_type(
    loader: &Loader<'_>,
    config: &Config,
    names: &Names,
    width: usize,
    rows: &mut [f32],
) -> Result<(), Error> {
    let Some(name) = names.token_types.filter(|_| config.token_types) else { return Ok(()) };
    let (types, _) = loader.dimensions(name)?;
    let first = loader.values(name, &[types, width])?;
    for row in rows.chunks_exact_mut(width) {
        for (x, y) in row.iter_mut().zip(&first) {
            *x += y;
        }
    }
    Ok(())
}
