//! The modules that the queries and the documents of a sparse retriever go through.

use super::error::Error;
use super::module_pipeline::described;
use super::sparse_auto_encoder;
use super::splade::SpladePooling;
use super::token_weights;
use crate::checkpoint::{Checkpoint, Module, Roles};

/// The modules that texts of a role go through.
pub(super) struct Chain<'a> {
    pub(super) steps: Steps<'a>,
    /// Whether vectors are normalised at the end.
    pub(super) normalizes: bool,
}

/// What makes sparse vectors of texts.
pub(super) enum Steps<'a> {
    /// A masked language model, whose scores are pooled.
    Splade(SpladePooling),
    /// Weights of tokens.
    Static(&'a Module),
    /// A sparse autoencoder behind a dense retriever.
    AutoEncoder(&'a Module),
}

/// The chains of queries and of documents.
pub(super) fn chains(checkpoint: &Checkpoint) -> Result<[Chain<'_>; 2], Error> {
    let chains = [chain(checkpoint, |roles| roles.queries)?, chain(checkpoint, |roles| roles.documents)?];
    let transformers = checkpoint.modules().iter().filter(|module| module.kind.ends_with("Transformer"));
    let routed = checkpoint.modules().iter().any(|module| module.roles != Roles::ALL);
    let encodes = |chain: &Chain<'_>| matches!(chain.steps, Steps::AutoEncoder(_));
    if transformers.count() > 1 {
        return Err(refused(checkpoint, "Router", "a model with a transformer for queries and another for documents"));
    }
    if routed && chains.iter().any(encodes) {
        return Err(refused(
            checkpoint,
            sparse_auto_encoder::KIND,
            "a model with an autoencoder on one of several routes",
        ));
    }
    Ok(chains)
}

fn chain(checkpoint: &Checkpoint, is_on: fn(&Roles) -> bool) -> Result<Chain<'_>, Error> {
    if !checkpoint.is_sentence_transformers() {
        return Ok(Chain { steps: Steps::Splade(SpladePooling::default()), normalizes: false });
    }
    let modules = checkpoint.modules().iter().filter(|module| is_on(&module.roles));
    let mut modules: Vec<&Module> =
        modules.filter(|module| !matches!(module.kind.as_str(), "Router" | "Asym" | "Dropout")).collect();
    let normalizes = modules.last().is_some_and(|last| last.kind == "Normalize");
    if normalizes {
        modules.pop();
    }
    let kinds: Vec<&str> = modules.iter().map(|module| module.kind.as_str()).collect();
    let steps = match (kinds.as_slice(), modules.last()) {
        ([transformer, "SpladePooling"], Some(pooling)) if transformer.ends_with("Transformer") => {
            check_task(checkpoint, transformer)?;
            let path = checkpoint.usage_folder().join(&pooling.folder).join("config.json");
            Steps::Splade(SpladePooling::read(&pooling.config, &path)?)
        }
        ([kind], Some(module)) if token_weights::KINDS.contains(kind) => Steps::Static(module),
        ([transformer, "Pooling", .., sparse_auto_encoder::KIND], Some(module))
            if transformer.ends_with("Transformer") =>
        {
            Steps::AutoEncoder(module)
        }
        _ => {
            let known = |kind: &&&str| kind.ends_with("Transformer") || matches!(**kind, "SpladePooling");
            let kind = kinds.iter().find(|kind| !known(kind)).or(kinds.last()).copied().unwrap_or("Router");
            return Err(refused(checkpoint, kind, described(kind)));
        }
    };
    Ok(Chain { steps, normalizes })
}

/// Checks that the transformer gives scores of tokens.
fn check_task(checkpoint: &Checkpoint, kind: &str) -> Result<(), Error> {
    if kind == "MLMTransformer" || checkpoint.settings().transformer.fills_masks {
        return Ok(());
    }
    let problem = "`transformer_task` is not \"fill-mask\", without which the model has no scores of tokens to pool";
    Err(Error::setting(&checkpoint.usage_folder().join("sentence_bert_config.json"), problem))
}

fn refused(checkpoint: &Checkpoint, kind: &str, what: &'static str) -> Error {
    Error::Module { path: checkpoint.path().to_owned(), kind: kind.to_owned(), what }
}
