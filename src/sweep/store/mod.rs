//! A study's folder: files that are written once, by whoever is first.

mod claim;
mod done;
mod folder;
mod owner;
mod per_query;
mod put;
mod results;

pub use claim::{Claim, Lease, Taken};
pub use done::{Done, Failure, SetMeans, Timings};
pub use folder::Store;
pub use owner::Owner;
pub(crate) use per_query::order_hash;
pub use per_query::{PerQuery, SetValues};
pub use put::{Mode, Put};
pub use results::Results;
