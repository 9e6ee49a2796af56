//! Laws, mixes and arrivals: from what is written to what is drawn from.

use crate::kernel::{Dist, DistError};
use crate::scenario::decode::Spanned;
use crate::scenario::file::laws as shape;
use crate::units::{Diagnostic, Diagnostics, Duration};
use crate::workload::synth::{Arrivals, Bursts, Daily, Growth, Mix, Pattern, Shape};

type At = crate::formats::Place;

fn fault(e: impl std::fmt::Display, at: At) -> Diagnostic {
    Diagnostic::error(e.to_string()).at(at.0, at.1, "here")
}

/// A law's own fault, at the place of its workload (laws keep no place of their own but for their odd numbers).
fn law(r: Result<Dist, DistError>, at: At, out: &mut Diagnostics) -> Option<Dist> {
    r.map_err(|e| out.push(fault(e, at))).ok()
}

/// The law of a duration, in seconds.
pub(super) fn length(l: &shape::Length, at: At, out: &mut Diagnostics) -> Option<Dist> {
    use shape::Length as L;
    let s = |d: &Duration| d.as_secs_f64();
    match l {
        L::Constant(d) => law(Dist::constant(s(d)), at, out),
        L::Uniform(a, b) => law(Dist::uniform(s(a), s(b)), at, out),
        L::Exponential(mean) => law(Dist::exponential(s(mean)), at, out),
        L::LogNormal(m) => law(Dist::lognormal_median_p95(s(&m.median), s(&m.p95)), m.p95.at, out),
        L::Weibull(w) => law(Dist::weibull(*w.shape, s(&w.scale)), w.shape.at, out),
        L::Gamma(g) => law(Dist::gamma(s(&g.mean), *g.cv), g.cv.at, out),
        L::HyperExp(h) => law(Dist::hyperexp(s(&h.mean), *h.cv), h.cv.at, out),
        L::Pareto(p) => law(Dist::pareto(s(&p.least), *p.shape), p.shape.at, out),
        L::Quantiles(points) => {
            let points: Vec<(f64, f64)> = points.iter().map(|(p, d)| (p.0, s(d))).collect();
            law(Dist::quantiles(&points), at, out)
        }
        L::Mixture(parts) => {
            let mut laws = Vec::new();
            for (w, l) in parts {
                laws.push((**w, length(l, w.at, out)?));
            }
            law(Dist::mixture(laws), at, out)
        }
    }
}

/// The law of a share from 0 to 1; `None` for one that is always the given value.
pub(super) fn share(l: &shape::ShareLaw, at: At, out: &mut Diagnostics) -> Option<Dist> {
    match l {
        shape::ShareLaw::Constant(f) => law(Dist::constant(f.get()), at, out),
        shape::ShareLaw::Uniform(a, b) => law(Dist::uniform(a.get(), b.get()), at, out),
    }
}

/// Values by weight.
pub(super) fn mix<T>(entries: Vec<(T, f64)>, at: At, out: &mut Diagnostics) -> Option<Mix<T>> {
    Mix::new(entries).map_err(|e| out.push(fault(e, at))).ok()
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
                out.push(fault(e, at));
            }
            None
        }
    }
}

fn rate(per_day: &Spanned<f64>, out: &mut Diagnostics) -> Option<f64> {
    if per_day.is_finite() && **per_day >= 0.0 {
        return Some(**per_day / 24.0);
    }
    out.push(fault(format!("{} arrivals a day", **per_day), per_day.at));
    None
}

/// `Some(None)` is a rate that does not vary.
#[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
fn when(w: &shape::When, out: &mut Diagnostics) -> Option<Option<Shape>> {
    let (made, at) = match w {
        shape::When::Always => return Some(None),
        shape::When::Hours(text) => (Shape::working_hours(text), text.at),
        shape::When::Daily(d) => {
            let daily = Daily { peak: 1.0, trough: d.trough.get(), peak_hour: *d.peak, weekend: d.weekend.get() };
            (Shape::daily(daily), d.peak.at)
        }
        shape::When::Hourly(weights) => (Shape::hourly(weights), weights.at),
    };
    made.map(Some).map_err(|e| out.push(fault(e, at))).ok()
}

#[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
fn growth(g: Option<&shape::Growth>, out: &mut Diagnostics) -> Option<Option<Growth>> {
    let Some(g) = g else { return Some(None) };
    let factor = 1.0 + g.by.0;
    if !(factor.is_finite() && factor > 0.0) || g.per.0 == 0 {
        out.push(fault("growth must leave a rate above 0, over a time above 0", g.per.at));
        return None;
    }
    Some(Some(Growth { factor, per: *g.per }))
}

fn bursts(b: Option<&shape::Bursts>) -> Option<Bursts> {
    b.map(|b| Bursts { on: *b.lasting, off: *b.every, ratio: *b.factor })
}
