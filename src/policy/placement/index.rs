//! Per shape: the score of every node, with the best of each block of 64 kept beside it.

use super::ShapeId;
use super::luck::Luck;
use crate::fleet::ChangeLog;

const BLOCK: usize = 64;

/// A score and a rank as one number, the better the higher; 0 stands for a node that the pod does not fit on.
#[inline]
pub(super) fn key(score: i32, rank: u32) -> u64 {
    u64::from(score as u32 ^ 0x8000_0000) << 32 | u64::from(u32::MAX - rank)
}

/// The score part of a [`key`], still biased.
#[inline]
pub(super) fn score_part(key: u64) -> u64 {
    key >> 32
}

/// When each node last changed, as positions in the fleet's log.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// One past the position of the node's newest entry.
    pub(super) stamps: Vec<u64>,
}

impl History {
    /// Calls `each` once for every node that changed since `cursor`.
    #[inline]
    pub(super) fn changed(&self, log: &ChangeLog, cursor: u64, mut each: impl FnMut(usize)) {
        match log.since(cursor) {
            // Of repeated entries only the newest has the node's stamp.
            Some(entries) if entries.len() <= self.stamps.len() => {
                for (i, node) in entries.iter().enumerate() {
                    if self.stamps[node.0 as usize] == cursor + i as u64 + 1 {
                        each(node.0 as usize);
                    }
                }
            }
            _ => {
                for (i, stamp) in self.stamps.iter().enumerate() {
                    if *stamp > cursor {
                        each(i);
                    }
                }
            }
        }
    }
}

/// The keys of all nodes for one shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) cursor: u64,
    keys: Vec<u64>,
    /// The highest key of each block, unless the block is stale.
    tops: Vec<u64>,
    /// Blocks whose highest key went down.
    stale: Vec<u64>,
}

impl Keys {
    /// Makes room for `n` nodes.
    pub(super) fn grow(&mut self, n: usize) {
        if self.keys.len() < n {
            self.keys.resize(n, 0);
            self.tops.resize(n.div_ceil(BLOCK), 0);
            self.stale.resize(self.tops.len().div_ceil(64), 0);
        }
    }

    #[inline]
    pub(super) fn set(&mut self, node: usize, key: u64) {
        let old = std::mem::replace(&mut self.keys[node], key);
        let block = node / BLOCK;
        let top = &mut self.tops[block];
        if key >= *top {
            *top = key;
            // Whatever the stale block holds, nothing in it was above its old top.
            self.stale[block / 64] &= !(1 << (block % 64));
        } else if old == *top {
            self.stale[block / 64] |= 1 << (block % 64);
        }
    }

    #[inline]
    pub(super) fn get(&self, node: usize) -> u64 {
        self.keys[node]
    }

    fn block(&self, block: usize) -> &[u64] {
        &self.keys[block * BLOCK..((block + 1) * BLOCK).min(self.keys.len())]
    }

    fn settle(&mut self) {
        for word in 0..self.stale.len() {
            while self.stale[word] != 0 {
                let bit = self.stale[word].trailing_zeros() as usize;
                self.stale[word] &= self.stale[word] - 1;
                let block = word * 64 + bit;
                self.tops[block] = self.block(block).iter().fold(0, |a, k| a.max(*k));
            }
        }
    }

    /// The node of the highest key, the first of equal ones.
    pub(super) fn best(&mut self) -> Option<usize> {
        self.settle();
        let (mut block, mut top) = (0, 0);
        for (i, t) in self.tops.iter().enumerate() {
            if *t > top {
                (block, top) = (i, *t);
            }
        }
        let within = self.block(block).iter().position(|k| *k == top)?;
        (top != 0).then_some(block * BLOCK + within)
    }

    /// Any node of the highest score, each as likely.
    pub(super) fn any_best(&mut self, luck: &mut Luck) -> Option<usize> {
        self.settle();
        let top = self.tops.iter().copied().max().filter(|t| *t != 0)?;
        let top = score_part(top);
        let blocks = |k: &Keys| {
            let full = (0..k.tops.len()).filter(|b| score_part(k.tops[*b]) == top);
            full.collect::<Vec<_>>()
        };
        let blocks = blocks(self);
        let equal = |b: usize| self.block(b).iter().filter(|k| score_part(**k) == top).count();
        let counts: Vec<usize> = blocks.iter().map(|b| equal(*b)).collect();
        let mut chosen = luck.below(counts.iter().sum::<usize>() as u32) as usize;
        for (block, count) in blocks.into_iter().zip(counts) {
            if chosen < count {
                let mut equal = self.block(block).iter().enumerate().filter(|(_, k)| score_part(**k) == top);
                return equal.nth(chosen).map(|(i, _)| block * BLOCK + i);
            }
            chosen -= count;
        }
        None
    }
}

/// Which nodes a shape fits on, where every fitting node is as good.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    pub(super) cursor: u64,
    words: Vec<u64>,
    counts: Vec<u8>,
    total: u32,
}

impl Bits {
    /// Makes room for `n` nodes.
    pub(super) fn grow(&mut self, n: usize) {
        self.words.resize(n.div_ceil(64), 0);
        self.counts.resize(n.div_ceil(64), 0);
    }

    #[inline]
    pub(super) fn set(&mut self, node: usize, fits: bool) {
        let (word, bit) = (node / 64, node % 64);
        if (self.words[word] >> bit & 1 == 1) != fits {
            self.words[word] ^= 1 << bit;
            let up = u8::from(fits);
            self.counts[word] = self.counts[word] + up - (1 - up);
            self.total = self.total + u32::from(up) - u32::from(1 - up);
        }
    }

    /// Any node that fits, each as likely.
    pub(super) fn any(&self, luck: &mut Luck) -> Option<usize> {
        if self.total == 0 {
            return None;
        }
        let mut chosen = luck.below(self.total);
        for (i, count) in self.counts.iter().enumerate() {
            let count = u32::from(*count);
            if chosen < count {
                let mut word = self.words[i];
                for _ in 0..chosen {
                    word &= word - 1;
                }
                return Some(i * 64 + word.trailing_zeros() as usize);
            }
            chosen -= count;
        }
        None
    }
}

/// Indexes by shape, the least recently used one making room.
#[derive(Clone, Debug)]
pub(super) struct Cache<T> {
    slot_of: Vec<u32>,
    slots: Vec<Slot<T>>,
    clock: u64,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    shape: ShapeId,
    used: u64,
    item: T,
}

const NO_SLOT: u32 = u32::MAX;

impl<T: Default> Cache<T> {
    pub(super) fn new() -> Cache<T> {
        Cache { slot_of: Vec::new(), slots: Vec::new(), clock: 0 }
    }

    /// Forgets every index.
    pub(super) fn clear(&mut self) {
        *self = Cache::new();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The index of a shape; an empty one when it is new or was evicted. At most `max` (at least 1) are kept.
    pub(super) fn get(&mut self, shape: ShapeId, max: usize) -> &mut T {
        let id = shape.index();
        if self.slot_of.len() <= id {
            self.slot_of.resize(id + 1, NO_SLOT);
        }
        self.clock += 1;
        if self.slot_of[id] == NO_SLOT {
            let fresh = Slot { shape, used: 0, item: T::default() };
            let slot = if self.slots.len() < max.max(1) {
                self.slots.push(fresh);
                self.slots.len() - 1
            } else {
                // A walk over the slots is small beside filling an index.
                let oldest = self.slots.iter().enumerate().min_by_key(|(_, s)| s.used).map_or(0, |(i, _)| i);
                self.slot_of[self.slots[oldest].shape.index()] = NO_SLOT;
                self.slots[oldest] = fresh;
                oldest
            };
            self.slot_of[id] = slot as u32;
        }
        let slot = &mut self.slots[self.slot_of[id] as usize];
        slot.used = self.clock;
        &mut slot.item
    }
}
