//! Merges into a sink of one's own: nothing is written to disk, and only sums are kept.
//!
//! `cargo run --example sink`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use admix::merge::{Sink, SinkError};
use admix::{Error, Merge};

/// Counts the bytes of each tensor of a merge.
///
/// A sink is called from several threads, with parts of tensors in any order, so it takes `&self`. What it keeps is its own
/// matter: all bytes, a hash, or one number a tensor.
struct Bytes(Vec<AtomicU64>);

impl Sink for Bytes {
    /// `tensor` is the number of the tensor in the plan, `offset` the byte at which `bytes` begin in it.
    fn write(&self, tensor: usize, _offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        // An error of a sink ends the merge, and comes back from `send`.
        let count = self.0.get(tensor).ok_or("the plan has no such tensor")?;
        count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Merges models of `fixtures` into the sink, and gives the three largest tensors.
pub fn run(fixtures: &Path) -> Result<Vec<String>, Error> {
    let model = |name: &str| fixtures.join("retrievers").join(name);
    let merge = Merge::linear([(model("mono-ko"), 0.5), (model("mono-en"), 0.5)]).setting("dtype", "float16");

    // The plan says which tensors there will be, with their names, formats, shapes and inputs.
    let plan = merge.plan()?;
    let sink = Bytes(plan.tensors.iter().map(|_| AtomicU64::new(0)).collect());
    let report = merge.send(&plan, &sink)?;

    let mut sizes: Vec<(u64, &str)> = sink
        .0
        .iter()
        .zip(&plan.tensors)
        .map(|(size, tensor)| (size.load(Ordering::Relaxed), tensor.name.as_str()))
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut said = vec![format!("{} tensors, {} bytes", report.tensors, report.bytes_written)];
    said.extend(sizes.iter().take(3).map(|(size, name)| format!("{size:>8}  {name}")));
    Ok(said)
}

fn main() -> Result<(), Error> {
    for line in run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"))? {
        println!("{line}");
    }
    Ok(())
}
