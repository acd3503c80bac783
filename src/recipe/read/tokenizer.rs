//! Reads `tokenizer` and `tokenizer_source`.

use super::super::keys::{TOKEN, TOKEN_SOURCE, TOKENIZER};
use super::super::types::{Recipe, TokenRule, TokenSource, Tokenizer, TokenizerSource};
use super::model_ref::model_ref;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, NodePath, and, flag, number, quoted, written};

/// The largest value of `pad_to_multiple_of`.
const LARGEST_MULTIPLE: u32 = 1 << 20;

/// Reads the two keys, of which a recipe may have one.
pub(super) fn tokenizer(recipe: &Fields<'_>, diagnostics: &mut Diagnostics) -> Checked<Option<Tokenizer>> {
    match (recipe.get("tokenizer_source"), recipe.get("tokenizer")) {
        (Some(_), Some((_, at))) => {
            let hint = "`tokenizer: {source: …}` says the same as `tokenizer_source`".to_owned();
            Err(Diagnostic::key(&at, "the recipe has both `tokenizer_source` and `tokenizer`").hint(hint))
        }
        (Some((node, at)), None) => {
            let source = source(node, &at, diagnostics)?;
            Ok(Some(Tokenizer { source, tokens: Vec::new(), pad_to_multiple_of: 1, at }))
        }
        (None, Some((node @ Node::Text(text), at))) => {
            let hint = format!("write `tokenizer_source: {}`", written(text));
            Err(Diagnostic::value(&at, format!("expected `tokenizer` as a map, found {node}")).hint(hint))
        }
        (None, Some((node, at))) => {
            let fields = Fields::of(node, &at, &TOKENIZER, diagnostics)?;
            let source = match fields.get("source") {
                Some((node, at)) => source(node, &at, diagnostics)?,
                None => TokenizerSource::Union,
            };
            let tokens = fields.get("tokens").map(|(node, at)| rules(node, &at, diagnostics)).transpose()?;
            let multiple = fields.get("pad_to_multiple_of").map(|(node, at)| whole(node, &at, "pad_to_multiple_of", 1));
            let pad_to_multiple_of = multiple.transpose()?.unwrap_or(1) as usize;
            Ok(Some(Tokenizer { source, tokens: tokens.unwrap_or_default(), pad_to_multiple_of, at }))
        }
        (None, None) => Ok(None),
    }
}

/// Checks that rules name models of the recipe, because only their rows are read.
pub(super) fn check(recipe: &Recipe) -> Checked<()> {
    let models = recipe.models();
    let rules = recipe.tokenizer.iter().flat_map(|tokenizer| &tokenizer.tokens);
    for model in rules.filter_map(|rule| rule.source.as_ref()?.model()) {
        if !models.contains(&model) {
            let names: Vec<String> = models.iter().map(|model| quoted(&model.to_string())).collect();
            let message = format!("{} is not one of the models that are merged", quoted(&model.to_string()));
            return Err(Diagnostic::value(&model.at, message).hint(format!("they are {}", and(&names))));
        }
    }
    Ok(())
}

fn source(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<TokenizerSource> {
    match node {
        Node::Text(text) if text == "union" => Ok(TokenizerSource::Union),
        Node::Text(text) if text == "base" => Ok(TokenizerSource::Base),
        // The form that older versions of mergekit read.
        Node::Text(text) if text.starts_with("model:") => {
            let model = text.trim_start_matches("model:");
            let message = format!("expected `union`, `base` or a model's folder, found {}", quoted(text));
            Err(Diagnostic::value(at, message).hint(format!("write the model alone: `{}`", written(model))))
        }
        Node::Text(_) | Node::Map(_) => model_ref(node, at, diagnostics).map(TokenizerSource::Model),
        other => {
            let hint = "`union` has the tokens of all models, `base` those of the base model".to_owned();
            Err(Diagnostic::value(at, format!("expected `union`, `base` or a model's folder, found {other}"))
                .hint(hint))
        }
    }
}

fn rules(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Vec<TokenRule>> {
    let Node::Map(entries) = node else {
        let hint = "write each token with its rule: `tokens: {\"<s>\": {source: …}}`".to_owned();
        return Err(Diagnostic::value(at, format!("expected `tokens` as a map, found {node}")).hint(hint));
    };
    entries.iter().map(|(token, value)| rule(token, value, at.key(token), diagnostics)).collect()
}

fn rule(token: &str, node: &Node, at: NodePath, diagnostics: &mut Diagnostics) -> Checked<TokenRule> {
    if token.is_empty() {
        return Err(Diagnostic::key(&at, "the empty text is no token"));
    }
    let fields = Fields::of(node, &at, &TOKEN, diagnostics)?;
    let source = fields.get("source").map(|(node, at)| token_source(node, &at, diagnostics)).transpose()?;
    let force = match fields.get("force") {
        Some((node, at)) => flag(node).map_err(|refusal| Diagnostic::value(&at, refusal.message).hint(refusal.hint))?,
        None => false,
    };
    if force && source.is_none() {
        let message = format!("the token {} is forced and has no `source`", quoted(token));
        return Err(
            Diagnostic::value(&at, message).hint("say what its row is: `source: {kind: zero}`, or a model".to_owned())
        );
    }
    Ok(TokenRule { token: token.to_owned(), source, force, at })
}

fn token_source(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<TokenSource> {
    let Some(kind) = node.get("kind") else { return model_ref(node, at, diagnostics).map(TokenSource::Model) };
    let fields = Fields::of(node, at, &TOKEN_SOURCE, diagnostics)?;
    match kind {
        Node::Text(kind) if kind == "zero" => {
            match ["model", "token", "token_id"].iter().find_map(|key| fields.get(key)) {
                None => Ok(TokenSource::Zero),
                Some((_, at)) => Err(Diagnostic::key(&at, "a source of kind `zero` has no model and no token")),
            }
        }
        Node::Text(kind) if kind == "model_token" => {
            let (model, model_at) = fields.need("model")?;
            let model = model_ref(model, &model_at, diagnostics)?;
            match (fields.get("token"), fields.get("token_id")) {
                (Some((Node::Text(token), _)), None) => Ok(TokenSource::Token { model, token: token.clone() }),
                // YAML has lost the spelling of a token that looks like a number.
                (Some((other, at)), None) => Err(Diagnostic::value(&at, format!("expected a token, found {other}"))
                    .hint("write a token that looks like a number in quotes".to_owned())),
                (None, Some((node, at))) => Ok(TokenSource::Row { model, row: whole(node, &at, "token_id", 0)? }),
                (Some(_), Some((_, at))) => Err(Diagnostic::key(&at, "the source has both `token` and `token_id`")),
                (None, None) => {
                    Err(Diagnostic::value(at, "a source of kind `model_token` has neither `token` nor `token_id`"))
                }
            }
        }
        other => {
            let hint = "the kinds are `model_token` and `zero`; a model alone stands for its row of the same token";
            Err(Diagnostic::value(&at.key("kind"), format!("unknown kind of source {other}")).hint(hint.to_owned()))
        }
    }
}

fn whole(node: &Node, at: &NodePath, key: &str, least: u32) -> Checked<u32> {
    let most = if least == 0 { i32::MAX.unsigned_abs() } else { LARGEST_MULTIPLE };
    let number = number(node).map_err(|refusal| Diagnostic::value(at, refusal.message).hint(refusal.hint))?;
    if number.fract() != 0.0 || !(f64::from(least)..=f64::from(most)).contains(&number) {
        let message = format!("`{key}` must be a whole number between {least} and {most}, found {node}");
        return Err(Diagnostic::value(at, message));
    }
    #[expect(clippy::cast_sign_loss, reason = "checked to be within the bounds")]
    Ok(number as u32)
}
