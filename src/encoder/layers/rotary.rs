//! Rotates queries and keys by their positions.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use super::super::config::Rope;

/// The fewest positions of a table.
const LEAST: usize = 256;

/// A rotation, and the table of its angles, which grows as needed.
#[derive(Debug)]
pub(in crate::encoder) struct Rotary {
    rope: Rope,
    table: Mutex<Arc<Table>>,
}

/// The cosines and sines of every position's angles, which are float32.
#[derive(Debug, Default)]
pub(in crate::encoder) struct Table {
    rows: usize,
    /// Half a head's width.
    half: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

impl Rotary {
    pub(in crate::encoder) fn new(rope: Rope) -> Self {
        Self { rope, table: Mutex::default() }
    }

    /// A table of at least `rows` positions.
    pub(in crate::encoder) fn table(&self, rows: usize) -> Arc<Table> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.rows < rows {
            *table = Arc::new(Table::new(&self.rope, rows.max(LEAST).next_power_of_two()));
        }
        Arc::clone(&table)
    }
}

impl Table {
    fn new(rope: &Rope, rows: usize) -> Self {
        let half = rope.frequencies.len();
        let (mut cosines, mut sines) = (Vec::with_capacity(rows * half), Vec::with_capacity(rows * half));
        for row in 0..rows {
            for frequency in &rope.frequencies {
                let angle = f64::from(row as f32 * frequency);
                cosines.push(libm::cos(angle) as f32 * rope.scale);
                sines.push(libm::sin(angle) as f32 * rope.scale);
            }
        }
        Self { rows, half, cosines, sines }
    }

    /// The cosines and sines of one position.
    pub(in crate::encoder) fn row(&self, position: usize) -> (&[f32], &[f32]) {
        let range = position * self.half..(position + 1) * self.half;
        (&self.cosines[range.clone()], &self.sines[range])
    }

    /// The first `rows` rows as tensors.
    pub(in crate::encoder) fn tensors(&self, rows: usize, device: &Device) -> Result<(Tensor, Tensor)> {
        let tensor = |values: &[f32]| Tensor::from_slice(&values[..rows * self.half], (rows, self.half), device);
        Ok((tensor(&self.cosines)?, tensor(&self.sines)?))
    }
}

/// Rotates the heads of every text (texts × heads × positions × width) by their positions, always in float32.
pub(in crate::encoder) fn rotate(heads: &Tensor, (cosines, sines): &(Tensor, Tensor)) -> Result<Tensor> {
    let wide = heads.to_dtype(DType::F32)?.contiguous()?;
    candle_nn::rotary_emb::rope(&wide, cosines, sines)?.to_dtype(heads.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_when_it_is_needed() {
        let rotary = Rotary::new(Rope { frequencies: vec![1.0, 0.5], scale: 2.0 });
        let small = rotary.table(3);
        assert_eq!((small.rows, small.half), (LEAST, 2));
        assert!(Arc::ptr_eq(&small, &rotary.table(LEAST)));
        let large = rotary.table(LEAST + 1);
        assert_eq!(large.rows, 2 * LEAST);
        for position in [0, 3, LEAST - 1] {
            assert_eq!(small.row(position), large.row(position));
        }
        let (cosines, sines) = large.row(3);
        assert!((f64::from(cosines[0]) - 2.0 * libm::cos(3.0)).abs() < 1e-6);
        assert!((f64::from(sines[1]) - 2.0 * libm::sin(1.5)).abs() < 1e-6);
    }
}
