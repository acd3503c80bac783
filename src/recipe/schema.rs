//! A JSON Schema of recipes, made from the tables that the parser reads: keys, methods, parameters and their ranges.
//!
//! Draft 7, which yaml-language-server knows. What the parser accepts is valid, variables and YAML 1.1 spellings included, but
//! for what it takes for a note and does not know; not all that it refuses is invalid, for a schema cannot count models or add up
//! layers.

use serde_json::{Map, Value, json};

use super::keys::{CONDITION, Form, INERT_PARAMETERS, LEVELS, Level, RECIPE, Status};
use super::unknown::{DEFINITIONS, notes};
use crate::method::{Base, Count, Kind, METHODS, MergeMethod, Parameter};

/// The schema of a recipe.
pub fn schema() -> Value {
    document("admix recipe", "recipe", Map::new())
}

/// A schema whose root is called `root` among its definitions, those of recipes and `more`.
pub(crate) fn document(title: &str, root: &str, more: Map<String, Value>) -> Value {
    let mut definitions = Map::new();
    definitions.insert("recipe".into(), recipe());
    definitions.insert("variable".into(), json!({ "type": "string", "pattern": "\\$\\{" }));
    definitions.insert("number as text".into(), json!({ "type": "string", "pattern": NUMBER }));
    definitions.insert(
        "flag".into(),
        either(vec![
            json!({ "type": "boolean" }),
            json!({ "enum": [0, 1] }),
            json!({ "type": "string", "pattern": FLAG }),
            variable(),
        ]),
    );
    for level in LEVELS.iter().filter(|level| !std::ptr::eq(**level, &raw const RECIPE)) {
        definitions.insert(level_name(level), map(level));
    }
    for method in METHODS {
        definitions.insert(format!("parameters of {}", method.name), parameters(method));
        for parameter in method.parameters.iter().filter(|parameter| parameter.kind != Kind::Ignored) {
            let name = setting_name(parameter.kind);
            definitions.entry(name).or_insert_with(|| setting(parameter.kind));
        }
    }
    definitions.extend(more);
    let definitions: Map<String, Value> =
        definitions.into_iter().map(|(name, definition)| (slug(&name), definition)).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        "allOf": [reference(root)],
        "definitions": definitions,
    })
}

/// The definition of a level: where it stands tells apart those that messages call alike.
pub(crate) fn level_name(level: &Level) -> String {
    level.at.replace('`', "").replace(['/', '~', '#', '%'], " ")
}

/// A name without spaces, which a reference would have to escape.
fn slug(name: &str) -> String {
    name.replace(' ', "-")
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{}", slug(name)) })
}

fn recipe() -> Value {
    let mut schema = map(&RECIPE);
    let some =
        |key: &str| json!({ "required": [key], "properties": { key: { "type": ["array", "object", "string"] } } });
    let methods: Vec<Value> = METHODS.iter().map(|method| of_method(method)).collect();
    if let Some(object) = schema.as_object_mut() {
        object.insert("anyOf".into(), json!([some("models"), some("slices"), some("modules")]));
        object.insert("allOf".into(), methods.into());
        let definitions = DEFINITIONS.map(|begin| begin.replace('.', "\\."));
        object.insert("patternProperties".into(), json!({ format!("^({})", definitions.join("|")): {} }));
    }
    schema
}

/// What a method asks of the rest of the recipe.
fn of_method(method: &MergeMethod) -> Value {
    let parameters = json!({ "properties": { "parameters": reference(&format!("parameters of {}", method.name)) } });
    let each = json!({ "items": parameters });
    let slice = json!({ "properties": {
        "parameters": parameters["properties"]["parameters"],
        "sources": each,
    } });
    let mut models = each.clone();
    if let (Count::Exactly(count), Some(models)) = (method.models, models.as_object_mut()) {
        // The base may stand among them.
        models.insert("maxItems".into(), json!(count + usize::from(method.base != Base::Member)));
    }
    let mut then = json!({ "properties": {
        "parameters": parameters["properties"]["parameters"],
        "models": models,
        "slices": { "items": slice },
    } });
    if let (Base::Required, Some(then)) = (method.base, then.as_object_mut()) {
        then.insert(
            "anyOf".into(),
            json!([{ "required": ["base_model"] }, { "required": ["slices"] }, { "required": ["modules"] }]),
        );
    }
    json!({
        "if": { "required": ["merge_method"], "properties": { "merge_method": { "const": method.name } } },
        "then": then,
    })
}

/// The map of a level. A key whose value is null is as good as absent.
pub(crate) fn map(level: &'static Level) -> Value {
    let mut properties = Map::new();
    for key in level.keys {
        let (form, doc) = match key.status {
            Status::Read => (form(&key.form), key.doc.to_owned()),
            Status::NoEffect => (json!({}), format!("{}; it has no effect", key.doc)),
        };
        let absent = !key.required && !matches!(form, Value::Object(ref form) if form.is_empty());
        let mut value = if absent { either(vec![form, json!({ "type": "null" })]) } else { form };
        if let Some(object) = value.as_object_mut() {
            object.insert("description".into(), doc.into());
        }
        // Beside a reference draft 7 reads nothing.
        if value.get("$ref").is_some() {
            value = json!({ "description": key.doc, "allOf": [value] });
        }
        properties.insert(key.name.to_owned(), value);
    }
    for (name, doc) in notes(level) {
        properties
            .entry(name)
            .or_insert_with(|| if doc.is_empty() { json!(true) } else { json!({ "description": doc }) });
    }
    let required: Vec<&str> = level.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "description": level.name,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A text that names a variable can be anything.
fn variable() -> Value {
    reference("variable")
}

fn either(forms: Vec<Value>) -> Value {
    let mut flat: Vec<Value> = Vec::new();
    for form in forms {
        match form.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("anyOf")) {
            Some(Value::Array(inner)) => flat.extend(inner.iter().cloned()),
            _ => flat.push(form),
        }
    }
    let mut distinct: Vec<Value> = Vec::new();
    for form in flat {
        if !distinct.contains(&form) {
            distinct.push(form);
        }
    }
    json!({ "anyOf": distinct })
}

/// The schema of a value.
pub(crate) fn form(form: &Form) -> Value {
    match form {
        Form::Any => json!({}),
        Form::Text => json!({ "type": "string" }),
        Form::Name => json!({ "type": ["string", "number"] }),
        Form::Like(pattern) => either(vec![json!({ "type": "string", "pattern": pattern }), variable()]),
        Form::Flag => flag(),
        Form::Number => number(f64::NEG_INFINITY, f64::INFINITY, false),
        Form::Whole(least) => number(f64::from(*least), f64::INFINITY, true),
        Form::OneOf(words) => either(vec![json!({ "enum": words() }), variable()]),
        Form::Method => either(vec![method(), variable()]),
        Form::Parameters => json!({ "type": ["object", "string"] }),
        Form::Setting => json!({ "type": ["number", "boolean", "string", "array"] }),
        Form::Map(level) => reference(&level_name(level)),
        Form::List(entry) => either(vec![json!({ "type": "array", "items": self::form(entry) }), variable()]),
        Form::OneOrMore(entry) => {
            let one = self::form(entry);
            either(vec![json!({ "type": "array", "items": one, "minItems": 1 }), one])
        }
        Form::Entries { least, known, other } => {
            let known: Map<String, Value> =
                known.iter().map(|(name, known)| ((*name).to_owned(), self::form(known))).collect();
            json!({
                "type": "object",
                "properties": known,
                "additionalProperties": self::form(other),
                "minProperties": least,
            })
        }
        Form::Either(forms) => either(forms.iter().map(self::form).collect()),
        Form::Recipe => reference("recipe"),
    }
}

fn method() -> Value {
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    let docs: Vec<&str> = METHODS.iter().map(|method| method.summary).collect();
    json!({ "enum": names, "enumDescriptions": docs })
}

/// A number, also as the parser reads it from a text: `1_000`, `"0.5"`, `017`.
fn number(min: f64, max: f64, whole: bool) -> Value {
    let mut schema = json!({ "type": if whole { "integer" } else { "number" } });
    if let Some(object) = schema.as_object_mut() {
        for (key, bound) in [("minimum", min), ("maximum", max)].into_iter().filter(|(_, bound)| bound.is_finite()) {
            object.insert(key.into(), json!(bound));
        }
    }
    either(vec![schema, reference("number as text"), variable()])
}

fn flag() -> Value {
    reference("flag")
}

/// A number that the YAML reader of an editor takes for a text.
const NUMBER: &str = "^\\s*[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9.][0-9_.]*([eE][-+]?[0-9_]+)?)\\s*$";

/// true and false as YAML 1.1 has them.
const FLAG: &str =
    "^\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|[01](\\.0*)?)\\s*$";

/// A map of a method's parameters.
fn parameters(method: &MergeMethod) -> Value {
    let mut properties = Map::new();
    let of_others = METHODS.iter().flat_map(|other| other.parameters).map(|parameter| parameter.name);
    for name in of_others.chain(INERT_PARAMETERS) {
        properties.insert(name.to_owned(), json!(true));
    }
    for parameter in method.parameters {
        properties.insert(parameter.name.to_owned(), documented(parameter));
    }
    json!({ "type": ["object", "null", "string"], "properties": properties, "additionalProperties": false })
}

/// A parameter with what it does.
fn documented(parameter: &Parameter) -> Value {
    if parameter.kind == Kind::Ignored {
        return json!({ "description": "no effect" });
    }
    let mut schema = json!({ "description": parameter.doc, "allOf": [reference(&setting_name(parameter.kind))] });
    if let (Some(object), Some(default)) = (schema.as_object_mut(), parameter.default) {
        let default = match default {
            crate::method::Value::Number(number) => json!(number),
            crate::method::Value::Flag(flag) => json!(flag),
        };
        object.insert("default".into(), default);
    }
    schema
}

/// The definition of the settings of a kind.
fn setting_name(kind: Kind) -> String {
    match kind {
        Kind::Number { min, max } if min.is_finite() && max.is_finite() => format!("settings from {min} to {max}"),
        Kind::Number { min, .. } if min.is_finite() => format!("settings from {min}"),
        Kind::Number { max, .. } if max.is_finite() => format!("settings up to {max}"),
        Kind::Number { .. } => "settings".to_owned(),
        Kind::Whole { min, max } => format!("whole settings from {min} to {max}"),
        Kind::Flag | Kind::Ignored => "flags".to_owned(),
    }
}

/// A setting: a scalar, a gradient, or conditions.
fn setting(kind: Kind) -> Value {
    let scalar = match kind {
        Kind::Number { min, max } => number(min, max, false),
        Kind::Whole { min, max } => number(f64::from(min), f64::from(max), true),
        Kind::Flag | Kind::Ignored => flag(),
    };
    let values = either(vec![scalar.clone(), json!({ "type": "array", "items": scalar })]);
    let mut condition = map(&CONDITION);
    if let Some(value) = condition.pointer_mut("/properties/value") {
        *value = values.clone();
    }
    let conditions = json!({ "type": "array", "items": condition });
    either(vec![values, condition, conditions, json!({ "type": "null" })])
}
