//! A study's folder: files that are written once, by whoever is first.

mod claim;
mod done;
mod folder;
mod owner;
mod per_query;
mod put;
mod read;
mod results;
mod sealed;
mod tidy;
mod verify;
mod watch;

pub use claim::{Claim, Lease, Taken};
pub use done::{Done, Failure, Same, SetMeans, Timings};
pub use folder::Store;
pub use owner::Owner;
pub use per_query::{PerQuery, SetValues};
pub(crate) use per_query::{mean_of, order_hash, tops_hash};
pub use put::{Mode, Put};
pub use results::Results;
pub(crate) use results::{ODD, key_of};
pub(crate) use sealed::open as open_record;
#[cfg(test)]
pub(crate) use sealed::seal;
pub(crate) use verify::Orders;
pub use watch::Watch;
