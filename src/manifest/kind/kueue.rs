//! Kueue: ClusterQueue, LocalQueue, ResourceFlavor, Cohort, WorkloadPriorityClass.

use super::meta::{Pair, Taint};
use crate::manifest::fields::{Cx, Fields};
use crate::manifest::finding::At;
use crate::manifest::quantity::Quantity;
use crate::policy::kueue::{BorrowWithinCohort, Fungibility, Policy, Preemption, Queueing, WhenCan};

/// A ClusterQueue.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterQueue {
    /// Its cohort.
    pub cohort: Option<At<String>>,
    /// What it has.
    pub groups: Vec<Group>,
    /// Who is preempted for its workloads.
    pub preemption: Preemption,
    /// How flavors are chosen.
    pub fungibility: Fungibility,
    /// In which order.
    pub queueing: Queueing,
    /// Its weight, in thousandths.
    pub weight_milli: Option<At<u64>>,
}

/// A cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    /// The one that it is in.
    pub parent: Option<At<String>>,
    /// What it has beside its queues.
    pub groups: Vec<Group>,
    /// Its weight, in thousandths.
    pub weight_milli: Option<At<u64>>,
}

/// Resources that are always given in one flavor.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// `coveredResources`.
    pub resources: Vec<At<String>>,
    /// Flavors in the order in which they are tried.
    pub flavors: Vec<FlavorQuota>,
}

/// What there is of a flavor.
#[derive(Clone, Debug, PartialEq)]
pub struct FlavorQuota {
    /// Its name.
    pub name: At<String>,
    /// Its quotas.
    pub quotas: Vec<Quota>,
}

/// A quota.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// Of which resource.
    pub resource: At<String>,
    /// `nominalQuota`.
    pub nominal: At<Quantity>,
    /// `borrowingLimit`.
    pub borrowing: Option<At<Quantity>>,
    /// `lendingLimit`.
    pub lending: Option<At<Quantity>>,
}

/// A LocalQueue.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalQueue {
    /// The cluster queue that it leads to.
    pub queue: At<String>,
}

/// A ResourceFlavor.
#[derive(Clone, Debug, PartialEq)]
pub struct Flavor {
    /// Labels of its nodes.
    pub labels: Vec<Pair>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
}

impl ClusterQueue {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> ClusterQueue {
        let cohort = s.text("cohort", cx).or_else(|| s.text("cohortName", cx));
        let groups = groups(&mut s, cx);
        let mut preemption = Preemption::default();
        if let Some(mut p) = s.map("preemption", cx) {
            let words = [
                ("Never", Policy::Never),
                ("LowerPriority", Policy::LowerPriority),
                ("LowerOrNewerEqualPriority", Policy::LowerOrNewerEqualPriority),
            ];
            if let Some(w) = p.word("withinClusterQueue", &words, cx) {
                preemption.within_queue = w.value;
            }
            let words = [("Never", Policy::Never), ("LowerPriority", Policy::LowerPriority), ("Any", Policy::Any)];
            if let Some(w) = p.word("reclaimWithinCohort", &words, cx) {
                preemption.reclaim = w.value;
            }
            if let Some(mut b) = p.map("borrowWithinCohort", cx) {
                let on = b.word("policy", &[("Never", false), ("LowerPriority", true)], cx);
                let most = b.int("maxPriorityThreshold", i64::from(i32::MIN), i64::from(i32::MAX), cx);
                b.finish(cx);
                if on.is_some_and(|o| o.value) {
                    preemption.borrow = Some(BorrowWithinCohort { max_priority: most.map(|m| m.value as i32) });
                }
            }
            p.finish(cx);
        }
        let mut fungibility = Fungibility::default();
        if let Some(mut f) = s.map("flavorFungibility", cx) {
            let stop = |other| {
                [
                    ("MayStopSearch", WhenCan::MayStopSearch),
                    ("TryNextFlavor", WhenCan::TryNextFlavor),
                    (other, WhenCan::MayStopSearch),
                ]
            };
            if let Some(w) = f.word("whenCanBorrow", &stop("Borrow"), cx) {
                fungibility.borrow = w.value;
            }
            if let Some(w) = f.word("whenCanPreempt", &stop("Preempt"), cx) {
                fungibility.preempt = w.value;
            }
            let words = [("BorrowingOverPreemption", false), ("PreemptionOverBorrowing", true)];
            if let Some(w) = f.word("preference", &words, cx) {
                fungibility.prefer_preemption = w.value;
            }
            f.finish(cx);
        }
        let words = [("BestEffortFIFO", Queueing::BestEffortFifo), ("StrictFIFO", Queueing::StrictFifo)];
        let queueing = s.word("queueingStrategy", &words, cx).map_or(Queueing::default(), |q| q.value);
        let weight_milli = weight(&mut s, cx);
        s.no_effect(&["namespaceSelector"], cx);
        s.not_modelled("admissionChecks", "nothing is checked before admission", cx);
        s.not_modelled("admissionChecksStrategy", "nothing is checked before admission", cx);
        s.not_modelled("stopPolicy", "it is taken to be open", cx);
        s.not_modelled("admissionScope", "left out of account", cx);
        s.finish(cx);
        ClusterQueue { cohort, groups, preemption, fungibility, queueing, weight_milli }
    }
}

impl Cohort {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Cohort {
        let parent = s.text("parent", cx).or_else(|| s.text("parentName", cx));
        let groups = groups(&mut s, cx);
        let weight_milli = weight(&mut s, cx);
        s.finish(cx);
        Cohort { parent, groups, weight_milli }
    }
}

impl LocalQueue {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Option<LocalQueue> {
        let queue = s.needed_text("clusterQueue", cx);
        s.not_modelled("stopPolicy", "it is taken to be open", cx);
        s.not_modelled("fairSharing", "left out of account", cx);
        s.finish(cx);
        Some(LocalQueue { queue: queue? })
    }
}

impl Flavor {
    /// Reads a spec.
    pub fn read(mut s: Fields<'_>, cx: &mut Cx<'_>) -> Flavor {
        let labels = s.text_map("nodeLabels", cx);
        let taints = Taint::read_all(&mut s, "nodeTaints", cx);
        s.no_effect(&["tolerations"], cx);
        s.not_modelled("topologyName", "topology-aware scheduling has no counterpart", cx);
        s.finish(cx);
        Flavor { labels, taints }
    }
}

fn weight(s: &mut Fields<'_>, cx: &mut Cx<'_>) -> Option<At<u64>> {
    let mut f = s.map("fairSharing", cx)?;
    let weight = f.quantity("weight", cx).map(|q| q.map(|q| u64::try_from(q.milli()).unwrap_or(0)));
    f.finish(cx);
    weight
}

fn groups(s: &mut Fields<'_>, cx: &mut Cx<'_>) -> Vec<Group> {
    let mut all = Vec::new();
    for mut g in s.maps("resourceGroups", cx) {
        let resources = g.texts("coveredResources", cx);
        let mut flavors = Vec::new();
        for mut f in g.maps("flavors", cx) {
            let name = f.needed_text("name", cx);
            let mut quotas = Vec::new();
            for mut r in f.maps("resources", cx) {
                let resource = r.needed_text("name", cx);
                if !r.has("nominalQuota") {
                    r.missing("nominalQuota", cx);
                }
                let nominal = r.quantity("nominalQuota", cx);
                let (borrowing, lending) = (r.quantity("borrowingLimit", cx), r.quantity("lendingLimit", cx));
                r.finish(cx);
                if let (Some(resource), Some(nominal)) = (resource, nominal) {
                    quotas.push(Quota { resource, nominal, borrowing, lending });
                }
            }
            f.finish(cx);
            flavors.extend(name.map(|name| FlavorQuota { name, quotas }));
        }
        g.finish(cx);
        all.push(Group { resources, flavors });
    }
    all
}
