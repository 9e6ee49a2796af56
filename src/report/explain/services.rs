//! What stands behind a service's line of the bill: its requests and tokens, its replicas, whose they were.

use crate::outcome::{Charge, ChargeKind, Outcome, ServiceOutcome};
use crate::report::summary::{columns, right};
use crate::report::words;
use crate::units::Activity;

/// The most sets of labels.
const LABELS: usize = 10;

/// The walk from a line to its service; `None` where its workload is none.
pub(super) fn behind(o: &Outcome, c: &Charge) -> Option<String> {
    let w = o.work.iter().find(|w| Some(&w.name) == c.workload.as_ref())?;
    let s = w.service.as_deref()?;
    let mut out = format!("{}\n\n", why(c.kind, &w.name));
    let r = &s.requests;
    let ends = [
        (r.answered, "answered"),
        (r.from_cache, "from a cache"),
        (r.refused, "refused"),
        (r.limited, "limited"),
        (r.timed_out, "timed out"),
        (r.failed, "failed"),
        (r.in_flight_at_end, "on their way at the end"),
    ];
    let ends: Vec<String> =
        ends.iter().filter(|e| e.0 > 0).map(|(n, what)| format!("{} {what}", words::count(*n))).collect();
    let came = r.in_flight_at_start + r.sent;
    let ends = if ends.is_empty() { "none".into() } else { ends.join(" + ") };
    out.push_str(&format!("Requests   {} = {ends}\n", words::count(came)));
    let t = &s.tokens;
    out.push_str(&format!(
        "Tokens     {} in ({} from a prefix cache), {} out; {} computed, {} produced\n",
        words::count(t.input),
        words::count(t.input_cached),
        words::count(t.output),
        words::count(t.prefilled),
        words::count(t.produced)
    ));
    let (input, output) = s.usd_per_million(w.bill.0.to_f64());
    let price = |v: Option<f64>| v.map_or_else(|| "–".into(), |v| words::number(v, if v < 1.0 { 4 } else { 2 }));
    out.push_str(&format!(
        "Prices     {} USD per million in, {} out: {} USD in all, {} of the steps' time for prompts\n",
        price(input),
        price(output),
        w.bill.0,
        words::percent(s.prefill_share())
    ));
    out.push_str(&format!("\nReplicas\n\n{}", replicas(s)));
    if !s.by_label.is_empty() {
        out.push_str(&format!("\nWhose requests they were\n\n{}", labels(s, c)));
    }
    Some(out)
}

fn why(kind: ChargeKind, name: &str) -> String {
    match kind {
        ChargeKind::Activity(Activity::Productive) => {
            format!("Steps of {name}'s replicas, for requests with these labels")
        }
        ChargeKind::Activity(Activity::WarmIdle) => {
            format!("Replicas of {name} were ready, and no step was in progress")
        }
        ChargeKind::Activity(Activity::ColdStart) => format!("Replicas of {name} were starting on a node"),
        ChargeKind::Activity(Activity::Lost) => format!("Work of {name}'s replicas that was cut off and thrown away"),
        other => format!("{}, of {name}", words::sentence(other.title())),
    }
}

fn replicas(s: &ServiceOutcome) -> String {
    let header = [
        "deployment",
        "model",
        "GPUs",
        "ready, mean",
        "most",
        "ready h",
        "with a step",
        "started",
        "in, median",
        "lost",
    ];
    let mut t = columns(&header);
    for d in &s.deployments {
        let (ready, busy) = (d.ready_ns.0 as f64 / 3.6e12, d.busy_ns.0 as f64 / 3.6e12);
        t.add_row(vec![
            words::shorten(&d.name, 20),
            words::shorten(&d.model, 20),
            d.gpus.to_string(),
            words::number(d.ready_mean, 1),
            d.ready_max.to_string(),
            words::number(ready, 1),
            words::number(busy, 1),
            words::count(d.started),
            d.start_up.quantile(0.5).map_or_else(|| "–".into(), words::length),
            words::count(d.lost),
        ]);
    }
    right(&mut t, &[2, 3, 4, 5, 6, 7, 8, 9]);
    format!("{}\n", t.trim_fmt())
}

/// Sets of labels, dearest first (equal ones in the traffic's order), the line's own marked.
fn labels(s: &ServiceOutcome, c: &Charge) -> String {
    let sorted = |l: &[String]| {
        let mut l = l.to_vec();
        l.sort();
        l
    };
    let mine = sorted(&c.labels);
    let productive = c.kind == ChargeKind::Activity(Activity::Productive);
    let mut order: Vec<_> = s.by_label.iter().collect();
    order.sort_by_key(|l| std::cmp::Reverse(l.usd.0));
    let mut t = columns(&["", "labels", "requests", "good", "tokens in", "out", "serving USD"]);
    for l in order.iter().take(LABELS) {
        let this = productive && sorted(&l.labels) == mine;
        t.add_row(vec![
            if this { "this line" } else { "" }.to_owned(),
            if l.labels.is_empty() { "none".into() } else { words::shorten(&l.labels.join(" "), 40) },
            words::count(l.requests),
            words::count(l.good),
            words::count(l.input),
            words::count(l.output),
            l.usd.0.to_string(),
        ]);
    }
    right(&mut t, &[2, 3, 4, 5, 6]);
    let more = match order.len().saturating_sub(LABELS) {
        0 => String::new(),
        n => format!("{n} more sets of labels: service-labels.csv has all\n"),
    };
    format!("{}\n{more}", t.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::explain::charge;
    use crate::report::sample;

    #[test]
    fn a_line_of_a_service_walks_to_its_requests_replicas_and_teams() {
        let o = sample::services::outcome();
        let s = o.work[0].service.as_ref().unwrap();
        let line = |kind, team: &str| {
            let c = o.charges.iter().find(|c| {
                c.workload.as_deref() == Some("chat")
                    && c.kind == ChargeKind::Activity(kind)
                    && (team.is_empty() || c.labels.iter().any(|l| l == team))
            });
            charge(&o, &c.unwrap().id, []).unwrap()
        };
        let text = line(Activity::Productive, "team=support");
        assert!(text.contains("Steps of chat's replicas, for requests with these labels"), "{text}");
        assert!(text.contains(&format!("Requests   {} = ", words::count(s.requests.sent))), "{text}");
        assert!(text.contains(&format!("{} out; ", words::count(s.tokens.output))), "{text}");
        let row = text.lines().find(|l| l.trim_start().starts_with("this line")).unwrap();
        let support = s.by_label.iter().find(|l| l.labels.iter().any(|l| l == "team=support")).unwrap();
        assert!(row.contains("team=support") && row.contains(&words::count(support.requests)), "{row}");
        assert!(row.contains(&support.usd.0.to_string()), "{row}");
        for d in &s.deployments {
            assert!(text.contains(&d.name), "{text}");
        }
        // The other kinds of time are the service's own: no team's line is marked.
        for (kind, what) in [
            (Activity::WarmIdle, "Replicas of chat were ready, and no step was in progress"),
            (Activity::ColdStart, "Replicas of chat were starting on a node"),
        ] {
            let text = line(kind, "");
            assert!(text.contains(what) && !text.contains("this line"), "{text}");
        }
        // Lines that no service pays for stay as they were.
        let free = o.charges.iter().find(|c| c.workload.is_none()).unwrap();
        assert!(charge(&o, &free.id, []).unwrap().contains("No jobs"));
        assert!(crate::report::explain::bill(&o, &[]).contains("The jobs or requests behind a line"));
    }
}
