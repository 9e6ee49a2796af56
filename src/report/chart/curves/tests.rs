use super::*;
use crate::experiment::fixture::v7;
use crate::experiment::{Control, curve};
use crate::scenario::{Curve, Point};

fn v7_curve(variant: Option<&str>, path: &str, taus: &[f64], horizon_min: Option<f64>) -> CurveOutcome {
    let point = |t: &f64| {
        let mut model = v7(*t);
        if let Some(h) = horizon_min {
            model.horizon = crate::units::Duration((h * 60e9) as u64);
        }
        Point { label: format!("{t}m"), value: t * 60.0, model: Box::new(model) }
    };
    let c = Curve {
        name: "interval".into(),
        about: None,
        variant: variant.map(str::to_owned),
        path: path.into(),
        unit: CurveUnit::Seconds,
        replications: 1,
        points: taus.iter().map(point).collect(),
    };
    curve::run(&c, 1, 30, Control::default())
}

fn about() -> About {
    About { subtitle: "v7".into(), footnote: "simulated".into(), ..About::default() }
}

const EVERY: &str = "work.run.checkpoint.every";
const TAUS: [f64; 7] = [48.0, 2.0, 4.0, 7.5, 12.0, 24.0, 3.0];

#[test]
fn the_curve_names_its_best_value_and_marks_the_optima() {
    let d = draw(&[v7_curve(None, EVERY, &TAUS, None)], &about()).unwrap();
    assert_eq!(d.scene.faults(), Vec::<String>::new());
    assert!(d.title.starts_with("run finishes soonest with a checkpoint every 7.5m: P50"), "{}", d.title);
    let says = |t: &str| d.scene.texts.iter().any(|x| x.text.contains(t));
    // Young's optimum is √(2 · 0.5 · 60) = 7.746 min; Daly's and the exact one are 7.42 min.
    assert!(says("Young 7 min 45 s") && says("Daly 7 min 25 s") && says("Exact 7 min 25 s"));
    assert!(says("mean by the closed form"));
    assert_eq!(d.csv.lines().count(), 8);
    assert!(d.csv.lines().nth(1).unwrap().starts_with("interval,work.run.checkpoint.every,,2m,120,run,30,30,0,0,"));
}

#[test]
fn lines_that_are_the_same_are_drawn_once_and_a_sixth_is_left_to_the_table() {
    let lines: Vec<CurveOutcome> = (0..7)
        .map(|i| {
            let name = format!("a-variant-with-a-rather-long-name-that-goes-on-and-on-{i}");
            let taus: Vec<f64> = TAUS.iter().map(|t| t + f64::from(i.max(1))).collect();
            v7_curve((i > 0).then_some(name.as_str()), EVERY, &taus, None)
        })
        .collect();
    let d = draw(&lines, &about()).unwrap();
    assert_eq!(d.scene.faults(), Vec::<String>::new());
    let note = &d.scene.texts.iter().find(|t| t.text.contains("30 runs a point")).unwrap().text;
    assert!(note.contains("drawn once") && note.contains("1 more variants"), "{note}");
    assert_eq!(d.csv.lines().count(), 1 + 7 * TAUS.len());
}

#[test]
fn values_that_no_run_finishes_with_are_marked_beyond_the_horizon() {
    // Half of the runs need about 35 hours at the best interval, and 47 at 48 minutes.
    let d = draw(&[v7_curve(None, EVERY, &TAUS, Some(2_200.0))], &about()).unwrap();
    assert_eq!(d.scene.faults(), Vec::<String>::new());
    assert!(d.scene.texts.iter().any(|t| t.text == "arrows: beyond the horizon"));
    assert!(d.csv.lines().any(|l| l.contains(",beyond,")));
    let none = draw(&[v7_curve(None, EVERY, &TAUS, Some(60.0))], &about()).unwrap();
    assert!(none.title.starts_with("No value of"), "{}", none.title);
    assert_eq!(none.scene.faults(), Vec::<String>::new());
    assert_eq!(draw(&[], &about()), None);
}

#[test]
fn a_setting_that_moves_nothing_is_said_to_move_nothing() {
    let d = draw(&[v7_curve(None, EVERY, &[7.0, 7.5, 8.0], None)], &about()).unwrap();
    assert!(
        d.title.starts_with("From 7m to 8m, the checkpoint interval makes no difference to run that these"),
        "{}",
        d.title
    );
}

#[test]
fn one_point_and_one_run_still_draw() {
    let mut c = v7_curve(None, "pools.node.spares", &[5.0], None);
    let d = draw(&[c.clone()], &about()).unwrap();
    assert_eq!(d.scene.faults(), Vec::<String>::new());
    assert!(d.title.starts_with("More spares than 5m do not make run finish sooner"), "{}", d.title);
    c.points.clear();
    assert_eq!(draw(&[c], &about()), None);
}
