//! The run is over: books closed, counts added up, an outcome made.

use super::world::World;
use crate::fleet::{NodeState, PoolId};
use crate::ledger::{Line, LineKind, PoolBook, Unit};
use crate::outcome::service::LabelUse;
use crate::outcome::{
    BudgetOutcome, Charge, ChargeKind, EvidenceNote, Exact, JobCounts, Money, Outcome, PoolOutcome, PoolSeries,
    PriceRow, Series, ServiceOutcome, SpendBy, VERSION, WaitTarget, WorkOutcome,
};
use crate::scenario::model::{Budget, Pool};
use crate::units::time::NANOS_PER_HOUR;
use crate::units::{Activity, SimTime, Usd, priced};

impl World<'_, '_> {
    /// Books everything that is still open and adds up.
    ///
    /// # Panics
    /// When the books do not balance: a fault of ours.
    pub fn finish(mut self, seed: u64, replication: u32) -> Outcome {
        let end = self.window.1;
        (0..self.services.len() as u16).for_each(|s| self.catch_up(s));
        self.closing = true;
        self.close_jobs();
        self.reclassify();
        for (i, n) in self.fleet.nodes().iter().enumerate() {
            if n.state.is_billed() {
                let life = &self.lives[i];
                self.books.node(n.pool, life.milli, life.from, end, None);
            }
        }
        for i in 0..self.fleet.nodes().len() {
            let state = self.fleet.nodes()[i].state;
            if state.is_billed() && state != NodeState::Broken {
                self.count_survivor(crate::fleet::NodeId(i as u32));
            }
        }
        std::mem::take(&mut self.shared).close(&mut self.books, end);
        let books =
            std::mem::replace(&mut self.books, crate::ledger::Ledger::open(&[], self.window, self.model.bucket, 0))
                .close();
        let queue = self.tally.queue(end);
        assert_eq!(queue.length_ns, queue.waited_ns, "Little's law: the queue's integral is the sum of its waits");
        let (prices, charges) = self.bill(&books.lines);
        let waiting: Vec<Vec<u128>> =
            std::mem::take(&mut self.tally.wanted).into_iter().map(crate::kernel::Buckets::finish).collect();
        let none = super::counts::NodeCounts::of(self.model, (end, end));
        let counts = std::mem::replace(&mut self.counts, none).finish(end);
        let series = self.series(&books.pools, &waiting, &counts);
        let mut jobs = JobCounts::default();
        let lengths = self.bucket_lengths();
        let services = self.close_services(&charges, &lengths);
        let work = self.work_outcomes(&charges, services, &mut jobs);
        assert_eq!(
            jobs.arrived + jobs.running_at_start + jobs.queued_at_start,
            jobs.done + jobs.failed + jobs.cancelled + jobs.rejected + jobs.running_at_end + jobs.queued_at_end,
            "every job that came is accounted for"
        );
        let pools = self.pool_outcomes(&books.pools, &charges);
        let budgets = self.budgets(&books.watched, &series, &charges);
        let mut notices = std::mem::take(&mut self.tally.notices);
        if self.tally.rejected_by_size > 0 {
            notices
                .push(format!("{} jobs were rejected: the fleet could never hold them", self.tally.rejected_by_size));
        }
        if self.tally.rejected_by_quota > 0 {
            notices.push(format!("{} jobs were rejected: larger than their quota", self.tally.rejected_by_quota));
        }
        if self.stopped {
            notices.push("the run was stopped before its horizon; figures cover what was simulated".to_owned());
        }
        Outcome {
            version: VERSION,
            scenario: self.model.name.clone(),
            variant: self.model.variant.clone(),
            seed,
            replication,
            start: self.model.start.datetime().to_string(),
            tz: self.model.start.time_zone().iana_name().unwrap_or("UTC").to_owned(),
            horizon_ns: (self.window.1 - self.window.0).0,
            pools,
            work,
            charges,
            prices,
            jobs,
            waits: self.tally.wait_classes(),
            queue,
            series,
            nodes: self.nodes.as_ref().map(|n| n.outcome()),
            budgets,
            evidence: weakest_first(&self.model.evidence),
            events: self.events,
            fingerprint: self.fingerprint,
            notices,
        }
    }

    /// The prices in force and every line of the bill.
    fn bill(&self, lines: &[Line]) -> (Vec<PriceRow>, Vec<Charge>) {
        let mut prices = Vec::new();
        let mut row_of = std::collections::BTreeMap::new();
        for (i, p) in self.model.pools.iter().enumerate() {
            for (k, step) in p.tariff.steps.iter().enumerate() {
                let until = p.tariff.steps.get(k + 1).map_or(SimTime::MAX, |s| s.from);
                if until <= self.window.0 || step.from >= self.window.1 {
                    continue;
                }
                row_of.insert((i as u16, k), prices.len());
                prices.push(PriceRow {
                    pool: p.name.clone(),
                    usd_per_hour: Money(Usd(step.rate.0)),
                    per: p.tariff.per.clone(),
                    per_milli: p.tariff.per_milli,
                    from_ns: step.from.since(self.window.0).0,
                    source: step.source.clone(),
                    evidence: step.evidence.clone(),
                });
            }
        }
        let mut charges: Vec<Charge> = lines
            .iter()
            .map(|l| {
                let account = self.accounts.get(l.account);
                let pool = &self.model.pools[l.pool.0 as usize];
                Charge {
                    id: String::new(),
                    pool: pool.name.clone(),
                    kind: match l.kind {
                        LineKind::Activity(a) => ChargeKind::Activity(a),
                        LineKind::MinimumAndRounding => ChargeKind::MinimumAndRounding,
                        LineKind::FreeReclaim => ChargeKind::FreeReclaim,
                    },
                    workload: (l.account > 0).then(|| self.model.work[account.work as usize].name.clone()),
                    labels: account.labels.clone(),
                    price: row_of.get(&(l.pool.0, l.step)).copied(),
                    milli_ns: Exact(l.milli_ns),
                    usd: Money(l.usd),
                    avoidable: !pool.tariff.sunk,
                }
            })
            .collect();
        for ((account, kind), usd) in &self.extras {
            let account = self.accounts.get(*account);
            charges.push(Charge {
                id: String::new(),
                pool: "checkpoint store".to_owned(),
                kind: *kind,
                workload: Some(self.model.work[account.work as usize].name.clone()),
                labels: account.labels.clone(),
                price: None,
                milli_ns: Exact(0),
                usd: Money(*usd),
                avoidable: true,
            });
        }
        for fee in &self.model.fees {
            let ns = u128::from((self.window.1 - self.window.0).0);
            prices.push(PriceRow {
                pool: fee.name.clone(),
                usd_per_hour: Money(Usd(fee.rate.0)),
                per: "hour".to_owned(),
                per_milli: 0,
                from_ns: 0,
                source: fee.source.clone(),
                evidence: fee.evidence.clone(),
            });
            charges.push(Charge {
                id: String::new(),
                pool: fee.name.clone(),
                kind: ChargeKind::ControlPlane,
                workload: None,
                labels: Vec::new(),
                price: Some(prices.len() - 1),
                milli_ns: Exact(0),
                usd: Money(priced(fee.rate, ns, u128::from(NANOS_PER_HOUR))),
                avoidable: true,
            });
        }
        for (i, c) in charges.iter_mut().enumerate() {
            c.id = format!("c{}", i + 1);
        }
        (prices, charges)
    }

    fn pool_outcomes(&mut self, books: &[PoolBook], charges: &[Charge]) -> Vec<PoolOutcome> {
        let mut out = Vec::new();
        let lengths = self.bucket_lengths();
        let model = self.model;
        for (i, (p, b)) in model.pools.iter().zip(books).enumerate() {
            let pool = PoolId(i as u16);
            let bill: Usd = charges.iter().filter(|c| is_of(c, p)).map(|c| c.usd.0).sum();
            let sunk: Usd = charges.iter().filter(|c| is_of(c, p) && !c.avoidable).map(|c| c.usd.0).sum();
            let at_start = self.free.at_start(pool);
            out.push(PoolOutcome {
                name: p.name.clone(),
                device: p.device.clone(),
                instance: p.instance.clone(),
                market: p.market.clone(),
                unit: if p.tariff.unit == Unit::Gpu { "gpu" } else { "cpu" }.to_owned(),
                nodes_at_start: at_start.0,
                nodes_max: self.free.nodes_max(pool),
                units_at_start: at_start.1 as f64 / 1000.0,
                activity: b.activity.iter().map(|a| Exact(*a)).collect(),
                capacity: Exact(b.capacity),
                busy_ppm: Exact(b.busy_ppm),
                sampled_ppm: Exact(b.sampled_ppm),
                bill: Money(bill),
                sunk: Money(sunk),
                energy_uw_ns: Exact(b.energy_uw_ns),
                pue: p.power.pue,
                waits: self.tally.pools[i].0.clone(),
                started: self.tally.pools[i].1,
                losses: self.losses_of(PoolId(i as u16)),
                slices: self.slices_of(pool, &lengths),
            });
        }
        out
    }

    fn work_outcomes(
        &self,
        charges: &[Charge],
        mut services: Vec<(u16, ServiceOutcome)>,
        total: &mut JobCounts,
    ) -> Vec<WorkOutcome> {
        let mut out = Vec::new();
        for (i, (w, t)) in self.model.work.iter().zip(&self.tally.work).enumerate() {
            let service = services.iter().position(|(w, _)| usize::from(*w) == i).map(|at| services.swap_remove(at).1);
            // The pods of replicas are no jobs.
            if service.is_none() {
                add(total, &t.jobs);
            }
            out.push(WorkOutcome {
                name: w.name.clone(),
                bill: Money(
                    charges.iter().filter(|c| c.workload.as_deref() == Some(&w.name)).map(|c| c.usd.0).sum::<Usd>(),
                ),
                activity: Activity::ALL.iter().map(|a| Exact(spent(charges, &w.name, *a))).collect(),
                jobs: t.jobs,
                waits: t.waits.clone(),
                turnaround: t.turnaround.clone(),
                run: w.run.as_ref().map(|_| self.tally.runs[i].outcome()),
                service: service.map(Box::new),
                wait_target: w.wait_target.map(|(d, share)| WaitTarget { within_ns: d.0, share, met: t.met, of: t.of }),
            });
        }
        out
    }

    /// How long each bucket is, ns. The last may be cut short: averages are over the time that it has.
    fn bucket_lengths(&self) -> Vec<f64> {
        let width = self.model.bucket.0;
        let n = crate::ledger::book::buckets(self.window, self.model.bucket);
        let span = self.window.1.0 - self.window.0.0;
        (0..n as u64).map(|i| (span - i * width).min(width) as f64).collect()
    }

    fn series(&mut self, books: &[PoolBook], waiting: &[Vec<u128>], nodes: &[[Vec<u128>; 3]]) -> Series {
        let width = self.model.bucket.0;
        let lengths = self.bucket_lengths();
        let n = lengths.len();
        let average = |v: &[u128], scale: f64| -> Vec<f64> {
            v.iter().zip(&lengths).map(|(v, l)| *v as f64 / (l * scale)).collect()
        };
        let pools = books
            .iter()
            .zip(waiting)
            .zip(nodes)
            .map(|((b, w), [billed, booting, draining])| {
                let some = |v: &[u128]| if v.iter().any(|n| *n > 0) { average(v, 1.0) } else { Vec::new() };
                let allocated = average(&b.held_series, 1e3);
                let asked = average(w, 1e3);
                PoolSeries {
                    provisioned: average(&b.billed_series, 1e3),
                    busy: average(&b.busy_series, 1e9),
                    sampled: average(&b.sampled_series, 1e9),
                    requested: allocated.iter().zip(&asked).map(|(a, b)| a + b).collect(),
                    job_waste: average(&b.waste_series, 1e3),
                    nodes: average(billed, 1.0),
                    nodes_booting: some(booting),
                    nodes_draining: some(draining),
                    spend: b.spend_series.iter().take(n).copied().collect(),
                    spend_by: Activity::ALL
                        .into_iter()
                        .zip(&b.spend_by)
                        .filter(|(_, usd)| usd.iter().any(|v| *v > 0.0))
                        .map(|(activity, usd)| SpendBy { activity, usd: usd.iter().take(n).copied().collect() })
                        .collect(),
                    allocated,
                }
            })
            .collect();
        let take = |b: &mut crate::kernel::Buckets| {
            std::mem::replace(b, crate::kernel::Buckets::new(SimTime::ZERO, self.model.bucket, 0)).finish()
        };
        let (jobs, gpus) = (take(&mut self.tally.waiting_jobs), take(&mut self.tally.waiting_milli));
        Series {
            bucket_ns: width,
            buckets: n,
            pools,
            waiting_jobs: average(&jobs, 1.0),
            waiting_gpus: average(&gpus, 1e3),
        }
    }

    fn budgets(&self, watched: &[Vec<f64>], series: &Series, charges: &[Charge]) -> Vec<BudgetOutcome> {
        let fee_per_ns: f64 = self.model.fees.iter().map(|f| f.rate.to_f64()).sum::<f64>() / NANOS_PER_HOUR as f64;
        self.model
            .budgets
            .iter()
            .zip(watched)
            .map(|(b, watched)| {
                let per_bucket: Vec<f64> = match &b.label {
                    Some(_) => watched.iter().take(series.buckets).copied().collect(),
                    None => (0..series.buckets)
                        .map(|i| {
                            let fees = fee_per_ns * series.bucket_ns as f64;
                            fees + series.pools.iter().map(|p| p.spend[i]).sum::<f64>()
                        })
                        .collect(),
                };
                let spent = match &b.label {
                    Some(label) => {
                        let text = label.to_string();
                        charges.iter().filter(|c| c.labels.contains(&text)).map(|c| c.usd.0).sum()
                    }
                    None => charges.iter().map(|c| c.usd.0).sum::<Usd>(),
                };
                budget(b, &per_bucket, spent, series.bucket_ns, (self.window.1 - self.window.0).0)
            })
            .collect()
    }
}

/// Crossing times by linear interpolation within a bucket; the forecast is the window's average rate carried on.
fn budget(b: &Budget, per_bucket: &[f64], spent: Usd, bucket_ns: u64, window_ns: u64) -> BudgetOutcome {
    let mut spend = Vec::with_capacity(per_bucket.len());
    let mut sum = 0.0;
    let amount = b.amount.to_f64();
    let mut crossed = [None, None];
    for (i, v) in per_bucket.iter().enumerate() {
        for (mark, at) in [0.8, 1.0].into_iter().zip(&mut crossed) {
            let level = mark * amount;
            if at.is_none() && sum + v > level {
                let part = if *v > 0.0 { ((level - sum) / v).max(0.0) } else { 0.0 };
                *at = Some(((i as f64 + part) * bucket_ns as f64) as u64);
            }
        }
        sum += v;
        spend.push(sum);
    }
    let rate = if window_ns > 0 { spent.to_f64() / window_ns as f64 } else { 0.0 };
    let forecast = (crossed[1].is_none() && rate > 0.0).then(|| (amount / rate) as u64).filter(|at| *at > window_ns);
    BudgetOutcome {
        name: b.name.clone(),
        scope: b.scope.clone(),
        amount: Money(b.amount),
        period: "window".to_owned(),
        spent: Money(spent),
        crossed_80_ns: crossed[0],
        crossed_100_ns: crossed[1],
        forecast_ns: forecast,
        spend,
    }
}

/// What a workload spent on an activity, by the bill's lines.
fn spent(charges: &[Charge], work: &str, a: Activity) -> u128 {
    charges
        .iter()
        .filter(|c| c.workload.as_deref() == Some(work) && c.kind == ChargeKind::Activity(a))
        .map(|c| c.milli_ns.0)
        .sum()
}

fn is_of(c: &Charge, p: &Pool) -> bool {
    c.pool == p.name && !is_fee(c)
}

/// Whether a charge has no pool behind it.
fn is_fee(c: &Charge) -> bool {
    matches!(c.kind, ChargeKind::ControlPlane | ChargeKind::Storage | ChargeKind::Egress)
}

fn add(to: &mut JobCounts, o: &JobCounts) {
    to.running_at_start += o.running_at_start;
    to.queued_at_start += o.queued_at_start;
    to.arrived += o.arrived;
    to.done += o.done;
    to.failed += o.failed;
    to.cancelled += o.cancelled;
    to.rejected += o.rejected;
    to.running_at_end += o.running_at_end;
    to.queued_at_end += o.queued_at_end;
    to.preemptions += o.preemptions;
    to.interruptions += o.interruptions;
}

/// Guesses first, measurements last; as the scenario lists them within a grade.
fn weakest_first(notes: &[EvidenceNote]) -> Vec<EvidenceNote> {
    let mut notes = notes.to_vec();
    notes.sort_by_key(|n| ["guess", "prior", "fitted", "measured"].iter().position(|g| *g == n.grade).unwrap_or(0));
    notes
}

/// Checks that hold in every run, as one place to call them from tests.
///
/// # Panics
/// When one does not hold.
pub fn check_conservation(o: &Outcome) {
    for p in &o.pools {
        let spent: u128 = p.activity.iter().map(|a| a.0).sum();
        assert_eq!(spent, p.capacity.0, "pool {}: activities add up to what was billed", p.name);
    }
    let lines: u128 = o.charges.iter().map(|c| c.milli_ns.0).sum();
    let billed: u128 = o.pools.iter().map(|p| p.capacity.0).sum();
    assert_eq!(lines, billed, "the lines of the bill carry all the time that was billed");
    let by_pool: Usd = o.pools.iter().map(|p| p.bill.0).sum();
    let fees: Usd = o.charges.iter().filter(|c| is_fee(c)).map(|c| c.usd.0).sum();
    assert_eq!(by_pool + fees, o.bill(), "pools and fees add up to the bill");
    for key in o.label_keys() {
        let sum: Usd = o.by_label(&key).into_iter().map(|(_, u)| u).sum();
        assert_eq!(sum, o.bill(), "the values of label {key} add up to the bill");
    }
    let work: Usd = o.work.iter().map(|w| w.bill.0).sum();
    let fleet: Usd = o.charges.iter().filter(|c| c.workload.is_none()).map(|c| c.usd.0).sum();
    assert_eq!(work + fleet, o.bill(), "workloads and the fleet's own lines add up to the bill");
    assert_eq!(o.queue.length_ns, o.queue.waited_ns, "Little's law");
    for (w, s) in o.work.iter().filter_map(|w| Some((&w.name, w.service.as_deref()?))) {
        let r = &s.requests;
        let came = r.in_flight_at_start + r.sent;
        assert_eq!(
            came,
            r.concluded() + r.in_flight_at_end,
            "service {w}: requests in = answered + lost + on their way"
        );
        assert_eq!(s.in_system_ns, s.stayed_ns, "service {w}: Little's law in the system");
        assert_eq!(s.queued_ns, s.waited_ns, "service {w}: Little's law in its queues");
        let of = |f: fn(&LabelUse) -> u64| s.by_label.iter().map(f).sum::<u64>();
        assert_eq!(
            (of(|u| u.requests), of(|u| u.output)),
            (r.concluded(), s.tokens.output),
            "service {w}: labels add up"
        );
        let sent: u64 = s.series.sent.iter().sum();
        assert_eq!(sent, r.sent, "service {w}: buckets add up");
    }
    let j = &o.jobs;
    assert_eq!(
        j.arrived + j.running_at_start + j.queued_at_start,
        j.done + j.failed + j.cancelled + j.rejected + j.running_at_end + j.queued_at_end,
        "jobs in = done + failed + cancelled + rejected + running + queued"
    );
}
