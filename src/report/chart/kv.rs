//! Memory of keys and values, and the queues before the engines, over time.

use super::service::{Shown, every, grid, panel, peaks, shown, steps};
use super::{Drawing, csv, edges, num};
use crate::outcome::{Outcome, ServiceOutcome};
use crate::report::axes::{About, Scale, Swatch, from_zero, key, page, plain};
use crate::report::clock::Clock;
use crate::report::scene::{Area, Scene};
use crate::report::theme::{BLUE, ORANGE, SLATE};
use crate::report::words;

/// The most services side by side.
const SERVICES: usize = 2;
/// The most steps across a panel.
const STEPS: usize = 360;

/// By bucket; none without a ready replica.
fn uses(s: &ServiceOutcome) -> Vec<Option<f64>> {
    (0..s.series.queued.len()).map(|i| s.series.kv_use(i)).collect()
}

fn highest(s: &ServiceOutcome) -> f64 {
    s.deployments.iter().map(|d| d.kv_use_max).fold(0.0, f64::max)
}

fn preemptions(s: &ServiceOutcome) -> u64 {
    s.deployments.iter().map(|d| d.preemptions).sum()
}

fn title(services: &[Shown]) -> String {
    let Some(s) = services.iter().reduce(|a, b| if highest(b.service) > highest(a.service) { b } else { a }) else {
        return String::new();
    };
    let head = format!(
        "{}'s KV is {} full at its fullest",
        words::shorten(&s.work.name, 28),
        words::percent(highest(s.service))
    );
    match preemptions(s.service) {
        0 => format!("{head}; no request lost its place"),
        1 => format!("{head}; one request lost its place and began again"),
        n => format!("{head}; {} times a request lost its place and began again", words::count(n)),
    }
}

/// Draws it; `None` where no replica was ever ready.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let (services, rest) = shown(o, SERVICES, |s| uses(s).iter().any(Option::is_some));
    if services.is_empty() || o.series.buckets == 0 {
        return None;
    }
    let title = title(&services);
    let note = format!(
        "{rest}KV at scrapes, averaged by bucket over ready replicas; the fullest is one replica at one scrape"
    );
    let (mut s, body) = page(&title, &note, about);
    let entries = [
        (Swatch::Fill(BLUE.tint(0.5)), "KV in use"),
        (Swatch::Line(SLATE, 3), "requests in the system"),
        (Swatch::Fill(ORANGE), "of these, waiting for an engine"),
    ];
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let panels = grid(Area::new(body.x0, top, body.x1, body.y1), services.len(), 2, 60.0);
    for (v, column) in services.iter().zip(&panels) {
        memory(&mut s, o, v, column[0]);
        queue(&mut s, o, v, column[1]);
    }
    Some(Drawing { name: "kv", title, scene: s, csv: table(o) })
}

fn memory(s: &mut Scene, o: &Outcome, v: &Shown, a: Area) {
    let (k, all) = peaks(&uses(v.service), STEPS);
    let most = all.iter().copied().flatten().fold(0.0, f64::max);
    let (hi, t, step) = from_zero(100.0 * most, 1.0, 4);
    let ticks = plain(&t, step).into_iter().map(|(v, t)| (v, format!("{t} %"))).collect::<Vec<_>>();
    let name = format!("{}: KV", words::shorten(&v.work.name, 20));
    let n = preemptions(v.service);
    let fact = format!(
        "up to {} on a replica, {} {}",
        words::percent(highest(v.service)),
        words::count(n),
        if n == 1 { "preemption" } else { "preemptions" }
    );
    let plot = panel(s, o, a, Scale::Linear(0.0, hi), &ticks, (&name, &fact));
    let e = edges(o, k, all.len());
    let high: Vec<f64> = all.iter().map(|v| 100.0 * v.unwrap_or(0.0)).collect();
    for c in plot.columns(&e, &vec![0.0; high.len()], &high) {
        s.rect(c, BLUE.tint(0.5));
    }
    let line: Vec<Option<f64>> = all.iter().map(|v| v.map(|v| 100.0 * v)).collect();
    steps(s, &plot, &e, &line, (BLUE, 3, false));
    plot.base(s);
}

fn queue(s: &mut Scene, o: &Outcome, v: &Shown, a: Area) {
    let some = |v: &[f64]| v.iter().copied().map(Some).collect::<Vec<_>>();
    let (k, there) = peaks(&some(&v.service.series.in_system), STEPS);
    let (_, queued) = peaks(&some(&v.service.series.queued), STEPS);
    let (hi, t, step) = from_zero(there.iter().copied().flatten().fold(0.0, f64::max), 1.0, 4);
    let name = format!("{}: requests", words::shorten(&v.work.name, 20));
    let wait = v.service.latency.wait.quantile(0.99).map_or_else(|| "–".into(), words::latency);
    let plot = panel(s, o, a, Scale::Linear(0.0, hi), &plain(&t, step), (&name, &format!("wait p99 {wait}")));
    let e = edges(o, k, there.len());
    let high: Vec<f64> = queued.iter().map(|v| v.unwrap_or(0.0)).collect();
    for c in plot.columns(&e, &vec![0.0; high.len()], &high) {
        s.rect(c, ORANGE);
    }
    steps(s, &plot, &e, &there, (SLATE, 3, false));
    plot.base(s);
}

fn table(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let rows = every(o).flat_map(|s| {
        let (clock, v) = (&clock, &s.service.series);
        uses(s.service).into_iter().enumerate().map(move |(i, kv)| {
            let at = |v: &[f64]| v.get(i).copied().map_or_else(String::new, num);
            let kv = kv.map_or_else(String::new, num);
            vec![clock.iso(i as u64 * o.series.bucket_ns), s.work.name.clone(), kv, at(&v.in_system), at(&v.queued)]
        })
    });
    csv(&["time", "service", "kv_use", "requests_in_system", "queued"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::service::DeploymentSeries;
    use crate::report::sample;

    #[test]
    fn deployments_count_by_their_ready_replicas() {
        let mut s = ServiceOutcome::default();
        s.series.queued = vec![0.0; 2];
        let of = |ready: [f64; 2], kv: [f64; 2]| DeploymentSeries {
            ready: ready.to_vec(),
            kv_use: kv.to_vec(),
            ..DeploymentSeries::default()
        };
        s.series.deployments = vec![of([3.0, 0.0], [0.2, 0.0]), of([1.0, 0.0], [0.6, 0.0])];
        let uses = uses(&s);
        // (3 × 0.2 + 1 × 0.6) / 4; nobody was ready in the second bucket.
        assert!((uses[0].unwrap() - 0.3).abs() < 1e-12);
        assert_eq!(uses[1], None);
    }

    #[test]
    fn the_title_counts_who_began_again() {
        let mut o = sample::services::outcome();
        let mut with = |max: f64, preemptions: u64| {
            let d = &mut o.work[0].service.as_mut().unwrap().deployments;
            d.truncate(1);
            (d[0].kv_use_max, d[0].preemptions) = (max, preemptions);
            title(&shown(&o, 1, |_| true).0)
        };
        assert_eq!(with(0.42, 0), "chat's KV is 42 % full at its fullest; no request lost its place");
        assert!(with(1.0, 1).ends_with("one request lost its place and began again"));
        assert!(with(1.0, 2_000).ends_with("2,000 times a request lost its place and began again"));
    }
}
