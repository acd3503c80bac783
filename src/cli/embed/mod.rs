//! `admix embed`

mod formats;
mod run;

pub(super) use run::{Args, run};
