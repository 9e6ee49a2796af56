//! How long nodes live before they are taken: the share that is still there by age, by pool, beside the memoryless law of
//! the same mean.

use super::{Drawing, csv, num};
use crate::kernel::Histogram;
use crate::outcome::{Outcome, PoolLosses};
use crate::report::axes::{About, Plot, Scale, Swatch, from_zero, key, page, plain};
use crate::report::scene::{Anchor, Area, spread};
use crate::report::theme::{self, BLACK, GREY, LABEL_PX};
use crate::report::words;

/// The most pools: those with the most losses.
const POOLS: usize = 6;
const HOUR: f64 = 3.6e12;

/// The product-limit estimate of E. L. Kaplan and P. Meier (JASA 53(282), 1958): (age in ns, share still there) after each
/// age at which a node was lost. Ages at which nodes were given back, or seen last, take them out of those at risk; of the
/// same age, the lost go first. The histograms round ages to three digits.
#[must_use]
pub fn kaplan_meier(lost: &Histogram, survived: &Histogram) -> Vec<(u64, f64)> {
    let mut at: std::collections::BTreeMap<u64, (u64, u64)> = std::collections::BTreeMap::new();
    for (age, n) in lost.pairs() {
        at.entry(age).or_default().0 += n;
    }
    for (age, n) in survived.pairs() {
        at.entry(age).or_default().1 += n;
    }
    let (mut risk, mut left) = (lost.count() + survived.count(), 1.0);
    let mut out = Vec::new();
    for (age, (gone, seen)) in at {
        if gone > 0 {
            left *= (risk - gone) as f64 / risk as f64;
            out.push((age, left));
        }
        risk -= gone + seen;
    }
    out
}

struct Curve<'a> {
    name: &'a str,
    pool: usize,
    losses: &'a PoolLosses,
    mean_h: f64,
    steps: Vec<(u64, f64)>,
    /// The oldest node that was seen, hours.
    seen_h: f64,
}

impl Curve<'_> {
    /// The age by which half are gone, where so many are.
    fn median_h(&self) -> Option<f64> {
        self.steps.iter().find(|s| s.1 <= 0.5).map(|s| s.0 as f64 / HOUR)
    }
}

fn curves(o: &Outcome) -> Vec<Curve<'_>> {
    let mut all: Vec<Curve<'_>> = o
        .pools
        .iter()
        .enumerate()
        .filter_map(|(pool, p)| {
            let losses = p.losses.as_ref()?;
            let mean_h = losses.mean_hours_to_loss()?;
            let steps = kaplan_meier(&losses.lives, &losses.survived);
            let seen = losses.lives.max().into_iter().chain(losses.survived.max()).max()?;
            Some(Curve { name: &p.name, pool, losses, mean_h, steps, seen_h: seen as f64 / HOUR })
        })
        .filter(|c| !c.steps.is_empty())
        .collect();
    all.sort_by_key(|c| (std::cmp::Reverse(c.losses.total()), c.pool));
    all.truncate(POOLS);
    all.sort_by_key(|c| c.pool);
    all
}

fn title(all: &[Curve<'_>]) -> String {
    let h = |v: f64| words::length((v * HOUR) as u64);
    let text = |c: &Curve<'_>| format!("a node of {} is lost after {} on average", c.name, h(c.mean_h));
    let worst = all.iter().reduce(|a, b| if b.mean_h < a.mean_h { b } else { a });
    let best = all.iter().reduce(|a, b| if b.mean_h > a.mean_h { b } else { a });
    match (worst, best) {
        (Some(w), Some(b)) if b.mean_h > w.mean_h => {
            format!("{}, one of {} after {}", words::sentence(&text(w)), b.name, h(b.mean_h))
        }
        (Some(w), _) => match w.median_h() {
            Some(m) => format!("{}; half are gone after {}", words::sentence(&text(w)), h(m)),
            None => words::sentence(&text(w)),
        },
        _ => String::new(),
    }
}

/// Draws it; `None` where no pool lost a node.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let all = curves(o);
    if all.is_empty() {
        return None;
    }
    let title = title(&all);
    let note =
        "Kaplan–Meier: nodes given back or still there count for as long as they were seen; mean = node-hours / losses";
    let (mut s, body) = page(&title, note, about);
    let entries =
        [(Swatch::Line(BLACK, 3), "nodes of the run"), (Swatch::Dash(BLACK, 3), "exponential with the same mean")];
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let names: Vec<String> = all
        .iter()
        .map(|c| {
            let n = c.losses.total();
            let lost = if n == 1 { "1 lost".into() } else { format!("{} lost", words::count(n)) };
            format!("{}: {lost}", words::shorten(c.name, 22))
        })
        .collect();
    let right = names.iter().map(|n| theme::width(n, LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + 90.0, top + 48.0, body.x1 - right - 48.0, body.y1 - 76.0);
    // Half again the longest life that ended: what only survivors reached says little.
    let longest = all.iter().filter_map(|c| c.losses.lives.max()).max().unwrap_or(0) as f64 / HOUR;
    let seen = all.iter().map(|c| c.seen_h).fold(0.0, f64::max).min(longest * 1.5).max(1e-6);
    let (end, t, step) = from_zero(seen / 1.04, 1e-6, 8);
    let plot = Plot { area, x: Scale::Linear(0.0, end), y: Scale::Linear(0.0, 1.0) };
    let y: Vec<(f64, String)> = (0..=5).map(|i| (f64::from(i) * 0.2, format!("{} %", i * 20))).collect();
    plot.y_axis(&mut s, &y, "nodes still there");
    plot.x_axis(&mut s, &plain(&t, step), "age of a node, hours");
    // The pools' own colours, unless two would share one.
    let own = all.iter().all(|c| theme::pool(c.pool) != theme::SLATE);
    let inks: Vec<theme::Ink> = (0..).zip(&all).map(|(i, c)| theme::pool(if own { c.pool } else { i })).collect();
    let mut ends = Vec::new();
    for (c, ink) in all.iter().zip(inks.iter().copied()) {
        let law: Vec<(f64, f64)> =
            (0..=200).map(|i| end * f64::from(i) / 200.0).map(|h| plot.at(h, (-h / c.mean_h).exp())).collect();
        s.dashed(&law, ink, 3, 10.0, 8.0);
        let mut edges = vec![0.0];
        let mut values = vec![1.0];
        for (age, left) in &c.steps {
            edges.push((*age as f64 / HOUR).min(end));
            values.push(*left);
        }
        edges.push(c.seen_h.min(end).max(edges.last().copied().unwrap_or(0.0)));
        plot.steps(&mut s, &edges, &values, ink, 4, false);
        ends.push(plot.py(values.last().copied().unwrap_or(1.0)) + 0.36 * LABEL_PX);
    }
    let ys = spread(&ends, LABEL_PX * 1.4, area.y0 + 10.0, area.y1);
    for ((ink, name), y) in inks.into_iter().zip(names).zip(ys) {
        s.rect(Area::new(area.x1 + 12.0, y - 17.0, area.x1 + 22.0, y + 2.0), ink);
        s.text(area.x1 + 32.0, y, name, LABEL_PX, BLACK, Anchor::Start);
    }
    s.text(area.x1, area.y0 - 22.0, "steps: as long as nodes were seen", theme::TICK_PX, GREY, Anchor::End);
    Some(Drawing { name: "survival", title, scene: s, csv: table(&all) })
}

fn table(all: &[Curve<'_>]) -> String {
    let rows = all.iter().flat_map(|c| {
        let first = std::iter::once((0u64, 1.0)).chain(c.steps.iter().copied());
        first.map(move |(age, left)| {
            let h = age as f64 / HOUR;
            vec![c.name.to_owned(), num(h), num(left), num((-h / c.mean_h).exp()), c.losses.total().to_string()]
        })
    });
    csv(&["pool", "age_h", "still_there", "exponential_of_same_mean", "lost"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Life;
    use crate::market::lifetime::empirical;
    use crate::units::Duration;

    #[test]
    fn the_curve_is_the_product_limit_estimate() {
        // Whole hundreds of hours of few digits: the histogram keeps them exactly enough.
        let lives = [(1u64, true), (2, true), (2, true), (3, false), (4, true), (7, true), (7, false), (9, false)];
        let (mut lost, mut seen) = (Histogram::new(), Histogram::new());
        for (h, taken) in lives {
            if taken { &mut lost } else { &mut seen }.record(h);
        }
        let km = kaplan_meier(&lost, &seen);
        // 7/8, × 5/7, × 3/4, × 2/3.
        let want = [(1, 7.0 / 8.0), (2, 5.0 / 8.0), (4, 15.0 / 32.0), (7, 5.0 / 16.0)];
        assert_eq!(km.len(), want.len());
        for ((a, v), (b, w)) in km.iter().zip(want) {
            assert!(*a == b && (v - w).abs() < 1e-12, "{a} {v} {w}");
        }
        // The market's own estimate agrees.
        let hours: Vec<Life> = lives
            .iter()
            .map(|(h, taken)| Life {
                kind: String::new(),
                born: Duration::ZERO,
                lived: Duration::from_hours(*h),
                taken: *taken,
            })
            .collect();
        let law = empirical(&hours).unwrap();
        for (age, left) in km {
            assert!((1.0 - law.cdf(age as f64 + 0.5) - left).abs() < 1e-9, "{age}");
        }
    }
}
