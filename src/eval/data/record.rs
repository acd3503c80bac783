//! A row of a table of queries, documents or judgements, with any of the usual column names.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Called with each record, the unit (`line` or `row`) and its number.
pub(super) type EachRow<'a> = dyn FnMut(&str, u64, Record) -> Result<(), String> + 'a;

/// The value of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Cell {
    /// No such column.
    #[default]
    Missing,
    Null,
    Text(String),
    Integer(i64),
    Number(f64),
    /// Several texts: the turns of a conversation.
    List(Vec<String>),
    /// A truth value, a table, bytes.
    Other(&'static str),
}

/// The columns that are read. A repeated column has the last value. Of two names for one column the more specific one
/// counts: BEIR and MTEB read `_id` and `text`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) id: Cell,
    pub(super) title: Cell,
    pub(super) text: Cell,
    pub(super) instruction: Cell,
    pub(super) query: Cell,
    pub(super) document: Cell,
    pub(super) documents: Cell,
    pub(super) score: Cell,
    /// The rank of the name under which each column was found.
    pub(super) met: [Option<usize>; COLUMNS.len()],
}

impl Record {
    /// The cell of a column; `None` if the column is not read or a more specific name for it was found.
    pub(super) fn column(&mut self, name: &str) -> Option<&mut Cell> {
        let (column, names): (usize, &[&str]) =
            COLUMNS.iter().copied().enumerate().find(|(_, names)| names.contains(&name))?;
        let rank = names.iter().position(|known| *known == name)?;
        let cells = [
            &mut self.id,
            &mut self.title,
            &mut self.text,
            &mut self.instruction,
            &mut self.query,
            &mut self.document,
            &mut self.documents,
            &mut self.score,
        ];
        let met = self.met.get_mut(column)?;
        if met.is_some_and(|met| met < rank) {
            return None;
        }
        *met = Some(rank);
        cells.into_iter().nth(column)
    }
}

/// The names of each column, the most specific first, in the order of the record's cells.
const COLUMNS: [&[&str]; 8] = [
    &["_id", "id", "docid", "doc_id", "doc-id"],
    &["title"],
    &["text", "contents"],
    &["instruction"],
    &["query-id", "query_id", "qid"],
    &["corpus-id", "corpus_id", "passage_id", "pid"],
    &["corpus-ids", "corpus_ids"],
    &["score", "relevance", "label"],
];

impl Cell {
    /// What it is, for messages.
    fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Null => "null",
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::List(_) => "a list",
            Self::Other(kind) => kind,
        }
    }

    /// An id: a text, or an integer in decimal digits.
    pub(super) fn into_id(self, column: &str) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Integer(number) => Ok(number.to_string()),
            other => Err(wrong(&other, column, "a text or an integer")),
        }
    }

    /// Several ids.
    pub(super) fn into_ids(self, column: &str) -> Result<Vec<String>, String> {
        match self {
            Self::List(ids) => Ok(ids),
            other => Err(wrong(&other, column, "a list of texts")),
        }
    }

    /// A text; the turns of a conversation are joined as MTEB does.
    pub(super) fn into_text(self, column: &str) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::List(turns) => Ok(turns.join("; ")),
            other => Err(wrong(&other, column, "a text")),
        }
    }

    /// A grade: a whole number, however it is written.
    pub(super) fn into_grade(self, column: &str) -> Result<i64, String> {
        match self {
            Self::Integer(number) => Ok(number),
            Self::Number(number) => whole(number).ok_or_else(|| format!("the grade {number} is not a whole number")),
            Self::Text(text) => grade(&text),
            other => Err(wrong(&other, column, "a whole number")),
        }
    }
}

/// Reads a grade from a text file.
pub(super) fn grade(text: &str) -> Result<i64, String> {
    let text = text.trim();
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().and_then(whole))
        .ok_or_else(|| format!("the grade `{}` is not a whole number", crate::escape::escaped(text)))
}

fn whole(number: f64) -> Option<i64> {
    // Beyond 2^53 a float no longer says which whole number was meant.
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn wrong(cell: &Cell, column: &str, expected: &str) -> String {
    match cell {
        Cell::Missing => format!("`{column}` is missing"),
        other => format!("`{column}` is {}, expected {expected}", other.kind()),
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::default();
        while let Some(name) = map.next_key::<String>()? {
            match record.column(&name) {
                Some(cell) => *cell = map.next_value()?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(record)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Cell, E> {
        Ok(Cell::Other("a truth value"))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
        // An id may be larger than any grade.
        Ok(i64::try_from(number).map_or_else(|_| Cell::Text(number.to_string()), Cell::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
        Ok(Cell::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        let mut turns = Vec::new();
        while let Some(Turn(turn)) = list.next_element()? {
            turns.push(turn);
        }
        Ok(turns
            .into_iter()
            .collect::<Option<_>>()
            .map_or(Cell::Other("a list of something else than texts"), Cell::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an object"))
    }
}

/// A turn of a conversation: a text, or an object with `role` and `content`.
struct Turn(Option<String>);

impl<'de> Deserialize<'de> for Turn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TurnVisitor)
    }
}

struct TurnVisitor;

impl<'de> Visitor<'de> for TurnVisitor {
    type Value = Turn;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with `role` and `content`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Turn, E> {
        Ok(Turn(Some(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Turn, A::Error> {
        let (mut role, mut content) = (None, None);
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "role" => role = Some(map.next_value::<String>()?),
                "content" => content = Some(map.next_value::<String>()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Turn(role.zip(content).map(|(role, content)| format!("{role}: {content}"))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn record(json: &str) -> Record {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn columns_have_several_names_and_the_last_value_counts() {
        let found = record(r#"{"docid": 7, "metadata": {"url": [1, {}]}, "contents": "a", "text": "b"}"#);
        assert_eq!(found.id.into_id("id").unwrap(), "7");
        assert_eq!(found.text.into_text("text").unwrap(), "b");
    }

    #[test]
    fn the_names_of_beir_win_over_others_in_any_order() {
        for json in [
            r#"{"_id": "d", "id": 7, "text": "right", "contents": "wrong"}"#,
            r#"{"contents": "wrong", "text": "right", "docid": 1, "id": 7, "_id": "d"}"#,
        ] {
            let found = record(json);
            assert_eq!(found.id.into_id("_id").unwrap(), "d", "{json}");
            assert_eq!(found.text.into_text("text").unwrap(), "right", "{json}");
        }
    }

    #[test]
    fn conversations_are_joined() {
        let found = record(r#"{"text": [{"role": "user", "content": "a"}, {"content": "b", "role": "assistant"}]}"#);
        assert_eq!(found.text.into_text("text").unwrap(), "user: a; assistant: b");
        let found = record(r#"{"text": ["a", "b"]}"#);
        assert_eq!(found.text.into_text("text").unwrap(), "a; b");
        assert_eq!(record(r#"{"text": null}"#).text.into_text("text").unwrap_err(), "`text` is null, expected a text");
        assert_eq!(record("{}").text.into_text("text").unwrap_err(), "`text` is missing");
    }

    #[test]
    fn grades_are_whole_numbers_however_written() {
        assert_eq!(grade(" 2"), Ok(2));
        assert_eq!(grade("-1.0"), Ok(-1));
        assert!(grade("0.5").is_err() && grade("nan").is_err() && grade("1e300").is_err() && grade("").is_err());
        assert_eq!(Cell::Number(3.0).into_grade("score"), Ok(3));
        assert!(Cell::Number(0.5).into_grade("score").is_err());
    }
}
