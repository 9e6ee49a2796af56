//! Models made in code, without a file: for closed forms, benches and library users.

mod nodes;

use std::sync::Arc;

use super::model::service::{CpuUse, Deployment, Engine, Role, Scale, Service, Slo, Start};
use super::model::{Metering, Model, NodeSpec, Pool, PriceStep, Source, Tariff, Tier, Unit, Work};
use crate::catalog::BillingRule;
use crate::fleet::{Capacity, IslandId, PoolId, PoolSet};
use crate::kernel::Dist;
use crate::ledger::Power;
use crate::policy::placement::{PlacementPolicy, Ties};
use crate::policy::queue::QueuePolicy;
use crate::serving::front;
use crate::serving::router::Routing;
use crate::units::{Duration, Label, Rate, SimTime};
use crate::workload::Request;
use crate::workload::traffic::Traffic;

impl Model {
    /// An empty fleet without work, from 2026-01-01 UTC, without a warm-up; strict FIFO, first fit, hourly series.
    #[must_use]
    pub fn empty(name: &str, horizon: Duration) -> Model {
        let start = jiff::civil::date(2026, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).expect("a date that UTC has");
        Model {
            name: name.to_owned(),
            variant: None,
            start,
            warmup: Duration::ZERO,
            horizon,
            pools: Vec::new(),
            nodes: Vec::new(),
            shocks: Vec::new(),
            stores: Vec::new(),
            ends_with_work: false,
            replications: 1,
            changes: Vec::new(),
            queue: QueuePolicy::default(),
            placement: PlacementPolicy::FirstFit,
            ties: Ties::default(),
            tie_seed: None,
            node_autoscaler: None,
            descheduler: None,
            quotas: Vec::new(),
            work: Vec::new(),
            services: Vec::new(),
            budgets: Vec::new(),
            fees: Vec::new(),
            bucket: Duration::from_hours(1),
            evidence: Vec::new(),
        }
    }

    /// Adds a pool of like nodes on one island, priced per GPU (per core where the nodes have no GPU) and hour.
    pub fn add_pool(&mut self, name: &str, capacity: Capacity, nodes: u32, rate: Rate) -> PoolId {
        let pool = PoolId(self.pools.len() as u16);
        let unit = if capacity.gpus > 0 { Unit::Gpu } else { Unit::Cpu };
        self.pools.push(Pool {
            name: name.to_owned(),
            device: if unit == Unit::Gpu { "gpu" } else { "cpu" }.to_owned(),
            instance: None,
            zone: None,
            market: "on-demand".to_owned(),
            tariff: Tariff {
                unit,
                metering: Metering::Nodes,
                steps: vec![PriceStep {
                    from: SimTime::ZERO,
                    rate,
                    source: "given in code".to_owned(),
                    evidence: "guess".to_owned(),
                }],
                per_milli: 1000,
                per: if unit == Unit::Gpu { "GPU" } else { "core" }.to_owned(),
                rule: BillingRule::EXACT,
                sunk: false,
            },
            power: Power { model: None, pue: 1.0 },
            supply: None,
            share: None,
        });
        let island = IslandId(u32::from(pool.0));
        self.nodes.extend((0..nodes).map(|_| NodeSpec { pool, island, capacity }));
        for w in &mut self.work {
            w.speed.push(1.0);
        }
        pool
    }

    /// Adds work that may use every pool, at speed 1, without labels.
    pub fn add_work(&mut self, name: &str, source: Source) -> &mut Work {
        let (labels, accepts) = match &source {
            Source::Jobs(_) => (vec![Vec::new()], vec![PoolSet::ALL]),
            Source::Synth(s) => (s.label_sets().to_vec(), vec![PoolSet::ALL; s.accepts().len()]),
            Source::Service(_) => (vec![Vec::new()], vec![PoolSet::ALL]),
        };
        self.work.push(Work {
            name: name.to_owned(),
            source,
            tiers: vec![Tier { pools: PoolSet::ALL, after: Duration::ZERO }],
            accepts,
            labels,
            speed: vec![1.0; self.pools.len()],
            one_island: false,
            wait_target: None,
            disruption: super::model::Disruption::default(),
            run: None,
            unsliced: 1.0,
        });
        self.work.last_mut().expect("just added")
    }

    /// Adds a service with its workload: lanes by the deployments' own, each behind a least-outstanding router; what comes
    /// while there is no replica is held; nobody gives up, and what is cut off with a replica is sent again once.
    ///
    /// `labels` are the service's own; those of its requests are added to them.
    pub fn add_service(
        &mut self,
        name: &str,
        labels: &[Label],
        traffic: Traffic,
        deployments: Vec<Deployment>,
    ) -> &mut Service {
        let index = self.services.len() as u16;
        let own = labels.to_vec();
        let mut sets = vec![own.clone()];
        for set in traffic.label_sets() {
            let more = set.iter().filter(|l| own.iter().all(|o| o.key != l.key));
            let mut all: Vec<Label> = own.iter().chain(more).cloned().collect();
            all.sort();
            sets.push(all);
        }
        let lanes = deployments.iter().map(|d| d.lane as usize + 1).max().unwrap_or(0);
        let front = front::Config {
            lanes: vec![front::Lane { routing: Routing::LeastOutstanding, decode: None }; lanes],
            lane_of_source: vec![0; traffic.sources().len()],
            hold: 10_000,
            patience: Duration(u64::MAX),
            timeout: Duration(u64::MAX),
            retry: front::Retry::DEFAULT,
            caches: front::Caches::default(),
            limits: Vec::new(),
        };
        let accepts = deployments.iter().map(|d| d.pools).collect();
        let work = self.work.len() as u16;
        let w = self.add_work(name, Source::Service(index));
        (w.labels, w.accepts) = (sets, accepts);
        let (rollouts, slo) = (Vec::new(), Slo::default());
        self.services.push(Service { work, traffic, front, deployments, rollouts, slo });
        self.services.last_mut().expect("just added")
    }
}

impl Deployment {
    /// Replicas of one GPU on one pool, which take requests as soon as they have a place.
    #[must_use]
    pub fn on(pool: PoolId, engine: Engine, scale: Scale) -> Deployment {
        let nothing = || Dist::constant(0.0).expect("a constant");
        let mut engines = vec![None; pool.0 as usize + 1];
        engines[pool.0 as usize] = Some(Arc::new(engine));
        Deployment {
            name: "main".to_owned(),
            model: "model".to_owned(),
            role: Role::Whole,
            lane: 0,
            pools: PoolSet::only(pool),
            engines,
            request: Request { cpu_milli: 1_000, mem_mib: 0, gpus: 1, gpu_milli: 1000, slice: 0 },
            pods: 1,
            priority: 0,
            start: Start { image: nothing(), image_stays: true, load: nothing(), warm_up: nothing() },
            grace: Duration::from_secs(30),
            disruption: super::model::Disruption::default(),
            scale,
            cpu: CpuUse { request: 1_000, idle: 0, busy: 1_000 },
            busy_ppm: 1_000_000,
        }
    }
}
