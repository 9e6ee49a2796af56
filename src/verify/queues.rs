//! Closed forms of queueing theory through the whole simulator: arrivals, queue, placement, ledger.
//!
//! M/M/c: mean wait = C(c, a) / (cμ − λ), C the Erlang C formula. M/D/1: mean wait = ρ s / (2 (1 − ρ))
//! (Pollaczek–Khinchine). Each case is the mean over independent replications, held to four standard errors of that mean.

use rayon::prelude::*;

use super::{Case, NoCases, Options};
use crate::fleet::Capacity;
use crate::kernel::{Dist, t_interval};
use crate::outcome::Silent;
use crate::scenario::model::{Model, Source};
use crate::sim::simulate;
use crate::units::{Duration, Name, Rate};
use crate::workload::synth::{Arrivals, Spec, Synth};

/// Replications of each case unless `--seeds` says otherwise.
const REPLICATIONS: usize = 20;
/// Jobs in each, after a warm-up of a tenth.
const JOBS: f64 = 40_000.0;

/// A queue: `servers` GPUs, offered load `rho` of them, mean service time one hour.
#[derive(Clone, Copy, Debug)]
struct Queue {
    servers: u32,
    rho: f64,
    exponential: bool,
}

const CASES: [Queue; 6] = [
    Queue { servers: 1, rho: 0.5, exponential: true },
    Queue { servers: 1, rho: 0.8, exponential: true },
    Queue { servers: 8, rho: 0.8, exponential: true },
    Queue { servers: 32, rho: 0.9, exponential: true },
    Queue { servers: 1, rho: 0.5, exponential: false },
    Queue { servers: 1, rho: 0.8, exponential: false },
];

/// Runs the suite.
///
/// # Errors
/// None: it needs no data.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let n = options.seeds.unwrap_or(REPLICATIONS).max(2);
    Ok(CASES
        .iter()
        .map(|q| {
            let model = q.model();
            let waits: Vec<f64> = (0..n as u32)
                .into_par_iter()
                .map(|r| simulate(&model, 1, r, &mut Silent).all_waits().mean().unwrap_or(0.0) / 3.6e12)
                .collect();
            let mean = waits.iter().sum::<f64>() / n as f64;
            let half = t_interval(&waits, 0.95).map_or(0.0, |i| (i.high - i.low) / 2.0);
            // The half-width of a 95 % interval is about 2.09 standard errors at twenty replications: four are 1.91 of it.
            Case::checked("queues", q.name(), q.expected(), mean, half / t_factor(n) * 4.0)
        })
        .collect())
}

fn t_factor(n: usize) -> f64 {
    crate::kernel::stats::t_quantile(0.975, (n - 1) as f64)
}

impl Queue {
    fn name(&self) -> String {
        let law = if self.exponential { "M/M" } else { "M/D" };
        format!("{law}/{} rho {} mean wait (h)", self.servers, self.rho)
    }

    /// Mean wait in mean service times.
    fn expected(&self) -> f64 {
        if !self.exponential {
            return self.rho / (2.0 * (1.0 - self.rho));
        }
        let (c, a) = (f64::from(self.servers), f64::from(self.servers) * self.rho);
        // Erlang B by its recursion, then C from B.
        let b = (1..=self.servers).fold(1.0, |b, k| a * b / (f64::from(k) + a * b));
        let erlang_c = b / (1.0 - self.rho * (1.0 - b));
        erlang_c / (c - a)
    }

    fn model(&self) -> Model {
        let per_hour = f64::from(self.servers) * self.rho;
        let hours = JOBS / per_hour;
        let mut model = Model::empty("queue", Duration::from_secs_f64(hours * 3600.0));
        model.warmup = Duration::from_secs_f64(hours * 360.0);
        model.bucket = Duration::from_hours(24);
        let node = Capacity { cpu_milli: 8000, mem_mib: 8192, gpus: 1 };
        model.add_pool("servers", node, self.servers, Rate(1_000_000_000_000));
        let law = if self.exponential { Dist::exponential(3600.0) } else { Dist::constant(3600.0) };
        let spec =
            Spec::new(Name::new("jobs").expect("a name"), Arrivals::poisson(per_hour), law.expect("an hour is a mean"));
        model.add_work("jobs", Source::Synth(Box::new(Synth::new(spec).expect("valid by construction"))));
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Verdict;

    #[test]
    fn erlang_c_agrees_with_the_textbook() {
        // M/M/1: rho/(1-rho); M/M/2 at rho 0.75: C = 9/14, wait = (9/14)/(2-1.5).
        let q = |servers, rho| Queue { servers, rho, exponential: true }.expected();
        assert!((q(1, 0.8) - 4.0).abs() < 1e-12);
        assert!((q(2, 0.75) - 9.0 / 7.0).abs() < 1e-12);
        assert!((Queue { servers: 1, rho: 0.8, exponential: false }.expected() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn mean_waits_agree_with_the_closed_forms() {
        for case in run(&Options::default()).unwrap() {
            assert_eq!(case.verdict, Verdict::Pass, "{case:?}");
            // The tolerance is tight enough to mean something.
            assert!(case.tolerance.unwrap() < 0.35 * case.published.unwrap(), "{case:?}");
        }
    }
}
