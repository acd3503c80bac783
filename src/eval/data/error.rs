//! Why a folder cannot be opened as a data set.

use std::path::PathBuf;

use super::layout::Form;
use crate::diagnose::{Diagnose, ExitClass};
use crate::eval::numbered::{Unreadable, UnreadableLine};
use crate::nearest::path_hint;

/// Why a folder cannot be opened as a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder does not exist.
    #[error("no such folder: `{}`", path.display())]
    NoSuchFolder {
        /// The folder as given.
        path: PathBuf,
    },
    /// A data set that is meant by name and is not in the cache.
    #[error("{source}")]
    Hub {
        /// The name as given.
        name: String,
        /// The data set of the task of that name.
        meant: Option<&'static str>,
        /// A task with a name like it.
        near: Option<&'static str>,
        /// What was not found.
        source: Box<crate::checkpoint::Error>,
    },
    /// The path is not a folder.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// The system refused, or compressed data is broken.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder, a device or a broken link where a file has to be.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// An empty file.
    #[error("`{}` is empty", path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// Too many files for a data set.
    #[error("`{}` holds more than {limit} files", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// The most that are listed.
        limit: usize,
    },
    /// Several data sets in subfolders, which would be read as one.
    #[error("`{}` holds data sets in folders of their own: {}", path.display(), listed(found))]
    Several {
        /// The folder.
        path: PathBuf,
        /// The folders in it.
        found: Vec<String>,
    },
    /// A folder of an unknown format.
    #[error("`{}` is no retrieval data set of a known form: it holds {}", path.display(), listed(found))]
    Unknown {
        /// The folder.
        path: PathBuf,
        /// The files in it.
        found: Vec<String>,
    },
    /// A folder of a known format that lacks one of its parts.
    #[error("`{}` looks like {form}, but has no {missing}: it holds {}", path.display(), listed(found))]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// The format that it looks like.
        form: Form,
        /// The part that it lacks.
        missing: &'static str,
        /// The files in it.
        found: Vec<String>,
    },
    /// A file that `dataset.yaml` names, outside the folder.
    #[error("`{}` names `{name}`, which is not inside the folder", path.display())]
    Outside {
        /// The settings file.
        path: PathBuf,
        /// The name in the settings file.
        name: String,
    },
    /// An invalid settings file.
    #[error("`{}`{}: {problem}", path.display(), at_line(*line))]
    Settings {
        /// The settings file.
        path: PathBuf,
        /// The line, from 1; 0 where none is known.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A split that does not exist.
    #[error("`{}` has no split `{wanted}`: it has {}", path.display(), listed(found))]
    NoSplit {
        /// The folder.
        path: PathBuf,
        /// The split asked for.
        wanted: String,
        /// The splits.
        found: Vec<String>,
    },
    /// Several splits, of which none was chosen.
    #[error("`{}` has several splits and no `test`: {}", path.display(), listed(found))]
    WhichSplit {
        /// The folder.
        path: PathBuf,
        /// The splits.
        found: Vec<String>,
    },
    /// Several files of queries or documents, of which none belongs to the split.
    #[error("`{}` has several files of {what} and none is named after split `{split}`: {}", path.display(), listed(found))]
    WhichFile {
        /// The folder.
        path: PathBuf,
        /// Queries or documents.
        what: &'static str,
        /// The split.
        split: String,
        /// The files' labels.
        found: Vec<String>,
    },
    /// Broken JSON, or JSON of another shape.
    #[error("`{}`, line {line}, column {column}: {problem}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column, from 1, in bytes as the JSON reader counts.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// An invalid line or row.
    #[error("`{}`, {unit} {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// `line` or `row`.
        unit: &'static str,
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A parquet file that cannot be read.
    #[error("`{}` cannot be read as parquet: {problem}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Two files that should be aligned by line.
    #[error("`{}` and `{}` are not aligned: {left_lines} and {right_lines} lines", left.display(), right.display())]
    NotAligned {
        /// One file.
        left: PathBuf,
        /// Its lines.
        left_lines: usize,
        /// The other file.
        right: PathBuf,
        /// Its lines.
        right_lines: usize,
    },
    /// No queries, documents or judgements.
    #[error("`{}` holds no {what}", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// Queries, documents or judgements.
        what: &'static str,
    },
    /// Judgements of other queries than the folder's.
    #[error("`{}`: no judged query is among its queries: judged `{judged}`, there `{there}`", path.display())]
    NoKnownQuery {
        /// The folder.
        path: PathBuf,
        /// A judged query.
        judged: String,
        /// A query.
        there: String,
        /// Whether only their Unicode normalization differs.
        normalization: bool,
    },
    /// Judgements of other documents than the folder's.
    #[error("`{}`: no judged document is among its documents: judged `{judged}`, there `{there}`", path.display())]
    NoKnownDocument {
        /// The folder.
        path: PathBuf,
        /// A judged document.
        judged: String,
        /// A document.
        there: String,
        /// Whether only their Unicode normalization differs.
        normalization: bool,
    },
}

impl Error {
    /// Whether nothing is known by this name: neither a task of MTEB nor a data set in the cache.
    pub(crate) fn is_unknown_name(&self) -> bool {
        let Self::Hub { meant: None, source, .. } = self else { return false };
        matches!(**source, crate::checkpoint::Error::NotInCache { .. })
    }

    fn line_hint(&self) -> Option<&'static str> {
        let Self::Line { problem, .. } = self else { return None };
        if problem.contains("whole number") {
            Some("grades are whole numbers: relevant from 1 up, not relevant at 0 and below")
        } else if problem.contains("a tab") {
            Some("topics in SGML or XML are not read; write them as lines of id, tab, text")
        } else if problem.contains("UTF-8") {
            Some("`iconv -t UTF-8` converts a file from another encoding")
        } else {
            None
        }
    }
}

impl From<UnreadableLine> for Error {
    fn from(UnreadableLine { path, line, reason }: UnreadableLine) -> Self {
        let problem = match reason {
            Unreadable::Read(source) => return Self::Read { path, source },
            Unreadable::TooLong(most) => format!("longer than {} MiB", most >> 20),
            Unreadable::NotUtf8(at) => format!("not UTF-8 at byte {at} of the line"),
        };
        Self::Line { path, unit: "line", line, problem }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unknown { .. } => FORMS.to_owned(),
            Self::Incomplete { form, .. } => form.looks_like().to_owned(),
            Self::Several { path, .. } => {
                let path = crate::escape::shell(&path.display().to_string());
                format!("`--data {}/*` reads each as a data set of its own", path.trim_end_matches('/'))
            }
            Self::EmptyFile { .. } => "was the download complete?".into(),
            Self::Outside { .. } => "files are named relative to the folder, without `..`".into(),
            Self::Settings { .. } => SETTINGS.to_owned(),
            Self::NoSplit { found, .. } | Self::WhichSplit { found, .. } => {
                format!("`--split {}` takes one that is there", found.first()?)
            }
            Self::WhichFile { .. } => {
                "name the file of queries after its judgements: queries.dev.tsv, qrels.dev.tsv".into()
            }
            Self::Json { path, .. } if path.to_string_lossy().contains(".jsonl") => {
                "each line of a jsonl file is one object, such as {\"_id\": \"d1\", \"text\": \"…\"}".into()
            }
            Self::Line { .. } => return self.line_hint().map(str::to_owned),
            Self::Parquet { problem, .. } => return parquet_hint(problem),
            Self::NotAligned { .. } => "line n of one file is the translation of line n of the other".into(),
            Self::NoKnownQuery { normalization: true, .. } | Self::NoKnownDocument { normalization: true, .. } => {
                "the ids differ by their Unicode normalization (NFC or NFD) only: write them alike in all files".into()
            }
            Self::NoKnownQuery { .. } | Self::NoKnownDocument { .. } => {
                "are the judgements of another version of the data set?".into()
            }
            Self::NoSuchFolder { path } => return path_hint(path).or_else(|| task_hint(&path.to_string_lossy())),
            Self::Hub { near: Some(near), .. } => {
                format!("did you mean `{near}`? `admix data --list` lists MTEB's tasks")
            }
            // A path is more often misspelt than a name.
            Self::Hub { name, .. } if path_hint(name.as_ref()).is_some() => return path_hint(name.as_ref()),
            Self::Hub { name, .. } if cfg!(feature = "hub") => {
                format!("download it first: admix fetch --data {}", crate::escape::shell(name))
            }
            Self::Hub { source, .. } => return source.hint(),
            Self::NotAFolder { .. }
            | Self::Read { .. }
            | Self::NotAFile { .. }
            | Self::TooManyFiles { .. }
            | Self::Json { .. }
            | Self::Nothing { .. } => return None,
        };
        Some(hint)
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::NoSuchFolder { .. }
            | Self::Hub { .. }
            | Self::NotAFolder { .. }
            | Self::Read { .. }
            | Self::NotAFile { .. }
            | Self::EmptyFile { .. }
            | Self::TooManyFiles { .. }
            | Self::Several { .. }
            | Self::Unknown { .. }
            | Self::Incomplete { .. }
            | Self::Outside { .. }
            | Self::Settings { .. }
            | Self::NoSplit { .. }
            | Self::WhichSplit { .. }
            | Self::WhichFile { .. }
            | Self::Json { .. }
            | Self::Line { .. }
            | Self::Parquet { .. }
            | Self::NotAligned { .. }
            | Self::Nothing { .. }
            | Self::NoKnownQuery { .. }
            | Self::NoKnownDocument { .. } => ExitClass::Refused,
        }
    }
}

const SETTINGS: &str = "\
it may hold name, form, split, subsets: [NAME, …], languages: {query: ko, document: en},
and for parallel text files: {ko: FILE, en: FILE}";

const FORMS: &str = "\
a data set is a folder with one of:
corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv (BEIR)
corpus, queries and qrels (or default) as parquet or jsonl, each in a folder of its own (MTEB)
collection.tsv, queries.SPLIT.tsv and qrels.SPLIT.tsv (MS MARCO)
docs*.jsonl, topics.SPLIT.tsv and qrels.SPLIT.tsv (TREC)
queries.json, corpus.json and relevant_docs.json (sentence-transformers)
two text files aligned by line, such as test.ko and test.en, or named in dataset.yaml (parallel text)";

fn parquet_hint(problem: &str) -> Option<String> {
    let hint = if problem.contains("isabled feature") {
        "this build reads parquet that is uncompressed, or compressed by snappy or gzip; the feature `parquet-zstd` adds zstd"
    } else if problem.contains("without parquet") {
        "build with the feature `parquet`, or convert the files to jsonl"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn at_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(", line {line}") }
}

/// At most eight names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    match names {
        [] => "nothing".into(),
        names if names.len() <= SHOWN => names.join(", "),
        names => format!("{} and {} more", names.get(..SHOWN).unwrap_or_default().join(", "), names.len() - SHOWN),
    }
}

/// The task of MTEB that a name probably means.
fn task_hint(name: &str) -> Option<String> {
    super::tasks::nearest_task(name)
        .map(|near| format!("did you mean MTEB's task `{near}`? `admix data --list` lists them"))
}
