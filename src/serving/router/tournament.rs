//! The least of many keys that change one at a time: a tree of matches, each won by the lesser key.

/// Keys by number. A change takes as many comparisons as the number of keys has binary digits.
#[derive(Clone, Debug)]
pub struct Tournament<K> {
    /// `keys[i]` is that of number `i`; as many as the tree has leaves.
    keys: Vec<K>,
    /// `winners[1]` is the winner of all; match `m` is between the winners of `2m` and `2m + 1`.
    winners: Vec<u32>,
    none: K,
}

impl<K: Copy + Ord> Tournament<K> {
    /// Without keys; `none` is the key of those that have none, not less than any.
    #[must_use]
    pub const fn new(none: K) -> Tournament<K> {
        Tournament { keys: Vec::new(), winners: Vec::new(), none }
    }

    /// The key of a number.
    #[inline]
    #[must_use]
    pub fn get(&self, i: usize) -> K {
        self.keys.get(i).copied().unwrap_or(self.none)
    }

    /// Gives a number its key.
    #[inline]
    pub fn set(&mut self, i: usize, key: K) {
        if i >= self.keys.len() {
            self.grow(i + 1);
        }
        self.keys[i] = key;
        let mut m = (i + self.keys.len()) / 2;
        while m > 0 {
            let winner = self.play(m);
            // Where the same one won before, with the same key, nothing changes further up; but its key may be new.
            if self.winners[m] == winner && winner != i as u32 {
                return;
            }
            self.winners[m] = winner;
            m /= 2;
        }
    }

    /// The least key and its number, the lowest number among equals; `None` when nobody has a key.
    #[inline]
    #[must_use]
    pub fn best(&self) -> Option<(K, usize)> {
        let i = match self.keys.len() {
            0 => return None,
            1 => 0,
            _ => self.winners[1] as usize,
        };
        (self.keys[i] != self.none).then(|| (self.keys[i], i))
    }

    /// The winner of a match.
    #[inline]
    fn play(&self, m: usize) -> u32 {
        let leaves = self.keys.len();
        let of = |m: usize| if m >= leaves { (m - leaves) as u32 } else { self.winners[m] };
        let (a, b) = (of(2 * m), of(2 * m + 1));
        if self.keys[b as usize] < self.keys[a as usize] { b } else { a }
    }

    fn grow(&mut self, least: usize) {
        let leaves = least.next_power_of_two().max(2);
        self.keys.resize(leaves, self.none);
        self.winners = vec![0; leaves];
        for m in (1..leaves).rev() {
            self.winners[m] = self.play(m);
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
            let mut keys = vec![8; 40];
            for (i, key) in changes {
                t.set(i, key);
                keys[i] = key;
                let least = keys.iter().copied().enumerate().map(|(i, k)| (k, i)).min().filter(|l| l.0 < 8);
                prop_assert_eq!(t.best(), least);
            }
        }
    }
}
