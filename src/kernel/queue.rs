//! The event queue: what happens next, in an order that never depends on anything but what was scheduled.
//!
//! Events are ordered by time, then class, then the sequence in which they were scheduled: first in, first out among
//! equals. Three kinds share one order and one sequence:
//!
//! - [`Queue::push`]: will happen for certain;
//! - [`Queue::arm`]: may be [cancelled](Queue::cancel) (a completion, a time-out);
//! - [`Queue::lane_push`]: scheduled in order already (the arrivals of a trace), which costs no heap at all.
//!
//! *Invariant:* the queue knows nothing of what an event means. Popping it is what moves the clock.
//!
//! ```
//! use fleetcast::kernel::Queue;
//! use fleetcast::units::SimTime;
//!
//! let mut queue = Queue::new();
//! queue.push(SimTime(20), 0, "late");
//! let timer = queue.arm(SimTime(10), 0, "cancelled");
//! queue.push(SimTime(20), 0, "later");
//! assert!(queue.cancel(timer));
//! assert!(!queue.cancel(timer));
//! assert_eq!(queue.pop(), Some((SimTime(20), "late")));
//! assert_eq!(queue.pop(), Some((SimTime(20), "later")));
//! assert_eq!(queue.now(), SimTime(20));
//! ```

mod heap;
#[cfg(test)]
mod mmc;

use std::collections::VecDeque;

use heap::{Entry, Heap};

use crate::units::SimTime;
#[cfg(test)]
use {super::dist::Dist, super::random::Streams, crate::units::Duration};

/// Bits of the sequence number; the class sits above it.
const SEQUENCE_BITS: u32 = 56;
/// Cancelled entries are swept out of the heap when there are more of them than live ones, and at least this many.
const SWEEP_AT_LEAST: usize = 64;

/// A handle on one armed event. It stays harmless after the event fired or was cancelled: it never touches another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    slot: u32,
    generation: u32,
}

#[derive(Clone, Debug)]
struct Slot<E> {
    generation: u32,
    event: E,
}

/// A queue of events of type `E`, with the simulated clock.
#[derive(Clone, Debug)]
pub struct Queue<E: Copy> {
    now: SimTime,
    sequence: u64,
    certain: Heap<E>,
    /// Armed events; the entry at the top is always live, so that looking at the next event needs no sweep.
    armed: Heap<Timer>,
    armed_live: usize,
    slots: Vec<Slot<E>>,
    free_slots: Vec<u32>,
    lane: VecDeque<Entry<E>>,
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue::new()
    }
}

impl<E: Copy> Queue<E> {
    /// An empty queue at the epoch.
    #[must_use]
    pub fn new() -> Queue<E> {
        Queue {
            now: SimTime::ZERO,
            sequence: 0,
            certain: Heap::new(),
            armed: Heap::new(),
            armed_live: 0,
            slots: Vec::new(),
            free_slots: Vec::new(),
            lane: VecDeque::new(),
        }
    }

    /// The time of the event popped last; the epoch before the first.
    #[inline]
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Schedules an event that cannot be cancelled.
    ///
    /// A time before [`now`](Queue::now) is a fault of the caller: it stops a debug build and means "now" in a
    /// release build, so that the clock never runs backwards. The same holds for [`arm`](Queue::arm) and
    /// [`lane_push`](Queue::lane_push).
    #[inline]
    pub fn push(&mut self, at: SimTime, class: u8, event: E) {
        let entry = self.entry(at, class, event);
        self.certain.push(entry);
    }

    /// Schedules an event that may be cancelled.
    ///
    /// # Panics
    /// With more than 2³² − 1 events armed at the same time.
    #[inline]
    pub fn arm(&mut self, at: SimTime, class: u8, event: E) -> Timer {
        let timer = match self.free_slots.pop() {
            Some(slot) => {
                let s = &mut self.slots[slot as usize];
                s.event = event;
                Timer { slot, generation: s.generation }
            }
            None => {
                let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 events armed at once");
                self.slots.push(Slot { generation: 0, event });
                Timer { slot, generation: 0 }
            }
        };
        let entry = self.entry(at, class, timer);
        self.armed.push(entry);
        self.armed_live += 1;
        timer
    }

    /// Cancels an armed event. False when it has fired or was cancelled before.
    #[inline]
    pub fn cancel(&mut self, timer: Timer) -> bool {
        if !is_live(&self.slots, timer) {
            return false;
        }
        self.retire(timer);
        self.drop_dead_front();
        let dead = self.armed.len() - self.armed_live;
        if dead > SWEEP_AT_LEAST.max(self.armed_live) {
            let slots = &self.slots;
            self.armed.retain(|&t| is_live(slots, t));
        }
        true
    }

    /// Schedules an event in the lane beside the heap. Its time and class must not be less than those of the lane's
    /// last event that is still pending.
    ///
    /// Out of order stops a debug build; in a release build the event goes through the heap, which costs time but
    /// keeps the order right.
    #[inline]
    pub fn lane_push(&mut self, at: SimTime, class: u8, event: E) {
        let entry = self.entry(at, class, event);
        let in_order = self.lane.back().is_none_or(|last| last.key() < entry.key());
        debug_assert!(in_order, "an event for the lane is earlier than the lane's last");
        if in_order {
            self.lane.push_back(entry);
        } else {
            self.certain.push(entry);
        }
    }

    /// Takes the next event and moves the clock to it. `None` when nothing is scheduled; the clock then stays.
    #[inline]
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        let certain = self.certain.first().map_or(u128::MAX, Entry::key);
        let armed = self.armed.first().map_or(u128::MAX, Entry::key);
        let lane = self.lane.front().map_or(u128::MAX, Entry::key);
        let (time, event) = if certain < armed && certain < lane {
            let entry = self.certain.pop()?;
            (entry.time, entry.payload)
        } else if lane < armed {
            let entry = self.lane.pop_front()?;
            (entry.time, entry.payload)
        } else {
            let entry = self.armed.pop()?;
            let event = self.slots[entry.payload.slot as usize].event;
            debug_assert!(is_live(&self.slots, entry.payload), "a cancelled event is at the top");
            self.retire(entry.payload);
            self.drop_dead_front();
            (entry.time, event)
        };
        debug_assert!(time >= self.now.0, "time ran backwards");
        self.now = SimTime(time);
        Some((self.now, event))
    }

    /// The time of the next event that will happen.
    #[inline]
    #[must_use]
    pub fn peek_time(&self) -> Option<SimTime> {
        let times = [
            self.certain.first().map(|e| e.time),
            self.armed.first().map(|e| e.time),
            self.lane.front().map(|e| e.time),
        ];
        times.into_iter().flatten().min().map(SimTime)
    }

    /// How many events will happen: cancelled ones do not count.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.certain.len() + self.armed_live + self.lane.len()
    }

    /// Whether nothing will happen any more.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn entry<P>(&mut self, at: SimTime, class: u8, payload: P) -> Entry<P> {
        debug_assert!(at >= self.now, "an event is scheduled in the past");
        debug_assert!(self.sequence < 1 << SEQUENCE_BITS, "the sequence number runs into the class");
        let order = u64::from(class) << SEQUENCE_BITS | self.sequence;
        self.sequence += 1;
        Entry { time: at.max(self.now).0, order, payload }
    }

    /// Makes a live timer stale and frees its slot.
    #[inline]
    fn retire(&mut self, timer: Timer) {
        let slot = &mut self.slots[timer.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.armed_live -= 1;
        // A slot whose generations are used up is never used again: a very old timer must not match a new event.
        if slot.generation != u32::MAX {
            self.free_slots.push(timer.slot);
        }
    }

    #[inline]
    fn drop_dead_front(&mut self) {
        while let Some(first) = self.armed.first()
            && !is_live(&self.slots, first.payload)
        {
            self.armed.pop();
        }
    }
}

#[inline]
fn is_live<E>(slots: &[Slot<E>], timer: Timer) -> bool {
    // A timer of another queue may name a slot that this one does not have.
    slots.get(timer.slot as usize).is_some_and(|s| s.generation == timer.generation)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_times_are_ordered_by_class_then_first_in_first_out() {
        let mut q = Queue::new();
        q.push(SimTime(5), 2, 'd');
        q.push(SimTime(5), 1, 'a');
        q.arm(SimTime(5), 1, 'b');
        q.lane_push(SimTime(5), 1, 'c');
        q.push(SimTime(5), 2, 'e');
        q.push(SimTime(4), 255, '0');
        let order: String = std::iter::from_fn(|| q.pop()).map(|(_, e)| e).collect();
        assert_eq!(order, "0abcde");
        assert_eq!(q.now(), SimTime(5));
    }

    #[test]
    fn a_stale_timer_never_cancels_the_event_that_reuses_its_slot() {
        let mut q = Queue::new();
        let first = q.arm(SimTime(1), 0, 1);
        assert!(q.cancel(first));
        let second = q.arm(SimTime(2), 0, 2);
        assert_eq!(first.slot, second.slot, "slots are reused");
        assert!(!q.cancel(first));
        assert_eq!(q.pop(), Some((SimTime(2), 2)));
        assert!(!q.cancel(second), "it has fired");
        assert_eq!((q.len(), q.pop()), (0, None));
    }

    #[test]
    fn a_slot_with_used_up_generations_is_never_used_again() {
        let mut q = Queue::new();
        let t = q.arm(SimTime(1), 0, ());
        q.cancel(t);
        q.slots[0].generation = u32::MAX - 1;
        let last = q.arm(SimTime(1), 0, ());
        assert_eq!(last.slot, 0);
        assert!(q.cancel(last));
        assert!(!q.cancel(last));
        assert_eq!(q.arm(SimTime(1), 0, ()).slot, 1);
        assert!(!q.cancel(t));
    }

    #[test]
    fn peeking_sees_only_what_will_happen() {
        let mut q = Queue::new();
        let t = q.arm(SimTime(1), 0, 'x');
        q.lane_push(SimTime(3), 0, 'y');
        assert_eq!((q.peek_time(), q.len()), (Some(SimTime(1)), 2));
        q.cancel(t);
        assert_eq!((q.peek_time(), q.len()), (Some(SimTime(3)), 1));
        q.pop();
        assert!(q.is_empty());
        assert_eq!(q.peek_time(), None);
    }

    #[test]
    fn cancelled_events_do_not_pile_up() {
        let mut q = Queue::new();
        q.arm(SimTime(1), 0, 0);
        for i in 0..10_000 {
            let t = q.arm(SimTime(1_000_000 - i), 0, i);
            q.cancel(t);
            assert!(q.armed.len() <= 2 * SWEEP_AT_LEAST);
        }
        assert_eq!(q.slots.len(), 2);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "in the past")]
    fn scheduling_in_the_past_stops_a_debug_build() {
        let mut q = Queue::new();
        q.push(SimTime(5), 0, ());
        q.pop();
        q.push(SimTime(4), 0, ());
    }

    #[test]
    #[cfg(not(debug_assertions))]
    fn scheduling_in_the_past_means_now_in_a_release_build() {
        let mut q = Queue::new();
        q.push(SimTime(5), 0, 'a');
        q.pop();
        q.push(SimTime(5), 0, 'b');
        q.push(SimTime(4), 0, 'c');
        q.lane_push(SimTime(9), 0, 'e');
        q.lane_push(SimTime(8), 0, 'd');
        let order: String = std::iter::from_fn(|| q.pop()).map(|(_, e)| e).collect();
        assert_eq!(order, "bcde");
    }

    #[test]
    fn entries_are_small() {
        assert_eq!(size_of::<Entry<u64>>(), 24);
        assert_eq!(size_of::<Entry<Timer>>(), 24);
    }

    /// Erlang's C formula: the probability that a customer of an M/M/c queue waits.
    fn erlang_c(servers: u32, offered: f64) -> f64 {
        let mut blocking = 1.0;
        for k in 1..=servers {
            blocking = offered * blocking / (f64::from(k) + offered * blocking);
        }
        let rho = offered / f64::from(servers);
        blocking / (1.0 - rho + rho * blocking)
    }

    #[test]
    fn the_mean_wait_of_mmc_is_erlangs() {
        for (servers, rho) in [(1, 0.5), (8, 0.7), (8, 0.8)] {
            let offered = rho * f64::from(servers);
            let expected = erlang_c(servers, offered) / (f64::from(servers) - offered);
            let waits: Vec<f64> = (0..8).map(|seed| mmc::mm_c(40_000, servers, rho, seed).0).collect();
            let interval = crate::kernel::stats::t_interval(&waits, 0.999).unwrap();
            assert!(interval.low < expected && expected < interval.high, "{servers} {rho}: {expected} {interval:?}");
        }
    }

    /// What a caller may do, on a queue and on the slow model beside it.
    #[derive(Clone, Debug)]
    enum Op {
        Push(u64, u8),
        Arm(u64, u8),
        Lane(u64),
        Cancel(usize),
        Pop,
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            (0..6_u64, 0..3_u8).prop_map(|(d, c)| Op::Push(d, c)),
            (0..6_u64, 0..3_u8).prop_map(|(d, c)| Op::Arm(d, c)),
            (0..4_u64).prop_map(Op::Lane),
            any::<usize>().prop_map(Op::Cancel),
            Just(Op::Pop),
        ];
        prop::collection::vec(op, 0..400)
    }

    proptest! {
        #[test]
        fn the_queue_equals_a_sorted_list(ops in ops()) {
            let mut q = Queue::new();
            // The slow model: (time, class, id) where the id counts what was scheduled.
            let mut list: Vec<(u64, u8, u32)> = Vec::new();
            let mut timers: Vec<(Timer, u32)> = Vec::new();
            let (mut id, mut now, mut lane_last) = (0_u32, 0_u64, 0_u64);
            for op in ops {
                match op {
                    Op::Push(delay, class) => {
                        q.push(SimTime(now + delay), class, id);
                        list.push((now + delay, class, id));
                        id += 1;
                    }
                    Op::Arm(delay, class) => {
                        timers.push((q.arm(SimTime(now + delay), class, id), id));
                        list.push((now + delay, class, id));
                        id += 1;
                    }
                    Op::Lane(delay) => {
                        lane_last = lane_last.max(now) + delay;
                        q.lane_push(SimTime(lane_last), 1, id);
                        list.push((lane_last, 1, id));
                        id += 1;
                    }
                    Op::Cancel(pick) => if let Some(&(timer, of)) = timers.get(pick % timers.len().max(1)) {
                        let before = list.len();
                        list.retain(|e| e.2 != of);
                        prop_assert_eq!(q.cancel(timer), list.len() < before);
                    },
                    Op::Pop => {
                        let next = list.iter().min().copied();
                        prop_assert_eq!(q.peek_time(), next.map(|e| SimTime(e.0)));
                        prop_assert_eq!(q.pop(), next.map(|e| (SimTime(e.0), e.2)));
                        if let Some(next) = next {
                            now = next.0;
                            list.retain(|e| *e != next);
                        }
                    }
                }
                prop_assert_eq!(q.len(), list.len());
                prop_assert_eq!(q.now(), SimTime(now));
            }
            list.sort_unstable();
            for e in list {
                prop_assert_eq!(q.pop(), Some((SimTime(e.0), e.2)));
            }
            prop_assert!(q.is_empty());
        }
    }
}
