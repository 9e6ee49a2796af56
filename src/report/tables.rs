//! The tables of a run directory as CSV and JSON.
//!
//! Money is written exactly (twelve decimals at most), times as seconds from the start of the measured window or as
//! civil time with its offset, lists within a field separated by spaces.

pub mod jobs;
pub mod losses;
pub mod services;
pub mod slices;

use serde::Serialize;

pub use jobs::{JobRecord, JobsCsv, read_jobs};
pub use losses::loss_tables;
pub use services::service_tables;
pub use slices::slice_tables;

use super::chart::{csv, num};
use super::clock::Clock;
use crate::outcome::{MILLI_NS_PER_GPU_HOUR, Metric, Outcome, SplitRow, metrics};

/// Name and version of the shape of `summary.json`.
///
/// `fleetcast.run/1` is an object with `schema` (this text), `outcome` (an [`Outcome`]: exact amounts are decimal
/// strings) and `metrics` (a list of [`Metric`], in the order of `fleetcast metrics`; `value` is null where the
/// denominator is nothing), and, where work can be interrupted, `cost_split` (a list of [`SplitRow`]). Fields may be added within a version; one that goes or changes its meaning raises it.
pub const SCHEMA: &str = "fleetcast.run/1";

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'static str,
    outcome: &'a Outcome,
    metrics: Vec<Metric>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_split: Option<Vec<SplitRow>>,
}

/// `summary.json`, ending with a newline. See [`SCHEMA`].
///
/// # Errors
/// When the outcome cannot be serialised: a fault of ours.
pub fn summary_json(o: &Outcome) -> Result<String, serde_json::Error> {
    let cost_split = o.has_interruptions().then(|| o.split());
    let summary = Summary { schema: SCHEMA, outcome: o, metrics: metrics(o), cost_split };
    let mut text = serde_json::to_string_pretty(&summary)?;
    text.push('\n');
    Ok(text)
}

/// `timeseries.csv`: one row a bucket, named by its start. Columns: `time`, `hours` (the bucket's length),
/// `waiting_jobs`, `waiting_gpus`, then for each pool `POOL.provisioned`, `.allocated`, `.busy`, `.sampled`,
/// `.requested`, `.job_waste` (time averages in GPUs, or cores in a pool without any), `.spend_usd` (in the bucket) and
/// `.nodes` (billed, time average).
#[must_use]
pub fn timeseries_csv(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let mut header: Vec<String> = ["time", "hours", "waiting_jobs", "waiting_gpus"].map(str::to_owned).to_vec();
    for p in &o.pools {
        for what in ["provisioned", "allocated", "busy", "sampled", "requested", "job_waste", "spend_usd", "nodes"] {
            header.push(format!("{}.{what}", p.name));
        }
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let hours = super::chart::bucket_hours(o);
    let at = |v: &[f64], i: usize| v.get(i).copied().map_or_else(String::new, num);
    let rows = (0..o.series.buckets).map(|i| {
        let time = clock.iso(i as u64 * o.series.bucket_ns);
        let mut row = vec![time, num(hours[i]), at(&o.series.waiting_jobs, i), at(&o.series.waiting_gpus, i)];
        for s in &o.series.pools {
            let all =
                [&s.provisioned, &s.allocated, &s.busy, &s.sampled, &s.requested, &s.job_waste, &s.spend, &s.nodes];
            row.extend(all.map(|v| at(v, i)));
        }
        row
    });
    csv(&header, rows)
}

/// `charges.csv`: every line of the bill. Its `usd` column adds up to the bill, exactly.
#[must_use]
pub fn charges_csv(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let header = [
        "id",
        "pool",
        "kind",
        "workload",
        "labels",
        "hours",
        "unit_price_usd_per_hour",
        "per",
        "price_from",
        "source",
        "evidence",
        "usd",
        "avoidable",
    ];
    let rows = o.charges.iter().map(|c| {
        let price = c.price.and_then(|i| o.prices.get(i));
        let of = |f: &dyn Fn(&crate::outcome::PriceRow) -> String| price.map(f).unwrap_or_default();
        vec![
            c.id.clone(),
            c.pool.clone(),
            c.kind.key().to_owned(),
            c.workload.clone().unwrap_or_default(),
            c.labels.join(" "),
            num(c.milli_ns.0 as f64 / MILLI_NS_PER_GPU_HOUR),
            of(&|p| p.usd_per_hour.0.exact()),
            of(&|p| p.per.clone()),
            of(&|p| clock.iso(p.from_ns)),
            of(&|p| p.source.clone()),
            of(&|p| p.evidence.clone()),
            c.usd.0.exact(),
            c.avoidable.to_string(),
        ]
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::units::Usd;

    #[test]
    fn the_charges_column_adds_up_to_the_bill_exactly() {
        let o = sample::outcome(None, 1.0, 1.0);
        let text = charges_csv(&o);
        let mut r = ::csv::Reader::from_reader(text.as_bytes());
        let at = r.headers().unwrap().iter().position(|h| h == "usd").unwrap();
        let sum: Usd = r.records().map(|row| row.unwrap()[at].parse::<Usd>().unwrap()).sum();
        assert_eq!(sum, o.bill());
    }

    #[test]
    fn the_summary_reads_back_as_the_same_outcome() {
        let o = sample::outcome(None, 1.0, 1.0);
        let v: serde_json::Value = serde_json::from_str(&summary_json(&o).unwrap()).unwrap();
        assert_eq!(v["schema"], "fleetcast.run/1");
        let back: Outcome = serde_json::from_value(v["outcome"].clone()).unwrap();
        for (a, b) in back.pools.iter().zip(&o.pools) {
            assert!(a.waits == b.waits, "waits {}", a.name);
        }
        assert!(back.charges == o.charges && back.prices == o.prices && back.jobs == o.jobs);
        assert!(back.series == o.series, "series");
        assert!(back.budgets == o.budgets, "budgets");
        assert!(back == o, "all else");
        assert_eq!(v["metrics"][0]["name"], "cost.total");
    }

    #[test]
    fn metrics_come_in_the_order_of_their_table_and_every_one_is_in_it() {
        let rows: Vec<&str> = crate::outcome::metric::TABLE.iter().map(|d| d.name).collect();
        let same = |pattern: &str, name: &str| {
            // Words in capitals stand for names, which may have dots of their own.
            let (mut rest, mut first) = (name, true);
            for piece in pattern.split(|c: char| c.is_ascii_uppercase()).filter(|p| !p.is_empty()) {
                let Some(at) = rest.find(piece).filter(|at| !first || *at == 0) else { return false };
                rest = &rest[at + piece.len()..];
                first = false;
            }
            pattern.ends_with(|c: char| c.is_ascii_uppercase()) || rest.is_empty()
        };
        for o in [sample::outcome(None, 1.0, 1.0), sample::spot(), sample::services::outcome()] {
            for m in metrics(&o) {
                assert!(rows.iter().any(|r| *r == m.name || same(r, &m.name)), "{}", m.name);
            }
            assert_eq!(metrics(&o).iter().any(|m| m.name == "goodput"), o.has_interruptions());
        }
        let docs = include_str!("../../docs/metrics.md");
        for d in crate::outcome::metric::TABLE {
            let better = serde_json::to_value(d.better).unwrap();
            let better = better.as_str().unwrap().replace("neutral", "neither");
            let row = format!("| `{}` | {} | {better} | {} |", d.name, d.unit, d.meaning);
            assert!(docs.contains(&row), "docs/metrics.md lacks {row}");
        }
    }

    #[test]
    fn figures_of_interruptions_are_the_counts_and_quotients_that_they_say() {
        let o = sample::spot();
        let all = metrics(&o);
        let of = |name: &str| all.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("{name}")).value;
        let tune = o.work[0].run.as_ref().unwrap();
        assert_eq!(of("work.tune.interruptions"), Some(tune.interruptions.iter().sum::<u64>() as f64));
        assert_eq!(of("work.tune.deadline_met"), Some(tune.deadline_met as f64));
        assert_eq!(of("cost.lost"), of("waste.lost"));
        assert_eq!(of("cost.restart"), of("waste.restart"));
        assert_eq!(of("pool.hall.mean_hours_to_loss"), o.pools[4].losses.as_ref().unwrap().mean_hours_to_loss());
        let hours = o.pools[..4].iter().map(|p| p.hours(crate::units::Activity::Productive)).sum::<f64>();
        // All of the four pools is tune's, and so are storage and egress.
        let store: Usd = o.charges.iter().filter(|c| c.pool == "checkpoint store").map(|c| c.usd.0).sum();
        let usd = o.pools[..4].iter().map(|p| p.bill.0).sum::<Usd>() + store;
        let got = of("work.tune.usd_per_useful_gpu_hour").unwrap();
        assert!((got - usd.to_f64() / hours).abs() < 1e-9, "{got}");
        let on_demand =
            o.split().iter().filter(|r| r.part == crate::outcome::Part::OnDemand).map(|r| r.usd.0).sum::<Usd>();
        assert_eq!(of("cost.fallback"), Some(on_demand.to_f64()));
    }

    #[test]
    fn figures_of_services_are_the_quotients_that_they_say() {
        use crate::outcome::service::{RequestCounts, TokenCounts};
        use crate::outcome::{DeploymentOutcome, Exact, Money, Promise, ServiceOutcome, SloOutcome};
        let mut o = sample::outcome(None, 1.0, 1.0);
        o.horizon_ns = 100_000_000_000;
        let requests = RequestCounts {
            sent: 1_000,
            answered: 700,
            from_cache: 100,
            refused: 40,
            limited: 30,
            timed_out: 20,
            failed: 10,
            in_flight_at_end: 100,
            retries: 7,
            ..RequestCounts::default()
        };
        let tokens = TokenCounts { input: 4_000, input_cached: 1_000, output: 500, prefilled: 3_000, produced: 500 };
        let deployment = |gpus, ready: u128, busy: u128, mean, max, kv, prefill| DeploymentOutcome {
            gpus,
            ready_ns: Exact(ready),
            busy_ns: Exact(busy),
            ready_mean: mean,
            ready_max: max,
            kv_use_mean: kv,
            prefill_share: prefill,
            started: 3,
            preemptions: 5,
            ..DeploymentOutcome::default()
        };
        let slo = |what, met, of| SloOutcome { what, within_ns: 1, share: 0.9, met, of };
        let mut s = ServiceOutcome {
            requests,
            tokens,
            good: 450,
            slo: vec![slo(Promise::Ttft, 540, 900), slo(Promise::Deadline, 0, 0)],
            // Prompts: (60 × 1 × 0.5 + 20 × 4 × 0.25) of 60 × 1 + 20 × 4: 50 / 140.
            deployments: vec![deployment(1, 150, 60, 1.5, 2, 0.4, 0.5), deployment(4, 50, 20, 0.5, 1, 0.8, 0.25)],
            ..ServiceOutcome::default()
        };
        for ns in [1_000, 1_100, 1_900] {
            s.latency.ttft.record(ns);
            s.latency.itl_ps.record(ns);
            s.deployments[1].start_up.record(ns);
        }
        o.work[0].name = "chat".into();
        o.work[0].bill = Money(Usd(14_000_000_000_000));
        o.work[0].service = Some(Box::new(s));
        let all = metrics(&o);
        let of = |name: &str| all.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("{name}")).value;
        for (name, want) in [
            // 700 + 100 + 100 lost concluded.
            ("slo.chat.attained", 50.0),
            ("slo.chat.ttft", 60.0),
            ("slo.chat.lost", 100.0 / 9.0),
            ("slo.chat.ttft_p50", 1.1e-6),
            ("slo.chat.ttft_p99", 1.9e-6),
            ("slo.chat.itl_p50", 1.1e-9),
            ("service.chat.requests", 1_000.0),
            ("service.chat.limited", 30.0),
            ("service.chat.retries", 7.0),
            ("service.chat.goodput", 4.5),
            ("service.chat.prefix_hit", 25.0),
            ("service.chat.usd_per_million_input", 5.0 / 4_000.0 * 1e6),
            ("service.chat.usd_per_million_output", 9.0 / 500.0 * 1e6),
            ("service.chat.usd_per_request", 14.0 / 800.0),
            ("service.chat.usd_per_good_request", 14.0 / 450.0),
            ("service.chat.cold_starts", 6.0),
            ("service.chat.start_up_p50", 1.1e-6),
            ("service.chat.preemptions", 10.0),
            // (150 × 0.4 + 50 × 0.8) / 200
            ("service.chat.kv_use", 50.0),
            ("service.chat.replicas_mean", 2.0),
            ("service.chat.replicas_max", 3.0),
            ("service.chat.busy", 40.0),
        ] {
            let got = of(name).unwrap_or_else(|| panic!("{name}"));
            assert!((got - want).abs() <= 1e-12 * want, "{name}: {got}, not {want}");
        }
        assert_eq!((of("slo.chat.deadline"), of("slo.chat.tpot_p50")), (None, None));
        assert!(!all.iter().any(|m| m.name == "slo.chat.e2e"), "nothing of the kind is promised");
    }

    #[test]
    fn each_bucket_is_a_row_with_every_pool() {
        let o = sample::outcome(None, 1.0, 1.0);
        let text = timeseries_csv(&o);
        assert_eq!(text.lines().count(), 169);
        assert!(text.lines().all(|l| l.split(',').count() == 4 + 8 * 3));
        assert!(text.lines().nth(1).unwrap().starts_with("2026-10-05T00:00:00-04:00,1,3.5,20,"));
    }
}
