//! The table of token types, of which only the first type is used.

use super::super::config::Config;
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::Names;

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
