//! Sums over the models of what the linear layers of one layer get and do.

use super::error::Error;
use crate::encoder::InputGram;
use crate::kernel::Mat;
use crate::merge::{self, Take, read_input};
use crate::method::{Arguments, Formula, ModelLayer, Regression, RegressionSums};
use crate::plan::{Plan, PlannedTensor, TensorOp};

/// The matrices of linear layers with the same inputs and the same parameters, one below the other.
struct Stack {
    tensors: Vec<usize>,
    arguments: Arguments,
    mean: Mat<f64>,
    sums: RegressionSums,
}

/// The linear layers of one layer.
#[derive(Default)]
pub(super) struct LayerSums(Vec<Stack>);

/// How a tensor is merged.
pub(super) fn regression(tensor: &PlannedTensor) -> Option<(&'static Regression, &Arguments)> {
    match &tensor.op {
        TensorOp::Merge { method, arguments, by_row: None, .. } => match &method.formula {
            Formula::Regression(regression) => Some((regression, arguments)),
            _ => None,
        },
        _ => None,
    }
}

impl LayerSums {
    /// Adds what the layers of these tensors get in a model.
    pub(super) fn add(
        &mut self,
        (plan, options): (&Plan, &merge::Options<'_>),
        tensors: &[usize],
        model: usize,
        InputGram { gram, .. }: InputGram,
    ) -> Result<(), Error> {
        let mut gram = Some(gram);
        let mut rest = tensors;
        while let Some((first, _)) = rest.split_first() {
            let arguments = |index: usize| plan.tensors.get(index).and_then(regression).map(|(_, arguments)| arguments);
            let alike = rest.iter().take_while(|index| arguments(**index) == arguments(*first)).count();
            let (these, others) = rest.split_at(alike.max(1));
            rest = others;
            let gram = if rest.is_empty() { gram.take() } else { gram.clone() };
            let (Some(gram), Some(at)) = (gram, self.stack((plan, options), these)?) else { continue };
            let stack = &mut self.0[at];
            let Some((regression, _)) = plan.tensors.get(*first).and_then(regression) else { continue };
            let mut difference = read(plan, options, these, model)?;
            difference -= &stack.mean;
            let place = place_of(plan, *first, model);
            let layer = ModelLayer { model: place, difference: &difference };
            (regression.add)(&stack.arguments, &layer, gram, &mut stack.sums);
        }
        Ok(())
    }

    /// The stack of these tensors, which begins with their weighted mean.
    fn stack(
        &mut self,
        (plan, options): (&Plan, &merge::Options<'_>),
        tensors: &[usize],
    ) -> Result<Option<usize>, Error> {
        if let Some(known) = self.0.iter().position(|stack| stack.tensors == tensors) {
            return Ok(Some(known));
        }
        let first = tensors.first().and_then(|first| plan.tensors.get(*first));
        let Some((regression, arguments)) = first.and_then(regression) else { return Ok(None) };
        let Some(inputs) = first.map(|tensor| tensor.op.inputs()) else { return Ok(None) };
        let mut mean: Option<Mat<f64>> = None;
        for (input, share) in inputs.iter().zip((regression.mean)(arguments)) {
            let mut part = read(plan, options, tensors, input.model)?;
            part *= faer::Scale(share);
            mean = Some(match mean {
                Some(mean) => mean + part,
                None => part,
            });
        }
        let Some(mean) = mean else { return Ok(None) };
        let sums = RegressionSums::new(mean.nrows(), mean.ncols());
        self.0.push(Stack { tensors: tensors.to_vec(), arguments: arguments.clone(), mean, sums });
        Ok(Some(self.0.len() - 1))
    }

    /// Solves the layers and hands the elements of each tensor to `take`.
    pub(super) fn solve(self, plan: &Plan, take: &mut Take<'_>) -> Result<(), Error> {
        for Stack { tensors, mean, sums, .. } in self.0 {
            let first = tensors.first().and_then(|first| plan.tensors.get(*first));
            let Some((regression, _)) = first.and_then(regression) else { continue };
            let label = || first.map(PlannedTensor::label).unwrap_or_default();
            let solved = (regression.solve)(&sums, &mean).map_err(|_| Error::NotFinite { tensor: label() })?;
            drop((mean, sums));
            let mut start = 0;
            for index in tensors {
                let rows = plan.tensors.get(index).and_then(|tensor| tensor.shape.first()).copied().unwrap_or(0);
                let part = solved.subrows(start, rows);
                let values: Vec<f64> =
                    (0..rows).flat_map(|row| (0..part.ncols()).map(move |column| part[(row, column)])).collect();
                take(index, &values)?;
                start += rows;
            }
        }
        Ok(())
    }
}

/// The place of a model among the inputs of a tensor.
fn place_of(plan: &Plan, tensor: usize, model: usize) -> usize {
    let inputs = plan.tensors.get(tensor).map(|tensor| tensor.op.inputs()).unwrap_or_default();
    inputs.iter().position(|input| input.model == model).unwrap_or(usize::MAX)
}

/// The matrices of a model, one below the other.
fn read(plan: &Plan, options: &merge::Options<'_>, tensors: &[usize], model: usize) -> Result<Mat<f64>, Error> {
    let mut values: Vec<f64> = Vec::new();
    let mut columns = 1;
    for tensor in tensors.iter().filter_map(|index| plan.tensors.get(*index)) {
        columns = tensor.shape.last().copied().unwrap_or(1).max(1);
        if let Some(input) = tensor.op.inputs().iter().find(|input| input.model == model) {
            values.extend(read_input::<f64>(plan, *input, options)?);
        }
    }
    Ok(Mat::from_fn(values.len() / columns, columns, |row, column| values[row * columns + column]))
}
