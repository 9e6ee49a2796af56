//! From what a case file says to what the controllers take.

use super::format as f;
use crate::policy::hpa::request::{self, Container, Kind};
use crate::policy::hpa::{self, Condition, Event, Phase, Reading, Recommendation, Sample};
use crate::policy::keda;
use crate::units::{Duration, SimTime};
use crate::verify::cases::Report;
use crate::verify::quantity::Quantity;

/// When a case begins: late enough for any age that makes sense.
pub const BEGIN: SimTime = SimTime(200 * 365 * 24 * 3_600_000_000_000);

/// The most pods a case may have.
const MAX_PODS: usize = 100_000;

/// So long before.
pub fn ago(now: SimTime, age: Duration) -> SimTime {
    SimTime(now.0.saturating_sub(age.0))
}

pub fn recommendations(list: &[(i32, Duration)]) -> Vec<Recommendation> {
    list.iter().map(|(replicas, age)| Recommendation { replicas: *replicas, at: ago(BEGIN, *age) }).collect()
}

pub fn events(list: &[(i32, Duration)]) -> Vec<Event> {
    list.iter().map(|(by, age)| Event { by: *by, at: ago(BEGIN, *age) }).collect()
}

pub fn behavior(b: &f::Behavior) -> hpa::Behavior {
    hpa::Behavior { up: rules(&b.scale_up, hpa::Rules::up()), down: rules(&b.scale_down, hpa::Rules::down()) }
}

fn rules(r: &f::Rules, default: hpa::Rules) -> hpa::Rules {
    let policy = |p: &f::Policy| match *p {
        f::Policy::Pods(value, period) => hpa::Policy { kind: hpa::PolicyKind::Pods, value, period },
        f::Policy::Percent(value, period) => hpa::Policy { kind: hpa::PolicyKind::Percent, value, period },
    };
    hpa::Rules {
        window: r.stabilization_window,
        policies: r.policies.as_ref().map_or(default.policies, |list| list.iter().map(policy).collect()),
        select: match r.select_policy {
            f::Select::Max => hpa::Select::Max,
            f::Select::Min => hpa::Select::Min,
            f::Select::Disabled => hpa::Select::Disabled,
        },
        tolerance: r.tolerance,
    }
}

/// The controller's flags, with nothing of an HPA yet.
pub fn flags(flags: &f::Flags) -> hpa::Config {
    hpa::Config {
        tolerance: flags.tolerance,
        downscale_stabilisation: flags.downscale_stabilization,
        cpu_initialisation: flags.cpu_initialization_period,
        readiness_delay: flags.initial_readiness_delay,
        scale_to_zero: flags.scale_to_zero,
        ..hpa::Config::default()
    }
}

pub fn target(t: &f::Target) -> hpa::Target {
    match *t {
        f::Target::Value(q) => hpa::Target::Value(q.0),
        f::Target::AverageValue(q) => hpa::Target::AverageValue(q.0),
    }
}

pub fn metric(m: &f::Metric) -> hpa::Metric {
    let resource = |name: &str, target: &f::PodTarget| hpa::Metric::Resource {
        cpu: name == "cpu",
        target: match *target {
            f::PodTarget::Utilization(percent) => hpa::PodTarget::Utilisation(percent),
            f::PodTarget::AverageValue(q) => hpa::PodTarget::AverageValue(q.0),
        },
    };
    match m {
        f::Metric::Resource(r) => resource(&r.name, &r.target),
        f::Metric::ContainerResource(r) => resource(&r.name, &r.target),
        f::Metric::Pods(p) => hpa::Metric::Pods { average: p.average_value.0 },
        f::Metric::Object(o) => hpa::Metric::Object(target(&o.target)),
        f::Metric::External(e) => hpa::Metric::External(target(&e.target)),
    }
}

/// The pods; `ready` ones where none are listed. `None` when there are too many, which has been reported.
pub fn pods(list: Option<&[f::Pod]>, ready: i32, now: SimTime, report: &mut Report<'_>) -> Option<Vec<hpa::Pod>> {
    let default = [f::Pod::Times(u32::try_from(ready).unwrap_or(0), Box::new(f::Pod::Ready))];
    let mut out = Vec::new();
    for p in list.unwrap_or(&default) {
        let (n, kind) = times(p);
        if n > MAX_PODS.saturating_sub(out.len()) {
            report.fault(format!("the case has more than {MAX_PODS} pods"), "list the pods it needs, `pods: […]`");
            return None;
        }
        out.extend(std::iter::repeat_n(pod(kind, now), n));
    }
    Some(out)
}

/// How many of which.
fn times(p: &f::Pod) -> (usize, &f::Pod) {
    match p {
        f::Pod::Times(n, inner) => {
            let (m, kind) = times(inner);
            ((*n as usize).saturating_mul(m), kind)
        }
        kind => (1, kind),
    }
}

fn pod(p: &f::Pod, now: SimTime) -> hpa::Pod {
    let since = ago(now, Duration::from_hours(1));
    let ready = hpa::Pod::ready_since(since);
    match p {
        f::Pod::Ready | f::Pod::Times(..) => ready,
        f::Pod::Unready => hpa::Pod { ready: Some(Condition { holds: false, since }), ..ready },
        f::Pod::Pending => hpa::Pod { phase: Phase::Pending, started: None, ready: None, ..ready },
        f::Pod::Failed => hpa::Pod { phase: Phase::Failed, ..ready },
        f::Pod::Succeeded => hpa::Pod { phase: Phase::Succeeded, ..ready },
        f::Pod::Deleted => hpa::Pod { deleted: true, ..ready },
        f::Pod::Other(d) => {
            let started = d.started.map(|age| ago(now, age));
            let changed = d.ready_changed.map(|age| ago(now, age)).or(started).unwrap_or(now);
            hpa::Pod {
                phase: match d.phase {
                    f::Phase::Pending => Phase::Pending,
                    f::Phase::Running => Phase::Running,
                    f::Phase::Succeeded => Phase::Succeeded,
                    f::Phase::Failed => Phase::Failed,
                },
                deleted: d.deleted,
                started,
                ready: d.ready.map(|holds| Condition { holds, since: changed }),
            }
        }
    }
}

/// What is read of a metric, kept for as long as the reading that points into it.
#[derive(Debug, Default)]
pub struct Read {
    failed: bool,
    of_pods: bool,
    samples: Vec<Option<Sample>>,
    stray: Vec<i64>,
    requests: Vec<Option<i64>>,
    series: Vec<i64>,
}

impl Read {
    /// As the controller gets it.
    pub fn reading(&self) -> Reading<'_> {
        if self.failed {
            Reading::Failed
        } else if self.of_pods {
            Reading::Pods { samples: &self.samples, stray: &self.stray, requests: &self.requests }
        } else {
            Reading::Series(&self.series)
        }
    }
}

/// When samples were taken.
struct Taken<'a> {
    ages: &'a [Duration],
    window: Duration,
    now: SimTime,
}

impl Taken<'_> {
    fn sample(&self, i: usize, value: i64) -> Sample {
        let age = self.ages.get(i).copied().unwrap_or(Duration::ZERO);
        Sample { value, at: ago(self.now, age), window: self.window }
    }

    fn samples(&self, values: impl Iterator<Item = Option<i64>>) -> Vec<Option<Sample>> {
        values.enumerate().map(|(i, v)| v.map(|v| self.sample(i, v))).collect()
    }
}

/// What is read of a metric. `None` when the case contradicts itself, which has been reported.
pub fn read(m: &f::Metric, pods: usize, now: SimTime, report: &mut Report<'_>) -> Option<Read> {
    let milli = |q: &Option<Quantity>| q.map(|q| q.0);
    let all = |list: &[Quantity]| list.iter().map(|q| q.0).collect::<Vec<i64>>();
    let mut too_many = |n: usize, what: &str| {
        if n > pods {
            report.fault(format!("a metric has {n} {what} for {pods} pods"), "they go by pod, in the order of `pods`");
        }
        n <= pods
    };
    match m {
        f::Metric::Resource(r) => {
            let taken = Taken { ages: &r.ages, window: r.window, now };
            let mut out = Read { failed: r.failed, of_pods: true, stray: all(&r.stray), ..Read::default() };
            let lists = (r.values.len(), r.containers.as_ref().map_or(0, Vec::len));
            let requests = r.requests.as_ref().map_or(0, Vec::len);
            if !(too_many(lists.0, "values")
                & too_many(lists.1, "lists of containers")
                & too_many(requests, "requests"))
            {
                return None;
            }
            if let Some(containers) = &r.containers {
                if !r.values.is_empty() || r.request.is_some() || r.requests.is_some() {
                    report.fault(
                        "a resource has containers, and values or requests beside them",
                        "write one or the other: containers bring their own",
                    );
                    return None;
                }
                from_containers(containers, None, pods, &taken, &mut out);
                return Some(out);
            }
            out.samples = taken.samples(r.values.iter().map(milli));
            out.requests = match (&r.request, &r.requests) {
                (Some(_), Some(_)) => {
                    report.fault("a resource has `request` and `requests`", "write one: for every pod, or by pod");
                    return None;
                }
                (Some(each), None) => vec![Some(each.0); pods],
                (None, Some(list)) => list.iter().map(milli).collect(),
                (None, None) if matches!(r.target, f::PodTarget::Utilization(_)) && !r.failed => {
                    report.fault(
                        "a utilization is a share of requests, and there are none",
                        "write `request: …` for every pod, `requests: […]` by pod, or `containers: […]`",
                    );
                    return None;
                }
                (None, None) => Vec::new(),
            };
            Some(out)
        }
        f::Metric::ContainerResource(r) => {
            if !too_many(r.containers.len(), "lists of containers") {
                return None;
            }
            let taken = Taken { ages: &r.ages, window: r.window, now };
            let mut out = Read { failed: r.failed, of_pods: true, ..Read::default() };
            // The metrics API fails as a whole when a pod that it has samples of has no such container.
            let has = |p: &f::PodContainers| p.containers.iter().any(|c| c.name == r.container);
            out.failed |= r.containers.iter().any(|p| !has(p) && p.containers.iter().any(|c| c.usage.is_some()));
            from_containers(&r.containers, Some(&r.container), pods, &taken, &mut out);
            Some(out)
        }
        f::Metric::Pods(p) => {
            if !too_many(p.values.len(), "values") {
                return None;
            }
            let taken = Taken { ages: &[], window: Duration::from_secs(60), now };
            let samples = taken.samples(p.values.iter().map(milli));
            Some(Read { failed: p.failed, of_pods: true, samples, stray: all(&p.stray), ..Read::default() })
        }
        f::Metric::Object(o) => {
            Some(Read { failed: o.value.is_none(), series: o.value.iter().map(|q| q.0).collect(), ..Read::default() })
        }
        f::Metric::External(e) => Some(Read { failed: e.values.is_empty(), series: all(&e.values), ..Read::default() }),
    }
}

fn from_containers(list: &[f::PodContainers], only: Option<&str>, pods: usize, taken: &Taken<'_>, out: &mut Read) {
    for (i, p) in list.iter().enumerate() {
        let containers: Vec<Container> = p.containers.iter().map(container).collect();
        out.samples.push(request::usage(&containers, only).map(|v| taken.sample(i, v)));
        out.requests.push(request::request(&containers, p.pod_request.map(|q| q.0), only));
    }
    // Pods that are not listed have neither a sample nor a container.
    out.requests.resize(pods, Some(0));
}

fn container(c: &f::Container) -> Container {
    Container {
        name: c.name.clone(),
        request: c.request.map(|q| q.0),
        usage: c.usage.map(|q| q.0),
        kind: match c.kind {
            f::ContainerKind::Regular => Kind::Regular,
            f::ContainerKind::Sidecar => Kind::Sidecar,
            f::ContainerKind::Init => Kind::Init,
        },
    }
}

pub fn fallback(b: &f::Fallback) -> keda::Fallback {
    keda::Fallback {
        failure_threshold: b.failure_threshold,
        replicas: b.replicas,
        behavior: match b.behavior {
            f::FallbackBehavior::Static => keda::FallbackBehavior::Static,
            f::FallbackBehavior::CurrentReplicas => keda::FallbackBehavior::CurrentReplicas,
            f::FallbackBehavior::CurrentReplicasIfHigher => keda::FallbackBehavior::CurrentReplicasIfHigher,
            f::FallbackBehavior::CurrentReplicasIfLower => keda::FallbackBehavior::CurrentReplicasIfLower,
        },
    }
}

pub fn scaled_object(o: &f::ScaledObject) -> keda::Config {
    let trigger = |t: &f::Trigger| keda::Trigger {
        target: target(&t.target),
        activation: t.activation_threshold,
        cached: t.use_cached_metrics,
    };
    keda::Config {
        polling_interval: o.polling_interval,
        cooldown: o.cooldown_period,
        initial_cooldown: o.initial_cooldown_period,
        min: o.min_replica_count,
        max: o.max_replica_count,
        idle: o.idle_replica_count,
        fallback: o.fallback.as_ref().map(fallback),
        triggers: o.triggers.iter().map(trigger).collect(),
        modifiers: o
            .scaling_modifiers
            .as_ref()
            .map(|m| keda::Modifiers { target: target(&m.target), activation: m.activation_target }),
        behavior: o.behavior.as_ref().map(behavior),
    }
}
