//! Finds the score above which elements are kept, by rank: exactly, and without sorting.
//!
//! A sample gives a narrow band that probably contains the k-th largest score. One pass counts the scores above the band
//! and collects those in it, and the k-th is picked among them. If the guess is wrong, or the band has too many elements, a
//! histogram of the leading bits of all scores gives the band; as long as that has too many elements, the next bits are
//! counted. If more elements equal the threshold than may be kept, those of lower index are kept.
//!
//! `thresholds` runs all searches of some tensors together. Each pass is a `survey` of spans, and `advance` evaluates it.

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
