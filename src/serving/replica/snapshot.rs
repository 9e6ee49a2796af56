//! What a replica shows to those who watch it: autoscalers, routers, dashboards.

use super::engine::Replica;
use crate::units::SimTime;

/// A replica at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests that wait (vLLM's `num_requests_waiting`).
    pub waiting: u32,
    /// Requests that run (`num_requests_running`).
    pub running: u32,
    /// Blocks of KV in use; what is merely cached is not.
    pub kv_blocks_used: u64,
    /// Blocks of KV there are.
    pub kv_blocks: u64,
    /// Prompt tokens computed so far. The difference of two snapshots over their distance is a rate.
    pub prefill_tokens: u64,
    /// Tokens produced so far, first ones included.
    pub output_tokens: u64,
    /// Whether a step is in progress.
    pub busy: bool,
    /// Picoseconds in steps so far, those of the one in progress included.
    pub busy_ps: u128,
    /// Of these, what prompts added; of a step in progress in proportion.
    pub prompt_ps: u128,
}

impl Snapshot {
    /// Whole nanoseconds in steps so far.
    #[must_use]
    pub const fn busy_ns(&self) -> u64 {
        (self.busy_ps / 1_000) as u64
    }

    /// Requests that are here.
    #[must_use]
    pub const fn outstanding(&self) -> u32 {
        self.waiting + self.running
    }

    /// The share of KV in use, 0 to 1 (`kv_cache_usage_perc`).
    #[must_use]
    pub fn kv_use(&self) -> f64 {
        self.kv_blocks_used as f64 / self.kv_blocks as f64
    }
}

/// Counts since a replica was made, steps in progress left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests taken.
    pub offered: u64,
    /// Requests refused.
    pub refused: u64,
    /// Requests with all of their tokens (or, of [`Part::Prefill`](crate::serving::request::Part::Prefill), the first).
    pub finished: u64,
    /// Requests that ended without.
    pub dropped: u64,
    /// Requests handed back when the replica went.
    pub evicted: u64,
    /// How often a request lost its KV.
    pub preemptions: u64,
    /// Prompt tokens computed, those computed again after a preemption included.
    pub prefill_tokens: u64,
    /// Tokens produced by decoding.
    pub decode_tokens: u64,
    /// Tokens produced at the end of a prompt.
    pub first_tokens: u64,
    /// Steps.
    pub steps: u64,
    /// Steps and leaps that were computed: what the simulation of the above cost.
    pub turns: u64,
    /// Picoseconds in steps.
    pub busy_ps: u128,
    /// Of these, what prompts added: a step with prompts less what it would have taken without them. All of a step that
    /// decodes nobody.
    pub prompt_ps: u128,
}

impl Replica {
    /// How it stands at `now`, which must not lie beyond the next event. A step counts when it has ended.
    #[must_use]
    pub fn snapshot(&self, now: SimTime) -> Snapshot {
        let mut produced = self.totals.decode_tokens + self.totals.first_tokens;
        let mut used = self.used;
        if let Some(s) = self.step.filter(|s| s.steps > 1) {
            let done = s.done(now);
            produced += s.n * done;
            used += self.growth_blocks(done.min(s.steps - 1));
        }
        Snapshot {
            waiting: self.queued,
            running: self.running,
            kv_blocks_used: used,
            kv_blocks: self.blocks,
            prefill_tokens: self.totals.prefill_tokens,
            output_tokens: produced,
            busy: self.step.is_some(),
            busy_ps: self.totals.busy_ps + self.step.map_or(0, |s| u128::from(s.begin.until(now))),
            prompt_ps: self.totals.prompt_ps + self.step.map_or(0, |s| s.prompt_part(now)),
        }
    }

    /// Requests that wait or run.
    #[inline]
    #[must_use]
    pub const fn outstanding(&self) -> u32 {
        self.queued + self.running
    }

    /// Requests that wait.
    #[inline]
    #[must_use]
    pub const fn waiting(&self) -> u32 {
        self.queued
    }

    /// Blocks of KV in use as of the last event: inside a leap they grow unseen until it ends.
    #[inline]
    #[must_use]
    pub const fn kv_blocks_used(&self) -> u64 {
        self.used
    }

    /// Counts so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Requests for which there is room without new memory: as many as were here at once at most.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }
}
