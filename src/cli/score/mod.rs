//! `admix score`

mod args;
mod files;
mod json;
mod run;
mod table;

pub(super) use args::Args;
pub(super) use run::run;
