//! Which parameters make sense: what a scenario asks before it takes them.
//!
//! The fields of this room's types are open, and what they do with nonsense is defined but seldom useful. `check` says
//! what is wrong in the words of the documentation.

use thiserror::Error;

use super::advisor::Feed;
use super::hardware::Hardware;
use super::launch::{Backoff, Launch, LaunchFailure};
use super::lifetime::{Bathtub, Calendar, CalendarShape, Lifetime};
use super::notice::Notice;
use super::price::Reverting;
use super::shock::{Kill, Shock};

/// A parameter that makes no sense.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{what} must be {allowed}, found {found}")]
pub struct Unsound {
    /// The parameter, as a reader of the documentation knows it.
    pub what: &'static str,
    /// What it may be.
    pub allowed: &'static str,
    /// What it is.
    pub found: f64,
}

fn need(sound: bool, what: &'static str, allowed: &'static str, found: f64) -> Result<(), Unsound> {
    if sound { Ok(()) } else { Err(Unsound { what, allowed, found }) }
}

fn share(what: &'static str, found: f64) -> Result<(), Unsound> {
    need((0.0..=1.0).contains(&found), what, "from 0 to 1", found)
}

fn positive(what: &'static str, found: f64) -> Result<(), Unsound> {
    need(found > 0.0 && found.is_finite(), what, "greater than 0", found)
}

fn not_negative(what: &'static str, found: f64) -> Result<(), Unsound> {
    need(found >= 0.0 && found.is_finite(), what, "0 or more", found)
}

impl Lifetime {
    /// Whether its parameters make sense; a law's were checked when it was made.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        match self {
            Lifetime::Law(_) => Ok(()),
            Lifetime::Calendar(c) => c.check(),
            Lifetime::Bathtub(b) => b.check(),
        }
    }
}

impl Calendar {
    /// Whether its parameters make sense: a rate of 0 or more, an amplitude from 0 to 1, 24 or 168 factors.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        not_negative("the rate per hour", self.per_hour)?;
        need(self.epoch_hour.is_finite(), "the epoch's hour of the week", "a number", self.epoch_hour)?;
        match &self.shape {
            CalendarShape::Sinusoid { amplitude, phase_h } => {
                share("the amplitude", *amplitude)?;
                need(phase_h.is_finite(), "the phase", "a number of hours", *phase_h)
            }
            CalendarShape::Hours(f) => {
                let n = f.len();
                need(n == 24 || n == 168, "the number of hourly factors", "24 (a day) or 168 (a week)", n as f64)?;
                f.iter().try_for_each(|x| not_negative("an hourly factor", *x))
            }
        }
    }
}

impl Bathtub {
    /// Whether its parameters make sense: A from above 0 to 1, times above 0.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        need(self.a > 0.0 && self.a <= 1.0, "the share of early deaths", "above 0 and at most 1", self.a)?;
        positive("tau1", self.tau1_h)?;
        positive("tau2", self.tau2_h)?;
        positive("b", self.b_h)?;
        self.cap_h.map_or(Ok(()), |cap| positive("the longest life", cap))
    }
}

impl Shock {
    /// Whether its parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        not_negative("shocks per hour", self.per_hour)?;
        need(self.group != Some(0), "the slots of a group", "1 or more", 0.0)?;
        match &self.kill {
            Kill::Fraction(p) => share("the share that a shock hits", *p),
            Kill::Counts(table) => {
                table.iter().try_for_each(|(_, w)| not_negative("the weight of a count", *w))?;
                positive("the sum of the weights", table.iter().map(|t| t.1).sum())
            }
        }
    }
}

impl Backoff {
    /// Whether its parameters make sense. The first wait must take time: attempts without time between them never end.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        need(self.factor >= 1.0 && self.factor.is_finite(), "the factor between waits", "1 or more", self.factor)?;
        positive("the first wait (s)", self.first.as_secs_f64())?;
        let max = self.max.as_secs_f64();
        need(self.max >= self.first, "the longest wait (s)", "at least the first", max)?;
        need((0.0..1.0).contains(&self.jitter), "the jitter", "from 0 up to but not 1", self.jitter)
    }
}

impl Launch {
    /// Whether its parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        if let LaunchFailure::Chance(p) = self.fail {
            let allowed = "from 0 up to but not 1: nothing would ever start";
            need((0.0..1.0).contains(&p), "the chance that a launch fails", allowed, p)?;
        }
        self.backoff.check()
    }
}

impl Notice {
    /// Whether its parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        let Some(early) = self.early else { return Ok(()) };
        share("the share of early signals that come with the notice", early.simultaneous)?;
        not_negative("false signals per hour", early.false_per_hour)?;
        let (from, to) = early.lead;
        need(from <= to, "the longest lead (s)", "at least the shortest", to.as_secs_f64())
    }
}

impl Reverting {
    /// Whether its parameters make sense: a mean from the floor to on-demand, changes a minute or more apart.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        positive("the on-demand price", self.on_demand.to_f64())?;
        share("the floor as a share of on-demand", self.floor)?;
        let (mean, high) = (self.mean.to_f64(), self.on_demand.to_f64());
        let inside = mean > 0.0 && (self.floor * high..=high).contains(&mean);
        need(inside, "the mean price", "from the floor to on-demand", mean)?;
        share("the pull to the mean", self.pull)?;
        not_negative("the spread of a step", self.spread)?;
        not_negative("the largest step", self.step_max)?;
        let every = self.every.mean();
        need(every >= 1.0 / 60.0 && every.is_finite(), "the mean time between changes (h)", "a minute or more", every)
    }
}

impl Feed {
    /// Whether a share can be made a hazard by this.
    ///
    /// # Errors
    /// The first parameter that makes no sense.
    pub fn check(&self, share: f64) -> Result<(), Unsound> {
        need((0.0..1.0).contains(&share), "the interrupted share", "from 0 up to but not 1", share)?;
        match self {
            Feed::AwsMonthly { exposure_h } => {
                let sound = *exposure_h > 0.0 && *exposure_h <= 744.0;
                need(sound, "the exposure (h per instance-month)", "above 0 and at most 744", *exposure_h)
            }
            Feed::AzureHourly => Ok(()),
        }
    }
}

impl Hardware {
    /// Whether its parameters make sense.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Unsound> {
        positive("a node's mean time between failures (h)", self.node_mtbf.as_hours_f64())?;
        share("the share of lemons", self.lemons.share)?;
        let factor = self.lemons.factor;
        need(factor >= 1.0 && factor.is_finite(), "how much more often a lemon fails", "1 or more", factor)?;
        share("the share that a reboot mends", self.reboot_share)?;
        self.software.map_or(Ok(()), |d| positive("the software's mean time between failures (h)", d.as_hours_f64()))
    }
}
