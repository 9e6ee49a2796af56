//! Runs cases of batches, budgets, costs and scores.

use super::{after, budgets, config, reason};
use crate::policy::karpenter::balanced::{Part, Score, Totals, scores};
use crate::policy::karpenter::cost::{self, Cost};
use crate::policy::karpenter::{
    Batcher, CapacityType, InstanceType, Node, NodePool, Offering, Pod, PodIx, PoolIx, Resources, ShapeIx, TypeIx,
    Value, budget as allowance,
};
use crate::units::{Duration, Rate, SimTime};
use crate::verify::cases::Report;
use crate::verify::controllers::format as f;
use crate::verify::controllers::names::{NOW, Names, ago, too_many};

pub fn batch(case: &f::BatchCase, report: &mut Report<'_>) {
    let any_day = jiff::civil::date(2024, 1, 1).to_datetime(jiff::civil::Time::midnight());
    let config = config(&case.settings, any_day);
    let faults = config.faults();
    for e in &faults {
        report.fault(e.to_string(), "the operator would not start so");
    }
    if !faults.is_empty() {
        return;
    }
    let (mut batcher, mut pods, mut closed) = (Batcher::default(), Names::new("pod"), Vec::new());
    let mut last = Duration::ZERO;
    for (pod, at) in &case.arrivals {
        if at.value < last {
            return report.fault_at(at.at, "a pod lies before the one above it", "earlier", "write them in order");
        }
        last = at.value;
        let now = SimTime::ZERO + last;
        if let Some(due) = batcher.closes(&config).filter(|due| *due <= now)
            && batcher.close(&config, due)
        {
            closed.push(due);
        }
        batcher.trigger(PodIx(pods.intern(pod)), now);
    }
    closed.extend(batcher.closes(&config));
    report.number("windows", Some(case.expect.len() as u64), Some(closed.len() as u64));
    for (i, (expected, ours)) in case.expect.iter().zip(closed).enumerate() {
        report.double(&format!("window {}", i + 1), Some(expected.as_secs_f64()), ours.as_secs_f64(), 0.0);
    }
}

pub fn budget(case: &f::BudgetCase, report: &mut Report<'_>) {
    if too_many([case.nodes], 100_000, "nodes", report) {
        return;
    }
    if u64::from(case.not_ready) + u64::from(case.deleting) > u64::from(case.nodes) {
        return report.fault("more nodes go than there are", "`nodes` counts those that are not ready or marked too");
    }
    let pool = NodePool { budgets: budgets(&case.budgets), ..NodePool::default() };
    let settings = crate::scenario::decode::all_defaults::<f::Settings>();
    let epoch = config(&settings, case.time).epoch;
    let offering = Offering::new(Value(0), CapacityType::OnDemand, Rate(0));
    let t = InstanceType::new(TypeIx(0), Resources::default(), vec![offering]);
    let mut nodes = vec![Node::of(PoolIx(0), TypeIx(0), &t, 0); case.nodes as usize];
    for (i, node) in nodes.iter_mut().enumerate() {
        node.ready = i >= case.not_ready as usize;
        node.deleting = node.ready && i < (case.not_ready + case.deleting) as usize;
    }
    for (why, expected) in &case.expect.allowed {
        let why = reason(why);
        let what = format!("{why:?}");
        let unlimited = allowance::allowed(&pool.budgets, case.nodes, why, NOW, epoch) == u32::MAX;
        let ours = allowance::remaining(std::slice::from_ref(&pool), &nodes, why, NOW, epoch)[0];
        match expected {
            f::Allowed::Nodes(n) if unlimited => report.happened(&format!("{what} {n}"), false, "unlimited"),
            f::Allowed::Nodes(n) => report.number(&what, Some(*n), Some(u64::from(ours))),
            f::Allowed::Unlimited => report.happened(&format!("{what} unlimited"), unlimited, &ours.to_string()),
        }
    }
    let list = |v: Vec<bool>| v.iter().map(bool::to_string).collect::<Vec<_>>();
    let ours = pool.budgets.iter().map(|b| b.allows(case.nodes, NOW, epoch).is_some()).collect();
    report.words("active", case.expect.active.clone().map(list).as_deref(), &list(ours));
}

pub fn cost(case: &f::CostCase, report: &mut Report<'_>) {
    if too_many(case.pods.iter().map(|p| p.count), 100_000, "pods", report) {
        return;
    }
    if case.tolerance < 0.0 {
        return report.fault("the tolerance is negative", "write 0 or more");
    }
    let pod = |p: &f::CostPod| Pod {
        deletion_cost: p.deletion_cost,
        priority: p.priority,
        bound: p.daemon,
        ..Pod::new(ShapeIx(0), None)
    };
    let pods: Vec<Pod> = case.pods.iter().flat_map(|p| std::iter::repeat_n(pod(p), p.count as usize)).collect();
    let e = &case.expect;
    if let Some(expected) = &e.eviction {
        if expected.len() != case.pods.len() {
            let message = format!("{} costs for {} pods of the list", expected.len(), case.pods.len());
            return report.fault(message, "write one in `eviction` for each");
        }
        for (i, (want, p)) in expected.iter().zip(&case.pods).enumerate() {
            let ours = cost::eviction(p.deletion_cost, p.priority).to_f64();
            report.double(&format!("eviction {}", i + 1), Some(*want), ours, case.tolerance);
        }
    }
    report.double("reschedule", e.reschedule, cost::reschedule(&pods).to_f64(), case.tolerance);
    let weighted = cost::weighted(&pods, after(&case.expire_after), ago(case.age), NOW);
    // In units of 2⁻⁴³, as the order of candidates has it.
    report.double("weighted", e.weighted, weighted as f64 / (1_u64 << 43) as f64, case.tolerance);
    let (left, total) = cost::lifetime_remaining(after(&case.expire_after), case.age);
    report.double("lifetime remaining", e.lifetime_remaining, left as f64 / total as f64, case.tolerance);
}

pub fn balanced(case: &f::BalancedCase, report: &mut Report<'_>) {
    if case.k == 0 {
        return report.fault("`k` is 0", "karpenter has 2");
    }
    if case.tolerance < 0.0 {
        return report.fault("the tolerance is negative", "write 0 or more");
    }
    // A default pod costs 2²⁷ units.
    let units = |v: f64| Cost((v * Cost::ONE.0 as f64).round() as i64);
    let part = |p: &f::Part| Part {
        price: p.price.unwrap_or(case.savings),
        disruption: units(p.disruption),
        totals: Totals { price: p.pool_price, disruption: units(p.pool_disruption) },
        balanced: true,
    };
    let parts: Vec<Part> = case.parts.iter().map(part).collect();
    let ours = scores(&parts, case.savings, case.k);
    let e = &case.expect;
    if let Some(expected) = &e.scores {
        report.number("pools", Some(expected.len() as u64), Some(ours.len() as u64));
        for (i, (want, ours)) in expected.iter().zip(&ours).enumerate() {
            let what = format!("score {}", i + 1);
            let ours = ours.as_ref().map_or(f64::NAN, Score::value);
            match want {
                f::Score::Value(v) => report.double(&what, Some(*v), ours, case.tolerance),
                f::Score::Infinite => {
                    report.happened(&format!("{what} infinite"), ours == f64::INFINITY, &ours.to_string());
                }
            }
        }
    }
    report.flag("approved", e.approved, ours.iter().flatten().all(Score::approved));
}
