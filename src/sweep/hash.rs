//! Content hashes: SHA-256, as the Hub shows it for weight files.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Error;
use crate::files;

/// The hash of bytes, in hexadecimal.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 16 digits of the hash of a text: enough to tell trials apart.
pub(crate) fn short(text: &str) -> String {
    of_bytes(text.as_bytes()).chars().take(16).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A hash of several parts, each told from the next.
#[derive(Default)]
pub(crate) struct Parts(Sha256);

impl Parts {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// A file that a study was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    /// Its path inside its folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970: as long as this and the size stay, it is not read again.
    pub modified: u64,
    /// The hash of its content.
    pub sha256: String,
}

impl FileHash {
    /// Reads a file; `name` is what messages call it.
    pub(crate) fn of(path: &Path, name: String) -> Result<Self, Error> {
        let (bytes, modified) = stamp(path)?;
        Ok(Self { file: name, bytes, modified, sha256: of_file(path)? })
    }

    /// Whether the file still has this content.
    pub(crate) fn still_holds(&self, path: &Path) -> Result<bool, Error> {
        let (bytes, modified) = stamp(path)?;
        Ok(bytes == self.bytes && (modified == self.modified || of_file(path)? == self.sha256))
    }
}

fn stamp(path: &Path) -> Result<(u64, u64), Error> {
    let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok((metadata.len(), modified.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))))
}

fn of_file(path: &Path) -> Result<String, Error> {
    let mut file = files::open(path).map_err(Error::io("read", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(Error::io("read", path))?;
        if count == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}
