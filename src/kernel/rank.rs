//! Masks drawn with a probability that rises with an element's rank in its row.

use super::{Real, limit};

/// How a row is thinned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByRank {
    /// The mean probability with which an element stays.
    pub density: f64,
    /// Half the spread: the smallest element stays with `density − epsilon`, the largest with `density + epsilon`.
    pub epsilon: f64,
}

impl ByRank {
    /// Sets to 1 the elements of one row that stay, and to 0 the others. Elements are ranked by |x − base|, the smallest first, among
    /// equals that of higher index; `draws` has a random number for each, `order` is room to work in.
    pub fn mask<T: Real>(self, base: &[T], x: &[T], draws: &[u32], order: &mut Vec<T::Ranked>, out: &mut [u8]) {
        order.clear();
        order.extend(x.iter().zip(base).enumerate().map(|(index, (x, base))| {
            let behind = !(index as u32);
            (*x - *base).ranked(behind)
        }));
        order.sort_unstable();
        let last = order.len().saturating_sub(1) as f64;
        for (rank, ranked) in order.iter().enumerate() {
            let index = !T::index(*ranked) as usize;
            let place = if last > 0.0 { rank as f64 / last } else { 0.5 };
            let probability = self.density - self.epsilon + place * (2.0 * self.epsilon);
            out[index] = u8::from(draws[index] < limit(probability));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_element_stays_when_its_number_is_below_the_probability_of_its_rank(
            row in proptest::collection::vec((-8i8..8, any::<u32>()), 0..60), density in 0.3f64..0.7, epsilon in 0.0f64..0.3,
        ) {
            let (x, draws): (Vec<f64>, Vec<u32>) = row.into_iter().map(|(x, draw)| (f64::from(x) / 4.0, draw)).unzip();
            let n = x.len();
            let single: Vec<f32> = x.iter().map(|x| *x as f32).collect();
            let (mut wide, mut narrow) = (vec![9; n], vec![9; n]);
            ByRank { density, epsilon }.mask(&vec![0.25; n], &x, &draws, &mut Vec::new(), &mut wide);
            ByRank { density, epsilon }.mask(&vec![0.25; n], &single, &draws, &mut Vec::new(), &mut narrow);
            prop_assert_eq!(&wide, &narrow);
            for i in 0..n {
                let magnitude = |i: usize| (x[i] - 0.25).abs();
                let below = (0..n).filter(|j| magnitude(*j) < magnitude(i) || (magnitude(*j).to_bits() == magnitude(i).to_bits() && *j > i)).count();
                let place = if n > 1 { below as f64 / (n - 1) as f64 } else { 0.5 };
                let probability = density - epsilon + place * (2.0 * epsilon);
                prop_assert_eq!(wide[i] == 1, draws[i] < limit(probability));
            }
        }
    }
}
