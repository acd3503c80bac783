//! Finds the coefficients at which the loss on linearised embeddings is least.

use super::adam::{Adam, rate};
use super::linearised::Linearised;
use super::request::Settings;
use super::tasks::Tasks;

/// Steps of the optimiser.
const STEPS: usize = 150;

/// Its learning rate, as a share of how far coefficients may move.
const RATE: f64 = 0.1;

/// A smaller loss is not a measure of how much worse another one is.
const SMALLEST: f64 = 0.01;

/// What is minimised: the mean of the tasks' losses, with a penalty for each task that is worse than it was at the start, and one
/// for the distance from the recipe's own values.
pub(super) struct Objective<'a> {
    pub(super) tasks: &'a Tasks,
    /// The loss of each task with the recipe's own values.
    pub(super) before: &'a [f64],
    /// The recipe's own values.
    pub(super) start: &'a [f64],
    pub(super) settings: &'a Settings,
}

impl Objective<'_> {
    /// What a task's loss is compared with: that at the start, which is 0 where the recipe is the teacher itself.
    fn before(&self, task: usize) -> f64 {
        self.before.get(task).copied().unwrap_or_default().max(SMALLEST)
    }

    /// How much worse than at the start a task is, as a share.
    fn excess(&self, task: usize, loss: f64) -> f64 {
        (loss / self.before(task) - 1.0).max(0.0)
    }

    /// The objective, and its slope along every coefficient.
    fn at(&self, linearised: &Linearised, values: &[f64]) -> (f64, Vec<f64>) {
        let Settings { guard, regularisation, .. } = self.settings;
        let embeddings = linearised.at(values);
        let count = self.before.len().max(1) as f64;
        let weight = |task: usize, loss: f64| (1.0 + 2.0 * guard * self.excess(task, loss) / self.before(task)) / count;
        let (losses, gradient) = self.tasks.gradient(&embeddings, linearised.dimension, weight);
        let mut slopes = linearised.project(&gradient);
        let penalised = losses.iter().enumerate().map(|(task, loss)| {
            let excess = self.excess(task, *loss);
            (loss + guard * excess * excess) / count
        });
        let mut objective: f64 = penalised.sum();
        for (slope, (value, start)) in slopes.iter_mut().zip(values.iter().zip(self.start)) {
            objective += 0.5 * regularisation * (value - start) * (value - start);
            *slope += regularisation * (value - start);
        }
        (objective, slopes)
    }

    /// The coefficients with the least objective no farther than `reach` from where the embeddings were computed.
    pub(super) fn least(
        &self,
        linearised: &Linearised,
        reach: f64,
        bounded: impl Fn(usize, f64) -> f64,
        mut go_on: impl FnMut() -> bool,
    ) -> Vec<f64> {
        let mut values = linearised.at.clone();
        let (mut best, mut least) = (values.clone(), f64::INFINITY);
        let mut adam = Adam::new(values.len());
        for step in 1..=STEPS {
            if !go_on() {
                break;
            }
            let (objective, slopes) = self.at(linearised, &values);
            if objective < least {
                (best, least) = (values.clone(), objective);
            }
            let moves = adam.step(&slopes, step, rate(RATE * reach, step, STEPS));
            for (index, _) in &linearised.columns {
                let (low, high) = (linearised.at[*index] - reach, linearised.at[*index] + reach);
                values[*index] = bounded(*index, (values[*index] + moves[*index]).clamp(low, high));
            }
        }
        best
    }
}
