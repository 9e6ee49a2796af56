//! Services: their fronts, and the replicas that the fleet gives them.
//!
//! A replica is a pod of its service's workload: it waits in the queue of the fleet, is placed, billed, pushed out and
//! lost like any job. What it does with its time is its engine's to say.
//!
//! A service runs by itself between the moments at which the world looks: a tick of its scaler, a scrape, a replica that
//! comes or goes, the end of a bucket. Then [`World::catch_up`] lets it do all that has happened since.
//!
//! - [`replica`]: the life of one: start-up, draining, what its time was spent on;
//! - [`scrape`]: what autoscalers are shown, and when; [`scaling`]: what they decide, and who goes;
//! - [`rollout`]: new versions; [`close`]: the outcome.

pub mod close;
pub mod replica;
pub mod rollout;
pub mod scaling;
pub mod scrape;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::event::{Event, ServiceEvent};
use super::jobs::JobId;
use super::world::World;
use crate::fleet::NodeId;
use crate::kernel::{Buckets, Histogram, Integral, Stream};
use crate::ledger::book::buckets;
use crate::outcome::StartStage;
use crate::outcome::service::RolloutStep;
use crate::scenario::model::service::{Deployment, Service};
use crate::serving::front::tally::{Bucket, Computed};
use crate::serving::front::{Front, Setup};
use crate::units::{Duration, SimTime};
use crate::workload::synth::Calendar;
use rollout::Progress;
use scaling::Scaler;
use scrape::Samples;

/// A service at work.
pub(in crate::sim) struct ServiceState<'m> {
    pub model: &'m Service,
    pub front: Front<'m>,
    /// How far its front has been advanced.
    pub at: SimTime,
    pub deployments: Vec<DeploymentState>,
    pub rollouts: Vec<Progress>,
    pub steps: Vec<RolloutStep>,
    /// Its buckets of time so far.
    pub buckets: Vec<Bucket>,
    /// For sharing out time: a buffer.
    computed: Vec<Computed>,
    /// What its replicas cost, by bucket and in the present one.
    pub usd_series: Vec<f64>,
    pub usd_recent: f64,
    /// Prompt tokens computed and tokens produced by its replicas in the window.
    pub computed_tokens: (u64, u64),
}

/// A deployment at work.
pub(in crate::sim) struct DeploymentState {
    pub scaler: Scaler,
    /// Replicas that there should be.
    pub desired: u32,
    /// Its pods, in the order in which they were created; those that are going are in `leaving`.
    pub pods: Vec<JobId>,
    pub leaving: Vec<JobId>,
    /// Pods created so far.
    pub ordinals: u64,
    /// Nodes that have its image.
    pub images: BTreeSet<NodeId>,
    pub samples: Samples,
    /// Luck of start-ups.
    pub luck: Stream,
    pub tally: DeploymentTally,
}

/// What is counted of a deployment.
pub(in crate::sim) struct DeploymentTally {
    pub desired: Integral,
    desired_since: SimTime,
    pub desired_series: Buckets,
    pub ready_series: Buckets,
    pub starting_series: Buckets,
    pub busy_series: Vec<u64>,
    busy_recent: u64,
    pub ready_ns: u128,
    pub busy_ns: u128,
    pub prompt_ps: u128,
    pub step_ps: u128,
    pub ready_now: u32,
    pub ready_max: u32,
    pub created: u64,
    pub started: u64,
    pub removed: u64,
    pub lost: u64,
    pub scalings: u64,
    pub stages: [Histogram; StartStage::ALL.len()],
    pub start_up: Histogram,
    /// Sum of the shares of KV in use and how many of them: over the window, and in the present bucket.
    pub kv: (f64, u64),
    kv_recent: (f64, u64),
    pub kv_series: Vec<f64>,
    pub kv_max: f64,
}

impl DeploymentTally {
    fn new(from: SimTime, series: &Buckets) -> DeploymentTally {
        DeploymentTally {
            desired: Integral::new(from, 0),
            desired_since: SimTime::ZERO,
            desired_series: series.clone(),
            ready_series: series.clone(),
            starting_series: series.clone(),
            busy_series: Vec::new(),
            busy_recent: 0,
            ready_ns: 0,
            busy_ns: 0,
            prompt_ps: 0,
            step_ps: 0,
            ready_now: 0,
            ready_max: 0,
            created: 0,
            started: 0,
            removed: 0,
            lost: 0,
            scalings: 0,
            stages: std::array::from_fn(|_| Histogram::new()),
            start_up: Histogram::new(),
            kv: (0.0, 0),
            kv_recent: (0.0, 0),
            kv_series: Vec::new(),
            kv_max: 0.0,
        }
    }

    /// The measured window begins.
    fn begin(&mut self, now: SimTime) {
        let (desired, ready) = (self.desired.value(), self.ready_now);
        let series = Buckets::new(now, Duration(1), 0);
        let fresh = DeploymentTally::new(now, &series);
        *self = DeploymentTally {
            desired: Integral::new(now, desired),
            desired_since: now,
            desired_series: self.desired_series.clone(),
            ready_series: self.ready_series.clone(),
            starting_series: self.starting_series.clone(),
            ready_now: ready,
            ready_max: ready,
            ..fresh
        };
    }

    fn roll(&mut self) {
        self.busy_series.push(std::mem::take(&mut self.busy_recent));
        let (sum, n) = std::mem::take(&mut self.kv_recent);
        self.kv_series.push(if n > 0 { sum / n as f64 } else { 0.0 });
    }
}

impl<'m> World<'m, '_> {
    /// Services with their first replicas, and what ticks for them.
    pub fn open_services(&mut self) {
        let model = self.model;
        let zone = model.start.time_zone().clone();
        let epoch = model.start.timestamp() - jiff::SignedDuration::from_nanos(model.warmup.0 as i64);
        let calendar = Calendar { epoch, zone };
        let series = Buckets::new(self.window.0, model.bucket, buckets(self.window, model.bucket));
        for (s, m) in model.services.iter().enumerate() {
            let name = model.work[m.work as usize].name.as_str();
            let setup = Setup {
                name,
                slo: m.slo,
                streams: &self.streams,
                calendar: &calendar,
                end: self.window.1,
                series: &series,
            };
            let front = Front::new(&m.front, &m.traffic, &setup).expect("laws are checked when a scenario is resolved");
            let deployments = m
                .deployments
                .iter()
                .map(|d| DeploymentState {
                    scaler: Scaler::of(&d.scale, SimTime::ZERO),
                    desired: 0,
                    pods: Vec::new(),
                    leaving: Vec::new(),
                    ordinals: 0,
                    images: BTreeSet::new(),
                    samples: Samples::of(&d.scale),
                    luck: self.streams.stream("start-up", &format!("{name}/{}", d.name), 0),
                    tally: DeploymentTally::new(SimTime::ZERO, &series),
                })
                .collect();
            self.services.push(ServiceState {
                model: m,
                front,
                at: SimTime::ZERO,
                deployments,
                rollouts: m.rollouts.iter().map(|_| Progress::default()).collect(),
                steps: Vec::new(),
                buckets: Vec::new(),
                computed: Vec::new(),
                usd_series: Vec::new(),
                usd_recent: 0.0,
                computed_tokens: (0, 0),
            });
            let s = s as u16;
            for d in 0..m.deployments.len() as u16 {
                let initial = self.services[s as usize].deployments[d as usize].scaler.initial();
                self.services[s as usize].deployments[d as usize].desired = initial;
                self.services[s as usize].deployments[d as usize].tally.desired.set(SimTime::ZERO, u64::from(initial));
                self.reconcile(s, d);
                let (samples, scaler) = {
                    let d = &self.services[s as usize].deployments[d as usize];
                    (d.samples.every(), d.scaler.ticks())
                };
                self.tick(SimTime::ZERO + samples, ServiceEvent::Scrape(s, d));
                if let Some((sync, poll)) = scaler {
                    self.tick(SimTime::ZERO + sync, ServiceEvent::Sync(s, d));
                    if let Some(poll) = poll {
                        self.tick(SimTime::ZERO + poll, ServiceEvent::Poll(s, d));
                    }
                }
            }
            for (r, rollout) in m.rollouts.iter().enumerate() {
                self.tick(rollout.at.max(self.now), ServiceEvent::Rollout(s, r as u16));
            }
            self.tick(self.window.0 + model.bucket, ServiceEvent::Bucket(s));
        }
    }

    /// Schedules something of a service, if it is still within the run.
    pub(in crate::sim) fn tick(&mut self, at: SimTime, e: ServiceEvent) {
        if at < self.window.1 {
            let e = Event::Service(e);
            self.queue.push(at, e.class(), e);
        }
    }

    pub fn on_service(&mut self, e: ServiceEvent) {
        match e {
            ServiceEvent::Started(job) => self.replica_started(job),
            ServiceEvent::Drained(job) => self.replica_drains(job),
            ServiceEvent::Scrape(s, d) => self.scrape(s, d),
            ServiceEvent::Sync(s, d) => self.sync(s, d),
            ServiceEvent::Poll(s, d) => self.poll(s, d),
            ServiceEvent::Rollout(s, r) => self.roll_out(s, r),
            ServiceEvent::Bucket(s) => {
                self.end_bucket(s);
                self.tick(self.now + self.model.bucket, ServiceEvent::Bucket(s));
            }
        }
    }

    /// Lets a service do all that has happened until now.
    pub(in crate::sim) fn catch_up(&mut self, s: u16) {
        let now = self.now;
        let state = &mut self.services[s as usize];
        if state.at < now {
            state.front.advance(now);
            state.at = now;
        }
    }

    /// Lets a service do all that has happened before now: what happens now belongs to what begins now.
    fn catch_up_before(&mut self, s: u16) {
        let before = SimTime(self.now.0.saturating_sub(1));
        let state = &mut self.services[s as usize];
        if state.at < before {
            state.front.advance(before);
            state.at = before;
        }
    }

    /// The measured window begins.
    pub fn begin_services(&mut self) {
        let now = self.now;
        for s in 0..self.services.len() as u16 {
            self.catch_up_before(s);
            self.book_service(s);
            let state = &mut self.services[s as usize];
            state.front.begin(now);
            for d in &mut state.deployments {
                d.tally.begin(now);
            }
            state.steps.clear();
            state.usd_recent = 0.0;
            state.computed_tokens = (0, 0);
        }
    }

    /// A bucket of time is over: what replicas did in it is booked.
    fn end_bucket(&mut self, s: u16) {
        self.catch_up_before(s);
        self.book_service(s);
        let state = &mut self.services[s as usize];
        state.buckets.push(state.front.roll());
        let usd = std::mem::take(&mut state.usd_recent);
        state.usd_series.push(usd);
        state.deployments.iter_mut().for_each(|d| d.tally.roll());
    }

    /// Books what the replicas of a service did until now.
    fn book_service(&mut self, s: u16) {
        for d in 0..self.services[s as usize].deployments.len() {
            let state = &self.services[s as usize].deployments[d];
            let all: Vec<JobId> = state.pods.iter().chain(&state.leaving).copied().collect();
            for id in all {
                self.book_replica(id);
            }
        }
        let state = &mut self.services[s as usize];
        let mut none = std::mem::take(&mut state.computed);
        for lane in 0..state.model.front.lanes.len() as u16 {
            state.front.computed(lane, &mut none);
        }
        state.computed = none;
    }

    pub(in crate::sim) fn deployment(&self, s: u16, d: u16) -> &'m Deployment {
        &self.model.services[s as usize].deployments[d as usize]
    }
}
