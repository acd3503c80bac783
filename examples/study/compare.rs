//! Paired tests of held-out scores, corrected over each family of questions.

use admix::eval::holm;
use admix::sweep::Strata;

use super::models::Scored;
use super::results::{Against, Test};

/// A model's values on these columns, one list each.
fn strata(scored: &Scored, columns: &[&str]) -> Strata {
    Strata(columns.iter().map(|column| scored.values.get(*column).cloned().unwrap_or_default()).collect())
}

/// Compares the means of two models over columns. `corrected` is filled in by [`correct`].
pub(crate) fn compare(model: &Scored, baseline: &Scored, columns: &[&str]) -> Option<Test> {
    let found = strata(model, columns).against(&strata(baseline, columns))?;
    let (low, high) = found.interval;
    Some(Test { difference: found.difference, interval: [low, high], p: found.p, corrected: found.p })
}

/// A model against a baseline: on average over the directions, and in each.
pub(crate) fn against(model: &Scored, baseline: &Scored, directions: &[&str]) -> Option<Against> {
    let mean = compare(model, baseline, directions)?;
    let directions: Option<Vec<Test>> =
        directions.iter().map(|direction| compare(model, baseline, &[direction])).collect();
    Some(Against { mean, directions: directions? })
}

/// Holm's correction over a family of tests.
pub(crate) fn correct<'a>(tests: impl Iterator<Item = &'a mut Test>) {
    let tests: Vec<&mut Test> = tests.collect();
    let corrected = holm(&tests.iter().map(|test| test.p).collect::<Vec<_>>());
    for (test, corrected) in tests.into_iter().zip(corrected) {
        test.corrected = corrected;
    }
}
