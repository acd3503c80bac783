//! Builds the JSON Schema of recipes from the parser's tables: keys, methods, parameters and their ranges.
//!
//! Draft 7, which yaml-language-server supports. Everything that the parser accepts is valid, variables and YAML 1.1
//! spellings included, except unknown keys that the parser takes for notes. Not everything that the parser refuses is
//! invalid, because a schema cannot count models or add up layers.

use serde_json::{Map, Value, json};

use super::advice::DEFINITIONS;
use super::{CONDITION, INERT_PARAMETERS, LEVELS, RECIPE};
use crate::method::{Base, Count, Kind, METHODS, MergeMethod, Parameter};
use crate::yaml::schema::{document, either, flag, level_name, map, number, reference, variable};

/// The schema of a recipe.
pub fn schema() -> Value {
    document("admix recipe", "recipe", definitions())
}

/// The definitions of a recipe's schema, the recipe's own among them.
pub(crate) fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    definitions.insert("recipe".into(), recipe());
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
    definitions
}

fn recipe() -> Value {
    let mut schema = map(&RECIPE);
    let some =
        |key: &str| json!({ "required": [key], "properties": { key: { "type": ["array", "object", "string"] } } });
    let methods: Vec<Value> = METHODS.iter().map(|method| of_method(method)).collect();
    if let Some(object) = schema.as_object_mut() {
        object.insert("anyOf".into(), json!([some("models"), some("sources"), some("slices"), some("modules")]));
        object.insert("allOf".into(), methods.into());
        let definitions = DEFINITIONS.map(|begin| begin.replace('.', "\\."));
        object.insert("patternProperties".into(), json!({ format!("^({})", definitions.join("|")): {} }));
    }
    schema
}

/// What a method requires of the rest of the recipe.
fn of_method(method: &MergeMethod) -> Value {
    let parameters = json!({ "properties": { "parameters": reference(&format!("parameters of {}", method.name)) } });
    let each = json!({ "items": parameters });
    let slice = json!({ "properties": {
        "parameters": parameters["properties"]["parameters"],
        "sources": each,
    } });
    let mut models = each.clone();
    if let (Count::Exactly(count), Some(models)) = (method.models, models.as_object_mut()) {
        // The base may be listed among the models.
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

/// The names of the methods, with what each does.
pub(super) fn method() -> Value {
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    let docs: Vec<&str> = METHODS.iter().map(|method| method.summary).collect();
    either(vec![json!({ "enum": names, "enumDescriptions": docs }), variable()])
}

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
