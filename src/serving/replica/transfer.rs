//! KV on its way from the replica that read a prompt to the one that decodes (Splitwise, DistServe, Mooncake).
//!
//! A transfer takes a fixed time and then moves its bytes, at a rate of its own or over a link that all share, each a
//! like part (processor sharing). The decode replica reserves nothing until it is there; the prefill replica holds its
//! blocks until then ([`Replica::release`](super::Replica::release)).

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use crate::training::store::Store;
use crate::units::{Duration, SimTime};

/// How KV is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Before the first byte.
    pub base: Duration,
    /// Bytes a second of one transfer.
    pub bps: NonZeroU64,
    /// Bytes a second of all together; `None` where they do not meet.
    pub shared_bps: Option<NonZeroU64>,
    /// Parts in a million of the bytes that were moved while the prompt was still being read, layer by layer.
    pub overlap_ppm: u32,
}

/// Transfers in flight.
#[derive(Clone, Debug)]
pub struct Transfers {
    link: Link,
    shared: Option<Store>,
    /// By the time at which they have waited out the fixed part (shared link) or are done, then by number.
    timed: BTreeMap<(SimTime, u32), u64>,
}

impl Transfers {
    /// None yet.
    #[must_use]
    pub fn new(link: Link) -> Transfers {
        let shared = link.shared_bps.map(|total| Store::new(total, link.bps));
        Transfers { link, shared, timed: BTreeMap::new() }
    }

    /// Bytes that are left to move of so many.
    fn left(&self, bytes: u64) -> u64 {
        let overlapped = u128::from(bytes) * u128::from(self.link.overlap_ppm.min(1_000_000)) / 1_000_000;
        bytes - overlapped as u64
    }

    /// Begins to move `bytes` under a number of the caller's that is not in flight.
    pub fn start(&mut self, now: SimTime, id: u32, bytes: u64) {
        let left = self.left(bytes);
        let ready = now + self.link.base;
        let at = match self.shared {
            Some(_) => ready,
            // Up to the first whole nanosecond at which all is there.
            None => {
                let ns = (u128::from(left) * 1_000_000_000).div_ceil(u128::from(self.link.bps.get()));
                ready + Duration(u64::try_from(ns).unwrap_or(u64::MAX))
            }
        };
        self.timed.insert((at, id), left);
    }

    /// When something happens next: a transfer is done, or begins to share the link.
    #[must_use]
    pub fn next_event(&self) -> Option<SimTime> {
        let timed = self.timed.first_key_value().map(|e| e.0.0);
        let shared = self.shared.as_ref().and_then(Store::next_done).map(|d| d.0);
        timed.into_iter().chain(shared).min()
    }

    /// The next transfer that is done by `now`, and when; call until there is none. In order of time, then of number.
    pub fn done(&mut self, now: SimTime) -> Option<(SimTime, u32)> {
        let Some(store) = &mut self.shared else {
            let (&(at, id), _) = self.timed.first_key_value().filter(|e| e.0.0 <= now)?;
            self.timed.remove(&(at, id));
            return Some((at, id));
        };
        loop {
            let ends = store.next_done().filter(|d| d.0 <= now);
            let begins = self.timed.first_key_value().map(|e| *e.0).filter(|b| b.0 <= now);
            match (ends, begins) {
                (Some((at, id)), begins) if begins.is_none_or(|b| at <= b.0) => {
                    store.finish(at, id);
                    return Some((at, id));
                }
                (_, Some((at, id))) => {
                    let bytes = self.timed.remove(&(at, id)).unwrap_or(0);
                    store.start(at, id, bytes, self.link.bps);
                }
                (_, None) => return None,
            }
        }
    }

    /// A transfer is cut off: one of its ends is gone. False when it is not in flight.
    pub fn abort(&mut self, now: SimTime, id: u32) -> bool {
        if let Some(&key) = self.timed.keys().find(|k| k.1 == id) {
            return self.timed.remove(&key).is_some();
        }
        self.shared.as_mut().is_some_and(|s| s.abort(now, id).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn link(shared: Option<u64>) -> Link {
        Link {
            base: Duration(1_000_000),
            bps: NonZeroU64::new(10 * GB).unwrap(),
            shared_bps: shared.and_then(NonZeroU64::new),
            overlap_ppm: 0,
        }
    }

    fn all(t: &mut Transfers) -> Vec<(u64, u32)> {
        let mut out = Vec::new();
        while let Some(at) = t.next_event() {
            while let Some((at, id)) = t.done(at) {
                out.push((at.0, id));
            }
        }
        out
    }

    #[test]
    fn alone_it_takes_the_base_and_its_bytes() {
        let mut t = Transfers::new(link(None));
        t.start(SimTime(0), 1, GB);
        t.start(SimTime(0), 2, GB / 2);
        assert_eq!(all(&mut t), [(51_000_000, 2), (101_000_000, 1)]);
        let mut half = Transfers::new(Link { overlap_ppm: 500_000, ..link(None) });
        half.start(SimTime(0), 1, GB);
        assert_eq!(all(&mut half), [(51_000_000, 1)]);
    }

    #[test]
    fn on_a_shared_link_each_gets_a_like_part() {
        // Both want 10 GB/s and get 5 each until the smaller is done at 0.1 s; the other then moves its second half
        // in 0.05 s.
        let mut t = Transfers::new(link(Some(10 * GB)));
        t.start(SimTime(0), 1, GB);
        t.start(SimTime(0), 2, GB / 2);
        assert_eq!(all(&mut t), [(101_000_000, 2), (151_000_000, 1)]);
        t.start(SimTime(200_000_000), 3, GB);
        assert!(t.abort(SimTime(200_500_000), 3) && !t.abort(SimTime(200_500_000), 3));
        assert_eq!(t.next_event(), None);
    }
}
