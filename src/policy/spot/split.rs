//! How many of a group are bought on demand: a base, and a share of the rest.

/// A base on demand and a percentage of what is above it: the instances distribution of an AWS Auto Scaling group
/// (`OnDemandBaseCapacity`, `OnDemandPercentageAboveBaseCapacity`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDemandBase {
    /// So many on demand before anything on spot.
    pub base: u32,
    /// Of the rest, this many in a hundred on demand, rounded up; above 100 counts as 100.
    pub percent_above: u32,
}

impl OnDemandBase {
    /// How many of `n` are bought (on demand, on spot).
    #[must_use]
    pub fn of(self, n: u32) -> (u32, u32) {
        let base = self.base.min(n);
        let above = u64::from(n - base) * u64::from(self.percent_above.min(100));
        // At most n − base, so that it fits.
        let on_demand = base + above.div_ceil(100) as u32;
        (on_demand, n - on_demand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_comes_first_and_shares_round_up() {
        let of = |base, percent_above, n| OnDemandBase { base, percent_above }.of(n);
        assert_eq!(of(2, 50, 10), (6, 4));
        assert_eq!(of(2, 50, 9), (6, 3), "3.5 rounds up");
        assert_eq!(of(2, 1, 3), (3, 0), "one hundredth of an instance is one");
        assert_eq!((of(5, 0, 3), of(5, 0, 8)), ((3, 0), (5, 3)));
        assert_eq!((of(0, 100, 4), of(0, 250, 4)), ((4, 0), (4, 0)));
        assert_eq!(of(7, 33, 0), (0, 0));
        assert_eq!(of(0, 100, u32::MAX), (u32::MAX, 0));
    }

    #[test]
    fn both_parts_add_up_and_a_larger_group_never_has_fewer_of_either() {
        for (base, percent_above) in [(0, 0), (0, 30), (3, 70), (10, 100)] {
            let mut last = (0, 0);
            for n in 0..300 {
                let (d, s) = OnDemandBase { base, percent_above }.of(n);
                assert_eq!(d + s, n);
                assert!(d >= last.0 && s >= last.1, "{n}");
                last = (d, s);
            }
        }
    }
}
