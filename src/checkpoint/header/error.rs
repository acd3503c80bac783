//! Why a file is not a safetensors file that can be read.

use safetensors::Dtype;

use crate::diagnose::{Diagnose, ExitClass};

/// The longest header that the format's own reader accepts.
pub(crate) const LONGEST_HEADER: u64 = 100_000_000;

/// Why a file is not a safetensors file that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// An empty file.
    #[error("the file is empty")]
    Empty,
    /// A git large-file pointer instead of the weights.
    #[error("the file is a git-lfs pointer, not the weights it stands for")]
    LfsPointer,
    /// A file that is too short for the length field.
    #[error("the file has {bytes} bytes, fewer than the 8 of a safetensors length field")]
    Short {
        /// Bytes in the file.
        bytes: usize,
    },
    /// A header longer than the format allows.
    #[error("the header claims {header} bytes, more than the {LONGEST_HEADER} the format allows")]
    Long {
        /// The claimed length.
        header: u64,
    },
    /// A header that is longer than the file.
    #[error("the header claims {header} bytes, but only {available} follow the length field: the file is cut short")]
    Cut {
        /// The claimed length.
        header: u64,
        /// Bytes after the length field.
        available: usize,
    },
    /// A header that is not UTF-8.
    #[error("the header is not UTF-8 at byte {position} of the file")]
    Utf8 {
        /// Offset from the start of the file.
        position: usize,
    },
    /// A header that is not the JSON expected.
    #[error("the header is not valid: {message}")]
    Json {
        /// What the JSON reader said, with line and column.
        message: String,
    },
    /// An invalid entry.
    #[error("the entry of tensor `{tensor}` is not valid: {message}")]
    Entry {
        /// The tensor.
        tensor: String,
        /// What the JSON reader said, with line and column.
        message: String,
    },
    /// Two entries of one name.
    #[error("tensor `{tensor}` occurs twice in the header")]
    Duplicate {
        /// The tensor.
        tensor: String,
    },
    /// A dtype unknown to the format.
    #[error("tensor `{tensor}` has dtype `{dtype}`, which is none of the format's")]
    UnknownDtype {
        /// The tensor.
        tensor: String,
        /// The dtype as written.
        dtype: String,
    },
    /// A range that ends before its start.
    #[error("tensor `{tensor}` ends at byte {end}, before its start at {start}")]
    Reversed {
        /// The tensor.
        tensor: String,
        /// Offset of the first byte in the data.
        start: usize,
        /// Offset after the last byte in the data.
        end: usize,
    },
    /// A range beyond the end of the file.
    #[error("tensor `{tensor}` ends at byte {end} of the data, but only {available} are there")]
    OutOfRange {
        /// The tensor.
        tensor: String,
        /// Offset after the last byte in the data.
        end: usize,
        /// Bytes of data in the file.
        available: usize,
    },
    /// Two tensors that share bytes.
    #[error("tensors `{first}` and `{second}` overlap: one ends at byte {end}, the other starts at {start}")]
    Overlap {
        /// The first tensor.
        first: String,
        /// The tensor that starts too early.
        second: String,
        /// Where the first ends.
        end: usize,
        /// Where the second starts.
        start: usize,
    },
    /// Bytes that belong to no tensor.
    #[error("{bytes} bytes in front of tensor `{tensor}` belong to no tensor")]
    Gap {
        /// The tensor after the gap.
        tensor: String,
        /// Bytes in the gap.
        bytes: usize,
    },
    /// Bytes after the last tensor.
    #[error("{bytes} bytes behind the last tensor belong to no tensor")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// More elements or bytes than can be counted.
    #[error("the shape {shape:?} of tensor `{tensor}` has more bytes than can be counted")]
    ShapeOverflow {
        /// The tensor.
        tensor: String,
        /// Its dimensions.
        shape: Vec<usize>,
    },
    /// Elements smaller than a byte that do not fill whole bytes.
    #[error("tensor `{tensor}` has {bits} bits of {dtype}, not a whole number of bytes")]
    PartialByte {
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
        /// Its size.
        bits: usize,
    },
    /// A size that does not follow from shape and dtype.
    #[error("tensor `{tensor}` of shape {shape:?} and dtype {dtype} needs {needed} bytes, but has {found}")]
    Length {
        /// The tensor.
        tensor: String,
        /// Its dimensions.
        shape: Vec<usize>,
        /// Its element type.
        dtype: Dtype,
        /// The number of bytes that shape and dtype require.
        needed: usize,
        /// Bytes between the offsets.
        found: usize,
    },
}

impl Diagnose for HeaderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::LfsPointer => Some("run git lfs pull in the repository the folder was cloned from".to_owned()),
            Self::Cut { .. } | Self::OutOfRange { .. } => {
                Some("the download may be incomplete; download the model again".to_owned())
            }
            Self::Empty
            | Self::Short { .. }
            | Self::Long { .. }
            | Self::Utf8 { .. }
            | Self::Json { .. }
            | Self::Entry { .. }
            | Self::Duplicate { .. }
            | Self::UnknownDtype { .. }
            | Self::Reversed { .. }
            | Self::Overlap { .. }
            | Self::Gap { .. }
            | Self::Trailing { .. }
            | Self::ShapeOverflow { .. }
            | Self::PartialByte { .. }
            | Self::Length { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}
