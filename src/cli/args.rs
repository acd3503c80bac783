//! Options that several commands share, and what they mean.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use super::render::Usage;
use super::units;
use crate::checkpoint::Links;
use crate::files;
use crate::kernel::{DType, SimdLevel};
use crate::merge::Access;
use crate::plan::{self, Allow};
use crate::recipe::Recipe;

/// How a recipe becomes a plan.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct PlanArgs {
    /// Format of the output, in place of the recipe's `dtype`: float16, bfloat16, float32, or float64, which also computes
    /// in float64
    #[arg(long, value_name = "DTYPE", value_parser = dtype)]
    dtype: Option<DType>,

    /// Format of the output, in place of the recipe's `out_dtype` and over any `dtype`
    #[arg(long, value_name = "DTYPE", value_parser = dtype)]
    out_dtype: Option<DType>,

    /// Largest weight file; a larger model is split into several with an index
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = units::parse_bytes)]
    shard_size: u64,

    /// Seed of methods that draw at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    allow: AllowArgs,
}

/// What is accepted of the models that are merged.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct AllowArgs {
    /// Accept a disagreement or fault of the inputs (repeatable)
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = allowed())]
    allow: Vec<String>,
}

impl AllowArgs {
    pub(super) fn accepted(&self) -> anyhow::Result<Allow> {
        let mut allow = Allow::default();
        for name in &self.allow {
            if !allow.accept(name) {
                return Err(Usage::new(format!("`--allow` does not know `{name}`")).into());
            }
        }
        Ok(allow)
    }
}

impl PlanArgs {
    pub(super) fn options(&self) -> anyhow::Result<plan::Options> {
        let allow = self.allow.accepted()?;
        let shard_size = Some(self.shard_size).filter(|size| *size > 0);
        Ok(plan::Options { dtype: self.dtype, out_dtype: self.out_dtype, shard_size, seed: self.seed, allow })
    }
}

/// What is accepted of the model folders that a command reads.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct LinkArgs {
    /// Accept a fault of a model folder
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = links())]
    allow: Vec<String>,
}

impl LinkArgs {
    pub(super) fn links(&self) -> Links {
        if self.allow.is_empty() { Links::Inside } else { Links::Followed }
    }
}

/// How a merge runs and what it says.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct RunArgs {
    /// Replace OUT if it is an earlier merge; the old one stays until the new one is complete
    #[arg(short, long)]
    pub(super) force: bool,

    /// Threads; 0 for one a core. The result does not depend on it
    #[arg(short = 'j', long, value_name = "N", default_value_t = 0)]
    pub(super) threads: usize,

    /// Do not wait until the output is on disk
    #[arg(long)]
    pub(super) no_sync: bool,

    /// Read tensors in place through a memory map rather than into buffers; slower where measured
    #[arg(long)]
    mmap: bool,

    /// Print a summary for programs on stdout
    #[arg(long)]
    pub(super) json: bool,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Say what is done
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl RunArgs {
    pub(super) fn access(&self) -> Access {
        if self.mmap { Access::Map } else { Access::Read }
    }
}

/// A recipe file and the values of its variables.
#[derive(Args, Clone, Debug)]
pub(super) struct RecipeArgs {
    /// Recipe: a YAML file in mergekit's language; - reads it from stdin
    #[arg(value_name = "RECIPE")]
    recipe: PathBuf,

    /// Value of `${name}` in the recipe (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,
}

impl RecipeArgs {
    pub(super) fn read(&self) -> anyhow::Result<Recipe> {
        let variables = assignments(&self.variables)?;
        if self.recipe.as_os_str() == "-" {
            return Ok(Recipe::parse_in(&stdin_text()?, "<stdin>", Some(PathBuf::new()), &variables)?);
        }
        Ok(Recipe::read(&self.recipe, &variables)?)
    }
}

/// The values of variables, each given once.
pub(super) fn assignments(given: &[(String, String)]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for (name, value) in given {
        if variables.insert(name.clone(), value.clone()).is_some() {
            return Err(Usage::new(format!("`--set {name}=…` is given twice")).into());
        }
    }
    Ok(variables)
}

/// A recipe on stdin.
pub(super) fn stdin_text() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(RECIPE_LIMIT).read_to_string(&mut text).context("cannot read the recipe from stdin")?;
    Ok(text)
}

/// What a shell's `<(…)` gives, which can be read only once.
pub(super) fn pipe_text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = files::open_or_pipe(path).and_then(|pipe| pipe.take(RECIPE_LIMIT).read_to_string(&mut text));
    read.with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text)
}

/// One byte more than any recipe has, so that a longer one is refused.
const RECIPE_LIMIT: u64 = (1 << 20) + 1;

/// The instruction set that `ADMIX_SIMD` asks for, or the best there is.
pub(super) fn level() -> anyhow::Result<SimdLevel> {
    let Some(name) = std::env::var_os("ADMIX_SIMD") else { return Ok(SimdLevel::best()) };
    let name = name.to_string_lossy();
    SimdLevel::from_name(&name).ok_or_else(|| {
        let names: Vec<_> = SimdLevel::available().into_iter().map(SimdLevel::name).collect();
        Usage::with_hint(
            format!("ADMIX_SIMD is `{name}`, which this machine does not have"),
            format!("it has {}", names.join(", ")),
        )
        .into()
    })
}

/// The one word that `--allow` takes where models are not compared.
fn links() -> PossibleValuesParser {
    let names = Allow::names().into_iter().filter(|(name, _)| *name == "links");
    PossibleValuesParser::new(names.map(|(name, doc)| PossibleValue::new(name).help(doc)))
}

/// The words that `--allow` takes, each with its help.
fn allowed() -> PossibleValuesParser {
    PossibleValuesParser::new(Allow::names().into_iter().map(|(name, doc)| PossibleValue::new(name).help(doc)))
}

fn dtype(text: &str) -> Result<DType, String> {
    let name = text.strip_prefix("torch.").unwrap_or(text);
    let meant = match name {
        "bf16" => ", did you mean bfloat16?",
        "fp16" | "f16" | "half" => ", did you mean float16?",
        "fp32" | "f32" | "float" => ", did you mean float32?",
        _ => "",
    };
    DType::from_name(name).ok_or_else(|| format!("expected float16, bfloat16, float32 or float64{meant}"))
}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
