//! Small JSON files, with a limit on their size.

use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::Error;

/// The longest configuration file that is read.
const LONGEST_CONFIG: u64 = 16 * 1024 * 1024;

/// Whether there is an entry of that name, a broken link included: that one is reported when it is opened.
pub(crate) fn entry_exists(path: &Path) -> Result<bool, Error> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A folder that is a file, or absent, holds no entries.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Reads a JSON file of at most `limit` bytes.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<T, Error> {
    let content = read_bytes(path, limit)?;
    serde_json::from_slice(&content).map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// Reads a text that belongs to the configuration, or nothing if the file is absent.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, Error> {
    if !entry_exists(path)? {
        return Ok(None);
    }
    let text = String::from_utf8(read_bytes(path, LONGEST_CONFIG)?);
    text.map(Some).map_err(|_| Error::io(path, std::io::Error::other("it is not UTF-8 text")))
}

fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::io(path, source);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > limit {
        return Err(Error::TooLong { path: path.to_owned(), size: metadata.len(), limit });
    }
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limit).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Reads a configuration: an object, or nothing if the file is absent.
pub(crate) fn read_config(path: &Path) -> Result<Option<Map<String, Value>>, Error> {
    if entry_exists(path)? { read(path, LONGEST_CONFIG).map(Some) } else { Ok(None) }
}

/// Reads any configuration file that exists.
pub(crate) fn read_any<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    read(path, LONGEST_CONFIG)
}
