//! How many replicas one metric asks for.
//!
//! Upstream: `GetResourceReplicas`, `calcPlainMetricReplicas`, `getUsageRatioReplicaCount`,
//! `GetExternalPerPodMetricReplicas` of `replica_calculator.go`; the ratios of `metrics/utilization.go`.

use thiserror::Error;

use super::pods::{Groups, Pod, Sample, Waits, group};
use super::{Config, Metric, PodTarget, Target};
use crate::units::SimTime;

/// A metric as the metrics API hands it out at this moment. Quantities in thousandths.
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// It could not be read.
    Failed,
    /// A sample for each pod.
    Pods {
        /// By pod, in the order of [`super::View::pods`]; `None` where there is none.
        samples: &'a [Option<Sample>],
        /// Samples of pods that the selector no longer matches: upstream counts them in averages and numbers, and not
        /// in utilisations.
        stray: &'a [i64],
        /// What each pod requests, for utilisations; `None` where a container makes no request (see
        /// [`super::request`]).
        requests: &'a [Option<i64>],
    },
    /// The value of an object, or the series of an external metric, which are added up.
    Series(&'a [i64]),
}

/// By how much a ratio may differ from 1 without a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Below 1.
    pub down: f64,
    /// Above 1.
    pub up: f64,
}

impl Tolerance {
    /// Whether a ratio is near enough to 1, both ends included.
    #[must_use]
    pub fn within(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas.
    pub replicas: i32,
    /// The figure that the HPA's status shows.
    pub reported: Reported,
}

/// What the status of a metric shows: the pods that were measured, before anything was filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// `averageUtilization`: percent of the requests.
    Utilisation(i32),
    /// `averageValue`: thousandths for each pod or replica; 0 where there is no replica.
    Average(i64),
    /// `value`: thousandths in all.
    Total(i64),
}

impl Reported {
    /// The figure by itself.
    #[must_use]
    pub const fn figure(self) -> i64 {
        match self {
            Reported::Utilisation(v) => v as i64,
            Reported::Average(v) | Reported::Total(v) => v,
        }
    }
}

/// Why a metric asks for nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MetricError {
    /// It could not be read, or is not of the kind that the configuration names.
    #[error("the metric could not be read")]
    Unavailable,
    /// The selector matches none.
    #[error("the selector matches no pod")]
    NoPods,
    /// Nothing is left once pods that are not ready and pods that go are left out.
    #[error("no pod that counts has a sample")]
    NoSamples,
    /// A container of this pod makes no request.
    #[error("a container of pod {0} makes no request")]
    NoRequest(usize),
    /// No sample belongs to a pod with a request.
    #[error("no sample belongs to a pod that requests anything")]
    NothingMatched,
}

/// How many replicas the metric asks for.
///
/// # Errors
/// Why it asks for nothing.
pub fn propose(
    config: &Config,
    metric: Metric,
    reading: &Reading<'_>,
    view: (i32, i32, &[Pod]),
    now: SimTime,
) -> Result<Proposal, MetricError> {
    let (current, status_replicas, pods) = view;
    let tolerance = config.tolerances();
    let cpu = matches!(metric, Metric::Resource { cpu: true, .. });
    match (metric, reading) {
        (
            Metric::Resource { target: PodTarget::Utilisation(percent), .. },
            &Reading::Pods { samples, stray, requests },
        ) => {
            let measured = Measured::new(config, pods, samples, stray, cpu, now)?;
            utilisation(tolerance, current, percent, measured, requests)
        }
        (
            Metric::Resource { target: PodTarget::AverageValue(target), .. } | Metric::Pods { average: target },
            &Reading::Pods { samples, stray, .. },
        ) => {
            let measured = Measured::new(config, pods, samples, stray, cpu, now)?;
            Ok(average(tolerance, current, target, measured))
        }
        (Metric::Object(target) | Metric::External(target), &Reading::Series(series)) if !series.is_empty() => {
            let total = series.iter().fold(0i64, |a, v| a.saturating_add(*v));
            match target {
                Target::Value(t) => whole(tolerance, current, t, total, pods),
                Target::AverageValue(t) => Ok(per_replica(tolerance, status_replicas, t, total)),
            }
        }
        _ => Err(MetricError::Unavailable),
    }
}

/// The samples of the pods that count, and the pods that do not.
struct Measured {
    groups: Groups,
    /// By pod; `None` where it does not count.
    values: Vec<Option<i64>>,
    /// Samples of pods that the selector no longer matches.
    stray: Vec<i64>,
}

impl Measured {
    fn new(
        config: &Config,
        pods: &[Pod],
        samples: &[Option<Sample>],
        stray: &[i64],
        cpu: bool,
        now: SimTime,
    ) -> Result<Measured, MetricError> {
        // Without a single sample the metrics API answers with an error, before any pod is looked at.
        if stray.is_empty() && samples.iter().take(pods.len()).all(Option::is_none) {
            return Err(if pods.is_empty() { MetricError::NoPods } else { MetricError::Unavailable });
        }
        if pods.is_empty() {
            return Err(MetricError::NoPods);
        }
        let waits = Waits { cpu_initialisation: config.cpu_initialisation, readiness_delay: config.readiness_delay };
        let groups = group(pods, samples, cpu, waits, now);
        let mut values: Vec<Option<i64>> = (0..pods.len()).map(|i| samples.get(i)?.map(|s| s.value)).collect();
        for &i in groups.ignored.iter().chain(&groups.unready) {
            values[i] = None;
        }
        let measured = Measured { groups, values, stray: stray.to_vec() };
        if measured.len() == 0 { Err(MetricError::NoSamples) } else { Ok(measured) }
    }

    /// How many entries there are, strays among them.
    fn len(&self) -> usize {
        self.values.iter().flatten().count() + self.stray.len()
    }

    /// Fills in what stands for the pods of a group.
    fn fill(&mut self, who: impl Fn(&Groups) -> &[usize], value: impl Fn(usize) -> i64) {
        for &i in who(&self.groups) {
            self.values[i] = Some(value(i));
        }
    }
}

/// Percent of the requests, truncated; only pods with a request count.
fn percent_used(m: &Measured, requests: &[i64]) -> Result<i32, MetricError> {
    let (mut used, mut requested) = (0i128, 0i128);
    for (value, request) in m.values.iter().zip(requests) {
        if let Some(v) = value {
            used += i128::from(*v);
            requested += i128::from(*request);
        }
    }
    if requested == 0 {
        return Err(MetricError::NothingMatched);
    }
    Ok((used * 100 / requested).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

/// Resource utilisation (`GetResourceReplicas`).
fn utilisation(
    tolerance: Tolerance,
    current: i32,
    target: i32,
    mut m: Measured,
    requests: &[Option<i64>],
) -> Result<Proposal, MetricError> {
    let of = |i| requests.get(i).copied().flatten().ok_or(MetricError::NoRequest(i));
    let requests: Vec<i64> = (0..m.values.len()).map(of).collect::<Result<_, _>>()?;
    let percent = percent_used(&m, &requests)?;
    let proposal = |replicas| Ok(Proposal { replicas, reported: Reported::Utilisation(percent) });
    let ratio = f64::from(percent) / f64::from(target);
    if let Some(replicas) = nothing_to_fill(tolerance, current, ratio, &m.groups) {
        return proposal(replicas);
    }
    if ratio < 1.0 {
        // As if they used all that they request, or the target where that is more.
        let stands_for = i64::from(target.max(100));
        m.fill(|g| &g.missing, |i| (i128::from(requests[i]) * i128::from(stands_for) / 100) as i64);
    } else if ratio > 1.0 {
        m.fill(|g| &g.missing, |_| 0);
    }
    if ratio > 1.0 {
        m.fill(|g| &g.unready, |_| 0);
    }
    let again = f64::from(percent_used(&m, &requests)?) / f64::from(target);
    proposal(filled(tolerance, current, ratio, again, m.len()))
}

/// A custom metric of pods, or a resource's average (`calcPlainMetricReplicas`).
fn average(tolerance: Tolerance, current: i32, target: i64, mut m: Measured) -> Proposal {
    let mean = |m: &Measured| {
        let sum: i128 = m.values.iter().flatten().chain(&m.stray).map(|v| i128::from(*v)).sum();
        // The mean of 64-bit numbers is one.
        (sum / m.len() as i128) as i64
    };
    let shown = mean(&m);
    let proposal = |replicas| Proposal { replicas, reported: Reported::Average(shown) };
    let ratio = shown as f64 / target as f64;
    if let Some(replicas) = nothing_to_fill(tolerance, current, ratio, &m.groups) {
        return proposal(replicas);
    }
    // At exactly the target missing pods stand for nothing here, while a utilisation leaves them out: so upstream.
    m.fill(|g| &g.missing, |_| if ratio < 1.0 { target } else { 0 });
    if ratio > 1.0 {
        m.fill(|g| &g.unready, |_| 0);
    }
    let again = mean(&m) as f64 / target as f64;
    proposal(filled(tolerance, current, ratio, again, m.len()))
}

/// The answer when every pod that matters has a sample; `None` when values must be filled in.
fn nothing_to_fill(tolerance: Tolerance, current: i32, ratio: f64, groups: &Groups) -> Option<i32> {
    let up_with_unready = !groups.unready.is_empty() && ratio > 1.0;
    if up_with_unready || !groups.missing.is_empty() {
        return None;
    }
    Some(if tolerance.within(ratio) { current } else { ceil(ratio * groups.ready as f64) })
}

/// The answer once values are filled in: never across the target, never the other way than the ratio.
fn filled(tolerance: Tolerance, current: i32, before: f64, ratio: f64, entries: usize) -> i32 {
    let crossed = (before < 1.0 && ratio > 1.0) || (before > 1.0 && ratio < 1.0);
    if tolerance.within(ratio) || crossed {
        return current;
    }
    let replicas = ceil(ratio * entries as f64);
    let turned = (ratio < 1.0 && replicas > current) || (ratio > 1.0 && replicas < current);
    if turned { current } else { replicas }
}

/// An object or external metric with a target for the whole (`getUsageRatioReplicaCount`).
fn whole(tolerance: Tolerance, current: i32, target: i64, total: i64, pods: &[Pod]) -> Result<Proposal, MetricError> {
    let ratio = total as f64 / target as f64;
    let replicas = if current == 0 {
        ceil(ratio)
    } else if tolerance.within(ratio) {
        current
    } else if pods.is_empty() {
        return Err(MetricError::NoPods);
    } else {
        // Of the pods that are ready, not of the replicas there should be.
        ceil(ratio * pods.iter().filter(|p| p.is_ready()).count() as f64)
    };
    Ok(Proposal { replicas, reported: Reported::Total(total) })
}

/// An object or external metric with a target for each replica (`GetExternalPerPodMetricReplicas`).
fn per_replica(tolerance: Tolerance, status_replicas: i32, target: i64, total: i64) -> Proposal {
    let ratio = total as f64 / (target as f64 * f64::from(status_replicas));
    let replicas = if tolerance.within(ratio) { status_replicas } else { ceil(total as f64 / target as f64) };
    let each = if status_replicas == 0 { 0 } else { (total as f64 / f64::from(status_replicas)).ceil() as i64 };
    Proposal { replicas, reported: Reported::Average(each) }
}

/// Rounded up; what is beyond the range is its end, NaN is 0.
fn ceil(replicas: f64) -> i32 {
    replicas.ceil() as i32
}
