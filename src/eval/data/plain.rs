//! Reads texts without judgements.

use std::path::Path;

use super::files::{Kind, kind};
use super::record::Cell;
use super::rows::rows;
use super::texts::with_title;
use super::{Error, Options, open};
use crate::eval::lines::{self, Lines};

/// The texts of a file or data set, in their order, without white space at their ends and without empty ones: those of a data set's
/// folder (queries and documents), the `text` of each row of a jsonl or parquet file (with its title, if there is one), and else every
/// line. Files may be compressed by gzip.
///
/// # Errors
/// A file that cannot be read, or a row without a text.
pub fn plain_texts(path: &Path, options: &Options) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    let mut add = |text: &str| {
        if !text.trim().is_empty() {
            texts.push(text.trim().to_owned());
        }
    };
    if path.is_dir() {
        for set in open::open(path, options)? {
            set.queries.iter().chain(&set.documents).for_each(|text| add(&text.text));
        }
    } else if matches!(kind(path), Kind::Jsonl | Kind::Parquet) {
        rows(path, &mut |_, _, record| {
            let text = record.text.into_text("text")?;
            add(&if record.title == Cell::Missing { text } else { with_title(record.title, &text)? });
            Ok(())
        })?;
    } else {
        let unreadable = |error| match error {
            crate::eval::Error::Read { path, source } => Error::Read { path, source },
            other => Error::Read { path: path.to_owned(), source: std::io::Error::other(other) },
        };
        let mut reader = lines::open(path).map_err(unreadable)?;
        let mut lines = Lines::new(&mut reader, path);
        while let Some((_, line)) = lines.next_line().map_err(unreadable)? {
            add(line);
        }
    }
    Ok(texts)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_are_lines_or_rows_with_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            plain_texts(&path, &Options::default())
        };
        assert_eq!(read("a.txt", "one\n\n  two three \r\n").unwrap(), ["one", "two three"]);
        assert_eq!(
            read("b.jsonl", "{\"text\": \"one\"}\n{\"title\": \"t\", \"text\": \"two\"}\n").unwrap(),
            ["one", "t two"]
        );
        assert_eq!(read("c.txt", "").unwrap(), [""; 0]);
        assert!(read("d.jsonl", "{\"title\": \"t\"}\n").unwrap_err().to_string().contains("text"));
        assert!(plain_texts(&folder.path().join("none.txt"), &Options::default()).is_err());
    }
}
