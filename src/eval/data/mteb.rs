//! MTEB's folder: tables `corpus`, `queries` and `qrels` (or `default`), as parquet or jsonl, in folders or files of these
//! names or as README.md assigns them. Tables of several languages have the subset before the name: `kor-eng-corpus`.

use std::collections::BTreeMap;

use super::files::{Kind, Listing};
use super::layout::{Fit, Form, Found, Layout, Part, add};
use super::readme;
use crate::eval::DataWarningKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Documents,
    Queries,
    /// The smaller the number, the more likely these are the judgements.
    Judgements(u8),
    TopRanked,
    Unused(DataWarningKind),
}

const TABLES: [(&str, Table); 8] = [
    ("corpus", Table::Documents),
    ("queries", Table::Queries),
    ("query", Table::Queries),
    ("qrels", Table::Judgements(0)),
    ("default", Table::Judgements(1)),
    ("data", Table::Judgements(2)),
    ("top_ranked", Table::TopRanked),
    ("instruction", Table::Unused(DataWarningKind::Instructions)),
];

const NAMES: [&str; 3] = ["documents (corpus)", "queries (queries)", "relevance judgements (qrels or default)"];

/// A subset's tables, before its judgements are chosen.
#[derive(Default)]
struct Draft {
    part: Part,
    surest: Option<u8>,
}

/// The layout of an MTEB folder.
pub(super) fn find(listing: &Listing) -> Found {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for (config, label, entry) in tables(listing) {
        let Some((subset, table)) = table_of(&config) else { continue };
        let draft = drafts.entry(subset.to_owned()).or_default();
        let part = &mut draft.part;
        let path = listing.path(entry);
        match table {
            Table::TopRanked if entry.kind != Kind::Delimited => add(&mut part.top_ranked, &label, path),
            Table::Unused(kind) => part.unused.push((kind, entry.relative.clone())),
            Table::Documents if entry.kind != Kind::Delimited => add(&mut part.documents, &label, path),
            Table::Queries if entry.kind != Kind::Delimited => add(&mut part.queries, &label, path),
            Table::TopRanked | Table::Documents | Table::Queries => {}
            Table::Judgements(rank) => {
                if draft.surest.is_none_or(|surest| rank < surest) {
                    part.judgements.clear();
                }
                if draft.surest.is_none_or(|surest| rank <= surest) {
                    draft.surest = Some(rank);
                    add(&mut part.judgements, &label, path);
                }
            }
        }
    }
    whole(drafts)
}

/// The tables that README.md assigns.
fn assigned(listing: &Listing) -> Vec<(String, String, &super::files::Entry)> {
    let files = readme::assigned(listing).into_iter().filter(|file| is_readable(file.entry.kind));
    files.map(|file| (file.config, file.split, file.entry)).collect()
}

fn is_readable(kind: Kind) -> bool {
    matches!(kind, Kind::Jsonl | Kind::Parquet | Kind::Delimited)
}

/// Whether README.md assigns files to tables.
pub(super) fn is_assigned(listing: &Listing) -> bool {
    !assigned(listing).is_empty()
}

/// The subset that a configuration or folder is a table of; empty without one, and `None` for what is no table.
pub(super) fn subset_of(config: &str) -> Option<&str> {
    table_of(config).map(|(subset, _)| subset)
}

/// Whether a configuration or folder of this name is a table.
pub(super) fn is_table(config: &str) -> bool {
    table_of(config).is_some()
}

/// Configuration, split and file of every table.
fn tables(listing: &Listing) -> Vec<(String, String, &super::files::Entry)> {
    let assigned = assigned(listing);
    if !assigned.is_empty() {
        return assigned;
    }
    let entries = listing.entries.iter().filter(|entry| is_readable(entry.kind));
    let named = entries.filter_map(|entry| {
        let label = without_shard(&entry.stem).to_owned();
        let config = match entry.parent.rsplit('/').next() {
            None | Some("") if entry.kind == Kind::Delimited => return None,
            None | Some("") => label.clone(),
            Some(folder) => folder.to_owned(),
        };
        Some((config, label, entry))
    });
    named.collect()
}

/// The subset and the table of a configuration's name.
fn table_of(config: &str) -> Option<(&str, Table)> {
    TABLES.iter().find_map(|(name, table)| {
        let before = config.strip_suffix(name)?;
        if before.is_empty() {
            return Some(("", *table));
        }
        // `default` and `data` mean judgements only in a folder of a single data set.
        let subset = before.strip_suffix('-').filter(|subset| !subset.is_empty());
        subset.filter(|_| !matches!(table, Table::Judgements(1..))).map(|subset| (subset, *table))
    })
}

/// Removes the shard from a name: `test-00000-of-00002`, possibly with a suffix, becomes `test`.
fn without_shard(stem: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((before, after)) = stem.rsplit_once("-of-") else { return stem };
    let count = after.split('-').next().unwrap_or_default();
    match before.rsplit_once('-') {
        Some((label, number)) if digits(number) && digits(count) => label,
        _ => stem,
    }
}

/// The subsets that have all three tables. A subset without documents or queries of its own shares the folder's.
fn whole(mut drafts: BTreeMap<String, Draft>) -> Found {
    let shared = drafts.remove("").unwrap_or_default().part;
    let mut parts: Vec<Part> = Vec::new();
    let mut lacks = None;
    for (subset, Draft { mut part, .. }) in drafts {
        for (own, other) in [(&mut part.documents, &shared.documents), (&mut part.queries, &shared.queries)] {
            if own.is_empty() {
                own.clone_from(other);
            }
        }
        part.subset = subset;
        match part.fit(NAMES) {
            Fit::Whole => parts.push(part),
            Fit::Lacks(what) => lacks = lacks.or(Some(what)),
            Fit::Foreign => {}
        }
    }
    match (parts.is_empty(), lacks) {
        (false, _) => Found::Whole(Layout::Parts(Form::Mteb, parts)),
        (true, Some(what)) => Found::Lacks(Form::Mteb, what),
        (true, None) => shared.found(Form::Mteb, NAMES),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parts(files: &[&str]) -> Vec<Part> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        match find(&Listing::of(folder.path()).unwrap()) {
            Found::Whole(Layout::Parts(Form::Mteb, parts)) => parts,
            other => panic!("{other:?}"),
        }
    }

    fn labels(of: &[super::super::layout::Labelled]) -> Vec<(&str, usize)> {
        of.iter().map(|labelled| (labelled.label.as_str(), labelled.files.len())).collect()
    }

    #[test]
    fn shards_are_one_split() {
        let found = parts(&[
            "corpus/corpus-00000-of-00002.parquet",
            "corpus/corpus-00001-of-00002.parquet",
            "queries/test-00000-of-00001-abc.parquet",
            "data/test-00000-of-00001.parquet",
            "data/dev-00000-of-00001.parquet",
            "top_ranked/test.parquet",
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(labels(&found[0].documents), [("corpus", 2)]);
        assert_eq!(labels(&found[0].queries), [("test", 1)]);
        assert_eq!(labels(&found[0].judgements), [("dev", 1), ("test", 1)]);
        assert_eq!(labels(&found[0].top_ranked), [("test", 1)]);
    }

    #[test]
    fn qrels_win_over_default() {
        let found = parts(&["corpus.jsonl", "queries.jsonl", "default/a.jsonl", "qrels/b.jsonl", "data/c.jsonl"]);
        assert_eq!(labels(&found[0].judgements), [("b", 1)]);
    }

    #[test]
    fn subsets_come_before_the_name() {
        let found = parts(&[
            "ko-corpus/test.parquet",
            "ko-queries/test.parquet",
            "ko-qrels/test.parquet",
            "en-queries/test.jsonl",
            "en-qrels/test.jsonl",
            "corpus/test.jsonl",
        ]);
        assert_eq!(found.iter().map(|part| part.subset.as_str()).collect::<Vec<_>>(), ["en", "ko"]);
        assert!(found[0].documents[0].files[0].ends_with("corpus/test.jsonl"));
    }
}
