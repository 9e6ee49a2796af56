//! The operator's step between zero (or idle) and the rest (`RequestScale`).

use super::ScaledObject;
use crate::units::SimTime;

/// What the operator sees at a poll.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// `scale.spec.replicas`.
    pub replicas: i32,
    /// By trigger: its value; `None` when it cannot be read.
    pub values: &'a [Option<f64>],
    /// With modifiers: the formula's value; `None` when it has none.
    pub composite: Option<f64>,
    /// The annotations that pause it.
    pub pause: Pause,
    /// The annotation that makes it active whatever the triggers say.
    pub force_active: bool,
}

/// Whether it is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pause {
    /// No.
    #[default]
    No,
    /// Where it stands (`autoscaling.keda.sh/paused`).
    Here,
    /// At so many replicas (`autoscaling.keda.sh/paused-replicas`), to which it is set first.
    At(i32),
}

/// Why the decision is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is paused.
    Paused,
    /// Active, and at zero or idle: to the minimum, at least one.
    Activated,
    /// Active, and above: the HPA has it.
    Active,
    /// Active though a trigger failed: the last activity stays as it was.
    ActiveWithErrors,
    /// A trigger failed, and a fallback is set up: the HPA will do it.
    HeldForFallback,
    /// A trigger failed, and there is no fallback: nothing is done.
    HeldNotReady,
    /// Not active, and the cooldown still runs.
    CoolingDown,
    /// Not active: to idle or zero, in one step.
    Deactivated,
    /// Not active, and below the minimum.
    RaisedToMinimum,
    /// Not active, and where it should be.
    AtRest,
}

impl Reason {
    /// The word for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Reason::Paused => "Paused",
            Reason::Activated => "Activated",
            Reason::Active => "Active",
            Reason::ActiveWithErrors => "ActiveWithErrors",
            Reason::HeldForFallback => "HeldForFallback",
            Reason::HeldNotReady => "HeldNotReady",
            Reason::CoolingDown => "CoolingDown",
            Reason::Deactivated => "Deactivated",
            Reason::RaisedToMinimum => "RaisedToMinimum",
            Reason::AtRest => "AtRest",
        }
    }
}

/// What a poll decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How many replicas there should be.
    pub replicas: i32,
    /// Whether it is active.
    pub active: bool,
    /// Why.
    pub reason: Reason,
}

impl ScaledObject {
    /// Whether it is active, and whether a trigger failed. A trigger is active strictly above its threshold; any one is
    /// enough. With modifiers only the formula's value counts, and nothing does when a trigger failed.
    #[must_use]
    pub fn activity(&self, values: &[Option<f64>], composite: Option<f64>) -> (bool, bool) {
        let value = |i| values.get(i).copied().flatten();
        let failed = (0..self.config.triggers.len()).any(|i| value(i).is_none());
        let active = match &self.config.modifiers {
            Some(m) => !failed && composite.is_some_and(|v| v > m.activation),
            None => self.config.triggers.iter().enumerate().any(|(i, t)| value(i).is_some_and(|v| v > t.activation)),
        };
        (active, failed)
    }

    /// One poll. What is decided counts as done.
    pub fn poll(&mut self, view: &View<'_>, now: SimTime) -> Decision {
        let current = view.replicas;
        for (i, polled) in self.state.polled.iter_mut().enumerate() {
            *polled = view.values.get(i).copied().flatten();
        }
        let (by_triggers, failed) = self.activity(view.values, view.composite);
        let active = by_triggers || view.force_active;
        let decide = |replicas, reason| Decision { replicas, active, reason };
        match view.pause {
            Pause::No => {}
            Pause::Here => return decide(current, Reason::Paused),
            Pause::At(n) => return decide(n, Reason::Paused),
        }
        let (min, idle) = (self.config.min, self.config.idle);
        if active {
            if current == 0 || (idle.is_some() && current < min) {
                self.state.last_active = Some(now);
                return decide(min.max(1), Reason::Activated);
            }
            if failed {
                return decide(current, Reason::ActiveWithErrors);
            }
            self.state.last_active = Some(now);
            return decide(current, Reason::Active);
        }
        match &self.config.fallback {
            Some(f) if failed && f.replicas != 0 => return decide(current, Reason::HeldForFallback),
            None if failed => return decide(current, Reason::HeldNotReady),
            _ => {}
        }
        if idle.is_some_and(|idle| current > idle) || (current > 0 && min == 0) {
            if self.cooled_down(now) {
                return decide(self.config.at_rest(), Reason::Deactivated);
            }
            return decide(current, Reason::CoolingDown);
        }
        if idle.is_none() && current < min {
            return decide(min, Reason::RaisedToMinimum);
        }
        decide(current, Reason::AtRest)
    }

    /// Strictly after the cooldown; what never was active has only the initial one to wait for.
    fn cooled_down(&self, now: SimTime) -> bool {
        match self.state.last_active {
            None => self.state.created + self.config.initial_cooldown < now,
            Some(at) => at + self.config.cooldown < now,
        }
    }
}
