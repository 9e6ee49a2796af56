//! What pulls at a job's speed and memory: named factors, each with its grade and source.
//!
//! Factors on the arithmetic multiply. The stall for input stays what it was while the arithmetic gets faster (Amdahl):
//! with a share `s` of a step stalled, the step takes `(1 − s) / Π speed + s · Π stall` of what it took. That holds for a
//! stall that adds to each step; a reader that is itself the narrow place gains nothing from faster arithmetic.
//!
//! Two levers on one part of the step count the same gain twice; that is a warning, and so is a lever whose gain is in
//! the figure already.

use std::borrow::Cow;

use super::impossible::{Impossible, positive, share};
use crate::catalog::Evidence;
use crate::units::{Diagnostic, Fraction};

/// The part of a step that a lever acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The width of the numbers.
    Arithmetic,
    /// The attention kernels.
    Attention,
    /// How many samples a step takes.
    Batch,
    /// Waiting for input.
    Input,
    /// Which activations are kept.
    Activations,
    /// Anything else, which is taken to overlap with nothing.
    Other,
}

impl Part {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Part::Arithmetic => "the width of the numbers",
            Part::Attention => "the attention kernels",
            Part::Batch => "the batch size",
            Part::Input => "the wait for input",
            Part::Activations => "the activations kept",
            Part::Other => "something else",
        }
    }
}

/// What an MFU measured on a large BF16 run has in it already ([`super::speed::MFU`]).
pub const IN_MFU: [Part; 3] = [Part::Arithmetic, Part::Attention, Part::Input];

/// A lever.
#[derive(Clone, Debug, PartialEq)]
pub struct Lever {
    /// Its name, e.g. `mixed_precision`.
    pub name: Cow<'static, str>,
    /// What it acts on.
    pub part: Part,
    /// Factor on the speed of the arithmetic; below 1 it costs speed.
    pub speed: f64,
    /// Factor on the bytes of activations.
    pub activations: f64,
    /// The share of the input stall that it leaves: 1 all of it.
    pub stall: f64,
    /// How its factors are known: the weakest of them.
    pub evidence: Evidence,
    /// Where they come from.
    pub source: Cow<'static, str>,
}

/// Bytes of a layer's activations, per token and unit of width, without attention's matrices (Korthikanti et al., 2022,
/// arXiv:2205.05198, equation 1: `s·b·h·(34 + 5·a·s/h)`).
const PER_LAYER: f64 = 34.0;
/// What is kept of a layer when all else is computed again: its input in 16 bits.
const INPUT_ONLY: f64 = 2.0;

impl Lever {
    /// A lever on the arithmetic's speed alone.
    #[must_use]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        part: Part,
        speed: f64,
        evidence: Evidence,
        source: impl Into<Cow<'static, str>>,
    ) -> Lever {
        Lever { name: name.into(), part, speed, activations: 1.0, stall: 1.0, evidence, source: source.into() }
    }

    /// From FP32 to 16 bits: half the bytes of activations, and twice the speed, which is a guess: it depends on
    /// how much of the step is matrix products. Parameters still take 16 bytes: [`super::memory::HELD`].
    #[must_use]
    pub fn mixed_precision() -> Lever {
        let source = "Micikevicius et al., Mixed Precision Training (ICLR 2018, arXiv:1710.03740); speed-up guessed";
        Lever { activations: 0.5, ..Lever::new("mixed_precision", Part::Arithmetic, 2.0, Evidence::Guess, source) }
    }

    /// A batch `times` as large, with the speed-up that was measured for it: there is none that holds for all jobs.
    #[must_use]
    pub fn batch(times: f64, speed: f64, evidence: Evidence, source: impl Into<Cow<'static, str>>) -> Lever {
        Lever { activations: times, ..Lever::new("batch_size", Part::Batch, speed, evidence, source) }
    }

    /// Prefetching, caching and enough reader processes: removes four fifths of the input stall.
    #[must_use]
    pub fn input_prefetch() -> Lever {
        let source = "an assumption; Mohan et al. (VLDB 2021, arXiv:2007.06775) for how large such stalls are";
        Lever { stall: 0.2, ..Lever::new("input_prefetch", Part::Input, 1.0, Evidence::Guess, source) }
    }

    /// Attention that never writes its matrix out: 15 % end to end on BERT-large, and of the activations only those
    /// without that matrix, `34 / (34 + 5·sequence/head_dim)`. Long sequences gain more speed than this says.
    #[must_use]
    pub fn attention_kernels(sequence: u32, head_dim: u32) -> Lever {
        let source =
            "Dao et al., FlashAttention (NeurIPS 2022, arXiv:2205.14135); memory: arXiv:2205.05198, equation 1";
        let matrix = 5.0 * f64::from(sequence) / f64::from(head_dim.max(1));
        Lever {
            activations: PER_LAYER / (PER_LAYER + matrix),
            ..Lever::new("attention_kernels", Part::Attention, 1.15, Evidence::Prior, source)
        }
    }

    /// Keeps each layer's input alone and computes the rest again: 8 FLOP a token instead of 6, three quarters of the
    /// speed; of the activations 2 of 34, and one of `layers` whole at a time.
    #[must_use]
    pub fn activation_checkpointing(layers: u32) -> Lever {
        let source = "one more forward pass: 2 FLOP a token; memory: arXiv:2205.05198, equation 1";
        Lever {
            activations: (INPUT_ONLY / PER_LAYER + 1.0 / f64::from(layers.max(1))).min(1.0),
            ..Lever::new("activation_checkpointing", Part::Activations, 0.75, Evidence::Prior, source)
        }
    }
}

/// Levers taken together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// Factor on the job's speed, stalls included.
    pub speed: f64,
    /// Factor on the bytes of activations.
    pub activations: f64,
    /// The share of time that the job stalls for input now.
    pub stall: Fraction,
    /// The weakest grade; `None` without levers.
    pub evidence: Option<Evidence>,
    /// Gains that are counted twice.
    pub warnings: Vec<Diagnostic>,
}

/// Pulls all levers on a job that stalls for input a share `stall` of its time. `included` are the parts whose gain is in
/// the job's speed already: [`IN_MFU`] for one reckoned from an MFU, nothing for one measured without the levers.
///
/// # Errors
/// [`Impossible::Quantity`] for a factor that is not above zero, or a stall left that is not from 0 to 1.
pub fn pull(levers: &[Lever], stall: Fraction, included: &[Part]) -> Result<Pulled, Impossible> {
    let (mut speed, mut activations, mut left) = (1.0, 1.0, 1.0);
    let mut warnings = Vec::new();
    for (i, lever) in levers.iter().enumerate() {
        speed *= positive("speed-up", lever.speed)?;
        activations *= positive("factor on activations", lever.activations)?;
        left *= share("share of the input stall that is left", lever.stall)?;
        if lever.part == Part::Other {
            continue;
        }
        let what = lever.part.words();
        if let Some(other) = levers[..i].iter().find(|o| o.part == lever.part) {
            warnings.push(
                Diagnostic::warning(format!("levers `{}` and `{}` both act on {what}", other.name, lever.name))
                    .help("keep one, or measure both together and give them as one"),
            );
        }
        if included.contains(&lever.part) {
            warnings.push(
                Diagnostic::warning(format!(
                    "lever `{}` acts on {what}, which the speed has in it already",
                    lever.name
                ))
                .help("leave it out, or give a speed measured without it"),
            );
        }
    }
    let s = stall.get();
    let stalled = s * left;
    let step = (1.0 - s) / speed + stalled;
    if !(step.is_finite() && activations.is_finite()) {
        return Err(Impossible::Quantity { what: "product of speed-ups", value: speed, allowed: "finite" });
    }
    // A job that did nothing but stall and no longer does has no speed to speak of.
    positive("length of a step", step)?;
    Ok(Pulled {
        speed: 1.0 / step,
        activations,
        stall: Fraction::new((stalled / step).clamp(0.0, 1.0)).expect("a part of a step is from 0 to 1 of it"),
        evidence: levers.iter().map(|l| l.evidence).max(),
        warnings,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn f(x: f64) -> Fraction {
        Fraction::new(x).unwrap()
    }

    fn lever(speed: f64, stall: f64) -> Lever {
        Lever { stall, ..Lever::new("own", Part::Other, speed, Evidence::Measured, "bench") }
    }

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} {want}");
    }

    #[test]
    fn without_levers_nothing_changes() {
        let p = pull(&[], f(0.3), &IN_MFU).unwrap();
        close(p.speed, 1.0);
        close(p.stall.get(), 0.3);
        assert_eq!((p.activations, p.evidence, p.warnings), (1.0, None, vec![]));
    }

    #[test]
    fn factors_multiply_and_the_stall_stays() {
        // A quarter stalled: 0.75 / (2 · 1.5) + 0.25 = 0.5 of a step.
        let p = pull(&[lever(2.0, 1.0), lever(1.5, 1.0)], f(0.25), &[]).unwrap();
        close(p.speed, 2.0);
        close(p.stall.get(), 0.5);
        assert_eq!(p.evidence, Some(Evidence::Measured));
    }

    #[test]
    fn prefetching_removes_its_share_of_the_stall() {
        // 0.6 + 0.4 · 0.2 = 0.68 of a step.
        let p = pull(&[Lever::input_prefetch()], f(0.4), &[]).unwrap();
        close(p.speed, 1.0 / 0.68);
        close(p.stall.get(), 0.08 / 0.68);
        assert_eq!(pull(&[Lever::input_prefetch()], f(0.0), &[]).unwrap().speed, 1.0);
    }

    #[test]
    fn activations_follow_their_formula() {
        // 34 + 5 · 2048 / 128 = 114 bytes become 34, then 2 and a 32nd of 34.
        let all = [Lever::attention_kernels(2048, 128), Lever::activation_checkpointing(32)];
        let p = pull(&all, f(0.0), &[]).unwrap();
        close(p.activations, 34.0 / 114.0 * (2.0 / 34.0 + 1.0 / 32.0));
        close(p.speed, 1.15 * 0.75);
        assert_eq!((p.evidence, p.warnings.len()), (Some(Evidence::Prior), 0));
        close(Lever::activation_checkpointing(1).activations, 1.0);
        close(Lever::batch(4.0, 1.1, Evidence::Measured, "bench").activations, 4.0);
    }

    #[test]
    fn a_gain_counted_twice_is_a_warning() {
        let two = [
            Lever::mixed_precision(),
            Lever::new("fp8", Part::Arithmetic, 1.3, Evidence::Guess, "guess"),
            lever(1.1, 1.0),
            lever(1.1, 1.0),
        ];
        let p = pull(&two, f(0.0), &[]).unwrap();
        assert_eq!(p.warnings.len(), 1);
        assert_eq!(p.warnings[0].message, "levers `mixed_precision` and `fp8` both act on the width of the numbers");
        let p = pull(&[Lever::attention_kernels(1024, 64)], f(0.0), &IN_MFU).unwrap();
        assert_eq!(
            p.warnings[0].message,
            "lever `attention_kernels` acts on the attention kernels, which the speed has in it already"
        );
    }

    #[test]
    fn factors_that_cannot_be_are_errors() {
        for bad in [lever(0.0, 1.0), lever(-1.0, 1.0), lever(f64::NAN, 1.0), lever(1.0, 1.5), lever(1.0, -0.1)] {
            assert!(pull(&[bad], f(0.1), &[]).is_err());
        }
        assert!(pull(&[lever(1.0, 0.0)], f(1.0), &[]).is_err(), "a step of no length");
        assert!(pull(&[lever(1e300, 1.0), lever(1e300, 1.0)], f(0.0), &[]).is_err());
    }

    proptest! {
        #[test]
        fn a_lever_never_helps_more_than_it_says(speed in 1.0_f64..10.0, s in 0.0_f64..0.9, left in 0.0_f64..1.0) {
            let p = pull(&[lever(speed, left)], f(s), &[]).unwrap();
            // Amdahl's bound: never beyond removing the whole stall and having the whole speed-up.
            prop_assert!(p.speed >= 1.0 - 1e-12 && p.speed <= speed / (1.0 - s) * (1.0 + 1e-12));
        }

        #[test]
        fn the_order_of_levers_does_not_matter(a in 0.5_f64..4.0, b in 0.5_f64..4.0, s in 0.0_f64..1.0) {
            let one = pull(&[lever(a, 0.5), lever(b, 0.9)], f(s), &[]).unwrap();
            let two = pull(&[lever(b, 0.9), lever(a, 0.5)], f(s), &[]).unwrap();
            prop_assert!((one.speed / two.speed - 1.0).abs() < 1e-12);
        }
    }
}
