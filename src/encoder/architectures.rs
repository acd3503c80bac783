//! Model classes that can be encoded with.

/// A class of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelClass {
    /// The `model_type` in config.json.
    pub model_type: &'static str,
    /// Models of this class that people retrieve with.
    pub models: &'static str,
    /// What is particular about it; may be empty.
    pub note: &'static str,
}

const fn class(model_type: &'static str, models: &'static str) -> ModelClass {
    ModelClass { model_type, models, note: "" }
}

impl ModelClass {
    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

/// The classes that can be encoded with.
pub const CLASSES: &[ModelClass] = &[
    class("bert", "BGE (English, Chinese), E5, KR-SBERT, ko-sbert, jina-embeddings-v2")
        .note("jina-embeddings-v2 (`JinaBert…`, ALiBi) is compared with its formula in float64"),
    class("xlm-roberta", "bge-m3, KURE, multilingual-e5, snowflake-arctic-embed 2"),
    class("roberta", "ko-sroberta, all-distilroberta").note("with byte pairs or WordPiece"),
    class("camembert", "sentence-camembert"),
    class("distilbert", "msmarco-distilbert, multi-qa-distilbert"),
    class("mpnet", "all-mpnet-base"),
    class("electra", "KoELECTRA, KcELECTRA").note("tables of another width are projected"),
    class("albert", "paraphrase-albert").note("shared layers"),
    class("deberta-v2", "kf-deberta, mdeberta").note("disentangled attention; `conv_kernel_size` is refused"),
    class("t5", "sentence-t5, GTR").note("the encoder alone"),
    class("mt5", "multilingual T5 retrievers").note("the encoder alone"),
    class("modernbert", "gte-modernbert, modernbert-embed, ruri"),
    class("new", "gte-multilingual").note("GTE with code of its own"),
    class("gte", "gte-multilingual, as transformers saves it"),
    class("nomic_bert", "nomic-embed-text 1, 1.5"),
    class("jina_embeddings_v3", "jina-embeddings-v3, as transformers saves it")
        .note("a task's adapter counts where it is merged into the weights"),
    class("eurobert", "EuroBERT retrievers"),
    class("qwen2", "gte-Qwen2, stella"),
    class("qwen3", "Qwen3-Embedding"),
    class("mistral", "e5-mistral, SFR-Embedding, Linq-Embed"),
    class("llama", "Llama retrievers").note("`is_causal: false` attends in both directions"),
    class("llama_bidirec", "llama-nemotron-embed, llama-3.2-nv-embedqa").note("attends in both directions"),
    class("gemma2", "bge-multilingual-gemma2"),
    class("gemma3_text", "EmbeddingGemma").note("not in float16, which it overflows"),
    class("embedding_gemma2", "EmbeddingGemma 2").note("texts only; not in float16, which it overflows"),
    class("embedding_gemma2_text", "EmbeddingGemma 2, its part about texts").note("not in float16, which it overflows"),
    class("lfm2", "LFM2 retrievers").note("short convolutions in most layers"),
];

/// Classes that only code beside their weights describes, and what models have them. They are merged, and not encoded with.
pub const REFUSED: &[(&str, &str)] = &[
    ("JinaBertModel with norms of queries and keys", "jina-embeddings-v2-base-code"),
    ("XLMRobertaLoRA", "jina-embeddings-v3 as first published; `jina_embeddings_v3` is the same model in transformers"),
    ("nomic_bert with experts", "nomic-embed-text-v2-moe"),
];

/// The `model_type`s of all classes.
pub(super) fn listed() -> String {
    let names: Vec<&str> = CLASSES.iter().map(|class| class.model_type).collect();
    names.join(", ")
}
