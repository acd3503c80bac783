//! Computes the values of a tile.

use super::by_row::RowStep;
use super::coefficients::coefficients;
use super::combine::{combine_by_column, combine_by_row};
use super::masked::sum_masked;
use super::select::Selection;
use super::step::Step;
use crate::kernel::{Gram, Real, SimdLevel, combine, combine_differences, consensus_sum, fuse, overlap_sum, swap_near};
use crate::merge::Error;
use crate::merge::rows::{place_in, row_length, split_at_rows};
use crate::merge::span::Span;
use crate::method::Pairwise;
use crate::plan::PlannedTensor;

/// Computes the elements of a tile of `tensor`, or of a part of one, from the values of the step's inputs. Returns false if
/// a value that is not finite was hidden.
pub(super) fn compute<T: Real>(
    tensor: &PlannedTensor,
    step: &Step,
    tile: &Span,
    values: &[&[T]],
    selection: &Selection<'_>,
    level: SimdLevel,
    out: &mut [T],
) -> Result<bool, Error> {
    let as_number = |values: &[f64]| values.iter().map(|value| T::of(*value)).collect::<Vec<T>>();
    let mut sound = true;
    match (step, values) {
        (Step::CombineTaskVectors { coefficients, .. }, [base, models @ ..]) => {
            combine_differences(level, base, &as_number(coefficients), models, out);
        }
        (Step::CombineRows { task_vectors, row, arguments, .. }, inputs) => {
            let of_row = |gram: &Gram| coefficients(tensor, arguments, Some(gram));
            combine_by_row(level, *row, *task_vectors, inputs, of_row, out)?;
        }
        (Step::CombineColumns { task_vectors, coefficients, .. }, inputs) => {
            combine_by_column(level, &tile.range, *task_vectors, inputs, coefficients, out);
        }
        (Step::Masked { terms, masks, .. }, [base, models @ ..]) => {
            sound &= sum_masked(level, &tile.range, terms, masks, &selection.drawn, base, models, out);
        }
        (Step::Overlap { epsilon, factors, .. }, [base, models @ ..]) => {
            sound &= overlap_sum(level, base, models, T::of(*epsilon), &as_number(factors), out);
        }
        (Step::Consensus { consensus, .. }, [base, models @ ..]) => {
            sound &= consensus_sum(level, base, models, &as_number(&consensus.weights), selection.stays, out);
        }
        (Step::Fuse { fusion, .. }, [base, x]) => {
            let row = row_length(tensor);
            for part in split_at_rows(&tile.range, row) {
                let here = place_in(&tile.range, &part);
                let divergence = fusion.divergences.get(part.start / row).copied().unwrap_or_default();
                let (base, x) = (&base[here.clone()], &x[here.clone()]);
                sound &= fuse(level, base, x, divergence, fusion.threshold, &mut out[here]);
            }
        }
        (Step::Pairwise { function: Pairwise::Swap { t }, .. }, [base, x]) => {
            swap_near(level, base, x, T::of(*t), out);
        }
        (Step::Combine { coefficients, .. }, models) => combine(level, &as_number(coefficients), models, out),
        (Step::ByRow(rows), values) => {
            for (range, RowStep { step, uses }) in rows.runs(tile.range.clone()) {
                let here = place_in(&tile.range, &range);
                let values: Vec<&[T]> = uses.iter().map(|at| &values[*at][here.clone()]).collect();
                let part = Span { tensor: tile.tensor, range };
                sound &= compute(tensor, step, &part, &values, &selection.part(&here), level, &mut out[here])?;
            }
        }
        _ => out.fill(T::ZERO),
    }
    Ok(sound)
}
