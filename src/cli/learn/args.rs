//! The arguments of `admix learn`.

use std::path::PathBuf;

use crate::cli::args::{AllowArgs, RecipeArgs};
use crate::cli::encoding::{EncoderArgs, PromptArgs};
use crate::learn::By;

/// Learn a recipe's weights by gradient, for each layer and part of the models
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The recipe's own values are where learning begins. Queries are to find their documents among those of
other queries and the most similar ones (InfoNCE), and the weights of the models are moved so that
they do; the models' tensors stay as they are. What is written is a plain recipe with filters, which
merges and sweeps like any other.

Half of each data set (--hold-out) is not learned from. On its queries the recipe is scored before
and after, which the comments of the written recipe say. Of the rest, a quarter tells when to stop.

An interrupted run goes on where it was when the same command is given again.

Examples:
  admix learn recipe.yaml --data sets/ko-ko sets/en-en sets/ko-en -o learned.yaml
  admix learn recipe.yaml --data sets/* --report sets-of-others/* -o learned.yaml
  admix learn recipe.yaml --data sets/* --by tensor --steps 100 -o learned.yaml
  admix learn recipe.yaml --data sets/* --by part+script --freeze pooler -o learned.yaml
  admix learn recipe.yaml --unlabelled ko-ko=korean.txt base=english.txt -o learned.yaml")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,

    /// Data set folders with judgements to learn from; each direction of each has the same weight
    #[arg(short, long, value_name = "DIR", num_args = 1.., required_unless_present = "unlabelled")]
    pub(super) data: Vec<PathBuf>,

    /// Texts without judgements, on which the merge is to find similar what this model of the recipe does: a file with a
    /// text a line, or a data set folder
    #[arg(long, value_name = "MODEL=PATH", num_args = 1.., value_parser = crate::cli::args::assignment)]
    pub(super) unlabelled: Vec<(String, String)>,

    /// Data set folders that are only scored, before and after
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub(super) report: Vec<PathBuf>,

    /// Split of data sets to read; without it test, or the only one, or dev
    #[arg(long, value_name = "SPLIT")]
    pub(super) split: Option<String>,

    /// What has a number of its own: model, or layer, part (attention, feed-forward network, embeddings), tensor and script
    /// (rows of the vocabulary), of which several are joined by +
    #[arg(long, value_name = "UNITS", default_value_t)]
    pub(super) by: By,

    /// Parameter to learn (repeatable); without it the weights, or what the method has in their place
    #[arg(long, value_name = "NAME")]
    pub(super) parameter: Vec<String>,

    /// Text in the names of tensors that keep the recipe's values (repeatable)
    #[arg(long, value_name = "TEXT")]
    pub(super) freeze: Vec<String>,

    /// Most steps
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Learning")]
    pub(super) steps: u32,

    /// Most pairs of each direction to learn from
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..), help_heading = "Learning")]
    pub(super) pairs: u32,

    /// Pairs of each direction in a step
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..), help_heading = "Learning")]
    pub(super) batch: u32,

    /// Documents most similar to a query that it is told from, besides those of other queries
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Learning")]
    pub(super) negatives: u32,

    /// Tokens of a text to learn from, special tokens included; longer ones are cut. Scores are of whole texts
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(4..), help_heading = "Learning")]
    pub(super) tokens: u32,

    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = 0.03, value_parser = positive, help_heading = "Learning")]
    pub(super) lr: f64,

    /// What similarities are divided by
    #[arg(long, value_name = "T", default_value_t = 0.05, value_parser = positive, help_heading = "Learning")]
    pub(super) temperature: f64,

    /// How strongly values are held near to the recipe's own
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.01, value_parser = not_negative, help_heading = "Learning")]
    pub(super) regularize: f64,

    /// Looks at the validation pairs, one every ten steps, without a gain after which learning stops; 0 never stops early
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Learning")]
    pub(super) patience: u32,

    /// Share of the queries that is held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, help_heading = "Learning")]
    pub(super) hold_out: f64,

    /// Seed of the choice and the order of pairs
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Learning")]
    pub(super) seed: u64,

    #[command(flatten)]
    pub(super) prompts: PromptArgs,

    #[command(flatten)]
    pub(super) encoder: EncoderArgs,

    #[command(flatten)]
    pub(super) allow: AllowArgs,

    /// Recipe to write; - is stdout
    #[arg(short, long, value_name = "RECIPE", default_value = "-")]
    pub(super) output: PathBuf,

    /// Replace RECIPE if it exists
    #[arg(short, long)]
    pub(super) force: bool,

    /// Print what was learned for programs
    #[arg(long)]
    pub(super) json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

fn number(text: &str, accepts: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && accepts(*number))
        .ok_or_else(|| format!("expected {expected}"))
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0, "a number above 0")
}

fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |number| number >= 0.0, "a number of 0 or more")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..1.0).contains(&number), "a share from 0 to below 1")
}
