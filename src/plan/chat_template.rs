//! Chooses the chat template of the output's tokenizer.

use std::sync::Arc;

use super::error::Error;
use super::models::Models;
use super::open_models::OpenedModels;
use super::types::Stage;
use super::vocabulary::Alignment;
use crate::recipe::{ChatTemplate, Recipe};

/// The template that the output gets; `None` where it keeps the one in its tokenizer's folder.
pub(super) fn chat_template(
    recipe: &Recipe,
    OpenedModels { models, stages }: &OpenedModels,
    donor: usize,
    alignment: Option<&Alignment>,
    warnings: &mut Vec<String>,
) -> Result<Option<String>, Error> {
    // A merge of a document has the template that the document gives.
    let tokenizer_of = alignment.map_or(Some(donor), |alignment| alignment.tokenizer_of);
    let inherited = || tokenizer_of.and_then(|model| stages.get(model)?.as_ref()?.plan.chat_template.clone());
    let chosen = match &recipe.chat_template {
        None => None,
        Some(ChatTemplate::Text(text)) => Some(text.clone()),
        Some(ChatTemplate::Auto) => {
            let most = most_frequent(models, stages, donor)?;
            if most.is_none() {
                warnings
                    .push("`chat_template: auto` finds no model with a chat template, and the output has none".into());
            }
            most
        }
    };
    let has_tokenizer =
        alignment.is_some() || models.checkpoints.get(donor).is_some_and(|model| !model.tokenizer().is_empty());
    if chosen.is_some() && !has_tokenizer {
        let name = models.paths.get(donor).map(String::as_str).unwrap_or_default();
        warnings.push(format!("`chat_template` has no effect: `{name}`, whose files the output has, has no tokenizer"));
        return Ok(None);
    }
    Ok(chosen.or_else(inherited))
}

/// The template that most models have, trimmed of white space. Ties go to the donor's, then to that of the model that the
/// recipe names first; mergekit does not define their order.
fn most_frequent(models: &Models, stages: &[Option<Arc<Stage>>], donor: usize) -> Result<Option<String>, Error> {
    let order = std::iter::once(donor).chain((0..models.checkpoints.len()).filter(|model| *model != donor));
    let mut counts: Vec<(String, usize)> = Vec::new();
    for model in order {
        let Some(template) = of_model(models, stages, model)?.map(|text| text.trim().to_owned()) else { continue };
        match counts.iter_mut().find(|(known, _)| *known == template) {
            _ if template.is_empty() => {}
            Some((_, count)) => *count += 1,
            None => counts.push((template, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max();
    Ok(counts.into_iter().find(|(_, count)| Some(*count) == most).map(|(template, _)| template))
}

fn of_model(models: &Models, stages: &[Option<Arc<Stage>>], model: usize) -> Result<Option<String>, Error> {
    let stage = stages.get(model).and_then(Option::as_ref);
    if let Some(template) = stage.and_then(|stage| stage.plan.chat_template.clone()) {
        return Ok(Some(template));
    }
    match models.checkpoints.get(model) {
        Some(checkpoint) => Ok(checkpoint.tokenizer().chat_template()?),
        None => Ok(None),
    }
}
