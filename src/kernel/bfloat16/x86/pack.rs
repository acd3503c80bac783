//! Lays out numbers in tiles with AVX-512 instructions.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_castsi512_ps, _mm512_castsi512_si256, _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh,
    _mm512_extracti64x4_epi64, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mul_ps, _mm512_permutexvar_epi16,
    _mm512_set1_ps, _mm512_shuffle_i32x4, _mm512_slli_epi32, _mm512_storeu_si512, _mm512_sub_ps, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::super::tile::{DEPTH, HEIGHT, Parts, SIDE, Square, Tile};
use crate::kernel::Matrix;

/// Lays out rows, the numbers of each side by side and times `factor`: for every 16 rows and 32 columns the tiles of each part.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(in super::super) fn rows(matrix: &Matrix<'_>, factor: f32, parts: Parts, tiles: &mut [Tile]) {
    let steps = matrix.columns.div_ceil(DEPTH);
    for (band, tiles) in tiles.chunks_exact_mut(steps * parts.count()).enumerate() {
        for row in band * HEIGHT..((band + 1) * HEIGHT).min(matrix.rows) {
            let values = &matrix.values[row * matrix.row_stride..][..matrix.columns];
            let (chunks, rest) = values.as_chunks::<DEPTH>();
            let mut tiles = tiles.chunks_exact_mut(parts.count());
            for (chunk, tiles) in chunks.iter().zip(&mut tiles) {
                set(chunk, factor, row % HEIGHT, tiles);
            }
            if let Some(tiles) = tiles.next() {
                set(&filled(rest), factor, row % HEIGHT, tiles);
            }
        }
    }
}

/// Lays out the results of 32 rows as columns `32 · step` and on of both their bands.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(in super::super) fn square(square: &Square, step: usize, parts: Parts, bands: [&mut [Tile]; 2]) {
    for (band, values) in bands.into_iter().zip(square.0.as_chunks::<HEIGHT>().0) {
        let tiles = &mut band[step * parts.count()..(step + 1) * parts.count()];
        for (row, values) in values.iter().enumerate() {
            set(values, 1.0, row, tiles);
        }
    }
}

/// Lays out weights whose inputs lie side by side, a column an output: for every 32 outputs and 32 inputs the tiles of the first
/// and of the last 16 outputs, of each part.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(in super::super) fn columns(matrix: &Matrix<'_>, parts: Parts, tiles: &mut [Tile]) {
    let steps = matrix.rows.div_ceil(DEPTH);
    for (panel, tiles) in tiles.chunks_exact_mut(steps * 2 * parts.count()).enumerate() {
        for column in panel * SIDE..((panel + 1) * SIDE).min(matrix.columns) {
            let values = &matrix.values[column * matrix.column_stride..][..matrix.rows];
            let (chunks, rest) = values.as_chunks::<DEPTH>();
            let mut tiles = tiles.chunks_exact_mut(2 * parts.count());
            let (half, row) = (column % SIDE / HEIGHT, column % HEIGHT);
            for (chunk, tiles) in chunks.iter().zip(&mut tiles) {
                set_half(chunk, (half, row), tiles);
            }
            if let Some(tiles) = tiles.next() {
                set_half(&filled(rest), (half, row), tiles);
            }
        }
        // So far these are rows of outputs.
        for tile in tiles {
            transpose(tile);
        }
    }
}

/// Lays out weights whose outputs lie side by side, in the same order.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(in super::super) fn pairs(matrix: &Matrix<'_>, parts: Parts, tiles: &mut [Tile]) {
    let steps = matrix.rows.div_ceil(DEPTH);
    for (panel, tiles) in tiles.chunks_exact_mut(steps * 2 * parts.count()).enumerate() {
        for (step, tiles) in tiles.chunks_exact_mut(2 * parts.count()).enumerate() {
            for half in 0..2 {
                let first = panel * SIDE + half * HEIGHT;
                let width = HEIGHT.min(matrix.columns.saturating_sub(first));
                for pair in 0..HEIGHT {
                    let mut values = [0.0; DEPTH];
                    for (row, values) in values.as_chunks_mut::<HEIGHT>().0.iter_mut().enumerate() {
                        let row = step * DEPTH + 2 * pair + row;
                        if row < matrix.rows && width > 0 {
                            let stored = &matrix.values[row * matrix.row_stride + first..][..width];
                            match stored.first_chunk::<HEIGHT>() {
                                Some(stored) => *values = *stored,
                                None => values[..width].copy_from_slice(stored),
                            }
                        }
                    }
                    set_half(&values, (half, pair), tiles);
                    for tiles in tiles.as_chunks_mut::<2>().0 {
                        interleave(&mut tiles[half].0[pair]);
                    }
                }
            }
        }
    }
}

/// The numbers with zeros behind them.
#[inline]
fn filled(numbers: &[f32]) -> [f32; DEPTH] {
    let mut chunk = [0.0; DEPTH];
    chunk[..numbers.len()].copy_from_slice(numbers);
    chunk
}

/// Writes a row of the tiles of each part.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn set(values: &[f32; DEPTH], factor: f32, row: usize, tiles: &mut [Tile]) {
    match tiles {
        [high] => round(values, factor, &mut high.0[row]),
        [high, low] => split(values, factor, &mut high.0[row], &mut low.0[row]),
        _ => {}
    }
}

/// Writes a row of the tiles of each part of one half of the outputs.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn set_half(values: &[f32; DEPTH], (half, row): (usize, usize), tiles: &mut [Tile]) {
    match tiles {
        [high @ .., _, _] if high.len() == 2 => {
            let (high, low) = tiles.split_at_mut(2);
            split(values, 1.0, &mut high[half].0[row], &mut low[half].0[row]);
        }
        high => round(values, 1.0, &mut high[half].0[row]),
    }
}

/// Rounds to bfloat16.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn round(values: &[f32; DEPTH], factor: f32, out: &mut [u16; DEPTH]) {
    let [first, last] = halves(values, factor);
    store(out, rounded(first, last));
}

/// Rounds to bfloat16, and rounds what is left.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn split(values: &[f32; DEPTH], factor: f32, high: &mut [u16; DEPTH], low: &mut [u16; DEPTH]) {
    let [first, last] = halves(values, factor);
    let highs = rounded(first, last);
    let rest = rounded(_mm512_sub_ps(first, widened(highs, false)), _mm512_sub_ps(last, widened(highs, true)));
    store(high, highs);
    store(low, rest);
}

/// Takes each two neighbouring numbers as one and transposes the tile.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn transpose(tile: &mut Tile) {
    let rows: [__m512i; HEIGHT] = std::array::from_fn(|row| load(&tile.0[row]));
    // Pairs of rows, fours of rows, and then the quarters of registers change places.
    let twos: [__m512i; HEIGHT] = std::array::from_fn(|i| {
        let (a, b) = (rows[i & !1], rows[i | 1]);
        if i % 2 == 0 { _mm512_unpacklo_epi32(a, b) } else { _mm512_unpackhi_epi32(a, b) }
    });
    let fours: [__m512i; HEIGHT] = std::array::from_fn(|i| {
        let first = i / 4 * 4 + i % 4 / 2;
        let (a, b) = (twos[first], twos[first + 2]);
        if i % 2 == 0 { _mm512_unpacklo_epi64(a, b) } else { _mm512_unpackhi_epi64(a, b) }
    });
    for column in 0..4 {
        let [a, b, c, d] = std::array::from_fn(|four| fours[4 * four + column]);
        let (even, odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
        let (even_last, odd_last) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xdd>(c, d));
        store(&mut tile.0[column], _mm512_shuffle_i32x4::<0x88>(even, even_last));
        store(&mut tile.0[column + 4], _mm512_shuffle_i32x4::<0x88>(odd, odd_last));
        store(&mut tile.0[column + 8], _mm512_shuffle_i32x4::<0xdd>(even, even_last));
        store(&mut tile.0[column + 12], _mm512_shuffle_i32x4::<0xdd>(odd, odd_last));
    }
}

/// Takes the first half of the numbers and the last half in turn.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn interleave(row: &mut [u16; DEPTH]) {
    const ORDER: [u16; DEPTH] = {
        let mut order = [0; DEPTH];
        let mut at = 0;
        while at < DEPTH {
            order[at] = (at / 2 + at % 2 * (DEPTH / 2)) as u16;
            at += 1;
        }
        order
    };
    store(row, _mm512_permutexvar_epi16(load(&ORDER), load(row)));
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn halves(values: &[f32; DEPTH], factor: f32) -> [__m512; 2] {
    let (pointer, factor) = (values.as_ptr(), _mm512_set1_ps(factor));
    #[expect(unsafe_code, reason = "loads take pointers")]
    // SAFETY: the array has 32 numbers.
    let first = unsafe { _mm512_loadu_ps(pointer) };
    #[expect(unsafe_code, reason = "loads take pointers")]
    // SAFETY: these are its last 16.
    let last = unsafe { _mm512_loadu_ps(pointer.wrapping_add(16)) };
    [_mm512_mul_ps(first, factor), _mm512_mul_ps(last, factor)]
}

#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn rounded(first: __m512, last: __m512) -> __m512i {
    as_integers(_mm512_cvtne2ps_pbh(last, first))
}

/// The first or the last 16 numbers as float32.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn widened(numbers: __m512i, last: bool) -> __m512 {
    let half = if last { _mm512_extracti64x4_epi64::<1>(numbers) } else { _mm512_castsi512_si256(numbers) };
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half)))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(row: &[u16; DEPTH]) -> __m512i {
    #[expect(unsafe_code, reason = "loads take pointers")]
    // SAFETY: the array has 64 bytes.
    unsafe {
        _mm512_loadu_si512(row.as_ptr().cast())
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(out: &mut [u16; DEPTH], numbers: __m512i) {
    #[expect(unsafe_code, reason = "stores take pointers")]
    // SAFETY: the array has 64 bytes.
    unsafe {
        _mm512_storeu_si512(out.as_mut_ptr().cast(), numbers);
    }
}

#[inline]
fn as_integers(numbers: __m512bh) -> __m512i {
    #[expect(unsafe_code, reason = "names of the same register")]
    // SAFETY: as above.
    unsafe {
        std::mem::transmute(numbers)
    }
}
