//! Throughput of the kernels on tiles that stay in the cache, at every SIMD level: the arithmetic of a merge without its
//! input and output.

use std::hint::black_box;

use admix::kernel::{
    ByRank, DType, Digits, MaskTerm, MaskedTerms, RankBuffers, SimdLevel, Stream, combine, combine_differences,
    consensus_sum, dots, draw, draw_below, histogram, limit, mask_by_rank, masked_sum, narrow, overlap_sum,
    row_divergence, swap_near, variance, widen,
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
    for level in SimdLevel::available() {
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
        group.bench_function("combine_differences, 3 models", |bench| {
            bench.iter(|| combine_differences(level, black_box(&base), &[0.3, 0.3, 0.4], &[&a, &b, &d], &mut out));
        });
        let low = 0.02f32.to_bits();
        let terms = [MaskTerm { weight: 0.5, low, high: u32::MAX, drawn: None, rescale: 1.0 }; 3];
        let how = MaskedTerms { terms: &terms, elect: true, normalize: true, lambda: 1.0 };
        group.bench_function("masked_sum, 3 models", |bench| {
            bench.iter(|| masked_sum(level, black_box(&base), &[&a, &b, &d], how, &mut out));
        });
        let mut kept = vec![0u8; TILE];
        draw_below(level, Stream { seed: 0, name: 0 }, 0, limit(0.5), &mut kept);
        let drawn = terms.map(|term| MaskTerm { low: 0, drawn: Some(&kept), ..term });
        let how = MaskedTerms { terms: &drawn, elect: true, normalize: true, lambda: 1.0 };
        group.bench_function("masked_sum, 3 models, drawn", |bench| {
            bench.iter(|| masked_sum(level, black_box(&base), &[&a, &b, &d], how, &mut out));
        });
        group.bench_function("consensus_sum, 3 models", |bench| {
            bench.iter(|| consensus_sum(level, black_box(&base), &[&a, &b, &d], &[0.3; 3], None, &mut out));
        });
        group.bench_function("overlap_sum, 3 models", |bench| {
            bench.iter(|| overlap_sum(level, black_box(&base), &[&a, &b, &d], 0.02, &[1.0; 3], &mut out));
        });
        let mut scores = vec![0f64; TILE];
        group.bench_function("variance, 3 models", |bench| {
            bench.iter(|| variance(level, black_box(&base), &[&a, &b, &d], &mut scores));
        });
        group.throughput(Throughput::Bytes(2 * 4 * TILE as u64));
        let mut room = [Vec::new(), Vec::new()];
        group.bench_function("row_divergence, rows of 1024", |bench| {
            bench.iter(|| {
                let rows = black_box(&base).chunks(1024).zip(a.chunks(1024));
                rows.map(|(base, x)| row_divergence(level, base, x, &mut room)).sum::<f64>()
            });
        });
        // Bytes of the f32 that are drawn for.
        group.throughput(Throughput::Bytes(4 * TILE as u64));
        let mut kept = vec![0u8; TILE];
        group.bench_function("draw_below", |bench| {
            bench.iter(|| draw_below(level, black_box(Stream { seed: 0, name: 0 }), 0, limit(0.5), &mut kept));
        });
        let mut draws = vec![0u32; TILE];
        draw(level, Stream { seed: 0, name: 0 }, 0, &mut draws);
        let mut room = RankBuffers::default();
        let by = ByRank { density: 0.5, epsilon: 0.15 };
        group.bench_function("mask by rank, rows of 1024", |bench| {
            bench.iter(|| mask_by_rank(level, by, 1024, black_box(&base), &a, &draws, &mut room, &mut kept));
        });
        group.throughput(Throughput::Bytes(2 * TILE as u64));
        group.bench_function("widen float16", |bench| {
            bench.iter(|| widen(level, black_box(&half), DType::F16, &mut out));
        });
        group.bench_function("narrow to float16", |bench| {
            bench.iter(|| narrow(level, black_box(&a), DType::F16, &mut bytes));
        });
        group.bench_function("narrow to bfloat16", |bench| {
            bench.iter(|| narrow(level, black_box(&a), DType::Bf16, &mut bytes));
        });
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
