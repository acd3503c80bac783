//! The command line: arguments, progress, messages and exit codes. One file a command; nothing else uses this module.

mod args;
mod blend;
mod check;
#[cfg(feature = "eval")]
mod cocktail;
mod convert;
mod data;
#[cfg(feature = "eval")]
mod embed;
#[cfg(feature = "eval")]
mod encoding;
#[cfg(feature = "hub")]
mod fetch;
mod generate;
mod init;
mod inspect;
#[cfg(feature = "eval")]
mod learn;
mod main;
mod merge;
mod methods;
mod metrics;
mod output;
mod plan;
mod program;
mod progress;
mod reference;
mod render;
mod run;
mod schema;
#[cfg(feature = "eval")]
mod score;
#[cfg(feature = "eval")]
mod sweep;
mod tasks;
mod units;

pub use main::{main, main_of};
