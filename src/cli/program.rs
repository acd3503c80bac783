//! The program's own file and arguments. In a process of another program, such as Python, the caller says which they are.

use std::ffi::OsString;
#[cfg(feature = "eval")]
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

static GIVEN: OnceLock<(PathBuf, Vec<OsString>)> = OnceLock::new();

/// Sets the file that starts the program, and its arguments, of which the first is the program's name.
pub(super) fn set(file: PathBuf, arguments: Vec<OsString>) {
    let _ = GIVEN.set((file, arguments));
}

/// The file that starts the program.
#[cfg(feature = "eval")]
pub(super) fn file() -> io::Result<PathBuf> {
    GIVEN.get().map_or_else(std::env::current_exe, |(file, _)| Ok(file.clone()))
}

/// The arguments, of which the first is the program's name.
pub(super) fn arguments() -> Vec<OsString> {
    GIVEN.get().map_or_else(|| std::env::args_os().collect(), |(_, arguments)| arguments.clone())
}
