//! Savings against disruption: what each option costs, and what of that went into lost work, restarts, boot and drain.

use super::options::difference;
use super::points::{self, Point};
use super::{Drawing, csv, num, share};
use crate::outcome::{DisruptionCost, Outcome};
use crate::report::axes::{About, Plot, Scale, dollars, from_zero, page, ticks};
use crate::report::scene::Area;
use crate::report::theme::{self, TICK_PX};
use crate::report::words;

/// An option's figures.
struct Entry {
    name: String,
    /// The bill, USD.
    usd: f64,
    cost: DisruptionCost,
    /// Pods that an autoscaler told to go.
    moved: u64,
    /// Nodes launched and told to go by it.
    nodes: (u64, u64),
}

impl Entry {
    fn of(o: &Outcome, name: String) -> Entry {
        let n = o.nodes.as_ref();
        Entry {
            name,
            usd: o.bill().to_f64(),
            cost: o.disruption(),
            moved: n.map_or(0, |n| n.evicted),
            nodes: n.map_or((0, 0), |n| (n.launched, n.removed_in_all())),
        }
    }

    fn disruption(&self) -> f64 {
        self.cost.total().to_f64()
    }

    /// `399 pods moved`.
    fn moves(&self) -> String {
        match self.moved {
            0 => "no pod moved".into(),
            1 => "1 pod moved".into(),
            n => format!("{} pods moved", words::count(n)),
        }
    }
}

fn title(all: &[Entry]) -> String {
    let today = &all[0];
    let Some(best) = all[1..].iter().reduce(|a, b| if b.usd < a.usd { b } else { a }) else {
        return String::new();
    };
    if best.usd >= today.usd * 0.9995 {
        let most = all.iter().map(Entry::disruption).fold(0.0, f64::max);
        return format!("No option is cheaper than today; disruption costs up to {} USD", words::dollars(most));
    }
    let moved = match best.moved {
        0 => "moves no pod".to_owned(),
        1 => "moves 1 pod".to_owned(),
        n => format!("moves {} pods", words::count(n)),
    };
    format!(
        "{} saves {} of the bill and {moved}; disruption is {} of what it still costs",
        words::shorten(&best.name, 32),
        words::percent(1.0 - best.usd / today.usd),
        words::percent(share(best.disruption(), best.usd))
    )
}

/// Draws it; `None` without variants, or where no autoscaler of nodes is in any of them.
#[must_use]
pub fn draw(o: &Outcome, variants: &[Outcome], about: &About) -> Option<Drawing> {
    if variants.is_empty() || !std::iter::once(o).chain(variants).any(|o| o.nodes.is_some()) {
        return None;
    }
    let named = |v: &Outcome| Entry::of(v, v.variant.clone().unwrap_or_else(|| v.scenario.clone()));
    let all: Vec<Entry> = std::iter::once(Entry::of(o, "today".into())).chain(variants.iter().map(named)).collect();
    let title = title(&all);
    let note = "down and left is better; the bill has the cost of disruption in it, whatever caused it";
    let (mut s, body) = page(&title, note, about);
    let (lo, hi) = all.iter().fold((f64::MAX, 0.0f64), |a, v| (a.0.min(v.usd), a.1.max(v.usd)));
    let pad = ((hi - lo) * 0.25).max(hi.abs() * 0.02).max(0.5);
    let (y0, y1) = ((lo - pad).max(0.0), hi + pad);
    let (t, step) = ticks(y0, y1, 6);
    let y_ticks = dollars(&t, step);
    let left = y_ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let (x1, t, step) = from_zero(all.iter().map(Entry::disruption).fold(0.0, f64::max) * 1.05, 1.0, 6);
    let x_ticks = dollars(&t, step);
    let area = Area::new(body.x0 + left, body.y0 + 56.0, body.x1 - 40.0, body.y1 - 80.0);
    let plot = Plot { area, x: Scale::Linear(0.0, x1), y: Scale::Linear(y0, y1) };
    let from = if y0 > 0.0 { " (the axis does not begin at 0)" } else { "" };
    plot.y_axis(&mut s, &y_ticks, &format!("the bill, USD in the window{from}"));
    plot.x_axis(&mut s, &x_ticks, "of that for lost work, restarts, boot and drain, USD");
    let points: Vec<Point> = all
        .iter()
        .enumerate()
        .map(|(i, v)| {
            let usd = match i {
                0 => format!("{} USD", words::dollars(v.usd)),
                _ => difference(all[0].usd, v.usd),
            };
            let detail = format!("{usd}, {}", v.moves());
            Point { at: plot.at(v.disruption(), v.usd), name: v.name.clone(), detail, base: i == 0 }
        })
        .collect();
    points::discs(&mut s, &points);
    points::label(&mut s, &plot, &body, &points, "disruption");
    Some(Drawing { name: "disruption", title, scene: s, csv: table(&all) })
}

fn table(all: &[Entry]) -> String {
    let header = [
        "option",
        "bill_usd",
        "saved_usd",
        "disruption_usd",
        "lost_usd",
        "restart_usd",
        "boot_usd",
        "drain_usd",
        "pods_moved",
        "saved_usd_per_pod_moved",
        "nodes_launched",
        "nodes_removed",
    ];
    let rows = all.iter().map(|v| {
        let saved = all[0].usd - v.usd;
        let c = &v.cost;
        let mut row = vec![v.name.clone(), num(v.usd), num(saved), num(v.disruption())];
        row.extend([c.lost, c.restart, c.boot, c.drain].map(|u| u.exact()));
        let each = if v.moved > 0 { num(saved / v.moved as f64) } else { String::new() };
        row.extend([v.moved.to_string(), each, v.nodes.0.to_string(), v.nodes.1.to_string()]);
        row
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::NodeScaling;
    use crate::report::sample;

    fn option(name: &str, usd: f64, moved: u64) -> Entry {
        Entry { name: name.into(), usd, cost: DisruptionCost::default(), moved, nodes: (0, 0) }
    }

    #[test]
    fn the_title_sets_what_is_saved_against_what_is_moved() {
        let today = || option("today", 100.0, 0);
        let text = title(&[today(), option("a", 90.0, 2), option("b", 62.0, 90)]);
        assert_eq!(text, "b saves 38 % of the bill and moves 90 pods; disruption is 0 % of what it still costs");
        let text = title(&[today(), option("a", 120.0, 2)]);
        assert!(text.starts_with("No option is cheaper than today"), "{text}");
        assert!(title(&[today(), option("a", 50.0, 0)]).contains("moves no pod"));
    }

    #[test]
    fn the_parts_are_those_of_the_bill() {
        let o = sample::outcome(None, 1.0, 1.0);
        assert!(draw(&o, std::slice::from_ref(&o), &About::default()).is_none(), "nobody scales nodes");
        let mut v = sample::outcome(Some("karpenter"), 0.75, 1.0);
        v.nodes = Some(NodeScaling { launched: 9, evicted: 4, ..NodeScaling::default() });
        let d = draw(&o, &[v.clone()], &About::default()).expect("a variant scales nodes");
        let row: Vec<&str> = d.csv.lines().nth(2).unwrap().split(',').collect();
        let of =
            |key: &str| v.charges.iter().filter(|c| c.kind.key() == key).map(|c| c.usd.0).sum::<crate::units::Usd>();
        assert_eq!(row[4..8], ["lost", "restart", "boot", "drain"].map(|k| of(k).exact()));
        assert_eq!(row[8], "4");
        let saved: f64 = row[2].parse().unwrap();
        assert!((row[9].parse::<f64>().unwrap() - saved / 4.0).abs() < 1e-9 && saved > 0.0);
        assert_eq!(d.scene.faults(), Vec::<String>::new());
    }
}
