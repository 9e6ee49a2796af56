//! What autoscalers decide, and who goes.

use crate::outcome::service::RolloutStep;
use crate::policy::hpa::{self, Condition, Hpa, Phase, Pod, Reading, Sample};
use crate::policy::keda::{self, Pause, Pull, ScaledObject};
use crate::scenario::model::service::{Scale, Signal, Watch};
use crate::sim::event::ServiceEvent;
use crate::sim::jobs::JobId;
use crate::sim::world::World;
use crate::units::{Duration, SimTime};

/// What scales a deployment, with its memory.
pub(in crate::sim) struct Scaler {
    kind: Kind,
    initial: u32,
    /// The deployment whose replicas it counts and sets; another one once a rollout has replaced its own.
    pub acts_on: Option<u16>,
}

enum Kind {
    Fixed,
    Hpa { hpa: Box<Hpa>, signals: Vec<Signal>, watch: Watch },
    Keda { object: Box<ScaledObject>, hpa: Box<Hpa>, signals: Vec<Signal>, watch: Watch },
}

impl Scaler {
    pub fn of(scale: &Scale, now: SimTime) -> Scaler {
        let checked = "autoscalers are checked when a scenario is resolved";
        let (kind, initial) = match scale {
            Scale::Fixed(n) => (Kind::Fixed, *n),
            Scale::Hpa { config, signals, watch, initial } => {
                let hpa = Box::new(Hpa::new((**config).clone()).expect(checked));
                (Kind::Hpa { hpa, signals: signals.clone(), watch: *watch }, *initial)
            }
            Scale::Keda { config, flags, signals, watch, initial } => {
                let object = ScaledObject::new((**config).clone(), now).expect(checked);
                let hpa = Box::new(Hpa::new(object.hpa(flags)).expect(checked));
                let object = Box::new(object);
                (Kind::Keda { object, hpa, signals: signals.clone(), watch: *watch }, *initial)
            }
        };
        Scaler { kind, initial, acts_on: None }
    }

    pub fn initial(&self) -> u32 {
        self.initial
    }

    /// How often the HPA decides, and how often KEDA polls.
    pub fn ticks(&self) -> Option<(Duration, Option<Duration>)> {
        match &self.kind {
            Kind::Fixed => None,
            Kind::Hpa { watch, .. } => Some((watch.sync, None)),
            Kind::Keda { watch, object, .. } => Some((watch.sync, Some(object.config().polling_interval))),
        }
    }
}

impl World<'_, '_> {
    /// Creates replicas or lets some go until there are as many as there should be.
    pub(super) fn reconcile(&mut self, s: u16, d: u16) {
        let dep = &self.services[s as usize].deployments[d as usize];
        let (want, have) = (dep.desired as usize, dep.pods.len());
        for _ in have..want {
            self.create_replica(s, d);
        }
        if have > want {
            let until = self.now + self.deployment(s, d).grace;
            for id in self.victims(s, d, have - want) {
                self.let_go(id, until, false);
            }
        }
    }

    /// Who goes first, as a ReplicaSet has it (kubernetes/kubernetes `pkg/controller/controller_utils.go`,
    /// `ActivePodsWithRanks`): pods without a node, then pods that are not ready, then those with more of their like on
    /// their node, then those that became ready last, then those created last.
    fn victims(&self, s: u16, d: u16, count: usize) -> Vec<JobId> {
        let pods = &self.services[s as usize].deployments[d as usize].pods;
        let node = |id: JobId| self.jobs[id].pods.first().map(|p| p.node);
        let crowd = |id: JobId| pods.iter().filter(|p| node(**p) == node(id)).count();
        let mut ranked: Vec<_> = pods
            .iter()
            .enumerate()
            .filter_map(|(i, id)| {
                let l = &self.jobs[*id];
                let r = l.replica.as_deref()?;
                let (placed, ready) = (l.is_running(), r.place.is_some());
                let crowd = if placed { crowd(*id) } else { 0 };
                Some(((placed, ready, usize::MAX - crowd, u64::MAX - r.ready_at.0, usize::MAX - i), *id))
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().take(count).map(|r| r.1).collect()
    }

    /// There should be so many replicas of a deployment.
    pub(super) fn scale_to(&mut self, s: u16, d: u16, replicas: u32) {
        let (now, counted) = (self.now, self.now >= self.window.0);
        let dep = &mut self.services[s as usize].deployments[d as usize];
        if dep.desired == replicas {
            return;
        }
        let t = &mut dep.tally;
        t.desired_series.add(t.desired_since, now, u64::from(dep.desired));
        t.desired_since = now;
        t.desired.set(now.max(self.window.0), u64::from(replicas));
        t.scalings += u64::from(counted);
        dep.desired = replicas;
        self.reconcile(s, d);
    }

    /// The pods of a deployment as an HPA sees them, with what is seen of each of their signals.
    fn pods_of(&self, s: u16, d: u16, signals: &[Signal]) -> (Vec<Pod>, Vec<Vec<Option<Sample>>>) {
        let dep = &self.services[s as usize].deployments[d as usize];
        let (now, lag) = (self.now, dep.samples.lag());
        let mut pods = Vec::new();
        let mut samples = vec![Vec::new(); signals.len()];
        for (id, deleted) in dep.pods.iter().map(|p| (*p, false)).chain(dep.leaving.iter().map(|p| (*p, true))) {
            let l = &self.jobs[id];
            let Some(r) = l.replica.as_deref() else { continue };
            let containers = SimTime(r.ready_at.0.saturating_sub(r.stages[1].0 + r.stages[2].0));
            let runs = l.is_running() && containers <= now;
            let ready = r.place.is_some() && !deleted;
            let since = if ready { r.ready_at } else { containers };
            pods.push(Pod {
                phase: if runs { Phase::Running } else { Phase::Pending },
                deleted,
                started: l.is_running().then_some(l.start),
                ready: runs.then_some(Condition { holds: ready, since }),
            });
            for (list, signal) in samples.iter_mut().zip(signals) {
                list.push(r.samples.seen(*signal, now, lag));
            }
        }
        (pods, samples)
    }

    /// The HPA of a deployment decides.
    pub(super) fn sync(&mut self, s: u16, d: u16) {
        self.catch_up(s);
        let now = self.now;
        let on = self.services[s as usize].deployments[d as usize].scaler.acts_on.unwrap_or(d);
        let spec = self.deployment(s, on);
        let request = Some(i64::from(spec.cpu.request));
        let signals = match &self.services[s as usize].deployments[d as usize].scaler.kind {
            Kind::Fixed => return,
            Kind::Hpa { signals, .. } | Kind::Keda { signals, .. } => signals.clone(),
        };
        let (pods, samples) = self.pods_of(s, on, &signals);
        let state = &mut self.services[s as usize];
        let target = &state.deployments[on as usize];
        let (replicas, status) = (target.desired as i32, target.pods.len() as i32);
        let whole: Vec<Option<f64>> = signals.iter().map(|g| target.samples.whole(*g, now)).collect();
        let ready = pods.iter().filter(|p| p.is_ready()).count() as i32;
        let requests = vec![request; pods.len()];
        let scaler = &mut state.deployments[d as usize].scaler;
        let (decided, every) = match &mut scaler.kind {
            Kind::Fixed => return,
            Kind::Hpa { hpa, watch, .. } => {
                let values: Vec<[i64; 1]> = whole.iter().map(|v| [keda::milli(v.unwrap_or(0.0))]).collect();
                let metrics = hpa.config().metrics.clone();
                let readings: Vec<Reading<'_>> = (metrics.iter().zip(&samples).zip(values.iter().zip(&whole)))
                    .map(|((metric, samples), (value, seen))| match metric {
                        hpa::Metric::Object(_) | hpa::Metric::External(_) if seen.is_none() => Reading::Failed,
                        hpa::Metric::Object(_) | hpa::Metric::External(_) => Reading::Series(value),
                        _ => Reading::Pods { samples, stray: &[], requests: &requests },
                    })
                    .collect();
                let view = hpa::View { replicas, status_replicas: status, pods: &pods, readings: &readings };
                (hpa.decide(&view, now).replicas, watch.sync)
            }
            Kind::Keda { object, hpa, watch, .. } => {
                let mut answers = Vec::new();
                // An HPA at nothing does not ask.
                if replicas > 0 {
                    object.pull(&Pull { values: &whole, composite: None, replicas: status, ready }, &mut answers);
                }
                let answers: Vec<Option<[i64; 1]>> = answers.into_iter().map(|a| a.map(|v| [v])).collect();
                let readings: Vec<Reading<'_>> =
                    answers.iter().map(|a| a.as_ref().map_or(Reading::Failed, |v| Reading::Series(v))).collect();
                let view = hpa::View { replicas, status_replicas: status, pods: &pods, readings: &readings };
                (hpa.decide(&view, now).replicas, watch.sync)
            }
        };
        self.scale_to(s, on, u32::try_from(decided).unwrap_or(0));
        self.tick(now + every, ServiceEvent::Sync(s, d));
    }

    /// KEDA polls the triggers of a deployment.
    pub(super) fn poll(&mut self, s: u16, d: u16) {
        self.catch_up(s);
        let now = self.now;
        let state = &mut self.services[s as usize];
        let on = state.deployments[d as usize].scaler.acts_on.unwrap_or(d);
        let replicas = state.deployments[on as usize].desired as i32;
        let signals = match &state.deployments[d as usize].scaler.kind {
            Kind::Keda { signals, .. } => signals.clone(),
            Kind::Fixed | Kind::Hpa { .. } => return,
        };
        let target = &state.deployments[on as usize];
        let values: Vec<Option<f64>> = signals.iter().map(|g| target.samples.whole(*g, now)).collect();
        let Kind::Keda { object, .. } = &mut state.deployments[d as usize].scaler.kind else { return };
        let view = keda::View { replicas, values: &values, composite: None, pause: Pause::No, force_active: false };
        let decided = object.poll(&view, now).replicas;
        let every = object.config().polling_interval;
        self.scale_to(s, on, u32::try_from(decided).unwrap_or(0));
        self.tick(now + every, ServiceEvent::Poll(s, d));
    }

    /// Notes what a rollout did.
    pub(super) fn note_rollout(&mut self, s: u16, d: u16, what: &str, share_ppm: u32, why: String) {
        if self.now < self.window.0 {
            return;
        }
        let step = RolloutStep {
            at_ns: self.now.since(self.window.0).0,
            deployment: self.deployment(s, d).name.clone(),
            what: what.to_owned(),
            share: f64::from(share_ppm) / 1e6,
            why,
        };
        self.services[s as usize].steps.push(step);
    }
}
