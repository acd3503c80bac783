//! `admix score`

mod args;
mod files;
mod first_stage;
mod json;
mod models;
mod results;
mod run;
mod table;

pub(super) use args::Args;
pub(super) use run::run;
