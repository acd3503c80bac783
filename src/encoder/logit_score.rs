//! Rerankers that are language models: the score of a pair is how much more the next token is "yes" than "no".

use serde_json::{Map, Value};

use super::config::Json;
use super::error::Error;
use super::layers::linear::Linear;
use super::module_pipeline::{ModulePipeline, Residual, Step};
use super::pooling::{Mode, Pooling};
use super::source::Loader;
use crate::checkpoint::{Checkpoint, Vocabulary};
use crate::kernel::Activation;

/// The module that chooses the logits.
pub(super) const KIND: &str = "LogitScore";
/// The head of a language model, and the table that takes its place where the two are tied.
const HEAD: &str = "lm_head.weight";
const TABLE: &str = "embed_tokens.weight";

/// Whether a checkpoint is a language model whose logits are scores.
pub(super) fn is_of(config: &Map<String, Value>) -> bool {
    let class = config.get("architectures").and_then(|classes| classes.get(0)?.as_str());
    class.is_some_and(|class| class.ends_with("ForCausalLM"))
}

/// Loads the rows of the head for the tokens that the score is made of.
pub(super) fn load(loader: &Loader<'_>, checkpoint: &Checkpoint, width: usize) -> Result<ModulePipeline, Error> {
    let config = checkpoint.config();
    let path = loader.path.join("config.json");
    let json = Json { path: &path, map: config };
    json.expect_none("final_logit_softcapping")?;
    let (yes, no) = tokens(checkpoint)?;
    let tied = config.get("tie_word_embeddings").and_then(Value::as_bool);
    let is_own = tied == Some(false) || (tied.is_none() && loader.has(HEAD));
    let rows: Vec<usize> = std::iter::once(yes).chain(no).collect();
    let mut weights = loader.rows(if is_own { HEAD } else { TABLE }, &rows, width)?;
    let (score, minus) = weights.split_at_mut(width);
    for (score, minus) in score.iter_mut().zip(minus.iter()) {
        *score -= minus;
    }
    let layer = Linear::place(loader, score, Vec::new(), width, &[])?;
    let step = Step::Dense { layer, activation: Activation::Identity, residual: Residual::None };
    Ok(ModulePipeline::of_steps(Pooling::of(Mode::LastToken), vec![step], width, 1))
}

/// The numbers of the token that says yes and of the one that says no: those of the module, else of the words.
fn tokens(checkpoint: &Checkpoint) -> Result<(usize, Option<usize>), Error> {
    if let Some(module) = checkpoint.modules().iter().find(|module| module.kind == KIND) {
        let path = checkpoint.path().join(&module.folder).join("config.json");
        let input = module.config.get("module_input_name").and_then(Value::as_str);
        if let Some(found) = input.filter(|input| *input != "causal_logits") {
            let problem = format!("`module_input_name` is \"{}\", expected \"causal_logits\"", found.escape_debug());
            return Err(Error::setting(&path, problem));
        }
        let number =
            |key: &str| match module.config.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(value) => value.as_u64().and_then(|id| usize::try_from(id).ok()).map(Some).ok_or_else(|| {
                    Error::setting(&path, format!("`{key}` is {value}, expected the number of a token"))
                }),
            };
        let missing = || Error::setting(&path, "`true_token_id` is missing, expected the number of a token");
        return Ok((number("true_token_id")?.ok_or_else(missing)?, number("false_token_id")?));
    }
    let path = checkpoint.tokenizer().home().join("tokenizer.json");
    let refused = |problem: String| Error::Tokenizer { path: path.to_path_buf(), problem };
    let vocabulary = Vocabulary::read(checkpoint.tokenizer()).map_err(|error| refused(error.to_string()))?;
    let id = |word: &str| {
        let id = vocabulary.number(word).and_then(|id| usize::try_from(id).ok());
        id.ok_or_else(|| refused(format!("it has no token `{word}`, whose logit a reranker of this class needs")))
    };
    Ok((id("yes")?, Some(id("no")?)))
}
