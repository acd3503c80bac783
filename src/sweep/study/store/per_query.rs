//! The values of single queries, in one file for each trial.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::folder::Store;
use super::write_once::Written;
use crate::sweep::Error;
use crate::sweep::hash;
use crate::sweep::study::layout::Layout;

/// The values of a trial's queries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerQuery {
    /// One entry for each data set and direction.
    pub sets: Vec<SetValues>,
}

/// The values of the queries of a data set in one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetValues {
    /// The hash of the queries' ids in their order.
    pub order: String,
    /// The values by metric and query; NaN where a query is left out of the mean.
    pub metrics: Vec<Vec<f64>>,
}

const MAGIC: &[u8; 8] = b"ADMIXPQ2";

/// Number of bytes of the hash at the end.
const SUM: usize = 32;

/// The hash of queries' ids in their order.
pub(crate) fn order_hash(queries: &[String]) -> String {
    let mut parts = hash::Parts::default();
    for query in queries {
        parts.add(query.as_bytes());
    }
    parts.finish()
}

/// The documents that a model ranks first for each query of a data set.
pub type TopDocuments = BTreeMap<String, Vec<String>>;

/// The hash of the documents that a parent ranks first, data set by data set.
pub(crate) fn top_documents_hash(tops: &[TopDocuments]) -> String {
    let of_query = |(query, documents): (&String, &Vec<String>)| [query.clone(), order_hash(documents)];
    let of_set = |tops: &TopDocuments| order_hash(&tops.iter().flat_map(of_query).collect::<Vec<_>>());
    order_hash(&tops.iter().map(of_set).collect::<Vec<_>>())
}

/// The mean over queries that are not left out; `None` without any.
pub(crate) fn mean_of(values: &[f64]) -> Option<f64> {
    let counted = values.iter().filter(|value| value.is_finite());
    let (sum, count) = counted.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl PerQuery {
    /// The file's bytes: the study and the trial, then little-endian, 64-bit values as they were computed, and the hash of all
    /// that.
    pub fn to_bytes(&self, study: &str, key: &str) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let number = |out: &mut Vec<u8>, count: usize| out.extend((count as u64).to_le_bytes());
        for text in [study, key] {
            number(&mut out, text.len());
            out.extend(text.as_bytes());
        }
        number(&mut out, self.sets.len());
        for set in &self.sets {
            number(&mut out, set.order.len());
            out.extend(set.order.as_bytes());
            number(&mut out, set.metrics.len());
            number(&mut out, set.metrics.first().map_or(0, Vec::len));
            for value in set.metrics.iter().flatten() {
                out.extend(value.to_le_bytes());
            }
        }
        out.extend(Sha256::digest(&out));
        out
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: &[u8], study: &str, key: &str) -> Result<Self, String> {
        if !bytes.starts_with(MAGIC) {
            return Err("these are no values of queries".to_owned());
        }
        let (body, sum) = bytes.split_at_checked(bytes.len().saturating_sub(SUM)).unwrap_or_default();
        if Sha256::digest(body).as_slice() != sum {
            return Err("its content does not have the checksum at its end".to_owned());
        }
        let mut rest = body.strip_prefix(MAGIC).unwrap_or_default();
        let cut = || "it ends too early".to_owned();
        let (of_study, of_key) = take_text(&mut rest).zip(take_text(&mut rest)).ok_or_else(cut)?;
        if of_study != study {
            return Err("it belongs to another study".to_owned());
        }
        if of_key != key {
            return Err(format!("it is the file of the trial {of_key} under another name"));
        }
        Self::values(rest).ok_or_else(cut)
    }

    fn values(mut rest: &[u8]) -> Option<Self> {
        let sets = take_number(&mut rest)?;
        let mut found = Self::default();
        for _ in 0..sets {
            let order = take_text(&mut rest)?;
            let (metrics, queries) = (take_number(&mut rest)?, take_number(&mut rest)?);
            let mut values = Vec::new();
            for _ in 0..metrics {
                let bytes = take(&mut rest, queries.checked_mul(8)?)?;
                values.push(bytes.as_chunks().0.iter().map(|value| f64::from_le_bytes(*value)).collect());
            }
            found.sets.push(SetValues { order, metrics: values });
        }
        rest.is_empty().then_some(found)
    }
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn take_number(rest: &mut &[u8]) -> Option<usize> {
    let bytes = take(rest, 8)?;
    usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = take_number(rest)?;
    String::from_utf8(take(rest, length)?.to_vec()).ok()
}

impl Store {
    /// The values of a trial's queries at a stage, and the hash of their file; `None` where there is none.
    ///
    /// # Errors
    /// A file that is damaged.
    pub(crate) fn values(&self, key: &str) -> Result<Option<(PerQuery, String)>, Error> {
        let name = Layout::values(key);
        let Some(bytes) = self.read(&name)? else { return Ok(None) };
        let values = PerQuery::from_bytes(&bytes, self.study(), key).map_err(|problem| self.damaged(&name, problem))?;
        Ok(Some((values, hash::of_bytes(&bytes))))
    }

    /// The values of a trial's queries at a stage.
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub fn per_query(&self, key: &str) -> Result<PerQuery, Error> {
        let missing = || self.damaged(&Layout::values(key), "it is missing");
        Ok(self.values(key)?.ok_or_else(missing)?.0)
    }

    /// The documents that a parent ranks first, which have this hash.
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub(crate) fn top_documents(&self, trial: &str, hash: &str) -> Result<Vec<TopDocuments>, Error> {
        let name = Layout::top_documents(trial);
        let tops: Vec<TopDocuments> = self.read_json(&name)?.ok_or_else(|| self.damaged(&name, "it is missing"))?;
        if top_documents_hash(&tops) == hash {
            return Ok(tops);
        }
        Err(self.damaged(&name, "these are not the documents that the trial ranked first"))
    }

    /// Writes the values of a trial's queries unless there are some. Returns those in the file, and the file's hash.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn write_values(&self, key: &str, values: &PerQuery) -> Result<(PerQuery, String), Error> {
        let (name, bytes) = (Layout::values(key), values.to_bytes(self.study(), key));
        if self.write_once(&name, &bytes)? == Written::Present {
            match self.values(key) {
                Ok(Some(known)) => return Ok(known),
                Ok(None) => {}
                // The file has no result, or the trial would not have run.
                Err(Error::Damaged { .. }) => drop(self.set_aside(&name)?),
                Err(error) => return Err(error),
            }
            self.write_once(&name, &bytes)?;
        }
        Ok((values.clone(), hash::of_bytes(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn values_come_back_to_the_bit_and_damage_is_noticed() {
        let set = |order: &str, metrics: Vec<Vec<f64>>| SetValues { order: order.into(), metrics };
        let values =
            PerQuery { sets: vec![set("ab", vec![vec![0.1, 1.0 / 3.0], vec![0.0, 1.0]]), set("", vec![Vec::new()])] };
        let bytes = values.to_bytes("s", "k");
        let read = |bytes: &[u8]| PerQuery::from_bytes(bytes, "s", "k");
        assert_eq!(read(&bytes).as_ref(), Ok(&values));
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{end}");
            let mut flipped = bytes.clone();
            flipped[end] ^= 1;
            assert!(read(&flipped).is_err(), "{end}");
        }
        assert!(PerQuery::from_bytes(&bytes, "t", "k").unwrap_err().contains("another study"));
        assert!(PerQuery::from_bytes(&bytes, "s", "l").unwrap_err().contains("the trial k under another name"));
        let sealed = |mut bytes: Vec<u8>| {
            bytes.truncate(bytes.len() - SUM);
            bytes[26..34].copy_from_slice(&u64::MAX.to_le_bytes());
            bytes.extend(Sha256::digest(&bytes));
            bytes
        };
        assert_eq!(read(&sealed(bytes)).unwrap_err(), "it ends too early");
    }
}
