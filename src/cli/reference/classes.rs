//! The page of the model classes that can be encoded with.

use std::fmt::Write as _;

use super::prose::prose;
use crate::encoder::{CLASSES, REFUSED, reranker_classes, sparse_classes};

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

const SPARSE: &str = "
## Sparse retrievers

SPLADE needs a masked language model of one of these classes, by the `model_type` in config.json, with its head. Tests compare them
with sentence-transformers' `SparseEncoder`, except for `new`, which is `gte` with code of its own, and `roberta` and `camembert`, whose
heads are `xlm-roberta`'s.

";

const LATE: &str = "
## Late interaction

A late-interaction model is a transformer of any of these classes, with projections behind it, in a folder of PyLate, of
sentence-transformers' `MultiVectorEncoder`, or of Stanford's ColBERT (`HF_ColBERT` over BERT). Tests compare BERT, XLM-R, ModernBERT,
Qwen3 and LFM2 with PyLate 1.6 and sentence-transformers 6.2.
";

const RERANKERS: &str = "
## Rerankers

`admix score --rerank` scores models with one label of these classes, by the `architectures` in config.json. Tests compare them
with sentence-transformers' `CrossEncoder`, except for `New`, which is `Gte` with code of its own, and `Camembert`, which is `Roberta`.

";

const LOGITS: &str = "
A language model (`…ForCausalLM` of a class in the table above, such as Qwen3-Reranker) reranks by its logits, as
sentence-transformers' `LogitScore` has them: the score of a pair is the logit of the token `yes` less that of `no` behind the last
token, or of the tokens that the module names. The pair becomes one text by the folder's chat template, which needs a place for the
roles `query` and `document`; a default prompt is its system message. A Qwen3 model without such a template is asked with the
text that Qwen3-Reranker's authors publish, and a warning says so. A pair that is too long is cut in front of what the template puts
behind it.
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
    text.push_str(SPARSE);
    for class in sparse_classes() {
        let _ = writeln!(text, "- `{class}`");
    }
    text.push_str(LATE);
    text.push_str(RERANKERS);
    for class in reranker_classes() {
        let _ = writeln!(text, "- `{class}`");
    }
    text.push_str(LOGITS);
    text
}
