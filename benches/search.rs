//! Exact search beside the matrix product it rests on: 1,000 queries, 384 dimensions, 1,000 hits each.

use std::hint::black_box;

use admix::eval::{SelectedRows, Similarity, Ties, search};
use admix::kernel::{Matrix, Threads, multiply};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const QUERIES: usize = 1000;
const DIMENSION: usize = 384;
const HITS: usize = 1000;

/// Documents; `ADMIX_BENCH_DOCUMENTS` says how many.
fn documents() -> usize {
    std::env::var("ADMIX_BENCH_DOCUMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

fn values(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32).map(|at| ((at ^ seed).wrapping_mul(0x9e37_79b1) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
}

fn searches(c: &mut Criterion) {
    let total = documents();
    let mut group = c.benchmark_group(format!("{QUERIES} x {total} x {DIMENSION}"));
    group.sample_size(10);
    group.throughput(Throughput::Elements((2 * QUERIES * total * DIMENSION) as u64));
    let all = values((QUERIES + total) * DIMENSION, 7);
    let (first, rest) = all.split_at(QUERIES * DIMENSION);
    let queries: Vec<u32> = (0..QUERIES as u32).collect();
    let picked: Vec<u32> = (QUERIES as u32..(QUERIES + total) as u32).collect();
    let ranks: Vec<u32> = (0..total as u32).collect();
    // Floating-point operations a second, as criterion's elements a second.
    group.bench_function("product alone", |bench| {
        const BLOCK: usize = 8192;
        let mut out = vec![0.0; QUERIES * BLOCK];
        bench.iter(|| {
            for block in black_box(rest).chunks(BLOCK * DIMENSION) {
                let right = Matrix::of_rows(block, DIMENSION).transposed();
                let columns = right.columns;
                multiply(&mut out, columns, Matrix::of_rows(first, DIMENSION), right, 1.0, Threads::All);
            }
        });
    });
    group.bench_function("search", |bench| {
        bench.iter(|| {
            let rows = |picked| SelectedRows { values: black_box(&all), dimension: DIMENSION, picked };
            search(rows(&queries), rows(&picked), Similarity::Cosine, &ranks, Ties::Descending, HITS)
        });
    });
    group.finish();
}

criterion_group!(benches, searches);
criterion_main!(benches);
