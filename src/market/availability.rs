//! What one place offers over time, in nodes or whatever the file counts.

use crate::kernel::Moments;
use crate::kernel::stats::quantile;
use crate::units::Duration;

/// What is on offer, as steps of time from zero. Neighbouring steps differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    steps: Vec<(Duration, u32)>,
    gap: Option<Duration>,
    length: Duration,
    max: u32,
}

impl Availability {
    /// From values at equal gaps: value `k` governs `[k·gap, (k + 1)·gap)`. A gap of zero makes an empty trace.
    #[must_use]
    pub fn of_ticks(gap: Duration, values: &[u32]) -> Availability {
        debug_assert!(gap > Duration::ZERO, "a tick takes time");
        let at = |k: usize| Duration(gap.0.saturating_mul(k as u64));
        let steps = values.iter().enumerate().map(|(k, v)| (at(k), *v)).collect();
        Availability { gap: Some(gap), ..Availability::of_steps(steps, at(values.len())) }
    }

    /// From (since when, how many): each holds until the next, the last until `length`. Nothing is on offer before the
    /// first. They are put in order; of several at one instant the last stands, and what begins at `length` or later is
    /// left out.
    #[must_use]
    pub fn of_steps(mut steps: Vec<(Duration, u32)>, length: Duration) -> Availability {
        if !steps.is_sorted_by_key(|s| s.0) {
            steps.sort_by_key(|s| s.0);
        }
        let mut out: Vec<(Duration, u32)> = Vec::new();
        if length > Duration::ZERO && steps.first().is_none_or(|s| s.0 > Duration::ZERO) {
            out.push((Duration::ZERO, 0));
        }
        for (at, value) in steps.into_iter().take_while(|s| s.0 < length) {
            if out.last().is_some_and(|l| l.0 == at) {
                out.pop();
            }
            if out.last().is_none_or(|l| l.1 != value) {
                out.push((at, value));
            }
        }
        let max = out.iter().map(|s| s.1).max().unwrap_or(0);
        Availability { steps: out, gap: None, length, max }
    }

    /// The index of the step in force.
    fn index(&self, t: Duration) -> usize {
        self.steps.partition_point(|s| s.0 <= t).saturating_sub(1)
    }

    /// How many are on offer at `t`; none from the trace's end on.
    #[must_use]
    pub fn at(&self, t: Duration) -> u32 {
        if t >= self.length { 0 } else { self.steps[self.index(t)].1 }
    }

    /// The first change strictly after `t`, and to what. The trace's end is not a change.
    #[must_use]
    pub fn next_change(&self, t: Duration) -> Option<(Duration, u32)> {
        self.steps.get(self.steps.partition_point(|s| s.0 <= t)).copied()
    }

    /// The steps: since when, how many. Neighbours differ.
    #[must_use]
    pub fn steps(&self) -> &[(Duration, u32)] {
        &self.steps
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The time between the values of the file, where it has such.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.gap
    }

    /// The most that is ever on offer.
    #[must_use]
    pub fn max(&self) -> u32 {
        self.max
    }

    /// Back to the values at equal gaps, where there is a gap.
    #[must_use]
    pub fn ticks(&self) -> Option<Vec<u32>> {
        let gap = self.gap.filter(|g| g.0 > 0)?;
        let mut out = Vec::with_capacity((self.length.0 / gap.0) as usize);
        for (i, (from, value)) in self.steps.iter().enumerate() {
            let to = self.steps.get(i + 1).map_or(self.length, |s| s.0);
            out.extend(std::iter::repeat_n(*value, ((to.0 - from.0) / gap.0) as usize));
        }
        Some(out)
    }

    /// Its value at the start of each whole tick of another gap.
    #[must_use]
    pub fn sampled(&self, gap: Duration) -> Vec<u32> {
        let ticks = self.length.0.checked_div(gap.0).unwrap_or(0);
        (0..ticks).map(|k| self.at(Duration(k * gap.0))).collect()
    }

    /// What both offer, the less of the two at each instant, for as long as the shorter lasts: capacity by a trace and
    /// price under a bid, for example. A gap stays where both have the same.
    #[must_use]
    pub fn both(&self, other: &Availability) -> Availability {
        let length = self.length.min(other.length);
        let mut times: Vec<Duration> = self.steps.iter().chain(&other.steps).map(|s| s.0).collect();
        times.sort_unstable();
        times.dedup();
        let steps = times.into_iter().map(|t| (t, self.at(t).min(other.at(t)))).collect();
        let gap = self.gap.filter(|_| self.gap == other.gap);
        Availability { gap, ..Availability::of_steps(steps, length) }
    }

    /// The first part of it, at most `length` long: traces of one folder end at different times.
    #[must_use]
    pub fn truncated(&self, length: Duration) -> Availability {
        // A tick that is cut is left out: with a gap, the length is a whole number of them.
        let length = length.min(self.length);
        let length = self.gap.filter(|g| g.0 > 0).map_or(length, |g| Duration(length.0 / g.0 * g.0));
        Availability { gap: self.gap, ..Availability::of_steps(self.steps.clone(), length) }
    }

    /// Counted over time: the mean number on offer. `None` for an empty trace.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let weighted: u128 = self.spans().map(|(d, v)| u128::from(d.0) * u128::from(v)).sum();
        (self.length.0 > 0).then(|| weighted as f64 / self.length.0 as f64)
    }

    fn spans(&self) -> impl Iterator<Item = (Duration, u32)> {
        self.steps.iter().enumerate().map(|(i, (from, value))| {
            let to = self.steps.get(i + 1).map_or(self.length, |s| s.0);
            (to - *from, *value)
        })
    }

    /// The runs in which at least `need` are on offer, and those in which they are not, in hours, in order of time.
    /// The first and the last run count as they stand, though the recording cuts them.
    #[must_use]
    pub fn runs(&self, need: u32) -> Runs {
        let mut runs = Runs::default();
        let mut open: Option<(bool, Duration)> = None;
        for (length, value) in self.spans() {
            let up = value >= need;
            open = match open {
                Some((was, d)) if was == up => Some((up, d + length)),
                _ => {
                    runs.close(open);
                    Some((up, length))
                }
            };
        }
        runs.close(open);
        runs
    }
}

/// Lengths of the runs up and down, in hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// Runs with enough on offer.
    pub up: Vec<f64>,
    /// Runs without.
    pub down: Vec<f64>,
}

/// What the runs of one kind are like, in hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunStats {
    /// How many.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Median, between order statistics by a straight line (type 7 of Hyndman and Fan).
    pub median: f64,
    /// The 90th percentile, likewise.
    pub p90: f64,
    /// The longest.
    pub max: f64,
    /// Standard deviation (divided by n) over mean; 0 for a single run.
    pub cv: f64,
}

impl Runs {
    fn close(&mut self, run: Option<(bool, Duration)>) {
        match run {
            Some((true, d)) => self.up.push(d.as_hours_f64()),
            Some((false, d)) => self.down.push(d.as_hours_f64()),
            None => {}
        }
    }

    /// Share of the time with enough on offer; NaN for an empty trace.
    #[must_use]
    pub fn availability(&self) -> f64 {
        let (up, down) = (self.up.iter().sum::<f64>(), self.down.iter().sum::<f64>());
        up / (up + down)
    }

    /// Ends of a run up per hour up, the run that the recording's end cuts included; NaN when never up.
    #[must_use]
    pub fn hazard(&self) -> f64 {
        self.up.len() as f64 / self.up.iter().sum::<f64>()
    }

    /// What the runs up are like; `None` when there are none.
    #[must_use]
    pub fn up_stats(&self) -> Option<RunStats> {
        RunStats::of(&self.up)
    }

    /// What the runs down are like; `None` when there are none.
    #[must_use]
    pub fn down_stats(&self) -> Option<RunStats> {
        RunStats::of(&self.down)
    }
}

impl RunStats {
    /// Of lengths in hours; `None` for an empty list.
    #[must_use]
    pub fn of(hours: &[f64]) -> Option<RunStats> {
        let mut sorted = hours.to_vec();
        sorted.sort_by(f64::total_cmp);
        let moments: Moments = sorted.iter().copied().collect();
        let n = sorted.len() as f64;
        Some(RunStats {
            n: sorted.len(),
            mean: moments.mean()?,
            median: quantile(&sorted, 0.5)?,
            p90: quantile(&sorted, 0.9)?,
            max: *sorted.last()?,
            cv: moments.cv().unwrap_or(0.0) * ((n - 1.0) / n).sqrt(),
        })
    }
}
