//! Why a pickle is refused.

use crate::diagnose::{Diagnose, ExitClass};

/// Why a pickle is refused. Every offset counts from the start of the file that holds the pickle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// An opcode that state dicts do not have.
    #[error("the pickle has opcode {code:#04x} ({}) at byte {at}, which no state dict needs", name.unwrap_or("unknown"))]
    Opcode {
        /// The byte.
        code: u8,
        /// What it is called.
        name: Option<&'static str>,
        /// Where.
        at: usize,
    },
    /// A name that state dicts do not use.
    #[error("the pickle asks for `{name}` at byte {at}, which no state dict needs")]
    Global {
        /// The module and the name in it.
        name: String,
        /// Where.
        at: usize,
    },
    /// A call that is not of the kind that torch writes.
    #[error("the pickle calls `{name}` at byte {at} with other arguments than torch does")]
    Call {
        /// What is called.
        name: &'static str,
        /// Where.
        at: usize,
    },
    /// Something else than a function that is called.
    #[error("the pickle calls {what} at byte {at}, which is no function")]
    NotCallable {
        /// What.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// An operation on something of another kind.
    #[error("the pickle's {name} at byte {at} needs {needed}, found {found}")]
    Kind {
        /// The opcode.
        name: &'static str,
        /// What it works on.
        needed: &'static str,
        /// What is there.
        found: &'static str,
        /// Where.
        at: usize,
    },
    /// A stack with too little on it.
    #[error("the pickle's {name} at byte {at} takes more than there is")]
    Underflow {
        /// The opcode.
        name: &'static str,
        /// Where.
        at: usize,
    },
    /// A memo that was never written.
    #[error("the pickle's {name} at byte {at} recalls entry {index}, which was never stored")]
    Memo {
        /// The opcode.
        name: &'static str,
        /// The entry.
        index: u32,
        /// Where.
        at: usize,
    },
    /// A length past the end.
    #[error("the pickle's {name} at byte {at} claims {length} bytes, but {available} are left")]
    Length {
        /// The opcode.
        name: &'static str,
        /// The claim.
        length: u64,
        /// What there is.
        available: usize,
        /// Where.
        at: usize,
    },
    /// A text that is none.
    #[error("the pickle's {name} at byte {at} is not text")]
    Text {
        /// The opcode.
        name: &'static str,
        /// Where.
        at: usize,
    },
    /// A whole number of more bits than there are in a number.
    #[error("the pickle's {name} at byte {at} is a number of {length} bytes, more than any size has")]
    Number {
        /// The opcode.
        name: &'static str,
        /// Its bytes.
        length: usize,
        /// Where.
        at: usize,
    },
    /// A newer pickle than torch writes.
    #[error("the pickle is of protocol {found}, and torch writes 2 to 5")]
    Protocol {
        /// The protocol.
        found: u8,
    },
    /// No end.
    #[error("the pickle ends at byte {at} without a result: the file is cut short")]
    Cut {
        /// Where the bytes end.
        at: usize,
    },
    /// More than any state dict has.
    #[error("the pickle has more than {limit} operations, more than any state dict")]
    TooLong {
        /// The most that are done.
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
