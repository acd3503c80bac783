//! Coefficients of combinations.

use crate::kernel::Gram;
use crate::merge::Error;
use crate::method::{Arguments, Formula};
use crate::plan::{PlannedTensor, TensorOp};

/// Computes the coefficients of a tensor that is a combination, from the Gram matrix of the whole or of a part.
pub(super) fn coefficients(
    tensor: &PlannedTensor,
    arguments: &Arguments,
    gram: Option<&Gram>,
) -> Result<Vec<f64>, Error> {
    let TensorOp::Merge { method, .. } = &tensor.op else { return Ok(Vec::new()) };
    let Formula::Combination(combination) = &method.formula else { return Ok(Vec::new()) };
    (combination.coefficients)(arguments, gram).map_err(|reason| Error::Coefficients { tensor: tensor.label(), reason })
}
