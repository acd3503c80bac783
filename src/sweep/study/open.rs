//! Making a study, and coming back to it.

use std::path::{Path, PathBuf};

use super::compare;
use super::frozen::Frozen;
use crate::sweep::spec::{Parsed, Spec};
use crate::sweep::store::{Put, Store};
use crate::sweep::{Error, search};

/// The record of what a study is about.
const RECORD: &str = "study.json";

/// A study in its folder.
#[derive(Clone, Debug)]
pub struct Study {
    /// What it is about.
    pub frozen: Frozen,
    /// Its folder.
    pub store: Store,
}

impl Study {
    /// Makes a study, or comes back to the one in the folder.
    ///
    /// # Errors
    /// A checkpoint or data set that cannot be read; a study of something else.
    pub fn create(parsed: &Parsed) -> Result<Self, Error> {
        let Parsed { spec, store, .. } = parsed;
        if store.join(RECORD).exists() {
            let study = Self::open(store)?;
            study.check(Some(spec))?;
            return Ok(study);
        }
        search::check(spec)?;
        let frozen = Frozen::of(spec.clone())?;
        Self::freeze(frozen, store)
    }

    /// Writes down what a study is about.
    ///
    /// # Errors
    /// A folder that cannot be written, or that holds another study.
    pub fn freeze(frozen: Frozen, folder: &Path) -> Result<Self, Error> {
        let store = Store::create(folder)?;
        if store.put_json(RECORD, &frozen)? == Put::Present {
            // Another process was first.
            let study = Self::open(folder)?;
            study.check(Some(&frozen.spec))?;
            return Ok(study);
        }
        Ok(Self { frozen, store })
    }

    /// Opens a study to read it.
    ///
    /// # Errors
    /// A folder without study, or with one of another program's form.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let store = Store::read_only(folder);
        let Some(value) = store.read_json::<serde_json::Value>(RECORD)? else {
            return Err(Error::NotAStudy(folder.to_owned()));
        };
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        if schema != Some(u64::from(super::frozen::SCHEMA)) {
            let found = schema.map_or_else(|| "no form".to_owned(), |schema| format!("form {schema}"));
            let differences =
                vec![format!("study.json has {found}, this program reads form {}", super::frozen::SCHEMA)];
            return Err(Error::Mismatch { study: folder.to_owned(), differences });
        }
        let frozen = serde_json::from_value(value)
            .map_err(|error| Error::Damaged { path: store.path(RECORD), problem: error.to_string() })?;
        Ok(Self { frozen, store })
    }

    /// Opens a study to work on it.
    ///
    /// # Errors
    /// As [`Study::open`]; a folder that cannot be written; a program, checkpoint or data set that is not the study's.
    pub fn join(folder: &Path) -> Result<Self, Error> {
        let study = Self::open(folder)?;
        study.check(None)?;
        Ok(Self { store: Store::create(folder)?, ..study })
    }

    /// Makes an opened study one that can be worked on.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn writable(self) -> Result<Self, Error> {
        Ok(Self { store: Store::create(self.store.root())?, ..self })
    }

    /// Holds that program, sweep file, checkpoints and data sets are the study's.
    fn check(&self, spec: Option<&Spec>) -> Result<(), Error> {
        let mut differences = compare::program(&self.frozen);
        differences.extend(spec.map(|spec| compare::specs(&self.frozen.spec, spec)).unwrap_or_default());
        if differences.is_empty() {
            self.check_files(&mut differences)?;
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Mismatch { study: self.store.root().to_owned(), differences })
    }

    fn check_files(&self, differences: &mut Vec<String>) -> Result<(), Error> {
        let models = self.frozen.models.iter();
        let of_models = models.flat_map(|model| model.files.iter().map(|file| (model.path.join(&file.file), file)));
        let of_data = self.frozen.data.iter().map(|file| (PathBuf::from(&file.file), file));
        for (path, file) in of_models.chain(of_data) {
            if !path.exists() {
                differences.push(format!("`{}` is gone", path.display()));
            } else if !file.still_holds(&path)? {
                differences.push(format!("`{}` has other content", path.display()));
            }
        }
        Ok(())
    }
}
