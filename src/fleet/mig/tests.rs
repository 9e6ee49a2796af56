//! Enumeration, legality, and the laws of creating and destroying.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::catalog::Evidence;
use crate::catalog::mig::{Geometry, ProfileId, Slices, Strategy as Exposure, find};
use crate::units::Fraction;

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

/// A GPU with these instances, each at its start.
fn gpu(device: &str, instances: &[(&str, u8)]) -> MigGpu {
    let mut gpu = MigGpu::new(geometry(device));
    for (word, start) in instances {
        let id = id(gpu.geometry(), word);
        gpu.create(id, *start).unwrap_or_else(|e| panic!("{word}@{start}: {}", e.text(gpu.geometry())));
    }
    gpu
}

fn refused(gpu: &MigGpu, word: &str, start: u8) -> Option<&'static str> {
    gpu.legal(id(gpu.geometry(), word), start).err().map(|r| r.code())
}

fn counts(l: &Layouts<'_>) -> [usize; 6] {
    [
        l.list().len(),
        l.masks().len(),
        l.maximal().count(),
        l.multisets().len(),
        l.maximal_multisets().len(),
        l.inclusion_maximal().len(),
    ]
}

#[test]
fn the_numbers_of_layouts_are_those_that_were_worked_out() {
    let of = |device: &str, words: &[&str]| {
        let g = geometry(device);
        counts(&Layouts::of(&g, &ids(&g, words)).expect("few"))
    };
    for device in ["A100", "H100", "B200", "GB200", "H20"] {
        assert_eq!(of(device, &CLASSIC), [298, 144, 19, 38, 14, 12], "{device}");
    }
    assert_eq!(of("A100", &["1g", "1g.2x", "2g", "3g", "4g", "7g"]), [723, 192, 78, 78, 38, 28]);
    // The number of masks was not published; 1g+me lies where 1g does, so it is that of the classic set.
    assert_eq!(of("A100", &["1g", "1g+me", "2g", "3g", "4g", "7g"]), [1089, 144, 67, 64, 24, 20]);
    for device in ["A30", "RTX-PRO-6000"] {
        assert_eq!(of(device, &["1g", "2g", "4g"]), [26, 16, 5, 10, 4, 4], "{device}");
    }
    // A profile that is named twice counts once; without profiles there is the empty layout.
    assert_eq!(of("A30", &["1g", "2g", "4g", "1g"])[0], 26);
    assert_eq!(of("A30", &[]), [1, 1, 1, 1, 1, 1]);
}

#[test]
fn the_maximal_layouts_are_eighteen_pairs_of_halves_and_the_whole() {
    let g = geometry("A100");
    let layouts = Layouts::of(&g, &ids(&g, &CLASSIC)).expect("few");
    let ours: BTreeSet<String> = layouts.maximal().map(|l| layouts.text(l)).collect();
    let left = ["4g@0", "3g@0", "2g@0 2g@2", "2g@0 1g@2 1g@3", "1g@0 1g@1 2g@2", "1g@0 1g@1 1g@2 1g@3"];
    let right = ["3g@4", "2g@4 1g@6", "1g@4 1g@5 1g@6"];
    let mut want: BTreeSet<String> = left.iter().flat_map(|l| right.map(|r| format!("{l} {r}"))).collect();
    want.insert("7g@0".to_owned());
    assert_eq!(ours, want);
    // MISO lists them but 4g with 3g.
    assert!(ours.contains("4g@0 3g@4") && ours.len() == 19);
    // SMs of an H100: 132, 124, 120, 112 or 108.
    let h = geometry("H100");
    let layouts = Layouts::of(&h, &ids(&h, &CLASSIC)).expect("few");
    for l in layouts.maximal() {
        let mut gpu = MigGpu::new(h.clone());
        gpu.replace(l).expect("legal");
        let (sms, text) = (gpu.sms_used().expect("known"), layouts.text(l));
        let right3 = text.ends_with("3g@4");
        let want: &[u32] = match text.as_str() {
            "7g@0" => &[132],
            "3g@0 3g@4" => &[120],
            _ if right3 => &[124],
            _ => &[108, 112],
        };
        assert!(want.contains(&sms), "{text}: {sms}");
        assert_eq!(gpu.occupied().count(), if right3 || text == "7g@0" { 8 } else { 7 }, "{text}");
    }
}

#[test]
fn the_sum_of_compute_slices_needs_no_budget_of_its_own() {
    let g = geometry("A100");
    let all = Layouts::of(&g, &ids(&g, &["1g", "1g.2x", "2g", "3g", "4g", "7g"])).expect("few");
    let sum = |l: &Layout| l.iter().map(|(p, _)| g.profile(*p).compute).sum::<u8>();
    assert_eq!(all.list().iter().map(sum).max(), Some(7));
}

#[test]
fn a_grid_with_too_many_layouts_is_refused() {
    use crate::catalog::mig::{Profile, Shape};
    let starts: Vec<u8> = (0..16).collect();
    let profiles = ["a", "b"].map(|n| Profile::of_shape(n, 1, 1, &starts)).to_vec();
    let shape = Shape {
        name: "wide".into(),
        width: 16,
        compute: 16,
        profiles,
        reset_to_toggle: false,
        evidence: Evidence::Guess,
        source: "".into(),
        note: "".into(),
    };
    let g = Geometry::new(shape).expect("sound");
    // 3^16 with two profiles, 2^16 with one.
    assert_eq!(Layouts::of(&g, &[ProfileId(0), ProfileId(1)]).map(|_| ()), Err(TooMany));
    assert_eq!(Layouts::of(&g, &[ProfileId(0)]).map(|l| l.list().len()), Ok(1 << 16));
}

#[test]
fn explicit_starts_are_legal_or_refused_for_a_reason() {
    let empty = gpu("A100", &[]);
    assert_eq!(refused(&empty, "2g", 6), Some("NotAStart"));
    assert_eq!(refused(&empty, "2g", 1), Some("NotAStart"));
    assert_eq!(refused(&empty, "1g", 7), Some("NotAStart"));
    let one = gpu("A100", &[("1g.2x", 6)]);
    assert_eq!(refused(&one, "4g", 4), Some("NotAStart"));
    assert_eq!(refused(&one, "3g", 4), Some("Occupied"));
    // Three 2g leave two slices, in which a 1g.2x fits and a fourth 2g does not; with a 1g at 6 neither does.
    let three = gpu("A100", &[("2g", 0), ("2g", 2), ("2g", 4)]);
    let starts = |gpu: &MigGpu, word: &str| gpu.starts(id(gpu.geometry(), word));
    assert_eq!(starts(&three, "1g.2x"), Ok(Slices::of(&[6])));
    assert!(matches!(starts(&three, "2g"), Err(Refusal::NoFreeStart { free: 2, .. })));
    let more = gpu("A100", &[("2g", 0), ("2g", 2), ("2g", 4), ("1g", 6)]);
    assert!(matches!(starts(&more, "1g.2x"), Err(Refusal::NoFreeStart { free: 1, .. })));
    // The sixteenth part of the hazard: 1g at 3 and 6 of an RTX PRO 6000.
    let rtx = gpu("RTX-PRO-6000", &[("1g", 3), ("1g", 6)]);
    assert!(matches!(starts(&rtx, "2g"), Err(Refusal::NoFreeStart { free: 6, .. })));
    let empty = gpu("RTX-PRO-6000", &[]);
    assert_eq!((refused(&empty, "1g", 1), refused(&empty, "2g", 3)), (Some("NotAStart"), Some("NotAStart")));
}

#[test]
fn media_engines_are_one_set() {
    let one = gpu("A100", &[("1g+me", 0)]);
    assert_eq!(refused(&one, "1g+me", 1), Some("Limit"));
    assert_eq!(refused(&one, "3g", 4), None);
    assert_eq!(refused(&one, "7g", 0), Some("Occupied"));
    let a30 = gpu("A30", &[("1g+me", 0)]);
    assert_eq!((refused(&a30, "2g+me", 2), refused(&a30, "2g", 2)), (Some("Media"), None));
    let rtx = gpu("RTX-PRO-6000", &[("1g+me.all", 0)]);
    let next = ["1g", "1g+gfx", "1g+me", "2g", "2g+me.all", "1g-me", "2g-me"].map(|w| refused(&rtx, w, 6));
    let media = Some("Media");
    assert_eq!(next, [media, media, media, media, media, None, None]);
    // And the other way round: beside a base instance all engines are not to be had.
    assert_eq!(refused(&gpu("RTX-PRO-6000", &[("1g", 0)]), "1g+me.all", 3), media);
}

#[test]
fn refusals_say_why() {
    let full = gpu("A100", &[("1g", 6), ("1g", 4), ("2g", 0)]);
    let g = full.geometry().clone();
    let text = |r: Refusal| r.text(&g);
    assert_eq!(
        full.starts(id(&g, "3g")).map_err(text),
        Err("no room for 3g.20gb: it takes 4 slices from one of 0, 4 on; 4 are free, not together where it may start"
            .to_owned())
    );
    assert_eq!(
        full.legal(id(&g, "3g"), 4).map_err(text),
        Err("3g.20gb at slice 4 needs slices that are taken: 4, 6".to_owned())
    );
    assert_eq!(
        full.legal(id(&g, "2g"), 6).map_err(text),
        Err("2g.10gb never starts at slice 6: it starts at 0, 2, 4".to_owned())
    );
    let whole = MigGpu::whole(g.clone());
    assert_eq!(whole.starts(id(&g, "1g")).map_err(text), Err("MIG is off on this GPU".to_owned()));
    let room = full.starts(id(&g, "3g")).expect_err("no room");
    assert!(room.insufficient_resources() && !Refusal::Busy(InstanceId(0)).insufficient_resources());
}

#[test]
fn an_instance_lives_through_its_phases() {
    let mut gpu = gpu("H100", &[]);
    let g = gpu.geometry().clone();
    let a = gpu.begin_create(id(&g, "3g"), 4).expect("room");
    // Slices are taken from the beginning.
    assert_eq!(gpu.occupied().text(8), "....####");
    assert_eq!(gpu.bind(a), Err(Refusal::Phase { id: a, phase: Phase::Creating }));
    assert_eq!(gpu.finish_create(a), Ok(()));
    assert_eq!(gpu.bind(a), Ok(()));
    assert_eq!(gpu.destroy(a), Err(Refusal::Busy(a)));
    // Others come and go meanwhile.
    let b = gpu.create(id(&g, "2g"), 0).expect("room");
    assert_eq!(gpu.destroy(b), Ok(()));
    assert_eq!(gpu.release(a), Ok(()));
    assert_eq!(gpu.begin_destroy(a), Ok(()));
    // Until the end.
    assert_eq!(gpu.occupied().text(8), "....####");
    assert_eq!(gpu.finish_destroy(a), Ok(()));
    assert_eq!((gpu.occupied(), gpu.instances().len()), (Slices::NONE, 0));
    assert_eq!(gpu.destroy(a), Err(Refusal::NoInstance(a)));
}

#[test]
fn changing_the_whole_needs_an_idle_gpu_and_changes_nothing_otherwise() {
    let mut gpu = gpu("H100", &[("1g", 0)]);
    let g = gpu.geometry().clone();
    let first = gpu.instances()[0].id;
    let layout = [(id(&g, "3g"), 4), (id(&g, "2g"), 0)];
    gpu.bind(first).expect("ready");
    assert_eq!(gpu.replace(&layout), Err(Refusal::GpuBusy { bound: 1 }));
    assert_eq!(gpu.begin_toggle(), Err(Refusal::GpuBusy { bound: 1 }));
    assert_eq!(gpu.layout(), [(id(&g, "1g"), 0)]);
    gpu.release(first).expect("bound");
    // A layout that does not hold changes nothing either.
    let bad = [(id(&g, "3g"), 4), (id(&g, "2g"), 4)];
    assert!(matches!(gpu.replace(&bad), Err(Refusal::Occupied { .. })));
    assert_eq!(gpu.layout(), [(id(&g, "1g"), 0)]);
    assert_eq!(gpu.replace(&layout).map(|v| v.len()), Ok(2));
    assert_eq!(gpu.occupied().text(8), "##..####");
    // Off and on again: instances are lost.
    gpu.begin_toggle().expect("idle");
    assert_eq!(gpu.starts(id(&g, "1g")), Err(Refusal::Mode(Mode::Toggling(false))));
    assert_eq!(gpu.begin_toggle(), Err(Refusal::Mode(Mode::Toggling(false))));
    gpu.finish_toggle().expect("switching");
    assert_eq!((gpu.mode(), gpu.instances().len()), (Mode::Off, 0));
    // A reboot ends a switch.
    gpu.begin_toggle().expect("idle");
    gpu.reset();
    assert_eq!(gpu.mode(), Mode::On);
}

#[test]
fn what_is_left_is_stranded_when_nothing_in_demand_can_use_it() {
    let left = |gpu: &MigGpu, words: &[&str]| {
        let s = stranded(gpu, &ids(gpu.geometry(), words));
        (s.memory.iter().collect::<Vec<_>>(), s.compute)
    };
    // Two 3g: memory full, one compute slice idle. Seven 1g: memory slice 7 idle.
    assert_eq!(left(&gpu("A100", &[("3g", 0), ("3g", 4)]), &CLASSIC), (vec![], 1));
    let seven: Vec<_> = (0..7).map(|s| ("1g", s)).collect();
    assert_eq!(left(&gpu("A100", &seven), &["1g", "1g.2x"]), (vec![7], 0));
    // Four 1g.2x use four compute slices and strand three.
    let four: Vec<_> = [0, 2, 4, 6].map(|s| ("1g.2x", s)).to_vec();
    assert_eq!(left(&gpu("A100", &four), &CLASSIC), (vec![], 3));
    // 1g at 6 and 4, 2g at 0: a 3g finds nothing, a 2g the slices 2 and 3, a 1g all but slice 7.
    let holes = gpu("A100", &[("1g", 6), ("1g", 4), ("2g", 0)]);
    assert_eq!(left(&holes, &["3g"]), (vec![2, 3, 5, 7], 3));
    assert_eq!(left(&holes, &["2g"]), (vec![5, 7], 1));
    assert_eq!(left(&holes, &["1g"]), (vec![7], 0));
    assert_eq!(left(&holes, &[]), (vec![2, 3, 5, 7], 3));
    let of = |word: &str| fragmented(&holes, id(holes.geometry(), word));
    assert_eq!(["1g", "2g", "3g"].map(of), [1, 2, 4]);
    // Only one instance can have media extensions: of seven compute slices six are stranded for that demand alone.
    assert_eq!(left(&gpu("A100", &[]), &["1g+me"]), (vec![7], 6));
    assert_eq!(left(&gpu("A30", &[]), &["1g+me", "2g+me"]), (vec![], 2));
}

#[test]
fn the_smallest_profile_has_the_memory_and_the_compute() {
    let of = |device: &str, mib: u32, compute: f64, allowed: &[&str]| {
        let g = geometry(device);
        let demand = Demand { memory_mib: mib, compute: Fraction::new(compute).expect("a share") };
        smallest(&g, &demand, &ids(&g, allowed)).map(|p| g.profile(p).name.to_string())
    };
    let name = |s: &str| Some(s.to_owned());
    assert_eq!(of("A100", 0, 0.0, &[]), name("1g.5gb"));
    // The name says 5 GB, the driver 4.75 GiB.
    assert_eq!(of("A100", 4864, 0.0, &[]), name("1g.5gb"));
    assert_eq!(of("A100", 4865, 0.0, &[]), name("1g.10gb"));
    assert_eq!(of("A100", 4865, 0.0, &CLASSIC), name("2g.10gb"));
    assert_eq!(of("A100", 0, 1.0 / 7.0, &[]), name("1g.5gb"));
    assert_eq!(of("A100", 0, 3.0 / 7.0, &[]), name("3g.20gb"));
    assert_eq!(of("A100", 0, 0.5, &[]), name("4g.20gb"));
    // A seventh of an H100 is more than the 16 SMs of a 1g: its 26 of the double-memory profile have it.
    assert_eq!(of("H100", 0, 1.0 / 7.0, &[]), name("1g.20gb"));
    assert_eq!(of("H100", 0, 1.0 / 7.0, &CLASSIC), name("2g.20gb"));
    assert_eq!(of("H100", 81_152, 1.0, &[]), name("7g.80gb"));
    assert_eq!(of("H100", 81_153, 0.0, &[]), None);
    assert_eq!(of("RTX-PRO-6000", 40_000, 0.0, &[]), name("2g.48gb"));
}

#[test]
fn a_node_offers_what_its_strategy_allows() {
    let (plain, mixed) = (gpu("A100", &[("1g", 6), ("1g", 4)]), gpu("A100", &[("1g+me", 0), ("3g", 4)]));
    let whole = MigGpu::whole(geometry("A100"));
    let show = |s, gpus: &[Option<&MigGpu>]| {
        offered(s, gpus).map(|m| m.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "))
    };
    let gpus = [Some(&plain), Some(&mixed), None, Some(&whole)];
    assert_eq!(show(Exposure::None, &gpus), Ok("nvidia.com/gpu=4".to_owned()));
    assert_eq!(
        show(Exposure::Mixed, &gpus),
        Ok("nvidia.com/gpu=2 nvidia.com/mig-1g.5gb=2 nvidia.com/mig-1g.5gb.me=1 nvidia.com/mig-3g.20gb=1".to_owned())
    );
    assert_eq!(show(Exposure::Single, &[Some(&plain), Some(&plain)]), Ok("nvidia.com/gpu=4".to_owned()));
    assert_eq!(show(Exposure::Single, &[Some(&whole), None]), Ok("nvidia.com/gpu=2".to_owned()));
    assert_eq!(show(Exposure::Single, &[Some(&plain), None]), Err(Unexposable::NotInMigMode(1)));
    let empty = gpu("A100", &[]);
    assert_eq!(show(Exposure::Single, &[Some(&plain), Some(&empty)]), Err(Unexposable::NoInstances(1)));
    assert_eq!(
        show(Exposure::Single, &[Some(&mixed)]),
        Err(Unexposable::TwoProfiles("1g.5gb+me".to_owned(), "3g.20gb".to_owned()))
    );
    // What is being created is not there yet.
    let mut coming = gpu("A100", &[]);
    let p = id(coming.geometry(), "7g");
    let new = coming.begin_create(p, 0).expect("room");
    assert_eq!(show(Exposure::Mixed, &[Some(&coming)]), Ok(String::new()));
    coming.finish_create(new).expect("begun");
    assert_eq!(show(Exposure::Mixed, &[Some(&coming)]), Ok("nvidia.com/mig-7g.40gb=1".to_owned()));
}

/// Whether a placement is legal beside others, from first principles: no start but a listed one, no slice twice, no more
/// than the maximum, no two that need the same media engines.
fn legal_by_hand(g: &Geometry, beside: &[Placement], (id, start): Placement) -> bool {
    let p = g.profile(id);
    let slices = |(q, s): &Placement| -> BTreeSet<u8> { (*s..*s + g.profile(*q).size).collect() };
    let own = slices(&(id, start));
    p.starts.iter().any(|s| s == start)
        && beside.iter().all(|other| slices(other).is_disjoint(&own))
        && beside.iter().filter(|(q, _)| *q == id).count() < usize::from(p.max)
        && !beside.iter().any(|(q, _)| g.profile(*q).media.clashes(p.media))
}

#[test]
fn listing_agrees_with_a_breadth_first_search() {
    for (device, set) in [
        ("A100", ["1g", "1g+me", "1g.2x", "2g", "3g", "4g", "7g"].as_slice()),
        ("A30", ["1g", "1g+me", "2g", "2g+me", "4g"].as_slice()),
        ("RTX-PRO-6000", ["1g", "1g+me", "1g+me.all", "1g-me", "2g", "2g+me.all", "4g"].as_slice()),
    ] {
        let g = geometry(device);
        let set = ids(&g, set);
        let mut seen: BTreeSet<Vec<Placement>> = BTreeSet::from([Vec::new()]);
        let mut open = vec![Vec::new()];
        let mut maximal = 0;
        while let Some(layout) = open.pop() {
            let mut grew = false;
            for id in &set {
                for start in (0..g.width()).filter(|s| legal_by_hand(&g, &layout, (*id, *s))) {
                    grew = true;
                    let mut more: Vec<Placement> = layout.clone();
                    more.push((*id, start));
                    more.sort_by_key(|(_, s)| *s);
                    if seen.insert(more.clone()) {
                        open.push(more);
                    }
                }
            }
            maximal += usize::from(!grew);
        }
        let ours = Layouts::of(&g, &set).expect("few");
        let listed: BTreeSet<Vec<Placement>> = ours.list().iter().map(|l| l.to_vec()).collect();
        assert_eq!((listed.len(), &listed), (ours.list().len(), &seen), "{device}");
        assert_eq!(ours.maximal().count(), maximal, "{device}");
        // Contained in no other, by trying all pairs.
        let all: Vec<Multiset> = ours.multisets().into_iter().collect();
        let within = |a: &Multiset, b: &Multiset| a != b && a.iter().zip(b).all(|(x, y)| x <= y);
        let tops: BTreeSet<Multiset> = all.iter().filter(|m| !all.iter().any(|o| within(m, o))).cloned().collect();
        assert_eq!(ours.inclusion_maximal(), tops, "{device}");
    }
}

const DEVICES: [&str; 5] = ["A100", "H100", "A30", "RTX-PRO-6000", "B300"];

proptest! {
    #[test]
    fn random_creating_and_destroying_keeps_every_law(device in 0..DEVICES.len(), steps in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..60)) {
        let g = geometry(DEVICES[device]);
        let everything: Vec<ProfileId> = g.ids().collect();
        let reachable = Layouts::of(&g, &everything).expect("few").masks();
        let mut gpu = MigGpu::new(g.clone());
        for (what, which, place) in steps {
            let before = gpu.layout();
            if what % 3 == 0 && !gpu.instances().is_empty() {
                let victim = gpu.instances()[usize::from(which) % gpu.instances().len()];
                gpu.destroy(victim.id).expect("unused");
                let rest: Vec<Placement> = before.into_iter().filter(|p| *p != (victim.profile, victim.start)).collect();
                prop_assert_eq!(gpu.layout(), rest);
            } else {
                let profile = everything[usize::from(which) % everything.len()];
                let start = place % (g.width() + 1);
                let hand = legal_by_hand(&g, &before, (profile, start));
                prop_assert_eq!(gpu.legal(profile, start).is_ok(), hand);
                prop_assert_eq!(gpu.starts(profile).is_ok_and(|s| s.has(start)), hand);
                match gpu.create(profile, start) {
                    Ok(new) => {
                        prop_assert!(hand);
                        let mut undone = gpu.clone();
                        undone.destroy(new).expect("unused");
                        prop_assert_eq!((undone.layout(), undone.occupied()), (before, gpu.occupied().without(g.profile(profile).at(start))));
                    }
                    Err(_) => prop_assert!(!hand && gpu.layout() == before),
                }
            }
            let union = gpu.instances().iter().fold(Slices::NONE, |m, i| m.with(gpu.slices(i)));
            prop_assert_eq!(gpu.occupied(), union);
            prop_assert!(reachable.contains(&union));
            prop_assert!(gpu.compute_used() <= g.compute());
            prop_assert!(gpu.instances().windows(2).all(|w| w[0].id < w[1].id));
        }
    }

    #[test]
    fn stranded_slices_are_those_of_no_legal_placement(mask in any::<u16>(), chosen in any::<u8>()) {
        let g = geometry("A100");
        // Any reachable state: create what a random mask's bits say, where it is legal.
        let mut gpu = MigGpu::new(g.clone());
        for bit in 0..16 {
            if mask >> bit & 1 == 1 {
                let _ = gpu.create(ProfileId(bit % 7), bit / 2);
            }
        }
        let set: Vec<ProfileId> = g.ids().filter(|p| chosen >> p.0 & 1 == 1).collect();
        let layout = gpu.layout();
        let mut usable_by_hand = BTreeSet::new();
        for id in &set {
            for start in (0..8).filter(|s| legal_by_hand(&g, &layout, (*id, *s))) {
                usable_by_hand.extend(start..start + g.profile(*id).size);
            }
        }
        let s = stranded(&gpu, &set);
        let want: Vec<u8> = gpu.free().iter().filter(|i| !usable_by_hand.contains(i)).collect();
        prop_assert_eq!(s.memory.iter().collect::<Vec<_>>(), want);
        // The compute that can still be added: the best layout that contains this one.
        let used = gpu.compute_used();
        let everything: Vec<ProfileId> = g.ids().collect();
        let all = Layouts::of(&g, &everything).expect("few");
        let grown = all.list().iter().filter(|l| {
            layout.iter().all(|p| l.contains(p))
                && l.iter().all(|p| layout.contains(p) || set.contains(&p.0))
        });
        let most = grown.map(|l| l.iter().map(|(p, _)| g.profile(*p).compute).sum::<u8>()).max().expect("itself");
        prop_assert_eq!(s.compute, g.compute() - most);
        prop_assert!(used <= most);
    }
}
