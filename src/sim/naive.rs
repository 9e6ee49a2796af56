//! A scheduler so simple that it is right at a glance, against which the simulator is held: no indexes, no classes, no
//! events; it looks at every waiting job and every node whenever anything happens.

use std::sync::Arc;

use super::simulate;
use crate::fleet::{Capacity, Free, Gpus, PoolId, PoolSet};
use crate::kernel::Streams;
use crate::outcome::{JobRow, Recorder};
use crate::policy::placement::PlacementPolicy;
use crate::policy::queue::{Blocked, Order};
use crate::scenario::model::{Model, Source};
use crate::units::{Duration, Rate, SimTime};
use crate::workload::{Job, Request};

struct Run {
    job: usize,
    ends: u64,
    spots: Vec<(usize, Gpus)>,
}

/// Start times under first fit; `u64::MAX` for a job that never starts.
fn naive(m: &Model, jobs: &[Job]) -> Vec<u64> {
    let mut free: Vec<Free> = m.nodes.iter().map(|n| Free::of(n.capacity)).collect();
    let mut starts = vec![u64::MAX; jobs.len()];
    let (mut waiting, mut running): (Vec<usize>, Vec<Run>) = (Vec::new(), Vec::new());
    let mut next = 0;
    loop {
        let arrival = jobs.get(next).map_or(u64::MAX, |j| j.arrive.0);
        let ending = running.iter().map(|r| r.ends).min().unwrap_or(u64::MAX);
        let now = arrival.min(ending);
        if now >= m.end().0 {
            return starts;
        }
        for r in running.extract_if(.., |r| r.ends == now) {
            for (n, g) in r.spots {
                free[n].give(None, &jobs[r.job].request, g);
            }
        }
        while jobs.get(next).is_some_and(|j| j.arrive.0 == now) {
            waiting.push(next);
            next += 1;
        }
        match m.queue.order {
            Order::ShortestWork => waiting.sort_by_key(|i| (jobs[*i].work, *i)),
            Order::Priority => waiting.sort_by_key(|i| (-jobs[*i].priority, *i)),
            _ => waiting.sort_unstable(),
        }
        let mut blocked = PoolSet::EMPTY;
        let mut left = Vec::new();
        for i in std::mem::take(&mut waiting) {
            let pools = m.open_pools(0, jobs[i].accept, 1);
            match first_fit(m, &mut free, &jobs[i], pools.without(blocked)) {
                Some(spots) => {
                    starts[i] = now;
                    running.push(Run { job: i, ends: now + jobs[i].work.0, spots });
                }
                None => {
                    if m.queue.blocked == Blocked::Wait {
                        blocked = blocked.or(pools);
                    }
                    left.push(i);
                }
            }
        }
        waiting = left;
    }
}

fn first_fit(m: &Model, free: &mut [Free], job: &Job, pools: PoolSet) -> Option<Vec<(usize, Gpus)>> {
    let before = free.to_vec();
    let mut spots = Vec::new();
    for _ in 0..job.pods {
        let node = (0..free.len()).find(|n| pools.has(m.nodes[*n].pool) && free[*n].fits(&job.request));
        let Some(n) = node else {
            free.copy_from_slice(&before);
            return None;
        };
        let gpus = pick(&free[n], &job.request);
        assert!(free[n].take(None, &job.request, gpus));
        spots.push((n, gpus));
    }
    Some(spots)
}

/// Whole GPUs: the lowest idle ones. A share: the GPU with the least room that has enough, the first of equals.
fn pick(f: &Free, r: &Request) -> Gpus {
    let all = 0..f.gpus as usize;
    if r.gpus == 0 {
        return Gpus::of(0);
    }
    if r.is_share() {
        let g = all.filter(|g| f.gpu[*g] >= r.gpu_milli).min_by_key(|g| f.gpu[*g]).unwrap();
        return Gpus::of(1 << g);
    }
    Gpus::of(all.filter(|g| f.gpu[*g] == 1000).take(r.gpus as usize).fold(0, |m, g| m | 1 << g))
}

#[derive(Default)]
struct Starts(Vec<(u64, u64)>);
impl Recorder for Starts {
    fn wants_jobs(&self) -> bool {
        true
    }
    fn job(&mut self, r: &JobRow<'_>) {
        self.0.push((r.ordinal, r.start.map_or(u64::MAX, |t| t.0)));
    }
}

#[test]
fn the_simulator_starts_every_job_when_the_naive_scheduler_does() {
    const H: u64 = 3_600_000_000_000;
    for seed in 0..40 {
        let mut s = Streams::new(seed, 0).stream("naive", "", 0);
        let mut m = Model::empty("naive", Duration(60 * H));
        m.placement = PlacementPolicy::FirstFit;
        let rate = Rate(1_000_000_000_000);
        m.add_pool("a", Capacity { cpu_milli: 32_000, mem_mib: 32_768, gpus: 4 }, 3, rate);
        m.add_pool("b", Capacity { cpu_milli: 16_000, mem_mib: 16_384, gpus: 2 }, 3, rate);
        let mut jobs: Vec<Job> = (0..300)
            .map(|_| {
                let gpus = [0, 1, 1, 2, 4][s.below(5) as usize];
                let accept = if gpus == 4 { 1 } else { s.below(3) as u16 };
                Job {
                    // Whole minutes, so that instants with several events are common.
                    arrive: SimTime(s.below(50 * 60) * (H / 60)),
                    work: Duration((1 + s.below(4 * 60)) * (H / 60)),
                    pods: 1 + u16::from(s.chance(0.15)),
                    request: Request {
                        cpu_milli: s.below(5_000) as u32,
                        mem_mib: s.below(5_000) as u32,
                        gpus,
                        gpu_milli: match gpus {
                            0 => 0,
                            1 => [1000, 500, 300][s.below(3) as usize],
                            _ => 1000,
                        },
                        slice: 0,
                    },
                    accept,
                    priority: s.below(3) as i32,
                    patience: Duration(u64::MAX),
                    ..Job::default()
                }
            })
            .collect();
        jobs.sort_by_key(|j| j.arrive);
        m.add_work("w", Source::Jobs(Arc::from(jobs.clone()))).accepts =
            vec![PoolSet::ALL, PoolSet::only(PoolId(0)), PoolSet::only(PoolId(1))];
        for order in [Order::Arrival, Order::ShortestWork, Order::Priority] {
            for blocked in [Blocked::Wait, Blocked::Skip] {
                m.queue.order = order.clone();
                m.queue.blocked = blocked;
                let mut got = Starts::default();
                let _ = simulate(&m, 1, 0, &mut got);
                got.0.sort_unstable();
                let got: Vec<u64> = got.0.into_iter().map(|(_, t)| t).collect();
                assert_eq!(got, naive(&m, &jobs), "seed {seed}, {order:?}, {blocked:?}");
            }
        }
    }
}
