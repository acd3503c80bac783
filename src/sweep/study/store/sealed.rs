//! Records that verify their content: each names its study and its own path in it, and ends with the hash of everything
//! before.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::sweep::hash;

/// The text between the content and its hash.
const MARK: &str = ",\n  \"sha256\": \"";

/// The text after the hash.
const END: &str = "\"\n}\n";

/// The key of a list, because a record is an object.
const LIST: &str = "list";

/// The text of a record.
pub(crate) fn seal(value: &impl Serialize, study: &str, file: &str) -> Result<String, serde_json::Error> {
    let mut record = Map::new();
    record.insert("file".into(), file.into());
    record.insert("study".into(), study.into());
    match serde_json::to_value(value)? {
        Value::Object(fields) => record.extend(fields),
        list => {
            record.insert(LIST.into(), list);
        }
    }
    let text = serde_json::to_string_pretty(&Value::Object(record))?;
    let body = text.strip_suffix("\n}").unwrap_or(&text);
    Ok(format!("{body}{MARK}{}{END}", hash::of_bytes(body.as_bytes())))
}

/// The content of a record and the study that it names, or what is wrong with it.
pub(crate) fn open(bytes: &[u8], file: &str, study: Option<&str>) -> Result<(Value, String), String> {
    let parts = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix(END)?.rsplit_once(MARK));
    let Some((body, sum)) = parts else {
        return Err("it does not end with its checksum: it was cut short, or something else wrote it".to_owned());
    };
    if hash::of_bytes(body.as_bytes()) != sum {
        return Err("its content does not have the checksum at its end".to_owned());
    }
    let record: Value = serde_json::from_str(&format!("{body}\n}}")).map_err(|error| error.to_string())?;
    let Value::Object(mut record) = record else { return Err("it is no record".to_owned()) };
    let mut take = |key: &str| match record.shift_remove(key) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let (place, of) = (take("file"), take("study"));
    if place != file {
        return Err(format!("it is the file `{place}` under another name"));
    }
    if study.is_some_and(|study| study != of) {
        return Err("it belongs to another study".to_owned());
    }
    let is_list = record.len() == 1 && record.contains_key(LIST);
    let value = if is_list { record.shift_remove(LIST).unwrap_or_default() } else { Value::Object(record) };
    Ok((value, of))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn any_changed_byte_another_name_and_another_study_are_noticed() {
        let value = json!({"a": 0.1, "b": [1, 2]});
        let text = seal(&value, "s", "done/x.json").unwrap();
        let open = |text: &[u8]| open(text, "done/x.json", Some("s"));
        assert_eq!(open(text.as_bytes()).unwrap(), (value.clone(), "s".to_owned()));
        for at in 0..text.len() {
            for flip in [1, 0x20, 0x80] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= flip;
                assert!(open(&bytes).is_err(), "{at} {flip}");
            }
            assert!(open(&text.as_bytes()[..at]).is_err(), "{at}");
        }
        let other = seal(&value, "s", "done/y.json").unwrap();
        assert_eq!(open(other.as_bytes()).unwrap_err(), "it is the file `done/y.json` under another name");
        let other = seal(&value, "t", "done/x.json").unwrap();
        assert_eq!(open(other.as_bytes()).unwrap_err(), "it belongs to another study");
        let list = seal(&["a", "b"], "s", "done/x.json").unwrap();
        assert_eq!(open(list.as_bytes()).unwrap().0, json!(["a", "b"]));
    }
}
