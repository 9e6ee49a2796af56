//! A min-heap of events with eight children a node.
//!
//! Eight-ary rather than std's binary heap, by measurement: the hold operation with 24-byte entries costs 36, 75 and
//! 181 ns at 10³, 10⁵ and 10⁶ pending, std's 38, 114 and 407 ns, a four-ary heap 36, 89 and 236 ns (`benches/kernel.rs`
//! repeats the comparison with std). Fewer levels are fewer cache lines, and the least of eight neighbours is found
//! without a branch.

/// An event with its place in the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<P> {
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// Class in the top 8 bits, sequence number below: unique within a queue.
    pub order: u64,
    /// What happens.
    pub payload: P,
}

impl<P> Entry<P> {
    /// Time, class and sequence as one number.
    #[inline]
    pub fn key(&self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.order)
    }
}

const ARITY: usize = 8;

/// The entry with the least key is first; keys are unique, so the order of popping is fully determined.
#[derive(Clone, Debug)]
pub(super) struct Heap<P> {
    entries: Vec<Entry<P>>,
}

impl<P: Copy> Heap<P> {
    pub fn new() -> Heap<P> {
        Heap { entries: Vec::new() }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub fn first(&self) -> Option<&Entry<P>> {
        self.entries.first()
    }

    #[inline]
    pub fn push(&mut self, entry: Entry<P>) {
        let at = self.entries.len();
        self.entries.push(entry);
        sift_up(&mut self.entries, at, entry);
    }

    #[inline]
    pub fn pop(&mut self) -> Option<Entry<P>> {
        let last = self.entries.pop()?;
        let Some(&first) = self.entries.first() else { return Some(last) };
        // The last leaf most likely belongs near the bottom: move the hole down without comparing, then climb.
        let hole = sink_hole(&mut self.entries, 0);
        sift_up(&mut self.entries, hole, last);
        Some(first)
    }

    /// Drops the entries that `keep` refuses, in linear time.
    pub fn retain(&mut self, keep: impl Fn(&P) -> bool) {
        self.entries.retain(|e| keep(&e.payload));
        let n = self.entries.len();
        if n > 1 {
            for root in (0..=(n - 2) / ARITY).rev() {
                sift_down(&mut self.entries, root);
            }
        }
    }
}

/// Puts `entry` at `at` or at the ancestor where it belongs.
#[inline]
fn sift_up<P: Copy>(entries: &mut [Entry<P>], mut at: usize, entry: Entry<P>) {
    while at > 0 {
        let parent = (at - 1) / ARITY;
        if entries[parent].key() < entry.key() {
            break;
        }
        entries[at] = entries[parent];
        at = parent;
    }
    entries[at] = entry;
}

/// The child of `at` with the least key.
#[inline]
fn least_child<P: Copy>(entries: &[Entry<P>], at: usize) -> Option<usize> {
    let start = at * ARITY + 1;
    // A full family has a length known to the compiler, which makes the scan branch-free.
    if let Some(family) = entries.get(start..start + ARITY) {
        let (mut best, mut best_key) = (0, family[0].key());
        for (i, child) in family.iter().enumerate().skip(1) {
            let key = child.key();
            let less = key < best_key;
            best = if less { i } else { best };
            best_key = if less { key } else { best_key };
        }
        return Some(start + best);
    }
    (start..entries.len()).min_by_key(|&i| entries[i].key())
}

/// Moves the hole at `at` down to a leaf, each time pulling up the least child; returns where it ends.
#[inline]
fn sink_hole<P: Copy>(entries: &mut [Entry<P>], mut at: usize) -> usize {
    while let Some(child) = least_child(entries, at) {
        entries[at] = entries[child];
        at = child;
    }
    at
}

fn sift_down<P: Copy>(entries: &mut [Entry<P>], mut at: usize) {
    let entry = entries[at];
    while let Some(child) = least_child(entries, at) {
        if entries[child].key() > entry.key() {
            break;
        }
        entries[at] = entries[child];
        at = child;
    }
    entries[at] = entry;
}
