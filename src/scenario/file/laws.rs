//! Laws of durations and shares, mixes, arrivals and their shapes.

use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Duration, Fraction};

choice! {
    /// The law of a duration.
    pub enum Length (duration is Constant) {
        /// Always the same.
        Constant(Duration),
        /// Between two, each as likely.
        Uniform(Duration, Duration),
        /// Memoryless, by its mean.
        Exponential(Duration),
        /// Log-normal by its median and 95th percentile.
        LogNormal(MedianP95),
        /// Weibull by scale (the 63rd percentile) and shape (below 1: heavy-tailed).
        Weibull(WeibullLaw),
        /// Gamma by mean and coefficient of variation.
        Gamma(MeanCv),
        /// Hyper-exponential by mean and a coefficient of variation of at least 1, balanced means.
        HyperExp(MeanCv),
        /// Pareto by its least value and shape.
        Pareto(ParetoLaw),
        /// A table of quantiles, linear in between: `[("0%", "1s"), ("50%", "9m"), ("100%", "30d")]`.
        Quantiles(Vec<(Percent, Duration)>),
        /// One of several laws, by weight.
        Mixture(Vec<(Spanned<f64>, Length)>),
    }
}

record! {
    /// Log-normal by median and 95th percentile.
    pub struct MedianP95 {
        /// Half are shorter.
        pub median: Duration,
        /// One in twenty is longer.
        pub p95: Spanned<Duration>,
    }
}

record! {
    /// By mean and coefficient of variation.
    pub struct MeanCv {
        /// The mean.
        pub mean: Duration,
        /// Standard deviation over mean.
        pub cv: Spanned<f64>,
    }
}

record! {
    /// Weibull.
    pub struct WeibullLaw {
        /// The 63rd percentile.
        pub scale: Duration,
        /// Below 1 heavy-tailed, 1 exponential.
        pub shape: Spanned<f64>,
    }
}

record! {
    /// Pareto.
    pub struct ParetoLaw {
        /// The least value.
        pub least: Duration,
        /// The tail's exponent; the mean is infinite at 1 and below.
        pub shape: Spanned<f64>,
    }
}

choice! {
    /// The law of a share from 0 to 1.
    pub enum ShareLaw {
        /// Always the same.
        Constant(Fraction),
        /// Between two, each as likely.
        Uniform(Fraction, Fraction),
    }
}

choice! {
    /// GPUs of a whole job.
    pub enum Gpus (number is Fixed) {
        /// Always so many.
        Fixed(u32),
        /// One of several, by weight: `[(1, 0.7), (8, 0.3)]`; 0 is a CPU-only job.
        Mix(Vec<(u32, Spanned<f64>)>),
    }
}

choice! {
    /// When jobs arrive.
    pub enum Arrive {
        /// At the start, so many at once.
        Once(u32),
        /// One at the start and then regularly.
        Every(Spanned<Duration>),
        /// Independently of each other (a Poisson process).
        Poisson(Rhythm),
        /// With gaps of a given coefficient of variation: below 1 regular, above 1 bursty.
        Renewal(Renewal),
    }
}

record! {
    /// How many, and when in the week.
    pub struct Rhythm {
        /// Arrivals on an average day.
        pub per_day: Spanned<f64>,
        /// How the rate varies over the week.
        pub when: When = When::Always => "the same rate around the clock",
        /// Growth of the rate.
        pub growth: Option<Growth>,
        /// Bursts on top.
        pub bursts: Option<Bursts>,
    }
}

record! {
    /// Gaps of a given coefficient of variation.
    pub struct Renewal {
        /// Arrivals on an average day.
        pub per_day: Spanned<f64>,
        /// Coefficient of variation of the gaps.
        pub cv: Spanned<f64>,
        /// How the rate varies over the week.
        pub when: When = When::Always => "the same rate around the clock",
        /// Growth of the rate.
        pub growth: Option<Growth>,
        /// Bursts on top.
        pub bursts: Option<Bursts>,
    }
}

choice! {
    /// How a rate varies over the local week; its mean is the stated rate.
    pub enum When {
        /// It does not.
        Always,
        /// Only within these hours, `Mon-Fri 08:00-20:00`; the day's arrivals fall into them.
        Hours(Spanned<String>),
        /// A smooth day with a peak and a trough, weekends lower.
        Daily(Daily),
        /// 24 weights, the hours of a day, or 168, the hours of a week from Monday.
        Hourly(Spanned<Vec<f64>>),
    }
}

record! {
    /// A smooth day.
    pub struct Daily {
        /// The local hour of the peak, 0 to 24.
        pub peak: Spanned<f64> = Spanned::unplaced(14.0) => "early afternoon, as in the Azure and Alibaba traces",
        /// The rate at the trough over that at the peak.
        pub trough: Fraction,
        /// The rate on weekends over that of weekdays.
        pub weekend: Fraction = Fraction::ONE => "weekends like weekdays",
    }
}

record! {
    /// Compound growth.
    pub struct Growth {
        /// By how much: `12%`.
        pub by: Percent,
        /// In how much time.
        pub per: Spanned<Duration> = Spanned::unplaced(Duration::from_hours(2190)) => "a quarter of 8,760 hours",
    }
}

record! {
    /// Bursts: a second, higher rate that comes and goes (a two-state Markov-modulated process).
    pub struct Bursts {
        /// Mean length of a burst.
        pub lasting: Spanned<Duration>,
        /// Mean time between bursts.
        pub every: Spanned<Duration>,
        /// The rate in a burst over the rate outside.
        pub factor: Spanned<f64>,
    }
}
