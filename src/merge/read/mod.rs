//! Reads tiles of the inputs, wherever their numbers come from.

mod adapter;
mod copy;
mod finish;
mod gather_rows;
mod inputs;
mod source;
mod stored;

pub(super) use copy::copied_bytes;
pub(super) use finish::{finish, finish_inputs};
pub(super) use inputs::{load_inputs, split_base};
pub(super) use source::load;
pub(super) use stored::load_stored;
