//! The threads of a merge.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::ThreadPool;

use super::buffers::Scratch;
use super::{Error, Options};

/// The threads of a merge, each with its buffers.
pub(super) struct Workers<'a> {
    pool: ThreadPool,
    scratch: Vec<Mutex<Scratch>>,
    options: &'a Options<'a>,
}

impl<'a> Workers<'a> {
    /// Starts the threads.
    pub(super) fn start(options: &'a Options<'a>) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .thread_name(|index| format!("merge-{index}"))
            .build()
            .map_err(|error| Error::Threads(error.to_string()))?;
        let scratch = (0..pool.current_num_threads()).map(|_| Mutex::default()).collect();
        Ok(Self { pool, scratch, options })
    }

    /// Applies `f` to every item on all threads. Returns the results in the items' order, or the error of the first item
    /// that failed.
    pub(super) fn map<I: Sync, R: Send>(
        &self,
        items: &[I],
        f: impl Fn(&mut Scratch, &I) -> Result<R, Error> + Sync,
    ) -> Result<Vec<R>, Error> {
        let next = AtomicUsize::new(0);
        let done = self.pool.broadcast(|context| {
            let mut results = Vec::new();
            let Ok(mut scratch) = self.scratch[context.index()].lock() else { return results };
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { return results };
                let result = self.options.cancel.check(Error::Cancelled).and_then(|()| f(&mut scratch, item));
                let failed = result.is_err();
                results.push((index, result));
                if failed {
                    next.store(items.len(), Ordering::Relaxed);
                    return results;
                }
            }
        });
        let mut results: Vec<_> = done.into_iter().flatten().collect();
        results.sort_unstable_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }
}
