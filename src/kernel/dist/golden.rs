//! The first draws of each law, bit for bit.
//!
//! Included by the library's unit tests, by the integration tests and by the benchmarks, which build the dependencies
//! with different features and profiles: a change of `num-traits`'s features or a new `rand_distr` shows up here.
//! A changed value is a change of every result; it needs a new name for the scheme of random numbers.
//! The uniform draws are checked against a second implementation in `random.rs`; these pin what was drawn first.

use super::{Dist, Streams};

/// One law of each kind, and more where a parameter chooses the algorithm.
pub fn laws() -> Vec<(&'static str, Dist)> {
    let made = [
        ("constant", Dist::constant(2.5)),
        ("uniform", Dist::uniform(-1.0, 3.0)),
        ("exponential", Dist::exponential(4.0)),
        ("lognormal", Dist::lognormal_median_p95(30.0, 90.0)),
        ("weibull", Dist::weibull(0.8, 5.0)),
        ("gamma", Dist::gamma(6.0, 0.5)),
        ("gamma-small", Dist::gamma(6.0, 1.5)),
        ("pareto", Dist::pareto(2.0, 6.5)),
        ("zipf", Dist::zipf(1_000, 0.9)),
        ("hyperexp", Dist::hyperexp(4.051, 2.53)),
        ("values", Dist::values(&[(1.0, 0.5), (2.0, 0.25), (8.0, 0.25)])),
        ("quantiles", Dist::quantiles(&[(0.0, 1.0), (0.5, 2.0), (0.9, 7.0), (1.0, 40.0)])),
        (
            "mixture",
            Dist::exponential(1.0).and_then(|short| Dist::mixture(vec![(0.7, short), (0.3, Dist::gamma(9.0, 0.3)?)])),
        ),
    ];
    made.into_iter().map(|(name, dist)| (name, dist.expect("valid parameters"))).collect()
}

/// Compares the first eight draws of each law with the pinned ones; returns the lines that differ.
pub fn differences() -> Vec<String> {
    let found = laws().into_iter().map(|(name, dist)| {
        let mut stream = Streams::new(42, 0).stream("golden", name, 0);
        (name, std::array::from_fn(|_| dist.sample(&mut stream).to_bits()))
    });
    let pinned = PINNED.iter().copied().chain(std::iter::repeat(("nothing is pinned", [0; 8])));
    let line = |name: &str, bits: [u64; 8]| {
        let bits: Vec<String> = bits.iter().map(|b| format!("{b:#018x}")).collect();
        format!("    (\"{name}\", [{}]),", bits.join(", "))
    };
    found.zip(pinned).filter(|(f, p)| f != p).map(|((name, bits), _)| line(name, bits)).collect()
}

#[test]
fn the_first_draws_of_each_law_are_the_pinned_ones() {
    let differ = differences();
    assert!(differ.is_empty(), "drawn now:\n{}", differ.join("\n"));
}

const PINNED: &[(&str, [u64; 8])] = &[
    (
        "constant",
        [
            0x4004000000000000,
            0x4004000000000000,
            0x4004000000000000,
            0x4004000000000000,
            0x4004000000000000,
            0x4004000000000000,
            0x4004000000000000,
            0x4004000000000000,
        ],
    ),
    (
        "uniform",
        [
            0xbfd5caa2df746fd8,
            0x3ffc0c463301b436,
            0x3ff221c70b58a4fa,
            0xbfaf1d1e71e25ac0,
            0x3fe58c0ad1f0cbb8,
            0xbfe79eb229b69300,
            0x3fe94ba4b2cb4e20,
            0x3fcb80345782e2f0,
        ],
    ),
    (
        "exponential",
        [
            0x3fd99e55621082fe,
            0x3fe4f896d62d1478,
            0x3ffcadb2091381e9,
            0x3ff902e1d53b7ac7,
            0x3fc8dac881d4e86c,
            0x3fff582c9127c545,
            0x40048872053b6a2c,
            0x400ba15ce2928f99,
        ],
    ),
    (
        "lognormal",
        [
            0x40477a6053b82771,
            0x40251e78c5ec9710,
            0x404645e9d8370393,
            0x4043c4bc1185079f,
            0x40555ae985e95e4d,
            0x405037f506f3fd1e,
            0x40400f8663e04940,
            0x402cea83c608a70b,
        ],
    ),
    (
        "weibull",
        [
            0x400fc59d621abe98,
            0x403efc14f5eaee6f,
            0x40290a9690b0203e,
            0x400f2de87d01d2d4,
            0x401f91af1974aa96,
            0x3ff1c733b8539409,
            0x401e03ddd7cf2910,
            0x4019f8bbf4f83c4e,
        ],
    ),
    (
        "gamma",
        [
            0x4012942fbce38ca2,
            0x40152bf32ba4ee63,
            0x401267db01083be4,
            0x4023f421ab02fefa,
            0x400a5ecb6c6f6ebe,
            0x4008dd14d214c5f4,
            0x400f3cf9b9ed962f,
            0x4011e68d629c9d2d,
        ],
    ),
    (
        "gamma-small",
        [
            0x401e88b70c4ade6f,
            0x401fab275d5919ba,
            0x402bf8a50028a98d,
            0x4007b97ba8e78fb6,
            0x3fa3f7caee0b86be,
            0x402b0f7cf8a61c24,
            0x4017764d1effc0ea,
            0x403cae9d5b039ea2,
        ],
    ),
    (
        "pareto",
        [
            0x4001ddcb16199419,
            0x4002482c12a150f5,
            0x4000886d9ae5b2dc,
            0x4002b356a61ffeaa,
            0x4001c621fabd78ef,
            0x4000b0fd122e06d5,
            0x400044a1cca26f05,
            0x4004527ad0573fe2,
        ],
    ),
    (
        "zipf",
        [
            0x401c000000000000,
            0x4060200000000000,
            0x406e200000000000,
            0x401c000000000000,
            0x4047000000000000,
            0x4058c00000000000,
            0x404d800000000000,
            0x404d000000000000,
        ],
    ),
    (
        "hyperexp",
        [
            0x40177d9a8d36855d,
            0x40017c38755d9932,
            0x3fa5d54fd341e3f9,
            0x400eca1a91885bc4,
            0x3fd6650452cf1284,
            0x3fe41db6b9920013,
            0x40131b4575649898,
            0x3ff6107506db87ba,
        ],
    ),
    (
        "values",
        [
            0x3ff0000000000000,
            0x4020000000000000,
            0x4020000000000000,
            0x3ff0000000000000,
            0x4000000000000000,
            0x4020000000000000,
            0x3ff0000000000000,
            0x4000000000000000,
        ],
    ),
    (
        "quantiles",
        [
            0x3ff0f137e6ed11bd,
            0x3ff311055c42460c,
            0x3ff2bd1ee1909734,
            0x403ab63f3754024d,
            0x4001093f111d031c,
            0x3ff9fa4e333fba9c,
            0x4014a1d822b8d674,
            0x401bf4980ef14d95,
        ],
    ),
    (
        "mixture",
        [
            0x3fe2441ecbc0dcaa,
            0x3ff2dcc37bc4c886,
            0x4029c72b91cc2c27,
            0x402099ed30053df0,
            0x402341f9c035cb9f,
            0x4006914be5ee197b,
            0x4028180c838a665b,
            0x3fe56ed408ab4dbf,
        ],
    ),
];
