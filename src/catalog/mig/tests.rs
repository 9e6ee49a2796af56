//! Facts of the tables, names, and the points of the speed model.

use std::collections::BTreeSet;

use super::geometry::MAX_PROFILES;
use super::*;
use crate::catalog::{Catalog, Evidence};

fn geometry(name: &str) -> &'static Geometry {
    find(name).unwrap_or_else(|e| panic!("{e}"))
}

fn profile(device: &str, name: &str) -> &'static Profile {
    let g = geometry(device);
    g.profile(g.find(name).unwrap_or_else(|e| panic!("{e}")))
}

#[test]
fn a_device_has_a_geometry_if_and_only_if_it_has_mig() {
    let mut used = BTreeSet::new();
    for (_, d) in Catalog::embedded().devices.iter() {
        let g = of_device(d);
        assert_eq!(g.map(|g| g.compute()), d.mig_slices, "{}", d.name);
        used.extend(g.map(|g| g.name()));
    }
    let all: BTreeSet<&str> = geometries().map(|g| g.name()).collect();
    let spare: Vec<&&str> = all.difference(&used).collect();
    assert_eq!(spare, [&"GB300-278"]);
    for row in include_str!("geometries.csv").lines().skip(1) {
        for device in row.split(',').nth(1).unwrap_or_default().split(';').filter(|d| !d.is_empty()) {
            assert_eq!(Catalog::embedded().device(device).map(|d| d.name).ok(), Some(device));
        }
    }
    // No profile hangs in the air.
    for row in include_str!("profiles.csv").lines().skip(1) {
        assert!(all.contains(row.split(',').next().unwrap_or_default()), "{row}");
    }
}

/// The placement grids: family, compute, memory slices, starts, how many by the grid.
#[test]
fn grids_are_those_of_the_transcripts() {
    let eight: &[(&str, u8, u8, &[u8], u8)] = &[
        ("1g", 1, 1, &[0, 1, 2, 3, 4, 5, 6], 7),
        ("1g+me", 1, 1, &[0, 1, 2, 3, 4, 5, 6], 1),
        ("1g.2x", 1, 2, &[0, 2, 4, 6], 4),
        ("2g", 2, 2, &[0, 2, 4], 3),
        ("3g", 3, 4, &[0, 4], 2),
        ("4g", 4, 4, &[0], 1),
        ("7g", 7, 8, &[0], 1),
    ];
    let four: &[(&str, u8, u8, &[u8], u8)] = &[
        ("1g", 1, 1, &[0, 1, 2, 3], 4),
        ("1g+me", 1, 1, &[0, 1, 2, 3], 1),
        ("2g", 2, 2, &[0, 2], 2),
        ("2g+me", 2, 2, &[0, 2], 1),
        ("4g", 4, 4, &[0], 1),
    ];
    let twelve: &[(&str, u8, u8, &[u8], u8)] = &[
        ("1g", 1, 3, &[0, 3, 6, 9], 4),
        ("1g+me", 1, 3, &[0, 3, 6, 9], 1),
        ("1g+gfx", 1, 3, &[0, 3, 6, 9], 4),
        ("1g+me.all", 1, 3, &[0, 3, 6, 9], 1),
        ("1g-me", 1, 3, &[0, 3, 6, 9], 4),
        ("2g", 2, 6, &[0, 6], 2),
        ("2g+gfx", 2, 6, &[0, 6], 2),
        ("2g+me.all", 2, 6, &[0, 6], 1),
        ("2g-me", 2, 6, &[0, 6], 2),
        ("4g", 4, 12, &[0], 1),
        ("4g+gfx", 4, 12, &[0], 1),
    ];
    for g in geometries() {
        let (want, width) = match g.name() {
            "A30" => (four, 4),
            "RTX-PRO-6000-96" => (twelve, 12),
            _ => (eight, 8),
        };
        assert_eq!(g.width(), width, "{}", g.name());
        let without_me = ["B300-288", "GB300-278"].contains(&g.name());
        let want: Vec<_> = want.iter().filter(|w| !(without_me && w.0 == "1g+me")).collect();
        assert_eq!(g.profiles().len(), want.len(), "{}", g.name());
        for (p, (family, compute, size, starts, max)) in g.profiles().iter().zip(want) {
            assert_eq!((&*p.family, p.compute, p.size, p.max), (*family, *compute, *size, *max), "{}", g.name());
            assert_eq!(p.starts.iter().collect::<Vec<_>>(), *starts, "{} {family}", g.name());
        }
        assert_eq!(g.reset_to_toggle(), ["A30", "A100-40", "A100-80"].contains(&g.name()));
        assert!(!g.source().is_empty());
    }
}

/// The tables of names, SMs and memory: device, profile, how many, SMs, GiB as printed.
#[test]
fn figures_of_profiles_are_those_that_were_seen() {
    type Row = (&'static str, &'static str, u8, Option<u16>, Option<f64>);
    let table: &[Row] = &[
        ("A30", "1g.6gb", 4, Some(14), Some(5.70)),
        ("A30", "1g.6gb+me", 1, Some(14), Some(5.70)),
        ("A30", "2g.12gb", 2, Some(28), Some(11.40)),
        ("A30", "2g.12gb+me", 1, Some(28), Some(11.40)),
        ("A30", "4g.24gb", 1, Some(56), Some(22.80)),
        ("A100", "1g.5gb", 7, Some(14), Some(4.75)),
        ("A100", "1g.5gb+me", 1, Some(14), Some(4.75)),
        ("A100", "1g.10gb", 4, Some(14), Some(9.62)),
        ("A100", "2g.10gb", 3, Some(28), Some(9.62)),
        ("A100", "3g.20gb", 2, Some(42), Some(19.50)),
        ("A100", "4g.20gb", 1, Some(56), Some(19.50)),
        ("A100", "7g.40gb", 1, Some(98), Some(39.25)),
        ("A100-80GB", "1g.10gb", 7, Some(14), Some(9.50)),
        ("A100-80GB", "1g.20gb", 4, Some(14), Some(19.50)),
        ("A100-80GB", "2g.20gb", 3, Some(28), Some(19.50)),
        ("A100-80GB", "3g.40gb", 2, Some(42), Some(39.25)),
        ("A100-80GB", "4g.40gb", 1, Some(56), Some(39.25)),
        ("A100-80GB", "7g.80gb", 1, Some(98), Some(78.50)),
        ("H100", "1g.10gb", 7, Some(16), Some(9.75)),
        ("H100", "1g.10gb+me", 1, Some(16), Some(9.75)),
        ("H100", "1g.20gb", 4, Some(26), Some(19.62)),
        ("H100", "2g.20gb", 3, Some(32), Some(19.62)),
        ("H100", "3g.40gb", 2, Some(60), Some(39.50)),
        ("H100", "4g.40gb", 1, Some(64), Some(39.50)),
        ("H100", "7g.80gb", 1, Some(132), Some(79.25)),
        ("H100-PCIE", "1g.10gb", 7, None, Some(9.75)),
        ("H100-PCIE", "7g.80gb", 1, None, Some(79.25)),
        ("H100-NVL", "1g.24gb", 4, Some(26), Some(22.0)),
        ("H100-NVL", "2g.24gb", 3, Some(32), None),
        ("H100-NVL", "3g.47gb", 2, Some(60), Some(46.38)),
        ("H100-NVL", "7g.94gb", 1, Some(132), Some(93.12)),
        ("GH200", "1g.12gb", 7, Some(16), Some(11.0)),
        ("GH200", "1g.24gb", 4, Some(26), Some(23.0)),
        ("GH200", "3g.48gb", 2, Some(60), Some(46.50)),
        ("GH200", "7g.96gb", 1, Some(132), Some(93.0)),
        ("H20", "1g.12gb", 7, Some(8), Some(11.75)),
        ("H20", "3g.48gb", 2, Some(32), Some(47.375)),
        ("H20", "7g.96gb", 1, None, None),
        ("H200", "1g.18gb", 7, Some(16), Some(16.0)),
        ("H200", "1g.35gb", 4, Some(26), Some(32.25)),
        ("H200", "2g.35gb", 3, Some(32), Some(32.25)),
        ("H200", "3g.71gb", 2, Some(60), Some(69.50)),
        ("H200", "4g.71gb", 1, Some(64), Some(69.50)),
        ("H200", "7g.141gb", 1, Some(132), Some(139.75)),
        ("GH200-144GB", "1g.18gb", 7, Some(16), Some(17.50)),
        ("GH200-144GB", "1g.36gb", 4, Some(26), Some(35.25)),
        ("GH200-144GB", "2g.36gb", 3, Some(32), Some(35.25)),
        ("GH200-144GB", "7g.144gb", 1, None, None),
        ("B200", "1g.23gb", 7, Some(18), Some(20.5)),
        ("B200", "1g.45gb", 4, Some(30), Some(44.25)),
        ("B200", "2g.45gb", 3, Some(36), Some(44.25)),
        ("B200", "3g.90gb", 2, None, None),
        ("B200", "7g.180gb", 1, None, None),
        ("GB200", "1g.23gb", 7, Some(18), Some(20.0)),
        ("GB200", "1g.47gb", 4, Some(32), Some(45.5)),
        ("GB200", "2g.47gb", 3, Some(38), Some(45.5)),
        ("GB200", "7g.186gb", 1, None, None),
        ("B300", "1g.67gb", 4, None, None),
        ("B300", "7g.269gb", 1, None, None),
        ("GB300-278", "1g.35gb", 7, None, None),
        ("RTX-PRO-6000", "1g.24gb", 4, Some(46), Some(23.62)),
        ("RTX-PRO-6000", "2g.48gb", 2, Some(94), Some(47.38)),
        ("RTX-PRO-6000", "4g.96gb", 1, Some(188), None),
    ];
    for (device, name, max, sms, gib) in table {
        let p = profile(device, name);
        assert_eq!((p.max, p.sms), (*max, *sms), "{device} {name}");
        assert_eq!(p.memory_mib, gib.map(|g| (g * 1024.0 + 1e-6) as u32), "{device} {name}");
    }
    // The A30's 5.70 GiB are 5836 MiB.
    assert_eq!(profile("A30", "1g").memory_mib, Some(5836));
    assert_eq!(
        profile("H100", "7g").engines,
        Engines { copy: Some(8), decoders: Some(7), encoders: None, jpeg: Some(7), ofa: Some(1) }
    );
}

#[test]
fn one_name_is_two_profiles_on_two_cards() {
    let (small, large) = (profile("A100-40GB", "1g.10gb"), profile("A100-80GB", "1g.10gb"));
    assert_eq!((small.size, small.starts, small.max), (2, Slices::of(&[0, 2, 4, 6]), 4));
    assert_eq!((large.size, large.starts, large.max), (1, Slices::of(&[0, 1, 2, 3, 4, 5, 6]), 7));
    assert_eq!(profile("H100", "1g.10gb").size, 1);
    // 1g.35gb: an H200's double-memory profile, a GB300's base.
    assert_eq!((profile("H200", "1g.35gb").size, profile("GB300-278", "1g.35gb").size), (2, 1));
}

#[test]
fn a_profile_is_found_by_any_of_its_names() {
    for (device, word, name) in [
        ("A100", "1g.5gb", "1g.5gb"),
        ("A100", "1G.5GB", "1g.5gb"),
        ("A100", "1g.5gb.me", "1g.5gb+me"),
        ("A100", "mig-1g.5gb.me", "1g.5gb+me"),
        ("A100", "nvidia.com/mig-1g.10gb", "1g.10gb"),
        ("A100", "1g", "1g.5gb"),
        ("A100", "1g+me", "1g.5gb+me"),
        ("A100", "1g.2x", "1g.10gb"),
        ("GB200", "1g.24gb", "1g.23gb"),
        ("GB200", "3g.95gb", "3g.93gb"),
        ("GB200", "7g.189gb", "7g.186gb"),
        ("RTX-PRO-6000", "1g.24gb-me", "1g.24gb-me"),
        ("RTX-PRO-6000", "nvidia.com/mig-1g.24gb.me.all", "1g.24gb+me.all"),
    ] {
        assert_eq!(profile(device, word).name, name);
    }
    assert_eq!(profile("A100", "1g.5gb+me").resource(), "nvidia.com/mig-1g.5gb.me");
    assert_eq!(profile("A100", "1g").product_suffix(), "-MIG-1g.5gb");
    let e = geometry("A100").find("3g.40gb").expect_err("of the larger card");
    assert_eq!(e.to_string(), "A100-40 has no MIG profile `3g.40gb`");
    assert!(e.to_diagnostic().help.iter().any(|h| h.contains("3g.20gb")), "{e:?}");
    // Every resource name leads back to its profile.
    for g in geometries() {
        for id in g.ids() {
            assert_eq!(g.find(&g.profile(id).resource()), Ok(id));
            assert_eq!(g.find(&g.profile(id).name), Ok(id));
        }
    }
}

#[test]
fn what_has_no_mig_says_so() {
    assert_eq!(find("T4"), Err(UnknownGeometry::NoMig("T4-16GB".to_owned())));
    assert_eq!(find("mi300x").map_err(|e| e.to_string()), Err("MI300X-192GB has no MIG".to_owned()));
    let e = find("A100-4O").expect_err("a slip");
    assert!(e.to_diagnostic().help[0].starts_with("did you mean `A100-"), "{e:?}");
}

#[test]
fn strategies_have_the_plugin_s_words() {
    assert_eq!(Strategy::default().key(), "none");
    assert_eq!(Strategy::ALL.map(|s| Strategy::named(s.key())), Strategy::ALL.map(Some));
    assert_eq!((Strategy::named("MIXED"), Strategy::named("both")), (Some(Strategy::Mixed), None));
}

#[test]
fn the_share_of_an_instance_goes_by_sms_where_they_are_known() {
    let parts = |device: &str, name: &str| {
        let g = geometry(device);
        g.compute_parts(g.find(name).expect("a profile"))
    };
    // Hopper: 16, 26, 32, 60, 64 of 132. A100: 14 of 98 is a seventh. B200: the whole's are not known, so by slices.
    let hopper = ["1g", "1g.2x", "2g", "3g", "4g", "7g"].map(|n| parts("H100", n));
    assert_eq!(hopper, [(16, 132), (26, 132), (32, 132), (60, 132), (64, 132), (132, 132)]);
    assert_eq!(parts("A100", "3g"), (42, 98));
    assert_eq!(parts("B200", "1g.2x"), (1, 7));
    assert_eq!(parts("H20", "3g"), (3, 7));
    assert_eq!(parts("A30", "2g"), (28, 56));
    let g = geometry("H100");
    let shares = ["1g", "4g", "7g"].map(|n| g.memory_share(g.find(n).expect("a profile")));
    assert_eq!(shares, [0.125, 0.5, 1.0]);
}

#[test]
fn an_instance_is_charged_for_what_it_has_most_of() {
    let parts = |device: &str, name: &str| {
        let g = geometry(device);
        g.dominant_parts(g.find(name).expect("a profile"))
    };
    assert_eq!(
        ["1g", "1g.2x", "2g", "3g", "4g", "7g"].map(|n| parts("A100", n)),
        [(1, 7), (2, 8), (2, 7), (4, 8), (4, 7), (7, 7)]
    );
    assert_eq!((parts("A30", "2g"), parts("RTX-PRO-6000", "1g")), ((2, 4), (1, 4)));
}

#[test]
fn memory_that_is_not_known_is_never_taken_for_more_than_was_seen() {
    let mib = |device: &str, name: &str| {
        let g = geometry(device);
        g.usable_mib(g.find(name).expect("a profile"))
    };
    // Two slices of 10.75 GiB; four of 17.5; 0.85 GiB for each GB of the name.
    assert_eq!(mib("H100-NVL", "2g.24gb"), Some((22_016, Evidence::Guess)));
    assert_eq!(mib("GH200-144GB", "3g.72gb"), Some((71_680, Evidence::Guess)));
    assert_eq!(mib("B300", "1g.34gb"), Some((29_580, Evidence::Guess)));
    assert_eq!(mib("A100", "3g"), Some((19_968, Evidence::Measured)));
    for g in geometries() {
        let base = g.profile(ProfileId(0));
        for p in g.profiles() {
            if let (Some(one), Some(all)) = (base.memory_mib, p.memory_mib) {
                assert!(one * u32::from(p.size / base.size) <= all, "{} {}", g.name(), p.name);
            }
        }
    }
}

#[test]
fn a_bad_grid_is_refused_with_all_that_is_wrong() {
    let shape = |width, profiles: Vec<Profile>| Shape {
        name: "mine".into(),
        width,
        compute: 7,
        profiles,
        reset_to_toggle: false,
        evidence: Evidence::Guess,
        source: "".into(),
        note: "".into(),
    };
    let two = || Profile::of_shape("2g", 2, 2, &[0, 2, 7]);
    let faults = Geometry::new(shape(8, vec![two(), Profile::of_shape("2G", 2, 0, &[])])).expect_err("bad");
    assert_eq!(
        faults,
        [
            GeometryFault::Beyond { profile: "2g".into(), size: 2, start: 7, width: 8 },
            GeometryFault::Duplicate("2G".into()),
            GeometryFault::Empty("2G".into()),
        ]
    );
    let odd = Profile { driver_order: vec![0, 0], ..Profile::of_shape("2g", 2, 2, &[0, 2]) };
    assert_eq!(Geometry::new(shape(8, vec![odd])), Err(vec![GeometryFault::Order("2g".into())]));
    assert_eq!(Geometry::new(shape(17, Vec::new())), Err(vec![GeometryFault::Width(17), GeometryFault::Profiles(0)]));
    let many = (0..=MAX_PROFILES).map(|i| Profile::of_shape(format!("p{i}"), 1, 1, &[0])).collect();
    assert_eq!(Geometry::new(shape(8, many)), Err(vec![GeometryFault::Profiles(MAX_PROFILES + 1)]));
}

#[test]
fn slices_are_read_and_written() {
    let s = Slices::parse("##..#.#.").expect("slices");
    assert_eq!(s, Slices::of(&[0, 1, 4, 6]));
    assert_eq!((s.text(8), s.count()), ("##..#.#.".to_owned(), 4));
    assert_eq!(Slices::run(9, 3), Slices(0b1110_0000_0000));
    assert_eq!(
        (Slices::run(0, 16), Slices::run(12, 8), Slices::run(16, 1)),
        (Slices(0xffff), Slices(0xf000), Slices::NONE)
    );
    assert_eq!((Slices::parse("#x"), Slices::parse("#################")), (None, None));
}

#[test]
fn one_parameter_says_how_slow_a_slice_is() {
    // Medians of MISO's logs, and what they say of `a` with g/7.
    for (speed, g, a) in [(0.309, 1.0, 0.627), (0.517, 2.0, 0.626), (0.668, 3.0, 0.627), (0.764, 4.0, 0.588)] {
        let fit = SliceSpeed::fitted(speed, g / 7.0).expect("a share");
        assert!((fit.fixed.get() - a).abs() < 0.001, "{g}g: {fit:?}");
        assert!((fit.speed(g / 7.0) - speed).abs() < 1e-12);
    }
    // Transformer with a batch of 32: 0.163 on 1g, 0.593 on 4g (printed as .145 and .085, from unrounded steps).
    for (speed, g, a) in [(0.163, 1.0, 0.145), (0.593, 4.0, 0.085)] {
        let fit = SliceSpeed::fitted(speed, g / 7.0).expect("a share");
        assert!((fit.fixed.get() - a).abs() < 0.003, "{fit:?}");
    }
    let typical = SliceSpeed::typical();
    assert_eq!((typical.speed(1.0), typical.evidence), (1.0, Evidence::Fitted));
    // 0.62 + 0.38 · 7 = 3.28.
    assert!((typical.stretch(1.0 / 7.0) - 3.28).abs() < 1e-12);
    // An A30's quarter streams a quarter.
    let light = SliceSpeed::new(SliceSpeed::LIGHT, Evidence::Guess).expect("a share");
    assert_eq!(light.speed_streaming(0.25, 0.25), 0.25);
    assert!(SliceSpeed::fitted(0.1, 0.5).is_none() && SliceSpeed::fitted(0.5, 1.0).is_none());
    assert!(SliceSpeed::new(1.1, Evidence::Guess).is_none() && SliceSpeed::new(f64::NAN, Evidence::Guess).is_none());
}

#[test]
fn mig_itself_takes_ten_sms_of_an_a100() {
    assert!((mig_tax_of("A100") - 98.0 / 108.0).abs() < 1e-12);
    assert_eq!((mig_tax_of("H100"), mig_tax_of("A30"), mig_tax_of("B200")), (1.0, 1.0, 1.0));
}

fn mig_tax_of(device: &str) -> f64 {
    let d = Catalog::embedded().device(device).expect("a device");
    let g = of_device(d).expect("has MIG");
    speed::mig_tax(g.profile(g.whole()).sms, d.sms)
}
