//! What the runs of a sweep say together: a mean with its interval for each point, paired differences, and each axis averaged
//! over the others.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::record::{Plan, Run};
use crate::experiment::luck::{CONFIDENCE, Mean};
use crate::kernel::{Interval, paired_interval};
use crate::outcome::metric::Direction;

/// A sweep all of whose runs are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    /// What was swept.
    pub plan: Plan,
    /// Every run once, by point and replication.
    runs: Vec<Run>,
}

/// A mean and how many runs have a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Runs that have a value.
    pub n: usize,
    /// Their mean with its 95 % interval; none without a run.
    pub mean: Option<Mean>,
}

/// The points that share a value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// The value as it is set; of a Latin hypercube the first and the last of a group.
    pub label: String,
    /// The same as a number: the mean of a group's.
    pub value: f64,
    /// Which points.
    pub points: Vec<usize>,
}

impl Swept {
    /// From a plan and its runs in any order; none unless each run of the whole sweep is there once.
    #[must_use]
    pub fn new(plan: Plan, mut runs: Vec<Run>) -> Option<Swept> {
        runs.sort_by_key(|r| (r.point, r.replication));
        let whole = plan.shard.is_none()
            && runs.len() as u64 == plan.total()
            && runs.iter().zip(plan.runs()).all(|(r, want)| (r.point, r.replication) == want);
        whole.then_some(Swept { plan, runs })
    }

    /// Every run, by point and replication.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The values of a metric at a point, by replication.
    #[must_use]
    pub fn values(&self, point: usize, metric: usize) -> Vec<Option<f64>> {
        let n = self.plan.replications as usize;
        self.runs[point * n..(point + 1) * n].iter().map(|r| r.values.get(metric).copied().flatten()).collect()
    }

    /// A metric at a point.
    #[must_use]
    pub fn estimate(&self, point: usize, metric: usize) -> Estimate {
        estimate(&self.values(point, metric))
    }

    /// Whether all replications of every point are the same, event for event, so that intervals have no width.
    #[must_use]
    pub fn alike(&self) -> bool {
        self.plan.replications > 1
            && self
                .runs
                .chunks(self.plan.replications as usize)
                .all(|c| c.windows(2).all(|w| (&w[0].fingerprint, &w[0].values) == (&w[1].fingerprint, &w[1].values)))
    }

    /// The paired difference `b − a` of a metric between two points, over the replications in which both have a value; none with
    /// fewer than two of them.
    #[must_use]
    pub fn difference(&self, a: usize, b: usize, metric: usize) -> Option<Interval> {
        let both = self.values(a, metric).into_iter().zip(self.values(b, metric));
        let (a, b): (Vec<f64>, Vec<f64>) = both.filter_map(|(a, b)| Some((a?, b?))).unzip();
        paired_interval(&a, &b, CONFIDENCE).ok()
    }

    /// The points by a metric, the best first: by its direction (what has none counts as lower), ties by the point's number,
    /// points without a value last.
    #[must_use]
    pub fn ranking(&self, metric: usize) -> Vec<usize> {
        let key: Vec<Option<f64>> =
            (0..self.plan.points.len()).map(|p| self.estimate(p, metric).mean.map(|m| m.mean)).collect();
        let mut order: Vec<usize> = (0..key.len()).collect();
        order.sort_by(|a, b| better(self.plan.metrics[metric].better, key[*a], key[*b]).then(a.cmp(b)));
        order
    }

    /// The points that cannot be told from `best` by a metric: the interval of their paired difference holds zero. With a
    /// single replication, those with the same value. `best` itself is left out.
    #[must_use]
    pub fn ties(&self, best: usize, metric: usize) -> Vec<usize> {
        let same = |p: &usize| match self.difference(best, *p, metric) {
            Some(d) => d.low <= 0.0 && d.high >= 0.0,
            None => {
                let of = |p| self.estimate(p, metric).mean.map(|m| m.mean);
                self.plan.replications < 2 && of(best) == of(*p)
            }
        };
        (0..self.plan.points.len()).filter(|p| *p != best && same(p)).collect()
    }

    /// The values of an axis with the points of each: of a grid each value, in its order; of a Latin hypercube as many groups of
    /// neighbours as `groups`, ascending.
    #[must_use]
    pub fn levels(&self, axis: usize, groups: usize) -> Vec<Level> {
        let texts: Vec<&str> = self.plan.points.iter().map(|p| p[axis].as_str()).collect();
        let (numbers, _) = self.numbers(axis);
        let mut levels: Vec<Level> = Vec::new();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, text) in texts.iter().enumerate() {
            let at = *known.entry(text).or_insert(levels.len());
            match levels.get_mut(at) {
                Some(l) => l.points.push(i),
                None => levels.push(Level { label: (*text).to_owned(), value: numbers[i], points: vec![i] }),
            }
        }
        if self.plan.latin.is_none() || levels.len() <= groups {
            return levels;
        }
        levels.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (n, all) = (groups.max(1), levels.len());
        (0..n)
            .map(|g| {
                let part = &levels[g * all / n..(g + 1) * all / n];
                let points: Vec<usize> = part.iter().flat_map(|l| l.points.iter().copied()).collect();
                let sum: f64 = points.iter().map(|p| numbers[*p]).sum();
                let label = match part {
                    [one] => one.label.clone(),
                    _ => format!("{} to {}", part[0].label, part[part.len() - 1].label),
                };
                Level { label, value: sum / points.len() as f64, points }
            })
            .collect()
    }

    /// The values of an axis by point as numbers of one unit, see [`crate::scenario::numbers`]: words by the order in which they
    /// first come.
    #[must_use]
    pub fn numbers(&self, axis: usize) -> (Vec<f64>, crate::scenario::CurveUnit) {
        let texts: Vec<&str> = self.plan.points.iter().map(|p| p[axis].as_str()).collect();
        let (v, unit) = crate::scenario::numbers(&texts);
        if unit != crate::scenario::CurveUnit::Order {
            return (v, unit);
        }
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut numbers = Vec::with_capacity(texts.len());
        for t in texts {
            let next = seen.len();
            numbers.push(*seen.entry(t).or_insert(next) as f64);
        }
        (numbers, unit)
    }

    /// A metric averaged over points, replication by replication, so that the interval is one of luck alone. Points that lack a
    /// value in some replication are left out of all.
    #[must_use]
    pub fn average(&self, points: &[usize], metric: usize) -> Estimate {
        let rows: Vec<Vec<f64>> =
            points.iter().filter_map(|p| self.values(*p, metric).into_iter().collect::<Option<Vec<f64>>>()).collect();
        let mean = |r: usize| rows.iter().map(|v| v[r]).sum::<f64>() / rows.len() as f64;
        let all: Vec<Option<f64>> =
            (0..self.plan.replications as usize).map(|r| (!rows.is_empty()).then(|| mean(r))).collect();
        estimate(&all)
    }
}

fn estimate(values: &[Option<f64>]) -> Estimate {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    Estimate { n: known.len(), mean: Mean::of(&known) }
}

/// The better first; nothing is worst.
fn better(by: Direction, a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if by == Direction::Higher => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::plan;
    use super::*;

    /// The runs of [`plan`] with these costs by point, twice each, the second 1 more; no use at the last point.
    fn swept(costs: [f64; 6]) -> Swept {
        let plan = plan();
        let runs = plan.runs().map(|(point, replication)| Run {
            point,
            replication,
            fingerprint: format!("{replication}"),
            values: vec![
                Some(costs[point as usize] + f64::from(replication)),
                (point < 5).then_some(10.0 * f64::from(point)),
            ],
        });
        // From the last to the first: the order of lines does not count.
        Swept::new(plan.clone(), runs.collect::<Vec<_>>().into_iter().rev().collect()).unwrap()
    }

    #[test]
    fn a_sweep_with_a_run_too_few_or_twice_is_not_whole() {
        let s = swept([1.0; 6]);
        let mut runs = s.runs.clone();
        runs.pop();
        assert_eq!(Swept::new(plan(), runs.clone()), None);
        runs.push(runs[0].clone());
        assert_eq!(Swept::new(plan(), runs), None);
    }

    #[test]
    fn means_have_students_interval_and_points_without_a_value_have_none() {
        let s = swept([5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        // Of 5 and 6: the mean 5.5, s = 1/√2, t(1; 97.5 %) = 12.7062.
        let m = s.estimate(0, 0).mean.unwrap();
        assert_eq!((m.mean, s.estimate(0, 0).n), (5.5, 2));
        assert!((m.high.unwrap() - (5.5 + 12.706_2 * 0.5)).abs() < 1e-3);
        assert_eq!(s.estimate(5, 1), Estimate { n: 0, mean: None });
        assert!(!s.alike());
    }

    #[test]
    fn points_are_ranked_by_their_metrics_direction() {
        let s = swept([5.0, 4.0, 3.0, 4.0, 1.0, 9.0]);
        assert_eq!(s.ranking(0), [4, 2, 1, 3, 0, 5]);
        assert_eq!(s.ranking(1), [4, 3, 2, 1, 0, 5], "higher is better, and no value is worst");
    }

    #[test]
    fn paired_differences_take_the_common_luck_out() {
        let s = swept([5.0, 5.0, 4.0, 8.0, 8.0, 8.0]);
        // Each pair differs by exactly 3, although each point's own interval is 12.7 wide.
        let d = s.difference(0, 3, 0).unwrap();
        assert_eq!((d.low, d.high), (3.0, 3.0));
        assert_eq!(s.ties(2, 0), [0; 0]);
        assert_eq!(s.ties(0, 0), [1]);
        assert_eq!(s.difference(0, 5, 1), None);
    }

    #[test]
    fn an_axis_is_averaged_over_the_others_in_each_replication() {
        let s = swept([1.0, 2.0, 3.0, 7.0, 8.0, 9.0]);
        let levels = s.levels(0, 6);
        assert_eq!(levels.iter().map(|l| (l.label.as_str(), l.value)).collect::<Vec<_>>(), [("1", 1.0), ("2", 2.0)]);
        assert_eq!(levels[1].points, [3, 4, 5]);
        assert_eq!(s.average(&levels[0].points, 0).mean.unwrap().mean, 2.5);
        // The last point has no use: the average is of 30 and 40.
        assert_eq!(s.average(&levels[1].points, 1).mean.unwrap().mean, 35.0);
        let by_queue: Vec<f64> = s.levels(1, 6).iter().map(|l| s.average(&l.points, 0).mean.unwrap().mean).collect();
        assert_eq!(by_queue, [4.5, 5.5, 6.5]);
    }

    #[test]
    fn the_points_of_a_hypercube_are_grouped_with_their_neighbours() {
        let mut p = plan();
        p.latin = Some(6);
        p.points =
            ["30m", "10m", "1h", "50m", "20m", "40m"].iter().map(|t| vec![(*t).to_owned(), "x".into()]).collect();
        let runs = swept([1.0; 6]).runs;
        let s = Swept::new(p, runs).unwrap();
        let levels = s.levels(0, 3);
        let got: Vec<_> = levels.iter().map(|l| (l.label.as_str(), l.value, l.points.clone())).collect();
        assert_eq!(
            got,
            [
                ("10m to 20m", 900.0, vec![1, 4]),
                ("30m to 40m", 2_100.0, vec![0, 5]),
                ("50m to 1h", 3_300.0, vec![3, 2])
            ]
        );
        assert_eq!(s.levels(1, 3).len(), 1);
    }
}
