//! The pass that makes the output, tile by tile.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use super::by_row::{RowStep, RowSteps};
use super::fusion::Fusion;
use super::gram::lines;
use super::joint::{self, Consensus, reached};
use super::lines::{ColumnCoefficients, combine_by_column, combine_rows, of_columns, row_of, rows_per_tile};
use super::made::Running;
use super::masks::{self, Mask, draw_masks, sum_masked};
use super::scratch::{Buffer, Scratch, copy_of, finish_all, load, numbers, views};
use super::span::Span;
use super::statistics::{Statistic, along, is_around};
use super::{Error, Options, Sink};
use crate::kernel::{
    Float, Gram, Level, Real, all_finite, combine, combine_around, consensus_sum, fuse, narrow, overlap_sum, swap_near,
};
use crate::method::{Along, Arguments, Formula, Joint, MaskedSum, Pairwise};
use crate::plan::{Input, Plan, PlannedTensor, TensorOp};

/// What is done to every tile of a tensor.
pub(super) enum Step {
    /// The bytes of the first source.
    Copy,
    /// A weighted sum; inputs of coefficient zero are left out.
    Combine { inputs: Vec<Input>, coefficients: Vec<f64> },
    /// The first input plus a weighted sum of the others' differences from it.
    CombineAround { inputs: Vec<Input>, coefficients: Vec<f64> },
    /// Either of them with coefficients for each row of `row` elements, made from the row's dot products.
    CombineRows { inputs: Vec<Input>, around: bool, row: usize, arguments: Arguments },
    /// Either of them with coefficients for each column.
    CombineColumns { inputs: Vec<Input>, around: bool, coefficients: ColumnCoefficients },
    /// A masked sum of differences from the first input.
    Masked { inputs: Vec<Input>, terms: MaskedSum, masks: Vec<Mask> },
    /// A sum of differences from the first input, each element divided by the number of those that are above `epsilon`.
    Overlap { inputs: Vec<Input>, epsilon: f64, factors: Vec<f64> },
    /// A sum of differences from the first input that agree in their sign.
    Consensus { inputs: Vec<Input>, consensus: Consensus },
    /// The second input where it differs most from the first.
    Fuse { inputs: Vec<Input>, fusion: Fusion },
    /// A function of two inputs.
    Pairwise { inputs: Vec<Input>, function: Pairwise },
    /// A step for each class of rows.
    ByRow(Box<RowSteps>),
}

impl Step {
    /// The step of `tensor`, given its statistic.
    pub(super) fn new(tensor: &PlannedTensor, statistic: Statistic) -> Result<Self, Error> {
        match &tensor.op {
            TensorOp::Copy { .. } => Ok(Self::Copy),
            TensorOp::Merge { by_row: Some(rows), .. } => {
                Ok(Self::ByRow(Box::new(RowSteps::new(tensor, rows, &statistic)?)))
            }
            TensorOp::Merge { arguments, .. } => Self::of(tensor, arguments, statistic),
        }
    }

    /// The step of `tensor`, or of some of its rows, with these arguments.
    pub(super) fn of(tensor: &PlannedTensor, arguments: &Arguments, statistic: Statistic) -> Result<Self, Error> {
        let TensorOp::Merge { method, inputs, .. } = &tensor.op else { return Ok(Self::Copy) };
        let inputs = inputs.clone();
        Ok(match (&method.formula, statistic) {
            (Formula::Combination(combination), statistic) => {
                let around = is_around(combination, &inputs, arguments);
                match statistic {
                    Statistic::Columns(columns) => {
                        let of_column = |gram: &Gram| coefficients(tensor, arguments, Some(gram));
                        let coefficients = of_columns(&columns, inputs.len() - usize::from(around), of_column)?;
                        Self::CombineColumns { inputs, around, coefficients }
                    }
                    Statistic::None if along(tensor, combination, arguments) == Some(Along::Rows) => {
                        Self::CombineRows { inputs, around, row: row_of(tensor), arguments: arguments.clone() }
                    }
                    statistic => {
                        let gram = if let Statistic::Gram(gram) = &statistic { Some(gram) } else { None };
                        let coefficients = coefficients(tensor, arguments, gram)?;
                        if around {
                            Self::CombineAround { inputs, coefficients }
                        } else {
                            Self::Combine { inputs, coefficients }
                        }
                        .without_zeros()
                    }
                }
            }
            (Formula::MaskedSum(terms), Statistic::Masks(masks)) => {
                Self::Masked { inputs, terms: terms(arguments), masks }
            }
            (Formula::Joint(_), Statistic::Consensus(consensus)) => Self::Consensus { inputs, consensus },
            (Formula::Joint(joint), Statistic::Factors(factors)) => {
                let epsilon = if let Joint::Overlap { epsilon, .. } = joint(arguments) { epsilon } else { 0.0 };
                Self::Overlap { inputs, epsilon, factors }
            }
            // Without models there is only the base.
            (Formula::MaskedSum(_) | Formula::Joint(_), _) => Self::Combine { inputs, coefficients: vec![1.0] },
            (Formula::Pairwise(_), Statistic::Fusion(fusion)) => Self::Fuse { inputs, fusion },
            (Formula::Pairwise(function), _) => Self::Pairwise { inputs, function: function(arguments) },
        })
    }

    /// An input of coefficient zero does not reach the output and need not be read.
    fn without_zeros(self) -> Self {
        let nonzero = |inputs: Vec<Input>, coefficients: Vec<f64>| -> (Vec<Input>, Vec<f64>) {
            inputs.into_iter().zip(coefficients).filter(|(_, coefficient)| *coefficient != 0.0).unzip()
        };
        match self {
            Self::Combine { inputs, coefficients } => {
                let (inputs, coefficients) = nonzero(inputs, coefficients);
                Self::Combine { inputs, coefficients }
            }
            Self::CombineAround { mut inputs, coefficients } => {
                let models = inputs.split_off(1);
                let (models, coefficients) = nonzero(models, coefficients);
                inputs.extend(models);
                Self::CombineAround { inputs, coefficients }
            }
            other => other,
        }
    }

    pub(super) fn inputs(&self) -> &[Input] {
        match self {
            Self::Copy => &[],
            Self::ByRow(rows) => &rows.inputs,
            Self::Combine { inputs, .. }
            | Self::CombineAround { inputs, .. }
            | Self::CombineRows { inputs, .. }
            | Self::CombineColumns { inputs, .. }
            | Self::Masked { inputs, .. }
            | Self::Overlap { inputs, .. }
            | Self::Consensus { inputs, .. }
            | Self::Fuse { inputs, .. }
            | Self::Pairwise { inputs, .. } => inputs,
        }
    }

    /// Of a consensus: whether all models weigh the same because they differ too little.
    pub(super) fn is_uniform(&self) -> Option<bool> {
        if let Self::Consensus { consensus, .. } = self { Some(consensus.uniform) } else { None }
    }

    /// Elements of a tile: `tile`, or where rows must be whole, as many rows as fit in it, at least one.
    pub(super) fn tile(&self, tile: usize) -> usize {
        match self {
            Self::Consensus { consensus, .. } => joint::tile(consensus.selected.as_ref(), tile),
            Self::ByRow(rows) => rows.any().map_or(tile, |step| step.tile(tile)),
            _ => self.row().map_or(tile, |row| rows_per_tile(tile, row)),
        }
    }

    /// The row that must be whole.
    fn row(&self) -> Option<usize> {
        match self {
            Self::CombineRows { row, .. } => Some(*row),
            Self::Masked { masks, .. } => masks::row(masks),
            Self::ByRow(rows) => rows.any().and_then(Self::row),
            _ => None,
        }
    }

    /// The least elements around `range` that can be computed by themselves.
    pub(super) fn whole(&self, range: &Range<usize>, elements: usize) -> Range<usize> {
        match self.row() {
            Some(row) => range.start / row * row..range.end.next_multiple_of(row).min(elements),
            None => range.clone(),
        }
    }

    /// What picks elements of a tile, before the values of its result are made.
    fn choose<'r, T: Real>(&self, options: &Options<'_>, tile: &Span, values: &[&[T]], room: Room<'r>) -> Chosen<'r> {
        match (self, values) {
            (Self::Masked { masks, .. }, [base, models @ ..]) => {
                let start = tile.range.start;
                let drawn = draw_masks(options.level, start, masks, base, models, room.masks, room.draws);
                Chosen { drawn, stays: None }
            }
            (Self::Consensus { consensus: Consensus { selected: Some(threshold), .. }, .. }, values) => {
                let stays = reached(*threshold, options, tile, values, room.scores, room.masks);
                Chosen { drawn: Vec::new(), stays: Some(stays) }
            }
            (Self::ByRow(rows), values) => match rows.any() {
                Some(step) => step.choose(options, tile, values, room),
                None => Chosen::default(),
            },
            _ => Chosen::default(),
        }
    }
}

/// Buffers that choices are made in.
struct Room<'r> {
    scores: &'r mut Vec<u64>,
    masks: &'r mut Vec<u64>,
    draws: &'r mut Vec<u64>,
}

/// Which elements of a tile stay.
#[derive(Default)]
struct Chosen<'r> {
    /// The random masks of a masked sum, one a model that has one.
    drawn: Vec<Option<&'r [u8]>>,
    /// The elements of a consensus.
    stays: Option<&'r [u8]>,
}

impl Chosen<'_> {
    /// The choice among some elements of the tile.
    fn part(&self, here: &Range<usize>) -> Self {
        let drawn = self.drawn.iter().map(|mask| mask.map(|mask| &mask[here.clone()])).collect();
        Self { drawn, stays: self.stays.map(|stays| &stays[here.clone()]) }
    }
}

/// The coefficients of a tensor that is a combination, from the Gram matrix of the whole or of a part.
fn coefficients(tensor: &PlannedTensor, arguments: &Arguments, gram: Option<&Gram>) -> Result<Vec<f64>, Error> {
    let TensorOp::Merge { method, .. } = &tensor.op else { return Ok(Vec::new()) };
    let Formula::Combination(combination) = &method.formula else { return Ok(Vec::new()) };
    (combination.coefficients)(arguments, gram).map_err(|reason| Error::Coefficients { tensor: tensor.label(), reason })
}

/// Faults of tensors that the user accepts, by tensor.
pub(super) type Accepted = Mutex<BTreeMap<usize, Error>>;

/// What every tile needs.
#[derive(Clone, Copy)]
pub(super) struct Apply<'a> {
    pub(super) plan: Running<'a>,
    pub(super) sink: &'a dyn Sink,
    pub(super) options: &'a Options<'a>,
    pub(super) accepted: &'a Accepted,
}

impl Apply<'_> {
    /// Makes one tile of one tensor.
    pub(super) fn tile(&self, step: &Step, tile: &Span, scratch: &mut Scratch) -> Result<(), Error> {
        let tensor = &self.plan.tensors[tile.tensor];
        match &tensor.op {
            TensorOp::Copy { .. } => self.copy(tensor, tile),
            TensorOp::Merge { compute_dtype: Float::F64, out_dtype, .. } => {
                self.merge::<f64>(step, tile, *out_dtype, scratch)
            }
            TensorOp::Merge { out_dtype, .. } => self.merge::<f32>(step, tile, *out_dtype, scratch),
        }?;
        finish_all(self.plan.plan, tensor.op.inputs(), &tile.range, self.options);
        Ok(())
    }

    fn copy(&self, tensor: &PlannedTensor, tile: &Span) -> Result<(), Error> {
        let bits = tensor.dtype.bitsize();
        let range = tile.range.start * bits / 8..(tile.range.end * bits).div_ceil(8);
        let bytes = copy_of(self.plan.plan, tensor, range.clone())?;
        self.sink.write(tile.tensor, range.start as u64, bytes).map_err(Error::Sink)
    }

    fn merge<T: Real>(&self, step: &Step, tile: &Span, to: Float, scratch: &mut Scratch) -> Result<(), Error> {
        let offset = (tile.range.start * to.size()) as u64;
        let (bytes, fault) = rounded::<T>(self.plan, step, tile, to, scratch, self.options)?;
        if let (Some(fault), Ok(mut accepted)) = (fault, self.accepted.lock()) {
            accepted.insert(tile.tensor, fault);
        }
        self.sink.write(tile.tensor, offset, bytes).map_err(Error::Sink)
    }
}

/// One tile of one tensor, rounded to its format, and the fault in it that the user accepts.
pub(super) fn rounded<'s, T: Real>(
    plan: Running<'_>,
    step: &Step,
    tile: &Span,
    to: Float,
    scratch: &'s mut Scratch,
    options: &Options<'_>,
) -> Result<(&'s [u8], Option<Error>), Error> {
    let level = options.level;
    let n = tile.range.len();
    let Scratch { inputs: buffers, output, bytes, scores, masks, draws, .. } = scratch.with_inputs(step.inputs().len());
    let values: Vec<&[T]> = views(plan, step.inputs(), &tile.range, buffers, options)?;
    let out: &mut [T] = numbers(output, n);
    let chosen = step.choose(options, tile, &values, Room { scores, masks, draws });
    let mut sound = make(&plan, step, tile, &values, &chosen, level, out)?;
    let finished: &[u8] = if to == T::FLOAT && cfg!(target_endian = "little") {
        sound &= all_finite(level, &*out);
        bytemuck::cast_slice(out)
    } else {
        bytes.resize(n * to.size(), 0);
        sound &= narrow(level, &*out, to, bytes);
        bytes
    };
    let fault = if sound { None } else { not_finite::<T>(plan, step, tile, to, options)? };
    Ok((finished, fault))
}

/// Makes the elements of a tile, or of a part of one, from the values of the step's inputs. Says whether none was hidden
/// that is not finite.
fn make<T: Real>(
    plan: &Plan,
    step: &Step,
    tile: &Span,
    values: &[&[T]],
    chosen: &Chosen<'_>,
    level: Level,
    out: &mut [T],
) -> Result<bool, Error> {
    let tensor = &plan.tensors[tile.tensor];
    let as_number = |values: &[f64]| values.iter().map(|value| T::of(*value)).collect::<Vec<T>>();
    let mut sound = true;
    match (step, values) {
        (Step::CombineAround { coefficients, .. }, [base, models @ ..]) => {
            combine_around(level, base, &as_number(coefficients), models, out);
        }
        (Step::CombineRows { around, row, arguments, .. }, inputs) => {
            let of_row = |gram: &Gram| coefficients(tensor, arguments, Some(gram));
            combine_rows(level, *row, *around, inputs, of_row, out)?;
        }
        (Step::CombineColumns { around, coefficients, .. }, inputs) => {
            combine_by_column(level, &tile.range, *around, inputs, coefficients, out);
        }
        (Step::Masked { terms, masks, .. }, [base, models @ ..]) => {
            sound &= sum_masked(level, &tile.range, terms, masks, &chosen.drawn, base, models, out);
        }
        (Step::Overlap { epsilon, factors, .. }, [base, models @ ..]) => {
            sound &= overlap_sum(level, base, models, T::of(*epsilon), &as_number(factors), out);
        }
        (Step::Consensus { consensus, .. }, [base, models @ ..]) => {
            sound &= consensus_sum(level, base, models, &as_number(&consensus.weights), chosen.stays, out);
        }
        (Step::Fuse { fusion, .. }, [base, x]) => {
            let row = row_of(tensor);
            for part in lines(&tile.range, row) {
                let here = part.start - tile.range.start..part.end - tile.range.start;
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
                let here = range.start - tile.range.start..range.end - tile.range.start;
                let values: Vec<&[T]> = uses.iter().map(|at| &values[*at][here.clone()]).collect();
                let part = Span { tensor: tile.tensor, range };
                sound &= make(plan, step, &part, &values, &chosen.part(&here), level, &mut out[here])?;
            }
        }
        _ => out.fill(T::ZERO),
    }
    Ok(sound)
}

/// The cause of a result that is not finite; an error unless the user accepts it.
fn not_finite<T: Real>(
    plan: Running<'_>,
    step: &Step,
    tile: &Span,
    to: Float,
    options: &Options<'_>,
) -> Result<Option<Error>, Error> {
    let mut buffer = Buffer::default();
    let mut guilty = None;
    for input in step.inputs() {
        let source = plan.plan.source(*input);
        let values: &[T] = load(plan, source, tile.range.clone(), &mut buffer, options)?;
        if !all_finite(options.level, values) {
            guilty = Some(*input);
            break;
        }
    }
    let tensor = plan.title(tile.tensor);
    let error = match guilty {
        Some(input) => Error::NonFinite { tensor: plan.tensors[tile.tensor].label(), model: plan.label(input.model) },
        None => Error::Overflow { tensor, dtype: to.name().to_owned() },
    };
    if plan.allow.non_finite { Ok(Some(error)) } else { Err(error) }
}
