//! The admix command.

use std::process::ExitCode;

fn main() -> ExitCode {
    admix::command_line()
}
