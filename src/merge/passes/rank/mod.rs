//! Finds the score above which elements stay, by rank: exactly, and without sorting.
//!
//! A sample tells in which narrow band the k-th largest score probably lies. One pass counts the scores above the band and
//! collects those in it, and the k-th is picked among them. Where a guess is wrong, or the band holds too many, a
//! histogram of the first bits of all scores tells the band; as long as it holds too many elements, the next bits are
//! counted. Where more elements equal the threshold than may stay, those of lower index stay.
//!
//! `thresholds` runs all searches of some tensors together. Each pass is a `survey` of spans, and `advance` takes in what
//! it found.

mod advance;
mod histogram;
mod memory;
mod query;
mod sample;
mod scores;
mod search;
mod survey;
mod thresholds;

pub(super) use memory::{counter_memory, memory};
pub(super) use query::{Query, Rank};
pub(super) use scores::{Computed, Differences, Score};
pub(super) use thresholds::find_thresholds;
