//! A table that forgets what was used least recently: look-up, touch, insertion and removal take constant time.

use rustc_hash::FxHashMap;

const NONE: u32 = u32::MAX;

/// Values by key, in order of their last use. It grows without bound: its owner takes out the oldest.
#[derive(Clone, Debug)]
pub struct Lru<V> {
    /// Only for look-up: never iterated.
    at: FxHashMap<u64, u32>,
    nodes: Vec<Node<V>>,
    /// Nodes to use again.
    spare: u32,
    oldest: u32,
    newest: u32,
}

#[derive(Clone, Debug)]
struct Node<V> {
    key: u64,
    older: u32,
    newer: u32,
    value: Option<V>,
}

impl<V> Default for Lru<V> {
    fn default() -> Lru<V> {
        Lru { at: FxHashMap::default(), nodes: Vec::new(), spare: NONE, oldest: NONE, newest: NONE }
    }
}

impl<V> Lru<V> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The value of a key, its use not counted.
    #[must_use]
    pub fn peek(&self, key: u64) -> Option<&V> {
        self.nodes[*self.at.get(&key)? as usize].value.as_ref()
    }

    /// The value of a key, used now.
    pub fn touch(&mut self, key: u64) -> Option<&mut V> {
        let i = *self.at.get(&key)?;
        self.unlink(i);
        self.link(i);
        self.nodes[i as usize].value.as_mut()
    }

    /// Puts a value in as the newest; returns the one that it replaces.
    pub fn insert(&mut self, key: u64, value: V) -> Option<V> {
        let old = self.remove(key);
        let node = Node { key, older: NONE, newer: NONE, value: Some(value) };
        let i = match self.spare {
            NONE => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).expect("fewer entries than 2^32")
            }
            i => {
                self.spare = self.nodes[i as usize].newer;
                self.nodes[i as usize] = node;
                i
            }
        };
        self.at.insert(key, i);
        self.link(i);
        old
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: u64) -> Option<V> {
        let i = self.at.remove(&key)?;
        self.unlink(i);
        let node = &mut self.nodes[i as usize];
        node.newer = std::mem::replace(&mut self.spare, i);
        node.value.take()
    }

    /// The oldest, if any.
    #[must_use]
    pub fn oldest(&self) -> Option<(u64, &V)> {
        let node = self.nodes.get(self.oldest as usize)?;
        node.value.as_ref().map(|v| (node.key, v))
    }

    /// Takes the oldest out.
    pub fn pop_oldest(&mut self) -> Option<(u64, V)> {
        let key = self.oldest()?.0;
        self.remove(key).map(|v| (key, v))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Lru::default();
    }

    fn unlink(&mut self, i: u32) {
        let (older, newer) = (self.nodes[i as usize].older, self.nodes[i as usize].newer);
        match older {
            NONE => self.oldest = newer,
            older => self.nodes[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.nodes[newer as usize].older = older,
        }
    }

    fn link(&mut self, i: u32) {
        let older = std::mem::replace(&mut self.newest, i);
        (self.nodes[i as usize].older, self.nodes[i as usize].newer) = (older, NONE);
        match older {
            NONE => self.oldest = i,
            older => self.nodes[older as usize].newer = i,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain list, oldest first.
        #[test]
        fn it_does_what_a_list_does(operations in prop::collection::vec((0u8..5, 0u64..12), 0..200)) {
            let mut lru = Lru::default();
            let mut list: Vec<(u64, usize)> = Vec::new();
            for (i, (what, key)) in operations.into_iter().enumerate() {
                let place = list.iter().position(|e| e.0 == key);
                match what {
                    0 | 1 => {
                        let old = place.map(|p| list.remove(p).1);
                        prop_assert_eq!(lru.insert(key, i), old);
                        list.push((key, i));
                    }
                    2 => {
                        let found = place.map(|p| list.remove(p));
                        list.extend(found);
                        prop_assert_eq!(lru.touch(key).copied(), found.map(|f| f.1));
                    }
                    3 => prop_assert_eq!(lru.remove(key), place.map(|p| list.remove(p).1)),
                    _ => prop_assert_eq!(lru.pop_oldest(), (!list.is_empty()).then(|| list.remove(0))),
                }
                prop_assert_eq!(lru.len(), list.len());
                prop_assert_eq!(lru.oldest().map(|(k, v)| (k, *v)), list.first().copied());
                prop_assert_eq!(lru.peek(key).copied(), list.iter().find(|e| e.0 == key).map(|e| e.1));
            }
        }
    }
}
