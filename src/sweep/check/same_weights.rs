//! Checks what trials share: the names of trials with the same weights, and the documents that parents rank first.

use super::state::Check;
use crate::sweep::Error;
use crate::sweep::study::{Layout, SameWeights, TopDocuments, TrialStage, UNKNOWN_FILE, key_of};

impl Check<'_> {
    /// The files that name the trials that were scored first.
    pub(super) fn twins(&mut self) -> Result<(), Error> {
        for name in self.names(Layout::SAME_WEIGHTS)? {
            let file = Layout::entry(Layout::SAME_WEIGHTS, &name);
            let Some(same) = self.held(self.study.store.read_json::<SameWeights>(&file))?.flatten() else { continue };
            let twin = name.rsplit_once('.').map(|(weights, stage)| (weights, format!("{}.{stage}", same.trial)));
            let is_right = twin.is_some_and(|(weights, key)| {
                self.done.get(&key).map_or_else(|| key_of(&key, "").is_some(), |done| done.weights == weights)
            });
            if !is_right {
                self.aside(&file, "it names a trial with other weights")?;
            }
        }
        Ok(())
    }

    /// Names again the trials that were scored first.
    pub(super) fn twins_again(&self) -> Result<(), Error> {
        for done in self.done.values() {
            let Ok(stage) = done.stage.parse::<TrialStage>() else { continue };
            self.study.store.write_record(
                &Layout::same_weights(&done.weights, stage),
                &SameWeights { trial: done.trial.clone() },
            )?;
        }
        Ok(())
    }

    /// The documents that parents rank first.
    pub(super) fn tops(&mut self) -> Result<(), Error> {
        for name in self.names(Layout::TOP_DOCUMENTS)? {
            let id = name.strip_suffix(".json").filter(|id| key_of(&format!("{id}.full"), "").is_some());
            match id {
                None => self.aside(&Layout::entry(Layout::TOP_DOCUMENTS, &name), UNKNOWN_FILE)?,
                Some(_) => drop(self.held(
                    self.study.store.read_json::<Vec<TopDocuments>>(&Layout::entry(Layout::TOP_DOCUMENTS, &name)),
                )?),
            }
        }
        let with_tops = self.done.iter().filter_map(|(key, done)| {
            Some((key.clone(), done.trial.clone(), done.weights.clone(), done.tops.clone()?))
        });
        for (key, trial, weights, hash) in with_tops.collect::<Vec<_>>() {
            let file = Layout::top_documents(&trial);
            let was_seen = self.found.damaged.iter().any(|damage| damage.file == file);
            let read = self.study.store.top_documents(&trial, &hash);
            let is_whole = if was_seen { read.is_ok() } else { self.held(read)?.is_some() };
            if !is_whole {
                self.queue_all(&key, &weights)?;
            }
        }
        Ok(())
    }
}
