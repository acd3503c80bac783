//! Families of models that need prompts, for folders that lack them.

use crate::checkpoint::Checkpoint;

/// The prompts that a family of models was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name of the family.
    pub name: &'static str,
    /// The prompt of queries.
    pub query: &'static str,
    /// The prompt of documents.
    pub document: &'static str,
}

/// Parts of model names with their families, of which the first match counts. The prompts are those of the models' cards,
/// as in MTEB.
const FAMILIES: [(&[&str], Family); 8] = [
    (
        &["e5-mistral", "e5-large-instruct"],
        Family {
            name: "e5-instruct",
            query: "Instruct: Given a question, retrieve passages that answer it\nQuery: ",
            document: "",
        },
    ),
    (
        &["multilingual-e5", "koe5", "e5-small", "e5-base", "e5-large"],
        Family { name: "e5", query: "query: ", document: "passage: " },
    ),
    (
        &[
            "bge-small-en",
            "bge-base-en",
            "bge-large-en",
            "arctic-embed-xs",
            "arctic-embed-s",
            "arctic-embed-m",
            "arctic-embed-l",
        ],
        Family { name: "bge-en", query: "Represent this sentence for searching relevant passages: ", document: "" },
    ),
    (
        &["bge-small-zh", "bge-base-zh", "bge-large-zh"],
        Family { name: "bge-zh", query: "为这个句子生成表示以用于检索相关文章：", document: "" },
    ),
    (&["nomic-embed"], Family { name: "nomic-embed", query: "search_query: ", document: "search_document: " }),
    (
        &["qwen3-embedding"],
        Family {
            name: "Qwen3-Embedding",
            query: "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
            document: "",
        },
    ),
    (
        &["embeddinggemma"],
        Family { name: "EmbeddingGemma", query: "task: search result | query: ", document: "title: none | text: " },
    ),
    (
        &["gte-qwen2"],
        Family {
            name: "gte-Qwen2",
            query: "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
            document: "",
        },
    ),
];

impl Family {
    /// The family whose prompts the checkpoint's folder lacks, recognised by its folder's name and the names in its
    /// config.json.
    pub fn lacking_prompts(checkpoint: &Checkpoint) -> Option<Self> {
        let settings = checkpoint.settings();
        // These have tokens of their own in front of texts.
        if settings.late_interaction.is_some() {
            return None;
        }
        if settings.query_prompt.is_some() || settings.document_prompt.is_some() || settings.default_prompt.is_some() {
            return None;
        }
        let folder = checkpoint.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let origin = checkpoint.config().get("_name_or_path").and_then(serde_json::Value::as_str).unwrap_or_default();
        Self::of_name(&format!("{folder} {origin}"))
    }

    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        // The later arctic models have prompts of their own.
        if name.contains("arctic-embed-l-v2") || name.contains("arctic-embed-m-v2") {
            return Some(Self { name: "arctic-embed v2", query: "query: ", document: "" });
        }
        FAMILIES.iter().find(|(parts, _)| parts.iter().any(|part| name.contains(part))).map(|(_, family)| *family)
    }

    /// A warning that names the flags to use.
    pub fn warning(&self, model: &str) -> String {
        let flag = |flag: &str, text: &str| if text.is_empty() { String::new() } else { format!(" {flag} {text:?}") };
        format!(
            "`{model}` looks like a model of the {} family, and its folder has no prompts; scores will be low without{}{}",
            self.name,
            flag("--query-prompt", self.query),
            flag("--document-prompt", self.document),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_name() {
        let name = |name: &str| Family::of_name(name).map(|family| family.name);
        assert_eq!(name("multilingual-e5-base"), Some("e5"));
        assert_eq!(name("intfloat/multilingual-e5-large-instruct"), Some("e5-instruct"));
        assert_eq!(name("BAAI/bge-m3"), None);
        assert_eq!(name("snowflake-arctic-embed-l-v2.0"), Some("arctic-embed v2"));
        assert_eq!(name("nreimers/MiniLM-L6-H384-uncased"), None);
    }
}
