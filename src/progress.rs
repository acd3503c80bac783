//! Progress of long work, and its cancellation.

#[cfg(feature = "eval")]
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends work early, from another thread or from a signal. Clones are one token: what cancels one cancels all.
///
/// ```
/// # fn main() -> Result<(), admix::Error> {
/// let cancel = admix::Cancel::new();
/// let merge = admix::Merge::linear([("base", 0.4), ("ko-en", 0.6)]).cancel(&cancel);
/// cancel.cancel(); // Usually where somebody presses a key.
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/retrievers");
/// # let models = ["mono-en", "mono-ko"].map(|name| (format!("{folder}/{name}"), 0.5));
/// # let merge = admix::Merge::linear(models).cancel(&cancel);
/// let error = merge.write("merged").unwrap_err();
/// assert_eq!(error.to_string(), "interrupted");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the work that has this token.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// `Break` once the work was cancelled, for callbacks that decide whether to go on.
    #[cfg(feature = "eval")]
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        if self.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Returns the error `cancelled` once the work was cancelled.
    pub(crate) fn check<E>(&self, cancelled: E) -> Result<(), E> {
        if self.is_cancelled() { Err(cancelled) } else { Ok(()) }
    }

    /// The flag of the token, which a signal handler sets.
    #[cfg(feature = "cli")]
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// How work on files is watched and ended.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Ends the work early.
    pub cancel: &'a Cancel,
    /// Called from the worker threads with the number of bytes done since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl std::fmt::Debug for Monitor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("cancel", self.cancel).finish_non_exhaustive()
    }
}

/// How far work is: bytes of a merge, texts of a scoring, trials of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The amount that is done.
    pub done: u64,
    /// The amount in total.
    pub total: u64,
}

impl Progress {
    /// The fraction that is done, from 0 to 1.
    pub fn share(self) -> f64 {
        if self.total == 0 { 1.0 } else { (self.done as f64 / self.total as f64).min(1.0) }
    }
}

/// Adds up progress and reports it to a callback.
pub(crate) struct Meter<'a> {
    watch: Option<&'a (dyn Fn(Progress) + Send + Sync)>,
    done: std::sync::atomic::AtomicU64,
    total: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(watch: Option<&'a (dyn Fn(Progress) + Send + Sync)>, total: u64) -> Self {
        Self { watch, done: 0.into(), total }
    }

    pub(crate) fn add(&self, more: u64) {
        let Some(watch) = self.watch else { return };
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        watch(Progress { done: done.min(self.total), total: self.total });
    }
}
