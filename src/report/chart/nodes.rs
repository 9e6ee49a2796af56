//! Nodes by pool over time, where they come and go: the nodes that are billed, those of them that boot or drain, and how
//! many what is asked for would fill. A scenario whose variants size their nodes has a panel for each.

use super::service::{grid, panel};
use super::{Drawing, add, bucket_hours, csv, edges, integral, num, share, thin};
use crate::outcome::{Outcome, PoolSeries};
use crate::report::axes::{About, Plot, Scale, Swatch, from_zero, key, page, plain};
use crate::report::clock::Clock;
use crate::report::scene::{Area, Scene};
use crate::report::theme::{self, BLACK, MID, PALE, SLATE, VERMILION};
use crate::report::words;

/// The most panels.
const PANELS: usize = 6;
/// The most pools that are told apart; the others are one.
const POOLS: usize = 6;
/// The most steps across a panel.
const STEPS: usize = 360;

/// The nodes of one outcome: time averages by bucket.
struct Fleet<'a> {
    /// `today` or the variant's name.
    name: String,
    o: &'a Outcome,
    billed: Vec<f64>,
    /// Booting or cordoned.
    out: Vec<f64>,
    /// Nodes' worth of what is asked for.
    wanted: Vec<f64>,
}

/// What a node of each pool has, in the pool's units; where a pool had no node, what one of the fleet has on average.
fn unit_per_node(o: &Outcome) -> Vec<f64> {
    let hours = bucket_hours(o);
    let sums = |s: &PoolSeries| (integral(&s.provisioned, &hours), integral(&s.nodes, &hours));
    let all = o.series.pools.iter().map(sums).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let ratio = |(units, nodes): (f64, f64)| (units > 0.0 && nodes > 0.0).then(|| units / nodes);
    let usual = ratio(all).unwrap_or(1.0);
    o.series.pools.iter().map(|s| ratio(sums(s)).unwrap_or(usual)).collect()
}

/// Nodes' worth of what is asked for of a pool.
fn wanted(s: &PoolSeries, per_node: f64) -> Vec<f64> {
    s.requested.iter().map(|r| r / per_node).collect()
}

impl Fleet<'_> {
    fn of(o: &Outcome, name: String) -> Fleet<'_> {
        let mut f = Fleet { name, o, billed: vec![], out: vec![], wanted: vec![] };
        for (s, per) in o.series.pools.iter().zip(unit_per_node(o)) {
            add(&mut f.billed, &s.nodes);
            add(&mut f.out, &s.nodes_booting);
            add(&mut f.out, &s.nodes_draining);
            add(&mut f.wanted, &wanted(s, per));
        }
        f
    }

    /// Mean, least and most nodes of a bucket.
    fn range(&self) -> (f64, f64, f64) {
        let hours = bucket_hours(self.o);
        let mean = share(integral(&self.billed, &hours), hours.iter().sum());
        let (lo, hi) = self.billed.iter().fold((f64::MAX, 0.0f64), |a, v| (a.0.min(*v), a.1.max(*v)));
        (mean, lo.min(hi), hi)
    }

    /// Share of node time that is boot or drain.
    fn in_between(&self) -> f64 {
        let hours = bucket_hours(self.o);
        share(integral(&self.out, &hours), integral(&self.billed, &hours))
    }
}

/// Whether nodes come and go, and were counted.
fn moves(o: &Outcome) -> bool {
    o.nodes_come_and_go() && o.series.pools.iter().any(|s| s.nodes.iter().any(|n| *n > 0.0))
}

/// A count of nodes: whole, or with a decimal where it is small.
fn nodes(v: f64) -> String {
    words::number(v, usize::from(v < 19.95 && (v - v.round()).abs() >= 0.05))
}

fn title(fleets: &[Fleet]) -> String {
    let today = &fleets[0];
    let ours = fleets[1..].iter().reduce(|a, b| if b.o.bill() < a.o.bill() { b } else { a });
    if let Some(v) = ours {
        return format!(
            "{} has {} nodes on average where today has {}; {} of its node time is boot and drain",
            words::shorten(&v.name, 32),
            nodes(v.range().0),
            nodes(today.range().0),
            words::percent(v.in_between())
        );
    }
    let (_, lo, hi) = today.range();
    let between = words::percent(today.in_between());
    match (lo.round(), hi.round()) {
        (a, b) if a == b => format!("{} nodes throughout; {between} of node time was boot and drain", nodes(a)),
        (a, b) => format!("Between {} and {} nodes; {between} of node time was boot and drain", nodes(a), nodes(b)),
    }
}

/// Draws it; `None` where no nodes come and go, here or in a variant.
#[must_use]
pub fn draw(o: &Outcome, variants: &[Outcome], about: &About) -> Option<Drawing> {
    let mut fleets = vec![Fleet::of(o, "today".into())];
    let named = |v: &Outcome| v.variant.clone().unwrap_or_else(|| v.scenario.clone());
    fleets.extend(variants.iter().filter(|v| moves(v)).map(|v| Fleet::of(v, named(v))));
    if (fleets.len() == 1 && !moves(o)) || o.series.buckets == 0 {
        return None;
    }
    let title = title(&fleets);
    let (shown, rest) = fleets.split_at(fleets.len().min(PANELS));
    let more = if rest.is_empty() { String::new() } else { format!("{} more options are in the CSV; ", rest.len()) };
    let note = format!(
        "{more}mean nodes (least–most); asked for: held by jobs plus wanted by jobs that wait, in nodes' worth"
    );
    let (mut s, body) = page(&title, &note, about);
    let pools = pools(shown);
    let top = legend(&mut s, &body, &pools);
    let most = shown.iter().flat_map(|f| f.billed.iter().chain(&f.wanted)).copied().fold(0.0, f64::max);
    let (columns, rows) = match shown.len() {
        n @ 1..=3 => (1, n),
        n => (2, n.div_ceil(2)),
    };
    let (hi, t, step) = from_zero(most, 1.0, if rows == 1 { 6 } else { 3 });
    let ticks = plain(&t, step);
    let cells = grid(Area { y0: top, ..body }, columns, rows, 40.0);
    for (i, f) in shown.iter().enumerate() {
        let (mean, lo, hi_) = f.range();
        let fact = if lo.round() == hi_.round() {
            format!("{} throughout", nodes(mean))
        } else {
            let between = words::percent(f.in_between());
            format!("{} ({}–{}); {between} boot, drain", nodes(mean), nodes(lo.round()), nodes(hi_.round()))
        };
        // The scenario's own needs no name where it is alone.
        let name = if shown.len() == 1 { "nodes" } else { f.name.as_str() };
        let name = words::shorten(name, 30);
        let a = cells[i % columns][i / columns];
        let plot = panel(&mut s, f.o, a, Scale::Linear(0.0, hi), &ticks, (&name, &fact));
        stack(&mut s, &plot, f, &pools);
    }
    Some(Drawing { name: "nodes", title, scene: s, csv: table(&fleets) })
}

/// Names of the pools that have nodes, in the order of the scenario.
fn pools(fleets: &[Fleet]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for f in fleets {
        for (p, s) in f.o.pools.iter().zip(&f.o.series.pools) {
            if s.nodes.iter().any(|n| *n > 0.0) && !out.contains(&p.name) {
                out.push(p.name.clone());
            }
        }
    }
    out
}

fn legend(s: &mut Scene, body: &Area, pools: &[String]) -> f64 {
    let names: Vec<String> = pools.iter().take(POOLS).map(|p| words::shorten(p, 18)).collect();
    let mut entries: Vec<(Swatch, &str)> =
        names.iter().enumerate().map(|(i, n)| (Swatch::Fill(theme::pool(i)), n.as_str())).collect();
    let others = format!("{} other pools", pools.len().saturating_sub(POOLS));
    if pools.len() > POOLS {
        entries.push((Swatch::Fill(SLATE), &others));
    }
    entries.push((Swatch::Hatch(PALE, MID), "boots or drains"));
    entries.push((Swatch::Line(BLACK, 2), "billed"));
    entries.push((Swatch::Dash(VERMILION, 3), "asked for"));
    key(s, body, body.y0 + 16.0, &entries)
}

/// Pools on top of one another, of each the nodes that boot or drain on top.
fn stack(s: &mut Scene, plot: &Plot, f: &Fleet, pools: &[String]) {
    let (k, billed) = thin(&f.billed, STEPS);
    let e = edges(f.o, k, billed.len());
    let mut base = vec![0.0; billed.len()];
    // Pools beyond the sixth are one band, whose parts lie next to each other.
    for (i, name) in pools.iter().enumerate() {
        let all = f.o.pools.iter().zip(&f.o.series.pools).filter(|(p, _)| p.name == *name);
        let (mut nodes, mut out) = (Vec::new(), Vec::new());
        for (_, series) in all {
            add(&mut nodes, &series.nodes);
            add(&mut out, &series.nodes_booting);
            add(&mut out, &series.nodes_draining);
        }
        if nodes.is_empty() {
            continue;
        }
        out.resize(nodes.len(), 0.0);
        let [nodes, out] = [&nodes, &out].map(|v| thin(v, STEPS).1);
        let top: Vec<f64> = base.iter().zip(&nodes).map(|(b, n)| b + n).collect();
        let up: Vec<f64> = top.iter().zip(&out).map(|(t, o)| t - o).collect();
        let hue = if i < POOLS { theme::pool(i) } else { SLATE };
        for c in plot.columns(&e, &base, &up) {
            s.rect(c, hue.tint(0.8));
        }
        let between = plot.columns(&e, &up, &top);
        for c in &between {
            s.rect(*c, hue.tint(0.25));
        }
        s.hatch_all(&between, hue, 7.0);
        base = top;
    }
    plot.steps(s, &e, &thin(&f.wanted, STEPS).1, VERMILION, 3, true);
    plot.steps(s, &e, &billed, BLACK, 2, false);
}

fn table(fleets: &[Fleet]) -> String {
    let header = ["time", "option", "pool", "nodes", "booting", "draining", "asked_for_nodes"];
    let rows = fleets.iter().flat_map(|f| {
        let clock = Clock::of(f.o);
        let all = f.o.pools.iter().zip(&f.o.series.pools).zip(unit_per_node(f.o));
        all.flat_map(move |((p, s), per)| {
            let want = wanted(s, per);
            let at = |v: &[f64], i: usize| num(v.get(i).copied().unwrap_or(0.0));
            let row = |i: usize| {
                let mut row = vec![clock.iso(i as u64 * f.o.series.bucket_ns), f.name.clone(), p.name.clone()];
                row.extend([&s.nodes, &s.nodes_booting, &s.nodes_draining, &want].map(|v| at(v, i)));
                row
            };
            (0..s.nodes.len()).map(row).collect::<Vec<_>>()
        })
        .collect::<Vec<_>>()
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::NodeScaling;
    use crate::report::sample;

    /// Four hours: pool 0 has nodes of 8 GPUs, 2 then 4; pool 1 none.
    fn scaled() -> Outcome {
        let mut o = sample::outcome(None, 1.0, 1.0);
        o.series.buckets = 4;
        o.horizon_ns = 4 * o.series.bucket_ns;
        for s in &mut o.series.pools {
            let none = vec![0.0; 4];
            *s =
                PoolSeries { provisioned: none.clone(), requested: none.clone(), nodes: none, ..PoolSeries::default() };
        }
        let s = &mut o.series.pools[0];
        s.nodes = vec![2.0, 2.0, 4.0, 4.0];
        s.provisioned = vec![16.0, 16.0, 32.0, 32.0];
        s.requested = vec![8.0, 24.0, 32.0, 20.0];
        s.nodes_booting = vec![0.0, 0.0, 1.0, 0.0];
        s.nodes_draining = vec![0.0, 0.0, 0.0, 0.6];
        o
    }

    #[test]
    fn what_is_asked_for_is_told_in_nodes_worth_and_the_time_between_as_a_share() {
        let o = scaled();
        let f = Fleet::of(&o, "today".into());
        assert_eq!(f.wanted, [1.0, 3.0, 4.0, 2.5]);
        assert_eq!(f.range(), (3.0, 2.0, 4.0));
        // 1.6 of twelve node-hours.
        assert!((f.in_between() - 1.6 / 12.0).abs() < 1e-12);
        assert_eq!(title(&[f]), "Between 2 and 4 nodes; 13 % of node time was boot and drain");
    }

    #[test]
    fn a_pool_without_a_node_is_asked_for_nodes_as_the_fleet_has_them() {
        let mut o = scaled();
        o.series.pools[1].requested = vec![16.0; 4];
        assert_eq!(Fleet::of(&o, String::new()).wanted, [3.0, 5.0, 6.0, 4.5]);
    }

    #[test]
    fn it_is_drawn_where_nodes_come_and_go_here_or_in_a_variant() {
        let about = About::default();
        let mut still = scaled();
        still.series.pools[0].nodes = vec![3.0; 4];
        assert!(draw(&still, &[], &about).is_none());
        let d = draw(&still, &[still.clone(), scaled()], &about).expect("a variant's nodes come and go");
        // Of each option, a line a pool and bucket; the variant that stands still is left out.
        assert_eq!(d.csv.lines().count(), 1 + 2 * 3 * 4);
        assert!(d.title.contains("has 3 nodes on average where today has 3; 13 % of its node time"), "{}", d.title);
        assert_eq!(d.scene.faults(), Vec::<String>::new());
        still.nodes = Some(NodeScaling::default());
        let d = draw(&still, &[], &about).expect("an autoscaler watches them");
        assert_eq!(d.title, "3 nodes throughout; 13 % of node time was boot and drain");
        // Outcomes written before nodes were counted have nothing to draw.
        still.series.pools.iter_mut().for_each(|s| s.nodes.clear());
        assert!(draw(&still, &[], &about).is_none());
    }
}
