//! The update that interferes least with what each task vector does to the inputs it was trained on.

use super::task_arithmetic::LAMBDA;
use super::task_matrices::{MatrixError, TaskMatrices, mean};
use super::tsv_m::TASK_WEIGHT;
use super::{Arguments, Base, Count, Formula, Kind, Matrices, MergeMethod, Parameter, Scope, Value};
use crate::kernel::{Mat, times_function};

/// `out = base + λ·T`, `T` on the way from `Σ dᵢ` to the minimum of `Σ |(T − dᵢ)·dᵢᵀ|² / |dᵢ|²`
pub(super) static WUDI: MergeMethod = MergeMethod {
    name: "wudi",
    summary: "the sum of the task vectors, corrected where it would change what another one does to its own inputs",
    equation: "dᵢ = wᵢ·(xᵢ − base);  A = Σ dᵢᵀ·dᵢ / |dᵢ|²;  B = Σ dᵢ·dᵢᵀ·dᵢ / |dᵢ|²;  T₀ = Σ dᵢ;  T = T₀ + (B − T₀·A)·(1 − e^(−flow·A/λ₁))·A⁻¹ with λ₁ the largest eigenvalue of A;  out = base + λ·T   (matrices of layers; elsewhere base + λ·mean of dᵢ)",
    origin: "Cheng et al. 2025, Whoever started the interference should end it (WUDI-Merging), arXiv:2503.08099; its gradient flow in closed form, arXiv:2606.07289",
    when: "Fine-tunes with different inputs, such as languages, none of which should be scaled down. No data is needed.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        TASK_WEIGHT,
        Parameter { by_row: false, ..LAMBDA },
        Parameter {
            name: "flow",
            scope: Scope::Shared,
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some(Value::Number(30.0)),
            doc: "how far to go: 0 is the plain sum, large values follow weak directions too, which are mostly noise",
            by_row: false,
        },
    ],
    check: None,
    formula: Formula::Matrices(Matrices { update, elsewhere: mean }),
};

fn update(arguments: &Arguments, tasks: &mut TaskMatrices<'_>) -> Result<Mat<f64>, MatrixError> {
    let weights = arguments.numbers("weight");
    let mut sum = tasks.weighted(0, &weights)?;
    let mut changed = vec![(0, sum.norm_l2())];
    for model in 1..tasks.count {
        let task = tasks.weighted(model, &weights)?;
        changed.push((model, task.norm_l2()));
        sum += task;
    }
    changed.retain(|(_, norm)| *norm > 0.0);
    if !changed.is_empty() {
        let flow = arguments.number("flow");
        // (1 − e^(−flow·λ/λ₁)) / λ, which is flow/λ₁ for small λ.
        let filter = |value: f64, largest: f64| {
            let value = value.max(0.0);
            if value > largest * 1e-12 { -libm::expm1(-flow * value / largest) / value } else { flow / largest }
        };
        let mut units = Units { tasks, weights: &weights, changed: &changed, rows: sum.nrows(), columns: sum.ncols() };
        // (B − T₀·A)·f(A) = D·S·f(Sᵀ·S) = D·f(S·Sᵀ)·S with the stack S of all dᵢ/|dᵢ|. The smaller square is taken.
        let correction = if units.columns <= changed.len() * units.rows {
            units.by_columns(&sum, filter)?
        } else {
            units.by_rows(&sum, filter)?
        };
        sum += correction;
    }
    Ok(sum * faer::Scale(arguments.number("lambda")))
}

/// The task vectors at length one, read anew each time, so that few are in memory at once.
struct Units<'a, 'b> {
    tasks: &'a mut TaskMatrices<'b>,
    weights: &'a [f64],
    /// The models that changed the matrix, and the lengths of their task vectors.
    changed: &'a [(usize, f64)],
    rows: usize,
    columns: usize,
}

impl Units<'_, '_> {
    fn read(&mut self, place: usize) -> Result<(Mat<f64>, f64), MatrixError> {
        let (model, norm) = self.changed[place];
        let mut unit = self.tasks.weighted(model, self.weights)?;
        unit *= faer::Scale(1.0 / norm);
        Ok((unit, norm))
    }

    /// `D·S·f(Sᵀ·S)`
    fn by_columns(&mut self, sum: &Mat<f64>, filter: impl Fn(f64, f64) -> f64) -> Result<Mat<f64>, MatrixError> {
        let mut square = Mat::zeros(self.columns, self.columns);
        let mut product = Mat::zeros(self.rows, self.columns);
        for place in 0..self.changed.len() {
            let (mut unit, norm) = self.read(place)?;
            let own = unit.transpose() * &unit;
            unit *= faer::Scale(norm);
            unit -= sum;
            product += unit * &own;
            square += own;
        }
        Ok(times_function(&product, square, filter)?)
    }

    /// `D·f(S·Sᵀ)·S`
    fn by_rows(&mut self, sum: &Mat<f64>, filter: impl Fn(f64, f64) -> f64) -> Result<Mat<f64>, MatrixError> {
        let (rows, stacked) = (self.rows, self.changed.len() * self.rows);
        let (mut square, mut distance) = (Mat::zeros(stacked, stacked), Mat::zeros(rows, stacked));
        for place in 0..self.changed.len() {
            let (unit, norm) = self.read(place)?;
            for earlier in 0..=place {
                let block =
                    if earlier == place { &unit * unit.transpose() } else { &unit * self.read(earlier)?.0.transpose() };
                square.submatrix_mut(place * rows, earlier * rows, rows, rows).copy_from(&block);
                square.submatrix_mut(earlier * rows, place * rows, rows, rows).copy_from(block.transpose());
            }
            let own =
                square.submatrix(place * rows, place * rows, rows, rows) * faer::Scale(norm) - sum * unit.transpose();
            distance.subcols_mut(place * rows, rows).copy_from(own);
        }
        let filtered = times_function(&distance, square, filter)?;
        let mut correction = Mat::zeros(rows, self.columns);
        for place in 0..self.changed.len() {
            correction += filtered.subcols(place * rows, rows) * self.read(place)?.0;
        }
        Ok(correction)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Small steps of gradient descent on the objective, as far as `flow` says.
    fn descended(tasks: &[Mat<f64>], flow: f64) -> Mat<f64> {
        const STEPS: usize = 20_000;
        let mut a = Mat::zeros(tasks[0].ncols(), tasks[0].ncols());
        for task in tasks {
            a += task.transpose() * task * faer::Scale(1.0 / (task.norm_l2() * task.norm_l2()));
        }
        let largest = *a.self_adjoint_eigenvalues(faer::Side::Lower).unwrap().last().unwrap();
        let mut t = tasks.iter().skip(1).fold(tasks[0].clone(), |sum, task| sum + task);
        for _ in 0..STEPS {
            let mut gradient = Mat::zeros(t.nrows(), t.ncols());
            for task in tasks {
                gradient +=
                    (&t - task) * (task.transpose() * task) * faer::Scale(1.0 / (task.norm_l2() * task.norm_l2()));
            }
            t -= gradient * faer::Scale(flow / largest / STEPS as f64);
        }
        t
    }

    #[test]
    fn it_is_gradient_descent_for_wide_and_for_tall_matrices() {
        for (rows, columns) in [(4, 20), (20, 4), (6, 9)] {
            let task = |seed: usize| {
                Mat::from_fn(rows, columns, |row, column| libm::sin((seed * 31 + row * columns + column * 7) as f64))
            };
            let tasks = [task(1), task(2)];
            let number = |x| Value::Number(x);
            let arguments = Arguments {
                shared: BTreeMap::from([("lambda", number(1.0)), ("flow", number(5.0))]),
                models: vec![BTreeMap::from([("weight", number(1.0))]); 2],
            };
            let mut read = |model: usize| Ok(tasks[model].clone());
            let found = update(&arguments, &mut TaskMatrices { count: 2, read: &mut read }).unwrap();
            let difference = (&found - descended(&tasks, 5.0)).norm_max();
            assert!(difference < 1e-3, "{rows} × {columns}: {difference}");
            assert!((found - (&tasks[0] + &tasks[1])).norm_max() > 0.05, "{rows} × {columns}: nothing was corrected");
        }
    }
}
