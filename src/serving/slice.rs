//! What an engine step costs on a MIG instance.
//!
//! `t(slice)/t(whole) = a + (1 − a)/r` for work in general ([`SliceSpeed`]). What streams memory is never faster than the
//! instance's share of the bandwidth, its memory slices by the grid's: reading the weights (`a`), the experts and the KV
//! (`c`) takes at least `1/memory` times as long. What the host does takes as long as before: a slice has no less of it.
//! Which part of a step does what follows from what its coefficients stand for ([`StepCost`]) and is our assumption, as is
//! that `t0` stays where it is: it moves by the ratio of the two shares, which is near 1.
//!
//! The costs of profiles are those of a GPU without MIG. On an A100 the largest instance has 98 of 108 SMs: work that
//! fills the GPU loses that, too (`catalog::mig::speed::mig_tax`).

use crate::catalog::mig::{Geometry, ProfileId, SliceSpeed};
use crate::serving::cost::StepCost;

/// An instance's shares of its GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    compute: f64,
    memory: f64,
}

impl Slice {
    /// All of it.
    pub const WHOLE: Slice = Slice { compute: 1.0, memory: 1.0 };

    /// Shares above 0 and at most 1; `None` for anything else.
    #[must_use]
    pub fn new(compute: f64, memory: f64) -> Option<Slice> {
        let share = |s: f64| s > 0.0 && s <= 1.0;
        (share(compute) && share(memory)).then_some(Slice { compute, memory })
    }

    /// Those of a profile: compute by SMs where they are known, memory bandwidth by memory slices.
    #[must_use]
    pub fn of(g: &Geometry, id: ProfileId) -> Slice {
        Slice { compute: g.compute_share(id).min(1.0), memory: g.memory_share(id).min(1.0) }
    }

    /// Share of the compute.
    #[must_use]
    pub const fn compute(self) -> f64 {
        self.compute
    }

    /// Share of the memory bandwidth.
    #[must_use]
    pub const fn memory(self) -> f64 {
        self.memory
    }
}

/// The cost of a step on a slice, from that on the whole GPU. `speed` says which share of the work does not get slower.
#[must_use]
pub fn on_slice(whole: &StepCost, slice: Slice, speed: SliceSpeed) -> StepCost {
    let work = speed.stretch(slice.compute);
    let stream = work.max(1.0 / slice.memory);
    StepCost {
        a: whole.a * stream,
        c: whole.c * stream,
        expert_ms: whole.expert_ms * stream,
        ..whole.scaled(work).with_host(whole.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Evidence;
    use crate::catalog::mig::find;
    use crate::serving::cost::Step;

    fn cost() -> StepCost {
        StepCost {
            a: 10.0,
            host: 2.0,
            b: 0.1,
            b1: 0.02,
            b2: 0.05,
            t0: 200.0,
            c: 0.001,
            p: 0.03,
            q: 0.00001,
            m: 0.5,
            expert_ms: 4.0,
            expert_share: 0.25,
        }
    }

    fn speed(a: f64) -> SliceSpeed {
        SliceSpeed::new(a, Evidence::Guess).expect("a share")
    }

    fn slice(device: &str, profile: &str) -> Slice {
        let g = find(device).expect("has MIG");
        Slice::of(g, g.find(profile).expect("a profile"))
    }

    #[test]
    fn streaming_goes_by_memory_slices_and_the_rest_by_the_speed_of_the_slice() {
        // A100 1g: a seventh of the compute and an eighth of the bandwidth. 0.1 + 0.9 · 7 = 6.4, and 8.
        let s = slice("A100", "1g");
        assert_eq!((s.compute(), s.memory()), (1.0 / 7.0, 0.125));
        let c = on_slice(&cost(), s, speed(SliceSpeed::SATURATING));
        for (ours, want) in [
            (c.a, 80.0),
            (c.host, 2.0),
            (c.b, 0.64),
            (c.b1, 0.128),
            (c.b2, 0.32),
            (c.t0, 200.0),
            (c.c, 0.008),
            (c.p, 0.192),
            (c.q, 0.000_064),
            (c.m, 3.2),
            (c.expert_ms, 32.0),
            (c.expert_share, 0.25),
        ] {
            assert!((ours - want).abs() < 1e-9, "{ours} for {want}: {c:?}");
        }
        // H100 3g: 60 of 132 SMs, half the memory. 1 / 0.4545 = 2.2 is slower than streaming's 2.
        let c = on_slice(&cost(), slice("H100", "3g"), speed(0.0));
        assert!((c.a - 22.0).abs() < 1e-9 && (c.p - 0.066).abs() < 1e-12);
    }

    #[test]
    fn the_largest_instance_is_the_whole_and_smaller_is_never_faster() {
        for device in ["A100", "H100", "A30", "RTX-PRO-6000"] {
            let g = find(device).expect("has MIG");
            let step = Step::decode(16, 20_000);
            let ms = |id| on_slice(&cost(), Slice::of(g, id), SliceSpeed::typical()).step_ms(&step);
            assert_eq!(Slice::of(g, g.whole()), Slice::WHOLE);
            assert!((ms(g.whole()) - cost().step_ms(&step)).abs() < 1e-9);
            let mut last = f64::INFINITY;
            for word in ["1g", "2g", "4g"] {
                let now = ms(g.find(word).expect("a profile"));
                assert!(now < last, "{device} {word}");
                last = now;
            }
        }
        assert_eq!((Slice::new(0.0, 0.5), Slice::new(0.5, 1.5), Slice::new(f64::NAN, 0.5)), (None, None, None));
    }
}
