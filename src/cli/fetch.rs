//! `admix fetch`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::args::{assignment, pipe_text};
use super::render::Usage;
use super::{progress, render, run, units};
use crate::checkpoint::{HubHome, HubModel};
use crate::eval::data::{Named, nearest_task};
use crate::fetch::{Client, Error, Fetched, Remote, Server};
use crate::files;
use crate::plan;
use crate::progress::Monitor;
use crate::recipe::{ModelRef, Recipe};
use crate::sweep::file::{Spec, is_sweep_text};

/// Download models, those that recipes name, and data sets from the Hugging Face Hub
///
/// Models go into the cache that `huggingface_hub` uses, where every command finds them by their names: safetensors weights
/// (`pytorch_model.bin` where there are none), configuration, tokenizer, modules and heads. What is there already is not downloaded again, and a download that was cut goes on
/// where it was. `HF_TOKEN`, `HF_ENDPOINT`, `HF_HOME` and `HF_HUB_CACHE` mean what they
/// mean there.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix fetch intfloat/multilingual-e5-small
  admix fetch intfloat/multilingual-e5-small@main BAAI/bge-m3
  admix fetch recipe.yaml --set ratio=0.5        the models of a recipe
  admix fetch sweep.yaml && admix sweep run sweep.yaml
  admix fetch --data mteb/Ko-StrategyQA MIRACLRetrieval:ko
  admix fetch --data org/name:subset@revision")]
pub(super) struct Args {
    /// Recipes, sweep files, or models: org/name[@revision]
    #[arg(value_name = "RECIPE|MODEL", required_unless_present = "data")]
    what: Vec<String>,

    /// Data sets: MTEB's tasks (`admix data --list`), or org/name[:subset][@revision]
    #[arg(short, long, value_name = "NAME", num_args = 1..)]
    data: Vec<String>,

    /// Value of `${name}` in a recipe (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,

    /// Print a summary for programs on stdout
    #[arg(long)]
    json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let variables: BTreeMap<String, String> = args.variables.iter().cloned().collect();
    let mut wanted: Vec<Wanted> = Vec::new();
    let models = args.what.iter().map(|text| named(text, &variables)).collect::<Result<Vec<_>, _>>()?;
    let data = args.data.iter().map(|text| data_set(text)).collect::<Result<Vec<_>, _>>()?;
    for item in models.into_iter().flatten().map(Wanted::Model).chain(data.into_iter().flatten()) {
        if !wanted.contains(&item) {
            wanted.push(item);
        }
    }
    let cancel = run::interruption()?;
    let mut done: Vec<(HubModel, Fetched)> = Vec::new();
    if !wanted.is_empty() {
        let client = Client::new(Server::from_env()?)?;
        let cache = HubHome::from_env().cache;
        let quiet = Monitor { cancel: &cancel, progress: &|_| {} };
        // What is wrong with one model is said before an hour is spent on another.
        let remotes = wanted.iter().map(|item| item.remote(&client, quiet)).collect::<Result<Vec<_>, _>>()?;
        let bar = progress::bar(progress::Counted::Bytes, remotes.iter().map(Remote::bytes).sum(), args.quiet);
        let advance = progress::advance(&bar);
        let monitor = Monitor { cancel: &cancel, progress: &advance };
        for (model, remote) in wanted.iter().map(Wanted::place).zip(&remotes) {
            let started = Instant::now();
            let fetched = remote.fetch(&client, &cache, monitor);
            if fetched.is_err() {
                bar.finish_and_clear();
            }
            let fetched = fetched?;
            if !args.quiet {
                let line = said(model, &fetched, started);
                bar.suspend(|| render::say(&line));
            }
            done.push((model.clone(), fetched));
        }
        bar.finish_and_clear();
    } else if !args.quiet {
        render::say("all of them are folders here; there is nothing to download");
    }
    if args.json {
        let entry = |(model, fetched): &(HubModel, Fetched)| {
            json!({
                "model": model.name(),
                "type": model.kind().name(),
                "revision": model.revision(),
                "commit": fetched.commit,
                "folder": fetched.folder.display().to_string(),
                "files": fetched.files,
                "bytes": fetched.bytes,
                "downloaded": fetched.downloaded,
            })
        };
        render::print_json(&json!({"models": done.iter().map(entry).collect::<Vec<_>>()}))?;
    }
    Ok(())
}

fn said(model: &HubModel, fetched: &Fetched, started: Instant) -> String {
    let Fetched { files, bytes, downloaded, commit, .. } = fetched;
    let short = commit.get(..8).unwrap_or(commit);
    if *downloaded == 0 {
        return format!("{model} ({short}) is there: {files} files, {}", units::bytes(*bytes));
    }
    let time = started.elapsed();
    let (all, now, seconds) = (units::bytes(*bytes), units::bytes(*downloaded), units::seconds(time));
    let rate = units::bytes(units::rate(*downloaded, time));
    format!("{model} ({short}): {files} files, {all}, {now} downloaded in {seconds} ({rate}/s)")
}

/// What is downloaded.
#[derive(PartialEq, Eq)]
enum Wanted {
    Model(HubModel),
    Data(Named, HubModel),
}

impl Wanted {
    fn place(&self) -> &HubModel {
        match self {
            Self::Model(place) | Self::Data(_, place) => place,
        }
    }

    fn remote(&self, client: &Client, monitor: Monitor<'_>) -> Result<Remote, Error> {
        match self {
            Self::Model(model) => Remote::of(client, model, monitor),
            Self::Data(data, place) => {
                Remote::of_data(client, place, &|names, readme| data.files(names, readme), monitor)
            }
        }
    }
}

/// A data set of the Hub; `None` for a folder here.
fn data_set(text: &str) -> anyhow::Result<Option<Wanted>> {
    if Path::new(text).is_dir() {
        return Ok(None);
    }
    let named = Named::parse(text);
    let found = named.and_then(|named| Some(Wanted::Data(named.clone(), named.place()?.clone())));
    found.map(Some).ok_or_else(|| {
        let hint = match nearest_task(text) {
            Some(near) => format!("did you mean `{near}`? `admix data --list` lists MTEB's tasks"),
            None => {
                "a data set is written org/name[:subset][@revision]; `admix data --list` lists MTEB's tasks".to_owned()
            }
        };
        Usage::with_hint(format!("`{text}` is neither a task of MTEB nor a name on the Hub"), hint).into()
    })
}

/// The models of the Hub that an argument names: itself, or those of a recipe or sweep file that are no folders here.
fn named(text: &str, variables: &BTreeMap<String, String>) -> anyhow::Result<Vec<HubModel>> {
    let path = Path::new(text);
    if path.is_file() || files::is_descriptor(path) {
        let recipe = recipe(path, variables)?;
        let models = recipe.originals().into_iter().flat_map(with_adapter);
        let of_hub = models.filter(|model| !plan::is_here(&recipe, model));
        return of_hub
            .map(|model| {
                HubModel::new(&model.path, model.revision.as_deref()).ok_or_else(|| {
                    Usage::new(format!("`{model}` in {text} is neither a folder here nor a name on the Hub")).into()
                })
            })
            .collect();
    }
    if path.is_dir() {
        return Ok(Vec::new());
    }
    HubModel::parse(text).map(|model| vec![model]).ok_or_else(|| {
        Usage::with_hint(
            format!("`{text}` is neither a file nor a name on the Hub"),
            "a model is written org/name or org/name@revision",
        )
        .into()
    })
}

/// A model, and the adapter that is merged into it.
fn with_adapter(model: &ModelRef) -> impl Iterator<Item = &ModelRef> {
    std::iter::once(model).chain(model.adapter.as_deref())
}

/// The recipe of a file: the file's, or a sweep's at the middle of its space.
fn recipe(path: &Path, variables: &BTreeMap<String, String>) -> anyhow::Result<Recipe> {
    let (text, name) = (pipe_text(path)?, path.display().to_string());
    let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_path_buf));
    if !is_sweep_text(&text) {
        return Ok(Recipe::parse_in(&text, &name, folder, variables)?);
    }
    let spec = Spec::parse(&text, &name, folder.as_deref())?.spec;
    let middle = spec.params.place(&vec![0.5; spec.params.dimensions()]);
    Ok(spec.recipe.at(&spec.params.texts(&middle))?)
}
