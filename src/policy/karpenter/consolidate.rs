//! Whether nodes can go, for nothing or for one cheaper node; and which of them, at once or alone.
//!
//! Rules: kubernetes-sigs/karpenter, `pkg/controllers/disruption/{consolidation,multinodeconsolidation,
//! singlenodeconsolidation}.go`.

use super::balanced::{self, Part, Totals};
use super::candidate::Candidate;
use super::config::{ConsolidationPolicy, MAX_CANDIDATES, SPOT_TO_SPOT_TYPES};
use super::offer;
use super::requirement::{Key, Set};
use super::solve::{Planned, Question, Solver};
use super::view::{CapacityType, NodeIx};
use crate::units::Rate;

/// Why nodes stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// Some pods would have no place.
    NoPlace,
    /// They would need more than one new node.
    SeveralNodes(usize),
    /// No type that could take their pods is cheaper, at worst, than what they cost.
    NotCheaper,
    /// The types that are cheaper are too few for `minValues`.
    MinValues,
    /// A spot node is not replaced by spot without the feature gate.
    SpotToSpotOff,
    /// A spot node needs so many cheaper types, and has only this number.
    SpotToSpotFew(usize),
}

/// Nodes that can go, and the node that takes their place, if one must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) candidates: Vec<Candidate>,
    pub(super) replacement: Option<Planned>,
}

impl Move {
    /// What it saves: what the nodes cost less what the replacement costs at best.
    pub(super) fn savings(&self, solver: &Solver<'_>) -> Rate {
        let source: i128 = self.candidates.iter().map(|c| c.price.0).sum();
        let best = |p: &Planned| {
            let t = &solver.view.types[p.types.first()?.at()];
            offer::cheapest(t, &p.requirements)
        };
        Rate(source - self.replacement.as_ref().and_then(best).unwrap_or_default().0)
    }
}

/// Keeps the types that cost less than `limit` at worst. False: none is left, or too few for `minValues`.
fn keep_cheaper(planned: &mut Planned, solver: &Solver<'_>, limit: Rate) -> Result<(), WhyNot> {
    let types = solver.view.types;
    // Nothing launches below a type's cheapest offering, which is known.
    let floor = &solver.index.floor;
    let cheaper = |t: &super::TypeIx| {
        floor[t.at()].is_some_and(|f| f < limit)
            && offer::worst_launch(&types[t.at()], &planned.requirements).is_some_and(|w| w < limit)
    };
    planned.types.retain(cheaper);
    if offer::min_values(&planned.types, types, &planned.requirements).is_err() {
        Err(WhyNot::MinValues)
    } else if planned.types.is_empty() {
        Err(WhyNot::NotCheaper)
    } else {
        Ok(())
    }
}

/// Whether `candidates` can go together.
pub(super) fn compute(solver: &mut Solver<'_>, candidates: &[Candidate]) -> Result<Move, WhyNot> {
    let price = Rate(candidates.iter().map(|c| c.price.0).sum());
    let nodes: Vec<NodeIx> = candidates.iter().map(|c| c.node).collect();
    if !solver.exhaustive && solver.too_much(&nodes, price) {
        return Err(WhyNot::NoPlace);
    }
    let q = Question { removed: &nodes, consolidation: true, cheaper_than: Some(price) };
    let mut found = solver.solve(q);
    if found.failed.iter().any(|p| solver.view.pods[p.at()].node.is_some()) {
        return Err(WhyNot::NoPlace);
    }
    let candidates = candidates.to_vec();
    if found.planned.len() > 1 {
        return Err(WhyNot::SeveralNodes(found.planned.len()));
    }
    let Some(mut planned) = found.planned.pop() else { return Ok(Move { candidates, replacement: None }) };
    let asked = planned.requirements.clone();
    let spot = CapacityType::Spot.value();
    let spot_allowed = planned.requirements.allows(Key::CAPACITY_TYPE, spot);
    let all_spot = candidates.iter().all(|c| c.capacity_type == Some(CapacityType::Spot));
    if all_spot && spot_allowed {
        if !solver.config.spot_to_spot {
            return Err(WhyNot::SpotToSpotOff);
        }
        planned.requirements = planned.requirements.with(Key::CAPACITY_TYPE, Set::of([spot]));
        keep_cheaper(&mut planned, solver, price)?;
        // Upstream sorts before it narrows to spot.
        offer::by_price(&mut planned.types, solver.view.types, &asked);
        if candidates.len() == 1 {
            if planned.types.len() < SPOT_TO_SPOT_TYPES {
                return Err(WhyNot::SpotToSpotFew(planned.types.len()));
            }
            // No more than must be, so that whatever is launched is among the cheapest and not replaced again.
            let needed = offer::min_values(&planned.types, solver.view.types, &planned.requirements).unwrap_or(0);
            planned.types.truncate(needed.max(SPOT_TO_SPOT_TYPES));
        }
    } else {
        keep_cheaper(&mut planned, solver, price)?;
        offer::by_price(&mut planned.types, solver.view.types, &asked);
        let on_demand = CapacityType::OnDemand.value();
        if spot_allowed && planned.requirements.allows(Key::CAPACITY_TYPE, on_demand) {
            // Prices were compared as if spot were launched: without spot capacity the launch fails, and the node stays.
            planned.requirements = planned.requirements.with(Key::CAPACITY_TYPE, Set::of([spot]));
        }
    }
    Ok(Move { candidates, replacement: Some(planned) })
}

/// If the replacement could be of a type that goes, only what is cheaper than the cheapest such node: else that node
/// could stay and the others go.
fn without_same_type(solver: &Solver<'_>, mut found: Move) -> Option<Move> {
    if let Some(planned) = &mut found.replacement {
        let view = &solver.view;
        let price_of = |t: super::TypeIx| -> Option<Rate> {
            let same = || found.candidates.iter().filter(move |c| c.instance == Some(t));
            same().next()?;
            let known = same().filter(|c| {
                let n = &view.nodes[c.node.at()];
                let offerings = &view.types[t.at()].offerings;
                offerings.iter().any(|o| Some(o.zone) == n.zone && Some(o.capacity_type) == n.capacity_type)
            });
            // A type none of whose nodes has a price leaves nothing, as upstream.
            Some(known.map(|c| c.price).min().unwrap_or_default())
        };
        // Without such a type only what cannot be launched at all goes: types without an offering that is allowed.
        let limit = planned.types.iter().filter_map(|t| price_of(*t)).min().unwrap_or(Rate(i128::MAX));
        keep_cheaper(planned, solver, limit).ok()?;
    }
    Some(found)
}

/// A move's pools with their share of it.
fn parts(solver: &Solver<'_>, found: &Move, totals: &[Totals]) -> Vec<Part> {
    let mut pools: Vec<super::PoolIx> = found.candidates.iter().map(|c| c.pool).collect();
    pools.sort_unstable();
    pools.dedup();
    pools
        .into_iter()
        .map(|pool| part(solver, pool, found.candidates.iter().filter(|c| c.pool == pool), totals))
        .collect()
}

fn part<'c>(
    solver: &Solver<'_>,
    pool: super::PoolIx,
    candidates: impl Iterator<Item = &'c Candidate>,
    totals: &[Totals],
) -> Part {
    let (mut price, mut disruption) = (Rate(0), super::cost::Cost(0));
    for c in candidates {
        price.0 += c.price.0;
        disruption.0 += c.cost.0;
    }
    let balanced = solver.view.pools[pool.at()].policy == ConsolidationPolicy::Balanced;
    Part { price, disruption, totals: totals[pool.at()], balanced }
}

/// Whether every `Balanced` pool approves.
pub(super) fn approved(solver: &Solver<'_>, found: &Move, totals: &[Totals]) -> bool {
    let parts = parts(solver, found, totals);
    !parts.iter().any(|p| p.balanced)
        || balanced::scores(&parts, found.savings(solver), super::config::BALANCED_K)
            .iter()
            .flatten()
            .all(balanced::Score::approved)
}

/// Whether a candidate could pass at best.
pub(super) fn can_pass(solver: &Solver<'_>, c: &Candidate, totals: &[Totals]) -> bool {
    balanced::can_pass(&part(solver, c.pool, std::iter::once(c), totals))
}

/// Multi-node consolidation: the longest prefix of the candidates, found by bisection, that can go together for at most
/// one new node. Bisection takes it that what a prefix cannot do, a longer one cannot either; that is not always so, and
/// reproduced. With more candidates than the cap the longest prefix tried is one longer than it, as upstream.
pub(super) fn multi(solver: &mut Solver<'_>, candidates: &[Candidate], totals: &[Totals]) -> Option<Move> {
    if candidates.len() < 2 {
        return None;
    }
    let (mut min, mut max) = (1_usize, MAX_CANDIDATES.min(candidates.len() - 1));
    let mut best = None;
    let mut steps = 0;
    while min <= max {
        if solver.config.multi_node_limit.is_some_and(|limit| steps >= limit) {
            break;
        }
        steps += 1;
        let mid = usize::midpoint(min, max);
        let found = compute(solver, &candidates[..=mid]).ok().and_then(|m| without_same_type(solver, m));
        match found.filter(|m| approved(solver, m, totals)) {
            Some(m) => {
                best = Some(m);
                min = mid + 1;
            }
            None => max = mid - 1,
        }
    }
    best
}
