use super::super::sweep_drawings;
use crate::experiment::sweep::record::AxisRecord;
use crate::experiment::sweep::record::tests::plan;
use crate::experiment::sweep::{Plan, Run, Swept};
use crate::outcome::metric::Direction;
use crate::report::scene::Shape;

/// A sweep over these axes, their first turning slowest, with these values of its one metric by point and replication.
fn swept(axes: &[(&str, &[&str])], latin: bool, value: impl Fn(u32, u32) -> Option<f64>) -> Swept {
    let mut points: Vec<Vec<String>> = vec![Vec::new()];
    for (_, to) in axes {
        points = points.iter().flat_map(|p| to.iter().map(|v| [&p[..], &[(*v).to_owned()]].concat())).collect();
    }
    let axes = axes
        .iter()
        .map(|(p, to)| AxisRecord { path: (*p).to_owned(), to: to.iter().map(|t| (*t).to_owned()).collect() });
    let mut plan =
        Plan { axes: axes.collect(), replications: 3, latin: latin.then_some(points.len() as u32), points, ..plan() };
    plan.metrics.truncate(1);
    let run = |(point, replication)| Run {
        point,
        replication,
        fingerprint: format!("{replication}"),
        values: vec![value(point, replication)],
    };
    let runs = plan.runs().map(run).collect();
    Swept::new(plan.clone(), runs).unwrap()
}

fn title(s: &Swept) -> String {
    let all = sweep_drawings(s, "0.1.0");
    assert_eq!(all.len(), 1);
    let d = &all[0].1;
    assert_eq!(d.scene.faults(), Vec::<String>::new(), "{}", d.title);
    for shape in &d.scene.shapes {
        if let Shape::Path(p, ..) | Shape::Polygon(p, _) = shape {
            assert!(p.iter().all(|p| p.0.is_finite() && p.1.is_finite()));
        }
    }
    d.title.clone()
}

const NODES: (&str, &[&str]) = ("pools.t4.nodes", &["4", "8", "16"]);

#[test]
fn a_curve_names_the_best_value_and_what_may_be_as_good() {
    // 8 nodes cost 90 in every run, 4 cost 100; 16 differ from 8 by −10, 0 and 25: that interval holds zero.
    let cost = |p: u32, r: u32| Some([[100.0; 3], [90.0; 3], [80.0, 90.0, 115.0]][p as usize][r as usize]);
    let s = swept(&[NODES], false, cost);
    let t = title(&s);
    assert_eq!(t, "The bill is lowest with nodes = 8: 90.00 USD; 11 % more with nodes = 4; nodes = 16 may be as good");
    let csv = &sweep_drawings(&s, "0.1.0")[0].1.csv;
    assert!(csv.lines().nth(2).unwrap().starts_with("pools.t4.nodes,8,8,1,3,90,90,90"), "{csv}");
}

#[test]
fn what_no_run_can_tell_is_said_not_to_differ() {
    let noise = |p: u32, r: u32| Some(100.0 + f64::from((p * 7 + r * 5) % 11));
    assert!(title(&swept(&[NODES], false, noise)).starts_with("No point differs in the bill as far as 3 runs of each"));
    assert_eq!(title(&swept(&[NODES], false, |_, _| Some(5.0))), "The bill is 5.00 USD at every point");
}

#[test]
fn two_axes_make_a_heat_map_and_more_make_curves_of_the_averages() {
    let queue: (&str, &[&str]) = ("queue", &["Fifo", "SkipAhead"]);
    let two = swept(&[NODES, queue], false, |p, _| Some(f64::from(100 + p)));
    assert_eq!(sweep_drawings(&two, "")[0].1.name, "heat");
    assert!(title(&two).starts_with("The bill is lowest with nodes = 4 and queue = Fifo: 100 USD; 5 % more"));
    let every: (&str, &[&str]) = ("work.a.checkpoint.every", &["10m", "1h"]);
    let three = swept(&[NODES, queue, every], false, |p, _| Some(f64::from(100 + p)));
    // Points are numbered with the last axis turning fastest: nodes move them by 4.
    assert_eq!(title(&three), "nodes moves the bill most: on average 102 USD with 4 and 110 USD with 16");
    assert_eq!(sweep_drawings(&three, "")[0].1.csv.lines().count(), 1 + 3 + 2 + 2);
}

#[test]
fn odd_sweeps_still_draw() {
    let none = swept(&[NODES], false, |_, _| None);
    assert_eq!(sweep_drawings(&none, "").len(), 0);
    let many: Vec<String> = (0..60).map(|i| format!("a-choice-with-a-rather-long-name-{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let numbers: Vec<String> = (1..40).map(|i| (i * i).to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let long = "work.a-workload-with-a-name-of-sixty-three-characters-as-long-as-it-gets.checkpoint.every";
    let wild = |p: u32, r: u32| (p % 5 != 3).then(|| f64::from(p) * 1e7 - 3e6 * f64::from(r));
    for latin in [false, true] {
        title(&swept(&[("queue", &many)], latin, wild));
        title(&swept(&[(long, &numbers)], latin, wild));
        title(&swept(&[(long, &numbers), ("queue", &many)], latin, wild));
        title(&swept(&[("queue", &many), (long, &["10m"]), NODES], latin, wild));
        title(&swept(&[("a", &["x"])], latin, wild));
        let axes: Vec<(&str, &[&str])> =
            ["a.b", "c.b", "d", "e", "f", "g", "h"].iter().map(|n| (*n, &["1", "1000"][..])).collect();
        title(&swept(&axes, latin, wild));
        title(&swept(&axes[..4], latin, wild));
    }
    let mut s = swept(&[NODES], false, |p, _| Some(f64::from(p)));
    s.plan.metrics[0].better = Direction::Neutral;
    assert!(title(&s).starts_with("The bill goes from 0 USD with nodes = 4 to 2.00 USD with nodes = 16"));
}
