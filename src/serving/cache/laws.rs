//! Hit rates in closed form.

/// The hit rate of an LRU cache of `capacity` entries when requests ask for `items` items independently, with
/// popularity by Zipf's law of exponent `s`: Che's approximation (H. Che, Y. Tung, Z. Wang, "Hierarchical Web Caching
/// Systems: Modeling, Design and Experimental Results", IEEE JSAC 20(7), 2002). An item is there when it was asked for
/// within the characteristic time `T`, at which `Σ (1 − e^(−p·T))` is the capacity.
///
/// 1 where all items fit; 0 without capacity.
#[must_use]
pub fn che(items: u64, s: f64, capacity: u64) -> f64 {
    if capacity >= items {
        return 1.0;
    }
    let weights: Vec<f64> = (1..=items).map(|i| (i as f64).powf(-s)).collect();
    let total: f64 = weights.iter().sum();
    let held = |t: f64| weights.iter().map(|w| -(-w / total * t).exp_m1()).sum::<f64>();
    let (mut low, mut high) = (0.0, 1.0);
    while held(high) < capacity as f64 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let t = (low + high) / 2.0;
        if held(t) < capacity as f64 { low = t } else { high = t }
    }
    weights.iter().map(|w| w / total * -(-w / total * low).exp_m1()).sum()
}

/// The hit rate of an item that Poisson requests ask for `asked` times on average within its time to live, which counts
/// from when it was fetched: `x / (1 + x)`, a fetch and then `x` hits.
#[must_use]
pub fn ttl_from_fill(asked: f64) -> f64 {
    asked / (1.0 + asked)
}

/// The same where each hit renews the time to live: `1 − e^(−x)`, the chance of a request within it.
#[must_use]
pub fn ttl_renewed(asked: f64) -> f64 {
    -(-asked).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact() {
        assert_eq!((che(10, 1.0, 10), che(10, 1.0, 0).abs() < 1e-12), (1.0, true));
        // Equally popular items: a share of them is there, and found.
        assert!((che(1_000, 0.0, 250) - 0.25).abs() < 1e-9);
        assert_eq!((ttl_from_fill(0.0), ttl_renewed(0.0)), (0.0, 0.0));
    }
}
