//! Options of the caller: values that override the recipe, and differences that are accepted.

use std::collections::BTreeSet;

use crate::checkpoint::{Links, Mismatch};
use crate::kernel::DType;

/// Options of a plan that do not come from the recipe.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Replaces the recipe's `dtype`.
    pub dtype: Option<DType>,
    /// Replaces the recipe's `out_dtype`.
    pub out_dtype: Option<DType>,
    /// The largest size of a weight file in bytes; a larger tensor gets a file of its own. `None` for a single file.
    pub shard_size: Option<u64>,
    /// The seed of methods that draw at random.
    pub seed: u64,
    /// The differences and faults that the user accepts.
    pub allow: Allow,
}

/// Disagreements and faults of the inputs that the user accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    mismatches: BTreeSet<&'static str>,
    /// A floating-point tensor that some inputs lack.
    pub missing_tensor: bool,
    /// NaN and infinity in the inputs.
    pub non_finite: bool,
    /// Files of a model that link out of its folder.
    pub links: bool,
}

const MISSING_TENSOR: &str = "missing-tensor";
const NON_FINITE: &str = "non-finite";
const LINKS: &str = "links";

impl Allow {
    /// Everything that can be accepted, as (name, what it accepts).
    pub fn names() -> Vec<(&'static str, &'static str)> {
        let mut names: Vec<_> = Mismatch::ALL.iter().map(|mismatch| (mismatch.name(), mismatch.doc())).collect();
        names.push((MISSING_TENSOR, "a tensor that some models lack is merged from the others"));
        names.push((NON_FINITE, "NaN and infinity in the models' tensors"));
        names.push((LINKS, "files of a model folder that are links out of it"));
        names
    }

    /// Accepts the difference or fault called `name`. Returns false for an unknown name.
    pub fn accept(&mut self, name: &str) -> bool {
        match name {
            MISSING_TENSOR => self.missing_tensor = true,
            NON_FINITE => self.non_finite = true,
            LINKS => self.links = true,
            _ => match Mismatch::from_name(name) {
                Some(mismatch) => {
                    self.mismatches.insert(mismatch.name());
                }
                None => return false,
            },
        }
        true
    }

    /// The names of everything that is accepted.
    pub fn accepted(&self) -> Vec<&'static str> {
        let own = [(self.missing_tensor, MISSING_TENSOR), (self.non_finite, NON_FINITE), (self.links, LINKS)];
        let own = own.into_iter().filter(|(accepted, _)| *accepted).map(|(_, name)| name);
        self.mismatches.iter().copied().chain(own).collect()
    }

    /// Which links of model folders are followed.
    pub fn links(&self) -> Links {
        if self.links { Links::Followed } else { Links::Inside }
    }

    /// Whether the mismatch is accepted.
    pub fn accepts(&self, mismatch: Mismatch) -> bool {
        self.mismatches.contains(mismatch.name())
    }
}
