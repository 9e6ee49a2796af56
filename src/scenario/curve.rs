//! Curves: one setting at several values, each point a scenario of its own.

use super::decode::quantity::Bandwidth;
use super::decode::scalar::{Form, Scalar, Written};
use super::decode::{self, Names};
use super::file::{self, Scenario};
use super::load::with_variant;
use super::model::Model;
use super::resolve::{Env, resolve};
use crate::formats::Node;
use crate::formats::set::Override;
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration, Fraction, Severity};

/// A setting at several values, for a chart.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: Option<String>,
    /// The variant whose settings it has; none for the scenario's own.
    pub variant: Option<String>,
    /// The setting.
    pub path: String,
    /// The unit of the points' values.
    pub unit: CurveUnit,
    /// How many draws of luck each point has.
    pub replications: u32,
    /// In the order in which they were written.
    pub points: Vec<Point>,
}

/// A point of a curve.
#[derive(Clone, Debug)]
pub struct Point {
    /// The value as it was written.
    pub label: String,
    /// The same as a number, see [`CurveUnit`].
    pub value: f64,
    /// What runs.
    pub model: Box<Model>,
}

/// What a point's value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveUnit {
    /// A plain number.
    Number,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// A share, from 0 to 1 where it is one of a whole.
    Share,
    /// Nothing: the number of the point, from 0.
    Order,
}

/// All curves of a scenario: with its own settings and those of each variant, or with those of one variant alone. Every
/// fault is told; a point that cannot run has told why.
pub(super) fn curves(
    scenario: &Scenario,
    tree: &Node,
    only: Option<&str>,
    env: &mut Env<'_>,
    out: &mut Diagnostics,
) -> Vec<Curve> {
    let mut names = Names::new("curve");
    let mut all = Vec::new();
    let variants: Vec<Option<&str>> = match only {
        Some(name) => vec![Some(name)],
        None => std::iter::once(None).chain(scenario.variants.iter().map(|v| Some(v.name.as_str()))).collect(),
    };
    for shape in &scenario.curves {
        names.add(&shape.name, out);
        if shape.to.is_empty() {
            out.push(
                Diagnostic::error(format!("curve `{}` has no points", *shape.name))
                    .at(shape.to.at.0, shape.to.at.1, "empty")
                    .help("for example to: [\"10m\", \"30m\", \"90m\"]"),
            );
            continue;
        }
        for v in &variants {
            let base = match v {
                // Faults of a variant's own settings have been told.
                Some(v) => with_variant(v, scenario, tree, env, &mut Diagnostics::default()),
                None => tree.clone(),
            };
            let Some(curve) = curve(shape, &base, *v, env, out) else {
                // What is wrong with it would be wrong with every variant.
                break;
            };
            all.push(curve);
        }
    }
    all
}

fn curve(
    shape: &file::Curve,
    base: &Node,
    variant: Option<&str>,
    env: &mut Env<'_>,
    out: &mut Diagnostics,
) -> Option<Curve> {
    let (values, unit) = numbers(&shape.to.iter().map(|t| t.value.as_str()).collect::<Vec<_>>());
    let mut replications = 1;
    let mut points = Vec::new();
    for (to, value) in shape.to.iter().zip(values) {
        let mut found = Diagnostics::default();
        let model = point(shape, to, base, variant, env, &mut found);
        for d in found.list {
            // What is only worth a warning is said once, with the scenario's own settings.
            if out.list.contains(&d) || (variant.is_some() && d.severity == Severity::Warning) {
                continue;
            }
            let with = variant.map_or_else(String::new, |v| format!(" with the variant `{v}`"));
            out.push(d.help(format!("this comes from the point {} of the curve `{}`{with}", to.value, *shape.name)));
        }
        let model = model?;
        replications = model.replications;
        points.push(Point { label: to.value.clone(), value, model: Box::new(model) });
    }
    Some(Curve {
        name: shape.name.to_string(),
        about: shape.about.clone(),
        variant: variant.map(str::to_owned),
        path: shape.set.value.clone(),
        unit,
        replications: shape.replications.as_ref().map_or(replications, |r| r.get()),
        points,
    })
}

/// One point, resolved.
fn point(
    shape: &file::Curve,
    to: &decode::Spanned<String>,
    base: &Node,
    variant: Option<&str>,
    env: &mut Env<'_>,
    out: &mut Diagnostics,
) -> Option<Model> {
    let made = Override::from_parts((shape.set.as_str(), shape.set.at), (to.as_str(), to.at));
    let tree = made.and_then(|o| {
        let mut tree = base.clone();
        o.apply(&mut tree).map(|()| tree)
    });
    let tree = match tree {
        Ok(tree) => tree,
        Err(d) => {
            out.extend(d);
            return None;
        }
    };
    let decoded = decode::decode::<Scenario>(&tree);
    out.extend(decoded.diagnostics);
    let scenario = decoded.value.filter(|_| !out.has_errors())?;
    let (model, found) = resolve(&scenario, variant, env);
    out.extend(found);
    model
}

/// What the values of a setting are as numbers, where all are of one kind: `Fixed(8)` is 8, `"10m"` is 600 s. Else they are
/// numbered from 0.
#[must_use]
pub fn numbers(texts: &[&str]) -> (Vec<f64>, CurveUnit) {
    let all = |f: &dyn Fn(&str) -> Option<f64>| -> Option<Vec<f64>> { texts.iter().map(|t| f(t)).collect() };
    let plain = |t: &str| t.replace('_', "").parse::<f64>().ok().filter(|v| v.is_finite());
    if let Some(v) = all(&|t| plain(inner(t))) {
        return (v, CurveUnit::Number);
    }
    if let Some(v) = all(&|t| Duration::read(words(t)).ok().map(Duration::as_secs_f64)) {
        return (v, CurveUnit::Seconds);
    }
    if let Some(v) = all(&|t| Fraction::read(words(t)).ok().map(Fraction::get)) {
        return (v, CurveUnit::Share);
    }
    if let Some(v) = all(&|t| Bandwidth::read(words(t)).ok().map(|b| b.0 as f64)) {
        return (v, CurveUnit::BytesPerSecond);
    }
    if let Some(v) = all(&|t| Bytes::read(words(t)).ok().map(|b| b.0 as f64)) {
        return (v, CurveUnit::Bytes);
    }
    ((0..texts.len()).map(|i| i as f64).collect(), CurveUnit::Order)
}

fn words(text: &str) -> Written<'_> {
    Written { form: Form::Text, text: inner(text), loose: false }
}

/// What is between the brackets of `Fixed(8)`, and within quotes.
fn inner(text: &str) -> &str {
    let t = text.trim();
    let held = t.strip_suffix(')').and_then(|t| t.split_once('(')).map_or(t, |(_, held)| held);
    held.trim().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_curve_are_numbers_of_one_unit() {
        assert_eq!(numbers(&["10m", "1h 30m"]), (vec![600.0, 5400.0], CurveUnit::Seconds));
        assert_eq!(numbers(&["Fixed(8)", "16"]), (vec![8.0, 16.0], CurveUnit::Number));
        assert_eq!(numbers(&["5%", "20%"]), (vec![0.05, 0.2], CurveUnit::Share));
        assert_eq!(numbers(&["2GB/s"]), (vec![2e9], CurveUnit::BytesPerSecond));
        assert_eq!(numbers(&["98GB"]), (vec![98e9], CurveUnit::Bytes));
        assert_eq!(numbers(&["Daly", "Young", "10m"]), (vec![0.0, 1.0, 2.0], CurveUnit::Order));
    }
}
