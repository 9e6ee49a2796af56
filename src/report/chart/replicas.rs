//! Replicas against demand over time: how many were asked for, took requests and were starting.

use super::service::{Shown, every, panel, shown};
use super::{Drawing, add, bucket_hours, csv, edges, integral, num, share, thin};
use crate::outcome::Outcome;
use crate::report::axes::{About, Scale, Swatch, from_zero, key, page, plain};
use crate::report::clock::Clock;
use crate::report::scene::{Anchor, Area, Scene};
use crate::report::theme::{BLACK, BLUE, GREY, ORANGE, SKY, TICK_PX, VERMILION};
use crate::report::words;

/// The most services beneath one another.
const SERVICES: usize = 3;
/// The most steps across a panel.
const STEPS: usize = 360;

/// A service's replicas, summed over its deployments: time averages by bucket.
struct Replicas {
    desired: Vec<f64>,
    ready: Vec<f64>,
    starting: Vec<f64>,
    busy: Vec<f64>,
}

fn replicas(s: &Shown) -> Replicas {
    let mut r = Replicas { desired: vec![], ready: vec![], starting: vec![], busy: vec![] };
    for d in &s.service.series.deployments {
        add(&mut r.desired, &d.desired);
        add(&mut r.ready, &d.ready);
        add(&mut r.starting, &d.starting);
        add(&mut r.busy, &d.busy);
    }
    r
}

/// Share of replica time ready in which no step was in progress, and of the replica time asked for that was not ready.
fn idle_and_short(r: &Replicas, hours: &[f64]) -> (f64, f64) {
    let ready = integral(&r.ready, hours);
    let idle = if ready > 0.0 { 1.0 - share(integral(&r.busy, hours), ready).min(1.0) } else { 0.0 };
    let short: Vec<f64> = r.desired.iter().zip(&r.ready).map(|(d, r)| (d - r).max(0.0)).collect();
    (idle, share(integral(&short, hours), integral(&r.desired, hours)))
}

fn title(o: &Outcome, services: &[Shown]) -> String {
    let hours = bucket_hours(o);
    let of = |s: &Shown| (words::shorten(&s.work.name, 28), idle_and_short(&replicas(s), &hours));
    let all: Vec<(String, (f64, f64))> = services.iter().map(of).collect();
    let most = |f: fn(&(f64, f64)) -> f64| all.iter().reduce(|a, b| if f(&b.1) > f(&a.1) { b } else { a });
    let (Some(idle), Some(short)) = (most(|v| v.0), most(|v| v.1)) else { return String::new() };
    let stood = format!("idle {} of the time", words::attained(idle.1.0));
    if short.1.1 < 0.005 {
        return format!("{} has the replicas that it asks for; they are {stood}", idle.0);
    }
    let head = format!("{} of the replicas that {} asks for are not ready", words::percent(short.1.1), short.0);
    let who =
        if std::ptr::eq(short, idle) { "those that are ready".to_owned() } else { format!("those of {}", idle.0) };
    format!("{head}; {who} are {stood}")
}

/// Draws it; `None` without services.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let (services, rest) = shown(o, SERVICES, |s| !s.series.deployments.is_empty());
    if services.is_empty() || o.series.buckets == 0 {
        return None;
    }
    let title = title(o, &services);
    let note =
        format!("{rest}time averages, all deployments; demand = requests on replicas, held or between two tries");
    let (mut s, body) = page(&title, &note, about);
    let entries = [
        (Swatch::Fill(BLUE.tint(0.6)), "a step in progress"),
        (Swatch::Fill(SKY.tint(0.3)), "ready, idle"),
        (Swatch::Hatch(ORANGE.tint(0.35), ORANGE), "starting"),
        (Swatch::Dash(VERMILION, 3), "asked for"),
        (Swatch::Line(BLACK, 3), "demand (right axis)"),
    ];
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let h = (body.y1 - top) / services.len() as f64;
    for (i, v) in services.iter().enumerate() {
        let y0 = top + i as f64 * h;
        one(&mut s, o, v, Area::new(body.x0, y0, body.x1, y0 + h));
    }
    Some(Drawing { name: "replicas", title, scene: s, csv: table(o) })
}

fn one(s: &mut Scene, o: &Outcome, v: &Shown, a: Area) {
    let r = replicas(v);
    let (k, desired) = thin(&r.desired, STEPS);
    let [ready, starting, busy] = [&r.ready, &r.starting, &r.busy].map(|v| thin(v, STEPS).1);
    let busy: Vec<f64> = busy.iter().zip(&ready).map(|(b, r)| b.min(*r)).collect();
    let there: Vec<f64> = ready.iter().zip(&starting).map(|(r, s)| r + s).collect();
    let demand = thin(&v.service.series.in_system, STEPS).1;
    let n = if a.h() > 500.0 { 5 } else { 3 };
    let (top, t, step) = from_zero(desired.iter().chain(&there).copied().fold(0.0, f64::max), 1.0, n);
    let (most, d, gap) = from_zero(demand.iter().copied().fold(0.0, f64::max), 1.0, n);
    let cold: u64 = v.service.deployments.iter().map(|d| d.started).sum();
    let mean: f64 = v.service.deployments.iter().map(|d| d.ready_mean).sum();
    let (idle, _) = idle_and_short(&r, &bucket_hours(o));
    let fact = format!(
        "replicas; {} ready on average, {} idle, {} cold {}",
        words::number(mean, 1),
        words::attained(idle),
        words::count(cold),
        if cold == 1 { "start" } else { "starts" }
    );
    let inner = Area::new(a.x0, a.y0, a.x1 - 90.0, a.y1);
    let name = words::shorten(&v.work.name, 28);
    let plot = panel(s, o, inner, Scale::Linear(0.0, top), &plain(&t, step), (&name, &fact));
    let e = edges(o, k, desired.len());
    let zero = vec![0.0; busy.len()];
    for (low, high, ink) in
        [(&zero, &busy, BLUE.tint(0.6)), (&busy, &ready, SKY.tint(0.3)), (&ready, &there, ORANGE.tint(0.35))]
    {
        for c in plot.columns(&e, low, high) {
            s.rect(c, ink);
        }
    }
    s.hatch_all(&plot.columns(&e, &ready, &there), ORANGE, 8.0);
    plot.steps(s, &e, &desired, VERMILION, 3, true);
    let right = crate::report::axes::Plot { y: Scale::Linear(0.0, most), ..plot };
    right.steps(s, &edges(o, k, demand.len()), &demand, BLACK, 3, false);
    for (v, text) in plain(&d, gap) {
        s.text(plot.area.x1 + 12.0, right.py(v) + 0.36 * TICK_PX, text, TICK_PX, GREY, Anchor::Start);
    }
    s.text(a.x1, a.y0 + 22.0, "requests", TICK_PX, GREY, Anchor::End);
    plot.base(s);
}

fn table(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let header = ["time", "service", "desired", "ready", "starting", "busy", "requests_in_system"];
    let rows = every(o).flat_map(|s| {
        let r = replicas(&s);
        let clock = &clock;
        (0..r.ready.len()).map(move |i| {
            let at = |v: &[f64]| v.get(i).copied().map_or_else(String::new, num);
            let mut row = vec![clock.iso(i as u64 * o.series.bucket_ns), s.work.name.clone()];
            row.extend([&r.desired, &r.ready, &r.starting, &r.busy, &s.service.series.in_system].map(|v| at(v)));
            row
        })
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_short_and_what_idles_are_replica_hours() {
        let r = Replicas {
            desired: vec![2.0, 4.0, 1.0],
            ready: vec![2.0, 1.0, 2.0],
            starting: vec![0.0, 3.0, 0.0],
            busy: vec![1.0, 1.0, 0.0],
        };
        // The last bucket is half an hour. Asked for 6.5 replica-hours, of which 3 were missing; ready 4, busy 2.
        let (idle, short) = idle_and_short(&r, &[1.0, 1.0, 0.5]);
        assert!((idle - 0.5).abs() < 1e-12 && (short - 3.0 / 6.5).abs() < 1e-12, "{idle} {short}");
    }

    #[test]
    fn the_table_sums_deployments() {
        let o = sample::services::outcome();
        let text = table(&o);
        assert_eq!(text.lines().count(), 1 + 2 * 36);
        let d = &o.work[0].service.as_ref().unwrap().series.deployments;
        let row = text.lines().nth(30).unwrap();
        let ready: f64 = row.split(',').nth(3).unwrap().parse().unwrap();
        assert!((ready - (d[0].ready[29] + d[1].ready[29])).abs() < 1e-12, "{row}");
        assert!(d[1].ready[29] > 0.0, "the rollout is on its way");
    }
}
