//! What each hour's money was for: the spend of all pools by activity, on top of each other, useful work at the foot.

use super::{Drawing, bucket_hours, csv, edges, num};
use crate::outcome::{ChargeKind, Outcome};
use crate::report::axes::{About, Plot, Scale, dollars, from_zero, page};
use crate::report::clock::Clock;
use crate::report::scene::{Anchor, Area, Shape, spread};
use crate::report::theme::{self, BLACK, Ink, LABEL_PX, TICK_PX};
use crate::report::waste::{largest_avoidable, slices};
use crate::report::words;
use crate::units::Activity;

/// The most layers; small ones are one.
const LAYERS: usize = 8;
/// The most steps across: more are averaged.
const STEPS: usize = 800;

/// An activity over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// What it is called.
    pub name: String,
    /// Its colour.
    pub ink: Ink,
    /// USD an hour, by bucket.
    pub rate: Vec<f64>,
    /// USD of the window.
    pub usd: f64,
}

/// The colour of each kind of charge that the bill has: useful work, the largest avoidable waste, then the others by dollars.
#[must_use]
pub fn inks(o: &Outcome) -> Vec<(ChargeKind, Ink)> {
    let all = slices(o);
    let worst = largest_avoidable(&all).map(|s| s.kind);
    let mut own = [theme::ORANGE, theme::SKY, theme::GREEN, theme::PURPLE, theme::YELLOW, theme::SLATE].into_iter();
    let ink = |k: ChargeKind| match k {
        ChargeKind::Activity(Activity::Productive) => theme::BLUE,
        k if worst == Some(k) => theme::VERMILION,
        ChargeKind::Activity(_) => own.next().unwrap_or(theme::MID),
        _ => theme::MID,
    };
    let mut ink = ink;
    all.iter().map(|s| (s.kind, ink(s.kind))).collect()
}

/// The layers, from the foot: useful work, then by dollars. Empty where the outcome has no such series.
#[must_use]
pub fn layers(o: &Outcome) -> Vec<Layer> {
    let hours = bucket_hours(o);
    let inks = inks(o);
    let mut all: Vec<(Activity, Layer)> = Vec::new();
    for a in Activity::ALL {
        let mut sum = vec![0.0; o.series.buckets];
        for s in o.series.pools.iter().flat_map(|p| &p.spend_by).filter(|s| s.activity == a) {
            sum.iter_mut().zip(&s.usd).for_each(|(t, v)| *t += v);
        }
        let usd: f64 = sum.iter().sum();
        if usd > 0.0 {
            let ink = inks.iter().find(|i| i.0 == ChargeKind::Activity(a)).map_or(theme::MID, |i| i.1);
            let rate = sum.iter().zip(&hours).map(|(v, h)| if *h > 0.0 { v / h } else { 0.0 }).collect();
            all.push((a, Layer { name: words::sentence(a.title()), ink, rate, usd }));
        }
    }
    all.sort_by(|(a, x), (b, y)| {
        (*b == Activity::Productive).cmp(&(*a == Activity::Productive)).then(y.usd.total_cmp(&x.usd))
    });
    let mut all: Vec<Layer> = all.into_iter().map(|l| l.1).collect();
    if all.len() > LAYERS {
        let small = all.split_off(LAYERS - 1);
        let mut rate = vec![0.0; o.series.buckets];
        small.iter().for_each(|l| rate.iter_mut().zip(&l.rate).for_each(|(t, v)| *t += v));
        let usd = small.iter().map(|l| l.usd).sum();
        all.push(Layer { name: format!("{} smaller ones", small.len()), ink: theme::PALE, rate, usd });
    }
    all
}

/// The finding in a sentence: when most money did no good.
#[must_use]
pub fn title(o: &Outcome, clock: &Clock) -> String {
    let all = layers(o);
    let at = |i: usize, l: &Layer| l.rate.get(i).copied().unwrap_or(0.0);
    let useful = words::sentence(Activity::Productive.title());
    let spent = |i: usize| all.iter().map(|l| at(i, l)).sum::<f64>();
    let waste = |i: usize| all.iter().filter(|l| l.name != useful).map(|l| at(i, l)).sum::<f64>();
    match (0..o.series.buckets).reduce(|a, b| if waste(b) > waste(a) { b } else { a }) {
        Some(i) if waste(i) > 0.0 => format!(
            "Waste peaks on {}: {} of {} USD an hour did no good",
            clock.date_time(i as u64 * o.series.bucket_ns),
            words::dollars(waste(i)),
            words::dollars(spent(i))
        ),
        _ => "Every hour that was paid for did useful work".to_owned(),
    }
}

/// Draws it; `None` where the outcome has no such series.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let all = layers(o);
    if all.is_empty() {
        return None;
    }
    let clock = Clock::of(o);
    let title = title(o, &clock);
    let note =
        "time of all pools by what it was spent on; billing minimums, fees and what was given back have no moment";
    let (mut s, body) = page(&title, note, about);
    let (k, first) = super::thin(&all[0].rate, STEPS);
    let at = edges(o, k, first.len());
    let mut tops: Vec<Vec<f64>> = Vec::new();
    let mut base = vec![0.0; first.len()];
    for l in &all {
        let (_, v) = super::thin(&l.rate, STEPS);
        base.iter_mut().zip(&v).for_each(|(b, v)| *b += v);
        tops.push(base.clone());
    }
    let (top, ticks, step) = from_zero(base.iter().copied().fold(0.0, f64::max), 0.01, 5);
    let ticks = dollars(&ticks, step);
    let left = ticks.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let whole: f64 = all.iter().map(|l| l.usd).sum();
    let label = |l: &Layer| format!("{} · {}", l.name, words::percent(super::share(l.usd, whole)));
    let right = all.iter().map(|l| theme::width(&label(l), LABEL_PX, false)).fold(0.0, f64::max) + 60.0;
    let area = Area::new(body.x0 + left, body.y0 + 50.0, body.x1 - right, body.y1 - 50.0);
    let plot = Plot { area, x: Scale::Linear(0.0, o.horizon_ns as f64), y: Scale::Linear(0.0, top) };
    plot.y_axis(&mut s, &ticks, "USD an hour");
    let mut under = vec![0.0; first.len()];
    for (l, high) in all.iter().zip(&tops) {
        let outline = |v: &[f64]| -> Vec<(f64, f64)> {
            v.iter().enumerate().flat_map(|(i, y)| [plot.at(at[i], *y), plot.at(at[i + 1], *y)]).collect()
        };
        let mut px = outline(high);
        px.extend(outline(&under).into_iter().rev());
        s.shapes.push(Shape::Polygon(px, l.ink));
        under.clone_from(high);
    }
    plot.time_axis(&mut s, &clock, o.horizon_ns);
    // Beside the end of each layer, its share of the window.
    let last = |v: &[f64]| v.last().copied().unwrap_or(0.0);
    let middles: Vec<f64> = (0..all.len())
        .map(|i| plot.py((last(&tops[i]) + if i > 0 { last(&tops[i - 1]) } else { 0.0 }) / 2.0) + 8.0)
        .collect();
    for (l, y) in all.iter().zip(spread(&middles, 36.0, area.y0 + 10.0, area.y1)) {
        s.rect(Area::new(area.x1 + 14.0, y - 18.0, area.x1 + 26.0, y + 2.0), l.ink);
        s.text(area.x1 + 36.0, y, label(l), LABEL_PX, BLACK, Anchor::Start);
    }
    let rows = (0..o.series.buckets).flat_map(|i| {
        let iso = clock.iso(i as u64 * o.series.bucket_ns);
        all.iter().map(move |l| vec![iso.clone(), l.name.clone(), num(l.rate[i])]).collect::<Vec<_>>()
    });
    Some(Drawing { name: "activities", title, scene: s, csv: csv(&["time", "activity", "usd_per_hour"], rows) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn layers_add_up_to_what_the_pools_spent() {
        for o in [sample::spot(), sample::services::outcome()] {
            let all = layers(&o);
            assert!(!all.is_empty() && all.len() <= LAYERS);
            let spent: f64 = o.series.pools.iter().flat_map(|p| &p.spend).sum();
            let back: f64 =
                o.charges.iter().filter(|c| c.kind == ChargeKind::FreeReclaim).map(|c| c.usd.0.to_f64()).sum();
            let sum: f64 = all.iter().map(|l| l.usd).sum();
            assert!((sum + back - spent).abs() <= 1e-5 * spent, "{sum} and {back}, not {spent}");
            // And each activity to its part of the bill.
            for l in &all[..all.len().min(LAYERS - 1)] {
                let a = Activity::ALL.into_iter().find(|a| words::sentence(a.title()) == l.name).unwrap();
                let bill = o.activity_usd(a).to_f64();
                assert!((l.usd - bill).abs() <= 1e-5 * spent, "{}: {}, not {bill}", l.name, l.usd);
            }
        }
    }

    #[test]
    fn an_outcome_without_the_series_has_no_such_chart() {
        assert_eq!(draw(&sample::outcome(None, 1.0, 1.0), &About::default()), None);
    }
}
