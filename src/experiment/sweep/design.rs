//! The points of a sweep: a grid over its axes, or a Latin hypercube.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use rand::Rng;

use super::axis::Axis;
use crate::formats::set::Override;
use crate::kernel::random::Streams;
use crate::units::{Diagnostic, Diagnostics};

/// The most points of a design: each is a scenario that is loaded and checked before anything runs.
pub const MOST_POINTS: u64 = 100_000;

/// Axes and the points that they make.
#[derive(Clone, Debug)]
pub struct Design {
    /// The axes, in their order.
    pub axes: Vec<Axis>,
    /// Of how many points the Latin hypercube is; none for a grid.
    pub latin: Option<NonZeroU32>,
    /// By point and axis, the number of the value.
    points: Vec<Vec<u64>>,
}

impl Design {
    /// The grid over the axes, the last of which turns fastest; or with `latin` so many points of a Latin hypercube, drawn
    /// with `seed`.
    ///
    /// # Errors
    /// No axis, an axis or a value given twice, too many points: all of it, with places.
    pub fn new(axes: Vec<Axis>, latin: Option<NonZeroU32>, seed: u64) -> Result<Design, Diagnostics> {
        let mut out = Diagnostics::default();
        if axes.is_empty() {
            out.push(
                Diagnostic::error("a sweep needs an axis")
                    .help("name a setting and its values, for example --axis pools.ft.nodes=1..16:1"),
            );
        }
        for (i, a) in axes.iter().enumerate() {
            if let Some(first) = axes[..i].iter().find(|b| b.path == a.path) {
                out.push(
                    Diagnostic::error(format!("two axes set `{}`", a.path))
                        .at(a.at.0, a.at.1, "the same setting again")
                        .also(first.at.0, first.at.1, "first here")
                        .help("write all of its values in one axis"),
                );
            }
        }
        let n = match latin {
            Some(n) => u64::from(n.get()),
            None => axes.iter().fold(1, |n: u64, a| n.saturating_mul(a.count())),
        };
        if n > MOST_POINTS {
            let mut d = Diagnostic::error(format!("the sweep has {n} points, more than {MOST_POINTS}"));
            if latin.is_none() {
                d = d.help("widen the steps, or draw a part of them with --latin N");
            }
            out.push(d);
        } else if latin.is_none() {
            // A hypercube may meet a value again, a grid should not.
            axes.iter().for_each(|a| twice(a, &mut out));
        }
        if out.has_errors() {
            return Err(out);
        }
        let points = if latin.is_some() { hypercube(&axes, n, seed) } else { grid(&axes, n) };
        Ok(Design { axes, latin, points })
    }

    /// How many points it has; at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no design is empty")]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// The values of a point, by axis.
    #[must_use]
    pub fn values(&self, point: usize) -> Vec<String> {
        self.axes.iter().zip(&self.points[point]).map(|(a, v)| a.value(*v).0).collect()
    }

    /// What a point sets.
    ///
    /// # Errors
    /// When a path or a value cannot be read.
    pub fn overrides(&self, point: usize) -> Result<Vec<Override>, Diagnostics> {
        let (mut all, mut out) = (Vec::new(), Diagnostics::default());
        for (a, v) in self.axes.iter().zip(&self.points[point]) {
            let (text, at) = a.value(*v);
            match Override::from_parts((&a.path, a.at), (&text, at)) {
                Ok(o) => all.push(o),
                Err(d) => out.extend(d),
            }
        }
        if out.has_errors() { Err(out) } else { Ok(all) }
    }

    /// A point in words: `pools.ft.nodes=4, queue=Fifo`.
    #[must_use]
    pub fn name(&self, point: usize) -> String {
        let parts = self.axes.iter().zip(self.values(point)).map(|(a, v)| format!("{}={v}", a.path));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Reports values that an axis has twice.
fn twice(axis: &Axis, out: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for i in 0..axis.count() {
        let (text, at) = axis.value(i);
        if !seen.insert(text.clone()) {
            out.push(
                Diagnostic::error(format!("the axis `{}` has the value {text} twice", axis.path))
                    .at(at.0, at.1, "there already")
                    .help("leave one of them out"),
            );
        }
    }
}

fn grid(axes: &[Axis], n: u64) -> Vec<Vec<u64>> {
    let point = |mut i: u64| {
        let mut at = vec![0; axes.len()];
        for (a, v) in axes.iter().zip(&mut at).rev() {
            (*v, i) = (i % a.count(), i / a.count());
        }
        at
    };
    (0..n).map(point).collect()
}

/// A Latin hypercube (M. D. McKay, R. J. Beckman and W. J. Conover, Technometrics 21(2), 1979): on every axis each of `n`
/// strata of the same share of its values has one point, at random within it. The values of an axis are numbered from 0 to
/// `count − 1`; in integers, the point of stratum `s` has the value ⌊(s + u/2⁶⁴) · count / n⌋. Each axis has a stream of its
/// own, named by its path: an axis more does not move the others.
fn hypercube(axes: &[Axis], n: u64, seed: u64) -> Vec<Vec<u64>> {
    let mut points = vec![Vec::with_capacity(axes.len()); n as usize];
    for a in axes {
        let mut stream = Streams::new(seed, 0).stream("latin-hypercube", &a.path, 0);
        let mut strata: Vec<u64> = (0..n).collect();
        stream.shuffle(&mut strata);
        for (p, s) in points.iter_mut().zip(strata) {
            // At most 2¹⁷ strata of 2⁶⁴ and 2³¹ values: within 128 bits.
            let at = (u128::from(s) << 64) + u128::from(stream.next_u64());
            p.push(((at * u128::from(a.count())) / (u128::from(n) << 64)) as u64);
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::SourceId;

    fn axes(texts: &[&str]) -> Vec<Axis> {
        texts.iter().map(|t| Axis::from_argument(t, SourceId(0), true).unwrap()).collect()
    }

    fn design(texts: &[&str], latin: Option<u32>, seed: u64) -> Design {
        Design::new(axes(texts), latin.and_then(NonZeroU32::new), seed).unwrap()
    }

    #[test]
    fn a_grid_has_every_combination_and_the_last_axis_turns_fastest() {
        let d = design(&["a=1,2", "b=x,y,z"], None, 1);
        let names: Vec<String> = (0..d.len()).map(|i| d.name(i)).collect();
        assert_eq!(names, ["a=1, b=x", "a=1, b=y", "a=1, b=z", "a=2, b=x", "a=2, b=y", "a=2, b=z"]);
    }

    #[test]
    fn what_cannot_be_a_design_is_told_together() {
        let told = |texts: &[&str], latin: Option<u32>| -> Vec<String> {
            let found = Design::new(axes(texts), latin.and_then(NonZeroU32::new), 1).unwrap_err();
            found.list.into_iter().map(|d| d.message).collect()
        };
        assert_eq!(told(&[], None), ["a sweep needs an axis"]);
        assert_eq!(told(&["a=1,2,1", "a=3"], None), ["two axes set `a`", "the axis `a` has the value 1 twice"]);
        assert_eq!(told(&["a=1..1000:1", "b=1..1000:1"], None), ["the sweep has 1000000 points, more than 100000"]);
        assert_eq!(told(&["a=1..9"], Some(100_001)), ["the sweep has 100001 points, more than 100000"]);
    }

    #[test]
    fn each_axis_of_a_hypercube_has_luck_of_its_own() {
        let (one, two) =
            (design(&["a=0..1", "b=0..1"], Some(9), 3), design(&["b=0..1", "c=0..1", "a=0..1"], Some(9), 3));
        let column = |d: &Design, k: usize| (0..d.len()).map(|i| d.values(i)[k].clone()).collect::<Vec<_>>();
        assert_eq!((column(&one, 0), column(&one, 1)), (column(&two, 2), column(&two, 0)));
        assert_ne!(column(&one, 0), column(&one, 1));
        assert_ne!(column(&one, 0), column(&design(&["a=0..1"], Some(9), 4), 0));
    }

    proptest! {
        #[test]
        fn every_stratum_of_every_axis_has_one_point(n in 1u32..60, seed in 0u64..1_000) {
            // 60 · 10⁴ values: more than strata, and not a multiple of them.
            let d = design(&["a=0..599999:1", "b=1m..7m"], Some(n), seed);
            prop_assert_eq!(d.len(), n as usize);
            for (k, a) in d.axes.iter().enumerate() {
                // Value v covers [v, v + 1) / count of the axis, so that it touches the stratum of its point.
                let mut free: BTreeSet<u64> = (0..u64::from(n)).collect();
                let mut numbers: Vec<u64> = d.points.iter().map(|p| p[k]).collect();
                numbers.sort_unstable();
                for v in numbers {
                    let first = v * u64::from(n) / a.count();
                    let last = ((v + 1) * u64::from(n) - 1) / a.count();
                    let mine = (first..=last).find(|s| free.contains(s));
                    prop_assert!(mine.is_some_and(|s| free.remove(&s)), "{} of {}", v, a.path);
                }
            }
        }
    }

    #[test]
    fn a_hypercube_over_a_list_has_each_value_as_often() {
        let d = design(&["a=x,y,z"], Some(12), 5);
        for v in ["x", "y", "z"] {
            assert_eq!((0..12).filter(|i| d.values(*i)[0] == v).count(), 4, "{v}");
        }
    }
}
