//! The set-ups whose speed is stated: one list, for `verify --timing` and for the benches. Nothing here reads a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use crate::fleet::{Capacity, PoolSet};
use crate::formats::Syntax;
use crate::kernel::{Dist, Queue, Streams};
use crate::outcome::Silent;
use crate::policy::hpa;
use crate::policy::karpenter::NodePool;
use crate::policy::placement::PlacementPolicy;
use crate::policy::queue::{Blocked, QueuePolicy};
use crate::scenario::model::service::{Deployment, Engine, Scale, Signal, Watch};
use crate::scenario::model::{Model, Source};
use crate::scenario::{Env, load};
use crate::serving::replica;
use crate::sim::simulate;
use crate::units::{Diagnostics, Duration, Name, Rate, SimTime, SourceMap};
use crate::workload::synth::{Amount, Arrivals, Mix, Spec, Synth};
use crate::workload::trace::{self, TraceFormat};
use crate::workload::traffic;
use crate::workload::{Job, Request};

#[path = "../kernel/queue/mmc.rs"]
#[allow(clippy::duplicate_mod, reason = "the kernel's closed-form test has it too: one text, no public item for it")]
mod mmc;

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
        Timed {
            name: "simulate/service_2m_requests",
            about: "a service on 100 GPUs at 8 req/s each, Azure conversation lengths, HPA and ledger on, 2,000,000 requests",
            target_s: 2.5,
            model: service(100, 2_000_000),
        },
        Timed {
            name: "simulate/karpenter_week_1000_nodes",
            about: "a week of about 1,000 nodes that Karpenter sizes and consolidates, 40,000 pod starts",
            target_s: 20.0,
            model: karpenter_week(40_000),
        },
    ]
}

/// A service of so many replicas at 8 requests a second each, of Azure's conversation lengths, on whole GPUs; an HPA
/// looks on, and never finds more to do.
#[must_use]
pub fn service(replicas: u32, requests: u64) -> Model {
    let per_second = 8.0 * f64::from(replicas);
    let mut m = Model::empty("service", Duration::from_secs_f64(requests as f64 / per_second));
    m.bucket = Duration::from_secs(300);
    let pool = m.add_pool(
        "gpus",
        Capacity { cpu_milli: 64_000, mem_mib: 65_536, gpus: 8 },
        replicas.div_ceil(8),
        Rate(1_000_000_000_000),
    );
    let spec =
        traffic::Spec::new(name("users"), traffic::Rate::poisson(per_second), traffic::Lengths::azure_conversation());
    let source = traffic::Synth::new(spec).expect("valid by construction");
    let traffic = traffic::Traffic::new(vec![source.into()]).expect("one source");
    let engine = Engine {
        config: replica::Config { kv_tokens: 430_000, ..replica::Config::default() },
        cost: super::serving::timing::cost(),
        profile: "Llama-3.1-8B on an H100".to_owned(),
    };
    let config = hpa::Config {
        min: replicas as i32,
        max: replicas as i32,
        metrics: vec![hpa::Metric::Pods { average: 16_000 }],
        ..hpa::Config::default()
    };
    let scale = Scale::Hpa {
        config: Box::new(config),
        signals: vec![Signal::Concurrency],
        watch: Watch { sync: hpa::SYNC_PERIOD, scrape: Duration::from_secs(15), lag: Duration::ZERO },
        initial: replicas,
    };
    m.add_service("chat", &[], traffic, vec![Deployment::on(pool, engine, scale)]);
    m
}

/// A week of pods of one, two and four GPUs on nodes of one, four and eight, sized and consolidated by Karpenter as it is by
/// default. 40,000 pods of 1.9 GPUs and nine hours on the mean keep about 1,000 nodes of four GPUs.
#[must_use]
pub fn karpenter_week(pods: u64) -> Model {
    let mut m = Model::empty("karpenter", Duration::from_hours(7 * 24));
    m.queue = QueuePolicy { blocked: Blocked::Skip, ..QueuePolicy::default() };
    m.placement = PlacementPolicy::BestFit;
    let max = (pods / 20) as u32;
    for (name, gpus, cents) in [("one", 1, 80), ("four", 4, 300), ("eight", 8, 640)] {
        let c = Capacity { cpu_milli: 8_000 * u32::from(gpus), mem_mib: 32_768 * u32::from(gpus), gpus };
        m.add_scaled_pool(name, c, max, Rate(cents * 10_000_000_000 / i128::from(gpus)), 120.0);
    }
    m.scale_by_karpenter(NodePool::default());
    for (work, gpus, share, cores) in [("small", 1, 0.5, 4_000), ("medium", 2, 0.3, 6_000), ("large", 4, 0.2, 6_000)] {
        let arrivals = Arrivals::poisson(pods as f64 * share / 168.0);
        let mut spec = Spec::new(name(work), arrivals, Dist::lognormal_mean_cv(9.0 * 3_600.0, 1.0).expect("a law"));
        spec.gpus = Mix::only(gpus);
        spec.cpu_milli = Amount { cpu_only: 0, per_pod: 0, per_gpu: cores };
        m.add_work(work, synth(spec));
    }
    m
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
                slice: 0,
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

/// 20,000 jobs of the Philly trace, first come, first served, on 64 nodes of 8 GPUs; sixty days to finish after the last
/// arrival.
///
/// # Errors
/// What is wrong with the file, with the texts in `sources`.
pub fn philly(file: &Path, sources: &mut SourceMap) -> Result<Timed, Diagnostics> {
    let options = trace::Options { limit: Some(20_000), ..trace::Options::default() };
    let t = trace::open(Some(TraceFormat::Philly), file, &options, sources)?;
    let last = t.jobs.last().map_or(SimTime::ZERO, |j| j.arrive);
    let mut m = Model::empty("philly", last.since(SimTime::ZERO) + Duration::from_hours(24 * 60));
    m.bucket = Duration::from_hours(24);
    m.add_pool("gpus", Capacity { cpu_milli: 96_000, mem_mib: 786_432, gpus: 8 }, 64, Rate(1_000_000_000_000));
    let w = m.add_work("philly", Source::Jobs(Arc::from(t.jobs)));
    w.labels = t.label_sets;
    w.accepts = vec![PoolSet::ALL; t.accepts.len().max(1)];
    Ok(Timed {
        name: "simulate/philly_20k_fifo",
        about: "20,000 Philly jobs on 64 nodes of 8 GPUs, FIFO",
        target_s: 0.2,
        model: m,
    })
}

/// `scenarios/openb.ron`: the real pods on their 1,213 nodes.
///
/// # Errors
/// What is wrong with the scenario or its files, with the texts in `sources`.
pub fn openb(data: &Path, sources: &mut SourceMap) -> Result<Timed, Diagnostics> {
    let id = sources.add("scenarios/openb.ron", include_str!("../../scenarios/openb.ron"));
    let mut env = Env::new(sources, "", data);
    let loaded = load(id, Syntax::Ron, &[], None, &mut env)?;
    Ok(Timed {
        name: "simulate/openb_replay",
        about: "the replay of scenarios/openb.ron, files read beforehand",
        target_s: 0.5,
        model: loaded.model,
    })
}

/// M/M/8 at 80 % load straight on the event queue, without ledger; returns the number of events.
#[must_use]
pub fn kernel_mm8(jobs: u64) -> u64 {
    mmc::mm_c(jobs, 8, 0.8, 1).1
}

/// Steps of the hold model, drawn beforehand so that only the queue is timed.
fn steps() -> Vec<u64> {
    let mut stream = Streams::new(1, 0).stream("step", "hold", 0);
    let law = Dist::exponential(1e9).expect("a mean");
    (0..1 << 16).map(|_| law.sample(&mut stream) as u64).collect()
}

/// The hold model on our queue: so many events are pending, and each operation takes the next one and puts it back an
/// exponential step later.
#[derive(Debug)]
pub struct HoldQueue {
    queue: Queue<u64>,
    steps: Vec<u64>,
    count: usize,
}

impl HoldQueue {
    /// With `pending` events.
    #[must_use]
    pub fn new(pending: usize) -> HoldQueue {
        let mut h = HoldQueue { queue: Queue::new(), steps: steps(), count: 0 };
        for i in 0..pending {
            h.queue.push(SimTime(h.steps[i % h.steps.len()]), 0, i as u64);
            h.count += 1;
        }
        h
    }

    /// So many operations; returns the time of the last event taken and what it carried.
    pub fn run(&mut self, operations: u64) -> (u64, u64) {
        let mut last = (0, 0);
        for _ in 0..operations {
            let Some((now, payload)) = self.queue.pop() else { break };
            last = (now.0, payload);
            self.queue.push(now + Duration(self.steps[self.count % self.steps.len()]), 0, payload);
            self.count += 1;
        }
        last
    }
}

/// The same on a bare standard heap of the same entry: the measure for [`HoldQueue`], and its proof.
#[derive(Debug)]
pub struct HoldHeap {
    /// Time, order of entry, payload.
    heap: BinaryHeap<Reverse<(u64, u64, u64)>>,
    steps: Vec<u64>,
    count: usize,
}

impl HoldHeap {
    /// With `pending` events.
    #[must_use]
    pub fn new(pending: usize) -> HoldHeap {
        let mut h = HoldHeap { heap: BinaryHeap::new(), steps: steps(), count: 0 };
        for i in 0..pending {
            h.heap.push(Reverse((h.steps[i % h.steps.len()], i as u64, i as u64)));
            h.count += 1;
        }
        h
    }

    /// As [`HoldQueue::run`].
    pub fn run(&mut self, operations: u64) -> (u64, u64) {
        let mut last = (0, 0);
        for _ in 0..operations {
            let Some(Reverse((now, _, payload))) = self.heap.pop() else { break };
            last = (now, payload);
            let at = now + self.steps[self.count % self.steps.len()];
            self.heap.push(Reverse((at, self.count as u64, payload)));
            self.count += 1;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heap_and_the_queue_hold_the_same_events_in_the_same_order() {
        for pending in [1, 10, 1000] {
            let (mut queue, mut heap) = (HoldQueue::new(pending), HoldHeap::new(pending));
            for operations in [1, 2, 50, 5000] {
                assert_eq!(queue.run(operations), heap.run(operations), "{pending} pending");
            }
        }
    }

    #[test]
    fn every_job_of_the_kernel_arrives_and_leaves() {
        assert_eq!(kernel_mm8(1000), 2000);
    }

    #[test]
    fn the_names_of_set_ups_are_unique() {
        let names: std::collections::BTreeSet<_> = setups().iter().map(|t| t.name).collect();
        assert_eq!(names.len(), setups().len());
    }

    #[test]
    fn philly_jobs_come_from_the_file_and_faults_have_a_place() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("philly.csv");
        let rows = "timestamp,duration,num_gpus,cluster\n2017-10-02 08:00:00,600,1,a\n2017-10-01 08:00:00,60,16,b\n";
        std::fs::write(&file, rows).expect("written");
        let t = philly(&file, &mut SourceMap::default()).expect("two jobs");
        // Two jobs: each arrives and ends, so at least four events.
        assert!(t.run() >= 4);
        std::fs::write(&file, "timestamp,duration,num_gpus\n2017-10-02 08:00:00,ten,1\n").expect("written");
        let mut sources = SourceMap::default();
        let bad = philly(&file, &mut sources).expect_err("not a number");
        let (id, span) = bad.list[0].at.expect("a place");
        assert_eq!(sources.line_col(id, span.start), (2, 21));
    }
}
