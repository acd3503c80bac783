//! The numbers of tensors on the CPU, as slices.

use candle_core::{CpuStorage, Result as Computed, Storage, Tensor, bail};

/// Calls `f` with the numbers of a contiguous tensor on the CPU.
pub(in crate::encoder) fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Computed<R>) -> Computed<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => f(&values[start..end]),
        _ => bail!("a tensor is not on the processor, not in float32 or not in one piece"),
    }
}

/// Copies rows of a table.
pub(in crate::encoder) fn gather_rows(table: &[f32], numbers: &[u32], out: &mut [f32], width: usize) -> Computed<()> {
    for (out, number) in out.chunks_exact_mut(width).zip(numbers) {
        let start = *number as usize * width;
        match table.get(start..start + width) {
            Some(row) => out.copy_from_slice(row),
            None => bail!("row {number} is not in a table of {} numbers in rows of {width}", table.len()),
        }
    }
    Ok(())
}
