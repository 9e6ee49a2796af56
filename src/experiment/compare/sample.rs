//! What a comparison needs to know of a candidate's replications: every metric of each, and the sums of the bill.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::paired::Series;
use crate::outcome::metric::{Direction, metrics};
use crate::outcome::{ChargeKind, Exact, Metric, Money, Outcome, PriceRow, exact};
use crate::scenario::model::Model;
use crate::units::Usd;

/// A candidate's replications, from 0, without a gap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The scenario's name.
    pub scenario: String,
    /// The variant's name, when it is one.
    pub variant: Option<String>,
    /// Seed of every replication.
    pub seed: u64,
    /// Start of the measured window, with its zone.
    pub start: String,
    /// Its length (at most, where the run ends with its work), ns.
    pub horizon_ns: u64,
    /// Simulated before it, ns.
    pub warmup_ns: u64,
    /// The pools, in the scenario's order.
    pub pools: Vec<PoolFacts>,
    /// The bill by replication.
    pub bills: Vec<Money>,
    /// The fingerprint by replication, sixteen hexadecimal digits each.
    pub fingerprints: Vec<Fingerprint>,
    /// Every metric by replication.
    pub metrics: Vec<Series>,
    /// Tokens of answers by replication; empty without services.
    pub tokens: Vec<u64>,
    /// The lines of the bill, summed over the replications; they add up to the sum of `bills`, exactly.
    pub lines: Vec<Line>,
    /// The prices that the lines refer to by pool and date.
    pub prices: Vec<PriceRow>,
}

/// A run's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(#[serde(with = "exact::hex")] pub u64);

/// What a pool is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFacts {
    /// Its name.
    pub name: String,
    /// The device's canonical name, or `cpu`.
    pub device: String,
    /// The instance type, when it has one.
    pub instance: Option<String>,
    /// `on-demand`, `spot` or `owned`.
    pub market: String,
    /// `gpu` or `cpu`: what it is counted in.
    pub unit: String,
}

/// A line of the bill, summed over the replications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The pool, or the fee's name.
    pub pool: String,
    /// What for.
    pub kind: ChargeKind,
    /// Who held it; none for the fleet's own waste and fees.
    pub workload: Option<String>,
    /// From when its price is in force, ns from the start of the window; none where no price is behind it.
    pub price_from_ns: Option<u64>,
    /// Milli-GPU·ns (milli-CPU·ns in a pool without GPUs).
    pub milli_ns: Exact,
    /// The amount.
    pub usd: Money,
}

type Key = (String, ChargeKind, Option<String>, Option<u64>);

/// One replication.
#[derive(Clone, Debug)]
pub struct One {
    bill: Usd,
    fingerprint: u64,
    metrics: Vec<Metric>,
    tokens: Option<u64>,
    lines: BTreeMap<Key, (u128, Usd)>,
    prices: Vec<PriceRow>,
    pools: Vec<PoolFacts>,
}

impl One {
    /// What is kept of a run.
    #[must_use]
    pub fn of(o: &Outcome) -> One {
        let mut lines: BTreeMap<Key, (u128, Usd)> = BTreeMap::new();
        for c in &o.charges {
            let from = c.price.and_then(|p| o.prices.get(p)).map(|p| p.from_ns);
            let sum = lines.entry((c.pool.clone(), c.kind, c.workload.clone(), from)).or_default();
            sum.0 += c.milli_ns.0;
            sum.1 += c.usd.0;
        }
        let mut services = o.work.iter().filter_map(|w| w.service.as_deref()).peekable();
        let tokens = services.peek().is_some().then(|| services.map(|s| s.tokens.output).sum());
        let pools = o.pools.iter().map(|p| PoolFacts {
            name: p.name.clone(),
            device: p.device.clone(),
            instance: p.instance.clone(),
            market: p.market.clone(),
            unit: p.unit.clone(),
        });
        One {
            bill: o.bill(),
            fingerprint: o.fingerprint,
            metrics: metrics(o),
            tokens,
            lines,
            prices: o.prices.clone(),
            pools: pools.collect(),
        }
    }
}

impl Sample {
    /// Puts replications together, which are in order from 0.
    #[must_use]
    pub fn of(model: &Model, seed: u64, ones: &[One]) -> Sample {
        let mut series: Vec<Series> = Vec::new();
        let mut index: BTreeMap<&str, usize> = BTreeMap::new();
        let mut lines: BTreeMap<&Key, (u128, Usd)> = BTreeMap::new();
        let mut prices: BTreeMap<(&str, u64), &PriceRow> = BTreeMap::new();
        for (r, one) in ones.iter().enumerate() {
            for m in &one.metrics {
                // A label may turn up in one replication and not in another: absent there.
                let at = *index.entry(&m.name).or_insert_with(|| {
                    let values = vec![None; ones.len()];
                    series.push(Series { name: m.name.clone(), unit: m.unit.clone(), better: m.better, values });
                    series.len() - 1
                });
                series[at].values[r] = m.value;
            }
            for (key, (milli_ns, usd)) in &one.lines {
                let sum = lines.entry(key).or_default();
                sum.0 += milli_ns;
                sum.1 += *usd;
            }
            for p in &one.prices {
                prices.entry((&p.pool, p.from_ns)).or_insert(p);
            }
        }
        // Money that is nowhere is nothing, not unknown.
        for s in series.iter_mut().filter(|s| s.name.starts_with("cost.label.")) {
            s.values.iter_mut().for_each(|v| *v = v.or(Some(0.0)));
        }
        let lines = lines.into_iter().map(|((pool, kind, workload, from), (milli_ns, usd))| Line {
            pool: pool.clone(),
            kind: *kind,
            workload: workload.clone(),
            price_from_ns: *from,
            milli_ns: Exact(milli_ns),
            usd: Money(usd),
        });
        let sample = Sample {
            scenario: model.name.clone(),
            variant: model.variant.clone(),
            seed,
            start: model.start.to_string(),
            horizon_ns: model.horizon.0,
            warmup_ns: model.warmup.0,
            pools: ones.first().map_or_else(Vec::new, |o| o.pools.clone()),
            bills: ones.iter().map(|o| Money(o.bill)).collect(),
            fingerprints: ones.iter().map(|o| Fingerprint(o.fingerprint)).collect(),
            metrics: series,
            tokens: ones.iter().filter_map(|o| o.tokens).collect(),
            lines: lines.collect(),
            prices: prices.into_values().cloned().collect(),
        };
        assert_eq!(sample.total(), sample.lines.iter().map(|l| l.usd.0).sum(), "the lines are the bill");
        sample
    }

    /// How many replications.
    #[must_use]
    pub fn replications(&self) -> u32 {
        self.bills.len() as u32
    }

    /// The bills of all replications together.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.bills.iter().map(|b| b.0).sum()
    }

    /// A metric by name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Series> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// The tokens of answers as a figure; none without services.
    #[must_use]
    pub fn tokens(&self) -> Option<Series> {
        (!self.tokens.is_empty()).then(|| Series {
            name: "tokens of answers".into(),
            unit: "tokens".into(),
            better: Direction::Higher,
            values: self.tokens.iter().map(|t| Some(*t as f64)).collect(),
        })
    }

    /// Whether all replications, two or more, are the same, event for event: nothing random was drawn, or nothing that
    /// matters.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.replications() > 1
            && self.fingerprints.windows(2).all(|w| w[0] == w[1])
            && self.bills.windows(2).all(|w| w[0] == w[1])
    }
}
