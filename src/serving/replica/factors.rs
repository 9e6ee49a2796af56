//! Speculative decoding, and quantised or distilled models, as factors on what a step costs.
//!
//! A factor says what it is and where it comes from: none is measured by this program.

use crate::serving::cost::{BadCost, StepCost};

/// Speculative decoding: a draft proposes tokens, one step of the model checks them all, and some are accepted.
///
/// A step that brings `accepted` tokens on average is taken as that many steps of one token, each a share of its time:
/// every token is checked (`b`, and `b1` for each of the `drafted + 1`), the weights and the KV are read once for all.
/// Throughput, TPOT and the room for others are those of the mean; gaps between tokens are evened out, where clients see
/// bursts. Prompts cost what they did, and one that arrives waits for a part of the real step only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speculation {
    /// Mean tokens that come of a step, the model's own included: from 1 to `drafted + 1`.
    pub accepted: f64,
    /// Tokens proposed for a step.
    pub drafted: u32,
    /// What drafting takes, as a share of the model's fixed part of a step.
    pub draft: f64,
}

/// What cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadFactor {
    /// More is accepted than proposed, or less than the model's own token.
    #[error("{accepted} tokens a step cannot come of {drafted} drafted and the model's own: from 1 to {}", drafted + 1)]
    Accepted {
        /// Mean tokens of a step.
        accepted: f64,
        /// Tokens proposed.
        drafted: u32,
    },
    /// A factor that is none.
    #[error("factor `{0}` is {1}: it must be above 0 and at most 100")]
    Factor(&'static str, f64),
    /// The cost that comes out.
    #[error(transparent)]
    Cost(#[from] BadCost),
}

impl Speculation {
    /// What a step of one token costs with it.
    ///
    /// # Errors
    /// An accepted length that drafting cannot give, or a negative share.
    pub fn apply(&self, cost: &StepCost) -> Result<StepCost, BadFactor> {
        let (l, drafted) = (self.accepted, self.drafted);
        if !(1.0..=f64::from(drafted) + 1.0).contains(&l) {
            return Err(BadFactor::Accepted { accepted: l, drafted });
        }
        if !(0.0..=100.0).contains(&self.draft) {
            return Err(BadFactor::Factor("draft", self.draft));
        }
        let checked = f64::from(drafted) + 1.0;
        let out = StepCost {
            a: cost.a * (1.0 + self.draft) / l,
            host: cost.host / l,
            // A sequence decodes a token: `b1` of that is taken from what all of its checked tokens cost.
            b: (cost.b + (cost.b1 * checked)) / l,
            b1: 0.0,
            p: cost.p + cost.b1,
            c: cost.c / l,
            expert_ms: cost.expert_ms / l,
            ..*cost
        };
        out.check()?;
        Ok(out)
    }
}

/// A model made smaller: what it reads and what it computes, as shares of the original's.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// What was done, e.g. `int4 weights (AWQ)` or `distilled to 8B`.
    pub what: String,
    /// Where the factors come from: a measurement, a paper, a guess.
    pub source: String,
    /// Bytes of weights: scales the fixed part of a step and the experts.
    pub weights: f64,
    /// Arithmetic: scales what tokens cost.
    pub compute: f64,
    /// Bytes of KV: scales what reading it costs, and its room the other way.
    pub kv: f64,
}

impl Shrunk {
    /// What a step costs with it.
    ///
    /// # Errors
    /// A factor that is not above zero, or above a hundred.
    pub fn apply(&self, cost: &StepCost) -> Result<StepCost, BadFactor> {
        for (name, f) in [("weights", self.weights), ("compute", self.compute), ("kv", self.kv)] {
            if !(f > 0.0 && f <= 100.0) {
                return Err(BadFactor::Factor(name, f));
            }
        }
        let out = StepCost {
            a: cost.a * self.weights,
            expert_ms: cost.expert_ms * self.weights,
            b1: cost.b1 * self.compute,
            b2: cost.b2 * self.compute,
            p: cost.p * self.compute,
            q: cost.q * self.compute,
            c: cost.c * self.kv,
            ..*cost
        };
        out.check()?;
        Ok(out)
    }

    /// KV tokens in the room of so many of the original's.
    #[must_use]
    pub fn kv_tokens(&self, original: u64) -> u64 {
        (original as f64 / self.kv) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::cost::Step;

    fn cost() -> StepCost {
        StepCost { a: 20.0, b: 0.01, b1: 0.03, b2: 0.05, t0: 200.0, c: 1e-4, q: 1e-6, m: 0.5, ..StepCost::default() }
    }

    #[test]
    fn nothing_accepted_beyond_the_models_own_costs_the_checking() {
        let none = Speculation { accepted: 1.0, drafted: 0, draft: 0.0 };
        let (plain, same) = (cost(), none.apply(&cost()).unwrap());
        let mut s = Step::decode(30, 9_000);
        assert!((plain.step_ms(&s) - same.step_ms(&s)).abs() < 1e-12);
        s.add_chunk(700, 0);
        assert!((plain.step_ms(&s) - same.step_ms(&s)).abs() < 1e-12);
    }

    #[test]
    fn tokens_come_as_fast_as_the_accepted_length_says() {
        // Without work by token, 2.5 tokens a step are 2.5 times as fast.
        let bare = StepCost { a: 20.0, c: 1e-4, ..StepCost::default() };
        let fast = Speculation { accepted: 2.5, drafted: 4, draft: 0.0 }.apply(&bare).unwrap();
        let s = Step::decode(8, 10_000);
        assert!((bare.step_ms(&s) / fast.step_ms(&s) - 2.5).abs() < 1e-12);
        // A draft that takes a fifth of the step costs a fifth of it.
        let drafted = Speculation { accepted: 2.5, drafted: 4, draft: 0.2 }.apply(&bare).unwrap();
        assert!((drafted.a - 20.0 * 1.2 / 2.5).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let s = |accepted, drafted, draft| Speculation { accepted, drafted, draft }.apply(&cost());
        assert!(s(3.1, 2, 0.0).is_err() && s(0.9, 2, 0.0).is_err() && s(2.0, 2, -0.1).is_err());
        assert!(s(f64::NAN, 2, 0.0).is_err());
        let shrunk =
            |kv| Shrunk { what: "fp8 KV".into(), source: "halved bytes".into(), weights: 1.0, compute: 1.0, kv };
        assert!(shrunk(0.0).apply(&cost()).is_err());
        let half = shrunk(0.5);
        assert_eq!((half.apply(&cost()).unwrap().c, half.kv_tokens(1_000)), (5e-5, 2_000));
    }
}
