//! The generations of a study so far.

use crate::sweep::Error;
use crate::sweep::store::{Put, Results, Store};
use crate::sweep::study::{Generation, Stage, Trial};

/// The generations of a study so far. Each is a file that is written once.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Those of the search, in order.
    pub search: Vec<Generation>,
    /// Points that were added by hand.
    pub extensions: Vec<Generation>,
    /// Trials that are scored on held-out queries.
    pub confirmations: Vec<Generation>,
}

impl Schedule {
    /// Reads the generations.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(store: &Store) -> Result<Self, Error> {
        let mut schedule = Self::default();
        schedule.refresh(store)?;
        Ok(schedule)
    }

    /// Reads the generations that are new.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn refresh(&mut self, store: &Store) -> Result<(), Error> {
        let names = store.list("plan")?;
        for (prefix, known) in
            [("gen-", &mut self.search), ("extend-", &mut self.extensions), ("confirm-", &mut self.confirmations)]
        {
            for name in names.iter().filter(|name| name.starts_with(prefix)).skip(known.len()) {
                known.extend(store.read_json::<Generation>(&format!("plan/{name}"))?);
            }
        }
        Ok(())
    }

    /// Every generation, in the order in which they are worked on.
    pub fn all(&self) -> impl Iterator<Item = &Generation> {
        self.search.iter().chain(&self.extensions).chain(&self.confirmations)
    }

    /// Every trial with its stage, each once.
    pub fn trials(&self) -> Vec<(&Trial, Stage)> {
        let mut seen = std::collections::BTreeSet::new();
        let each = self.all().flat_map(|generation| generation.trials.iter().map(|trial| (trial, generation.stage)));
        each.filter(|(trial, stage)| seen.insert((trial.id.as_str(), *stage))).collect()
    }

    /// Whether nothing more is to be done for these generations.
    pub fn is_settled<'a>(generations: impl IntoIterator<Item = &'a Generation>, results: &Results) -> bool {
        let mut generations = generations.into_iter();
        generations
            .all(|generation| generation.trials.iter().all(|trial| results.is_settled(&trial.key(generation.stage))))
    }

    /// Writes the next generation of the search. Every worker comes to the same one, and whoever is first writes it.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn add_search(&mut self, store: &Store, generation: &Generation) -> Result<Put, Error> {
        let put = store.put_json(&format!("plan/gen-{:04}.json", self.search.len()), generation)?;
        self.refresh(store)?;
        Ok(put)
    }

    /// Writes points that are added by hand, or trials to confirm, under the first free number.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn add(&mut self, store: &Store, kind: &str, generation: &Generation) -> Result<(), Error> {
        loop {
            self.refresh(store)?;
            let known = if kind == "extend" { &self.extensions } else { &self.confirmations };
            if known.contains(generation) {
                return Ok(());
            }
            let name = format!("plan/{kind}-{:04}.json", known.len());
            if store.put_json(&name, generation)? == Put::New {
                return self.refresh(store);
            }
        }
    }
}
