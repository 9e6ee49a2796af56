//! Checkpoints in closed form: optimal intervals, and the mean time to the end of runs with interruptions.
//!
//! Times are in minutes. `Daly` cases are the published form; `DES` cases are what a run does, with whole segments and
//! no checkpoint after the last. The figures were computed independently, from the formulas and by random replications
//! of the process; they have six decimals.

pub mod replicas;

use super::{Case, NoCases, Options};
use crate::training::Impossible;
use crate::training::interval::Rule;
use crate::training::makespan::{Faults, asynchronous, daly_form, des_form, on_notice};

const SUITE: &str = "checkpoint";

/// Replications of each simulated vector unless `--seeds` says otherwise.
const REPLICATIONS: u32 = 1_000;

/// Half a unit of the sixth decimal and a unit for rounding twice.
const OPTIMUM_TOLERANCE: f64 = 1e-6;
/// Of a makespan, relative; never below the six decimals.
const MAKESPAN_TOLERANCE: f64 = 1e-9;

/// Optimal intervals for a stall and a mean time between interruptions.
#[derive(Clone, Copy, Debug)]
pub struct Optimum {
    /// Checkpoint stall.
    pub delta: f64,
    /// Mean time between interruptions.
    pub m: f64,
    /// Young's, Daly's and the exact optimum, in the order of [`Rule::ALL`].
    pub optima: [f64; 3],
}

/// The first three rows are Daly's own examples (2006), whose captions round them to 117, 57 and 9.1 minutes.
pub const OPTIMA: [Optimum; 8] = [
    Optimum { delta: 5.0, m: 1440.0, optima: [120.000000, 116.689815, 116.690073] },
    Optimum { delta: 5.0, m: 360.0, optima: [60.000000, 56.712963, 56.714002] },
    Optimum { delta: 5.0, m: 15.0, optima: [12.247449, 9.140920, 9.166503] },
    Optimum { delta: 1.0, m: 60.0, optima: [10.954451, 10.297927, 10.298177] },
    Optimum { delta: 2.0, m: 180.0, optima: [26.832816, 25.516046, 25.516378] },
    Optimum { delta: 0.5, m: 600.0, optima: [24.494897, 24.162698, 24.162704] },
    Optimum { delta: 10.0, m: 120.0, optima: [48.989795, 42.549933, 42.562555] },
    Optimum { delta: 30.0, m: 20.0, optima: [34.641016, 17.527767, 18.204059] },
];

/// A run with synchronous checkpoints.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    /// Its name.
    pub id: &'static str,
    /// Work.
    pub w: f64,
    /// Work between checkpoints.
    pub tau: f64,
    /// Checkpoint stall.
    pub delta: f64,
    /// Mean time between interruptions.
    pub m: f64,
    /// Restart, interruptible.
    pub r: f64,
    /// Downtime before it, not interruptible.
    pub d: f64,
    /// Mean time to the end, Daly's form.
    pub daly_form: f64,
    /// The same of a run as it goes.
    pub des_form: f64,
    /// Standard deviation of one run's time to the end.
    pub std: f64,
}

/// Runs with synchronous checkpoints. The sixth starts from zero after each interruption: `M·(e − 1)`.
pub const VECTORS: [Vector; 8] = [
    vector("V1", [30000.0, 117.0, 5.0, 1440.0, 10.0, 0.0], [32872.916319, 32869.468747, 397.0]),
    vector("V2", [30000.0, 57.0, 5.0, 360.0, 10.0, 0.0], [36613.057400, 36610.067059, 477.0]),
    vector("V3", [6000.0, 9.1, 5.0, 15.0, 10.0, 0.0], [30050.395832, 30041.576991, 1064.0]),
    vector("V4", [2880.0, 60.0, 1.0, 240.0, 6.0, 0.0], [3418.128495, 3416.809217, 163.2]),
    vector("V5", [2880.0, 30.0, 2.0, 120.0, 3.0, 15.0], [4060.907186, 4057.920169, 215.4]),
    vector("V6", [1440.0, 1440.0, 0.0, 1440.0, 0.0, 0.0], [2474.325833, 2474.325833, 1401.0]),
    vector("V7", [1440.0, 10.0, 0.5, 60.0, 5.0, 10.0], [2095.292176, 2094.540031, 124.1]),
    vector("V8", [2880.0, 20.0, 0.5, 84.72, 12.0, 31.68], [5286.899797, 5285.894583, 432.6]),
];

const fn vector(id: &'static str, [w, tau, delta, m, r, d]: [f64; 6], [daly_form, des_form, std]: [f64; 3]) -> Vector {
    Vector { id, w, tau, delta, m, r, d, daly_form, des_form, std }
}

/// A run with asynchronous checkpoints.
#[derive(Clone, Copy, Debug)]
pub struct AsyncVector {
    /// Its name.
    pub id: &'static str,
    /// Work.
    pub w: f64,
    /// Work between checkpoints.
    pub tau: f64,
    /// Stall for a snapshot.
    pub block: f64,
    /// From the snapshot until it is durable.
    pub persist: f64,
    /// Mean time between interruptions.
    pub m: f64,
    /// Restart, interruptible.
    pub r: f64,
    /// Downtime before it, not interruptible.
    pub d: f64,
    /// Mean time to the end.
    pub exact: f64,
}

/// Runs with asynchronous checkpoints. The last is durable at once, and so V4.
pub const ASYNC: [AsyncVector; 4] = [
    behind("A1", [2880.0, 60.0, 0.1, 10.0, 240.0, 6.0, 0.0], 3501.018308),
    behind("A2", [2880.0, 30.0, 0.05, 20.0, 120.0, 3.0, 15.0], 4459.818466),
    behind("A3", [1440.0, 10.0, 0.02, 5.0, 60.0, 5.0, 10.0], 2163.118608),
    behind("A4", [2880.0, 60.0, 1.0, 0.0, 240.0, 6.0, 0.0], 3416.809217),
];

const fn behind(id: &'static str, [w, tau, block, persist, m, r, d]: [f64; 7], exact: f64) -> AsyncVector {
    AsyncVector { id, w, tau, block, persist, m, r, d, exact }
}

/// A run without periodic checkpoints, and one on every notice that always succeeds.
#[derive(Clone, Copy, Debug)]
pub struct NoticeVector {
    /// Its name.
    pub id: &'static str,
    /// Work.
    pub w: f64,
    /// Mean time between interruptions.
    pub m: f64,
    /// Restart, interruptible.
    pub r: f64,
    /// Downtime before it, not interruptible.
    pub d: f64,
    /// The checkpoint written on notice.
    pub write: f64,
    /// Mean time to the end.
    pub exact: f64,
}

/// Runs with checkpoints on notice.
pub const NOTICE: [NoticeVector; 2] = [
    NoticeVector { id: "N1", w: 2880.0, m: 240.0, r: 6.0, d: 0.0, write: 2.0, exact: 2976.907547 },
    NoticeVector { id: "N2", w: 2880.0, m: 120.0, r: 3.0, d: 15.0, write: 0.5, exact: 3334.020990 },
];

/// Runs the suite.
///
/// # Errors
/// None: it needs no data.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut out = Vec::with_capacity(46);
    for o in &OPTIMA {
        for (rule, want) in Rule::ALL.into_iter().zip(o.optima) {
            let case = format!("optimum {} stall {} MTBF {} (min)", rule.key(), o.delta, o.m);
            out.push(Case::checked(SUITE, case, want, or_nan(rule.interval(o.delta, o.m)), OPTIMUM_TOLERANCE));
        }
    }
    for v in &VECTORS {
        let mean = |form: fn(&Faults, f64, f64, f64) -> Result<_, Impossible>| {
            or_nan(Faults::new(v.m, v.r, v.d).and_then(|f| form(&f, v.w, v.tau, v.delta)).map(mean_of))
        };
        out.push(makespan(v.id, "Daly form", v.daly_form, mean(daly_form)));
        out.push(makespan(v.id, "DES form", v.des_form, mean(des_form)));
    }
    for v in &ASYNC {
        let faults = Faults::new(v.m, v.r, v.d);
        let ours = faults.and_then(|f| asynchronous(&f, v.w, v.tau, v.block, v.persist)).map(|(m, _)| m.mean);
        out.push(makespan(v.id, "asynchronous", v.exact, or_nan(ours)));
    }
    for v in &NOTICE {
        let ours = Faults::new(v.m, v.r, v.d).and_then(|f| on_notice(&f, v.w, v.write)).map(mean_of);
        out.push(makespan(v.id, "on notice", v.exact, or_nan(ours)));
    }
    replicas::cases(options.seeds.map_or(REPLICATIONS, |n| n.max(2) as u32), &mut out);
    Ok(out)
}

fn mean_of(m: crate::training::makespan::Makespan) -> f64 {
    m.mean
}

/// A form that gives nothing fails its case.
fn or_nan(ours: Result<f64, Impossible>) -> f64 {
    ours.unwrap_or(f64::NAN)
}

fn makespan(id: &str, form: &str, want: f64, ours: f64) -> Case {
    let tolerance = (MAKESPAN_TOLERANCE * want).max(OPTIMUM_TOLERANCE);
    Case::checked(SUITE, format!("{id} {form} mean makespan (min)"), want, ours, tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;

    #[test]
    fn every_closed_form_agrees_with_its_vector() {
        let cases = run(&Options { seeds: Some(100), ..Options::default() }).unwrap();
        assert_eq!(cases.len(), 24 + 16 + 4 + 2 + 12);
        for case in &cases {
            assert_eq!(case.verdict, Verdict::Pass, "{case:?}");
        }
        let mut names: Vec<_> = cases.iter().map(|c| &c.case).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cases.len(), "a name of its own for each");
    }

    #[test]
    fn a_form_that_gives_nothing_fails() {
        let broken = or_nan(Rule::Exact.interval(0.0, 1.0));
        assert_eq!(makespan("V0", "none", 1.0, broken).verdict, Verdict::Fail);
    }
}
