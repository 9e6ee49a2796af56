//! Dashboard against truth: what polling shows, what the GPUs do, and the gap between the two.

use super::{Drawing, add, csv, num, share};
use crate::outcome::Outcome;
use crate::report::axes::{About, Plot, Scale, page};
use crate::report::clock::Clock;
use crate::report::scene::{Anchor, Area, Scene, Text, spread};
use crate::report::theme::{self, BLACK, BLUE, GREY, GRID, Ink, LABEL_PX, MID, ORANGE, TICK_PX};
use crate::report::words;

const WEEK_NS: u64 = 7 * 86_400_000_000_000;

/// Shares of the billed GPUs in each slot, and where the slots lie.
struct Curve {
    /// Edges of the slots: hours of the week, or ns of the window.
    edges: Vec<f64>,
    allocated: Vec<f64>,
    sampled: Vec<f64>,
    truth: Vec<f64>,
    weekly: bool,
}

fn curve(o: &Outcome, clock: &Clock) -> Option<Curve> {
    let (mut billed, mut alloc, mut sampled, mut busy) = (vec![], vec![], vec![], vec![]);
    for (_, s) in o.pools.iter().zip(&o.series.pools).filter(|(p, _)| p.unit == "gpu") {
        add(&mut billed, &s.provisioned);
        add(&mut alloc, &s.allocated);
        add(&mut sampled, &s.sampled);
        add(&mut busy, &s.busy);
    }
    let n = billed.len();
    let w = o.series.bucket_ns;
    if n == 0 || w == 0 || billed.iter().all(|b| *b <= 0.0) {
        return None;
    }
    let hours = (w as f64 / 3.6e12).max(1.0);
    // A week folds only where there is a whole one and a bucket is no longer than a day.
    let weekly = o.horizon_ns >= WEEK_NS && hours <= 24.0;
    let (slots, edges, slot): (usize, Vec<f64>, Vec<usize>) = if weekly {
        let slots = (168.0 / hours).round().max(1.0) as usize;
        let each = 168.0 / slots as f64;
        let of = |i: usize| ((clock.hour_of_week(i as u64 * w + w / 2) / each) as usize).min(slots - 1);
        (slots, (0..=slots).map(|i| i as f64 * each).collect(), (0..n).map(of).collect())
    } else {
        let k = n.div_ceil(480).max(1);
        let slots = n.div_ceil(k);
        (slots, super::edges(o, k, slots), (0..n).map(|i| i / k).collect())
    };
    let mut sums = vec![[0.0; 4]; slots];
    for i in 0..n {
        let s = &mut sums[slot[i]];
        for (to, v) in s.iter_mut().zip([billed[i], alloc[i], sampled[i], busy[i]]) {
            *to += v;
        }
    }
    let part = |k: usize| sums.iter().map(|s| share(s[k], s[0])).collect();
    Some(Curve { edges, allocated: part(1), sampled: part(2), truth: part(3), weekly })
}

/// Draws it; `None` without GPUs or series.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let clock = Clock::of(o);
    let c = curve(o, &clock)?;
    let (_, truth, sampled) = o.utilisation()?;
    let gap = ((sampled - truth) * 100.0).round();
    let title = if gap >= 1.0 {
        let of = if sampled > 0.0 { (sampled - truth) / sampled } else { 0.0 };
        format!(
            "A dashboard shows {} busy, the GPUs work at {}: {} of what looks busy is not",
            words::percent(sampled),
            words::percent(truth),
            words::percent(of)
        )
    } else {
        format!("A dashboard tells the truth here: {} sampled, {} true", words::percent(sampled), words::percent(truth))
    };
    let note = "sampled: share of polls that find a kernel running; true: compute at work, averaged over time";
    let (mut s, body) = page(&title, note, about);
    let area = Area::new(body.x0 + 80.0, body.y0 + 50.0, body.x1 - 200.0, body.y1 - 80.0);
    let end = *c.edges.last()?;
    let plot = Plot { area, x: Scale::Linear(0.0, end), y: Scale::Linear(0.0, 100.0) };
    let t: Vec<(f64, String)> = (0..=5).map(|i| (f64::from(i) * 20.0, format!("{} %", i * 20))).collect();
    plot.y_axis(&mut s, &t, "% of the GPUs billed");
    if c.weekly {
        week_axis(&mut s, &plot, &clock, o);
    } else {
        plot.time_axis(&mut s, &clock, o.horizon_ns);
    }
    let pct = |v: &[f64]| v.iter().map(|x| x * 100.0).collect::<Vec<f64>>();
    let (alloc, samp, tru) = (pct(&c.allocated), pct(&c.sampled), pct(&c.truth));
    let gaps = plot.columns(&c.edges, &tru, &samp);
    for a in &gaps {
        s.rect(*a, ORANGE.tint(0.3));
    }
    s.hatch_all(&gaps, ORANGE, 10.0);
    plot.steps(&mut s, &c.edges, &alloc, MID, 2, true);
    plot.steps(&mut s, &c.edges, &samp, ORANGE, 4, false);
    plot.steps(&mut s, &c.edges, &tru, BLUE, 5, false);
    ends(&mut s, &plot, o, [(&alloc, MID), (&samp, ORANGE), (&tru, BLUE)]);
    name_gap(&mut s, &plot, &c, &samp, &tru);
    Some(Drawing { name: "dashboard", title, scene: s, csv: table(&c, &clock) })
}

/// Names at the right ends of the lines, moved apart, each with its mean and a swatch of its line.
fn ends(s: &mut Scene, plot: &Plot, o: &Outcome, lines: [(&Vec<f64>, Ink); 3]) {
    let u = o.utilisation().unwrap_or_default();
    let means = [("allocated", u.0), ("sampled", u.2), ("true", u.1)];
    let want: Vec<f64> = lines.iter().map(|(v, _)| plot.py(v.last().copied().unwrap_or(0.0))).collect();
    let ys = spread(&want, 62.0, plot.area.y0 + 16.0, plot.area.y1 - 40.0);
    for i in 0..3 {
        let (x, y) = (plot.area.x1 + 16.0, ys[i]);
        let ink = lines[i].1;
        s.line((plot.area.x1 + 2.0, want[i]), (x + 4.0, y), MID, 1);
        s.rect(Area::new(x + 4.0, y - 10.0, x + 14.0, y + 10.0), ink);
        s.bold(x + 24.0, y + 2.0, means[i].0, LABEL_PX, BLACK, Anchor::Start);
        s.text(x + 24.0, y + 29.0, format!("mean {}", words::percent(means[i].1)), TICK_PX, GREY, Anchor::Start);
    }
}

fn week_axis(s: &mut Scene, plot: &Plot, clock: &Clock, o: &Outcome) {
    let y = plot.area.y1;
    for (d, name) in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"].iter().enumerate() {
        let x = plot.px(d as f64 * 24.0);
        s.line((x, plot.area.y0), (x, y + 8.0), GRID, 2);
        let noon = plot.px(d as f64 * 24.0 + 12.0);
        s.line((noon, y), (noon, y + 6.0), MID, 1);
        s.text(noon, y + 34.0, *name, TICK_PX, GREY, Anchor::Middle);
    }
    let weeks = o.horizon_ns as f64 / WEEK_NS as f64;
    let over = if weeks < 1.5 { String::new() } else { format!(", mean of {weeks:.1} weeks") };
    let tz = if clock.at(0).is_some() { o.tz.as_str() } else { "the window's own hours" };
    s.text(plot.area.x1, y + 70.0, format!("hour of the week in {tz}{over}"), TICK_PX, GREY, Anchor::End);
    plot.base(s);
}

/// Names the gap where it is tallest, if there it is tall enough for words.
fn name_gap(s: &mut Scene, plot: &Plot, c: &Curve, samp: &[f64], tru: &[f64]) {
    let text = "seen as busy, not at work";
    let w = theme::width(text, LABEL_PX, true) + 24.0;
    let span = plot.area.w() / samp.len().max(1) as f64;
    let reach = ((w / span).ceil() as usize).max(1);
    if reach > samp.len() {
        return;
    }
    // The window of slots, as wide as the words, whose smallest free height is largest.
    let best = (0..=samp.len() - reach)
        .map(|i| {
            let top = samp[i..i + reach].iter().copied().fold(f64::MAX, f64::min);
            let low = tru[i..i + reach].iter().copied().fold(0.0, f64::max);
            (top - low, i, top, low)
        })
        .fold((f64::MIN, 0, 0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a });
    let (_, i, top, low) = best;
    let (y0, y1) = (plot.py(top), plot.py(low));
    if y1 - y0 < LABEL_PX * 1.5 {
        // Nowhere tall enough for the words: above the lines, with a pointer to the tallest place.
        let i = (0..samp.len()).fold(0, |m, i| if samp[i] - tru[i] > samp[m] - tru[m] { i } else { m });
        let x = (plot.px(c.edges[i]) + plot.px(c.edges[i + 1])) / 2.0;
        let y = plot.area.y0 + 34.0;
        let half = w / 2.0;
        let tx = x.clamp(plot.area.x0 + half, plot.area.x1 - half);
        s.line((x, y + 12.0), (x, plot.py((samp[i] + tru[i]) / 2.0)), BLACK, 2);
        s.label(Text { x: tx, y, text: text.into(), px: LABEL_PX, bold: true, ink: BLACK, anchor: Anchor::Middle });
        return;
    }
    let x = (plot.px(c.edges[i]) + plot.px(c.edges[i + reach])) / 2.0;
    let y = (y0 + y1) / 2.0 + 0.3 * LABEL_PX;
    s.label(Text { x, y, text: text.into(), px: LABEL_PX, bold: true, ink: BLACK, anchor: Anchor::Middle });
}

fn table(c: &Curve, clock: &Clock) -> String {
    let header = [if c.weekly { "hour_of_week" } else { "time" }, "allocated", "sampled", "true"];
    csv(
        &header,
        (0..c.truth.len()).map(|i| {
            let at = if c.weekly { num(c.edges[i]) } else { clock.iso(c.edges[i] as u64) };
            vec![at, num(c.allocated[i]), num(c.sampled[i]), num(c.truth[i])]
        }),
    )
}
