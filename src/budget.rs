//! Limits how much memory untrusted bytes may take when they are decoded.

/// The number of bytes that an input of any size may decode to.
const LEAST: u64 = 256 << 20;
/// How many times its size an input may decode to, beyond that.
const TIMES: u64 = 100;

/// The remaining number of bytes that an input may decode to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    most: u64,
    used: u64,
}

/// An input decodes to more than its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it becomes more than {} MiB when it is decoded: more than 256 MiB and 100 times its size", .0 >> 20)]
pub(crate) struct Spent(u64);

impl Budget {
    /// The budget of an input of `bytes` bytes.
    pub(crate) fn of(bytes: u64) -> Self {
        Self { most: LEAST.saturating_add(bytes.saturating_mul(TIMES)), used: 0 }
    }

    /// Counts what was decoded, or is about to be.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), Spent> {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.most { Err(Spent(self.most)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn small_inputs_may_grow_and_large_ones_by_their_size() {
        let mut budget = Budget::of(1);
        assert_eq!(budget.take(LEAST + 100), Ok(()));
        let error = budget.take(1).unwrap_err();
        assert!(error.to_string().starts_with("it becomes more than 256 MiB when it is decoded"), "{error}");
        assert_eq!(Budget::of(u64::MAX).take(u64::MAX), Ok(()));
    }
}
