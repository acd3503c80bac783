//! A YAML text and what messages call it.

use std::io::Read;
use std::path::Path;

use super::diagnostic::{Diagnostic, Target};
use super::error::{Error, ErrorKind};
use super::locate::{self, Part, places};
use super::mask;
use super::merge_keys;
use super::message::quoted;
use super::path::NodePath;
use super::place::{self, Place};
use super::syntax;
use super::tree::{self, Node};
use crate::files;
use crate::nearest::path_hint;

/// Bytes of the largest file that is read.
pub(crate) const LARGEST: u64 = 1 << 20;

/// Lines with more bytes were not written by hand. Messages quote whole lines.
const LONG_LINE: usize = 10_000;

/// A YAML text, which may contain variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct YamlText<'a> {
    /// The text.
    pub(crate) text: &'a str,
    /// What places call it: its path, or what the caller called it.
    pub(crate) name: &'a str,
    /// What messages call it: `recipe`.
    pub(crate) what: &'static str,
}

impl YamlText<'_> {
    /// The document as a tree without merge keys, its variables masked.
    ///
    /// # Errors
    /// A text that is too large, is not YAML, or holds several documents.
    pub(crate) fn tree(&self) -> Result<Node, Error> {
        let Self { text, what, .. } = *self;
        if text.len() as u64 > LARGEST {
            return Err(self.refused(format!("the {what} is larger than {} KiB", LARGEST >> 10), None));
        }
        if let Some((offset, c)) = mask::unreadable(text) {
            return Err(self.refused(format!("YAML does not allow the character U+{:04X}", u32::from(c)), Some(offset)));
        }
        if let Some((offset, message)) = tree::too_slow(text, what) {
            return Err(self.refused(message, Some(offset)));
        }
        if let Some((offset, tag)) = syntax::python_tag(text) {
            return Err(self.refused(format!("the tag {} means nothing in a {what}", quoted(&tag)), Some(offset)));
        }
        let masked = mask::mask(text);
        let root = tree::read(&masked, what).map_err(|unreadable| {
            let offset = unreadable.at.map(|(line, column)| place::offset(text, line, column));
            let indented = offset.and_then(|offset| syntax::indented_otherwise(text, offset));
            match indented {
                Some((at, message)) => self.refused_with_hint(at, message, syntax::HINT.to_owned()),
                None => self.refused(unreadable.message, offset),
            }
        })?;
        if tree::documents(&masked) > 1 {
            return Err(Error {
                kind: ErrorKind::Syntax,
                message: format!("there are several documents in the {what}"),
                place: locate::second_document(text, self.name).map(Box::new),
                hint: Some("write each document into a file of its own".into()),
                others: Vec::new(),
            });
        }
        merge_keys::merged(root, &mut Vec::new()).map_err(|steps| {
            self.error(Diagnostic::value(&NodePath(steps), "expected a map or a list of maps after `<<`"))
        })
    }

    /// Turns a diagnostic into an error, with its place.
    pub(crate) fn error(&self, diagnostic: Diagnostic) -> Error {
        let Diagnostic { kind, message, at, hint, .. } = diagnostic;
        let place = match &at {
            Target::Key(path) => self.place(path, Part::Key),
            Target::Value(path) => self.place(path, Part::Value),
        };
        Error { kind, message, place: place.map(Box::new), hint, others: Vec::new() }
    }

    /// Turns diagnostics into errors, looking up their places together.
    pub(crate) fn errors(&self, diagnostics: Vec<Diagnostic>) -> Vec<Error> {
        let spots: Vec<(&NodePath, Part)> = diagnostics
            .iter()
            .map(|diagnostic| match &diagnostic.at {
                Target::Key(path) => (path, Part::Key),
                Target::Value(path) => (path, Part::Value),
            })
            .collect();
        let places = self.places(&spots);
        let errors = diagnostics.into_iter().zip(places).map(|(diagnostic, place)| {
            let Diagnostic { kind, message, hint, .. } = diagnostic;
            Error { kind, message, place: place.map(Box::new), hint, others: Vec::new() }
        });
        errors.collect()
    }

    /// The places of nodes.
    pub(crate) fn places(&self, spots: &[(&NodePath, Part)]) -> Vec<Option<Place>> {
        if spots.is_empty() { Vec::new() } else { places(self.text, self.name, spots) }
    }

    /// Whether a line is so long that only few diagnostics are shown.
    pub(crate) fn has_long_line(&self) -> bool {
        self.text.len() > LONG_LINE && self.text.lines().any(|line| line.len() > LONG_LINE)
    }

    /// The place of a node.
    pub(crate) fn place(&self, at: &NodePath, part: Part) -> Option<Place> {
        locate::place(self.text, self.name, at, part)
    }

    /// A syntax error at a byte offset, counted without byte order mark.
    pub(crate) fn refused_with_hint(&self, offset: usize, message: String, hint: String) -> Error {
        self.refused(message, Some(offset)).with_hint(hint)
    }

    fn refused(&self, message: String, offset: Option<usize>) -> Error {
        let place = offset.map(|offset| Box::new(place::place_at(self.text, self.name, offset)));
        Error { kind: ErrorKind::Syntax, message, place, hint: None, others: Vec::new() }
    }
}

/// Reads a file; messages call it `what`.
///
/// # Errors
/// A file that cannot be read, is too large or is not UTF-8.
pub(crate) fn read_text(path: &Path, what: &'static str) -> Result<String, Error> {
    let name = path.display();
    let unread = |error: &std::io::Error| {
        let missing = || path_hint(path).unwrap_or_else(|| format!("check the {what}'s path"));
        let hint = (error.kind() == std::io::ErrorKind::NotFound).then(missing);
        Error::file(format!("cannot read the {what} {name}: {error}"), hint)
    };
    let file = files::open_or_pipe(path).map_err(|error| unread(&error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    if bytes.len() as u64 > LARGEST {
        let message = format!("the {what} {name} is larger than {} KiB", LARGEST >> 10);
        return Err(Error::file(message, Some(format!("is it a {what}?"))));
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes[..] {
        let hint =
            "save it as UTF-8, as editors do by default; PowerShell does with `Out-File -Encoding utf8`".to_owned();
        return Err(Error::file(format!("the {what} {name} is UTF-16 text, and {what}s are UTF-8"), Some(hint)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Error::file(format!("the {what} {name} is not UTF-8 text: byte {offset} fits no character"), None)
    })
}
