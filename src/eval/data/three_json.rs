//! Reads the three JSON files of sentence-transformers' evaluator: `queries.json` and `corpus.json` from id to text,
//! `relevant_docs.json` from query to documents. They are read entry by entry.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::Error;
use super::collect::{Collector, Role};
use super::files::{Kind, Listing, file_name};
use super::layout::{Form, Found, Part, add};
use super::lines::{self, json_error};
use super::record::{Cell, Record};
use crate::escape::escaped;
use crate::eval::DataWarningKind;

const NAMES: [&str; 3] =
    ["documents (corpus.json)", "queries (queries.json)", "relevance judgements (relevant_docs.json)"];

/// The layout of a folder with the three files.
pub(super) fn find(listing: &Listing) -> Found {
    let mut part = Part::default();
    for entry in listing.top().filter(|entry| entry.kind == Kind::Json) {
        match entry.stem.as_str() {
            "corpus" => add(&mut part.documents, "", listing.path(entry)),
            "queries" => add(&mut part.queries, "", listing.path(entry)),
            "relevant_docs" => add(&mut part.judgements, "", listing.path(entry)),
            _ => {}
        }
    }
    part.found(Form::ThreeJson, NAMES)
}

/// Reads `queries.json` or `corpus.json`. Texts are not changed; the title of an object is joined to its text as in BEIR.
pub(super) fn texts(collector: &mut Collector, role: Role, path: &Path) -> Result<(), Error> {
    let file = file_name(path);
    entries(path, &mut |id, Body(record): Body| {
        let text = record.text.into_text("text")?;
        let text = match record.title {
            Cell::Missing => text,
            Cell::Null => {
                collector.warnings.note(DataWarningKind::NullTitle, || format!("`{}`, {file}", escaped(&id)));
                text
            }
            title => format!("{} {text}", title.into_text("title")?).trim().to_owned(),
        };
        collector.text(role, id, text, || file.clone());
        Ok(())
    })
}

/// Reads `relevant_docs.json`: a list of documents, or an object from document to grade, for each query.
pub(super) fn judgements(collector: &mut Collector, path: &Path) -> Result<(), Error> {
    let file = file_name(path);
    entries(path, &mut |query, Relevant(documents): Relevant| {
        for (document, grade) in documents {
            collector.judgement(query.clone(), document, grade, || file.clone());
        }
        Ok(())
    })
}

/// Calls `each` for every entry of the object in the file.
fn entries<V: for<'de> Deserialize<'de>>(
    path: &Path,
    each: &mut dyn FnMut(String, V) -> Result<(), String>,
) -> Result<(), Error> {
    let mut reader = serde_json::Deserializer::from_reader(lines::open_json(path)?);
    let read = Entries { each, value: PhantomData }.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| {
        if error.is_io() {
            return Error::Read { path: path.to_owned(), source: error.into() };
        }
        json_error(path, error.line() as u64, &error)
    })
}

struct Entries<'a, V> {
    each: &'a mut dyn FnMut(String, V) -> Result<(), String>,
    value: PhantomData<V>,
}

impl<'de, V: Deserialize<'de>> DeserializeSeed<'de> for Entries<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((id, value)) = map.next_entry::<String, V>()? {
            (self.each)(id, value).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// A text, or an object with `text` and an optional `title`.
struct Body(Record);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with `text`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Body, E> {
        Ok(Body(Record { text: Cell::Text(text.to_owned()), ..Record::default() }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body, A::Error> {
        Record::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Body)
    }
}

/// The documents that answer a query, with their grades.
struct Relevant(Vec<(String, i64)>);

impl<'de> Deserialize<'de> for Relevant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RelevantVisitor)
    }
}

struct RelevantVisitor;

impl<'de> Visitor<'de> for RelevantVisitor {
    type Value = Relevant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of documents, or an object from document to grade")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Relevant, A::Error> {
        let mut found = Vec::new();
        while let Some(id) = list.next_element::<Cell>()? {
            found.push((id.into_id("document").map_err(A::Error::custom)?, 1));
        }
        Ok(Relevant(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Relevant, A::Error> {
        let mut found = Vec::new();
        while let Some((id, grade)) = map.next_entry::<String, Cell>()? {
            found.push((id, grade.into_grade("grade").map_err(A::Error::custom)?));
        }
        Ok(Relevant(found))
    }
}
