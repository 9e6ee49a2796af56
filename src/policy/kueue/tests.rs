//! Upstream's vectors, and those worked out from its rules.

use proptest::prelude::*;

use super::*;
use crate::units::SimTime;

const CPU: ResourceIx = ResourceIx(0);
const GPU: ResourceIx = ResourceIx(1);
const F0: FlavorIx = FlavorIx(0);
const F1: FlavorIx = FlavorIx(1);

const fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000_000)
}

fn cohort(parent: Option<u32>, quota: Quota) -> Cohort {
    Cohort { parent: parent.map(CohortIx), quotas: vec![(F0, CPU, quota)], ..Cohort::default() }
}

fn queue(cohort: Option<u32>, quotas: &[Quota]) -> ClusterQueue {
    let flavors = (0..).zip(quotas).map(|(i, q)| FlavorQuotas { flavor: FlavorIx(i), quotas: vec![*q] });
    let group = ResourceGroup { resources: vec![CPU], flavors: flavors.collect() };
    ClusterQueue { cohort: cohort.map(CohortIx), groups: vec![group], ..ClusterQueue::default() }
}

fn config(cohorts: Vec<Cohort>, queues: Vec<ClusterQueue>) -> Config {
    Config { flavors: 2, resources: 2, cohorts, queues, fair_sharing: None }
}

/// Q1 to Q8 (`resource_test.go`), in thousandths.
#[test]
fn what_is_available_follows_the_tree_of_quotas() {
    let k = |n: f64| Quota::of((n * 1000.0) as i64);
    let one = |q| vec![cohort(None, q)];
    let sub = |q| cohort(Some(0), q);
    let rows = [
        (
            "Q1",
            config(vec![], vec![queue(None, &[k(5.0)]), queue(None, &[k(0.0)])]),
            vec![2.5, 1.0],
            vec![2.5, 0.0],
            vec![5.0, 0.0],
        ),
        (
            "Q2",
            config(one(k(10.0)), vec![queue(Some(0), &[k(10.0)]), queue(Some(0), &[k(10.0).lend(9000)])]),
            vec![1.0, 0.5],
            vec![28.0, 28.5],
            vec![29.0, 30.0],
        ),
        ("Q3", config(one(k(10.0)), vec![queue(Some(0), &[k(10.0)])]), vec![11.0], vec![9.0], vec![20.0]),
        (
            "Q5",
            config(
                one(k(10.0)),
                vec![
                    queue(Some(0), &[k(10.0)]),
                    queue(Some(0), &[k(10.0).borrow(2000)]),
                    queue(Some(0), &[k(10.0).lend(5000)]),
                ],
            ),
            vec![20.0, 10.0, 6.0],
            vec![4.0, 2.0, 4.0],
            vec![35.0, 12.0, 40.0],
        ),
        (
            "Q6",
            config(
                vec![cohort(None, k(0.0)), sub(k(10.0)), sub(k(10.0))],
                vec![queue(Some(1), &[k(10.0)]), queue(Some(2), &[k(10.0).lend(0)])],
            ),
            vec![10.0, 5.0],
            vec![20.0, 25.0],
            vec![30.0, 40.0],
        ),
        (
            "Q8",
            config(
                vec![cohort(None, k(0.0)), sub(k(0.0).lend(5000)), sub(k(0.0))],
                vec![
                    queue(Some(1), &[k(10.0).lend(5000)]),
                    queue(Some(1), &[k(10.0)]),
                    queue(Some(2), &[k(0.0)]),
                    queue(Some(0), &[k(0.0)]),
                ],
            ),
            vec![0.0; 4],
            vec![20.0, 15.0, 5.0, 5.0],
            vec![20.0, 15.0, 5.0, 5.0],
        ),
    ];
    for (id, config, usage, available, potential) in rows {
        assert_eq!(config.faults(), [], "{id}");
        let mut tree = Tree::new(&config);
        let fresh = tree.clone();
        let queues = || (0..usage.len() as u32).map(QueueIx);
        let milli = |v: &[f64]| v.iter().map(|x| (x * 1000.0) as i64).collect::<Vec<_>>();
        for (q, u) in queues().zip(milli(&usage)) {
            tree.take(q, F0, CPU, u);
        }
        assert_eq!(queues().map(|q| tree.available(q, F0, CPU)).collect::<Vec<_>>(), milli(&available), "{id}");
        assert_eq!(queues().map(|q| tree.potential(q, F0, CPU)).collect::<Vec<_>>(), milli(&potential), "{id}");
        for (q, u) in queues().zip(milli(&usage)) {
            tree.give(q, F0, CPU, u);
        }
        assert_eq!(tree, fresh, "{id}: nothing is left behind");
    }
}

/// A workload with quota.
fn run(uid: u64, queue: u32, priority: i32, cpu: i64) -> Admitted {
    let usage = vec![(F0, CPU, cpu)];
    Admitted { uid, queue: QueueIx(queue), priority, queued: at(0), reserved: at(0), evicted: false, usage }
}

/// A workload that wants in.
fn want(queue: u32, priority: i32, cpu: i64) -> Workload {
    let set = PodSet { count: 1, min_count: None, requests: vec![(CPU, cpu)], flavors: None };
    Workload { uid: 1000, queue: QueueIx(queue), priority, queued: at(100), pod_sets: vec![set] }
}

fn decide(config: &Config, admitted: &[Admitted], pending: &[Workload]) -> Vec<(u64, Outcome)> {
    let mut kueue = Kueue::new(config.clone()).unwrap();
    kueue.cycle(&View { admitted, pending }).into_iter().map(|d| (d.uid, d.outcome)).collect()
}

/// Who goes, in the order of their numbers; none if nobody.
fn victims(config: &Config, admitted: &[Admitted], wanted: Workload) -> Vec<u64> {
    match decide(config, admitted, &[wanted]).pop() {
        Some((_, Outcome::Preempt { mut targets, .. })) => {
            targets.sort_unstable();
            targets
        }
        _ => Vec::new(),
    }
}

fn alone() -> Config {
    let mut q = queue(None, &[Quota::of(6)]);
    q.preemption.within_queue = Policy::LowerPriority;
    config(vec![], vec![q])
}

/// KQ1 to KQ4 (`preemption_test.go`).
#[test]
fn as_few_as_possible_go_and_the_lowest_first() {
    let three = [run(1, 0, -1, 2), run(2, 0, 0, 2), run(3, 0, 1, 2)];
    assert_eq!(victims(&alone(), &three, want(0, 1, 2)), [1], "KQ1");
    assert_eq!(victims(&alone(), &three, want(0, 1, 3)), [1, 2], "KQ2");
    let two = [run(1, 0, -1, 3), run(2, 0, 0, 3)];
    assert_eq!(victims(&alone(), &two, want(0, -1, 1)), [0; 0], "KQ3");
    let uneven = [run(1, 0, -1, 1), run(2, 0, 0, 1), run(3, 0, 1, 3)];
    assert_eq!(victims(&alone(), &uneven, want(0, 1, 2)), [1], "KQ4");
    // The low one frees too little, the next enough by itself: the low one is put back.
    let put_back = [run(1, 0, -1, 1), run(2, 0, 0, 5)];
    assert_eq!(victims(&alone(), &put_back, want(0, 1, 5)), [2]);
    // Of equals the last that got quota goes; one that is being evicted anyway before all.
    let mut same = [run(1, 0, 0, 3), run(2, 0, 0, 3)];
    same[0].reserved = at(5);
    assert_eq!(victims(&alone(), &same, want(0, 1, 1)), [1]);
    same[1].evicted = true;
    assert_eq!(victims(&alone(), &same, want(0, 1, 1)), [2]);
    let mut never = alone();
    never.queues[0].preemption.within_queue = Policy::Never;
    assert_eq!(victims(&never, &three, want(0, 1, 2)), [0; 0]);
}

/// KQ7.
#[test]
fn a_newer_workload_of_equal_priority_goes_where_the_policy_says_so() {
    let mut c = alone();
    let mut all = [run(1, 0, 1, 2), run(2, 0, 1, 2), run(3, 0, 1, 2)];
    all[1].queued = at(200);
    assert_eq!(victims(&c, &all, want(0, 1, 2)), [0; 0]);
    c.queues[0].preemption.within_queue = Policy::LowerOrNewerEqualPriority;
    assert_eq!(victims(&c, &all, want(0, 1, 2)), [2], "KQ7");
    all[1].queued = at(100);
    assert_eq!(victims(&c, &all, want(0, 1, 2)), [0; 0], "not newer");
}

fn pair(reclaim: Policy) -> Config {
    let mut queues = vec![queue(Some(0), &[Quota::of(6)]), queue(Some(0), &[Quota::of(6)])];
    for q in &mut queues {
        q.preemption = Preemption { within_queue: Policy::LowerPriority, reclaim, borrow: None };
    }
    config(vec![Cohort::default()], queues)
}

/// KQ6.
#[test]
fn what_others_borrow_is_taken_back() {
    let c = pair(Policy::LowerPriority);
    let running = [run(1, 0, -1, 3), run(2, 1, 0, 3), run(3, 1, 1, 6)];
    assert_eq!(victims(&c, &running, want(0, 1, 3)), [2], "KQ6");
    assert_eq!(victims(&pair(Policy::Never), &running, want(0, 1, 3)), [1], "only of its own queue");
    // Priorities do not count with `Any`; those that do not borrow are safe.
    let equal = [run(1, 0, 5, 3), run(2, 1, 5, 9)];
    assert_eq!(victims(&c, &equal, want(0, 1, 3)), [0; 0]);
    assert_eq!(victims(&pair(Policy::Any), &equal, want(0, 1, 3)), [2]);
    let within = [run(1, 0, 5, 6), run(2, 1, 5, 6)];
    assert_eq!(victims(&pair(Policy::Any), &within, want(0, 1, 3)), [0; 0]);
}

/// KQ8 and KQ9: a queue without quota of its own, a cohort whose others are at their quotas or above.
#[test]
fn a_borrower_preempts_only_what_is_low_enough() {
    let world = |max_priority| {
        let mut queues =
            vec![queue(Some(0), &[Quota::of(0)]), queue(Some(0), &[Quota::of(6)]), queue(Some(0), &[Quota::of(6)])];
        queues[0].preemption = Preemption {
            within_queue: Policy::LowerPriority,
            reclaim: Policy::LowerPriority,
            borrow: Some(BorrowWithinCohort { max_priority }),
        };
        config(vec![Cohort::default()], queues)
    };
    // Queue 1 borrows 2 from queue 2.
    let running = |priority| [run(1, 1, priority, 4), run(2, 1, 5, 4), run(3, 2, 5, 4)];
    assert_eq!(victims(&world(Some(0)), &running(-1), want(0, 1, 4)), [1], "KQ8");
    assert_eq!(victims(&world(Some(0)), &running(1), want(0, 2, 4)), [0; 0], "KQ9");
    assert_eq!(victims(&world(None), &running(1), want(0, 2, 4)), [1], "without a threshold");
    assert_eq!(victims(&world(None), &running(2), want(0, 2, 4)), [0; 0], "an equal priority is safe");
    let mut never = world(None);
    never.queues[0].preemption.borrow = None;
    assert_eq!(victims(&never, &running(-1), want(0, 1, 4)), [0; 0]);
}

/// `fair_sharing_test.go`.
#[test]
fn a_share_is_what_is_borrowed_of_what_can_be_lent() {
    let world = |own: i64, lent: i64, weight| {
        let mut queues = vec![queue(Some(0), &[Quota::of(own)]), queue(Some(0), &[Quota::of(lent)])];
        queues[0].weight = Weight(weight);
        config(vec![Cohort::default()], queues)
    };
    for (id, own, lent, used, weight, share) in [
        ("GPU", 5, 5, 7, 1000, 200),
        ("rounded up", 500, 500, 501, 1000, 1),
        ("plain", 500, 500, 800, 1000, 300),
        ("weight 300", 500, 500, 800, 300_000, 1),
        ("half weight", 500, 500, 800, 500, 600),
        ("none", 500, 500, 500, 1000, 0),
        ("weight 0", 500, 500, 501, 0, u64::MAX),
        ("weight 0, none", 500, 500, 500, 0, 0),
    ] {
        let mut tree = Tree::new(&world(own, lent, weight));
        tree.take(QueueIx(0), F0, CPU, used);
        assert_eq!(tree.share(QueueIx(0)).rounded(), share, "{id}");
    }
    // What a lending limit keeps back is not lendable: 100 of 500 + 100.
    let mut c = world(500, 500, 1000);
    c.queues[1] = queue(Some(0), &[Quota::of(500).lend(100)]);
    let mut tree = Tree::new(&c);
    tree.take(QueueIx(0), F0, CPU, 560);
    assert_eq!(tree.share(QueueIx(0)).rounded(), 100);
}

/// Fair sharing: from who borrows most, to at most its share.
#[test]
fn the_largest_share_gives_first() {
    let mut c = config(vec![Cohort::default()], (0..3).map(|_| queue(Some(0), &[Quota::of(3)])).collect());
    for q in &mut c.queues {
        q.preemption = Preemption { within_queue: Policy::LowerPriority, reclaim: Policy::Any, borrow: None };
    }
    c.fair_sharing = Some(vec![]);
    // Queue 1 has 6 of 9, queue 2 has 3: queue 0 takes its own three from queue 1, the newest first.
    let mut running: Vec<Admitted> = (1..=6).map(|i| run(i, 1, 0, 1)).collect();
    running.push(run(7, 2, 0, 3));
    for r in &mut running {
        r.reserved = at(r.uid);
    }
    assert_eq!(victims(&c, &running, want(0, 0, 3)), [4, 5, 6]);
    // Nine of one queue. Four for queue 0: it borrows 1, the other is left with 5 and borrows 2. Five for queue 0: it would
    // borrow 2, and the other, left with 4, only 1.
    let running: Vec<Admitted> = (1..=9).map(|i| Admitted { reserved: at(i), ..run(i, 1, 0, 1) }).collect();
    assert_eq!(victims(&c, &running, want(0, 0, 4)), [6, 7, 8, 9]);
    assert_eq!(victims(&c, &running, want(0, 0, 5)), [0; 0]);
    // One workload of nine: without it the other has less, but as it is it borrows 6 against 2. That is the second
    // strategy; without it nobody goes.
    assert_eq!(victims(&c, &[run(1, 1, 0, 9)], want(0, 0, 5)), [1]);
    let mut first_only = c.clone();
    first_only.fair_sharing = Some(vec![super::Strategy::FinalShare]);
    assert_eq!(victims(&first_only, &[run(1, 1, 0, 9)], want(0, 0, 5)), [0; 0]);
    // Queue 2 at 4 of its 3 borrows 1, queue 0 would borrow 3 with 6: more than what is left to the other.
    let mixed: Vec<Admitted> =
        (1..=9).map(|i| Admitted { reserved: at(i), ..run(i, if i > 4 { 1 } else { 2 }, 0, 1) }).collect();
    assert_eq!(victims(&c, &mixed, want(0, 0, 6)), [0; 0]);
}

/// Flavors are tried in order; the first that fits without borrowing wins, and borrowing goes before preemption.
#[test]
fn flavors_are_chosen_by_how_they_can_be_had() {
    let flavor = |c: &Config, running: &[Admitted], w: Workload| match decide(c, running, &[w]).pop().unwrap().1 {
        Outcome::Admit(a) => (a.pod_sets[0].flavors[0].1, a.mode, a.borrows),
        Outcome::Preempt { assignment: a, .. } => (a.pod_sets[0].flavors[0].1, a.mode, a.borrows),
        other => panic!("{other:?}"),
    };
    let mut q = queue(Some(0), &[Quota::of(4), Quota::of(4)]);
    q.preemption.within_queue = Policy::LowerPriority;
    let mut c = config(vec![Cohort::default()], vec![q, queue(Some(0), &[Quota::of(4), Quota::of(4)])]);
    assert_eq!(flavor(&c, &[], want(0, 1, 4)), (F0, Mode::Fit, 0));
    let mine = [run(1, 0, 0, 4)];
    assert_eq!(flavor(&c, &mine, want(0, 1, 4)), (F0, Mode::Fit, 1), "it may borrow, and stops there");
    c.queues[0].fungibility.borrow = WhenCan::TryNextFlavor;
    assert_eq!(flavor(&c, &mine, want(0, 1, 4)), (F1, Mode::Fit, 0));
    let full = [run(1, 0, 0, 8)];
    assert_eq!(flavor(&c, &full, want(0, 1, 4)), (F1, Mode::Fit, 0), "rather than preempt");
    c.queues[0].fungibility.preempt = WhenCan::MayStopSearch;
    assert_eq!(flavor(&c, &full, want(0, 1, 4)).1, Mode::Preempt, "the first that can be had by preemption");
    // Only the second flavor is allowed.
    let mut picky = want(0, 1, 4);
    picky.pod_sets[0].flavors = Some(vec![F1]);
    assert_eq!(flavor(&c, &[], picky), (F1, Mode::Fit, 0));
}

/// All or nothing, over pod sets and resources; fewer pods only where that is allowed.
#[test]
fn a_workload_gets_all_or_nothing_or_the_most_that_fits() {
    let mut q = queue(None, &[Quota::of(10)]);
    q.groups[0].resources.push(GPU);
    q.groups[0].flavors[0].quotas.push(Quota::of(4));
    let c = config(vec![], vec![q]);
    let set =
        |count, min_count, cpu, gpu| PodSet { count, min_count, requests: vec![(CPU, cpu), (GPU, gpu)], flavors: None };
    let job = |sets: Vec<PodSet>| Workload { pod_sets: sets, ..want(0, 0, 0) };
    let counts = |w: Workload| match decide(&c, &[], &[w]).pop().unwrap().1 {
        Outcome::Admit(a) => a.pod_sets.iter().map(|p| p.count).collect(),
        _ => vec![],
    };
    assert_eq!(counts(job(vec![set(1, None, 2, 0), set(4, None, 2, 1)])), [1, 4]);
    assert_eq!(counts(job(vec![set(1, None, 3, 0), set(4, None, 2, 1)])), [0; 0], "11 of 10 cores");
    assert_eq!(counts(job(vec![set(5, None, 1, 1)])), [0; 0], "5 of 4 GPUs");
    assert_eq!(counts(job(vec![set(20, Some(1), 1, 1)])), [4]);
    assert_eq!(counts(job(vec![set(20, Some(5), 1, 1)])), [0; 0]);
}

/// Who borrows comes after who does not, then priority, then age; who comes too late is looked at again.
#[test]
fn a_cycle_takes_the_heads_in_order() {
    let c = config(
        vec![Cohort::default()],
        vec![queue(Some(0), &[Quota::of(4)]), queue(Some(0), &[Quota::of(4)]), queue(Some(0), &[Quota::of(2)])],
    );
    let w = |uid, queue, priority, cpu, queued| Workload { uid, queued: at(queued), ..want(queue, priority, cpu) };
    let pending = [w(1, 0, 9, 6, 0), w(2, 1, 0, 4, 5), w(3, 2, 0, 2, 4), w(4, 2, 0, 1, 3), w(5, 2, -1, 1, 0)];
    let decided = decide(&c, &[], &pending);
    // 4 is the head of its queue: an equal priority, and older. 1 borrows: last, and then 5 are left of 10.
    let order: Vec<u64> = decided.iter().map(|d| d.0).collect();
    assert_eq!(order, [4, 2, 1]);
    assert!(matches!(decided[0].1, Outcome::Admit(_)) && matches!(decided[1].1, Outcome::Admit(_)));
    assert_eq!(decided[2].1, Outcome::Skipped);
}

/// Best effort sets a head aside that does not fit; strict order does not.
#[test]
fn a_head_that_does_not_fit_holds_up_others_only_in_strict_order() {
    let large = Workload { uid: 1, queued: at(1), ..want(0, 5, 7) };
    let small = Workload { uid: 2, queued: at(2), ..want(0, 0, 1) };
    let pending = [large, small];
    let view = View { admitted: &[], pending: &pending };
    let mut k = Kueue::new(alone()).unwrap();
    let uid = |d: &[Decision]| d.iter().map(|d| (d.uid, matches!(d.outcome, Outcome::Admit(_)))).collect::<Vec<_>>();
    assert_eq!(uid(&k.cycle(&view)), [(1, false)]);
    assert_eq!(uid(&k.cycle(&view)), [(2, true)]);
    k.freed(QueueIx(0));
    assert_eq!(uid(&k.cycle(&view)), [(1, false)]);
    let mut strict = alone();
    strict.queues[0].queueing = Queueing::StrictFifo;
    let mut k = Kueue::new(strict).unwrap();
    assert_eq!(uid(&k.cycle(&view)), [(1, false)]);
    assert_eq!(uid(&k.cycle(&view)), [(1, false)]);
}

#[test]
fn requeues_wait_twice_as_long_each_time() {
    for (count, seconds) in [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (64, 3600), (200, 3600)] {
        assert_eq!(requeue_after(count), Duration::from_secs(seconds), "{count}");
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let mut lends = queue(None, &[Quota::of(1).lend(2)]);
    lends.preemption.borrow = Some(BorrowWithinCohort::default());
    lends.preemption.within_queue = Policy::Any;
    lends.groups.push(lends.groups[0].clone());
    let mut c = config(vec![cohort(Some(1), Quota::of(-1)), cohort(Some(0), Quota::of(1))], vec![lends]);
    c.fair_sharing = Some(vec![super::Strategy::InitialShare, super::Strategy::FinalShare]);
    let faults = Kueue::new(c).unwrap_err();
    for fault in [
        ConfigError::Cycle(0),
        ConfigError::Cycle(1),
        ConfigError::Negative("cohort", 0),
        ConfigError::LimitWithoutCohort("cluster queue", 0),
        ConfigError::LendsTooMuch(0),
        ConfigError::ResourceTwice(0),
        ConfigError::FlavorTwice(0),
        ConfigError::BorrowWithoutReclaim(0),
        ConfigError::AnyWithinQueue(0),
        ConfigError::Strategies,
    ] {
        assert!(faults.contains(&fault), "{fault}");
    }
    assert_eq!(faults.len(), 10);
}

proptest! {
    /// Whatever the limits: preempting frees what is needed, leaves the view as it was, and nobody goes in vain.
    #[test]
    fn victims_are_enough_and_each_is_needed(
        running in proptest::collection::vec((0_u32..3, -2_i32..3, 1_i64..4), 1..12),
        priority in -1_i32..4, cpu in 1_i64..9, fair in any::<bool>(), lend in 0_i64..5, any_policy in any::<bool>(),
    ) {
        let reclaim = if any_policy { Policy::Any } else { Policy::LowerPriority };
        let mut queues = vec![
            queue(Some(0), &[Quota::of(4)]),
            queue(Some(0), &[Quota::of(4).lend(lend.min(4))]),
            queue(Some(0), &[Quota::of(4).borrow(3)]),
        ];
        for q in &mut queues {
            q.preemption = Preemption { within_queue: Policy::LowerPriority, reclaim, borrow: None };
        }
        let mut c = config(vec![Cohort::default()], queues);
        c.fair_sharing = fair.then(Vec::new);
        // Only what fits is admitted.
        let mut tree = Tree::new(&c);
        let mut admitted = Vec::new();
        for (i, (q, p, v)) in running.into_iter().enumerate() {
            if v <= tree.available(QueueIx(q), F0, CPU) {
                tree.take(QueueIx(q), F0, CPU, v);
                admitted.push(run(i as u64, q, p, v));
            }
        }
        let decided = decide(&c, &admitted, &[want(0, priority, cpu)]).pop().unwrap().1;
        let fits = |gone: &[u64]| {
            let left: Vec<Admitted> = admitted.iter().filter(|a| !gone.contains(&a.uid)).cloned().collect();
            cpu <= Kueue::new(c.clone()).unwrap().tree(&left).available(QueueIx(0), F0, CPU)
        };
        match decided {
            Outcome::Admit(_) => prop_assert!(fits(&[])),
            Outcome::Preempt { targets, .. } => {
                prop_assert!(!fits(&[]) && fits(&targets));
                if !fair {
                    // Fewer are not enough, unless borrowing was not allowed.
                    let nominal = c.queues[0].groups[0].flavors[0].quotas[0].nominal;
                    let own: i64 = admitted.iter().filter(|a| a.queue.0 == 0 && !targets.contains(&a.uid)).map(|a| a.usage[0].2).sum();
                    for t in &targets {
                        let fewer: Vec<u64> = targets.iter().copied().filter(|x| x != t).collect();
                        let own_victim = admitted.iter().any(|a| a.uid == *t && a.queue.0 == 0);
                        prop_assert!(!fits(&fewer) || (own_victim && own + cpu <= nominal));
                    }
                }
                for t in targets {
                    let a = admitted.iter().find(|a| a.uid == t).unwrap();
                    let lower = a.priority < priority;
                    prop_assert!(lower || (any_policy && a.queue.0 != 0));
                }
            }
            Outcome::Inadmissible(_) => prop_assert!(!fits(&[])),
            Outcome::Skipped => prop_assert!(false, "nobody is before it"),
        }
    }
}
