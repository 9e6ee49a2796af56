//! Small fleets whose every second is worked out by hand.

use std::sync::Arc;

use super::{check_conservation, simulate};
use crate::fleet::{Capacity, IslandId, PoolId, PoolSet};
use crate::outcome::{ChargeKind, JobEnd, JobRow, Outcome, Recorder, Silent};
use crate::policy::placement::PlacementPolicy;
use crate::policy::queue::{Blocked, Order, QueuePolicy};
use crate::scenario::model::{Change, ChangeKind as FleetChange, Fee, Model, NodeSpec, PriceStep, Quota, Source, Tier};
use crate::units::{Activity, Duration, Label, Name, Rate, SimTime, Usd};
use crate::workload::{Ending, Job, Request, Use};

const H: u64 = 3_600_000_000_000;
const DOLLAR: Rate = Rate(1_000_000_000_000);

/// A job of whole GPUs: arrival and length in hours.
fn job(arrive: f64, length: f64, gpus: u8) -> Job {
    Job {
        arrive: SimTime((arrive * H as f64) as u64),
        work: Duration((length * H as f64) as u64),
        pods: 1,
        request: Request { cpu_milli: 0, mem_mib: 0, gpus, gpu_milli: if gpus > 0 { 1000 } else { 0 }, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    }
}

/// A fleet of `nodes` nodes of `gpus` GPUs at a dollar per GPU-hour, and these jobs.
fn model(nodes: u32, gpus: u8, hours: u64, jobs: Vec<Job>) -> Model {
    let mut m = Model::empty("hand", Duration::from_hours(hours));
    m.add_pool("p", Capacity { cpu_milli: 64_000, mem_mib: 65_536, gpus }, nodes, DOLLAR);
    m.add_work("w", Source::Jobs(jobs.into()));
    m
}

/// Starts and ends by ordinal, in hours.
#[derive(Default)]
struct Rows(Vec<(u64, JobEnd, Option<f64>, f64, u32)>);
impl Recorder for Rows {
    fn wants_jobs(&self) -> bool {
        true
    }
    fn job(&mut self, r: &JobRow<'_>) {
        let h = |t: SimTime| t.0 as f64 / H as f64;
        self.0.push((r.ordinal, r.state, r.start.map(h), h(r.end), r.attempts));
    }
}

fn run(m: &Model) -> (Outcome, Rows) {
    let mut rows = Rows::default();
    let o = simulate(m, 1, 0, &mut rows);
    check_conservation(&o);
    rows.0.sort_by_key(|r| r.0);
    (o, rows)
}

fn starts(rows: &Rows) -> Vec<Option<f64>> {
    rows.0.iter().map(|r| r.2).collect()
}

fn hours(o: &Outcome, a: Activity) -> f64 {
    o.pools.iter().map(|p| p.hours(a)).sum()
}

#[test]
fn first_come_first_served_waits_behind_a_head_that_does_not_fit() {
    // 4 GPUs: 3 busy until 2; the 4-GPU job blocks the 1-GPU job behind it.
    let m = model(1, 4, 10, vec![job(0.0, 2.0, 3), job(0.5, 1.0, 4), job(1.0, 1.0, 1)]);
    let (o, rows) = run(&m);
    assert_eq!(starts(&rows), [Some(0.0), Some(2.0), Some(3.0)]);
    assert_eq!(o.bill(), "40".parse::<Usd>().unwrap());
    assert_eq!(hours(&o, Activity::Productive), 3.0 * 2.0 + 4.0 + 1.0);
    // From 0.5 the 4-GPU job wants a GPU that is free and cannot take it: fragmented until the 1-GPU job comes at 1.0 and
    // could use it but for the order: held.
    assert_eq!(hours(&o, Activity::Fragmented), 0.5);
    assert_eq!(hours(&o, Activity::QueueHeld), 1.0);
    assert_eq!(hours(&o, Activity::Unallocated), 40.0 - 11.0 - 1.5);
    assert_eq!(o.queue.length_ns.0, u128::from(H) * 7 / 2);
    assert_eq!((o.jobs.arrived, o.jobs.done), (3, 3));
    assert_eq!(o.queue.longest, 2);
}

#[test]
fn a_fleet_that_nothing_comes_to_is_unallocated_and_billed() {
    let (o, _) = run(&model(2, 4, 10, vec![]));
    assert_eq!(hours(&o, Activity::Unallocated), 80.0);
    let (o, _) = run(&model(2, 4, 10, vec![job(3.0, 1.0, 1)]));
    assert_eq!(hours(&o, Activity::Unallocated), 79.0);
}

#[test]
fn skipping_ahead_lets_whoever_fits_go() {
    let mut m = model(1, 4, 10, vec![job(0.0, 2.0, 3), job(0.5, 1.0, 4), job(1.0, 2.0, 1)]);
    m.queue.blocked = Blocked::Skip;
    let (o, rows) = run(&m);
    // The small job goes at once and makes the large one wait until 3.
    assert_eq!(starts(&rows), [Some(0.0), Some(3.0), Some(1.0)]);
    assert_eq!(hours(&o, Activity::QueueHeld), 0.0);
}

#[test]
fn backfill_goes_ahead_only_where_the_reservation_holds() {
    // Head needs 4 at time 2. A 1-hour 1-GPU job at 1.0 ends in time and goes; a 2-hour one would delay the head.
    let mut m = model(1, 4, 10, vec![job(0.0, 2.0, 3), job(0.5, 1.0, 4), job(0.6, 2.0, 1), job(1.0, 1.0, 1)]);
    m.queue.blocked = Blocked::Easy { depth: 10 };
    let (_, rows) = run(&m);
    // Both small jobs are alike but for their length: the long one waits, the short one goes.
    assert_eq!(rows.0[1].2, Some(2.0));
    assert_eq!(rows.0[2].2, Some(3.0));
    assert_eq!(rows.0[3].2, Some(1.0));
    // Alone behind the head, it goes too.
    let mut m = model(1, 4, 10, vec![job(0.0, 2.0, 3), job(0.5, 1.0, 4), job(1.0, 1.0, 1)]);
    m.queue.blocked = Blocked::Easy { depth: 10 };
    assert_eq!(starts(&run(&m).1), [Some(0.0), Some(2.0), Some(1.0)]);
    // Beyond the reservation a job may go on if it leaves the head its room: two nodes, head fits on the other.
    let mut m = model(2, 4, 20, vec![job(0.0, 2.0, 4), job(0.0, 9.0, 3), job(0.5, 1.0, 4), job(1.0, 9.0, 1)]);
    m.queue.blocked = Blocked::Easy { depth: 10 };
    assert_eq!(starts(&run(&m).1), [Some(0.0), Some(0.0), Some(2.0), Some(1.0)]);
}

#[test]
fn a_blocked_head_holds_up_only_the_pools_that_it_may_use() {
    let mut jobs = vec![job(0.0, 2.0, 1), job(0.5, 1.0, 1), job(1.0, 1.0, 1), job(1.2, 1.0, 1)];
    jobs[2].accept = 1;
    jobs[3].accept = 2;
    let mut m = model(1, 1, 10, jobs);
    m.add_pool("other", Capacity { cpu_milli: 1, mem_mib: 1, gpus: 1 }, 1, DOLLAR);
    // The first two may use the first pool only, the third the second only, the last both.
    m.work[0].accepts =
        vec![PoolSet::only(PoolId(0)), PoolSet::only(PoolId(1)), PoolSet::only(PoolId(0)).with(PoolId(1))];
    for blocked in [Blocked::Wait, Blocked::Easy { depth: 9 }] {
        m.queue.blocked = blocked;
        // The last finds the second pool taken, and the first spoken for by the job before it: it takes the second at 2.0.
        assert_eq!(starts(&run(&m).1), [Some(0.0), Some(2.0), Some(1.0), Some(2.0)], "{blocked:?}");
    }
}

#[test]
fn shortest_first_reorders_the_queue_and_not_what_runs() {
    let mut m = model(1, 1, 20, vec![job(0.0, 2.0, 1), job(0.1, 5.0, 1), job(0.2, 1.0, 1)]);
    m.queue.order = Order::ShortestWork;
    assert_eq!(starts(&run(&m).1), [Some(0.0), Some(3.0), Some(2.0)]);
}

#[test]
fn a_preempted_job_loses_its_progress_and_runs_again_in_full() {
    let mut high = job(1.0, 1.0, 2);
    high.priority = 10;
    let mut m = model(1, 2, 20, vec![job(0.0, 3.0, 1), job(0.5, 3.0, 1), high]);
    m.queue = QueuePolicy { order: Order::Priority, blocked: Blocked::Skip, preempt: true };
    let (o, rows) = run(&m);
    assert_eq!(starts(&rows), [Some(0.0), Some(0.5), Some(1.0)]);
    assert_eq!(rows.0.iter().map(|r| r.3).collect::<Vec<_>>(), [5.0, 5.0, 2.0]);
    assert_eq!(o.jobs.preemptions, 2);
    assert_eq!(hours(&o, Activity::Lost), 1.0 + 0.5);
    assert_eq!(hours(&o, Activity::Productive), 3.0 + 3.0 + 2.0);
}

#[test]
fn preemption_pushes_out_no_more_than_it_must() {
    let mut high = job(1.0, 1.0, 1);
    high.priority = 1;
    let mut m = model(2, 1, 20, vec![job(0.0, 3.0, 1), job(0.5, 3.0, 1), high]);
    m.queue = QueuePolicy { order: Order::Priority, blocked: Blocked::Skip, preempt: true };
    let (o, rows) = run(&m);
    // The youngest of the lowest priority goes.
    assert_eq!(o.jobs.preemptions, 1);
    assert_eq!(rows.0.iter().map(|r| r.4).collect::<Vec<_>>(), [1, 2, 1]);
}

#[test]
fn a_gang_is_placed_whole_or_not_at_all() {
    let mut gang = job(0.5, 1.0, 2);
    gang.pods = 2;
    let m = model(2, 2, 10, vec![job(0.0, 1.0, 1), gang]);
    let (o, rows) = run(&m);
    assert_eq!(starts(&rows), [Some(0.0), Some(1.0)]);
    assert_eq!(hours(&o, Activity::Productive), 1.0 + 4.0);
    // Three GPUs free for half an hour, and the gang cannot take them.
    assert_eq!(hours(&o, Activity::Fragmented), 1.5);
}

#[test]
fn a_gang_that_must_stay_on_one_island_waits_for_one() {
    let mut gang = job(0.5, 1.0, 1);
    gang.pods = 2;
    let mut m = model(4, 1, 10, vec![job(0.0, 2.0, 1), job(0.0, 3.0, 1), gang]);
    for (i, n) in m.nodes.iter_mut().enumerate() {
        n.island = IslandId(i as u32 % 2);
    }
    // Nodes 0 and 1 are taken, one of each island: 2 and 3 are free, on different islands.
    m.work[0].one_island = true;
    assert_eq!(starts(&run(&m).1), [Some(0.0), Some(0.0), Some(2.0)]);
    m.work[0].one_island = false;
    assert_eq!(starts(&run(&m).1), [Some(0.0), Some(0.0), Some(0.5)]);
}

#[test]
fn shares_of_a_gpu_pack_and_polls_see_the_whole_gpu_busy() {
    let mut half = job(0.0, 1.0, 1);
    half.request.gpu_milli = 500;
    half.usage = Use { busy_ppm: 400_000, stall_ppm: 500_000, gpu_mem_mib: 0 };
    let m = model(1, 1, 2, vec![half, half]);
    let (o, _) = run(&m);
    // Each holds half for an hour and stalls half of it.
    assert_eq!(hours(&o, Activity::Productive), 0.5);
    assert_eq!(hours(&o, Activity::InputStall), 0.5);
    let (allocated, true_use, sampled) = o.utilisation().unwrap();
    assert_eq!(allocated, 0.5);
    // 0.4 of the compute for half the time on each half of the GPU, over two hours.
    assert!((true_use - 0.1).abs() < 1e-12);
    // A poll finds it idle only when both stall: 1 − 0.5² = 0.75 for the first hour of two.
    assert!((sampled - 0.375).abs() < 1e-12);
}

#[test]
fn two_light_jobs_on_one_gpu_read_84_percent_and_use_24() {
    // gpu_partitioning section 7: duty 0.6 each, each on a fifth of the SMs; half a GPU held makes 0.4 of that half.
    let mut light = job(0.0, 1.0, 1);
    light.request.gpu_milli = 500;
    light.usage = Use { busy_ppm: 400_000, stall_ppm: 400_000, gpu_mem_mib: 0 };
    let (o, _) = run(&model(1, 1, 1, vec![light, light]));
    let (allocated, true_use, sampled) = o.utilisation().unwrap();
    assert_eq!(allocated, 1.0);
    assert!((sampled - 0.84).abs() < 1e-9 && (true_use - 0.24).abs() < 1e-9, "{sampled} {true_use}");
}

#[test]
fn what_jobs_that_fail_did_is_discarded_and_counted() {
    let mut fails = job(0.0, 2.0, 1);
    fails.ending = Ending::Fails;
    let mut cancelled = job(0.0, 1.0, 1);
    cancelled.ending = Ending::Cancelled;
    let m = model(1, 2, 4, vec![fails, cancelled]);
    let (o, _) = run(&m);
    assert_eq!(hours(&o, Activity::Discarded), 3.0);
    assert_eq!((o.jobs.failed, o.jobs.cancelled, o.jobs.done), (1, 1, 0));
}

#[test]
fn owners_withdraw_jobs_that_wait_too_long() {
    let mut impatient = job(0.5, 1.0, 1);
    impatient.patience = Duration(H);
    let m = model(1, 1, 4, vec![job(0.0, 2.0, 1), impatient, job(0.6, 1.0, 1)]);
    let (o, rows) = run(&m);
    assert_eq!(rows.0[1].1, JobEnd::Cancelled);
    assert_eq!(rows.0[1].3, 1.5);
    assert_eq!(rows.0[2].2, Some(2.0));
    assert_eq!(o.jobs.cancelled, 1);
    // Patience that ends just when there is room is still served.
    let mut exact = job(0.5, 1.0, 1);
    exact.patience = Duration(3 * H / 2);
    let (o, _) = run(&model(1, 1, 4, vec![job(0.0, 2.0, 1), exact]));
    assert_eq!(o.jobs.done, 2);
}

#[test]
fn what_could_never_run_is_rejected_at_once() {
    let m = model(2, 4, 4, vec![job(0.0, 1.0, 5), job(0.0, 1.0, 4)]);
    let (o, rows) = run(&m);
    assert_eq!((o.jobs.rejected, o.jobs.done), (1, 1));
    assert_eq!(rows.0[0].1, JobEnd::Rejected);
    assert!(o.notices.iter().any(|n| n.contains("rejected")));
}

#[test]
fn quotas_hold_work_back_and_reject_what_they_can_never_allow() {
    let label = |v: &str| Label { key: Name::new("team").unwrap(), value: Name::new(v).unwrap() };
    let mut m = model(1, 4, 10, vec![job(0.0, 2.0, 2), job(0.0, 1.0, 1), job(0.0, 1.0, 3)]);
    m.work[0].labels = vec![vec![label("a")]];
    m.quotas = vec![Quota { label: label("a"), milli: 2000 }];
    let (o, rows) = run(&m);
    assert_eq!(starts(&rows)[..2], [Some(0.0), Some(2.0)]);
    assert_eq!(o.jobs.rejected, 1);
    // Two GPUs stand free while the job that could use one of them is over its quota.
    assert_eq!(hours(&o, Activity::QueueHeld), 4.0);
    assert_eq!(o.by_label("team")[0].0, "a");
}

#[test]
fn fair_share_serves_whoever_holds_least() {
    let label = |v: &str| Label { key: Name::new("team").unwrap(), value: Name::new(v).unwrap() };
    let mut jobs = vec![job(0.0, 1.0, 1); 6];
    jobs[4].labels = 1;
    jobs[5].labels = 1;
    let mut m = model(1, 2, 10, jobs);
    m.work[0].labels = vec![vec![label("a")], vec![label("b")]];
    m.queue.order = Order::FairShare { label: "team".to_owned(), weights: vec![] };
    // One of each team at a time, though a's four came first.
    assert_eq!(starts(&run(&m).1), [Some(0.0), Some(1.0), Some(2.0), Some(2.0), Some(0.0), Some(1.0)]);
}

#[test]
fn deliveries_boot_and_retirements_drain_and_both_are_billed_to_the_second() {
    let node = NodeSpec {
        pool: PoolId(0),
        island: IslandId(0),
        capacity: Capacity { cpu_milli: 64_000, mem_mib: 65_536, gpus: 1 },
    };
    let mut m = model(1, 1, 10, vec![job(0.0, 4.0, 1), job(0.0, 1.0, 1)]);
    m.changes = vec![
        Change { at: SimTime(H), kind: FleetChange::Add { nodes: vec![node], boot: Duration(H / 2) } },
        Change {
            at: SimTime(2 * H),
            kind: FleetChange::Remove { pool: PoolId(0), count: 1, grace: Duration(u64::MAX) },
        },
    ];
    let (o, rows) = run(&m);
    assert_eq!(starts(&rows), [Some(0.0), Some(1.5)]);
    assert_eq!(hours(&o, Activity::Boot), 0.5);
    // At 2 h both nodes are busy: the newest is cordoned, and goes when its job ends at 2.5.
    assert_eq!(o.bill(), "11.5".parse::<Usd>().unwrap());
    assert_eq!(o.pools[0].nodes_max, 2);
    assert_eq!(o.pools[0].nodes_at_start, 1);
}

#[test]
fn a_cordoned_nodes_grace_ends_in_lost_work_and_minimums_are_a_line_of_their_own() {
    let mut m = model(2, 1, 10, vec![job(0.0, 4.0, 1), job(0.0, 4.0, 1)]);
    m.pools[0].tariff.rule.granularity = Duration(H);
    m.changes = vec![Change {
        at: SimTime(H),
        kind: FleetChange::Remove { pool: PoolId(0), count: 1, grace: Duration(H / 4) },
    }];
    let (o, _) = run(&m);
    assert_eq!(hours(&o, Activity::Lost), 1.25);
    assert_eq!(o.jobs.preemptions, 1);
    // 1.25 h ran, 2 h are billed.
    let extra: Usd = o.charges.iter().filter(|c| c.kind == ChargeKind::MinimumAndRounding).map(|c| c.usd.0).sum();
    assert_eq!(extra, "0.75".parse::<Usd>().unwrap());
    assert_eq!(o.bill(), "12".parse::<Usd>().unwrap());
}

#[test]
fn the_warm_up_is_left_out_of_every_figure() {
    let mut m = model(1, 2, 4, vec![job(0.5, 2.0, 1), job(0.9, 9.0, 1), job(0.95, 1.0, 1), job(1.5, 1.0, 1)]);
    m.warmup = Duration(H);
    let (o, _) = run(&m);
    assert_eq!(o.bill(), "8".parse::<Usd>().unwrap());
    let j = o.jobs;
    assert_eq!((j.running_at_start, j.queued_at_start, j.arrived), (2, 1, 1));
    assert_eq!((j.done, j.running_at_end), (3, 1));
    assert_eq!(hours(&o, Activity::Productive), 1.5 + 4.0 + 1.0 + 1.0);
    assert_eq!(o.hours(), 4.0);
}

#[test]
fn a_price_change_splits_the_bill_and_fees_have_their_own_line() {
    let mut m = model(1, 1, 4, vec![job(0.0, 3.0, 1)]);
    m.pools[0].tariff.steps.push(PriceStep {
        from: SimTime(2 * H),
        rate: Rate(3 * DOLLAR.0),
        source: "a rise".to_owned(),
        evidence: "guess".to_owned(),
    });
    m.fees = vec![Fee {
        name: "control plane".to_owned(),
        rate: Rate(DOLLAR.0 / 10),
        source: "s".to_owned(),
        evidence: "prior".to_owned(),
    }];
    let (o, _) = run(&m);
    assert_eq!(o.bill(), "8.4".parse::<Usd>().unwrap());
    assert_eq!(o.work[0].bill.0, "5".parse::<Usd>().unwrap());
    assert_eq!(o.prices.len(), 3);
}

#[test]
fn a_tier_of_pools_opens_after_a_wait() {
    let mut m = model(1, 1, 10, vec![job(0.0, 8.0, 1), job(0.0, 1.0, 1)]);
    m.add_pool("dear", Capacity { cpu_milli: 1, mem_mib: 1, gpus: 1 }, 1, Rate(5 * DOLLAR.0));
    m.work[0].tiers = vec![
        Tier { pools: PoolSet::only(PoolId(0)), after: Duration::ZERO },
        Tier { pools: PoolSet::only(PoolId(1)), after: Duration(2 * H) },
    ];
    let (o, rows) = run(&m);
    assert_eq!(starts(&rows), [Some(0.0), Some(2.0)]);
    assert_eq!(o.pools[1].started, 1);
}

#[test]
fn faster_devices_finish_sooner_and_a_gang_runs_at_its_slowest() {
    let mut gang = job(0.0, 2.0, 1);
    gang.pods = 2;
    let mut m = model(1, 1, 10, vec![gang]);
    m.add_pool("fast", Capacity { cpu_milli: 1, mem_mib: 1, gpus: 1 }, 1, DOLLAR);
    m.work[0].speed = vec![0.5, 2.0];
    assert_eq!(run(&m).1.0[0].3, 4.0);
}

#[test]
fn the_same_run_twice_is_the_same_to_the_last_event() {
    let m = random_model(7, 400);
    let (a, b) = (simulate(&m, 3, 0, &mut Silent), simulate(&m, 3, 0, &mut Silent));
    assert_eq!(a, b);
    assert_ne!(a.fingerprint, simulate(&random_model(8, 400), 3, 0, &mut Silent).fingerprint);
}

#[test]
fn books_balance_under_every_discipline_and_placement() {
    for seed in 0..4 {
        for order in [
            Order::Arrival,
            Order::ShortestWork,
            Order::Priority,
            Order::FairShare { label: "team".to_owned(), weights: vec![("a".to_owned(), 2.0)] },
        ] {
            for blocked in [Blocked::Wait, Blocked::Skip, Blocked::Easy { depth: 20 }] {
                for preempt in [false, true] {
                    let mut m = random_model(seed, 250);
                    m.queue = QueuePolicy { order: order.clone(), blocked, preempt };
                    m.placement = PlacementPolicy::ALL[(seed as usize + usize::from(preempt)) % 9];
                    check_conservation(&simulate(&m, seed, 0, &mut Silent));
                }
            }
        }
    }
}

/// A fleet of three pools (one without GPUs), islands, quotas, dated changes, price steps and odd jobs.
fn random_model(seed: u64, n: usize) -> Model {
    let mut s = crate::kernel::Streams::new(seed, 0).stream("test", "model", 0);
    let label = |v: &str| Label { key: Name::new("team").unwrap(), value: Name::new(v).unwrap() };
    let mut m = Model::empty("random", Duration(30 * H));
    m.warmup = Duration(2 * H);
    let big = Capacity { cpu_milli: 64_000, mem_mib: 65_536, gpus: 8 };
    let small = Capacity { cpu_milli: 16_000, mem_mib: 16_384, gpus: 2 };
    m.add_pool("big", big, 4, Rate(DOLLAR.0 * 7 / 3));
    m.add_pool("small", small, 5, DOLLAR);
    m.add_pool("cpu", Capacity { cpu_milli: 32_000, mem_mib: 65_536, gpus: 0 }, 2, Rate(DOLLAR.0 / 21));
    m.pools[1].tariff.steps.push(PriceStep {
        from: SimTime(11 * H),
        rate: Rate(1_234_567_890_123),
        source: String::new(),
        evidence: "guess".to_owned(),
    });
    for (i, node) in m.nodes.iter_mut().enumerate() {
        node.island = IslandId(i as u32 / 2);
    }
    let extra = NodeSpec { pool: PoolId(0), island: IslandId(0), capacity: big };
    m.changes = vec![
        Change { at: SimTime(5 * H), kind: FleetChange::Add { nodes: vec![extra; 2], boot: Duration(H / 3) } },
        Change { at: SimTime(9 * H), kind: FleetChange::Remove { pool: PoolId(1), count: 2, grace: Duration(H / 7) } },
        Change {
            at: SimTime(12 * H),
            kind: FleetChange::Remove { pool: PoolId(0), count: 3, grace: Duration(u64::MAX) },
        },
    ];
    m.quotas = vec![Quota { label: label("b"), milli: 9_500 }];
    let mut jobs: Vec<Job> = (0..n)
        .map(|_| {
            let gpus = [0, 1, 1, 1, 2, 4, 8][s.below(7) as usize];
            let share = gpus == 1 && s.chance(0.5);
            Job {
                arrive: SimTime(s.below(30 * H)),
                work: Duration(1 + s.below(6 * H)),
                pods: if gpus == 8 || s.chance(0.1) { 1 + s.below(3) as u16 } else { 1 },
                request: Request {
                    cpu_milli: s.below(9_000) as u32,
                    mem_mib: s.below(9_000) as u32,
                    gpus,
                    gpu_milli: if gpus == 0 {
                        0
                    } else if share {
                        1 + s.below(999) as u16
                    } else {
                        1000
                    },
                    slice: 0,
                },
                accept: 0,
                labels: s.below(2) as u16,
                priority: s.below(3) as i32,
                ending: [Ending::Completes, Ending::Fails, Ending::Cancelled][s.below(3) as usize],
                usage: Use {
                    busy_ppm: s.below(1_000_001) as u32,
                    stall_ppm: s.below(1_000_001) as u32,
                    gpu_mem_mib: 0,
                },
                patience: if s.chance(0.2) { Duration(s.below(3 * H)) } else { Duration(u64::MAX) },
            }
        })
        .collect();
    jobs.sort_by_key(|j| j.arrive);
    let w = m.add_work("w", Source::Jobs(Arc::from(jobs)));
    w.labels = vec![vec![label("a")], vec![label("b")]];
    w.speed = vec![1.5, 0.7, 1.0];
    w.one_island = seed.is_multiple_of(2);
    w.tiers = vec![
        Tier { pools: PoolSet::only(PoolId(0)).with(PoolId(2)), after: Duration::ZERO },
        Tier { pools: PoolSet::only(PoolId(1)), after: Duration(H / 2) },
    ];
    m
}
