//! The bill by what it was for, and which part of it did no good.

use crate::outcome::{ChargeKind, Outcome};
use crate::units::{Activity, Group, Usd};

/// One kind of charge, summed over pools and payers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// What for.
    pub kind: ChargeKind,
    /// All of it.
    pub usd: Usd,
    /// The part that using less would have saved.
    pub avoidable: Usd,
    /// Milli-GPU·ns in pools with GPUs.
    pub gpu_milli_ns: u128,
    /// The pool with the most of it, and how much of it.
    pub top_pool: Option<(String, Usd)>,
}

impl Slice {
    /// Whether it is time or money that did no good.
    #[must_use]
    pub fn is_waste(&self) -> bool {
        match self.kind {
            ChargeKind::Activity(a) => a.group() != Group::Useful,
            ChargeKind::MinimumAndRounding | ChargeKind::UnusedCommitment => true,
            _ => false,
        }
    }
}

/// The bill by kind: useful work first, then by dollars, descending. Adds up to the bill, exactly.
#[must_use]
pub fn slices(o: &Outcome) -> Vec<Slice> {
    let mut by: std::collections::BTreeMap<ChargeKind, (Slice, Vec<(String, Usd)>)> = std::collections::BTreeMap::new();
    for c in &o.charges {
        let (s, pools) = by.entry(c.kind).or_insert_with(|| {
            let none = Slice { kind: c.kind, usd: Usd::ZERO, avoidable: Usd::ZERO, gpu_milli_ns: 0, top_pool: None };
            (none, Vec::new())
        });
        s.usd += c.usd.0;
        if c.avoidable {
            s.avoidable += c.usd.0;
        }
        if o.gpu_pools().any(|p| p.name == c.pool) {
            s.gpu_milli_ns += c.milli_ns.0;
        }
        match pools.iter_mut().find(|p| p.0 == c.pool) {
            Some(p) => p.1 += c.usd.0,
            None => pools.push((c.pool.clone(), c.usd.0)),
        }
    }
    let mut out: Vec<Slice> = by
        .into_values()
        .map(|(s, pools)| {
            let top = pools.into_iter().reduce(|a, b| if b.1 > a.1 { b } else { a });
            Slice { top_pool: top, ..s }
        })
        .filter(|s| s.usd != Usd::ZERO || s.gpu_milli_ns > 0)
        .collect();
    let useful = ChargeKind::Activity(Activity::Productive);
    out.sort_by(|a, b| (b.kind == useful).cmp(&(a.kind == useful)).then(b.usd.cmp(&a.usd)).then(a.kind.cmp(&b.kind)));
    out
}

/// The wasted slice with the most avoidable dollars.
#[must_use]
pub fn largest_avoidable(slices: &[Slice]) -> Option<&Slice> {
    slices
        .iter()
        .filter(|s| s.is_waste() && s.avoidable > Usd::ZERO)
        .reduce(|a, b| if b.avoidable > a.avoidable { b } else { a })
}

/// The kind within a sentence.
#[must_use]
pub fn phrase(kind: ChargeKind) -> String {
    match kind {
        ChargeKind::Activity(Activity::Unallocated) => "unallocated GPU time".into(),
        ChargeKind::Activity(Activity::QueueHeld) => "GPU time held by the queue".into(),
        ChargeKind::Activity(Activity::Fragmented) => "fragmented GPU time".into(),
        ChargeKind::Activity(Activity::MigStranded) => "MIG-stranded GPU time".into(),
        ChargeKind::Activity(Activity::Spare) => "spare capacity".into(),
        ChargeKind::Activity(Activity::Boot) => "boot time".into(),
        ChargeKind::Activity(Activity::Broken) => "broken nodes".into(),
        ChargeKind::Activity(Activity::Hung) => "hung jobs".into(),
        ChargeKind::Activity(Activity::Restart) => "restart time".into(),
        other => other.title().into(),
    }
}
