//! Weight files, which are created at full size before the merge and written block by block by all threads.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use flate2::Crc;

use super::Error;
use crate::merge::{Sink, SinkError};
use crate::plan::Plan;

/// How many bytes are read at once.
const PIECE: usize = 1 << 20;

/// The open weight files of an unfinished folder.
#[derive(Debug)]
pub(super) struct WeightFiles {
    files: Vec<(PathBuf, File)>,
    /// File and offset of each tensor.
    places: Vec<(usize, u64)>,
}

impl WeightFiles {
    /// Creates the plan's weight files in `folder`, with their headers and space for their data.
    pub(super) fn create(plan: &Plan, folder: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        for planned in &plan.files {
            let path = folder.join(&planned.relative);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
            }
            let file = File::create_new(&path).map_err(Error::io("create", &path))?;
            reserve(&file, planned.size)
                .and_then(|()| planned.pieces.iter().try_for_each(|(at, piece)| file.write_all_at(piece, *at)))
                .map_err(|error| Error::from_io("write", path.clone(), Some(planned.size), error))?;
            files.push((path, file));
        }
        let places = plan.tensors.iter().map(|tensor| (tensor.file, tensor.offset)).collect();
        Ok(Self { files, places })
    }

    /// Writes the checksums of the files that have them.
    pub(super) fn write_checksums(&self, plan: &Plan) -> Result<(), Error> {
        for (planned, (path, file)) in plan.files.iter().zip(&self.files) {
            for checksum in &planned.checksums {
                let crc = crc_of(file, checksum.data.clone()).map_err(Error::io("read", path))?.to_le_bytes();
                checksum.at.iter().try_for_each(|at| file.write_all_at(&crc, *at)).map_err(Error::io("write", path))?;
            }
        }
        Ok(())
    }

    /// Waits until the data is on disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.files.iter().try_for_each(|(path, file)| file.sync_all().map_err(Error::io("sync", path)))
    }
}

impl Sink for WeightFiles {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let (file, start) = self.places[tensor];
        let (path, file) = &self.files[file];
        file.write_all_at(bytes, start + offset).map_err(|error| Error::io("write", path)(error).into())
    }
}

/// The checksum of a part of a file, as zip archives have it.
fn crc_of(file: &File, range: Range<u64>) -> io::Result<u32> {
    let (mut crc, mut at, mut buffer) = (Crc::new(), range.start, vec![0; PIECE]);
    while at < range.end {
        let length = buffer.len().min(usize::try_from(range.end - at).unwrap_or(usize::MAX));
        let Some(piece) = buffer.get_mut(..length) else { break };
        file.read_exact_at(piece, at)?;
        crc.update(piece);
        at += length as u64;
    }
    Ok(crc.sum())
}

/// Allocates the disk space, so that a full disk is an error before the merge. On file systems that cannot allocate, it
/// only sets the file's length.
pub(crate) fn reserve(file: &File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            done => return Ok(done?),
        }
    }
    file.set_len(size)
}
