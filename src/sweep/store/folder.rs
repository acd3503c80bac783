//! The folder and its parts.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::put::{self, Mode, Put};
use crate::sweep::Error;

/// What a study's folder has besides study.json.
const FOLDERS: [&str; 9] = ["plan", "claim", "done", "perq", "fail", "log", "queries", "same", "tops"];

/// A study's folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    mode: Mode,
}

impl Store {
    /// Makes the folder, where it is not there yet, and finds out how names can be taken in it.
    ///
    /// # Errors
    /// A folder that cannot be made or written.
    pub fn create(root: &Path) -> Result<Self, Error> {
        for folder in FOLDERS {
            let path = root.join(folder);
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        let mode = put::probe(root).map_err(Error::io("write in", root))?;
        Ok(Self { root: root.to_owned(), mode })
    }

    /// A folder that is only read.
    pub fn read_only(root: &Path) -> Self {
        Self { root: root.to_owned(), mode: Mode::default() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How names are taken in it.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The file of a name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts a file where none is.
    ///
    /// # Errors
    /// What the system said. Nothing is left then.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<Put, Error> {
        let path = self.path(name);
        put::put_if_absent(self.mode, &path, bytes).map_err(Error::io("write", &path))
    }

    /// Puts JSON where none is.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_json(&self, name: &str, value: &impl Serialize) -> Result<Put, Error> {
        let damaged = |error: serde_json::Error| Error::Damaged { path: self.path(name), problem: error.to_string() };
        let mut text = serde_json::to_string_pretty(value).map_err(damaged)?;
        text.push('\n');
        self.put(name, text.as_bytes())
    }

    /// A file's content; `None` where there is none.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// What a JSON file holds; `None` where there is none.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        let damaged = |error: serde_json::Error| Error::Damaged { path: self.path(name), problem: error.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(damaged)
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
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let taken = |name: &str| Path::new(name).extension().is_some_and(|end| end == "taken");
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && !taken(name)).collect();
        names.sort();
        Ok(names)
    }

    /// Adds a line to a worker's log, which nobody else writes. A log that cannot be written ends nothing.
    pub fn log(&self, worker: &str, line: &impl Serialize) {
        let Ok(mut text) = serde_json::to_string(line) else { return };
        text.push('\n');
        let path = self.path(&format!("log/{worker}.jsonl"));
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
    }

    /// Removes what killed workers have left: files of theirs that never got their names.
    pub fn tidy(&self) {
        for folder in FOLDERS {
            for entry in fs::read_dir(self.path(folder)).into_iter().flatten().flatten() {
                let old = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                let old = old.and_then(|time| time.elapsed().ok()).is_some_and(|age| age.as_secs() > 3600);
                if old && entry.file_name().to_string_lossy().starts_with('.') {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}
