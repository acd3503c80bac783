//! Reads the rows of a file as records.

use std::path::Path;

use super::Error;
use super::files::{Kind, kind};
use super::lines::{json_error, line_error, lines};
use super::record::EachRow;

/// Calls `each` for every row of a jsonl or parquet file.
pub(super) fn rows(path: &Path, each: &mut EachRow<'_>) -> Result<(), Error> {
    if kind(path) == Kind::Parquet { parquet_rows(path, each) } else { json_rows(path, each) }
}

#[cfg(feature = "parquet")]
fn parquet_rows(path: &Path, each: &mut EachRow<'_>) -> Result<(), Error> {
    super::parquet::rows(path, each)
}

#[cfg(not(feature = "parquet"))]
fn parquet_rows(path: &Path, _: &mut EachRow<'_>) -> Result<(), Error> {
    Err(Error::Parquet { path: path.to_owned(), problem: "this build is without parquet".into() })
}

fn json_rows(path: &Path, each: &mut EachRow<'_>) -> Result<(), Error> {
    let mut lines = lines(path)?;
    while let Some((number, line)) = lines.next_line()? {
        if line.trim().is_empty() {
            continue;
        }
        let record = serde_json::from_str(line).map_err(|error| json_error(path, number, &error))?;
        each("line", number, record).map_err(|problem| line_error(path, number, problem))?;
    }
    Ok(())
}
