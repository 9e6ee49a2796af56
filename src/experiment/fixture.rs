//! A model whose makespan is known in closed form: vector V7 of the checkpoint suite, on one node that fails.

use std::sync::Arc;

use crate::fleet::Capacity;
use crate::kernel::Dist;
use crate::market::{Hardware, Launch, Lemons, Notice};
use crate::scenario::model::{Checkpoint, Model, Run, Source, Supply};
use crate::training::makespan::{Faults, des_form};
use crate::training::progress::Pace;
use crate::training::restart::Stage;
use crate::units::{Duration, Rate, SimTime};
use crate::workload::{Job, Request};

/// Work, stall, mean time between failures, restart, downtime of V7; minutes.
pub const V7: [f64; 5] = [1440.0, 0.5, 60.0, 5.0, 10.0];

/// Its mean makespan at an interval of ten minutes, by the formula (`spot_checkpoint.md` 2.6, DES form), minutes.
pub const V7_MEAN_AT_10: f64 = 2_094.540_031;

/// The mean makespan of V7 at an interval, minutes.
pub fn v7_mean(tau: f64) -> f64 {
    let [w, delta, m, r, d] = V7;
    des_form(&Faults::new(m, r, d).unwrap(), w, tau, delta).unwrap().mean
}

pub fn minutes(m: f64) -> Duration {
    Duration((m * 60e9).round() as u64)
}

/// V7 with this interval in minutes, on a horizon that no replication reaches; 1 USD a GPU-hour.
pub fn v7(tau: f64) -> Model {
    let [w, delta, m, r, d] = V7;
    let constant = |x: f64| Dist::constant(x).unwrap();
    let mut model = Model::empty("v7", minutes(w * 100.0));
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
        work: minutes(w),
        pods: 1,
        request: Request { cpu_milli: 0, mem_mib: 0, gpus: 1, gpu_milli: 1000, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    };
    let run = Run {
        checkpoint: Checkpoint { pace: Pace::sync(minutes(tau), minutes(delta)), ..Checkpoint::default() },
        stages: vec![(Stage::Read, constant(r * 60.0))],
        redundancy_ppm: 0,
        buying: None,
    };
    model.add_work("run", Source::Jobs(vec![job].into())).run = Some(Arc::new(run));
    model
}
