//! The queue, placement, ties, quotas and budgets.

use std::collections::BTreeSet;

use super::prices::some_of;
use crate::formats::Place;
use crate::policy::placement::{PlacementPolicy, TieOrder, Ties};
use crate::policy::queue::{Blocked, Order, QueuePolicy};
use crate::scenario::decode::Spanned;
use crate::scenario::file::money::Period;
use crate::scenario::file::policy as shape;
use crate::scenario::file::{self, Scenario};
use crate::scenario::model::{Budget, Model, Quota};
use crate::units::{Diagnostic, Diagnostics, Label, Name, Usd, nearest};

pub(super) fn queue(q: &shape::Queue, out: &mut Diagnostics) -> QueuePolicy {
    let blocked = |b: &shape::Blocked| match b {
        shape::Blocked::Wait => Blocked::Wait,
        shape::Blocked::Skip => Blocked::Skip,
    };
    match q {
        shape::Queue::Fifo => QueuePolicy::default(),
        shape::Queue::SkipAhead => QueuePolicy { blocked: Blocked::Skip, ..QueuePolicy::default() },
        shape::Queue::Backfill(b) => {
            QueuePolicy { blocked: Blocked::Easy { depth: b.depth as usize }, ..QueuePolicy::default() }
        }
        shape::Queue::ShortestFirst(b) => {
            QueuePolicy { order: Order::ShortestWork, blocked: blocked(&b.blocked), preempt: false }
        }
        shape::Queue::Priority(p) => {
            QueuePolicy { order: Order::Priority, blocked: blocked(&p.blocked), preempt: p.preempt }
        }
        shape::Queue::FairShare(f) => {
            let mut weights = Vec::new();
            for (name, w) in &f.weights {
                if w.is_finite() && **w > 0.0 {
                    weights.push((name.to_string(), **w));
                } else {
                    out.push(Diagnostic::error(format!("a weight of {} for `{name}`", **w)).at(
                        w.at.0,
                        w.at.1,
                        "weights are above 0",
                    ));
                }
            }
            let order = Order::FairShare { label: f.by.to_string(), weights };
            QueuePolicy { order, blocked: blocked(&f.blocked), preempt: false }
        }
    }
}

pub(super) fn placement(p: &shape::Placement) -> PlacementPolicy {
    match p {
        shape::Placement::Random => PlacementPolicy::Random,
        shape::Placement::FirstFit => PlacementPolicy::FirstFit,
        shape::Placement::BestFit => PlacementPolicy::BestFit,
        shape::Placement::DotProduct => PlacementPolicy::DotProduct,
        shape::Placement::GpuPacking => PlacementPolicy::GpuPacking,
        shape::Placement::GpuClustering => PlacementPolicy::GpuClustering,
        shape::Placement::Fgd => PlacementPolicy::Fgd,
        shape::Placement::LeastAllocated => PlacementPolicy::LeastAllocated,
        shape::Placement::MostAllocated => PlacementPolicy::MostAllocated,
    }
}

pub(super) fn ties(t: &shape::Ties) -> (Ties, Option<u64>) {
    let order = |o| (Ties::Order(o), None);
    match t {
        shape::Ties::Listed => order(TieOrder::Listed),
        shape::Ties::Reversed => order(TieOrder::Reversed),
        shape::Ties::Shuffled(s) => (Ties::Order(TieOrder::Shuffled), s.seed),
        shape::Ties::FewestGpusFirst => order(TieOrder::FewestGpusFirst),
        shape::Ties::MostGpusFirst => order(TieOrder::MostGpusFirst),
        shape::Ties::Random => (Ties::Random, None),
    }
}

/// `team=search` as a label.
pub(super) fn label(text: &Spanned<String>, out: &mut Diagnostics) -> Option<Label> {
    let wrong = |why: String| {
        Diagnostic::error(format!("`{}` is not a label: {why}", text.value))
            .at(text.at.0, text.at.1, "here")
            .help("write key=value, for example team=search")
    };
    let Some((key, value)) = text.split_once('=') else {
        out.push(wrong("there is no `=` in it".to_owned()));
        return None;
    };
    match (Name::new(key.trim()), Name::new(value.trim())) {
        (Ok(key), Ok(value)) => Some(Label { key, value }),
        (Err(e), _) | (_, Err(e)) => {
            out.push(wrong(e.to_string()));
            None
        }
    }
}

pub(super) fn quotas(s: &Scenario, out: &mut Diagnostics) -> Vec<Quota> {
    let mut quotas = Vec::new();
    for q in &s.quotas {
        if !(q.gpus.is_finite() && *q.gpus >= 0.0 && *q.gpus <= 1e9) {
            out.push(
                Diagnostic::error(format!("a quota of {} GPUs", *q.gpus))
                    .at(q.gpus.at.0, q.gpus.at.1, "from 0 up")
                    .help("0 keeps such jobs out; without a quota they may hold all"),
            );
            continue;
        }
        if let Some(label) = label(&q.label, out) {
            if quotas.iter().any(|q: &Quota| q.label == label) {
                out.push(
                    Diagnostic::error(format!("two quotas on `{}`", q.label.value))
                        .at(q.label.at.0, q.label.at.1, "the same label again")
                        .help("keep one of them"),
                );
                continue;
            }
            quotas.push(Quota { label, milli: (*q.gpus * 1000.0).round() as u64 });
        }
    }
    quotas
}

pub(super) fn budgets(s: &Scenario, out: &mut Diagnostics) -> Vec<Budget> {
    const MONTH_NS: i128 = 730 * 3_600_000_000_000;
    let mut budgets = Vec::new();
    let mut seen: Vec<&Name> = Vec::new();
    for b in &s.budgets {
        if seen.contains(&&b.name.value) {
            out.push(
                Diagnostic::error(format!("two budgets are called `{}`", *b.name))
                    .at(b.name.at.0, b.name.at.1, "the same name again")
                    .help("a name says which one is meant: give this one another"),
            );
        }
        seen.push(&b.name.value);
        if b.usd.0 <= 0 {
            out.push(
                Diagnostic::error(format!("a budget of {} USD is none", *b.usd))
                    .at(b.usd.at.0, b.usd.at.1, "must be above 0")
                    .help("leave the budget out if there is no limit"),
            );
            continue;
        }
        let label = match &b.label {
            Some(text) => match label(text, out) {
                Some(l) => Some(l),
                None => continue,
            },
            None => None,
        };
        let (amount, of) = match b.per {
            Period::Window => (*b.usd, String::new()),
            Period::Month => {
                let share = Usd(b.usd.0 * i128::from(s.horizon.0) / MONTH_NS);
                (share, format!(", pro rata of {} USD a month", whole(*b.usd)))
            }
        };
        let scope = label.as_ref().map_or_else(|| "everything".to_owned(), ToString::to_string) + &of;
        budgets.push(Budget { name: b.name.to_string(), label, amount, scope });
    }
    budgets
}

/// An amount without its cents where it has none.
fn whole(u: Usd) -> String {
    let text = u.to_string();
    text.strip_suffix(".00").map_or_else(|| text.clone(), str::to_owned)
}

/// A label that no job carries is a slip: its quota would hold nobody back, its budget would never be spent. Where jobs
/// come from a trace, the window may just have none of them, and it is only worth a warning.
pub(super) fn labels_in_use(s: &Scenario, model: &Model, out: &mut Diagnostics) {
    if model.work.len() < s.work.len() || model.work.is_empty() {
        return;
    }
    let traced = s.work.iter().any(|w| matches!(w, file::Work::Trace(_)));
    let all = || model.work.iter().flat_map(|w| &w.labels).flatten();
    let wrong = |message: String, at: Place, near: Option<String>, known: Vec<String>| {
        let d = if traced { Diagnostic::warning(message) } else { Diagnostic::error(message) };
        let d = d.at(at.0, at.1, "nobody has it");
        let d = if let Some(n) = near { d.help(format!("did you mean `{n}`?")) } else { d };
        match known.len() {
            0 => d.help("no job carries any label: give work `labels`"),
            _ => d.help(format!("jobs carry {}", some_of(&known.iter().map(String::as_str).collect::<Vec<_>>()))),
        }
    };
    let budgets = s.budgets.iter().filter_map(|b| b.label.as_ref().map(|l| (l, "budget")));
    for (text, what) in s.quotas.iter().map(|q| (&q.label, "quota")).chain(budgets) {
        let Some(label) = label(text, &mut Diagnostics::default()) else { continue };
        if all().any(|l| *l == label) {
            continue;
        }
        let known: BTreeSet<String> = all().map(|l| format!("{}={}", l.key, l.value)).collect();
        let near = nearest(text, known.iter().map(String::as_str)).map(str::to_owned);
        let message = format!("no job carries the label `{}` of this {what}", text.value);
        out.push(wrong(message, text.at, near, known.into_iter().collect()));
    }
    if let shape::Queue::FairShare(f) = &s.queue
        && all().all(|l| l.key != f.by.value)
    {
        let known: BTreeSet<String> = all().map(|l| l.key.to_string()).collect();
        let near = nearest(f.by.as_str(), known.iter().map(String::as_str)).map(str::to_owned);
        let message = format!("no job carries a label `{}` to share by", *f.by);
        out.push(wrong(message, f.by.at, near, known.into_iter().collect()));
    }
}
