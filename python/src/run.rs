//! Runs work on a thread of its own, while Python's signals are looked at.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use admix::{Cancel, Progress};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use serde_json::Value;

use super::failure::Failure;

/// The time between looks at signals.
const LOOK: Duration = Duration::from_millis(50);

/// The stack of the thread, as large as that of a program's main thread.
const STACK: usize = 8 << 20;

/// What the work and the thread that waits for it share.
#[derive(Default)]
pub(crate) struct Hand {
    /// Ends the work early.
    pub(crate) cancel: Cancel,
    done: AtomicU64,
    total: AtomicU64,
    moved: AtomicBool,
    said: Mutex<Vec<String>>,
}

impl Hand {
    /// Sets how far the work is.
    pub(crate) fn set(&self, progress: Progress) {
        self.total.store(progress.total, Ordering::Relaxed);
        self.done.store(progress.done, Ordering::Relaxed);
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Says what happened.
    pub(crate) fn say(&self, event: &Value) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(event.to_string());
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Calls `watch(done, total, events)` if anything has changed since the last call.
    fn tell(&self, watch: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(watch) = watch.filter(|_| self.moved.swap(false, Ordering::Relaxed)) {
            let said = std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner));
            watch.call1((self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed), said))?;
        }
        Ok(())
    }
}

/// Set when the work is over, whatever became of it.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    bell: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    /// Waits for at most the time of a look.
    fn wait(&self) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rung, LOOK, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Rings even when the work panics.
struct Rings<'a>(&'a Bell);

impl Drop for Rings<'_> {
    fn drop(&mut self) {
        self.0.ring();
    }
}

/// Runs `work` with the GIL released, and `watch` with what it says. Ctrl-C, or an exception of `watch`, ends the work, which
/// leaves nothing half done, and is raised when it has ended.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    watch: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Arc<Hand>) -> Result<T, Failure> + Send,
) -> PyResult<T> {
    let hand = Arc::new(Hand::default());
    let bell = Bell::default();
    thread::scope(|scope| {
        let job = || {
            let _rings = Rings(&bell);
            work(&hand)
        };
        let worker = thread::Builder::new()
            .name("admix".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, job)
            .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
        let mut raised: Option<PyErr> = None;
        loop {
            let over = py.detach(|| bell.wait());
            if raised.is_none()
                && let Err(error) = py.check_signals().and_then(|()| hand.tell(watch))
            {
                hand.cancel.cancel();
                raised = Some(error);
            }
            if over {
                break;
            }
        }
        match (worker.join(), raised) {
            // Python shows a panic as an exception of its own.
            (Err(panic), _) => resume_unwind(panic),
            (_, Some(error)) => Err(error),
            (Ok(Ok(result)), None) => Ok(result),
            (Ok(Err(failure)), None) => Err(failure.raise(py)),
        }
    })
}
