//! How long a node lives before it is taken, and markets that go up and down.
//!
//! Exponential lives are for tests against closed forms; recorded spot lives vary far more (a coefficient of variation
//! of 1.4 to 4.4), so that plans want a hyper-exponential, an empirical law or a trace.

use super::availability::Availability;
use super::hours;
use super::read::Life;
use crate::kernel::{Dist, Stream};
use crate::units::time::NANOS_PER_HOUR;
use crate::units::{Duration, SimTime};

/// When a node that was born at some instant dies.
#[derive(Clone, Debug, PartialEq)]
pub enum Lifetime {
    /// By its age alone, in hours.
    Law(Dist),
    /// By the time of day or of the week.
    Calendar(Calendar),
    /// Often young, seldom in between, and often again before a limit.
    Bathtub(Bathtub),
}

impl Lifetime {
    /// Draws a life; [`super::NEVER`] where it has no end. A calendar and a bathtub take one draw, a law those of the law.
    pub fn draw(&self, born: SimTime, s: &mut Stream) -> Duration {
        match self {
            Lifetime::Law(dist) => hours(dist.sample(s)),
            Lifetime::Calendar(c) => c.draw(born, s),
            Lifetime::Bathtub(b) => hours(b.quantile(s.uniform())),
        }
    }

    /// The probability of reaching an age.
    #[must_use]
    pub fn survival(&self, born: SimTime, age: Duration) -> f64 {
        match self {
            Lifetime::Law(dist) => 1.0 - dist.cdf(age.as_hours_f64()),
            Lifetime::Calendar(c) => (-c.hazard(born_hours(born), age.as_hours_f64())).exp(),
            Lifetime::Bathtub(b) => 1.0 - b.cdf(age.as_hours_f64()),
        }
    }

    /// The mean in hours, where it is finite and does not depend on when the node was born.
    #[must_use]
    pub fn mean_hours(&self) -> Option<f64> {
        match self {
            Lifetime::Law(dist) => Some(dist.mean()).filter(|m| m.is_finite()),
            Lifetime::Calendar(_) => None,
            Lifetime::Bathtub(b) => Some(b.mean()),
        }
    }
}

/// The law of observed lives, in hours, by Kaplan and Meier's estimate (JASA 53(282), 1958): those that were taken at
/// an age count against all that reached it, so that those that only stopped being watched bias nothing. What is left
/// at the longest life goes there (B. Efron's convention). `None` where none was taken.
#[must_use]
pub fn empirical<'a>(lives: impl IntoIterator<Item = &'a Life>) -> Option<Dist> {
    let mut sorted: Vec<(Duration, bool)> = lives.into_iter().map(|l| (l.lived, l.taken)).collect();
    sorted.sort_unstable();
    let longest = sorted.last()?.0.as_hours_f64();
    if !sorted.iter().any(|l| l.1) {
        return None;
    }
    let (mut left, mut at_risk) = (1.0, sorted.len() as f64);
    let mut table: Vec<(f64, f64)> = Vec::new();
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        let taken = same.iter().filter(|l| l.1).count() as f64;
        if taken > 0.0 {
            table.push((same[0].0.as_hours_f64(), left * taken / at_risk));
            left *= 1.0 - taken / at_risk;
        }
        at_risk -= same.len() as f64;
    }
    if left > 1e-12 {
        table.push((longest, left));
    }
    Dist::values(&table).ok()
}

fn born_hours(born: SimTime) -> f64 {
    born.0 as f64 / NANOS_PER_HOUR as f64
}

/// A hazard that follows the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The hazard that the shape multiplies, per hour.
    pub per_hour: f64,
    /// How it varies.
    pub shape: CalendarShape,
    /// The local hour of the week at the run's epoch, from 0 (Monday, midnight) to 168. A change of the clock during
    /// the run is not followed.
    pub epoch_hour: f64,
}

/// How a hazard follows the clock.
#[derive(Clone, Debug, PartialEq)]
pub enum CalendarShape {
    /// 1 + a · sin(2π(t − φ)/24), with 0 ≤ a ≤ 1.
    Sinusoid {
        /// a.
        amplitude: f64,
        /// φ, the hour of the day at which it rises through its mean.
        phase_h: f64,
    },
    /// A factor for each hour of the day (24) or of the week (168, from Monday). Another number of them repeats too.
    Hours(Vec<f64>),
}

impl Calendar {
    /// The hazard per hour at `t` hours since the epoch.
    #[must_use]
    pub fn rate(&self, t: f64) -> f64 {
        let clock = self.epoch_hour + t;
        let factor = match &self.shape {
            CalendarShape::Sinusoid { amplitude, phase_h } => 1.0 + amplitude * ((clock - phase_h) * TURN).sin(),
            CalendarShape::Hours(f) if f.is_empty() => 1.0,
            CalendarShape::Hours(f) => f[(clock.rem_euclid(f.len() as f64) as usize).min(f.len() - 1)],
        };
        self.per_hour * factor.max(0.0)
    }

    /// The hazard gathered from `from` hours since the epoch over an age in hours.
    #[must_use]
    pub fn hazard(&self, from: f64, age: f64) -> f64 {
        let clock = self.epoch_hour + from;
        let shape = match &self.shape {
            CalendarShape::Sinusoid { amplitude, phase_h } => {
                let cos = |t: f64| ((t - phase_h) * TURN).cos();
                age - amplitude / TURN * (cos(clock + age) - cos(clock))
            }
            CalendarShape::Hours(f) if f.is_empty() => age,
            CalendarShape::Hours(f) => gathered(f, clock + age) - gathered(f, clock),
        };
        (self.per_hour * shape).max(0.0)
    }

    /// One draw: the age at which the gathered hazard reaches an exponential of mean one.
    fn draw(&self, born: SimTime, s: &mut Stream) -> Duration {
        let target = -s.open().ln();
        hours(self.reach(born_hours(born), target))
    }

    /// The age at which the hazard gathered from `from` reaches `target`; infinite where it never does.
    fn reach(&self, from: f64, target: f64) -> f64 {
        // Over a whole period the shape gathers the same, whenever that begins: only the last period is searched.
        let period = match &self.shape {
            CalendarShape::Hours(f) if !f.is_empty() => f.len() as f64,
            _ => 24.0,
        };
        let per_period = self.hazard(from, period);
        if !(per_period > 0.0 && per_period.is_finite()) {
            return f64::INFINITY;
        }
        let whole = (target / per_period).floor();
        let rest = target - whole * per_period;
        let (mut low, mut high) = (0.0, period);
        // Halving 24 or 168 hours sixty times leaves less than a nanosecond.
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.hazard(from, middle) < rest {
                low = middle;
            } else {
                high = middle;
            }
        }
        whole * period + high
    }
}

/// Radians in an hour of the day.
const TURN: f64 = std::f64::consts::TAU / 24.0;

/// The factors of a period summed from hour 0 to hour `t`.
fn gathered(factors: &[f64], t: f64) -> f64 {
    let n = factors.len() as f64;
    let total: f64 = factors.iter().map(|f| f.max(0.0)).sum();
    let (rounds, rest) = (t.div_euclid(n), t.rem_euclid(n));
    let whole = (rest as usize).min(factors.len() - 1);
    let sum: f64 = factors[..whole].iter().map(|f| f.max(0.0)).sum();
    rounds * total + sum + (rest - whole as f64) * factors[whole].max(0.0)
}

/// Lives that end often young, seldom in between, and often again before a limit: P(life ≤ t) =
/// A(1 − e^(−t/τ₁) + e^((t − b)/τ₂)), cut to 0 to 1 (J. Kadupitiya, V. Jadhao and P. Sharma, HPDC 2020; arXiv
/// 1911.05160, for the preemptible VMs of Google with their limit of 24 h; today's Spot VMs have none).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bathtub {
    /// A, the share that the early deaths tend to.
    pub a: f64,
    /// τ₁ in hours, how fast the early deaths come.
    pub tau1_h: f64,
    /// τ₂ in hours, how fast the late ones do.
    pub tau2_h: f64,
    /// b in hours, when the late ones come.
    pub b_h: f64,
    /// All that are left die at this age.
    pub cap_h: Option<f64>,
}

impl Bathtub {
    /// P(life ≤ t), hours.
    #[must_use]
    pub fn cdf(&self, t: f64) -> f64 {
        match self.cap_h {
            Some(cap) if t >= cap => 1.0,
            _ if t < 0.0 => 0.0,
            _ => self.form(t).clamp(0.0, 1.0),
        }
    }

    fn form(&self, t: f64) -> f64 {
        self.a * (1.0 - (-t / self.tau1_h).exp() + ((t - self.b_h) / self.tau2_h).exp())
    }

    /// The age in hours by which all have died.
    #[must_use]
    pub fn end(&self) -> f64 {
        let cap = self.cap_h.unwrap_or(f64::INFINITY).max(0.0);
        // e^((t − b)/τ₂) ≤ 1/A is needed for the form to stay below one: the end is no later than this.
        let bound = (self.b_h + self.tau2_h * (1.0 / self.a).ln()).max(0.0);
        bisect(1.0, bound, |t| self.form(t)).min(cap)
    }

    /// The least age with P(life ≤ age) ≥ p, in hours.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let end = self.end();
        if p <= self.cdf(0.0) { 0.0 } else { bisect(p, end, |t| self.cdf(t)) }
    }

    /// The mean life in hours: ∫ (1 − F) from zero to the end, in closed form.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let t = self.end();
        let early = t - self.tau1_h * (1.0 - (-t / self.tau1_h).exp());
        let late = self.tau2_h * (((t - self.b_h) / self.tau2_h).exp() - (-self.b_h / self.tau2_h).exp());
        t - self.a * (early + late)
    }
}

/// The least t in 0 to `high` at which a rising function reaches `p`; `high` where it does not.
fn bisect(p: f64, high: f64, rising: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, high);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if rising(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// A market that is up and down by turns (alternating renewal), lengths in hours.
#[derive(Clone, Debug, PartialEq)]
pub struct OnOff {
    up: Dist,
    down: Dist,
}

/// The lengths of an [`OnOff`] have no finite mean, or together are less than a second on average.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("up and down need finite means, together a second or more, found {up} h and {down} h")]
pub struct BadOnOff {
    /// Mean up, hours.
    pub up: f64,
    /// Mean down, hours.
    pub down: f64,
}

impl OnOff {
    /// Lengths of the runs up and down, in hours.
    ///
    /// # Errors
    /// When a mean is negative or not finite, or the two together are less than a second: a path would never end.
    pub fn new(up: Dist, down: Dist) -> Result<OnOff, BadOnOff> {
        let (u, d) = (up.mean(), down.mean());
        if u.is_finite() && d.is_finite() && u >= 0.0 && d >= 0.0 && u + d >= 1.0 / 3600.0 {
            Ok(OnOff { up, down })
        } else {
            Err(BadOnOff { up: u, down: d })
        }
    }

    /// The example `two_exp` of the simulator of "Can't Be Late" (NSDI 2024): exponential, 24.4920 ticks of 600 s up
    /// and 6.4126984 down on average.
    #[must_use]
    pub fn two_exp() -> OnOff {
        let hours = |ticks: f64| Dist::exponential(ticks * 600.0 / 3600.0).expect("a positive mean");
        OnOff { up: hours(24.4920), down: hours(6.4126984) }
    }

    /// The share of time up, in the long run.
    #[must_use]
    pub fn availability(&self) -> f64 {
        self.up.mean() / (self.up.mean() + self.down.mean())
    }

    /// A path of 0 (down) and 1 (up). It begins some fifty turns into its life, so that its start is neither an
    /// up's nor a down's beginning. No run is shorter than 1/10,000 of the mean turn. With a gap, each run takes a
    /// whole number of ticks, at least one, to the nearest.
    pub fn path(&self, length: Duration, gap: Option<Duration>, s: &mut Stream) -> Availability {
        // A mean beyond the range of time must leave room for what comes after the turns before the start.
        let turn = hours(self.up.mean() + self.down.mean()).min(Duration(u64::MAX / (4 * BURN_IN)));
        let gap = gap.filter(|g| g.0 > 0);
        let tick = gap.map_or(1, |g| g.0);
        let whole = |d: u64| d.div_ceil(tick).saturating_mul(tick);
        let before = whole(turn.0.saturating_mul(BURN_IN));
        let end = before.saturating_add(whole(length.0));
        let mut steps = Vec::new();
        let (mut at, mut up) = (0_u64, s.uniform() < self.availability());
        // A law with an atom at zero makes many empty runs: a least length keeps the number of steps in bounds.
        let least = tick.max(turn.0 / 10_000).max(1);
        while at < end {
            let h = if up { self.up.sample(s) } else { self.down.sample(s) };
            let drawn = hours(h).0;
            let rounded =
                if tick > 1 { ((drawn as f64 / tick as f64).round() as u64).saturating_mul(tick) } else { drawn };
            let never = if up { self.up.mean() == 0.0 } else { self.down.mean() == 0.0 };
            let to = at.saturating_add(if never { 0 } else { rounded.max(least) });
            if to > before {
                steps.push((Duration(at.saturating_sub(before)), u32::from(up)));
            }
            (at, up) = (to, !up);
        }
        let path = Availability::of_steps(steps, Duration(end - before));
        match gap {
            Some(g) => Availability::of_ticks(g, &path.sampled(g)),
            None => path,
        }
    }

    /// A law's run lengths: up, down.
    #[must_use]
    pub fn laws(&self) -> (&Dist, &Dist) {
        (&self.up, &self.down)
    }
}

/// Turns before a path begins.
const BURN_IN: u64 = 50;
