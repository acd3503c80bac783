//! A reference to a model in a recipe.

use std::cmp::Ordering;
use std::fmt;
use std::path::PathBuf;

use crate::escape::literal;
use crate::yaml::NodePath;

/// A model as a recipe names it. Two are equal when they lead to the same folder, or, where they lead to none on this
/// machine, when their paths and revisions are the same; and when their adapters are equal too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelRef {
    /// The folder, or the model's name on the Hub (`org/name`), as written, variables filled in.
    pub path: String,
    /// The branch, tag or commit on the Hub.
    pub revision: Option<String>,
    /// The adapter that is merged into it first. An adapter has no adapter of its own.
    pub adapter: Option<Box<ModelRef>>,
    /// The architecture class that the recipe gives it, in place of the one in config.json.
    pub architecture: Option<String>,
    /// Whether it is the merge of another document, whose name is in `path`.
    pub stage: bool,
    /// The folder on this machine, without links; `None` where there is none, and for the merge of another document.
    pub(crate) identity: Option<PathBuf>,
    /// Where the recipe names it.
    pub at: NodePath,
}

impl ModelRef {
    /// The same model without its adapter.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        Self { adapter: None, ..self.clone() }
    }

    /// The reference as a YAML map in flow style, whatever characters its names have.
    pub fn flow(&self) -> String {
        // `${` would begin a variable.
        let quoted = |text: &str| literal(&text.replace("${", "$${"));
        let part = |model: &Self| {
            let revision = model.revision.as_deref().map(|revision| format!(", revision: {}", quoted(revision)));
            format!("{{path: {}{}}}", quoted(&model.path), revision.unwrap_or_default())
        };
        let adapter = self.adapter.as_deref().map(|adapter| format!(", lora: {}", part(adapter)));
        format!("{{model: {}{}}}", part(self), adapter.unwrap_or_default())
    }

    /// A placeholder for a model whose name is not known. No two placeholders are equal.
    pub(in crate::recipe) fn unknown(at: &NodePath) -> Self {
        // No folder name can contain this character.
        let path = format!("\0{at}");
        let (revision, adapter, architecture, identity) = (None, None, None, None);
        Self { path, revision, adapter, architecture, at: at.clone(), stage: false, identity }
    }

    /// A folder whose path is taken literally.
    pub(in crate::recipe) fn folder(path: String, at: &NodePath) -> Self {
        let (revision, adapter, architecture, identity) = (None, None, None, None);
        Self { path, revision, adapter, architecture, at: at.clone(), stage: false, identity }
    }

    /// Whether the model's name could not be read, or depends on a variable without a value.
    pub fn is_unknown(&self) -> bool {
        self.path.starts_with('\0')
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.revision.iter().try_for_each(|revision| write!(f, "@{revision}"))?;
        self.adapter.iter().try_for_each(|adapter| write!(f, "+{adapter}"))
    }
}

impl PartialEq for ModelRef {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ModelRef {}

impl PartialOrd for ModelRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ModelRef {
    fn cmp(&self, other: &Self) -> Ordering {
        fn named(model: &ModelRef) -> Option<(&str, Option<&str>)> {
            model.identity.is_none().then_some((model.path.as_str(), model.revision.as_deref()))
        }
        let own = (&self.identity, named(self), &self.adapter);
        own.cmp(&(&other.identity, named(other), &other.adapter))
    }
}
