//! The checkpoints of a recipe, found and hashed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::frozen::{Frozen, Model};
use crate::checkpoint::{Adapter, Checkpoint, HubSnapshot, Links};
use crate::plan;
use crate::recipe::{ModelRef, Recipe};
use crate::sweep::Error;
use crate::sweep::hash::{FileHash, Parts};
use crate::sweep::spec::{RecipeText, as_variables};

/// The models of a recipe, its base first.
pub(super) fn models(recipe: &Recipe, links: Links) -> Result<Vec<Model>, Error> {
    let mut references: Vec<&ModelRef> = recipe.originals();
    references.sort_by_key(|model| recipe.base_model.as_ref() != Some(*model));
    let mut found: Vec<Model> =
        references.into_par_iter().map(|model| open(recipe, model, links)).collect::<Result<_, _>>()?;
    name_shortly(&mut found);
    Ok(found)
}

fn open(recipe: &Recipe, model: &ModelRef, links: Links) -> Result<Model, Error> {
    let path = plan::resolve(recipe, model).map_err(plan::Faults::from)?;
    let path = std::path::absolute(&path).map_err(Error::io("find", &path))?;
    let mut files = files(&Checkpoint::open_with(&path, links)?);
    let adapter = model.adapter.as_deref().map(|adapter| {
        let path = plan::resolve(recipe, adapter).map_err(plan::Faults::from)?;
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

/// What a model is made of: its weights, and what a loader needs besides them, sorted.
fn files(checkpoint: &Checkpoint) -> Vec<PathBuf> {
    let weights = checkpoint.modules().iter().filter_map(|module| module.weights.as_ref());
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

/// The recipe with every model named by its folder.
pub(super) fn with_folders(mut recipe: Recipe, models: &[Model]) -> Recipe {
    let known: Vec<ModelRef> = recipe.originals().into_iter().cloned().collect();
    let place = |reference: &mut ModelRef| {
        // A study has one name for a model that its recipe spells in several ways.
        let name = known.iter().find(|model| *model == reference).unwrap_or(reference).to_string();
        let named = models.iter().find(|model| model.name == name);
        // `settings_source` may name a model without its adapter.
        let adapted =
            || models.iter().find(|model| model.name.strip_prefix(&name).is_some_and(|rest| rest.starts_with('+')));
        if let Some(model) = named.or_else(adapted) {
            (reference.path, reference.revision) = (model.path.to_string_lossy().into_owned(), None);
            if let (Some(adapter), Some(folder)) = (&mut reference.adapter, &model.adapter) {
                (adapter.path, adapter.revision) = (folder.to_string_lossy().into_owned(), None);
            }
        }
    };
    recipe.references_mut().into_iter().filter(|reference| !reference.stage).for_each(place);
    for stage in &mut recipe.stages {
        stage.references_mut().into_iter().filter(|reference| !reference.stage).for_each(place);
    }
    recipe.identify();
    recipe
}

/// The recipe of the plain average of the models that the study's recipe merges.
pub(super) fn uniform(study: &Frozen) -> Result<Recipe, Error> {
    let names = study.spec.params.names();
    let middle = study.spec.params.place(&vec![0.5; study.spec.params.dimensions()]);
    let recipe = study.spec.recipe.at(&as_variables(&names, &middle))?;
    let mut merged: Vec<&ModelRef> = Vec::new();
    // Slices may leave models out of some layers: an average is of all of them.
    for model in recipe.slices.iter().flat_map(|slice| recipe.merged(slice)).map(|source| &source.model) {
        if !merged.contains(&model) {
            merged.push(model);
        }
    }
    // Two models between which a recipe moves are its base and the other one.
    if merged.len() == 1 || merged.iter().any(|model| model.stage) {
        merged = recipe.originals();
    }
    let tokenizer =
        recipe.tokenizer.as_ref().map(|tokenizer| tokenizer.without_base(recipe.base_model.as_ref(), &merged));
    let mut text = String::from("merge_method: linear\nmodels:\n");
    for model in &merged {
        let _ = writeln!(text, "  - {{model: {}, parameters: {{weight: 1}}}}", model.flow());
    }
    // It is used as the merges that it is compared with.
    if let Some(model) = plan::settings_to_name(&recipe, &merged) {
        if !merged.contains(&&model) {
            let _ = writeln!(text, "  - {{model: {}, parameters: {{weight: 0}}}}", model.flow());
        }
        let _ = writeln!(text, "settings_source: {}", model.flow());
    }
    for (key, dtype) in [("dtype", recipe.dtype), ("out_dtype", recipe.out_dtype)] {
        if let Some(dtype) = dtype {
            let _ = writeln!(text, "{key}: {}", dtype.name());
        }
    }
    if let Some(tokenizer) = tokenizer {
        let _ = writeln!(text, "tokenizer: {}", tokenizer.flow());
    }
    let folder = study.spec.recipe.folder.clone();
    Ok(RecipeText { text, origin: "the uniform average".into(), folder }.at(&<_>::default())?)
}

/// The recipe of a model of the study's recipe with its adapter and nothing else.
pub(super) fn alone(study: &Frozen, name: &str) -> Result<Recipe, Error> {
    let names = study.spec.params.names();
    let middle = study.spec.params.place(&vec![0.5; study.spec.params.dimensions()]);
    let recipe = study.spec.recipe.at(&as_variables(&names, &middle))?;
    let model = recipe.originals().into_iter().find(|model| model.to_string() == name);
    let text =
        format!("merge_method: passthrough\nmodels: [{{model: {}}}]\n", model.map(ModelRef::flow).unwrap_or_default());
    let folder = study.spec.recipe.folder.clone();
    Ok(RecipeText { text, origin: "a model with its adapter".into(), folder }.at(&<_>::default())?)
}
