//! The least of many keys that change one at a time: a tree of matches, each won by the lesser key.

/// Keys by number. A change takes as many comparisons as the number of keys has binary digits.
#[derive(Clone, Debug)]
pub struct Tournament<K> {
    /// `nodes[1]` is the winner of all; match `m` is between the winners of `2m` and `2m + 1`. The second half are the
    /// numbers themselves. Keys go up with their numbers, so that a match looks at two neighbours and nowhere else.
    nodes: Vec<(K, u32)>,
    none: K,
}

impl<K: Copy + Ord> Tournament<K> {
    /// Without keys; `none` is the key of those that have none, not less than any.
    #[must_use]
    pub const fn new(none: K) -> Tournament<K> {
        Tournament { nodes: Vec::new(), none }
    }

    /// The key of a number.
    #[inline]
    #[must_use]
    pub fn get(&self, i: usize) -> K {
        self.nodes.get(self.nodes.len() / 2 + i).map_or(self.none, |n| n.0)
    }

    /// Gives a number its key.
    #[inline]
    pub fn set(&mut self, i: usize, key: K) {
        if i >= self.nodes.len() / 2 {
            self.grow(i + 1);
        }
        let mut m = self.nodes.len() / 2 + i;
        self.nodes[m].0 = key;
        while m > 1 {
            m /= 2;
            let winner = self.play(m);
            let before = std::mem::replace(&mut self.nodes[m], winner);
            // Where another won, and wins, nothing changes further up.
            if winner.1 != i as u32 && before.1 == winner.1 {
                return;
            }
        }
    }

    /// The least key and its number, the lowest number among equals; `None` when nobody has a key.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<(K, usize)> {
        let &(key, i) = self.nodes.get(1)?;
        (key != self.none).then_some((key, i as usize))
    }

    /// The winner of a match.
    #[inline]
    fn play(&self, m: usize) -> (K, u32) {
        let (a, b) = (self.nodes[2 * m], self.nodes[2 * m + 1]);
        if b.0 < a.0 { b } else { a }
    }

    fn grow(&mut self, least: usize) {
        let (old, leaves) = (self.nodes.len() / 2, least.next_power_of_two().max(2));
        let mut nodes = vec![(self.none, 0); 2 * leaves];
        for i in 0..leaves {
            nodes[leaves + i] = (if i < old { self.nodes[old + i].0 } else { self.none }, i as u32);
        }
        self.nodes = nodes;
        for m in (1..leaves).rev() {
            self.nodes[m] = self.play(m);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_winner_is_the_least(changes in prop::collection::vec((0usize..40, 0u8..9), 1..200)) {
            let mut t = Tournament::new(8);
            let mut keys = [8; 40];
            for (i, key) in changes {
                t.set(i, key);
                keys[i] = key;
                let least = keys.iter().copied().enumerate().map(|(i, k)| (k, i)).min().filter(|l| l.0 < 8);
                prop_assert_eq!(t.best(), least);
            }
        }
    }
}
