//! From the notice of a reclaim until the progress was safe, against how long the notice is.

use super::{Drawing, csv, num, share};
use crate::outcome::{Outcome, RunOutcome};
use crate::report::axes::{About, Plot, Scale, from_zero, page, plain};
use crate::report::scene::{Anchor, Area, Text, spread};
use crate::report::theme::{self, BLACK, LABEL_PX, VERMILION};
use crate::report::words;

/// The most workloads: those with the most notices.
const WORK: usize = 6;

/// (seconds, share of all notices to runs by then safe), rising; those that were not saved in time never count.
fn curve(r: &RunOutcome) -> Vec<(f64, f64)> {
    let all = (r.saves + r.saves_failed) as f64;
    let mut sum = 0;
    r.notice_to_safe
        .pairs()
        .into_iter()
        .map(|(ns, n)| {
            sum += n;
            (ns as f64 / 1e9, share(sum as f64, all))
        })
        .collect()
}

fn title(work: &[(&str, &RunOutcome)], notice: Option<u64>) -> String {
    let saves: u64 = work.iter().map(|w| w.1.saves).sum();
    let all: u64 = work.iter().map(|w| w.1.saves + w.1.saves_failed).sum();
    let mut h = crate::kernel::Histogram::new();
    work.iter().for_each(|w| h.merge(&w.1.notice_to_safe));
    let part = format!("{} of {} saves on notice were safe in time", words::count(saves), words::count(all));
    let Some(p90) = h.quantile(0.9) else { return part };
    match notice {
        Some(n) => format!("{part}; nine in ten within {} of the {} notice", words::length(p90), words::length(n)),
        None => format!("{part}; nine in ten within {}", words::length(p90)),
    }
}

/// Draws it; `None` where no run had a notice to save itself on.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let runs = o.work.iter().filter_map(|w| Some((w.name.as_str(), w.run.as_ref()?)));
    let mut work: Vec<(&str, &RunOutcome)> = runs.filter(|(_, r)| r.saves + r.saves_failed > 0).collect();
    if work.is_empty() {
        return None;
    }
    work.sort_by_key(|(_, r)| std::cmp::Reverse(r.saves + r.saves_failed));
    work.truncate(WORK);
    // Notices by their length, with the pools that have them.
    let mut notices: std::collections::BTreeMap<u64, Vec<String>> = std::collections::BTreeMap::new();
    for (pool, ns) in &about.notices {
        notices.entry(*ns).or_default().push(pool.clone());
    }
    let title = title(&work, notices.keys().next().copied());
    let note = "share of all saves that runs began, or could not begin, on notice; a curve that stays below 100 % lost the rest";
    let (mut s, body) = page(&title, note, about);
    let names: Vec<String> = work
        .iter()
        .map(|(n, r)| {
            let part = share(r.saves as f64, (r.saves + r.saves_failed) as f64);
            format!("{}: {} in time", words::shorten(n, 22), words::percent(part))
        })
        .collect();
    let right = names.iter().map(|n| theme::width(n, LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + 90.0, body.y0 + 96.0, body.x1 - right - 48.0, body.y1 - 76.0);
    let slowest = work.iter().filter_map(|w| w.1.notice_to_safe.max()).max().unwrap_or(0) as f64 / 1e9;
    let longest = notices.keys().last().map_or(0.0, |n| *n as f64 / 1e9);
    let (end, t, step) = from_zero(slowest.max(longest), 1.0, 8);
    let plot = Plot { area, x: Scale::Linear(0.0, end), y: Scale::Linear(0.0, 1.0) };
    let y: Vec<(f64, String)> = (0..=5).map(|i| (f64::from(i) * 0.2, format!("{} %", i * 20))).collect();
    plot.y_axis(&mut s, &y, "saves that are safe");
    plot.x_axis(&mut s, &plain(&t, step), "seconds since the notice");
    for (i, (ns, pools)) in notices.iter().rev().enumerate().take(4) {
        let x = plot.px(*ns as f64 / 1e9);
        let y = area.y0 - 52.0 + 30.0 * (i % 2) as f64;
        s.dashed(&[(x, y - 16.0), (x, area.y1)], VERMILION, 3, 12.0, 7.0);
        let of = if pools.len() > 2 { format!("{} pools", pools.len()) } else { words::list(pools) };
        let text = words::shorten(&format!("notice of {of}: {}", words::length(*ns)), 60);
        let t = Text { x: x - 12.0, y, text, px: LABEL_PX, bold: false, ink: BLACK, anchor: Anchor::End };
        let width = theme::width(&t.text, LABEL_PX, false);
        let t = if x - 12.0 - width < body.x0 { Text { x: x + 12.0, anchor: Anchor::Start, ..t } } else { t };
        s.label(t);
    }
    let mut want = Vec::new();
    for (i, (_, r)) in work.iter().enumerate() {
        let mut edges = vec![0.0];
        let mut values = vec![0.0];
        for (at, v) in curve(r) {
            edges.push(at);
            values.push(v);
        }
        edges.push(end);
        plot.steps(&mut s, &edges, &values, theme::pool(i), 4, false);
        want.push(plot.py(values.last().copied().unwrap_or(0.0)) + 0.36 * LABEL_PX);
    }
    let ys = spread(&want, LABEL_PX * 1.4, area.y0 + 10.0, area.y1);
    for (i, (name, y)) in names.into_iter().zip(ys).enumerate() {
        s.rect(Area::new(area.x1 + 12.0, y - 17.0, area.x1 + 22.0, y + 2.0), theme::pool(i));
        s.text(area.x1 + 32.0, y, name, LABEL_PX, BLACK, Anchor::Start);
    }
    let rows = work.iter().flat_map(|(n, r)| curve(r).into_iter().map(|(t, v)| vec![(*n).to_owned(), num(t), num(v)]));
    let table = csv(&["workload", "seconds_since_notice", "share_safe"], rows);
    Some(Drawing { name: "notice", title, scene: s, csv: table })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_saved_in_time_keeps_the_curve_below_one() {
        let mut r = RunOutcome { saves: 3, saves_failed: 1, ..RunOutcome::default() };
        [10u64, 10, 30].iter().for_each(|s| r.notice_to_safe.record(s * 1_000_000_000));
        let c = curve(&r);
        assert_eq!(c.len(), 2);
        assert!((c[0].1 - 0.5).abs() < 1e-12 && (c[1].1 - 0.75).abs() < 1e-12);
        let text = title(&[("a", &r)], Some(120_000_000_000));
        assert!(
            text.starts_with("3 of 4 saves on notice were safe in time; nine in ten within 30 s of the 2 min"),
            "{text}"
        );
    }
}
