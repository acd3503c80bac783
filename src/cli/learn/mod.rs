//! `admix learn`

mod args;
mod data;
mod report;
mod run;

pub(super) use args::Args;
pub(super) use run::run;
