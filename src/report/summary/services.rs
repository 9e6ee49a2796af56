//! The summary's lines about services: promises, latencies, what tokens cost, replicas.

use super::{columns, indent, right};
use crate::kernel::Histogram;
use crate::outcome::{Outcome, Promise, ServiceOutcome, SloOutcome, WorkOutcome};
use crate::report::words;

/// Workloads that are services, in order.
pub(in crate::report) fn of(o: &Outcome) -> impl Iterator<Item = (&WorkOutcome, &ServiceOutcome)> {
    o.work.iter().filter_map(|w| Some((w, w.service.as_deref()?)))
}

/// What is promised, in words: `TTFT within 1 s for 95 %`.
pub(in crate::report) fn promised(p: &SloOutcome) -> String {
    let share = words::attained(p.share);
    match p.what {
        Promise::Deadline => format!("deadlines for {share}"),
        what => format!("{} within {} for {share}", what.key().to_uppercase(), words::latency(p.within_ns)),
    }
}

/// Whether promises were kept, for the verdict: the service that fell shortest and what it fell short of, or all.
pub(super) fn verdict(o: &Outcome) -> Option<String> {
    let all: Vec<_> = of(o).flat_map(|(w, s)| s.slo.iter().map(move |p| (w, p))).collect();
    if all.is_empty() {
        return None;
    }
    let broken: Vec<_> = all.iter().filter(|(_, p)| !p.is_kept()).collect();
    let short = |p: &SloOutcome| p.share - p.attained().unwrap_or(1.0);
    // Of equals the first.
    let Some((w, p)) = broken.iter().copied().reduce(|a, b| if short(b.1) > short(a.1) { b } else { a }) else {
        return Some(if all.len() == 1 { "the promise was kept" } else { "every promise was kept" }.to_owned());
    };
    let got = p.attained().map_or_else(|| "–".into(), words::attained);
    let more = match broken.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    Some(format!("{} broke its promise of {} (kept for {got}){more}", words::shorten(&w.name, 20), promised(p)))
}

/// `96.1 % kept`, `91.2 % broken`: the share of requests that kept every promise, and whether what is promised was.
fn kept(s: &ServiceOutcome) -> String {
    let share = s.attained().map_or_else(|| "–".into(), words::attained);
    match (s.slo.is_empty(), s.is_kept()) {
        (true, _) => "none made".into(),
        (false, true) => format!("{share} kept"),
        (false, false) => format!("{share} broken"),
    }
}

/// Median and 99th percentile in one unit: `20 / 144 ms`, `0.046 / 171 s`. Short: the table is full.
fn pair(h: &Histogram) -> String {
    let (Some(a), Some(b)) = (h.quantile(0.5), h.quantile(0.99)) else { return "–".into() };
    let (unit, per) = if b < 999_500_000 { ("ms", 1e6) } else { ("s", 1e9) };
    let of = |ns: u64| match ns as f64 / per {
        v if v >= 99.5 || v == 0.0 => words::number(v, 0),
        v if v >= 9.95 => words::number(v, 1),
        v if v >= 0.0995 => words::number(v, 2),
        v => words::number(v, 3),
    };
    format!("{} / {} {unit}", of(a), of(b))
}

/// Requests in at most seven characters: `124,542`, `12.4M`.
fn requests(n: u64) -> String {
    match n {
        ..1_000_000 => words::count(n),
        1_000_000..1_000_000_000 => format!("{}M", words::number(n as f64 / 1e6, 1)),
        _ => format!("{}G", words::number(n as f64 / 1e9, 1)),
    }
}

/// A line for each service; the dearest where there is no room for all.
pub(super) fn lines(o: &Outcome, rows: usize) -> Vec<String> {
    if rows == 0 {
        return Vec::new();
    }
    let mut all: Vec<_> = of(o).collect();
    let cut = all.len().saturating_sub(rows);
    if cut > 0 {
        all.sort_by_key(|(w, _)| std::cmp::Reverse(w.bill.0));
        all.truncate(rows);
    }
    let mut t = columns(&["service", "sent", "promises", "TTFT p50/p99", "TPOT p50/p99", "USD/M out", "replicas"]);
    for (w, s) in all {
        let (_, output) = s.usd_per_million(w.bill.0.to_f64());
        let mean: f64 = s.deployments.iter().map(|d| d.ready_mean).sum();
        let most: u64 = s.deployments.iter().map(|d| u64::from(d.ready_max)).sum();
        t.add_row(vec![
            words::shorten(&w.name, 11),
            requests(s.requests.sent),
            kept(s),
            pair(&s.latency.ttft),
            pair(&s.latency.tpot),
            output.map_or_else(|| "–".into(), words::dollars),
            format!("{}, max {}", words::number(mean, usize::from(mean < 99.5)), words::count(most)),
        ]);
    }
    right(&mut t, &[1, 2, 3, 4, 5, 6]);
    let mut lines = indent(&t, "Services");
    if cut > 0
        && let Some(l) = lines.last_mut()
    {
        l.push_str(&format!("; {cut} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Promise;

    #[test]
    fn quantiles_share_a_unit_and_counts_are_short() {
        let of = |values: &[u64]| {
            let mut h = Histogram::new();
            values.iter().for_each(|v| h.record(*v));
            pair(&h)
        };
        // Values up to 2,047 are exact in the histogram.
        assert_eq!(of(&[2_000]), "0.002 / 0.002 ms");
        assert_eq!(of(&[]), "–");
        assert_eq!(requests(999_999), "999,999");
        assert_eq!(requests(12_440_000), "12.4M");
    }

    #[test]
    fn a_row_has_the_figures_of_its_service() {
        use crate::outcome::{DeploymentOutcome, Exact, Money};
        use crate::units::Usd;
        let mut o = crate::report::sample::services::outcome();
        let mut s = ServiceOutcome { good: 912, ..ServiceOutcome::default() };
        (s.requests.sent, s.requests.answered, s.requests.refused) = (1_050, 950, 50);
        s.tokens.output = 2_000_000;
        let met = SloOutcome { what: Promise::Ttft, within_ns: 1, share: 0.9, met: 912, of: 1_000 };
        s.slo = vec![met];
        s.latency.ttft.record(2_000);
        // All of the time in steps was decoding: output tokens bear the bill.
        s.deployments = vec![DeploymentOutcome {
            gpus: 1,
            ready_mean: 1.25,
            ready_max: 3,
            busy_ns: Exact(1),
            ..DeploymentOutcome::default()
        }];
        o.work.truncate(1);
        o.work[0].bill = Money(Usd(5_000_000_000_000));
        o.work[0].service = Some(Box::new(s));
        let row = |o: &Outcome| lines(o, 1)[1].split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row(&o), "chat 1,050 91.2 % kept 0.002 / 0.002 ms – 2.50 1.2, max 3");
        o.work[0].service.as_mut().unwrap().slo[0].share = 0.92;
        assert!(row(&o).contains("91.2 % broken"));
        o.work[0].service.as_mut().unwrap().slo.clear();
        assert!(row(&o).contains("none made"));
        // Nothing is cut at the right.
        let wide = lines(&crate::report::sample::services::outcome(), 2);
        assert!(wide.len() == 3 && wide.iter().all(|l| l.chars().count() <= super::super::COLUMNS), "{wide:?}");
    }

    #[test]
    fn the_verdict_is_about_the_promise_that_fell_shortest() {
        let mut o = crate::report::sample::services::outcome();
        let slo = |what, within_ns, share, met| SloOutcome { what, within_ns, share, met, of: 1_000 };
        o.work[1].service.as_mut().unwrap().slo.clear();
        let mut with = |slo: Vec<SloOutcome>| {
            o.work[0].service.as_mut().unwrap().slo = slo;
            verdict(&o)
        };
        assert_eq!(with(vec![]), None);
        let kept = slo(Promise::Ttft, 500_000_000, 0.95, 950);
        assert_eq!(with(vec![kept]).unwrap(), "the promise was kept");
        let far = slo(Promise::Tpot, 50_000_000, 0.99, 912);
        let near = slo(Promise::E2e, 10_000_000_000, 0.95, 949);
        let text = with(vec![kept, near, far]).unwrap();
        assert_eq!(text, "chat broke its promise of TPOT within 50 ms for 99 % (kept for 91.2 %) and 1 more");
    }
}
