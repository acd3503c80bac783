//! Runs a merge, batch by batch.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use super::apply::{Step, TileWriter, build_step};
use super::context::Context;
use super::passes::{self, collect_statistics};
use super::solved::{input_bytes, solved, solver_memory, write_solved};
use super::span::Span;
use super::stages::StageSteps;
use super::statistic::{Statistics, effort};
use super::workers::Workers;
use super::{Error, Options, Sink};
use crate::kernel::DType;
use crate::method::Formula;
use crate::plan::{AlignmentMemory, Plan, PlannedTensor, TensorOp};

/// Number of elements that are merged before the next tensors' statistics are computed, so that inputs are read again while
/// they are still in the page cache.
const BATCH: u64 = 64 << 20;

/// What a merge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tensors written.
    pub tensors: usize,
    /// Bytes of tensor data read, each pass counted.
    pub bytes_read: u64,
    /// Bytes of tensor data written.
    pub bytes_written: u64,
    /// Warnings: accepted tensors with NaN or infinity, and weights without their intended effect.
    pub warnings: Vec<String>,
}

/// Runs `plan` and hands its tensors to `sink`.
///
/// # Errors
/// NaN or infinity where the plan does not accept it, copied tensors that differ, a sink that fails, cancellation.
pub fn run(plan: &Plan, sink: &dyn Sink, options: Options<'_>) -> Result<Report, Error> {
    run_again(plan, sink, options, &mut Statistics::default())
}

/// Like [`run`], but reuses the statistics of earlier merges of the same checkpoints.
///
/// # Errors
/// As [`run`].
pub fn run_again(
    plan: &Plan,
    sink: &dyn Sink,
    options: Options<'_>,
    statistics: &mut Statistics,
) -> Result<Report, Error> {
    let solved = solved(plan, &options)?;
    write_solved(plan, sink, &options)?;
    let workers = Workers::start(&options)?;
    let accepted = Mutex::new(BTreeMap::new());
    let mut consensus = [0, 0];
    let mut stages = StageSteps::default();
    for Range { start: begin, end } in batches(plan) {
        stages.prepare(plan, begin..end, &options, &workers, statistics)?;
        let context = Context { plan, document: "", stages: &stages, options: &options };
        let batch: Vec<usize> = (begin..end).collect();
        let found = collect_statistics(context, &batch, &workers, statistics)?;
        let steps: Vec<Step> = plan.tensors[begin..end]
            .iter()
            .zip(found)
            .map(|(tensor, statistic)| build_step(tensor, statistic))
            .collect::<Result<_, _>>()?;
        for is_uniform in steps.iter().filter_map(Step::is_uniform) {
            consensus[usize::from(is_uniform)] += 1;
        }
        let cut = |tensor: usize| {
            let length = steps[tensor - begin].tile(options.tile());
            Span::cut(tensor, plan.tensors[tensor].elements as usize, length)
        };
        let is_solved = |tensor: &usize| solved.is_some_and(|solved| solved.contains(tensor));
        let tiles: Vec<Span> = (begin..end).filter(|tensor| !is_solved(tensor)).flat_map(cut).collect();
        let writer = TileWriter { context, sink, accepted: &accepted };
        workers.map(&tiles, |scratch, tile| writer.write(&steps[tile.tensor - begin], tile, scratch))?;
    }
    let accepted = accepted.into_inner().unwrap_or_default();
    let mut warnings: Vec<String> = accepted.into_values().map(|error: Error| error.to_string()).collect();
    let [weighted, uniform] = consensus;
    if uniform > weighted {
        warnings.push(format!(
            "in {uniform} of {} tensors the mean squares of the differences add up to less than 1e-6, and all models weigh the same",
            uniform + weighted
        ));
    }
    Ok(Report {
        tensors: plan.tensors.len(),
        bytes_read: work_bytes(plan),
        bytes_written: plan.tensors.iter().map(PlannedTensor::byte_len).sum(),
        warnings,
    })
}

/// The tensors that are merged together, in the plan's order.
fn batches(plan: &Plan) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut end = 0;
    std::iter::from_fn(move || {
        let begin = end;
        let mut elements = 0;
        while end < plan.tensors.len() && (end == begin || elements + plan.tensors[end].elements <= BATCH) {
            elements += plan.tensors[end].elements;
            end += 1;
        }
        (begin < end).then_some(begin..end)
    })
}

/// Counts the bytes that a merge reads, in all passes. Its progress adds up to them, unless a pass turns out not to be
/// needed.
pub fn work_bytes(plan: &Plan) -> u64 {
    let stages = plan.all_stages();
    let inner = stages.iter().flat_map(|stage| {
        let of_tensor = |tensor| input_bytes(&stage.plan, tensor).saturating_mul(effort(tensor).passes);
        stage.plan.tensors.iter().map(of_tensor)
    });
    let of_tensor = |tensor| input_bytes(plan, tensor).saturating_mul(1 + effort(tensor).passes);
    plan.tensors.iter().map(of_tensor).chain(inner).fold(0, u64::saturating_add)
}

/// Estimates the memory of a matrix that is decomposed as a whole, in float64: its task vectors, one at a time, their sum, and
/// the decomposition with its scratch memory.
fn matrix_memory(tensor: &PlannedTensor) -> u64 {
    /// Matrices of the tensor's size that are in memory at once.
    const AT_ONCE: u64 = 9;
    let TensorOp::Merge { method, .. } = &tensor.op else { return 0 };
    let is_decomposed = matches!(method.formula, Formula::Matrices(_)) && tensor.is_layer_matrix();
    if is_decomposed { tensor.elements.saturating_mul(8 * AT_ONCE) } else { solver_memory(tensor) }
}

/// Estimates how much memory a merge needs, pages of the inputs included.
pub fn memory(plan: &Plan, threads: usize, tile: usize) -> u64 {
    /// Bytes for the program itself and what it reads besides tensors.
    const FIXED: u64 = 8 << 20;
    /// Bytes for each thread that reads tokenizers.
    const TOKENIZERS: u64 = 4 << 20;
    let threads =
        if threads == 0 { std::thread::available_parallelism().map_or(1, usize::from) } else { threads } as u64;
    let of_tensor = |tensor: &PlannedTensor| {
        let inputs = tensor.op.inputs().len() as u64;
        let wide = matches!(tensor.op, TensorOp::Merge { compute_dtype: DType::F64, .. });
        let buffer = (tile as u64).min(tensor.elements) * if wide { 8 } else { 4 };
        let inner: u64 = tensor.op.inputs().iter().map(|input| plan.source(*input).tiles()).sum();
        threads.saturating_mul(buffer).saturating_mul(2 * inputs + 2 + inner).saturating_add(matrix_memory(tensor))
    };
    let of_batch = |batch: Range<usize>| {
        let tensors = &plan.tensors[batch];
        tensors.iter().map(of_tensor).max().unwrap_or(0) + passes::memory(tensors, threads)
    };
    let tiles = batches(plan).map(of_batch).max().unwrap_or(0);
    let Some(alignment) = &plan.alignment else { return FIXED + tiles };
    let AlignmentMemory { reading, held, writing } = alignment.memory(threads);
    FIXED + TOKENIZERS + reading.max(held + tiles.max(writing))
}
