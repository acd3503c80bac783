//! Finds documents that are similar to a query and not relevant.

use super::data::{Direction, Pair};
use super::error::Error;
use super::merged::Opened;
use super::similarity::Compared;
use super::step::{SIMILAR, encode};
use crate::encoder::Tokens;
use crate::progress::Cancel;

/// Finds the similar documents of all queries to learn from, by the merge as the recipe has it.
pub(super) fn mine(
    directions: &mut [Direction],
    tokens: &[Tokens; 2],
    opened: &Opened,
    cancel: &Cancel,
) -> Result<(), Error> {
    for direction in directions {
        let queries: Vec<usize> = direction.train.iter().map(|pair| pair.query).collect();
        let picked = [tokens[0].pick(&queries), tokens[1].pick(&direction.documents)];
        let [queries, documents] = encode(opened.encoder()?, &picked, cancel)?;
        let dimension = opened.encoder()?.dimension();
        let compared = |values: Vec<f32>| Compared::new(values, dimension, opened.similarity);
        let (queries, documents) = (compared(queries.values), compared(documents.values));
        for (query, pair) in direction.train.iter_mut().enumerate() {
            pair.similar = similar(pair, &direction.documents, |row| queries.of(query, &documents, row));
        }
    }
    Ok(())
}

fn similar(pair: &Pair, documents: &[usize], score: impl Fn(usize) -> f64) -> Vec<usize> {
    let others = documents.iter().enumerate().filter(|(_, document)| pair.relevant.binary_search(document).is_err());
    let mut scored: Vec<(f64, usize)> = others.map(|(row, document)| (score(row), *document)).collect();
    // Ties go to the first document.
    scored.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    scored.into_iter().take(SIMILAR).map(|(_, document)| document).collect()
}
