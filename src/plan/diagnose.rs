//! Hints, places and exit classes of errors.

use std::path::PathBuf;

use super::error::Error;
use crate::checkpoint;
use crate::diagnose::{Diagnose, ExitClass};
use crate::nearest::path_hint;
use crate::recipe::Place;

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoSuchModel { near: Some(near), .. } => Some(format!("did you mean the document `{near}`?")),
            Self::NoSuchModel { path, beside, .. } => {
                let looked =
                    beside.as_ref().map(|beside| format!("it was looked for here and in {}", beside.display()));
                let literal = path
                    .contains('@')
                    .then(|| "a folder whose name holds `@` is written `{model: {path: \"…\"}}`".to_owned());
                let folders = [Some(PathBuf::new()), beside.clone()].into_iter().flatten();
                let near = folders.map(|folder| folder.join(path)).find_map(|path| path_hint(&path));
                let hints: Vec<String> = near.or(looked).into_iter().chain(literal).collect();
                Some(hints.join("\n")).filter(|hints| !hints.is_empty())
            }
            Self::Checkpoint(error) | Self::Hub { source: error, .. } | Self::Tokens { source: error, .. } => {
                error.hint()
            }
            Self::Disagreement { found, left, .. } => {
                let goes_on = format!("`--allow {}` goes on with what `{left}` has", found.kind.name());
                let is_vocabulary = found.kind == checkpoint::Mismatch::Tokenizer || found.what == "vocabulary size";
                let union = "`tokenizer_source: union` in the recipe merges vocabularies, token by token";
                let source = "`settings_source: MODEL` in the recipe chooses whose pooling, prompts and modules count";
                Some(match found.kind {
                    _ if is_vocabulary => format!("{union}\n{goes_on}"),
                    checkpoint::Mismatch::Architecture => goes_on,
                    _ => format!("{goes_on}; {source}"),
                })
            }
            Self::TokenWithoutRow { .. } => {
                Some("the tokenizer does not belong to these weights, or their table was not resized for it".into())
            }
            Self::VocabularyKinds { .. } => Some(
                "their tokens have no common spelling; `tokenizer_source: base` keeps one vocabulary, and rows where both have the token"
                    .into(),
            ),
            Self::TokenRule { hint, .. } => Some(hint.clone()),
            Self::Padding { .. } => Some("`tokenizer_source: base` keeps the numbers of its special tokens".into()),
            Self::NoSuchTexts { beside, .. } => Some(match beside {
                Some(folder) => format!(
                    "relative paths are looked up in the current folder, then in `{}`, the recipe's",
                    folder.display()
                ),
                None => "relative paths are looked up in the current folder".into(),
            }),
            Self::VocabularyOfStage { .. } | Self::TextsOfStage { .. } => {
                Some("merge it to a folder by itself first, and name the folder".into())
            }
            Self::AdapterOfStage { .. } => Some("name the adapter after a model that the document merges".into()),
            Self::MissingTensor { .. } => {
                Some("`--allow missing-tensor` merges such tensors from the models that have them".into())
            }
            Self::Shape { .. } => Some("the models must be of one architecture and size".into()),
            Self::MissingParameter { .. } => {
                Some("none of its filters matches this tensor; add an entry without a filter as the last one".into())
            }
            Self::Arguments { hint, .. } => hint.clone(),
            Self::CountedLayers { .. } => Some(
                "the class cannot be told of layers in another order: take runs of layers that keep their places in the pattern; `--allow architecture` merges it all the same"
                    .into(),
            ),
            Self::LayerKinds { .. } => Some("`--allow architecture` goes on with what the first has".into()),
            Self::SliceWithoutBase { .. } => Some("list it with the `layer_range` that belongs to the slice".into()),
            Self::NoSettings { .. }
            | Self::Kind { .. }
            | Self::LayerRange { .. }
            | Self::Stacks { .. }
            | Self::MissingModule { .. }
            | Self::NoTokenTable { .. }
            | Self::TokenRows { .. }
            | Self::TokenWithoutTensor { .. }
            | Self::Nothing => None,
        }
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Self::NoSuchModel { place, .. }
            | Self::AdapterOfStage { place, .. }
            | Self::Hub { place, .. }
            | Self::Arguments { place, .. }
            | Self::Tokens { place, .. }
            | Self::LayerRange { place, .. }
            | Self::SliceWithoutBase { place, .. }
            | Self::NoSettings { place, .. }
            | Self::NoSuchTexts { place, .. }
            | Self::TokenRule { place, .. } => place.as_deref(),
            Self::VocabularyOfStage { .. }
            | Self::TextsOfStage { .. }
            | Self::Checkpoint(_)
            | Self::Disagreement { .. }
            | Self::Shape { .. }
            | Self::Kind { .. }
            | Self::MissingTensor { .. }
            | Self::MissingParameter { .. }
            | Self::Stacks { .. }
            | Self::CountedLayers { .. }
            | Self::LayerKinds { .. }
            | Self::MissingModule { .. }
            | Self::NoTokenTable { .. }
            | Self::TokenRows { .. }
            | Self::TokenWithoutRow { .. }
            | Self::VocabularyKinds { .. }
            | Self::TokenWithoutTensor { .. }
            | Self::Padding { .. }
            | Self::Nothing => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::NoSettings { .. }
            | Self::NoSuchTexts { .. }
            | Self::TextsOfStage { .. }
            | Self::MissingParameter { .. }
            | Self::Arguments { .. }
            | Self::LayerRange { .. }
            | Self::Stacks { .. }
            | Self::SliceWithoutBase { .. }
            | Self::TokenRule { .. }
            | Self::TokenWithoutTensor { .. }
            | Self::Nothing => ExitClass::Usage,
            Self::NoSuchModel { .. }
            | Self::Hub { .. }
            | Self::AdapterOfStage { .. }
            | Self::VocabularyOfStage { .. }
            | Self::Checkpoint(_)
            | Self::Disagreement { .. }
            | Self::Shape { .. }
            | Self::Kind { .. }
            | Self::MissingTensor { .. }
            | Self::Tokens { .. }
            | Self::CountedLayers { .. }
            | Self::LayerKinds { .. }
            | Self::MissingModule { .. }
            | Self::NoTokenTable { .. }
            | Self::TokenRows { .. }
            | Self::TokenWithoutRow { .. }
            | Self::VocabularyKinds { .. }
            | Self::Padding { .. } => ExitClass::Refused,
        }
    }
}
