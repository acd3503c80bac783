//! Reads elements of tensors in files.

use std::ops::Range;

use crate::checkpoint::{Tensor, Weights};
use crate::kernel::{DType, Real, SimdLevel, widen};
use crate::merge::buffers::{InputBuffer, numbers};
use crate::merge::{Access, Error, Options};

/// Reads the elements `range` of a tensor of floating-point numbers.
pub(in crate::merge) fn load_stored<'a, T: Real>(
    weights: &'a Weights,
    tensor: &Tensor,
    range: Range<usize>,
    buffer: &'a mut InputBuffer,
    options: &Options<'_>,
) -> Result<&'a [T], Error> {
    let float = tensor.float().unwrap_or(DType::F32);
    let place = range.start * float.size()..range.end * float.size();
    let bytes: &[u8] = match options.access {
        Access::Map => &weights.bytes(tensor)[place],
        Access::Read => {
            let stored = numbers::<u8>(&mut buffer.stored, place.len());
            weights.read(tensor, place.start, stored).map_err(|source| cannot_read(weights, tensor, source))?;
            stored
        }
    };
    Ok(as_numbers(bytes, float, &mut buffer.widened, options.level))
}

/// Views bytes as numbers if they already have the dtype that the merge is computed in, and widens them otherwise.
pub(super) fn as_numbers<'a, T: Real>(
    bytes: &'a [u8],
    float: DType,
    widened: &'a mut Vec<u64>,
    level: SimdLevel,
) -> &'a [T] {
    if cfg!(target_endian = "little")
        && float == T::FLOAT
        && let Ok(values) = bytemuck::try_cast_slice(bytes)
    {
        return values;
    }
    let values = numbers(widened, bytes.len() / float.size());
    widen(level, bytes, float, values);
    values
}

/// Reads the elements `range` of a tensor of floating-point numbers into `out`, without the memory map.
pub(super) fn read_into<T: Real>(
    weights: &Weights,
    tensor: &Tensor,
    range: Range<usize>,
    stored: &mut Vec<u64>,
    out: &mut [T],
    options: &Options<'_>,
) -> Result<(), Error> {
    let float = tensor.float().unwrap_or(DType::F32);
    let failed = |source| cannot_read(weights, tensor, source);
    if cfg!(target_endian = "little") && float == T::FLOAT {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(out);
        return weights.read(tensor, range.start * float.size(), bytes).map_err(failed);
    }
    let bytes = numbers::<u8>(stored, range.len() * float.size());
    weights.read(tensor, range.start * float.size(), bytes).map_err(failed)?;
    widen(options.level, bytes, float, out);
    Ok(())
}

fn cannot_read(weights: &Weights, tensor: &Tensor, source: std::io::Error) -> Error {
    Error::Read {
        tensor: tensor.name.clone(),
        file: weights.file_of(tensor).map(|file| file.display().to_string()).unwrap_or_default(),
        source,
    }
}
