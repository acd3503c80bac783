//! Scores a late-interaction model on data sets. Vectors of documents are many: they are searched part by part and not kept.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use super::max_sim::{MaxSim, SelectedTexts};
use super::task::{EncodingProgress, ScoreError, SetScores, Task, id_ranks, rankings};
use super::texts::{Chunk, Side};
use super::{DataSet, evaluate};
use crate::encoder::{Error, MultiVectorEncoder, MultiVectors, Retriever, Tokens};

/// The most numbers that the vectors of a part of the documents have: 256 MiB.
pub(super) const PART: usize = 1 << 26;

type Report<'a> = &'a mut dyn FnMut(EncodingProgress) -> ControlFlow<()>;

/// The search of one data set.
struct Search {
    best: MaxSim,
    ranks: Vec<u32>,
    /// The number of each document's text, and the document; sorted.
    documents: Vec<(u32, u32)>,
    encoding: Duration,
    time: Duration,
    tokens: usize,
}

impl Search {
    /// `places` has the place of each text among the encoded queries.
    fn new(task: &Task<'_>, set: &DataSet, [queries, documents]: &[Side; 2], encoded: &Queries, mean: bool) -> Self {
        let begun = Instant::now();
        let picked: Vec<u32> =
            queries.rows.iter().filter_map(|text| encoded.places.get(*text as usize).copied()).collect();
        let queries = SelectedTexts { vectors: &encoded.vectors, picked: &picked };
        let mut documents: Vec<(u32, u32)> = documents.rows.iter().copied().zip(0..).collect();
        documents.sort_unstable();
        Self {
            best: MaxSim::new(queries, task.searched_depth(), mean),
            ranks: id_ranks(set),
            documents,
            encoding: Duration::ZERO,
            time: begun.elapsed(),
            tokens: 0,
        }
    }

    /// Searches the documents of the data set that are among the texts `range`.
    fn take_in(&mut self, task: &Task<'_>, vectors: &MultiVectors, range: &Range<usize>) {
        let begun = Instant::now();
        let place = |text: usize| self.documents.partition_point(|(known, _)| (*known as usize) < text);
        let found = &self.documents[place(range.start)..place(range.end)];
        let picked: Vec<u32> = found.iter().map(|(text, _)| text - range.start as u32).collect();
        let numbers: Vec<u32> = found.iter().map(|(_, document)| *document).collect();
        let texts = SelectedTexts { vectors, picked: &picked };
        self.best.take_in(texts, &numbers, &self.ranks, task.rules.order.ties);
        self.time += begun.elapsed();
    }

    fn finish(self, task: &Task<'_>, set: &DataSet) -> SetScores {
        let begun = Instant::now();
        let run = rankings(set, self.best.finish());
        let scores = evaluate(&set.qrels, &run, task.metrics, &task.rules);
        let (encoding, time) = (self.encoding, self.time + self.encoding + begun.elapsed());
        SetScores { scores, run, time, encoding, tokens: self.tokens }
    }
}

/// The vectors of all queries.
struct Queries {
    vectors: MultiVectors,
    /// The place of each text among them.
    places: Vec<u32>,
    /// For each data set, the time and the tokens that its queries took.
    spent: Vec<(Duration, usize)>,
}

/// Scores `encoder`, which `retriever` has, on every data set of the task: encodes all queries, then the documents part by part.
/// Memory is the vectors of queries, of a part of the documents, and the best documents of each query.
pub(super) fn score_late(
    retriever: &Retriever,
    encoder: &MultiVectorEncoder,
    task: &Task<'_>,
    progress: Report<'_>,
) -> Result<Vec<SetScores>, ScoreError> {
    let chunks = task.texts.chunks();
    let queries = encode_queries(retriever, encoder, task, &chunks, progress)?;
    let sets = task.sets.iter().zip(task.texts.sets()).zip(&queries.spent);
    let searches = sets.map(|((set, sides), &(encoding, tokens))| {
        let search = Search::new(task, set, sides, &queries, encoder.is_mean());
        Search { encoding, tokens, ..search }
    });
    let mut searches: Vec<Search> = searches.collect();
    for (at, chunk) in chunks.iter().enumerate().filter(|(_, chunk)| chunk.side == 1) {
        let begun = Instant::now();
        let tokens = tokens(retriever, task, at, chunk).map_err(|source| failed(task, chunk, source))?;
        let mut encoding = begun.elapsed();
        for part in parts(&tokens, PART / encoder.dimension().max(1)) {
            let begun = Instant::now();
            let own = if part.len() == tokens.len() {
                Cow::Borrowed(&*tokens)
            } else {
                Cow::Owned(tokens.part(part.clone()))
            };
            let vectors = encode(encoder, task, chunk, (&own, tokens.total()), progress);
            let vectors = vectors.map_err(|source| failed(task, chunk, source))?;
            encoding += begun.elapsed();
            let range = chunk.texts.start + part.start..chunk.texts.start + part.end;
            for search in &mut searches {
                search.take_in(task, &vectors, &range);
            }
        }
        if let Some(search) = searches.get_mut(chunk.set) {
            search.encoding += encoding;
            search.tokens += tokens.total();
        }
    }
    Ok(searches.into_iter().zip(task.sets).map(|(search, set)| search.finish(task, set)).collect())
}

fn encode_queries(
    retriever: &Retriever,
    encoder: &MultiVectorEncoder,
    task: &Task<'_>,
    chunks: &[Chunk],
    progress: Report<'_>,
) -> Result<Queries, ScoreError> {
    let mut vectors = MultiVectors { dimension: encoder.dimension(), ..MultiVectors::default() };
    let mut places = vec![0; task.texts.len()];
    let mut spent = vec![(Duration::ZERO, 0); task.sets.len()];
    for (at, chunk) in chunks.iter().enumerate().filter(|(_, chunk)| chunk.side == 0) {
        let begun = Instant::now();
        let encoded = tokens(retriever, task, at, chunk).and_then(|tokens| {
            let total = tokens.total();
            Ok((encode(encoder, task, chunk, (&tokens, total), progress)?, total))
        });
        let (found, total) = encoded.map_err(|source| failed(task, chunk, source))?;
        for (place, text) in (vectors.len() as u32..).zip(chunk.texts.clone()) {
            places[text] = place;
        }
        vectors.append(&found);
        if let Some((time, tokens)) = spent.get_mut(chunk.set) {
            (*time, *tokens) = (*time + begun.elapsed(), *tokens + total);
        }
    }
    Ok(Queries { vectors, places, spent })
}

/// The tokens of a chunk.
pub(super) fn tokens<'a>(
    retriever: &Retriever,
    task: &Task<'a>,
    at: usize,
    chunk: &Chunk,
) -> Result<Cow<'a, Tokens>, Error> {
    match task.tokens.and_then(|known| known.0.get(at)) {
        Some(known) => Ok(Cow::Borrowed(known)),
        None => task.texts.tokens(chunk, retriever).map(Cow::Owned),
    }
}

/// Encodes some of the texts of a chunk, which has `total` tokens.
fn encode(
    encoder: &MultiVectorEncoder,
    task: &Task<'_>,
    chunk: &Chunk,
    (tokens, total): (&Tokens, usize),
    progress: Report<'_>,
) -> Result<MultiVectors, Error> {
    let (bytes, total) = (task.texts.bytes_of(chunk), total.max(1) as u64);
    encoder
        .encode(tokens, &mut |texts, tokens| progress(EncodingProgress { texts, bytes: bytes * tokens as u64 / total }))
}

/// Splits texts into runs of at most `most` tokens. A longer text is a run of its own.
pub(super) fn parts(tokens: &Tokens, most: usize) -> Vec<Range<usize>> {
    runs((0..tokens.len()).map(|text| tokens.length(text)), most)
}

fn runs(lengths: impl Iterator<Item = usize>, most: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for (text, length) in lengths.enumerate() {
        match parts.last_mut() {
            Some(part) if held + length <= most => part.end = text + 1,
            _ => {
                parts.push(text..text + 1);
                held = 0;
            }
        }
        held += length;
    }
    parts
}

pub(super) fn failed(task: &Task<'_>, chunk: &Chunk, source: Error) -> ScoreError {
    let set = task.sets.get(chunk.set).map(DataSet::label).unwrap_or_default();
    ScoreError { set, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_every_text_once_and_few_tokens() {
        let of = |lengths: &[usize]| runs(lengths.iter().copied(), 10);
        assert_eq!(of(&[4, 6, 1, 30, 2, 0, 9]), [0..2, 2..3, 3..4, 4..6, 6..7]);
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[0, 0]).len(), 1);
    }
}
