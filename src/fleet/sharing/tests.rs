//! The plugin's rules, and the published points of contention.

use proptest::prelude::*;

use super::rules::out_of_memory;
use super::*;
use crate::catalog::Catalog;
use crate::catalog::mig::{ProfileId, find};

#[test]
fn each_way_works_where_it_should() {
    let works = |name: &str| {
        let d = Catalog::embedded().device(name).expect("a device");
        [Way::TimeSlicing, Way::Mps, Way::Mig].map(|w| w.works_on(d))
    };
    for name in ["T4", "V100", "A10", "A10G", "L4", "L40S", "A40"] {
        assert_eq!(works(name), [true, true, false], "{name}");
    }
    for name in ["A30", "A100", "H100", "H200", "H20", "B200", "GB200", "RTX-PRO-6000"] {
        assert_eq!(works(name), [true, true, true], "{name}");
    }
    for name in ["MI250X", "MI300X", "TPU-v5e"] {
        assert_eq!(works(name), [false, false, false], "{name}");
    }
    assert!(Way::Mig.isolates_memory() && !Way::Mps.isolates_memory());
}

#[test]
fn time_slicing_multiplies_units_and_isolates_nothing() {
    let plain = TimeSlicing::new(4);
    assert_eq!(plain.offered("nvidia.com/gpu", 8), ("nvidia.com/gpu".to_owned(), 32));
    let named = TimeSlicing { rename: true, fail_requests_greater_than_one: true, ..plain };
    assert_eq!(named.offered("nvidia.com/mig-1g.5gb", 2), ("nvidia.com/mig-1g.5gb.shared".to_owned(), 8));
    assert_eq!((plain.admit(2), named.admit(1)), (Ok(()), Ok(())));
    assert_eq!(named.admit(2), Err(CannotShare::MoreThanOne { asked: 2 }));
    assert_eq!(TimeSlicing::new(0).check(), Err(CannotShare::NoReplicas));
    // 40 GiB: the third finds 10 left of the 20 that it wants; the fourth fits.
    let gib = 1024;
    let demands = [20 * gib, 10 * gib, 20 * gib, 10 * gib];
    assert_eq!(out_of_memory(40 * gib, &demands, Crash::Latest), [false, false, true, false]);
    assert_eq!(out_of_memory(40 * gib, &demands, Crash::All), [true; 4]);
    assert_eq!(out_of_memory(60 * gib, &demands, Crash::All), [false; 4]);
}

#[test]
fn mps_limits_clients_memory_and_threads() {
    // T4 is 7.5, A100 8.0, V100 7.0, P100 6.0.
    let clients = |strict| [(7, 5), (8, 0), (7, 0), (6, 0)].map(|c| Mps::plugin_clients(c, strict));
    assert_eq!(clients(true), [48, 48, 16, 16]);
    assert_eq!(clients(false), [48, 48, 48, 16]);
    assert_eq!([(12, 8), (13, 0), (13, 1), (14, 0)].map(Mps::driver_clients), [48, 48, 60, 60]);
    let g = find("H100").expect("has MIG");
    let on = |word: &str| Mps::instance_clients(48, g, g.find(word).expect("a profile"));
    // ⌊48·g/7⌋.
    assert_eq!(["1g", "1g.2x", "2g", "3g", "4g", "7g"].map(on), [6, 6, 13, 20, 27, 48]);
    let seven = Mps::new(7);
    // ⌊81559/7⌋ and ⌊100/7⌋.
    assert_eq!((seven.memory_limit_mib(81_559), seven.thread_percentage()), (11_651, 14));
    assert_eq!(seven.check(Target::Gpu, 48), Ok(()));
    assert_eq!(seven.check(Target::Instance(ProfileId(0)), 48), Err(CannotShare::MpsOnInstance));
    assert_eq!(Mps::new(17).check(Target::Gpu, 16), Err(CannotShare::TooManyClients { replicas: 17, most: 16 }));
    assert_eq!(Mps::new(0).check(Target::Gpu, 48), Err(CannotShare::NoReplicas));
    assert_eq!((seven.admit(1), seven.admit(2)), (Ok(()), Err(CannotShare::MoreThanOne { asked: 2 })));
    assert_eq!(seven.offered("nvidia.com/gpu", 2), ("nvidia.com/gpu".to_owned(), 14));
}

#[test]
fn slowdowns_are_within_the_published_points() {
    let c = Contention::default();
    // YOLOS-small fills about half a GPU.
    let pods = |n| vec![Tenant { duty: 1.0, uses: 0.5 }; n];
    // Mean latencies, s, of 1, 3, 5 and 7 pods.
    let published = [
        (3, 0.2931 / 0.0882, 0.1640 / 0.0880),
        (5, 0.4890 / 0.0882, 0.2409 / 0.0880),
        (7, 0.6849 / 0.0882, 0.3198 / 0.0880),
    ];
    for (n, time_sliced, mps) in published {
        let within = |ours: f64, theirs: f64| (ours / theirs - 1.0).abs() < 0.015;
        assert!(within(c.time_sliced(&pods(n))[0], time_sliced), "{n}");
        assert!(within(c.mps(&pods(n))[0], mps), "{n}");
    }
    assert_eq!((c.time_sliced(&pods(1)), c.mps(&pods(1))), (vec![1.0], vec![1.0]));
    // 1 + 1.14 · 2 and 1 + 0.435 · 2.
    assert!((c.time_sliced(&pods(3))[0] - 3.28).abs() < 1e-12);
    assert!((c.mps(&pods(3))[0] - 1.87).abs() < 1e-12);
    // Co-runners that idle slow nobody.
    let quiet = [Tenant::SATURATING, Tenant { duty: 0.5, uses: 0.2 }, Tenant { duty: 0.0, uses: 1.0 }];
    assert!((c.time_sliced(&quiet)[0] - 1.57).abs() < 1e-12);
    assert_eq!((c.mig(false), c.mig(true)), (1.0, 1.04));
    assert!((Contention::miso().mps(&pods(3))[0] - 1.5).abs() < 1e-12);
}

#[test]
fn nobody_gets_more_done_than_the_gpu_can() {
    let c = Contention::default();
    // Two that saturate: 2/2.14 would be 0.935 of a GPU, and 0.90 is the most.
    let two = c.time_sliced(&[Tenant::SATURATING; 2]);
    assert!((two[0] - 2.0 / 0.9).abs() < 1e-12);
    // Seven: 7/7.84 is below it.
    assert!((c.time_sliced(&[Tenant::SATURATING; 7])[0] - 7.84).abs() < 1e-12);
    // MPS: Σ 1/slowdown ≤ 1/u. Three that saturate take three times as long.
    assert!((c.mps(&[Tenant::SATURATING; 3])[0] - 3.0).abs() < 1e-12);
    // Those that seldom work leave room: 1 + 0.435 · 0.2.
    let seldom = [Tenant { duty: 0.1, uses: 1.0 }; 3];
    assert!((c.mps(&seldom)[0] - 1.087).abs() < 1e-12);
}

proptest! {
    #[test]
    fn sharing_never_speeds_up_and_never_overfills(tenants in proptest::collection::vec((0.0..=1.0_f64, 0.01..=1.0_f64), 0..12), memory in 0.0..=0.3_f64) {
        let tenants: Vec<Tenant> = tenants.into_iter().map(|(duty, uses)| Tenant { duty, uses }).collect();
        let c = Contention { mps_memory: memory, ..Contention::default() };
        let (turns, mps) = (c.time_sliced(&tenants), c.mps(&tenants));
        prop_assert!(turns.iter().chain(&mps).all(|s| *s >= 1.0));
        let used: f64 = mps.iter().zip(&tenants).map(|(s, t)| t.duty * t.uses / s).sum();
        prop_assert!(used <= 1.0 + 1e-9);
    }

    #[test]
    fn memory_is_never_given_twice(total in 0..100_000_u32, demands in proptest::collection::vec(0..60_000_u32, 0..10)) {
        let dead = out_of_memory(total, &demands, Crash::Latest);
        let held: u64 = demands.iter().zip(&dead).filter(|(_, d)| !**d).map(|(m, _)| u64::from(*m)).sum();
        prop_assert!(held <= u64::from(total));
        // Whoever died found too little left by those before.
        for i in 0..demands.len() {
            let before: u64 = (0..i).filter(|j| !dead[*j]).map(|j| u64::from(demands[j])).sum();
            prop_assert_eq!(dead[i], before + u64::from(demands[i]) > u64::from(total));
        }
    }
}
