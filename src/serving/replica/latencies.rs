//! What users feel, as histograms: exact counts and sums, quantiles to a thousandth, mergeable.

use crate::kernel::Histogram;
use crate::serving::request::{Dropped, Gaps, Record, Refusal, Request, Sink};
use crate::units::SimTime;

/// The latencies of the requests that a replica, or a group of them, has finished.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latencies {
    /// From the client's sending to the first token, in ns.
    pub ttft: Histogram,
    /// From being taken up to the first token, in ns.
    pub ttft_from_admission: Histogram,
    /// From being offered to being taken up, in ns.
    pub wait: Histogram,
    /// Mean gap of each request after its first token, in ns; requests of one token have none. Weighted by requests.
    pub tpot: Histogram,
    /// Each gap between tokens, in **ps**. Weighted by tokens.
    pub itl_ps: Histogram,
    /// From the client's sending to the last token, in ns.
    pub e2e: Histogram,
    /// Requests with all of their tokens.
    pub finished: u64,
    /// Requests that ended without.
    pub dropped: u64,
    /// Requests refused.
    pub refused: u64,
    /// How often a request lost its KV.
    pub preemptions: u64,
}

impl Sink for Latencies {
    #[inline]
    fn finished(&mut self, r: &Record) {
        self.finished += 1;
        self.ttft.record(r.first_token.since(r.arrival).0);
        self.ttft_from_admission.record(r.first_token.since(r.admitted).0);
        self.wait.record(r.admitted.since(r.offered).0);
        self.e2e.record(r.ended.since(r.arrival).0);
        if let Some(ns) = r.tpot_ns() {
            self.tpot.record(ns);
        }
    }
    #[inline]
    fn gaps(&mut self, g: Gaps) {
        self.itl_ps.record_run(g.first_ps, g.growth_ps, g.steps, g.sequences);
    }
    fn preempted(&mut self, _: &Record) {
        self.preemptions += 1;
    }
    fn refused(&mut self, _: &Request, _: SimTime, _: Refusal) {
        self.refused += 1;
    }
    fn dropped(&mut self, _: &Record, _: Dropped) {
        self.dropped += 1;
    }
}

impl Latencies {
    /// Takes in all of another's.
    pub fn merge(&mut self, other: &Latencies) {
        self.ttft.merge(&other.ttft);
        self.ttft_from_admission.merge(&other.ttft_from_admission);
        self.wait.merge(&other.wait);
        self.tpot.merge(&other.tpot);
        self.itl_ps.merge(&other.itl_ps);
        self.e2e.merge(&other.e2e);
        self.finished += other.finished;
        self.dropped += other.dropped;
        self.refused += other.refused;
        self.preemptions += other.preemptions;
    }
}
