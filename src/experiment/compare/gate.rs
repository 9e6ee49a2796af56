//! Gates: what must not happen to a figure, as `cost.total > +2%`, and whether it did.
//!
//! A gate is judged by the 95 % interval, not by the mean: it is *broken* when the whole interval lies beyond the limit,
//! it *holds* when none of it does, and is *inconclusive* when the limit lies within.

use serde::{Deserialize, Serialize};

use super::paired::Change;
use super::sample::Sample;
use crate::experiment::luck::Mean;
use crate::formats::Place;
use crate::kernel::stats::t_quantile;
use crate::outcome::metric::TABLE;
use crate::units::{Diagnostic, Diagnostics, SourceMap, Span, nearest};

/// On which side of its limit a figure breaks a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// `>`
    Above,
    /// `<`
    Below,
}

/// What is held against what.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The change, in percent of the base's mean: `+2%`.
    Percent(f64),
    /// The change, in the metric's unit (`+500 USD`), or in points of a metric that is a percentage (`-1pp`).
    Difference(f64),
    /// The candidate's own value: `500 USD`.
    Value(f64),
}

/// A gate as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The metric's name.
    pub metric: String,
    /// Where that stands.
    pub metric_at: Place,
    /// On which side it breaks.
    pub side: Side,
    /// The limit, in the unit as written.
    pub limit: Limit,
    /// The unit as written; none for a bare number.
    pub unit: Option<String>,
    /// Where the limit stands.
    pub limit_at: Place,
    /// In short: `cost.total > +2%`.
    pub text: String,
    /// Why there is such a gate.
    pub about: Option<String>,
}

/// How a gate came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// None of the interval lies beyond the limit.
    Holds,
    /// The limit lies within the interval, or there is no interval: too few runs to tell.
    Inconclusive,
    /// All of the interval lies beyond the limit.
    Broken,
}

/// A gate's outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate: `cost.total > +2%`.
    pub gate: String,
    /// Its metric.
    pub metric: String,
    /// On which side it breaks.
    pub side: Side,
    /// Its limit, in the metric's unit.
    pub limit: Limit,
    /// Unit of limit and measured value: `%`, `USD`, `points`.
    pub unit: String,
    /// How it came out.
    pub held: Held,
    /// What the limit was held against: the change, or the candidate's mean, with its interval.
    pub measured: Option<Mean>,
    /// Where inconclusive: about how many pairs would tell, were mean and spread as they are.
    pub pairs_needed: Option<u64>,
    /// Where there is no interval: why.
    pub why: Option<String>,
    /// Why there is such a gate.
    pub about: Option<String>,
}

impl Gate {
    /// Reads `METRIC > LIMIT` or `METRIC < LIMIT`, an argument of `--fail-on`. It becomes a source of its own.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn from_argument(text: &str, sources: &mut SourceMap) -> Result<Gate, Diagnostics> {
        let source = sources.add("--fail-on", text);
        let place = |from: usize, to: usize| (source, Span { start: from as u32, end: to as u32 });
        let Some(at) = text.find(['<', '>']) else {
            let (id, span) = place(0, text.len());
            return Err(Diagnostic::error(
                "a gate says on which side of a limit it breaks, and this has neither `<` nor `>`",
            )
            .at(id, span, "no `<` and no `>`")
            .help("write it as 'cost.total > +2%'")
            .into());
        };
        let side = if text.as_bytes()[at] == b'<' { Side::Below } else { Side::Above };
        let trimmed = |from: usize, to: usize| {
            let part = &text[from..to];
            let start = from + (part.len() - part.trim_start().len());
            (part.trim(), place(start, start + part.trim().len().max(1)))
        };
        let (metric, metric_at) = trimmed(0, at);
        let (limit, limit_at) = trimmed(at + 1, text.len());
        if limit.starts_with('=') {
            return Err(Diagnostic::error("a gate knows `<` and `>` alone")
                .at(limit_at.0, limit_at.1, "one sign too many")
                .help("a limit that is just reached holds in either case")
                .into());
        }
        Gate::new(metric, metric_at, side, limit, limit_at, None)
    }

    /// A gate of its parts.
    ///
    /// # Errors
    /// When the limit is none.
    pub fn new(
        metric: &str,
        metric_at: Place,
        side: Side,
        limit: &str,
        limit_at: Place,
        about: Option<String>,
    ) -> Result<Gate, Diagnostics> {
        let fault = |message: String, label: &str, help: &str| {
            Diagnostics::from(Diagnostic::error(message).at(limit_at.0, limit_at.1, label).help(help))
        };
        let Some((signed, value, unit)) = number(limit) else {
            return Err(fault(
                format!("`{limit}` is not the limit of a gate"),
                "not a number with its unit",
                "with a sign it is a change: +2%, +500 USD, -1pp (points); without, the candidate's own value: 500 USD, 95%",
            ));
        };
        let points = matches!(unit, "pp" | "points");
        let limit_of = match (signed, unit) {
            (true, "%") => Limit::Percent(value),
            (false, _) if points => {
                return Err(fault(
                    format!("`{limit}` counts points, which are a difference, and has no sign"),
                    "no sign",
                    "a difference has a sign: -1pp",
                ));
            }
            (true, _) => Limit::Difference(value),
            (false, _) => Limit::Value(value),
        };
        let sign = if side == Side::Above { '>' } else { '<' };
        Ok(Gate {
            metric: metric.to_owned(),
            metric_at,
            side,
            limit: limit_of,
            unit: (!unit.is_empty()).then(|| unit.to_owned()),
            limit_at,
            text: format!("{metric} {sign} {limit}"),
            about,
        })
    }

    /// The same gate with its limit in its metric's unit.
    ///
    /// # Errors
    /// Neither sample has the metric, or just one of them where the gate is about the change; the unit is another.
    pub fn resolve(&self, base: &Sample, candidate: &Sample) -> Result<Gate, Diagnostics> {
        let (in_base, in_candidate) = (base.metric(&self.metric), candidate.metric(&self.metric));
        let (id, span) = self.metric_at;
        let metric = match (in_base, in_candidate) {
            (_, Some(m)) if in_base.is_some() || matches!(self.limit, Limit::Value(_)) => m,
            (None, None) => return Err(self.unknown(base, candidate).into()),
            (b, _) => {
                let (has, not) = if b.is_some() { ("base", "candidate") } else { ("candidate", "base") };
                return Err(Diagnostic::error(format!("only the {has} has the metric `{}`", self.metric))
                    .at(id, span, format!("the {not} has no such figure"))
                    .help("a change is of a figure that both have")
                    .into());
            }
        };
        let (id, span) = self.limit_at;
        let written = self.unit.as_deref();
        let wrong = |help: &str| {
            Err(Diagnostic::error(format!(
                "`{}` is in {}, and the limit is in {}",
                self.metric,
                metric.unit,
                written.unwrap_or("nothing")
            ))
            .at(id, span, format!("not in {}", metric.unit))
            .help(help)
            .into())
        };
        let scale = match (self.limit, written) {
            (Limit::Percent(_), _) | (_, None) => 1.0,
            (Limit::Difference(_), Some("pp" | "points")) if metric.unit == "%" => 1.0,
            (Limit::Value(_), Some("%")) if metric.unit != "%" => {
                return wrong("with a sign it is a change in percent of the base: +2%");
            }
            (_, Some(u)) if u == metric.unit => 1.0,
            (_, Some(u)) => match (seconds(u), seconds(&metric.unit)) {
                (Some(a), Some(b)) => a / b,
                _ => return wrong(&format!("write the limit in {}, or as a number alone", metric.unit)),
            },
        };
        let limit = match self.limit {
            Limit::Percent(v) => Limit::Percent(v),
            Limit::Difference(v) => Limit::Difference(v * scale),
            Limit::Value(v) => Limit::Value(v * scale),
        };
        let unit = match (limit, metric.unit.as_str()) {
            (Limit::Percent(_), _) => "%".to_owned(),
            (Limit::Difference(_), "%") => "points".to_owned(),
            (_, u) => u.to_owned(),
        };
        Ok(Gate { limit, unit: Some(unit), ..self.clone() })
    }

    fn unknown(&self, base: &Sample, candidate: &Sample) -> Diagnostic {
        let (id, span) = self.metric_at;
        let names = || base.metrics.iter().chain(&candidate.metrics).map(|m| m.name.as_str());
        let mut d = Diagnostic::error(format!("there is no metric `{}`", self.metric)).at(
            id,
            span,
            "not a metric of these runs",
        );
        // A name half of which is right is further from it than a slip of the finger.
        let near = nearest(&self.metric, names()).or_else(|| {
            let head = self.metric.split('.').next().unwrap_or("");
            names()
                .filter(|n| n.split('.').next() == Some(head))
                .min_by_key(|n| (strsim::damerau_levenshtein(n, &self.metric), (*n).to_owned()))
        });
        if let Some(near) = near {
            d = d.help(format!("did you mean `{near}`?"));
        }
        if TABLE.iter().any(|t| t.name == self.metric) {
            d = d.help("words in capitals stand for names of the scenario");
        }
        d.help("`fleetcast metrics` lists them; those of a scenario are in `fleetcast run --json`")
    }

    /// Judges a gate that was resolved, on the change of its metric and the candidate's values.
    #[must_use]
    pub fn judge(&self, change: Option<&Change>, candidate: &Sample) -> GateResult {
        let values: Vec<Option<f64>> = candidate.metric(&self.metric).map_or_else(Vec::new, |m| m.values.clone());
        let n = candidate.replications();
        let (measured, limit, missing) = match self.limit {
            Limit::Value(v) => {
                let known: Vec<f64> = values.iter().copied().flatten().collect();
                (Mean::of(&known), v, n - known.len() as u32)
            }
            Limit::Difference(v) => (change.and_then(|c| c.change), v, change.map_or(n, |c| c.missing)),
            // Of a base of nothing, any percentage is nothing: what is held against it is the difference itself.
            Limit::Percent(v) => {
                let c = change.filter(|c| c.base != Some(0.0));
                let measured = c.map_or(change.and_then(|c| c.change), |c| c.percent);
                (measured, if c.is_some() { v } else { 0.0 }, change.map_or(n, |c| c.missing))
            }
        };
        let ends = measured.and_then(|m| Some((m.mean, m.low?, m.high?)));
        let (held, why) = match ends {
            _ if missing > 0 => (
                Held::Inconclusive,
                Some(format!("the figure is absent in {missing} of {n} pairs: what it is of was nothing there")),
            ),
            None => (Held::Inconclusive, Some("an interval needs two pairs or more".to_owned())),
            Some((_, low, high)) => {
                let (beyond, within) = match self.side {
                    Side::Above => (low > limit, high <= limit),
                    Side::Below => (high < limit, low >= limit),
                };
                let held = if beyond {
                    Held::Broken
                } else if within {
                    Held::Holds
                } else {
                    Held::Inconclusive
                };
                (held, None)
            }
        };
        let pairs_needed = match (held, ends) {
            (Held::Inconclusive, Some((mean, low, high))) if missing == 0 && mean != limit => {
                needed(n, (high - low) / 2.0, (mean - limit).abs())
            }
            _ => None,
        };
        GateResult {
            gate: self.text.clone(),
            metric: self.metric.clone(),
            side: self.side,
            limit: self.limit,
            unit: match (self.limit, change) {
                // What is measured of a base of nothing is the difference.
                (Limit::Percent(_), Some(c)) if c.base == Some(0.0) => c.unit.clone(),
                _ => self.unit.clone().unwrap_or_default(),
            },
            held,
            measured,
            pairs_needed,
            why,
            about: self.about.clone(),
        }
    }
}

/// About how many pairs bring half the interval below a distance, were the spread that of these `n`: the least `k` with
/// `t(k − 1) · s / √k ≤ distance`, from the normal law's `(1.96 · s / distance)²` upwards.
fn needed(n: u32, half: f64, distance: f64) -> Option<u64> {
    let t = |k: u64| t_quantile(0.975, k as f64 - 1.0);
    let s = half / t(u64::from(n)) * f64::from(n).sqrt();
    let least = (1.959_964 * s / distance).powi(2).ceil();
    // Beyond a million it is a wish, not advice.
    if !least.is_finite() || least > 1e6 {
        return None;
    }
    let from = (least as u64).max(u64::from(n) + 1);
    // Student's t is above the normal law's by less than 5/k here, so that a few steps do.
    (from..from + 64).find(|k| t(*k) * s / (*k as f64).sqrt() <= distance)
}

/// A number as a gate has it, whether it has a sign, and the unit behind it.
fn number(text: &str) -> Option<(bool, f64, &str)> {
    let (sign, rest) = match text.chars().next()? {
        '+' => (Some(1.0), &text[1..]),
        '-' => (Some(-1.0), &text[1..]),
        // The typographer's minus.
        '−' => (Some(-1.0), &text['−'.len_utf8()..]),
        _ => (None, text),
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_'))).unwrap_or(rest.len());
    let digits = rest[..end].replace('_', "");
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value: f64 = digits.parse().ok().filter(|v: &f64| v.is_finite())?;
    let unit = rest[end..].trim();
    // What looks like more of the number is no unit.
    (!unit.starts_with(|c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '_' | '+' | '-'))).then_some((
        sign.is_some(),
        sign.unwrap_or(1.0) * value,
        unit,
    ))
}

/// Seconds in a unit of time.
fn seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
