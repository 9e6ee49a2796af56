//! How often a gang loses a node, from the laws of its pools: what an optimal interval is reckoned from.

use crate::market::{Calendar, CalendarShape, Lifetime, NEVER, Replay};
use crate::scenario::model::{Model, Supply};

/// A rate of losses and what it was reckoned from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LossRate {
    /// Losses per hour.
    pub per_hour: f64,
    /// In words, by pool.
    pub basis: Vec<String>,
    /// Part of it was measured in a trace, not a law.
    pub measured: bool,
}

/// Losses per hour of a gang, as a mean over these pools, each holding all of its `nodes`.
pub(super) fn of_gang(model: &Model, pools: &[usize], nodes: u32) -> LossRate {
    let mut all = LossRate { per_hour: 0.0, basis: Vec::new(), measured: false };
    for p in pools {
        let pool = &model.pools[*p];
        let (mut rate, measured) = pool.supply.as_deref().map_or((0.0, false), |s| in_pool(s, nodes));
        rate += shocks(model, *p, nodes);
        all.per_hour += rate / pools.len() as f64;
        all.measured |= measured;
        if rate > 0.0 {
            let how = if measured { " (measured in its trace)" } else { "" };
            all.basis.push(format!("{}: one in {:.1} h{how}", pool.name, 1.0 / rate));
        }
    }
    all
}

/// Losses per hour of so many nodes of a pool, and whether a trace was counted.
fn in_pool(s: &Supply, nodes: u32) -> (f64, bool) {
    let n = f64::from(nodes);
    let mut rate = s.hardware.as_ref().map_or(0.0, |h| n * h.rate());
    let mut measured = false;
    for (life, cause) in &s.lifetimes {
        let each = match life {
            Lifetime::Calendar(c) => calendar_mean(c),
            other => other.mean_hours().filter(|m| *m > 0.0).map_or(0.0, |m| 1.0 / m),
        };
        // Nodes that were launched together reach a limit on their age together: one loss.
        let together = *cause == crate::market::Cause::MaxLifetime;
        rate += if together { each } else { n * each };
    }
    for (replay, _) in &s.replays {
        rate += hazard(replay, nodes);
        measured = true;
    }
    (rate, measured)
}

/// Ends of what suffices for so many nodes, for each hour that it did.
fn hazard(replay: &Replay, nodes: u32) -> f64 {
    let runs = replay.trace.runs(nodes.div_ceil(replay.nodes_per_unit.max(1)));
    let hours: f64 = runs.up.iter().sum();
    // A trace that always suffices has one run that only the recording ends.
    if hours > 0.0 && !runs.down.is_empty() { runs.up.len() as f64 / hours } else { 0.0 }
}

fn calendar_mean(c: &Calendar) -> f64 {
    match &c.shape {
        CalendarShape::Sinusoid { .. } => c.per_hour,
        CalendarShape::Hours(f) => c.per_hour * f.iter().sum::<f64>() / f.len().max(1) as f64,
    }
}

/// Shocks per hour that hit at least one of so many neighbours in a pool.
fn shocks(model: &Model, pool: usize, nodes: u32) -> f64 {
    let slots = model.nodes.iter().filter(|n| usize::from(n.pool.0) == pool).count();
    let of = |s: &crate::market::Shock| {
        let group = s.group.map_or(slots, |g| g as usize).max(1);
        let processes = (nodes as usize).div_ceil(group) as f64;
        let within = (nodes as usize).min(group) as f64;
        let p = s.share(group.min(slots.max(1)));
        s.per_hour * processes * (1.0 - (1.0 - p).powf(within))
    };
    let pool = u16::try_from(pool).unwrap_or(u16::MAX);
    model.shocks.iter().filter(|s| s.pools.contains(&pool)).map(of).sum()
}

/// The mean time between losses in hours; infinite where nothing is lost.
impl LossRate {
    pub fn mean_hours(&self) -> f64 {
        if self.per_hour > 0.0 { 1.0 / self.per_hour } else { f64::INFINITY }
    }

    /// The same as a duration, for messages.
    pub fn mean(&self) -> crate::units::Duration {
        if self.per_hour > 0.0 { crate::market::hours(self.mean_hours()) } else { NEVER }
    }
}
