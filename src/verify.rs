//! The validation suites: our figure beside a published or closed-form one, with the tolerance.
//!
//! A suite is a list of cases. A case passes when ours is within its tolerance of the published figure; one without a
//! published figure is unchecked. Nothing here prints: `cli` does.

pub mod autoscalers;
mod blame;
mod cases;
pub mod checkpoint;
pub mod controllers;
pub mod fgd;
pub mod gaia;
pub mod mig;
mod quantity;
pub mod queues;
pub mod reclaim;
pub mod serving;
pub mod spot;
pub mod timing;

use std::path::PathBuf;

use serde::Serialize;

use crate::units::{Diagnostics, SourceMap};

/// Whether a case held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the tolerance.
    Pass,
    /// Outside of it.
    Fail,
    /// Nothing to hold it against.
    Unchecked,
}

/// One figure of ours beside the published one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// The suite's name.
    pub suite: &'static str,
    /// What it is, e.g. `default/FGD`.
    pub case: String,
    /// The published or closed-form figure.
    pub published: Option<f64>,
    /// Ours.
    pub ours: f64,
    /// By how much they may differ.
    pub tolerance: Option<f64>,
    /// Whether they agree.
    pub verdict: Verdict,
}

impl Case {
    /// A case held against a figure.
    #[must_use]
    pub fn checked(suite: &'static str, case: impl Into<String>, published: f64, ours: f64, tolerance: f64) -> Case {
        let verdict = if (ours - published).abs() <= tolerance { Verdict::Pass } else { Verdict::Fail };
        Case { suite, case: case.into(), published: Some(published), ours, tolerance: Some(tolerance), verdict }
    }

    /// A case with nothing to hold it against.
    #[must_use]
    pub fn unchecked(suite: &'static str, case: impl Into<String>, ours: f64) -> Case {
        Case { suite, case: case.into(), published: None, ours, tolerance: None, verdict: Verdict::Unchecked }
    }
}

/// What a suite is told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the public data lies (the folder that holds `openb/`, `gaia/`, …).
    pub data: Option<PathBuf>,
    /// Trace files to run instead of the published ones.
    pub traces: Vec<PathBuf>,
    /// How many seeds; the suite's own number when none.
    pub seeds: Option<usize>,
    /// Files of more cases, for a suite that reads them.
    pub cases: Vec<PathBuf>,
    /// Whether to work out the best that could have been done, where a suite knows how.
    pub optimum: bool,
}

/// Why a suite has no cases.
#[derive(Clone, Debug)]
pub enum NoCases {
    /// Its data is not there: which file, and where it is published. Counts neither as a pass nor as a failure.
    NoData(String),
    /// Its input is wrong: what, and the texts that it points into.
    Bad(Diagnostics, SourceMap),
}

/// A suite.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Whether `verify` without a name runs it: seconds, not minutes.
    pub quick: bool,
    /// Runs it.
    pub run: fn(&Options) -> Result<Vec<Case>, NoCases>,
}

/// Every suite.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "queues",
        about: "M/M/c and M/D/1 mean waits through the whole simulator",
        quick: true,
        run: queues::run,
    },
    Suite {
        name: "checkpoint",
        about: "optimal checkpoint intervals and mean makespans under interruptions, in closed form and simulated (Daly 2006)",
        quick: true,
        run: checkpoint::run,
    },
    Suite {
        name: "reclaim",
        about: "spot markets, shocks and failures against their laws, and the recorded traces as others found them",
        quick: true,
        run: reclaim::run,
    },
    Suite {
        name: "gaia",
        about: "GAIA's cost ratios of waiting, reserved and spot CPUs on its published jobs (ASPLOS 2024)",
        quick: true,
        run: gaia::run,
    },
    Suite {
        name: "fgd",
        about: "unallocated GPUs of six placement policies on ten traces (USENIX ATC 2023)",
        quick: true,
        run: fgd::run,
    },
    Suite {
        name: "spot",
        about: "deadline policies on measured spot availability (NSDI 2024), and SpotHedge (EuroSys 2025)",
        quick: true,
        run: spot::run,
    },
    Suite {
        name: "serving",
        about: "step costs of language models: fits and priors against measured times between tokens",
        quick: true,
        run: serving::run,
    },
    Suite {
        name: "autoscalers",
        about: "HPA v2 and KEDA on the values of their own unit tests, exactly",
        quick: true,
        run: autoscalers::run,
    },
    Suite {
        name: "mig",
        about: "MIG layouts by exhaustive enumeration, placements and profiles of nvidia-smi transcripts, speeds of slices",
        quick: true,
        run: mig::run,
    },
    Suite {
        name: "controllers",
        about: "Karpenter, Kueue, the culler, the Descheduler, the VPA and the Cluster Autoscaler's parts on their tests' values",
        quick: true,
        run: controllers::run,
    },
];
