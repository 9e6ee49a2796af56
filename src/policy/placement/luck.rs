//! The few random numbers that placement needs, by integers only.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A ChaCha8 generator of one seed and one numbered stream of it.
#[derive(Clone, Debug)]
pub struct Luck(ChaCha8Rng);

impl Luck {
    /// Stream `stream` of `seed`. Equal arguments give equal draws on every platform.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Luck {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Luck(rng)
    }

    /// A number below `n`, each as likely; `n` is at least 1 (0 counts as 1).
    ///
    /// Multiply and reject (Lemire 2019, "Fast random integer generation in an interval"): no bias.
    pub fn below(&mut self, n: u32) -> u32 {
        let n = n.max(1);
        let mut m = u64::from(self.0.next_u32()) * u64::from(n);
        if (m as u32) < n {
            let floor = n.wrapping_neg() % n;
            while (m as u32) < floor {
                m = u64::from(self.0.next_u32()) * u64::from(n);
            }
        }
        (m >> 32) as u32
    }

    /// Puts a slice into random order: Fisher–Yates from the back.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u32 + 1) as usize;
            items.swap(i, j);
        }
    }
}

/// A fixed, well-mixed number of a seed and an index (the finaliser of SplitMix64, Steele et al. 2014).
#[must_use]
pub fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_below_n_is_as_likely() {
        let mut luck = Luck::new(7, 0);
        let mut seen = [0u32; 6];
        for _ in 0..60_000 {
            seen[luck.below(6) as usize] += 1;
        }
        // Chi-square with 5 degrees of freedom; 20.5 is its 99.9 % point.
        let chi: f64 = seen.iter().map(|n| (f64::from(*n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 20.5, "{seen:?}");
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_repeats_for_the_same_seed() {
        let mut a: Vec<u32> = (0..100).collect();
        let mut b = a.clone();
        Luck::new(1, 2).shuffle(&mut a);
        Luck::new(1, 2).shuffle(&mut b);
        assert_eq!(a, b);
        Luck::new(1, 3).shuffle(&mut b);
        assert_ne!(a, b);
        a.sort_unstable();
        assert_eq!(a, (0..100).collect::<Vec<_>>());
    }
}
