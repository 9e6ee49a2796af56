//! Which of the groups that would help is scaled up. Filters follow one another until one option remains.
//!
//! Rules: `expander/{mostpods,waste,priority,price}`.

use super::Resources;

/// One way to scale up.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The group's name.
    pub group: String,
    /// Nodes that it would get; options with none are dropped before.
    pub nodes: u32,
    /// Pods that it would help.
    pub pods: u32,
    /// What those pods request together.
    pub requested: Resources,
    /// The *capacity* of one node, not what is allocatable.
    pub capacity: Resources,
    /// Price of one node for an hour, in any unit; the price filter alone reads it.
    pub node_price: f64,
    /// Price of the pods for an hour, in the same unit.
    pub pod_price: f64,
    /// Whether the group is there already, rather than auto-provisioned.
    pub exists: bool,
}

/// One filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// `most-pods`.
    MostPods,
    /// `least-waste`, the default: of CPU and memory. It does not see GPUs.
    LeastWaste,
    /// `priority`: a tier is a number and the names of its groups. Upstream writes regular expressions: match them
    /// against the group names before.
    Priority(Vec<(i64, Vec<String>)>),
    /// `price`.
    Price(Market),
}

/// What the price filter knows besides the options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Market {
    /// Price of a pod of 500 m and 500 MiB for an hour.
    pub stabilisation: f64,
    /// The preferred node's CPU in milli: see [`preferred_cpu`].
    pub preferred_cpu: i64,
}

/// The price filter gives every GPU node this unfitness (`gpuUnfitnessOverride`).
pub const GPU_UNFITNESS: f64 = 1000.0;

/// The preferred node for a cluster of so many nodes, in milli-CPU (`expander/price/preferred.go`).
#[must_use]
pub const fn preferred_cpu(nodes: usize) -> i64 {
    match nodes {
        0..=2 => 1_000,
        3..=6 => 2_000,
        7..=20 => 4_000,
        21..=60 => 8_000,
        61..=200 => 16_000,
        _ => 32_000,
    }
}

/// The share of CPU and the share of memory that would be free, added up.
#[must_use]
pub fn waste(choice: &Choice) -> f64 {
    let share = |capacity: i64, requested: i64| {
        let total = i128::from(capacity) * i128::from(choice.nodes);
        (total - i128::from(requested)) as f64 / total as f64
    };
    share(choice.capacity.cpu, choice.requested.cpu) + share(choice.capacity.memory, choice.requested.memory)
}

/// The price filter's score; the least wins.
#[must_use]
pub fn price_score(choice: &Choice, market: &Market) -> f64 {
    let nodes = f64::from(choice.nodes);
    let sub = (choice.node_price * nodes + market.stabilisation) / (choice.pod_price + market.stabilisation);
    let (preferred, cpu) = (market.preferred_cpu as f64, choice.capacity.cpu as f64);
    let unfitness = (preferred / cpu).max(cpu / preferred);
    let suppressed = if choice.capacity.gpu > 0 {
        GPU_UNFITNESS
    } else {
        (unfitness - 1.0) * (1.0 - ((nodes - 1.0) / 15.0).tanh()) + 1.0
    };
    let score = suppressed * sub;
    if choice.exists { score } else { score * 2.0 }
}

/// Which options survive the filters, in their order; more than one is a tie, which upstream breaks at random.
#[must_use]
pub fn survivors<'a>(choices: &'a [Choice], filters: &[Filter]) -> Vec<&'a Choice> {
    let mut left: Vec<&Choice> = choices.iter().filter(|c| c.nodes > 0 && c.pods > 0).collect();
    for filter in filters {
        if left.len() <= 1 {
            break;
        }
        left = match filter {
            Filter::MostPods => least(&left, |c| -f64::from(c.pods)),
            Filter::LeastWaste => least(&left, waste),
            Filter::Price(market) => least(&left, |c| price_score(c, market)),
            Filter::Priority(tiers) => highest_tier(&left, tiers),
        };
    }
    left
}

/// The option that is taken: the survivor whose group's name is least, instead of a random one.
#[must_use]
pub fn pick<'a>(choices: &'a [Choice], filters: &[Filter]) -> Option<&'a Choice> {
    survivors(choices, filters).into_iter().min_by(|a, b| a.group.cmp(&b.group))
}

fn least<'a>(choices: &[&'a Choice], score: impl Fn(&Choice) -> f64) -> Vec<&'a Choice> {
    let scores: Vec<f64> = choices.iter().map(|c| score(c)).collect();
    let best = scores.iter().copied().fold(f64::INFINITY, f64::min);
    choices.iter().zip(scores).filter(|(_, s)| s.total_cmp(&best).is_eq()).map(|(c, _)| *c).collect()
}

fn highest_tier<'a>(choices: &[&'a Choice], tiers: &[(i64, Vec<String>)]) -> Vec<&'a Choice> {
    let tier = |c: &Choice| tiers.iter().filter(|(_, names)| names.contains(&c.group)).map(|(p, _)| *p).max();
    match choices.iter().filter_map(|c| tier(c)).max() {
        None => choices.to_vec(),
        best => choices.iter().copied().filter(|c| tier(c) == best).collect(),
    }
}
