//! `tokenizer` and `tokenizer_source`.

use super::super::{TokenSource, TokenizerSource};
use super::{good, refused};

const MODELS: &str =
    "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: 1}}\n- {model: b, parameters: {weight: 1}}\n";

#[test]
fn both_keys_are_read() {
    let of = |text: &str| good(&format!("{MODELS}{text}")).tokenizer.unwrap();
    assert_eq!(of("tokenizer_source: union\n").source, TokenizerSource::Union);
    assert_eq!(of("tokenizer_source: base\n").source, TokenizerSource::Base);
    assert_eq!(of("tokenizer: {tokens: {}}\n").source, TokenizerSource::Union);
    assert!(good(&format!("{MODELS}tokenizer_source: ~\n")).tokenizer.is_none());
    for text in ["tokenizer_source: c/d\n", "tokenizer: {source: c/d}\n", "tokenizer: {source: {model: {path: c/d}}}\n"]
    {
        let TokenizerSource::Model(model) = of(text).source else { panic!("{text}") };
        assert_eq!(model.path, "c/d");
    }
    let tokenizer = of("\
tokenizer:
  source: base
  pad_to_multiple_of: 64
  tokens:
    \"<s>\": {source: a, force: yes}
    ▁서울: {source: {kind: zero}}
    \"<q>\": {source: {kind: model_token, model: b, token: \"</s>\"}, force: false}
    \"<d>\": {source: {kind: model_token, model: {model: {path: b}}, token_id: 7}}
    plain: {}
");
    assert_eq!((tokenizer.source, tokenizer.pad_to_multiple_of), (TokenizerSource::Base, 64));
    let rules: Vec<_> = tokenizer.tokens.iter().map(|rule| (rule.token.as_str(), rule.force)).collect();
    assert_eq!(rules, [("<s>", true), ("▁서울", false), ("<q>", false), ("<d>", false), ("plain", false)]);
    let sources: Vec<_> = tokenizer.tokens.iter().map(|rule| rule.source.as_ref()).collect();
    assert!(matches!(sources[0], Some(TokenSource::Model(model)) if model.path == "a"));
    assert!(matches!(sources[1], Some(TokenSource::Zero)));
    assert!(matches!(sources[2], Some(TokenSource::Token { model, token }) if model.path == "b" && token == "</s>"));
    assert!(matches!(sources[3], Some(TokenSource::Row { model, row: 7 }) if model.path == "b"));
    assert_eq!(sources[4], None);
}

#[test]
fn mistakes_are_refused_where_they_are() {
    for (text, place, message, hint) in [
        (
            "tokenizer_source: union\ntokenizer: {source: base}\n",
            "6:1 tokenizer",
            "the recipe has both `tokenizer_source` and `tokenizer`",
            "`tokenizer: {source: …}` says the same",
        ),
        ("tokenizer: {sauce: base}\n", "5:13 sauce", "unknown key `sauce` in `tokenizer`", "did you mean `source`?"),
        (
            "tokenizer_source: [a]\n",
            "5:19 [a]",
            "expected `union`, `base` or a model's folder, found a list",
            "`union` has",
        ),
        (
            "tokenizer: {pad_to_multiple_of: 0}\n",
            "5:33 0",
            "`pad_to_multiple_of` must be a whole number between 1 and 1048576, found `0`",
            "",
        ),
        ("tokenizer: {tokens: [a]}\n", "5:21 [a]", "expected `tokens` as a map, found a list", "write each token"),
        (
            "tokenizer: {tokens: {x: {source: c}}}\n",
            "5:34 c",
            "`c` is not one of the models that are merged",
            "they are `a` and `b`",
        ),
        (
            "tokenizer: {tokens: {x: {force: true}}}\n",
            "5:25 {force: true}",
            "the token `x` is forced and has no `source`",
            "say what its row is",
        ),
        (
            "tokenizer: {tokens: {x: {source: {kind: one}}}}\n",
            "5:41 one",
            "unknown kind of source `one`",
            "the kinds are `model_token` and `zero`",
        ),
        (
            "tokenizer: {tokens: {x: {source: {kind: model_token, model: a}}}}\n",
            "5:34 {kind: model_token, model: a}",
            "a source of kind `model_token` has neither `token` nor `token_id`",
            "",
        ),
        (
            "tokenizer: {tokens: {x: {source: {kind: model_token, model: a, token: b, token_id: 1}}}}\n",
            "5:74 token_id",
            "the source has both `token` and `token_id`",
            "",
        ),
        (
            "tokenizer: {tokens: {x: {source: {kind: zero, model: a}}}}\n",
            "5:47 model",
            "a source of kind `zero` has no model and no token",
            "",
        ),
        (
            "tokenizer: {tokens: {x: {source: {kind: model_token, model: a, token: 12}}}}\n",
            "5:71 12",
            "expected a token, found `12`",
            "write a token that looks like a number in quotes",
        ),
    ] {
        refused(&format!("{MODELS}{text}"), place, message, hint);
    }
}
