//! The coordinates in which a model of the objectives sees points: how far two merges are from each other, not how far their numbers.

use crate::sweep::space::{Axis, Space};

/// The unit coordinates that belong to one variable.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The share of each in what the variable changes.
    shares: Vec<f64>,
    /// The kind of sublayer of each, as a number, and how deep it lies, from −½ to ½.
    places: Vec<(usize, f64)>,
}

/// The unit coordinates of a space by variables.
#[derive(Clone, Debug)]
pub(super) struct Coordinates {
    pub(super) blocks: Vec<Block>,
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.shares.len()
    }

    /// The kind of sublayer of each coordinate and its depth.
    pub(super) fn places(&self) -> &[(usize, f64)] {
        &self.places
    }

    /// The mean of the groups' values by their shares.
    pub(super) fn level(&self, unit: &[f64]) -> f64 {
        unit.iter().zip(&self.shares).map(|(unit, share)| unit * share).sum()
    }
}

impl Coordinates {
    pub(super) fn of(space: &Space) -> Self {
        let mut blocks = Vec::new();
        for axis in &space.axes {
            if let Axis::Grouped(grouped) = axis {
                let places = grouped.groups.as_ref().map_or_else(|| vec![(0, 0.0)], |groups| groups.places().collect());
                blocks.push(Block { shares: grouped.shares(), places });
            } else {
                blocks.extend((0..axis.dimensions()).map(|_| Block { shares: vec![1.0], places: vec![(0, 0.0)] }));
            }
        }
        Self { blocks }
    }

    /// The number of variables.
    pub(super) fn variables(&self) -> usize {
        self.blocks.len()
    }

    /// The unit coordinates of each variable.
    pub(super) fn split<'a>(&'a self, unit: &'a [f64]) -> impl Iterator<Item = (&'a Block, &'a [f64])> {
        self.blocks.iter().scan(0, |at, block| {
            let begin = *at;
            *at += block.len();
            Some((block, unit.get(begin..*at).unwrap_or_default()))
        })
    }

    /// The unit coordinates of the point at which all groups of a variable have one value.
    pub(super) fn uniform(&self, levels: &[f64]) -> Vec<f64> {
        self.blocks.iter().zip(levels).flat_map(|(block, level)| vec![*level; block.len()]).collect()
    }

    /// For each variable its mean over groups, and how far each group is from it, weighted so that squared distances add up to the
    /// squared norm of what is changed; distances from the mean count `deviation` times.
    pub(super) fn scaled(&self, unit: &[f64], deviation: f64) -> Vec<f64> {
        let of_block = |(block, unit): (&Block, &[f64])| {
            let level = block.level(unit);
            let apart = unit.iter().zip(&block.shares).map(|(unit, share)| deviation * share.sqrt() * (unit - level));
            let apart: Vec<f64> = if block.len() > 1 { apart.collect() } else { Vec::new() };
            std::iter::once(level).chain(apart).collect::<Vec<_>>()
        };
        self.split(unit).flat_map(of_block).collect()
    }
}
