//! Applies `tokenizer_config.json` to a tokenizer.json, as transformers' classes do.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokenizers::models::ModelWrapper;
use tokenizers::models::unigram::Unigram;
use tokenizers::{AddedToken, AddedVocabulary, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper};

use super::bounded::{Bounded, Normalizer};
use crate::checkpoint::{TOKEN_KEYS, TokenizerClass, extra_ids, special_token};

/// The id of the unknown piece in vocabularies of XLM-R.
const UNKNOWN_PIECE: usize = 3;

/// The file with the added tokens of older folders; also its key among the settings.
pub(super) const ADDED_TOKENS: &str = "added_tokens.json";

/// Changes a tokenizer as read from tokenizer.json in the way that its class does.
pub(super) fn apply(
    tokenizer: &mut Bounded,
    bytes: &[u8],
    class: &TokenizerClass,
    config: &Map<String, Value>,
    is_built: bool,
) -> Result<(), String> {
    if let TokenizerClass::Unknown(name) = class {
        return Err(format!(
            "transformers loads it by `{name}`, which makes its parts anew in a way that is not known here"
        ));
    }
    let normalizer =
        tokenizer.get_normalizer().map(Normalizer::given).map(serde_json::to_value).transpose().map_err(as_text)?;
    let parts = class.parts(config, &normalizer.unwrap_or_default());
    if let Some(parts) = &parts {
        set_model(tokenizer, bytes, class, config)?;
        let normalizer: Option<NormalizerWrapper> =
            serde_json::from_value(parts.normalizer.clone()).map_err(as_text)?;
        let pre_tokenizer: Option<PreTokenizerWrapper> =
            serde_json::from_value(parts.pre_tokenizer.clone()).map_err(as_text)?;
        tokenizer.with_normalizer(normalizer).map_err(as_text)?;
        tokenizer.with_pre_tokenizer(pre_tokenizer);
    }
    add_tokens(tokenizer, class, config, parts.is_some())?;
    if let Some(tokens) = class.start_and_end_tokens(is_built) {
        set_start_and_end_tokens(tokenizer, class, config, tokens)?;
    }
    if config.get("split_special_tokens").and_then(Value::as_bool) == Some(true) {
        tokenizer.set_encode_special_tokens(true);
    }
    Ok(())
}

fn as_text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Gives the vocabulary the class's options.
fn set_model(
    tokenizer: &mut Bounded,
    bytes: &[u8],
    class: &TokenizerClass,
    config: &Map<String, Value>,
) -> Result<(), String> {
    let unknown = special_token(class, config, "unk_token");
    let found = match tokenizer.get_model() {
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::Unigram(_) => "Unigram",
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordLevel(_) => "WordLevel",
    };
    let expected = class.model().unwrap_or(found);
    if found != expected {
        return Err(format!(
            "its model is {found}, but the class that tokenizer_config.json or config.json asks for has {expected}"
        ));
    }
    let model: Option<ModelWrapper> = match tokenizer.get_model() {
        ModelWrapper::WordPiece(model) => {
            let unknown = unknown.unwrap_or("[UNK]");
            let is_same = model.unk_token == unknown
                && model.continuing_subword_prefix == "##"
                && model.max_input_chars_per_word == 100;
            (!is_same).then(|| {
                let mut model = model.clone();
                unknown.clone_into(&mut model.unk_token);
                "##".clone_into(&mut model.continuing_subword_prefix);
                model.max_input_chars_per_word = 100;
                model.into()
            })
        }
        ModelWrapper::BPE(model) => {
            let is_empty = |affix: &Option<String>| affix.as_ref().is_none_or(String::is_empty);
            if !is_empty(&model.continuing_subword_prefix) || !is_empty(&model.end_of_word_suffix) {
                return Err("its BPE marks parts of words, which the class of the tokenizer does not".to_owned());
            }
            let falls_back = matches!(class, TokenizerClass::Llama | TokenizerClass::Gemma);
            let unknown = unknown.filter(|_| *class == TokenizerClass::Gemma);
            let is_same = model.unk_token.as_deref() == unknown
                && model.fuse_unk == falls_back
                && model.byte_fallback == falls_back
                && !model.ignore_merges
                && model.dropout.is_none();
            (!is_same).then(|| {
                let mut model = model.clone();
                model.unk_token = unknown.map(str::to_owned);
                (model.fuse_unk, model.byte_fallback) = (falls_back, falls_back);
                (model.ignore_merges, model.dropout) = (false, None);
                model.into()
            })
        }
        ModelWrapper::Unigram(model) => {
            let place = || model.iter().position(|(piece, _)| Some(piece.as_str()) == unknown);
            let unknown = match class {
                TokenizerClass::Camembert => place().unwrap_or_default(),
                TokenizerClass::Albert => 1,
                TokenizerClass::T5 => 2,
                TokenizerClass::DebertaV2 => {
                    let is_unknown = |(piece, score): &(String, f64)| Some(piece.as_str()) == unknown && *score == 0.0;
                    let stated = config.get("unk_id").and_then(Value::as_u64).and_then(|id| usize::try_from(id).ok());
                    model.iter().position(is_unknown).or(stated).unwrap_or(1)
                }
                _ => UNKNOWN_PIECE,
            };
            let stated = serde_json::from_slice::<Stated>(bytes).map_err(as_text)?.model;
            let is_same = stated.unk_id == Some(unknown) && !model.byte_fallback();
            let anew = || Unigram::from(model.iter().cloned().collect(), Some(unknown), false).map_err(as_text);
            if is_same { None } else { Some(anew()?.into()) }
        }
        ModelWrapper::WordLevel(_) => None,
    };
    if let Some(model) = model {
        tokenizer.with_model(model);
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Stated {
    model: StatedModel,
}

#[derive(serde::Deserialize)]
struct StatedModel {
    unk_id: Option<usize>,
}

/// Adds the added tokens: those of `tokenizer_config.json` if it lists them, else those of tokenizer.json, and special
/// tokens that neither lists.
fn add_tokens(
    tokenizer: &mut Bounded,
    class: &TokenizerClass,
    config: &Map<String, Value>,
    anew: bool,
) -> Result<(), String> {
    let mut numbered: BTreeMap<u32, AddedToken> = tokenizer.get_added_tokens_decoder().into_iter().collect();
    let own: Vec<AddedToken> = numbered.values().cloned().collect();
    let named = TOKEN_KEYS.into_iter().filter_map(|key| named(class, config, key));
    let extra = ["extra_special_tokens", "additional_special_tokens"].into_iter().find_map(|key| config.get(key));
    let extra: Vec<&Value> = match extra {
        Some(Value::Array(tokens)) => tokens.iter().collect(),
        // Tokens under keys of the model's own.
        Some(Value::Object(tokens)) => tokens.values().collect(),
        _ => Vec::new(),
    };
    let is_extra_id = |token: &&Value| content(token).is_some_and(|text| text.contains("<extra_id_"));
    let of_class = match class {
        TokenizerClass::T5 if !extra.iter().any(is_extra_id) => extra_ids(config),
        _ => Vec::new(),
    };
    let of_class = of_class.into_iter().map(|text| AddedToken::from(text, true));
    let extra = extra.into_iter().filter_map(|token| special(token, false)).chain(of_class);
    let special: Vec<AddedToken> = named.chain(extra).collect();
    let mut listed = if let Some(tokens) = config.get("added_tokens_decoder").and_then(Value::as_object) {
        listed(tokens)?
    } else {
        for (text, number) in config.get(ADDED_TOKENS).and_then(Value::as_object).into_iter().flatten() {
            let is_special = special.iter().any(|special| special.content == *text);
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.ok_or_else(|| format!("added_tokens.json has no number for the token {text:?}"))?;
            numbered.entry(number).or_insert_with(|| AddedToken::from(text.clone(), is_special));
        }
        numbered.into_values().collect()
    };
    for token in &special {
        let known = |known: &AddedToken| known.content == token.content;
        if !listed.iter().any(known) && (anew || !own.iter().any(known)) {
            listed.push(token.clone());
        }
    }
    for token in &mut listed {
        // Special tokens are always special, whatever the list says.
        token.special |= special.iter().any(|special| special.content == token.content);
    }
    if *class == TokenizerClass::Qwen2 {
        listed.extend(special.iter().map(|token| AddedToken::from(token.content.clone(), true)));
    }
    if anew {
        tokenizer.with_added_vocabulary(AddedVocabulary::new());
    } else {
        listed.retain(|token| !own.contains(token));
    }
    tokenizer.add_tokens(listed).map(drop).map_err(as_text)
}

/// The tokens of `added_tokens_decoder`, in the order of their ids.
fn listed(tokens: &Map<String, Value>) -> Result<Vec<AddedToken>, String> {
    let mut found = Vec::new();
    for (number, token) in tokens {
        let number: u32 = number.parse().map_err(|_| {
            format!("`added_tokens_decoder` of tokenizer_config.json has the key {number:?}, expected a token's number")
        })?;
        let token = special(token, false)
            .ok_or_else(|| format!("`added_tokens_decoder` of tokenizer_config.json has no token under {number}"))?;
        found.push((number, token));
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, token)| token).collect())
}

/// Reads a token that is written as a string or with its flags.
fn special(token: &Value, left: bool) -> Option<AddedToken> {
    if let Some(text) = token.as_str() {
        return Some(AddedToken::from(text, true).lstrip(left)).filter(|token| !token.content.is_empty());
    }
    let text = content(token).filter(|text| !text.is_empty())?;
    let flag = |key: &str| token.get(key).and_then(Value::as_bool);
    let special = flag("special").unwrap_or(false);
    let found = AddedToken::from(text, special)
        .single_word(flag("single_word").unwrap_or(false))
        .lstrip(flag("lstrip").unwrap_or(false))
        .rstrip(flag("rstrip").unwrap_or(false))
        .normalized(flag("normalized").unwrap_or(!special));
    Some(found)
}

/// The text of a token that is written as a string or with its flags.
fn content(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}

/// The special token of a key of `tokenizer_config.json`, or the class's default.
fn named(class: &TokenizerClass, config: &Map<String, Value>, key: &str) -> Option<AddedToken> {
    let is_mask = key == "mask_token";
    let mut token = match config.get(key) {
        Some(Value::Null) => return None,
        Some(token) => {
            let left = is_mask && matches!(class, TokenizerClass::MpNet | TokenizerClass::Camembert);
            special(token, left && token.is_string())?
        }
        None => {
            let left = is_mask && matches!(class, TokenizerClass::MpNet | TokenizerClass::Camembert);
            special(&Value::from(class.default_token(key)?), left)?
        }
    };
    token.special = true;
    Some(token)
}

/// Adds the class's special tokens at the start and end of every text.
fn set_start_and_end_tokens(
    tokenizer: &mut Bounded,
    class: &TokenizerClass,
    config: &Map<String, Value>,
    ends: [Option<&str>; 2],
) -> Result<(), String> {
    let mut tokens = Map::new();
    let mut piece = |key: Option<&str>| -> Result<Option<Value>, String> {
        let Some(key) = key else { return Ok(None) };
        let text = special_token(class, config, key).ok_or_else(|| {
            format!("`{key}` of tokenizer_config.json is no token, but the class puts it around texts")
        })?;
        let id =
            tokenizer.token_to_id(text).ok_or_else(|| format!("it has no token {text:?}, which is its `{key}`"))?;
        tokens.insert(text.to_owned(), json!({"id": text, "ids": [id], "tokens": [text]}));
        Ok(Some(json!({"SpecialToken": {"id": text, "type_id": 0}})))
    };
    let (first, last) = (piece(ends[0])?, piece(ends[1])?);
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let typed = |mut piece: Value| {
        for part in piece.as_object_mut().into_iter().flat_map(Map::values_mut) {
            part["type_id"] = json!(1);
        }
        piece
    };
    let single: Vec<Value> = [first.clone(), Some(sequence("A")), last.clone()].into_iter().flatten().collect();
    // BERT marks the second text by a type of its own, RoBERTa and its kin by a second end token in front of it.
    let second = match class {
        TokenizerClass::T5 => [None, Some(sequence("B")), last.clone()],
        TokenizerClass::Bert | TokenizerClass::ConvBert | TokenizerClass::Albert | TokenizerClass::DebertaV2 => {
            [None, Some(typed(sequence("B"))), last.clone().map(typed)]
        }
        _ => [last.clone(), Some(sequence("B")), last.clone()],
    };
    let pair: Vec<Value> = [first, Some(sequence("A")), last].into_iter().chain(second).flatten().collect();
    let template = json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens});
    let processor: PostProcessorWrapper = serde_json::from_value(template).map_err(as_text)?;
    tokenizer.with_post_processor(Some(processor));
    Ok(())
}
