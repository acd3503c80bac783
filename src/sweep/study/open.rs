//! Creates and opens studies.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::compare;
use super::layout::Layout;
use super::manifest::{Manifest, SCHEMA};
use super::store::{Owner, Store, Written, open_record};
use crate::sweep::Error;
use crate::sweep::hash::short;

/// A unique name for a new study, which its records contain.
pub(super) fn new_name() -> String {
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
    /// Its revisions before the sweep file changed, the oldest first: results that still stand are taken from them.
    pub(crate) earlier: Vec<Study>,
}

impl Study {
    /// Writes the manifest of a study.
    ///
    /// # Errors
    /// A folder that cannot be written, or that contains another study.
    pub fn create_from(manifest: Manifest, folder: &Path) -> Result<Self, Error> {
        let store = Store::create(folder)?.of_study(&new_name());
        if store.write_record(Layout::MANIFEST, &manifest)? == Written::Present {
            // Another process was first.
            let study = Self::open(folder)?;
            let differences = compare::specs(&study.manifest.spec, &manifest.spec);
            return if differences.is_empty() { Ok(study) } else { Err(mismatch(&study, differences)) };
        }
        Ok(Self { manifest, store, earlier: Vec::new() })
    }

    /// Opens a study to read it.
    ///
    /// # Errors
    /// A folder without a study, or with one in another format.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut study = Self::open_revision(Store::read_only(folder), folder)?;
        let last = study.store.list("")?.iter().filter_map(|name| Layout::revision_of(name)).max().unwrap_or(0);
        for number in 1..=last {
            let store = Store::read_only(folder).of_part(&Layout::revision(number));
            let missing = || store.damaged(Layout::MANIFEST, "it is missing, and the folder of the change is there");
            let next = match Self::open_revision(store.clone(), folder) {
                Err(Error::NotAStudy(_)) => return Err(missing()),
                next => next?,
            };
            if next.manifest.revises.as_deref() != Some(study.store.study()) {
                return Err(store.damaged(Layout::MANIFEST, "it is a change of another study"));
            }
            study = study.followed_by(next.manifest, next.store);
        }
        Ok(study)
    }

    /// The revision that follows this one.
    pub(super) fn followed_by(mut self, manifest: Manifest, store: Store) -> Self {
        let mut earlier = std::mem::take(&mut self.earlier);
        earlier.push(self);
        Self { manifest, store, earlier }
    }

    /// One revision of a study.
    fn open_revision(store: Store, folder: &Path) -> Result<Self, Error> {
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
        Ok(Self { manifest, store, earlier: Vec::new() })
    }

    /// Opens a study to work on it.
    ///
    /// # Errors
    /// As [`Study::open`]; a folder that cannot be written; a program, checkpoint or data set that is not the study's.
    pub fn join(folder: &Path) -> Result<Self, Error> {
        let study = Self::open(folder)?;
        let differences = study.outer_differences()?;
        if differences.is_empty() { study.writable() } else { Err(mismatch(&study, differences)) }
    }

    /// Makes an opened study writable.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn writable(self) -> Result<Self, Error> {
        let store = Store::create(self.store.root())?.of_study(self.store.study()).of_part(self.store.part());
        Ok(Self { store, ..self })
    }

    /// Every revision of the study, the latest first.
    pub(crate) fn revisions(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.earlier.iter().rev())
    }

    /// What differs of the program, the checkpoints and the data sets since the study was made.
    pub(super) fn outer_differences(&self) -> Result<Vec<String>, Error> {
        let mut differences = compare::program(&self.manifest);
        if differences.is_empty() {
            self.check_files(&mut differences)?;
        }
        Ok(differences)
    }

    fn check_files(&self, differences: &mut Vec<String>) -> Result<(), Error> {
        let models = self.manifest.models.iter();
        let of_models = models.flat_map(|model| model.files.iter().map(|file| (model.path.join(&file.file), file)));
        let of_data = self.manifest.data.iter().map(|file| (PathBuf::from(&file.file), file));
        let of_first_stage = self.manifest.first_stage.iter().map(|file| (PathBuf::from(&file.file), file));
        for (path, file) in of_models.chain(of_data).chain(of_first_stage) {
            if !path.exists() {
                differences.push(format!("`{}` is gone", path.display()));
            } else if !file.still_holds(&path)? {
                differences.push(format!("`{}` has other content", path.display()));
            }
        }
        Ok(())
    }
}

/// The error of a study of something else.
pub(super) fn mismatch(study: &Study, differences: Vec<String>) -> Error {
    Error::Mismatch { study: study.store.root().to_owned(), differences }
}
