//! Reads and writes rankings.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;

use super::fields::white_space_separated;
use super::lines::{Lines, is_blank, open};
use super::{DocumentId, Error, LineError, Order, QueryId, Run, ranked};

const FIELDS: &str = "6: query, Q0, document, rank, score, run";

/// A query's documents, and the line of each.
type Numbered = (Vec<(DocumentId, f64)>, Vec<u64>);

impl Run {
    /// Reads a TREC run, compressed by gzip or not.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&mut *open(path)?, path)
    }

    /// Reads a TREC run (`query Q0 document rank score run`) from `reader`, which messages call `path`. The rank is
    /// ignored, as in `trec_eval`. A document listed twice for a query is an error, and so is NaN.
    pub fn parse(reader: &mut dyn BufRead, path: &Path) -> Result<Self, Error> {
        let mut lines = Lines::new(reader, path);
        let mut found: BTreeMap<QueryId, Numbered> = BTreeMap::new();
        while let Some((number, line)) = lines.next_line()? {
            if is_blank(line) {
                continue;
            }
            let (query, document, score) = match parse(line) {
                Ok(row) => row,
                Err(problem) => return Err(lines.error(number, problem)),
            };
            if !found.contains_key(query) {
                found.insert(query.to_owned(), Numbered::default());
            }
            if let Some((documents, numbers)) = found.get_mut(query) {
                documents.push((document.to_owned(), score));
                numbers.push(number);
            }
        }
        if found.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), what: "ranking" });
        }
        // Of several, the first is reported.
        let duplicates = found.iter().filter_map(|(query, numbered)| duplicate(query, numbered));
        if let Some((line, problem)) = duplicates.min_by_key(|(line, _)| *line) {
            return Err(lines.error(line, problem));
        }
        Ok(Self { scores: found.into_iter().map(|(query, (documents, _))| (query, documents)).collect() })
    }

    /// Writes a TREC run named `name`, ranked by `order`, to `out`, which messages call `path`. Scores are written
    /// with as many digits as it takes to read the same number back.
    pub fn write(&self, out: &mut dyn Write, path: &Path, name: &str, order: Order) -> Result<(), Error> {
        let ids = self.scores.iter().flat_map(|(query, documents)| {
            std::iter::once(query).chain(documents.iter().map(|(document, _)| document))
        });
        for id in ids.map(String::as_str).chain([name]) {
            let mut parts = white_space_separated(id);
            if parts.next() != Some(id) {
                return Err(Error::Id { path: path.to_owned(), id: id.to_owned() });
            }
        }
        let io = |source| Error::Write { path: path.to_owned(), source };
        for (query, documents) in &self.scores {
            for (rank, (document, score)) in ranked(documents, order).into_iter().enumerate() {
                writeln!(out, "{query} Q0 {document} {} {score} {name}", rank + 1).map_err(io)?;
            }
        }
        out.flush().map_err(io)
    }
}

fn parse(line: &str) -> Result<(&str, &str, f64), LineError> {
    let mut rest = white_space_separated(line);
    let mut next = || rest.next();
    let (Some(query), Some(_), Some(document), Some(_), Some(score), Some(_), None) =
        (next(), next(), next(), next(), next(), next(), next())
    else {
        return Err(LineError::Fields { found: white_space_separated(line).count(), expected: FIELDS });
    };
    let number: f64 = score.parse().map_err(|_| LineError::Score(score.to_owned()))?;
    if number.is_nan() {
        return Err(LineError::NotANumber(document.to_owned()));
    }
    Ok((query, document, number))
}

/// The first line that names a document again.
fn duplicate(query: &str, (documents, numbers): &Numbered) -> Option<(u64, LineError)> {
    let mut sorted: Vec<(&str, u64)> =
        documents.iter().map(|(document, _)| document.as_str()).zip(numbers.iter().copied()).collect();
    sorted.sort_unstable();
    let twice = sorted.windows(2).filter_map(|pair| match pair {
        [(one, first), (other, line)] if one == other => Some((*line, *first, *one)),
        _ => None,
    });
    let (line, first, document) = twice.min()?;
    Some((line, LineError::Duplicate { query: query.to_owned(), document: document.to_owned(), first }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;
    use crate::eval::Compat;

    fn parse(text: &str) -> Result<Run, Error> {
        Run::parse(&mut text.as_bytes(), Path::new("run"))
    }

    #[test]
    fn ranks_comments_and_blank_lines_say_nothing() {
        let run = parse("# made by hand\n\nq2 Q0 d1 1 -1e-3 a\n q1 Q0 d1 7 +2.5 a\r\nq2 Q0 d2 1 inf b\n").unwrap();
        let expected: BTreeMap<_, _> = [
            ("q1".to_owned(), vec![("d1".to_owned(), 2.5)]),
            ("q2".to_owned(), vec![("d1".to_owned(), -0.001), ("d2".to_owned(), f64::INFINITY)]),
        ]
        .into();
        assert_eq!(run.scores, expected);
    }

    #[test]
    fn broken_lines_are_named() {
        for (text, message) in [
            ("q Q0 d 1 0.5", "line 1: 5 fields, expected 6: query, Q0, document, rank, score, run"),
            ("q Q0 d 1 1 a\nq Q0 d e 1 0.5 a", "line 2: 7 fields, expected 6: query, Q0, document, rank, score, run"),
            ("q Q0 d 1 1,5 a", "line 1: the score `1,5` is not a number"),
            ("q Q0 d 1 NaN a", "line 1: the score of document `d` is NaN"),
            (
                "q Q0 d 1 4 a\nr Q0 d 1 3 a\nq Q0 e 2 3 a\nq Q0 e 3 2 a\nq Q0 d 4 1 a",
                "line 4: document `e` of query `q` is already on line 3",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), format!("`run`, {message}"), "{text}");
        }
        assert_eq!(parse("").unwrap_err().to_string(), "`run` holds no ranking");
    }

    #[test]
    fn ids_with_white_space_are_not_written() {
        let run = Run { scores: [("q".to_owned(), vec![("a b".to_owned(), 1.0)])].into() };
        let error = run.write(&mut Vec::new(), Path::new("out"), "x", Compat::Trec.rules().order).unwrap_err();
        assert_eq!(error.to_string(), "cannot write `out`: the id \"a b\" is empty or holds white space");
    }

    proptest! {
        #[test]
        fn a_written_run_reads_back(
            scores in prop::collection::btree_map(
                "[^\\s#]\\S{0,3}",
                prop::collection::btree_map("\\S{1,4}", any::<f64>().prop_filter("NaN", |x| !x.is_nan()), 1..6),
                1..5,
            ),
        ) {
            let order = Compat::St.rules().order;
            let scores = scores.into_iter().map(|(query, documents)| {
                let documents: Vec<(String, f64)> = documents.into_iter().collect();
                let sorted = ranked(&documents, order).into_iter().cloned().collect();
                (query, sorted)
            });
            let run = Run { scores: scores.collect() };
            // A mark at the very start is read as the file's byte order mark.
            prop_assume!(run.scores.keys().next().is_some_and(|query| !query.starts_with('\u{feff}')));
            let mut bytes = Vec::new();
            run.write(&mut bytes, Path::new("run"), "name", order).unwrap();
            prop_assert_eq!(Run::parse(&mut bytes.as_slice(), Path::new("run")).unwrap(), run);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Run::parse(&mut bytes.as_slice(), Path::new("run"));
            let _ = crate::eval::Qrels::parse(&mut bytes.as_slice(), Path::new("qrels"));
        }

        #[test]
        fn no_text_panics(text in "[q\"\t \n0-9.#-]{0,60}") {
            let _ = parse(&text);
            let _ = crate::eval::Qrels::parse(&mut text.as_bytes(), Path::new("qrels"));
        }
    }
}
