//! How many threads one of candle's computations has.

#[cfg(unix)]
use crate::cli::program;

/// What candle reads once, before its first computation.
#[cfg(unix)]
const VARIABLE: &str = "CANDLE_NUM_THREADS";

/// Starts the program anew in the same process with one thread for each of candle's computations, unless the user has chosen.
///
/// Gradients are computed by several threads already, each on its own batch. candle's own threads wait for each other by
/// spinning, which took two thirds of the time of a step. Where the program cannot start anew, it goes on more slowly.
#[cfg(unix)]
pub(super) fn one_each() {
    use std::os::unix::process::CommandExt as _;
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let (Ok(program), mut arguments) = (program::file(), program::arguments().into_iter()) else { return };
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // This returns only when it fails.
    let _ = command.args(arguments).env(VARIABLE, "1").exec();
}

#[cfg(not(unix))]
pub(super) fn one_each() {}
