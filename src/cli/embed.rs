//! `admix embed`

use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::json;

use super::args::LinkArgs;
use super::encoding::{EncoderArgs, set_aside};
use super::render::{self, Usage};
use super::{output, progress, run, units};
use crate::checkpoint::{Checkpoint, Settings};
use crate::encoder::{Embeddings, Encoder, Error, Retriever};
use crate::progress::Cancel;

/// Write the embeddings of texts, one a line of stdin
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix embed model -o out.npy < lines.txt
  admix embed model --prompt 'query: ' -o queries.safetensors < queries.txt
  admix embed model --prompt-name query --truncate-dim 256 -o queries.jsonl < queries.txt

The end of OUT's name says the format: .npy (float32, rows × dimensions), .safetensors (a tensor
`embeddings`), .jsonl (an object with `text` and `embedding` a line).")]
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

#[derive(Clone, Copy)]
enum Format {
    Npy,
    Safetensors,
    JsonLines,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let format = format(&args.out)?;
    if !args.force && output::is_taken(&args.out) {
        return Err(output::exists(&args.out));
    }
    let cancel = run::interruption()?;
    let checkpoint = Checkpoint::open_with(&args.model, args.links.links())?;
    let prompt = prompt(args, checkpoint.settings())?;
    let encoder = Encoder::open(&checkpoint, &args.encoder.options())?;
    if !args.quiet {
        render::warn(encoder.warnings());
    }
    let texts = read_lines()?;
    let started = Instant::now();
    let tokens = encoder.tokenize(&texts, prompt.as_deref())?;
    let bar = progress::bar(progress::Counted::Encoding, tokens.total() as u64, args.quiet);
    let mut finished = 0;
    let done = encoder.encode(&tokens, &mut |count, tokens| {
        finished += count;
        bar.set_message(format!("{finished}/{} texts  {:.0} texts/s", texts.len(), rate(finished, started.elapsed())));
        bar.inc(tokens as u64);
        cancel.flow()
    });
    bar.finish_and_clear();
    let embeddings = done?;
    let time = started.elapsed();
    write(args, format, &texts, &embeddings, &cancel)?;
    let rate = rate(texts.len(), time);
    if !args.quiet {
        render::say(&format!(
            "{} texts, {} tokens, {} dimensions in {} ({rate:.0} texts/s) to {}",
            texts.len(),
            tokens.total(),
            embeddings.dimension,
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
            "dimensions": embeddings.dimension,
            "max_length": encoder.max_length(),
            "prompt": prompt.unwrap_or_default(),
            "seconds": time.as_secs_f64(),
            "texts_per_second": rate,
        }))?;
    }
    set_aside(Retriever::Dense(encoder));
    Ok(())
}

fn format(out: &Path) -> anyhow::Result<Format> {
    match out.extension().and_then(|end| end.to_str()) {
        Some("npy") => Ok(Format::Npy),
        Some("safetensors") => Ok(Format::Safetensors),
        Some("jsonl") => Ok(Format::JsonLines),
        _ => Err(Usage::with_hint(
            format!("`{}` ends in no known format", out.display()),
            "the end of the name says the format: .npy, .safetensors or .jsonl",
        )
        .into()),
    }
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

/// OUT is there whole or not at all.
fn write(
    args: &Args,
    format: Format,
    texts: &[String],
    embeddings: &Embeddings,
    cancel: &Cancel,
) -> anyhow::Result<()> {
    output::write(&args.out, args.force, |file| {
        match format {
            Format::Npy => write_npy(file, embeddings),
            Format::Safetensors => write_safetensors(file, embeddings),
            Format::JsonLines => write_json_lines(file, texts, embeddings),
        }?;
        Ok(cancel.check(Error::Cancelled)?)
    })
}

/// Format version 1.0: magic, length of the header, a Python literal filled up to 64 bytes, the numbers.
fn write_npy(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    let (rows, columns) = (embeddings.len(), embeddings.dimension);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let filled = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header.extend(std::iter::repeat_n(' ', filled - header.len()));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    write_numbers(out, embeddings)
}

fn write_numbers(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    embeddings.values.iter().try_for_each(|x| out.write_all(&x.to_le_bytes()))
}

fn write_safetensors(out: &mut dyn io::Write, embeddings: &Embeddings) -> io::Result<()> {
    let bytes: Vec<u8> = embeddings.values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let shape = vec![embeddings.len(), embeddings.dimension];
    let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(io::Error::other)?;
    out.write_all(&safetensors::serialize([("embeddings", view)], None).map_err(io::Error::other)?)
}

fn write_json_lines(out: &mut dyn io::Write, texts: &[String], embeddings: &Embeddings) -> io::Result<()> {
    for (text, embedding) in texts.iter().zip(embeddings.rows()) {
        serde_json::to_writer(&mut *out, &json!({"text": text, "embedding": embedding}))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
