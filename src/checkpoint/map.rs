//! Files mapped into memory. The only file of this module with `unsafe`.

use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Range;

/// The smallest page size. A kernel with larger pages rounds further outwards, which is safe too.
#[cfg(target_os = "linux")]
const PAGE: usize = 4096;

/// A read-only map of a whole file. An empty file maps to no bytes.
#[derive(Debug)]
pub(crate) struct Map {
    mmap: Option<Mmap>,
    #[cfg(unix)]
    file: File,
}

impl Map {
    /// Maps a regular file.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self {
                mmap: None,
                #[cfg(unix)]
                file,
            });
        }
        // SAFETY: the map is read-only and shared. Its one hazard is another process that truncates or rewrites the file
        // while it is mapped, which no memory map can rule out; admix itself never writes into an input.
        #[expect(unsafe_code, reason = "weights are read in place, not copied")]
        let mmap = unsafe { Mmap::map(&file) }?;
        Ok(Self {
            mmap: Some(mmap),
            #[cfg(unix)]
            file,
        })
    }

    /// The file's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.mmap.as_deref().unwrap_or_default()
    }

    /// Asks the system to read `range` ahead in the order of the file, before its pages are touched in another order.
    pub(crate) fn expect(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let Some((mmap, range)) = self.clamp(range) {
            // Advice only: without it pages are read as they are touched.
            let _ = mmap.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        }
        #[cfg(not(unix))]
        let _ = range;
    }

    /// Releases the pages of `range`; they are read again from the file when they are next touched.
    ///
    /// The page with the start is released too, and the page with the end only at the end of the file. Consecutive ranges
    /// thus leave no page behind, and at worst a page that a neighbour still reads is mapped again. Does nothing on systems
    /// other than Linux.
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "only Linux is known to drop pages safely"))]
    pub(crate) fn release(&self, range: Range<usize>) {
        #[cfg(target_os = "linux")]
        if let Some((mmap, range)) = self.clamp(range) {
            let end = if range.end == mmap.len() { range.end } else { range.end - range.end % PAGE };
            if range.start >= end {
                return;
            }
            // SAFETY: a shared map of a file, never written through: dropped pages come back from the file with the same
            // bytes, so no reference into the map sees a change. The range lies inside the map.
            #[expect(unsafe_code, reason = "memmap2 marks this advice as unsafe because of private maps")]
            let result = unsafe {
                mmap.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, range.start, end - range.start)
            };
            // Advice only: a system that refuses it keeps more pages resident.
            drop(result);
        }
    }

    /// Reads the bytes from `offset` on into `buffer` with a system call, without touching the map.
    pub(crate) fn read(&self, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset as u64)
        }
        #[cfg(not(unix))]
        {
            let end = offset.checked_add(buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(self.bytes().get(offset..end).ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }

    /// The part of `range` inside the file, if any.
    #[cfg(unix)]
    fn clamp(&self, range: Range<usize>) -> Option<(&Mmap, Range<usize>)> {
        let mmap = self.mmap.as_ref()?;
        let range = range.start..range.end.min(mmap.len());
        (!range.is_empty()).then_some((mmap, range))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_released_range_reads_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let content: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let map = Map::of(File::open(&path).unwrap()).unwrap();
        for range in [0..100_000, 5..6, 4096..8192, 99_999..100_000, 7..usize::MAX, 200_000..300_000] {
            map.release(range.clone());
            map.expect(range);
            assert_eq!(map.bytes(), content);
        }
        let mut part = vec![0; 1000];
        map.read(5000, &mut part).unwrap();
        assert_eq!(part, content[5000..6000]);
        assert!(map.read(99_500, &mut part).is_err());
    }

    #[test]
    fn an_empty_file_maps_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, b"").unwrap();
        let map = Map::of(File::open(&path).unwrap()).unwrap();
        assert!(map.bytes().is_empty());
        map.release(0..10);
    }
}
