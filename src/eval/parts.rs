//! Encodes all queries, and documents part by part, where vectors are too many for all of them to be kept.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use super::DataSet;
use super::task::{EncodingProgress, ScoreError, Task};
use super::texts::{Chunk, Side};
use crate::encoder::{Error, Retriever, Tokens, Vectors};

/// The most numbers that the vectors of a part of the documents have: 256 MiB.
const PART: usize = 1 << 26;

pub(super) type Report<'a> = &'a mut dyn FnMut(EncodingProgress) -> ControlFlow<()>;

/// Encodes the texts of a task.
pub(super) struct PartwiseEncoding<'a> {
    pub(super) retriever: &'a Retriever,
    pub(super) task: &'a Task<'a>,
    /// How many numbers a token has in the vectors.
    pub(super) width: usize,
}

/// The vectors of all queries.
pub(super) struct Queries {
    pub(super) vectors: Vectors,
    /// The place of each text among them.
    pub(super) places: Vec<u32>,
    /// What they took.
    pub(super) effort: Vec<Effort>,
}

/// What encoding the texts of one data set took.
#[derive(Clone, Copy, Default)]
pub(super) struct Effort {
    pub(super) time: Duration,
    pub(super) tokens: usize,
}

impl std::ops::Add for Effort {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { time: self.time + other.time, tokens: self.tokens + other.tokens }
    }
}

impl PartwiseEncoding<'_> {
    /// Encodes all queries.
    pub(super) fn queries(&self, progress: Report<'_>) -> Result<Queries, ScoreError> {
        let mut queries = Queries {
            vectors: self.retriever.none_of(0),
            places: vec![0; self.task.texts.len()],
            effort: vec![Effort::default(); self.task.sets.len()],
        };
        let mut count = 0..;
        for (at, chunk) in self.task.texts.chunks().iter().enumerate().filter(|(_, chunk)| chunk.side == 0) {
            let begun = Instant::now();
            let tokens = tokens(self.retriever, self.task, at, chunk).map_err(|source| self.failed(chunk, source))?;
            let found = self.encode(chunk, &tokens, tokens.total(), progress)?;
            for (text, place) in chunk.texts.clone().zip(&mut count) {
                queries.places[text] = place;
            }
            queries.vectors.append(found);
            if let Some(effort) = queries.effort.get_mut(chunk.set) {
                *effort = *effort + Effort { time: begun.elapsed(), tokens: tokens.total() };
            }
        }
        Ok(queries)
    }

    /// Encodes all documents part by part, and gives each part to `take_in` with the range of its texts. Returns what encoding
    /// the documents of each data set took.
    pub(super) fn documents(
        &self,
        progress: Report<'_>,
        take_in: &mut dyn FnMut(&Vectors, &Range<usize>),
    ) -> Result<Vec<Effort>, ScoreError> {
        let mut efforts = vec![Effort::default(); self.task.sets.len()];
        for (at, chunk) in self.task.texts.chunks().iter().enumerate().filter(|(_, chunk)| chunk.side == 1) {
            let begun = Instant::now();
            let tokens = tokens(self.retriever, self.task, at, chunk).map_err(|source| self.failed(chunk, source))?;
            let mut time = begun.elapsed();
            for part in parts(&tokens, PART / self.width.max(1)) {
                let begun = Instant::now();
                let whole = part.len() == tokens.len();
                let own = if whole { Cow::Borrowed(&*tokens) } else { Cow::Owned(tokens.part(part.clone())) };
                let vectors = self.encode(chunk, &own, tokens.total(), progress)?;
                time += begun.elapsed();
                take_in(&vectors, &(chunk.texts.start + part.start..chunk.texts.start + part.end));
            }
            if let Some(effort) = efforts.get_mut(chunk.set) {
                *effort = *effort + Effort { time, tokens: tokens.total() };
            }
        }
        Ok(efforts)
    }

    /// Encodes some of the texts of a chunk, which has `total` tokens.
    fn encode(
        &self,
        chunk: &Chunk,
        tokens: &Tokens,
        total: usize,
        progress: Report<'_>,
    ) -> Result<Vectors, ScoreError> {
        let (bytes, total) = (self.task.texts.bytes_of(chunk), total.max(1) as u64);
        let mut report =
            |texts, tokens: usize| progress(EncodingProgress { texts, bytes: bytes * tokens as u64 / total });
        self.retriever.encode(tokens, &mut report).map_err(|source| self.failed(chunk, source))
    }

    fn failed(&self, chunk: &Chunk, source: Error) -> ScoreError {
        let set = self.task.sets.get(chunk.set).map(DataSet::label).unwrap_or_default();
        ScoreError { set, source: Box::new(source) }
    }
}

/// The tokens of a chunk: the known ones, or new ones.
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

/// Splits texts into runs of at most `most` tokens. A longer text is a run of its own.
fn parts(tokens: &Tokens, most: usize) -> Vec<Range<usize>> {
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

/// The documents of a data set by the numbers of their texts: the number, and the document; sorted.
pub(super) struct DocumentsByText(Vec<(u32, u32)>);

impl DocumentsByText {
    pub(super) fn new(side: &Side) -> Self {
        let mut documents: Vec<(u32, u32)> = side.rows.iter().copied().zip(0..).collect();
        documents.sort_unstable();
        Self(documents)
    }

    /// The documents whose texts are in `range`: for each the place of its text in the range, and its own number.
    pub(super) fn within(&self, range: &Range<usize>) -> (Vec<u32>, Vec<u32>) {
        let place = |text: usize| self.0.partition_point(|(known, _)| (*known as usize) < text);
        let found = &self.0[place(range.start)..place(range.end)];
        found.iter().map(|(text, document)| (text - range.start as u32, *document)).unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_every_text_once_and_few_tokens() {
        let of = |lengths: &[usize]| runs(lengths.iter().copied(), 10);
        assert_eq!(of(&[4, 6, 1, 30, 2, 0, 9]), [0..2, 2..3, 3..4, 4..6, 6..7]);
        assert!(of(&[]).is_empty());
        let whole = of(&[0, 0]);
        assert!(whole.len() == 1 && whole[0] == (0..2));
    }
}
