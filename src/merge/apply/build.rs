//! Builds the step of a tensor from its statistic.

use super::by_row::RowSteps;
use super::coefficients::coefficients;
use super::combine::column_coefficients;
use super::step::Step;
use crate::kernel::Gram;
use crate::merge::Error;
use crate::merge::rows::row_length;
use crate::merge::statistic::{Statistic, dots_along, sums_task_vectors};
use crate::method::{Along, Arguments, Combination, Formula, Joint, Matrices, Regression};
use crate::plan::{Input, PlannedTensor, TensorOp};

/// Builds the step of `tensor`, given its statistic.
pub(in crate::merge) fn build_step(tensor: &PlannedTensor, statistic: Statistic) -> Result<Step, Error> {
    match &tensor.op {
        TensorOp::Copy { .. } => Ok(Step::Copy),
        TensorOp::Merge { by_row: Some(rows), .. } => {
            let of_class = |arguments: &Arguments| with_arguments(tensor, arguments, statistic.clone());
            Ok(Step::ByRow(Box::new(RowSteps::new(tensor, rows, of_class, Step::inputs)?)))
        }
        TensorOp::Merge { arguments, .. } => with_arguments(tensor, arguments, statistic),
    }
}

/// Builds the step of `tensor`, or of some of its rows, with these arguments.
fn with_arguments(tensor: &PlannedTensor, arguments: &Arguments, statistic: Statistic) -> Result<Step, Error> {
    let TensorOp::Merge { method, inputs, .. } = &tensor.op else { return Ok(Step::Copy) };
    let inputs = inputs.clone();
    Ok(match (&method.formula, statistic) {
        (Formula::Combination(combination), statistic) => combine(tensor, combination, arguments, &statistic, inputs)?,
        (Formula::MaskedSum(terms), Statistic::Masks(masks)) => Step::Masked { inputs, terms: terms(arguments), masks },
        (Formula::Joint(_), Statistic::Consensus(consensus)) => Step::Consensus { inputs, consensus },
        (Formula::Joint(joint), Statistic::Factors(factors)) => {
            let epsilon = if let Joint::Overlap { epsilon, .. } = joint(arguments) { epsilon } else { 0.0 };
            Step::Overlap { inputs, epsilon, factors }
        }
        (Formula::Matrices(_), _) if inputs.len() < 2 => Step::Combine { inputs, coefficients: vec![1.0] },
        (Formula::Matrices(Matrices { update, .. }), _) if tensor.is_layer_matrix() => {
            let elements = tensor.elements as usize;
            Step::Matrix { inputs, update: *update, arguments: arguments.clone(), elements }
        }
        (Formula::Matrices(Matrices { elsewhere, .. }), _) => combine_nonzero(inputs, true, elsewhere(arguments)),
        (Formula::Regression(Regression { mean, .. }), _) => combine_nonzero(inputs, false, mean(arguments)),
        // Without models only the base is left.
        (Formula::MaskedSum(_) | Formula::Joint(_), _) => Step::Combine { inputs, coefficients: vec![1.0] },
        (Formula::Pairwise(_), Statistic::Fusion(fusion)) => Step::Fuse { inputs, fusion },
        (Formula::Pairwise(function), _) => Step::Pairwise { inputs, function: function(arguments) },
    })
}

/// Builds the step of a combination.
fn combine(
    tensor: &PlannedTensor,
    combination: &Combination,
    arguments: &Arguments,
    statistic: &Statistic,
    inputs: Vec<Input>,
) -> Result<Step, Error> {
    let task_vectors = sums_task_vectors(combination, &inputs, arguments);
    match statistic {
        Statistic::Columns(columns) => {
            let of_column = |gram: &Gram| coefficients(tensor, arguments, Some(gram));
            let vectors = inputs.len() - usize::from(task_vectors);
            let coefficients = column_coefficients(columns, vectors, of_column)?;
            Ok(Step::CombineColumns { inputs, task_vectors, coefficients })
        }
        Statistic::None if dots_along(tensor, combination, arguments) == Some(Along::Rows) => {
            Ok(Step::CombineRows { inputs, task_vectors, row: row_length(tensor), arguments: arguments.clone() })
        }
        statistic => {
            let gram = if let Statistic::Gram(gram) = statistic { Some(gram) } else { None };
            let coefficients = coefficients(tensor, arguments, gram)?;
            Ok(combine_nonzero(inputs, task_vectors, coefficients))
        }
    }
}

/// Builds the step of a combination without inputs of coefficient zero, which need not be read.
fn combine_nonzero(mut inputs: Vec<Input>, task_vectors: bool, coefficients: Vec<f64>) -> Step {
    let nonzero = |inputs: Vec<Input>| -> (Vec<Input>, Vec<f64>) {
        inputs.into_iter().zip(coefficients).filter(|(_, coefficient)| *coefficient != 0.0).unzip()
    };
    if task_vectors {
        let (models, coefficients) = nonzero(inputs.split_off(1));
        inputs.extend(models);
        Step::CombineTaskVectors { inputs, coefficients }
    } else {
        let (inputs, coefficients) = nonzero(inputs);
        Step::Combine { inputs, coefficients }
    }
}
