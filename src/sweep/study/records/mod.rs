//! What is recorded of trials: results and failures, checked whenever they are read.

mod results;
mod trial_result;
mod verify;

pub use results::Results;
pub(crate) use results::{ODD, key_of};
pub use trial_result::{Done, Failure, Same, SetMeans, Timings};
pub(crate) use verify::Orders;
