//! Reads `configs:` of a data set's README.md, which assigns files to tables and splits.

use std::io::Read as _;

use serde::Deserialize;

use super::files::{Entry, Listing};
use crate::files;
use crate::wildcard;

const LONGEST: u64 = 4 << 20;
/// The longest pattern that is followed: longer than any path.
const LONGEST_PATTERN: usize = 1 << 12;

#[derive(Deserialize)]
struct FrontMatter {
    #[serde(default)]
    configs: Vec<Config>,
}

#[derive(Deserialize)]
struct Config {
    config_name: String,
    #[serde(default)]
    data_files: DataFiles,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum DataFiles {
    Paths(Paths),
    Splits(Vec<SplitFiles>),
    #[default]
    None,
}

#[derive(Deserialize)]
struct SplitFiles {
    split: String,
    path: Paths,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Several(Vec<String>),
}

impl Paths {
    fn patterns(&self) -> &[String] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

/// A file, the configuration and the split it belongs to.
pub(super) struct Assigned<'a> {
    pub(super) config: String,
    pub(super) split: String,
    pub(super) entry: &'a Entry,
}

/// The files that README.md assigns; empty if it has no configurations, cannot be read, or names no existing file.
pub(super) fn assigned(listing: &Listing) -> Vec<Assigned<'_>> {
    let mut text = String::new();
    let read = files::open(&listing.root.join("README.md")).map(|file| file.take(LONGEST).read_to_string(&mut text));
    if !matches!(read, Ok(Ok(_))) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (config, split, pattern) in patterns(&text) {
        let entries = listing.entries.iter().filter(|entry| matches(&pattern, &entry.relative));
        found.extend(entries.map(|entry| Assigned { config: config.clone(), split: split.clone(), entry }));
    }
    found
}

/// The configuration, the split (empty without one) and the pattern of the files that a README.md assigns.
pub(super) fn patterns(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for config in front_matter(text).into_iter().flat_map(|front| front.configs) {
        let mut assign = |split: &str, paths: &Paths| {
            let patterns = paths.patterns().iter().cloned();
            found.extend(patterns.map(|pattern| (config.config_name.clone(), split.to_owned(), pattern)));
        };
        match &config.data_files {
            DataFiles::Paths(paths) => assign("", paths),
            DataFiles::Splits(splits) => splits.iter().for_each(|files| assign(&files.split, &files.path)),
            DataFiles::None => {}
        }
    }
    found
}

fn front_matter(text: &str) -> Option<FrontMatter> {
    let inner = text.trim_start_matches('\u{feff}').strip_prefix("---")?;
    let (yaml, _) = inner.split_once("\n---")?;
    serde_yaml::from_str(yaml).ok()
}

/// Whether a file is meant by a pattern; as on the Hub, `*` also stands for folders.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    pattern.len() <= LONGEST_PATTERN && wildcard::matches(pattern.strip_prefix("./").unwrap_or(pattern), path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    #[test]
    fn patterns_match_like_globs() {
        assert!(matches("corpus/corpus-*", "corpus/corpus-00000-of-00001.parquet"));
        assert!(matches("a*b*.jsonl", "axbx.jsonl") && matches("./a.jsonl", "a.jsonl"));
        assert!(matches("data/**.parquet", "data/en/a.parquet") && matches("t-?[0-9].jsonl", "t-01.jsonl"));
        assert!(!matches("a.jsonl", "a.jsonl.gz") && !matches("ab*bc", "abc") && !matches("a*", "b"));
    }

    #[test]
    fn every_spelling_of_data_files_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["c.jsonl", "q.jsonl", "t-0.jsonl", "t-1.jsonl"] {
            fs::write(folder.path().join(name), "{}").unwrap();
        }
        let readme = "---\nlicense: mit\nconfigs:\n- config_name: corpus\n  data_files: c.jsonl\n- config_name: queries\n  \
             data_files: [q.jsonl]\n- config_name: default\n  data_files:\n  - split: test\n    path: t-*\n\
             - config_name: empty\n---\n# Title\n";
        fs::write(folder.path().join("README.md"), readme).unwrap();
        let listing = Listing::of(folder.path()).unwrap();
        let found: Vec<_> = assigned(&listing)
            .into_iter()
            .map(|file| format!("{} {} {}", file.config, file.split, file.entry.relative))
            .collect();
        assert_eq!(found, ["corpus  c.jsonl", "queries  q.jsonl", "default test t-0.jsonl", "default test t-1.jsonl"]);
    }
}
