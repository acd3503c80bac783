//! `admix init`: a recipe and a sweep file to begin with, after a look at the folders.

mod args;
mod base;
mod choice;
mod choose;
mod data;
mod recipe;
mod run;
mod sweep;

pub(super) use args::Args;
pub(super) use run::run;
