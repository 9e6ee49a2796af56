//! Laws, mixes and arrivals: from what is written to what is drawn from.

use crate::kernel::{Dist, DistError};
use crate::scenario::decode::Spanned;
use crate::scenario::file::laws as shape;
use crate::units::{Diagnostic, Diagnostics, Duration, Fraction};
use crate::workload::synth::{Arrivals, Bursts, Daily, Growth, Mix, Pattern, Shape};

type At = crate::formats::Place;

fn fault(e: impl std::fmt::Display, at: At) -> Diagnostic {
    Diagnostic::error(e.to_string()).at(at.0, at.1, "this cannot be drawn from")
}

/// Two ends that are the wrong way round, in the words of the file.
fn backwards(low: &str, high: &str, at: At, out: &mut Diagnostics) {
    out.push(
        Diagnostic::error(format!("the upper end ({high}) lies below the lower end ({low})"))
            .at(at.0, at.1, "the wrong way round")
            .help("write the lower end first"),
    );
}

/// A law's own fault, at the place of its workload (laws keep no place of their own but for their odd numbers).
fn law(r: Result<Dist, DistError>, at: At, out: &mut Diagnostics) -> Option<Dist> {
    r.map_err(|e| out.push(fault(e, at))).ok()
}

/// The law of a duration, in seconds.
pub(super) fn length(l: &shape::Length, at: At, out: &mut Diagnostics) -> Option<Dist> {
    measured(l, Duration::as_secs_f64, at, out)
}

/// The law of a duration, in hours.
pub(super) fn hours(l: &Spanned<shape::Length>, out: &mut Diagnostics) -> Option<Dist> {
    measured(l, Duration::as_hours_f64, l.at, out)
}

fn measured(l: &shape::Length, unit: fn(Duration) -> f64, at: At, out: &mut Diagnostics) -> Option<Dist> {
    use shape::Length as L;
    let s = |d: &Duration| unit(*d);
    match l {
        L::Constant(d) => law(Dist::constant(s(d)), at, out),
        L::Uniform(a, b) if a > b => {
            backwards(&a.to_string(), &b.to_string(), at, out);
            None
        }
        L::Uniform(a, b) => law(Dist::uniform(s(a), s(b)), at, out),
        L::Exponential(mean) => law(Dist::exponential(s(mean)), at, out),
        L::LogNormal(m) if *m.p95 < m.median => {
            out.push(
                Diagnostic::error(format!("the 95th percentile ({}) lies below the median ({})", *m.p95, m.median))
                    .at(m.p95.at.0, m.p95.at.1, "95 of 100 are shorter than this, and half are shorter than the median")
                    .help("give the longer one as p95"),
            );
            None
        }
        L::LogNormal(m) => law(Dist::lognormal_median_p95(s(&m.median), s(&m.p95)), m.p95.at, out),
        L::Weibull(w) => law(Dist::weibull(*w.shape, s(&w.scale)), w.shape.at, out),
        L::Gamma(g) => law(Dist::gamma(s(&g.mean), *g.cv), g.cv.at, out),
        L::HyperExp(h) => law(Dist::hyperexp(s(&h.mean), *h.cv), h.cv.at, out),
        L::Pareto(p) => law(Dist::pareto(s(&p.least), *p.shape), p.shape.at, out),
        L::Quantiles(points) => {
            if let Some(w) = points.windows(2).find(|w| w[1].1 < w[0].1) {
                let share = |p: f64| p * 100.0;
                out.push(
                    Diagnostic::error(format!(
                        "the {}% quantile ({}) lies below the {}% quantile ({})",
                        share(w[1].0.0),
                        w[1].1,
                        share(w[0].0.0),
                        w[0].1
                    ))
                    .at(at.0, at.1, "quantiles rise")
                    .help("sort the table by its shares, and check the values"),
                );
                return None;
            }
            let points: Vec<(f64, f64)> = points.iter().map(|(p, d)| (p.0, s(d))).collect();
            law(Dist::quantiles(&points), at, out)
        }
        L::Mixture(parts) => {
            let mut laws = Vec::new();
            for (w, l) in parts {
                laws.push((**w, measured(l, unit, w.at, out)?));
            }
            law(Dist::mixture(laws), at, out)
        }
    }
}

fn percent(f: Fraction) -> String {
    format!("{}%", f64::from(f.ppm()) / 1e4)
}

/// The law of a share from 0 to 1; `None` for one that is always the given value.
pub(super) fn share(l: &shape::ShareLaw, at: At, out: &mut Diagnostics) -> Option<Dist> {
    match l {
        shape::ShareLaw::Constant(f) => law(Dist::constant(f.get()), at, out),
        shape::ShareLaw::Uniform(a, b) if a > b => {
            backwards(&percent(*a), &percent(*b), at, out);
            None
        }
        shape::ShareLaw::Uniform(a, b) => law(Dist::uniform(a.get(), b.get()), at, out),
    }
}

/// Values by weight.
pub(super) fn mix<T>(entries: Vec<(T, f64)>, at: At, out: &mut Diagnostics) -> Option<Mix<T>> {
    let help = "values with weights of 0 or more, not all 0: [(1, 0.7), (8, 0.3)]";
    Mix::new(entries).map_err(|e| out.push(fault(e, at).help(help))).ok()
}

/// When jobs arrive.
pub(super) fn arrivals(a: &shape::Arrive, at: At, out: &mut Diagnostics) -> Option<Arrivals> {
    use shape::Arrive as A;
    let made = match a {
        A::Once(n) => Arrivals { pattern: Pattern::Once, count: Some(u64::from(*n)), ..Arrivals::default() },
        A::Every(d) => Arrivals { pattern: Pattern::Every(**d), ..Arrivals::default() },
        A::Poisson(r) => Arrivals {
            shape: when(&r.when, out)?,
            growth: growth(r.growth.as_ref(), out)?,
            bursts: bursts(r.bursts.as_ref()),
            ..Arrivals::renewal(rate(&r.per_day, out)?, 1.0)
        },
        A::Renewal(r) => Arrivals {
            shape: when(&r.when, out)?,
            growth: growth(r.growth.as_ref(), out)?,
            bursts: bursts(r.bursts.as_ref()),
            ..Arrivals::renewal(rate(&r.per_day, out)?, *r.cv)
        },
    };
    match made.check() {
        Ok(()) => Some(made),
        Err(list) => {
            for e in list {
                out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "these arrivals"));
            }
            None
        }
    }
}

/// A hundred million a second: what arrivals can be told apart.
const MOST_PER_DAY: f64 = 8.64e12;

fn rate(per_day: &Spanned<f64>, out: &mut Diagnostics) -> Option<f64> {
    if (0.0..=MOST_PER_DAY).contains(&**per_day) {
        return Some(**per_day / 24.0);
    }
    out.push(
        Diagnostic::error(format!("{} arrivals a day are not possible", **per_day))
            .at(per_day.at.0, per_day.at.1, "from 0 to 8.64e12")
            .help("for example per_day: 100"),
    );
    None
}

/// `Some(None)` is a rate that does not vary.
#[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
pub(super) fn when(w: &shape::When, out: &mut Diagnostics) -> Option<Option<Shape>> {
    let (made, at) = match w {
        shape::When::Always => return Some(None),
        shape::When::Hours(text) => (Shape::working_hours(text), text.at),
        shape::When::Daily(d) if !(0.0..=24.0).contains(&*d.peak) => {
            out.push(
                Diagnostic::error(format!("a peak at hour {} is not within the day", *d.peak))
                    .at(d.peak.at.0, d.peak.at.1, "from 0 to 24")
                    .help("for example peak: 14 for two in the afternoon"),
            );
            return None;
        }
        shape::When::Daily(d) => {
            let daily = Daily { peak: 1.0, trough: d.trough.get(), peak_hour: *d.peak, weekend: d.weekend.get() };
            (Shape::daily(daily), d.peak.at)
        }
        shape::When::Hourly(weights) => (Shape::hourly(weights), weights.at),
    };
    made.map(Some).map_err(|e| out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "not a shape"))).ok()
}

#[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
pub(super) fn growth(g: Option<&shape::Growth>, out: &mut Diagnostics) -> Option<Option<Growth>> {
    let Some(g) = g else { return Some(None) };
    let factor = 1.0 + g.by.0;
    if !(factor.is_finite() && factor > 0.0) || g.per.0 == 0 {
        out.push(
            Diagnostic::error("growth must leave a rate above 0, over a time above 0")
                .at(g.per.at.0, g.per.at.1, "leaves no rate")
                .help("for example growth: (by: \"12%\", per: \"91d\")"),
        );
        return None;
    }
    Some(Some(Growth { factor, per: *g.per }))
}

pub(super) fn bursts(b: Option<&shape::Bursts>) -> Option<Bursts> {
    b.map(|b| Bursts { on: *b.lasting, off: *b.every, ratio: *b.factor })
}
