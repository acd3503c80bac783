//! Points that are worth a look: near the Pareto front, and apart from it in the ways in which merges usually gain.
//!
//! Values of groups follow a prior: a level for the whole variable, a slope from the first layer to the last, an offset for each kind of
//! sublayer, and a little for each group by itself.

use super::coordinates::{Block, Coordinates};
use super::random::Draws;

/// Standard deviations of a step, in unit coordinates.
const LEVEL: f64 = 0.15;
const SLOPE: f64 = 0.3;
const PART: f64 = 0.2;
const OWN: f64 = 0.12;

/// Sizes of steps.
const SIZES: [f64; 3] = [0.4, 1.0, 1.8];

/// Number of points of each kind.
const UNIFORM: usize = 96;
const NEAR: usize = 384;
const BETWEEN: usize = 128;

/// Which points are proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any.
    Any,
    /// Those in which groups of a variable differ more than before.
    Apart,
}

/// Points to choose from, near those of the front.
pub(super) fn proposals(coordinates: &Coordinates, front: &[Vec<f64>], kind: Kind, draws: &mut Draws) -> Vec<Vec<f64>> {
    let mut found: Vec<Vec<f64>> = Vec::with_capacity(UNIFORM + NEAR + BETWEEN);
    let uniform = if kind == Kind::Any || front.is_empty() { UNIFORM } else { 0 };
    for _ in 0..uniform {
        let levels: Vec<f64> = (0..coordinates.variables()).map(|_| draws.uniform()).collect();
        found.push(coordinates.uniform(&levels));
    }
    if front.is_empty() {
        return found;
    }
    for index in 0..NEAR {
        let from = &front[draws.index(front.len())];
        found.push(step(coordinates, from, SIZES[index % SIZES.len()], kind, draws));
    }
    for _ in 0..BETWEEN {
        let (one, other) = (&front[draws.index(front.len())], &front[draws.index(front.len())]);
        let share = draws.uniform() * 1.6 - 0.3;
        let between: Vec<f64> = one.iter().zip(other).map(|(one, other)| one + share * (other - one)).collect();
        found.push(step(coordinates, &between, SIZES[0], kind, draws));
    }
    found
}

/// A point a step away, inside the cube.
pub(super) fn step(coordinates: &Coordinates, from: &[f64], size: f64, kind: Kind, draws: &mut Draws) -> Vec<f64> {
    coordinates
        .split(from)
        .flat_map(|(block, unit)| {
            let moves = moves(block, size, kind, draws);
            unit.iter().zip(moves).map(|(unit, by)| (unit + by).clamp(0.0, 1.0)).collect::<Vec<_>>()
        })
        .collect()
}

fn moves(block: &Block, size: f64, kind: Kind, draws: &mut Draws) -> Vec<f64> {
    let level = size * LEVEL * draws.normal();
    if block.len() == 1 {
        return vec![level];
    }
    // A step of every kind is as likely as none of it, so that single effects can be told.
    let sometimes = |deviation: f64, draws: &mut Draws| {
        let (is_made, step) = (draws.uniform() < 0.5, size * deviation * draws.normal());
        if is_made { step } else { 0.0 }
    };
    let slope = sometimes(SLOPE, draws);
    let parts = block.places().iter().map(|(part, _)| part + 1).max().unwrap_or(1);
    let offsets: Vec<f64> = (0..parts).map(|_| sometimes(PART, draws)).collect();
    let own = if draws.uniform() < 0.5 || kind == Kind::Apart { size * OWN } else { 0.0 };
    let by = |(part, depth): &(usize, f64), draws: &mut Draws| {
        level + slope * depth + offsets.get(*part).copied().unwrap_or_default() + own * draws.normal()
    };
    block.places().iter().map(|place| by(place, draws)).collect()
}
