//! Counts the warnings about a data set while it is read.

use std::collections::BTreeMap;

use crate::eval::{DataWarning, DataWarningKind};

/// The number of cases of each kind, with the first as an example.
#[derive(Debug, Default)]
pub(super) struct Warnings(BTreeMap<DataWarningKind, (usize, String)>);

impl Warnings {
    /// Counts one case; `example` is called for the first of a kind.
    pub(super) fn note(&mut self, kind: DataWarningKind, example: impl FnOnce() -> String) {
        self.0.entry(kind).or_insert_with(|| (0, example())).0 += 1;
    }

    pub(super) fn into_vec(self) -> Vec<DataWarning> {
        self.0.into_iter().map(|(kind, (count, example))| DataWarning { kind, count, example }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_case_is_the_example() {
        let mut warnings = Warnings::default();
        for id in ["a", "b"] {
            warnings.note(DataWarningKind::EmptyQuery, || format!("`{id}`"));
        }
        let found = warnings.into_vec();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "2 queries are empty (`a`)");
    }
}
