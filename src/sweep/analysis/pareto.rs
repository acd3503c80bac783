//! The Pareto front.

/// Marks the Pareto-optimal points: those that no other point equals everywhere and beats somewhere. Ties are kept.
pub fn pareto_front(points: &[Vec<f64>]) -> Vec<bool> {
    let beats = |one: &[f64], other: &[f64]| {
        one.iter().zip(other).all(|(a, b)| a >= b) && one.iter().zip(other).any(|(a, b)| a > b)
    };
    points.iter().map(|point| !points.iter().any(|other| beats(other, point))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_barrier_between_the_parents_leaves_the_parents() {
        // Both objectives sink in the middle: nothing between the parents is worth having.
        let points: Vec<Vec<f64>> = (0..=10)
            .map(|step| {
                let w = f64::from(step) / 10.0;
                let barrier = 2.0 * w * (1.0 - w);
                vec![0.7 - 0.2 * w - barrier, 0.4 + 0.2 * w - barrier]
            })
            .collect();
        let found: Vec<usize> =
            pareto_front(&points).iter().enumerate().filter(|(_, on)| **on).map(|(at, _)| at).collect();
        assert_eq!(found, [0, 10]);
    }

    #[test]
    fn equal_points_are_all_in() {
        assert_eq!(pareto_front(&[vec![1.0, 0.0], vec![1.0, 0.0], vec![0.5, 0.0]]), [true, true, false]);
        assert!(pareto_front(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn whoever_is_not_on_the_front_is_beaten_by_one_who_is(
            points in prop::collection::vec(prop::collection::vec(0..5_u8, 3), 1..20)
        ) {
            let points: Vec<Vec<f64>> = points.iter().map(|point| point.iter().map(|x| f64::from(*x)).collect()).collect();
            let on = pareto_front(&points);
            prop_assert!(on.contains(&true));
            for (point, _) in points.iter().zip(&on).filter(|(_, on)| !**on) {
                let beaten = points.iter().zip(&on).filter(|(_, on)| **on).any(|(other, _)| {
                    other != point && other.iter().zip(point).all(|(a, b)| a >= b)
                });
                prop_assert!(beaten);
            }
        }
    }
}
