//! What a setting does: the same model at several values of it, each under the same luck.

use super::closed::Closed;
use super::luck::{Luck, Rep};
use super::replicate::{Control, replicate};
use crate::scenario::model::{Model, Source};
use crate::scenario::{Curve, CurveUnit};

/// A curve that was run.
#[derive(Clone, Debug)]
pub struct CurveOutcome {
    /// The curve's name.
    pub name: String,
    /// What it is about.
    pub about: Option<String>,
    /// The setting.
    pub path: String,
    /// What its values count.
    pub unit: CurveUnit,
    /// The variant's name; none for the scenario itself.
    pub variant: Option<String>,
    /// Its points, in the order of [`Curve::points`]; fewer where the runs were stopped.
    pub points: Vec<PointOutcome>,
}

/// A point that was run.
#[derive(Clone, Debug, PartialEq)]
pub struct PointOutcome {
    /// As it was written.
    pub label: String,
    /// As a number, see [`CurveUnit`].
    pub value: f64,
    /// What its replications say.
    pub luck: Luck,
    /// By workload, what the formulas say, where they speak of it.
    pub closed: Vec<Option<Closed>>,
    /// By workload, how long its only job takes when nothing happens, seconds; none where there are several.
    pub alone_s: Vec<Option<f64>>,
}

/// Runs every point of a curve `n` times. A point that a stop cut short is kept with what it has; those after it are
/// left out.
pub fn run(curve: &Curve, seed: u64, n: u32, control: Control<'_>) -> CurveOutcome {
    let mut points = Vec::with_capacity(curve.points.len());
    for p in &curve.points {
        let reps = replicate(&p.model, seed, 0..n, control, |r, o| Rep::of(&p.model, r, o));
        if reps.is_empty() && n > 0 {
            break;
        }
        points.push(PointOutcome {
            label: p.label.clone(),
            value: p.value,
            luck: Luck::of(&p.model, seed, n, &reps),
            closed: (0..p.model.work.len()).map(|w| Closed::of(&p.model, w)).collect(),
            alone_s: (0..p.model.work.len()).map(|w| alone(&p.model, w)).collect(),
        });
        if control.stopped() {
            break;
        }
    }
    CurveOutcome {
        name: curve.name.clone(),
        about: curve.about.clone(),
        path: curve.path.clone(),
        unit: curve.unit,
        variant: curve.variant.clone(),
        points,
    }
}

/// How long a workload's only job computes at the best speed of its pools.
fn alone(model: &Model, work: usize) -> Option<f64> {
    let w = &model.work[work];
    let Source::Jobs(jobs) = &w.source else { return None };
    let [job] = &jobs[..] else { return None };
    let best = w.speed.iter().copied().fold(0.0, f64::max);
    (best > 0.0).then(|| job.work.at_speed(best).as_secs_f64())
}

impl CurveOutcome {
    /// The workload that the curve is about: the one that its path names, else the first whose time to the end is known.
    #[must_use]
    pub fn work(&self) -> Option<usize> {
        let all = &self.points.first()?.luck.work;
        let named = self.path.strip_prefix("work.").and_then(|rest| {
            // A name may have a dot in it.
            all.iter().position(|w| rest.strip_prefix(w.name.as_str()).is_some_and(|r| r.starts_with('.')))
        });
        named.or_else(|| all.iter().position(|w| w.makespan.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{V7, v7, v7_mean};
    use super::*;
    use crate::scenario::Point;
    use crate::training::interval;

    const TAUS: [f64; 9] = [2.0, 3.0, 4.0, 5.5, 7.5, 10.0, 15.0, 24.0, 48.0];

    /// V7 over its interval.
    fn over_the_interval() -> Curve {
        let points =
            TAUS.iter().map(|t| Point { label: format!("{t}m"), value: t * 60.0, model: Box::new(v7(*t)) }).collect();
        Curve {
            name: "interval".into(),
            about: None,
            variant: None,
            path: "work.run.checkpoint.every".into(),
            unit: CurveUnit::Seconds,
            replications: 1,
            points,
        }
    }

    #[test]
    fn the_curve_of_v7_follows_its_formula_and_is_lowest_next_to_the_optimum() {
        let n = 600;
        let c = run(&over_the_interval(), 1, n, Control::default());
        assert_eq!((c.points.len(), c.work()), (TAUS.len(), Some(0)));
        let mut means = Vec::new();
        for (p, tau) in c.points.iter().zip(TAUS) {
            let m = p.luck.work[0].makespan.as_ref().unwrap().mean.unwrap();
            // Half the interval is t(599; 97.5 %) = 1.9639 standard errors.
            let se = (m.high.unwrap() - m.mean) / 1.963_9;
            let want = v7_mean(tau) * 60.0;
            assert!((m.mean - want).abs() < 4.0 * se, "{tau}: {} is not {want} ± 4·{se}", m.mean);
            assert!((p.closed[0].unwrap().mean(tau * 60.0).unwrap() - want).abs() < 1e-3);
            means.push(m.mean);
        }
        let [_, delta, m, ..] = V7;
        let best = interval::exact(delta, m).unwrap();
        let lowest = TAUS[(0..TAUS.len()).min_by(|a, b| means[*a].total_cmp(&means[*b])).unwrap()];
        let above = TAUS.iter().position(|t| *t > best).unwrap();
        assert!(lowest == TAUS[above] || lowest == TAUS[above - 1], "{lowest} is not next to {best}");
    }

    #[test]
    fn the_workload_is_the_one_that_the_path_names() {
        let mut c = run(&over_the_interval(), 1, 1, Control::default());
        c.points.truncate(1);
        let other = c.points[0].luck.work[0].clone();
        c.points[0].luck.work.push(super::super::luck::WorkLuck { name: "ft".into(), ..other });
        c.path = "work.ft.checkpoint.every".into();
        assert_eq!(c.work(), Some(1));
        c.path = "pools.a.spares".into();
        assert_eq!(c.work(), Some(0));
    }
}
