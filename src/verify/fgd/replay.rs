//! One run: tune the pods to the fleet, let them arrive, read off the curve.

use super::trace::{Cluster, Trace};
use crate::policy::placement::luck::Luck;
use crate::policy::placement::{PlacementPolicy, Placer, Settings, Target, TieOrder, Ties};
use crate::units::{Diagnostic, Diagnostics};
use serde::{Deserialize, Serialize};

/// A trace that needs more pods than this to reach the goal is refused.
const PODS_MAX: u64 = 20_000_000;

/// How far the pods are tuned: this many percent of the fleet's GPUs.
pub const TUNE_PERCENT: u64 = 130;

/// Streams of a run's seed.
const ORDER_STREAM: u64 = 1;
const TUNE_STREAM: u64 = 2;

/// One run of the experiment.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The nodes.
    pub cluster: &'a Cluster,
    /// The pods.
    pub trace: &'a Trace,
    /// Where they go.
    pub policy: PlacementPolicy,
    /// The order of pods, the pods added or removed, the order of nodes, and what Random draws.
    pub seed: u64,
    /// Who wins among equal scores; [`TieOrder::Shuffled`] in the experiment.
    pub ties: Ties,
}

/// Refuses a trace whose pods ask for so little that reaching the goal would take for ever.
pub(super) fn check_size(cluster: &Cluster, trace: &Trace) -> Result<(), Diagnostics> {
    let sum: u64 = trace.pods.iter().map(|p| u64::from(trace.shapes[*p as usize].request.total_milli())).sum();
    let goal = u128::from(cluster.milli() * TUNE_PERCENT / 100);
    let pods = goal * trace.pods.len() as u128 / u128::from(sum.max(1));
    if pods <= u128::from(PODS_MAX) {
        return Ok(());
    }
    let name = &trace.name;
    let message = format!("about {pods} pods of the trace `{name}` are needed to fill the fleet to 130 %");
    let help = format!("the experiment copies pods until they ask for 130 % of the GPUs; at most {PODS_MAX} are run");
    Err(Diagnostic::error(message).help(help).into())
}

/// What share of the fleet's GPUs is allocated as pods arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Per percent arrived from 0: the mean allocation in percent over the pods that round to it.
    alloc: Vec<Option<f64>>,
}

impl Curve {
    /// Unallocated GPUs in percent of the fleet when `arrived_percent` of the fleet's GPUs have arrived; `None` where
    /// no pod's arrival rounds to that or, as upstream, to one off it.
    #[must_use]
    pub fn unallocated(&self, arrived_percent: usize) -> Option<f64> {
        self.alloc.get(arrived_percent).copied().flatten().map(|a| 100.0 - a)
    }
}

/// Sum and count of the rows at one percent arrived; allocation in ten-thousandths of the fleet.
#[derive(Clone, Copy, Default)]
struct Bin {
    sum: u64,
    rows: u64,
}

impl Run<'_> {
    /// The pods as they arrive, as indices into the trace's shapes.
    ///
    /// Sorted by name, shuffled, then tuned (`TunePodsByNodeTotalResource`, `pkg/simulator/simulator.go`): where they
    /// ask for less than 130 % of the fleet, copies of pods drawn with replacement are appended until the next would
    /// pass that, counting **one** GPU of it (upstream's check, kept); where for more, pods drawn at random are removed.
    #[must_use]
    pub fn arrivals(&self) -> Vec<u32> {
        let trace = self.trace;
        let request = |pod: u32| &trace.shapes[pod as usize].request;
        let mut pods = trace.pods.clone();
        Luck::new(self.seed, ORDER_STREAM).shuffle(&mut pods);
        let mut luck = Luck::new(self.seed, TUNE_STREAM);
        let mut sum: u64 = pods.iter().map(|p| u64::from(request(*p).total_milli())).sum();
        let goal = self.cluster.milli() * TUNE_PERCENT / 100;
        let tuned_down = sum > goal;
        if sum < goal {
            loop {
                let pod = trace.pods[luck.below(trace.pods.len() as u32) as usize];
                if sum + u64::from(request(pod).gpu_milli) > goal {
                    break;
                }
                sum += u64::from(request(pod).total_milli());
                pods.push(pod);
            }
        }
        // Not after the above: what its check let pass the goal stays.
        while tuned_down && sum > goal {
            let pod = pods.remove(luck.below(pods.len() as u32) as usize);
            sum -= u64::from(request(pod).total_milli());
        }
        pods
    }

    /// Lets the pods arrive and returns the curve.
    ///
    /// After every pod, arrived % is rounded to a whole number and allocated % to two digits, halves to even; a column
    /// is the mean over its rows (`experiments/analysis/merge_alloc_discrete.py`).
    #[must_use]
    pub fn curve(&self) -> Curve {
        let mut fleet = self.cluster.fleet();
        let settings = Settings { ties: self.ties, typical: self.trace.typical.clone(), ..Settings::default() };
        let mut placer = Placer::with(self.policy, self.seed, &settings);
        let shapes: Vec<_> = self.trace.shapes.iter().map(|t| placer.shape(*t)).collect();
        // Nothing leaves: what did not fit once never fits again.
        let mut refused = vec![false; shapes.len()];
        let total = self.cluster.milli();
        let mut bins: Vec<Bin> = Vec::new();
        let (mut arrived, mut used) = (0u64, 0u64);
        for pod in self.arrivals() {
            let Target { request, .. } = &self.trace.shapes[pod as usize];
            arrived += u64::from(request.total_milli());
            if !refused[pod as usize] {
                match placer.pick(&fleet, shapes[pod as usize]) {
                    Some(spot) => {
                        fleet.place(spot.node, request, spot.gpus);
                        used += u64::from(request.total_milli());
                    }
                    None => refused[pod as usize] = true,
                }
            }
            let column = ratio(arrived, 100, total) as usize;
            if bins.len() <= column {
                bins.resize(column + 1, Bin::default());
            }
            bins[column].sum += ratio(used, 10_000, total);
            bins[column].rows += 1;
        }
        let mean = |c: usize| {
            let near = if bins[c].rows > 0 { c..c + 1 } else { c.saturating_sub(1)..(c + 2).min(bins.len()) };
            let (sum, rows) = bins[near].iter().fold((0, 0), |a, b| (a.0 + b.sum, a.1 + b.rows));
            (rows > 0).then(|| sum as f64 / rows as f64 / 100.0)
        };
        Curve { alloc: (0..bins.len()).map(mean).collect() }
    }
}

/// The experiment's tie order.
pub(super) const EXPERIMENT: Ties = Ties::Order(TieOrder::Shuffled);

/// `scale·part/whole` to the nearest whole number, halves to even.
fn ratio(part: u64, scale: u64, whole: u64) -> u64 {
    let (q, r) = (part * scale / whole, part * scale % whole);
    q + u64::from(2 * r > whole || (2 * r == whole && q % 2 == 1))
}

#[cfg(test)]
mod tests {
    use super::ratio;

    #[test]
    fn ratios_round_halves_to_even() {
        assert_eq!([ratio(1, 1, 2), ratio(3, 1, 2), ratio(5, 1, 2), ratio(2, 1, 3), ratio(1, 1, 3)], [0, 2, 2, 1, 0]);
    }
}
