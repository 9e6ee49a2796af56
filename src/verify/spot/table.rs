//! Every policy on every start of every trace, and the means.

use super::published::{BY_FILE, GAPS, SINGLES, TABLE};
use super::{Availability, Case, SUITE, too_short};
use crate::policy::spot::Purchase;
use crate::policy::spot::optimum::optimum;
use crate::policy::spot::ticks::{Replay, Task, replay};
use crate::units::{Diagnostics, Duration, Rate, Usd};
use rayon::prelude::*;

/// The prices of the paper's simulator, in USD an hour: spot 0.9731, on demand 3.06.
pub(super) const PRICES: (Rate, Rate) = (Rate(973_100_000_000), Rate(3_060_000_000_000));

/// The policies of the table, with their names in a case.
pub const POLICIES: [(&str, Purchase); 7] = [
    ("od", Purchase::OnDemandOnly),
    ("greedy", Purchase::Greedy),
    ("ts2", Purchase::TimeSliced { slices: 2 }),
    ("ts4", Purchase::TimeSliced { slices: 4 }),
    ("ts8", Purchase::TimeSliced { slices: 8 }),
    ("up-no-hyst", Purchase::UniformProgress { hysteresis: false }),
    ("up", Purchase::UniformProgress { hysteresis: true }),
];

/// By its name in a case.
pub(super) fn policy(name: &str) -> Purchase {
    POLICIES.iter().find(|(n, _)| *n == name).expect("a name of the list").1
}

/// Work, deadline and the overhead of a launch, as one column of a published table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Hours of work.
    pub work_h: u64,
    /// The deadline in hours.
    pub deadline_h: u64,
    /// The overhead in hundredths of an hour.
    pub overhead_centi_h: u64,
}

impl Setting {
    /// The six of the table, in its order. Traces of a gap below a minute are days long, not weeks: on those also a day
    /// of work, with half of each deadline and with the two of the multi-zone evaluation (36 and 48 h).
    #[must_use]
    pub fn all(gap: Duration) -> Vec<Setting> {
        let days = [(48, 52), (48, 70), (48, 92)];
        let day = [(24, 26), (24, 35), (24, 36), (24, 46), (24, 48)];
        let fine: &[(u64, u64)] = if is_fine(gap) { &day } else { &[] };
        let both = days.iter().chain(fine).flat_map(|s| [(s, 2), (s, 20)]);
        both.map(|((work_h, deadline_h), d)| Setting { work_h: *work_h, deadline_h: *deadline_h, overhead_centi_h: d })
            .collect()
    }

    /// How far apart runs start: 12 h, or 6 h with a day of work.
    fn stride(self) -> Duration {
        Duration::from_hours(self.work_h / 4)
    }

    /// `48x52x0.2`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}x{}x{}", self.work_h, self.deadline_h, self.overhead_centi_h as f64 / 100.0)
    }

    /// The setting in ticks of `gap`.
    #[must_use]
    pub fn task(self, gap: Duration) -> Task {
        Task {
            work: Duration::from_hours(self.work_h),
            deadline: Some(Duration::from_hours(self.deadline_h)),
            overhead: Duration::from_secs(36 * self.overhead_centi_h),
            tick: gap,
            prices: PRICES,
        }
    }

    /// Ticks that a start needs before the end of a trace: `floor(R/g) + 1`.
    fn ticks(self, gap: Duration) -> usize {
        (Duration::from_hours(self.deadline_h).0 / gap.0) as usize + 1
    }
}

/// Traces finer than a minute are days long, not weeks.
fn is_fine(gap: Duration) -> bool {
    gap < Duration::from_secs(60)
}

/// One job: which trace, and from which tick on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Index of the trace.
    pub trace: usize,
    /// Its first tick.
    pub offset: usize,
}

/// Where the jobs of a setting start: every `stride` (rounded to whole ticks, at least one) of every trace, for as long as
/// there is room.
#[must_use]
pub fn starts(traces: &[Availability], setting: Setting, stride: Duration) -> Vec<Start> {
    let mut out = Vec::new();
    for (trace, t) in traces.iter().enumerate().filter(|(_, t)| Setting::all(t.gap).contains(&setting)) {
        let need = setting.ticks(t.gap);
        let step = ((2 * stride.0 + t.gap.0) / (2 * t.gap.0)).max(1) as usize;
        let room = (t.counts.len() + 1).saturating_sub(need);
        out.extend((0..room).step_by(step).map(|offset| Start { trace, offset }));
    }
    out
}

/// What every start of a setting costs.
struct Column {
    setting: Setting,
    starts: Vec<Start>,
    /// By start: the bill of each policy, in the order of [`POLICIES`].
    bills: Vec<[Usd; 7]>,
    /// By start, where asked for: the least bill.
    optima: Vec<Usd>,
    missed: u64,
}

impl Column {
    /// Runs all of it, over all threads; the results are in the order of the starts.
    fn run(traces: &[Availability], spot: &[Vec<bool>], setting: Setting, starts: Vec<Start>, best: bool) -> Column {
        let one = |s: &Start| {
            let task = setting.task(traces[s.trace].gap);
            let window = &spot[s.trace][s.offset..];
            let runs: [Replay; 7] = POLICIES.map(|(_, p)| replay(&task, p, window, |_| {}));
            let missed = runs.iter().filter(|r| r.missed).count() as u64;
            // On demand alone makes every one of these deadlines, so there is a way.
            let least = best.then(|| optimum(&task, window).map_or(Usd::ZERO, |o| o.cost));
            (runs.map(|r| r.cost), least, missed)
        };
        let results: Vec<_> = starts.par_iter().map(one).collect();
        let missed = results.iter().map(|r| r.2).sum();
        let optima = results.iter().filter_map(|r| r.1).collect();
        Column { setting, bills: results.into_iter().map(|r| r.0).collect(), starts, optima, missed }
    }

    /// The mean bill of a policy over all starts, or those of one trace; none without any.
    fn mean(&self, policy: usize, trace: Option<usize>) -> Option<f64> {
        mean(self.of(trace).map(|i| self.bills[i][policy]))
    }

    fn mean_optimum(&self, trace: Option<usize>) -> Option<f64> {
        mean(self.of(trace).filter_map(|i| self.optima.get(i).copied()))
    }

    fn of(&self, trace: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        (0..self.starts.len()).filter(move |&i| trace.is_none_or(|t| self.starts[i].trace == t))
    }

    /// Runs that a policy finished in time for less than the optimum: none, or a rule differs between the two.
    fn beaten(&self) -> usize {
        self.bills.iter().zip(&self.optima).map(|(b, o)| b.iter().filter(|b| *b < o).count()).sum()
    }

    /// Percent of the work on demand that a mean bill saves.
    fn saves(&self, bill: f64) -> f64 {
        let full = PRICES.1.to_f64() * self.setting.work_h as f64;
        100.0 * (1.0 - bill / full)
    }
}

/// Exact sums, one division.
fn mean(bills: impl Iterator<Item = Usd>) -> Option<f64> {
    let (mut sum, mut n) = (Usd::ZERO, 0u32);
    for b in bills {
        sum += b;
        n += 1;
    }
    (n > 0).then(|| sum.to_f64() / f64::from(n))
}

/// The published table with its files and single runs; with `best` the gap to the optimum.
pub(super) fn published(traces: &[Availability], best: bool) -> Vec<Case> {
    let spot: Vec<Vec<bool>> = traces.iter().map(Availability::any).collect();
    let gap = traces.first().map_or(Duration::from_secs(600), |t| t.gap);
    let settings = Setting::all(gap);
    let mut out = Vec::new();
    for (&setting, row) in settings.iter().zip(&TABLE) {
        debug_assert_eq!(setting.name(), row.setting);
        let column = Column::run(traces, &spot, setting, starts(traces, setting, setting.stride()), false);
        let case = |what: &str| format!("{}/{what}", row.setting);
        out.push(Case::checked(SUITE, case("runs"), f64::from(row.runs), column.starts.len() as f64, 0.0));
        out.push(Case::checked(SUITE, case("missed deadlines"), 0.0, column.missed as f64, 0.0));
        for (p, (name, _)) in POLICIES.iter().enumerate() {
            let ours = column.mean(p, None).unwrap_or(f64::NAN);
            out.push(Case::checked(SUITE, case(name), row.means[p], ours, 1e-4));
        }
        let up = column.mean(6, None).unwrap_or(f64::NAN);
        out.push(Case::checked(SUITE, case("up/saves %"), row.up_saves, column.saves(up), 0.05));
        if row.setting == "48x52x0.2" {
            for (i, (t, known)) in traces.iter().zip(&BY_FILE).enumerate() {
                for (p, name, known) in [(1, "greedy", known[0]), (6, "up", known[1])] {
                    let ours = column.mean(p, Some(i)).unwrap_or(f64::NAN);
                    out.push(Case::checked(SUITE, case(&format!("{name}/{}", t.name)), known, ours, 1e-4));
                }
            }
        }
    }
    out.extend(singles(traces, &spot, &settings));
    if best {
        for (name, least, greedy, up, ratio) in GAPS {
            let setting = *settings.iter().find(|s| s.name() == name).expect("a setting of the table");
            let every = starts(traces, setting, Duration::from_hours(48));
            let column = Column::run(traces, &spot, setting, every, true);
            let of = |p| column.mean(p, None).unwrap_or(f64::NAN);
            let ours = (column.mean_optimum(None).unwrap_or(f64::NAN), of(1), of(6));
            let case = |what: &str| format!("{name}/every 48 h/{what}");
            out.push(Case::checked(SUITE, case("optimum"), least, ours.0, 1e-4));
            out.push(Case::checked(SUITE, case("greedy"), greedy, ours.1, 1e-4));
            out.push(Case::checked(SUITE, case("up"), up, ours.2, 1e-4));
            let gaps = (ours.1 - ours.0) / (ours.2 - ours.0);
            out.push(Case::checked(SUITE, case("greedy gap over up gap"), ratio, gaps, 5e-4));
            out.push(Case::checked(SUITE, case("runs below the optimum"), 0.0, column.beaten() as f64, 0.0));
        }
    }
    out
}

fn singles(traces: &[Availability], spot: &[Vec<bool>], settings: &[Setting]) -> Vec<Case> {
    let mut out = Vec::new();
    for (file, offset, setting, who, cost, counts) in SINGLES {
        let i = traces.iter().position(|t| t.name == file).expect("a file of the table");
        let s = settings.iter().find(|s| s.name() == setting).expect("a setting of the table");
        let r = replay(&s.task(traces[i].gap), policy(who), spot[i].get(offset..).unwrap_or(&[]), |_| {});
        let case = |what: &str| format!("{setting}/{who}/{file}@{offset}/{what}");
        out.push(Case::checked(SUITE, case("cost"), cost, r.cost.to_f64(), 1e-6));
        let ours = [r.spot_ticks, r.on_demand_ticks, r.idle_ticks, r.launches, r.preemptions];
        let names = ["spot ticks", "on-demand ticks", "idle ticks", "launches", "preemptions"];
        for ((name, known), ours) in names.into_iter().zip(counts).zip(ours) {
            out.push(Case::checked(SUITE, case(name), known as f64, ours as f64, 0.0));
        }
    }
    out
}

/// The settings of the table on other traces: for each the mean of every policy, what it saves, and its mean per file.
///
/// # Errors
/// For a trace that has no room for a single run.
pub(super) fn given(traces: &[Availability], best: bool) -> Result<Vec<Case>, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut settings: Vec<Setting> = Vec::new();
    for t in traces {
        let all = Setting::all(t.gap);
        let need = all[0].ticks(t.gap);
        if t.counts.len() < need {
            faults.push(too_short(t, need));
        }
        for s in all {
            if !settings.contains(&s) {
                settings.push(s);
            }
        }
    }
    if faults.has_errors() {
        return Err(faults);
    }
    let spot: Vec<Vec<bool>> = traces.iter().map(Availability::any).collect();
    let mut out = Vec::new();
    for setting in settings {
        let column = Column::run(traces, &spot, setting, starts(traces, setting, setting.stride()), best);
        // No trace has room for this deadline.
        if column.starts.is_empty() {
            continue;
        }
        let case = |what: &str| format!("{}/{what}", setting.name());
        let mut push = |what: &str, ours: Option<f64>| {
            out.extend(ours.map(|v| Case::unchecked(SUITE, case(what), v)));
        };
        for (p, (name, _)) in POLICIES.iter().enumerate() {
            push(name, column.mean(p, None));
        }
        if best {
            push("optimum", column.mean_optimum(None));
        }
        for (p, (name, _)) in POLICIES.iter().enumerate() {
            push(&format!("{name}/saves %"), column.mean(p, None).map(|m| column.saves(m)));
        }
        push("runs", Some(column.starts.len() as f64));
        push("missed deadlines", Some(column.missed as f64));
        for (i, t) in traces.iter().enumerate() {
            for (p, (name, _)) in POLICIES.iter().enumerate() {
                push(&format!("{name}/{}", t.name), column.mean(p, Some(i)));
            }
            if best {
                push(&format!("optimum/{}", t.name), column.mean_optimum(Some(i)));
            }
        }
        if best {
            out.push(Case::checked(SUITE, case("runs below the optimum"), 0.0, column.beaten() as f64, 0.0));
        }
    }
    Ok(out)
}
