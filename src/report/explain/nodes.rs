//! What autoscalers of nodes did, beneath the bill: nodes by reason, pods moved, work lost, and what was promised to be
//! saved against what was.

use crate::kernel::Histogram;
use crate::outcome::{NodeScaling, Outcome};
use crate::report::summary::{columns, right};
use crate::report::words;
use crate::units::Usd;

/// The most outcomes beside each other.
const COLUMNS: usize = 6;

/// An outcome with an autoscaler.
struct Column<'a> {
    name: String,
    o: &'a Outcome,
    n: &'a NodeScaling,
}

fn name(o: &Outcome) -> String {
    o.variant.clone().unwrap_or_else(|| "today".into())
}

/// A table of what autoscalers did, one column an outcome of the scenario that has one; nothing without any. Where another
/// outcome's fleet stands still, its bill is what theirs are held against.
#[must_use]
pub fn nodes(o: &Outcome, variants: &[Outcome]) -> String {
    let all = || std::iter::once(o).chain(variants);
    let mut shown: Vec<Column> =
        all().filter_map(|o| Some(Column { name: name(o), o, n: o.nodes.as_ref()? })).collect();
    if shown.is_empty() {
        return String::new();
    }
    let rest = shown.len().saturating_sub(COLUMNS);
    shown.truncate(COLUMNS);
    let still = all().find(|o| !o.nodes_come_and_go());
    let mut out = format!("\nNodes that came and went\n\n{}\n", table(&shown, still));
    if rest > 0 {
        out.push_str(&format!("{rest} more variants have an autoscaler: `fleetcast run --variant NAME` shows one\n"));
    }
    out
}

fn table(shown: &[Column], still: Option<&Outcome>) -> String {
    let mut header = vec![String::new()];
    header.extend(shown.iter().map(|c| words::shorten(&c.name, 22)));
    let mut t = columns(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let mut add = |what: &str, of: &dyn Fn(&Column) -> String| {
        let mut row = vec![what.to_owned()];
        row.extend(shown.iter().map(of));
        t.add_row(row);
    };
    let count = |n: u64| if n == 0 { "–".to_owned() } else { words::count(n) };
    let usd = |u: Usd| if u == Usd::ZERO { "–".to_owned() } else { u.to_string() };
    add("decided by", &|c| words::shorten(&c.n.by, 34));
    add("launched", &|c| count(c.n.launched));
    add("launches refused", &|c| count(c.n.refused));
    let mut reasons: Vec<&str> = Vec::new();
    for (why, k) in shown.iter().flat_map(|c| &c.n.removed) {
        if *k > 0 && !reasons.contains(&why.as_str()) {
            reasons.push(why);
        }
    }
    for why in reasons {
        let of = |c: &Column| c.n.removed.iter().filter(|(w, _)| w == why).map(|(_, k)| k).sum();
        add(&format!("told to go: {why}"), &|c| count(of(c)));
    }
    add("decisions carried out", &|c| count(c.n.commands));
    add("decisions taken back", &|c| count(c.n.given_up));
    add("from launch to ready, median", &|c| boot(c.o, 0.5));
    add("from launch to ready, p90", &|c| boot(c.o, 0.9));
    add("pods moved", &|c| count(c.n.evicted));
    add("work lost by moving, USD", &|c| usd(c.n.lost_usd.0));
    add("all work lost, USD", &|c| usd(c.o.disruption().lost));
    add("restarts, USD", &|c| usd(c.o.disruption().restart));
    add("boot, USD", &|c| usd(c.o.disruption().boot));
    add("drain, USD", &|c| usd(c.o.disruption().drain));
    add("the bill, USD", &|c| c.o.bill().to_string());
    add("promised by all decisions, USD/h", &|c| words::number(c.n.promised_usd_per_hour, 2));
    if let Some(s) = still {
        let saved = |c: &Column| s.bill().to_f64() - c.o.bill().to_f64();
        let held = words::shorten(&name(s), 22);
        add(&format!("saved against {held}, USD/h"), &|c| {
            let hours = c.o.hours();
            if hours > 0.0 { words::number(saved(c) / hours, 2) } else { "–".into() }
        });
        add(&format!("saved against {held}, USD"), &|c| words::number(saved(c), 2));
        add("saved a pod moved, USD", &|c| match c.n.evicted {
            0 => "–".into(),
            n => words::number(saved(c) / n as f64, 2),
        });
    }
    right(&mut t, &(1..=shown.len()).collect::<Vec<_>>());
    t.trim_fmt()
}

/// A quantile of the time from a launch until the node took work, over all pools.
fn boot(o: &Outcome, q: f64) -> String {
    let mut all = Histogram::new();
    o.pools.iter().filter_map(|p| p.losses.as_ref()).for_each(|l| all.merge(&l.boots));
    all.quantile(q).map_or_else(|| "–".into(), words::length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Money, PoolLosses};
    use crate::report::sample;

    fn scaled(variant: &str, scale: f64) -> Outcome {
        let mut o = sample::outcome(Some(variant), scale, 1.0);
        o.nodes = Some(NodeScaling {
            by: "Karpenter".into(),
            launched: 212,
            removed: vec![("empty".into(), 150), ("underutilized".into(), 30), ("expired".into(), 0)],
            commands: 99,
            evicted: 40,
            lost_usd: Money("12.10".parse().expect("an amount")),
            promised_usd_per_hour: 301.5,
            ..NodeScaling::default()
        });
        let mut l = PoolLosses::default();
        (0..10).for_each(|i| l.boots.record((100 + i) * 1_000_000_000));
        o.pools[0].losses = Some(l);
        o
    }

    fn row<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
        let line = text.lines().find(|l| l.starts_with(what)).unwrap_or_else(|| panic!("{what}\n{text}"));
        line[what.len()..].split("  ").map(str::trim).filter(|w| !w.is_empty()).collect()
    }

    #[test]
    fn each_autoscaler_has_a_column_and_is_held_against_the_fleet_that_stands_still() {
        let (base, v) = (sample::outcome(None, 1.0, 1.0), scaled("karpenter", 0.75));
        let text = nodes(&base, &[v.clone(), sample::outcome(Some("other"), 1.0, 1.0)]);
        assert_eq!(row(&text, "decided by"), ["Karpenter"]);
        assert_eq!(row(&text, "launched"), ["212"]);
        assert_eq!(row(&text, "launches refused"), ["–"]);
        assert_eq!(row(&text, "told to go: empty"), ["150"]);
        assert!(!text.contains("expired"), "a reason that nobody had");
        assert_eq!(row(&text, "work lost by moving, USD"), ["12.10"]);
        assert!(row(&text, "from launch to ready, median")[0].starts_with("1 min 4"), "{text}");
        assert_eq!(row(&text, "the bill, USD"), [v.bill().to_string()]);
        let saved = base.bill().to_f64() - v.bill().to_f64();
        assert_eq!(row(&text, "saved against today, USD/h"), [words::number(saved / 168.0, 2)]);
        assert_eq!(row(&text, "saved a pod moved, USD"), [words::number(saved / 40.0, 2)]);
    }

    #[test]
    fn without_a_fleet_that_stands_still_there_is_no_saving_and_without_an_autoscaler_nothing() {
        let text = nodes(&scaled("a", 1.0), &[scaled("b", 0.75)]);
        assert_eq!(row(&text, "launched"), ["212", "212"]);
        assert!(!text.contains("saved against"), "{text}");
        assert_eq!(nodes(&sample::outcome(None, 1.0, 1.0), &[]), "");
    }

    #[test]
    fn those_beyond_the_sixth_are_counted() {
        let all: Vec<Outcome> = (0..8).map(|i| scaled(&format!("v{i}"), 0.75)).collect();
        let text = nodes(&sample::outcome(None, 1.0, 1.0), &all);
        assert_eq!(row(&text, "launched").len(), 6);
        assert!(text.contains("2 more variants have an autoscaler"), "{text}");
    }
}
