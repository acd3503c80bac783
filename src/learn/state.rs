//! The file that an interrupted run goes on from.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::bits;
use super::error::Error;
use crate::files;

/// The largest file that is read.
const LARGEST: u64 = 16 << 20;

/// Where a run is. Numbers are kept to the last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// A hash of everything that the run depends on.
    pub(super) inputs: String,
    /// Steps that are done.
    pub(super) step: usize,
    #[serde(with = "bits")]
    pub(super) values: Vec<f64>,
    pub(super) adam: Adam,
    /// The best coefficients so far.
    #[serde(with = "bits")]
    pub(super) best: Vec<f64>,
    pub(super) best_step: usize,
    /// The loss on the validation pairs of the best coefficients, and at the beginning; empty without such pairs.
    #[serde(with = "bits")]
    pub(super) losses: Vec<f64>,
    /// Looks at the validation pairs without a gain.
    pub(super) waited: usize,
    /// Seconds that it took.
    pub(super) seconds: f64,
}

impl State {
    /// Reads the state of a run with the same inputs; `None` where there is none.
    pub(super) fn read(path: &Path, inputs: &str) -> Option<Self> {
        let mut text = String::new();
        files::open(path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
        let state: Self = serde_json::from_str(&text).ok()?;
        let fits = state.inputs == inputs && state.values.len() == state.best.len();
        (fits && state.adam.fits(state.values.len())).then_some(state)
    }

    /// Writes the state, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let temporary = beside(path);
        let written = || -> std::io::Result<()> {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(serde_json::to_string(self)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&temporary);
            Error::io("write", path)(error)
        })
    }
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
    fn numbers_are_kept_to_the_last_bit_and_other_inputs_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let mut adam = Adam::new(2);
        let values = adam.step(&[0.1, -1e-9], 1, 0.03);
        let state = State {
            inputs: "a".to_owned(),
            step: 3,
            best: values.clone(),
            values,
            adam,
            best_step: 2,
            losses: vec![1.0 / 3.0, f64::INFINITY],
            waited: 1,
            seconds: 2.5,
        };
        state.write(&path).unwrap();
        assert_eq!(State::read(&path, "a").unwrap(), state);
        assert!(State::read(&path, "b").is_none());
        fs::write(&path, "{").unwrap();
        assert!(State::read(&path, "a").is_none());
    }
}
