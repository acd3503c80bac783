//! Computes the dot products of whole tensors, and of their columns.

use std::collections::BTreeMap;

use crate::kernel::{Gram, GramSum, Real, column_dots, dots};
use crate::merge::Error;
use crate::merge::context::Context;
use crate::merge::read::{finish_inputs, load_inputs, split_base};
use crate::merge::rows::{place_in, split_at_rows};
use crate::merge::span::Span;
use crate::merge::statistic::Columns;
use crate::merge::workers::Workers;

/// A request for the dot products of a tensor's inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct GramRequest {
    /// Index into the plan's tensors.
    pub(super) tensor: usize,
    /// Whether the vectors are task vectors: differences from the first input.
    pub(super) task_vectors: bool,
}

impl GramRequest {
    /// How many vectors there are.
    fn vectors(self, context: Context<'_>) -> usize {
        context.inputs(self.tensor).len() - usize::from(self.task_vectors)
    }
}

/// Computes the Gram matrices of whole tensors.
pub(super) fn tensor_grams<T: Real>(
    context: Context<'_>,
    requests: &[GramRequest],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Gram)>, Error> {
    let options = context.options;
    let cut = |request: &GramRequest| {
        let request = *request;
        let elements = context.tensor(request.tensor).elements as usize;
        Span::cut(request.tensor, elements, options.tile()).map(move |span| (span, request))
    };
    let spans: Vec<(Span, GramRequest)> = requests.iter().flat_map(cut).collect();
    let partial = workers.map(&spans, |scratch, (span, request)| {
        let inputs = context.inputs(span.tensor);
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let values: Vec<&[T]> = load_inputs(context, inputs, &span.range, buffers)?;
        let (base, vectors) = split_base(&values, request.task_vectors);
        let mut blocks = Vec::new();
        dots(options.level, base, vectors, &mut blocks);
        finish_inputs(context.plan, inputs, &span.range, options);
        Ok(blocks)
    })?;
    let mut sums: BTreeMap<usize, GramSum> =
        requests.iter().map(|request| (request.tensor, GramSum::new(request.vectors(context)))).collect();
    for ((span, _), blocks) in spans.iter().zip(&partial) {
        if let Some(sum) = sums.get_mut(&span.tensor) {
            sum.add(blocks);
        }
    }
    Ok(sums.into_iter().map(|(index, sum)| (index, sum.finish())).collect())
}

/// The most sums that the runs of rows of one tensor have before they are added up.
const SUMS: usize = 1 << 20;
/// The most runs of rows that a tensor is cut into. The cut depends only on the shape.
const RUNS: usize = 64;

/// Computes the dot products of columns.
pub(super) fn column_grams<T: Real>(
    context: Context<'_>,
    requests: &[GramRequest],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Columns)>, Error> {
    let mut found = Vec::new();
    for request in requests {
        found.push((request.tensor, columns_of::<T>(context, *request, workers)?));
    }
    Ok(found)
}

fn columns_of<T: Real>(context: Context<'_>, request: GramRequest, workers: &Workers<'_>) -> Result<Columns, Error> {
    let options = context.options;
    let tensor = context.tensor(request.tensor);
    let rows = tensor.shape.first().copied().unwrap_or(1).max(1);
    let width = tensor.elements as usize / rows;
    let vectors = request.vectors(context);
    let sums = width * vectors * (vectors + 1) / 2;
    let runs = (SUMS / sums.max(1)).clamp(1, RUNS);
    let length = rows.div_ceil(runs).max(1) * width.max(1);
    let spans: Vec<Span> = Span::cut(request.tensor, rows * width, length).collect();
    let partial = workers.map(&spans, |scratch, span| {
        let inputs = tensor.op.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let mut dots = vec![0.0; sums];
        for tile in span.tiles(options.tile()) {
            options.cancel.check(Error::Cancelled)?;
            let values: Vec<&[T]> = load_inputs(context, inputs, &tile, buffers)?;
            for part in split_at_rows(&tile, width) {
                let here = place_in(&tile, &part);
                let part_of: Vec<&[T]> = values.iter().map(|x| &x[here.clone()]).collect();
                let (base, vectors) = split_base(&part_of, request.task_vectors);
                column_dots(options.level, base, vectors, width, part.start % width, &mut dots);
            }
            finish_inputs(context.plan, inputs, &tile, options);
        }
        Ok(dots)
    })?;
    let mut dots = vec![0.0; sums];
    for part in &partial {
        for (sum, dot) in dots.iter_mut().zip(part) {
            *sum += dot;
        }
    }
    Ok(Columns { vectors, width, dots })
}
