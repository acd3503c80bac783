//! Lays out a file that `torch.load` reads: the zip archive of a state dict, with room for the numbers.

use std::ops::Range;

use flate2::Crc;
use safetensors::Dtype;

use super::opcode::op;
use super::value;

/// The data of a tensor begins at a multiple of this, as torch aligns it.
const ALIGNMENT: u64 = 64;
/// The first day that a zip archive can name, as the archive contains no time.
const FIRST_DAY: u16 = 0x21;
/// Names are UTF-8.
const UTF8: u16 = 0x800;
/// The extra field that torch aligns data with.
const PADDING: &[u8] = b"FB";

/// A file of torch without its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    /// Everything besides the tensors' data, each piece with its offset.
    pub(crate) pieces: Vec<(u64, Vec<u8>)>,
    /// Where the data of each tensor begins, in the order in which they were given.
    pub(crate) offsets: Vec<u64>,
    /// Checksums to write once the data is there.
    pub(crate) checksums: Vec<Checksum>,
    /// The size of the file.
    pub(crate) size: u64,
}

/// A checksum that depends on a tensor's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checksum {
    /// The data in the file.
    pub(crate) data: Range<u64>,
    /// Where the checksum stands: in the header before the data, and in the archive's list.
    pub(crate) at: [u64; 2],
}

/// A tensor to write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) name: &'a str,
    pub(crate) dtype: Dtype,
    pub(crate) shape: &'a [usize],
    /// Its size.
    pub(crate) bytes: u64,
}

/// Lays out the file `stem.pt`. `None` for a dtype that torch has no storage for, and for more than an archive with sizes of
/// 32 bits can hold.
pub(crate) fn lay_out(stem: &str, tensors: &[Planned<'_>]) -> Option<Archive> {
    let mut writer = Writer::default();
    writer.known(format!("{stem}/data.pkl"), pickle(tensors)?)?;
    writer.known(format!("{stem}/byteorder"), b"little".to_vec())?;
    let mut offsets = Vec::new();
    for (key, tensor) in tensors.iter().enumerate() {
        offsets.push(writer.unknown(format!("{stem}/data/{key}"), tensor.bytes)?);
    }
    writer.known(format!("{stem}/version"), b"3\n".to_vec())?;
    writer.finish(offsets)
}

/// Collects the entries of an archive.
#[derive(Default)]
struct Writer {
    pieces: Vec<(u64, Vec<u8>)>,
    entries: Vec<Entry>,
    at: u64,
}

struct Entry {
    name: String,
    header: u64,
    data: Range<u64>,
    /// `None` for data that is not known yet.
    crc: Option<u32>,
}

impl Writer {
    fn known(&mut self, name: String, content: Vec<u8>) -> Option<()> {
        let mut crc = Crc::new();
        crc.update(&content);
        let start = self.entry(name, content.len() as u64, Some(crc.sum()))?;
        self.pieces.push((start, content));
        Some(())
    }

    fn unknown(&mut self, name: String, bytes: u64) -> Option<u64> {
        self.entry(name, bytes, None)
    }

    /// Adds the header of an entry and leaves room for its data, whose offset is returned.
    fn entry(&mut self, name: String, bytes: u64, crc: Option<u32>) -> Option<u64> {
        let unpadded = self.at + 30 + name.len() as u64 + 4;
        let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
        let mut header = b"PK\x03\x04".to_vec();
        header.extend(fields(crc.unwrap_or_default(), bytes, name.len(), padding as usize + 4)?);
        header.extend(name.as_bytes());
        header.extend(PADDING);
        header.extend((padding as u16).to_le_bytes());
        header.resize(header.len() + padding as usize, b'Z');
        let start = self.at + header.len() as u64;
        self.pieces.push((self.at, header));
        let data = start..start.checked_add(bytes)?;
        self.entries.push(Entry { name, header: self.at, data: data.clone(), crc });
        self.at = data.end;
        Some(start)
    }

    /// Adds the list of entries and the end record.
    fn finish(mut self, offsets: Vec<u64>) -> Option<Archive> {
        let (mut list, mut checksums) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            if entry.crc.is_none() {
                let at = [entry.header + 14, self.at + list.len() as u64 + 16];
                checksums.push(Checksum { data: entry.data.clone(), at });
            }
            let bytes = entry.data.end - entry.data.start;
            list.extend(b"PK\x01\x02\0\0");
            list.extend(fields(entry.crc.unwrap_or_default(), bytes, entry.name.len(), 0)?);
            // Comment, disk and attributes.
            list.extend([0; 10]);
            list.extend(u32::try_from(entry.header).ok()?.to_le_bytes());
            list.extend(entry.name.as_bytes());
        }
        let count = u16::try_from(self.entries.len()).ok()?.to_le_bytes();
        let (length, start) = (list.len(), self.at);
        list.extend(b"PK\x05\x06\0\0\0\0");
        list.extend([count, count].concat());
        list.extend(u32::try_from(length).ok()?.to_le_bytes());
        list.extend(u32::try_from(start).ok()?.to_le_bytes());
        list.extend([0; 2]);
        let size = start + list.len() as u64;
        self.pieces.push((start, list));
        Some(Archive { pieces: self.pieces, offsets, checksums, size })
    }
}

/// What the header of an entry and its line in the list share.
fn fields(crc: u32, bytes: u64, name: usize, extra: usize) -> Option<Vec<u8>> {
    let size = u32::try_from(bytes).ok()?;
    let mut fields = Vec::new();
    // Version, flags, method (stored), time and day.
    for value in [0, UTF8, 0, 0, FIRST_DAY] {
        fields.extend(value.to_le_bytes());
    }
    for value in [crc, size, size] {
        fields.extend(value.to_le_bytes());
    }
    for value in [name, extra] {
        fields.extend(u16::try_from(value).ok()?.to_le_bytes());
    }
    Some(fields)
}

/// The pickle of a state dict whose tensors each have a storage of their own.
fn pickle(tensors: &[Planned<'_>]) -> Option<Vec<u8>> {
    let mut out = vec![op::PROTO, 2];
    global(&mut out, "collections", "OrderedDict");
    out.extend([op::EMPTY_TUPLE, op::REDUCE, op::MARK]);
    for (key, tensor) in tensors.iter().enumerate() {
        let elements = tensor.shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))?;
        text(&mut out, tensor.name)?;
        global(&mut out, "torch._utils", "_rebuild_tensor_v2");
        out.extend([op::MARK, op::MARK]);
        text(&mut out, "storage")?;
        global(&mut out, "torch", value::storage_name(tensor.dtype)?);
        text(&mut out, &key.to_string())?;
        text(&mut out, "cpu")?;
        number(&mut out, elements)?;
        out.extend([op::TUPLE, op::BINPERSID]);
        number(&mut out, 0)?;
        numbers(&mut out, tensor.shape)?;
        numbers(&mut out, &strides(tensor.shape))?;
        out.push(op::NEWFALSE);
        global(&mut out, "collections", "OrderedDict");
        out.extend([op::EMPTY_TUPLE, op::REDUCE, op::TUPLE, op::REDUCE]);
    }
    out.extend([op::SETITEMS, op::STOP]);
    Some(out)
}

/// The strides of a tensor whose elements lie one after the other.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for index in (1..shape.len()).rev() {
        if let (Some(next), Some(size)) = (strides.get(index).copied(), shape.get(index)) {
            strides[index - 1] = next * (*size).max(1);
        }
    }
    strides
}

fn global(out: &mut Vec<u8>, module: &str, name: &str) {
    out.push(op::GLOBAL);
    out.extend(format!("{module}\n{name}\n").bytes());
}

fn text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    out.push(op::BINUNICODE);
    out.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
    out.extend(text.bytes());
    Some(())
}

fn number(out: &mut Vec<u8>, number: usize) -> Option<()> {
    if let Ok(small) = u8::try_from(number) {
        out.extend([op::BININT1, small]);
    } else {
        out.push(op::BININT);
        out.extend(i32::try_from(number).ok()?.to_le_bytes());
    }
    Some(())
}

fn numbers(out: &mut Vec<u8>, values: &[usize]) -> Option<()> {
    out.push(op::MARK);
    values.iter().try_for_each(|value| number(out, *value))?;
    out.push(op::TUPLE);
    Some(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::read;
    use super::*;

    /// The file with this data, checksums and all.
    fn file(archive: &Archive, data: &[&[u8]]) -> Vec<u8> {
        let mut file = vec![0; archive.size as usize];
        let data = archive.offsets.iter().zip(data).map(|(at, data)| (*at, data.to_vec()));
        for (at, piece) in archive.pieces.iter().cloned().chain(data) {
            file[at as usize..at as usize + piece.len()].copy_from_slice(&piece);
        }
        for checksum in &archive.checksums {
            let mut crc = Crc::new();
            crc.update(&file[checksum.data.start as usize..checksum.data.end as usize]);
            for at in checksum.at {
                file[at as usize..at as usize + 4].copy_from_slice(&crc.sum().to_le_bytes());
            }
        }
        file
    }

    #[test]
    fn what_is_laid_out_is_read_again_with_its_checksums() {
        let [weight, bias] = [[1.5_f32, -2.0, 0.25, 8.0, 3.0, 4.0].map(f32::to_le_bytes).concat(), vec![0, 0x3c]];
        let tensors = [
            Planned { name: "weight", dtype: Dtype::F32, shape: &[2, 3], bytes: 24 },
            Planned { name: "bias", dtype: Dtype::F16, shape: &[1], bytes: 2 },
        ];
        let archive = lay_out("sparse_linear", &tensors).unwrap();
        let file = file(&archive, &[&weight, &bias]);
        let (found, checked) = read(&file).unwrap();
        let named: Vec<(&str, &[usize], Dtype)> =
            found.iter().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice(), tensor.dtype)).collect();
        assert_eq!(named, [("bias", [1].as_slice(), Dtype::F16), ("weight", &[2, 3], Dtype::F32)]);
        for (tensor, data) in found.iter().zip([&bias, &weight]) {
            assert!(tensor.is_contiguous() && tensor.offset == 0 && tensor.storage.start % 64 == 0);
            assert_eq!(&file[tensor.storage.clone()], data.as_slice());
        }
        assert_eq!(checked.len(), 3);
        for entry in checked {
            let mut crc = Crc::new();
            crc.update(&file[entry.range.clone()]);
            assert_eq!(crc.sum(), entry.crc, "{}", entry.name);
        }
    }

    #[test]
    fn what_torch_has_no_storage_for_is_not_laid_out() {
        let tensor = Planned { name: "weight", dtype: Dtype::F8_E4M3, shape: &[1], bytes: 1 };
        assert_eq!(lay_out("head", &[tensor]), None);
        let tensor = Planned { name: "weight", dtype: Dtype::U8, shape: &[1 << 33], bytes: 1 << 33 };
        assert_eq!(lay_out("head", &[tensor]), None);
    }
}
