//! The keys of a recipe: what each is for, what its value is, and whether admix reads it. The parser, its messages and the
//! JSON Schema read this.
//!
//! A new key is a line in the table of its level, `read("key", "what it is for").is(Form::…)`, a [`Level`] of its own and a
//! line in [`LEVELS`] where its value is a map, and the code that reads it.

use super::nearest::nearest;
use crate::method;

/// A map in a recipe and the keys it may have.
#[derive(Debug)]
pub struct Level {
    /// What messages call the map.
    pub name: &'static str,
    /// Where it stands in a recipe.
    pub at: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key of a recipe.
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// One line: what it is for.
    pub doc: &'static str,
    /// Whether it is read.
    pub status: Status,
    /// What its value is.
    pub form: Form,
    /// Whether its level must have it.
    pub required: bool,
}

/// What the value of a key is, as the JSON Schema says it. The parser reads more spellings of some.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A text, or a number that stands for itself.
    Name,
    /// A text that a regular expression matches.
    Like(&'static str),
    /// true or false.
    Flag,
    /// A number.
    Number,
    /// A whole number, at least this one.
    Whole(u32),
    /// One of some words.
    OneOf(fn() -> Vec<&'static str>),
    /// A merge method.
    Method,
    /// A map of parameters of the method.
    Parameters,
    /// A scalar of a parameter or a list of them.
    Setting,
    /// The map of a level.
    Map(&'static Level),
    /// A list, possibly empty.
    List(&'static Form),
    /// A list, or one entry in its place.
    OneOrMore(&'static Form),
    /// A map of names that the user chooses, at least so many, with some that have a meaning of their own.
    Entries {
        /// The fewest.
        least: usize,
        /// The names with a meaning.
        known: &'static [(&'static str, Form)],
        /// The value of the others.
        other: &'static Form,
    },
    /// Any of these.
    Either(&'static [Form]),
    /// A whole recipe.
    Recipe,
}

/// Whether a key is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is.
    Read,
    /// It is accepted with a warning: mergekit has it, and it changes nothing.
    NoEffect,
}

/// Every level, the outermost first.
pub static LEVELS: [&Level; 12] = [
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

pub(super) static RECIPE: Level = Level {
    name: "the recipe",
    at: "the top of the recipe",
    keys: &[
        read("merge_method", "the method, one of `admix methods`").is(Form::Method).required(),
        read("models", "the models, each merged whole").is(Form::List(&Form::Map(&MODEL))),
        read("slices", "runs of layers of the output, each with its own sources").is(Form::List(&Form::Map(&SLICE))),
        read("base_model", "the model that task vectors are taken from").is(MODEL_REF),
        read("parameters", "settings for every slice and model that has none of its own").is(Form::Parameters),
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

pub(super) static MODULE: Level = Level {
    name: "a module",
    at: "an entry of `modules`",
    keys: &[
        read("models", "the models, each merged whole").is(Form::List(&Form::Map(&MODEL))),
        read("slices", "runs of layers of the output, each with its own sources").is(Form::List(&Form::Map(&SLICE))),
        read("parameters", "settings for every slice and model that has none of its own").is(Form::Parameters),
    ],
};

pub(super) static MODEL: Level = Level {
    name: "an entry of `models`",
    at: "an entry of `models`",
    keys: &[
        read("model", "the model's folder, or its name on the Hub").is(MODEL_REF).required(),
        read("parameters", "the settings of this model").is(Form::Parameters),
    ],
};

pub(super) static SLICE: Level = Level {
    name: "a slice",
    at: "an entry of `slices`",
    keys: &[
        read("sources", "the models and layers the slice is merged from")
            .is(Form::List(&Form::Map(&SOURCE)))
            .required(),
        read("base_model", "the base of this slice").is(MODEL_REF),
        read("parameters", "the settings of this slice").is(Form::Parameters),
        without_effect("residual_weight", "a key that mergekit reads and never uses"),
    ],
};

pub(super) static SOURCE: Level = Level {
    name: "a source",
    at: "an entry of `sources`",
    keys: &[
        read("model", "the model's folder, or its name on the Hub").is(MODEL_REF).required(),
        read("layer_range", "the first layer and the one after the last, as `[0, 12]`")
            .is(Form::List(&Form::Whole(0)))
            .required(),
        read("parameters", "the settings of this model in this slice").is(Form::Parameters),
    ],
};

pub(super) static CONDITION: Level = Level {
    name: "a condition",
    at: "an entry of a parameter's list",
    keys: &[
        read("value", "a scalar or a list of scalars").is(Form::Setting).required(),
        read("filter", "a text that the tensor's name holds; `*` or none for every tensor").is(Form::Text),
        read("rows", "the rows of a vocabulary tensor that it is for, as `{script: Hangul}`; without it all of them")
            .is(Form::Map(&ROWS)),
    ],
};

pub(super) static ROWS: Level = Level {
    name: "`rows`",
    at: "`rows` of a condition",
    keys: &[read(
        "script",
        "a script of Unicode, such as Hangul, Han or Latin; `special` for special tokens, `none` for tokens without letters; or a list of them",
    )
    .is(Form::OneOrMore(&Form::Text))
    .required()],
};

pub(super) static REFERENCE: Level = Level {
    name: "a model reference",
    at: "the map form of `model` and `base_model`",
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

pub(super) static PATH: Level = Level {
    name: "a model reference",
    at: "`model` in the map form of a model reference",
    keys: &[
        read("path", "the model's folder or its name on the Hub, taken literally").is(Form::Text).required(),
        read("revision", "the branch, tag or commit of a model on the Hub").is(Form::Text),
    ],
};

pub(super) static TOKENIZER: Level = Level {
    name: "`tokenizer`",
    at: "`tokenizer`",
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

pub(super) static TOKEN: Level = Level {
    name: "the rule of a token",
    at: "an entry of `tokens`",
    keys: &[
        read("source", "what models without the token take for its row: a model, a token of a model, or zeros"),
        read("force", "whether models that have the token take it too"),
    ],
};

pub(super) static TOKEN_SOURCE: Level = Level {
    name: "the source of a token",
    at: "`source` in the rule of a token",
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

pub(crate) const fn read(name: &'static str, doc: &'static str) -> Key {
    Key { name, doc, status: Status::Read, form: Form::Any, required: false }
}

const fn without_effect(name: &'static str, doc: &'static str) -> Key {
    Key { status: Status::NoEffect, ..read(name, doc) }
}

impl Key {
    /// The key with the form of its value.
    pub(crate) const fn is(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The key where its level cannot do without it.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// A model: a text, or a map.
const MODEL_REF: Form = Form::Either(&[Form::Text, Form::Map(&REFERENCE)]);

/// The floating-point formats, as recipes name them.
const FORMATS: Form = Form::Like("^(torch\\.)?(float16|bfloat16|float32|float64)$");

impl Level {
    /// The key called `name`.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys that are read.
    fn read(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().filter(|key| key.status == Status::Read).map(|key| key.name)
    }

    /// What to write instead of a key that the level does not have.
    pub(super) fn hint(&'static self, key: &str) -> String {
        if let Some(moved) = self.moved(key) {
            return moved;
        }
        if let Some(near) = nearest(key, self.keys.iter().map(|key| key.name)) {
            return format!("did you mean `{near}`?");
        }
        let keys: Vec<String> = self.read().map(|key| format!("`{key}`")).collect();
        format!("{} has {}", self.name, and(&keys))
    }

    /// The key that was probably meant by one that the level does not have.
    pub(super) fn meant(&'static self, key: &str) -> Option<&'static str> {
        if std::ptr::eq(self, &raw const SLICE) && matches!(key, "model" | "models") {
            return Some("sources");
        }
        let renamed = RENAMED.iter().find(|(old, new)| *old == key && self.key(new).is_some());
        renamed.map(|(_, new)| *new).or_else(|| nearest(key, self.keys.iter().map(|key| key.name)))
    }

    /// What to write instead of a text where the level's map is wanted.
    pub(super) fn hint_for_text(&self) -> Option<String> {
        self.key("model").map(|_| "write the folder after a key: `model: …`".to_owned())
    }

    /// The hint for a key that is known elsewhere or by another name.
    pub(super) fn moved(&self, key: &str) -> Option<String> {
        let is = |level: &Level| std::ptr::eq(self, level);
        if is(&REFERENCE) && PATH.key(key).is_some() {
            return Some("write it as `{model: {path: …}}`".into());
        }
        let renamed = RENAMED.iter().find(|(old, new)| *old == key && self.key(new).is_some());
        if let Some((_, new)) = renamed {
            return Some(format!("did you mean `{new}`?"));
        }
        if key == "revision" && (is(&MODEL) || is(&SOURCE)) {
            return Some("write it behind the model, as `model: org/name@revision`".into());
        }
        if key == "layer_range" && (is(&MODEL) || is(&RECIPE) || is(&SLICE)) {
            return Some(
                "layer ranges go with `slices`: `slices: [{sources: [{model: …, layer_range: [0, 12]}]}]`".into(),
            );
        }
        if is(&SLICE) && matches!(key, "model" | "models") {
            return Some("the models of a slice stand under `sources:`".into());
        }
        if self.key("parameters").is_some() && (is_parameter(key) || INERT_PARAMETERS.contains(&key)) {
            return Some(format!("put it under `parameters:`, as `parameters: {{{key}: …}}`"));
        }
        let home = LEVELS.iter().find(|level| level.key(key).is_some_and(|key| key.status == Status::Read))?;
        Some(format!("`{key}` is a key of {}", home.at))
    }
}

/// Names by which keys are often called.
const RENAMED: [(&str, &str); 9] = [
    ("method", "merge_method"),
    ("merge", "merge_method"),
    ("base", "base_model"),
    ("torch_dtype", "dtype"),
    ("precision", "dtype"),
    ("output_dtype", "out_dtype"),
    ("path", "model"),
    ("name", "model"),
    ("params", "parameters"),
];

/// Whether any method has a parameter of this name.
pub(super) fn is_parameter(name: &str) -> bool {
    method::METHODS.iter().any(|method| method.parameter(name).is_some())
}

/// `a, b and c`.
pub(crate) fn and(words: &[impl AsRef<str>]) -> String {
    let Some((last, rest)) = words.split_last() else { return String::new() };
    let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
    if rest.is_empty() { last.as_ref().to_owned() } else { format!("{} and {}", rest.join(", "), last.as_ref()) }
}
