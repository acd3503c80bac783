//! admix merges retriever (embedding) models, scores the merges, and finds the ratio at which a merge is best.
//!
//! A retriever that was fine-tuned for a new task often forgets some of its old ones. A merge, an average of the weights of
//! both, keeps most of the old and gains most of the new, without training. This crate is the library behind the program
//! `admix`. Four types do what the program does, with the same defaults.
//!
//! # Merge
//!
//! [`Merge`] takes model folders, as `save_pretrained` and sentence-transformers write them, and writes another.
//!
//! ```
//! # fn main() -> Result<(), admix::Error> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/retrievers");
//! # let (base, tuned) = (format!("{folder}/base"), format!("{folder}/cross-ko-en"));
//! # let target = std::env::temp_dir().join(format!("admix-doc-lib-{}", std::process::id()));
//! # let out = target.join("merged");
//! let merged = admix::Merge::linear([(base, 0.4), (tuned, 0.6)]).write(out)?;
//! println!("{} tensors in {}", merged.report.tensors, merged.path.display());
//! # let _ = std::fs::remove_dir_all(target);
//! # Ok(())
//! # }
//! ```
//!
//! # Recipes
//!
//! A recipe names a method, its models and its parameters. It comes from a YAML file in mergekit's language
//! ([`Merge::recipe`]) or is built in code. Either way all its faults are reported before a tensor is read.
//!
//! ```
//! # fn main() -> Result<(), admix::Error> {
//! use admix::{Diagnose, RecipeBuilder};
//!
//! let recipe = RecipeBuilder::new("ties")
//!     .base("base")
//!     .model("ko-en", [("weight", 0.6)])
//!     .model("ko-ko", [("weight", 0.4)])
//!     .parameter("density", 0.2);
//! assert_eq!(recipe.build()?.method.name, "ties");
//!
//! let error = recipe.parameter("lamda", 0.9).build().unwrap_err();
//! assert_eq!(Diagnose::hint(&error).as_deref(), Some("did you mean `lambda`?"));
//! # Ok(())
//! # }
//! ```
//!
//! # Score
//!
//! [`Score`] encodes the texts of retrieval data sets, searches them exactly, and computes metrics as `trec_eval` does.
//!
//! ```
//! # #[cfg(feature = "eval")]
//! # fn main() -> Result<(), admix::Error> {
//! # let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
//! # let (merged, data) = (format!("{fixtures}/retrievers/mono-ko"), format!("{fixtures}/bilingual/ko-ko"));
//! let report = admix::Score::model(merged).data(data).metric("ndcg@10").run()?;
//! assert!(report.mean("ndcg@10").is_some_and(|mean| mean > 0.5));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "eval"))]
//! # fn main() {}
//! ```
//!
//! # Sweep
//!
//! [`Sweep`] tries many values of a recipe's variables and scores each merge. Merges stay in memory, and results are stored
//! in a folder that any number of processes can share and from which a stopped sweep resumes.
//!
//! ```no_run
//! # #[cfg(feature = "eval")]
//! # fn main() -> Result<(), admix::Error> {
//! let report = admix::Sweep::file("sweep.yaml").run()?;
//! let best = report.best("cross", &["mono >= -1%"])?;
//! admix::Merge::of(report.recipe(best)?).write("merged")?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "eval"))]
//! # fn main() {}
//! ```
//!
//! `examples/` has these four as programs, with a [`Sink`](merge::Sink) that takes the tensors of a merge in place of a folder.
//!
//! # Long work and errors
//!
//! A [`Cancel`] token ends any of them from another thread, and each reports its [`Progress`] to a callback. Through
//! [`Diagnose`] every error gives a hint, its place in a recipe, and the program's exit code.
//!
//! # Features
//!
//! `eval`, on by default, has everything that encodes: [`Score`], [`Sweep`] and [`encoder`]. `parquet` reads data sets in
//! that format. `hub` downloads models. `cli` is the program and adds nothing to the library, so leave it out:
//! `admix = { version = "0.1", default-features = false, features = ["eval"] }`.
//!
//! # Modules
//!
//! The types above are enough for most programs. Below them a merge flows through the modules from left to right, and a
//! module uses only those before it:
//!
//! [`checkpoint`] model folders → [`method`] merge methods → [`recipe`] recipes → [`plan`] a recipe resolved with its
//! models → [`merge`] the merge itself → [`write`](mod@write) the output folder → [`encoder`] texts to embeddings →
//! [`eval`] data sets, metrics and statistics → [`granularity`] groups of tensors → [`sweep`] studies → [`report`] their results for people. [`convert`] turns
//! weights that torch saved into safetensors.

mod api;
mod budget;
#[cfg_attr(
    not(any(feature = "eval", feature = "parquet")),
    expect(dead_code, reason = "only encoders and parquet call libraries that panic")
)]
mod caught;
pub mod checkpoint;
#[cfg(feature = "cli")]
mod cli;
pub mod convert;
mod diagnose;
#[cfg(feature = "eval")]
pub mod encoder;
#[doc(hidden)]
pub mod escape;
pub mod eval;
#[cfg(feature = "hub")]
pub mod fetch;
mod files;
pub mod granularity;
#[doc(hidden)]
pub mod kernel;
#[cfg(feature = "eval")]
pub mod learn;
pub mod merge;
pub mod method;
mod nearest;
pub mod plan;
mod progress;
pub mod recipe;
#[cfg(feature = "eval")]
#[doc(hidden)]
pub mod regmean;
pub mod report;
mod retrieval;
pub mod sweep;
mod wildcard;
pub mod write;
mod yaml;

pub use api::{Differences, Error, Grouping, Inspection, Merge, RecipeFile, RecipeSource, TensorGroup};
#[cfg(feature = "eval")]
pub use api::{FirstStage, Learn, Score, ScoreReport, ScoredSet, Sweep, SweepReport};
#[cfg(feature = "eval")]
#[doc(hidden)]
pub use api::{write_kept_merges, write_merge};
pub use caught::catches_panics;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use cli::{main as command_line, main_of as command_line_of};
pub use diagnose::{Diagnose, Diagnosis, ExitClass, Severity};
pub use kernel::DType;
pub use progress::{Cancel, Monitor, Progress};
pub use recipe::RecipeBuilder;
