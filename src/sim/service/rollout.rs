//! New versions: canaries and staged rollouts, judged by what clients felt, and shadows, which only get copies.
//!
//! Steps and their pauses are those of Argo Rollouts with traffic routing (`setWeight`, `pause`): the old version keeps
//! all of its replicas until the new one has taken over, the new one has its share of them, rounded up. A step's pause
//! counts from when its replicas take requests. A gate compares the two over the requests of the step: fails it, all
//! requests go back and the new version goes.

use crate::scenario::model::service::{Gate, Rollout};
use crate::sim::event::ServiceEvent;
use crate::sim::world::World;
use crate::units::{Duration, SimTime};

/// How often a rollout looks: Argo's analysis has no default interval; this is the HPA's.
const LOOK: Duration = Duration::from_secs(15);

/// All requests.
const ALL: u32 = 1_000_000;

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sim) struct Progress {
    /// The step that it is at; beyond the last it takes over.
    step: usize,
    begun: bool,
    over: bool,
    /// Since when the step's share has been in force, and the concluded and good requests of both versions then.
    since: Option<(SimTime, [(u64, u64); 2])>,
}

/// What a gate finds.
#[derive(Clone, Debug, PartialEq)]
enum Finding {
    /// Too few requests.
    Unknown,
    Good(String),
    Bad(String),
}

/// Judges the new version's requests of a step, `(concluded, good)`, beside the old one's.
fn judge(gate: &Gate, old: (u64, u64), new: (u64, u64)) -> Finding {
    if new.0 < gate.least {
        return Finding::Unknown;
    }
    let share = |v: (u64, u64)| if v.0 == 0 { 1.0 } else { v.1 as f64 / v.0 as f64 };
    let (was, is) = (share(old), share(new));
    let text = format!(
        "{:.2} % of {} requests kept every promise, {:.2} % of the old version's",
        is * 100.0,
        new.0,
        was * 100.0
    );
    if is < gate.good || is < was - gate.worse_by { Finding::Bad(text) } else { Finding::Good(text) }
}

impl World<'_, '_> {
    /// A rollout looks where it stands.
    pub(super) fn roll_out(&mut self, s: u16, r: u16) {
        self.catch_up(s);
        let spec = &self.model.services[s as usize].rollouts[r as usize];
        let at = self.services[s as usize].rollouts[r as usize];
        if at.over {
            return;
        }
        let steps = spec.steps.len();
        let share = spec.steps.get(at.step).map_or(if spec.shadow { 0 } else { ALL }, |s| s.share_ppm);
        if !at.begun {
            self.services[s as usize].rollouts[r as usize].begun = true;
            self.note_rollout(s, spec.new, "started", 0, String::new());
        }
        // The new version has its share of the replicas, rounded up, as long as the old one's scaler moves.
        let base = self.services[s as usize].deployments[spec.old as usize].desired;
        let wanted = (u64::from(base) * u64::from(share)).div_ceil(u64::from(ALL)) as u32;
        let wanted = if share > 0 { wanted.max(1) } else { 0 };
        self.scale_to(s, spec.new, wanted);
        match at.since {
            None if at.step >= steps && spec.shadow => return self.end_rollout(s, r, spec, "ended", String::new()),
            None => {
                let ready = self.services[s as usize].deployments[spec.new as usize].tally.ready_now;
                if ready >= wanted {
                    self.enter_step(s, r, spec, share);
                }
            }
            Some((since, base)) => {
                let pause = spec.steps.get(at.step).map_or(Duration::ZERO, |s| s.pause);
                if self.now >= since + pause {
                    self.leave_step(s, r, spec, base);
                }
            }
        }
        if !self.services[s as usize].rollouts[r as usize].over {
            self.tick(self.now + LOOK, ServiceEvent::Rollout(s, r));
        }
    }

    /// As many replicas of the new version as the step wants take requests: it gets its share.
    fn enter_step(&mut self, s: u16, r: u16, spec: &Rollout, share: u32) {
        let (old, new) = (self.deployment(s, spec.old).lane, self.deployment(s, spec.new).lane);
        let now = self.now;
        let state = &mut self.services[s as usize];
        state.front.split(old, new, share, spec.shadow);
        let step = state.rollouts[r as usize].step;
        if step < spec.steps.len() {
            let so_far = [old, new].map(|l| (state.front.lane(l).concluded, state.front.lane(l).good));
            state.rollouts[r as usize].since = Some((now, so_far));
            self.note_rollout(s, spec.new, "step", share, String::new());
            return;
        }
        // All requests go to the new version: the old one's scaler is its own from now on, and the old replicas go.
        state.deployments[spec.old as usize].scaler.acts_on = Some(spec.new);
        state.rollouts[r as usize].over = true;
        self.note_rollout(s, spec.new, "promoted", ALL, String::new());
        self.scale_to(s, spec.old, 0);
    }

    /// A step's pause is over: its gate decides.
    fn leave_step(&mut self, s: u16, r: u16, spec: &Rollout, base: [(u64, u64); 2]) {
        let lanes = [spec.old, spec.new].map(|d| self.deployment(s, d).lane);
        let state = &self.services[s as usize];
        let [old, new] = [0, 1].map(|i| {
            let lane = state.front.lane(lanes[i]);
            (lane.concluded - base[i].0, lane.good - base[i].1)
        });
        match spec.gate.as_ref().map(|g| judge(g, old, new)) {
            // It waits until there is something to judge by.
            Some(Finding::Unknown) => {}
            Some(Finding::Bad(why)) => self.end_rollout(s, r, spec, "aborted", why),
            found => {
                if let Some(Finding::Good(why)) = found {
                    self.note_rollout(
                        s,
                        spec.new,
                        "passed",
                        spec.steps[self.services[s as usize].rollouts[r as usize].step].share_ppm,
                        why,
                    );
                }
                let p = &mut self.services[s as usize].rollouts[r as usize];
                (p.step, p.since) = (p.step + 1, None);
            }
        }
    }

    /// No request goes to the new version any longer, and its replicas go.
    fn end_rollout(&mut self, s: u16, r: u16, spec: &Rollout, what: &str, why: String) {
        let (old, new) = (self.deployment(s, spec.old).lane, self.deployment(s, spec.new).lane);
        let state = &mut self.services[s as usize];
        state.front.split(old, new, 0, spec.shadow);
        state.rollouts[r as usize].over = true;
        self.note_rollout(s, spec.new, what, 0, why);
        self.scale_to(s, spec.new, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_looks_at_both_versions_and_at_nothing_when_there_is_nothing() {
        let gate = Gate { least: 100, good: 0.95, worse_by: 0.01 };
        assert_eq!(judge(&gate, (900, 900), (99, 0)), Finding::Unknown);
        assert!(matches!(judge(&gate, (900, 891), (100, 98)), Finding::Good(_)));
        // Below what is asked for; then below the old one by more than it may.
        assert!(matches!(judge(&gate, (900, 100), (100, 94)), Finding::Bad(_)));
        assert!(matches!(judge(&gate, (900, 900), (100, 98)), Finding::Bad(_)));
    }
}
