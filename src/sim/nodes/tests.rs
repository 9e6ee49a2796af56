//! Small fleets that Karpenter or the Cluster Autoscaler sizes, every second worked out by hand; and large ones at random.

use crate::fleet::{Capacity, PoolId};
use crate::kernel::{Dist, Streams};
use crate::market::{Cause, Launch, Lifetime};
use crate::outcome::{Outcome, Silent};
use crate::policy::karpenter::{ConsolidationPolicy, NodePool};
use crate::policy::pdb::{Amount, Rule};
use crate::policy::queue::{Blocked, Order, QueuePolicy};
use crate::scenario::model::{ClusterAutoscaler, Descheduler, Disruption, Model, NodeAutoscaler, Source};
use crate::sim::{check_conservation, simulate};
use crate::units::{Activity, Duration, Rate, SimTime, Usd};
use crate::workload::{Job, Request};

const S: u64 = 1_000_000_000;
/// A dollar an hour, in pico-dollars.
const DOLLAR: i128 = 1_000_000_000_000;
const BOOT: f64 = 120.0;

fn job(arrive: u64, seconds: u64, gpus: u8) -> Job {
    Job {
        arrive: SimTime(arrive * S),
        work: Duration(seconds * S),
        pods: 1,
        request: Request { cpu_milli: 100 * u32::from(gpus), mem_mib: 0, gpus, gpu_milli: 1000, slice: 0 },
        patience: Duration(u64::MAX),
        ..Job::default()
    }
}

/// A fleet of one node pool: pools of nodes of so many GPUs at so many cents an hour for a node, scaled up to 50.
fn fleet(hours: u64, kinds: &[(u8, i128)], jobs: Vec<Job>, pool: NodePool) -> Model {
    let mut m = Model::empty("hand", Duration::from_hours(hours));
    m.queue = QueuePolicy { order: Order::Arrival, blocked: Blocked::Skip, preempt: false };
    for (i, (gpus, cents)) in kinds.iter().enumerate() {
        let c = Capacity { cpu_milli: 1_000 * u32::from(*gpus), mem_mib: 1_024, gpus: *gpus };
        m.add_scaled_pool(&format!("p{i}"), c, 50, Rate(cents * DOLLAR / 100 / i128::from(*gpus)), BOOT);
    }
    m.scale_by_karpenter(pool);
    m.add_work("w", Source::Jobs(jobs.into()));
    m
}

fn run(m: &Model) -> Outcome {
    let o = simulate(m, 1, 0, &mut Silent);
    check_conservation(&o);
    o
}

/// Nothing is consolidated that has pods.
fn empty_only() -> NodePool {
    NodePool { policy: ConsolidationPolicy::WhenEmpty, ..NodePool::default() }
}

/// Seconds of one GPU.
fn seconds(o: &Outcome, pool: usize, a: Activity) -> u64 {
    (o.pools[pool].activity[a as usize].0 / u128::from(1000 * S)) as u64
}

fn removed(o: &Outcome, why: &str) -> u64 {
    let n = o.nodes.as_ref().unwrap();
    n.removed.iter().find(|(k, _)| k == why).unwrap().1
}

#[test]
fn a_node_comes_for_a_pod_and_goes_when_it_is_empty() {
    // A batch of one second, two minutes of boot, an hour of work; the pass at 3,730 s finds the node empty, and does so
    // again 15 s later.
    let o = run(&fleet(2, &[(1, 100)], vec![job(0, 3_600, 1)], NodePool::default()));
    assert_eq!(seconds(&o, 0, Activity::Boot), 120);
    assert_eq!(seconds(&o, 0, Activity::Productive), 3_600);
    assert_eq!(seconds(&o, 0, Activity::Unallocated), 3_745 - 3_721);
    assert_eq!(o.bill(), Usd(DOLLAR * 3_744 / 3_600));
    let n = o.nodes.as_ref().unwrap();
    assert_eq!((n.launched, n.refused, n.commands, n.evicted), (1, 0, 1, 0));
    assert_eq!(removed(&o, "empty"), 1);
}

#[test]
fn consolidate_after_keeps_an_empty_node() {
    // Empty at 3,721 s; ten minutes later, at the pass of 4,330 s, it may go.
    let after = NodePool { consolidate_after: Some(Some(Duration::from_secs(600))), ..NodePool::default() };
    let o = run(&fleet(2, &[(1, 100)], vec![job(0, 3_600, 1)], after));
    assert_eq!(seconds(&o, 0, Activity::Unallocated), 4_345 - 3_721);
    // Never.
    let never = NodePool { consolidate_after: Some(None), ..NodePool::default() };
    let o = run(&fleet(2, &[(1, 100)], vec![job(0, 3_600, 1)], never));
    assert_eq!(seconds(&o, 0, Activity::Unallocated), 7_200 - 3_721);
}

/// Two pods that come together go on one node of two GPUs; the first is over at 1,800 s.
fn two() -> Vec<Job> {
    vec![job(0, 1_679, 1), job(0, 3_600, 1)]
}

#[test]
fn a_node_that_is_half_empty_is_replaced_by_a_cheaper_one() {
    let o = run(&fleet(2, &[(1, 100), (2, 150)], two(), NodePool::default()));
    // Found at 1,800 s, checked at 1,815 s; the small node is ready at 1,935 s, and the pod that moves begins anew: it is
    // over at 5,535 s, and its node gone at 5,555 s.
    assert_eq!(o.pools[1].bill.0, Usd(DOLLAR * 3 * 1_934 / 7_200));
    assert!((o.pools[0].bill.0.0 - DOLLAR * 3_740 / 3_600).abs() <= 1, "to a rounding");
    assert_eq!(seconds(&o, 1, Activity::Lost), 1_935 - 121);
    assert_eq!(seconds(&o, 1, Activity::Drain), 1_935 - 1_815);
    let n = o.nodes.as_ref().unwrap();
    assert_eq!((n.launched, n.commands, n.evicted), (2, 2, 1));
    assert_eq!((removed(&o, "underutilized"), removed(&o, "empty")), (1, 1));
    assert_eq!(n.lost.0, u128::from(1000 * S) * 1_814);
    assert!((n.promised_usd_per_hour - 1.5).abs() < 1e-9, "half a dollar, and a dollar for the empty node");
}

#[test]
fn pods_that_may_not_be_moved_keep_their_node() {
    for disruption in [
        Disruption { do_not_disrupt: true, ..Disruption::default() },
        Disruption { budget: Some(Rule::MaxUnavailable(Amount::Pods(0))), ..Disruption::default() },
        Disruption { budget: Some(Rule::MinAvailable(Amount::Percent(100))), ..Disruption::default() },
    ] {
        let mut m = fleet(2, &[(1, 100), (2, 150)], two(), NodePool::default());
        m.work[0].disruption = disruption;
        let o = run(&m);
        assert_eq!(o.nodes.as_ref().unwrap().evicted, 0);
        assert_eq!(o.pools[0].bill.0, Usd::ZERO);
        assert_eq!(o.pools[1].bill.0, Usd(DOLLAR * 3 * 3_744 / 7_200), "until it is empty");
    }
}

#[test]
fn a_budget_of_no_nodes_keeps_them_all() {
    let none = NodePool { budgets: vec![crate::policy::karpenter::Budget::of("0")], ..NodePool::default() };
    let o = run(&fleet(2, &[(1, 100)], vec![job(0, 3_600, 1)], none));
    assert_eq!(o.nodes.as_ref().unwrap().removed_in_all(), 0);
}

#[test]
fn where_there_is_no_capacity_the_next_offering_is_taken() {
    let mut m = fleet(2, &[(1, 100), (1, 200)], vec![job(0, 600, 1)], empty_only());
    m.pools[0].supply.as_mut().unwrap().launch.quota = Some(0);
    let o = run(&m);
    let n = o.nodes.as_ref().unwrap();
    assert_eq!((n.launched, n.refused), (1, 1));
    assert_eq!(o.pools[0].bill.0, Usd::ZERO);
    assert_eq!(seconds(&o, 1, Activity::Productive), 600);
}

#[test]
fn a_replacement_that_does_not_come_is_not_waited_for() {
    // The cheaper node boots for an hour: the command is given up after ten minutes, at the pass after 2,415 s.
    let mut m = fleet(2, &[(1, 100), (2, 150)], two(), NodePool::default());
    m.pools[0].supply.as_mut().unwrap().launch = Launch::new(Dist::constant(3_600.0).unwrap());
    let o = run(&m);
    let n = o.nodes.as_ref().unwrap();
    assert!(n.given_up >= 1);
    assert_eq!(seconds(&o, 1, Activity::Lost), 0);
    assert_eq!(seconds(&o, 1, Activity::Productive), 1_679 + 3_600);
}

#[test]
fn nodes_that_are_too_old_go_whatever_budgets_say() {
    let young = NodePool {
        expire_after: Some(Duration::from_secs(1_000)),
        budgets: vec![crate::policy::karpenter::Budget::of("0")],
        ..NodePool::default()
    };
    let o = run(&fleet(1, &[(1, 100)], vec![job(0, 3_600, 1)], young));
    // Launched at 1 s; the pod has run for 880 s when its node is 1,000 s old, and waits for another: a second for the
    // batch, two minutes for the boot. Then again.
    assert_eq!(removed(&o, "expired"), 3);
    assert_eq!(o.nodes.as_ref().unwrap().evicted, 3);
    assert_eq!(seconds(&o, 0, Activity::Lost), 3 * 880);
}

#[test]
fn protected_pods_outlast_an_expired_node_until_its_grace_is_over() {
    let young = NodePool {
        expire_after: Some(Duration::from_secs(1_000)),
        termination_grace: Some(Duration::from_secs(300)),
        ..NodePool::default()
    };
    let mut m = fleet(1, &[(1, 100)], vec![job(0, 3_600, 1)], young);
    m.work[0].disruption.do_not_disrupt = true;
    let o = run(&m);
    // Each life is 1,300 s: 120 of boot, 1,180 of work.
    assert_eq!(seconds(&o, 0, Activity::Lost), 2 * 1_180);
}

#[test]
fn a_pod_disruption_budget_lets_pods_go_one_by_one() {
    // Three pods of one GPU on a node of four, which expires: one may be missing at a time, and each is well again only
    // when another node has booted.
    let young = NodePool { expire_after: Some(Duration::from_secs(1_000)), ..NodePool::default() };
    let mut m = fleet(1, &[(4, 100)], vec![job(0, 9_000, 1), job(0, 9_000, 1), job(0, 9_000, 1)], young);
    m.work[0].disruption.budget = Some(Rule::MaxUnavailable(Amount::Pods(1)));
    let one = run(&m);
    m.work[0].disruption.budget = None;
    let all = run(&m);
    let lost = |o: &Outcome| seconds(o, 0, Activity::Lost);
    // Without a budget all three lose 880 s at once. With one the second and third go when the one before is well again
    // on the new node, launched a second after the expiry: at the retry after 1,122 s, and ten seconds later.
    assert!(lost(&all) >= 3 * 880);
    assert!(lost(&one) > lost(&all), "{} {}", lost(&one), lost(&all));
}

/// Jobs at random on a fleet of three kinds of nodes, one of which is taken back at random.
fn random(seed: u64) -> Model {
    let mut luck = Streams::new(seed, 0).stream("test", "", 0);
    let mut at = 0;
    let jobs: Vec<Job> = (0..200)
        .map(|_| {
            at += (luck.uniform() * 400.0) as u64;
            job(at, 60 + (luck.uniform() * 9_000.0) as u64, [1, 1, 1, 2, 4][(luck.uniform() * 5.0) as usize])
        })
        .collect();
    let mut m = fleet(24, &[(1, 100), (4, 300), (8, 700)], jobs, NodePool::default());
    let s = m.pools[1].supply.as_mut().unwrap();
    s.lifetimes = vec![(Lifetime::Law(Dist::exponential(3.0).unwrap()), Cause::Capacity)];
    m.work[0].disruption.budget = Some(Rule::MaxUnavailable(Amount::Percent(20)));
    m
}

#[test]
fn whatever_happens_time_and_money_are_conserved_and_runs_repeat() {
    for seed in 0..12 {
        let m = random(seed);
        let (a, b) = (run(&m), run(&m));
        assert_eq!(a.fingerprint, b.fingerprint);
        let n = a.nodes.as_ref().unwrap();
        assert!(n.launched > 0 && n.removed_in_all() > 0);
        assert!(a.jobs.done > 150, "{:?}", a.jobs);
    }
}

#[test]
fn passes_that_are_skipped_would_have_found_nothing() {
    // With an account of every change, skipping and not skipping come to the same.
    for seed in 0..6 {
        let m = random(seed);
        let skipping = run(&m);
        let o = super::without_skipping(|| simulate(&m, 1, 0, &mut Silent));
        assert_eq!(skipping.bill(), o.bill());
        assert_eq!(skipping.fingerprint, o.fingerprint);
        assert_eq!(o.nodes.as_ref().unwrap().skipped, 0);
        assert!(skipping.nodes.as_ref().unwrap().skipped > 0);
    }
}

#[test]
fn two_pools_of_one_kind_are_told_apart_by_labels() {
    let mut m = fleet(2, &[(1, 100), (1, 50)], vec![job(0, 600, 1)], NodePool::default());
    m.work[0].tiers[0].pools = crate::fleet::PoolSet::only(PoolId(0));
    let o = run(&m);
    assert_eq!(seconds(&o, 0, Activity::Productive), 600, "the dearer one, as the pod may use no other");
    assert_eq!(o.pools[1].bill.0, Usd::ZERO);
}

/// The same fleet under the Cluster Autoscaler, each pool a node group.
fn with_cluster_autoscaler(mut m: Model) -> Model {
    let groups = (0..m.pools.len() as u16).map(PoolId).collect();
    let config = crate::policy::cluster_autoscaler::Config::default();
    m.node_autoscaler = Some(NodeAutoscaler::ClusterAutoscaler(Box::new(ClusterAutoscaler { config, groups })));
    m
}

#[test]
fn the_cluster_autoscaler_waits_for_gpu_pods_to_be_half_a_minute_old_and_for_nodes_to_be_unneeded_for_ten() {
    let m = with_cluster_autoscaler(fleet(2, &[(1, 100)], vec![job(2, 3_600, 1)], NodePool::default()));
    let o = run(&m);
    // The scans at 10, 20 and 30 s find the pod too young. Launched at 40 s, ready at 160 s, empty at 3,760 s; longer than
    // ten minutes unneeded at the scan of 4,370 s, and gone five seconds after the taint.
    assert_eq!(seconds(&o, 0, Activity::Boot), 120);
    assert_eq!(seconds(&o, 0, Activity::Productive), 3_600);
    assert_eq!(seconds(&o, 0, Activity::Unallocated), 610);
    assert_eq!(seconds(&o, 0, Activity::Drain), 5);
    assert!((o.pools[0].bill.0.0 - DOLLAR * 4_335 / 3_600).abs() <= 1, "to a rounding");
    assert_eq!(removed(&o, "empty"), 1);
}

#[test]
fn the_cluster_autoscaler_drains_a_node_whose_pods_fit_elsewhere() {
    // Three and one GPU on a node of four, two on another. The three are over at 1,960 s.
    let jobs = vec![job(2, 1_800, 3), job(2, 9_000, 2), job(2, 5_000, 1)];
    let m = with_cluster_autoscaler(fleet(2, &[(4, 100)], jobs, NodePool::default()));
    let o = run(&m);
    let n = o.nodes.as_ref().unwrap();
    assert_eq!((n.launched, n.evicted), (2, 1));
    assert_eq!((removed(&o, "underutilized"), removed(&o, "empty")), (1, 0));
    // Unneeded since 1,960 s, tainted at 2,570 s, its pod evicted at 2,575 s after 2,415 s of work.
    assert_eq!(seconds(&o, 0, Activity::Lost), 2_415);
}

#[test]
fn the_cluster_autoscaler_keeps_nodes_whose_pods_may_not_move() {
    let jobs = vec![job(2, 1_800, 3), job(2, 9_000, 2), job(2, 5_000, 1)];
    let mut m = with_cluster_autoscaler(fleet(2, &[(4, 100)], jobs, NodePool::default()));
    m.work[0].disruption.do_not_disrupt = true;
    let o = run(&m);
    assert_eq!((o.nodes.as_ref().unwrap().evicted, removed(&o, "underutilized")), (0, 0));
}

#[test]
fn scans_that_are_skipped_would_have_found_nothing() {
    for seed in 0..6 {
        let m = with_cluster_autoscaler(random(seed));
        let skipping = run(&m);
        let o = super::without_skipping(|| simulate(&m, 1, 0, &mut Silent));
        assert_eq!(skipping.bill(), o.bill());
        assert_eq!(skipping.fingerprint, o.fingerprint);
        assert!(skipping.nodes.as_ref().unwrap().skipped > 0);
        assert!(skipping.jobs.done > 150, "{:?}", skipping.jobs);
    }
}

#[test]
fn the_descheduler_empties_a_node_that_is_little_used() {
    use crate::policy::descheduler::{Config, ResourceIx};
    // Three and one GPU on a node of four, two on another; the three are over at 1,800 s. At the run of that instant the first
    // node has a quarter in use, which is under-used, and its pod fits on the other.
    let mut m = Model::empty("hand", Duration::from_hours(2));
    m.queue = QueuePolicy { order: Order::Arrival, blocked: Blocked::Skip, preempt: false };
    m.placement = crate::policy::placement::PlacementPolicy::BestFit;
    m.add_pool("p", Capacity { cpu_milli: 4_000, mem_mib: 1_024, gpus: 4 }, 2, Rate(DOLLAR));
    m.add_work("w", Source::Jobs(vec![job(0, 1_800, 3), job(0, 7_200, 2), job(0, 5_000, 1)].into()));
    m.descheduler =
        Some(Descheduler { config: Config::high(vec![(ResourceIx::EXTENDED, 30.0)]), every: Duration::from_secs(300) });
    let o = run(&m);
    let n = o.nodes.as_ref().unwrap();
    assert_eq!((n.evicted, n.lost.0), (1, u128::from(1000 * S) * 1_800));
    assert_eq!(n.by, "Descheduler");
    // Protected pods stay.
    m.work[0].disruption.do_not_disrupt = true;
    assert_eq!(run(&m).nodes.unwrap().evicted, 0);
}
