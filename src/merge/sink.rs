//! The destination of merged tensors.

/// Takes the finished parts of tensors, from several threads and in any order.
pub trait Sink: Sync {
    /// Takes `bytes`, which begin at byte `offset` of the plan's tensor number `tensor`.
    ///
    /// # Errors
    /// Whatever keeps the sink from taking them, which ends the merge.
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError>;
}

/// Why a sink did not take a block.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;
