//! The program, run in Python's process.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;

/// Runs the command line. `file` starts the program anew, and the first of `arguments` is its name.
pub(crate) fn command_line(py: Python<'_>, file: PathBuf, arguments: Vec<OsString>) -> u8 {
    py.detach(|| admix::command_line_of(file, arguments))
}
