//! The format of case files: what may be written. Names are those of Kubernetes and KEDA, in snake case.

use crate::scenario::decode::{Spanned, choice, record};

mod hpa;
mod jobs;
mod keda;

pub use hpa::*;
pub use jobs::*;
pub use keda::*;

record! {
    /// A file of cases.
    pub struct Cases {
        /// The version of this format.
        pub version: Spanned<u32> = Spanned::unplaced(super::VERSION) => "the only one there is",
        /// The cases.
        pub cases: Vec<Item>,
    }
}

choice! {
    /// A case, by what it exercises.
    pub enum Item {
        /// How many replicas one metric asks for.
        Proposal(ProposalCase),
        /// What windows make of a recommendation.
        Stabilize(StabilizeCase),
        /// How far one step may go.
        RateLimit(RateLimitCase),
        /// Whole reconciliations of one HPA, one after the other.
        Reconcile(ReconcileCase),
        /// Polls of one KEDA ScaledObject, one after the other.
        KedaPoll(KedaPollCase),
        /// What KEDA tells the HPA when a trigger has failed.
        KedaFallback(KedaFallbackCase),
        /// The bounds of the HPA that KEDA makes.
        KedaHpa(KedaHpaCase),
        /// KEDA and its HPA together, over time.
        KedaTimeline(KedaTimelineCase),
        /// How many jobs a strategy of a ScaledJob allows.
        ScaledJobStrategy(StrategyCase),
        /// How many jobs a poll of a ScaledJob starts.
        ScaledJob(ScaledJobCase),
        /// The mean target of a ScaledJob's triggers.
        ScaledJobTarget(TargetCase),
    }
}
