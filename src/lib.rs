//! admix merges retriever (embedding) checkpoints and shows what the merge did.
//!
//! A merge flows through the modules from left to right, once, and a module uses only what stands before it:
//!
//! [`kernel`] numeric kernels → [`checkpoint`] model folders → [`method`] merge methods → [`recipe`] YAML →
//! [`plan`] recipe and checkpoints resolved → [`merge`] the passes → [`write`](mod@write) the output folder →
//! [`eval`] data sets, metrics and statistics → `cli`.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! use admix::{kernel::Level, merge, plan::{self, Plan}, recipe::Recipe, write};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Recipe::read(Path::new("recipe.yaml"), &BTreeMap::new())?;
//! let plan = Plan::build(recipe, &plan::Options::default())?;
//! let options = merge::Options {
//!     threads: 0,
//!     tile: merge::TILE,
//!     level: Level::best(),
//!     access: merge::Access::Read,
//!     cancel: &AtomicBool::new(false),
//!     progress: &|_bytes| {},
//! };
//! let request = write::Request { plan: &plan, out: Path::new("merged"), force: false, sync: true };
//! let outcome = write::write(request, options)?;
//! # let _ = outcome;
//! # Ok(())
//! # }
//! ```

mod budget;
mod caught;
pub mod checkpoint;
#[cfg(feature = "cli")]
pub mod cli;
pub mod convert;
#[cfg(feature = "eval")]
pub mod encoder;
pub mod eval;
#[cfg(feature = "hub")]
pub mod fetch;
mod files;
pub mod kernel;
pub mod merge;
pub mod method;
pub mod plan;
pub mod recipe;
pub mod report;
pub mod shown;
pub mod sweep;
pub mod write;
mod yaml;

pub use caught::catches_panics;
