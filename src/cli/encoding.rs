//! How a model turns texts into embeddings: what the commands that encode share.

use super::render::Usage;
use crate::checkpoint::{Checkpoint, Settings};
use crate::encoder::{Device, Options, Pooling, Retrieval, Retriever};
use crate::eval::{Family, Prompts, Similarity};
use crate::kernel::DType;

/// How a model turns texts into embeddings.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct EncoderArgs {
    /// Longest text in tokens, special tokens included; longer ones are cut
    #[arg(long, value_name = "N")]
    max_length: Option<usize>,

    /// How token vectors become one, in place of what the folder says: `cls`, `max`, `mean`, `mean_sqrt_len_tokens`,
    /// `weightedmean`, `lasttoken`, or several joined by `+`
    #[arg(long, value_name = "MODES")]
    pooling: Option<Pooling>,

    /// Dimensions to keep of each embedding
    #[arg(long, value_name = "N")]
    truncate_dim: Option<usize>,

    /// Where to compute: cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: Device,

    /// Format of weights: f32, f16 or bf16. Processors with AMX or AVX-512-BF16 also multiply in bf16, in a half to a third of
    /// the time; other arithmetic is f32
    #[arg(long, value_name = "DTYPE", default_value = "f32", value_parser = dtype)]
    dtype: DType,

    /// Tokens computed at a time
    #[arg(long, value_name = "N")]
    batch_tokens: Option<usize>,
}

impl EncoderArgs {
    pub(super) fn options(&self) -> Options {
        Options {
            device: self.device,
            dtype: Some(self.dtype),
            max_length: self.max_length,
            pooling: self.pooling.clone(),
            truncate_dim: self.truncate_dim,
            batch_tokens: self.batch_tokens,
            ..Options::default()
        }
    }
}

fn dtype(text: &str) -> Result<DType, String> {
    match text {
        "f32" | "float32" => Ok(DType::F32),
        "f16" | "float16" => Ok(DType::F16),
        "bf16" | "bfloat16" => Ok(DType::Bf16),
        _ => Err("expected f32, f16 or bf16".to_owned()),
    }
}

/// What kind of retriever a model is used as.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct RetrievalArgs {
    /// Use the models as retrievers of this kind: `dense`, `sparse` or `late`. Without it a folder says what it is; a masked
    /// language model without a modules.json can be dense and sparse, and bge-m3 all three. Of several kinds (`dense,sparse`, or
    /// `all`) each is used, and the mean of their scores, in which they may have weights (`dense=0.4,sparse=0.2,late=0.4`)
    #[arg(long, value_name = "KINDS")]
    pub(super) retrieval: Option<Retrieval>,

    /// Entries to keep of each sparse embedding, the heaviest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_active_dims: Option<u32>,
}

impl RetrievalArgs {
    pub(super) fn apply(&self, options: Options) -> Options {
        let max_active_dims = self.max_active_dims.map(|most| most as usize);
        Options { retrieval: self.retrieval, max_active_dims, ..options }
    }
}

/// What is put in front of queries and documents.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct PromptArgs {
    /// What is put in front of queries, in place of the model's own prompt
    #[arg(long, value_name = "TEXT")]
    query_prompt: Option<String>,

    /// What is put in front of documents, in place of the model's own prompt
    #[arg(long, value_name = "TEXT")]
    document_prompt: Option<String>,
}

impl PromptArgs {
    /// Those of queries and of documents that are given.
    pub(super) fn given(&self) -> [Option<String>; 2] {
        [self.query_prompt.clone(), self.document_prompt.clone()]
    }

    /// The prompts of sentence-transformers' `encode_query` and `encode_document`, which have no default prompt.
    pub(super) fn of(&self, settings: &Settings) -> Prompts {
        Prompts::of(settings, self.query_prompt.as_deref(), self.document_prompt.as_deref())
    }

    /// Warnings about the prompts of a folder.
    pub(super) fn warnings(&self, checkpoint: &Checkpoint) -> Vec<String> {
        let model = checkpoint.path().display().to_string();
        let mut warnings = Vec::new();
        if self.query_prompt.is_none()
            && self.document_prompt.is_none()
            && let Some(family) = Family::lacking_prompts(checkpoint)
        {
            warnings.push(family.warning(&model));
        }
        let settings = checkpoint.settings();
        let named = settings.prompts.iter().find(|(_, prompt)| Some(*prompt) == settings.document_prompt.as_ref());
        if self.document_prompt.is_none()
            && let Some((name, prompt)) = named
            && !settings.prompts.contains_key("document")
        {
            warnings.push(format!(
                "`{model}` calls its document prompt `{name}`: {prompt:?} is put in front of documents here, and left \
                 out by sentence-transformers 5 and later, which look for `document`"
            ));
        }
        warnings
    }
}

/// How the model's embeddings are compared.
pub(super) fn similarity(checkpoint: &Checkpoint) -> Result<Similarity, Usage> {
    Similarity::of_model(checkpoint.settings()).ok_or_else(|| {
        let name = &checkpoint.settings().similarity;
        Usage::new(format!("`{}` compares embeddings by `{name}`, which is unknown", checkpoint.path().display()))
    })
}

/// Gives a retriever's memory back, that of its tokenizer beside what comes next: to take a large vocabulary apart takes a tenth of a
/// second, for which neither the next model nor the end of the program has to wait.
pub(super) fn set_aside(mut retriever: Retriever) {
    // A device may have no room for the next weights beside these.
    retriever.release();
    // Where no thread is to be had it happens here.
    let _ = std::thread::Builder::new().spawn(move || drop(retriever));
}
