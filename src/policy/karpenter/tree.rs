//! Finds the first node that fits, without looking at every node.
//!
//! A binary tree over the nodes in their order, each inner node with the most that is free of each resource below it,
//! and with marks of the kinds of node below it (kinds may share a mark: that costs a look and changes nothing). A
//! what-if only ever puts pods on nodes or takes nodes away, so the tree's figures stay bounds from above and it is
//! never changed: what a leaf really has is asked of the caller.

use super::view::Resources;

/// The tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Leaves begin at this index; a power of two.
    leaves: usize,
    /// Node `i` has children `2i` and `2i + 1`; the root is 1.
    most: Vec<Resources>,
    /// Likewise: the marks below.
    marks: Vec<u64>,
}

/// The mark of a kind of node.
#[must_use]
pub const fn mark(kind: u32) -> u64 {
    1 << (kind % 64)
}

impl Tree {
    /// A tree over what is free, with the kind of each node, in order.
    #[must_use]
    pub fn new(free: impl ExactSizeIterator<Item = (Resources, u32)>) -> Tree {
        let leaves = free.len().next_power_of_two();
        let mut most = vec![Resources::default(); 2 * leaves];
        let mut marks = vec![0; 2 * leaves];
        for (i, (f, kind)) in free.enumerate() {
            most[leaves + i] = f;
            marks[leaves + i] = mark(kind);
        }
        for i in (1..leaves).rev() {
            most[i] = most[2 * i].max(&most[2 * i + 1]);
            marks[i] = marks[2 * i] | marks[2 * i + 1];
        }
        Tree { leaves, most, marks }
    }

    /// The first position of a kind with one of `marks` where `need` fits and `ok` says yes.
    pub fn first(&self, need: &Resources, marks: u64, ok: &mut impl FnMut(usize) -> bool) -> Option<usize> {
        let mut i = 1;
        loop {
            if self.marks[i] & marks != 0 && need.fits(&self.most[i]) {
                if i < self.leaves {
                    i *= 2;
                    continue;
                }
                if ok(i - self.leaves) {
                    return Some(i - self.leaves);
                }
            }
            // To the next subtree on the right.
            while i & 1 == 1 {
                if i == 1 {
                    return None;
                }
                i /= 2;
            }
            i += 1;
        }
    }
}
