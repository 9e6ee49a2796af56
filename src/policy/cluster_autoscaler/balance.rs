//! How a step is split over similar groups.
//!
//! Rules: `processors/nodegroupset/{balancing_processor,compare_nodegroups}.go`.

use std::collections::BTreeMap;

use super::Resources;

/// A group's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its target now.
    pub current: u32,
    /// Its maximum.
    pub max: u32,
}

/// The new sizes, in the order of the groups: node after node goes to the smallest group that is not full, equals to the
/// first. What no group has room for is left out.
#[must_use]
pub fn balance(groups: &[Size], nodes: u32) -> Vec<u32> {
    let mut sizes: Vec<u32> = groups.iter().map(|g| g.current).collect();
    for _ in 0..nodes {
        let open = (0..groups.len()).filter(|i| sizes[*i] < groups[*i].max).min_by_key(|i| (sizes[*i], *i));
        let Some(i) = open else { break };
        sizes[i] += 1;
    }
    sizes
}

/// What a group's template node looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its capacity.
    pub capacity: Resources,
    /// What of it pods may have.
    pub allocatable: Resources,
    /// What of that is free.
    pub free: Resources,
}

/// Labels that similar groups may differ in (`BasicIgnoredLabels`, without those of single providers).
pub const IGNORED_LABELS: [&str; 5] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];

/// Whether two groups are similar: the same labels but for [`IGNORED_LABELS`] and `ignored`, equal capacities (memory
/// within 1.5 % of the larger), what is allocatable and what is free within 5 % of the larger.
#[must_use]
pub fn similar(a: &Template, b: &Template, ignored: &[String]) -> bool {
    let kept = |t: &Template| -> Vec<(String, String)> {
        let counts = |k: &str| !IGNORED_LABELS.contains(&k) && !ignored.iter().any(|i| i == k);
        t.labels.iter().filter(|(k, _)| counts(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let (x, y) = (a.capacity, b.capacity);
    kept(a) == kept(b)
        && (x.cpu, x.gpu, x.pods) == (y.cpu, y.gpu, y.pods)
        && within(x.memory, y.memory, 15)
        && all_within(a.allocatable, b.allocatable)
        && all_within(a.free, b.free)
}

fn all_within(a: Resources, b: Resources) -> bool {
    let pairs = [(a.cpu, b.cpu), (a.memory, b.memory), (a.gpu, b.gpu), (a.pods, b.pods)];
    pairs.into_iter().all(|(x, y)| within(x, y, 50))
}

/// Whether the difference is at most so many thousandths of the larger.
fn within(a: i64, b: i64, thousandths: i128) -> bool {
    let (a, b) = (i128::from(a), i128::from(b));
    (a - b).abs() * 1000 <= a.max(b) * thousandths
}
