//! SpotHedge: replicated serving on spot over several locations, with more replicas than needed and on demand behind.
//!
//! Rules: "SkyServe: Serving AI Models across Regions and Clouds with Spot Instances" (Mao et al., EuroSys 2025) as
//! skypilot-org/skypilot has them: `sky/serve/spot_placer.py` for the placer, `sky/serve/autoscalers.py` for the fallback.
//! The filter of the placer's stored version looks turned round against its own comment; this is the comment.

pub mod replay;

use crate::units::{Duration, Rate};

/// What the placer sees of a location (a zone, or an instance type in one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The spot price now.
    pub price: Rate,
    /// Replicas that are there, launching ones included.
    pub replicas: u32,
    /// Whether it is left out this time: a launch there has just failed.
    pub tried: bool,
}

/// Where the next spot replica goes. A location is active until it preempts or refuses; when fewer than two are active,
/// all are again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placer {
    active: Vec<bool>,
}

impl Placer {
    /// For so many locations, all active.
    #[must_use]
    pub fn new(locations: usize) -> Placer {
        Placer { active: vec![true; locations] }
    }

    /// Whether a location is active.
    #[must_use]
    pub fn is_active(&self, location: usize) -> bool {
        self.active[location]
    }

    /// The active location with the fewest replicas (one that is not in use first of all), the cheapest of those, the
    /// first in order; none where no location is left to try.
    #[must_use]
    pub fn choose(&self, locations: &[Location]) -> Option<usize> {
        assert_eq!(locations.len(), self.active.len(), "the locations that the placer was made for");
        let open = (0..locations.len()).filter(|&i| self.active[i] && !locations[i].tried);
        open.min_by_key(|&i| (locations[i].replicas, locations[i].price, i))
    }

    /// A launch has succeeded.
    pub fn launched(&mut self, location: usize) {
        self.active[location] = true;
    }

    /// A replica was preempted, or a launch has failed.
    pub fn lost(&mut self, location: usize) {
        self.active[location] = false;
        if self.active.iter().filter(|a| **a).count() < 2 {
            self.active.fill(true);
        }
    }
}

/// How on demand stands in for spot that is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Not at all.
    None,
    /// For every missing spot replica, spare ones too: `min(N, N + extra − ready)`, the form of the paper.
    Spares,
    /// For those without which fewer than needed are ready: `max(0, N − ready)`.
    Needed,
}

/// How a service is kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// Spot replicas beyond what is needed (`num_overprovision`).
    pub extra: u32,
    /// Replicas that are always on demand (`base_ondemand_fallback_replicas`), counted among the needed ones.
    pub base: u32,
    /// On demand in place of spot (`dynamic_ondemand_fallback`).
    pub cover: Cover,
    /// How long more must be needed before there are more (`upscale_delay_seconds`).
    pub upscale_delay: Duration,
    /// How long fewer must be needed before there are fewer (`downscale_delay_seconds`).
    pub downscale_delay: Duration,
}

/// How many replicas to hold of either kind, launching ones included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// On spot.
    pub spot: u32,
    /// On demand.
    pub on_demand: u32,
}

/// How many replicas a load needs: its rate over what one replica serves, rounded up, within the bounds; the lower one
/// where the rate of a replica is not above zero.
#[must_use]
pub fn needed(load: f64, per_replica: f64, min: u32, max: u32) -> u32 {
    let n = (load / per_replica).ceil();
    // `as` saturates and sends NaN to zero; both ends are then put within the bounds.
    let n = if per_replica > 0.0 { n as u32 } else { 0 };
    n.max(min).min(max.max(min))
}

/// How many replicas there should be, with delays on the way up and down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    hedge: Hedge,
    target: u32,
    /// Since when more, or fewer, are needed without a break.
    more: Option<Duration>,
    fewer: Option<Duration>,
}

impl Autoscaler {
    /// Starts with a target.
    #[must_use]
    pub fn new(hedge: Hedge, target: u32) -> Autoscaler {
        Autoscaler { hedge, target, more: None, fewer: None }
    }

    /// The number of replicas now aimed at, without spare ones.
    #[must_use]
    pub const fn target(&self) -> u32 {
        self.target
    }

    /// What to hold at time `t`, where the load needs `needed` replicas and `ready_spot` spot replicas serve.
    pub fn decide(&mut self, t: Duration, needed: u32, ready_spot: u32) -> Replicas {
        let due = |since: &mut Option<Duration>, wanted: bool, delay: Duration| {
            if !wanted {
                *since = None;
            }
            wanted && t - *since.get_or_insert(t) >= delay
        };
        let up = due(&mut self.more, needed > self.target, self.hedge.upscale_delay);
        let down = due(&mut self.fewer, needed < self.target, self.hedge.downscale_delay);
        if up || down {
            self.target = needed;
            (self.more, self.fewer) = (None, None);
        }
        let base = self.hedge.base.min(self.target);
        let on_spot = self.target - base;
        let spot = on_spot + self.hedge.extra;
        let cover = match self.hedge.cover {
            Cover::None => 0,
            Cover::Spares => spot.saturating_sub(ready_spot).min(on_spot),
            Cover::Needed => on_spot.saturating_sub(ready_spot),
        };
        Replicas { spot, on_demand: base + cover }
    }
}

#[cfg(test)]
mod tests;
