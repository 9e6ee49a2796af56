//! Tables of services: promises and cost, deployments, series, labels, rollouts.

use crate::kernel::Histogram;
use crate::outcome::{Outcome, Promise, ServiceOutcome, StartStage, WorkOutcome};
use crate::report::chart::{bucket_hours, csv, num};
use crate::report::clock::Clock;

/// The tables that an outcome with services has beside the usual ones, by file name; none without services.
#[must_use]
pub fn service_tables(o: &Outcome) -> Vec<(&'static str, String)> {
    if of(o).next().is_none() {
        return Vec::new();
    }
    let mut out = vec![
        ("services.csv", services_csv(o)),
        ("deployments.csv", deployments_csv(o)),
        ("service-series.csv", service_series_csv(o)),
        ("service-labels.csv", service_labels_csv(o)),
    ];
    if of(o).any(|(_, s)| !s.rollouts.is_empty()) {
        out.push(("rollouts.csv", rollouts_csv(o)));
    }
    out
}

fn of(o: &Outcome) -> impl Iterator<Item = (&WorkOutcome, &ServiceOutcome)> {
    o.work.iter().filter_map(|w| Some((w, w.service.as_deref()?)))
}

fn maybe(v: Option<f64>) -> String {
    v.map_or_else(String::new, num)
}

fn quantile(h: &Histogram, q: f64, unit: f64) -> String {
    maybe(h.quantile(q).map(|v| v as f64 / unit))
}

/// Within what, s, to which share, and which share had it.
fn promise(s: &ServiceOutcome, what: Promise) -> [String; 3] {
    match s.slo.iter().find(|p| p.what == what) {
        Some(p) => {
            let within = if what == Promise::Deadline { String::new() } else { num(p.within_ns as f64 / 1e9) };
            [within, num(p.share), maybe(p.attained())]
        }
        None => Default::default(),
    }
}

/// `services.csv`: one row a service. Its `usd` column is what `charges.csv` charges to the service.
#[must_use]
pub fn services_csv(o: &Outcome) -> String {
    let mut header: Vec<String> = [
        "service",
        "in_flight_at_start",
        "sent",
        "answered",
        "from_cache",
        "refused",
        "limited",
        "timed_out",
        "failed",
        "in_flight_at_end",
        "retries",
        "good",
        "attained",
        "kept",
    ]
    .map(str::to_owned)
    .to_vec();
    const PROMISES: [Promise; 4] = [Promise::Ttft, Promise::Tpot, Promise::E2e, Promise::Deadline];
    for p in PROMISES {
        header.extend(["within_s", "share", "attained"].map(|c| format!("{}_{c}", p.key())));
    }
    const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];
    for what in ["ttft", "wait", "tpot", "itl", "e2e"] {
        header.extend(QUANTILES.map(|(q, _)| format!("{what}_{q}_s")));
    }
    header.extend(
        [
            "input_tokens",
            "input_cached_tokens",
            "output_tokens",
            "prefilled_tokens",
            "produced_tokens",
            "usd",
            "usd_per_million_input",
            "usd_per_million_output",
        ]
        .map(str::to_owned),
    );
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows = of(o).map(|(w, s)| {
        let r = &s.requests;
        let mut row = vec![w.name.clone()];
        row.extend(
            [
                r.in_flight_at_start,
                r.sent,
                r.answered,
                r.from_cache,
                r.refused,
                r.limited,
                r.timed_out,
                r.failed,
                r.in_flight_at_end,
                r.retries,
                s.good,
            ]
            .map(|n| n.to_string()),
        );
        row.extend([maybe(s.attained()), s.is_kept().to_string()]);
        row.extend(PROMISES.into_iter().flat_map(|p| promise(s, p)));
        let l = &s.latency;
        for (h, unit) in [(&l.ttft, 1e9), (&l.wait, 1e9), (&l.tpot, 1e9), (&l.itl_ps, 1e12), (&l.e2e, 1e9)] {
            row.extend(QUANTILES.map(|(_, q)| quantile(h, q, unit)));
        }
        let t = &s.tokens;
        row.extend([t.input, t.input_cached, t.output, t.prefilled, t.produced].map(|n| n.to_string()));
        let (input, output) = s.usd_per_million(w.bill.0.to_f64());
        row.extend([w.bill.0.exact(), maybe(input), maybe(output)]);
        row
    });
    csv(&header, rows)
}

/// `deployments.csv`: one row a deployment.
#[must_use]
pub fn deployments_csv(o: &Outcome) -> String {
    let mut header: Vec<String> = [
        "service",
        "deployment",
        "model",
        "role",
        "profiles",
        "gpus",
        "desired_mean",
        "ready_mean",
        "ready_max",
        "ready_replica_h",
        "busy_replica_h",
        "created",
        "started",
        "removed",
        "lost",
        "scalings",
        "preemptions",
        "kv_use_mean",
        "kv_use_max",
        "prefill_share",
    ]
    .map(str::to_owned)
    .to_vec();
    for stage in StartStage::ALL.map(StartStage::key).into_iter().chain(["start_up"]) {
        header.extend(["p50", "p99"].map(|q| format!("{stage}_{q}_s")));
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows = of(o).flat_map(|(w, s)| s.deployments.iter().map(move |d| (w, d))).map(|(w, d)| {
        let mut row = vec![
            w.name.clone(),
            d.name.clone(),
            d.model.clone(),
            d.role.clone(),
            d.profiles.join("; "),
            d.gpus.to_string(),
            num(d.desired_mean),
            num(d.ready_mean),
            d.ready_max.to_string(),
            num(d.ready_ns.0 as f64 / 3.6e12),
            num(d.busy_ns.0 as f64 / 3.6e12),
        ];
        row.extend([d.created, d.started, d.removed, d.lost, d.scalings, d.preemptions].map(|n| n.to_string()));
        row.extend([d.kv_use_mean, d.kv_use_max, d.prefill_share].map(num));
        let none = Histogram::new();
        let stages = (0..StartStage::ALL.len()).map(|i| d.stages.get(i).unwrap_or(&none)).chain([&d.start_up]);
        row.extend(stages.flat_map(|h| [0.5, 0.99].map(|q| quantile(h, q, 1e9))));
        row
    });
    csv(&header, rows)
}

/// `service-series.csv`: one row a bucket and service, buckets outermost, named by their start. Replicas and KV are
/// summed and averaged over the service's deployments.
#[must_use]
pub fn service_series_csv(o: &Outcome) -> String {
    let header = [
        "time",
        "hours",
        "service",
        "sent",
        "concluded",
        "good",
        "lost",
        "ttft_p50_s",
        "ttft_p99_s",
        "tpot_p50_s",
        "tpot_p99_s",
        "e2e_p50_s",
        "e2e_p99_s",
        "in_system",
        "queued",
        "input_tokens_per_s",
        "output_tokens_per_s",
        "desired",
        "ready",
        "starting",
        "busy",
        "kv_use",
        "usd",
    ];
    let clock = Clock::of(o);
    let hours = bucket_hours(o);
    let rows = (0..o.series.buckets).flat_map(|i| of(o).map(move |(w, s)| (i, w, s))).map(|(i, w, s)| {
        let v = &s.series;
        let count = |v: &[u64]| v.get(i).map_or_else(String::new, u64::to_string);
        let at = |v: &[f64]| maybe(v.get(i).copied());
        let mut row = vec![clock.iso(i as u64 * o.series.bucket_ns), num(hours[i]), w.name.clone()];
        row.extend([&v.sent, &v.concluded, &v.good, &v.lost].map(|v| count(v)));
        let quantiles = [&v.ttft_p50, &v.ttft_p99, &v.tpot_p50, &v.tpot_p99, &v.e2e_p50, &v.e2e_p99];
        row.extend(quantiles.map(|v| maybe(v.get(i).copied().flatten())));
        row.extend([&v.in_system, &v.queued, &v.input_per_s, &v.output_per_s].map(|v| at(v)));
        let sum = |of: fn(&crate::outcome::service::DeploymentSeries) -> &Vec<f64>| {
            v.deployments.iter().filter_map(|d| of(d).get(i)).sum::<f64>()
        };
        row.extend([sum(|d| &d.desired), sum(|d| &d.ready), sum(|d| &d.starting), sum(|d| &d.busy)].map(num));
        row.extend([maybe(v.kv_use(i)), at(&v.usd)]);
        row
    });
    csv(&header, rows)
}

/// `service-labels.csv`: one row a service and set of labels of its requests.
#[must_use]
pub fn service_labels_csv(o: &Outcome) -> String {
    let header = ["service", "labels", "requests", "good", "input_tokens", "output_tokens", "usd"];
    let rows = of(o).flat_map(|(w, s)| s.by_label.iter().map(move |l| (w, l))).map(|(w, l)| {
        let mut row = vec![w.name.clone(), l.labels.join(" ")];
        row.extend([l.requests, l.good, l.input, l.output].map(|n| n.to_string()));
        row.push(l.usd.0.exact());
        row
    });
    csv(&header, rows)
}

/// `rollouts.csv`: what rollouts decided, service by service, in order of time.
#[must_use]
pub fn rollouts_csv(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let rows = of(o).flat_map(|(w, s)| s.rollouts.iter().map(move |r| (w, r))).map(|(w, r)| {
        vec![
            clock.iso(r.at_ns),
            num(r.at_ns as f64 / 1e9),
            w.name.clone(),
            r.deployment.clone(),
            r.what.clone(),
            num(r.share),
            r.why.clone(),
        ]
    });
    csv(&["time", "at_s", "service", "deployment", "what", "share", "why"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ChargeKind;
    use crate::report::sample;
    use crate::units::{Activity, Usd};

    fn read(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
        let mut r = ::csv::Reader::from_reader(text.as_bytes());
        r.deserialize().map(|row| row.expect("every row is as wide as its header")).collect()
    }

    #[test]
    fn rows_are_services_deployments_buckets_labels_and_steps() {
        let o = sample::services::outcome();
        let tables = service_tables(&o);
        let rows = |name: &str| read(&tables.iter().find(|t| t.0 == name).unwrap_or_else(|| panic!("{name}")).1);
        let n = |row: &std::collections::BTreeMap<String, String>, c: &str| row[c].parse::<u64>().expect("a count");
        let services = rows("services.csv");
        assert_eq!(services.iter().map(|r| r["service"].as_str()).collect::<Vec<_>>(), ["chat", "summaries"]);
        for r in &services {
            let ends = ["answered", "from_cache", "refused", "limited", "timed_out", "failed", "in_flight_at_end"];
            let ends: u64 = ends.iter().map(|c| n(r, c)).sum();
            assert_eq!(n(r, "in_flight_at_start") + n(r, "sent"), ends);
        }
        assert_eq!((services[0]["ttft_within_s"].as_str(), services[0]["ttft_share"].as_str()), ("1", "0.95"));
        assert_eq!((services[1]["ttft_within_s"].as_str(), services[1]["deadline_attained"].as_str()), ("", "1"));
        // What the bill charges to the service, to the last digit.
        let charged: Usd = o.charges.iter().filter(|c| c.workload.as_deref() == Some("chat")).map(|c| c.usd.0).sum();
        assert_eq!(services[0]["usd"].parse::<Usd>().unwrap(), charged);
        let deployments = rows("deployments.csv");
        let names: Vec<&str> = deployments.iter().map(|r| r["deployment"].as_str()).collect();
        assert_eq!(names, ["chat-v1", "chat-v2", "summaries"]);
        assert_eq!((deployments[0]["load_p50_s"].as_str(), deployments[2]["load_p50_s"].as_str()), ("75", ""));
        let series = rows("service-series.csv");
        assert_eq!(series.len(), 36 * 2);
        let sent: u64 = series.iter().filter(|r| r["service"] == "chat").map(|r| n(r, "sent")).sum();
        assert_eq!(sent, n(&services[0], "sent"));
        // One replica at 1.21 USD an hour, all the time.
        let last = &series[71];
        assert_eq!((last["service"].as_str(), last["ready"].as_str()), ("summaries", "1"));
        assert!((last["usd"].parse::<f64>().unwrap() - 1.21 / 6.0).abs() < 1e-9);
        let labels = rows("service-labels.csv");
        // Whoever sends the requests pays for the work on them, also where their labels are the service's own.
        for name in ["chat", "summaries"] {
            let mine = labels.iter().filter(|r| r["service"] == name);
            let told: Usd = mine.map(|r| r["usd"].parse::<Usd>().unwrap()).sum();
            let worked = ChargeKind::Activity(Activity::Productive);
            let charged = o.charges.iter().filter(|c| c.workload.as_deref() == Some(name) && c.kind == worked);
            assert_eq!(told, charged.map(|c| c.usd.0).sum(), "{name}");
            assert!(told > Usd::ZERO);
        }
        let teams: Vec<&str> = labels.iter().map(|r| r["labels"].as_str()).collect();
        let app = |t: &str| format!("app=chat team={t}");
        assert_eq!(teams, [&app("search"), &app("support"), &app("mobile"), "team=search"]);
        let rollouts = rows("rollouts.csv");
        assert_eq!(rollouts[0]["what"], "started");
        assert_eq!(rollouts[0]["time"], "2026-10-05T12:30:00+00:00");
        assert!(service_tables(&sample::spot()).is_empty());
    }
}
