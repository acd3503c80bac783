//! The random samples of queries that a race is run on: each step adds some.

use std::ops::Range;

/// The share of each data set's queries that each step adds.
const SHARES: [(usize, usize); 2] = [(1, 8), (1, 4)];

/// The queries of a data set that a step adds at least: fewer say nothing.
const LEAST: usize = 20;

/// The queries that a step adds, as places in the random order of a data set of so many. Steps are counted from 1.
pub(crate) fn sample(step: usize, queries: usize) -> Range<usize> {
    let size = |(part, of): &(usize, usize)| (queries * part).div_ceil(*of).max(LEAST);
    let before: usize = SHARES.iter().take(step.saturating_sub(1)).map(size).sum();
    let own = step.checked_sub(1).and_then(|index| SHARES.get(index)).map_or(0, size);
    before.min(queries)..(before + own).min(queries)
}

/// The documents that a step searches at least where data sets have so many.
pub(crate) fn sample_documents(step: usize, documents: usize) -> usize {
    let share = step.checked_sub(1).and_then(|index| SHARES.get(index));
    share.map_or(documents, |(part, of)| (documents * part).div_ceil(*of))
}

/// The steps of a race over data sets of so many queries: those that together need no more than half of the queries.
pub(crate) fn race_steps(queries: &[usize]) -> usize {
    let all: usize = queries.iter().sum();
    let needed = |step: usize| queries.iter().map(|queries| sample(step, *queries).end).sum::<usize>();
    (1..=SHARES.len()).take_while(|step| 2 * needed(*step) <= all).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_add_queries_that_no_step_before_had() {
        assert_eq!((sample(1, 800), sample(2, 800)), (0..100, 100..300));
        // A small data set gives what it has.
        assert_eq!((sample(1, 30), sample(2, 30), sample(1, 8)), (0..20, 20..30, 0..8));
        assert_eq!(race_steps(&[800, 200]), 2);
        assert_eq!(race_steps(&[50, 50]), 1);
        // Too few to race on.
        assert_eq!(race_steps(&[30, 30]), 0);
    }
}
