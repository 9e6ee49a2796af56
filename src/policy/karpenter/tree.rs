//! Finds the first node that fits, without looking at every node.
//!
//! A binary tree over the nodes in their order, each inner node with the most that is free of each resource below it. A
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
}

impl Tree {
    /// A tree over what is free, in order.
    #[must_use]
    pub fn new(free: impl ExactSizeIterator<Item = Resources>) -> Tree {
        let leaves = free.len().next_power_of_two();
        let mut most = vec![Resources::default(); 2 * leaves];
        for (i, f) in free.enumerate() {
            most[leaves + i] = f;
        }
        for i in (1..leaves).rev() {
            most[i] = most[2 * i].max(&most[2 * i + 1]);
        }
        Tree { leaves, most }
    }

    /// The first position where `need` fits and `ok` says yes.
    pub fn first(&self, need: &Resources, ok: &mut impl FnMut(usize) -> bool) -> Option<usize> {
        let mut i = 1;
        loop {
            if need.fits(&self.most[i]) && need.pods > 0 {
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
