//! The adapters of a plan's models, and which tensors they change.

use std::collections::BTreeMap;

use super::Error;
use crate::checkpoint::{Adapter, AdapterChange, Checkpoint, Tokenizer};

/// An adapter and the model that it is merged into.
#[derive(Debug)]
pub struct Adapted {
    /// The adapter.
    pub adapter: Adapter,
    /// Index of the model's module that it changes.
    module: usize,
    /// Maps the index of each tensor of the module that it changes to the adapter's change.
    changes: BTreeMap<usize, usize>,
    /// Changes of output heads that the model does not have.
    left_out: Vec<String>,
}

impl Adapted {
    /// Checks that the adapter fits the model.
    pub(super) fn new(adapter: Adapter, model: &Checkpoint) -> Result<Self, Error> {
        let main = model.main_module();
        let module = main.and_then(|main| model.parts().iter().position(|module| std::ptr::eq(module, main)));
        let weights = main.and_then(|main| main.weights.as_ref());
        let fitted = weights.map(|weights| adapter.fit(model.path(), weights)).transpose()?.unwrap_or_default();
        let is_lost = |change: &&AdapterChange| !adapter.is_repeated(change);
        let headless = adapter.changes().iter().zip(&fitted).filter(|(_, tensor)| tensor.is_none());
        let left_out = headless.map(|(change, _)| change).filter(is_lost).map(|change| change.target.clone()).collect();
        let changes = fitted.into_iter().enumerate().filter_map(|(change, tensor)| Some((tensor?, change))).collect();
        Ok(Self { adapter, module: module.unwrap_or_default(), changes, left_out })
    }

    /// The change to a tensor of the model.
    pub fn change(&self, module: usize, tensor: usize) -> Option<&AdapterChange> {
        if module != self.module {
            return None;
        }
        self.adapter.changes().get(*self.changes.get(&tensor)?)
    }

    /// Warnings: the adapter names another model as the one it was trained on, has another tokenizer, or changes a head
    /// that the model does not have.
    pub(super) fn remarks(&self, model: &Checkpoint) -> impl Iterator<Item = String> {
        let adapter = self.adapter.path().display().to_string();
        let path = model.path().display().to_string();
        let heads = self.left_out.iter().map(move |target| {
            format!("the adapter `{adapter}` changes `{target}`, which `{path}` has not (it ties its head to its embeddings); left out")
        });
        self.other_base(model).into_iter().chain(self.other_tokenizer(model)).chain(heads)
    }

    /// Warns that the adapter was saved with another tokenizer than the merge has, so that a row that it was trained with
    /// may stand for another token.
    fn other_tokenizer(&self, model: &Checkpoint) -> Option<String> {
        let own = Tokenizer::open(self.adapter.path()).ok()?;
        let found = own.difference(model.tokenizer()).filter(|_| !own.is_empty())?;
        Some(format!(
            "the adapter `{}` has a tokenizer of its own, which differs from that of `{}` in {} ({} and {}); the merge has the model's, so \
             copy the adapter's into the output if it was trained with it",
            self.adapter.path().display(),
            model.path().display(),
            found.what,
            found.left,
            found.right
        ))
    }

    fn other_base(&self, model: &Checkpoint) -> Option<String> {
        let trained_on = self.adapter.base()?;
        let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase();
        let names = |checkpoint: &Checkpoint| {
            let folder = checkpoint.path().file_name().map(|name| name.to_string_lossy().into_owned());
            let hub = checkpoint.snapshot().map(|snapshot| snapshot.name.clone());
            folder.into_iter().chain(hub).collect::<Vec<_>>()
        };
        let named = names(model);
        let same = named.iter().any(|name| last(name) == last(trained_on));
        (!same).then(|| {
            format!(
                "the adapter `{}` was trained on `{trained_on}`, which by its name is not `{}`",
                self.adapter.path().display(),
                model.path().display()
            )
        })
    }
}
