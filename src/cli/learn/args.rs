//! The arguments of `admix learn`.

use std::path::PathBuf;

use crate::cli::args::{AllowArgs, RecipeArgs};
use crate::cli::encoding::{EncoderArgs, PromptArgs};
use crate::learn::By;

/// Learn a recipe's weights, for each layer and part of the models
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The recipe's own values are where learning begins. Each of its numbers is moved alone and all texts
are encoded, which tells what moving all of them together would do. The values are then those with
which queries find their documents best among all others (InfoNCE), with a penalty for each
direction that gets worse. The models' tensors stay as they are. What is written is a plain recipe
with filters, which merges and sweeps like any other.

Half of each data set (--hold-out) is not learned from. On its queries the recipe is scored before
and after, which the comments of the written recipe say. Of the rest, a quarter tells how far to go.

It takes as long as encoding the texts once for each number.

An interrupted run goes on where it was when the same command is given again.

Examples:
  admix learn recipe.yaml --data sets/ko-ko sets/en-en sets/ko-en -o learned.yaml
  admix learn recipe.yaml --data sets/* --report sets-of-others/* -o learned.yaml
  admix learn recipe.yaml --data sets/* --by part --rounds 2 -o learned.yaml
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

    /// How often to begin anew around the best values so far
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Learning")]
    pub(super) rounds: u32,

    /// Most pairs of each direction to learn from
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(2..), help_heading = "Learning")]
    pub(super) pairs: u32,

    /// Tokens of a text to learn from, special tokens included; longer ones are cut. Without it texts are as long as the
    /// models take them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..), help_heading = "Learning")]
    pub(super) tokens: Option<u32>,

    /// What similarities are divided by
    #[arg(long, value_name = "T", default_value_t = 0.05, value_parser = positive, help_heading = "Learning")]
    pub(super) temperature: f64,

    /// How far a value may move in a round
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.8, value_parser = positive, help_heading = "Learning")]
    pub(super) reach: f64,

    /// How strongly each direction is kept from getting worse; 0 looks at the mean of all alone
    #[arg(long, value_name = "WEIGHT", default_value_t = 300.0, value_parser = not_negative, help_heading = "Learning")]
    pub(super) guard: f64,

    /// How strongly values are held near to the recipe's own
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0025, value_parser = not_negative, help_heading = "Learning")]
    pub(super) regularize: f64,

    /// Share of the queries that is held out
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, help_heading = "Learning")]
    pub(super) hold_out: f64,

    /// Seed of the choice of pairs
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
