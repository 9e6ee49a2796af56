//! Runs cases of KEDA.

use super::blame;
use super::format as f;
use super::lower::{self, BEGIN, ago};
use crate::policy::hpa::{self, Hpa, Pod, Reading};
use crate::policy::keda::{self, Pause, Pull, ScaledObject, State, View, jobs};
use crate::units::{Duration, SimTime};
use crate::verify::cases::Report;

/// The most ticks a timeline may have.
const MAX_TICKS: u64 = 1_000_000;
/// The most replicas a timeline may have: each is a pod that the HPA looks at.
const MAX_REPLICAS: i32 = 10_000;

/// Whether there is a value for each trigger; reported when not.
fn one_each(values: &[Option<f64>], o: &f::ScaledObject, report: &mut Report<'_>) -> bool {
    let (have, want) = (values.len(), o.triggers.len());
    if have != want {
        report
            .fault(format!("{have} values for {want} triggers"), "write one for each, `None` where it cannot be read");
    }
    have == want
}

pub fn poll(case: &f::KedaPollCase, report: &mut Report<'_>) {
    if case.steps.is_empty() {
        return report.fault("the case has no steps", "write at least one, `steps: [(values: […], expect: (…))]`");
    }
    let state = State {
        created: ago(BEGIN, case.created),
        last_active: case.last_active.map(|age| ago(BEGIN, age)),
        ..State::default()
    };
    let config = lower::scaled_object(&case.scaled_object);
    let Some(mut object) = blame::accept(report, ScaledObject::resumed(config, state)) else { return };
    let (mut replicas, mut last) = (case.current, Duration::ZERO);
    for (i, step) in case.steps.iter().enumerate() {
        if case.steps.len() > 1 {
            report.part(format!("step {}", i + 1));
        }
        let before = report.lines();
        if step.at.value < last {
            return report.fault_at(
                step.at.at,
                "a step lies before the one above it",
                "earlier",
                "write them in order",
            );
        }
        last = step.at.value;
        replicas = step.current.unwrap_or(replicas);
        if replicas < 0 {
            return report.fault(format!("`current` is {replicas}: there are no negative replicas"), "write 0 or more");
        }
        if !one_each(&step.values, &case.scaled_object, report) {
            return;
        }
        let view = View {
            replicas,
            values: &step.values,
            composite: step.composite,
            pause: match step.paused {
                f::Paused::No => Pause::No,
                f::Paused::Here => Pause::Here,
                f::Paused::At(n) => Pause::At(n),
            },
            force_active: step.force_activation,
        };
        let decision = object.poll(&view, BEGIN + last);
        report.number("", step.expect.replicas.map(i64::from), Some(decision.replicas.into()));
        report.flag("active", step.expect.active, decision.active);
        report.word("reason", step.expect.reason.as_ref().map(reason_word), decision.reason.code());
        report.expects_something(before);
        replicas = decision.replicas;
    }
}

pub fn fallback(case: &f::KedaFallbackCase, report: &mut Report<'_>) {
    let (fallback, target) = (lower::fallback(&case.fallback), lower::target(&case.target));
    let trigger = keda::Trigger { target, activation: 0.0, cached: false };
    let config = keda::Config { fallback: Some(fallback), triggers: vec![trigger], ..keda::Config::default() };
    let ready = case.ready.unwrap_or(case.current);
    let sound = (0..=MAX_REPLICAS).contains(&case.current) && (0..=case.current).contains(&ready);
    if !sound {
        report.fault("the replicas or the ready ones among them make no sense", "0 ≤ ready ≤ current ≤ 10000");
    }
    if case.failures == 0 {
        report.fault("a fallback needs a failure", "`failures` counts this one: write 1 or more");
    }
    let state = State { failures: vec![case.failures.saturating_sub(1)], ..State::default() };
    let Some(mut object) = blame::accept(report, ScaledObject::resumed(config, state)) else { return };
    if !sound || case.failures == 0 {
        return;
    }
    let mut out = Vec::new();
    object.pull(&Pull { values: &[None], composite: None, replicas: case.current, ready }, &mut out);
    let ours = out[0];
    report.quantity("", case.expect.metric, ours);
    let replicas = ours.and_then(|total| {
        let mut pods = vec![Pod::ready_since(BEGIN); ready as usize];
        pods.resize(case.current as usize, Pod { ready: None, ..Pod::ready_since(BEGIN) });
        let about = (case.current, case.current, pods.as_slice());
        hpa::propose(&hpa::Config::default(), hpa::Metric::External(target), &Reading::Series(&[total]), about, BEGIN)
            .ok()
    });
    report.number("replicas", case.expect.replicas.map(i64::from), replicas.map(|p| p.replicas.into()));
    if case.expect.error {
        report.flag("error", Some(true), ours.is_none());
    }
    report.expects_something(0);
}

pub fn bounds(case: &f::KedaHpaCase, report: &mut Report<'_>) {
    let config = lower::scaled_object(&case.scaled_object);
    let Some(object) = blame::accept(report, ScaledObject::new(config, BEGIN)) else { return };
    let made = object.hpa(&hpa::Config::default());
    report.number("min", Some(i64::from(case.min_replicas)), Some(i64::from(made.min)));
    report.number("max", Some(i64::from(case.max_replicas)), Some(i64::from(made.max)));
}

pub fn timeline(case: &f::KedaTimelineCase, report: &mut Report<'_>) {
    let config = lower::scaled_object(&case.scaled_object);
    let Some(object) = blame::accept(report, ScaledObject::new(config, BEGIN)) else { return };
    let Some(hpa) = blame::accept(report, Hpa::new(object.hpa(&lower::flags(&case.flags)))) else { return };
    let (poll, sync) = (object.config().polling_interval, case.flags.sync_period);
    let until = case.expect.iter().map(|e| e.0).max().unwrap_or(Duration::ZERO);
    if case.expect.is_empty() || case.values.is_empty() {
        return report.fault("a timeline needs values and something to expect", "write `values: […], expect: […]`");
    }
    if poll == Duration::ZERO || sync == Duration::ZERO || until.0 / poll.0.min(sync.0) > MAX_TICKS {
        let help = "give both periods a length, and end the timeline within a million of them";
        return report.fault("a period of the timeline is too short", help);
    }
    if !(0..=MAX_REPLICAS).contains(&case.current) || object.config().max > MAX_REPLICAS {
        let help = "`current` and `max_replica_count` are at most that";
        return report.fault(format!("a timeline has from 0 to {MAX_REPLICAS} replicas"), help);
    }
    for pair in case.values.windows(2) {
        if pair[1].from.value <= pair[0].from.value {
            return report.fault_at(
                pair[1].from.at,
                "values begin no later than those above",
                "earlier",
                "write them in order",
            );
        }
    }
    if case.values[0].from.value != Duration::ZERO {
        return report.fault_at(
            case.values[0].from.at,
            "the first values begin after 0",
            "later than 0",
            "begin with `from: \"0s\"`",
        );
    }
    if !case.values.iter().all(|s| one_each(&s.values, &case.scaled_object, report)) {
        return;
    }
    let seen = Run { object, hpa, replicas: case.current }.follow(case, until);
    for (at, expected) in &case.expect {
        // The last change at or before the instant.
        let i = seen.partition_point(|(t, _)| t <= at);
        let ours = if i == 0 { case.current } else { seen[i - 1].1 };
        report.part(format!("at {at}"));
        report.number("", Some(i64::from(*expected)), Some(i64::from(ours)));
    }
}

/// KEDA and its HPA at work.
struct Run {
    object: ScaledObject,
    hpa: Hpa,
    replicas: i32,
}

impl Run {
    /// Every change with its time, until then.
    fn follow(mut self, case: &f::KedaTimelineCase, until: Duration) -> Vec<(Duration, i32)> {
        let (poll, sync) = (self.object.config().polling_interval, case.flags.sync_period);
        let (mut next_poll, mut next_sync) = (Duration::ZERO, Duration::ZERO);
        let mut seen = Vec::new();
        loop {
            let t = next_poll.min(next_sync);
            if t > until {
                return seen;
            }
            let spell = &case.values[case.values.partition_point(|s| s.from.value <= t) - 1];
            let now = BEGIN + t;
            if next_poll == t {
                next_poll = t + poll;
                let view = View {
                    replicas: self.replicas,
                    values: &spell.values,
                    composite: spell.composite,
                    pause: Pause::No,
                    force_active: false,
                };
                self.replicas = self.object.poll(&view, now).replicas;
            }
            if next_sync == t {
                next_sync = t + sync;
                self.sync(spell, now);
            }
            seen.push((t, self.replicas));
        }
    }

    fn sync(&mut self, spell: &f::Spell, now: SimTime) {
        let n = self.replicas;
        let mut answers = Vec::new();
        // At zero the HPA is disabled and asks for nothing.
        if n > 0 {
            let pull = Pull { values: &spell.values, composite: spell.composite, replicas: n, ready: n };
            self.object.pull(&pull, &mut answers);
        }
        let readings: Vec<Reading<'_>> = answers
            .iter()
            .map(|a| a.as_ref().map_or(Reading::Failed, |v| Reading::Series(std::slice::from_ref(v))))
            .collect();
        let pods = vec![Pod::ready_since(now); n as usize];
        let view = hpa::View { replicas: n, status_replicas: n, pods: &pods, readings: &readings };
        self.replicas = self.hpa.decide(&view, now).replicas;
    }
}

fn strategy(s: &f::Strategy) -> jobs::Strategy {
    match s {
        f::Strategy::Default => jobs::Strategy::Default,
        f::Strategy::Custom(c) => jobs::Strategy::Custom {
            deduction: c.queue_length_deduction.into(),
            running_share: c.running_job_percentage,
        },
        f::Strategy::Accurate => jobs::Strategy::Accurate,
        f::Strategy::Eager => jobs::Strategy::Eager,
    }
}

fn sound(config: jobs::Config, report: &mut Report<'_>) -> Option<jobs::Config> {
    let faults = config.faults();
    blame::accept(report, if faults.is_empty() { Ok(config) } else { Err(faults) })
}

pub fn job_strategy(case: &f::StrategyCase, report: &mut Report<'_>) {
    let config = jobs::Config {
        max: case.max_replica_count.into(),
        strategy: strategy(&case.strategy),
        ..jobs::Config::default()
    };
    let Some(config) = sound(config, report) else { return };
    let ours = config.effective(case.max_scale.into(), case.running.into(), case.pending.into());
    report.number("", Some(case.expect), Some(ours));
}

pub fn scaled_job(case: &f::ScaledJobCase, report: &mut Report<'_>) {
    let config = jobs::Config {
        min: case.min_replica_count.into(),
        max: case.max_replica_count.into(),
        strategy: strategy(&case.strategy),
        combine: match case.multiple_scalers_calculation {
            f::Combine::Max => jobs::Combine::Max,
            f::Combine::Min => jobs::Combine::Min,
            f::Combine::Avg => jobs::Combine::Avg,
            f::Combine::Sum => jobs::Combine::Sum,
        },
    };
    let Some(config) = sound(config, report) else { return };
    if case.pending > case.running {
        return report.fault("more jobs are pending than unfinished", "pending jobs are among the running ones");
    }
    if case.triggers.iter().any(|t| t.queue_length < 0.0 || t.target_average < 0.0) {
        return report.fault("a queue or target is negative", "write 0 or more");
    }
    let triggers: Vec<jobs::Trigger> = case
        .triggers
        .iter()
        .map(|t| jobs::Trigger {
            queue: t.queue_length,
            target: t.target_average,
            active: t.active.unwrap_or(t.queue_length > 0.0),
        })
        .collect();
    let d = config.decide(&triggers, case.running.into(), case.pending.into());
    let e = &case.expect;
    report.number("", e.created.map(i64::from), Some(d.start));
    report.number("max scale", e.max_scale.map(i64::from), Some(d.wanted.max_scale));
    report.number("scale to", e.scale_to.map(i64::from), Some(d.wanted.scale_to));
    report.number("effective", e.effective.map(i64::from), Some(d.effective));
    report.flag("active", e.active, d.wanted.active);
    report.expects_something(0);
}

pub fn mean_target(case: &f::TargetCase, report: &mut Report<'_>) {
    report.double("", Some(case.expect), jobs::mean_target(&case.targets), 0.0);
}

const fn reason_word(r: &f::KedaReason) -> &'static str {
    match r {
        f::KedaReason::Paused => "Paused",
        f::KedaReason::Activated => "Activated",
        f::KedaReason::Active => "Active",
        f::KedaReason::ActiveWithErrors => "ActiveWithErrors",
        f::KedaReason::HeldForFallback => "HeldForFallback",
        f::KedaReason::HeldNotReady => "HeldNotReady",
        f::KedaReason::CoolingDown => "CoolingDown",
        f::KedaReason::Deactivated => "Deactivated",
        f::KedaReason::RaisedToMinimum => "RaisedToMinimum",
        f::KedaReason::AtRest => "AtRest",
    }
}
