//! Products of pairs of bfloat16 numbers in AVX-512 registers.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use super::super::tile::{DEPTH, HEIGHT, Parts, SIDE, Tile};

/// Number of rows whose sums stay in registers.
const ROWS: usize = 8;

/// Computes a square of results.
///
/// # Safety
/// The machine has AVX-512 with BF16; both bands of rows have as many tiles, and the weights twice as many, for whole
/// steps; `out` has 32 rows of 32 numbers, `stride` apart.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[expect(unsafe_code, reason = "calls functions with the same features")]
pub(in super::super) unsafe fn square(
    rows: [&[Tile]; 2],
    weights: &[Tile],
    parts: Parts,
    out: &mut [f32],
    stride: usize,
) {
    for first in (0..SIDE).step_by(ROWS) {
        let band = rows[first / HEIGHT];
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        match parts {
            Parts::One => {
                for (tile, weights) in band.iter().zip(weights.as_chunks::<2>().0) {
                    add(&mut sums, tile, first % HEIGHT, weights);
                }
            }
            Parts::Two => {
                for (tiles, weights) in band.as_chunks::<2>().0.iter().zip(weights.as_chunks::<4>().0) {
                    let [high, low] = tiles;
                    let [of_high @ .., a, b] = weights;
                    add(&mut sums, high, first % HEIGHT, &[*a, *b]);
                    add(&mut sums, high, first % HEIGHT, of_high);
                    add(&mut sums, low, first % HEIGHT, of_high);
                }
            }
        }
        for (out, sums) in out[first * stride..].chunks_mut(stride).zip(&sums) {
            for (out, sum) in out[..SIDE].as_chunks_mut::<16>().0.iter_mut().zip(sums) {
                // SAFETY: the array has 16 numbers.
                unsafe { _mm512_storeu_ps(out.as_mut_ptr(), *sum) };
            }
        }
    }
}

/// Adds the products of eight rows of a tile with 32 outputs.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn add(sums: &mut [[__m512; 2]; ROWS], rows: &Tile, first: usize, weights: &[Tile; 2]) {
    for pair in 0..HEIGHT {
        let outputs = [numbers(&weights[0].0[pair]), numbers(&weights[1].0[pair])];
        for (sums, row) in sums.iter_mut().zip(&rows.0[first..first + ROWS]) {
            let both = u32::from(row[2 * pair]) | u32::from(row[2 * pair + 1]) << 16;
            let inputs = as_bf16(_mm512_set1_epi32(both.cast_signed()));
            for (sum, outputs) in sums.iter_mut().zip(outputs) {
                *sum = _mm512_dpbf16_ps(*sum, inputs, outputs);
            }
        }
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn numbers(row: &[u16; DEPTH]) -> __m512bh {
    #[expect(unsafe_code, reason = "loads take pointers")]
    // SAFETY: the array has 64 bytes.
    as_bf16(unsafe { _mm512_loadu_si512(row.as_ptr().cast()) })
}

#[inline]
fn as_bf16(numbers: __m512i) -> __m512bh {
    #[expect(unsafe_code, reason = "names of the same register")]
    // SAFETY: both are 64 bytes, of which every value is one of the type.
    unsafe {
        std::mem::transmute(numbers)
    }
}
