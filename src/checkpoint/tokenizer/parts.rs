//! Writes the small parts of a tokenizer.json in canonical spellings.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

/// The longest string that is written out; a longer one, such as a character map, is replaced by its hash.
const LONGEST_STRING: usize = 64;
/// The longest template of special tokens that is extended further.
const LONGEST_TEMPLATE: usize = 4096;

pub(crate) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The canonical spelling of a normalizer or pre-tokenizer; empty if there is none.
pub(crate) fn part(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    if text == "null" { String::new() } else { text }
}

/// The canonical spelling of a tokenizer model's options. Missing, null, false and empty values are the default.
pub(crate) fn options(rest: BTreeMap<String, Value>) -> String {
    let is_default = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    let set = rest.into_iter().filter(|(_, value)| !is_default(value));
    let parts = set.map(|(key, value)| format!("{key} {}", part(&value)));
    parts.collect::<Vec<_>>().join(", ")
}

/// The special tokens that a post-processor adds around a single text `$A`.
pub(crate) fn single_template(value: &Value) -> String {
    let token = |key: &str| value.get(key).and_then(|pair| pair.get(0)).and_then(Value::as_str).unwrap_or_default();
    match kind(value) {
        "" | "ByteLevel" => "$A".to_owned(),
        "BertProcessing" | "RobertaProcessing" => format!("{} $A {}", token("cls"), token("sep")),
        "TemplateProcessing" => template(value),
        "Sequence" => {
            let steps = value.get("processors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            // A chain of templates could double the text at every step.
            let short = |text: &String| text.len() <= LONGEST_TEMPLATE;
            let wrap =
                |inner: String, step| if short(&inner) { single_template(step).replace("$A", &inner) } else { inner };
            steps.iter().fold("$A".to_owned(), wrap)
        }
        _ => part(value),
    }
}

fn template(value: &Value) -> String {
    let pieces = value.get("single").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name = |piece: &Value| match piece.get("SpecialToken").and_then(|token| token.get("id")) {
        Some(id) => id.as_str().unwrap_or_default().to_owned(),
        None => "$A".to_owned(),
    };
    pieces.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// Writes JSON with sorted keys, without nulls, and with sequences of one step replaced by that step.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => match steps(object) {
            Some([]) => text.push_str("null"),
            Some([step]) => write(step, text),
            _ => write_object(object, text),
        },
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index == 0 { "[" } else { "," });
                write(value, text);
            }
            text.push_str(if values.is_empty() { "[]" } else { "]" });
        }
        Value::String(long) if long.len() > LONGEST_STRING => text.push_str(&hashed(long)),
        value => text.push_str(&value.to_string()),
    }
}

/// A short text in place of a long string.
fn hashed(long: &str) -> String {
    format!("\"#{:016x}\"", hash(long))
}

/// The steps of a sequence.
fn steps(object: &Map<String, Value>) -> Option<&[Value]> {
    if object.get("type").and_then(Value::as_str) != Some("Sequence") {
        return None;
    }
    let steps = ["normalizers", "pretokenizers"].iter().find_map(|&key| object.get(key))?;
    steps.as_array().map(Vec::as_slice)
}

fn write_object(object: &Map<String, Value>, text: &mut String) {
    let mut fields: BTreeMap<&str, Value> = BTreeMap::new();
    for (key, value) in object {
        if !value.is_null() && key != "trim_offsets" {
            fields.insert(key, value.clone());
        }
    }
    if object.get("type").and_then(Value::as_str) == Some("Metaspace") {
        newer_metaspace(&mut fields);
    }
    text.push('{');
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.extend(["\"", key, "\":"]);
        write(value, text);
    }
    text.push('}');
}

/// Converts `add_prefix_space` of older files to `prepend_scheme` of newer ones; `split` was added later and is on by
/// default.
fn newer_metaspace(fields: &mut BTreeMap<&str, Value>) {
    fields.remove("str_rep");
    let older = fields.remove("add_prefix_space");
    fields.entry("prepend_scheme").or_insert_with(|| match older {
        Some(Value::Bool(false)) => "never".into(),
        _ => "always".into(),
    });
    fields.entry("split").or_insert(Value::Bool(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spellings_of_one_part_are_one() {
        let older = json!({"type":"Metaspace","replacement":"▁","str_rep":"▁","add_prefix_space":true});
        let newer = json!({"type":"Sequence","pretokenizers":[
            {"split":true,"prepend_scheme":"always","replacement":"▁","type":"Metaspace"}]});
        assert_eq!(part(&older), part(&newer));
        assert_ne!(part(&json!({"type":"Metaspace","replacement":"▁","add_prefix_space":false})), part(&newer));
        assert_eq!(part(&json!({"type":"Sequence","normalizers":[]})), part(&Value::Null));
        assert_eq!(part(&json!({"type":"NFC","x":null})), part(&json!({"type":"NFC"})));
    }

    #[test]
    fn tokens_around_a_text_are_found_in_every_form() {
        let bert = json!({"type":"BertProcessing","sep":["[SEP]",102],"cls":["[CLS]",101]});
        let template = json!({"type":"TemplateProcessing","single":[
            {"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},
            {"SpecialToken":{"id":"[SEP]","type_id":0}}]});
        assert_eq!(single_template(&bert), "[CLS] $A [SEP]");
        assert_eq!(single_template(&template), "[CLS] $A [SEP]");
        assert_eq!(
            single_template(&json!({"type":"Sequence","processors":[{"type":"ByteLevel"}, template]})),
            "[CLS] $A [SEP]"
        );
        assert_eq!(single_template(&Value::Null), "$A");
    }

    #[test]
    fn a_chain_that_doubles_the_text_ends() {
        let double = json!({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]});
        assert!(
            single_template(&json!({"type":"Sequence","processors":vec![double; 200]})).len() < 4 * LONGEST_TEMPLATE
        );
    }

    #[test]
    fn default_options_are_not_listed() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default().into_iter().collect();
        assert_eq!(
            options(map(json!({"fuse_unk":false,"dropout":null,"unk_token":"<unk>","suffix":""}))),
            "unk_token \"<unk>\""
        );
    }
}
