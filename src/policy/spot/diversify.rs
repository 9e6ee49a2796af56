//! Over which pools spot is spread: allocation strategies, and an even spread.

use crate::units::{Rate, Usd};

/// What is known of a spot pool (an instance type in a zone) when capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolView {
    /// The spot price now, per node.
    pub price: Rate,
    /// How deep the pool is, on any scale; more is deeper. A spot placement score of 1 to 10, or nodes available.
    pub capacity: f64,
    /// Interruptions per node and hour.
    pub hazard: f64,
    /// What an interruption costs: lost work, and a restart, per node.
    pub interruption: Usd,
}

/// Which pool is bought from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Allocation {
    /// The cheapest.
    LowestPrice,
    /// The deepest.
    CapacityOptimized,
    /// The least of price plus what interruptions cost: `price + weight · hazard · interruption`, per hour. Pools that
    /// are not among the deepest are left out first.
    PriceCapacityOptimized {
        /// How much expected interruptions count; 1 is what they cost, 0 leaves them out.
        weight: f64,
        /// Which share of the pools, the deepest first and at least one, is looked at; 1 looks at all. Pools as deep
        /// as the last of them are looked at too.
        quantile: f64,
    },
    /// Every pool as many, whatever it costs.
    #[default]
    Even,
}

impl Allocation {
    /// The indices of the pools, the best first; equal ones in the order given. Pools that the strategy leaves out are
    /// not there. NaN counts as worst.
    #[must_use]
    pub fn order(self, pools: &[PoolView]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..pools.len()).collect();
        match self {
            Allocation::Even => {}
            Allocation::LowestPrice => order.sort_by_key(|&i| pools[i].price),
            Allocation::CapacityOptimized => order.sort_by(|&a, &b| deeper(&pools[a], &pools[b])),
            Allocation::PriceCapacityOptimized { weight, quantile } => {
                let mut deepest = order.clone();
                deepest.sort_by(|&a, &b| deeper(&pools[a], &pools[b]));
                let keep = (pools.len() as f64 * quantile.clamp(0.0, 1.0)).ceil().max(1.0) as usize;
                if let Some(&last) = deepest.get(keep - 1) {
                    order.retain(|&i| deeper(&pools[i], &pools[last]).is_le());
                }
                let score = |i: usize| {
                    let p = &pools[i];
                    let s = p.price.to_f64() + weight * p.hazard * p.interruption.to_f64();
                    if s.is_nan() { f64::INFINITY } else { s }
                };
                order.sort_by(|&a, &b| score(a).total_cmp(&score(b)));
            }
        }
        order
    }
}

/// The deeper pool first.
fn deeper(a: &PoolView, b: &PoolView) -> std::cmp::Ordering {
    let depth = |p: &PoolView| if p.capacity.is_nan() { f64::NEG_INFINITY } else { p.capacity };
    depth(b).total_cmp(&depth(a))
}

/// `n` nodes over pools as evenly as can be, counting what is there already and never beyond what a pool has room for:
/// each next node goes where there are fewest, the earlier pool among equals. Returns how many each gets now; fewer
/// than `n` in all where there is no more room.
#[must_use]
pub fn spread(n: u32, held: &[u32], room: &[u32]) -> Vec<u32> {
    assert_eq!(held.len(), room.len(), "as many rooms as pools");
    let mut out = vec![0; held.len()];
    for _ in 0..n {
        let open = (0..held.len()).filter(|&i| out[i] < room[i]);
        let Some(i) = open.min_by_key(|&i| u64::from(held[i]) + u64::from(out[i])) else { break };
        out[i] += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::money::PICO;

    fn pool(price: f64, capacity: f64, hazard: f64, interruption: i128) -> PoolView {
        let price = Rate((price * PICO as f64) as i128);
        PoolView { price, capacity, hazard, interruption: Usd(interruption * PICO) }
    }

    #[test]
    fn each_strategy_takes_what_its_name_says() {
        let pools = [pool(2.0, 9.0, 0.0, 0), pool(1.0, 3.0, 0.5, 4), pool(1.5, 9.0, 0.1, 4), pool(1.0, 3.0, 0.5, 4)];
        assert_eq!(Allocation::LowestPrice.order(&pools), [1, 3, 2, 0]);
        assert_eq!(Allocation::CapacityOptimized.order(&pools), [0, 2, 1, 3]);
        assert_eq!(Allocation::Even.order(&pools), [0, 1, 2, 3]);
        // 2.0, 1 + 0.5·4 = 3, 1.5 + 0.1·4 = 1.9, 3.
        let all = Allocation::PriceCapacityOptimized { weight: 1.0, quantile: 1.0 };
        assert_eq!(all.order(&pools), [2, 0, 1, 3]);
        let price = Allocation::PriceCapacityOptimized { weight: 0.0, quantile: 1.0 };
        assert_eq!(price.order(&pools), Allocation::LowestPrice.order(&pools));
        // The deepest pool has an equal, which is looked at too.
        let deep = Allocation::PriceCapacityOptimized { weight: 0.0, quantile: 0.1 };
        assert_eq!(deep.order(&pools), [2, 0]);
        assert!(deep.order(&[]).is_empty());
    }

    #[test]
    fn an_unknown_depth_is_the_worst_and_nothing_panics() {
        let pools = [pool(1.0, f64::NAN, f64::NAN, 1), pool(2.0, 1.0, 0.0, 0)];
        assert_eq!(Allocation::CapacityOptimized.order(&pools), [1, 0]);
        assert_eq!(Allocation::PriceCapacityOptimized { weight: 1.0, quantile: 1.0 }.order(&pools), [1, 0]);
    }

    #[test]
    fn nodes_spread_evenly_the_earlier_pool_first() {
        assert_eq!(spread(7, &[0, 0, 0], &[9, 9, 9]), [3, 2, 2]);
        assert_eq!(spread(3, &[2, 0, 1], &[9, 9, 9]), [0, 2, 1]);
        assert_eq!(spread(5, &[0, 0], &[1, 2]), [1, 2], "no room for two of them");
        assert!(spread(2, &[], &[]).is_empty());
    }
}
