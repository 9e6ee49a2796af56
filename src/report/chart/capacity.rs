//! Demand against capacity by GPU type: where there is too little, and where too much.

use super::{Drawing, add, bucket_hours, csv, edges, integral, num, share, thin};
use crate::outcome::Outcome;
use crate::report::axes::{About, Plot, Scale, Swatch, from_zero, key, page, plain};
use crate::report::clock::Clock;
use crate::report::scene::{Anchor, Area, Scene};
use crate::report::theme::{self, BLACK, GREY, HEAD_PX, LABEL_PX, PALE, VERMILION};
use crate::report::words;
use crate::units::Usd;

/// The most panels; further devices are named in the note.
const PANELS: usize = 6;

/// A GPU type's series, summed over its pools: time averages in GPUs.
struct Device {
    name: String,
    requested: Vec<f64>,
    provisioned: Vec<f64>,
    allocated: Vec<f64>,
    busy: Vec<f64>,
    /// Share of the window in which more is asked for than there is.
    short: f64,
    /// Share of the billed time that no job holds.
    idle: f64,
    /// The most that was missing.
    worst: f64,
    hours: f64,
    usd: Usd,
}

fn devices(o: &Outcome) -> Vec<Device> {
    let mut out: Vec<Device> = Vec::new();
    for (p, series) in o.pools.iter().zip(&o.series.pools).filter(|(p, _)| p.unit == "gpu") {
        let i = out.iter().position(|d| d.name == p.device).unwrap_or_else(|| {
            out.push(Device {
                name: p.device.clone(),
                requested: vec![],
                provisioned: vec![],
                allocated: vec![],
                busy: vec![],
                short: 0.0,
                idle: 0.0,
                worst: 0.0,
                hours: 0.0,
                usd: Usd::ZERO,
            });
            out.len() - 1
        });
        let d = &mut out[i];
        d.usd += p.bill.0;
        add(&mut d.requested, &series.requested);
        add(&mut d.provisioned, &series.provisioned);
        add(&mut d.allocated, &series.allocated);
        add(&mut d.busy, &series.busy);
    }
    let hours = bucket_hours(o);
    let total: f64 = hours.iter().sum();
    for d in &mut out {
        for ((r, p), h) in d.requested.iter().zip(&d.provisioned).zip(&hours) {
            // Half a percent: a time average that touches its ceiling is not a shortage.
            if *r > p * 1.005 + 1e-9 {
                d.short += h / total;
                d.worst = d.worst.max(r - p);
            }
        }
        d.hours = integral(&d.provisioned, &hours);
        d.idle = 1.0 - share(integral(&d.allocated, &hours), d.hours).min(1.0);
        if d.hours <= 0.0 {
            d.idle = 0.0;
        }
    }
    out.sort_by_key(|d| std::cmp::Reverse(d.usd));
    out
}

fn title(devices: &[Device]) -> String {
    let most = |f: fn(&Device) -> f64| devices.iter().reduce(|a, b| if f(b) > f(a) { b } else { a });
    let (Some(short), Some(idle)) = (most(|d| d.short), most(|d| d.idle * d.hours)) else {
        return String::new();
    };
    let idles = |d: &Device| format!("{} of its GPU time", words::percent(d.idle));
    if short.short < 0.005 {
        return format!("Capacity covers demand throughout; {} stands idle for {}", idle.name, idles(idle));
    }
    let head = format!("{} is short of GPUs {} of the time", short.name, words::percent(short.short));
    if short.name == idle.name {
        format!("{head}, yet idle for {}", idles(idle))
    } else {
        format!("{head}, while {} stands idle for {}", idle.name, idles(idle))
    }
}

/// Draws it; `None` without GPUs or series.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let devices = devices(o);
    if devices.is_empty() || o.series.buckets == 0 {
        return None;
    }
    let title = title(&devices);
    let (shown, rest) = devices.split_at(devices.len().min(PANELS));
    let mut note = "time averages; asked for = held by jobs plus wanted by jobs that wait".to_owned();
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().map(|d| d.name.clone()).collect();
        note = format!("not shown, cheaper: {}; {note}", words::list(&names));
    }
    let (mut s, body) = page(&title, &note, about);
    let hues = [0, 1, 2].map(|i| theme::device(o, &shown[i.min(shown.len() - 1)].name));
    let entries = [
        (Swatch::Many(hues), "at work"),
        (Swatch::Many(hues.map(|h| h.tint(0.45))), "held by jobs, not at work"),
        (Swatch::Fill(PALE), "idle"),
        (Swatch::Hatch(VERMILION.tint(0.35), VERMILION), "shortage"),
        (Swatch::Dash(VERMILION, 3), "asked for"),
        (Swatch::Line(BLACK, 3), "billed"),
    ];
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let columns = if shown.len() > 3 { 2 } else { 1 };
    let rows = shown.len().div_ceil(columns);
    let gap = 110.0;
    let w = (body.w() - gap * (columns - 1) as f64) / columns as f64;
    let h = (body.y1 - top) / rows as f64;
    let clock = Clock::of(o);
    for (i, d) in shown.iter().enumerate() {
        let x0 = body.x0 + (i % columns) as f64 * (w + gap);
        let y0 = top + (i / columns) as f64 * h;
        panel(&mut s, Area::new(x0, y0, x0 + w, y0 + h), o, d, &clock, rows);
    }
    Some(Drawing { name: "capacity", title, scene: s, csv: table(o, &devices, &clock) })
}

fn panel(s: &mut Scene, a: Area, o: &Outcome, d: &Device, clock: &Clock, rows: usize) {
    let (k, requested) = thin(&d.requested, 480);
    let [provisioned, allocated, busy] = [&d.provisioned, &d.allocated, &d.busy].map(|v| thin(v, 480).1);
    let max = requested.iter().chain(&provisioned).copied().fold(0.0, f64::max);
    let (top, t, step) = from_zero(max, 1.0, if rows > 2 { 3 } else { 5 });
    let t = plain(&t, step);
    // The same margin in every panel, so that times stand above one another; the ticks are right-aligned in it.
    let left = 96.0;
    let area = Area::new(a.x0 + left, a.y0 + 44.0, a.x1 - 20.0, a.y1 - 48.0);
    let plot = Plot { area, x: Scale::Linear(0.0, o.horizon_ns as f64), y: Scale::Linear(0.0, top) };
    let e = edges(o, k, requested.len());
    let hue = theme::device(o, &d.name);

    plot.y_axis(s, &t, "");
    s.text(area.x0 - 12.0, a.y0 + 22.0, "GPUs", theme::TICK_PX, GREY, Anchor::End);
    plot.time_axis(s, clock, o.horizon_ns);
    let zero = vec![0.0; busy.len()];
    for (low, high, ink) in [(&allocated, &provisioned, PALE), (&busy, &allocated, hue.tint(0.45)), (&zero, &busy, hue)]
    {
        for c in plot.columns(&e, low, high) {
            s.rect(c, ink);
        }
    }
    let short = plot.columns(&e, &provisioned, &requested);
    for c in &short {
        s.rect(*c, VERMILION.tint(0.35));
    }
    s.hatch_all(&short, VERMILION, 8.0);
    plot.steps(s, &e, &requested, VERMILION, 2, true);
    plot.steps(s, &e, &provisioned, BLACK, 3, false);

    let mut text = format!("{} idle", words::percent(d.idle));
    if d.short >= 0.0005 {
        let n = words::number(d.worst, usize::from(d.worst < 9.5));
        text = format!("{text} · short {} of the window, by up to {n} GPUs", words::percent(d.short));
    }
    let name = x_after(s, a.x0 + left, a.y0 + 22.0, &d.name);
    let text = theme::fit(&text, LABEL_PX, false, a.x1 - name - 24.0);
    s.text(name + 24.0, a.y0 + 22.0, text, LABEL_PX, GREY, Anchor::Start);
}

/// Sets a bold heading and returns where it ends.
fn x_after(s: &mut Scene, x: f64, y: f64, text: &str) -> f64 {
    s.bold(x, y, text, HEAD_PX, BLACK, Anchor::Start);
    x + theme::width(text, HEAD_PX, true)
}

fn table(o: &Outcome, devices: &[Device], clock: &Clock) -> String {
    let rows = devices.iter().flat_map(|d| {
        (0..d.requested.len()).map(|i| {
            vec![
                clock.iso(i as u64 * o.series.bucket_ns),
                d.name.clone(),
                num(d.requested[i]),
                num(d.provisioned[i]),
                num(d.allocated[i]),
                num(d.busy[i]),
            ]
        })
    });
    csv(&["time", "device", "requested_gpus", "provisioned_gpus", "allocated_gpus", "busy_gpus"], rows)
}
