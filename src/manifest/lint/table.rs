//! The table of lints.

use crate::units::Severity;

/// A lint.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    /// Its id.
    pub id: &'static str,
    /// Whether the controller refuses it, or it just does not do what it seems to.
    pub severity: Severity,
    /// What happens.
    pub about: &'static str,
}

const fn error(id: &'static str, about: &'static str) -> Lint {
    Lint { id, severity: Severity::Error, about }
}

const fn warning(id: &'static str, about: &'static str) -> Lint {
    Lint { id, severity: Severity::Warning, about }
}

/// All lints, by subject.
pub const LINTS: &[Lint] = &[
    error(
        "not-text",
        "a label, an annotation or a trigger's metadata is a number or a truth value; the API server takes text only",
    ),
    error("unknown-annotation", "an annotation `fleetcast.io/…` that is not known"),
    error("selector-mismatch", "a selector that does not select the template's own pods"),
    // Scalers.
    warning(
        "hpa-milli-target",
        "a target like `100m` on a rate or a count is 0.1, not 100: the HPA goes to its maximum",
    ),
    warning("hpa-without-request", "an HPA on a share of CPU or memory whose pods do not request it: it never scales"),
    error("hpa-refused", "the API server refuses the HPA"),
    error("hpa-and-scaledobject", "an HPA and a ScaledObject scale the same thing; KEDA's webhook refuses it"),
    error("scaled-twice", "two HPAs or two ScaledObjects scale the same thing and undo each other's work"),
    warning("hpa-never-scales", "minimum and maximum are the same"),
    warning("hpa-gpu-resource", "a resource metric of GPUs: metrics-server has CPU and memory only"),
    warning("scaler-without-target", "the manifests have no object of the name that is scaled"),
    warning("replicas-and-scaler", "`replicas` of what is scaled: each apply resets the number"),
    warning(
        "keda-cooldown-without-zero",
        "`cooldownPeriod` with a minimum above 0 does nothing: it only delays going to 0",
    ),
    warning(
        "keda-polling-without-zero",
        "`pollingInterval` with a minimum above 0 does nothing: the HPA reads triggers by itself",
    ),
    error("keda-refused", "KEDA refuses the ScaledObject"),
    warning("keda-activation-above-target", "it stays at 0 while a trigger is between target and activation"),
    error(
        "keda-cpu-to-zero",
        "CPU and memory triggers alone cannot wake anything from 0; KEDA refuses the minimum of 0",
    ),
    warning("vpa-gpu", "the VPA never sizes GPUs"),
    warning("vpa-and-hpa", "a VPA and an HPA act on the same resource of the same pods and drive each other"),
    warning("vpa-auto-one-replica", "the VPA's updater leaves a single replica alone: at least two must live"),
    // Pods.
    warning(
        "prestop-eats-grace",
        "the preStop hook sleeps for as long as the grace period or longer: the rest is killed",
    ),
    warning("grace-above-spot-notice", "a grace period above the two minutes that spot capacity gives"),
    warning("grace-above-autoscaler-limit", "a grace period above the 10 minutes that Cluster Autoscaler waits for"),
    warning("memory-in-thousandths", "a memory of less than a mebibyte, such as `512m`: thousandths of a byte"),
    error("gpu-fraction", "a fraction of an extended resource; the API server takes whole numbers"),
    error("gpu-request-is-not-limit", "request and limit of an extended resource differ"),
    error("gpu-request-without-limit", "an extended resource is requested without a limit"),
    error("request-above-limit", "a request above its limit"),
    warning(
        "do-not-disrupt-for-ever",
        "pods that run for ever forbid the disruption of their nodes: these are never consolidated",
    ),
    warning(
        "safe-to-evict-false",
        "pods that run for ever forbid their eviction: Cluster Autoscaler never removes their nodes",
    ),
    warning(
        "priority-class-unknown",
        "the manifests have no PriorityClass of the name: the API server refuses such pods",
    ),
    warning("gpu-pod-not-tolerated", "pods that ask for GPUs tolerate the taints of no NodePool with GPUs"),
    // Budgets.
    warning(
        "pdb-blocks-for-ever",
        "a budget that never lets a pod go: nodes with one are never drained or consolidated",
    ),
    warning("pdb-overlap", "two budgets select the same pods: every eviction fails"),
    warning("pdb-selects-nothing", "a budget that selects no pod of the manifests"),
    error("quota-of-extended-resource", "a ResourceQuota on an extended resource without `requests.`"),
    warning("quota-below-pods", "a ResourceQuota that the pods of its namespace exceed: the last ones are refused"),
    // Nodes.
    error("karpenter-after-with-underutilized", "v1beta1 refuses `consolidateAfter` with `WhenUnderutilized`"),
    error("karpenter-empty-without-after", "v1beta1 refuses `WhenEmpty` without `consolidateAfter`"),
    error("karpenter-policy-of-other-version", "a `consolidationPolicy` of another version of the API"),
    error("karpenter-weight", "a weight that is not from 1 to 100"),
    error("karpenter-budget-half-scheduled", "a budget with `schedule` but no `duration`, or the other way round"),
    error("karpenter-refused", "Karpenter refuses the NodePool"),
    error("karpenter-v1beta1-field", "a field of v1beta1 in a v1 object"),
    warning("karpenter-budget-zero", "a budget of 0 that always holds: no node is ever consolidated or drifts"),
    warning("karpenter-never-consolidates", "`consolidateAfter: Never`: empty nodes stay too"),
    warning("karpenter-few-types", "a spot pool of fewer than five instance types: often out of capacity"),
    warning("karpenter-gpu-without-taint", "GPU nodes without a taint: pods without GPUs land on them and keep them"),
    warning(
        "karpenter-grace-below-pod",
        "the nodes' `terminationGracePeriod` is below the grace of pods: these are killed early",
    ),
    warning(
        "karpenter-expiry-without-grace",
        "nodes expire and pods on them may forbid it: without `terminationGracePeriod` the drain never ends",
    ),
    warning("karpenter-class-unknown", "the manifests have no node class of the name"),
    error(
        "descheduler-thresholds-differ",
        "`thresholds` and `targetThresholds` of different resources; the plugin refuses them",
    ),
    error("descheduler-target-below-threshold", "a target below its threshold; the plugin refuses it"),
    warning("descheduler-gpu-ignored", "a threshold on GPUs that the plugin does not look at"),
    warning(
        "descheduler-without-gpu",
        "nodes are judged by CPU and memory alone: full GPU nodes with idle CPUs count as underused",
    ),
    warning("descheduler-plugin-off", "a plugin that is configured and not enabled"),
    // GPUs.
    error("mig-devices-without-mig", "MIG instances on GPUs whose MIG is off"),
    error("sharing-one-replica", "a device shared by one: the device plugin takes two or more"),
    error("sharing-twice", "time-slicing and MPS at once"),
    error("mps-on-mig", "MPS on MIG devices; the device plugin shares whole GPUs only"),
    error("mps-too-many", "more than 48 MPS clients a GPU"),
    error(
        "mig-single-clash",
        "MIG strategy `single` with more than one profile on a node: the plugin marks it invalid",
    ),
    warning(
        "mig-name-under-single",
        "a resource `nvidia.com/mig-…` where the strategy is not `mixed`: nobody offers it",
    ),
    warning(
        "sharing-request-above-one",
        "pods that ask for more than one share: `failRequestsGreaterThanOne` refuses them",
    ),
    // Queues and rollouts.
    error("kueue-refused", "Kueue refuses the ClusterQueue or Cohort"),
    warning("kueue-unknown-queue", "the manifests have no queue of the name"),
    warning("kueue-unknown-flavor", "the manifests have no ResourceFlavor of the name"),
    warning(
        "kueue-resource-not-covered",
        "a job asks for a resource that its queue has no quota for: it waits for ever",
    ),
    warning("kueue-job-above-quota", "a job asks for more than its queue and cohort can ever give: it waits for ever"),
    warning("rollout-waits-for-ever", "a pause without a duration waits until somebody promotes the rollout"),
    warning("rollout-steps-go-back", "a canary step with a smaller weight than the one before"),
];
