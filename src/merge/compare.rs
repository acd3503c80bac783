//! Compares two checkpoints, tensor by tensor.

use super::read::{finish, load_stored};
use super::span::Span;
use super::workers::Workers;
use super::{Error, Options};
use crate::checkpoint::{Checkpoint, Tensor, Weights};
use crate::kernel::{GramSum, count_equal, dots};
use crate::plan::Source;

/// How one tensor differs between two checkpoints, as sums that can be added up over tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// The module's folder; empty for the transformer.
    pub module: String,
    /// The tensor's name without a wrapper's prefix.
    pub name: String,
    /// Number of elements.
    pub elements: u64,
    /// Σ a².
    pub left_square: f64,
    /// Σ b².
    pub right_square: f64,
    /// Σ a·b.
    pub product: f64,
    /// Σ (b − a)².
    pub difference_square: f64,
    /// Positions with equal values.
    pub equal: u64,
}

impl Difference {
    /// The cosine of the angle between the two.
    pub fn cosine(&self) -> f64 {
        self.product / (self.left_square.sqrt() * self.right_square.sqrt())
    }

    /// |b − a| / |a|.
    pub fn relative_norm(&self) -> f64 {
        (self.difference_square / self.left_square).sqrt()
    }

    /// The share of equal values.
    pub fn equal_share(&self) -> f64 {
        self.equal as f64 / self.elements.max(1) as f64
    }

    /// Adds another tensor's sums.
    pub fn add(&mut self, other: &Self) {
        self.elements += other.elements;
        self.left_square += other.left_square;
        self.right_square += other.right_square;
        self.product += other.product;
        self.difference_square += other.difference_square;
        self.equal += other.equal;
    }
}

struct Pair<'a> {
    module: &'a str,
    left: (&'a Weights, &'a Tensor),
    right: (&'a Weights, &'a Tensor),
}

/// Compares all floating-point tensors of equal name and shape, in f32 with sums in f64.
///
/// # Errors
/// Cancellation, or a file that can no longer be read.
pub fn compare(left: &Checkpoint, right: &Checkpoint, options: Options<'_>) -> Result<Vec<Difference>, Error> {
    let pairs = pairs(left, right);
    let workers = Workers::start(&options)?;
    let tile = options.tile();
    let spans: Vec<Span> =
        pairs.iter().enumerate().flat_map(|(at, pair)| Span::cut(at, pair.left.1.elements() as usize, tile)).collect();
    let parts = workers.map(&spans, |scratch, span| {
        let Pair { left, right, .. } = pairs[span.tensor];
        let [a, b, ..] = scratch.with_inputs(2).inputs.as_mut_slice() else { return Ok((Vec::new(), Vec::new(), 0)) };
        let level = options.level;
        let x: &[f32] = load_stored(left.0, left.1, span.range.clone(), a, &options)?;
        let y: &[f32] = load_stored(right.0, right.1, span.range.clone(), b, &options)?;
        let (mut products, mut differences) = (Vec::new(), Vec::new());
        dots(level, None, &[x, y], &mut products);
        dots(level, Some(x), &[y], &mut differences);
        let equal = count_equal(level, x, y);
        for (weights, tensor) in [left, right] {
            finish(Source::Stored { weights, tensor }, &span.range, &options);
        }
        Ok((products, differences, equal))
    })?;
    let mut sums: Vec<(GramSum, GramSum, u64)> = pairs.iter().map(|_| (GramSum::new(2), GramSum::new(1), 0)).collect();
    for (span, (products, differences, equal)) in spans.iter().zip(parts) {
        let sum = &mut sums[span.tensor];
        sum.0.add(&products);
        sum.1.add(&differences);
        sum.2 += equal;
    }
    let finish = |(pair, (products, differences, equal)): (&Pair<'_>, (GramSum, GramSum, u64))| {
        let (products, differences) = (products.finish(), differences.finish());
        Difference {
            module: pair.module.to_owned(),
            name: pair.left.1.canonical.clone(),
            elements: pair.left.1.elements(),
            left_square: products.dot(0, 0),
            right_square: products.dot(1, 1),
            product: products.dot(0, 1),
            difference_square: differences.dot(0, 0),
            equal,
        }
    };
    Ok(pairs.iter().zip(sums).map(finish).collect())
}

fn pairs<'a>(left: &'a Checkpoint, right: &'a Checkpoint) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for module in left.parts() {
        let other = right.parts().iter().find(|other| other.folder == module.folder && other.weights.is_some());
        let other =
            other.or_else(|| right.modules().iter().find(|other| other.kind == module.kind && other.weights.is_some()));
        let (Some(here), Some(there)) = (&module.weights, other.and_then(|other| other.weights.as_ref())) else {
            continue;
        };
        for tensor in here.tensors().iter().filter(|tensor| tensor.float().is_some()) {
            if let Some(twin) =
                there.get(&tensor.canonical).filter(|twin| twin.float().is_some() && twin.shape == tensor.shape)
            {
                pairs.push(Pair { module: &module.folder, left: (here, tensor), right: (there, twin) });
            }
        }
    }
    pairs
}
