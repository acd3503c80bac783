//! Throughput of the kernels on tiles that stay in the cache, at every SIMD level: the arithmetic of a merge without its
//! input and output.

use std::hint::black_box;

use admix::kernel::{
    Digits, Float, Level, MaskTerm, MaskedTerms, combine, combine_around, dots, histogram, masked_sum, narrow,
    swap_near, widen,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Elements of a tile.
const TILE: usize = admix::merge::TILE;

/// Values that look like weights: about normal, standard deviation 0.02.
fn tile(seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    (0..TILE).map(|_| 0.02 * (uniform() + uniform() + uniform() + uniform()) / 0.577).collect()
}

fn kernels(c: &mut Criterion) {
    let (base, a, b, d) = (tile(1), tile(2), tile(3), tile(4));
    let half: Vec<u8> = a.iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
    for level in Level::available() {
        let mut group = c.benchmark_group(level.name());
        let mut out = vec![0f32; TILE];
        let mut bytes = vec![0u8; TILE * 2];
        let mut counts = vec![0u32; 1 << 16];
        // Bytes of f32 input, so that the rates compare with those of memory and disk.
        group.throughput(Throughput::Bytes(2 * 4 * TILE as u64));
        group.bench_function("combine, 2 models", |bench| {
            bench.iter(|| combine(level, &[0.4, 0.6], &[black_box(&a), &b], &mut out));
        });
        group.bench_function("dots, 2 models", |bench| {
            bench.iter(|| {
                let mut sums = Vec::new();
                dots(level, None, &[black_box(&a), &b], &mut sums);
                sums
            });
        });
        group.bench_function("nearswap", |bench| bench.iter(|| swap_near(level, black_box(&base), &a, 0.01, &mut out)));
        let first = Digits { prefix: 0, prefix_shift: 64, shift: 15, width: 16 };
        group.bench_function("histogram", |bench| {
            bench.iter(|| histogram(level, black_box(&base), &a, first, &mut counts));
        });
        group.throughput(Throughput::Bytes(4 * 4 * TILE as u64));
        group.bench_function("combine_around, 3 models", |bench| {
            bench.iter(|| combine_around(level, black_box(&base), &[0.3, 0.3, 0.4], &[&a, &b, &d], &mut out));
        });
        let terms = [MaskTerm { weight: 0.5, threshold: 0.02f32.to_bits(), rescale: 1.0 }; 3];
        let how = MaskedTerms { terms: &terms, elect: true, normalize: true, lambda: 1.0 };
        group.bench_function("masked_sum, 3 models", |bench| {
            bench.iter(|| masked_sum(level, black_box(&base), &[&a, &b, &d], how, &mut out));
        });
        group.throughput(Throughput::Bytes(2 * TILE as u64));
        group.bench_function("widen float16", |bench| {
            bench.iter(|| widen(level, black_box(&half), Float::F16, &mut out));
        });
        group.bench_function("narrow to float16", |bench| {
            bench.iter(|| narrow(level, black_box(&a), Float::F16, &mut bytes));
        });
        group.bench_function("narrow to bfloat16", |bench| {
            bench.iter(|| narrow(level, black_box(&a), Float::Bf16, &mut bytes));
        });
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
