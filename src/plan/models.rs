//! Opening the checkpoints a recipe names, and what they must agree on.

use std::path::{Path, PathBuf};

use super::{Allow, Error};
use crate::checkpoint::{Checkpoint, disagreements};
use crate::recipe::{ModelRef, Recipe};

/// The checkpoints of a recipe, in the order of first mention, each once.
pub(super) struct Models {
    pub(super) paths: Vec<String>,
    pub(super) checkpoints: Vec<Checkpoint>,
}

impl Models {
    pub(super) fn open(recipe: &Recipe) -> Result<Self, Error> {
        let (mut paths, mut checkpoints) = (Vec::new(), Vec::new());
        for model in recipe.models() {
            checkpoints.push(Checkpoint::open(&resolve(recipe, model)?)?);
            paths.push(model.path.clone());
        }
        Ok(Self { paths, checkpoints })
    }

    /// The index of a model that the recipe names.
    pub(super) fn index(&self, model: &ModelRef) -> usize {
        self.paths.iter().position(|path| *path == model.path).unwrap_or_default()
    }

    /// Refuses models that are not used in the same way, and says which accepted differences there are.
    pub(super) fn agree(&self, donor: usize, allow: &Allow, warnings: &mut Vec<String>) -> Result<(), Error> {
        for (index, other) in self.checkpoints.iter().enumerate() {
            if index == donor {
                continue;
            }
            for found in disagreements(&self.checkpoints[donor], other) {
                let accepted = allow.accepts(found.kind);
                let error = Error::Disagreement {
                    found: Box::new(found),
                    left: self.paths[donor].clone(),
                    right: self.paths[index].clone(),
                };
                if !accepted {
                    return Err(error);
                }
                warnings.push(format!("{error}; the merge has what `{}` has", self.paths[donor]));
            }
        }
        Ok(())
    }
}

/// Relative paths are looked up in the current folder first, then in the recipe's.
fn resolve(recipe: &Recipe, model: &ModelRef) -> Result<PathBuf, Error> {
    let path = Path::new(&model.path);
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    let beside = recipe.folder().filter(|_| path.is_relative());
    if let Some(found) = beside.map(|folder| folder.join(path)).filter(|path| path.exists()) {
        return Ok(found);
    }
    Err(Error::NoSuchModel {
        path: model.path.clone(),
        place: recipe.place(&model.at).map(Box::new),
        beside: beside.filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_path_buf),
    })
}
