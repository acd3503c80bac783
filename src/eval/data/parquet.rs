//! Reads the rows of a parquet file.

use std::path::Path;
use std::sync::Arc;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, List, Row};
use parquet::schema::types::Type;

use super::Error;
use super::lines;
use super::pages;
use super::record::{Cell, EachRow, Record};
use crate::budget::Budget;
use crate::caught::catch;
use crate::files;

/// Calls `each` for every row, with the columns that are read.
///
/// The parquet reader panics on some damaged files, so a panic becomes an error of the file.
pub(super) fn rows(path: &Path, each: &mut EachRow<'_>) -> Result<(), Error> {
    lines::check(path)?;
    let damaged = |_| Err(Error::Parquet { path: path.to_owned(), problem: "the file is damaged".into() });
    catch(|| read(path, each)).unwrap_or_else(damaged)
}

fn read(path: &Path, each: &mut EachRow<'_>) -> Result<(), Error> {
    let broken = |error: parquet::errors::ParquetError| {
        let text = error.to_string();
        let problem = text.split_once(": ").map_or(text.as_str(), |(_, problem)| problem);
        Error::Parquet { path: path.to_owned(), problem: problem.to_owned() }
    };
    let file = files::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let refused = |problem: String| Error::Parquet { path: path.to_owned(), problem };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let pages = file.try_clone().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let columns = wanted(reader.metadata().file_metadata().schema()).map_err(broken)?;
    let names: Vec<String> = columns.get_fields().iter().map(|field| field.name().to_owned()).collect();
    pages::check(&pages, reader.metadata(), |name| names.iter().any(|read| read == name)).map_err(refused)?;
    let mut budget = Budget::of(length);
    let rows = reader.get_row_iter(Some(columns)).map_err(broken)?;
    for (row, number) in rows.zip(1_u64..) {
        let wrong = |problem| Error::Line { path: path.to_owned(), unit: "row", line: number, problem };
        let row = row.map_err(broken)?;
        // A text that a dictionary stores once can occur in every row.
        let weight = row.get_column_iter().map(|(_, field)| weight(field)).sum();
        budget.take(weight).map_err(|error| refused(error.to_string()))?;
        let record = record(&row);
        each("row", number, record).map_err(wrong)?;
    }
    Ok(())
}

/// The schema with only the columns that are read, so that images and vectors are never decoded.
fn wanted(schema: &Type) -> parquet::errors::Result<Type> {
    let mut record = Record::default();
    let is_read = |field: &&Arc<Type>| record.column(field.name()).is_some();
    let fields: Vec<Arc<Type>> = schema.get_fields().iter().filter(is_read).cloned().collect();
    Type::group_type_builder(schema.name()).with_fields(fields).build()
}

/// The number of bytes of the texts in a field.
fn weight(field: &Field) -> u64 {
    match field {
        Field::Str(text) => text.len() as u64,
        Field::Bytes(bytes) => bytes.len() as u64,
        Field::ListInternal(list) => list.elements().iter().map(weight).sum(),
        Field::Group(row) => row.get_column_iter().map(|(_, field)| weight(field)).sum(),
        _ => 0,
    }
}

fn record(row: &Row) -> Record {
    let mut record = Record::default();
    for (name, field) in row.get_column_iter() {
        if let Some(slot) = record.column(name) {
            *slot = cell(field);
        }
    }
    record
}

fn cell(field: &Field) -> Cell {
    match field {
        Field::Null => Cell::Null,
        Field::Byte(number) => Cell::Integer((*number).into()),
        Field::Short(number) => Cell::Integer((*number).into()),
        Field::Int(number) => Cell::Integer((*number).into()),
        Field::Long(number) => Cell::Integer(*number),
        Field::UByte(number) => Cell::Integer((*number).into()),
        Field::UShort(number) => Cell::Integer((*number).into()),
        Field::UInt(number) => Cell::Integer((*number).into()),
        Field::ULong(number) => i64::try_from(*number).map_or_else(|_| Cell::Text(number.to_string()), Cell::Integer),
        Field::Float(number) => Cell::Number((*number).into()),
        Field::Double(number) => Cell::Number(*number),
        Field::Str(text) => Cell::Text(text.clone()),
        // Some writers omit the annotation of texts.
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::Other("bytes that are no UTF-8"),
        },
        Field::ListInternal(list) => turns(list).map_or(Cell::Other("a list of something else than texts"), Cell::List),
        _ => Cell::Other("of a type that is not read"),
    }
}

/// The turns of a conversation: texts, or groups with `role` and `content`.
fn turns(list: &List) -> Option<Vec<String>> {
    list.elements().iter().map(turn).collect()
}

fn turn(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Group(row) => {
            let find = |wanted| {
                row.get_column_iter().find_map(|(name, field)| match field {
                    Field::Str(text) if name == wanted => Some(text.as_str()),
                    _ => None,
                })
            };
            Some(format!("{}: {}", find("role")?, find("content")?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use parquet::basic::{Compression, GzipLevel};
    use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn file(compression: Compression) -> Vec<u8> {
        let schema = "message schema { REQUIRED BINARY query-id (UTF8); OPTIONAL BINARY text; REQUIRED INT32 score; \
                      REQUIRED INT32 vector; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let ids: Vec<ByteArray> = ["q1", "질문"].map(ByteArray::from).into();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&ids[..1], Some(&[1, 0]), None).unwrap();
        column.close().unwrap();
        for values in [[2, -1], [7, 7]] {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<Int32Type>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.into_inner().unwrap()
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<Record>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        std::fs::write(&path, bytes).unwrap();
        let mut found = Vec::new();
        rows(&path, &mut |_, _, record| {
            found.push(record);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn rows_are_read_whatever_the_compression() {
        for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(GzipLevel::default())] {
            let found = read_all(&file(compression)).unwrap();
            assert_eq!(found.len(), 2);
            assert_eq!(found[0].query, Cell::Text("q1".into()));
            assert_eq!(found[0].text, Cell::Text("q1".into()), "a text without annotation");
            assert_eq!(found[0].score, Cell::Integer(2));
            assert_eq!(found[1].query, Cell::Text("질문".into()));
            assert_eq!(found[1].text, Cell::Null);
            assert_eq!(found[1].score, Cell::Integer(-1));
        }
    }

    #[test]
    fn damaged_files_are_errors() {
        let bytes = file(Compression::SNAPPY);
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                // Whatever is read, it comes back.
                let _ = read_all(&bytes);
            }
            assert!(read_all(&bytes[..at]).is_err());
        }
    }
}
