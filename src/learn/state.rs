//! The file that an interrupted run goes on from: a line that says where it is, and the embeddings that it has computed.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytemuck::{cast_slice, cast_slice_mut};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::bits;
use super::error::Error;
use crate::files;

/// The longest first line that is read.
const LONGEST: u64 = 16 << 20;

/// Bytes of the checksum in front of each column.
const CHECKSUM: usize = 32;

/// Where a run is. Numbers are kept to the last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// A hash of everything that the run depends on.
    pub(super) inputs: String,
    /// Rounds that are done.
    pub(super) round: usize,
    /// The coefficients where the round begins.
    #[serde(with = "bits")]
    pub(super) values: Vec<f64>,
    /// The loss of each task with the recipe's own values; empty before they are known.
    #[serde(with = "bits")]
    pub(super) before: Vec<f64>,
    /// The loss on the validation pairs with the recipe's own values and with `values`; empty without such pairs.
    #[serde(with = "bits")]
    pub(super) validation: Vec<f64>,
    /// Tokens that were encoded before the round.
    pub(super) tokens: u64,
    /// Seconds that it took.
    pub(super) seconds: f64,
}

/// The file of a run.
#[derive(Debug)]
pub(super) struct StateFile<'a>(pub(super) Option<&'a Path>);

impl StateFile<'_> {
    /// Reads the state of a run with the same inputs and so many coefficients, and the columns of its round, each of `length` numbers.
    pub(super) fn read(&self, inputs: &str, coefficients: usize, length: usize) -> Option<(State, Vec<Vec<f32>>)> {
        let mut file = BufReader::new(files::open(self.0?).ok()?);
        let mut line = String::new();
        file.by_ref().take(LONGEST).read_line(&mut line).ok()?;
        let state: State = serde_json::from_str(&line).ok()?;
        if state.inputs != inputs || state.values.len() != coefficients {
            return None;
        }
        let mut columns = Vec::new();
        loop {
            let (mut checksum, mut column) = ([0; CHECKSUM], vec![0.0_f32; length]);
            let is_whole = file.read_exact(&mut checksum).is_ok()
                && file.read_exact(cast_slice_mut(&mut column)).is_ok()
                && checksum[..] == Sha256::digest(cast_slice::<f32, u8>(&column))[..];
            if !is_whole {
                return Some((state, columns));
            }
            columns.push(column);
        }
    }

    /// Writes the state and its columns, whole or not at all.
    pub(super) fn begin(&self, state: &State, columns: &[Vec<f32>]) -> Result<(), Error> {
        let Some(path) = self.0 else { return Ok(()) };
        let temporary = beside(path);
        let written = || -> std::io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(serde_json::to_string(state)?.as_bytes())?;
            file.write_all(b"\n")?;
            columns.iter().try_for_each(|column| write(&mut file, column))?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&temporary);
            Error::io("write", path)(error)
        })
    }

    /// Adds a column. One that is cut off by an interruption is not read.
    pub(super) fn add(&self, column: &[f32]) -> Result<(), Error> {
        let Some(path) = self.0 else { return Ok(()) };
        let added = || write(&mut File::options().append(true).open(path)?, column);
        added().map_err(Error::io("write", path))
    }
}

fn write(file: &mut File, column: &[f32]) -> std::io::Result<()> {
    let bytes: &[u8] = cast_slice(column);
    file.write_all(&Sha256::digest(bytes))?;
    file.write_all(bytes)
}

/// The name under which the file is filled.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_to_the_last_bit_and_what_is_cut_or_changed_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let file = StateFile(Some(&path));
        let state = State {
            inputs: "a".to_owned(),
            round: 1,
            values: vec![0.1, -1e-9],
            before: vec![1.0 / 3.0, f64::INFINITY],
            validation: Vec::new(),
            tokens: 7,
            seconds: 2.5,
        };
        let columns = [vec![0.1_f32, -0.0, f32::MIN_POSITIVE], vec![1.0, 2.0, 3.0]];
        file.begin(&state, &columns[..1]).unwrap();
        file.add(&columns[1]).unwrap();
        assert_eq!(file.read("a", 2, 3).unwrap(), (state, columns.to_vec()));
        assert!(file.read("b", 2, 3).is_none() && file.read("a", 3, 3).is_none());
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(file.read("a", 2, 3).unwrap().1.len(), 1);
        let mut changed = whole;
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, &changed).unwrap();
        assert_eq!(file.read("a", 2, 3).unwrap().1.len(), 1);
        fs::write(&path, "{").unwrap();
        assert!(file.read("a", 2, 3).is_none());
    }
}
