//! How a run buys its capacity: its policy, and whether its pools can serve that.

use super::context::Context;
use super::speed::Gang;
use crate::kernel::Dist;
use crate::policy::spot::diversify::Allocation;
use crate::policy::spot::split::OnDemandBase;
use crate::policy::spot::{Breaker, Purchase, Return};
use crate::scenario::decode::Spanned;
use crate::scenario::file::training as shape;
use crate::scenario::model::{Buying, Model};
use crate::training::restart::Stage;
use crate::units::{Diagnostic, Diagnostics, Duration};

impl Context<'_, '_> {
    /// How it buys, and whether its pools can serve that.
    pub(super) fn buying(
        &self,
        t: &shape::Training,
        policy: &Spanned<shape::SpotPolicy>,
        gang: &Gang,
        overhead: Duration,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Buying> {
        let purchase = purchase(policy);
        let (uses_spot, uses_on_demand) = match purchase {
            Purchase::OnDemandOnly => (false, true),
            Purchase::SpotOnly => (true, false),
            _ => (true, true),
        };
        let needs_deadline =
            matches!(purchase, Purchase::Greedy | Purchase::TimeSliced { .. } | Purchase::UniformProgress { .. });
        if needs_deadline && t.deadline.is_none() {
            out.push(
                Diagnostic::error(format!("the policy of `{}` works towards a deadline, and it has none", *t.name))
                    .at(policy.at.0, policy.at.1, "field `deadline` is missing")
                    .help("for example deadline: \"96h\"; without one: SpotOnly, SpotElseOnDemand or OnDemandOnly"),
            );
        }
        if t.decide_every.0 == 0 {
            out.push(
                Diagnostic::error(format!("`{}` would decide without end", *t.name))
                    .at(t.decide_every.at.0, t.decide_every.at.1, "above 0")
                    .help("for example decide_every: \"10m\""),
            );
            return None;
        }
        let least = self.least(t, gang, out)?;
        for (uses, spot, what, remedy) in [
            (uses_on_demand, false, "on-demand", "add one with nodes: OnRequest(…) and buy: OnDemand, or use SpotOnly"),
            (uses_spot, true, "spot", "add one with nodes: OnRequest(…) and buy: Spot, or use OnDemandOnly"),
        ] {
            if !uses {
                continue;
            }
            let room: Vec<(usize, u32)> = gang
                .pools
                .iter()
                .filter_map(|p| model.pools[*p].supply.as_deref().map(|s| (*p, s)))
                .filter(|(_, s)| s.spot == spot)
                .map(|(p, s)| {
                    let offered = s.replays.iter().map(|(r, _)| r.trace.max().saturating_mul(r.nodes_per_unit));
                    (p, offered.chain(s.launch.quota).fold(self.facts[p].nodes, u32::min))
                })
                .collect();
            if room.is_empty() {
                let mut d =
                    Diagnostic::error(format!("the policy of `{}` needs {what} capacity, and it has none", *t.name))
                        .at(policy.at.0, policy.at.1, format!("no {what} pool"));
                let standing = model
                    .pools
                    .iter()
                    .find(|p| (p.market == "spot") == spot && p.supply.as_ref().is_none_or(|s| !s.on_request()));
                if let Some(p) = standing {
                    d = d.help(format!("the nodes of pool `{}` stand there anyway: they are not on request", p.name));
                }
                out.push(d.help(remedy));
                return None;
            }
            let most = if t.spread {
                room.iter().map(|r| u64::from(r.1)).sum()
            } else {
                u64::from(room.iter().map(|r| r.1).max().unwrap_or(0))
            };
            if most < u64::from(least) {
                let at = t.nodes.as_ref().map(|n| n.at).or(t.gpus.as_ref().map(|g| g.at)).unwrap_or(t.name.at);
                let have: Vec<String> =
                    room.iter().map(|(p, n)| format!("{n} in `{}`", model.pools[*p].name)).collect();
                let spread = if t.spread { "" } else { "; a gang is in one pool unless `spread` is true" };
                out.push(
                    Diagnostic::error(format!(
                        "the gang of `{}` ({least} nodes) is larger than its {what} pools",
                        *t.name
                    ))
                    .at(at.0, at.1, format!("at most {most} at once"))
                    .help(format!("there can be {}{spread}", have.join(", ")))
                    .help("the least of the pool's nodes, its quota and what its trace ever offers counts"),
                );
                return None;
            }
        }
        Some(Buying {
            purchase,
            tick: *t.decide_every,
            deadline: t.deadline.map(|d| *d),
            overhead,
            hold_survivors: t.survivors == shape::Survivors::Hold,
            least: u16::try_from(least).unwrap_or(u16::MAX),
            efficiency: efficiency(t, gang, out)?,
            base: t.base.as_ref().map(split),
            allocation: match &t.allocation {
                shape::AllocationRule::LowestPrice => Allocation::LowestPrice,
                shape::AllocationRule::CapacityOptimized => Allocation::CapacityOptimized,
                shape::AllocationRule::PriceCapacityOptimized(p) => {
                    Allocation::PriceCapacityOptimized { weight: p.weight, quantile: p.deepest.get() }
                }
                shape::AllocationRule::Even => Allocation::Even,
            },
            spread: t.spread,
        })
    }

    fn least(&self, t: &shape::Training, gang: &Gang, out: &mut Diagnostics) -> Option<u32> {
        let Some(e) = &t.elastic else { return Some(gang.nodes) };
        if e.least.get() > gang.nodes {
            out.push(
                Diagnostic::error(format!(
                    "`{}` needs at least {} of its {} nodes",
                    *t.name,
                    e.least.get(),
                    gang.nodes
                ))
                .at(e.least.at.0, e.least.at.1, "more than it has")
                .help("the least number of nodes that it can compute on"),
            );
            return None;
        }
        Some(e.least.get())
    }
}

/// A base on demand, as the policies have it.
pub(super) fn split(b: &shape::BaseShare) -> OnDemandBase {
    OnDemandBase { base: b.nodes, percent_above: (b.above.get() * 100.0).round() as u32 }
}

fn purchase(p: &shape::SpotPolicy) -> Purchase {
    match p {
        shape::SpotPolicy::OnDemandOnly => Purchase::OnDemandOnly,
        shape::SpotPolicy::SpotOnly => Purchase::SpotOnly,
        shape::SpotPolicy::Greedy => Purchase::Greedy,
        shape::SpotPolicy::TimeSliced(n) => Purchase::TimeSliced { slices: n.get() },
        shape::SpotPolicy::UniformProgress(u) => Purchase::UniformProgress { hysteresis: u.hysteresis },
        shape::SpotPolicy::SpotElseOnDemand(e) => Purchase::SpotElseOnDemand {
            wait: e.wait,
            back: e.back.as_ref().map(|b| Return {
                after: b.after,
                cooldown: b.cooldown,
                min_saving: b.min_saving.get(),
            }),
            breaker: e.breaker.as_ref().map(|b| Breaker { max: b.max.get(), window: b.window, hold: b.hold }),
        },
    }
}

/// What a launch costs in time on average: the slowest boot and all stages of setting up again.
pub(super) fn overhead(model: &Model, pools: &[usize], stages: &[(Stage, Dist)]) -> Duration {
    let boot = |p: &usize| model.pools[*p].supply.as_ref().map_or(0.0, |s| s.launch.boot.mean());
    let boot = pools.iter().map(boot).fold(0.0, f64::max);
    let set_up: f64 = stages.iter().filter(|(s, _)| *s != Stage::Reshape).map(|(_, d)| d.mean()).sum();
    Duration::from_secs_f64(boot + set_up)
}

/// Speed by number of nodes relative to all, straight lines between what is stated; empty where in proportion.
fn efficiency(t: &shape::Training, gang: &Gang, out: &mut Diagnostics) -> Option<Vec<f64>> {
    let Some(e) = &t.elastic else { return Some(Vec::new()) };
    if e.efficiency.is_empty() {
        return Some(Vec::new());
    }
    let at = e.efficiency.at;
    let rising = e.efficiency.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
    let within = e.efficiency.iter().all(|(n, f)| (1..=gang.nodes).contains(n) && f.get() > 0.0);
    if !rising || !within {
        out.push(
            Diagnostic::error(format!("the efficiency of `{}` is no rising table of its nodes", *t.name))
                .at(at.0, at.1, format!("from 1 to {} nodes, shares above 0%", gang.nodes))
                .help("for example efficiency: [(8, \"55%\"), (12, \"78%\")]"),
        );
        return None;
    }
    let all = f64::from(gang.nodes);
    let mut points: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    points.extend(e.efficiency.iter().map(|(n, f)| (f64::from(*n), f.get())));
    if points.last().is_none_or(|l| l.0 < all) {
        points.push((all, 1.0));
    }
    let speed = |n: u32| {
        let n = f64::from(n);
        let above = points.partition_point(|p| p.0 < n).clamp(1, points.len() - 1);
        let (low, high) = (points[above - 1], points[above]);
        low.1 + (high.1 - low.1) * (n - low.0) / (high.0 - low.0)
    };
    Some((1..=gang.nodes).map(speed).collect())
}
