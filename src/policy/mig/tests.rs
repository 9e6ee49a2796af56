//! Placement sequences, fragmentation, packing, layouts, repacking.

use std::sync::Arc;

use proptest::prelude::*;

use super::dynamic::{next, why_not};
use super::layout::{CannotApply, apply};
use super::pack::{arrange, gpus_needed, in_order, pack, permuted};
use super::place::das_score;
use super::repack::{Eviction, Move, Room, cheapest, consolidate, in_the_way, pays};
use super::*;
use crate::catalog::mig::{Geometry, ProfileId, Slices, find, geometries};
use crate::fleet::mig::{InstanceId, Layouts, MigGpu, Phase, Refusal};
use crate::units::Duration;

const CLASSIC: [&str; 5] = ["1g", "2g", "3g", "4g", "7g"];

fn geometry(name: &str) -> Arc<Geometry> {
    find(name).unwrap_or_else(|e| panic!("{e}")).clone()
}

fn ids(g: &Geometry, words: &[&str]) -> Vec<ProfileId> {
    words.iter().map(|w| g.find(w).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn id(g: &Geometry, word: &str) -> ProfileId {
    ids(g, &[word])[0]
}

fn gpu(device: &str, instances: &[(&str, u8)]) -> MigGpu {
    let mut gpu = MigGpu::new(geometry(device));
    for (word, start) in instances {
        let id = id(gpu.geometry(), word);
        gpu.create(id, *start).unwrap_or_else(|e| panic!("{word}@{start}: {}", e.text(gpu.geometry())));
    }
    gpu
}

/// The mix of the golden numbers: 1g .4, 2g .25, 3g .2, 4g .05, 7g .1.
fn mix(g: &Geometry) -> Mix {
    Mix::new(ids(g, &CLASSIC).into_iter().zip([40, 25, 20, 5, 10]).collect())
}

fn table(g: &Geometry) -> FragTable {
    FragTable::new(g, &Mix::even(g.ids()))
}

/// Places profiles one after the other; the starts, `None` for a refusal.
fn sequence(device: &str, starts: StartOrder, words: &[&str]) -> (Vec<Option<u8>>, String) {
    let mut gpu = gpu(device, &[]);
    let g = gpu.geometry().clone();
    let table = table(&g);
    let placer = Placer { gpus: GpuOrder::FirstFit, starts, table: &table };
    let placed = words
        .iter()
        .map(|w| {
            let id = id(&g, w);
            let start = placer.start(&gpu, id).ok()?;
            gpu.create(id, start).ok().map(|_| start)
        })
        .collect();
    (placed, gpu.occupied().text(g.width()))
}

#[test]
fn placement_sequences_are_those_of_the_transcripts() {
    let check = |device, order, words: &[&str], want: &[Option<u8>], mask: &str| {
        assert_eq!(sequence(device, order, words), (want.to_vec(), mask.to_owned()), "{words:?} {order:?}");
    };
    let (driver, ascending) = (StartOrder::NvidiaDriver, StartOrder::Ascending);
    for device in ["A100", "H100", "B200"] {
        check(device, driver, &["1g", "1g", "2g", "3g"], &[Some(6), Some(4), Some(0), None], "##..#.#.");
        check(device, ascending, &["1g", "1g", "2g", "3g"], &[Some(0), Some(1), Some(2), Some(4)], "########");
        check(device, driver, &["3g", "1g", "2g", "1g"], &[Some(4), Some(0), Some(2), Some(1)], "########");
        let six = ["2g", "1g", "1g", "1g", "1g", "1g"];
        check(device, driver, &six, &[Some(4), Some(6), Some(0), Some(1), Some(2), Some(3)], "#######.");
        check(device, driver, &["1g", "2g", "4g"], &[Some(6), Some(4), Some(0)], "#######.");
        let seven = [Some(6), Some(4), Some(5), Some(0), Some(1), Some(2), Some(3), None];
        check(device, driver, &["1g"; 8], &seven, "#######.");
        check(device, ascending, &["3g", "4g"], &[Some(0), None], "####....");
        check(device, driver, &["3g", "4g"], &[Some(4), Some(0)], "########");
        let doubles = ["1g.2x", "1g.2x", "1g.2x", "1g.2x", "1g"];
        check(device, ascending, &doubles, &[Some(0), Some(2), Some(4), Some(6), None], "########");
        check(device, driver, &doubles, &[Some(6), Some(4), Some(0), Some(2), None], "########");
        check(device, ascending, &["2g", "2g", "2g", "2g"], &[Some(0), Some(2), Some(4), None], "######..");
        check(device, ascending, &["3g", "3g", "1g"], &[Some(0), Some(4), None], "########");
        check(device, ascending, &["1g+me", "1g+me", "3g", "7g"], &[Some(0), None, Some(4), None], "#...####");
    }
    check("A30", ascending, &["2g", "1g", "1g", "1g"], &[Some(0), Some(2), Some(3), None], "####");
    check("RTX-PRO-6000", ascending, &["2g", "1g", "1g"], &[Some(0), Some(6), Some(9)], "############");
    // The driver's order was not seen on these: ascending.
    check("A30", driver, &["1g", "1g"], &[Some(0), Some(1)], "##..");
}

#[test]
fn fragmentation_has_the_golden_numbers() {
    let g = geometry("A100");
    let mix = mix(&g);
    let table = FragTable::new(&g, &mix);
    let f = |instances: &[(&str, u8)]| {
        let occupied = gpu("A100", instances).occupied();
        assert_eq!(table.of(occupied), mix.fragmentation(&g, occupied));
        table.of(occupied)
    };
    // In hundredths: F(empty) = 1.1 and so on.
    assert_eq!(f(&[]), 110);
    assert_eq!(f(&[("1g", 0)]), 280);
    assert_eq!(f(&[("1g", 4)]), 260);
    assert_eq!(f(&[("1g", 6)]), 210);
    assert_eq!(f(&[("3g", 0)]), 150);
    assert_eq!(f(&[("3g", 4)]), 40);
    assert_eq!(f(&[("1g", 6), ("1g", 5)]), 200);
    assert_eq!(f(&[("1g", 6), ("1g", 4)]), 200);
    assert!((table.slices(Slices::NONE) - 1.1).abs() < 1e-12);
    assert_eq!(table.growth(Slices::NONE, Slices::run(4, 4)), -70);
    // It finds what the driver does; equals go to the lowest start.
    let placer = Placer { gpus: GpuOrder::FirstFit, starts: StartOrder::LeastFragmentation, table: &table };
    let start = |instances: &[(&str, u8)], word: &str| placer.start(&gpu("A100", instances), id(&g, word));
    assert_eq!(start(&[], "1g"), Ok(6));
    assert_eq!(start(&[], "3g"), Ok(4));
    assert_eq!(start(&[("1g", 6)], "1g"), Ok(4));
    let none = FragTable::new(&g, &Mix::default());
    assert_eq!((none.of(Slices::NONE), none.slices(Slices::NONE)), (0, 0.0));
}

#[test]
fn orders_between_gpus_differ_as_they_should() {
    let g = geometry("A100");
    let table = FragTable::new(&g, &mix(&g));
    // Free slices: 8, 4 (upper half), 4 (lower half), 2 (6 and 7).
    let gpus = [
        gpu("A100", &[]),
        gpu("A100", &[("3g", 0)]),
        gpu("A100", &[("3g", 4)]),
        gpu("A100", &[("2g", 0), ("2g", 2), ("2g", 4)]),
    ];
    let of = |order, starts, word: &str| Placer { gpus: order, starts, table: &table }.choose(&gpus, id(&g, word));
    let (asc, driver) = (StartOrder::Ascending, StartOrder::NvidiaDriver);
    assert_eq!(of(GpuOrder::FirstFit, asc, "1g"), Some((0, 0)));
    assert_eq!(of(GpuOrder::FirstFit, driver, "1g"), Some((0, 6)));
    assert_eq!(of(GpuOrder::BestFit, asc, "1g"), Some((3, 6)));
    assert_eq!(of(GpuOrder::BestFit, asc, "3g"), Some((1, 4)));
    assert_eq!(of(GpuOrder::BestFit, asc, "4g"), Some((2, 0)));
    assert_eq!(of(GpuOrder::Spread, asc, "1g"), Some((0, 0)));
    assert_eq!(of(GpuOrder::Spread, driver, "3g"), Some((0, 4)));
    let frag = of(GpuOrder::LeastFragmentation, StartOrder::LeastFragmentation, "3g");
    // Growths: −0.7 on the empty GPU, −1.5 on the second (its free half is only waste for others), −0.4 on the third.
    assert_eq!(frag, Some((1, 4)));
    assert_eq!(of(GpuOrder::FirstFit, asc, "7g"), Some((0, 0)));
    assert_eq!(Placer { gpus: GpuOrder::BestFit, starts: asc, table: &table }.choose(&gpus[1..], id(&g, "7g")), None);
    // 18 of 32 slices free: 56.25 %.
    assert_eq!(das_score(&gpus), 56);
    assert_eq!(das_score(&[]), 0);
}

#[test]
fn the_order_of_requests_matters_to_the_driver_and_not_to_explicit_starts() {
    let empty = gpu("A100", &[]);
    let g = empty.geometry().clone();
    let table = table(&g);
    let with = |starts| Placer { gpus: GpuOrder::FirstFit, starts, table: &table };
    let driver = with(StartOrder::NvidiaDriver);
    let list = ids(&g, &["1g", "1g", "2g", "3g"]);
    assert!(matches!(in_order(&empty, &list, &driver), Err((3, Refusal::NoFreeStart { .. }))));
    let other = ids(&g, &["3g", "1g", "1g", "2g"]);
    assert!(in_order(&empty, &other, &driver).is_ok());
    let way = permuted(&empty, &list, &driver).expect("a way");
    assert_eq!(way.len(), 4);
    let replay: Vec<ProfileId> = way.iter().map(|w| w.0).collect();
    assert_eq!(in_order(&empty, &replay, &driver), Ok(way));
    assert!(arrange(&empty, &list, &with(StartOrder::Ascending)).is_some());
    let both = ids(&g, &["3g", "4g"]);
    assert_eq!(arrange(&empty, &both, &with(StartOrder::Ascending)), Some(vec![(both[0], 4), (both[1], 0)]));
    assert_eq!(arrange(&empty, &ids(&g, &["4g", "4g"]), &driver), None);
    assert_eq!(permuted(&empty, &ids(&g, &["7g", "1g"]), &driver), None);
}

#[test]
fn whatever_fits_is_arranged_and_nothing_else() {
    for g in ["A100", "A30", "RTX-PRO-6000"].map(geometry) {
        let set: Vec<ProfileId> = g.ids().filter(|i| !g.profile(*i).graphics).collect();
        let layouts = Layouts::of(&g, &set).expect("few");
        let feasible = layouts.multisets();
        let table = table(&g);
        let empty = MigGpu::new(g.clone());
        let requests = |m: &[u8]| -> Vec<ProfileId> {
            m.iter().zip(&set).flat_map(|(n, p)| std::iter::repeat_n(*p, usize::from(*n))).collect()
        };
        for starts in [StartOrder::Ascending, StartOrder::NvidiaDriver, StartOrder::LeastFragmentation] {
            let placer = Placer { gpus: GpuOrder::FirstFit, starts, table: &table };
            for m in &feasible {
                let list = requests(m);
                let way = arrange(&empty, &list, &placer).unwrap_or_else(|| panic!("{m:?}"));
                let mut gpu = empty.clone();
                assert!(gpu.replace(&way).is_ok());
                assert!(way.iter().map(|w| w.0).eq(list.iter().copied()));
                // One more of anything is feasible or is not arranged.
                for i in 0..set.len() {
                    let mut more = m.clone();
                    more[i] += 1;
                    assert_eq!(
                        arrange(&empty, &requests(&more), &placer).is_some(),
                        feasible.contains(&more),
                        "{more:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn requests_are_packed_on_few_gpus() {
    let empty = gpu("A100", &[]);
    let g = empty.geometry().clone();
    let table = table(&g);
    let placer = Placer { gpus: GpuOrder::BestFit, starts: StartOrder::NvidiaDriver, table: &table };
    let list = ids(&g, &["1g", "3g", "4g", "2g", "3g", "1g", "7g"]);
    let packed = pack(&[empty.clone(), empty.clone(), empty.clone()], &list, &placer);
    // 7g takes the first; 4g and 3g the second; 3g, 2g, 1g, 1g the third.
    let at: Vec<Option<usize>> = packed.iter().map(|p| p.map(|(i, _)| i)).collect();
    assert_eq!(at, [Some(2), Some(1), Some(1), Some(2), Some(2), Some(2), Some(0)]);
    assert_eq!(gpus_needed(&empty, &list, &placer), Some(3));
    assert_eq!(gpus_needed(&empty, &[], &placer), Some(0));
    assert_eq!(gpus_needed(&empty, &[list[0]; 15], &placer), Some(3));
    assert_eq!(pack(&[], &list, &placer), vec![None; 7]);
    let short = pack(&[empty], &list, &placer);
    assert_eq!(short.iter().flatten().count(), 1);
}

#[test]
fn named_layouts_are_mig_parted_s() {
    let show = |device: &str, name: &str| {
        let g = geometry(device);
        StaticLayout::named(&g, name).map(|l| match l {
            StaticLayout::Disabled => "off".to_owned(),
            StaticLayout::Instances(list) => {
                list.iter().map(|(p, n)| format!("{}:{n}", g.profile(*p).name)).collect::<Vec<_>>().join(" ")
            }
        })
    };
    assert_eq!(show("A100", "all-disabled").as_deref(), Ok("off"));
    assert_eq!(show("A100", "all-enabled").as_deref(), Ok(""));
    assert_eq!(show("A100", "all-balanced").as_deref(), Ok("1g.5gb:2 2g.10gb:1 3g.20gb:1"));
    assert_eq!(show("A30", "all-balanced").as_deref(), Ok("1g.6gb:2 2g.12gb:1"));
    // One name, two profiles: four of the double-memory one, seven of the base.
    assert_eq!(show("A100", "all-1g.10gb").as_deref(), Ok("1g.10gb:4"));
    assert_eq!(show("A100-80GB", "all-1g.10gb").as_deref(), Ok("1g.10gb:7"));
    assert_eq!(show("A100", "all-1g.5gb.me").as_deref(), Ok("1g.5gb+me:1"));
    assert!(show("A100", "all-5g").is_err());
    // Every one of them fits its GPU.
    for g in geometries() {
        let table = table(g);
        let placer = Placer { gpus: GpuOrder::FirstFit, starts: StartOrder::NvidiaDriver, table: &table };
        let names = g.profiles().iter().map(|p| format!("all-{}", p.name)).chain(["all-balanced".to_owned()]);
        for name in names {
            let layout = StaticLayout::named(g, &name).expect("known");
            let done = apply(&MigGpu::new(g.clone()), &layout, &placer);
            assert!(matches!(done, Ok(Apply::Replace { toggle: false, .. })), "{} {name}", g.name());
        }
    }
}

#[test]
fn a_layout_is_applied_to_an_idle_gpu_as_a_whole() {
    let mut gpu = gpu("H100", &[("1g", 0)]);
    let g = gpu.geometry().clone();
    let table = table(&g);
    let placer = Placer { gpus: GpuOrder::FirstFit, starts: StartOrder::NvidiaDriver, table: &table };
    let balanced = StaticLayout::named(&g, "all-balanced").expect("known");
    let (first, times) = (gpu.instances()[0].id, Times::default());
    gpu.bind(first).expect("ready");
    assert_eq!(apply(&gpu, &balanced, &placer), Err(CannotApply::Gpu(Refusal::GpuBusy { bound: 1 })));
    gpu.release(first).expect("bound");
    let plan = apply(&gpu, &balanced, &placer).expect("idle");
    assert_eq!(times.outage(&plan, &g, false), Duration::from_secs(240));
    let Apply::Replace { toggle, placements } = &plan else { panic!("{plan:?}") };
    assert!(!toggle && placements.len() == 4);
    gpu.replace(placements).expect("idle");
    assert!(gpu.instances().iter().all(|i| i.phase == Phase::Ready));
    // Applied again, nothing is to be done, in use or not.
    let one = gpu.instances()[0].id;
    gpu.bind(one).expect("ready");
    assert_eq!(apply(&gpu, &balanced, &placer), Ok(Apply::Already));
    assert_eq!(times.outage(&Apply::Already, &g, false), Duration::ZERO);
    let too_much = StaticLayout::Instances(vec![(id(&g, "4g"), 2)]);
    assert_eq!(apply(&gpu, &too_much, &placer), Err(CannotApply::NoWay));
    // From a whole GPU the mode changes as well.
    let whole = MigGpu::whole(g.clone());
    let plan = apply(&whole, &balanced, &placer).expect("idle");
    assert!(matches!(plan, Apply::Replace { toggle: true, .. }));
    assert_eq!(times.outage(&plan, &g, true), Duration::from_secs(270));
    assert_eq!(times.outage(&plan, &geometry("A100"), true), Duration::from_secs(690));
    assert_eq!(apply(&whole, &StaticLayout::Disabled, &placer), Ok(Apply::Already));
    assert_eq!(times.change(2, 1), Duration::from_secs(3));
}

#[test]
fn a_request_uses_what_is_there_before_it_makes_anything() {
    let g = geometry("A100");
    let table = table(&g);
    let placer = Placer { gpus: GpuOrder::FirstFit, starts: StartOrder::NvidiaDriver, table: &table };
    let mut gpus = [gpu("A100", &[("7g", 0)]), gpu("A100", &[("3g", 4), ("1g", 0)])];
    let of = |gpus: &[MigGpu], word: &str| next(gpus, id(&g, word), &placer, true);
    assert_eq!(of(&gpus, "1g"), Next::Bind { gpu: 1, id: InstanceId(1) });
    assert_eq!(of(&gpus, "2g"), Next::Create { gpu: 1, start: 2 });
    // A 4g has no room: the unused 1g (one instance) or the unused 7g (one instance): the first GPU.
    assert_eq!(of(&gpus, "4g"), Next::MakeRoom { gpu: 0, destroy: vec![InstanceId(0)], start: 0 });
    assert_eq!(next(&gpus, id(&g, "4g"), &placer, false), Next::Wait);
    gpus[0].bind(InstanceId(0)).expect("ready");
    assert_eq!(of(&gpus, "4g"), Next::MakeRoom { gpu: 1, destroy: vec![InstanceId(1)], start: 0 });
    gpus[1].bind(InstanceId(1)).expect("ready");
    assert_eq!(of(&gpus, "4g"), Next::Wait);
    assert!(matches!(why_not(&gpus, id(&g, "4g")), Some(Refusal::NoFreeStart { free: 0, .. })));
    assert_eq!(why_not(&gpus, id(&g, "1g")), None);
    // A second 1g with media extensions takes the place of the first.
    let media = [gpu("A100", &[("1g+me", 0)])];
    assert_eq!(in_the_way(&media[0], id(&g, "1g+me"), 3), Some(vec![InstanceId(0)]));
    assert_eq!(in_the_way(&media[0], id(&g, "2g"), 2), Some(vec![]));
    assert_eq!(in_the_way(&MigGpu::whole(g.clone()), id(&g, "2g"), 2), None);
}

#[test]
fn the_cheapest_evictions_make_room() {
    let g = geometry("A100");
    let s = Duration::from_secs;
    // GPU 0: 1g at 6, 1g at 4, 2g at 0. GPU 1: 4g at 0, 3g at 4.
    let mut gpus = [gpu("A100", &[("1g", 6), ("1g", 4), ("2g", 0)]), gpu("A100", &[("4g", 0), ("3g", 4)])];
    for gpu in &mut gpus {
        for i in gpu.instances().to_vec() {
            gpu.bind(i.id).expect("ready");
        }
    }
    let times = Times::default();
    let costs = [vec![10, 20, 25], vec![50, 28]];
    let cost = |costs: &[Vec<u64>; 2], gpu: usize, id: InstanceId| Eviction {
        restart: s(costs[gpu][id.0 as usize] - 5),
        lost: s(5),
        preemptible: true,
    };
    let best = cheapest(&gpus, id(&g, "3g"), &times, |a, b| cost(&costs, a, b));
    // 3g at 0 evicts the 2g for 25; at 4 both 1g for 30; on the other GPU 50 or 28.
    let want = Room { gpu: 0, start: 0, evict: vec![InstanceId(2)], cost: s(25), change: s(2) };
    assert_eq!(best, Some(want.clone()));
    assert!(pays(&want, s(28)) && !pays(&want, s(27)));
    // With the 2g not to be evicted, the 3g goes.
    let stays = |a: usize, b: InstanceId| Eviction { preemptible: (a, b.0) != (0, 2), ..cost(&costs, a, b) };
    assert_eq!(cheapest(&gpus, id(&g, "3g"), &times, stays).map(|r| (r.gpu, r.start, r.cost)), Some((1, 4, s(28))));
    // What is unused costs nothing; what has room needs no eviction.
    gpus[0].release(InstanceId(0)).expect("bound");
    gpus[0].release(InstanceId(1)).expect("bound");
    let free = cheapest(&gpus, id(&g, "3g"), &times, |a, b| cost(&costs, a, b)).expect("room");
    assert_eq!((free.gpu, free.start, free.cost, free.change), (0, 4, Duration::ZERO, s(3)));
    assert_eq!(cheapest(&gpus, id(&g, "2g"), &times, |a, b| cost(&costs, a, b)), None);
    let nobody = |_, _| Eviction { restart: s(1), lost: s(1), preemptible: false };
    assert_eq!(cheapest(&gpus[1..], id(&g, "3g"), &times, nobody), None);
}

#[test]
fn the_emptiest_gpus_are_emptied_when_all_of_theirs_fits_elsewhere() {
    let g = geometry("A100");
    let table = table(&g);
    let placer = Placer { gpus: GpuOrder::BestFit, starts: StartOrder::NvidiaDriver, table: &table };
    // Used: 5, 4, 1, 8. The 1g of the third goes to the first (3 free, fewest); then the second (3g) finds no room in the
    // first any more, whose slices 4 and 5 or 6 are taken.
    let gpus = [
        gpu("A100", &[("4g", 0), ("1g", 6)]),
        gpu("A100", &[("3g", 4)]),
        gpu("A100", &[("1g", 0)]),
        gpu("A100", &[("7g", 0)]),
    ];
    let moves = consolidate(&gpus, &placer, |_, _| true);
    assert_eq!(moves, [Move { from: 2, id: InstanceId(0), to: 0, start: 4 }]);
    // Two half-full GPUs become one: the first of equals is emptied.
    let halves = [gpu("A100", &[("3g", 4)]), gpu("A100", &[("3g", 0)])];
    assert_eq!(consolidate(&halves, &placer, |_, _| true), [Move { from: 0, id: InstanceId(0), to: 1, start: 4 }]);
    // What may not move keeps its GPU; the other one is emptied instead.
    assert_eq!(
        consolidate(&halves, &placer, |gpu, _| gpu != 0),
        [Move { from: 1, id: InstanceId(0), to: 0, start: 0 }]
    );
    assert_eq!(consolidate(&[gpu("A100", &[("1g", 0)])], &placer, |_, _| true), []);
}

proptest! {
    #[test]
    fn moves_end_in_legal_layouts_with_the_same_instances(rows in proptest::collection::vec(proptest::collection::vec((0..7_u8, 0..7_u8), 0..6), 1..6), order in 0..4_usize, start in 0..3_usize) {
        let g = geometry("A100");
        let table = table(&g);
        let gpus: Vec<MigGpu> = rows.iter().map(|row| {
            let mut gpu = MigGpu::new(g.clone());
            for (p, s) in row {
                let _ = gpu.create(ProfileId(*p), *s);
            }
            gpu
        }).collect();
        let placer = Placer {
            gpus: [GpuOrder::FirstFit, GpuOrder::BestFit, GpuOrder::Spread, GpuOrder::LeastFragmentation][order],
            starts: [StartOrder::Ascending, StartOrder::NvidiaDriver, StartOrder::LeastFragmentation][start],
            table: &table,
        };
        let moves = consolidate(&gpus, &placer, |_, _| true);
        let mut after = gpus.clone();
        for m in &moves {
            let i = *after[m.from].instance(m.id).expect("not moved before");
            after[m.to].create(i.profile, m.start).expect("room at its turn");
            after[m.from].destroy(m.id).expect("unused");
        }
        let used = |all: &[MigGpu]| all.iter().filter(|g| !g.occupied().is_empty()).count();
        let profiles = |all: &[MigGpu]| {
            let mut list: Vec<ProfileId> = all.iter().flat_map(|g| g.instances().iter().map(|i| i.profile)).collect();
            list.sort();
            list
        };
        prop_assert_eq!(profiles(&gpus), profiles(&after));
        prop_assert!(moves.is_empty() || used(&after) < used(&gpus));
        // Every GPU that is moved from is empty in the end.
        for m in &moves {
            prop_assert!(after[m.from].occupied().is_empty());
        }
    }

    #[test]
    fn every_order_takes_a_legal_start_and_packing_loses_nothing(requests in proptest::collection::vec(0..7_u8, 0..20), order in 0..4_usize, start in 0..3_usize, n in 1..5_usize) {
        let g = geometry("H100");
        let table = FragTable::new(&g, &mix(&g));
        let placer = Placer {
            gpus: [GpuOrder::FirstFit, GpuOrder::BestFit, GpuOrder::Spread, GpuOrder::LeastFragmentation][order],
            starts: [StartOrder::Ascending, StartOrder::NvidiaDriver, StartOrder::LeastFragmentation][start],
            table: &table,
        };
        let requests: Vec<ProfileId> = requests.into_iter().map(ProfileId).collect();
        let mut gpus = vec![MigGpu::new(g.clone()); n];
        let packed = pack(&gpus, &requests, &placer);
        let mut placed: Vec<usize> = (0..requests.len()).filter(|i| packed[*i].is_some()).collect();
        // In any order of creation: placements are legal together.
        placed.reverse();
        for i in placed {
            let (at, start) = packed[i].expect("placed");
            prop_assert!(gpus[at].create(requests[i], start).is_ok());
        }
        for i in (0..requests.len()).filter(|i| packed[*i].is_none()) {
            prop_assert!(gpus.iter().all(|g| g.starts(requests[i]).is_err()));
        }
        // A start exists if and only if one is chosen, and it is a legal one.
        for p in g.ids() {
            for gpu in &gpus {
                prop_assert_eq!(placer.start(gpu, p), placer.preference(gpu, p).map(|all| all[0]));
                match placer.start(gpu, p) {
                    Ok(s) => prop_assert!(gpu.legal(p, s).is_ok()),
                    Err(_) => prop_assert!(gpu.starts(p).is_err()),
                }
            }
        }
    }
}
