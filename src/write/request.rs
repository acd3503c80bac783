//! Writes a merge into a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Error;
use super::card::card;
use super::files::WeightFiles;
use super::folder::OutputFolder;
use super::record::{RECORD, record};
use super::scores::{CardScores, PLOT};
use super::tokenizer;
use crate::checkpoint::{Checkpoint, LONGEST_CONFIG, ModelPath, SettingsFile, read_json};
use crate::escape;
use crate::merge::{self, Report};
use crate::plan::Plan;

/// What to write, and where.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The merge.
    pub plan: &'a Plan,
    /// The folder to write.
    pub out: &'a Path,
    /// Whether a model folder that is there is replaced.
    pub force: bool,
    /// Whether to wait until everything is on disk.
    pub sync: bool,
}

/// A finished merge.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The merge's report.
    pub report: Report,
    /// The folder.
    pub path: PathBuf,
}

/// Runs the merge into a new folder.
///
/// # Errors
/// A folder that may not be written, a disk that is full or read-only, a merge that fails. Nothing is left then.
pub fn write(request: Request<'_>, options: merge::Options<'_>) -> Result<Outcome, Error> {
    write_with(request, options, Extras::default())
}

/// What a merge is written with besides.
#[derive(Clone, Copy)]
pub struct Extras<'a> {
    /// What its model card says of its scores.
    pub scores: Option<&'a CardScores>,
    /// Called when all is merged and the system begins to write it to the disk.
    pub syncing: &'a dyn Fn(),
}

impl Default for Extras<'_> {
    fn default() -> Self {
        Self { scores: None, syncing: &|| {} }
    }
}

/// As [`write`], with scores on the model card.
///
/// # Errors
/// As [`write`].
pub fn write_with(request: Request<'_>, options: merge::Options<'_>, extras: Extras<'_>) -> Result<Outcome, Error> {
    let Request { plan, out, force, sync } = request;
    let folder = OutputFolder::create(out, force, plan.folders().into_iter())?;
    copy_side_files(plan, folder.path(), sync)?;
    let weights = WeightFiles::create(plan, folder.path())?;
    let report = merge::run(plan, &weights, options)?;
    weights.write_checksums(plan)?;
    if sync {
        (extras.syncing)();
        weights.sync()?;
    }
    let write_file = |name: &str, text: String| write_file(&folder.path().join(name), text.as_bytes(), sync);
    for (name, index) in indexes(plan) {
        write_file(&name, pretty(&index))?;
    }
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    write_file("README.md", card(plan, &name, extras.scores))?;
    if let Some(plot) = extras.scores.and_then(|scores| scores.plot.clone()) {
        write_file(PLOT, plot)?;
    }
    let warnings: Vec<String> = plan.warnings.iter().chain(&report.warnings).cloned().collect();
    write_file(RECORD, escape::json(&record(plan, &warnings), true) + "\n")?;
    options.cancel.check(merge::Error::Cancelled)?;
    let path = folder.commit(sync)?;
    Ok(Outcome { report, path })
}

/// Copies everything that a loader needs besides weights: the donor's files, and those that say how the model is used.
fn copy_side_files(plan: &Plan, folder: &Path, sync: bool) -> Result<(), Error> {
    let merge = plan.outline(folder.to_path_buf());
    let main = merge.main_folder();
    let stated = stated_length(plan, &merge)?;
    let config_name = if main.is_empty() { "config.json".to_owned() } else { format!("{main}/config.json") };
    let tokenizer = tokenizer::files(plan)?;
    let of_other = plan.alignment.as_ref().is_some_and(|alignment| alignment.tokenizer_of != Some(plan.donor));
    for side in merge.side_files() {
        if stated.as_ref().is_some_and(|file| file.relative == side.relative) {
            continue;
        }
        if tokenizer.is_some() && tokenizer::is_tokenizer_file(&side.relative, main) {
            continue;
        }
        let target = folder.join(&side.relative);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        if side.relative == config_name {
            write_file(&target, pretty(&Value::Object(merge.config().clone())).as_bytes(), sync)?;
            continue;
        }
        if of_other
            && side.relative.ends_with("generation_config.json")
            && let Ok(Value::Object(mut generation)) = read_json(&side.source, LONGEST_CONFIG)
        {
            crate::plan::renumber(plan, &mut generation);
            write_file(&target, pretty(&Value::Object(generation)).as_bytes(), sync)?;
            continue;
        }
        copy(&side.source, &target, sync)?;
    }
    let home = folder.join(main);
    fs::create_dir_all(&home).map_err(Error::io("create", &home))?;
    if let Some(SettingsFile { relative, config }) = stated {
        write_file(&folder.join(relative), pretty(&Value::Object(config)).as_bytes(), sync)?;
    }
    for (name, file) in tokenizer.into_iter().flatten() {
        let target = home.join(name);
        match file {
            tokenizer::File::Copy(source) => copy(&source, &target, sync)?,
            tokenizer::File::New(value) => write_file(&target, pretty(&value).as_bytes(), sync)?,
            tokenizer::File::Edited(edited) => {
                let file = File::create_new(&target).map_err(Error::io("create", &target))?;
                let mut out = io::BufWriter::new(file);
                let written = edited.write_to(&mut out).and_then(|()| out.flush());
                written.map_err(|error| Error::from_io("write", target.clone(), None, error))?;
                if sync {
                    out.get_ref().sync_all().map_err(Error::io("sync", &target))?;
                }
            }
        }
    }
    Ok(())
}

/// The transformer's settings file, where the maximum sequence length must be written to it: sentence-transformers 6 takes
/// that from the tokenizer, which may be another model's.
fn stated_length(plan: &Plan, merge: &Checkpoint) -> Result<Option<SettingsFile>, Error> {
    let tokenizer = match &plan.alignment {
        Some(alignment) => alignment.vocabulary.tokenizer(),
        None => merge.tokenizer(),
    };
    merge.with_stated_length(tokenizer).map_err(Error::Checkpoint)
}

fn copy(source: &ModelPath, target: &Path, sync: bool) -> Result<(), Error> {
    let mut from = source.open().map_err(Error::Checkpoint)?;
    let size = from.metadata().map(|metadata| metadata.len()).ok();
    let mut to = File::create_new(target).map_err(Error::io("create", target))?;
    io::copy(&mut from, &mut to).map_err(|error| Error::from_io("write", target.to_owned(), size, error))?;
    if sync { to.sync_all().map_err(Error::io("sync", target)) } else { Ok(()) }
}

/// Writes a new file.
pub(crate) fn write_file(path: &Path, bytes: &[u8], sync: bool) -> Result<(), Error> {
    let mut file = File::create_new(path).map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    if sync { file.sync_all().map_err(Error::io("sync", path)) } else { Ok(()) }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The weight index of each module that has several weight files, in the form of transformers.
fn indexes(plan: &Plan) -> BTreeMap<String, Value> {
    let mut maps: BTreeMap<&str, (u64, Map<String, Value>)> = BTreeMap::new();
    let mut tensors: Vec<_> = plan.tensors.iter().collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    for tensor in tensors {
        let (size, map) = maps.entry(&tensor.module).or_default();
        let relative = &plan.files[tensor.file].relative;
        let file = relative.rsplit('/').next().unwrap_or(relative);
        *size += tensor.byte_len();
        map.insert(tensor.name.clone(), json!(file));
    }
    let several = |module: &str| plan.files.iter().filter(|file| file.module == module).count() > 1;
    let index = |(module, (size, map)): (&str, (u64, Map<String, Value>))| {
        let name = "model.safetensors.index.json";
        let name = if module.is_empty() { name.to_owned() } else { format!("{module}/{name}") };
        (name, json!({"metadata": {"total_size": size}, "weight_map": map}))
    };
    maps.into_iter().filter(|(module, _)| several(module)).map(index).collect()
}
