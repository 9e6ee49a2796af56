//! Figures of services: promises, requests, tokens, what they cost, and what their replicas did.
//!
//! What a service costs is all that its replicas held, idle, cold and lost time included: the bill of its workload.

use super::Direction::{self, Higher, Lower, Neutral};
use crate::kernel::Histogram;
use crate::outcome::{Outcome, Promise, ServiceOutcome, WorkOutcome};

/// Every figure of every service, in the order of the table: promises of all services, then the rest of all.
pub(super) fn services(o: &Outcome, put: &mut impl FnMut(String, Option<f64>, &str, Direction)) {
    let of = || o.work.iter().filter_map(|w| Some((w, w.service.as_deref()?)));
    for (w, s) in of() {
        promises(&w.name, s, put);
    }
    for (w, s) in of() {
        rest(o, w, s, put);
    }
}

fn percent(a: f64, b: f64) -> Option<f64> {
    (b > 0.0).then(|| 100.0 * a / b)
}

fn quantile(h: &Histogram, q: f64, unit: f64) -> Option<f64> {
    h.quantile(q).map(|v| v as f64 / unit)
}

fn promises(name: &str, s: &ServiceOutcome, put: &mut impl FnMut(String, Option<f64>, &str, Direction)) {
    let mut put = |what: &str, v: Option<f64>, unit: &str, d: Direction| put(format!("slo.{name}.{what}"), v, unit, d);
    let l = &s.latency;
    for (what, q) in [("ttft_p50", 0.5), ("ttft_p90", 0.9), ("ttft_p95", 0.95), ("ttft_p99", 0.99)] {
        put(what, quantile(&l.ttft, q, 1e9), "s", Lower);
    }
    for (p50, p99, h, unit) in [
        ("tpot_p50", "tpot_p99", &l.tpot, 1e9),
        ("itl_p50", "itl_p99", &l.itl_ps, 1e12),
        ("e2e_p50", "e2e_p99", &l.e2e, 1e9),
    ] {
        put(p50, quantile(h, 0.5, unit), "s", Lower);
        put(p99, quantile(h, 0.99, unit), "s", Lower);
    }
    put("attained", s.attained().map(|a| 100.0 * a), "%", Higher);
    for what in [Promise::Ttft, Promise::Tpot, Promise::E2e, Promise::Deadline] {
        // A promise that is made more than once, at several shares, has one figure: of the first.
        if let Some(p) = s.slo.iter().find(|p| p.what == what) {
            put(what.key(), p.attained().map(|a| 100.0 * a), "%", Higher);
        }
    }
    put("lost", percent(s.requests.lost() as f64, s.requests.concluded() as f64), "%", Lower);
}

fn rest(o: &Outcome, w: &WorkOutcome, s: &ServiceOutcome, put: &mut impl FnMut(String, Option<f64>, &str, Direction)) {
    let name = &w.name;
    let mut put =
        |what: &str, v: Option<f64>, unit: &str, d: Direction| put(format!("service.{name}.{what}"), v, unit, d);
    let r = &s.requests;
    for (what, n, better) in [
        ("requests", r.sent, Neutral),
        ("answered", r.answered, Higher),
        ("from_cache", r.from_cache, Neutral),
        ("refused", r.refused, Lower),
        ("limited", r.limited, Lower),
        ("timed_out", r.timed_out, Lower),
        ("failed", r.failed, Lower),
    ] {
        put(what, Some(n as f64), "requests", better);
    }
    put("retries", Some(r.retries as f64), "times", Lower);
    let seconds = o.horizon_ns as f64 / 1e9;
    put("goodput", (seconds > 0.0).then(|| s.good as f64 / seconds), "requests/s", Higher);
    put("input_tokens", Some(s.tokens.input as f64), "tokens", Neutral);
    put("output_tokens", Some(s.tokens.output as f64), "tokens", Neutral);
    put("prefix_hit", percent(s.tokens.input_cached as f64, s.tokens.input as f64), "%", Higher);
    let bill = w.bill.0.to_f64();
    let (input, output) = s.usd_per_million(bill);
    put("usd_per_million_input", input, "USD/Mtoken", Lower);
    put("usd_per_million_output", output, "USD/Mtoken", Lower);
    let per = |n: u64| (n > 0).then(|| bill / n as f64);
    put("usd_per_request", per(r.answered + r.from_cache), "USD", Lower);
    put("usd_per_good_request", per(s.good), "USD", Lower);
    let sum = |of: &dyn Fn(&crate::outcome::DeploymentOutcome) -> f64| s.deployments.iter().map(of).sum::<f64>();
    put("cold_starts", Some(sum(&|d| d.started as f64)), "replicas", Lower);
    let start_up = s.start_up();
    put("start_up_p50", quantile(&start_up, 0.5, 1e9), "s", Lower);
    put("start_up_p99", quantile(&start_up, 0.99, 1e9), "s", Lower);
    put("preemptions", Some(sum(&|d| d.preemptions as f64)), "times", Lower);
    let ready = sum(&|d| d.ready_ns.0 as f64);
    put("kv_use", percent(sum(&|d| d.ready_ns.0 as f64 * d.kv_use_mean), ready), "%", Neutral);
    put("replicas_mean", Some(sum(&|d| d.ready_mean)), "replicas", Lower);
    put("replicas_max", Some(sum(&|d| f64::from(d.ready_max))), "replicas", Lower);
    put("busy", percent(sum(&|d| d.busy_ns.0 as f64), ready), "%", Higher);
}
