//! Caches of whole responses, before any replica: what they answer never reaches a GPU.
//!
//! Three kinds, one after the other where a service has several. An **exact** cache answers a prompt that it has seen
//! word for word. An **edge** cache is an exact cache near the client: it saves the way, too, and each place has its
//! own. A **semantic** cache looks for a prompt that means the same: every request pays for the embedding and the
//! search, and some answers are wrong; how many it finds is not a law but a number that the user must know (published
//! rates range from 20 to 69 %).

use super::lru::Lru;
use crate::kernel::Stream;
use crate::units::{Duration, Fraction, SimTime};

/// How an exact cache is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Responses that it holds; the least recently used goes first.
    pub capacity: usize,
    /// How long a response is good; `None` for ever.
    pub ttl: Option<Duration>,
    /// Whether a hit makes it good for as long again; else the time counts from when it was computed.
    pub renew_on_hit: bool,
    /// What an answer from it takes.
    pub hit_latency: Duration,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { capacity: 10_000, ttl: None, renew_on_hit: false, hit_latency: Duration(2_000_000) }
    }
}

/// What a cache says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has an answer, after so long.
    Hit {
        /// What it takes.
        latency: Duration,
        /// Whether the answer is to another question (semantic caches).
        wrong: bool,
    },
    /// It has none; asking took so long.
    Miss {
        /// What asking took, before the request goes on.
        latency: Duration,
    },
}

/// An exact cache: one table of responses by the hash of their prompt.
#[derive(Clone, Debug)]
pub struct ResponseCache {
    setup: Setup,
    /// When each stops being good.
    good: Lru<SimTime>,
}

impl ResponseCache {
    /// An empty cache.
    #[must_use]
    pub fn new(setup: Setup) -> ResponseCache {
        ResponseCache { setup, good: Lru::default() }
    }

    /// Asks for a prompt. A miss is computed and put in at once: a second request on its heels finds it, as with caches
    /// that let only one request of a key through.
    pub fn ask(&mut self, now: SimTime, prompt: u64) -> Answer {
        let until = self.setup.ttl.map_or(SimTime::MAX, |ttl| now + ttl);
        match self.good.touch(prompt) {
            Some(good) if now < *good => {
                if self.setup.renew_on_hit {
                    *good = until;
                }
                return Answer::Hit { latency: self.setup.hit_latency, wrong: false };
            }
            Some(good) => *good = until,
            None if self.setup.capacity > 0 => {
                if self.good.len() == self.setup.capacity {
                    self.good.pop_oldest();
                }
                self.good.insert(prompt, until);
            }
            None => {}
        }
        Answer::Miss { latency: Duration::ZERO }
    }

    /// Responses in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.good.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.good.is_empty()
    }
}

/// Exact caches in several places: what one has, the others have not.
#[derive(Clone, Debug)]
pub struct EdgeCache {
    places: Vec<ResponseCache>,
}

impl EdgeCache {
    /// Empty caches in so many places.
    #[must_use]
    pub fn new(places: usize, setup: Setup) -> EdgeCache {
        EdgeCache { places: vec![ResponseCache::new(setup); places.max(1)] }
    }

    /// Asks the cache of a place, counted round where there are fewer.
    pub fn ask(&mut self, now: SimTime, place: usize, prompt: u64) -> Answer {
        let n = self.places.len();
        self.places[place % n].ask(now, prompt)
    }
}

/// A cache that finds what means the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SemanticCache {
    /// The share of requests that it answers, at its threshold of similarity. There is no default: measure it.
    pub hits: Fraction,
    /// The share of its answers that are to another question.
    pub wrong: Fraction,
    /// Embedding and search, for every request.
    pub lookup: Duration,
}

impl SemanticCache {
    /// Asks for a prompt. Two draws from `stream`, whatever comes of it.
    pub fn ask(&self, stream: &mut Stream) -> Answer {
        let (hit, wrong) = (stream.chance(self.hits.get()), stream.chance(self.wrong.get()));
        if hit { Answer::Hit { latency: self.lookup, wrong } } else { Answer::Miss { latency: self.lookup } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Streams;

    fn hit(a: Answer) -> bool {
        matches!(a, Answer::Hit { .. })
    }

    #[test]
    fn a_response_is_good_until_its_time_is_over() {
        let asks = |renew: bool, times: &[u64]| {
            let ttl = Some(Duration(10));
            let mut c = ResponseCache::new(Setup { ttl, renew_on_hit: renew, ..Setup::default() });
            times.iter().map(|&t| hit(c.ask(SimTime(t), 7))).collect::<Vec<_>>()
        };
        assert_eq!(asks(false, &[0, 9, 10, 19, 20]), [false, true, false, true, false]);
        assert_eq!(asks(true, &[0, 9, 18, 28, 29]), [false, true, true, false, true]);
    }

    #[test]
    fn the_oldest_goes_first_and_places_share_nothing() {
        let setup = Setup { capacity: 2, ..Setup::default() };
        let mut c = ResponseCache::new(setup);
        let found: Vec<bool> = [1, 2, 1, 3, 1, 2].iter().map(|&k| hit(c.ask(SimTime(0), k))).collect();
        assert_eq!(found, [false, false, true, false, true, false]);
        let mut e = EdgeCache::new(2, setup);
        assert!(!hit(e.ask(SimTime(0), 0, 1)) && !hit(e.ask(SimTime(0), 1, 1)) && hit(e.ask(SimTime(0), 2, 1)));
        let mut none = ResponseCache::new(Setup { capacity: 0, ..setup });
        assert!(!hit(none.ask(SimTime(0), 1)) && !hit(none.ask(SimTime(0), 1)) && none.is_empty());
    }

    #[test]
    fn a_semantic_cache_costs_its_search_hit_or_miss() {
        let f = |x| Fraction::new(x).unwrap();
        let c = SemanticCache { hits: f(0.4), wrong: f(0.1), lookup: Duration(15_000_000) };
        let mut s = Streams::new(1, 0).stream("test", "semantic", 0);
        let (mut hits, mut bad) = (0, 0);
        for _ in 0..20_000 {
            match c.ask(&mut s) {
                Answer::Hit { latency, wrong } => {
                    assert_eq!(latency, c.lookup);
                    hits += 1;
                    bad += u32::from(wrong);
                }
                Answer::Miss { latency } => assert_eq!(latency, c.lookup),
            }
        }
        // Four standard deviations: 69 of 8,000, 28 of 800.
        assert!((hits - 8_000_i32).abs() < 280 && (bad as i32 - 800).abs() < 113, "{hits} {bad}");
    }
}
