//! Chooses the model whose settings the output has: modules, pooling, prompts, similarity, maximum sequence length.

use super::error::Error;
use super::models::Models;
use super::open_models::open_model;
use super::options::Allow;
use super::vocabulary::token_rows;
use crate::checkpoint::{
    Checkpoint, Disagreement, DisagreementAmong, Links, Mismatch, disagreements_among, disagreements_of_use, used_among,
};
use crate::recipe::{ModelRef, Recipe};

/// The model whose settings the output has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Its index.
    pub(super) model: usize,
    /// Whether the recipe chose it, which settles what the models disagree on.
    pub(super) chosen: bool,
}

/// The model that `settings_source` names. A model without its adapter also means the same model with it, where the recipe
/// does not list the model alone.
pub(super) fn chosen(recipe: &Recipe) -> Option<&ModelRef> {
    let source = recipe.settings_source.as_ref()?;
    let models = recipe.models();
    let alone = |model: &&&ModelRef| model.without_adapter() == *source;
    models.iter().find(|model| **model == source).or_else(|| models.iter().find(alone)).copied()
}

/// The `settings_source` that a merge of some of a recipe's models needs to have the settings of the recipe's own merge.
/// `None` if it has them anyway, or if no model has settings.
pub(crate) fn to_name(recipe: &Recipe, models: &[&ModelRef]) -> Option<ModelRef> {
    let (model, used) = settings_model(recipe, recipe)?;
    let own = models.iter().find_map(|model| says(recipe, model));
    let differs = own.is_none_or(|(_, own)| !disagreements_of_use(&used, &own).is_empty());
    differs.then_some(model)
}

/// The model whose settings the merge of a document has, and its folder. `all` has the documents.
fn settings_model(recipe: &Recipe, all: &Recipe) -> Option<(ModelRef, Checkpoint)> {
    let of = |model: &ModelRef| match all
        .stages
        .iter()
        .find(|stage| model.stage && stage.name.as_ref() == Some(&model.path))
    {
        Some(stage) => settings_model(stage, all),
        None => says(recipe, model),
    };
    match chosen(recipe) {
        Some(model) => of(model),
        None => recipe.base_model.iter().chain(recipe.models()).find_map(of),
    }
}

/// A model that has settings, and its checkpoint.
fn says(recipe: &Recipe, model: &ModelRef) -> Option<(ModelRef, Checkpoint)> {
    // The caller has opened it before, with its own rule for links.
    let (checkpoint, _) = open_model(recipe, model, None, Links::Followed, &mut Vec::new()).ok()?;
    checkpoint.is_sentence_transformers().then(|| (model.clone(), checkpoint))
}

impl Models {
    /// The model that the recipe names, else the donor, else the first one that has settings.
    pub(super) fn usage(&self, recipe: &Recipe, donor: usize) -> Result<Usage, Error> {
        let says = |model: usize| self.checkpoints.get(model).is_some_and(Checkpoint::is_sentence_transformers);
        if let Some(named) = chosen(recipe) {
            let model = self.index(named);
            let source = recipe.settings_source.as_ref();
            let place = source.and_then(|source| recipe.place(&source.at)).map(Box::new);
            return if says(model) {
                Ok(Usage { model, chosen: true })
            } else {
                Err(Error::NoSettings { model: self.paths.get(model).cloned().unwrap_or_default(), place })
            };
        }
        let models: Vec<&Checkpoint> = self.checkpoints.iter().collect();
        Ok(Usage { model: used_among(&models, donor), chosen: false })
    }

    /// The warning about whose settings the output has, where that is neither the donor nor the recipe's choice.
    pub(super) fn remark_on_usage(&self, donor: usize, usage: Usage) -> Option<String> {
        let (model, donor_path) = (self.paths.get(usage.model)?, self.paths.get(donor)?);
        (usage.model != donor && !usage.chosen).then(|| {
            format!(
                "the merge has its pooling, prompts and other settings of use from `{model}`: `{donor_path}` has none (no modules.json)"
            )
        })
    }

    /// Refuses models with different settings, and returns warnings about accepted differences. Vocabularies may differ
    /// where the recipe merges them.
    pub(super) fn agree(
        &self,
        recipe: &Recipe,
        donor: usize,
        usage: Usage,
        allow: &Allow,
        warnings: &mut Vec<String>,
        faults: &mut Vec<Error>,
    ) {
        let models: Vec<&Checkpoint> = self.checkpoints.iter().collect();
        let (is_base, aligned) = (recipe.base_model.is_some(), recipe.tokenizer.is_some());
        for disagreement in disagreements_among(&models, donor, is_base, usage.model, !aligned) {
            let DisagreementAmong { left, right, is_of_use, found } = disagreement;
            // Where the recipe chooses the tokenizer, it also chooses how texts are normalised and split.
            let chosen = (aligned && found.kind == Mismatch::Tokenizer) || (is_of_use && usage.chosen);
            let accepted = chosen || allow.accepts(found.kind) || self.is_only_said(&found, left, right);
            let (left, right) = (self.paths[left].clone(), self.paths[right].clone());
            let error = Error::Disagreement { found: Box::new(found), left: left.clone(), right };
            if accepted {
                warnings.push(format!("{error}; the merge has what `{left}` has"));
            } else {
                faults.push(error);
            }
        }
    }

    /// Whether a disagreement is only between config.json files while the tables are alike, or with a model without a
    /// tokenizer.
    fn is_only_said(&self, found: &Disagreement, left: usize, right: usize) -> bool {
        let bare = |model: usize| self.checkpoints[model].tokenizer().is_empty();
        match found.kind {
            Mismatch::Tokenizer => bare(left) != bare(right),
            Mismatch::Architecture if found.what == "vocabulary size" => {
                let rows = |model: usize| token_rows(self, model).ok();
                rows(left).is_some() && rows(left) == rows(right)
            }
            _ => false,
        }
    }
}
