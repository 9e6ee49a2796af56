//! How many pods of a kind each domain of a topology spread has, and the least of them at once.

use std::collections::BTreeMap;

/// Counts by domain, of which the least is known without a look at all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Domains {
    counts: BTreeMap<u64, i64>,
    /// How many domains have each count.
    levels: BTreeMap<i64, usize>,
}

impl Domains {
    pub(super) fn new(counts: &BTreeMap<u64, i64>) -> Domains {
        let mut domains = Domains::default();
        counts.iter().for_each(|(domain, count)| domains.add(*domain, *count));
        domains
    }

    /// Adds pods to a domain; with 0, only makes it known.
    pub(super) fn add(&mut self, domain: u64, pods: i64) {
        let count = self.counts.entry(domain).or_insert_with(|| {
            *self.levels.entry(0).or_insert(0) += 1;
            0
        });
        if pods != 0 {
            if let Some(n) = self.levels.get_mut(count) {
                *n -= 1;
                if *n == 0 {
                    self.levels.remove(count);
                }
            }
            *count += pods;
            *self.levels.entry(*count).or_insert(0) += 1;
        }
    }

    pub(super) fn counts(&self) -> &BTreeMap<u64, i64> {
        &self.counts
    }

    /// Whether one more pod in a domain keeps the skew: a domain has at most so many more than the emptiest, which
    /// counts as empty while there are fewer domains than the minimum.
    pub(super) fn allow(&self, domain: u64, max_skew: i64, min_domains: u32) -> bool {
        let own = self.counts.get(&domain).copied().unwrap_or(0);
        let enough = self.counts.len() >= min_domains as usize;
        let least = if enough { self.levels.keys().next().copied().unwrap_or(0) } else { 0 };
        own + 1 - least <= max_skew
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_that_of_all_domains() {
        let mut d = Domains::new(&BTreeMap::from([(1, 3), (2, 1)]));
        assert!(d.allow(2, 1, 1) && !d.allow(1, 1, 1) && d.allow(1, 3, 1));
        d.add(2, 2);
        assert!(d.allow(1, 1, 1) && d.allow(2, 1, 1));
        d.add(3, 0);
        assert!(!d.allow(1, 3, 1) && d.allow(3, 1, 1), "a new domain is empty");
        d.add(3, 3);
        assert!(d.allow(1, 1, 3) && !d.allow(1, 1, 4), "too few domains: the emptiest counts as empty");
        d.add(1, -3);
        assert!(d.allow(1, 1, 1) && !d.allow(2, 1, 1));
        assert_eq!(d.counts(), &BTreeMap::from([(1, 0), (2, 3), (3, 3)]));
    }
}
