//! A store that many write to at once: processor sharing, exact in bytes and nanoseconds.
//!
//! A mass reclaim makes every job write its checkpoint in the same minute; each then gets a share of the store and not
//! its own speed. The store gives every transfer the same rate, except those whose own link is slower than that: they
//! get their link, and what they leave is shared by the rest (water-filling, max-min fairness; Bertsekas and Gallager,
//! *Data Networks*, §6.5.2).
//!
//! Driven from outside: whoever owns the clock asks [`Store::next_done`] after each change, and calls [`Store::finish`]
//! at that time.
//!
//! **Rounding.** Rates are whole micro-bytes a second, rounded down: equal transfers have equal rates, whatever order they
//! came in, and the store loses less than a micro-byte a second for each. Work is counted in femto-bytes
//! (micro-byte/s × ns), so that what a transfer has left is exact at every nanosecond. A transfer ends at the first
//! whole nanosecond at which nothing is left of it. What is cut off has whole bytes left, rounded up: a byte that is not
//! all there is not there.
//!
//! Each change costs a pass over the transfers in flight.

use std::num::NonZeroU64;

use crate::units::SimTime;

/// Micro-bytes in a byte.
const MICRO: u128 = 1_000_000;
/// Femto-bytes in a byte: a micro-byte a second for a nanosecond.
const FEMTO: u128 = 1_000_000_000_000_000;

/// Transfers that share a store.
#[derive(Clone, Debug)]
pub struct Store {
    /// Micro-bytes a second.
    total: u128,
    /// The same, for any one transfer.
    cap: u128,
    /// By (cap, id), the order in which water is filled.
    flows: Vec<Flow>,
    now: SimTime,
    next: Option<(SimTime, u32)>,
    /// Whole bytes of transfers that are over.
    moved: u128,
}

#[derive(Clone, Copy, Debug)]
struct Flow {
    id: u32,
    /// Bytes of the whole transfer.
    bytes: u64,
    /// Femto-bytes.
    left: u128,
    /// Micro-bytes a second.
    cap: u128,
    rate: u128,
}

impl Store {
    /// A store that moves `total_bps` bytes a second in all and `per_writer_bps_cap` for any one transfer.
    #[must_use]
    pub fn new(total_bps: NonZeroU64, per_writer_bps_cap: NonZeroU64) -> Store {
        Store {
            total: u128::from(total_bps.get()) * MICRO,
            cap: u128::from(per_writer_bps_cap.get()) * MICRO,
            flows: Vec::new(),
            now: SimTime::ZERO,
            next: None,
            moved: 0,
        }
    }

    /// Begins a transfer of `bytes` that its own end moves at no more than `own_cap_bps` bytes a second. One of no bytes
    /// is done at once.
    ///
    /// # Panics
    /// When `id` is in flight already, or `now` lies before the last call: faults of the caller.
    pub fn start(&mut self, now: SimTime, id: u32, bytes: u64, own_cap_bps: NonZeroU64) {
        self.advance(now);
        assert!(self.flows.iter().all(|f| f.id != id), "transfer {id} is in flight already");
        let cap = self.cap.min(u128::from(own_cap_bps.get()) * MICRO);
        let at = self.flows.partition_point(|f| (f.cap, f.id) < (cap, id));
        self.flows.insert(at, Flow { id, bytes, left: u128::from(bytes) * FEMTO, cap, rate: 0 });
        self.share();
    }

    /// When the next transfer is done if nothing else changes, and which; the lowest id of several. `None` when none is
    /// in flight.
    #[must_use]
    pub fn next_done(&self) -> Option<(SimTime, u32)> {
        self.next
    }

    /// Takes a transfer out that is done.
    ///
    /// # Panics
    /// When it is not in flight or not done, or `now` lies before the last call: faults of the caller.
    pub fn finish(&mut self, now: SimTime, id: u32) {
        self.advance(now);
        let flow = self.take(id).expect("a transfer that ends is in flight");
        assert!(flow.left == 0, "transfer {id} is not done");
        self.moved += u128::from(flow.bytes);
        self.share();
    }

    /// Cuts a transfer off and says how many of its bytes are left, rounded up; `None` when it is not in flight.
    ///
    /// # Panics
    /// When `now` lies before the last call: a fault of the caller.
    pub fn abort(&mut self, now: SimTime, id: u32) -> Option<u64> {
        self.advance(now);
        let flow = self.take(id)?;
        let left = whole_bytes(flow.left);
        self.moved += u128::from(flow.bytes - left);
        self.share();
        Some(left)
    }

    /// Whole bytes left of a transfer at `now`, rounded up; `None` when it is not in flight.
    ///
    /// # Panics
    /// When `now` lies before the last call: a fault of the caller.
    #[must_use]
    pub fn left(&self, now: SimTime, id: u32) -> Option<u64> {
        assert!(now >= self.now, "time ran backwards");
        let flow = self.flows.iter().find(|f| f.id == id)?;
        Some(whole_bytes(flow.after(now.since(self.now).0)))
    }

    /// How many transfers are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flows.len()
    }

    /// When a transfer of `bytes` that began at `now` would be done if nothing else changed: how long a checkpoint takes
    /// in the crowd that is there.
    ///
    /// # Panics
    /// When `now` lies before the last call: a fault of the caller.
    #[must_use]
    pub fn would_take(&self, now: SimTime, bytes: u64, own_cap_bps: NonZeroU64) -> SimTime {
        let mut trial = self.clone();
        trial.advance(now);
        let free = (0..=u32::MAX).rev().find(|id| trial.flows.iter().all(|f| f.id != *id));
        let id = free.expect("fewer transfers than ids");
        trial.start(now, id, bytes, own_cap_bps);
        while let Some((at, done)) = trial.next_done() {
            if done == id {
                return at;
            }
            trial.finish(at, done);
        }
        SimTime::MAX
    }

    /// Whole bytes moved by transfers that have ended or were cut off. With what is left of those cut off and all of
    /// those in flight it is all that was ever started.
    #[must_use]
    pub fn moved(&self) -> u128 {
        self.moved
    }

    fn take(&mut self, id: u32) -> Option<Flow> {
        let at = self.flows.iter().position(|f| f.id == id)?;
        Some(self.flows.remove(at))
    }

    /// Moves bytes up to `now`.
    fn advance(&mut self, now: SimTime) {
        assert!(now >= self.now, "time ran backwards");
        let nanos = now.since(self.now).0;
        self.now = now;
        if nanos > 0 {
            for f in &mut self.flows {
                f.left = f.after(nanos);
            }
        }
    }

    /// Shares the store anew and finds who is done first.
    fn share(&mut self) {
        let (mut water, mut waiting) = (self.total, self.flows.len() as u128);
        self.next = None;
        for f in &mut self.flows {
            // Caps ascend, so once one exceeds its share all later ones do, and their shares are equal: for them the
            // rest is not divided again, lest a remainder make the later ones faster.
            f.rate = f.cap.min(water / waiting);
            if f.rate == f.cap {
                water -= f.rate;
                waiting -= 1;
            }
        }
        debug_assert!(self.flows.iter().map(|f| f.rate).sum::<u128>() <= self.total);
        for f in &self.flows {
            let done = (f.time_left(self.now), f.id);
            if self.next.is_none_or(|n| done < n) {
                self.next = Some(done);
            }
        }
    }
}

impl Flow {
    /// Femto-bytes left after `nanos` more.
    fn after(&self, nanos: u64) -> u128 {
        self.left.saturating_sub(self.rate.saturating_mul(u128::from(nanos)))
    }

    /// When it is done at this rate; "never" beyond the range of the clock.
    fn time_left(&self, now: SimTime) -> SimTime {
        if self.left == 0 {
            return now;
        }
        if self.rate == 0 {
            return SimTime::MAX; // More transfers than the store has micro-bytes a second.
        }
        u64::try_from(self.left.div_ceil(self.rate))
            .ok()
            .and_then(|n| now.0.checked_add(n))
            .map_or(SimTime::MAX, SimTime)
    }
}

/// Femto-bytes as whole bytes, rounded up.
fn whole_bytes(femto: u128) -> u64 {
    u64::try_from(femto.div_ceil(FEMTO)).expect("what is left of a transfer is no more than its bytes")
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
