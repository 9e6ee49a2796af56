//! The format of case files: what may be written. Names are those of Kubernetes and of each project, in snake case.

use crate::scenario::decode::{Spanned, choice, record};

mod autoscaler;
mod descheduler;
mod karpenter;
mod kueue;
mod scheduler;
mod vpa;

pub use autoscaler::*;
pub use descheduler::*;
pub use karpenter::*;
pub use kueue::*;
pub use scheduler::*;
pub use vpa::*;

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
        /// When Karpenter's batches of pending pods close.
        KarpenterBatch(BatchCase),
        /// Where Karpenter's provisioner puts pods that wait.
        KarpenterProvision(ProvisionCase),
        /// What one disruption pass of Karpenter decides, and what is in the way.
        KarpenterDisrupt(DisruptCase),
        /// Karpenter's disruption passes over time, with the wait before a decision is acted on.
        KarpenterTimeline(TimelineCase),
        /// How many nodes disruption budgets allow.
        KarpenterBudget(BudgetCase),
        /// What Karpenter takes a disruption to cost.
        KarpenterCost(CostCase),
        /// Whether the policy `Balanced` approves a move.
        KarpenterBalanced(BalancedCase),
        /// What Kueue's tree of quotas leaves to each queue.
        KueueQuota(QuotaCase),
        /// What scheduling cycles of Kueue decide.
        KueueCycle(CycleCase),
        /// When the idle culler stops notebook servers.
        Culler(CullerCase),
        /// Whom a run of the Descheduler evicts.
        Descheduler(DeschedulerCase),
        /// A histogram of the VPA.
        VpaHistogram(HistogramCase),
        /// What the VPA recommends.
        VpaRecommend(RecommendCase),
        /// By how much little confidence widens the VPA's bounds.
        VpaConfidence(ConfidenceCase),
        /// Whom the VPA's updater evicts.
        VpaUpdate(UpdateCase),
        /// How many nodes the Cluster Autoscaler's estimator needs.
        CaEstimate(EstimateCase),
        /// Which group the Cluster Autoscaler's expanders take.
        CaExpand(ExpandCase),
        /// The preferred node of the Cluster Autoscaler's price expander.
        CaPreferredNode(PreferredCase),
        /// How the Cluster Autoscaler splits a step over similar groups.
        CaBalance(BalanceCase),
        /// How full the Cluster Autoscaler takes nodes to be, and which it could remove.
        CaScaleDown(ScaleDownCase),
        /// What the Cluster Autoscaler's loop does over time.
        CaScan(ScanCase),
        /// How kube-scheduler scores nodes.
        SchedulerScore(ScoreCase),
        /// Whom kube-scheduler preempts.
        SchedulerPreempt(PreemptCase),
        /// What disruption budgets allow.
        Pdb(PdbCase),
    }
}
