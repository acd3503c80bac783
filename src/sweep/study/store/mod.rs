//! A study's folder, in which every file is written once, by the first worker that has it.

mod claim;
mod folder;
mod owner;
mod part;
mod per_query;
mod read;
mod sealed;
mod tidy;
mod watch;
mod write_once;

pub use claim::{Claim, HeldClaim, Lease};
pub use folder::Store;
pub use owner::Owner;
pub use per_query::TopDocuments;
pub use per_query::{PerQuery, SetValues};
pub(crate) use per_query::{mean_of, order_hash, top_documents_hash};
pub(crate) use sealed::open as open_record;
#[cfg(test)]
pub(crate) use sealed::seal;
pub use watch::Watch;
pub use write_once::{Mode, Written};
