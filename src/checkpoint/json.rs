//! Small JSON files, with a limit on their size.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::Error;
use super::model_path::ModelPath;

/// The longest configuration file that is read.
pub(crate) const LONGEST_CONFIG: u64 = 16 * 1024 * 1024;

/// Whether there is an entry of this name. A broken link counts, so that it is reported when it is opened.
pub(crate) fn entry_exists(path: &Path) -> Result<bool, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A folder that is missing, or a file, has no entries.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Reads a JSON file of at most `limit` bytes.
pub(crate) fn read<T: DeserializeOwned>(path: &ModelPath, limit: u64) -> Result<T, Error> {
    let content = path.read(limit)?;
    serde_json::from_slice(&content).map_err(|source| Error::Json { path: path.to_path_buf(), source })
}

/// Reads a text file of the configuration; `None` if the file does not exist.
pub(crate) fn read_text(path: &ModelPath) -> Result<Option<String>, Error> {
    if !entry_exists(path)? {
        return Ok(None);
    }
    let text = String::from_utf8(path.read(LONGEST_CONFIG)?);
    text.map(Some).map_err(|_| Error::io(path, std::io::Error::other("it is not UTF-8 text")))
}

/// Reads a configuration, which is a JSON object; `None` if the file does not exist.
pub(crate) fn read_config(path: &ModelPath) -> Result<Option<Map<String, Value>>, Error> {
    if entry_exists(path)? { read(path, LONGEST_CONFIG).map(Some) } else { Ok(None) }
}

/// Reads any configuration file that exists.
pub(crate) fn read_any<T: DeserializeOwned>(path: &ModelPath) -> Result<T, Error> {
    read(path, LONGEST_CONFIG)
}
