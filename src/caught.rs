//! Catches panics of libraries that read untrusted bytes, without showing them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// A library panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs `work`, whose panic becomes an error. What `work` changes must not be used after one.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    let outer = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    done.map_err(|_| Panicked)
}

/// Whether a panic of this thread will currently be caught and become an error. A panic hook asks this to print only the
/// others.
pub fn catches_panics() -> bool {
    CATCHING.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_only_then_hidden() {
        assert_eq!(catch(|| catch(|| 1)), Ok(Ok(1)));
        assert!(!catches_panics());
        assert_eq!(
            catch(|| {
                assert_eq!(catch(|| panic!("one")), Err::<(), _>(Panicked));
                assert!(catches_panics());
                panic!("two")
            }),
            Err::<(), _>(Panicked)
        );
        assert!(!catches_panics());
    }
}
