//! Which nodes changed, in order: readers keep a cursor and catch up when they next need to know.

use super::node::NodeId;

/// An append-only log of changed nodes with a moving floor. A reader whose cursor lies below the floor has missed
/// changes and must look at every node.
#[derive(Clone, Debug, Default)]
pub struct ChangeLog {
    entries: Vec<NodeId>,
    base: u64,
}

impl ChangeLog {
    /// Notes that a node changed. Above `2 × keep` entries the older half is dropped.
    pub fn push(&mut self, node: NodeId, keep: usize) {
        if self.entries.len() >= 2 * keep.max(64) {
            let cut = self.entries.len() / 2;
            self.entries.drain(..cut);
            self.base += cut as u64;
        }
        self.entries.push(node);
    }

    /// One past the newest entry: what a reader that has caught up keeps.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// The changes since `cursor`, repeats included; `None` when some of them are gone.
    #[must_use]
    pub fn since(&self, cursor: u64) -> Option<&[NodeId]> {
        let skip = cursor.checked_sub(self.base)?;
        self.entries.get(skip as usize..)
    }
}
