//! How long one iteration of a continuous-batching engine takes.
//!
//! A step runs one token of every decoding sequence and some chunks of prompts. With `n` decoding sequences that hold
//! `K` KV tokens, `P` prompt tokens and `T = n + P` tokens in all, it takes
//!
//! ```text
//! a + host + b·n + b1·T + b2·max(0, T − t0) + c·K + p·P + q·Σ chunk·(done + chunk/2) + [P > 0] m + E(T)
//! E(T) = expert_ms · (1 − (1 − expert_share)^T)
//! ```
//!
//! This is the affine and hinge form that the engine models in the field share. Kernel profiles (Vidur's,
//! LLMServingSim's) give `a, b1, b2, t0, b, c, q, m`; a benchmark of concurrencies gives `a, b, c, p`. `E` reads the
//! weights of a mixture of experts: the expected share of experts that `T` tokens touch (as BLIS has it).
//!
//! [`StepCost`] has floats in milliseconds, for people. [`Quantised`] has the same in whole picoseconds, rounded once.
//! From there on there are only integers, so that many decode steps at once take *exactly* what they take one by one:
//! with `n` constant and `K` growing by `n` a step, `s` steps take `s·d0 + c·n·s(s−1)/2`.

use std::sync::Arc;

use serde::Serialize;

/// Picoseconds in a millisecond.
pub const PS_PER_MS: f64 = 1e9;
/// Picoseconds in a nanosecond, the unit of simulated time.
pub const PS_PER_NS: u64 = 1_000;

/// The longest fixed part of a step, and the largest coefficient, in milliseconds: beyond a minute it is a slip.
const MAX_MS: f64 = 60_000.0;
/// The shortest fixed part of a step: a nanosecond.
const MIN_MS: f64 = 1e-6;
/// Entries of the table of experts at most. Its end is exact; before it, the rest is below a thousandth for any
/// `expert_share` above 1/9000.
const MAX_EXPERT_ROWS: usize = 1 << 16;

/// The coefficients of a step, in milliseconds. All are at least zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepCost {
    /// Fixed part: reading the weights, launching kernels. ms a step.
    pub a: f64,
    /// Overhead of the host a step, beside `a`: what calibration on a trace adds. ms a step.
    pub host: f64,
    /// ms a decoding sequence.
    pub b: f64,
    /// ms a token, of prompts and decodes alike.
    pub b1: f64,
    /// ms a token beyond `t0`: where the step turns from memory-bound to compute-bound.
    pub b2: f64,
    /// Tokens in a step at which `b2` sets in.
    pub t0: f64,
    /// ms a KV token that decodes read.
    pub c: f64,
    /// ms a prompt token, beside `b1` and `b2`.
    pub p: f64,
    /// ms a pair of prompt token and token before it (attention of prefill).
    pub q: f64,
    /// ms a step that has prompt tokens at all.
    pub m: f64,
    /// ms to read the weights of all experts once; zero for a dense model.
    pub expert_ms: f64,
    /// Share of experts that one token uses, k/N; zero for a dense model.
    pub expert_share: f64,
}

/// What a step has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Decoding sequences: a token each.
    pub decoding: u64,
    /// KV tokens that they hold together, before the step.
    pub decode_kv: u64,
    /// Prompt tokens.
    pub prefill: u64,
    /// Twice the attention pairs of the prompt chunks: see [`Step::add_chunk`].
    pub prefill_pairs_x2: u64,
}

impl Step {
    /// A step that only decodes: `n` sequences that hold `kv` tokens.
    #[must_use]
    pub const fn decode(n: u64, kv: u64) -> Step {
        Step { decoding: n, decode_kv: kv, prefill: 0, prefill_pairs_x2: 0 }
    }

    /// Adds `chunk` prompt tokens of a sequence that has `done` tokens in its KV already.
    pub const fn add_chunk(&mut self, chunk: u64, done: u64) {
        self.prefill += chunk;
        self.prefill_pairs_x2 += chunk * (2 * done + chunk);
    }

    /// Tokens in all.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.decoding + self.prefill
    }
}

/// A coefficient that cannot be one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadCost {
    /// Negative, not a number, or beyond a minute.
    #[error("coefficient `{name}` is {value}: it must be between 0 and {most}")]
    Range {
        /// Its name in [`StepCost`].
        name: &'static str,
        /// What it is.
        value: f64,
        /// The most that it may be: milliseconds, or tokens for `t0`.
        most: f64,
    },
    /// The fixed part is nothing: a step would take no time.
    #[error("a step must have a fixed part: `a` and `host` are {0} ms together, at least {MIN_MS} is needed")]
    NoFixedPart(f64),
    /// Not a share.
    #[error("`expert_share` is {0}: it is the share of experts that a token uses, above 0 and at most 1")]
    Share(f64),
}

impl StepCost {
    /// The coefficients by name, as profiles print them. `t0` is in tokens and `expert_share` a share.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, f64); 12] {
        [
            ("a", self.a),
            ("host", self.host),
            ("b", self.b),
            ("b1", self.b1),
            ("b2", self.b2),
            ("t0", self.t0),
            ("c", self.c),
            ("p", self.p),
            ("q", self.q),
            ("m", self.m),
            ("expert_ms", self.expert_ms),
            ("expert_share", self.expert_share),
        ]
    }

    /// Whether these can be a step's cost.
    ///
    /// # Errors
    /// A negative coefficient, one that is no number or too large, or no fixed part.
    pub fn check(&self) -> Result<(), BadCost> {
        for (name, value) in self.named() {
            let most = if name == "t0" { 1e9 } else { MAX_MS };
            if !(0.0..=most).contains(&value) {
                return Err(BadCost::Range { name, value, most });
            }
        }
        if self.a + self.host < MIN_MS {
            return Err(BadCost::NoFixedPart(self.a + self.host));
        }
        if self.expert_share > 1.0 || (self.expert_ms > 0.0 && self.expert_share == 0.0) {
            return Err(BadCost::Share(self.expert_share));
        }
        Ok(())
    }

    /// Milliseconds of a step, in floats. The simulator uses [`Quantised::step`].
    #[must_use]
    pub fn step_ms(&self, s: &Step) -> f64 {
        let (n, tokens, prefill) = (s.decoding as f64, s.tokens() as f64, s.prefill as f64);
        let fixed = self.a + self.host + if s.prefill > 0 { self.m } else { 0.0 };
        let linear = self.b * n + self.b1 * tokens + self.b2 * (tokens - self.t0).max(0.0) + self.p * prefill;
        let attention = self.c * s.decode_kv as f64 + self.q * s.prefill_pairs_x2 as f64 / 2.0;
        fixed + linear + attention + self.expert_ms * experts_touched(self.expert_share, s.tokens())
    }

    /// The same with another overhead of the host, in ms a step.
    #[must_use]
    pub const fn with_host(mut self, host: f64) -> StepCost {
        self.host = host;
        self
    }

    /// The same with every part `by` times as long: an engine or a model that is so much slower, all else equal.
    #[must_use]
    pub fn scaled(&self, by: f64) -> StepCost {
        StepCost {
            a: self.a * by,
            host: self.host * by,
            b: self.b * by,
            b1: self.b1 * by,
            b2: self.b2 * by,
            c: self.c * by,
            p: self.p * by,
            q: self.q * by,
            m: self.m * by,
            expert_ms: self.expert_ms * by,
            ..*self
        }
    }
}

/// A step's cost in whole picoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantised {
    fixed: u64,
    per_sequence: u64,
    per_token: u64,
    beyond: u64,
    hinge: u64,
    per_kv: u64,
    per_prefill: u64,
    per_pair: u64,
    mixed: u64,
    /// Picoseconds of expert weights by tokens in the step; the last entry holds for all above. Empty without experts.
    experts: Arc<[u64]>,
}

impl Quantised {
    /// Rounds each coefficient to the nearest picosecond, once and for all.
    ///
    /// # Errors
    /// Those of [`StepCost::check`].
    pub fn new(cost: &StepCost) -> Result<Quantised, BadCost> {
        cost.check()?;
        // `check` bounds all of them: 60,000 ms are 6e13 ps.
        let ps = |ms: f64| (ms * PS_PER_MS).round() as u64;
        Ok(Quantised {
            fixed: ps(cost.a + cost.host),
            per_sequence: ps(cost.b),
            per_token: ps(cost.b1),
            beyond: ps(cost.b2),
            hinge: cost.t0.round() as u64,
            per_kv: ps(cost.c),
            per_prefill: ps(cost.p),
            per_pair: ps(cost.q),
            mixed: ps(cost.m),
            experts: experts(ps(cost.expert_ms), cost.expert_share),
        })
    }

    /// The same where every part takes so many thousandths as long; rounded to the nearest picosecond.
    #[must_use]
    pub fn stretched(&self, thousandths: u32) -> Quantised {
        let of = |ps: u64| narrow((u128::from(ps) * u128::from(thousandths) + 500) / 1000);
        Quantised {
            fixed: of(self.fixed),
            per_sequence: of(self.per_sequence),
            per_token: of(self.per_token),
            beyond: of(self.beyond),
            hinge: self.hinge,
            per_kv: of(self.per_kv),
            per_prefill: of(self.per_prefill),
            per_pair: of(self.per_pair),
            mixed: of(self.mixed),
            experts: self.experts.iter().map(|ps| of(*ps)).collect(),
        }
    }

    /// Picoseconds of a step. Beyond 213 days it stays at the largest number there is.
    #[must_use]
    pub fn step(&self, s: &Step) -> u64 {
        let base = self.base(s.decoding, s.tokens()) + wide(self.per_kv, s.decode_kv);
        if s.prefill == 0 {
            return narrow(base);
        }
        // Half pairs round down: the same in every mode, as steps with prompts are never taken together.
        let attention = wide(self.per_pair, s.prefill_pairs_x2) / 2;
        narrow(base + wide(self.per_prefill, s.prefill) + u128::from(self.mixed) + attention)
    }

    /// Picoseconds of one step that decodes `n` sequences holding `kv` tokens: [`Quantised::step`] without prompts.
    #[must_use]
    pub fn decode(&self, n: u64, kv: u64) -> u64 {
        narrow(self.base(n, n) + wide(self.per_kv, kv))
    }

    /// Picoseconds of `steps` steps in a row that decode the same `n` sequences, which hold `kv` tokens before the
    /// first: exactly the sum of [`Quantised::decode`] of each.
    #[must_use]
    pub fn run(&self, n: u64, kv: u64, steps: u64) -> u64 {
        let (first, growth) = self.progression(n, kv);
        narrow(sum(first, growth, steps))
    }

    /// The most steps of such a run that end within `ps` picoseconds.
    #[must_use]
    pub fn steps_within(&self, n: u64, kv: u64, ps: u64) -> u64 {
        let (first, growth) = self.progression(n, kv);
        if growth == 0 {
            return narrow(u128::from(ps) / first);
        }
        // A float gets within a few steps of the root; integers settle it.
        let (d, g, w) = (first as f64 - growth as f64 / 2.0, growth as f64, ps as f64);
        let mut steps = (2.0 * w / (d + (d * d + 2.0 * g * w).sqrt())) as u64;
        while sum(first, growth, steps) > u128::from(ps) {
            steps -= 1;
        }
        while sum(first, growth, steps + 1) <= u128::from(ps) {
            steps += 1;
        }
        steps
    }

    /// The fewest steps of such a run that end at `ps` picoseconds or later.
    #[must_use]
    pub fn steps_reaching(&self, n: u64, kv: u64, ps: u64) -> u64 {
        if ps == 0 { 0 } else { self.steps_within(n, kv, ps - 1) + 1 }
    }

    /// Picoseconds by which each step of a run with `n` sequences is longer than the one before.
    #[must_use]
    pub const fn growth(&self, n: u64) -> u64 {
        self.per_kv.saturating_mul(n)
    }

    /// What depends neither on the KV nor on prompts as such.
    fn base(&self, n: u64, tokens: u64) -> u128 {
        let experts = match self.experts.len() {
            0 => 0,
            len => self.experts[usize::try_from(tokens).unwrap_or(usize::MAX).min(len - 1)],
        };
        u128::from(self.fixed)
            + wide(self.per_sequence, n)
            + wide(self.per_token, tokens)
            + wide(self.beyond, tokens.saturating_sub(self.hinge))
            + u128::from(experts)
    }

    /// The first step of a run, and by how much each is longer than the one before.
    fn progression(&self, n: u64, kv: u64) -> (u128, u128) {
        (self.base(n, n) + wide(self.per_kv, kv), wide(self.per_kv, n))
    }
}

/// The expected share of a layer's experts that `tokens` tokens touch, each using `share` of them: `1 − (1 − k/N)^T`.
#[must_use]
pub fn experts_touched(share: f64, tokens: u64) -> f64 {
    // By squaring: `powf` may differ between platforms in the last bit.
    let (mut missed, mut base, mut left) = (1.0, 1.0 - share, tokens);
    while left > 0 {
        if left & 1 == 1 {
            missed *= base;
        }
        base *= base;
        left >>= 1;
    }
    1.0 - missed
}

/// `steps` terms of an arithmetic progression, saturating.
const fn sum(first: u128, growth: u128, steps: u64) -> u128 {
    let s = steps as u128;
    let pairs = s * s.saturating_sub(1) / 2;
    first.saturating_mul(s).saturating_add(growth.saturating_mul(pairs))
}

const fn wide(a: u64, b: u64) -> u128 {
    a as u128 * b as u128
}

fn narrow(ps: u128) -> u64 {
    u64::try_from(ps).unwrap_or(u64::MAX)
}

/// Picoseconds of expert weights read by a step of 0, 1, 2, … tokens, until it no longer changes.
fn experts(all: u64, share: f64) -> Arc<[u64]> {
    if all == 0 {
        return Arc::default();
    }
    // By repeated products: `powf` may differ between platforms in the last bit.
    let (mut table, mut missed) = (Vec::new(), 1.0_f64);
    while table.len() < MAX_EXPERT_ROWS {
        table.push((all as f64 * (1.0 - missed)).round() as u64);
        if table.last() == Some(&all) {
            break;
        }
        missed *= 1.0 - share;
    }
    if let Some(last) = table.last_mut() {
        *last = all;
    }
    table.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Section 3.6 of the specification: RTX 4090, Llama-3.1-8B, from kernel profiles.
    fn rtx4090() -> StepCost {
        StepCost {
            a: 17.02,
            b1: 0.0303,
            b2: 0.058,
            t0: 183.0,
            b: 0.009,
            c: 0.000_140_4,
            q: 0.000_004_39,
            m: 0.58,
            ..StepCost::default()
        }
    }

    #[test]
    fn a_step_is_the_sum_of_its_parts() {
        let q = Quantised::new(&rtx4090()).unwrap();
        // 17.02 + 10·.009 + 10·.0303 + 1000·.0001404 = 17.5534 ms.
        assert_eq!(q.decode(10, 1_000), 17_553_400_000);
        let mut s = Step::decode(10, 1_000);
        s.add_chunk(200, 300);
        // + 200·.0303 + (210 − 183)·.058 + 200·(300 + 100)·4.39e-6 + .58 = 6.06 + 1.566 + .3512 + .58.
        assert_eq!(q.step(&s), 17_553_400_000 + 8_557_200_000);
        assert!((rtx4090().step_ms(&s) - 26.1106).abs() < 1e-9);
    }

    #[test]
    fn experts_load_as_tokens_touch_them() {
        let cost = StepCost { a: 1.0, expert_ms: 8.0, expert_share: 0.25, ..StepCost::default() };
        let q = Quantised::new(&cost).unwrap();
        // One token touches a quarter, two 1 − (3/4)² = 7/16, very many all.
        assert_eq!(q.decode(1, 0), 3_000_000_000);
        assert_eq!(q.decode(2, 0), 4_500_000_000);
        assert_eq!(q.decode(1 << 40, 0), 9_000_000_000);
    }

    #[test]
    fn what_cannot_be_a_cost_is_refused() {
        let bad = |cost: StepCost| Quantised::new(&cost).unwrap_err();
        assert!(matches!(bad(StepCost { c: -1.0, ..rtx4090() }), BadCost::Range { name: "c", .. }));
        assert!(matches!(bad(StepCost { b: f64::NAN, ..rtx4090() }), BadCost::Range { name: "b", .. }));
        assert!(matches!(bad(StepCost { a: 1e9, ..rtx4090() }), BadCost::Range { name: "a", .. }));
        assert_eq!(bad(StepCost::default()), BadCost::NoFixedPart(0.0));
        assert_eq!(bad(StepCost { expert_ms: 1.0, ..rtx4090() }), BadCost::Share(0.0));
    }

    #[test]
    fn the_ends_of_the_numbers_do_not_overflow() {
        let most = StepCost { a: 6e4, b: 6e4, b1: 6e4, b2: 6e4, c: 6e4, p: 6e4, q: 6e4, m: 6e4, ..StepCost::default() };
        let q = Quantised::new(&most).unwrap();
        assert_eq!(q.run(u64::MAX, u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(q.steps_within(1 << 30, 1 << 30, u64::MAX), 0);
        let fast = Quantised::new(&StepCost { a: 1e-6, c: 1e-9, ..StepCost::default() }).unwrap();
        let steps = fast.steps_within(1, 0, u64::MAX - 1);
        assert!(fast.run(1, 0, steps) < u64::MAX && fast.run(1, 0, steps + 1) == u64::MAX);
    }

    proptest! {
        #[test]
        fn a_run_is_the_sum_of_its_steps(
            a in 1e-6..40.0, b in 0.0..0.1, b2 in 0.0..0.1, c in 0.0..0.001, t0 in 0.0..300.0, expert_ms in 0.0..9.0,
            n in 1u64..400, kv in 0u64..2_000_000, steps in 0u64..400,
        ) {
            let cost = StepCost { a, b, b2, c, t0, expert_ms, expert_share: 0.03, ..StepCost::default() };
            let q = Quantised::new(&cost).unwrap();
            let one_by_one: u64 = (0..steps).map(|i| q.step(&Step::decode(n, kv + i * n))).sum();
            prop_assert_eq!(q.run(n, kv, steps), one_by_one);
        }

        #[test]
        fn steps_within_inverts_run(
            a in 1e-6..40.0, c in 0.0..0.001, n in 1u64..4_000, kv in 0u64..20_000_000, ps in 0u64..u64::MAX / 2,
        ) {
            let q = Quantised::new(&StepCost { a, c, b: 0.01, ..StepCost::default() }).unwrap();
            let s = q.steps_within(n, kv, ps);
            prop_assert!(q.run(n, kv, s) <= ps && ps < q.run(n, kv, s + 1));
            let r = q.steps_reaching(n, kv, ps);
            prop_assert!(q.run(n, kv, r) >= ps && (r == 0 || q.run(n, kv, r - 1) < ps));
        }

        #[test]
        fn rounding_is_far_below_what_is_known(n in 1u64..500, kv in 0u64..1_000_000, chunk in 0u64..2_048) {
            let mut s = Step::decode(n, kv);
            s.add_chunk(chunk, 500);
            let (exact, ours) = (rtx4090().step_ms(&s), Quantised::new(&rtx4090()).unwrap().step(&s));
            prop_assert!((ours as f64 / PS_PER_MS - exact).abs() < 1e-3 * exact);
        }
    }
}
