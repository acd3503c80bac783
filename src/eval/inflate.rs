//! Decompresses gzip within a budget.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use crate::budget::Budget;

/// A decompressed stream that may not exceed its budget.
pub(super) struct Inflate<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    produced: u64,
}

impl<R: BufRead> Inflate<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { decoder: MultiGzDecoder::new(Counted { reader, consumed: 0 }), produced: 0 }
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.produced += read as u64;
        // The budget follows what was read so far, because the size of a stream is unknown before its end.
        Budget::of(self.decoder.get_ref().consumed).take(self.produced).map_err(io::Error::other)?;
        Ok(read)
    }
}

/// Counts the bytes that are read.
struct Counted<R> {
    reader: R,
    consumed: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.consumed += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.consumed += amount as u64;
        self.reader.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_small_file_that_grows_without_end_is_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        (0..400).for_each(|_| encoder.write_all(&zeros).unwrap());
        let packed = encoder.finish().unwrap();
        let mut reader = Inflate::new(&packed[..]);
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("256 MiB and 100 times its size"), "{error}");
    }
}
