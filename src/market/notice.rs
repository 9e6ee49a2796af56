//! How long before the kill one knows, by provider.

use crate::catalog::{Evidence, Provider};
use crate::kernel::Stream;
use crate::units::Duration;

/// Warnings before a node is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notice {
    /// From the notice to the kill.
    pub kill: Duration,
    /// An earlier, weaker signal.
    pub early: Option<Early>,
    /// From the notice to when the node's agent sees it.
    pub detect: Duration,
    /// What the pods' own ending takes of it.
    pub reserve: Duration,
}

/// A signal before the notice, as AWS's rebalance recommendation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Early {
    /// The probability that it comes with the notice and not before.
    pub simultaneous: f64,
    /// Otherwise it comes so long before the notice, evenly from the first to the second.
    pub lead: (Duration, Duration),
    /// Signals per node-hour that no notice follows.
    pub false_per_hour: f64,
}

/// A notice with where its figures come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourcedNotice {
    /// The figures.
    pub notice: Notice,
    /// Where they come from.
    pub source: &'static str,
    /// How sure they are.
    pub evidence: Evidence,
}

impl Notice {
    /// No warning at all.
    pub const NONE: Notice =
        Notice { kill: Duration::ZERO, early: None, detect: Duration::ZERO, reserve: Duration::ZERO };

    /// A provider's defaults for spot.
    ///
    /// - AWS: 120 s; a rebalance recommendation "generally" 10 to 20 minutes before and in the worst case with the
    ///   notice (Karpenter `designs/interruption-handling.md`); that three in ten come with it is a guess.
    /// - GCP: 30 s from the soft to the hard power-off (Compute Engine's documentation); no earlier signal unless the
    ///   opt-in of 120 s is taken.
    /// - Azure: 30 s, Scheduled Events, best effort (Microsoft's documentation of spot VMs).
    /// - Agents look every 5 s (openshift/cluster-api-provider-gcp issue 112).
    /// - Own hardware is not taken back: no notice.
    #[must_use]
    pub fn of(provider: Provider) -> SourcedNotice {
        let seen = |kill, early| Notice {
            kill: Duration::from_secs(kill),
            early,
            detect: Duration::from_secs(5),
            reserve: Duration::ZERO,
        };
        match provider {
            Provider::Aws => SourcedNotice {
                notice: seen(
                    120,
                    Some(Early {
                        simultaneous: 0.3,
                        lead: (Duration::from_secs(600), Duration::from_secs(1200)),
                        false_per_hour: 0.0,
                    }),
                ),
                source: "aws/karpenter-provider-aws designs/interruption-handling.md",
                evidence: Evidence::Prior,
            },
            Provider::Gcp => SourcedNotice {
                notice: seen(30, None),
                source: "Google Compute Engine documentation, preemption of Spot VMs",
                evidence: Evidence::Prior,
            },
            Provider::Azure => SourcedNotice {
                notice: seen(30, None),
                source: "Microsoft Learn, Azure Spot Virtual Machines, Scheduled Events",
                evidence: Evidence::Prior,
            },
            Provider::Own => SourcedNotice {
                notice: Notice::NONE,
                source: "own hardware is not reclaimed",
                evidence: Evidence::Guess,
            },
        }
    }

    /// What is left of the notice once it is seen and the pods have ended: kill − detect − reserve, at least zero.
    #[must_use]
    pub fn effective(&self) -> Duration {
        self.kill - self.detect - self.reserve
    }

    /// How long before the notice the early signal comes: zero when there is none or it comes with it. Two draws.
    pub fn early_lead(&self, s: &mut Stream) -> Duration {
        let (with, when) = (s.uniform(), s.uniform());
        match self.early {
            Some(e) if with >= e.simultaneous => {
                let (low, high) = (e.lead.0.min(e.lead.1), e.lead.0.max(e.lead.1));
                low + Duration(((high - low).0 as f64 * when).round() as u64)
            }
            _ => Duration::ZERO,
        }
    }
}
