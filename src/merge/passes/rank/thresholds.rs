//! Runs the searches of some tensors together, pass by pass.

use std::sync::PoisonError;

use super::advance::advance;
use super::histogram::shared_counts;
use super::query::Query;
use super::sample::{self, Sample};
use super::scores::Scores;
use super::search::{Search, sequences};
use super::survey::{Found, survey_span};
use crate::kernel::Real;
use crate::merge::span::Span;
use crate::merge::statistic::Threshold;
use crate::merge::workers::Workers;
use crate::merge::{Error, Options};

/// Number of tiles in a span. Each span's histogram is added to the whole once.
const SPAN_TILES: usize = 128;

/// Finds the thresholds of some tensors. `queries` has, for the tensor at each position of `scores`, its number of elements
/// and its queries.
pub(in crate::merge::passes) fn find_thresholds<S: Real>(
    scores: &impl Scores<S>,
    queries: &[(u64, Vec<Query>)],
    options: &Options<'_>,
    workers: &Workers<'_>,
) -> Result<Vec<Vec<Threshold>>, Error> {
    let tile = options.tile();
    let mut searches: Vec<Vec<Search>> = queries
        .iter()
        .map(|(n, queries)| queries.iter().map(|query| Search::begin::<S>(*query, *n, tile as u64)).collect())
        .collect();
    let mut samples = take_samples(scores, queries, &mut searches, options, workers)?;
    loop {
        for ((searches, sample), (n, _)) in searches.iter_mut().zip(&mut samples).zip(queries) {
            for search in searches {
                search.guess::<S>(sample, *n);
            }
        }
        let mut spans: Vec<(usize, Span)> = Vec::new();
        for (at, (n, _)) in queries.iter().enumerate() {
            if searches[at].iter().any(Search::is_open) {
                spans.extend(Span::cut(scores.tensor(at), *n as usize, SPAN_TILES * tile).map(|span| (at, span)));
            }
        }
        if spans.is_empty() {
            let done = |searches: Vec<Search>| searches.iter().map(Search::threshold::<S>).collect();
            return Ok(searches.into_iter().map(done).collect());
        }
        let found = workers.map(&spans, |scratch, (at, span)| {
            survey_span::<S>(scores, *at, &searches[*at], queries[*at].0, span, scratch, options)
        })?;
        let mut found = spans.iter().zip(found).peekable();
        while let Some(at) = found.peek().map(|((at, _), _)| *at) {
            let mut here = Vec::new();
            while let Some(((_, span), models)) = found.next_if(|((other, _), _)| *other == at) {
                here.push((span, models));
            }
            let shared = shared_counts(&searches[at]);
            let take =
                |search: &Search| std::mem::take(&mut *search.counts.lock().unwrap_or_else(PoisonError::into_inner));
            let counts: Vec<Vec<u64>> = searches[at].iter().map(take).collect();
            for (index, search) in searches[at].iter_mut().enumerate() {
                let parts: Vec<(&Span, &Found<S>)> = here.iter().map(|(span, found)| (*span, &found[index])).collect();
                advance(search, scores, at, queries[at].0, &parts, &counts[shared[index]], options)?;
            }
        }
    }
}

/// Takes samples of tensors whose searches would need a histogram, and sets the positions of the first guesses.
fn take_samples<S: Real>(
    scores: &impl Scores<S>,
    queries: &[(u64, Vec<Query>)],
    searches: &mut [Vec<Search>],
    options: &Options<'_>,
    workers: &Workers<'_>,
) -> Result<Vec<Sample<S>>, Error> {
    let mut tensors: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    for (at, ((n, _), searches)) in queries.iter().zip(&*searches).enumerate() {
        tensors.push((at, *n as usize, sequences(searches.iter().filter(|search| search.is_counting()))));
    }
    let samples = sample::take(scores, &tensors, options, workers)?;
    for ((searches, sample), (n, _)) in searches.iter_mut().zip(&samples).zip(queries) {
        for search in searches.iter_mut().filter(|search| search.is_counting()) {
            let Some((_, bits)) = sample.iter().find(|(sequence, _)| *sequence == search.sequence) else { continue };
            let size = bits.len() as f64;
            let nonzero = || bits.iter().filter(|bits| **bits != S::bits(0)).count() as f64;
            let place = search.share.map_or_else(|| search.rank as f64 / *n as f64 * size, |share| share * nonzero());
            search.place = (size > 0.0).then_some(place);
        }
    }
    Ok(samples)
}
