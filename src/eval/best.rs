//! Keeps the best documents of a query.

use std::cmp::Ordering;

use super::Ties;

/// A document that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Index of the document.
    pub document: u32,
    /// Its score.
    pub score: f32,
}

/// The fewest candidates that are held besides the best.
const SPARE: usize = 32;

/// A document that may be among the best. A greater candidate is better.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    score: f32,
    rank: u32,
    document: u32,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.rank.cmp(&other.rank))
    }
}

/// The best candidates so far, and some others. When twice as many are held as are wanted, the worse half is dropped.
pub(super) struct Best {
    k: usize,
    held: Vec<Candidate>,
}

impl Best {
    pub(super) fn new(k: usize) -> Self {
        Self { k, held: Vec::new() }
    }

    /// Adds a document, whose place in the order of ids is `rank`. Returns the new floor, the score below which no document is
    /// among the best; `floor` is the present one.
    pub(super) fn offer(&mut self, Hit { document, score }: Hit, rank: u32, ties: Ties, floor: f32) -> f32 {
        let rank = if ties == Ties::Ascending { u32::MAX - rank } else { rank };
        // Zero has one sign.
        self.held.push(Candidate { score: score + 0.0, rank, document });
        if self.held.len() < self.k.saturating_add(self.k.max(SPARE)) {
            return floor;
        }
        self.prune();
        self.held.last().map_or(f32::INFINITY, |worst| worst.score)
    }

    /// Keeps only the best, with the worst of them last.
    fn prune(&mut self) {
        if self.held.len() > self.k {
            if let Some(last) = self.k.checked_sub(1) {
                self.held.select_nth_unstable_by(last, |a, b| b.cmp(a));
            }
            self.held.truncate(self.k);
        }
    }

    pub(super) fn finish(mut self) -> Vec<Hit> {
        self.prune();
        self.held.sort_unstable_by(|a, b| b.cmp(a));
        self.held.into_iter().map(|Candidate { document, score, .. }| Hit { document, score }).collect()
    }
}
