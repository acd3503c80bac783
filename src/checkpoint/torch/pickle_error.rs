//! Why a pickle is refused.

use crate::diagnose::{Diagnose, ExitClass};

/// Why a pickle is refused. Every offset counts from the start of the file with the pickle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// An opcode that state dicts do not have.
    #[error("the pickle has opcode {code:#04x} ({}) at byte {at}, which no state dict needs", name.unwrap_or("unknown"))]
    Opcode {
        /// The byte.
        code: u8,
        /// Its name.
        name: Option<&'static str>,
        /// The offset.
        at: usize,
    },
    /// A name that state dicts do not use.
    #[error("the pickle asks for `{name}` at byte {at}, which no state dict needs")]
    Global {
        /// The module and the name in it.
        name: String,
        /// The offset.
        at: usize,
    },
    /// A call that is not of the kind that torch writes.
    #[error("the pickle calls `{name}` at byte {at} with other arguments than torch does")]
    Call {
        /// What is called.
        name: &'static str,
        /// The offset.
        at: usize,
    },
    /// A call of something that is not a function.
    #[error("the pickle calls {what} at byte {at}, which is no function")]
    NotCallable {
        /// What was found.
        what: &'static str,
        /// The offset.
        at: usize,
    },
    /// An operation on a value of the wrong kind.
    #[error("the pickle's {name} at byte {at} needs {needed}, found {found}")]
    Kind {
        /// The opcode.
        name: &'static str,
        /// What it works on.
        needed: &'static str,
        /// What was found.
        found: &'static str,
        /// The offset.
        at: usize,
    },
    /// A stack with too little on it.
    #[error("the pickle's {name} at byte {at} takes more than there is")]
    Underflow {
        /// The opcode.
        name: &'static str,
        /// The offset.
        at: usize,
    },
    /// A memo entry that was never written.
    #[error("the pickle's {name} at byte {at} recalls entry {index}, which was never stored")]
    Memo {
        /// The opcode.
        name: &'static str,
        /// The entry.
        index: u32,
        /// The offset.
        at: usize,
    },
    /// A length past the end.
    #[error("the pickle's {name} at byte {at} claims {length} bytes, but {available} are left")]
    Length {
        /// The opcode.
        name: &'static str,
        /// The claim.
        length: u64,
        /// The number of bytes that are left.
        available: usize,
        /// The offset.
        at: usize,
    },
    /// A text that is not UTF-8.
    #[error("the pickle's {name} at byte {at} is not text")]
    Text {
        /// The opcode.
        name: &'static str,
        /// The offset.
        at: usize,
    },
    /// An integer with too many bytes.
    #[error("the pickle's {name} at byte {at} is a number of {length} bytes, more than any size has")]
    Number {
        /// The opcode.
        name: &'static str,
        /// Its bytes.
        length: usize,
        /// The offset.
        at: usize,
    },
    /// A newer pickle protocol than torch writes.
    #[error("the pickle is of protocol {found}, and torch writes 2 to 5")]
    Protocol {
        /// The protocol.
        found: u8,
    },
    /// A pickle without an end.
    #[error("the pickle ends at byte {at} without a result: the file is cut short")]
    Cut {
        /// Where the bytes end.
        at: usize,
    },
    /// A pickle with too many operations for a state dict.
    #[error("the pickle has more than {limit} operations, more than any state dict")]
    TooLong {
        /// The most operations.
        limit: usize,
    },
}

impl Diagnose for PickleError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Opcode { .. } | Self::Global { .. } => Some(
                "nothing of it was run; a file that needs more than tensors may do anything when torch loads it"
                    .to_owned(),
            ),
            Self::Call { .. }
            | Self::NotCallable { .. }
            | Self::Kind { .. }
            | Self::Underflow { .. }
            | Self::Memo { .. }
            | Self::Length { .. }
            | Self::Text { .. }
            | Self::Number { .. }
            | Self::Protocol { .. }
            | Self::Cut { .. }
            | Self::TooLong { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}
