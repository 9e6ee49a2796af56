//! Models made in code, without a file: for closed forms, benches and library users.

use super::model::{Metering, Model, NodeSpec, Pool, PriceStep, Source, Tariff, Tier, Unit, Work};
use crate::catalog::BillingRule;
use crate::fleet::{Capacity, IslandId, PoolId, PoolSet};
use crate::ledger::Power;
use crate::policy::placement::{PlacementPolicy, Ties};
use crate::policy::queue::QueuePolicy;
use crate::units::{Duration, Rate, SimTime};

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
            run: None,
        });
        self.work.last_mut().expect("just added")
    }
}
