//! The bill told as a planner of spot capacity asks for it: work by market, what interruptions cost, and the rest.
//!
//! Every line of the bill becomes one or more rows here, so that the rows add up to the bill, exactly. Two things are
//! not on the bill as they are asked for, and each has a rule of its own:
//! - what a pool costs while no job holds it (boot, notice, idle) is on nobody's account: it counts as the workload's
//!   that alone pays for time in that pool, where there is just one;
//! - the bill knows restarts, not their stages: a line is divided by the time that the workload's restarts spent in each
//!   (largest remainder). First starts share some of the stages; their time is taken off first, in proportion.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Charge, ChargeKind, Money, Outcome, RunOutcome};
use crate::training::restart::Stage;
use crate::units::{Activity, Usd, split_largest_remainder};

/// What a dollar was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Work on spot: productive time and its input stalls.
    Spot,
    /// The same on demand.
    OnDemand,
    /// The same on owned or committed capacity.
    Owned,
    /// Standing still for checkpoints, saves on notice included, and redundant computing.
    Checkpoints,
    /// Work that was thrown away.
    Lost,
    /// Setting up again.
    Restart,
    /// Setting up for the first time.
    FirstStart,
    /// Work of jobs that failed or were cancelled for reasons of their own.
    Discarded,
    /// Nodes that wait for their peers.
    GangWait,
    /// Nodes that are told to go, once nothing runs on them.
    Notice,
    /// Nodes that boot.
    Boot,
    /// Nodes that are broken and billed.
    Broken,
    /// Nodes kept free on purpose.
    Spare,
    /// Free for any other reason.
    Idle,
    /// Checkpoints kept.
    Storage,
    /// Checkpoints moved.
    Egress,
    /// What granularity and minimums add.
    Rounding,
    /// Time not billed because the provider took the node back; negative.
    FreeReclaim,
    /// Control planes, commitments not used, tokens.
    Fees,
}

impl Part {
    /// All, in the order of every table.
    pub const ALL: [Part; 19] = [
        Part::Spot,
        Part::OnDemand,
        Part::Owned,
        Part::Checkpoints,
        Part::Lost,
        Part::Restart,
        Part::FirstStart,
        Part::Discarded,
        Part::GangWait,
        Part::Notice,
        Part::Boot,
        Part::Broken,
        Part::Spare,
        Part::Idle,
        Part::Storage,
        Part::Egress,
        Part::Rounding,
        Part::FreeReclaim,
        Part::Fees,
    ];

    /// The name in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Part::Spot => "spot",
            Part::OnDemand => "on_demand",
            Part::Owned => "owned",
            Part::Checkpoints => "checkpoints",
            Part::Lost => "lost",
            Part::Restart => "restart",
            Part::FirstStart => "first_start",
            Part::Discarded => "discarded",
            Part::GangWait => "gang_wait",
            Part::Notice => "notice",
            Part::Boot => "boot",
            Part::Broken => "broken",
            Part::Spare => "spare",
            Part::Idle => "idle",
            Part::Storage => "storage",
            Part::Egress => "egress",
            Part::Rounding => "minimum_and_rounding",
            Part::FreeReclaim => "free_reclaim",
            Part::Fees => "fees",
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Part::Spot => "work on spot",
            Part::OnDemand => "work on demand",
            Part::Owned => "work on owned capacity",
            Part::Checkpoints => "checkpoints and saves",
            Part::Lost => "lost work",
            Part::Restart => "restarts",
            Part::FirstStart => "first starts",
            Part::Discarded => "discarded work",
            Part::GangWait => "waiting for peers",
            Part::Notice => "notice window",
            Part::Boot => "boot",
            Part::Broken => "broken nodes",
            Part::Spare => "spare nodes",
            Part::Idle => "idle capacity",
            Part::Storage => "checkpoints kept",
            Part::Egress => "checkpoints moved",
            Part::Rounding => "billing minimum and rounding",
            Part::FreeReclaim => "free reclaimed time",
            Part::Fees => "fees",
        }
    }

    /// The part that a line of the bill is, in a pool of this market.
    #[must_use]
    pub fn of(kind: ChargeKind, market: &str) -> Part {
        use Activity as A;
        match kind {
            ChargeKind::Activity(a) => match a {
                A::Productive | A::InputStall | A::WarmIdle | A::Hung => match market {
                    "spot" => Part::Spot,
                    "owned" => Part::Owned,
                    _ => Part::OnDemand,
                },
                A::CheckpointStall => Part::Checkpoints,
                A::Lost => Part::Lost,
                A::Restart => Part::Restart,
                A::ColdStart => Part::FirstStart,
                A::Discarded => Part::Discarded,
                A::GangWait => Part::GangWait,
                A::Drain => Part::Notice,
                A::Boot => Part::Boot,
                A::Broken => Part::Broken,
                A::Spare => Part::Spare,
                A::Reconfiguring | A::Fragmented | A::MigStranded | A::QueueHeld | A::Unallocated => Part::Idle,
            },
            ChargeKind::MinimumAndRounding => Part::Rounding,
            ChargeKind::FreeReclaim => Part::FreeReclaim,
            ChargeKind::Storage => Part::Storage,
            ChargeKind::Egress => Part::Egress,
            ChargeKind::UnusedCommitment | ChargeKind::ControlPlane | ChargeKind::Tokens => Part::Fees,
        }
    }
}

/// How a row's workload and amount came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// As it is on the bill.
    Billed,
    /// The pool's own cost: the workload alone uses the pool.
    Pool,
    /// A part of a line, by time.
    Prorated,
}

impl Basis {
    /// The word in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Basis::Billed => "billed",
            Basis::Pool => "pool",
            Basis::Prorated => "prorated",
        }
    }
}

/// A row of the split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitRow {
    /// Whose it is; none for what several workloads share, or none uses.
    pub workload: Option<String>,
    /// The pool, the store, or the fee.
    pub pool: String,
    /// The pool's market; empty where no pool is behind it.
    pub market: String,
    /// What for.
    pub part: Part,
    /// The stage, of restarts.
    pub stage: Option<&'static str>,
    /// How it came about.
    pub basis: Basis,
    /// Milli-unit·ns; 0 where no time explains the amount.
    pub milli_ns: super::Exact,
    /// The amount.
    pub usd: Money,
}

impl Outcome {
    /// Whether anything here can be interrupted: runs that keep their progress, or pools that lose nodes.
    #[must_use]
    pub fn has_interruptions(&self) -> bool {
        self.work.iter().any(|w| w.run.is_some()) || self.pools.iter().any(|p| p.losses.is_some())
    }

    /// The workload that alone pays for time in a pool, where there is just one.
    #[must_use]
    pub fn only_user(&self, pool: &str) -> Option<&str> {
        let mut users = self.charges.iter().filter(|c| c.pool == pool).filter_map(|c| c.workload.as_deref());
        let first = users.next()?;
        users.all(|u| u == first).then_some(first)
    }

    /// The market of a pool; empty where there is no such pool.
    #[must_use]
    pub fn market_of(&self, pool: &str) -> &str {
        self.pools.iter().find(|p| p.name == pool).map_or("", |p| p.market.as_str())
    }

    /// Whether a workload paid for any time on spot.
    #[must_use]
    pub fn uses_spot(&self, work: &str) -> bool {
        self.charges.iter().any(|c| c.workload.as_deref() == Some(work) && self.market_of(&c.pool) == "spot")
    }

    /// The bill by what it was for, in the order of workloads (what is nobody's last), pools, parts and stages. Adds up to
    /// [`Outcome::bill`], exactly.
    #[must_use]
    pub fn split(&self) -> Vec<SplitRow> {
        type Key<'a> = (usize, usize, &'a str, Part, Option<Stage>, Basis);
        let mut rows: BTreeMap<Key<'_>, (u128, Usd)> = BTreeMap::new();
        let only: Vec<Option<&str>> = self.pools.iter().map(|p| self.only_user(&p.name)).collect();
        let weights: Vec<Vec<u128>> = self
            .work
            .iter()
            .map(|w| {
                let first = w.activity.get(Activity::ColdStart as usize).map_or(0, |a| a.0);
                w.run.as_ref().map_or(Vec::new(), |r| restart_stages(r, first))
            })
            .collect();
        for c in &self.charges {
            let pool = self.pools.iter().position(|p| p.name == c.pool && has_pool(c)).unwrap_or(usize::MAX);
            let market = self.pools.get(pool).map_or("", |p| p.market.as_str());
            let of_pool = only.get(pool).copied().flatten();
            let (who, basis) = match (&c.workload, of_pool) {
                (Some(w), _) => (Some(w.as_str()), Basis::Billed),
                (None, Some(w)) => (Some(w), Basis::Pool),
                (None, None) => (None, Basis::Billed),
            };
            let work = who.and_then(|w| self.work.iter().position(|x| x.name == w)).unwrap_or(usize::MAX);
            let part = Part::of(c.kind, market);
            let mut add = |stage, basis, milli: u128, usd: Usd| {
                let row = rows.entry((work, pool, c.pool.as_str(), part, stage, basis)).or_default();
                row.0 += milli;
                row.1 += usd;
            };
            let by_stage = weights.get(work).filter(|w| part == Part::Restart && w.iter().any(|v| *v > 0));
            let Some(by_stage) = by_stage else {
                add(None, basis, c.milli_ns.0, c.usd.0);
                continue;
            };
            let usd = split_largest_remainder(c.usd.0.0, by_stage);
            let milli = split_largest_remainder(c.milli_ns.0 as i128, by_stage);
            for ((stage, usd), milli) in Stage::ALL.into_iter().zip(usd).zip(milli) {
                if usd != 0 || milli != 0 {
                    add(Some(stage), Basis::Prorated, milli.unsigned_abs(), Usd(usd));
                }
            }
        }
        rows.into_iter()
            .map(|((work, pool, name, part, stage, basis), (milli, usd))| SplitRow {
                workload: self.work.get(work).map(|w| w.name.clone()),
                pool: name.to_owned(),
                market: self.pools.get(pool).map(|p| p.market.clone()).unwrap_or_default(),
                part,
                stage: stage.map(Stage::key),
                basis,
                milli_ns: super::Exact(milli),
                usd: Money(usd),
            })
            .collect()
    }
}

/// Whether a charge is a pool's: a fee or a store may have the name of a pool.
fn has_pool(c: &Charge) -> bool {
    use ChargeKind::{Activity, FreeReclaim, MinimumAndRounding, UnusedCommitment};
    matches!(c.kind, Activity(_) | MinimumAndRounding | FreeReclaim | UnusedCommitment)
}

/// Time that restarts spent in each stage: what first starts took is taken off the stages that they have, in proportion.
fn restart_stages(run: &RunOutcome, first_starts: u128) -> Vec<u128> {
    let mut out: Vec<u128> = run.stages.iter().map(|s| s.0).collect();
    out.resize(Stage::COUNT, 0);
    let shared: Vec<u128> =
        Stage::ALL.into_iter().zip(&out).map(|(s, v)| if s.on_first_start() { *v } else { 0 }).collect();
    if shared.iter().any(|v| *v > 0) {
        for (v, off) in out.iter_mut().zip(split_largest_remainder(first_starts as i128, &shared)) {
            *v = v.saturating_sub(off.unsigned_abs());
        }
    }
    out
}

/// What a workload's interruptions and restarts come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkLosses {
    /// Productive milli-unit·ns.
    pub productive: u128,
    /// Milli-unit·ns that its jobs held.
    pub held: u128,
    /// Milli-unit·ns of work thrown away.
    pub lost: u128,
    /// What was charged to it, and what its own pools cost.
    pub usd: Usd,
    /// Dollars by part, in the order of [`Part::ALL`].
    pub parts: Vec<Usd>,
    /// Productive milli-unit·ns on spot.
    pub on_spot: u128,
}

impl WorkLosses {
    /// Productive time / time held.
    #[must_use]
    pub fn goodput(&self) -> Option<f64> {
        (self.held > 0).then(|| self.productive as f64 / self.held as f64)
    }

    /// All that it cost per hour of productive GPU time.
    #[must_use]
    pub fn usd_per_useful_hour(&self) -> Option<f64> {
        let hours = self.productive as f64 / super::MILLI_NS_PER_GPU_HOUR;
        (hours > 0.0).then(|| self.usd.to_f64() / hours)
    }

    /// Dollars of a part.
    #[must_use]
    pub fn of(&self, part: Part) -> Usd {
        self.parts.get(part as usize).copied().unwrap_or(Usd::ZERO)
    }

    /// Productive time on spot / productive time.
    #[must_use]
    pub fn spot_share(&self) -> Option<f64> {
        (self.productive > 0).then(|| self.on_spot as f64 / self.productive as f64)
    }
}

impl Outcome {
    /// [`WorkLosses`] of each workload, in the order of [`Outcome::work`].
    #[must_use]
    pub fn work_losses(&self) -> Vec<WorkLosses> {
        let split = self.split();
        let mut all: Vec<WorkLosses> = self
            .work
            .iter()
            .map(|w| {
                let at = |a: Activity| w.activity.get(a as usize).map_or(0, |v| v.0);
                let held = |a: &Activity| a.group() != crate::units::Group::FleetWaste;
                WorkLosses {
                    productive: at(Activity::Productive),
                    held: Activity::ALL.into_iter().filter(held).map(at).sum(),
                    lost: at(Activity::Lost),
                    parts: vec![Usd::ZERO; Part::ALL.len()],
                    ..WorkLosses::default()
                }
            })
            .collect();
        for r in &split {
            let Some(i) = r.workload.as_ref().and_then(|n| self.work.iter().position(|w| w.name == *n)) else {
                continue;
            };
            all[i].usd += r.usd.0;
            all[i].parts[r.part as usize] += r.usd.0;
        }
        let productive = ChargeKind::Activity(Activity::Productive);
        for c in self.charges.iter().filter(|c| c.kind == productive && self.market_of(&c.pool) == "spot") {
            if let Some(i) = c.workload.as_ref().and_then(|n| self.work.iter().position(|w| w.name == *n)) {
                all[i].on_spot += c.milli_ns.0;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_place_and_its_own_key() {
        for (i, p) in Part::ALL.into_iter().enumerate() {
            assert_eq!(p as usize, i);
        }
        let keys: std::collections::BTreeSet<_> = Part::ALL.iter().map(|p| p.key()).collect();
        assert_eq!(keys.len(), Part::ALL.len());
    }

    #[test]
    fn first_starts_are_taken_off_the_stages_that_they_share() {
        // Two first starts of image 3 and warm-up 1, and one restart of detection 2, image 3, reading 4 and warm-up 1.
        let mut run = RunOutcome { stages: vec![super::super::Exact(0); Stage::COUNT], ..RunOutcome::default() };
        for (s, v) in [(Stage::Detect, 2), (Stage::Image, 9), (Stage::Read, 4), (Stage::WarmUp, 3)] {
            run.stages[s as usize] = super::super::Exact(v);
        }
        let w = restart_stages(&run, 8);
        let want = [(Stage::Detect, 2), (Stage::Image, 3), (Stage::Read, 4), (Stage::WarmUp, 1)];
        assert_eq!(w.iter().sum::<u128>(), 10);
        for (s, v) in want {
            assert_eq!(w[s as usize], v, "{}", s.key());
        }
    }
}
