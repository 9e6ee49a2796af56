//! Pod disruption budgets: how many evictions they allow, and whether an eviction is let through.
//!
//! Rules: kubernetes/kubernetes, `pkg/controller/disruption/disruption.go` (the budget's status) and
//! `pkg/registry/core/pod/storage/eviction.go` (the eviction). Node-pressure, preemption and the loss of a machine do not
//! ask: preemption only prefers victims whose budget allows it ([`crate::policy::kube_scheduler`]).
//!
//! Not modelled: `unhealthyPodEvictionPolicy` (pods that are not ready go like ready ones).

/// `IntOrString` of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Amount {
    /// So many pods.
    Pods(u32),
    /// So many hundredths of the expected pods; a part of a pod counts as a whole one.
    Percent(u32),
}

impl Amount {
    const fn of(self, expected: u32) -> u32 {
        match self {
            Amount::Pods(n) => n,
            Amount::Percent(p) => {
                let pods = (p as u64 * expected as u64).div_ceil(100);
                if pods > u32::MAX as u64 { u32::MAX } else { pods as u32 }
            }
        }
    }
}

/// What a budget asks for. A manifest sets exactly one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// `minAvailable`.
    MinAvailable(Amount),
    /// `maxUnavailable`.
    MaxUnavailable(Amount),
}

/// What the API server would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// More than all pods.
    #[error("a disruption budget of {0}% is above 100%")]
    Percent(u32),
}

impl Rule {
    /// Whether the API server takes it.
    ///
    /// # Errors
    /// A percentage above 100.
    pub const fn check(self) -> Result<(), RuleError> {
        match self {
            Rule::MinAvailable(Amount::Percent(p)) | Rule::MaxUnavailable(Amount::Percent(p)) if p > 100 => {
                Err(RuleError::Percent(p))
            }
            _ => Ok(()),
        }
    }

    /// How many pods must stay healthy (`desiredHealthy`). `expected` is the scale of the controllers that own the
    /// pods, or, for a `minAvailable` in pods, the number of pods that match.
    #[must_use]
    pub const fn desired_healthy(self, expected: u32) -> u32 {
        match self {
            Rule::MinAvailable(amount) => amount.of(expected),
            Rule::MaxUnavailable(amount) => expected.saturating_sub(amount.of(expected)),
        }
    }

    /// How many evictions are allowed now (`disruptionsAllowed`); none while no pod is expected.
    #[must_use]
    pub const fn allowed(self, expected: u32, healthy: u32) -> u32 {
        if expected == 0 { 0 } else { healthy.saturating_sub(self.desired_healthy(expected)) }
    }

    /// Whether it never allows any: `maxUnavailable` of nothing, or `minAvailable: 100%`. Such pods keep their node for
    /// ever, which is worth a warning.
    #[must_use]
    pub const fn never(self) -> bool {
        matches!(
            self,
            Rule::MaxUnavailable(Amount::Pods(0) | Amount::Percent(0)) | Rule::MinAvailable(Amount::Percent(100..))
        )
    }
}

/// A budget as controllers read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdb {
    /// `status.disruptionsAllowed`.
    pub allowed: u32,
    /// Whether it never allows any ([`Rule::never`]): Karpenter does not move its pods even in a simulation.
    pub never: bool,
}

impl Pdb {
    /// The status of a budget over so many expected and so many healthy pods.
    #[must_use]
    pub const fn of(rule: Rule, expected: u32, healthy: u32) -> Pdb {
        Pdb { allowed: rule.allowed(expected, healthy), never: rule.never() }
    }
}

/// Why an eviction is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The pod has several budgets: a server error (500), which no retry mends.
    #[error("the pod has several disruption budgets, which the eviction API does not support")]
    Several,
    /// Its budget allows none now (429): worth another try.
    #[error("the pod's disruption budget allows no eviction now")]
    Budget,
}

/// Whether the eviction API lets a pod go that has the budgets `of_pod`, numbers of `pdbs`. Numbers past the end are
/// budgets that do not exist and ask for nothing.
///
/// # Errors
/// Why it does not.
pub fn eviction(of_pod: &[u32], pdbs: &[Pdb]) -> Result<(), Refusal> {
    match of_pod {
        [] => Ok(()),
        [one] => match pdbs.get(*one as usize) {
            Some(pdb) if pdb.allowed == 0 => Err(Refusal::Budget),
            _ => Ok(()),
        },
        _ => Err(Refusal::Several),
    }
}

#[cfg(test)]
mod tests {
    use super::Amount::{Percent, Pods};
    use super::Rule::{MaxUnavailable, MinAvailable};
    use super::*;

    #[test]
    fn budgets_allow_what_the_specification_says() {
        // Section 8: (id, rule, expected, healthy, desired, allowed).
        let vectors = [
            ("PDB1", MaxUnavailable(Percent(25)), 10, 10, 7, 3),
            ("PDB2", MinAvailable(Percent(50)), 5, 5, 3, 2),
            ("PDB3", MinAvailable(Pods(2)), 2, 2, 2, 0),
            ("PDB4", MaxUnavailable(Percent(10)), 1, 1, 0, 1),
            ("PDB5", MinAvailable(Percent(100)), 4, 4, 4, 0),
            ("PDB6", MaxUnavailable(Pods(3)), 10, 8, 7, 1),
            ("more unavailable than there are", MaxUnavailable(Pods(20)), 10, 10, 0, 10),
            ("below what is wanted", MinAvailable(Pods(5)), 5, 3, 5, 0),
            ("nothing expected", MinAvailable(Pods(0)), 0, 3, 0, 0),
        ];
        for (id, rule, expected, healthy, desired, allowed) in vectors {
            assert_eq!((rule.desired_healthy(expected), rule.allowed(expected, healthy)), (desired, allowed), "{id}");
            assert_eq!(Pdb::of(rule, expected, healthy).allowed, allowed, "{id}");
        }
    }

    #[test]
    fn some_budgets_never_allow_an_eviction() {
        let never = [MaxUnavailable(Pods(0)), MaxUnavailable(Percent(0)), MinAvailable(Percent(100))];
        assert!(never.iter().all(|r| r.never() && r.allowed(7, 7) == 0));
        assert!(![MaxUnavailable(Pods(1)), MinAvailable(Percent(99)), MinAvailable(Pods(7))].iter().any(|r| r.never()));
    }

    #[test]
    fn a_pod_with_two_budgets_cannot_be_evicted_at_all() {
        let pdbs = [Pdb { allowed: 1, never: false }, Pdb { allowed: 0, never: false }];
        assert_eq!(eviction(&[], &pdbs), Ok(()));
        assert_eq!(eviction(&[0], &pdbs), Ok(()));
        assert_eq!(eviction(&[1], &pdbs), Err(Refusal::Budget));
        assert_eq!(eviction(&[0, 0], &pdbs), Err(Refusal::Several));
        assert_eq!(eviction(&[9], &pdbs), Ok(()));
    }

    #[test]
    fn a_percentage_above_all_is_refused() {
        assert_eq!(MinAvailable(Percent(101)).check(), Err(RuleError::Percent(101)));
        assert_eq!(MaxUnavailable(Percent(100)).check(), Ok(()));
        assert_eq!(MinAvailable(Pods(500)).check(), Ok(()));
    }
}
