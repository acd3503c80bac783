//! Paths in a model folder. Links are not trusted and are followed only inside the folder.
//!
//! Every file that is read as text or copied must be a regular file of the folder. Otherwise the target of a link, such as
//! a private key, could become a part of what people publish. Weights may be elsewhere, as they often are on another disk:
//! only the numbers of a valid file are used, and the user is warned.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::error::Error;
use super::hub_model::HubSnapshot;
use super::map::Map;

/// Whether files of a model folder may be outside of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Links are followed inside the folder, or in the Hub's cache inside the model's own folder there.
    #[default]
    Inside,
    /// Links are followed wherever they lead.
    Followed,
}

/// A file or folder of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModelPath {
    path: PathBuf,
    /// The folder that links may not leave, as a path without links; `None` where all links are followed.
    bounds: Option<Arc<Path>>,
}

impl ModelPath {
    /// Opens a model's folder, which may itself be a link or be reached through links.
    ///
    /// # Errors
    /// A folder that cannot be found.
    pub fn of(folder: &Path, links: Links) -> Result<Self, Error> {
        let bounds = match links {
            Links::Followed => None,
            Links::Inside => {
                let place = fs::canonicalize(folder).map_err(|error| Error::io(folder, error))?;
                Some(Arc::from(repository(&place)))
            }
        };
        Ok(Self { path: folder.to_owned(), bounds })
    }

    /// A path that is planned and does not exist yet.
    pub(super) const fn planned(path: PathBuf) -> Self {
        Self { path, bounds: None }
    }

    /// A file or folder in this one; the folder itself for an empty name.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> Self {
        let name = name.as_ref();
        let path = if name.as_os_str().is_empty() { self.path.clone() } else { self.path.join(name) };
        Self { path, bounds: self.bounds.clone() }
    }

    /// Checks that the file or folder is inside the model's folder.
    ///
    /// # Errors
    /// A link that leads out, to nothing, or in a cycle.
    pub fn check(&self) -> Result<(), Error> {
        self.place().map(drop)
    }

    /// Opens a regular file. Anything else (a named pipe, a device, a folder) is never opened.
    ///
    /// # Errors
    /// As [`ModelPath::check`]; a path that is not a regular file; errors of the system.
    pub fn open(&self) -> Result<File, Error> {
        let failed = |error| Error::io(self, error);
        let irregular = || Error::NotAFile { path: self.path.clone() };
        let place = self.place()?;
        // Opening some devices has effects.
        if !fs::metadata(&place).map_err(failed)?.is_file() {
            return Err(irregular());
        }
        let opened = match &self.bounds {
            None => open_in(None, &place, FILE),
            // The path was resolved without links; this detects a link that was added in the meantime.
            Some(bounds) => beneath(bounds, &place),
        };
        let file = opened.map_err(failed)?;
        if file.metadata().map_err(failed)?.is_file() { Ok(file) } else { Err(irregular()) }
    }

    /// Maps a file.
    ///
    /// # Errors
    /// As [`ModelPath::open`].
    pub(crate) fn map(&self) -> Result<Map, Error> {
        Map::of(self.open()?).map_err(|error| Error::io(self, error))
    }

    /// Maps a file of weights. If the file is outside of the folder, its path is returned too.
    ///
    /// # Errors
    /// As [`ModelPath::open`], except for links out of a folder that is not in the Hub's cache.
    pub(crate) fn map_weights(&self) -> Result<(Map, Option<PathBuf>), Error> {
        match self.check() {
            Err(Error::LeadsOut { target, cached: false, .. }) => Ok((self.anywhere().map()?, Some(target))),
            checked => checked.and_then(|()| Ok((self.map()?, None))),
        }
    }

    /// The same file, wherever a link leads to.
    pub(crate) fn anywhere(&self) -> Self {
        if self.bounds.as_deref().is_some_and(is_cached) { self.clone() } else { Self::planned(self.path.clone()) }
    }

    /// The bytes of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`ModelPath::open`]; a longer file.
    pub(crate) fn read(&self, limit: u64) -> Result<Vec<u8>, Error> {
        let failed = |error| Error::io(self, error);
        let file = self.open()?;
        let size = file.metadata().map_err(failed)?.len();
        if size > limit {
            return Err(Error::TooLong { path: self.path.clone(), size, limit });
        }
        let mut content = Vec::new();
        file.take(limit).read_to_end(&mut content).map_err(failed)?;
        Ok(content)
    }

    /// The path without links, if it is inside the folder.
    fn place(&self) -> Result<PathBuf, Error> {
        let Some(bounds) = &self.bounds else { return Ok(self.path.clone()) };
        let target = fs::canonicalize(&self.path).map_err(|error| Error::io(self, error))?;
        if target.starts_with(bounds) {
            return Ok(target);
        }
        Err(Error::LeadsOut { path: self.path.clone(), target, cached: is_cached(bounds) })
    }
}

impl Deref for ModelPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for ModelPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// The folder that links of a model may lead to: its own, or its repository's in the Hub's cache, whose snapshots are links
/// to files beside them.
fn repository(place: &Path) -> &Path {
    let snapshot = place.ancestors().find(|folder| HubSnapshot::of(folder).is_some());
    snapshot.and_then(|snapshot| snapshot.parent()?.parent()).unwrap_or(place)
}

fn is_cached(bounds: &Path) -> bool {
    bounds.file_name().is_some_and(|name| super::hub_model::is_repository(&name.to_string_lossy()))
}

/// Flags for opening a folder of the path.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Flags for opening a file without blocking, in case it has become a named pipe.
const FILE: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

fn open_in(folder: Option<&File>, name: &Path, how: OFlags) -> io::Result<File> {
    let opened = match folder {
        Some(folder) => openat(folder, name, how, Mode::empty()),
        None => openat(CWD, name, how, Mode::empty()),
    };
    Ok(File::from(opened?))
}

/// Opens a file in a folder, part by part and without following a link.
fn beneath(folder: &Path, place: &Path) -> io::Result<File> {
    let inside = place.strip_prefix(folder).unwrap_or(place);
    let mut here = open_in(None, folder, FOLDER)?;
    let mut parts = inside.iter().peekable();
    while let Some(part) = parts.next() {
        let how = if parts.peek().is_some() { FOLDER } else { FILE };
        here = open_in(Some(&here), Path::new(part), how.union(OFlags::NOFOLLOW))?;
    }
    Ok(here)
}

#[cfg(test)]
#[path = "model_path_tests.rs"]
mod tests;
