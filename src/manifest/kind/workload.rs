//! What runs pods: Deployment, StatefulSet, Job, CronJob, Argo's Rollout, a bare Pod.

use super::meta::{Meta, Selector};
use super::pod::Pod;
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::{IntOrPercent, duration};
use crate::units::{Diagnostic, Duration};

/// What runs pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Which kind.
    pub kind: WorkloadKind,
    /// `replicas`; 1 where left out.
    pub replicas: Option<At<u32>>,
    /// `parallelism` of a job; 1 where left out.
    pub parallelism: Option<At<u32>>,
    /// `completions` of a job; as many as run at once where left out.
    pub completions: Option<At<u32>>,
    /// Whether it waits to be released.
    pub suspended: Option<At<bool>>,
    /// When a CronJob starts.
    pub schedule: Option<At<String>>,
    /// Which pods are its own.
    pub selector: Option<Selector>,
    /// Its pods.
    pub pod: Pod,
    /// The steps of a Rollout's canary.
    pub canary: Option<Canary>,
}

/// Which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `argoproj.io/v1alpha1` Rollout.
    Rollout,
    /// `batch/v1` Job.
    Job,
    /// `batch/v1` CronJob.
    CronJob,
    /// `v1` Pod.
    Pod,
}

impl WorkloadKind {
    /// Whether its pods end by themselves.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(self, WorkloadKind::Job | WorkloadKind::CronJob)
    }
}

/// `strategy.canary`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Canary {
    /// Its steps.
    pub steps: Vec<At<Step>>,
}

/// A step of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many per cent of the requests.
    SetWeight(u32),
    /// Wait so long; until somebody promotes it where nothing is said.
    Pause(Option<Duration>),
    /// Something else.
    Other,
}

/// Rollout strategy and housekeeping, which do not change what runs for long.
const HOUSEKEEPING: [&str; 10] = [
    "strategy",
    "updateStrategy",
    "minReadySeconds",
    "progressDeadlineSeconds",
    "revisionHistoryLimit",
    "serviceName",
    "podManagementPolicy",
    "volumeClaimTemplates",
    "persistentVolumeClaimRetentionPolicy",
    "ordinals",
];

impl Workload {
    /// Whether it always has so many pods: replicas, or a job's parallelism (no more than what is left to complete).
    #[must_use]
    pub fn pods(&self) -> u32 {
        match self.kind {
            WorkloadKind::Pod => 1,
            WorkloadKind::Job | WorkloadKind::CronJob => {
                let p = self.parallelism.map_or(1, |p| p.value);
                self.completions.map_or(p, |c| p.min(c.value))
            }
            _ => self.replicas.map_or(1, |r| r.value),
        }
    }

    /// Reads a Deployment or a StatefulSet.
    pub fn replicated(kind: WorkloadKind, mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<Workload> {
        let replicas = s.count("replicas", cx);
        let selector = selector(&mut s, cx);
        if s.has("paused") {
            s.not_modelled("paused", "it is taken to run", cx);
        }
        s.no_effect(&HOUSEKEEPING, cx);
        let pod = Pod::template(&mut s, "template", cx);
        s.finish(cx);
        let pod = pod?;
        check_selector(selector.as_ref(), &pod, cx);
        Some(Workload { replicas, selector, ..Workload::of(kind, pod) })
    }

    fn of(kind: WorkloadKind, pod: Pod) -> Workload {
        Workload {
            kind,
            replicas: None,
            parallelism: None,
            completions: None,
            suspended: None,
            schedule: None,
            selector: None,
            pod,
            canary: None,
        }
    }

    /// Reads a bare pod.
    pub fn pod(s: Fields<'_>, meta: &Meta, cx: &mut Cx<'_>) -> Workload {
        Workload::of(WorkloadKind::Pod, Pod::spec(s, meta.clone(), cx))
    }

    /// Reads a Job's spec.
    pub fn job(kind: WorkloadKind, mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<Workload> {
        let (parallelism, completions) = (s.count("parallelism", cx), s.count("completions", cx));
        let suspended = s.flag("suspend", cx);
        s.no_effect(
            &[
                "backoffLimit",
                "backoffLimitPerIndex",
                "completionMode",
                "managedBy",
                "manualSelector",
                "maxFailedIndexes",
                "podFailurePolicy",
                "podReplacementPolicy",
                "selector",
                "successPolicy",
                "ttlSecondsAfterFinished",
            ],
            cx,
        );
        s.not_modelled("activeDeadlineSeconds", "it runs for as long as the scenario says", cx);
        let pod = Pod::template(&mut s, "template", cx);
        s.finish(cx);
        Some(Workload { parallelism, completions, suspended, ..Workload::of(kind, pod?) })
    }

    /// Reads a CronJob's spec.
    pub fn cron_job(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<Workload> {
        let schedule = s.needed_text("schedule", cx);
        if let Some(text) = &schedule
            && let Err(e) = crate::policy::karpenter::cron::Cron::parse(text)
        {
            let help = "five fields: minute, hour, day of the month, month, day of the week: \"30 6 * * 1-5\"";
            let path = s.path_of("schedule");
            cx.invalid(text.at, &path, &format!("`{}` is no schedule", text.value), &e.to_string(), help);
        }
        let suspended = s.flag("suspend", cx);
        s.no_effect(&["failedJobsHistoryLimit", "successfulJobsHistoryLimit"], cx);
        s.not_modelled("timeZone", "schedules are taken in UTC", cx);
        s.not_modelled("concurrencyPolicy", "runs may overlap", cx);
        s.not_modelled("startingDeadlineSeconds", "every start is made", cx);
        let mut template = s.needed_map("jobTemplate", cx)?;
        Meta::read(&mut template, cx);
        let spec = template.needed_map("spec", cx);
        template.finish(cx);
        s.finish(cx);
        let job = Workload::job(WorkloadKind::CronJob, spec?, cx)?;
        Some(Workload { schedule, suspended, ..job })
    }

    /// Reads an Argo Rollout.
    pub fn rollout(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<Workload> {
        let replicas = s.count("replicas", cx);
        let selector = selector(&mut s, cx);
        let mut canary = None;
        if let Some(mut strategy) = s.map("strategy", cx) {
            canary = strategy.map("canary", cx).map(|c| Canary::read(c, cx));
            strategy.not_modelled("blueGreen", "for two colours at once write a rollout in the scenario", cx);
            strategy.finish(cx);
        } else {
            s.missing("strategy", cx);
        }
        s.no_effect(&["minReadySeconds", "progressDeadlineSeconds", "progressDeadlineAbort"], cx);
        s.no_effect(&["revisionHistoryLimit", "rollbackWindow", "restartAt", "analysis"], cx);
        s.not_modelled("paused", "it is taken to run", cx);
        if s.has("workloadRef") {
            s.not_modelled("workloadRef", "its pods are those of the Deployment that it names", cx);
            s.finish(cx);
            return None;
        }
        let pod = Pod::template(&mut s, "template", cx);
        s.finish(cx);
        let pod = pod?;
        check_selector(selector.as_ref(), &pod, cx);
        Some(Workload { replicas, selector, canary, ..Workload::of(WorkloadKind::Rollout, pod) })
    }
}

fn selector(s: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<Selector> {
    let found = Selector::read(s, "selector", cx);
    if found.is_none() && !s.has("selector") {
        s.missing("selector", cx);
    }
    found
}

fn check_selector(selector: Option<&Selector>, pod: &Pod, cx: &mut Cx<'_>) {
    let Some(s) = selector else { return };
    if s.selects(&pod.meta.labels) {
        return;
    }
    let first =
        s.labels.iter().find(|(k, v)| !pod.meta.labels.iter().any(|(l, w)| l.value == k.value && w.value == v.value));
    let at = first.map_or(pod.at, |(k, _)| k.at);
    let d = Diagnostic::error(format!("the selector of {} does not select its own pods", cx.named()))
        .at(at.0, at.1, "the template's labels do not have this")
        .help("the API server refuses it: make `spec.selector` and `spec.template.metadata.labels` agree");
    cx.lint("selector-mismatch", d, "spec.selector");
}

impl Canary {
    fn read(mut c: Fields<'_>, cx: &mut Cx<'_>) -> Canary {
        let mut steps = Vec::new();
        for mut f in c.maps("steps", cx) {
            let at = f.at;
            if f.has("setWeight") {
                if let Some(w) = f.int("setWeight", 0, 100, cx) {
                    steps.push(w.map(|w| Step::SetWeight(w as u32)));
                }
            } else if f.has("pause") {
                if let Some(mut p) = f.map("pause", cx) {
                    let d = pause(&mut p, cx);
                    p.finish(cx);
                    steps.push(At::new(Step::Pause(d), at));
                }
            } else {
                for key in ["setCanaryScale", "analysis", "experiment", "setHeaderRoute", "setMirrorRoute", "plugin"] {
                    f.not_modelled(key, "the step is passed over", cx);
                }
                steps.push(At::new(Step::Other, at));
            }
            f.finish(cx);
        }
        for key in ["maxSurge", "maxUnavailable"] {
            let _: Option<At<IntOrPercent>> = c.int_or_percent(key, cx);
        }
        c.no_effect(&["canaryService", "stableService", "canaryMetadata", "stableMetadata", "pingPong"], cx);
        c.no_effect(&["trafficRouting", "antiAffinity", "abortScaleDownDelaySeconds", "scaleDownDelaySeconds"], cx);
        c.no_effect(&["scaleDownDelayRevisionLimit", "dynamicStableScale", "minPodsPerReplicaSet"], cx);
        c.not_modelled("analysis", "nothing is judged: write a gate in the scenario's rollout", cx);
        c.finish(cx);
        Canary { steps }
    }
}

/// `duration`: seconds as a number, or a text like `10m`.
fn pause(p: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<Duration> {
    let node = p.take("duration")?;
    let found = match &node.value {
        crate::formats::Value::Number(t) => {
            t.parse::<u32>().map(|s| Duration::from_secs(u64::from(s))).map_err(|_| "not whole seconds".to_owned())
        }
        crate::formats::Value::Text(t) => match t.parse::<u32>() {
            Ok(s) => Ok(Duration::from_secs(u64::from(s))),
            Err(_) => duration(t).map_err(|(why, _)| why),
        },
        _ => Err("a duration is wanted".to_owned()),
    };
    match found {
        Ok(d) => Some(d),
        Err(why) => {
            let path = p.path_of("duration");
            let message = format!("`{path}` is {}, no duration,", node.found());
            cx.invalid(node.at, &path, &message, &why, "write 600, 90s, 10m or 1h");
            // Not the same as a pause without an end.
            Some(Duration::ZERO)
        }
    }
}
