//! The autoscaler's settings, with upstream's defaults and what it would refuse.
//!
//! Defaults: `config/flags/flags.go` and `config/const.go` of release 1.34, but where a field says otherwise.

use super::view::Group;
use super::{timing, utilisation};
use crate::units::{Duration, Rate};

/// One filter of `--expander`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expander {
    /// `random`: any, each as likely. Nothing is left for a filter after it.
    Random,
    /// `most-pods`.
    MostPods,
    /// `least-waste`, the default.
    LeastWaste,
    /// `priority`: a tier is a number and the names of its groups. Upstream writes regular expressions: match them
    /// against the groups' names before.
    Priority(Vec<(i64, Vec<String>)>),
    /// `price`; upstream has it for GCE and a few others, not for AWS.
    Price {
        /// What a pod of 500 m and 500 MiB costs for an hour.
        stabilisation: Rate,
    },
}

/// What breaks the tie that the expanders leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// The group whose name is least.
    #[default]
    Name,
    /// Any, each as likely, as upstream; drawn from this seed, one draw a tie.
    Random(u64),
}

/// Least and most of a resource in the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// No scale-down goes below.
    pub min: u64,
    /// No scale-up goes above.
    pub max: u64,
}

/// Limits on the whole cluster, of the capacities of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `--max-nodes-total`; 0 is no limit.
    pub nodes_max: u32,
    /// `--cores-total`, in cores; 0 to 320,000.
    pub cores: Range,
    /// `--memory-total`, in GiB; 0 to 6,400,000.
    pub memory_gib: Range,
    /// `--gpu-total`, in GPUs of any kind; no limit. (Upstream has one for each kind.)
    pub gpus: Range,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            nodes_max: 0,
            cores: Range { min: 0, max: 320_000 },
            memory_gib: Range { min: 0, max: 6_400_000 },
            gpus: Range { min: 0, max: u64::MAX },
        }
    }
}

/// The flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Those about time and parallelism.
    pub timing: timing::Config,
    /// Those about how full a node is and which pods keep it.
    pub utilisation: utilisation::Config,
    /// `--expander`; `least-waste`.
    pub expanders: Vec<Expander>,
    /// What breaks their ties; by name (upstream: at random).
    pub ties: Ties,
    /// `--balance-similar-node-groups`; off.
    pub balance: bool,
    /// `--balancing-ignore-label`; none.
    pub balance_ignored: Vec<String>,
    /// Limits on the whole cluster.
    pub limits: Limits,
    /// `--max-nodes-per-scaleup`; 1,000.
    pub nodes_per_scale_up: u32,
    /// `--new-pod-scale-up-delay`; 0.
    pub new_pod_delay: Duration,
    /// `--expendable-pods-priority-cutoff`; −10. Pods below it cause no scale-up and keep no node.
    pub expendable_below: i32,
    /// `--scale-down-enabled`; on.
    pub scale_down: bool,
    /// `--enforce-node-group-min-size`; off.
    pub enforce_min: bool,
    /// `--scale-down-non-empty-candidates-count`; 30.
    pub candidates: u32,
    /// `--scale-down-candidates-pool-ratio`, in hundredths; 10.
    pub pool_percent: u32,
    /// `--scale-down-candidates-pool-min-count`; 50.
    pub pool_min: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            timing: timing::Config::default(),
            utilisation: utilisation::Config::default(),
            expanders: vec![Expander::LeastWaste],
            ties: Ties::Name,
            balance: false,
            balance_ignored: Vec::new(),
            limits: Limits::default(),
            nodes_per_scale_up: 1000,
            new_pod_delay: Duration::ZERO,
            expendable_below: -10,
            scale_down: true,
            enforce_min: false,
            candidates: 30,
            pool_percent: 10,
            pool_min: 50,
        }
    }
}

/// What is wrong with settings or groups.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A threshold that is not a share.
    #[error("the {which} is {value}; it must be between 0 and 1")]
    Threshold {
        /// Which flag.
        which: &'static str,
        /// Its value.
        value: f64,
    },
    /// No time between scans.
    #[error("the scan-interval is 0; it must be longer")]
    ScanInterval,
    /// A backoff that starts above its maximum.
    #[error("the initial-node-group-backoff-duration is longer than the max-node-group-backoff-duration")]
    Backoff,
    /// Nothing can ever be deleted.
    #[error("the {which} is 0; it must be at least 1 while scale-down is enabled")]
    Parallelism {
        /// Which flag.
        which: &'static str,
    },
    /// A share of more than all.
    #[error("the {which} is {value}%; it must be at most 100%")]
    Percent {
        /// Which flag.
        which: &'static str,
        /// Its value.
        value: u32,
    },
    /// A minimum above its maximum.
    #[error("the {which} has a minimum of {min}, above its maximum of {max}")]
    Range {
        /// Which flag, or `size of group NAME`.
        which: String,
        /// The minimum.
        min: u64,
        /// The maximum.
        max: u64,
    },
    /// An expander named twice.
    #[error("the expander {0} is named twice")]
    Twice(&'static str),
}

impl Config {
    /// All that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = self.utilisation.faults();
        let t = &self.timing;
        if t.scan == Duration::ZERO {
            faults.push(ConfigError::ScanInterval);
        }
        if t.backoff > t.backoff_max {
            faults.push(ConfigError::Backoff);
        }
        if self.scale_down {
            let counts =
                [("max-scale-down-parallelism", t.parallelism), ("max-drain-parallelism", t.drain_parallelism)];
            let none = counts.into_iter().filter(|(_, n)| *n == 0);
            faults.extend(none.map(|(which, _)| ConfigError::Parallelism { which }));
        }
        let percents = [
            ("scale-down-candidates-pool-ratio", self.pool_percent),
            ("max-total-unready-percentage", t.max_unready_percent),
        ];
        let above = percents.into_iter().filter(|(_, p)| *p > 100);
        faults.extend(above.map(|(which, value)| ConfigError::Percent { which, value }));
        let l = &self.limits;
        for (which, r) in [("cores-total", l.cores), ("memory-total", l.memory_gib), ("gpu-total", l.gpus)] {
            faults.extend(range(which.to_owned(), r.min, r.max));
        }
        let names: Vec<&'static str> = self.expanders.iter().map(Expander::name).collect();
        let twice = names.iter().enumerate().filter(|(i, name)| names[..*i].contains(name));
        faults.extend(twice.map(|(_, name)| ConfigError::Twice(name)));
        faults
    }
}

impl Expander {
    /// Its name in the flag.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Expander::Random => "random",
            Expander::MostPods => "most-pods",
            Expander::LeastWaste => "least-waste",
            Expander::Priority(_) => "priority",
            Expander::Price { .. } => "price",
        }
    }
}

impl Group {
    /// All that is wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        range(format!("size of group {}", self.name), u64::from(self.min), u64::from(self.max)).into_iter().collect()
    }
}

fn range(which: String, min: u64, max: u64) -> Option<ConfigError> {
    (min > max).then_some(ConfigError::Range { which, min, max })
}
