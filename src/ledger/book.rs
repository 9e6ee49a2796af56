//! The books of a run: exact integrals of what was billed and what it was spent on, by price, payer and activity.

use super::tariff::{Metering, Power, Tariff, Unit};
use crate::catalog::EndedBy;
use crate::fleet::PoolId;
use crate::kernel::Buckets;
use crate::units::{Activity, Duration, SimTime, Usd, priced, split_largest_remainder};

/// A stretch of time over which a job held capacity in one pool.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// From when.
    pub from: SimTime,
    /// Until when.
    pub to: SimTime,
    /// Milli-units held.
    pub milli: u64,
    /// What the time was spent on, input stalls aside.
    pub activity: Activity,
    /// Share of the time that was an input stall.
    pub stall_ppm: u32,
    /// Compute at work while not stalled.
    pub busy_ppm: u32,
    /// Whether these are shares of GPUs whose sampled use [`super::SharedGpus`] keeps.
    pub shared: bool,
    /// So much of the stretch went into something else, with no kernel on the GPU: evenly spread over it.
    pub also: Option<(Activity, Duration)>,
}

/// What a line of the bill is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// Time in an activity.
    Activity(Activity),
    /// What granularity and minimum add to the time run.
    MinimumAndRounding,
    /// Time that the provider does not bill because it took the node back; negative.
    FreeReclaim,
}

/// A line of the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose capacity.
    pub pool: PoolId,
    /// Which of its prices, from 0.
    pub step: usize,
    /// Who pays: an index that the caller gave out; 0 is nobody (the fleet itself).
    pub account: u32,
    /// What for.
    pub kind: LineKind,
    /// Milli-unit·ns; 0 for what no time explains.
    pub milli_ns: u128,
    /// The amount.
    pub usd: Usd,
}

/// One pool's figures when the books are closed.
#[derive(Clone, Debug)]
pub struct PoolBook {
    /// Milli-unit·ns by activity.
    pub activity: [u128; Activity::COUNT],
    /// Milli-unit·ns billed.
    pub capacity: u128,
    /// Milli-unit·ns × ppm of true use.
    pub busy_ppm: u128,
    /// Milli-unit·ns × ppm in which a poll sees a kernel.
    pub sampled_ppm: u128,
    /// Micro-watt·ns.
    pub energy_uw_ns: u128,
    /// Milli-unit·ns per bucket: billed, held, wasted by jobs.
    pub billed_series: Vec<u128>,
    /// Held.
    pub held_series: Vec<u128>,
    /// Wasted by jobs: stalls, lost and discarded work.
    pub waste_series: Vec<u128>,
    /// × ppm, true use.
    pub busy_series: Vec<u128>,
    /// × ppm, sampled.
    pub sampled_series: Vec<u128>,
    /// USD per bucket, for charts.
    pub spend_series: Vec<f64>,
    /// The same by activity, before what the provider gives back; empty for an activity that has none.
    pub spend_by: [Vec<f64>; Activity::COUNT],
}

/// Everything when the books are closed.
#[derive(Clone, Debug)]
pub struct Books {
    /// By pool.
    pub pools: Vec<PoolBook>,
    /// The bill's lines, by pool, price, payer, activity; none is empty.
    pub lines: Vec<Line>,
    /// USD per bucket charged to the accounts of each watch, for budgets.
    pub watched: Vec<Vec<f64>>,
}

/// What was spent at one price.
#[derive(Clone, Debug)]
struct RateBook {
    from: SimTime,
    until: SimTime,
    cells: Vec<[u128; Activity::COUNT]>,
    billed: u128,
    extra: u128,
    free: u128,
    series: Buckets,
    /// Of `series`, what the provider gives back.
    given_back: Option<Buckets>,
    watched: Vec<Buckets>,
    /// Milli-units × ppm by activity, for charts.
    by_activity: [Option<Box<Buckets>>; Activity::COUNT],
}

#[derive(Clone, Debug)]
struct PoolState {
    tariff: Tariff,
    power: Power,
    rates: Vec<RateBook>,
    /// Free milli-units by what they are free for; only the fleet's own activities are non-zero.
    free: [u64; Activity::COUNT],
    settled: SimTime,
    busy_ppm: u128,
    sampled_ppm: u128,
    energy: u128,
    width: Duration,
    /// The use that was booked last and the micro-watts it draws: jobs of one kind use their GPUs alike.
    dynamic: (u32, u64),
    held: Buckets,
    waste: Buckets,
    busy: Buckets,
    sampled: Buckets,
}

/// The open books. All times are the run's clock; what lies outside the measured window is left out.
#[derive(Clone, Debug)]
pub struct Ledger {
    window: (SimTime, SimTime),
    pools: Vec<PoolState>,
    /// For each watch, which accounts it covers.
    watches: Vec<Vec<bool>>,
}

impl Ledger {
    /// Opens the books of these pools for a window, with series in buckets of this width. `watches` says how many sets
    /// of accounts are followed over time ([`Ledger::watch`]).
    #[must_use]
    pub fn open(pools: &[(Tariff, Power)], window: (SimTime, SimTime), bucket: Duration, watches: usize) -> Ledger {
        let n = buckets(window, bucket);
        let series = || Buckets::new(window.0, bucket, n);
        let pools = pools
            .iter()
            .map(|(tariff, power)| {
                let steps = &tariff.steps;
                debug_assert!(steps.is_sorted_by_key(|s| s.from) && steps.first().is_some_and(|s| s.from.0 == 0));
                let rates = (0..steps.len())
                    .map(|i| RateBook {
                        from: steps[i].from,
                        until: steps.get(i + 1).map_or(SimTime::MAX, |s| s.from),
                        cells: Vec::new(),
                        billed: 0,
                        extra: 0,
                        free: 0,
                        series: series(),
                        given_back: None,
                        watched: (0..watches).map(|_| series()).collect(),
                        by_activity: std::array::from_fn(|_| None),
                    })
                    .collect();
                PoolState {
                    tariff: tariff.clone(),
                    power: *power,
                    rates,
                    free: [0; Activity::COUNT],
                    settled: SimTime::ZERO,
                    busy_ppm: 0,
                    sampled_ppm: 0,
                    energy: 0,
                    width: bucket,
                    dynamic: (0, power.dynamic_uw(0)),
                    held: series(),
                    waste: series(),
                    busy: series(),
                    sampled: series(),
                }
            })
            .collect();
        Ledger { window, pools, watches: vec![Vec::new(); watches] }
    }

    /// Makes a watch cover an account.
    pub fn watch(&mut self, watch: usize, account: u32) {
        let w = &mut self.watches[watch];
        if w.len() <= account as usize {
            w.resize(account as usize + 1, false);
        }
        w[account as usize] = true;
    }

    /// Books what a job held.
    pub fn held(&mut self, pool: PoolId, account: u32, h: &Held) {
        let (from, to) = self.clip(h.from, h.to);
        if from >= to {
            return;
        }
        let watches = &self.watches;
        let p = &mut self.pools[pool.0 as usize];
        let pods = p.tariff.metering == Metering::Pods;
        for r in overlapping(&mut p.rates, from, to) {
            let (a, b) = (from.max(r.from), to.min(r.until));
            let other = h.also_within(a, b);
            let q = u128::from(h.milli) * u128::from((b - a).0 - other);
            let stall = if h.stall_ppm == 0 { 0 } else { q * u128::from(h.stall_ppm) / 1_000_000 };
            let cell = r.cell(account);
            cell[Activity::InputStall as usize] += stall;
            cell[h.activity as usize] += q - stall;
            let q = u128::from(h.milli) * u128::from((b - a).0);
            if let Some((what, _)) = h.also {
                cell[what as usize] += u128::from(h.milli) * u128::from(other);
            }
            r.spread(h, other, a, b);
            if pods {
                r.billed += q;
                r.series.add(a, b, h.milli);
            }
            for (w, series) in watches.iter().zip(&mut r.watched) {
                if w.get(account as usize).copied().unwrap_or(false) {
                    series.add(a, b, h.milli);
                }
            }
        }
        let dt = u128::from((to - from).0);
        // The share of the stretch with a kernel on the GPU, and the share of compute over all of it, stalls included.
        let run_ppm = u64::from(1_000_000 - h.stall_ppm);
        let run_ppm = run_ppm - (u128::from(run_ppm) * u128::from(h.also_within(from, to)) / dt) as u64;
        let busy = h.milli * (u64::from(h.busy_ppm) * run_ppm / 1_000_000);
        p.busy_ppm += u128::from(busy) * dt;
        p.busy.add(from, to, busy);
        if !h.shared {
            p.sampled_ppm += u128::from(h.milli * run_ppm) * dt;
            p.sampled.add(from, to, h.milli * run_ppm);
        }
        p.held.add(from, to, h.milli);
        let wasted = match h.activity {
            Activity::Productive if h.also.is_some() => h.milli * (1_000_000 - run_ppm) / 1_000_000,
            Activity::Productive => h.milli * u64::from(h.stall_ppm) / 1_000_000,
            _ => h.milli,
        };
        if wasted > 0 {
            p.waste.add(from, to, wasted);
        }
        if p.tariff.unit == Unit::Gpu {
            let ppm = (busy / h.milli.max(1)) as u32;
            if p.dynamic.0 != ppm {
                p.dynamic = (ppm, p.power.dynamic_uw(ppm));
            }
            let level = u128::from(p.dynamic.1) * u128::from(h.milli);
            if level > 0 {
                p.energy += level * dt / 1000;
            }
        }
    }

    /// Books what polls saw on a GPU that several pods share: `level` is milli-GPU × ppm.
    pub fn sampled(&mut self, pool: PoolId, from: SimTime, to: SimTime, level: u64) {
        let (from, to) = self.clip(from, to);
        if from < to {
            let p = &mut self.pools[pool.0 as usize];
            p.sampled_ppm += u128::from(level) * u128::from((to - from).0);
            p.sampled.add(from, to, level);
        }
    }

    /// Brings the free shares of a pool up to `now`, after which [`Ledger::free_mut`] may change them.
    pub fn settle(&mut self, pool: PoolId, now: SimTime) {
        let (from, to) = {
            let p = &mut self.pools[pool.0 as usize];
            let from = std::mem::replace(&mut p.settled, now);
            clip(self.window, from, now)
        };
        if from >= to {
            return;
        }
        let p = &mut self.pools[pool.0 as usize];
        if p.tariff.metering == Metering::Pods {
            return;
        }
        for r in overlapping(&mut p.rates, from, to) {
            let (a, b) = (from.max(r.from), to.min(r.until));
            let dt = u128::from((b - a).0);
            let cell = r.cell(0);
            for (c, level) in cell.iter_mut().zip(&p.free).filter(|(_, level)| **level > 0) {
                *c += u128::from(*level) * dt;
            }
            for (a_of, level) in p.free.iter().enumerate().filter(|(_, level)| **level > 0) {
                r.follow(a_of, a, b, level * 1_000_000);
            }
        }
    }

    /// The free milli-units of a pool by activity.
    #[must_use]
    pub fn free(&self, pool: PoolId) -> &[u64; Activity::COUNT] {
        &self.pools[pool.0 as usize].free
    }

    /// The same, to be changed. Call [`Ledger::settle`] first.
    pub fn free_mut(&mut self, pool: PoolId) -> &mut [u64; Activity::COUNT] {
        &mut self.pools[pool.0 as usize].free
    }

    /// Books a stretch of a node's billed life; `ended` says who ended it there, so that it is rounded up to what is
    /// billed for it, or given back; none when it goes on.
    pub fn node(&mut self, pool: PoolId, milli: u64, from: SimTime, to: SimTime, ended: Option<EndedBy>) {
        let (a, b) = self.clip(from, to);
        let window = self.window;
        let p = &mut self.pools[pool.0 as usize];
        if p.tariff.metering == Metering::Pods {
            return;
        }
        for r in overlapping(&mut p.rates, a, b) {
            let (a, b) = (a.max(r.from), b.min(r.until));
            r.billed += u128::from(milli) * u128::from((b - a).0);
            r.series.add(a, b, milli);
        }
        if a < b && p.tariff.unit == Unit::Gpu {
            p.energy += u128::from(p.power.idle_uw()) * u128::from(milli) * u128::from((b - a).0) / 1000;
        }
        let Some(by) = ended.filter(|_| to > window.0 && to <= window.1) else { return };
        let billed = p.tariff.rule.billed(to - from, by);
        if billed > to - from {
            let extra = billed - (to - from);
            if let Some(r) = p.rates.iter_mut().rev().find(|r| r.from <= to) {
                r.extra += u128::from(milli) * u128::from(extra.0);
            }
        } else if billed < to - from {
            // What the window cut off was never billed here, so it is not given back here either.
            let (a, b) = clip(window, from + billed, to);
            let buckets = p.held.len();
            let (origin, width) = (window.0, p.width);
            for r in overlapping(&mut p.rates, a, b) {
                let (a, b) = (a.max(r.from), b.min(r.until));
                r.free += u128::from(milli) * u128::from((b - a).0);
                r.given_back.get_or_insert_with(|| Buckets::new(origin, width, buckets)).add(a, b, milli);
            }
        }
    }

    /// What holding capacity costs, rounded to a pico-dollar: for a job's own row, not for the bill.
    #[must_use]
    pub fn cost_of(&self, pool: PoolId, from: SimTime, to: SimTime, milli: u64) -> Usd {
        let (from, to) = self.clip(from, to);
        let p = &self.pools[pool.0 as usize];
        let mut sum = Usd::ZERO;
        let first = p.rates.partition_point(|r| r.until <= from);
        for (r, step) in p.rates.iter().zip(&p.tariff.steps).skip(first).take_while(|(r, _)| r.from < to) {
            let (a, b) = (from.max(r.from), to.min(r.until));
            if a < b {
                sum += priced(step.rate, u128::from(milli) * u128::from((b - a).0), p.tariff.per_hour());
            }
        }
        sum
    }

    /// Ends the window early: a run that was stopped keeps what it has. Nothing may have been booked beyond `end`.
    pub fn cut(&mut self, end: SimTime) {
        self.window.1 = self.window.1.min(end);
    }

    /// A stretch cut to the measured window.
    #[must_use]
    pub fn clip(&self, from: SimTime, to: SimTime) -> (SimTime, SimTime) {
        clip(self.window, from, to)
    }

    /// Closes the books. Everything still held or billed must have been booked until the window's end.
    ///
    /// # Panics
    /// When what was billed and what it was spent on disagree: a fault of ours, never of the input.
    #[must_use]
    pub fn close(mut self) -> Books {
        for i in 0..self.pools.len() {
            self.settle(PoolId(i as u16), self.window.1);
        }
        let watches = self.watches.len();
        let mut lines = Vec::new();
        let mut out = Vec::new();
        let mut watched: Vec<Vec<f64>> = vec![Vec::new(); watches];
        for (i, p) in self.pools.into_iter().enumerate() {
            let pool = PoolId(i as u16);
            let mut book = PoolBook {
                activity: [0; Activity::COUNT],
                capacity: 0,
                busy_ppm: p.busy_ppm,
                sampled_ppm: p.sampled_ppm,
                energy_uw_ns: p.energy,
                billed_series: Vec::new(),
                held_series: p.held.finish(),
                waste_series: p.waste.finish(),
                busy_series: p.busy.finish(),
                sampled_series: p.sampled.finish(),
                spend_series: Vec::new(),
                spend_by: std::array::from_fn(|_| Vec::new()),
            };
            let per = p.tariff.per_hour();
            for (step, r) in p.rates.into_iter().enumerate() {
                let rate = p.tariff.steps[step].rate;
                let spent: u128 = r.cells.iter().flatten().sum();
                assert_eq!(
                    spent, r.billed,
                    "pool {i}, price {step}: what was billed and what it was spent on disagree"
                );
                book.capacity += r.billed;
                let total = priced(rate, r.billed, per);
                let weights: Vec<u128> = r.cells.iter().flatten().copied().collect();
                let parts = split_largest_remainder(total.0, &weights);
                for (k, (q, usd)) in weights.iter().zip(parts).enumerate() {
                    let (account, a) = (k / Activity::COUNT, k % Activity::COUNT);
                    book.activity[a] += q;
                    if *q > 0 {
                        lines.push(Line {
                            pool,
                            step,
                            account: account as u32,
                            kind: LineKind::Activity(Activity::ALL[a]),
                            milli_ns: *q,
                            usd: Usd(usd),
                        });
                    }
                }
                if r.extra > 0 {
                    lines.push(Line {
                        pool,
                        step,
                        account: 0,
                        kind: LineKind::MinimumAndRounding,
                        milli_ns: 0,
                        usd: priced(rate, r.extra, per),
                    });
                }
                if r.free > 0 {
                    let usd = -priced(rate, r.free, per);
                    lines.push(Line { pool, step, account: 0, kind: LineKind::FreeReclaim, milli_ns: 0, usd });
                }
                let usd_per = rate.to_f64() / per as f64;
                if let Some(back) = r.given_back {
                    add_scaled(&mut book.spend_series, back, -usd_per, &mut Vec::new());
                }
                add_scaled(&mut book.spend_series, r.series, usd_per, &mut book.billed_series);
                for (sum, series) in book.spend_by.iter_mut().zip(r.by_activity) {
                    if let Some(series) = series {
                        add_scaled(sum, *series, usd_per / 1e6, &mut Vec::new());
                    }
                }
                for (sum, series) in watched.iter_mut().zip(r.watched) {
                    add_scaled(sum, series, usd_per, &mut Vec::new());
                }
            }
            out.push(book);
        }
        Books { pools: out, lines, watched }
    }
}

fn add_scaled(sum: &mut Vec<f64>, series: Buckets, usd_per: f64, raw: &mut Vec<u128>) {
    let values = series.finish();
    sum.resize(values.len(), 0.0);
    raw.resize(values.len(), 0);
    for ((s, r), v) in sum.iter_mut().zip(raw.iter_mut()).zip(values) {
        *s += v as f64 * usd_per;
        *r += v;
    }
}

/// The prices in force within a stretch; none when it is empty.
fn overlapping(rates: &mut [RateBook], from: SimTime, to: SimTime) -> &mut [RateBook] {
    if from >= to {
        return &mut [];
    }
    let (a, b) = (rates.partition_point(|r| r.until <= from), rates.partition_point(|r| r.from < to));
    &mut rates[a..b]
}

impl Held {
    /// How much of `also` falls into a part of the stretch: exact in sum over the parts of any division of it.
    #[must_use]
    pub fn also_within(&self, a: SimTime, b: SimTime) -> u64 {
        let Some((_, also)) = self.also else { return 0 };
        let whole = u128::from((self.to - self.from).0).max(1);
        let until = |t: SimTime| (u128::from(also.0) * u128::from((t - self.from).0) / whole) as u64;
        until(b) - until(a)
    }
}

impl RateBook {
    fn cell(&mut self, account: u32) -> &mut [u128; Activity::COUNT] {
        let i = account as usize;
        if self.cells.len() <= i {
            self.cells.resize(i + 1, [0; Activity::COUNT]);
        }
        &mut self.cells[i]
    }

    /// Follows over time what a job did in a part of its stretch, of which `other` ns were [`Held::also`].
    fn spread(&mut self, h: &Held, other: u64, from: SimTime, to: SimTime) {
        let ppm = |part: u64| (u128::from(part) * 1_000_000 / u128::from((to - from).0)) as u64;
        let also = if other == 0 { 0 } else { ppm(other) };
        let stall = (1_000_000 - also) * u64::from(h.stall_ppm) / 1_000_000;
        self.follow(h.activity as usize, from, to, h.milli * (1_000_000 - also - stall));
        if stall > 0 {
            self.follow(Activity::InputStall as usize, from, to, h.milli * stall);
        }
        if let Some((what, _)) = h.also.filter(|_| also > 0) {
            self.follow(what as usize, from, to, h.milli * also);
        }
    }

    /// Adds a level, milli-units × ppm, to the series of an activity.
    fn follow(&mut self, activity: usize, from: SimTime, to: SimTime, level: u64) {
        self.by_activity[activity].get_or_insert_with(|| Box::new(self.series.empty())).add(from, to, level);
    }
}

fn clip(window: (SimTime, SimTime), from: SimTime, to: SimTime) -> (SimTime, SimTime) {
    (from.max(window.0), to.min(window.1))
}

/// How many buckets of this width a window has; the last may be cut short.
#[must_use]
pub fn buckets(window: (SimTime, SimTime), bucket: Duration) -> usize {
    (window.1 - window.0).0.div_ceil(bucket.0.max(1)) as usize
}
