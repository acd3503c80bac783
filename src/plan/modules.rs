//! Which module of one checkpoint stands where another's does.

use super::Error;
use super::tensors::Collector;
use crate::checkpoint::{Mismatch, Module};

impl Collector<'_> {
    /// A module with weights that the donor lacks would vanish from the output.
    pub(super) fn no_module_is_lost(&mut self) {
        let donor = &self.models.checkpoints[self.donor];
        for (index, checkpoint) in self.models.checkpoints.iter().enumerate() {
            for module in checkpoint.modules().iter().filter(|module| module.weights.is_some()) {
                if counterpart(checkpoint.modules(), module, donor.modules()).is_none() {
                    let error = missing_module(&self.models.paths[index], module, &self.models.paths[self.donor]);
                    if self.options.allow.accepts(Mismatch::Modules) {
                        self.warnings.push(format!("{error}; it is left out"));
                    } else {
                        self.faults.push(error);
                    }
                }
            }
        }
    }

    pub(super) fn counterparts(&mut self, module: &Module) -> Vec<Option<usize>> {
        let donor = &self.models.checkpoints[self.donor];
        let mut found = Vec::new();
        for (index, checkpoint) in self.models.checkpoints.iter().enumerate() {
            let at = counterpart(donor.modules(), module, checkpoint.modules());
            if at.is_none() && !self.options.allow.accepts(Mismatch::Modules) {
                let paths = &self.models.paths;
                self.faults.push(missing_module(&paths[self.donor], module, &paths[index]));
            }
            found.push(at);
        }
        found
    }
}

/// The module of `there` that stands where `module` stands among `here`: in the same folder, else of the same kind and rank.
fn counterpart(here: &[Module], module: &Module, there: &[Module]) -> Option<usize> {
    let same_folder = |other: &Module| other.weights.is_some() && other.folder == module.folder;
    if let Some(found) = there.iter().position(same_folder) {
        return Some(found);
    }
    let alike = |other: &&Module| other.weights.is_some() && other.kind == module.kind;
    let rank = here.iter().filter(alike).position(|other| other.folder == module.folder)?;
    let found = there.iter().filter(alike).nth(rank)?;
    there.iter().position(|other| std::ptr::eq(other, found))
}

fn missing_module(present: &str, module: &Module, absent: &str) -> Error {
    Error::MissingModule {
        present: present.to_owned(),
        module: module.folder.clone(),
        kind: module.kind.clone(),
        absent: absent.to_owned(),
    }
}
