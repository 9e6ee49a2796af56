//! SpotHedge on traces of counts: cost, readiness, preemptions and refused launches.
//!
//! Spot at 0.318 of the on-demand price; a start takes one tick of 300 s or two of 195 s. The reference port's figures
//! come out to their last digit once a location's *number* of replicas decides (fewest first): with only "in use or
//! not", as the placer's comment has it, the first location takes all that is left over when every one is in use, and
//! the rows with more replicas than locations differ in the third digit.

use super::{Availability, Case, SUITE};
use crate::policy::spot::hedge::replay::{Service, serve};
use crate::policy::spot::hedge::{Cover, Hedge};
use crate::units::Duration;

/// Of the on-demand price.
#[allow(clippy::approx_constant, reason = "a ratio of prices, not 1/π")]
const SPOT_RATIO: f64 = 0.318;

/// Traces, replicas needed, ticks of a start, and what came out.
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) folder: &'static str,
    pub(super) files: &'static [&'static str],
    needed: u32,
    cold_ticks: usize,
    rows: &'static [Row],
}

/// Spare replicas, the fallback; cost, share of ticks with one and with all ready, preemptions, refused launches.
type Row = (u32, Cover, f64, f64, f64, u64, u64);

pub(super) const SETUPS: [Setup; 3] = [
    Setup {
        name: "4-node",
        folder: "preemption/4-node/aws-08-03-2023",
        files: &["us-east-1f_v100_1", "us-east-2a_v100_1", "us-west-2c_v100_1"],
        needed: 4,
        cold_ticks: 1,
        rows: &[
            (0, Cover::None, 0.3090, 0.9757, 0.9359, 183, 575),
            (0, Cover::Spares, 0.3501, 0.9986, 0.9724, 183, 575),
            (1, Cover::Spares, 0.4643, 0.9997, 0.9869, 236, 2491),
            (1, Cover::Needed, 0.4085, 0.9986, 0.9795, 236, 2491),
            (2, Cover::Spares, 0.5810, 0.9997, 0.9951, 286, 2790),
            (2, Cover::Needed, 0.4670, 0.9986, 0.9834, 286, 2790),
        ],
    },
    Setup {
        name: "16-node",
        folder: "availability/16-node/aws-08-27-2023",
        files: &["us-east-2b_v100_1", "us-west-2a_v100_1", "us-west-2c_v100_1"],
        needed: 16,
        cold_ticks: 1,
        rows: &[
            (0, Cover::None, 0.2651, 0.8568, 0.7345, 1178, 2444),
            (0, Cover::Spares, 0.4545, 0.9920, 0.9544, 1178, 2444),
            (2, Cover::Spares, 0.5328, 0.9994, 0.9658, 1300, 6318),
            (2, Cover::Needed, 0.4680, 0.9945, 0.9560, 1300, 6318),
        ],
    },
    Setup {
        name: "9-zone",
        folder: "availability/1-node/aws-02-15-2023",
        files: &[
            "us-east-1a_v100_1",
            "us-east-1c_v100_1",
            "us-east-1d_v100_1",
            "us-east-1f_v100_1",
            "us-east-2a_v100_1",
            "us-east-2b_v100_1",
            "us-west-2a_v100_1",
            "us-west-2b_v100_1",
            "us-west-2c_v100_1",
        ],
        needed: 4,
        cold_ticks: 2,
        rows: &[
            (0, Cover::None, 0.2983, 0.9901, 0.7984, 745, 28357),
            (0, Cover::Spares, 0.3784, 0.9998, 0.9403, 745, 28357),
            (2, Cover::Spares, 0.6651, 0.9999, 0.9983, 1419, 80146),
            (2, Cover::Needed, 0.4733, 0.9998, 0.9656, 1419, 80146),
        ],
    },
];

/// Half of the last printed digit.
const ROUNDED: f64 = 0.00005;

/// The rows of a set-up: `hedge/4-node+1-spares/cost`, …
pub(super) fn cases(setup: &Setup, traces: &[Availability]) -> Vec<Case> {
    let counts: Vec<Vec<u32>> = traces.iter().map(|t| t.counts.clone()).collect();
    let mut out = Vec::new();
    for (extra, cover, cost, some, all, preemptions, failed) in setup.rows {
        let hedge = Hedge {
            extra: *extra,
            base: 0,
            cover: *cover,
            upscale_delay: Duration::ZERO,
            downscale_delay: Duration::ZERO,
        };
        let tick = traces.first().map_or(Duration::ZERO, |t| t.gap);
        let r = serve(&Service { needed: setup.needed, hedge, cold_ticks: setup.cold_ticks, tick }, &counts);
        let fallback = match cover {
            Cover::None => "no fallback",
            Cover::Spares => "covers spares",
            Cover::Needed => "covers needed",
        };
        let case = |what: &str| format!("hedge/{}/{extra} spare, {fallback}/{what}", setup.name);
        let share = |n: u64| n as f64 / r.ticks as f64;
        let ours = r.cost(setup.needed, SPOT_RATIO);
        out.push(Case::checked(SUITE, case("cost"), *cost, ours, ROUNDED));
        out.push(Case::checked(SUITE, case("some ready"), *some, share(r.some_ready), ROUNDED));
        out.push(Case::checked(SUITE, case("all ready"), *all, share(r.all_ready), ROUNDED));
        out.push(Case::checked(SUITE, case("preemptions"), *preemptions as f64, r.preemptions as f64, 0.0));
        out.push(Case::checked(SUITE, case("refused"), *failed as f64, r.failed as f64, 0.0));
    }
    out
}
