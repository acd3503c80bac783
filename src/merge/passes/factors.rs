//! Finds the factors on elements that only one model changed.

use crate::kernel::{Real, overlap_counts};
use crate::merge::Error;
use crate::merge::context::Context;
use crate::merge::read::{finish_inputs, load_inputs};
use crate::merge::span::Span;
use crate::merge::workers::Workers;
use crate::method::Joint;

/// Finds the factors on elements that only one model changed, for tensors given by index and settings.
pub(super) fn find_factors<T: Real>(
    context: Context<'_>,
    tensors: &[(usize, Joint)],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Vec<f64>)>, Error> {
    let options = context.options;
    let spans: Vec<(usize, Span)> = tensors
        .iter()
        .enumerate()
        .flat_map(|(at, (index, _))| {
            Span::cut(*index, context.tensor(*index).elements as usize, options.tile()).map(move |span| (at, span))
        })
        .collect();
    let partial = workers.map(&spans, |scratch, (at, span)| {
        let inputs = context.inputs(span.tensor);
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let values: Vec<&[T]> = load_inputs(context, inputs, &span.range, buffers)?;
        let mut counts = vec![[0; 2]; inputs.len().saturating_sub(1)];
        if let (Some((base, models)), Joint::Overlap { epsilon, .. }) = (values.split_first(), tensors[*at].1) {
            overlap_counts(options.level, base, models, T::of(epsilon), &mut counts);
        }
        finish_inputs(context.plan, inputs, &span.range, options);
        Ok(counts)
    })?;
    let mut sums: Vec<Vec<[u64; 2]>> = vec![Vec::new(); tensors.len()];
    for ((at, _), counts) in spans.iter().zip(&partial) {
        sums[*at].resize(counts.len(), [0; 2]);
        for (sum, count) in sums[*at].iter_mut().zip(counts) {
            sum[0] += count[0];
            sum[1] += count[1];
        }
    }
    let of_tensor = |((index, joint), sums): (&(usize, Joint), Vec<[u64; 2]>)| {
        (*index, sums.iter().map(|counts| factor(joint, *counts)).collect())
    };
    Ok(tensors.iter().zip(sums).map(of_tensor).collect())
}

/// The factor of one model, from the number of its changed elements that others changed too, and the number that it changed
/// alone.
fn factor(joint: &Joint, [shared, alone]: [u64; 2]) -> f64 {
    match joint {
        Joint::Overlap { epsilon, rate, ceiling } => {
            let ratio = shared as f64 / (alone as f64).max(*epsilon);
            // Nothing shared, nothing alone, and an epsilon of 0.
            let ratio = if ratio.is_nan() { 0.0 } else { ratio };
            1.0 + rate * ratio.clamp(0.0, *ceiling)
        }
        Joint::Consensus { .. } => 1.0,
    }
}
