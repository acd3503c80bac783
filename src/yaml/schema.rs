//! Builds JSON Schemas from the parser's tables of keys.

use serde_json::{Map, Value, json};

use super::keys::{Form, KeyTable, Status};

/// A schema whose root is called `root` among its definitions.
pub(crate) fn document(title: &str, root: &str, more: Map<String, Value>) -> Value {
    let mut definitions = Map::new();
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

/// The name of a level's definition, which includes its position, because messages call some levels alike.
pub(crate) fn level_name(level: &KeyTable) -> String {
    level.at.replace('`', "").replace(['/', '~', '#', '%'], " ")
}

/// A name without spaces, which a reference would have to escape.
fn slug(name: &str) -> String {
    name.replace(' ', "-")
}

pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{}", slug(name)) })
}

/// The schema of a level's map. A key with the value null counts as absent.
pub(crate) fn map(level: &'static KeyTable) -> Value {
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
        // Draft 7 ignores everything beside a reference.
        if value.get("$ref").is_some() {
            value = json!({ "description": key.doc, "allOf": [value] });
        }
        properties.insert(key.name.to_owned(), value);
    }
    for (name, doc) in level.advice.notes(level) {
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

/// The schema of a text with a variable, which can be anything.
pub(crate) fn variable() -> Value {
    reference("variable")
}

pub(crate) fn either(forms: Vec<Value>) -> Value {
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
        Form::Schema(schema) => schema(),
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
        Form::Defined(name) => reference(name),
    }
}

/// The schema of a number, including the strings that the parser reads as numbers: `1_000`, `"0.5"`, `017`.
pub(crate) fn number(min: f64, max: f64, whole: bool) -> Value {
    let mut schema = json!({ "type": if whole { "integer" } else { "number" } });
    if let Some(object) = schema.as_object_mut() {
        for (key, bound) in [("minimum", min), ("maximum", max)].into_iter().filter(|(_, bound)| bound.is_finite()) {
            object.insert(key.into(), json!(bound));
        }
    }
    either(vec![schema, reference("number as text"), variable()])
}

pub(crate) fn flag() -> Value {
    reference("flag")
}

/// Numbers that an editor's YAML reader takes for strings.
const NUMBER: &str = "^\\s*[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9.][0-9_.]*([eE][-+]?[0-9_]+)?)\\s*$";

/// true and false in the spellings of YAML 1.1.
const FLAG: &str =
    "^\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]|[01](\\.0*)?)\\s*$";
