//! Named streams of random numbers: the same luck for the same name, whatever else happens in a run.
//!
//! A stream is named by its purpose, its owner and a slot, and keyed by the run's seed and replication. What one part
//! of a model draws never shifts the draws of another, so that two policies meet the same arrivals, the same sizes and
//! the same failures (common random numbers). Names of things that a policy creates must not name a stream.
//!
//! The scheme, for other implementations: SHA-256 (FIPS 180-4) over the five fields seed (u64), replication (u32),
//! purpose, owner, slot (u64), each preceded by its length in bytes as a u64; integers little-endian, text UTF-8.
//! The digest is the 32-byte key of ChaCha with 8 rounds (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008),
//! stream and counter zero; its output is read as little-endian 32-bit words, a `u64` taking two, low word first.

use std::convert::Infallible;

use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The name of the scheme above, for manifests. Results under different schemes cannot be paired.
pub const SCHEME: &str = "chacha8-sha256/1";

/// All streams of one replication of one seed.
#[derive(Clone, Debug)]
pub struct Streams {
    prefix: Sha256,
}

impl Streams {
    /// The streams of a seed and a replication of it (numbered from 0).
    #[must_use]
    pub fn new(seed: u64, replication: u32) -> Streams {
        let mut prefix = Sha256::new();
        field(&mut prefix, &seed.to_le_bytes());
        field(&mut prefix, &replication.to_le_bytes());
        Streams { prefix }
    }

    /// The stream of a name, from its start. Calling this twice gives the same draws twice.
    ///
    /// `purpose` says what is drawn (`arrival`), `owner` for which workload or pool, `slot` for which ordinal of it.
    /// Making a stream costs a few hundred nanoseconds and 300 bytes: one per slot, never one per request.
    #[must_use]
    pub fn stream(&self, purpose: &str, owner: &str, slot: u64) -> Stream {
        let mut hash = self.prefix.clone();
        field(&mut hash, purpose.as_bytes());
        field(&mut hash, owner.as_bytes());
        field(&mut hash, &slot.to_le_bytes());
        Stream { rng: ChaCha8Rng::from_seed(hash.finalize().into()) }
    }
}

/// The length keeps ("ab", "c") and ("a", "bc") apart.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// One named sequence of random numbers. It is a `rand::Rng`, so `rand_distr` can draw from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    rng: ChaCha8Rng,
}

impl Stream {
    /// Uniform in [0, 1): a multiple of 2⁻⁵³. One draw of 64 bits.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in (0, 1]: a multiple of 2⁻⁵³, safe to take the logarithm of. One draw of 64 bits.
    #[inline]
    pub fn open(&mut self) -> f64 {
        ((self.next_u64() >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in 0..n without bias, by multiplication with rejection (D. Lemire, "Fast random integer generation in
    /// an interval", ACM TOMACS 29(1), 2019, algorithm 5). One draw of 64 bits; more with probability below n / 2⁶⁴.
    /// There is nothing below zero: `n` = 0 stops a debug build and gives 0 in a release build.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        debug_assert!(n > 0, "nothing is below zero");
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            // n is not zero here: a u64 is below it.
            let threshold = n.wrapping_neg() % n;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// True with probability `p`: never at 0, always at 1. Always one draw of 64 bits.
    #[inline]
    pub fn chance(&mut self, p: f64) -> bool {
        debug_assert!((0.0..=1.0).contains(&p), "not a probability");
        self.uniform() < p
    }

    /// Puts the items in a random order, each equally likely: Fisher and Yates's method as Durstenfeld gave it (CACM
    /// algorithm 235, 1964). From the last place to the second, each is swapped with one of `below(place + 1)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }

    /// An index with a probability in proportion to its weight, given the running sums of the weights: index `i` when
    /// a uniform draw from [0, total) lies in `[cumulative[i-1], cumulative[i])`. One draw of 64 bits, O(log n).
    /// An index without weight is never taken. The sums must not fall and the last must be positive and finite; where
    /// they are not, a debug build stops and a release build gives the last index (0 for an empty slice).
    #[inline]
    pub fn index_weighted(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0.0);
        debug_assert!(total > 0.0 && total.is_finite(), "no weight to choose by");
        let at = self.uniform() * total;
        cumulative.partition_point(|&sum| sum <= at).min(cumulative.len().saturating_sub(1))
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.rng.try_next_u32()
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.rng.try_next_u64()
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.rng.try_fill_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stats::ks_distance;

    // The golden values come from a second implementation of the documented scheme (SHA-256 of Python's hashlib, the
    // ChaCha rounds written out), not from this one.

    #[test]
    fn streams_follow_the_documented_scheme() {
        let check = |streams: Streams, purpose, owner, slot, first: [u64; 4], fortieth: u64| {
            let mut s = streams.stream(purpose, owner, slot);
            let draws: Vec<u64> = (0..40).map(|_| s.next_u64()).collect();
            assert_eq!((&draws[..4], draws[39]), (&first[..], fortieth));
        };
        let first = [0x8ed5_8cd6_190e_39f8, 0x34b5_fc08_d28a_3a08, 0x456c_bd13_78f4_a176, 0xc51f_2a39_e962_0d4f];
        check(Streams::new(1, 0), "arrival", "chat", 0, first, 0x76de_78fe_ac43_b0d1);
        let next = [0xdbb4_568f_368f_77d8, 0xd86a_ab71_6dd3_634c, 0x7588_f38c_2050_72f0, 0x8146_372e_56d4_ae9d];
        check(Streams::new(1, 1), "arrival", "chat", 0, next, 0x3789_c83d_999a_102b);
        let edge = [0x8522_89b1_a4a2_971c, 0x6754_5910_5cd3_2800, 0xef69_1f56_9bac_52f8, 0xdcd1_6b8b_e3c0_5b6b];
        check(Streams::new(u64::MAX, 7), "", "", u64::MAX, edge, 0x71e0_d622_9683_7e4d);
    }

    #[test]
    fn derived_draws_follow_their_documented_rules() {
        let stream = || Streams::new(1, 0).stream("arrival", "chat", 0);
        let mut s = stream();
        let uniforms: Vec<f64> = (0..3).map(|_| s.uniform()).collect();
        assert_eq!(uniforms, [0.557_946_016_569_126_7, 0.205_901_863_244_926, 0.271_190_469_030_403_2]);
        assert_eq!(stream().open(), uniforms[0] + 2.0_f64.powi(-53));
        let mut s = stream();
        let digits: Vec<u64> = (0..12).map(|_| s.below(10)).collect();
        assert_eq!(digits, [5, 2, 2, 7, 1, 5, 5, 1, 6, 9, 8, 6]);
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
        stream().shuffle(&mut items);
        assert_eq!(items, [7, 2, 5, 0, 3, 6, 1, 4]);
    }

    #[test]
    fn every_part_of_the_name_counts_and_parts_do_not_run_together() {
        let s = Streams::new(1, 0);
        let mut firsts: Vec<u64> = [("ab", "c", 0), ("a", "bc", 0), ("ab", "c", 1), ("abc", "", 0), ("", "abc", 0)]
            .iter()
            .map(|&(p, o, n)| s.stream(p, o, n).next_u64())
            .collect();
        firsts.push(Streams::new(2, 0).stream("ab", "c", 0).next_u64());
        firsts.push(Streams::new(1, 1).stream("ab", "c", 0).next_u64());
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 7);
        assert_eq!(s.stream("ab", "c", 0), s.stream("ab", "c", 0));
    }

    #[test]
    fn uniform_draws_are_uniform() {
        let mut s = Streams::new(3, 0).stream("test", "uniform", 0);
        let draws: Vec<f64> = (0..20_000).map(|_| s.uniform()).collect();
        // Kolmogorov's critical value at 99.9 %.
        assert!(ks_distance(&draws, |x| x) < 1.95 / (20_000_f64).sqrt());
    }

    #[test]
    fn below_is_unbiased_where_a_remainder_would_not_be() {
        // Of 2^64 values taken modulo 3·2^62, a third of the results would come up twice as often as the rest.
        let n = 3_u64 << 62;
        let mut s = Streams::new(4, 0).stream("test", "below", 0);
        let low = (0..30_000).filter(|_| s.below(n) < n / 3).count();
        // Four standard deviations of a binomial (30 000, 1/3).
        assert!((low as f64 - 10_000.0).abs() < 4.0 * 81.65, "{low}");
        assert_eq!(s.below(1), 0);
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut s = Streams::new(5, 0).stream("test", "shuffle", 0);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            s.shuffle(&mut items);
            *counts.entry(items).or_insert(0_u32) += 1;
        }
        let chi2: f64 = counts.values().map(|&c| (f64::from(c) - 1_000.0).powi(2) / 1_000.0).sum();
        // The 99.9 % quantile of chi-squared with 23 degrees of freedom.
        assert!(counts.len() == 24 && chi2 < 49.73, "{chi2}");
        s.shuffle::<u8>(&mut []);
    }

    #[test]
    fn weights_decide_the_index_and_no_weight_is_never_chosen() {
        let mut s = Streams::new(6, 0).stream("test", "weighted", 0);
        let mut counts = [0_u32; 5];
        for _ in 0..40_000 {
            counts[s.index_weighted(&[0.0, 1.0, 1.0, 4.0, 4.0])] += 1;
        }
        assert_eq!((counts[0], counts[2], counts[4]), (0, 0, 0));
        // Four standard deviations of a binomial (40 000, 1/4).
        assert!((f64::from(counts[1]) - 10_000.0).abs() < 4.0 * 86.6, "{counts:?}");
    }

    #[test]
    fn chances_are_certain_at_the_ends() {
        let mut s = Streams::new(7, 0).stream("test", "chance", 0);
        assert!((0..1_000).all(|_| s.chance(1.0) && !s.chance(0.0)));
    }
}
