//! Computes weights of models from their losses on a few labelled examples, as in LM-Cocktail (Xiao et al. 2023, arXiv
//! 2311.13534).

use std::path::Path;

use serde::Deserialize;

use super::lines::{Lines, open};
use super::search::Similarity;
use super::texts::Prompts;
use super::{DataSet, Error, LineError};
use crate::encoder::{self, Encoder};

/// A query with a text that answers it, and texts that do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The query.
    pub query: String,
    /// A text that answers it.
    pub positive: String,
    /// Texts that do not.
    pub negatives: Vec<String>,
}

/// The temperature that divides similarities before the softmax, as in LM-Cocktail and most contrastive training.
const SHARPNESS: f64 = 0.05;

/// A line of a file of examples in the format of `FlagEmbedding`.
#[derive(Deserialize)]
struct Line {
    query: String,
    pos: OneOrMore,
    #[serde(default)]
    neg: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Example {
    /// Reads examples, one JSON object per line: `query`, `pos` (a text, or several of which the first is taken) and, where
    /// there are any, `neg`. The file may be compressed by gzip.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let mut reader = open(path)?;
        let mut lines = Lines::new(&mut *reader, path);
        let mut examples = Vec::new();
        while let Some((number, line)) = lines.next_line()? {
            if line.trim().is_empty() {
                continue;
            }
            match Self::parse(line) {
                Ok(example) => examples.push(example),
                Err(problem) => return Err(lines.error(number, problem)),
            }
        }
        if examples.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), what: "examples" });
        }
        Ok(examples)
    }

    fn parse(line: &str) -> Result<Self, LineError> {
        let Line { query, pos, neg } =
            serde_json::from_str(line).map_err(|error| LineError::Example(error.to_string()))?;
        let positive = match pos {
            OneOrMore::One(text) => Some(text),
            OneOrMore::More(texts) => texts.into_iter().next(),
        };
        let positive = positive.ok_or_else(|| LineError::Example("`pos` is empty".to_owned()))?;
        Ok(Self { query, positive, negatives: neg })
    }

    /// The first `most` queries of a data set with a relevant document, each with the document of the highest grade. They
    /// are negatives for each other.
    pub fn of_set(set: &DataSet, most: usize) -> Vec<Self> {
        let documents: std::collections::HashMap<&str, &str> =
            set.documents.iter().map(|document| (document.id.as_str(), document.text.as_str())).collect();
        let example = |query: &super::Text| {
            let grades = set.qrels.grades.get(&query.id)?;
            let relevant = grades.iter().filter(|(id, grade)| **grade > 0 && documents.contains_key(id.as_str()));
            // Ties go to the first id.
            let best = relevant.max_by(|(one, a), (other, b)| a.cmp(b).then(other.cmp(one)))?;
            let positive = (*documents.get(best.0.as_str())?).to_owned();
            Some(Self { query: query.text.clone(), positive, negatives: Vec::new() })
        };
        set.queries.iter().filter_map(example).take(most).collect()
    }
}

/// The mean contrastive loss (`InfoNCE`) of the model on the examples: each query's cross-entropy of its positive among all
/// positives and negatives of all examples, over similarities divided by 0.05. A text that equals the query's own positive
/// is not a negative for it.
///
/// LM-Cocktail processes two examples at a time, so that a loss depends on their order; here all are one batch. It also
/// pools the first token and uses no prompts; here a model is used as its folder says.
///
/// # Errors
/// Whatever keeps a text from being encoded, and [`encoder::Error::Cancelled`] when `progress` breaks.
pub fn contrastive_loss(
    encoder: &Encoder,
    examples: &[Example],
    prompts: &Prompts,
    similarity: Similarity,
    progress: &mut encoder::Progress<'_>,
) -> Result<f64, encoder::Error> {
    let mut embed = |texts: &[&str], prompt: &str| {
        let tokens = encoder.tokenize(texts, Some(prompt))?;
        encoder.encode(&tokens, progress)
    };
    let queries: Vec<&str> = examples.iter().map(|example| example.query.as_str()).collect();
    let positives = examples.iter().map(|example| example.positive.as_str());
    let negatives = examples.iter().flat_map(|example| &example.negatives).map(String::as_str);
    let passages: Vec<&str> = positives.chain(negatives).collect();
    let (of_queries, of_passages) = (embed(&queries, &prompts.query)?, embed(&passages, &prompts.document)?);
    let losses = of_queries.rows().enumerate().map(|(own, query)| {
        let others = of_passages.rows().enumerate().filter(|(at, _)| *at == own || passages[*at] != passages[own]);
        let scores: Vec<(usize, f64)> =
            others.map(|(at, passage)| (at, similarity.of(query, passage) / SHARPNESS)).collect();
        let most = scores.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|(_, score)| libm::exp(score - most)).sum();
        let of_own = scores.iter().find(|(at, _)| *at == own).map_or(most, |(_, score)| *score);
        libm::log(total) + most - of_own
    });
    Ok(losses.sum::<f64>() / examples.len().max(1) as f64)
}

/// The weights of models by their losses: the softmax of −loss / temperature. They sum to 1; a high temperature makes
/// them equal.
pub fn cocktail_weights(losses: &[f64], temperature: f64) -> Vec<f64> {
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let shares: Vec<f64> = losses.iter().map(|loss| libm::exp((least - loss) / temperature)).collect();
    let total: f64 = shares.iter().sum();
    shares.into_iter().map(|share| share / total).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_softmax_of_losses() {
        let weights = cocktail_weights(&[1.0, 2.0], 5.0);
        assert!((weights[0] - 1.0 / (1.0 + libm::exp(-0.2))).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(cocktail_weights(&[1000.0, 1000.0], 0.01), [0.5, 0.5]);
        assert!(cocktail_weights(&[0.0, 5.0], 0.01)[1] < 1e-200);
    }

    #[test]
    fn examples_are_read_as_flagembedding_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("examples.jsonl");
        let lines = "{\"query\":\"q\",\"pos\":[\"p\",\"r\"],\"neg\":[\"n\"]}\n\n{\"query\":\"a\",\"pos\":\"b\"}\n";
        std::fs::write(&path, lines).unwrap();
        let examples = Example::read(&path).unwrap();
        assert_eq!((examples.len(), examples[0].positive.as_str(), examples[1].negatives.len()), (2, "p", 0));
        for (line, says) in
            [("{\"query\":\"q\",\"pos\":[]}", "`pos` is empty"), ("{\"query\":\"q\"}", "missing field `pos`")]
        {
            std::fs::write(&path, line).unwrap();
            assert!(Example::read(&path).unwrap_err().to_string().contains(says));
        }
    }
}
