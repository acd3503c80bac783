//! The page of the model classes that can be encoded with.

use std::fmt::Write as _;

use super::prose::prose;
use crate::encoder::{CLASSES, REFUSED};

const INTRODUCTION: &str = "# Model classes

`admix merge` takes models of any class: tensors are found by their names. `admix score`, `embed` and `sweep` compute
embeddings, and know these classes, by the `model_type` in config.json. Tests compare each with transformers and
sentence-transformers.

| model type | for example | note |
| --- | --- | --- |
";

const TABLES: &str = "
A folder whose first module is sentence-transformers' `StaticEmbedding` (model2vec's tables among them) needs no class.

These are refused by name, because only code beside their weights says what they compute:

| class | models |
| --- | --- |
";

pub(super) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for class in CLASSES {
        let (models, note) = (prose(class.models), prose(class.note));
        let _ = writeln!(text, "| `{}` | {models} | {note} |", class.model_type);
    }
    text.push_str(TABLES);
    for (class, models) in REFUSED {
        let _ = writeln!(text, "| {} | {} |", prose(class), prose(models));
    }
    text
}
