//! What a model's card says of it: its languages and its licence.

use super::folder::Checkpoint;

/// Bytes of a card that are looked at: results of many benchmarks make long ones.
const LONGEST: u64 = 1 << 20;
/// Languages that a card may name.
const MOST: usize = 200;

/// The front matter of a model's README.md, as far as it is passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParentCard {
    /// The languages, as codes.
    pub languages: Vec<String>,
    /// The licence's name on the Hub.
    pub license: Option<String>,
    /// What the licence is called where the Hub has no name for it.
    pub license_name: Option<String>,
}

impl Checkpoint {
    /// What its card says; nothing where it has none, or one that cannot be read.
    pub fn card(&self) -> ParentCard {
        front_matter(self).unwrap_or_default()
    }
}

fn front_matter(checkpoint: &Checkpoint) -> Option<ParentCard> {
    use std::io::Read as _;
    let file = checkpoint.folder().join("README.md").open().ok()?;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(parsed(&String::from_utf8_lossy(&bytes)))
}

fn parsed(text: &str) -> ParentCard {
    let inner = text.trim_start_matches('\u{feff}').strip_prefix("---");
    let Some((yaml, _)) = inner.and_then(|inner| inner.split_once("\n---")) else { return ParentCard::default() };
    let Ok(front) = serde_yaml::from_str::<serde_json::Value>(yaml) else { return ParentCard::default() };
    let is_code = |text: &str| {
        (2..=40).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '+'))
    };
    let text =
        |key: &str| front.get(key).and_then(serde_json::Value::as_str).filter(|text| is_code(text)).map(str::to_owned);
    let mut languages: Vec<String> = match front.get("language") {
        Some(serde_json::Value::Array(list)) => {
            list.iter().filter_map(serde_json::Value::as_str).filter(|text| is_code(text)).map(str::to_owned).collect()
        }
        _ => text("language").into_iter().collect(),
    };
    languages.truncate(MOST);
    ParentCard { languages, license: text("license"), license_name: text("license_name") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_and_licences_are_read_however_they_are_written() {
        let card = parsed("---\nlanguage:\n- ko\n- en\nlicense: apache-2.0\n---\n# A model\n");
        assert_eq!(
            (card.languages, card.license.as_deref()),
            (vec!["ko".to_owned(), "en".to_owned()], Some("apache-2.0"))
        );
        let card = parsed("---\nlanguage: no\nlicense: other\nlicense_name: gemma\n---\n");
        assert_eq!(card.languages, ["no"]);
        assert_eq!(card.license_name.as_deref(), Some("gemma"));
        for text in ["", "# A model", "---\n: [\n---\n", "---\nlicense: \"a\\nlicense: b\"\nlanguage: {a: b}\n---\n"] {
            assert_eq!(parsed(text), ParentCard::default(), "{text}");
        }
    }
}
