//! Lists the files of a folder.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Error;

/// The most files of a data set's folder, so that a listing ends.
const MOST_FILES: usize = 100_000;
/// How many folders deep data files are searched.
const DEEPEST: usize = 3;

/// The kind of a file, from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jsonl,
    Json,
    Parquet,
    /// Tabs or white space between fields.
    Delimited,
    Other,
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path from the folder, with `/`.
    pub(super) relative: String,
    /// The folder it is in, from the data set's folder; empty at the top.
    pub(super) parent: String,
    /// Its name without `.gz` and without its extension.
    pub(super) stem: String,
    /// Its extension, without `.gz`.
    pub(super) extension: String,
    pub(super) kind: Kind,
}

impl Entry {
    pub(super) fn new(relative: &str) -> Self {
        let (parent, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let plain = name.strip_suffix(".gz").unwrap_or(name);
        let (stem, extension) = plain.rsplit_once('.').unwrap_or((plain, ""));
        let kind = match extension {
            "jsonl" | "ndjson" => Kind::Jsonl,
            "json" => Kind::Json,
            "parquet" => Kind::Parquet,
            "tsv" | "txt" | "qrels" => Kind::Delimited,
            _ => Kind::Other,
        };
        Self {
            relative: relative.to_owned(),
            parent: parent.to_owned(),
            stem: stem.to_owned(),
            extension: extension.to_owned(),
            kind,
        }
    }

    pub(super) fn is_top(&self) -> bool {
        self.parent.is_empty()
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        self.relative.rsplit('/').next().unwrap_or(&self.relative)
    }
}

/// The folder and its files, sorted, without hidden ones.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) root: PathBuf,
    pub(super) entries: Vec<Entry>,
}

impl Listing {
    pub(super) fn of(root: &Path) -> Result<Self, Error> {
        let path = || root.to_owned();
        match fs::metadata(root) {
            Ok(found) if !found.is_dir() => return Err(Error::NotAFolder { path: path() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NoSuchFolder { path: path() });
            }
            Err(source) => return Err(Error::Read { path: path(), source }),
            Ok(_) => {}
        }
        let mut relatives = Vec::new();
        list(root, root, "", 0, &mut relatives)?;
        relatives.sort();
        // A file beside its own compressed copy is read once.
        let there: HashSet<String> = relatives.iter().cloned().collect();
        relatives.retain(|name| name.strip_suffix(".gz").is_none_or(|plain| !there.contains(plain)));
        Ok(Self { root: path(), entries: relatives.iter().map(|relative| Entry::new(relative)).collect() })
    }

    /// Files with data, by their names.
    pub(super) fn names(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.relative.clone()).collect()
    }

    pub(super) fn top(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_top())
    }

    pub(super) fn path(&self, entry: &Entry) -> PathBuf {
        self.root.join(&entry.relative)
    }

    /// The name of the folder, even if it was given as `.` or a link.
    pub(super) fn folder_name(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        name(&self.root)
            .or_else(|| fs::canonicalize(&self.root).ok().as_deref().and_then(name))
            .unwrap_or_else(|| self.root.display().to_string())
    }
}

fn list(root: &Path, folder: &Path, prefix: &str, depth: usize, found: &mut Vec<String>) -> Result<(), Error> {
    let unreadable = |source| Error::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        // Links are followed, because the Hub's cache consists of them. A broken link is listed, and refused when it is
        // read.
        if fs::metadata(entry.path()).is_ok_and(|found| found.is_dir()) {
            if depth + 1 < DEEPEST {
                list(root, &entry.path(), &format!("{relative}/"), depth + 1, found)?;
            }
        } else {
            found.push(relative);
        }
        if found.len() > MOST_FILES {
            return Err(Error::TooManyFiles { path: root.to_owned(), limit: MOST_FILES });
        }
    }
    Ok(())
}

/// The kind of a file, from its name.
pub(super) fn kind(path: &Path) -> Kind {
    Entry::new(&path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()).kind
}

/// The file's name, for examples.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
