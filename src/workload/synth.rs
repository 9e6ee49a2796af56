//! Workloads made from parameters: a validated [`Spec`] becomes a [`Synth`], which yields jobs in order of arrival.
//!
//! Each attribute draws from a stream of its own (purposes `arrivals`, `bursts`, `length`, `gpus`, `share`, `labels`,
//! `accept`, `priority`, `ending`, `failed_length`, `cancelled_length`, `patience`, `busy`, `stall`, `gpu_mem`; owner: the
//! workload's name; each group of labels has a slot) and draws the same number of values for every job, so that changing one attribute leaves the others as they were.
//! Memory is constant: jobs are made as they are asked for.

pub mod arrivals;
pub mod calendar;
pub mod gaps;
pub mod mix;
pub mod shape;

pub use arrivals::{ArrivalError, Arrivals, Bursts, Growth, Pattern, QUARTER, Times};
pub use calendar::Calendar;
pub use gaps::Gaps;
pub use mix::{Mix, MixError};
pub use shape::{Daily, Shape, ShapeError};

use super::gang::gang;
use super::job::{Ending, Job, Request, Use};
use crate::kernel::{Dist, Stream, Streams};
use crate::units::{Duration, Label, Name, SimTime};

/// A quantity of CPU or memory that each pod asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// For a pod without GPUs.
    pub cpu_only: u32,
    /// For a pod with GPUs.
    pub per_pod: u32,
    /// For each of its GPUs; a share of a GPU takes that share of it, rounded up.
    pub per_gpu: u32,
}

impl Amount {
    fn of(self, gpus: u8, milli: u16) -> Option<u32> {
        if gpus == 0 {
            return Some(self.cpu_only);
        }
        let gpu = (u64::from(self.per_gpu) * u64::from(gpus) * u64::from(milli)).div_ceil(1000);
        u32::try_from(u64::from(self.per_pod) + gpu).ok()
    }
}

/// How jobs end; what is left of 1 completes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endings {
    /// Probability that a job fails.
    pub fails: f64,
    /// Probability that its owner cancels it.
    pub cancelled: f64,
    /// The length of a failing job over the length drawn; `None` leaves it.
    pub failed_length: Option<Dist>,
    /// The length of a cancelled job over the length drawn; `None` leaves it.
    pub cancelled_length: Option<Dist>,
}

/// How jobs use their GPUs. `None` is what [`Use::default`] says. Draws are clamped to the range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// True utilisation while not stalled, 0 to 1.
    pub busy: Option<Dist>,
    /// Share of the time spent waiting for input, 0 to 1.
    pub stall: Option<Dist>,
    /// Memory on each GPU, MiB.
    pub gpu_mem_mib: Option<Dist>,
}

/// The parameters of a synthetic workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The workload's name, which keys its random streams.
    pub name: Name,
    /// When jobs arrive.
    pub arrivals: Arrivals,
    /// How long a job runs on a device of speed 1, seconds; a negative draw is 0.
    pub length: Dist,
    /// GPUs of a whole job; 0 is a CPU-only pod.
    pub gpus: Mix<u32>,
    /// The most GPUs that a pod may have: larger jobs split as [`gang`] says.
    pub gpus_per_node: u8,
    /// Thousandths of a GPU for the jobs of one GPU, 1 to 1000; `None` is always a whole one.
    pub shares: Option<Mix<u16>>,
    /// Which slice of a GPU jobs of one GPU ask for; 0 for none. Their share is what it is worth.
    pub slice: u8,
    /// CPU, thousandths of a core.
    pub cpu_milli: Amount,
    /// Memory, MiB.
    pub mem_mib: Amount,
    /// Groups of alternatives, each drawn on its own: a group of one is fixed, a group per key makes the keys
    /// independent, a group of sets keeps what belongs together.
    pub labels: Vec<Mix<Vec<Label>>>,
    /// Accepted devices; an empty list accepts any.
    pub accept: Mix<Vec<String>>,
    /// Priorities.
    pub priority: Mix<i32>,
    /// How jobs end.
    pub endings: Endings,
    /// How long jobs wait before they are withdrawn, seconds; `None` for ever.
    pub patience: Option<Dist>,
    /// How jobs use their GPUs.
    pub usage: Usage,
}

impl Spec {
    /// Whole single-GPU jobs that ask for nothing else, on nodes of 8.
    #[must_use]
    pub fn new(name: Name, arrivals: Arrivals, length: Dist) -> Spec {
        Spec {
            name,
            arrivals,
            length,
            gpus: Mix::only(1),
            gpus_per_node: 8,
            shares: None,
            slice: 0,
            cpu_milli: Amount::default(),
            mem_mib: Amount::default(),
            labels: Vec::new(),
            accept: Mix::only(Vec::new()),
            priority: Mix::only(0),
            endings: Endings::default(),
            patience: None,
            usage: Usage::default(),
        }
    }
}

/// Why a [`Spec`] cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SynthError {
    /// Something about its arrivals.
    #[error(transparent)]
    Arrivals(#[from] ArrivalError),
    /// A job that no gang of equal pods makes.
    #[error("a job of {gpus} GPUs cannot be split into at most 65535 pods of at most {per_node} GPUs")]
    Gang {
        /// GPUs of the job.
        gpus: u32,
        /// The limit of a pod.
        per_node: u8,
    },
    /// A share that is none.
    #[error("a share of {0} thousandths of a GPU is not from 1 to 1000")]
    Share(u16),
    /// A CPU or memory request beyond what a pod may ask for.
    #[error("a pod of {0} GPUs asks for more CPU or memory than 4294967295 units")]
    TooLarge(u8),
    /// Probabilities of endings.
    #[error(
        "a job fails with probability {fails} and is cancelled with {cancelled}: not probabilities that add up to at most 1"
    )]
    Endings {
        /// As given.
        fails: f64,
        /// As given.
        cancelled: f64,
    },
    /// A key that two groups of labels set.
    #[error("label {0} is set by two groups of labels")]
    LabelTwice(Name),
    /// More combinations of labels than an index holds.
    #[error("the groups of labels make {0} combinations: at most 65535 are possible")]
    TooManyLabels(u128),
    /// More alternatives of devices than an index holds.
    #[error("{0} sets of accepted devices: at most 65534 are possible")]
    TooManyAccepts(usize),
}

/// A validated synthetic workload.
#[derive(Clone, Debug)]
pub struct Synth {
    spec: Spec,
    /// Pods and GPUs in each, parallel to the values of `spec.gpus`.
    gangs: Vec<(u16, u8)>,
    accepts: Vec<Vec<String>>,
    /// Index into `accepts`, parallel to the values of `spec.accept`.
    accept_ids: Vec<u16>,
    label_sets: Vec<Vec<Label>>,
}

impl Synth {
    /// Checks the parameters.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn new(spec: Spec) -> Result<Synth, Vec<SynthError>> {
        let mut wrong: Vec<SynthError> = Vec::new();
        if let Err(list) = spec.arrivals.check() {
            wrong.extend(list.into_iter().map(SynthError::from));
        }
        let mut gangs = Vec::new();
        for &gpus in spec.gpus.values() {
            let Some((pods, each)) = gang(gpus, spec.gpus_per_node) else {
                wrong.push(SynthError::Gang { gpus, per_node: spec.gpus_per_node });
                continue;
            };
            if spec.cpu_milli.of(each, 1000).is_none() || spec.mem_mib.of(each, 1000).is_none() {
                wrong.push(SynthError::TooLarge(each));
            }
            gangs.push((pods, each));
        }
        for &share in spec.shares.iter().flat_map(Mix::values) {
            if !(1..=1000).contains(&share) {
                wrong.push(SynthError::Share(share));
            }
        }
        let Endings { fails, cancelled, .. } = spec.endings;
        if !(fails >= 0.0 && cancelled >= 0.0 && fails + cancelled <= 1.0 + 1e-12) {
            wrong.push(SynthError::Endings { fails, cancelled });
        }
        let label_sets = label_table(&spec.labels).unwrap_or_else(|e| {
            wrong.push(e);
            Vec::new()
        });
        let mut accepts = vec![Vec::new()];
        let mut accept_ids = Vec::new();
        for set in spec.accept.values() {
            let at = accepts.iter().position(|s| s == set).unwrap_or_else(|| {
                accepts.push(set.clone());
                accepts.len() - 1
            });
            accept_ids.push(at as u16);
        }
        if accepts.len() > usize::from(u16::MAX) {
            wrong.push(SynthError::TooManyAccepts(accepts.len() - 1));
        }
        if wrong.is_empty() { Ok(Synth { spec, gangs, accepts, accept_ids, label_sets }) } else { Err(wrong) }
    }

    /// What it was made from.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The device sets that [`Job::accept`] indexes; 0 is empty and accepts any.
    #[must_use]
    pub fn accepts(&self) -> &[Vec<String>] {
        &self.accepts
    }

    /// The label sets that [`Job::labels`] indexes, each ordered by key; every combination of the groups, so some may
    /// never occur.
    #[must_use]
    pub fn label_sets(&self) -> &[Vec<Label>] {
        &self.label_sets
    }

    /// What a pod of so many GPUs asks for.
    fn request(&self, gpus: u8, gpu_milli: u16) -> Request {
        let s = &self.spec;
        Request {
            // Checked for whole GPUs by Synth::new; a share asks for less.
            cpu_milli: s.cpu_milli.of(gpus, gpu_milli).unwrap_or(u32::MAX),
            mem_mib: s.mem_mib.of(gpus, gpu_milli).unwrap_or(u32::MAX),
            gpus,
            gpu_milli,
            slice: if gpus == 1 { s.slice } else { 0 },
        }
    }

    /// Every size that a job may have: what a pod asks for, and how many pods.
    #[must_use]
    pub fn sizes(&self) -> Vec<(Request, u16)> {
        let mut out = Vec::new();
        for &(pods, gpus) in &self.gangs {
            let shares: &[u16] = match &self.spec.shares {
                Some(mix) if (gpus, pods) == (1, 1) => mix.values(),
                _ => &[1000],
            };
            for &share in shares {
                let gpu_milli = if gpus == 0 { 0 } else { share };
                out.push((self.request(gpus, gpu_milli), pods));
            }
        }
        out
    }

    /// The jobs that arrive in `[from, until)`, in order of arrival. The same streams give the same jobs.
    #[must_use]
    pub fn jobs(&self, streams: &Streams, calendar: &Calendar, from: SimTime, until: SimTime) -> Jobs<'_> {
        let owner = self.spec.name.as_str();
        let stream = |purpose: &str| streams.stream(purpose, owner, 0);
        let times = self.spec.arrivals.times(calendar, streams, owner, from, until);
        Jobs {
            synth: self,
            times: times.expect("arrivals were checked by Synth::new"),
            length: stream("length"),
            gpus: stream("gpus"),
            share: stream("share"),
            labels: (0..self.spec.labels.len()).map(|g| streams.stream("labels", owner, g as u64)).collect(),
            accept: stream("accept"),
            priority: stream("priority"),
            ending: stream("ending"),
            failed_length: stream("failed_length"),
            cancelled_length: stream("cancelled_length"),
            patience: stream("patience"),
            busy: stream("busy"),
            stall: stream("stall"),
            gpu_mem: stream("gpu_mem"),
        }
    }
}

/// Every combination of one alternative of each group; the last group varies fastest.
fn label_table(groups: &[Mix<Vec<Label>>]) -> Result<Vec<Vec<Label>>, SynthError> {
    let sets = groups.iter().fold(1u128, |n, g| n.saturating_mul(g.values().len() as u128));
    if sets > u128::from(u16::MAX) {
        return Err(SynthError::TooManyLabels(sets));
    }
    let mut table: Vec<Vec<Label>> = vec![Vec::new()];
    for g in groups {
        table = table
            .iter()
            .flat_map(|set| g.values().iter().map(|more| set.iter().chain(more).cloned().collect()))
            .collect();
    }
    for set in &mut table {
        set.sort();
        if let Some(pair) = set.windows(2).find(|w| w[0].key == w[1].key) {
            return Err(SynthError::LabelTwice(pair[0].key.clone()));
        }
    }
    Ok(table)
}

/// The jobs of a [`Synth`] in order of arrival.
#[derive(Clone, Debug)]
pub struct Jobs<'a> {
    synth: &'a Synth,
    times: Times,
    length: Stream,
    gpus: Stream,
    share: Stream,
    labels: Vec<Stream>,
    accept: Stream,
    priority: Stream,
    ending: Stream,
    failed_length: Stream,
    cancelled_length: Stream,
    patience: Stream,
    busy: Stream,
    stall: Stream,
    gpu_mem: Stream,
}

impl Iterator for Jobs<'_> {
    type Item = Job;

    #[inline]
    fn next(&mut self) -> Option<Job> {
        let arrive = self.times.next()?;
        let s = &self.synth.spec;
        let mut seconds = s.length.sample(&mut self.length);
        let (pods, gpus) = self.synth.gangs[s.gpus.pick(&mut self.gpus)];
        // Drawn for every job, whether it uses the draw or not: another mix of sizes must not shift the shares.
        let share = s.shares.as_ref().map_or(1000, |m| *m.value(m.pick(&mut self.share)));
        let gpu_milli = match (gpus, pods) {
            (0, _) => 0,
            (1, 1) => share,
            _ => 1000,
        };
        let ending = self.ending();
        if let Some(factor) = ending.1 {
            seconds *= factor;
        }
        Some(Job {
            arrive,
            work: Duration::from_secs_f64(seconds),
            pods,
            request: self.synth.request(gpus, gpu_milli),
            accept: self.synth.accept_ids[s.accept.pick(&mut self.accept)],
            labels: self.labels(),
            priority: *s.priority.value(s.priority.pick(&mut self.priority)),
            ending: ending.0,
            usage: self.usage(),
            patience: match &s.patience {
                Some(d) => Duration::from_secs_f64(d.sample(&mut self.patience)),
                None => Duration(u64::MAX),
            },
        })
    }
}

impl Jobs<'_> {
    fn labels(&mut self) -> u16 {
        let groups = self.synth.spec.labels.iter().zip(&mut self.labels);
        groups.fold(0, |at, (g, stream)| at * g.values().len() + g.pick(stream)) as u16
    }

    /// How the job ends, and the factor on its length.
    fn ending(&mut self) -> (Ending, Option<f64>) {
        let e = &self.synth.spec.endings;
        let u = self.ending.uniform();
        let failed = e.failed_length.as_ref().map(|d| d.sample(&mut self.failed_length));
        let cancelled = e.cancelled_length.as_ref().map(|d| d.sample(&mut self.cancelled_length));
        if u < e.fails {
            (Ending::Fails, failed)
        } else if u < e.fails + e.cancelled {
            (Ending::Cancelled, cancelled)
        } else {
            (Ending::Completes, None)
        }
    }

    fn usage(&mut self) -> Use {
        let u = &self.synth.spec.usage;
        let ppm = |d: &Option<Dist>, s: &mut Stream, none: u32| {
            d.as_ref().map_or(none, |d| (d.sample(s).clamp(0.0, 1.0) * 1e6).round() as u32)
        };
        let none = Use::default();
        Use {
            busy_ppm: ppm(&u.busy, &mut self.busy, none.busy_ppm),
            stall_ppm: ppm(&u.stall, &mut self.stall, none.stall_ppm),
            // `as` saturates, and sends what is negative to 0.
            gpu_mem_mib: u.gpu_mem_mib.as_ref().map_or(0, |d| d.sample(&mut self.gpu_mem).ceil() as u32),
        }
    }
}

#[cfg(test)]
#[path = "synth/tests.rs"]
mod tests;
