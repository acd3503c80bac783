//! `admix cocktail`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::args::LinkArgs;
use super::encoding::{EncoderArgs, PromptArgs, set_aside, similarity};
use super::render::{self, Usage};
use super::{blend, output, progress, run};
use crate::checkpoint::{Checkpoint, DisagreementAmong, Links, disagreements_among, used_among};
use crate::encoder::{Encoder, Retriever};
use crate::escape::{columns, line};
use crate::eval::data::{self, Options};
use crate::eval::{Example, cocktail_weights, contrastive_loss};
use crate::method;
use crate::progress::Cancel;

/// Weigh models by a few labelled examples (LM-Cocktail) and print the recipe that averages them
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Each model's weight is the softmax of -loss / temperature, where the loss is the contrastive loss on
the examples, every text being a negative for the others' queries. Models are used as their folders
say: their pooling, their prompts.

Examples:
  admix cocktail base ko-en ko-ko --examples examples.jsonl > recipe.yaml
  admix cocktail base ko-en --examples sets/jhe --split dev --limit 32 -o recipe.yaml

A line of examples.jsonl is {\"query\": \"…\", \"pos\": [\"…\"], \"neg\": [\"…\"]}; of a data set, the first
queries and their relevant documents are taken.")]
pub(super) struct Args {
    /// Model folders
    #[arg(value_name = "MODEL", required = true, num_args = 2..)]
    models: Vec<PathBuf>,

    /// A file of examples, or a data set folder
    #[arg(short, long, value_name = "PATH")]
    examples: PathBuf,

    /// How even the weights are: low takes the best model almost alone, high takes all alike
    #[arg(short, long, value_name = "T", default_value_t = 5.0)]
    temperature: f64,

    /// Split of a data set
    #[arg(long, value_name = "SPLIT")]
    split: Option<String>,

    /// Examples taken from each direction of a data set
    #[arg(long, value_name = "N", default_value_t = 32)]
    limit: usize,

    /// Recipe to write, in place of stdout
    #[arg(short, long, value_name = "RECIPE")]
    out: Option<PathBuf>,

    /// Replace RECIPE if it exists
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    prompts: PromptArgs,

    #[command(flatten)]
    encoder: EncoderArgs,

    #[command(flatten)]
    links: LinkArgs,

    /// Print losses, weights and the recipe for programs
    #[arg(long)]
    json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        return Err(Usage::new(format!("`--temperature` is {}, expected a number above 0", args.temperature)).into());
    }
    if let Some(out) = args.out.as_ref().filter(|out| !args.force && output::is_taken(out)) {
        return Err(output::exists(out));
    }
    let cancel = run::interruption()?;
    let examples = examples(args)?;
    let checkpoints = args.models.iter().map(|folder| Checkpoint::open_with(folder, args.links.links()));
    let checkpoints = as_merged(checkpoints.collect::<Result<Vec<_>, _>>()?, args.links.links(), args.quiet)?;
    let mut losses = Vec::new();
    for checkpoint in &checkpoints {
        let name = checkpoint.path().display();
        losses.push(loss(args, checkpoint, &examples, &cancel).with_context(|| format!("cannot weigh `{name}`"))?);
    }
    let weights = cocktail_weights(&losses, args.temperature);
    let models: Vec<(String, f64)> = checkpoints
        .iter()
        .zip(&weights)
        // Four digits say more than a few examples can.
        .map(|(checkpoint, weight)| (checkpoint.path().display().to_string(), (weight * 1e4).round() / 1e4))
        .collect();
    let linear = method::find("linear").ok_or_else(|| Usage::new("this build has no method `linear`"))?;
    let recipe = blend::yaml(linear, None, &models, true, &[]);
    if !args.quiet {
        let row = |((name, weight), loss): (&(String, f64), &f64)| {
            vec![name.clone(), format!("{loss:.4}"), format!("{weight:.4}")]
        };
        let rows: Vec<Vec<String>> = models.iter().zip(&losses).map(row).collect();
        let mut page = columns(&["model", "loss", "weight"], &rows, &[1, 2], render::stderr_columns());
        page.line(format_args!("{} examples, temperature {}", examples.len(), args.temperature));
        render::say_page(&page);
    }
    if let Some(out) = &args.out {
        output::write(out, args.force, |file| Ok(file.write_all(recipe.as_bytes())?))?;
    }
    if args.json {
        let model =
            |((name, weight), loss): (&(String, f64), &f64)| json!({"model": name, "loss": loss, "weight": weight});
        return render::print_json(&json!({
            "models": models.iter().zip(&losses).map(model).collect::<Vec<_>>(),
            "examples": examples.len(),
            "temperature": args.temperature,
            "recipe": recipe,
        }));
    }
    if args.out.is_none() { render::print_file(&recipe) } else { Ok(()) }
}

/// The models, of which plain folders are used as the merge of all will be. What the others disagree on the merge would refuse.
fn as_merged(models: Vec<Checkpoint>, links: Links, quiet: bool) -> anyhow::Result<Vec<Checkpoint>> {
    let all: Vec<&Checkpoint> = models.iter().collect();
    let used = used_among(&all, 0);
    let found = disagreements_among(&all, 0, false, used, false);
    let name = |model: usize| all.get(model).map_or_else(String::new, |model| model.path().display().to_string());
    let said: Vec<String> = found
        .iter()
        .filter(|among| among.is_of_use && !quiet)
        .map(|DisagreementAmong { left, right, found, .. }| {
            let (what, one, other) = (&found.what, &found.left, &found.right);
            format!("the models disagree on {what}: `{}` has {one}, `{}` has {other}", name(*left), name(*right))
        })
        .collect();
    render::warn(&said);
    let folder = all.get(used).map(|model| model.path().to_owned());
    let adopt = |model: Checkpoint| match &folder {
        Some(folder) if !model.is_sentence_transformers() => Ok(match Checkpoint::open_usage(folder, links)? {
            Some(usage) => model.used_as(usage),
            None => model,
        }),
        _ => Ok(model),
    };
    models.into_iter().map(adopt).collect()
}

fn examples(args: &Args) -> anyhow::Result<Vec<Example>> {
    if !args.examples.is_dir() {
        return Ok(Example::read(&args.examples)?);
    }
    let options = Options { split: args.split.clone(), limit_queries: None };
    let sets = data::open(Path::new(&args.examples), &options)?;
    Ok(sets.iter().flat_map(|set| Example::of_set(set, args.limit)).collect())
}

fn loss(args: &Args, checkpoint: &Checkpoint, examples: &[Example], cancel: &Cancel) -> anyhow::Result<f64> {
    if !args.quiet {
        render::warn(&args.prompts.warnings(checkpoint));
    }
    let encoder = Encoder::open(checkpoint, &args.encoder.options())?;
    if !args.quiet {
        render::warn(encoder.warnings());
    }
    let prompts = args.prompts.of(checkpoint.settings());
    let texts = examples.iter().map(|example| 2 + example.negatives.len()).sum::<usize>();
    let bar = progress::bar(progress::Counted::Encoding, texts as u64, args.quiet);
    bar.set_message(line(&checkpoint.path().display().to_string()));
    let found = contrastive_loss(&encoder, examples, &prompts, similarity(checkpoint)?, &mut |texts, _| {
        bar.inc(texts as u64);
        cancel.flow()
    });
    bar.finish_and_clear();
    set_aside(Retriever::Dense(encoder));
    Ok(found?)
}
