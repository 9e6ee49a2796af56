//! A comparison: how far each figure moved, with its interval, and why the bill did.

use super::{Drawing, csv, num};
use crate::experiment::compare::{Change, Comparison, Part, Verdict};
use crate::report::axes::{About, Plot, Scale, page, plain, ticks};
use crate::report::compare::wording as say;
use crate::report::scene::{Anchor, Area, Scene, Shape, Text};
use crate::report::theme::{self, BLACK, BLUE, GREEN, GREY, Ink, LABEL_PX, MID, SLATE, TICK_PX, VERMILION};
use crate::units::Usd;

/// The most rows of a chart.
const ROWS: usize = 16;
/// The widest name, pixels.
const NAME: f64 = 520.0;

/// Figures that matter, as rows: those that strangers ask for, and those told apart that no split shows; at most `most`.
#[must_use]
pub fn shown(c: &Comparison, most: usize) -> Vec<&Change> {
    let told = |m: &Change| !matches!(m.verdict, Verdict::Same | Verdict::NotTold);
    let keep =
        |m: &&Change| m.percent.is_some() && (say::is_key(&m.name) || (told(m) && !say::is_told_elsewhere(&m.name)));
    let mut list: Vec<&Change> = c.metrics.iter().filter(keep).collect();
    if list.len() > most {
        // Those of which something is told stay.
        list.sort_by_key(|m| !told(m));
        list.truncate(most);
    }
    list
}

/// What the chart of figures says.
#[must_use]
pub fn title(c: &Comparison, list: &[&Change]) -> String {
    let of = |v: Verdict| list.iter().filter(|m| m.verdict == v).count();
    format!(
        "{}: of {} figures that matter {} are better and {} worse",
        c.candidate,
        list.len(),
        of(Verdict::Better),
        of(Verdict::Worse)
    )
}

/// What a split says.
#[must_use]
pub fn title_of_split(c: &Comparison, parts: &[Part], of: &str) -> String {
    let (n, total) = (c.why.replications, c.why.total.change.0);
    match parts.first().filter(|p| p.change.0.0 != 0) {
        Some(p) => format!(
            "{}: by {of}, {} does most, {} of {} USD a run",
            c.candidate,
            p.name,
            say::signed_dollars(p.change.0, n),
            say::signed_dollars(total, n)
        ),
        None => format!("{}: by {of}, nothing changed", c.candidate),
    }
}

/// The parts of a difference, the largest first; small ones as one, so that they still add up.
#[must_use]
pub fn steps(parts: &[Part], most: usize) -> Vec<(String, Usd)> {
    let changed: Vec<&Part> = parts.iter().filter(|p| p.change.0.0 != 0).collect();
    let cut = if changed.len() > most { most - 1 } else { changed.len() };
    let mut out: Vec<(String, Usd)> = changed[..cut].iter().map(|p| (p.name.clone(), p.change.0)).collect();
    if changed.len() > cut {
        let rest = changed[cut..].iter().map(|p| p.change.0).sum();
        out.push((format!("{} smaller differences", changed.len() - cut), rest));
    }
    out
}

/// The drawings of a comparison, each with the name of its file.
#[must_use]
pub fn drawings(c: &Comparison, base: &str, about: &About) -> Vec<(String, Drawing)> {
    let w = &c.why;
    let mut out = vec![("why".to_owned(), split(c, base, &w.by_activity, "what it was for", about))];
    for (name, parts, of) in [("why-pool", &w.by_pool, "pool"), ("why-workload", &w.by_workload, "workload")] {
        if parts.len() > 1 {
            out.push((name.to_owned(), split(c, base, parts, of, about)));
        }
    }
    out.extend(figures(c, base, about).map(|d| ("changes".to_owned(), d)));
    out
}

fn label(s: &mut Scene, (x, y): (f64, f64), text: &str, bold: bool, anchor: Anchor) {
    let text = text.to_owned();
    s.put(Text { x, y: y + 0.36 * LABEL_PX, text, px: LABEL_PX, bold, ink: BLACK, anchor });
}

/// The difference of the bill as steps from nothing to the whole.
fn split(c: &Comparison, base: &str, parts: &[Part], of: &str, about: &About) -> Drawing {
    let n = c.why.replications;
    let title = title_of_split(c, parts, of);
    let note = "each bar begins where the one above ends; together they are the change of the bill, exactly";
    let (mut s, body) = page(&title, note, about);
    let usd = |u: Usd| u.to_f64() / f64::from(n.max(1));
    let mut at = 0.0;
    let mut rows: Vec<(String, f64, f64, String, Ink)> = Vec::new();
    for (name, change) in steps(parts, 11) {
        let v = usd(change);
        let ink = if v < 0.0 { GREEN } else { VERMILION };
        rows.push((name, at, at + v, format!("{} USD", say::signed_dollars(change, n)), ink));
        at += v;
    }
    let total = c.why.total.change.0;
    rows.push(("the bill".to_owned(), 0.0, usd(total), format!("{} USD", say::signed_dollars(total, n)), SLATE));
    let name = |t: &str| theme::fit(t, LABEL_PX, true, NAME);
    let left = rows.iter().map(|r| theme::width(&name(&r.0), LABEL_PX, true)).fold(0.0, f64::max) + 24.0;
    let beside = rows.iter().map(|r| theme::width(&r.3, LABEL_PX, true)).fold(0.0, f64::max) + 24.0;
    let (lo, hi) = rows.iter().flat_map(|r| [r.1, r.2]).fold((0.0_f64, 0.0_f64), |a, v| (a.0.min(v), a.1.max(v)));
    let hi = if hi > lo { hi } else { lo + 1.0 };
    // Room for what stands beside the outermost bars.
    let (l, r) = (if lo < 0.0 { beside } else { 0.0 }, beside);
    let area = Area::new(body.x0 + left + l, body.y0 + 20.0, body.x1 - r, body.y1 - 72.0);
    let plot = Plot { area, x: Scale::Linear(lo, hi), y: Scale::Linear(0.0, 1.0) };
    let (t, step) = ticks(lo, hi, 6);
    plot.x_axis(&mut s, &plain(&t, step), &format!("USD a run against {}", theme::fit(base, TICK_PX, false, 600.0)));
    let zero = plot.px(0.0);
    s.line((zero, area.y0), (zero, area.y1), GREY, 2);
    let pitch = (area.h() / rows.len() as f64).min(84.0);
    let thick = (pitch * 0.6).min(48.0);
    for (i, (what, from, to, said, ink)) in rows.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let (a, b) = (plot.px(from.min(*to)), plot.px(from.max(*to)).max(plot.px(from.min(*to)) + 2.0));
        let bold = i + 1 == rows.len();
        s.rect(Area::new(a, y - thick / 2.0, b, y + thick / 2.0), *ink);
        if i + 2 < rows.len() {
            let x = plot.px(*to);
            s.line((x, y + thick / 2.0), (x, y + pitch - thick / 2.0), MID, 1);
        }
        label(&mut s, (body.x0 + left - 18.0, y), &name(what), bold, Anchor::End);
        if to < from {
            label(&mut s, (a - 12.0, y), said, bold, Anchor::End);
        } else {
            label(&mut s, (b + 12.0, y), said, bold, Anchor::Start);
        }
    }
    let rows =
        parts.iter().map(|p| vec![p.name.clone(), num(usd(p.base.0)), num(usd(p.candidate.0)), num(usd(p.change.0))]);
    let all = rows.chain([vec![
        "the bill".to_owned(),
        num(usd(c.why.total.base.0)),
        num(usd(c.why.total.candidate.0)),
        num(usd(total)),
    ]]);
    Drawing { name: "why", title, scene: s, csv: csv(&["part", "base_usd", "candidate_usd", "change_usd"], all) }
}

/// Changes in percent of the base with their intervals.
fn figures(c: &Comparison, base: &str, about: &About) -> Option<Drawing> {
    let list = shown(c, ROWS);
    let reach = |m: &&Change| {
        let p = m.percent?;
        Some(p.mean.abs().max(p.low.unwrap_or(0.0).abs()).max(p.high.unwrap_or(0.0).abs()))
    };
    let mut sizes: Vec<f64> = list.iter().filter_map(reach).collect();
    sizes.sort_by(f64::total_cmp);
    // Four times the median: one figure that doubles does not hide the others.
    let most = sizes.last()?.min((4.0 * sizes[sizes.len() / 2]).max(1e-9)).max(1e-9);
    let title = title(c, &list);
    let note = "95 % intervals over pairs under the same luck; an arrow: beyond the border; green better, red worse, grey not told";
    let (mut s, body) = page(&title, note, about);
    let said = |m: &Change| format!("{} % · {}", say::change(m.percent), m.verdict.title());
    let name = |t: &str| theme::fit(t, LABEL_PX, false, NAME);
    let left = list.iter().map(|m| theme::width(&name(&m.name), LABEL_PX, false)).fold(0.0, f64::max) + 24.0;
    let right = list.iter().map(|m| theme::width(&said(m), LABEL_PX, false)).fold(0.0, f64::max) + 30.0;
    let area = Area::new(body.x0 + left, body.y0 + 20.0, body.x1 - right, body.y1 - 72.0);
    let plot = Plot { area, x: Scale::Linear(-most, most), y: Scale::Linear(0.0, 1.0) };
    let (t, step) = ticks(-most, most, 6);
    plot.x_axis(&mut s, &plain(&t, step), &format!("% of {}", theme::fit(base, TICK_PX, false, 600.0)));
    s.line((plot.px(0.0), area.y0), (plot.px(0.0), area.y1), GREY, 2);
    let pitch = (area.h() / list.len() as f64).min(64.0);
    for (i, m) in list.iter().enumerate() {
        let Some(p) = m.percent else { continue };
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let ink = match m.verdict {
            Verdict::Better => GREEN,
            Verdict::Worse => VERMILION,
            Verdict::Higher | Verdict::Lower => BLUE,
            Verdict::Same | Verdict::NotTold => MID,
        };
        if let (Some(a), Some(b)) = (p.low, p.high) {
            s.line((plot.px(a), y), (plot.px(b), y), ink, 5);
        }
        if p.mean.abs() > most {
            let (x, d) = if p.mean > 0.0 { (area.x1, -16.0) } else { (area.x0, 16.0) };
            s.shapes.push(Shape::Polygon(vec![(x, y), (x + d, y - 10.0), (x + d, y + 10.0)], ink));
        } else {
            s.shapes.push(Shape::Disc((plot.px(p.mean), y), 9.0, ink));
        }
        label(&mut s, (area.x0 - 18.0, y), &name(&m.name), false, Anchor::End);
        label(&mut s, (area.x1 + 24.0, y), &said(m), false, Anchor::Start);
    }
    let table = csv(
        &["figure", "percent", "low", "high", "verdict"],
        list.iter().map(|m| {
            let p = m.percent;
            let of = |v: Option<f64>| v.map_or_else(String::new, num);
            vec![
                m.name.clone(),
                of(p.map(|p| p.mean)),
                of(p.and_then(|p| p.low)),
                of(p.and_then(|p| p.high)),
                m.verdict.title().to_owned(),
            ]
        }),
    );
    Some(Drawing { name: "changes", title, scene: s, csv: table })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::compare::{One, Sample};
    use crate::experiment::fixture::v7;
    use crate::experiment::{Control, replicate};
    use crate::scenario::model::Model;

    #[test]
    fn no_text_meets_another_and_steps_add_up_to_the_change() {
        let sample = |m: &Model| Sample::of(m, 5, &replicate(m, 5, 0..6, Control::default(), |_, o| One::of(o)));
        let (a, b) = (sample(&v7(10.0)), sample(&v7(45.0)));
        let long = "pools.the-pool-with-the-long-name.nodes=4 pools.the-other-pool.buy=OnDemand queue=SkipAhead";
        for (base, candidate, name) in [(&a, &b, "seldom.ron"), (&b, &a, long), (&a, &a, "the same")] {
            let c = Comparison::of(name, base, candidate, &[], false);
            for (file, d) in drawings(&c, "often.ron", &About::default()) {
                assert_eq!(d.scene.faults(), Vec::<String>::new(), "{file} of {name}");
                assert!(!d.title.is_empty() && d.csv.lines().count() > 1, "{file} of {name}");
            }
            for most in [1, 2, 11] {
                let sum: Usd = steps(&c.why.by_pool_and_activity, most).iter().map(|s| s.1).sum();
                assert_eq!(sum, c.why.total.change.0);
            }
        }
    }
}
