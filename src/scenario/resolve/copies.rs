//! Services that are written once and meant many times.

use std::collections::BTreeSet;

use crate::formats::Place;
use crate::outcome::EvidenceNote;
use crate::scenario::decode::Spanned;
use crate::scenario::file::Scenario;
use crate::scenario::file::laws::When;
use crate::scenario::file::service::Service;
use crate::scenario::file::traffic::Traffic;
use crate::scenario::file::work::Work;
use crate::units::{Diagnostic, Diagnostics, Duration, Name};

/// The most copies of a service: beyond this a count is a slip.
const MOST: u32 = 10_000;
const HOUR: u64 = 3_600_000_000_000;

/// The scenario with every copy written out; none where nothing is copied.
pub(super) fn written_out(s: &Scenario, out: &mut Diagnostics) -> Option<Scenario> {
    let many = |w: &Work| matches!(w, Work::Service(v) if v.copies.get() > 1 || v.stagger.is_some());
    if !s.work.iter().any(many) {
        return None;
    }
    let mut all = Vec::new();
    for w in s.work.iter() {
        match w {
            Work::Service(v) if many(w) => all.extend(copies(v, out).into_iter().map(|v| Work::Service(Box::new(v)))),
            other => all.push(other.clone()),
        }
    }
    Some(Scenario { work: Spanned { value: all, at: s.work.at }, ..s.clone() })
}

/// The copies of one service, `NAME-1` and so on; each has streams of its own, as they are keyed by its name. The service
/// as it stands where something is wrong with that.
fn copies(v: &Service, out: &mut Diagnostics) -> Vec<Service> {
    let n = v.copies.get();
    if n > MOST {
        out.push(
            Diagnostic::error(format!("{n} copies of `{}`, more than {MOST}", *v.name))
                .at(v.copies.at.0, v.copies.at.1, "so many are a slip")
                .help("write fewer"),
        );
        return vec![v.clone()];
    }
    let mut all = Vec::new();
    for i in 0..n {
        let name = match Name::new(&format!("{}-{}", *v.name, i + 1)) {
            Ok(name) => Spanned { value: name, at: v.name.at },
            Err(e) => {
                out.push(
                    Diagnostic::error(format!("the copies of `{}` cannot be named: {e}", *v.name))
                        .at(v.name.at.0, v.name.at.1, format!("copy {}", i + 1))
                        .help("use a shorter name"),
                );
                return vec![v.clone()];
            }
        };
        let mut copy = Service { name, ..v.clone() };
        if let Some(by) = &v.stagger {
            let later = Duration(by.0.wrapping_mul(u64::from(i)));
            for t in &mut copy.traffic.value {
                if let Some(d) = shift(t, later, by.at) {
                    out.push(d);
                    return vec![v.clone()];
                }
            }
        }
        all.push(copy);
    }
    all
}

/// What is wrong with one copy is wrong with all: it is told of the first.
pub(super) fn told_once(out: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    out.list.retain(|d| d.at.is_none() || told.insert((d.at, d.label.clone())));
}

/// How well the inputs of copies are known, told of the first of each.
pub(super) fn known_once(notes: Vec<EvidenceNote>) -> Vec<EvidenceNote> {
    // `front of chat-17` is as `front of chat-1`.
    let plain = |what: &str| -> String { what.chars().filter(|c| !c.is_ascii_digit()).collect() };
    let mut told = BTreeSet::new();
    let all = notes.into_iter();
    all.filter(|n| told.insert((plain(&n.what), n.grade.clone(), n.source.clone()))).collect()
}

/// Makes the day (or week) of traffic so much later; what is wrong with that.
fn shift(t: &mut Traffic, later: Duration, at: Place) -> Option<Diagnostic> {
    let wrong = |label: &str, help: &str| {
        Some(Diagnostic::error("this traffic cannot be staggered").at(at.0, at.1, label).help(help))
    };
    let Traffic::Synthetic(s) = t else {
        return wrong("only made traffic has a day", "leave `stagger` out, or make the traffic: Synthetic(…)");
    };
    match &mut s.rate.when {
        When::Always => None,
        When::Daily(d) => {
            d.peak.value = (d.peak.value + later.0 as f64 / HOUR as f64).rem_euclid(24.0);
            None
        }
        When::Hourly(w) => {
            if !later.0.is_multiple_of(HOUR) {
                return wrong("hours move by whole hours", "for example stagger: \"1h\"");
            }
            let n = w.len().max(1);
            w.value.rotate_right((later.0 / HOUR % n as u64) as usize);
            None
        }
        When::Hours(_) => wrong("hours in words do not move", "write when: Hourly([…]) with 24 or 168 weights"),
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::resolve::tests::loaded;

    fn scenario(service: &str) -> String {
        format!(
            "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"1d\",
              pools: [(name: \"p\", instance: \"p5.48xlarge\", region: \"us-east-1\", nodes: 8)],
              work: [Service(name: \"chat\", deployments: [(name: \"main\", model: \"Llama-3.1-8B\")], {service})])"
        )
    }

    #[test]
    fn copies_are_services_of_their_own_with_days_of_their_own() {
        let traffic = "traffic: [Synthetic(name: \"u\", rate: (per_second: 1, when: Hourly([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])))]";
        let m = loaded(&scenario(&format!("copies: 3, stagger: \"5h\", {traffic}"))).model;
        let names: Vec<&str> = m.work.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["chat-1", "chat-2", "chat-3"]);
        assert_eq!(m.services.len(), 3);
        let streams = crate::kernel::Streams::new(1, 0);
        let calendar =
            crate::workload::synth::Calendar { epoch: m.start.timestamp(), zone: m.start.time_zone().clone() };
        for (i, s) in m.services.iter().enumerate() {
            let all = s.traffic.requests(&streams, &calendar, crate::units::SimTime::ZERO, m.end());
            let hours: std::collections::BTreeSet<u64> = all.map(|r| r.at.0 / super::HOUR).collect();
            assert_eq!(hours, std::collections::BTreeSet::from([5 * i as u64]), "copy {i}");
        }
        // One copy is the service itself.
        let m = loaded(&scenario(traffic)).model;
        assert_eq!(m.work[0].name, "chat");
    }
}
