//! How fast work runs on a slice.
//!
//! With `r` the slice's share of the compute (by SMs, [`super::Geometry::compute_share`]), work takes
//! `a + (1 − a)/r` times as long as on the largest instance. The part `a` does not shrink with the slice: launching,
//! waiting for data, kernels too small to fill it. One parameter is enough: solved for on the medians of MISO's training
//! logs on an A100 (boringlee24/socc22-miso, 32 points of model and batch), `a` is 0.627, 0.626, 0.627 and 0.588 for 1g,
//! 2g, 3g and 4g.

use super::super::source::Evidence;
use crate::units::Fraction;

/// The share of work that does not get slower on a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceSpeed {
    /// `a`.
    pub fixed: Fraction,
    /// How it is known.
    pub evidence: Evidence,
}

impl SliceSpeed {
    /// Training that fills a GPU (MISO's transformer with large batches): 0.10.
    pub const SATURATING: f64 = 0.10;
    /// The median of MISO's points: 0.62.
    pub const TYPICAL: f64 = 0.62;
    /// Models too small to fill a slice: 0.90.
    pub const LIGHT: f64 = 0.90;

    /// Of a share from 0 to 1; `None` for anything else.
    #[must_use]
    pub fn new(fixed: f64, evidence: Evidence) -> Option<SliceSpeed> {
        Some(SliceSpeed { fixed: Fraction::new(fixed)?, evidence })
    }

    /// [`SliceSpeed::TYPICAL`], fitted: the default.
    #[must_use]
    pub fn typical() -> SliceSpeed {
        SliceSpeed { fixed: Fraction::new(SliceSpeed::TYPICAL).unwrap_or(Fraction::ONE), evidence: Evidence::Fitted }
    }

    /// What one measured point says: a speed relative to the largest instance on a slice with share `r` of it. `None`
    /// where no share from 0 to 1 gives it, or the slice is the whole.
    #[must_use]
    pub fn fitted(speed: f64, r: f64) -> Option<SliceSpeed> {
        if !(speed > 0.0 && r > 0.0 && r < 1.0) {
            return None;
        }
        SliceSpeed::new((1.0 / r - 1.0 / speed) / (1.0 / r - 1.0), Evidence::Fitted)
    }

    /// How many times as long it takes on a share `r` of the compute, above 0: `a + (1 − a)/r`.
    #[must_use]
    pub fn stretch(&self, r: f64) -> f64 {
        debug_assert!(r > 0.0);
        let a = self.fixed.get();
        a + (1.0 - a) / r
    }

    /// Its speed on a share `r` of the compute, relative to all of it.
    #[must_use]
    pub fn speed(&self, r: f64) -> f64 {
        1.0 / self.stretch(r)
    }

    /// The same, for work that streams memory all the time: no faster than the slice's share of the bandwidth. An A30's 1g
    /// was measured at 196 of 786 GB/s, a quarter.
    #[must_use]
    pub fn speed_streaming(&self, r: f64, memory_share: f64) -> f64 {
        self.speed(r).min(memory_share)
    }
}

/// What MIG alone costs work that fills a GPU: SMs of the largest instance by those of the die (98 of 108 on an A100, all
/// on Hopper); 1 where either is not known.
#[must_use]
pub fn mig_tax(largest_sms: Option<u16>, die_sms: Option<u16>) -> f64 {
    match (largest_sms, die_sms) {
        (Some(mig), Some(die)) if die > 0 => (f64::from(mig) / f64::from(die)).min(1.0),
        _ => 1.0,
    }
}
