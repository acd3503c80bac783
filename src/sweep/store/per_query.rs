//! The values of single queries, in a file a trial.

use super::folder::Store;
use crate::sweep::Error;
use crate::sweep::hash;

/// The values of a trial's queries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerQuery {
    /// One entry a data set and direction.
    pub sets: Vec<SetValues>,
}

/// The values of the queries of a data set in one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetValues {
    /// The hash of the queries' ids in their order.
    pub order: String,
    /// The values metric by metric, query by query; NaN where a query is no part of the mean.
    pub metrics: Vec<Vec<f64>>,
}

const MAGIC: &[u8; 8] = b"ADMIXPQ1";

/// The hash of queries' ids in their order.
pub(crate) fn order_hash(queries: &[String]) -> String {
    let mut parts = hash::Parts::default();
    for query in queries {
        parts.add(query.as_bytes());
    }
    parts.finish()
}

impl PerQuery {
    /// The file's bytes: little-endian, 64-bit values as they were computed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let number = |out: &mut Vec<u8>, count: usize| out.extend((count as u64).to_le_bytes());
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
        out
    }

    /// Reads a file's bytes; `None` of anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let sets = take_number(&mut rest)?;
        let mut found = Self::default();
        for _ in 0..sets {
            let length = take_number(&mut rest)?;
            let order = String::from_utf8(take(&mut rest, length)?.to_vec()).ok()?;
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

impl Store {
    /// The values of a trial's queries at a stage.
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub fn per_query(&self, key: &str) -> Result<PerQuery, Error> {
        let name = format!("perq/{key}.bin");
        let damaged = |problem: &str| Error::Damaged { path: self.path(&name), problem: problem.to_owned() };
        let bytes = self.read(&name)?.ok_or_else(|| damaged("it is missing"))?;
        PerQuery::from_bytes(&bytes).ok_or_else(|| damaged("these are no values of queries"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_to_the_bit_and_damage_is_noticed() {
        let set = |order: &str, metrics: Vec<Vec<f64>>| SetValues { order: order.into(), metrics };
        let values =
            PerQuery { sets: vec![set("ab", vec![vec![0.1, 1.0 / 3.0], vec![0.0, 1.0]]), set("", vec![Vec::new()])] };
        let bytes = values.to_bytes();
        assert_eq!(PerQuery::from_bytes(&bytes).as_ref(), Some(&values));
        for end in 0..bytes.len() {
            assert_eq!(PerQuery::from_bytes(&bytes[..end]), None, "{end}");
        }
        let mut huge = bytes.clone();
        huge[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(PerQuery::from_bytes(&huge), None);
    }
}
