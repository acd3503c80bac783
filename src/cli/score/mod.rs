//! `admix score`

mod args;
mod files;
mod json;
mod results;
mod run;
mod table;

pub(super) use args::Args;
pub(super) use run::run;
