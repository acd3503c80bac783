//! The command line: arguments, progress, messages and exit codes. One file a command; nothing else uses this module.

mod args;
mod blend;
mod data;
mod inspect;
mod main;
mod merge;
mod metrics;
mod plan;
mod progress;
mod render;
mod run;
mod table;
mod units;

pub use main::main;
