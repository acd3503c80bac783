//! Records of trials: results and failures, which are checked whenever they are read.

mod carried;
mod results;
mod trial_result;
mod verify;

pub(crate) use carried::{Carried, CarriedSet, Carrier};
pub use results::Results;
pub(crate) use results::{UNKNOWN_FILE, key_of};
pub use trial_result::{Failure, SameWeights, SetMeans, Timings, TrialResult};
pub(crate) use verify::Orders;
