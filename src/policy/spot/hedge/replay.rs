//! SpotHedge replayed tick by tick on traces of how many nodes each location has.
//!
//! Within a tick: what a location no longer has is killed, youngest first; spot is launched one by one until there are
//! enough or every active location has refused (each refuses once a tick); replicas that were launched long enough ago
//! are ready; on demand covers; whole ticks are billed, launching ones too.

use super::{Autoscaler, Hedge, Location, Placer};
use crate::units::{Duration, Rate};

/// What is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Replicas needed, all the time.
    pub needed: u32,
    /// How they are kept up.
    pub hedge: Hedge,
    /// Ticks from a launch to readiness, in either market.
    pub cold_ticks: usize,
    /// The length of a tick.
    pub tick: Duration,
}

/// What became of it. Counts are over all ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Ticks replayed: those that every location has.
    pub ticks: u64,
    /// Spot replicas × ticks billed.
    pub spot_ticks: u64,
    /// On-demand replicas × ticks billed.
    pub on_demand_ticks: u64,
    /// Ticks with at least one replica ready.
    pub some_ready: u64,
    /// Ticks with all that are needed ready.
    pub all_ready: u64,
    /// Spot replicas taken away.
    pub preemptions: u64,
    /// Launches refused.
    pub failed: u64,
}

impl Served {
    /// The bill in multiples of the needed replicas on demand all the time, for spot at `ratio` of the on-demand price.
    #[must_use]
    pub fn cost(&self, needed: u32, ratio: f64) -> f64 {
        (ratio * self.spot_ticks as f64 + self.on_demand_ticks as f64) / (f64::from(needed) * self.ticks as f64)
    }
}

/// Replays a service on `counts[location][tick]`, all locations at one price; ends with the shortest.
#[must_use]
pub fn serve(service: &Service, counts: &[Vec<u32>]) -> Served {
    let ticks = counts.iter().map(Vec::len).min().unwrap_or(0);
    let mut placer = Placer::new(counts.len());
    let mut scaler = Autoscaler::new(service.hedge, service.needed);
    // From when each replica is ready, the oldest first.
    let mut spot: Vec<Vec<usize>> = vec![Vec::new(); counts.len()];
    let mut on_demand: Vec<usize> = Vec::new();
    let mut out = Served { ticks: ticks as u64, ..Served::default() };
    for k in 0..ticks {
        for (z, held) in spot.iter_mut().enumerate() {
            let has = counts[z][k] as usize;
            if held.len() > has {
                out.preemptions += (held.len() - has) as u64;
                held.truncate(has);
                // Once, however many it was: the location is what is preempted.
                placer.lost(z);
            }
        }
        let ready = |held: &[usize]| held.iter().filter(|from| **from <= k).count() as u32;
        let ready_before = spot.iter().map(|h| ready(h)).sum();
        let t = Duration(k as u64 * service.tick.0);
        let goal = scaler.decide(t, service.needed, ready_before).spot as usize;
        let mut tried = vec![false; counts.len()];
        while spot.iter().map(Vec::len).sum::<usize>() < goal {
            let view = |z: usize| Location { price: Rate(0), replicas: spot[z].len() as u32, tried: tried[z] };
            let Some(z) = placer.choose(&(0..counts.len()).map(view).collect::<Vec<_>>()) else { break };
            if spot[z].len() < counts[z][k] as usize {
                spot[z].push(k + service.cold_ticks);
                placer.launched(z);
            } else {
                tried[z] = true;
                out.failed += 1;
                placer.lost(z);
            }
        }
        // Asked again: without a cold start, spot launched in this tick is ready in it.
        let ready_spot: u32 = spot.iter().map(|h| ready(h)).sum();
        let cover = scaler.decide(t, service.needed, ready_spot).on_demand as usize;
        on_demand.resize(cover, k + service.cold_ticks);
        let all = ready_spot + ready(&on_demand);
        out.some_ready += u64::from(all >= 1);
        out.all_ready += u64::from(all >= service.needed);
        out.spot_ticks += spot.iter().map(|h| h.len() as u64).sum::<u64>();
        out.on_demand_ticks += on_demand.len() as u64;
    }
    out
}
