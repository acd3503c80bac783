//! A YAML file that is read as a whole, with its text and its tree.

use std::path::Path;

use super::diagnostic::Diagnostic;
use super::diagnostics::Diagnostics;
use super::error::{Error, Warning};
use super::locate::{Part, places};
use super::path::NodePath;
use super::place::{self, Place};
use super::text::{YamlText, read_text};
use super::tree::Node;

/// A YAML file and the tree in it.
pub(crate) struct Document {
    text: String,
    name: String,
    what: &'static str,
    /// The tree, with masked variables.
    pub(crate) root: Node,
}

impl Document {
    /// Reads a file; messages call it `what`.
    pub(crate) fn read(path: &Path, what: &'static str) -> Result<Self, Error> {
        Self::parse(read_text(path, what)?, path.display().to_string(), what)
    }

    /// Reads a text; messages call it `what`, and `name` in places.
    pub(crate) fn parse(text: String, name: String, what: &'static str) -> Result<Self, Error> {
        let root = YamlText { text: &text, name: &name, what }.tree()?;
        Ok(Self { text, name, what, root })
    }

    fn yaml(&self) -> YamlText<'_> {
        YamlText { text: &self.text, name: &self.name, what: self.what }
    }

    /// The error of a diagnostic.
    pub(crate) fn error(&self, diagnostic: Diagnostic) -> Error {
        self.yaml().error(diagnostic)
    }

    /// The errors so far.
    pub(crate) fn faults(&self, diagnostics: &mut Diagnostics) -> Vec<Error> {
        diagnostics.faults(&self.yaml())
    }

    /// The warnings so far.
    pub(crate) fn warnings(&self, diagnostics: Diagnostics) -> Vec<Warning> {
        diagnostics.warnings(&self.yaml())
    }

    /// The map under a key of the root, as a text in which lines and columns stay the same.
    pub(crate) fn embedded(&self, key: &str) -> Option<String> {
        let Node::Map(entries) = &self.root else { return None };
        let text = &self.text;
        let at = entries.iter().position(|(name, _)| name == key)?;
        // In a map with many keys, the next key in the text ends the value.
        let others = if entries.len() > MANY { entries.get(at + 1..=at + 1) } else { Some(entries.as_slice()) };
        let root = NodePath::default();
        let (value, others) = (root.key(key), others.unwrap_or_default().iter().map(|(name, _)| root.key(name)));
        let others: Vec<NodePath> = others.collect();
        let mut wanted = vec![(&value, Part::Value)];
        wanted.extend(others.iter().map(|other| (other, Part::Key)));
        let offset = |place: Option<Place>| place.and_then(|place| place::byte_at(text, place.line, place.column));
        let mut offsets = places(text, "", &wanted).into_iter().map(offset);
        let start = offsets.next()??;
        let next = || offsets.flatten().filter(|end| *end > start).min().unwrap_or(text.len());
        let end = flow_end(text.get(start..)?).map_or_else(next, |length| start + length);
        let blank = |part: &str| -> String { part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect() };
        Some(format!("{}{}", blank(text.get(..start)?), text.get(start..end)?.trim_end()))
    }
}

/// More keys than a file written by hand has.
const MANY: usize = 64;

/// The length of a flow map (in braces) at the start of a text, after its anchor; `None` for a block map.
fn flow_end(text: &str) -> Option<usize> {
    let anchor = if text.starts_with('&') { text.find(char::is_whitespace)? } else { 0 };
    let rest = text.get(anchor..)?;
    let begin = anchor + (rest.len() - rest.trim_start().len());
    if !text.get(begin..)?.starts_with('{') {
        return None;
    }
    let (mut depth, mut quote, mut escaped, mut comment, mut previous) = (0_usize, None, false, false, ' ');
    for (offset, c) in text.get(begin..)?.char_indices() {
        match (quote, c) {
            _ if comment => comment = c != '\n',
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            // A single quote within single quotes is written twice.
            (Some('\''), '\'') if text.get(begin + offset + 1..).is_some_and(|rest| rest.starts_with('\'')) => {
                escaped = true;
            }
            (Some(open), _) if c == open => quote = None,
            // A quote within a word is an ordinary character.
            (None, '"' | '\'') if previous.is_whitespace() || "{[,:".contains(previous) => quote = Some(c),
            (None, '#') if previous.is_whitespace() => comment = true,
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(begin + offset + 1);
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_map_in_braces_ends_at_its_brace() {
        for (text, recipe) in [
            ("{\"a\": 1, \"recipe\": {\"b\": \"}\\\"\", \"c\": [{}]}, \"d\": 2}", "{\"b\": \"}\\\"\", \"c\": [{}]}"),
            ("{recipe: {a: ${b}, it's: '}''}'}, d: 2}", "{a: ${b}, it's: '}''}'}"),
            ("a: 1\nrecipe: {b: 1, # }\n  c: 2}\nd: 3\n", "{b: 1, # }\n  c: 2}"),
            ("recipe:\n  b: 1\n  c: 2\nd: 3\n", "b: 1\n  c: 2"),
            ("a: 1\nrecipe:\n  b: {c: 1}\n", "b: {c: 1}"),
        ] {
            let document = Document::parse(text.to_owned(), "f".into(), "sweep file").unwrap();
            let found = document.embedded("recipe").unwrap();
            assert_eq!(found.trim_start(), recipe);
            let start = text.find(recipe).unwrap();
            assert_eq!(found.len() - found.trim_start().len(), start, "{text}");
        }
    }
}
