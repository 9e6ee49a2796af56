//! GPUs that are cut, worked out by hand on the grid of `gpu_partitioning.md`, and the books under random work.

use std::path::Path;

use proptest::prelude::*;

use super::{check_conservation, simulate};
use crate::formats::Syntax;
use crate::outcome::{JobEnd, JobRow, Outcome, Recorder, SliceOutcome};
use crate::scenario::load;
use crate::scenario::resolve::Env;
use crate::units::{Activity, SourceMap};

/// One pool of H100s whose GPUs are shared so, and this work.
fn scenario(nodes: u32, gpus: u32, share: &str, more: &str, work: &str) -> String {
    format!(
        "(version: 1, name: \"t\", start: \"2026-10-05\", horizon: \"10h\", bucket: \"1h\", {more}
          pools: [(name: \"p\", device: \"H100\", gpus: {gpus}, cpus: 64, memory: \"512GiB\", nodes: {nodes},
                   price: PerGpu(1.0), share: {share})],
          work: [{work}])"
    )
}

/// Jobs of an hour at the start; `unsliced: 1` makes them as long on any slice.
fn jobs(name: &str, n: u32, slice: &str) -> String {
    format!(
        "Jobs(name: \"{name}\", arrive: Once({n}), length: Constant(\"1h\"), slice: Profile(\"{slice}\"), unsliced: 1),"
    )
}

#[derive(Default)]
struct Rows(Vec<(String, u64, JobEnd, Option<f64>, f64, u32)>);
impl Recorder for Rows {
    fn wants_jobs(&self) -> bool {
        true
    }
    fn job(&mut self, r: &JobRow<'_>) {
        let h = |t: crate::units::SimTime| t.0 as f64 / 3.6e12;
        self.0.push((r.workload.to_owned(), r.ordinal, r.state, r.start.map(h), h(r.end), r.attempts));
    }
}

fn run(text: &str) -> (Outcome, Rows) {
    let mut sources = SourceMap::default();
    let id = sources.add("test.ron", text);
    let loaded = load(id, Syntax::Ron, &[], None, &mut Env::new(&mut sources, Path::new("."), "no-such-data"));
    let model = loaded.unwrap_or_else(|d| panic!("{}", crate::formats::render::render(&d, &sources, false))).model;
    let mut rows = Rows::default();
    let o = simulate(&model, 1, 0, &mut rows);
    check_conservation(&o);
    let mut again = Rows::default();
    assert_eq!(simulate(&model, 1, 0, &mut again), o, "the same inputs give the same outcome");
    assert_eq!(again.0, rows.0);
    rows.0.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    (o, rows)
}

fn hours(o: &Outcome, a: Activity) -> f64 {
    o.pools[0].hours(a)
}

fn slices(o: &Outcome) -> &SliceOutcome {
    o.pools[0].slices.as_deref().expect("the pool's GPUs are cut")
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}

const BALANCED: &str = "Mig(layout: Each([\"3g.40gb\", \"2g.20gb\", \"1g.10gb\", \"1g.10gb\"]))";

#[test]
fn a_pod_of_each_profile_takes_its_memory_slices() {
    let work = [jobs("a", 1, "3g.40gb"), jobs("b", 1, "2g.20gb"), jobs("c", 2, "1g.10gb")].concat();
    let (o, rows) = run(&scenario(1, 1, BALANCED, "", &work));
    assert!(rows.0.iter().all(|r| r.2 == JobEnd::Done && r.3 == Some(0.0) && r.4 == 1.0), "{:?}", rows.0);
    // 4 + 2 + 1 + 1 of 8 memory slices for an hour: the whole GPU.
    near(hours(&o, Activity::Productive), 1.0);
    let held: Vec<_> = slices(&o).kinds.iter().map(|k| (k.name.as_str(), k.milli, k.placed, k.series[0])).collect();
    assert_eq!(held, [("3g.40gb", 500, 1, 0.5), ("2g.20gb", 250, 1, 0.25), ("1g.10gb", 125, 2, 0.25)]);
    assert_eq!(slices(&o).gpus[0].taken[..2], [1000, 0]);
    assert_eq!(slices(&o).way, "mig");
}

#[test]
fn work_is_slower_on_a_slice_by_its_sms() {
    // H100: 1g has 16 of 132 SMs, 3g 60: 0.62 + 0.38 · 132/16 and 0.62 + 0.38 · 132/60.
    for (slice, times) in [("1g.10gb", 0.62 + 0.38 * 132.0 / 16.0), ("3g.40gb", 0.62 + 0.38 * 2.2)] {
        let work = jobs("a", 1, slice).replace("unsliced: 1", "unsliced: 0.62");
        let (_, rows) = run(&scenario(1, 1, BALANCED, "", &work));
        assert!((rows.0[0].4 - times).abs() < 1e-6, "{slice}: {} for {times}", rows.0[0].4);
    }
}

#[test]
fn slices_that_nothing_can_use_are_stranded() {
    // Seven 1g leave a memory slice at which nothing starts, whatever runs.
    let (o, rows) = run(&scenario(1, 1, "Mig(layout: Named(\"all-1g.10gb\"))", "", &jobs("a", 8, "1g.10gb")));
    near(hours(&o, Activity::MigStranded), 10.0 / 8.0);
    near(hours(&o, Activity::Productive), 1.0);
    // Seven at once; the eighth waits for one of them, though a slice is free.
    assert_eq!(rows.0.iter().filter(|r| r.3 == Some(0.0)).count(), 7);
    assert_eq!(rows.0.iter().filter(|r| r.3 == Some(1.0)).count(), 1);
    // On demand, the same slice is stranded where only 1g are asked for.
    let (o, _) = run(&scenario(1, 1, "Mig(layout: Dynamic())", "", &jobs("a", 1, "1g.10gb")));
    near(hours(&o, Activity::MigStranded), 10.0 / 8.0);
    // Two 3g leave no memory and one of seven compute slices.
    let (o, _) = run(&scenario(1, 1, "Mig(layout: Each([\"3g\", \"3g\"]))", "", &jobs("a", 2, "3g.40gb")));
    near(hours(&o, Activity::MigStranded), 0.0);
    assert_eq!(slices(&o).compute_left.0 * 7, slices(&o).compute_all.0);
    // A 4g and a 3g leave nothing; of instances that nobody asks for all is stranded.
    let (o, _) = run(&scenario(1, 1, "Mig(layout: Each([\"4g\", \"3g\"]))", "", &jobs("a", 2, "3g.40gb")));
    near(hours(&o, Activity::MigStranded), 5.0);
    assert_eq!(slices(&o).compute_left.0 * 7, slices(&o).compute_all.0 * 4);
}

#[test]
fn instances_on_demand_take_time_to_make_and_to_destroy() {
    let s = 1.0 / 3600.0;
    let (o, rows) =
        run(&scenario(1, 1, "Mig(layout: Dynamic(create: \"5s\", destroy: \"3s\"))", "", &jobs("a", 2, "7g")));
    // The second waits until the first is destroyed, and for its own.
    near(rows.0[0].4, 1.0 + 5.0 * s);
    near(rows.0[1].4, 2.0 + 13.0 * s);
    near(hours(&o, Activity::Reconfiguring), 13.0 * s);
    near(hours(&o, Activity::Productive), 2.0);
    assert_eq!((slices(&o).made, slices(&o).making_ns), (2, 13_000_000_000));
    assert_eq!(slices(&o).way, "mig_on_demand");
}

#[test]
fn where_an_instance_lies_is_policy() {
    // gpu_partitioning.md section 8, vector 6: 3g and then 4g.
    let work = [jobs("a", 1, "3g.40gb"), jobs("b", 1, "4g.40gb")].concat();
    let starts = |order: &str| {
        let share = format!("Mig(layout: Dynamic(starts: {order}, create: \"0s\", destroy: \"0s\"))");
        run(&scenario(1, 1, &share, "", &work)).1.0.iter().map(|r| r.3).collect::<Vec<_>>()
    };
    assert_eq!(starts("Ascending"), [Some(0.0), Some(1.0)]);
    assert_eq!(starts("NvidiaDriver"), [Some(0.0), Some(0.0)]);
    assert_eq!(starts("LeastFragmentation"), [Some(0.0), Some(0.0)]);
    // Vector 7: 1g.2x four times takes all memory; a 1g finds none, with three compute slices left.
    let work = [jobs("a", 4, "1g.20gb"), jobs("b", 1, "1g.10gb")].concat();
    let (o, rows) = run(&scenario(1, 1, "Mig(layout: Dynamic(create: \"0s\", destroy: \"0s\"))", "", &work));
    assert_eq!(rows.0[4].3, Some(1.0));
    assert_eq!(slices(&o).compute_left.0, 3 * 3_600_000_000_000);
}

#[test]
fn the_strategy_single_offers_each_instance_as_a_gpu() {
    let plain = "Jobs(name: \"a\", arrive: Once(4), length: Constant(\"1h\"), unsliced: 1),";
    let share = "Mig(layout: Each([\"2g.20gb\", \"2g.20gb\", \"2g.20gb\"]), strategy: Single)";
    let (o, rows) = run(&scenario(1, 1, share, "", plain));
    assert_eq!(rows.0.iter().filter(|r| r.3 == Some(0.0)).count(), 3);
    near(hours(&o, Activity::Productive), 1.0);
    assert_eq!(slices(&o).kinds[0].name, "2g.20gb");
    // What one needs finds it there, too.
    let need = plain.replace("unsliced: 1", "unsliced: 1, slice: Smallest(memory: \"12GiB\")");
    let (o, _) = run(&scenario(1, 1, share, "", &need));
    near(hours(&o, Activity::Productive), 1.0);
}

#[test]
fn the_smallest_profile_that_has_it_follows() {
    // 12 GiB: 1g.20gb has 19.62 GiB on two slices, as 2g.20gb has; of those the fewer compute slices.
    let work = "Jobs(name: \"a\", arrive: Once(1), length: Constant(\"1h\"), unsliced: 1, slice: Smallest(SLICE)),";
    for (need, profile) in [
        ("memory: \"12GiB\"", "1g.20gb"),
        ("memory: \"12GiB\", compute: 0.2", "2g.20gb"),
        ("memory: \"1GiB\"", "1g.10gb"),
        ("compute: 0.48", "4g.40gb"),
        ("memory: \"60GiB\"", "7g.80gb"),
    ] {
        let (o, _) = run(&scenario(1, 1, "Mig(layout: Dynamic())", "", &work.replace("SLICE", need)));
        assert_eq!(slices(&o).kinds[0].name, profile, "{need}");
    }
}

#[test]
fn a_layout_is_changed_when_the_node_is_empty_and_nothing_runs_meanwhile() {
    // At 1 h the layout changes. The 3g job of two hours may finish: cordoned until 2 h, then four minutes.
    let work = "Jobs(name: \"a\", arrive: Once(1), length: Constant(\"2h\"), slice: Profile(\"3g.40gb\"), unsliced: 1),
                Jobs(name: \"b\", arrive: Once(7), length: Constant(\"1h\"), slice: Profile(\"1g.10gb\"), unsliced: 1),";
    let share = "Mig(layout: Each([\"4g.40gb\", \"3g.40gb\"]))";
    let recut = |grace: &str| {
        format!("changes: [Recut(pool: \"p\", layout: Named(\"all-1g.10gb\"), when: After(\"1h\"){grace})],")
    };
    let (o, rows) = run(&scenario(1, 1, share, &recut(""), work));
    assert_eq!((rows.0[0].3, rows.0[0].4, rows.0[0].5), (Some(0.0), 2.0, 1));
    near(rows.0[1].3.expect("there are 1g now"), 2.0 + 240.0 / 3600.0);
    near(hours(&o, Activity::Reconfiguring), 240.0 / 3600.0);
    near(hours(&o, Activity::Drain), 0.5);
    assert_eq!(slices(&o).recut, 1);
    // With a grace of half an hour it is stopped, which is told, and finds no 3g any more.
    let skip = format!("queue: SkipAhead, {}", recut(", grace: \"30m\""));
    let (o, rows) = run(&scenario(1, 1, share, &skip, work));
    assert_eq!((rows.0[0].2, o.jobs.preemptions), (JobEnd::Queued, 1));
    near(hours(&o, Activity::Lost), 0.75);
    near(rows.0[1].3.expect("there are 1g now"), 1.5 + 240.0 / 3600.0);
}

#[test]
fn a_gpu_of_turns_has_as_many_pods_as_it_has_replicas_and_they_slow_each_other_down() {
    // Four that fill the GPU get no more done than one, where `most` is 1: four hours for each. The fifth is alone.
    let work = "Jobs(name: \"a\", arrive: Once(5), length: Constant(\"1h\")),";
    let (o, rows) = run(&scenario(1, 1, "TimeSlicing(replicas: 4, slowdown: 0, most: 1)", "", work));
    assert_eq!(rows.0.iter().filter(|r| r.3 == Some(0.0) && r.4 == 4.0).count(), 4);
    assert_eq!((rows.0[4].3, rows.0[4].4), (Some(4.0), 5.0));
    near(hours(&o, Activity::Productive), 4.25);
    assert_eq!((slices(&o).way.as_str(), slices(&o).kinds[0].milli), ("time_slicing", 250));
    // 16 pod-hours that took four times as long, and one that did not.
    near(slices(&o).slowdown.mean().expect("they worked"), 17.0 / 5.0);
}

#[test]
fn jobs_go_on_faster_once_they_are_alone() {
    let two = |busy: &str| {
        format!(
            "Jobs(name: \"a\", arrive: Once(1), length: Constant(\"1h\"), use_of_gpu: (busy: Constant(\"{busy}\"))),
             Jobs(name: \"b\", arrive: Once(1), length: Constant(\"2h\"), use_of_gpu: (busy: Constant(\"{busy}\"))),"
        )
    };
    let ends = |share: &str, busy: &str| {
        let (_, rows) = run(&scenario(1, 1, share, "", &two(busy)));
        (rows.0[0].4, rows.0[1].4)
    };
    let about = |got: (f64, f64), want: (f64, f64)| {
        assert!((got.0 - want.0).abs() < 2e-3 && (got.1 - want.1).abs() < 2e-3, "{got:?} for {want:?}");
    };
    // Time-slicing: two that fill the GPU get 0.9 of it done together. An hour each in 2/0.9 hours; then one is alone.
    about(ends("TimeSlicing(replicas: 2)", "100%"), (2.0 / 0.9, 2.0 / 0.9 + 1.0));
    // 1 + 1.14 where they do not fill it.
    about(ends("TimeSlicing(replicas: 2)", "50%"), (2.14, 2.14 + 1.0));
    // MPS: 1 + 0.435, and never more than the GPU has.
    about(ends("Mps(replicas: 2)", "50%"), (1.435, 2.435));
    about(ends("Mps(replicas: 2)", "100%"), (2.0, 3.0));
}

#[test]
fn idle_replicas_slow_nobody_and_busy_ones_do() {
    // Two endpoints on one GPU. One is asked all the time; the other is never, or as much.
    let endpoint = |name: &str, per_second: f64| {
        format!(
            "Service(name: \"{name}\", traffic: [Synthetic(name: \"u\", rate: (per_second: {per_second}),
               tokens: Lengths(input: 100, output: 100))],
               deployments: [(name: \"d\", model: \"Llama-3.1-8B\", dtype: Fp8, profile: FromPhysics())]),"
        )
    };
    let p50 = |share: &str, other: f64| {
        let work = [endpoint("a", 0.5), endpoint("b", other)].concat();
        let (o, _) = run(&scenario(1, 1, share, "", &work));
        let s = o.work[0].service.as_deref().expect("a service");
        (s.latency.tpot.quantile(0.5).expect("it answered") as f64, slices(&o).slowdown.mean())
    };
    let (alone, none) = p50("TimeSlicing(replicas: 2)", 1e-6);
    let (beside, mean) = p50("TimeSlicing(replicas: 2)", 0.5);
    let (mps, _) = p50("Mps(replicas: 2)", 0.5);
    assert!((none.expect("it worked") - 1.0).abs() < 0.01, "{none:?}");
    assert!(beside > 1.15 * alone && mps > 1.05 * alone && mps < beside, "{alone} {beside} {mps}");
    let mean = mean.expect("they worked");
    assert!(mean > 1.15 && mean < 2.14, "{mean}");
}

fn share_of(kind: u8) -> &'static str {
    match kind {
        0 => BALANCED,
        1 => {
            "Mig(layout: Dynamic(starts: LeastFragmentation, create: \"7s\", destroy: \"11s\"), gpus: LeastFragmentation)"
        }
        2 => "Mig(layout: Dynamic(starts: NvidiaDriver), gpus: Spread)",
        3 => "Mig(layout: Dynamic(create: \"30s\"), gpus: FirstFit)",
        4 => "Mig(layout: Each([\"1g.20gb\", \"1g.20gb\", \"4g.40gb\"]))",
        _ => "Mig(layout: Dynamic())",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever comes and goes, the books balance (asserted when they are closed), and a run repeats.
    #[test]
    fn the_books_balance_under_random_work(
        kind in 0..6_u8,
        queue in 0..4_usize,
        placement in 0..5_usize,
        (small, large) in (1..400_u32, 1..40_u32),
        seed in 0..1000_u32,
    ) {
        let queue = ["Fifo", "Backfill(depth: 20)", "Priority(preempt: true)", "Fifo"][queue];
        let placement = ["BestFit", "FirstFit", "Fgd", "GpuPacking", "LeastAllocated"][placement];
        let work = format!(
            "Jobs(name: \"s\", arrive: Poisson(per_day: {small}), length: Exponential(\"25m\"), slice: Smallest(memory: \"5GiB\"), cpus_per_gpu: 8),
             Jobs(name: \"m\", arrive: Poisson(per_day: {large}), length: Exponential(\"50m\"), slice: Smallest(memory: \"18GiB\"), priority: 1),
             Jobs(name: \"l\", arrive: Poisson(per_day: {large}), length: Exponential(\"1h\"), slice: Smallest(memory: \"30GiB\"), priority: 2),
             Jobs(name: \"cpu\", arrive: Poisson(per_day: 50), length: Exponential(\"1h\"), gpus: 0, cpus: 20),"
        );
        let more = format!("seed: {seed}, queue: {queue}, placement: {placement},");
        let (o, _) = run(&scenario(2, 2, share_of(kind), &more, &work));
        let s = slices(&o);
        // What is held by kind is what the books say that pods held, making instances included.
        let held: u128 = s.kinds.iter().map(|k| k.held.0).sum();
        let booked = o.pools[0].allocated() + o.pools[0].activity[Activity::Reconfiguring as usize].0;
        prop_assert_eq!(held, booked);
        for g in &s.gpus {
            prop_assert!(g.taken.iter().all(|t| *t <= 1000), "{}: {:?}", g.name, g.taken);
        }
    }
}
