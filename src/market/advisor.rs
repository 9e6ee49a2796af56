//! Published interruption shares as hazards.
//!
//! AWS's Spot Advisor says which share of the instances of a type was interrupted in the trailing month, in five
//! buckets. It does not say how long an instance was exposed in that month, and without that it is no hazard. With
//! f = 1 − e^(−hL), h = −ln(1 − f)/L: the exposure L is an assumption, carried along and shown.

use crate::catalog::price::Advice;

/// A month of 730 hours: an instance that runs all of it.
pub const FULL_MONTH_H: f64 = 730.0;

/// The share that stands for each bucket: the middle, and 25 % for the open one above 20 %.
pub const SHARES: [f64; 5] = [0.025, 0.075, 0.125, 0.175, 0.25];

/// How the buckets are named.
pub const LABELS: [&str; 5] = ["<5%", "5-10%", "10-15%", "15-20%", ">20%"];

/// What a published share is a share of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Feed {
    /// AWS Spot Advisor: of the instances in the trailing month, each exposed for so many hours of it.
    AwsMonthly {
        /// L, hours per instance-month.
        exposure_h: f64,
    },
    /// Azure's eviction rate: per hour.
    AzureHourly,
}

/// A hazard made of a bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Hazard {
    /// Interruptions per hour of one instance.
    pub per_hour: f64,
    /// The share that stood for the bucket.
    pub share: f64,
    /// The exposure that was assumed, in hours.
    pub exposure_h: f64,
    /// What to warn of, in a sentence.
    pub warning: Option<String>,
}

impl Hazard {
    /// The mean time between interruptions, in hours.
    #[must_use]
    pub fn mean_hours(&self) -> f64 {
        1.0 / self.per_hour
    }
}

/// h = −ln(1 − f)/L, per hour.
#[must_use]
pub fn hazard_per_hour(share: f64, exposure_h: f64) -> f64 {
    -(-share).ln_1p() / exposure_h
}

/// The hazard of a bucket (0 to 4; more counts as 4). Used for a GPU type, AWS's buckets come with a warning: measured
/// hazards of GPU spot are 0.096 to 1.39 per hour up, ten to a thousand times what a full month of exposure gives.
#[must_use]
pub fn hazard(bucket: u8, feed: Feed, gpu: bool) -> Hazard {
    let share = SHARES[usize::from(bucket).min(SHARES.len() - 1)];
    hazard_of_share(share, feed, gpu)
}

/// The same of a share of one's own, from 0 up to but not 1.
#[must_use]
pub fn hazard_of_share(share: f64, feed: Feed, gpu: bool) -> Hazard {
    let exposure_h = match feed {
        Feed::AwsMonthly { exposure_h } => exposure_h,
        Feed::AzureHourly => 1.0,
    };
    let per_hour = hazard_per_hour(share, exposure_h);
    let warning = (gpu && matches!(feed, Feed::AwsMonthly { .. })).then(|| {
        format!(
            "a Spot Advisor bucket of a GPU type, read with {exposure_h} h of exposure per instance-month, gives one \
             interruption in {:.0} h; measured GPU spot lives are 0.7 to 10 h on average: use an availability trace or \
             a hyper-exponential law",
            1.0 / per_hour
        )
    });
    Hazard { per_hour, share, exposure_h, warning }
}

/// The hazard of what the catalogue's Spot Advisor table says.
#[must_use]
pub fn of_advice(advice: Advice, exposure_h: f64, gpu: bool) -> Hazard {
    hazard(advice.interruption_bucket, Feed::AwsMonthly { exposure_h }, gpu)
}
