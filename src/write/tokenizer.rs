//! The tokenizer's files of a merge whose models have different vocabularies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Error;
use crate::checkpoint::{Change, Edited, Tokenizer};
use crate::plan::Plan;

/// Where a file of the tokenizer comes from.
#[derive(Debug)]
pub(super) enum File {
    /// It is copied.
    Copy(PathBuf),
    /// It is written with more in it.
    Edited(Edited),
}

/// The files of the output's tokenizer by name; nothing where they are the donor's own.
pub(super) fn files(plan: &Plan) -> Result<Option<BTreeMap<String, File>>, Error> {
    let Some(alignment) = &plan.alignment else { return Ok(None) };
    let tokenizer = alignment.vocabulary.tokenizer();
    let mut changes = alignment.vocabulary.changes().map_err(Error::Checkpoint)?;
    let mut files = BTreeMap::new();
    for name in tokenizer.file_names().map_err(Error::Checkpoint)? {
        match changes.remove(name.as_str()) {
            Some(Change::LeftOut) => {}
            Some(Change::Edited(edited)) => {
                files.insert(name, File::Edited(edited));
            }
            None => {
                let path = tokenizer.home().join(&name);
                files.insert(name, File::Copy(path));
            }
        }
    }
    Ok(Some(files))
}

/// Whether a side file of the donor is one of its tokenizer's: those come from [`files`].
pub(super) fn is_tokenizer_file(relative: &str, folder: &str) -> bool {
    let name = if folder.is_empty() {
        Some(relative)
    } else {
        relative.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    name.is_some_and(|name| !name.contains('/') && Tokenizer::is_file(name))
}

/// Makes what a configuration says of its vocabulary true for the merge: its size, and the numbers of special tokens.
pub(super) fn adapt(plan: &Plan, config: &mut Map<String, Value>) {
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

/// The numbers of special tokens are those of the tokenizer's own model, or else of the same tokens.
pub(super) fn renumber(plan: &Plan, config: &mut Map<String, Value>) {
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

/// Changes a configuration, or the part of it about texts where that has the vocabulary.
fn with_part(config: &mut Map<String, Value>, change: impl FnOnce(&mut Map<String, Value>)) {
    let is_inside = !config.contains_key("vocab_size") && config.get("text_config").is_some_and(Value::is_object);
    match config.get_mut("text_config").filter(|_| is_inside) {
        Some(Value::Object(part)) => change(part),
        _ => change(config),
    }
}
