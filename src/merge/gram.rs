//! Dot products of whole tensors, and of their columns.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Error;
use super::made::Running;
use super::scratch::{finish_all, views};
use super::span::{Span, Workers};
use crate::kernel::{Gram, GramSum, Real, column_dots, dots};

/// A tensor whose inputs' dot products are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Index into the plan's tensors.
    pub(super) tensor: usize,
    /// Whether the first input is taken off the others.
    pub(super) around: bool,
}

impl Wanted {
    /// How many vectors there are.
    fn vectors(self, plan: Running<'_>) -> usize {
        plan.tensors[self.tensor].op.inputs().len() - usize::from(self.around)
    }

    /// The base, where there is one, and the vectors.
    fn split<'a, 'b, T>(self, values: &'b [&'a [T]]) -> (Option<&'a [T]>, &'b [&'a [T]]) {
        match values.split_first() {
            Some((base, models)) if self.around => (Some(base), models),
            _ => (None, values),
        }
    }
}

/// The Gram matrices of whole tensors.
pub(super) fn whole<T: Real>(
    plan: Running<'_>,
    tensors: &[Wanted],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Gram)>, Error> {
    let tile = workers.options.tile();
    let elements = |wanted: &Wanted| plan.tensors[wanted.tensor].elements as usize;
    let spans: Vec<(Span, Wanted)> = tensors
        .iter()
        .flat_map(|wanted| Span::cut(wanted.tensor, elements(wanted), tile).map(move |span| (span, *wanted)))
        .collect();
    let partial = workers.map(&spans, |scratch, (span, wanted)| {
        let inputs = plan.tensors[span.tensor].op.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let options = &workers.options;
        let values: Vec<&[T]> = views(plan, inputs, &span.range, buffers, options)?;
        let (base, vectors) = wanted.split(&values);
        let mut blocks = Vec::new();
        dots(options.level, base, vectors, &mut blocks);
        finish_all(&plan, inputs, &span.range, options);
        Ok(blocks)
    })?;
    let mut sums: BTreeMap<usize, GramSum> =
        tensors.iter().map(|wanted| (wanted.tensor, GramSum::new(wanted.vectors(plan)))).collect();
    for ((span, _), blocks) in spans.iter().zip(&partial) {
        if let Some(sum) = sums.get_mut(&span.tensor) {
            sum.add(blocks);
        }
    }
    Ok(sums.into_iter().map(|(index, sum)| (index, sum.finish())).collect())
}

/// The dot products of each column of a tensor.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    vectors: usize,
    /// How many columns there are: the elements of one entry along the first dimension.
    pub(super) width: usize,
    /// For each pair of vectors, in the order of the upper triangle, one sum a column.
    dots: Vec<f64>,
}

impl Columns {
    /// The Gram matrix of one column.
    pub(super) fn gram(&self, column: usize) -> Gram {
        let mut sum = GramSum::new(self.vectors);
        let triangle: Vec<f64> = self.dots.iter().skip(column).step_by(self.width).copied().collect();
        sum.add(&triangle);
        sum.finish()
    }
}

/// Sums that the runs of rows of one tensor may hold before they are added up.
const SUMS: usize = 1 << 20;
/// Runs of rows that a tensor is cut into at most. The cut depends on the shape alone.
const RUNS: usize = 64;

/// The dot products of columns.
pub(super) fn columns<T: Real>(
    plan: Running<'_>,
    tensors: &[Wanted],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Columns)>, Error> {
    let mut found = Vec::new();
    for wanted in tensors {
        found.push((wanted.tensor, columns_of::<T>(plan, *wanted, workers)?));
    }
    Ok(found)
}

fn columns_of<T: Real>(plan: Running<'_>, wanted: Wanted, workers: &Workers<'_>) -> Result<Columns, Error> {
    let tensor = &plan.tensors[wanted.tensor];
    let rows = tensor.shape.first().copied().unwrap_or(1).max(1);
    let width = tensor.elements as usize / rows;
    let vectors = wanted.vectors(plan);
    let sums = width * vectors * (vectors + 1) / 2;
    let runs = (SUMS / sums.max(1)).clamp(1, RUNS);
    let spans: Vec<Span> = Span::cut(wanted.tensor, rows * width, rows.div_ceil(runs).max(1) * width.max(1)).collect();
    let partial = workers.map(&spans, |scratch, span| {
        let inputs = tensor.op.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let options = &workers.options;
        let mut dots = vec![0.0; sums];
        for tile in span.tiles(options.tile()) {
            options.check_cancelled()?;
            let values: Vec<&[T]> = views(plan, inputs, &tile, buffers, options)?;
            for part in lines(&tile, width) {
                let here = part.start - tile.start..part.end - tile.start;
                let part_of: Vec<&[T]> = values.iter().map(|x| &x[here.clone()]).collect();
                let (base, vectors) = wanted.split(&part_of);
                column_dots(options.level, base, vectors, width, part.start % width, &mut dots);
            }
            finish_all(&plan, inputs, &tile, options);
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

/// The parts of a range of elements that each lie in one line of `width` elements.
pub(super) fn lines(range: &Range<usize>, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let (mut start, end, width) = (range.start, range.end, width.max(1));
    std::iter::from_fn(move || {
        let part = start..((start / width + 1) * width).min(end);
        start = part.end;
        (!part.is_empty()).then_some(part)
    })
}
