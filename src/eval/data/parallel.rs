//! Parallel text: two files aligned by line, which is a retrieval task in each direction. Query `q17` and document `d17`
//! are line 17 of their files, and each is the only relevant one of the other.

use std::collections::BTreeMap;
use std::path::Path;

use super::Error;
use super::collect::{Collector, Role};
use super::files::file_name;
use super::files::{Entry, Kind, Listing};
use super::language;
use super::layout::{Form, Found, Layout, Pair, PairSide};
use super::lines::lines;
use super::script::Letters;
use super::settings::Settings;
use crate::eval::DataSet;

/// Names of files beside the texts that are not texts.
const BESIDE: [&str; 20] = [
    "md",
    "yaml",
    "yml",
    "py",
    "json",
    "csv",
    "xml",
    "sh",
    "pdf",
    "zip",
    "tar",
    "html",
    "toml",
    "lock",
    "npy",
    "bin",
    "safetensors",
    "tsv",
    "rst",
    "parquet",
];

/// The pairs of files that `dataset.yaml` or their names indicate.
pub(super) fn find(listing: &Listing, settings: &Settings) -> Found {
    if !settings.files.is_empty() {
        let sides: Vec<PairSide> = settings
            .files
            .iter()
            .map(|(language, file)| PairSide { file: listing.root.join(file), language: Some(language.clone()) })
            .collect();
        return sides.try_into().map_or(Found::Nothing, |sides| pairs(vec![Pair { label: String::new(), sides }]));
    }
    let texts: Vec<&Entry> = listing.top().filter(|entry| is_text(entry)).collect();
    let side = |entry: &Entry| PairSide { file: listing.path(entry), language: None };
    let mut by_stem: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in texts.iter().copied().filter(|entry| language::named(&entry.extension).is_some()) {
        by_stem.entry(&entry.stem).or_default().push(entry);
    }
    let extensions = |entries: &[&Entry]| entries.iter().map(|entry| entry.extension.clone()).collect::<Vec<_>>();
    let first = by_stem.values().next().map(|entries| extensions(entries));
    let alike = by_stem.values().all(|entries| Some(extensions(entries)) == first);
    if first.as_ref().is_some_and(|first| first.len() == 2) && alike {
        let pair = |(stem, entries): (&&str, &Vec<&Entry>)| match entries.as_slice() {
            [left, right] => Some(Pair { label: (*stem).to_owned(), sides: [side(left), side(right)] }),
            _ => None,
        };
        return pairs(by_stem.iter().filter_map(pair).collect());
    }
    match texts.as_slice() {
        [left, right] => pairs(vec![Pair { label: String::new(), sides: [side(left), side(right)] }]),
        _ if by_stem.len() > 1 || first.is_some_and(|first| first.len() > 1) => {
            Found::Lacks(Form::Parallel, "pair of files that only one choice leaves")
        }
        _ => Found::Nothing,
    }
}

fn pairs(pairs: Vec<Pair>) -> Found {
    Found::Whole(Layout::Pairs(pairs))
}

fn is_text(entry: &Entry) -> bool {
    let is_note =
        ["readme", "license", "licence", "citation", "notice", "copying", "changelog", "sha256sums", "md5sums"]
            .contains(&entry.stem.to_lowercase().as_str());
    !is_note && matches!(entry.kind, Kind::Delimited | Kind::Other) && !BESIDE.contains(&entry.extension.as_str())
}

/// Reads a pair in both directions: the lines of one file are the queries and those of the other the documents.
pub(super) fn read(root: &Path, name: &str, pair: &Pair, limit: Option<usize>) -> Result<Vec<DataSet>, Error> {
    let [left, right] = &pair.sides;
    let (left_lines, right_lines) = (all_lines(&left.file)?, all_lines(&right.file)?);
    if left_lines.len() != right_lines.len() {
        return Err(Error::NotAligned {
            left: left.file.clone(),
            left_lines: left_lines.len(),
            right: right.file.clone(),
            right_lines: right_lines.len(),
        });
    }
    let languages = languages([left, right], [&left_lines, &right_lines]);
    let direction =
        |from: usize, to: usize| Some(format!("{}-{}", languages.get(from)?.as_ref()?, languages.get(to)?.as_ref()?));
    let (left, right) = ((&*left_lines, &*left.file), (&*right_lines, &*right.file));
    let there = set(root, name, left, right, limit)?;
    let back = set(root, name, right, left, limit)?;
    Ok(vec![DataSet { direction: direction(0, 1), ..there }, DataSet { direction: direction(1, 0), ..back }])
}

fn all_lines(path: &Path) -> Result<Vec<String>, Error> {
    let mut lines = lines(path)?;
    let mut found = Vec::new();
    while let Some((_, line)) = lines.next_line()? {
        found.push(line.to_owned());
    }
    Ok(found)
}

fn set(
    root: &Path,
    name: &str,
    (queries, query_file): (&[String], &Path),
    (documents, document_file): (&[String], &Path),
    limit: Option<usize>,
) -> Result<DataSet, Error> {
    let mut collector = Collector::default();
    let (query_file, document_file) = (file_name(query_file), file_name(document_file));
    for (query, number) in queries.iter().zip(1_u64..) {
        collector.text(Role::Query, format!("q{number}"), query.clone(), || format!("{query_file} line {number}"));
        collector.judgement(format!("q{number}"), format!("d{number}"), 1, String::new);
    }
    for (document, number) in documents.iter().zip(1_u64..) {
        collector
            .text(Role::Document, format!("d{number}"), document.clone(), || format!("{document_file} line {number}"));
    }
    collector.finish(root, name.to_owned(), limit)
}

/// The language of each side, from `dataset.yaml`, else the extension, else the file's name and the script. Two sides of
/// one language are distinguished by their files' names.
fn languages(sides: [&PairSide; 2], texts: [&[String]; 2]) -> [Option<String>; 2] {
    let entry =
        |side: &PairSide| Entry::new(&side.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default());
    let of = |side: &PairSide, texts: &[String]| {
        let entry = entry(side);
        let extension = language::named(&entry.extension).map(|language| language.code.to_owned());
        side.language.clone().or(extension).or_else(|| {
            let script = Letters::of(texts.iter().map(String::as_str)).main();
            language::decide(script, &entry.stem).map(str::to_owned)
        })
    };
    let found = [of(sides[0], texts[0]), of(sides[1], texts[1])];
    if found[0] != found[1] {
        return found;
    }
    let stems = sides.map(|side| Some(entry(side).stem));
    if stems[0] == stems[1] { sides.map(|side| Some(entry(side).name().to_owned())) } else { stems }
}
