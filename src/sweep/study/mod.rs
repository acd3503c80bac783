//! A study: its manifest, planned trials, and their records, in a folder that workers share.

mod compare;
mod groups;
mod layout;
mod manifest;
mod models;
mod open;
mod recipes;
mod records;
mod revise;
mod samples;
mod schedule;
mod sets;
mod stage;
mod store;
mod trial;
mod variables;

pub(crate) use layout::Layout;
#[cfg(test)]
pub(super) use manifest::SCHEMA;
pub use manifest::{Manifest, Set};
pub use models::Model;
pub use open::Study;
pub(crate) use records::{Carried, CarriedSet, Carrier, Orders, UNKNOWN_FILE, key_of};
pub use records::{Failure, Results, SameWeights, SetMeans, Timings, TrialResult};
pub use revise::{Change, Preview};
pub(crate) use samples::{race_steps, sample, sample_documents};
pub(crate) use schedule::{CONFIRM, EXTEND, SEARCH, UNPLANNED, place_of};
pub use schedule::{Schedule, read};
pub use sets::{Loaded, load};
pub use stage::TrialStage;
pub use store::{Claim, HeldClaim, Lease, Mode, Owner, PerQuery, SetValues, Store, TopDocuments, Watch, Written};
pub(crate) use store::{mean_of, order_hash, top_documents_hash};
#[cfg(test)]
pub(crate) use store::{open_record, seal};
pub use trial::{Generation, Subject, Trial};
pub use variables::Variable;
