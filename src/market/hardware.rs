//! Hardware that fails, wherever it is rented or owned: by node, with lemons, reboots and replacements.
//!
//! Nodes fail independently at constant rates, so that a job's mean time between failures is one over the sum of them.

use super::hours;
use crate::catalog::Evidence;
use crate::kernel::Dist;
use crate::units::Duration;

/// How nodes fail and come back.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Mean time between failures of a healthy node.
    pub node_mtbf: Duration,
    /// Nodes that fail more often.
    pub lemons: Lemons,
    /// The share of failures that a reboot mends; the node is replaced otherwise.
    pub reboot_share: f64,
    /// Hours until a rebooted node is back.
    pub reboot: Dist,
    /// Hours until a replaced node is back.
    pub replace: Dist,
    /// Whether a node that is down is billed: one's own is, a rented one mostly not.
    pub billed: bool,
    /// Mean time between failures per node of a job's software, which leave the node well.
    pub software: Option<Duration>,
}

/// Nodes that fail more often than others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lemons {
    /// Their share.
    pub share: f64,
    /// By how much more often they fail.
    pub factor: f64,
}

impl Lemons {
    /// None.
    pub const NONE: Lemons = Lemons { share: 0.0, factor: 1.0 };
}

/// A published failure rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// Its word in scenarios.
    pub key: &'static str,
    /// GPU-hours per failure, all causes that stop a job and are not its own code.
    pub gpu_hours: f64,
    /// Where it comes from.
    pub source: &'static str,
    /// How sure it is.
    pub evidence: Evidence,
}

/// Failure rates to choose from; the first is the default. A sensitivity range is 13 600 to 82 000.
pub const PRESETS: [Preset; 5] = [
    Preset {
        key: "default",
        gpu_hours: 50_000.0,
        source: "A100 and H100, all infrastructure causes: rounded from Llama 3's",
        evidence: Evidence::Prior,
    },
    Preset {
        key: "llama3",
        // 419 unexpected interruptions of 16,384 H100 in 54 days.
        gpu_hours: 16_384.0 * 54.0 * 24.0 / 419.0,
        source: "The Llama 3 Herd of Models (2024), table 5: 419 unexpected interruptions, 16,384 H100, 54 days",
        evidence: Evidence::Prior,
    },
    Preset {
        key: "rsc1",
        // 6.50 failures per 1000 days of nodes with eight GPUs.
        gpu_hours: 8.0 * 24.0 * 1000.0 / 6.50,
        source: "Revisiting Reliability in Large-Scale Machine Learning Research Clusters (2024), RSC-1, A100",
        evidence: Evidence::Prior,
    },
    Preset {
        key: "rsc2",
        gpu_hours: 8.0 * 24.0 * 1000.0 / 2.34,
        source: "Revisiting Reliability in Large-Scale Machine Learning Research Clusters (2024), RSC-2, A100",
        evidence: Evidence::Prior,
    },
    Preset {
        key: "opt",
        gpu_hours: 13_600.0,
        source: "OPT: Open Pre-trained Transformer Language Models (2022): some 105 restarts, 992 A100, two months",
        evidence: Evidence::Prior,
    },
];

/// The preset of a word.
#[must_use]
pub fn preset(key: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|p| p.key == key)
}

impl Preset {
    /// The hardware with nodes of so many GPUs.
    #[must_use]
    pub fn hardware(&self, gpus_per_node: u32) -> Hardware {
        Hardware::of_gpus(self.gpu_hours, gpus_per_node)
    }
}

impl Hardware {
    /// From GPU-hours per failure and the GPUs of a node. No lemons; a third of the failures is mended by a reboot of
    /// 10 to 30 minutes (a guess), the rest by a replacement in 24 to 72 h; a node that is down is not billed.
    #[must_use]
    pub fn of_gpus(gpu_hours: f64, gpus_per_node: u32) -> Hardware {
        Hardware {
            node_mtbf: hours(gpu_hours / f64::from(gpus_per_node.max(1))),
            lemons: Lemons::NONE,
            reboot_share: 1.0 / 3.0,
            reboot: Dist::uniform(1.0 / 6.0, 0.5).expect("ten minutes are below thirty"),
            replace: Dist::uniform(24.0, 72.0).expect("24 is below 72"),
            billed: false,
            software: None,
        }
    }

    /// Takes the share of the failures that is software out of the node's and gives it to the job's: the total stays.
    /// Llama 3's share is 54 + 7 of 419 (software and NCCL watchdog), about 13 to 15 %.
    #[must_use]
    pub fn with_software_share(mut self, share: f64) -> Hardware {
        let share = share.clamp(0.0, 1.0);
        let total = self.rate();
        if share > 0.0 && total > 0.0 {
            self.software = Some(hours(1.0 / (total * share)));
            self.node_mtbf =
                if share < 1.0 { hours(self.node_mtbf.as_hours_f64() / (1.0 - share)) } else { super::NEVER };
        }
        self
    }

    /// Failures per hour of an average node, lemons and the job's software included.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let per_hour = |d: Duration| if d == super::NEVER { 0.0 } else { 1.0 / d.as_hours_f64() };
        let lemons = 1.0 + self.lemons.share * (self.lemons.factor - 1.0);
        per_hour(self.node_mtbf) * lemons + self.software.map_or(0.0, per_hour)
    }

    /// Mean time between failures of a node that is (or is not) a lemon.
    #[must_use]
    pub fn mtbf_of(&self, lemon: bool) -> Duration {
        match lemon && self.node_mtbf != super::NEVER {
            true => hours(self.node_mtbf.as_hours_f64() / self.lemons.factor),
            false => self.node_mtbf,
        }
    }

    /// Mean time between failures of a job on so many average nodes, all of which it needs.
    #[must_use]
    pub fn job_mtbf(&self, nodes: u32) -> Duration {
        hours(1.0 / (self.rate() * f64::from(nodes)))
    }
}
