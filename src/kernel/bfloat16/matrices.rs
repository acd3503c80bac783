//! Products of two matrices that are both new, such as those of attention.

use std::cell::RefCell;

use super::packed_rows::PackedRows;
use super::tile::{DEPTH, Parts, SIDE, Tile, TileLevel, write_square};
use crate::kernel::Matrix;

/// Buffers of a thread.
#[derive(Default)]
struct Buffers {
    left: PackedRows,
    /// For every 32 columns and 32 rows: the tiles of the first and of the last 16 columns, of each part.
    right: Vec<Tile>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// `out = factor · left · right`; rows of `out` lie `stride` apart. The numbers of a row of the left matrix lie side by side,
/// and those of a row or of a column of the right one.
///
/// # Panics
/// If the sizes do not fit each other or the slices.
pub fn multiply_tiles(
    (level, parts): (TileLevel, Parts),
    out: &mut [f32],
    stride: usize,
    left: Matrix<'_>,
    right: Matrix<'_>,
    factor: f32,
) {
    let (rows, columns, depth) = (left.rows, right.columns, left.columns);
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(
        depth == right.rows && left.column_stride == 1 && (right.row_stride == 1 || right.column_stride == 1),
        "factors that fit each other"
    );
    assert!(columns <= stride, "the product goes beyond its rows");
    let steps = depth.div_ceil(DEPTH);
    BUFFERS.with_borrow_mut(|buffers| {
        buffers.left.pack(level, &left, factor, parts);
        let panel = steps * 2 * parts.count();
        let needed = columns.div_ceil(SIDE) * panel;
        if buffers.right.len() < needed {
            buffers.right.resize(needed, Tile::ZERO);
        }
        let tiles = &mut buffers.right[..needed];
        if panel > 0 {
            level.pack_weights(&right, parts, tiles);
        }
        level.prepared(|| {
            for (number, tiles) in tiles.chunks_exact(panel.max(1)).enumerate() {
                let from = number * SIDE;
                let width = SIDE.min(columns - from);
                for (square, out) in out[..(rows - 1) * stride + columns].chunks_mut(SIDE * stride).enumerate() {
                    let bands = buffers.left.bands(square);
                    write_square(out, stride, from..from + width, |out, stride| {
                        level.square(bands, tiles, parts, out, stride);
                    });
                }
            }
        });
    });
}
