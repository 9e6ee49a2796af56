//! Instances as Kubernetes sees them (NVIDIA/k8s-device-plugin).

use super::profile::Profile;

/// Whole GPUs, and with [`Strategy::Single`] every instance.
pub const GPU: &str = "nvidia.com/gpu";

/// `mig.strategy` of the device plugin: under which names a node offers its instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    /// MIG is ignored: what is offered are GPUs. The plugin's default.
    #[default]
    None,
    /// Each instance is one `nvidia.com/gpu`; every GPU of the node must have MIG on, and all instances one profile.
    Single,
    /// Each profile is a resource of its own, `nvidia.com/mig-1g.5gb`; GPUs without MIG stay `nvidia.com/gpu`.
    Mixed,
}

impl Strategy {
    /// All.
    pub const ALL: [Strategy; 3] = [Strategy::None, Strategy::Single, Strategy::Mixed];

    /// The word in the plugin's configuration.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Strategy::None => "none",
            Strategy::Single => "single",
            Strategy::Mixed => "mixed",
        }
    }

    /// The strategy of a word; case does not matter.
    #[must_use]
    pub fn named(word: &str) -> Option<Strategy> {
        Strategy::ALL.into_iter().find(|s| s.key().eq_ignore_ascii_case(word.trim()))
    }
}

/// A profile's name as resources have it: `+` is written `.`, so that `1g.5gb+me` becomes `1g.5gb.me`. A `-` stays.
#[must_use]
pub fn suffix(name: &str) -> String {
    name.replace('+', ".")
}

impl Profile {
    /// The extended resource of [`Strategy::Mixed`]: `nvidia.com/mig-1g.5gb.me`. Not interchangeable with any other: a pod
    /// that asks for it never gets a larger instance.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("nvidia.com/mig-{}", suffix(&self.name))
    }

    /// What [`Strategy::Single`] adds to the product label of the node: `-MIG-1g.5gb`.
    #[must_use]
    pub fn product_suffix(&self) -> String {
        format!("-MIG-{}", suffix(&self.name))
    }
}
