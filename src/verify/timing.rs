//! The set-ups whose speed is stated: one list, for `verify --timing` and for the benches. Nothing here reads a clock.

use std::sync::Arc;

use crate::fleet::Capacity;
use crate::kernel::{Dist, Queue, Stream, Streams};
use crate::outcome::Silent;
use crate::policy::placement::PlacementPolicy;
use crate::scenario::model::{Model, Source};
use crate::sim::simulate;
use crate::units::{Duration, Name, Rate, SimTime};
use crate::workload::synth::{Amount, Arrivals, Mix, Spec, Synth};
use crate::workload::{Job, Request};

/// A model to run once, and within which time on one core.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The case's name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Seconds that it is meant to take.
    pub target_s: f64,
    /// The model.
    pub model: Model,
}

impl Timed {
    /// Runs it once; returns the number of events, so that nothing is optimised away.
    #[must_use]
    pub fn run(&self) -> u64 {
        simulate(&self.model, 1, 0, &mut Silent).events
    }
}

fn synth(spec: Spec) -> Source {
    Source::Synth(Box::new(Synth::new(spec).expect("valid by construction")))
}

fn name(s: &str) -> Name {
    Name::new(s).expect("a name")
}

/// The set-ups that need no data.
#[must_use]
pub fn setups() -> Vec<Timed> {
    vec![
        Timed {
            name: "simulate/mm8_1m_jobs",
            about: "M/M/8 at 80 % load, 1,000,000 jobs",
            target_s: 0.8,
            model: mm8(1_000_000),
        },
        Timed {
            name: "simulate/first_fit_10k_on_1k",
            about: "first fit of 10,000 requests on 1,000 hosts of 144 cores and 200 GiB",
            target_s: 0.05,
            model: first_fit(10_000, 1_000),
        },
        Timed {
            name: "simulate/first_fit_30k_on_3k",
            about: "first fit of 30,000 requests on 3,000 such hosts",
            target_s: 0.18,
            model: first_fit(30_000, 3_000),
        },
        Timed {
            name: "simulate/large_fleet_1m_jobs",
            about: "10,000 nodes of 8 GPUs at 80 % load, 1,000,000 jobs, 5 % gangs of 16–64 GPUs, BestFit",
            target_s: 10.0,
            model: large_fleet(10_000, 1_000_000),
        },
    ]
}

/// M/M/8 at 80 % load, service times of a minute, with the ledger on.
#[must_use]
pub fn mm8(jobs: u64) -> Model {
    let per_hour = 8.0 * 0.8 * 60.0;
    let mut m = Model::empty("mm8", Duration::from_secs_f64(jobs as f64 / per_hour * 3600.0));
    m.bucket = Duration::from_hours(24);
    m.add_pool("servers", Capacity { cpu_milli: 8000, mem_mib: 8192, gpus: 8 }, 1, Rate(1_000_000_000_000));
    let spec = Spec::new(name("jobs"), Arrivals::poisson(per_hour), Dist::exponential(60.0).expect("a mean"));
    m.add_work("jobs", synth(spec));
    m
}

/// Requests of 1 to 16 cores and 1 to 24 GiB, a second apart, none of which leaves: dslab's IaaS benchmark in kind.
#[must_use]
pub fn first_fit(requests: u32, hosts: u32) -> Model {
    let mut s = Streams::new(1, 0).stream("requests", "", 0);
    let jobs: Vec<Job> = (0..requests)
        .map(|i| Job {
            arrive: SimTime(u64::from(i) * 1_000_000_000),
            work: Duration::from_hours(100_000),
            pods: 1,
            request: Request {
                cpu_milli: 1000 * (1 + s.below(16) as u32),
                mem_mib: 1024 * (1 + s.below(24) as u32),
                gpus: 0,
                gpu_milli: 0,
            },
            patience: Duration(u64::MAX),
            ..Job::default()
        })
        .collect();
    let mut m = Model::empty("first-fit", Duration::from_secs(u64::from(requests) + 1));
    m.placement = PlacementPolicy::FirstFit;
    m.add_pool("hosts", Capacity { cpu_milli: 144_000, mem_mib: 204_800, gpus: 0 }, hosts, Rate(50_000_000_000));
    m.add_work("requests", Source::Jobs(Arc::from(jobs)));
    m
}

/// A large fleet at 80 % load; mean length chosen so that the load comes out.
#[must_use]
pub fn large_fleet(nodes: u32, jobs: u64) -> Model {
    let mix = [(1, 0.70), (2, 0.10), (4, 0.08), (8, 0.07), (16, 0.03), (32, 0.015), (64, 0.005)];
    let mean_gpus: f64 = mix.iter().map(|(g, w)| f64::from(*g) * w).sum();
    let mean_hours = 4.0;
    let per_hour = f64::from(nodes) * 8.0 * 0.8 / (mean_gpus * mean_hours);
    let mut m = Model::empty("large", Duration::from_secs_f64(jobs as f64 / per_hour * 3600.0));
    m.placement = PlacementPolicy::BestFit;
    m.add_pool("h100", Capacity { cpu_milli: 192_000, mem_mib: 2_097_152, gpus: 8 }, nodes, Rate(12_290_000_000_000));
    let law = Dist::lognormal_mean_cv(mean_hours * 3600.0, 2.0).expect("a law");
    let mut spec = Spec::new(name("jobs"), Arrivals::poisson(per_hour), law);
    spec.gpus = Mix::new(mix).expect("weights");
    spec.cpu_milli = Amount { per_gpu: 16_000, ..Amount::default() };
    spec.mem_mib = Amount { per_gpu: 131_072, ..Amount::default() };
    m.add_work("jobs", synth(spec));
    m
}

/// The hold model on our queue: `pending` events, `operations` times the next is taken and one as far ahead is put back.
#[must_use]
pub fn hold_queue(pending: u64, operations: u64, stream: &mut Stream) -> u64 {
    let law = Dist::exponential(1e9).expect("a mean");
    let mut q: Queue<u32> = Queue::new();
    for i in 0..pending {
        q.push(SimTime(law.sample(stream) as u64), 0, i as u32);
    }
    for _ in 0..operations {
        if let Some((at, e)) = q.pop() {
            q.push(SimTime(at.0 + law.sample(stream) as u64), 0, e);
        }
    }
    q.now().0
}
