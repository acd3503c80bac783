//! `admix convert`

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::args::LinkArgs;
use super::{progress, render, run, units};
use crate::convert::{Conversion, Request};
use crate::progress::Monitor;

/// Turn weights saved by torch into safetensors, without running anything in them
///
/// Reads `pytorch_model.bin`, its shards, `adapter_model.bin`, `*.pt` and `*.pth` in the folder and the folders in it, and copies
/// every other file. A file that needs more than tensors is refused.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix convert old-model -o new-model
  admix convert BAAI/bge-m3 -o bge-m3            a model in the Hugging Face cache
  admix convert old-model -o new-model --json | jq .files")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Args {
    /// Model or adapter folder, or org/name[@revision] in the Hugging Face cache
    folder: PathBuf,

    /// Folder to write; it appears when it is complete
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,

    /// Replace OUT if admix wrote it; the old one stays until the new one is complete
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    links: LinkArgs,

    /// Do not wait until the output is on disk
    #[arg(long)]
    no_sync: bool,

    /// Print a summary for programs on stdout
    #[arg(long)]
    json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let cancel = run::interruption()?;
    let started = Instant::now();
    let conversion = Conversion::open_with(&args.folder, args.links.links())?;
    let bar = progress::bar(progress::Counted::Bytes, conversion.work_bytes(), args.quiet);
    let request = Request { out: &args.out, force: args.force, sync: !args.no_sync };
    let advance = progress::advance(&bar);
    let done = conversion.write(request, Monitor { cancel: &cancel, progress: &advance });
    bar.finish_and_clear();
    let outcome = done?;
    let bytes: u64 = outcome.files.iter().map(|file| file.bytes).sum();
    let tensors: usize = outcome.files.iter().map(|file| file.tensors).sum();
    if !args.quiet {
        render::warn(&outcome.warnings);
        let files = if outcome.files.len() == 1 { "file" } else { "files" };
        render::say(&format!(
            "converted {} {files}, {tensors} tensors, {} in {} to {}",
            outcome.files.len(),
            units::bytes(bytes),
            units::seconds(started.elapsed()),
            args.out.display(),
        ));
    }
    if args.json {
        let files = outcome.files.iter();
        let files: Vec<_> = files
            .map(|file| json!({"from": file.from, "to": file.to, "tensors": file.tensors, "bytes": file.bytes}))
            .collect();
        render::print_json(&json!({
            "folder": conversion.folder().display().to_string(),
            "out": args.out.display().to_string(),
            "files": files,
            "copied": outcome.copied,
            "bytes": bytes,
            "seconds": started.elapsed().as_secs_f64(),
            "warnings": outcome.warnings,
        }))?;
    }
    Ok(())
}
