//! The charts: each one question, its answer as the title, its data as CSV.
//!
//! A chart is a function from outcomes to a [`Drawing`]; [`render_all`] turns drawings into files' bytes, in parallel.

pub mod activities;
pub mod capacity;
pub mod changes;
pub mod curves;
pub mod dashboard;
pub mod disruption;
pub mod dollars;
pub mod finishes;
pub mod gantt;
pub mod heat;
pub mod inspect;
pub mod kv;
pub mod labels;
pub mod latency;
pub mod nodes;
pub mod notice;
pub mod options;
mod points;
pub mod profile;
pub mod replicas;
pub mod requests;
pub mod response;
mod service;
pub mod slices;
pub mod slo;
pub mod spend;
pub mod split;
pub mod starts;
pub mod survival;
pub mod tokens;
pub mod utilisation;
pub mod waits;

use rayon::prelude::*;

use super::axes::About;
use super::render::{self, RenderError};
use super::scene::Scene;
use crate::experiment::sweep::Swept;
use crate::experiment::{Candidate, CurveOutcome};
use crate::outcome::Outcome;

/// A chart before it becomes files.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// File name without its ending: `dollars`.
    pub name: &'static str,
    /// The finding.
    pub title: String,
    /// What is drawn.
    pub scene: Scene,
    /// The data drawn, with a header line.
    pub csv: String,
}

/// A chart as the bytes of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// File name without its ending.
    pub name: &'static str,
    /// The finding.
    pub title: String,
    /// SVG, 1920 × 1080, the same bytes for the same input.
    pub svg: String,
    /// PNG, 1920 × 1080.
    pub png: Vec<u8>,
    /// The data drawn.
    pub csv: String,
}

/// The drawings of a run, in the order in which a reader wants them. `variants` are the other outcomes of the same
/// scenario; charts whose data is absent (no labels, no variants, no GPUs) are left out.
#[must_use]
pub fn drawings(o: &Outcome, variants: &[Outcome], about: &About) -> Vec<Drawing> {
    let mut all = vec![Some(dollars::draw(o, about)), activities::draw(o, about), capacity::draw(o, about)];
    all.push(spend::draw(o, about));
    all.push(waits::draw(o, about));
    all.push(dashboard::draw(o, about));
    all.push(options::draw(o, variants, about));
    all.push(nodes::draw(o, variants, about));
    all.push(disruption::draw(o, variants, about));
    all.push(utilisation::draw(o, about));
    all.push(labels::draw(o, None, about));
    all.push(split::draw(o, about));
    all.push(gantt::draw(o, about));
    all.push(survival::draw(o, about));
    all.push(notice::draw(o, about));
    all.push(slo::draw(o, about));
    all.push(replicas::draw(o, about));
    all.push(latency::draw(o, about));
    all.push(tokens::draw(o, about));
    all.push(starts::draw(o, about));
    all.push(kv::draw(o, about));
    all.push(slices::draw(o, about));
    all.push(slices::map(o, about));
    all.into_iter().flatten().collect()
}

/// The drawings of many runs, each with the name of its file: finish times of the scenario and its variants, and each
/// curve. `curves` has the lines of one curve beside each other, the scenario's own first.
#[must_use]
pub fn luck_drawings(candidates: &[Candidate], curves: &[CurveOutcome], about: &About) -> Vec<(String, Drawing)> {
    let mut all = Vec::new();
    all.extend(finishes::draw(candidates, about).map(|d| (d.name.to_owned(), d)));
    for lines in curves.chunk_by(|a, b| a.name == b.name) {
        all.extend(self::curves::draw(lines, about).map(|d| (format!("curve-{}", lines[0].name), d)));
    }
    all
}

/// The drawings of a sweep, each with the name of its file: one a metric that has values. A heat map over a grid of two axes,
/// else curves.
#[must_use]
pub fn sweep_drawings(s: &Swept, version: &str) -> Vec<(String, Drawing)> {
    let plan = &s.plan;
    let variant = plan.variant.as_ref().map(|v| format!(", variant {v}")).unwrap_or_default();
    let runs = match plan.replications {
        1 => "1 run a point".to_owned(),
        n => format!("{} runs a point", super::words::count(n.into())),
    };
    let about = About {
        subtitle: format!("{}{variant} · {} · seed {} · {runs}", plan.name, plan.about, plan.seed),
        footnote: format!("simulated by fleetcast {version}, seed {}", plan.seed),
        ..About::default()
    };
    let mut all = Vec::new();
    for (i, m) in plan.metrics.iter().enumerate() {
        let drawing = heat::draw(s, i, &about).or_else(|| response::draw(s, i, &about));
        all.extend(drawing.map(|d| (file_name(&m.name), d)));
    }
    all
}

/// The drawings of a comparison, each with the name of its file: why the bill changed, and how far figures moved. With
/// several candidates each file has its candidate's name.
#[must_use]
pub fn comparison_drawings(r: &super::compare::Report) -> Vec<(String, Drawing)> {
    let mut all = Vec::new();
    for c in &r.comparisons {
        let about = About {
            subtitle: format!(
                "{} beside {} · {} pairs of runs under the same luck · seed {}",
                c.candidate,
                r.base.name,
                super::words::count(c.pairs.into()),
                r.seed
            ),
            footnote: format!("simulated by fleetcast {}, seed {}", r.fleetcast, r.seed),
            ..About::default()
        };
        let end = if r.comparisons.len() > 1 { format!("-{}", file_name(&c.candidate)) } else { String::new() };
        all.extend(changes::drawings(c, &r.base.name, &about).into_iter().map(|(n, d)| (format!("{n}{end}"), d)));
    }
    all
}

/// A name as part of a file's name: names of labels, workloads and candidates may have what that may not.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    name.chars().map(safe).collect()
}

/// Draws each as SVG and PNG, in parallel; the order stays.
///
/// # Errors
/// When a backend refuses to draw.
pub fn render_all(drawings: Vec<Drawing>) -> Result<Vec<Chart>, RenderError> {
    drawings
        .into_par_iter()
        .map(|d| {
            let (svg, png) = (render::svg(&d.scene)?, render::png(&d.scene)?);
            Ok(Chart { name: d.name, title: d.title, svg, png, csv: d.csv })
        })
        .collect()
}

/// Rows as CSV (RFC 4180 quoting, `\n` line ends).
pub(super) fn csv(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut w = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    // Writing to a vector cannot fail; were it to, the text would be short, not wrong.
    let _ = w.write_record(header);
    for r in rows {
        let _ = w.write_record(&r);
    }
    w.into_inner().ok().and_then(|b| String::from_utf8(b).ok()).unwrap_or_default()
}

/// A number for CSV: as short as reads back the same.
pub(super) fn num(v: f64) -> String {
    if v.is_finite() { format!("{v}") } else { String::new() }
}

/// At most `max` buckets: neighbours averaged, the last group over what it has. Returns the factor and the values.
pub(super) fn thin(values: &[f64], max: usize) -> (usize, Vec<f64>) {
    let k = values.len().div_ceil(max.max(1)).max(1);
    (k, values.chunks(k).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect())
}

/// Edges in ns of `n` groups of `k` buckets, the last cut at the horizon.
pub(super) fn edges(o: &Outcome, k: usize, n: usize) -> Vec<f64> {
    (0..=n).map(|i| ((i * k) as u64 * o.series.bucket_ns).min(o.horizon_ns) as f64).collect()
}

/// A pool's series added into a total, bucket by bucket.
pub(super) fn add(total: &mut Vec<f64>, values: &[f64]) {
    if total.len() < values.len() {
        total.resize(values.len(), 0.0);
    }
    for (t, v) in total.iter_mut().zip(values) {
        *t += v;
    }
}

/// Length of each bucket in hours: the last may be short.
pub(super) fn bucket_hours(o: &Outcome) -> Vec<f64> {
    let w = o.series.bucket_ns;
    (0..o.series.buckets as u64).map(|i| o.horizon_ns.saturating_sub(i * w).min(w) as f64 / 3.6e12).collect()
}

/// A quantile of waits, ns; 0 when there are none.
pub(super) fn wait_ns(h: &crate::kernel::Histogram, p: f64) -> u64 {
    h.quantile(p).unwrap_or(0)
}

/// Share of `part` in `whole`; 0 when there is nothing.
pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Σ value × hours.
pub(super) fn integral(values: &[f64], hours: &[f64]) -> f64 {
    values.iter().zip(hours).map(|(v, h)| v * h).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn all() -> Vec<Drawing> {
        let base = sample::outcome(None, 1.0, 1.0);
        let variants = [sample::outcome(Some("fewer-h100"), 0.85, 1.9), sample::outcome(Some("backfill"), 1.0, 0.4)];
        let about = About::of(&base, "0.1.0", Some("2026-08-03"));
        let mut all = drawings(&base, &variants, &about);
        let fitted: Vec<f64> =
            (1..500).map(|i| f64::from(i) / 500.0).map(|p| 600.0 * (p / (1.0 - p)).powf(1.2)).collect();
        let shape = inspect::TraceShape {
            name: "openb".into(),
            arrivals_per_hour: (0..336)
                .map(|h| 30.0 + 20.0 * (f64::from(h) / 3.8).sin() + f64::from(h * 7 % 11))
                .collect(),
            fitted_arrivals_per_hour: (0..336).map(|h| 35.0 + 19.0 * (f64::from(h) / 3.8).sin()).collect(),
            durations_s: fitted.iter().map(|d| d * 1.15 + 3.0).collect(),
            fitted_durations_s: fitted,
        };
        all.extend(inspect::draw(&shape, &about));
        all.extend(interrupted());
        all.extend(served());
        all.extend(cut(3, 5, "1g.10gb"));
        all.extend(cut(14, 64, "a-slice-with-a-long-name"));
        all
    }

    /// The charts of pools whose GPUs are cut: so many kinds of slices and GPUs.
    fn cut(kinds: usize, gpus: usize, name: &str) -> Vec<Drawing> {
        use crate::outcome::slices::{GpuUse, SliceKind, SliceOutcome};
        let mut o = sample::outcome(None, 1.0, 1.0);
        let n = o.series.buckets;
        let wave = |k: usize| (0..n).map(|i| 1.0 + ((i + 7 * k) as f64 / 9.0).sin()).collect::<Vec<f64>>();
        let kind = |k: usize| SliceKind {
            name: format!("{name}-{k}"),
            milli: 125,
            placed: 40,
            held: crate::outcome::Exact(1),
            series: wave(k),
        };
        for pool in &mut o.pools[..2] {
            let gpu = |g: usize| GpuUse {
                name: format!("{}-{}/{}", pool.name, g / 8, g % 8),
                taken: wave(g).iter().map(|v| (v * 500.0) as u16).collect(),
            };
            let slices = SliceOutcome {
                way: "mig_on_demand".into(),
                kinds: (0..kinds).map(kind).collect(),
                stranded: wave(3),
                compute_slices: 7,
                compute_left: crate::outcome::Exact(9),
                compute_all: crate::outcome::Exact(100),
                made: 40,
                making_ns: 40_000_000_000,
                recut: 0,
                slowdown: crate::outcome::Slowdown { stretched: 2.2, busy: 2.0 },
                gpus: (0..gpus).map(gpu).collect(),
            };
            pool.slices = Some(Box::new(slices));
        }
        let about = About::of(&o, "0.1.0", Some("2026-08-03"));
        let mine = ["slices", "slice-map"];
        let all: Vec<Drawing> = drawings(&o, &[], &about).into_iter().filter(|d| mine.contains(&d.name)).collect();
        assert_eq!(all.len(), mine.len());
        all
    }

    /// The charts of a run with services.
    fn served() -> Vec<Drawing> {
        let o = sample::services::outcome();
        let about = About::of(&o, "0.1.0", Some("2026-08-03"));
        // The same with fewer machines and with more, as figures: what is compared are cost and attainment.
        let variant = |name: &str, usd: i128, good: f64| {
            let mut v = o.clone();
            v.variant = Some(name.into());
            v.charges[0].usd.0 = crate::units::Usd(v.charges[0].usd.0.0 + usd * 1_000_000_000_000);
            if let Some(s) = &mut v.work[0].service {
                s.good = (s.requests.concluded() as f64 * good) as u64;
            }
            v
        };
        let variants =
            [variant("two-replicas-more", 9, 0.999), variant("no-spares", -6, 0.88), variant("spot", -3, 0.8)];
        let mine = ["options", "slo", "replicas", "latency", "tokens", "starts", "kv"];
        let all: Vec<Drawing> =
            drawings(&o, &variants, &about).into_iter().filter(|d| mine.contains(&d.name)).collect();
        assert_eq!(all.len(), mine.len());
        all
    }

    /// The charts of a run that is interrupted.
    fn interrupted() -> Vec<Drawing> {
        let o = sample::spot();
        let about = About::of(&o, "0.1.0", Some("2026-08-03")).with(&sample::interrupted());
        let mine = ["split", "gantt", "survival", "notice"];
        let all: Vec<Drawing> = drawings(&o, &[], &about).into_iter().filter(|d| mine.contains(&d.name)).collect();
        assert_eq!(all.len(), mine.len());
        all
    }

    #[test]
    fn no_text_overlaps_another_or_leaves_the_page() {
        for d in all() {
            assert_eq!(d.scene.faults(), Vec::<String>::new(), "{}", d.name);
        }
    }

    /// Outcomes that are unlike the usual: charts must hold for them too.
    fn odd() -> Vec<(&'static str, Outcome, Vec<Outcome>)> {
        let base = || sample::outcome(None, 1.0, 1.0);
        let mut out = Vec::new();
        let mut o = base();
        o.budgets.clear();
        o.charges.iter_mut().for_each(|c| c.labels.clear());
        out.push(("no budget, no labels", o, vec![]));

        let mut o = base();
        o.budgets.truncate(1);
        o.pools.truncate(1);
        o.series.pools.truncate(1);
        o.charges.retain(|c| c.pool == "h100");
        out.push(("one pool, one budget", o, vec![base()]));

        let mut o = base();
        for i in 0..40 {
            let mut p = o.pools[i % 3].clone();
            p.name = format!("a-pool-with-a-name-of-sixty-three-characters-as-long-as-it-gets-{i}");
            p.device = format!("DEVICE-WITH-A-LONG-NAME-{}", i % 9);
            o.pools.push(p);
            o.series.pools.push(o.series.pools[i % 3].clone());
            let mut b = o.budgets[i % 2].clone();
            b.name = format!("a-budget-with-a-rather-long-name-{i}");
            o.budgets.push(b);
            let mut c = o.charges[0].clone();
            c.labels = vec![format!("team=a-team-with-a-name-that-nobody-can-remember-{i}")];
            o.charges.push(c);
            let mut w = o.work[0].clone();
            w.name = format!("a-workload-with-a-long-name-{i}");
            o.work.push(w);
        }
        let variants = (0..14).map(|i| {
            let name = format!("a-variant-with-a-long-name-{i}");
            sample::outcome(Some(&name), 0.9 + f64::from(i % 4) * 0.05, 0.5 + f64::from(i % 3) * 0.01)
        });
        out.push(("many of everything", o, variants.collect()));

        let mut o = base();
        o.series.bucket_ns *= 52;
        o.horizon_ns *= 52;
        out.push(("a year", o, vec![]));

        let mut o = base();
        o.horizon_ns = 5 * 3_600_000_000_000 - 7;
        o.series.buckets = 5;
        for s in &mut o.series.pools {
            for v in [&mut s.provisioned, &mut s.allocated, &mut s.busy, &mut s.sampled, &mut s.requested, &mut s.spend]
            {
                v.truncate(5);
            }
        }
        o.budgets.iter_mut().for_each(|b| b.spend.truncate(5));
        out.push(("five hours", o, vec![]));

        let mut o = base();
        o.waits.iter_mut().for_each(|w| w.waits = crate::kernel::Histogram::new());
        out.push(("nobody started", o.clone(), vec![o]));

        let mut o = base();
        o.charges.clear();
        o.series = crate::outcome::Series::default();
        o.waits.clear();
        o.pools.clear();
        out.push(("nothing", o, vec![]));

        let mut o = base();
        o.charges.iter_mut().for_each(|c| c.usd.0 = crate::units::Usd(c.usd.0.0 * 100_000));
        o.charges[3].usd.0 = -o.charges[3].usd.0;
        o.charges[3].kind = crate::outcome::ChargeKind::FreeReclaim;
        o.tz = "Asia/Kolkata".into();
        o.scenario = "a scenario with a name that goes on and on and on and on and on and on and on and on".into();
        out.push(("billions and a credit", o, vec![]));

        let mut o = sample::spot();
        let other = sample::outcome(None, 1.0, 1.0);
        for i in 0..30 {
            let mut p = o.pools[i % 3].clone();
            p.name = format!("a-pool-with-a-name-of-sixty-three-characters-as-long-as-it-gets-{i}");
            o.pools.push(p);
            let mut w = o.work[i % 2].clone();
            w.name = format!("a-workload-with-a-rather-long-name-that-nobody-remembers-{i}");
            let mut c = o.charges[i % 12].clone();
            c.workload = Some(w.name.clone());
            o.charges.push(c);
            o.work.push(w);
        }
        out.push(("many that are interrupted", o, vec![other]));

        let mut o = sample::spot();
        for w in &mut o.work {
            w.run = w.run.as_ref().map(|_| crate::outcome::RunOutcome::default());
        }
        o.pools.iter_mut().for_each(|p| p.losses = Some(crate::outcome::PoolLosses::default()));
        out.push(("runs to which nothing happened", o, vec![]));

        let mut o = sample::services::outcome();
        let long = "a-service-with-a-name-of-sixty-three-characters-as-long-as-it-gets";
        for i in 0..14 {
            let mut w = o.work[i % 2].clone();
            w.name = format!("{long}-{i}");
            if let Some(s) = &mut w.service {
                s.deployments.iter_mut().for_each(|d| d.name = format!("a-deployment-with-a-long-name-{i}"));
            }
            let mut c = o.charges[3].clone();
            c.workload = Some(w.name.clone());
            c.labels = vec![format!("team=a-team-with-a-name-that-nobody-can-remember-{i}")];
            c.usd.0 = crate::units::Usd(c.usd.0.0 * 1_000_000);
            w.bill.0 = c.usd.0;
            o.charges.push(c);
            o.work.push(w);
        }
        out.push(("many services", o.clone(), vec![o]));

        let mut o = sample::services::outcome();
        for s in o.work.iter_mut().filter_map(|w| w.service.as_mut()) {
            **s = crate::outcome::ServiceOutcome::default();
        }
        out.push(("services to which nothing happened", o.clone(), vec![o]));

        let mut o = sample::services::outcome();
        o.series.buckets *= 40;
        o.horizon_ns *= 40;
        for v in o.work.iter_mut().filter_map(|w| w.service.as_mut()).map(|s| &mut s.series) {
            let long = |v: &mut Vec<f64>| *v = v.repeat(40);
            for v in [&mut v.sent, &mut v.concluded, &mut v.good, &mut v.lost] {
                *v = v.repeat(40);
            }
            for v in [&mut v.ttft_p50, &mut v.ttft_p99, &mut v.tpot_p50, &mut v.tpot_p99] {
                *v = v.repeat(40);
            }
            [&mut v.in_system, &mut v.queued, &mut v.usd].into_iter().for_each(long);
            for d in &mut v.deployments {
                let all = [&mut d.desired, &mut d.ready, &mut d.starting, &mut d.busy, &mut d.kv_use];
                all.into_iter().for_each(long);
            }
        }
        out.push(("services for ten days", o, vec![]));

        let mut o = sample::services::outcome();
        for s in o.work.iter_mut().filter_map(|w| w.service.as_mut()) {
            s.slo.clear();
            s.by_label.clear();
            s.latency = crate::outcome::service::LatencyOutcome::default();
            s.requests.refused = s.requests.sent;
            (s.requests.answered, s.good) = (0, 0);
            s.series.ttft_p99.iter_mut().for_each(|v| *v = None);
        }
        o.charges.iter_mut().for_each(|c| c.labels.clear());
        out.push(("services that refused everyone", o, vec![]));

        let mut o = sample::spot();
        o.work.truncate(1);
        if let Some(r) = &mut o.work[0].run {
            r.timeline.truncate(2);
            r.finishes.clear();
            (r.saves, r.notice_to_safe) = (0, crate::kernel::Histogram::new());
            r.saves_failed = 1;
        }
        out.push(("a run that only began", o, vec![]));
        out
    }

    #[test]
    fn charts_hold_for_odd_outcomes() {
        let mut faults: Vec<String> = Vec::new();
        for (what, o, variants) in odd() {
            let about = About::of(&o, "0.1.0", None).with(&sample::interrupted());
            for d in drawings(&o, &variants, &about) {
                faults.extend(d.scene.faults().into_iter().map(|f| format!("{} of {what}: {f}", d.name)));
                for s in &d.scene.shapes {
                    let finite = match s {
                        crate::report::scene::Shape::Rect(a, _) => {
                            [a.x0, a.y0, a.x1, a.y1].iter().all(|v| v.is_finite())
                        }
                        crate::report::scene::Shape::Path(p, ..) | crate::report::scene::Shape::Polygon(p, _) => {
                            p.iter().all(|p| p.0.is_finite() && p.1.is_finite())
                        }
                        crate::report::scene::Shape::Disc(c, r, _) => {
                            c.0.is_finite() && c.1.is_finite() && r.is_finite()
                        }
                    };
                    assert!(finite, "{} of {what}", d.name);
                }
            }
        }
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn the_same_outcome_gives_the_same_bytes() {
        assert_eq!(render_all(all()), render_all(all()));
    }
}
