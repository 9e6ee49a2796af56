//! Which market a run should be in now: spot, on demand, or neither.
//!
//! [`Purchaser::decide`] is asked at every tick of the decision clock and whenever something happened. It sees a
//! [`View`] of one run and answers with a [`Want`]; it starts and stops nothing itself.
//!
//! Rules: "Can't Be Late: Optimizing Spot Instance Savings under Deadlines" (Wu et al., NSDI 2024) as its simulator has
//! them (FrontierCS/Frontier-CS, `sky_spot/strategies`), and the knobs that users ask Karpenter for
//! (aws/karpenter-provider-aws, issues 7490, 3480, 8298).
//!
//! With a deadline a guard has the last word ([`Purchaser::decide`]): nothing misses one that lies at least
//! `work + 2·overhead + tick` after arrival, whatever happens to spot, as long as on demand can be had and decisions are
//! at most a tick apart.
//!
//! *Invariant:* a view is the state *after* a preemption. A guard that sees the state before it asks to keep what is
//! already gone, and idles a tick near the deadline.

use crate::units::{Duration, Rate};

pub mod diversify;
pub mod hedge;
pub mod optimum;
pub mod split;
pub mod ticks;

mod fallback;
mod guard;

use fallback::Fallback;

/// Where capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Market {
    /// Cheap, and taken back at will.
    Spot,
    /// Dear, and kept.
    OnDemand,
}

/// What a run should do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want {
    /// Hold nothing and wait.
    Nothing,
    /// Be on spot: stay, or launch there.
    Spot,
    /// Be on demand: stay, or launch there.
    OnDemand,
}

impl From<Market> for Want {
    fn from(m: Market) -> Want {
        match m {
            Market::Spot => Want::Spot,
            Market::OnDemand => Want::OnDemand,
        }
    }
}

/// What a policy sees of a run when it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Time since the run arrived.
    pub t: Duration,
    /// How often a decision is taken; at least 1 ns. The deadline guard rounds to it, so that it acts a tick early
    /// rather than a tick late.
    pub tick: Duration,
    /// All the work of the run.
    pub work: Duration,
    /// When it must have finished, since it arrived.
    pub deadline: Option<Duration>,
    /// Work done so far.
    pub done: Duration,
    /// How much of `done` would survive a loss now; all of it where nothing can be lost.
    pub safe: Duration,
    /// What runs, a preempted instance no longer counted.
    pub running: Option<Market>,
    /// Overhead of the running instance that is still to go before it works.
    pub settling: Duration,
    /// Overhead of a launch, also after a preemption.
    pub overhead: Duration,
    /// Whether spot can be had now (or kept, where it runs).
    pub spot: bool,
    /// Whether on demand can be had now (or kept, where it runs).
    pub on_demand: bool,
    /// Whether spot was lost since the last decision.
    pub preempted: bool,
    /// The prices now: spot, on demand.
    pub prices: (Rate, Rate),
}

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purchase {
    /// Never spot.
    OnDemandOnly,
    /// Never on demand: where spot is gone, wait.
    SpotOnly,
    /// Spot, and on demand where there is none.
    SpotElseOnDemand {
        /// How long to be without spot before on demand is bought; zero falls back at once, as Karpenter does.
        wait: Duration,
        /// When to go back to spot; a run on demand stays there where this is none.
        back: Option<Return>,
        /// When interruptions are too many.
        breaker: Option<Breaker>,
    },
    /// Spot or nothing, until the deadline guard buys on demand.
    Greedy,
    /// The time to the deadline in equal slices, each with its share of the work and a greedy run with a guard of its
    /// own. How the paper slices is not known to us; this is our reading.
    TimeSliced {
        /// How many; 1 is [`Purchase::Greedy`], and so is 0.
        slices: u32,
    },
    /// Never behind the line from nothing at arrival to all work at the deadline.
    UniformProgress {
        /// Back from on demand to spot only when two launches ahead of the line.
        hysteresis: bool,
    },
}

/// The slow way back from on demand to spot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Return {
    /// How long a run stays on demand at least.
    pub after: Duration,
    /// How long between two returns at least.
    pub cooldown: Duration,
    /// By which fraction of the on-demand price spot must be cheaper: 0.2 is a fifth. Zero: not dearer.
    pub min_saving: f64,
}

/// A circuit breaker: so many interruptions within a window, and the run stays on demand for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Interruptions that trip it; 0 counts as 1.
    pub max: u32,
    /// Within which time.
    pub window: Duration,
    /// How long it then stays on demand.
    pub hold: Duration,
}

/// A way to buy with what it remembers of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchaser {
    purchase: Purchase,
    fallback: Fallback,
}

impl Purchaser {
    /// For a run that has just arrived.
    #[must_use]
    pub fn new(purchase: Purchase) -> Purchaser {
        Purchaser { purchase, fallback: Fallback::default() }
    }

    /// How it buys.
    #[must_use]
    pub const fn purchase(&self) -> Purchase {
        self.purchase
    }

    /// What the run should do now. The deadline guard overrules all but [`Purchase::OnDemandOnly`] and
    /// [`Purchase::SpotOnly`], of which one needs none and one wants none. `Spot` is only said where spot can be had or runs; `OnDemand` also where it cannot
    /// be had and nothing else can: the caller tries until it can.
    pub fn decide(&mut self, v: &View) -> Want {
        debug_assert!(v.tick > Duration::ZERO, "a decision clock must tick");
        debug_assert!(v.safe <= v.done && v.done <= v.work, "safe {:?} of done {:?} of {:?}", v.safe, v.done, v.work);
        let spot = v.spot || v.running == Some(Market::Spot);
        let free = if spot { Want::Spot } else { Want::Nothing };
        let want = match self.purchase {
            Purchase::OnDemandOnly => return Want::OnDemand,
            Purchase::SpotOnly => return free,
            Purchase::SpotElseOnDemand { wait, back, breaker } => self.fallback.decide(v, spot, wait, back, breaker),
            Purchase::Greedy => free,
            Purchase::TimeSliced { slices } => {
                let n = u64::from(slices.max(1));
                guard::slice(v, n).and_then(|i| guard::check(v, spot, i, n)).unwrap_or(free)
            }
            Purchase::UniformProgress { hysteresis } => uniform(v, spot, hysteresis),
        };
        match guard::check(v, spot, 1, 1).unwrap_or(want) {
            Want::OnDemand if !v.on_demand && v.running != Some(Market::OnDemand) && spot => Want::Spot,
            w => w,
        }
    }
}

/// Uniform Progress without the guard (NSDI 2024, `rc_cr_threshold` and its form without the second condition).
fn uniform(v: &View, spot: bool, hysteresis: bool) -> Want {
    match v.running {
        Some(Market::OnDemand) if !spot => Want::OnDemand,
        Some(Market::OnDemand) if hysteresis && !guard::ahead_by_two(v) => Want::OnDemand,
        _ if spot => Want::Spot,
        _ if guard::behind(v) => Want::OnDemand,
        _ => Want::Nothing,
    }
}

#[cfg(test)]
mod tests;
