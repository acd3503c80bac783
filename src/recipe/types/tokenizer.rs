//! `tokenizer` and `tokenizer_source`: whose vocabulary the output has, and where the rows of single tokens come from.

use serde_json::{Map, Value, json};

use super::model_ref::ModelRef;
use crate::escape::flow;
use crate::yaml::NodePath;

/// How the vocabularies are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokenizer {
    /// Whose vocabulary the output has.
    pub source: TokenizerSource,
    /// Rules for single tokens.
    pub tokens: Vec<TokenRule>,
    /// The output's number of rows is made a multiple of this; 1 for as many as there are tokens.
    pub pad_to_multiple_of: usize,
    /// The key in the YAML.
    pub at: NodePath,
}

/// Whose vocabulary the output has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerSource {
    /// The base's, followed by every token that only other models have.
    Union,
    /// The base's, or the first model's where there is no base.
    Base,
    /// A model's.
    Model(ModelRef),
}

/// A rule for one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRule {
    /// The token, as the vocabulary spells it.
    pub token: String,
    /// What models without the token use as its row; `None` for the default.
    pub source: Option<TokenSource>,
    /// Whether models that have the token use it too.
    pub force: bool,
    /// The rule in the YAML.
    pub at: NodePath,
}

/// Where the row of a token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// A row of zeros.
    Zero,
    /// The row of the same token in a model.
    Model(ModelRef),
    /// The row of another token in a model.
    Token {
        /// The model.
        model: ModelRef,
        /// The token, as its vocabulary spells it.
        token: String,
    },
    /// A row of a model by its number.
    Row {
        /// The model.
        model: ModelRef,
        /// The row, from 0.
        row: u32,
    },
}

impl TokenSource {
    /// The model whose row it is.
    pub fn model(&self) -> Option<&ModelRef> {
        match self {
            Self::Zero => None,
            Self::Model(model) | Self::Token { model, .. } | Self::Row { model, .. } => Some(model),
        }
    }

    fn model_mut(&mut self) -> Option<&mut ModelRef> {
        match self {
            Self::Zero => None,
            Self::Model(model) | Self::Token { model, .. } | Self::Row { model, .. } => Some(model),
        }
    }
}

impl Tokenizer {
    /// Writes it as the value of a `tokenizer` key.
    pub fn flow(&self) -> String {
        let model = |model: &ModelRef| match &model.revision {
            Some(revision) => json!({"model": {"path": model.path, "revision": revision}}),
            None => json!({"model": {"path": model.path}}),
        };
        let source = |source: &TokenSource| match source {
            TokenSource::Zero => json!({"kind": "zero"}),
            TokenSource::Model(of) => model(of),
            TokenSource::Token { model: of, token } => {
                json!({"kind": "model_token", "model": model(of), "token": token})
            }
            TokenSource::Row { model: of, row } => json!({"kind": "model_token", "model": model(of), "token_id": row}),
        };
        let rule = |rule: &TokenRule| {
            (rule.token.clone(), json!({"source": rule.source.as_ref().map(source), "force": rule.force}))
        };
        let of = match &self.source {
            TokenizerSource::Union => json!("union"),
            TokenizerSource::Base => json!("base"),
            TokenizerSource::Model(of) => model(of),
        };
        let tokens: Map<String, Value> = self.tokens.iter().map(rule).collect();
        // `${` would begin a variable.
        let value = json!({"source": of, "pad_to_multiple_of": self.pad_to_multiple_of, "tokens": tokens});
        flow(&value).replace("${", "$${")
    }

    /// The equivalent for a merge of some of the recipe's models without a base: the base's tokenizer by its folder,
    /// without rules that use rows of models outside of the merge.
    #[must_use]
    pub fn without_base(&self, base: Option<&ModelRef>, models: &[&ModelRef]) -> Self {
        let mut same = self.clone();
        if let (TokenizerSource::Base, Some(base)) = (&same.source, base) {
            same.source = TokenizerSource::Model(base.clone());
        }
        same.tokens
            .retain(|rule| rule.source.as_ref().and_then(TokenSource::model).is_none_or(|of| models.contains(&of)));
        same
    }

    /// Every model it names.
    pub fn models_mut(&mut self) -> impl Iterator<Item = &mut ModelRef> {
        let source = if let TokenizerSource::Model(model) = &mut self.source { Some(model) } else { None };
        source.into_iter().chain(self.tokens.iter_mut().filter_map(|rule| rule.source.as_mut()?.model_mut()))
    }
}
