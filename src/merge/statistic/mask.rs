//! Masks: which elements of a task vector are kept.

use super::Threshold;
use crate::kernel::{ByRank, RankBuffers, Real, SimdLevel, Stream, draw, draw_below, limit, mask_by_rank};
use crate::merge::buffers::numbers;
use crate::merge::rows::row_length;
use crate::method::Sparsification;
use crate::plan::PlannedTensor;

/// Which elements of a task vector are kept, and the factor that compensates for the others.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge) struct Mask {
    /// Elements are kept that reach this threshold,
    pub(in crate::merge) low: Threshold,
    /// do not reach this one,
    pub(in crate::merge) high: Threshold,
    /// and are drawn.
    pub(in crate::merge) random: Option<RandomMask>,
    /// The factor on the elements that are kept.
    pub(in crate::merge) rescale: f64,
}

impl Mask {
    /// Whether the mask may drop any of `n` elements.
    pub(in crate::merge) fn drops(&self, n: u64) -> bool {
        self.low != Threshold::all(n) || self.high.cut > 0 || self.random.is_some()
    }
}

/// The length of rows that a tile must not split for these masks.
pub(in crate::merge) fn row_of_masks(masks: &[Mask]) -> Option<usize> {
    masks.iter().find_map(|mask| mask.random.as_ref()?.row())
}

/// A random mask, which is a function of seed, tensor, model and position.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge) struct RandomMask {
    stream: Stream,
    rule: Rule,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    /// Elements are kept if their random number is below a limit.
    Below(u32),
    /// The limit depends on the element's rank in its row.
    ByRank { by: ByRank, row: usize },
}

impl RandomMask {
    /// The random mask of a task vector, if its sparsification is random.
    pub(in crate::merge) fn new(
        sparsification: Sparsification,
        seed: u64,
        tensor: &PlannedTensor,
        model: usize,
    ) -> Option<Self> {
        let rule = match sparsification {
            Sparsification::Random { density } => Rule::Below(limit(density)),
            Sparsification::RandomByRank { density, epsilon } => {
                Rule::ByRank { by: ByRank { density, epsilon }, row: row_length(tensor) }
            }
            Sparsification::All | Sparsification::Largest { .. } | Sparsification::Middle { .. } => return None,
        };
        Some(Self { stream: Stream { seed, name: stream_name(tensor, model) }, rule })
    }

    /// The length of rows that a tile must not split.
    fn row(&self) -> Option<usize> {
        match self.rule {
            Rule::Below(_) => None,
            Rule::ByRank { row, .. } => Some(row),
        }
    }

    /// Writes the mask from element `start` on: 1 for elements that are kept, 0 for the others.
    pub(in crate::merge) fn fill<T: Real>(
        &self,
        level: SimdLevel,
        start: usize,
        base: &[T],
        x: &[T],
        draws: &mut Vec<u64>,
        out: &mut [u8],
    ) {
        match self.rule {
            Rule::Below(limit) => draw_below(level, self.stream, start as u64, limit, out),
            Rule::ByRank { by, row } => {
                let draws: &mut [u32] = numbers(draws, out.len());
                draw(level, self.stream, start as u64, draws);
                mask_by_rank(level, by, row, base, x, draws, &mut RankBuffers::default(), out);
            }
        }
    }
}

/// The number of the random stream of a tensor and a model: FNV-1a of their names, its bits mixed once more. A copy has
/// the stream of the tensor that it is a copy of.
fn stream_name(tensor: &PlannedTensor, model: usize) -> u64 {
    let own = tensor.copy_of.as_ref().unwrap_or(&tensor.canonical);
    let text = format!("{}/{own}#{model}", tensor.module);
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
