//! The keys of a recipe: their meaning, their values, and whether admix reads them. The parser, its messages and the JSON
//! Schema are driven by these tables.
//!
//! A new key is a line in the table of its level, `read("key", "what it is for").is(Form::…)`, a [`KeyTable`] of its own and a
//! line in [`LEVELS`] where its value is a map, and the code that reads it.

pub(super) mod advice;
pub(super) mod schema;

use serde_json::json;

use crate::method;
use crate::yaml::{Form, KeyTable, read, without_effect};
use advice::ADVICE;

/// Every level, the outermost first.
pub static LEVELS: [&KeyTable; 12] = [
    &RECIPE,
    &MODULE,
    &MODEL,
    &SLICE,
    &SOURCE,
    &CONDITION,
    &ROWS,
    &REFERENCE,
    &PATH,
    &TOKENIZER,
    &TOKEN,
    &TOKEN_SOURCE,
];

pub(super) static RECIPE: KeyTable = KeyTable {
    name: "the recipe",
    at: "the top of the recipe",
    advice: &ADVICE,
    keys: &[
        read("merge_method", "the method, one of `admix methods`").is(METHOD).required(),
        read("models", "the models, each merged whole").is(Form::List(&Form::Map(&MODEL))),
        read("slices", "runs of layers of the output, each with its own sources").is(Form::List(&Form::Map(&SLICE))),
        read(
            "sources",
            "instead of `models`: the checkpoints of a run, as a glob from the recipe's folder on, such as `checkpoints/step-*`, or a list of globs and folders; numbers in names count by their value",
        )
        .is(Form::OneOrMore(&Form::Text)),
        read("window", "of `sources`, merge only so many: the last ones").is(Form::Whole(1)),
        read(
            "decay",
            "of `sources`, what each checkpoint weighs where the next one weighs 1: above 0 and at most 1; without it all weigh the same",
        )
        .is(Form::Number),
        read("base_model", "the model that task vectors are taken from").is(MODEL_REF),
        read("parameters", "settings for every slice and model that has none of its own").is(PARAMETERS),
        read("texts", TEXTS).is(Form::Text),
        read(
            "dtype",
            "the format of the output unless `out_dtype` is given: float32, bfloat16, float16 or float64, which also computes in float64",
        ).is(FORMATS),
        read("out_dtype", "the format of the output, where it is not `dtype`").is(FORMATS),
        read("name", "the name by which other documents of the recipe take this one's merge for a model"),
        without_effect("int8_mask", "a memory setting of mergekit"),
        without_effect("consensus_method", "an election rule of older mergekits"),
        read("tokenizer_source", "whose vocabulary the output has: `union`, `base` or a model's folder").is(MODEL_REF),
        read("tokenizer", "whose vocabulary the output has, and where the rows of single tokens come from")
            .is(Form::Map(&TOKENIZER)),
        read(
            "settings_source",
            "the model whose settings of use the output has (modules, pooling, prompts, similarity, longest input), where models differ: `base` or one of the models",
        )
        .is(MODEL_REF),
        read("chat_template", "the chat template of the output: `auto` for the one that most models have, `chatml` or another name, or a Jinja text")
            .is(Form::Text),
        read("modules", "instead of `models` and `slices`: one part of a model under its name, as mergekit-multi writes it")
            .is(Form::Entries { least: 0, known: &[], other: &Form::Map(&MODULE) }),
    ],
};

pub(super) static MODULE: KeyTable = KeyTable {
    name: "a module",
    at: "an entry of `modules`",
    advice: &ADVICE,
    keys: &[
        read("models", "the models, each merged whole").is(Form::List(&Form::Map(&MODEL))),
        read("slices", "runs of layers of the output, each with its own sources").is(Form::List(&Form::Map(&SLICE))),
        read("parameters", "settings for every slice and model that has none of its own").is(PARAMETERS),
    ],
};

pub(super) static MODEL: KeyTable = KeyTable {
    name: "an entry of `models`",
    at: "an entry of `models`",
    advice: &ADVICE,
    keys: &[
        read("model", "the model's folder, or its name on the Hub").is(MODEL_REF).required(),
        read("parameters", "the settings of this model").is(PARAMETERS),
        read("texts", "the texts of this model, in place of those of the recipe").is(Form::Text),
    ],
};

pub(super) static SLICE: KeyTable = KeyTable {
    name: "a slice",
    at: "an entry of `slices`",
    advice: &ADVICE,
    keys: &[
        read("sources", "the models and layers the slice is merged from")
            .is(Form::List(&Form::Map(&SOURCE)))
            .required(),
        read("base_model", "the base of this slice").is(MODEL_REF),
        read("parameters", "the settings of this slice").is(PARAMETERS),
        without_effect("residual_weight", "a key that mergekit reads and never uses"),
    ],
};

pub(super) static SOURCE: KeyTable = KeyTable {
    name: "a source",
    at: "an entry of `sources`",
    advice: &ADVICE,
    keys: &[
        read("model", "the model's folder, or its name on the Hub").is(MODEL_REF).required(),
        read("layer_range", "the first layer and the one after the last, as `[0, 12]`")
            .is(Form::List(&Form::Whole(0)))
            .required(),
        read("parameters", "the settings of this model in this slice").is(PARAMETERS),
    ],
};

pub(super) static CONDITION: KeyTable = KeyTable {
    name: "a condition",
    at: "an entry of a parameter's list",
    advice: &ADVICE,
    keys: &[
        read("value", "a scalar or a list of scalars").is(SETTING).required(),
        read("filter", "a text that the tensor's name holds; `*` or none for every tensor").is(Form::Text),
        read("rows", "the rows of a vocabulary tensor that it is for, as `{script: Hangul}`; without it all of them")
            .is(Form::Map(&ROWS)),
    ],
};

pub(super) static ROWS: KeyTable = KeyTable {
    name: "`rows`",
    at: "`rows` of a condition",
    advice: &ADVICE,
    keys: &[read(
        "script",
        "a script of Unicode, such as Hangul, Han or Latin; `special` for special tokens, `none` for tokens without letters; or a list of them",
    )
    .is(Form::OneOrMore(&Form::Text))
    .required()],
};

pub(super) static REFERENCE: KeyTable = KeyTable {
    name: "a model reference",
    at: "the map form of `model` and `base_model`",
    advice: &ADVICE,
    keys: &[
        read("model", "the model, as `{path: …}` or `{path: …, revision: …}`")
            .is(Form::Either(&[Form::Text, Form::Map(&PATH)]))
            .required(),
        read("lora", "an adapter that is merged into the model first, as `{path: …}`")
            .is(Form::Either(&[Form::Text, Form::Map(&PATH)])),
        read("override_architecture", "the class that config.json names, for mergekit; another one is refused")
            .is(Form::Text),
    ],
};

pub(super) static PATH: KeyTable = KeyTable {
    name: "a model reference",
    at: "`model` in the map form of a model reference",
    advice: &ADVICE,
    keys: &[
        read("path", "the model's folder or its name on the Hub, taken literally").is(Form::Text).required(),
        read("revision", "the branch, tag or commit of a model on the Hub").is(Form::Text),
    ],
};

pub(super) static TOKENIZER: KeyTable = KeyTable {
    name: "`tokenizer`",
    at: "`tokenizer`",
    advice: &ADVICE,
    keys: &[
        read("source", "whose vocabulary the output has: `union` (the default), `base` or a model's folder")
            .is(MODEL_REF),
        read("tokens", "a map from tokens to rules for their rows").is(Form::Entries {
            least: 0,
            known: &[],
            other: &Form::Map(&TOKEN),
        }),
        read(
            "pad_to_multiple_of",
            "rows are added, each the mean of all others, until their number is a multiple of this",
        ),
    ],
};

pub(super) static TOKEN: KeyTable = KeyTable {
    name: "the rule of a token",
    at: "an entry of `tokens`",
    advice: &ADVICE,
    keys: &[
        read("source", "what models without the token take for its row: a model, a token of a model, or zeros"),
        read("force", "whether models that have the token take it too"),
    ],
};

pub(super) static TOKEN_SOURCE: KeyTable = KeyTable {
    name: "the source of a token",
    at: "`source` in the rule of a token",
    advice: &ADVICE,
    keys: &[
        read("kind", "`model_token` or `zero`"),
        read("model", "the model whose row it is"),
        read("token", "the token whose row it is"),
        read("token_id", "the number of the row"),
    ],
};

/// Parameters that every method of mergekit accepts or recipes carry along, and that change nothing.
pub(super) static INERT_PARAMETERS: [&str; 4] =
    ["int8_mask", "consensus_method", "majority_sign_method", "embed_slerp"];

/// The texts of a recipe.
const TEXTS: &str = "for `regmean`, texts of what the models are for, without judgements: a file with a text a line, jsonl with `text`, or a data set's folder; looked up as models are";

/// A model: a string or a map.
const MODEL_REF: Form = Form::Either(&[Form::Text, Form::Map(&REFERENCE)]);

/// A merge method.
const METHOD: Form = Form::Schema(schema::method);

/// A map of parameters of the method.
const PARAMETERS: Form = Form::Schema(|| json!({ "type": ["object", "string"] }));

/// A scalar of a parameter or a list of them.
const SETTING: Form = Form::Schema(|| json!({ "type": ["number", "boolean", "string", "array"] }));

/// The floating-point formats, as recipes name them.
const FORMATS: Form = Form::Like("^(torch\\.)?(float16|bfloat16|float32|float64)$");

/// Whether any method has a parameter of this name.
pub(super) fn is_parameter(name: &str) -> bool {
    method::METHODS.iter().any(|method| method.parameter(name).is_some())
}
