//! The queue of a replica: by priority, then first come, first served.

use std::collections::VecDeque;

/// Waiting requests by slot. One that leaves from the middle keeps its place, marked by its owner, until it is at the
/// head or [`Waiting::sweep`] takes it out.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// By rising priority number; a level stays once it has been used.
    levels: Vec<(u8, VecDeque<u32>)>,
    /// Places, empty ones included.
    places: usize,
}

impl Waiting {
    /// The level of a priority.
    fn level(&mut self, priority: u8) -> &mut VecDeque<u32> {
        let at = match self.levels.iter().position(|l| l.0 >= priority) {
            Some(at) if self.levels[at].0 == priority => at,
            found => {
                let at = found.unwrap_or(self.levels.len());
                self.levels.insert(at, (priority, VecDeque::new()));
                at
            }
        };
        &mut self.levels[at].1
    }

    pub fn push_last(&mut self, slot: u32, priority: u8) {
        self.level(priority).push_back(slot);
        self.places += 1;
    }

    pub fn push_first(&mut self, slot: u32, priority: u8) {
        self.level(priority).push_front(slot);
        self.places += 1;
    }

    /// The place at the head, which may be empty.
    #[inline]
    pub fn head(&self) -> Option<u32> {
        self.levels.iter().find_map(|l| l.1.front().copied())
    }

    pub fn pop(&mut self) -> Option<u32> {
        let slot = self.levels.iter_mut().find_map(|l| l.1.pop_front())?;
        self.places -= 1;
        Some(slot)
    }

    pub fn places(&self) -> usize {
        self.places
    }

    /// All places from the head on.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.levels.iter().flat_map(|l| l.1.iter().copied())
    }

    /// Takes out the places that `gone` says are empty.
    pub fn sweep(&mut self, mut gone: impl FnMut(u32) -> bool) {
        for (_, level) in &mut self.levels {
            level.retain(|&s| !gone(s));
        }
        self.places = self.levels.iter().map(|l| l.1.len()).sum();
    }
}
