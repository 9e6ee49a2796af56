//! The same vectors through the simulator: a node that fails, a job that keeps its progress, many replications.

use std::sync::Arc;

use rayon::prelude::*;

use super::{ASYNC, AsyncVector, SUITE, VECTORS, Vector};
use crate::fleet::Capacity;
use crate::kernel::{Dist, Moments};
use crate::market::{Hardware, Launch, Lemons, Notice};
use crate::outcome::Silent;
use crate::scenario::model::{Checkpoint, Model, Run, Source, Supply};
use crate::sim::simulate;
use crate::training::progress::Pace;
use crate::training::restart::Stage;
use crate::units::{Duration, Rate, SimTime};
use crate::verify::Case;
use crate::workload::{Job, Request};

const MINUTE: f64 = 60e9;

fn minutes(m: f64) -> Duration {
    Duration((m * MINUTE).round() as u64)
}

/// A run on one node whose hardware fails: `m` the mean time between failures, `r` the restart (interruptible), `d` the
/// repair (not); minutes.
#[must_use]
pub fn model(work: f64, pace: Pace, [m, r, d]: [f64; 3]) -> Model {
    let constant = |x: f64| Dist::constant(x).expect("minutes of the vectors are finite");
    // Long enough for every replication: hundreds of standard deviations, and nothing is simulated beyond the job's end.
    let mut model = Model::empty("checkpoint", minutes(work * 1_000.0));
    model.ends_with_work = true;
    model.bucket = model.horizon;
    let pool = model.add_pool("node", Capacity { cpu_milli: 0, mem_mib: 0, gpus: 1 }, 1, Rate(1_000_000_000_000));
    model.pools[pool.0 as usize].supply = Some(Box::new(Supply {
        staffing: crate::scenario::model::Staffing::Standing,
        spot: false,
        lifetimes: Vec::new(),
        replays: Vec::new(),
        launch: Launch::new(constant(0.0)),
        notice: Notice::NONE,
        hardware: Some(Hardware {
            node_mtbf: minutes(m),
            lemons: Lemons::NONE,
            reboot_share: 1.0,
            reboot: constant(d / 60.0),
            replace: constant(d / 60.0),
            billed: true,
            software: None,
        }),
        spares: 0,
    }));
    let job = Job {
        arrive: SimTime::ZERO,
        work: minutes(work),
        pods: 1,
        request: Request { cpu_milli: 0, mem_mib: 0, gpus: 1, gpu_milli: 1000, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    };
    let run = Run {
        checkpoint: Checkpoint { pace, ..Checkpoint::default() },
        stages: vec![(Stage::Read, constant(r * 60.0))],
        redundancy_ppm: 0,
        buying: None,
    };
    model.add_work("run", Source::Jobs(vec![job].into())).run = Some(Arc::new(run));
    model
}

impl Vector {
    /// The vector as a model.
    #[must_use]
    pub fn model(&self) -> Model {
        // Without a stall the only interval is the whole run: nothing is kept.
        let pace = match self.delta {
            0.0 => Pace::NOTHING,
            _ => Pace::sync(minutes(self.tau), minutes(self.delta)),
        };
        model(self.w, pace, [self.m, self.r, self.d])
    }
}

impl AsyncVector {
    /// The vector as a model.
    #[must_use]
    pub fn model(&self) -> Model {
        let pace = Pace::background(minutes(self.tau), minutes(self.block), minutes(self.persist), 0);
        model(self.w, pace, [self.m, self.r, self.d])
    }
}

/// Times to the end in minutes, by replication.
#[must_use]
pub fn makespans(model: &Model, seed: u64, n: u32) -> Vec<f64> {
    (0..n)
        .into_par_iter()
        .map(|r| simulate(model, seed, r, &mut Silent).work[0].turnaround.sum() as f64 / MINUTE)
        .collect()
}

/// Every vector with a simulated mean, held to four standard errors: of the published deviation, or where there is none
/// of the sample's.
pub fn cases(n: u32, out: &mut Vec<Case>) {
    let mut push = |id: &str, model: &Model, want: f64, std: Option<f64>| {
        let times = makespans(model, 1, n);
        let mut m = Moments::new();
        times.iter().for_each(|t| m.add(*t));
        let std = std.or(m.sd()).unwrap_or(f64::NAN);
        let tolerance = 4.0 * std / f64::from(n).sqrt();
        out.push(Case::checked(
            SUITE,
            format!("{id} simulated mean of {n} (min)"),
            want,
            m.mean().unwrap_or(f64::NAN),
            tolerance,
        ));
    };
    for v in &VECTORS {
        push(v.id, &v.model(), v.des_form, Some(v.std));
    }
    for v in &ASYNC {
        push(v.id, &v.model(), v.exact, None);
    }
}
