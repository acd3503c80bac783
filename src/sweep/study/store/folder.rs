//! Access to a study's folder.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::read::{self, ReadFailure};
use super::sealed;
use super::write_once::{self, Mode, Written};
use crate::files;
use crate::sweep::Error;
use crate::sweep::study::layout::Layout;

/// A study's folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    /// The folder in it that holds the records; empty for the study as it was made.
    part: String,
    mode: Mode,
    /// The name of the study in its records.
    study: String,
}

impl Store {
    /// Creates the folder unless it exists, and finds out how files can be created exclusively in it.
    ///
    /// # Errors
    /// A folder that cannot be made or written.
    pub fn create(root: &Path) -> Result<Self, Error> {
        for folder in Layout::FOLDERS {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        let mode = write_once::probe(root).map_err(Error::io("write in", root))?;
        Ok(Self { root: root.to_owned(), part: String::new(), mode, study: String::new() })
    }

    /// A folder that is only read from.
    pub fn read_only(root: &Path) -> Self {
        Self { root: root.to_owned(), part: String::new(), mode: Mode::default(), study: String::new() }
    }

    /// The folder of the study that has this name in its records.
    #[must_use]
    pub fn of_study(self, study: &str) -> Self {
        Self { study: study.to_owned(), ..self }
    }

    /// The records of a study's later revision, which have a folder of their own.
    #[must_use]
    pub(crate) fn of_part(self, part: &str) -> Self {
        Self { part: part.to_owned(), ..self }
    }

    /// The folder of the records inside the study's.
    pub(crate) fn part(&self) -> &str {
        &self.part
    }

    /// The name of a file, as [`Store::path`] takes it.
    pub(crate) fn name_of(&self, path: &Path) -> String {
        path.strip_prefix(self.path("")).unwrap_or(path).to_string_lossy().into_owned()
    }

    /// A file's place in the study's folder.
    pub(crate) fn place_of(&self, name: &str) -> String {
        if self.part.is_empty() { name.to_owned() } else { Layout::entry(&self.part, name) }
    }

    /// The name of the study in its records.
    pub fn study(&self) -> &str {
        &self.study
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How files are created exclusively in it.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The file of a name.
    pub fn path(&self, name: &str) -> PathBuf {
        // Joining nothing would end the path with a slash.
        let folder = if self.part.is_empty() { self.root.clone() } else { self.root.join(&self.part) };
        if name.is_empty() { folder } else { folder.join(name) }
    }

    /// Writes a file unless its name is taken.
    ///
    /// # Errors
    /// What the system said. Nothing is left then.
    pub fn write_once(&self, name: &str, bytes: &[u8]) -> Result<Written, Error> {
        let path = self.path(name);
        write_once::write_once(self.mode, &path, bytes).map_err(Error::io("write", &path))
    }

    /// Writes a record unless its name is taken.
    ///
    /// # Errors
    /// As [`Store::write_once`].
    pub fn write_record(&self, name: &str, value: &impl Serialize) -> Result<Written, Error> {
        let text = sealed::seal(value, &self.study, name).map_err(|error| self.damaged(name, error.to_string()))?;
        self.write_once(name, text.as_bytes())
    }

    /// A file's content; `None` where there is none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        read::plain(&path).map_err(|unread| match unread {
            ReadFailure::Io(error) => Error::io("read", &path)(error),
            ReadFailure::Odd(problem) => Error::Damaged { path, problem },
        })
    }

    /// The content of a record; `None` if it does not exist.
    ///
    /// # Errors
    /// A file that cannot be read, was changed, or belongs elsewhere.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        let (value, _) =
            sealed::open(&bytes, name, Some(&self.study)).map_err(|problem| self.damaged(name, problem))?;
        serde_json::from_value(value).map(Some).map_err(|error| self.damaged(name, error.to_string()))
    }

    /// The error of a damaged file.
    pub(crate) fn damaged(&self, name: &str, problem: impl Into<String>) -> Error {
        Error::Damaged { path: self.path(name), problem: problem.into() }
    }

    /// Moves a file to the folder of damaged files. Returns its new name.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn set_aside(&self, name: &str) -> Result<String, Error> {
        let folder = self.path(Layout::DAMAGED);
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let plain = name.replace('/', "-");
        let names = std::iter::once(plain.clone()).chain((1..10_000).map(|count| format!("{plain}.{count}")));
        let free = names
            .map(|name| Layout::entry(Layout::DAMAGED, &name))
            .find(|name| fs::symlink_metadata(self.path(name)).is_err());
        let (path, free) = (self.path(name), free.unwrap_or_else(|| Layout::entry(Layout::DAMAGED, &plain)));
        fs::rename(&path, self.path(&free)).map_err(Error::io("move", &path))?;
        Ok(free)
    }

    /// The names in a part of the folder, sorted; those of unfinished files are left out.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(self.damaged(folder, "it is no folder"));
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let taken = |name: &str| Path::new(name).extension().is_some_and(|end| end == "taken");
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && !taken(name)).collect();
        names.sort();
        Ok(names)
    }

    /// Appends a line to a worker's own log. Errors of writing are ignored.
    pub fn log(&self, worker: &str, line: &impl Serialize) {
        let Ok(mut text) = serde_json::to_string(line) else { return };
        text.push('\n');
        let path = self.path(&Layout::log(worker));
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        files::at_once(&mut options);
        let file = options.open(path);
        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    }
}
