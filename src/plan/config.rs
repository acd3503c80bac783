//! Adapts the transformer's config.json to the merge.

use serde_json::{Map, Value, json};

use super::models::Models;
use super::types::{Input, Plan, PlannedTensor};
use super::vocabulary::{TIED, is_tied_head, ties_embeddings};
use crate::checkpoint::Checkpoint;
use crate::recipe::{ModelRef, Recipe};

impl Plan {
    /// The donor's configuration with the dtype that is written and, for slices, the layers of the output.
    pub fn config(&self) -> Map<String, Value> {
        config(self)
    }
}

impl Plan {
    /// Whether a reference names the donor.
    fn is_donor(&self, model: &ModelRef) -> bool {
        self.recipe.base_model.as_ref().or(self.recipe.models().first().copied()) == Some(model)
    }

    /// Whether the donor ties its head to the token embeddings and the merge no longer does.
    fn unties(&self) -> bool {
        let donor = &self.models[self.donor];
        let main = donor.main_module().map(|module| module.folder.as_str());
        let head = |tensor: &&PlannedTensor| Some(tensor.module.as_str()) == main && is_tied_head(&tensor.canonical);
        let Some(head) = self.tensors.iter().find(head) else { return false };
        let own = |input: &Input| ties_embeddings(&self.models[input.model]) == Some(false);
        ties_embeddings(donor) != Some(false) && head.op.inputs().iter().any(own)
    }
}

/// The class that the recipe gives a model, where it differs from the one in its config.json.
fn other_class<'a>(reference: &'a ModelRef, model: &Checkpoint) -> Option<&'a str> {
    let class = reference.architecture.as_deref()?;
    let named = model.config().get("architectures").and_then(|classes| classes.get(0)?.as_str());
    (named != Some(class)).then_some(class)
}

/// Warnings about the architecture classes that the recipe gives its models.
pub(super) fn classes(recipe: &Recipe, models: &Models, donor: usize) -> Vec<String> {
    let given = recipe.models().into_iter().filter(|model| model.architecture.is_some());
    let remark = |reference: &ModelRef| {
        let model = models.index(reference);
        match other_class(reference, &models.checkpoints[model]).filter(|_| model == donor) {
            Some(class) => {
                format!("`override_architecture` makes the merge's config.json name `{class}`, and changes no tensor")
            }
            None => format!(
                "`override_architecture` has no effect on `{}`: tensors are found by their names",
                reference.path
            ),
        }
    };
    given.map(remark).collect()
}

fn config(plan: &Plan) -> Map<String, Value> {
    let mut config = plan.layer_config.as_ref().unwrap_or(plan.models[plan.donor].config()).clone();
    if let Some(dtype) = plan.dtype() {
        let key =
            if config.contains_key("torch_dtype") && !config.contains_key("dtype") { "torch_dtype" } else { "dtype" };
        config.insert(key.into(), json!(dtype.name()));
        if key == "dtype" {
            config.shift_remove("torch_dtype");
        }
    }
    adapt(plan, &mut config);
    let donor = &plan.models[plan.donor];
    let reference = plan.recipe.models().into_iter().find(|model| plan.is_donor(model));
    if let Some(class) = reference.and_then(|reference| other_class(reference, donor)) {
        config.insert("architectures".into(), json!([class]));
    }
    if plan.unties() {
        config.insert(TIED.into(), json!(false));
    }
    config
}

/// Updates what a configuration says about the vocabulary: its size, and the ids of special tokens.
fn adapt(plan: &Plan, config: &mut Map<String, Value>) {
    let Some(alignment) = &plan.alignment else { return };
    with_part(config, |part| {
        if part.contains_key("vocab_size") {
            part.insert("vocab_size".into(), json!(alignment.rows));
        }
    });
    if alignment.tokenizer_of != Some(plan.donor) {
        renumber(plan, config);
    }
}

/// Takes the ids of special tokens from the tokenizer's own model, or else looks up the same tokens.
pub(crate) fn renumber(plan: &Plan, config: &mut Map<String, Value>) {
    let Some(alignment) = &plan.alignment else { return };
    let own = alignment.tokenizer_of.map(|model| plan.models[model].config());
    let row = |id: &Value| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok())?;
        alignment.row_of(plan.donor, id)
    };
    with_part(config, |part| {
        for (key, value) in part.iter_mut().filter(|(key, _)| key.ends_with("_token_id")) {
            let stated = own.and_then(|own| own.get(key)).filter(|stated| !stated.is_null());
            *value = match (stated, &*value) {
                (Some(stated), _) => stated.clone(),
                (None, Value::Array(ids)) => ids.iter().filter_map(row).map(Value::from).collect(),
                (None, id) => row(id).map_or(Value::Null, Value::from),
            };
        }
    });
}

/// Applies a change to a configuration, or to its `text_config` where that has the vocabulary.
fn with_part(config: &mut Map<String, Value>, change: impl FnOnce(&mut Map<String, Value>)) {
    let is_inside = !config.contains_key("vocab_size") && config.get("text_config").is_some_and(Value::is_object);
    match config.get_mut("text_config").filter(|_| is_inside) {
        Some(Value::Object(part)) => change(part),
        _ => change(config),
    }
}
