//! Finds and hashes the checkpoints of a recipe.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Adapter, Checkpoint, HubSnapshot, Links};
use crate::plan;
use crate::recipe::{ModelRef, Recipe};
use crate::sweep::Error;
use crate::sweep::hash::{FileHash, Parts};

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The path in the recipe.
    pub name: String,
    /// Its name in tables.
    pub short: String,
    /// The folder.
    pub path: PathBuf,
    /// The folder of its adapter.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adapter: Option<PathBuf>,
    /// The hash of its files.
    pub hash: String,
    /// Its files.
    pub files: Vec<FileHash>,
}

/// The models of a recipe, its base first.
pub(super) fn models(recipe: &Recipe, links: Links) -> Result<Vec<Model>, Error> {
    let mut references: Vec<&ModelRef> = recipe.originals();
    // The window of another point may be larger.
    for model in recipe.matched() {
        if !references.contains(&model) {
            references.push(model);
        }
    }
    references.sort_by_key(|model| recipe.base_model.as_ref() != Some(*model));
    let mut found: Vec<Model> =
        references.into_par_iter().map(|model| open(recipe, model, links)).collect::<Result<_, _>>()?;
    name_shortly(&mut found);
    Ok(found)
}

fn open(recipe: &Recipe, model: &ModelRef, links: Links) -> Result<Model, Error> {
    let path = plan::resolve(recipe, model).map_err(plan::Errors::from)?;
    let path = std::path::absolute(&path).map_err(Error::io("find", &path))?;
    let mut files = files(&Checkpoint::open_with(&path, links)?);
    let adapter = model.adapter.as_deref().map(|adapter| {
        let path = plan::resolve(recipe, adapter).map_err(plan::Errors::from)?;
        let path = std::path::absolute(&path).map_err(Error::io("find", &path))?;
        files.push(path.join("adapter_config.json"));
        files.extend(Adapter::open_with(&path, links)?.weights().files().map(Path::to_path_buf));
        // The folder may say how the model is used.
        files.extend(Checkpoint::open_usage(&path, links)?.iter().flat_map(self::files));
        Ok::<_, Error>(path)
    });
    let adapter = adapter.transpose()?;
    let hash = |file: &PathBuf| {
        let name = file.strip_prefix(&path).unwrap_or(file).to_string_lossy().into_owned();
        FileHash::of(file, name)
    };
    let files: Vec<FileHash> = files.par_iter().map(hash).collect::<Result<_, _>>()?;
    let mut parts = Parts::default();
    for file in &files {
        // An adapter's files have their whole paths; where they lie in its folder is enough.
        let name = Path::new(&file.file);
        let inside = adapter.as_ref().and_then(|adapter| name.strip_prefix(adapter).ok()).unwrap_or(name);
        parts.add(inside.to_string_lossy().as_bytes());
        parts.add(file.sha256.as_bytes());
    }
    Ok(Model { name: model.to_string(), short: String::new(), path, adapter, hash: parts.finish(), files })
}

/// The files of a model: its weights, and what a loader needs besides them, sorted.
pub(super) fn files(checkpoint: &Checkpoint) -> Vec<PathBuf> {
    let weights = checkpoint.parts().iter().filter_map(|module| module.weights.as_ref());
    let weights = weights.flat_map(|weights| weights.files().map(Path::to_path_buf));
    let side = checkpoint
        .side_files()
        .iter()
        .filter(|side| Path::new(&side.relative).extension().is_none_or(|end| end != "md"));
    let mut files: Vec<PathBuf> = side.map(|side| side.source.to_path_buf()).chain(weights).collect();
    files.sort();
    files.dedup();
    files
}

/// The last part of a path is enough where no two models share it.
fn name_shortly(models: &mut [Model]) {
    let of_path = |path: &Path| match HubSnapshot::of(path) {
        Some(snapshot) => snapshot.name.rsplit('/').next().map(str::to_owned),
        None => path.file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    let last = |model: &Model| match &model.adapter {
        None => of_path(&model.path),
        Some(adapter) => Some(format!("{}+{}", of_path(&model.path)?, of_path(adapter)?)),
    };
    let names: Vec<Option<String>> = models.iter().map(last).collect();
    for (model, name) in models.iter_mut().zip(&names) {
        let unique = names.iter().filter(|other| *other == name).count() == 1;
        model.short = name.clone().filter(|_| unique).unwrap_or_else(|| model.name.clone());
    }
}
