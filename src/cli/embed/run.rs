//! Encodes the lines of stdin.

use std::io::{self, BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use super::formats::Format;
use crate::checkpoint::{Checkpoint, Settings};
use crate::cli::args::LinkArgs;
use crate::cli::encoding::{EncoderArgs, RetrievalArgs, set_aside};
use crate::cli::render::{self, Usage};
use crate::cli::{output, progress, run, units};
use crate::encoder::{Error, Retriever, Role, Vectors};

/// Write the embeddings of texts, one a line of stdin
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix embed model -o out.npy < lines.txt
  admix embed model --prompt 'query: ' -o queries.safetensors < queries.txt
  admix embed model --prompt-name query --truncate-dim 256 -o queries.jsonl < queries.txt
  admix embed splade -o weights.jsonl < lines.txt
  admix embed bge-m3 --retrieval all -o heads.jsonl < lines.txt

The end of OUT's name says the format: .npy (float32, rows × dimensions), .safetensors (a tensor
`embeddings`), .jsonl (an object with `text` and `embedding` a line). Of a sparse retriever, .jsonl
has `weights` in place of `embedding`, the heaviest token first, and .safetensors the rows as
`indptr`, `indices` and `data`, as scipy's csr_matrix takes them, with their `shape`. Of a
late-interaction model, .jsonl has a list of vectors as `embeddings`, and .safetensors has in
`indptr` where those of each text begin in `embeddings`.")]
pub(crate) struct Args {
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

    /// Name of one of the model's own prompts; `query` and `document` also say what the texts are, for models that encode the
    /// two in different ways
    #[arg(long, value_name = "NAME")]
    prompt_name: Option<String>,

    #[command(flatten)]
    encoder: EncoderArgs,

    #[command(flatten)]
    retrieval: RetrievalArgs,

    #[command(flatten)]
    links: LinkArgs,

    /// Print a summary for programs on stdout
    #[arg(long)]
    json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let format = Format::of(&args.out)?;
    if !args.force && output::is_taken(&args.out) {
        return Err(output::exists(&args.out));
    }
    let cancel = run::interruption()?;
    let checkpoint = Checkpoint::open_with(&args.model, args.links.links())?;
    let prompt = prompt(args, checkpoint.settings())?;
    let retriever = Retriever::open(&checkpoint, &args.retrieval.apply(args.encoder.options()))?;
    format.check(&retriever, &args.out)?;
    let role = role(args, &retriever)?;
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
    output::write(&args.out, args.force, |file| {
        format.write(file, &texts, &vectors, &retriever)?;
        Ok(cancel.check(Error::Cancelled)?)
    })?;
    let (size, unit) = size(&vectors, &retriever);
    let rate = rate(texts.len(), time);
    if !args.quiet {
        render::say(&format!(
            "{} texts, {} tokens, {size} {unit} in {} ({rate:.0} texts/s) to {}",
            texts.len(),
            tokens.total(),
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
            unit: size,
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

/// What is counted besides texts and tokens, and what it is called.
fn size(vectors: &Vectors, retriever: &Retriever) -> (usize, &'static str) {
    match vectors {
        Vectors::Dense(all) => (all.dimension, "dimensions"),
        Vectors::Sparse(all) => (all.entries(), "entries"),
        Vectors::Late(all) => (all.dimension, "dimensions"),
        Vectors::Hybrid(_) => (retriever.heads(), "heads"),
    }
}

/// The role of the texts, which a prompt's name tells, as in sentence-transformers' `encode_query` and `encode_document`.
fn role(args: &Args, retriever: &Retriever) -> Result<Role, Usage> {
    match args.prompt_name.as_deref() {
        Some("query") => Ok(Role::Query),
        Some("document") => Ok(Role::Document),
        _ if matches!(retriever, Retriever::Late(_)) => Err(Usage::with_hint(
            format!("`{}` encodes queries in another way than documents", args.model.display()),
            "say what the lines are: `--prompt-name query` or `--prompt-name document`",
        )),
        _ => Ok(Role::Text),
    }
}
