//! MS MARCO's and TREC's folders: documents as `collection.tsv` or `docs*.jsonl`, queries as `queries.SPLIT.tsv` or
//! `topics.SPLIT.tsv`, judgements as `qrels.SPLIT.tsv`; each kind may be in a folder of its name.

use super::files::{Entry, Kind, Listing};
use super::layout::{Form, Found, Part, add};

const DOCUMENTS: &[&str] = &["collection", "corpus", "documents", "docs", "passages"];
const QUERIES: &[&str] = &["topics", "queries", "query"];
const JUDGEMENTS: &[&str] = &["qrels", "qrel"];

const NAMES: [&str; 3] = [
    "documents (collection.tsv or docs*.jsonl)",
    "queries (queries.SPLIT.tsv or topics.SPLIT.tsv)",
    "relevance judgements (qrels.SPLIT.tsv)",
];

/// The layout of an MS MARCO or TREC folder.
pub(super) fn find(listing: &Listing) -> Found {
    let mut part = Part::default();
    let mut form = Form::Trec;
    for entry in &listing.entries {
        let path = || listing.path(entry);
        if let Some(split) = label(entry, JUDGEMENTS).filter(|_| !matches!(entry.kind, Kind::Json | Kind::Parquet)) {
            add(&mut part.judgements, split, path());
        } else if !matches!(entry.kind, Kind::Jsonl | Kind::Delimited) {
            // These are neither documents nor queries.
        } else if let Some(split) = label(entry, QUERIES) {
            add(&mut part.queries, split, path());
        } else if label(entry, DOCUMENTS).is_some() {
            if entry.kind == Kind::Delimited {
                form = Form::MsMarco;
            }
            add(&mut part.documents, "", path());
        }
    }
    part.found(form, NAMES)
}

/// The part of the file's name after one of the words, or the whole name in a folder with such a name.
fn label<'a>(entry: &'a Entry, words: &[&str]) -> Option<&'a str> {
    let name = entry.name();
    let name = name.strip_suffix(".gz").unwrap_or(name);
    // `qrels.dev` has its split where others have an extension.
    let stem = if entry.kind == Kind::Other { name } else { &entry.stem };
    let after = |word: &&str| {
        let rest = stem.strip_prefix(*word)?;
        (rest.is_empty() || rest.starts_with(['.', '-', '_'])).then(|| rest.trim_start_matches(['.', '-', '_']))
    };
    words.iter().find_map(after).or_else(|| {
        let folder = entry.parent.rsplit('/').next()?;
        (words.contains(&folder) && entry.kind != Kind::Other).then_some(stem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_what_stands_behind_the_word() {
        let qrels = |path| label(&Entry::new(path), JUDGEMENTS).map(str::to_owned);
        assert_eq!(qrels("qrels.dev.small.tsv").as_deref(), Some("dev.small"));
        assert_eq!(qrels("qrels/qrels.miracl-v1.0-ko-dev.tsv").as_deref(), Some("miracl-v1.0-ko-dev"));
        assert_eq!(qrels("qrels/dev.txt.gz").as_deref(), Some("dev"));
        assert_eq!(qrels("qrels.dev").as_deref(), Some("dev"));
        assert_eq!(qrels("qrels").as_deref(), Some(""));
        assert_eq!(qrels("qrelstest.tsv"), None);
        assert_eq!(qrels("qrels/README"), None);
    }
}
