//! Who waits: for each band of gang sizes how long its jobs wait, with the targets that workloads promise.

use super::{Drawing, csv, share, wait_ns};
use crate::outcome::{Outcome, WaitClass, WaitTarget};
use crate::report::axes::{About, Plot, Scale, Swatch, key, log_time, page};
use crate::report::scene::{Anchor, Area, Scene, Text};
use crate::report::theme::{self, BLACK, GREY, HEAD_PX, LABEL_PX, SLATE, VERMILION};
use crate::report::words;

fn secs(c: &WaitClass, q: f64) -> f64 {
    wait_ns(&c.waits, q) as f64 / 1e9
}

fn name(c: &WaitClass) -> String {
    match c.name.as_str() {
        "CPU" => "CPU only".into(),
        "share" => "share of a GPU".into(),
        "1" => "1 GPU".into(),
        n => format!("{n} GPUs"),
    }
}

fn title(o: &Outcome, classes: &[&WaitClass]) -> String {
    let all = o.all_waits();
    let worst = classes.iter().filter(|c| c.waits.count() > 0).max_by(|a, b| secs(a, 0.9).total_cmp(&secs(b, 0.9)));
    let stuck: u64 = classes.iter().map(|c| c.still_waiting).sum();
    let Some(worst) = worst else {
        return format!("No job started in the window; {} wait", words::count(stuck));
    };
    let p90 = wait_ns(&all, 0.9);
    let mut text = if p90 < 1_000_000_000 {
        "Nine jobs in ten start within a second".to_owned()
    } else {
        format!("Nine jobs in ten start within {}", words::length(p90))
    };
    let w = wait_ns(&worst.waits, 0.9);
    if classes.len() > 1 && w > p90 {
        text = format!("{text}; with {} it takes {}", name(worst), words::length(w));
    }
    let missed: Vec<String> = o
        .work
        .iter()
        .filter(|w| w.wait_target.is_some_and(|t| t.of > 0 && share(t.met as f64, t.of as f64) < t.share))
        .map(|w| w.name.clone())
        .collect();
    match missed.len() {
        0 => text,
        1 => format!("{text}; {} misses its target", missed[0]),
        n => format!("{text}; {n} workloads miss their targets"),
    }
}

/// The most targets drawn.
const TARGETS: usize = 4;

/// How far a target is kept; below 0 it is missed.
fn margin(t: &WaitTarget) -> f64 {
    if t.of == 0 { 0.0 } else { share(t.met as f64, t.of as f64) - t.share }
}

/// Draws it; `None` when no job came.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let classes: Vec<&WaitClass> = o.waits.iter().filter(|c| c.waits.count() + c.still_waiting > 0).collect();
    if classes.is_empty() {
        return None;
    }
    let title = title(o, &classes);
    let mut targets: Vec<_> = o.work.iter().filter_map(|w| w.wait_target.map(|t| (w.name.as_str(), t))).collect();
    // Those furthest below what they promise.
    targets.sort_by(|a, b| margin(&a.1).total_cmp(&margin(&b.1)));
    let left_out = targets.len().saturating_sub(TARGETS);
    targets.truncate(TARGETS);
    let mut note = "from arrival to first start; jobs still waiting are counted at the right".to_owned();
    if left_out > 0 {
        note = format!("{note}; {left_out} more targets are not shown");
    }
    let (mut s, body) = page(&title, &note, about);
    targets.sort_by_key(|(_, t)| t.within_ns);

    let mut entries =
        vec![(Swatch::Fill(SLATE), "median to 90th percentile"), (Swatch::Line(SLATE, 4), "to 99th percentile")];
    if !targets.is_empty() {
        entries.push((Swatch::Dash(VERMILION, 3), "target"));
    }
    let mut top = key(&mut s, &body, body.y0 + 16.0, &entries);

    let texts: Vec<String> = classes.iter().map(|c| beside(c)).collect();
    let right = texts.iter().map(|t| theme::width(t, LABEL_PX, false)).fold(0.0, f64::max);
    let left = classes.iter().map(|c| theme::width(&name(c), HEAD_PX, true)).fold(0.0, f64::max);
    top += 40.0 * targets.len() as f64 + 6.0;
    let area = Area::new(body.x0 + left + 28.0, top, body.x1 - right - 40.0, body.y1 - 70.0);
    let most = classes.iter().map(|c| secs(c, 0.99)).fold(0.0, f64::max);
    let most = targets.iter().map(|t| t.1.within_ns as f64 / 1e9).fold(most, f64::max);
    let hi = [60.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0, 2_592_000.0]
        .into_iter()
        .find(|h| *h >= most)
        .unwrap_or(most * 1.1);
    let plot = Plot { area, x: Scale::Log(1.0, hi), y: Scale::Linear(0.0, 1.0) };
    let mut t = log_time(1.0, hi);
    if let Some(first) = t.first_mut() {
        first.1 = "≤ 1 s".into();
    }
    plot.x_axis(&mut s, &t, "time waited (each step a factor)");

    let pitch = (area.h() / classes.len() as f64).min(120.0);
    for (i, c) in classes.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        row(&mut s, &plot, c, y, (pitch * 0.46).min(40.0));
        s.bold(area.x0 - 20.0, y + 9.0, name(c), HEAD_PX, BLACK, Anchor::End);
        s.text(area.x1 + 32.0, y + 8.0, texts[i].clone(), LABEL_PX, GREY, Anchor::Start);
    }
    for (i, (work, t)) in targets.iter().enumerate() {
        let x = plot.px(t.within_ns as f64 / 1e9);
        let y = area.y0 - 40.0 * (targets.len() - i) as f64 + 24.0;
        s.dashed(&[(x, y - 18.0), (x, area.y1)], VERMILION, 3, 10.0, 6.0);
        let met = share(t.met as f64, t.of as f64);
        let verdict = if t.of == 0 {
            "no jobs".to_owned()
        } else {
            let verb = if met >= t.share { "met" } else { "missed" };
            format!("{verb}: {}", words::percent(met))
        };
        let work = words::shorten(work, 28);
        let text = format!("{work}: {} within {}, {verdict}", words::percent(t.share), words::length(t.within_ns));
        let w = theme::width(&text, LABEL_PX, false);
        let (x, anchor) = if x + 14.0 + w <= body.x1 { (x + 14.0, Anchor::Start) } else { (x - 14.0, Anchor::End) };
        s.label(Text { x, y, text, px: LABEL_PX, bold: false, ink: BLACK, anchor });
    }
    Some(Drawing { name: "waits", title, scene: s, csv: table(o) })
}

fn beside(c: &WaitClass) -> String {
    let waiting = match c.still_waiting {
        0 => String::new(),
        n => format!(", {} waiting", words::count(n)),
    };
    if c.waits.count() == 0 {
        return format!("none started{waiting}");
    }
    let jobs = c.waits.count();
    format!(
        "p90 {} · {} {}{waiting}",
        words::length(wait_ns(&c.waits, 0.9)),
        words::count(jobs),
        if jobs == 1 { "job" } else { "jobs" }
    )
}

fn row(s: &mut Scene, plot: &Plot, c: &WaitClass, y: f64, thick: f64) {
    if c.waits.count() == 0 {
        return;
    }
    let [x50, x90, x99] = [0.5, 0.9, 0.99].map(|q| plot.px(secs(c, q)));
    s.rect(Area::new(x90, y - 2.0, x99, y + 2.0), SLATE);
    s.rect(Area::new(x99 - 2.0, y - thick / 4.0, x99 + 2.0, y + thick / 4.0), SLATE);
    // A class that never waits is a mark at the left edge, not nothing.
    s.rect(Area::new(x50, y - thick / 2.0, x90.max(x50 + 8.0), y + thick / 2.0), SLATE);
}

fn table(o: &Outcome) -> String {
    let rows = o.waits.iter().map(|c| {
        let q = |q: f64| if c.waits.count() == 0 { String::new() } else { super::num(secs(c, q)) };
        vec![
            c.name.clone(),
            c.waits.count().to_string(),
            c.still_waiting.to_string(),
            q(0.5),
            q(0.9),
            q(0.99),
            c.waits.max().map_or_else(String::new, |m| super::num(m as f64 / 1e9)),
        ]
    });
    csv(&["gang_size", "started", "still_waiting", "p50_s", "p90_s", "p99_s", "max_s"], rows)
}
