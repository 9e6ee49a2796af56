//! A plugin's arguments, with upstream's defaults and upstream's validation.

use thiserror::Error;

use super::evictor::Evictor;
use super::view::ResourceIx;
use crate::units::Duration;

/// How often the binary runs by default (`--descheduling-interval`): 0, once.
pub const INTERVAL: Duration = Duration::ZERO;
/// How often it runs as the Helm chart sets it up as a Deployment (`charts/descheduler`).
pub const HELM_INTERVAL: Duration = Duration::from_secs(300);
/// From this priority on a pod is critical to the system (`pkg/utils/priority.go`).
pub const SYSTEM_CRITICAL: i32 = 2_000_000_000;

/// Which plugin.
#[derive(Clone, Debug, PartialEq)]
pub enum Plugin {
    /// `LowNodeUtilization`: from over-used to under-used nodes.
    Low {
        /// `targetThresholds`: what is above one of these is over-used; percent by resource.
        targets: Vec<(ResourceIx, f64)>,
        /// `useDeviationThresholds`: thresholds are distances from the mean of all nodes.
        deviation: bool,
    },
    /// `HighNodeUtilization`: off the under-used nodes.
    High {
        /// `evictionModes: [OnlyThresholdingResources]`: only pods that ask for a listed resource.
        only_listed: bool,
    },
}

/// What usage is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// The sum of requests.
    #[default]
    Requests,
    /// What is measured (`metricsUtilization`, `KubernetesMetrics`).
    Metrics,
}

/// How many pods may be evicted; none is set by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `maxNoOfPodsToEvictPerNode`.
    pub per_node: Option<u32>,
    /// `maxNoOfPodsToEvictPerNamespace`.
    pub per_namespace: Option<u32>,
    /// `maxNoOfPodsToEvictTotal`.
    pub total: Option<u32>,
    /// `evictionLimits.node` of `LowNodeUtilization` itself.
    pub per_node_by_plugin: Option<u32>,
}

/// A plugin with its evictor.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which plugin.
    pub plugin: Plugin,
    /// `thresholds`: what is at or below all of these is under-used; percent by resource.
    pub thresholds: Vec<(ResourceIx, f64)>,
    /// `numberOfNodes`: nothing is done until more nodes than this are under-used; 0.
    pub number_of_nodes: u32,
    /// What usage is; requests.
    pub usage: Usage,
    /// `evictableNamespaces.exclude`.
    pub excluded_namespaces: Vec<u32>,
    /// How many pods may go.
    pub limits: Limits,
    /// Which pods may go.
    pub evictor: Evictor,
}

impl Config {
    /// `LowNodeUtilization` with defaults.
    #[must_use]
    pub fn low(thresholds: Vec<(ResourceIx, f64)>, targets: Vec<(ResourceIx, f64)>) -> Config {
        Config::of(Plugin::Low { targets, deviation: false }, thresholds)
    }
    /// `HighNodeUtilization` with defaults.
    #[must_use]
    pub fn high(thresholds: Vec<(ResourceIx, f64)>) -> Config {
        Config::of(Plugin::High { only_listed: false }, thresholds)
    }
    fn of(plugin: Plugin, thresholds: Vec<(ResourceIx, f64)>) -> Config {
        Config {
            plugin,
            thresholds,
            number_of_nodes: 0,
            usage: Usage::Requests,
            excluded_namespaces: Vec::new(),
            limits: Limits::default(),
            evictor: Evictor::default(),
        }
    }

    /// Whether a resource has a threshold.
    #[must_use]
    pub fn lists(&self, r: ResourceIx) -> bool {
        self.thresholds.iter().any(|(x, _)| *x == r)
    }

    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        check("thresholds", &self.thresholds, &mut faults);
        if let Plugin::Low { targets, deviation } = &self.plugin {
            check("targetThresholds", targets, &mut faults);
            let names = |list: &[(ResourceIx, f64)]| {
                let mut all: Vec<ResourceIx> = list.iter().map(|(r, _)| *r).collect();
                all.sort_unstable();
                all.dedup();
                all
            };
            if names(&self.thresholds) != names(targets) {
                faults.push(ConfigError::Different);
            }
            for (r, low) in self.thresholds.iter().filter(|_| !deviation) {
                if let Some((_, high)) = targets.iter().find(|(x, high)| x == r && low > high) {
                    faults.push(ConfigError::Above { resource: *r, low: *low, high: *high });
                }
            }
        }
        if self.usage == Usage::Metrics {
            if matches!(self.plugin, Plugin::High { .. }) {
                faults.push(ConfigError::HighByMetrics);
            }
            let extended = self.thresholds.iter().map(|(r, _)| *r).find(|r| *r >= ResourceIx::EXTENDED);
            faults.extend(extended.map(ConfigError::ExtendedByMetrics));
        }
        faults
    }
}

fn check(which: &'static str, list: &[(ResourceIx, f64)], faults: &mut Vec<ConfigError>) {
    if list.is_empty() {
        faults.push(ConfigError::None(which));
    }
    for (i, (r, percent)) in list.iter().enumerate() {
        if !(0.0..=100.0).contains(percent) {
            faults.push(ConfigError::Percent { which, resource: *r, percent: *percent });
        }
        if list[..i].iter().any(|(x, _)| x == r) {
            faults.push(ConfigError::Twice { which, resource: *r });
        }
    }
}

/// What the Descheduler refuses. Resources go by their number: 0 is CPU, 1 memory, 2 pods, then extended ones.
#[derive(Clone, Debug, Error, PartialEq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("`{0}` lists no resource")]
    None(&'static str),
    #[error("`{which}` has {percent} for resource {}; it is a percentage, from 0 to 100", .resource.0)]
    Percent { which: &'static str, resource: ResourceIx, percent: f64 },
    #[error("`{which}` lists resource {} twice", .resource.0)]
    Twice { which: &'static str, resource: ResourceIx },
    #[error("`thresholds` and `targetThresholds` list different resources")]
    Different,
    #[error("the threshold of resource {}, {low}, is above its target, {high}", .resource.0)]
    Above { resource: ResourceIx, low: f64, high: f64 },
    #[error("HighNodeUtilization looks at requests only")]
    HighByMetrics,
    #[error("metrics have CPU and memory only, and resource {} has a threshold", .0.0)]
    ExtendedByMetrics(ResourceIx),
}
