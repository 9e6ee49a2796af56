//! How full nodes are, and which class that makes them.

use super::config::{Config, Plugin, Usage};
use super::evict;
use super::view::{ResourceIx, View};

/// What a node is to the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Under-used: pods go there by `LowNodeUtilization`, and leave by `HighNodeUtilization`.
    Under,
    /// Over-used, of `LowNodeUtilization`: pods leave it.
    Over,
    /// Of `HighNodeUtilization`: pods may go there.
    Destination,
    /// None of these.
    Neither,
}

/// Why it is that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Every listed resource is at its threshold or below.
    AllLow,
    /// This listed resource, the first of them, is above its target (by `HighNodeUtilization`: its threshold).
    Above(ResourceIx),
    /// This one, the first, is above its threshold, and none is above its target.
    Between(ResourceIx),
    /// It is cordoned, and would be a destination.
    Unschedulable,
}

/// A node as it was classed.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Its class.
    pub class: Class,
    /// Why.
    pub why: Why,
    /// What is in use, by resource.
    pub used: Vec<i64>,
    /// The same in percent of what it has; `None` where it does not know the resource.
    pub percent: Vec<Option<f64>>,
    /// By resource: how much it may have in use; at most all of it.
    pub target: Vec<i64>,
}

/// All nodes in the view's order; `Err` is a node without metrics.
pub(super) fn classify(config: &Config, view: &View<'_>) -> Result<Vec<Judged>, u32> {
    let used = used(config, view)?;
    let percent: Vec<Vec<Option<f64>>> = view
        .nodes
        .iter()
        .zip(&used)
        .map(|(node, used)| {
            let of = |(r, used): (u32, &i64)| {
                // A resource that it has none of is not in use.
                let has = node.has(ResourceIx(r))?;
                Some(if has > 0 { *used as f64 / has as f64 * 100.0 } else { 0.0 })
            };
            (0..).zip(used).map(of).collect()
        })
        .collect();
    let (low, high) = thresholds(config, &percent);
    let judge = |((node, used), percent): ((&super::Node, Vec<i64>), Vec<Option<f64>>)| {
        let at = |r: ResourceIx| percent[r.at()].unwrap_or(0.0);
        let above = |list: &[(ResourceIx, f64)]| list.iter().find(|(r, t)| at(*r) > *t).map(|(r, _)| *r);
        let (class, why) = match (&config.plugin, above(&low)) {
            (Plugin::Low { .. }, None) if !node.unschedulable => (Class::Under, Why::AllLow),
            (Plugin::Low { .. }, over) => match (above(&high), over) {
                (Some(r), _) => (Class::Over, Why::Above(r)),
                (None, Some(r)) => (Class::Neither, Why::Between(r)),
                (None, None) => (Class::Neither, Why::Unschedulable),
            },
            (Plugin::High { .. }, None) => (Class::Under, Why::AllLow),
            (Plugin::High { .. }, Some(_)) if node.unschedulable => (Class::Neither, Why::Unschedulable),
            (Plugin::High { .. }, Some(r)) => (Class::Destination, Why::Above(r)),
        };
        let target = (0..view.resources).map(ResourceIx).map(|r| {
            let has = node.has(r).unwrap_or(0);
            // As upstream: percent × 0.01 × amount in doubles, cut off.
            high.iter().find(|(x, _)| *x == r).map_or(has, |(_, t)| (t * 0.01 * has as f64) as i64)
        });
        Judged { class, why, target: target.collect(), used, percent }
    };
    Ok(view.nodes.iter().zip(used).zip(percent).map(judge).collect())
}

/// What is in use on each node.
fn used(config: &Config, view: &View<'_>) -> Result<Vec<Vec<i64>>, u32> {
    let mut used = evict::requested(view);
    if config.usage == Usage::Metrics {
        for (i, (node, sum)) in view.nodes.iter().zip(&mut used).enumerate() {
            let Some(measured) = &node.measured else { return Err(i as u32) };
            for r in [ResourceIx::CPU, ResourceIx::MEMORY] {
                sum[r.at()] = measured.get(r.at()).copied().unwrap_or(0);
            }
        }
    }
    Ok(used)
}

/// Percentages by resource.
type Percents = Vec<(ResourceIx, f64)>;

/// The lower and the upper thresholds; distances from the mean are added up to what they are.
fn thresholds(config: &Config, percent: &[Vec<Option<f64>>]) -> (Percents, Percents) {
    let Plugin::Low { targets, deviation } = &config.plugin else {
        return (config.thresholds.clone(), config.thresholds.iter().map(|(r, _)| (*r, 100.0)).collect());
    };
    if !deviation {
        return (config.thresholds.clone(), targets.clone());
    }
    // The mean is over nodes that know the resource; one that nobody knows has no threshold.
    let mean = |r: ResourceIx| {
        let known: Vec<f64> = percent.iter().filter_map(|p| p[r.at()]).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let around = |list: &[(ResourceIx, f64)], sign: f64| {
        list.iter().filter_map(|(r, d)| Some((*r, (mean(*r)? + sign * d).clamp(0.0, 100.0)))).collect()
    };
    (around(&config.thresholds, -1.0), around(targets, 1.0))
}
