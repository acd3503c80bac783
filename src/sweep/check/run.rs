//! Runs all checks of a study.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Check, Checked, Damage};
use crate::sweep::Error;
use crate::sweep::study::{Study, Watch};

/// Reads everything that a study has. Damaged files are moved to `damaged`, together with files that cannot be trusted without
/// them. Lists of trials are written again from what is left.
///
/// # Errors
/// A folder that cannot be read; damage in a folder that cannot be written.
pub fn check(study: &Study) -> Result<Checked, Error> {
    // What is lost of an earlier revision is scored again where the latest one needs it.
    let mut whole = Checked::default();
    for revision in study.revisions() {
        let found = check_revision(revision)?;
        whole.files += found.files;
        let place = |name: String| revision.store.place_of(&name);
        whole.damaged.extend(found.damaged.into_iter().map(|damage| Damage {
            file: place(damage.file),
            moved: damage.moved.map(place),
            problem: damage.problem,
        }));
        if std::ptr::eq(revision, study) {
            whole.again = found.again;
        }
    }
    Ok(whole)
}

/// Checks one revision of a study.
fn check_revision(study: &Study) -> Result<Checked, Error> {
    let found = Checked { files: 1, ..Checked::default() };
    let mut check = Check { study, found, done: BTreeMap::new(), again: BTreeMap::new() };
    check.lists()?;
    check.results()?;
    check.failures()?;
    check.twins()?;
    check.tops()?;
    check.missing_lists()?;
    check.plan()?;
    check.claims()?;
    if !check.found.damaged.is_empty() {
        check.twins_again()?;
    }
    study.store.tidy(&mut Watch::default());
    let labels: BTreeSet<String> = check.again.into_values().collect();
    Ok(Checked { again: labels.into_iter().collect(), ..check.found })
}
