//! Runs cases of the HorizontalPodAutoscaler.

use super::blame;
use super::format as f;
use super::lower::{self, BEGIN, Read};
use crate::policy::hpa::{
    self, Behavior, Config, Decision, Hpa, Metric, Outcome, Reading, Reported, Rules, State, View, rate, stabilise,
};
use crate::units::Duration;
use crate::verify::cases::Report;

/// A count of replicas that makes no sense.
fn negative(report: &mut Report<'_>, what: &str, n: i32) -> bool {
    if n < 0 {
        report.fault(format!("`{what}` is {n}: there are no negative replicas"), "write 0 or more");
    }
    n < 0
}

pub fn proposal(case: &f::ProposalCase, report: &mut Report<'_>) {
    if negative(report, "current", case.current)
        || negative(report, "status_replicas", case.status_replicas.unwrap_or(0))
    {
        return;
    }
    let own = |rules: Rules, tolerance| Rules { tolerance, ..rules };
    let config = Config {
        max: i32::MAX,
        metrics: vec![lower::metric(&case.metric)],
        behavior: Some(Behavior {
            up: own(Rules::up(), case.tolerance_up),
            down: own(Rules::down(), case.tolerance_down),
        }),
        ..lower::flags(&case.flags)
    };
    let Some(pods) = lower::pods(case.pods.as_deref(), case.current, BEGIN, report) else { return };
    let Some(read) = lower::read(&case.metric, pods.len(), BEGIN, report) else { return };
    let Some(hpa) = blame::accept(report, Hpa::new(config)) else { return };
    let status = case.status_replicas.unwrap_or(case.current);
    let metric = hpa.config().metrics[0];
    let found = hpa::propose(hpa.config(), metric, &read.reading(), (case.current, status, &pods), BEGIN);
    let (ours, e) = (found.ok(), &case.expect);
    let replicas = ours.map(|p| i64::from(p.replicas));
    report.number("", e.replicas.map(i64::from), replicas);
    let utilization = ours.and_then(|p| match p.reported {
        Reported::Utilisation(v) => Some(i64::from(v)),
        _ => None,
    });
    report.number("utilization", e.utilization.map(i64::from), utilization);
    let value = ours.and_then(|p| match p.reported {
        Reported::Average(v) | Reported::Total(v) => Some(v),
        Reported::Utilisation(_) => None,
    });
    report.quantity("value", e.value, value);
    if e.error {
        report.flag("error", Some(true), ours.is_none());
    }
    report.expects_something(0);
}

pub fn stabilize(case: &f::StabilizeCase, report: &mut Report<'_>) {
    let mut log = lower::recommendations(&case.recommendations);
    let (replicas, able) = match case.windows {
        f::Windows::Plain(window) => {
            let out = stabilise::plain(&mut log, window, case.wanted, BEGIN);
            (out, if out == case.wanted { hpa::Stabilised::No } else { hpa::Stabilised::Down })
        }
        f::Windows::UpAndDown(up, down) => {
            stabilise::with_windows(&mut log, stabilise::Windows { up, down }, case.current, case.wanted, BEGIN)
        }
    };
    let e = &case.expect;
    report.number("", e.replicas.map(i64::from), Some(replicas.into()));
    report.number("log length", e.log_length.map(i64::from), Some(log.len() as i64));
    if let Some(expected) = &e.log {
        let words = |list: &[i32]| format!("{list:?}");
        let ours: Vec<i32> = log.iter().map(|r| r.replicas).collect();
        report.word("log", Some(&words(expected)), &words(&ours));
    }
    report.word("able", e.able.as_ref().map(able_word), able.code());
    report.expects_something(0);
}

pub fn rate_limit(case: &f::RateLimitCase, report: &mut Report<'_>) {
    let behavior = case.behavior.as_ref().map(lower::behavior);
    let gate = case.min_replicas == 0;
    let config = Config {
        min: case.min_replicas,
        max: case.max_replicas,
        behavior: behavior.clone(),
        scale_to_zero: gate,
        // Limits look at no metric; one that may scale to zero satisfies the checks.
        metrics: vec![Metric::External(hpa::Target::Value(1))],
        ..Config::default()
    };
    if negative(report, "current", case.current) || blame::accept(report, Hpa::new(config)).is_none() {
        return;
    }
    let (ups, downs) = (lower::events(&case.scale_up_events), lower::events(&case.scale_down_events));
    let past = rate::Past { ups: &ups, downs: &downs };
    let (current, wanted, min, max) = (case.current, case.wanted, case.min_replicas, case.max_replicas);
    let (replicas, reason) = match &behavior {
        None => rate::plain(current, wanted, min, max),
        Some(b) => rate::limited(b, past, current, wanted, min, max, BEGIN),
    };
    let e = &case.expect;
    report.number("", e.replicas.map(i64::from), Some(replicas.into()));
    report.word("reason", e.reason.as_ref().map(limit_word), reason.code());
    let limit = match &behavior {
        Some(b) if wanted > current => Some(rate::up_limit(&b.up, past, current, BEGIN)),
        Some(b) if wanted < current => Some(rate::down_limit(&b.down, past, current, BEGIN)),
        Some(_) => None,
        None => Some(current.saturating_mul(2).max(4)),
    };
    report.number("limit", e.limit.map(i64::from), limit.map(i64::from));
    report.expects_something(0);
}

pub fn reconcile(case: &f::ReconcileCase, report: &mut Report<'_>) {
    if case.steps.is_empty() {
        return report.fault("the case has no steps", "write at least one, `steps: [(metrics: […], expect: (…))]`");
    }
    let mut state = State {
        recommendations: lower::recommendations(&case.recommendations),
        ups: lower::events(&case.scale_up_events),
        downs: lower::events(&case.scale_down_events),
    };
    let (mut replicas, mut last) = (case.current, Duration::ZERO);
    for (i, step) in case.steps.iter().enumerate() {
        if case.steps.len() > 1 {
            report.part(format!("step {}", i + 1));
        }
        let before = report.lines();
        let at = step.at;
        if at.value < last {
            return report.fault_at(at.at, "a step lies before the one above it", "earlier", "write them in order");
        }
        last = at.value;
        if step.metrics.len() != case.steps[0].metrics.len() {
            let message = format!(
                "step {} has {} metrics, the first has {}",
                i + 1,
                step.metrics.len(),
                case.steps[0].metrics.len()
            );
            return report.fault_at(at.at, message, "this step", "an HPA keeps its metrics");
        }
        let now = BEGIN + last;
        replicas = step.current.unwrap_or(replicas);
        if negative(report, "current", replicas)
            || negative(report, "status_replicas", step.status_replicas.unwrap_or(0))
        {
            return;
        }
        let config = Config {
            min: case.min_replicas,
            max: case.max_replicas,
            metrics: step.metrics.iter().map(lower::metric).collect(),
            behavior: case.behavior.as_ref().map(lower::behavior),
            ..lower::flags(&case.flags)
        };
        let status = step.status_replicas.unwrap_or(replicas);
        let Some(pods) = lower::pods(step.pods.as_deref(), replicas, now, report) else { return };
        let Some(reads) =
            step.metrics.iter().map(|m| lower::read(m, pods.len(), now, report)).collect::<Option<Vec<Read>>>()
        else {
            return;
        };
        let readings: Vec<Reading<'_>> = reads.iter().map(Read::reading).collect();
        let Some(mut hpa) = blame::accept(report, Hpa::resumed(config, state)) else { return };
        let view = View { replicas, status_replicas: status, pods: &pods, readings: &readings };
        let decision = hpa.decide(&view, now);
        reconciled(&step.expect, &decision, report);
        report.expects_something(before);
        (replicas, state) = (decision.replicas, hpa.state().clone());
    }
}

fn reconciled(e: &f::ReconcileExpected, d: &Decision, report: &mut Report<'_>) {
    report.number("", e.replicas.map(i64::from), Some(d.replicas.into()));
    let followed = match &d.outcome {
        Outcome::Followed { combined, stabilised, able, .. } => Some((combined.replicas, *stabilised, *able)),
        _ => None,
    };
    report.number("proposal", e.proposal.map(i64::from), followed.map(|(p, ..)| p.into()));
    report.number("stabilized", e.stabilized.map(i64::from), followed.map(|(_, s, _)| s.into()));
    let reason = match &d.outcome {
        Outcome::Disabled => "ScalingDisabled",
        Outcome::AboveMaximum => "AboveMaximum",
        Outcome::BelowMinimum => "BelowMinimum",
        Outcome::MetricsFailed(_) => "MetricsFailed",
        Outcome::Followed { limit, .. } => limit.code(),
    };
    report.word("reason", e.reason.as_ref().map(reason_word), reason);
    report.word("able", e.able.as_ref().map(able_word), followed.map_or("none", |(.., a)| a.code()));
}

const fn able_word(a: &f::Able) -> &'static str {
    match a {
        f::Able::ReadyForNewScale => "ReadyForNewScale",
        f::Able::ScaleUpStabilized => "ScaleUpStabilized",
        f::Able::ScaleDownStabilized => "ScaleDownStabilized",
    }
}

const fn limit_word(l: &f::LimitReason) -> &'static str {
    match l {
        f::LimitReason::DesiredWithinRange => "DesiredWithinRange",
        f::LimitReason::ScaleUpLimit => "ScaleUpLimit",
        f::LimitReason::ScaleDownLimit => "ScaleDownLimit",
        f::LimitReason::TooManyReplicas => "TooManyReplicas",
        f::LimitReason::TooFewReplicas => "TooFewReplicas",
    }
}

const fn reason_word(r: &f::ReconcileReason) -> &'static str {
    match r {
        f::ReconcileReason::ScalingDisabled => "ScalingDisabled",
        f::ReconcileReason::AboveMaximum => "AboveMaximum",
        f::ReconcileReason::BelowMinimum => "BelowMinimum",
        f::ReconcileReason::MetricsFailed => "MetricsFailed",
        f::ReconcileReason::DesiredWithinRange => "DesiredWithinRange",
        f::ReconcileReason::ScaleUpLimit => "ScaleUpLimit",
        f::ReconcileReason::ScaleDownLimit => "ScaleDownLimit",
        f::ReconcileReason::TooManyReplicas => "TooManyReplicas",
        f::ReconcileReason::TooFewReplicas => "TooFewReplicas",
    }
}
