//! Controllers against their own unit tests and worked rules: the Cluster Autoscaler, Karpenter, the Descheduler, the VPA,
//! kube-scheduler, disruption budgets, Kueue and the idle culler.
//!
//! The vectors are those of the specification (upstream's test values where a test asserts them, else worked out from the
//! rules), written as cases in the format of `docs/controller-cases.md`. Files of more cases in that format are run after
//! them.
//!
//! *Invariant:* no simulation stands around a controller here: what is checked is the rule alone.

mod autoscaler;
mod ca_loop;
mod culler;
mod descheduler;
mod format;
mod karpenter;
mod kueue;
mod names;
mod scheduler;
#[cfg(test)]
mod tests;
mod vpa;

use self::format::{Cases, Item};
use super::cases::{self, CaseFile, Report, Runner};
use super::{Case, NoCases, Options};
use crate::scenario::decode::{Spanned, schema};

/// The suite's name.
const SUITE: &str = "controllers";

/// The version of the format of case files.
pub const VERSION: u32 = 1;

/// The vectors, in the order of the specification's sections.
const VECTORS: [(&str, &str); 7] = [
    ("<the Cluster Autoscaler vectors>", include_str!("controllers/cluster_autoscaler.ron")),
    ("<the Karpenter vectors>", include_str!("controllers/karpenter.ron")),
    ("<the Descheduler vectors>", include_str!("controllers/descheduler.ron")),
    ("<the VPA vectors>", include_str!("controllers/vpa.ron")),
    ("<the scheduler vectors>", include_str!("controllers/scheduler.ron")),
    ("<the Kueue vectors>", include_str!("controllers/kueue.ron")),
    ("<the culler vectors>", include_str!("controllers/culler.ron")),
];

/// Runs the suite: the vectors, then the cases of files.
///
/// # Errors
/// [`NoCases::Bad`] with all that is wrong in all case files.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut runner = Runner::default();
    runner.texts::<Cases>(&VECTORS);
    runner.files::<Cases>(options);
    runner.finish()
}

impl CaseFile for Cases {
    const SUITE: &'static str = SUITE;
    const VERSION: u32 = VERSION;
    type Item = Item;
    fn version(&self) -> &Spanned<u32> {
        &self.version
    }
    fn items(&self) -> &[Item] {
        &self.cases
    }
}

impl cases::Item for Item {
    fn id(&self) -> &Spanned<String> {
        match self {
            Item::KarpenterBatch(c) => &c.id,
            Item::KarpenterProvision(c) => &c.id,
            Item::KarpenterDisrupt(c) => &c.id,
            Item::KarpenterTimeline(c) => &c.id,
            Item::KarpenterBudget(c) => &c.id,
            Item::KarpenterCost(c) => &c.id,
            Item::KarpenterBalanced(c) => &c.id,
            Item::KueueQuota(c) => &c.id,
            Item::KueueCycle(c) => &c.id,
            Item::Culler(c) => &c.id,
            Item::Descheduler(c) => &c.id,
            Item::VpaHistogram(c) => &c.id,
            Item::VpaRecommend(c) => &c.id,
            Item::VpaConfidence(c) => &c.id,
            Item::VpaUpdate(c) => &c.id,
            Item::CaEstimate(c) => &c.id,
            Item::CaExpand(c) => &c.id,
            Item::CaPreferredNode(c) => &c.id,
            Item::CaBalance(c) => &c.id,
            Item::CaScaleDown(c) => &c.id,
            Item::CaScan(c) => &c.id,
            Item::SchedulerScore(c) => &c.id,
            Item::SchedulerPreempt(c) => &c.id,
            Item::Pdb(c) => &c.id,
        }
    }

    fn run(&self, report: &mut Report<'_>) {
        match self {
            Item::KarpenterBatch(c) => karpenter::batch(c, report),
            Item::KarpenterProvision(c) => karpenter::provision(c, report),
            Item::KarpenterDisrupt(c) => karpenter::disrupt(c, report),
            Item::KarpenterTimeline(c) => karpenter::timeline(c, report),
            Item::KarpenterBudget(c) => karpenter::budget(c, report),
            Item::KarpenterCost(c) => karpenter::cost(c, report),
            Item::KarpenterBalanced(c) => karpenter::balanced(c, report),
            Item::KueueQuota(c) => kueue::quota(c, report),
            Item::KueueCycle(c) => kueue::cycle(c, report),
            Item::Culler(c) => culler::stops(c, report),
            Item::Descheduler(c) => descheduler::run(c, report),
            Item::VpaHistogram(c) => vpa::histogram(c, report),
            Item::VpaRecommend(c) => vpa::recommend(c, report),
            Item::VpaConfidence(c) => vpa::confidence(c, report),
            Item::VpaUpdate(c) => vpa::update(c, report),
            Item::CaEstimate(c) => autoscaler::estimate(c, report),
            Item::CaExpand(c) => autoscaler::expand(c, report),
            Item::CaPreferredNode(c) => autoscaler::preferred(c, report),
            Item::CaBalance(c) => autoscaler::balance(c, report),
            Item::CaScaleDown(c) => ca_loop::scale_down(c, report),
            Item::CaScan(c) => ca_loop::scans(c, report),
            Item::SchedulerScore(c) => scheduler::score(c, report),
            Item::SchedulerPreempt(c) => scheduler::preempt(c, report),
            Item::Pdb(c) => scheduler::budgets(c, report),
        }
        report.expects_something(0);
    }
}

/// The field reference of case files, as `docs/controller-cases.md` ends with it.
#[must_use]
pub fn reference() -> String {
    schema::markdown::<Cases>()
}
