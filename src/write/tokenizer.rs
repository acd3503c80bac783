//! The tokenizer's files of a merge that does not have the donor's own: its models have different vocabularies, or the
//! recipe gives it a chat template.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Error;
use crate::checkpoint::{Change, Edited, ModelPath, Tokenizer, is_chat_template};
use crate::plan::Plan;

/// The file that a chat template is written to, the only one where every version of transformers reads it.
const CONFIG: &str = "tokenizer_config.json";

/// Where a file of the tokenizer comes from.
#[derive(Debug)]
pub(super) enum File {
    /// It is copied.
    Copy(ModelPath),
    /// It is written with additions.
    Edited(Edited),
    /// It is new.
    New(Value),
}

/// The files of the output's tokenizer by name; `None` where they are the donor's own.
pub(super) fn files(plan: &Plan) -> Result<Option<BTreeMap<String, File>>, Error> {
    if plan.alignment.is_none() && plan.chat_template.is_none() {
        return Ok(None);
    }
    let (tokenizer, mut changes) = match &plan.alignment {
        Some(alignment) => {
            (alignment.vocabulary.tokenizer(), alignment.vocabulary.changes().map_err(Error::Checkpoint)?)
        }
        None => (plan.models[plan.donor].tokenizer(), BTreeMap::new()),
    };
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
    if let Some(template) = &plan.chat_template {
        // transformers would read these files first.
        files.retain(|name, _| !is_chat_template(name));
        let template = Value::from(template.as_str());
        let config = match files.remove(CONFIG) {
            Some(File::Edited(edited)) => File::Edited(edited.with_member("chat_template", &template)),
            Some(File::Copy(path)) => {
                File::Edited(Edited::open(&path).map_err(Error::Checkpoint)?.with_member("chat_template", &template))
            }
            Some(File::New(_)) | None => File::New(json!({"chat_template": template})),
        };
        files.insert(CONFIG.to_owned(), config);
    }
    Ok(Some(files))
}

/// Whether a side file of the donor belongs to its tokenizer, whose files come from [`files`].
pub(super) fn is_tokenizer_file(relative: &str, folder: &str) -> bool {
    let name = if folder.is_empty() {
        Some(relative)
    } else {
        relative.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    name.is_some_and(|name| !name.contains('/') && Tokenizer::is_file(name))
}
