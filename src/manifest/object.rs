//! Objects: what was read, and from where.

use super::kind::budget::{Pdb, PriorityClass, ResourceQuota};
use super::kind::descheduler::Descheduler;
use super::kind::gpu::{DevicePlugin, MigParted};
use super::kind::hpa::Hpa;
use super::kind::keda::ScaledObject;
use super::kind::kueue::{ClusterQueue, Cohort, Flavor, LocalQueue};
use super::kind::meta::Meta;
use super::kind::node_pool::{NodeClass, NodePool};
use super::kind::vpa::Vpa;
use super::kind::workload::Workload;
use crate::formats::Place;

/// An object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind as it is written: `Deployment`.
    pub kind: String,
    /// Where it begins.
    pub at: Place,
    /// Its metadata.
    pub meta: Meta,
    /// What it says.
    pub body: Body,
}

/// What an object says.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is the kind of its name")]
pub enum Body {
    Hpa(Hpa),
    ScaledObject(ScaledObject),
    Vpa(Vpa),
    Workload(Box<Workload>),
    Pdb(Pdb),
    ResourceQuota(ResourceQuota),
    PriorityClass(PriorityClass),
    NodePool(Box<NodePool>),
    NodeClass(NodeClass),
    Descheduler(Descheduler),
    ClusterQueue(ClusterQueue),
    LocalQueue(LocalQueue),
    Flavor(Flavor),
    Cohort(Cohort),
    MigParted(MigParted),
    DevicePlugin(DevicePlugin),
}

impl Object {
    /// Its name; empty where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.meta.name.as_ref().map_or("", |n| n.value.as_str())
    }

    /// `` Deployment `llm` ``.
    #[must_use]
    pub fn named(&self) -> String {
        if self.name().is_empty() { self.kind.clone() } else { format!("{} `{}`", self.kind, self.name()) }
    }

    /// `Deployment/llm`.
    #[must_use]
    pub fn id(&self) -> String {
        if self.name().is_empty() { self.kind.clone() } else { format!("{}/{}", self.kind, self.name()) }
    }

    /// Where its name is written, else where it begins.
    #[must_use]
    pub fn name_at(&self) -> Place {
        self.meta.name.as_ref().map_or(self.at, |n| n.at)
    }
}

/// All objects that were read, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifests {
    /// They.
    pub objects: Vec<Object>,
}

macro_rules! of_kind {
    ($($(#[$doc:meta])* $name:ident: $body:ident => $ty:ty),+ $(,)?) => {
        impl Manifests {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> impl Iterator<Item = (&Object, &$ty)> {
                    self.objects.iter().filter_map(|o| match &o.body {
                        Body::$body(b) => {
                            let b: &$ty = b;
                            Some((o, b))
                        }
                        _ => None,
                    })
                }
            )+
        }
    };
}

of_kind! {
    /// HorizontalPodAutoscalers.
    hpas: Hpa => Hpa,
    /// ScaledObjects.
    scaled_objects: ScaledObject => ScaledObject,
    /// VerticalPodAutoscalers.
    vpas: Vpa => Vpa,
    /// What runs pods.
    workloads: Workload => Workload,
    /// PodDisruptionBudgets.
    pdbs: Pdb => Pdb,
    /// ResourceQuotas.
    quotas: ResourceQuota => ResourceQuota,
    /// PriorityClasses.
    priority_classes: PriorityClass => PriorityClass,
    /// NodePools.
    node_pools: NodePool => NodePool,
    /// EC2NodeClasses.
    node_classes: NodeClass => NodeClass,
    /// DeschedulerPolicies.
    deschedulers: Descheduler => Descheduler,
    /// ClusterQueues.
    cluster_queues: ClusterQueue => ClusterQueue,
    /// LocalQueues.
    local_queues: LocalQueue => LocalQueue,
    /// ResourceFlavors.
    flavors: Flavor => Flavor,
    /// Cohorts.
    cohorts: Cohort => Cohort,
    /// mig-parted configurations.
    mig_parted: MigParted => MigParted,
    /// Device-plugin configurations.
    device_plugins: DevicePlugin => DevicePlugin,
}
