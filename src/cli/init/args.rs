//! Arguments of `admix init`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::cli::args::LinkArgs;
use crate::method::METHODS;

/// Look at model folders, and write a recipe and a sweep file to begin with
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The method follows from the folders: differences from a base where one is given or found among them, an average or an arc
without one. Comments in the recipe say why. The JSON Schemas that editors check the two files by go into .admix/ beside them.

Examples:
  admix init ko-ko ko-en
  admix init base ko-ko ko-en --data sets/ko-ko sets/ko-en
  admix init checkpoints/step-* --method linear --data sets/*    a greedy soup
  admix init ko-ko ko-en --base base --method ties -o recipes/ties.yaml
  admix init ko-ko ko-en && admix check recipe.yaml && admix merge recipe.yaml -o merged")]
pub(in crate::cli) struct Args {
    /// Model folders; the base may be among them
    #[arg(value_name = "FOLDER", required = true)]
    pub(super) models: Vec<String>,

    /// Base model, in place of the one that is found among the folders
    #[arg(short, long, value_name = "FOLDER")]
    pub(super) base: Option<String>,

    /// Merge method, in place of the one that fits
    #[arg(short, long, value_name = "METHOD", value_parser = methods(), hide_possible_values = true)]
    pub(super) method: Option<String>,

    /// Data sets to score the sweep's merges on
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub(super) data: Vec<PathBuf>,

    /// Recipe to write
    #[arg(short, long, value_name = "RECIPE", default_value = "recipe.yaml")]
    pub(super) out: PathBuf,

    /// Sweep file to write; without it sweep.yaml beside recipe.yaml, NAME-sweep.yaml beside NAME.yaml
    #[arg(long, value_name = "SWEEP")]
    pub(super) sweep: Option<PathBuf>,

    #[command(flatten)]
    pub(super) links: LinkArgs,

    /// Replace files that are there
    #[arg(short, long)]
    pub(super) force: bool,
}

fn methods() -> PossibleValuesParser {
    PossibleValuesParser::new(METHODS.iter().map(|method| PossibleValue::new(method.name).help(method.summary)))
}
