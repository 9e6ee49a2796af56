//! Which replica a request goes to.
//!
//! A router knows of each replica what it was last told: how many requests are there, and how much KV they hold. All
//! ties have an order: the replica chosen longest ago, and at first the lowest number.

pub mod tournament;

use tournament::Tournament;

use crate::kernel::Stream;

/// How a replica is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Routing {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests, waiting and running.
    #[default]
    LeastOutstanding,
    /// The one whose requests hold the least KV; so many blocks count as one, so that near ties take turns.
    LeastKv {
        /// Blocks that count as one.
        grain: u32,
    },
    /// Requests of the same beginning (or session) to the same replica, unless that has more than `most` times the mean
    /// of outstanding requests, and one: then as [`Routing::LeastOutstanding`] (consistent hashing with bounded loads;
    /// V. Mirrokni, M. Thorup, M. Zadimoghaddam, SODA 2018). Requests without a key as least outstanding.
    PrefixAffine {
        /// How much fuller than the mean a replica may be.
        most: f64,
    },
    /// The emptier of two drawn at random (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing",
    /// IEEE TPDS 12(10), 2001).
    PowerOfTwo,
}

/// A router and what it knows.
#[derive(Clone, Debug)]
pub struct Router {
    routing: Routing,
    /// By load, then by turn; [`CLOSED`] where nothing may go.
    order: Tournament<u64>,
    load: Vec<u32>,
    /// When each was chosen last.
    turns: Vec<u64>,
    turn: u64,
    /// Replicas that take requests, ascending.
    open: Vec<u32>,
    outstanding: u64,
    next: usize,
}

/// Later than all that is open.
const CLOSED: u64 = u64::MAX;
/// Bits for the turn: a trillion choices. The rest, 16.7 million, is for the load.
const TURN_BITS: u32 = 40;

impl Router {
    /// A router to no replica yet.
    #[must_use]
    pub fn new(routing: Routing) -> Router {
        Router {
            routing,
            order: Tournament::new(CLOSED),
            load: Vec::new(),
            turns: Vec::new(),
            turn: 0,
            open: Vec::new(),
            outstanding: 0,
            next: 0,
        }
    }

    /// A replica takes requests from now on.
    pub fn open(&mut self, replica: u32) {
        let i = replica as usize;
        if i >= self.load.len() {
            self.load.resize(i + 1, 0);
            self.turns.resize(i + 1, 0);
        }
        if let Err(at) = self.open.binary_search(&replica) {
            self.open.insert(at, replica);
            self.outstanding += u64::from(self.load[i]);
        }
        self.rank(i);
    }

    /// A replica takes no more.
    pub fn close(&mut self, replica: u32) {
        if let Ok(at) = self.open.binary_search(&replica) {
            self.open.remove(at);
            self.outstanding -= u64::from(self.load[replica as usize]);
            self.order.set(replica as usize, CLOSED);
        }
    }

    /// How full a replica is now.
    #[inline]
    pub fn tell(&mut self, replica: u32, outstanding: u32, kv_blocks: u64) {
        let i = replica as usize;
        let load = match self.routing {
            Routing::LeastKv { grain } => u32::try_from(kv_blocks / u64::from(grain.max(1))).unwrap_or(u32::MAX),
            _ => outstanding,
        };
        let old = std::mem::replace(&mut self.load[i], load);
        if old == load || self.order.get(i) == CLOSED {
            return;
        }
        self.outstanding = self.outstanding - u64::from(old) + u64::from(load);
        self.rank(i);
    }

    /// The replica for a request; `key` is what its prefix or session hashes to. `None` when none is open.
    ///
    /// Draws twice from `stream` under [`Routing::PowerOfTwo`], never otherwise.
    pub fn choose(&mut self, key: Option<u64>, stream: &mut Stream) -> Option<u32> {
        let n = self.open.len();
        if n == 0 {
            return None;
        }
        let least = self.order.best().map(|b| b.1 as u32);
        let chosen = match (self.routing, key) {
            (Routing::RoundRobin, _) => {
                self.next = if self.next >= n { 0 } else { self.next };
                self.next += 1;
                self.open[self.next - 1]
            }
            (Routing::PowerOfTwo, _) => {
                let draw = |stream: &mut Stream| self.open[stream.below(n as u64) as usize];
                let (a, b) = (draw(stream), draw(stream));
                if self.load[b as usize] < self.load[a as usize] { b } else { a }
            }
            (Routing::PrefixAffine { most }, Some(key)) => {
                let home = self.open[jump(key, n)];
                let fair = self.outstanding as f64 / n as f64;
                if f64::from(self.load[home as usize]) <= most * fair + 1.0 { home } else { least? }
            }
            _ => least?,
        };
        self.turn += 1;
        self.turns[chosen as usize] = self.turn;
        self.rank(chosen as usize);
        Some(chosen)
    }

    /// Replicas that take requests, ascending.
    #[must_use]
    pub fn replicas(&self) -> &[u32] {
        &self.open
    }

    #[inline]
    fn rank(&mut self, i: usize) {
        let load = u64::from(self.load[i]).min((1 << (64 - TURN_BITS)) - 2);
        self.order.set(i, (load << TURN_BITS) | (self.turns[i] & ((1 << TURN_BITS) - 1)));
    }
}

/// Jump consistent hash (J. Lamping, E. Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014): a number below
/// `n` for each key; one more replica at the end takes keys from all others and moves no more than it takes.
fn jump(mut key: u64, n: usize) -> usize {
    let (mut at, mut next) = (0, 0);
    while next < n as u64 {
        at = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((at + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    at as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Streams;

    fn stream() -> Stream {
        Streams::new(1, 0).stream("test", "router", 0)
    }

    fn router(routing: Routing, n: u32) -> Router {
        let mut r = Router::new(routing);
        (0..n).for_each(|i| r.open(i));
        r
    }

    #[test]
    fn round_robin_goes_round_those_that_are_open() {
        let mut r = router(Routing::RoundRobin, 4);
        r.close(2);
        let order: Vec<_> = (0..7).filter_map(|_| r.choose(None, &mut stream())).collect();
        assert_eq!(order, [0, 1, 3, 0, 1, 3, 0]);
        (0..4).for_each(|i| r.close(i));
        assert_eq!(r.choose(None, &mut stream()), None);
    }

    #[test]
    fn least_outstanding_is_what_a_scan_finds() {
        let mut r = router(Routing::LeastOutstanding, 37);
        let (mut load, mut turn) = ([0_u32; 37], [0_u64; 37]);
        let mut s = stream();
        for i in 1..5_000 {
            let scan = (0..37).min_by_key(|&i| (load[i], turn[i], i)).unwrap();
            assert_eq!(r.choose(None, &mut stream()), Some(scan as u32));
            load[scan] += 1;
            turn[scan] = i;
            r.tell(scan as u32, load[scan], 0);
            if i % 3 != 0 {
                let done = s.below(37) as usize;
                load[done] = load[done].saturating_sub(1 + s.below(3) as u32);
                r.tell(done as u32, load[done], 0);
            }
        }
    }

    #[test]
    fn ties_take_turns() {
        let mut r = router(Routing::LeastOutstanding, 3);
        let order: Vec<_> = (0..6).filter_map(|_| r.choose(None, &mut stream())).collect();
        assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn keys_stay_until_their_home_is_full() {
        let mut r = router(Routing::PrefixAffine { most: 1.5 }, 10);
        let home = r.choose(Some(77), &mut stream()).unwrap();
        assert_eq!(r.choose(Some(77), &mut stream()), Some(home));
        r.tell(home, 5, 0);
        assert_ne!(r.choose(Some(77), &mut stream()), Some(home));
        // One more replica takes about its share of keys, and moves none between the others.
        let moved = (0..10_000).filter(|&k| jump(k * 7_919, 10) != jump(k * 7_919, 11)).count();
        assert!((0..10_000).all(|k| matches!(jump(k, 11), j if j == jump(k, 10) || j == 10)));
        assert!((800..1_020).contains(&moved), "{moved}");
    }

    #[test]
    fn two_choices_leave_shorter_queues_than_one() {
        // With as many balls as bins, the fullest bin has about ln ln n of them, not ln n / ln ln n.
        let mut r = router(Routing::PowerOfTwo, 10_000);
        let (mut load, mut s) = (vec![0_u32; 10_000], stream());
        for _ in 0..10_000 {
            let i = r.choose(None, &mut s).unwrap();
            load[i as usize] += 1;
            r.tell(i, load[i as usize], 0);
        }
        assert!(load.iter().max() <= Some(&4), "{:?}", load.iter().max());
    }

    #[test]
    fn least_kv_counts_in_grains() {
        let mut r = router(Routing::LeastKv { grain: 100 }, 2);
        r.tell(0, 9, 99);
        r.tell(1, 0, 101);
        assert_eq!(r.choose(None, &mut stream()), Some(0));
        assert_eq!(r.choose(None, &mut stream()), Some(0));
    }
}
