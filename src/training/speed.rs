//! How fast a job goes on which device and how many of them, how that is known, and what it was read from.
//!
//! Speeds are units of work a second (tokens, samples) of the whole job. They come from rows that a user measured
//! ([`Speeds`]), read between and a little beyond the counts measured, or from arithmetic ([`from_physics`]). What pulls
//! at them is in [`super::lever`].

use super::impossible::{Impossible, positive, share};
use crate::catalog::{Device, DeviceId, Evidence};
use crate::units::Diagnostic;

/// FLOP that one token costs for each parameter trained: 2 forward, 4 backward (Kaplan et al., 2020, arXiv:2001.08361,
/// section 2.1). Attention over the context is left out. For a mixture of experts count the active parameters.
pub const FLOP_PER_TOKEN: f64 = 6.0;
/// The same for a frozen base under adapters: no gradients of its weights.
pub const FLOP_PER_TOKEN_FROZEN: f64 = 4.0;

/// The share of the peak that training reaches: Llama 3 405B reports 38 to 43 % (BF16, 8,192 to 16,384 H100).
pub const MFU: f64 = 0.40;
/// How [`MFU`] is known.
pub const MFU_EVIDENCE: Evidence = Evidence::Prior;
/// Where [`MFU`] comes from.
pub const MFU_SOURCE: &str = "Llama Team, The Llama 3 Herd of Models (2024, arXiv:2407.21783), table 4";

/// How far beyond the counts measured a speed is read without a warning.
pub const REACH: f64 = 2.0;

/// A measured speed.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// On what.
    pub device: DeviceId,
    /// On how many.
    pub gpus: u32,
    /// Units of work a second, of all together.
    pub per_second: f64,
    /// How it is known.
    pub evidence: Evidence,
    /// Where it comes from.
    pub source: String,
}

/// How a speed was got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// A row says so.
    Given,
    /// On the line through two rows, in logarithms.
    Between {
        /// The count below.
        low: u32,
        /// The count above.
        high: u32,
    },
    /// Beyond the counts measured.
    Beyond {
        /// The nearest count measured.
        nearest: u32,
    },
    /// From FLOP and peak.
    Physics,
}

/// A speed, and what to think of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Units of work a second.
    pub per_second: f64,
    /// How it is known: the weakest of what went into it.
    pub evidence: Evidence,
    /// How it was got.
    pub how: How,
    /// Where it comes from.
    pub source: String,
    /// What a reader must be told.
    pub warnings: Vec<Diagnostic>,
}

/// Declared parallel efficiency: the speed on `n` GPUs as a share of `n` times that on one.
#[derive(Clone, Debug, PartialEq)]
pub struct Efficiency {
    points: Vec<(u32, f64)>,
    evidence: Evidence,
}

impl Efficiency {
    /// From points (count, share in (0, 1]); one GPU is 1 unless a point says otherwise.
    ///
    /// # Errors
    /// [`Impossible::Quantity`] for a count of 0 or twice, or a share that is not above 0 and at most 1.
    pub fn new(mut points: Vec<(u32, f64)>, evidence: Evidence) -> Result<Efficiency, Impossible> {
        points.sort_by_key(|p| p.0);
        for (n, e) in &points {
            positive("number of GPUs", f64::from(*n))?;
            positive("parallel efficiency", *e)?;
            share("parallel efficiency", *e)?;
        }
        if let Some(w) = points.windows(2).find(|w| w[0].0 == w[1].0) {
            let value = f64::from(w[0].0);
            return Err(Impossible::Quantity { what: "number of GPUs", value, allowed: "given once" });
        }
        if points.first().is_none_or(|p| p.0 > 1) {
            points.insert(0, (1, 1.0));
        }
        Ok(Efficiency { points, evidence })
    }

    /// The efficiency on `gpus`: on a line in the logarithm of the count between two points, the last one beyond them.
    #[must_use]
    pub fn at(&self, gpus: u32) -> f64 {
        let above = self.points.partition_point(|p| p.0 < gpus);
        match (above.checked_sub(1).map(|i| self.points[i]), self.points.get(above).copied()) {
            (_, Some((n, e))) if n == gpus => e,
            (Some((low, a)), Some((high, b))) => {
                let x = (f64::from(gpus) / f64::from(low)).ln() / (f64::from(high) / f64::from(low)).ln();
                a + (b - a) * x
            }
            (Some((_, e)), None) | (None, Some((_, e))) => e,
            (None, None) => 1.0,
        }
    }

    /// The greatest count that was declared.
    fn last(&self) -> u32 {
        self.points.last().map_or(1, |p| p.0)
    }
}

/// A user's measured speeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speeds {
    /// By (device, count).
    rows: Vec<Row>,
    efficiency: Option<Efficiency>,
}

/// Why there is no speed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoSpeed {
    /// A quantity cannot be.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// The same count of the same device twice.
    #[error("two speeds on {gpus} of the same GPU")]
    Twice {
        /// The device.
        device: DeviceId,
        /// The count.
        gpus: u32,
    },
    /// No row of the device.
    #[error("no speed on this GPU was given")]
    NoRow {
        /// The device.
        device: DeviceId,
    },
    /// The device has no peak of that width.
    #[error("{device} has no 8-bit rate in the catalogue")]
    NoPeak {
        /// Its name.
        device: &'static str,
    },
}

impl Speeds {
    /// From rows in any order, and the efficiency by which a speed is carried beyond the counts measured.
    ///
    /// # Errors
    /// [`NoSpeed::Impossible`] for a speed or a count that is not above zero, [`NoSpeed::Twice`].
    pub fn new(mut rows: Vec<Row>, efficiency: Option<Efficiency>) -> Result<Speeds, NoSpeed> {
        for r in &rows {
            positive("speed", r.per_second)?;
            positive("number of GPUs", f64::from(r.gpus))?;
        }
        rows.sort_by_key(|r| (r.device, r.gpus));
        if let Some(w) = rows.windows(2).find(|w| (w[0].device, w[0].gpus) == (w[1].device, w[1].gpus)) {
            return Err(NoSpeed::Twice { device: w[0].device, gpus: w[0].gpus });
        }
        Ok(Speeds { rows, efficiency })
    }

    /// The speed on `gpus` of a device.
    ///
    /// Between two counts it lies on the line through them in logarithms. Beyond them it goes on as the declared
    /// efficiency says; without one, as between the two nearest counts, never better than in proportion; from a single
    /// count, in proportion, which is a guess. More than [`REACH`] times beyond it is a guess in any case, with a warning.
    ///
    /// # Errors
    /// [`NoSpeed::NoRow`], [`NoSpeed::Impossible`] for no GPUs.
    pub fn at(&self, device: DeviceId, gpus: u32) -> Result<Estimate, NoSpeed> {
        let n = positive("number of GPUs", f64::from(gpus))?;
        let from = self.rows.partition_point(|r| r.device < device);
        let to = self.rows.partition_point(|r| r.device <= device);
        let rows = &self.rows[from..to];
        let above = rows.partition_point(|r| r.gpus < gpus);
        let low = above.checked_sub(1).map(|i| &rows[i]);
        match (low, rows.get(above)) {
            (_, Some(r)) if r.gpus == gpus => Ok(Estimate {
                per_second: r.per_second,
                evidence: r.evidence,
                how: How::Given,
                source: r.source.clone(),
                warnings: Vec::new(),
            }),
            (Some(a), Some(b)) => Ok(Estimate {
                per_second: a.per_second * (n / f64::from(a.gpus)).powf(slope(a, b)),
                evidence: a.evidence.max(b.evidence).max(Evidence::Fitted),
                how: How::Between { low: a.gpus, high: b.gpus },
                source: both(a, b),
                warnings: Vec::new(),
            }),
            (Some(a), None) => Ok(self.beyond(a, above.checked_sub(2).map(|i| &rows[i]), gpus)),
            (None, Some(b)) => Ok(self.beyond(b, rows.get(1), gpus)),
            (None, None) => Err(NoSpeed::NoRow { device }),
        }
    }

    fn beyond(&self, nearest: &Row, next: Option<&Row>, gpus: u32) -> Estimate {
        let ratio = f64::from(gpus) / f64::from(nearest.gpus);
        let (factor, known) = match (&self.efficiency, next) {
            (Some(e), _) => (ratio * e.at(gpus) / e.at(nearest.gpus), e.evidence),
            (None, Some(next)) => (ratio.powf(slope(nearest, next).clamp(0.0, 1.0)), Evidence::Fitted),
            (None, None) => (ratio, Evidence::Guess),
        };
        let mut out = Estimate {
            per_second: nearest.per_second * factor,
            evidence: nearest.evidence.max(known).max(Evidence::Fitted),
            how: How::Beyond { nearest: nearest.gpus },
            source: nearest.source.clone(),
            warnings: Vec::new(),
        };
        let far = ratio.max(1.0 / ratio);
        if far > REACH {
            out.evidence = Evidence::Guess;
            out.warnings.push(
                Diagnostic::warning(format!(
                    "the speed on {gpus} GPUs is read {far:.1} times beyond the nearest count measured, {}",
                    nearest.gpus
                ))
                .help(format!("measure it on {gpus} GPUs, or within a factor of {REACH:.0}")),
            );
        }
        out
    }
}

/// The slope of the line through two rows, in logarithms: 1 is in proportion.
fn slope(a: &Row, b: &Row) -> f64 {
    (b.per_second / a.per_second).ln() / (f64::from(b.gpus) / f64::from(a.gpus)).ln()
}

fn both(a: &Row, b: &Row) -> String {
    if a.source == b.source { a.source.clone() } else { format!("{}; {}", a.source, b.source) }
}

/// The width of the numbers that are multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// BF16 or FP16.
    #[default]
    Bits16,
    /// FP8, or INT8 where there is none.
    Bits8,
}

impl Width {
    /// The dense peak of a device, FLOP/s.
    ///
    /// # Errors
    /// [`NoSpeed::NoPeak`].
    pub fn peak(self, device: &Device) -> Result<f64, NoSpeed> {
        match self {
            Width::Bits16 => Ok(device.tflops_16 * 1e12),
            Width::Bits8 => device.tflops_8.map(|t| t * 1e12).ok_or(NoSpeed::NoPeak { device: device.name }),
        }
    }
}

/// A model whose speed is reckoned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Physics {
    /// Parameters that a token passes through.
    pub params: f64,
    /// FLOP a token for each: [`FLOP_PER_TOKEN`].
    pub flop_per_token: f64,
    /// The width of the numbers.
    pub width: Width,
    /// The share of the peak that is reached on one GPU, or on the whole job when no efficiency is declared.
    pub mfu: f64,
    /// How that share is known.
    pub mfu_evidence: Evidence,
}

impl Physics {
    /// All of `params` trained in BF16 at the default [`MFU`].
    #[must_use]
    pub fn new(params: f64) -> Physics {
        Physics { params, flop_per_token: FLOP_PER_TOKEN, width: Width::Bits16, mfu: MFU, mfu_evidence: MFU_EVIDENCE }
    }
}

/// Tokens a second: `gpus · peak · MFU · efficiency / (FLOP a token · params)`.
///
/// # Errors
/// [`NoSpeed::Impossible`], [`NoSpeed::NoPeak`].
pub fn from_physics(
    what: &Physics,
    device: &Device,
    gpus: u32,
    efficiency: Option<&Efficiency>,
) -> Result<Estimate, NoSpeed> {
    let n = positive("number of GPUs", f64::from(gpus))?;
    positive("share of the peak", what.mfu)?;
    share("share of the peak", what.mfu)?;
    let flop =
        positive("number of parameters", what.params)? * positive("number of FLOP a token", what.flop_per_token)?;
    let mut warnings = Vec::new();
    let mut evidence = what.mfu_evidence.max(device.sheet).max(Evidence::Fitted);
    if let Some(e) = efficiency {
        evidence = evidence.max(e.evidence);
        if n > REACH * f64::from(e.last()) {
            evidence = Evidence::Guess;
            warnings.push(
                Diagnostic::warning(format!(
                    "the parallel efficiency on {gpus} GPUs is taken as that on {}, the most declared",
                    e.last()
                ))
                .help("declare an efficiency nearer to it"),
            );
        }
    }
    Ok(Estimate {
        per_second: n * what.width.peak(device)? * what.mfu * efficiency.map_or(1.0, |e| e.at(gpus)) / flop,
        evidence,
        how: How::Physics,
        source: format!("{}; {MFU_SOURCE}", device.source),
        warnings,
    })
}

/// The share of the peak that a measured speed amounts to: put into [`Physics::mfu`], it carries a measurement over to
/// another device.
///
/// # Errors
/// [`NoSpeed::Impossible`] for what is not above zero or would be above the peak, [`NoSpeed::NoPeak`].
pub fn mfu_of(per_second: f64, what: &Physics, device: &Device, gpus: u32) -> Result<f64, NoSpeed> {
    let flop =
        positive("number of parameters", what.params)? * positive("number of FLOP a token", what.flop_per_token)?;
    let n = positive("number of GPUs", f64::from(gpus))?;
    let mfu = positive("speed", per_second)? * flop / (n * what.width.peak(device)?);
    Ok(share("share of the peak", mfu)?)
}

#[cfg(test)]
#[path = "speed_tests.rs"]
mod tests;
