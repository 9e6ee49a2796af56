//! The event queue beside a bare std heap of the same entry, M/M/8, and what the rest of the kernel costs.
//!
//! `hold`: pop, then push later by an exponential step, at a constant number of pending events. `mm8`: one million
//! jobs, draws included.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fleetcast::kernel::{Buckets, Dist, Histogram, Queue, Streams};
use fleetcast::units::{Duration, SimTime};

#[path = "../src/kernel/dist/golden.rs"]
mod golden;
#[path = "../src/kernel/queue/mmc.rs"]
mod mmc;

/// Operations in one timed batch of `hold`.
const HOLDS: usize = 1_000;

/// What the queue keeps for each event: time, class with sequence, payload.
#[derive(Clone, Copy)]
struct Entry {
    time: u64,
    order: u64,
    payload: u64,
}

impl Entry {
    fn key(&self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.order)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Exponential steps drawn beforehand, so that only the queue is timed.
fn steps() -> Vec<u64> {
    let mut stream = Streams::new(1, 0).stream("step", "hold", 0);
    let law = Dist::exponential(1e9).expect("a positive mean");
    (0..1 << 16).map(|_| law.sample(&mut stream) as u64).collect()
}

fn hold(c: &mut Criterion) {
    let steps = steps();
    let mut group = c.benchmark_group("hold");
    group.throughput(Throughput::Elements(HOLDS as u64));
    for pending in [1_000, 100_000, 1_000_000] {
        group.bench_function(BenchmarkId::new("std_heap", pending), |b| {
            let mut heap = BinaryHeap::new();
            let mut order = 0_u64;
            for i in 0..pending {
                heap.push(Reverse(Entry { time: steps[i % steps.len()], order, payload: order }));
                order += 1;
            }
            b.iter(|| {
                for _ in 0..HOLDS {
                    let Some(Reverse(next)) = heap.pop() else { return };
                    let time = next.time + steps[order as usize % steps.len()];
                    heap.push(Reverse(Entry { time, order, payload: black_box(next.payload) }));
                    order += 1;
                }
            });
        });
        group.bench_function(BenchmarkId::new("queue", pending), |b| {
            let mut queue = Queue::new();
            let mut count = 0_usize;
            for i in 0..pending {
                queue.push(SimTime(steps[i % steps.len()]), 0, i as u64);
                count += 1;
            }
            b.iter(|| {
                for _ in 0..HOLDS {
                    let Some((now, event)) = queue.pop() else { return };
                    queue.push(now + Duration(steps[count % steps.len()]), 0, black_box(event));
                    count += 1;
                }
            });
        });
        group.bench_function(BenchmarkId::new("queue_armed", pending), |b| {
            let mut queue = Queue::new();
            let mut count = 0_usize;
            for i in 0..pending {
                queue.arm(SimTime(steps[i % steps.len()]), 0, i as u64);
                count += 1;
            }
            b.iter(|| {
                for _ in 0..HOLDS {
                    let Some((now, event)) = queue.pop() else { return };
                    black_box(queue.arm(now + Duration(steps[count % steps.len()]), 0, event));
                    count += 1;
                }
            });
        });
    }
    group.finish();
}

fn mm8(c: &mut Criterion) {
    let mut group = c.benchmark_group("mm8");
    group.sample_size(10).throughput(Throughput::Elements(1_000_000));
    group.bench_function("1000000_jobs", |b| b.iter(|| mmc::mm_c(black_box(1_000_000), 8, 0.8, 1)));
    group.finish();
}

fn rest(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernel");
    let streams = Streams::new(1, 0);
    let mut stream = streams.stream("bench", "kernel", 0);
    group.bench_function("stream", |b| b.iter(|| streams.stream(black_box("arrival"), "chat", 7)));
    group.bench_function("uniform", |b| b.iter(|| stream.uniform()));
    for (name, law) in golden::laws() {
        group.bench_function(BenchmarkId::new("sample", name), |b| b.iter(|| law.sample(&mut stream)));
    }
    let law = Dist::lognormal_median_p95(3e11, 6e12).expect("a valid law");
    let values: Vec<u64> = (0..1 << 12).map(|_| law.sample(&mut stream) as u64).collect();
    let mut histogram = Histogram::new();
    let mut i = 0;
    group.bench_function("histogram_record", |b| {
        b.iter(|| {
            histogram.record(values[i % values.len()]);
            i += 1;
        });
    });
    group.bench_function("buckets_add", |b| {
        b.iter_batched_ref(
            || Buckets::new(SimTime::ZERO, Duration::from_hours(1), 10_000),
            |buckets| {
                for pair in values.windows(2) {
                    buckets.add(SimTime(pair[0]), SimTime(pair[0] + pair[1]), 1_000);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// A build whose draws differ from the pinned ones is not worth timing.
fn draws_are_golden(_: &mut Criterion) {
    let differ = golden::differences();
    assert!(differ.is_empty(), "the first draws differ from the pinned ones:\n{}", differ.join("\n"));
}

criterion_group!(benches, draws_are_golden, hold, mm8, rest);
criterion_main!(benches);
