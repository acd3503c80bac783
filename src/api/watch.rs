//! How callers watch and end the work of a builder.

use std::sync::Arc;

use crate::progress::{Cancel, Meter, Progress};

/// The token that ends the work, and the callback that is told how far it is.
#[derive(Clone, Default)]
pub(super) struct Watch {
    pub(super) cancel: Cancel,
    pub(super) progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Watch {
    /// Counts up to `total` and tells the callback.
    pub(super) fn meter(&self, total: u64) -> Meter<'_> {
        Meter::new(self.progress.as_deref(), total)
    }
}

/// The methods `cancel` and `progress` of a builder with a field `watch`, with their documentation.
macro_rules! watch_methods {
    (cancel: $cancel:literal, progress: $progress:literal $(,)?) => {
        #[doc = $cancel]
        #[must_use]
        pub fn cancel(mut self, cancel: &Cancel) -> Self {
            self.watch.cancel = cancel.clone();
            self
        }

        #[doc = $progress]
        #[must_use]
        pub fn progress(mut self, watch: impl Fn(Progress) + Send + Sync + 'static) -> Self {
            self.watch.progress = Some(std::sync::Arc::new(watch));
            self
        }
    };
}
pub(super) use watch_methods;
