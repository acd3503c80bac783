//! `admix embed`

use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use super::args::LinkArgs;
use super::encoding::{EncoderArgs, set_aside};
use super::render::{self, Usage};
use super::vector_files::Format;
use super::{output, progress, run, units};
use crate::checkpoint::{Checkpoint, Settings};
use crate::encoder::{Error, Retriever, Role};

/// Write the embeddings of texts, one a line of stdin
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix embed model -o out.npy < lines.txt
  admix embed model --prompt 'query: ' -o queries.safetensors < queries.txt
  admix embed model --prompt-name query --truncate-dim 256 -o queries.jsonl < queries.txt
  admix embed colbert --prompt-name document -o vectors.safetensors < documents.txt

The end of OUT's name says the format: .npy (float32, rows × dimensions), .safetensors (a tensor
`embeddings`), .jsonl (an object with `text` and `embedding` a line). A late-interaction model has
one vector a token: .safetensors has all of them, and in `lengths` how many each text has; .jsonl
has a list of vectors a line.")]
pub(super) struct Args {
    /// Model folder
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// File to write; it appears when it is complete
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,

    /// Replace OUT if it exists
    #[arg(short, long)]
    force: bool,

    /// What is put in front of every text; the model's default prompt when not given
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_name")]
    prompt: Option<String>,

    /// Name of one of the model's own prompts
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,

    #[command(flatten)]
    encoder: EncoderArgs,

    #[command(flatten)]
    links: LinkArgs,

    /// Print a summary for programs on stdout
    #[arg(long)]
    json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let format = Format::of(&args.out)?;
    if !args.force && output::is_taken(&args.out) {
        return Err(output::exists(&args.out));
    }
    let cancel = run::interruption()?;
    let checkpoint = Checkpoint::open_with(&args.model, args.links.links())?;
    let prompt = prompt(args, checkpoint.settings())?;
    let retriever = Retriever::open(&checkpoint, &args.encoder.options())?;
    let role = role(args, &retriever)?;
    format.check(&args.out, &retriever)?;
    if !args.quiet {
        render::warn(retriever.warnings());
    }
    let texts = read_lines()?;
    let started = Instant::now();
    let tokens = retriever.tokenize(role, &texts, prompt.as_deref())?;
    let bar = progress::bar(progress::Counted::Encoding, tokens.total() as u64, args.quiet);
    let mut finished = 0;
    let done = retriever.encode(&tokens, &mut |count, tokens| {
        finished += count;
        bar.set_message(format!("{finished}/{} texts  {:.0} texts/s", texts.len(), rate(finished, started.elapsed())));
        bar.inc(tokens as u64);
        cancel.flow()
    });
    bar.finish_and_clear();
    let vectors = done?;
    let time = started.elapsed();
    // OUT is there whole or not at all.
    output::write(&args.out, args.force, |file| {
        format.write(file, &texts, &vectors)?;
        Ok(cancel.check(Error::Cancelled)?)
    })?;
    let rate = rate(texts.len(), time);
    if !args.quiet {
        render::say(&format!(
            "{} texts, {} tokens, {} dimensions in {} ({rate:.0} texts/s) to {}",
            texts.len(),
            tokens.total(),
            vectors.dimension(),
            units::seconds(time),
            args.out.display(),
        ));
    }
    if args.json {
        render::print_json(&json!({
            "out": args.out.display().to_string(),
            "model": args.model.display().to_string(),
            "texts": texts.len(),
            "tokens": tokens.total(),
            "dimensions": vectors.dimension(),
            "max_length": retriever.max_length(),
            "prompt": prompt.unwrap_or_default(),
            "seconds": time.as_secs_f64(),
            "texts_per_second": rate,
        }))?;
    }
    set_aside(retriever);
    Ok(())
}

/// What is put in front of every text.
fn prompt(args: &Args, settings: &Settings) -> anyhow::Result<Option<String>> {
    if let Some(prompt) = &args.prompt {
        return Ok(Some(prompt.clone()));
    }
    let Some(name) = &args.prompt_name else {
        return Ok(settings.default_prompt.as_ref().and_then(|name| settings.prompts.get(name)).cloned());
    };
    let found = match name.as_str() {
        "document" => settings.document_prompt.clone(),
        name => settings.prompts.get(name).cloned(),
    };
    // Every model has these two, empty unless it says otherwise.
    if found.is_some() || matches!(name.as_str(), "query" | "document") {
        return Ok(found);
    }
    let names: Vec<&str> = settings.prompts.keys().map(String::as_str).collect();
    let hint = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
    Err(Usage::with_hint(format!("`{}` has no prompt called `{name}`", args.model.display()), hint).into())
}

/// Whether texts are queries or documents, where that is more than a prompt.
fn role(args: &Args, retriever: &Retriever) -> anyhow::Result<Role> {
    if !matches!(retriever, Retriever::Late(_)) {
        return Ok(Role::Text);
    }
    match args.prompt_name.as_deref() {
        Some("query") => Ok(Role::Query),
        Some("document") => Ok(Role::Document),
        _ => Err(Usage::with_hint(
            format!("`{}` encodes queries in another way than documents", args.model.display()),
            "say what the lines are: `--prompt-name query` or `--prompt-name document`",
        )
        .into()),
    }
}

fn read_lines() -> anyhow::Result<Vec<String>> {
    let lines = BufReader::new(io::stdin().lock()).lines();
    let numbered =
        lines.enumerate().map(|(index, line)| line.with_context(|| format!("cannot read line {} of stdin", index + 1)));
    // Files from elsewhere end their lines with a carriage return too.
    numbered.map(|line| line.map(|line| line.strip_suffix('\r').map(str::to_owned).unwrap_or(line))).collect()
}

fn rate(texts: usize, time: Duration) -> f64 {
    texts as f64 / time.as_secs_f64().max(1e-9)
}
