//! Creates and opens studies.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::compare;
use super::layout::Layout;
use super::manifest::{Manifest, SCHEMA};
use super::store::{Owner, Store, Written, open_record};
use crate::sweep::Error;
use crate::sweep::file::{Parsed, Spec};
use crate::sweep::hash::short;

/// A unique name for a new study, which its records contain.
fn new_name() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    short(&format!("{} {}", Owner::this().worker, time.as_nanos()))
}

/// The error of a study whose record has another form.
fn other_form(bytes: &[u8], folder: &Path) -> Option<Error> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let schema = value.as_object()?.get("schema").map(serde_json::Value::as_u64)?;
    if schema == Some(u64::from(SCHEMA)) {
        return None;
    }
    let found = schema.map_or_else(|| "no form".to_owned(), |schema| format!("form {schema}"));
    let mut differences = vec![format!("study.json has {found}, this program reads form {SCHEMA}")];
    if schema == Some(1) {
        let reason = "an older admix made it, whose records have no checksums: its trials must be scored again";
        differences.push(reason.to_owned());
    }
    Some(Error::Mismatch { study: folder.to_owned(), differences })
}

/// A study in its folder.
#[derive(Clone, Debug)]
pub struct Study {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its folder.
    pub store: Store,
}

impl Study {
    /// Creates a study, or opens the one in the folder.
    ///
    /// # Errors
    /// A checkpoint or data set that cannot be read; a different study in the folder.
    pub fn create(parsed: &Parsed) -> Result<Self, Error> {
        let Parsed { spec, store, .. } = parsed;
        if store.join(Layout::MANIFEST).exists() {
            let study = Self::open(store)?;
            study.check(Some(spec))?;
            return Ok(study);
        }
        spec.check_size()?;
        let manifest = Manifest::of(spec.clone())?;
        Self::create_from(manifest, store)
    }

    /// Writes the manifest of a study.
    ///
    /// # Errors
    /// A folder that cannot be written, or that contains another study.
    pub fn create_from(manifest: Manifest, folder: &Path) -> Result<Self, Error> {
        let store = Store::create(folder)?.of_study(&new_name());
        if store.write_record(Layout::MANIFEST, &manifest)? == Written::Present {
            // Another process was first.
            let study = Self::open(folder)?;
            study.check(Some(&manifest.spec))?;
            return Ok(study);
        }
        Ok(Self { manifest, store })
    }

    /// Opens a study to read it.
    ///
    /// # Errors
    /// A folder without a study, or with one in another format.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let store = Store::read_only(folder);
        let Some(bytes) = store.read(Layout::MANIFEST)? else { return Err(Error::NotAStudy(folder.to_owned())) };
        let (value, name) = open_record(&bytes, Layout::MANIFEST, None).map_err(|problem| {
            other_form(&bytes, folder).unwrap_or_else(|| store.damaged(Layout::MANIFEST, problem))
        })?;
        if let Some(other) = other_form(&bytes, folder) {
            return Err(other);
        }
        let store = store.of_study(&name);
        let manifest =
            serde_json::from_value(value).map_err(|error| store.damaged(Layout::MANIFEST, error.to_string()))?;
        Ok(Self { manifest, store })
    }

    /// Opens a study to work on it.
    ///
    /// # Errors
    /// As [`Study::open`]; a folder that cannot be written; a program, checkpoint or data set that is not the study's.
    pub fn join(folder: &Path) -> Result<Self, Error> {
        let study = Self::open(folder)?;
        study.check(None)?;
        study.writable()
    }

    /// Makes an opened study writable.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn writable(self) -> Result<Self, Error> {
        Ok(Self { store: Store::create(self.store.root())?.of_study(self.store.study()), ..self })
    }

    /// Checks that program, sweep file, checkpoints and data sets are the study's.
    fn check(&self, spec: Option<&Spec>) -> Result<(), Error> {
        let mut differences = compare::program(&self.manifest);
        differences.extend(spec.map(|spec| compare::specs(&self.manifest.spec, spec)).unwrap_or_default());
        if differences.is_empty() {
            self.check_files(&mut differences)?;
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Mismatch { study: self.store.root().to_owned(), differences })
    }

    fn check_files(&self, differences: &mut Vec<String>) -> Result<(), Error> {
        let models = self.manifest.models.iter();
        let of_models = models.flat_map(|model| model.files.iter().map(|file| (model.path.join(&file.file), file)));
        let of_data = self.manifest.data.iter().map(|file| (PathBuf::from(&file.file), file));
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
