//! True utilisation of each pool over time, as a heat map from 0 to 100 %.

use super::{Drawing, bucket_hours, csv, integral, num, share};
use crate::outcome::Outcome;
use crate::report::axes::{About, page};
use crate::report::clock::Clock;
use crate::report::plot::{self, HeatRow};
use crate::report::words;

/// The most rows; beyond, pools are left out, the smallest first.
const ROWS: usize = 24;
/// The most columns: buckets are averaged, weighted by what was billed.
const COLUMNS: usize = 336;

/// Draws it; `None` without series.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let hours = bucket_hours(o);
    let k = o.series.buckets.div_ceil(COLUMNS).max(1);
    let mut rows: Vec<(f64, HeatRow)> = Vec::new();
    for (p, s) in o.pools.iter().zip(&o.series.pools) {
        let billed = integral(&s.provisioned, &hours);
        if billed <= 0.0 || s.busy.is_empty() {
            continue;
        }
        let values = (s.busy.chunks(k).zip(s.provisioned.chunks(k)))
            .map(|(b, p)| {
                let p: f64 = p.iter().sum();
                (p > 0.0).then(|| (b.iter().sum::<f64>() / p).min(1.0))
            })
            .collect();
        let mean = share(integral(&s.busy, &hours), billed);
        rows.push((mean, HeatRow { name: p.name.clone(), values, note: words::percent(mean) }));
    }
    if rows.is_empty() {
        return None;
    }
    let best = rows.iter().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    let least = rows.iter().reduce(|a, b| if b.0 < a.0 { b } else { a })?;
    let title = if rows.len() == 1 {
        format!("{} reaches {} true use of what is paid for", best.1.name, best.1.note)
    } else {
        format!(
            "{} works hardest, {} true use of what is paid for; {} least, {}",
            best.1.name, best.1.note, least.1.name, least.1.note
        )
    };
    let note = "true use: compute at work / time billed, with the mean at the right; hatched: nothing billed";
    let (mut s, body) = page(&title, note, about);
    let clock = Clock::of(o);
    let shown: Vec<HeatRow> = rows.into_iter().map(|r| r.1).take(ROWS).collect();
    let width_ns = k as u64 * o.series.bucket_ns;
    plot::heat(&mut s, body, &shown, width_ns, o.horizon_ns, &clock);
    let table = csv(
        &["time", "pool", "true_utilisation"],
        o.pools.iter().zip(&o.series.pools).flat_map(|(p, s)| {
            let clock = &clock;
            s.busy.iter().zip(&s.provisioned).enumerate().map(move |(i, (b, c))| {
                let v = if *c > 0.0 { num(b / c) } else { String::new() };
                vec![clock.iso(i as u64 * o.series.bucket_ns), p.name.clone(), v]
            })
        }),
    );
    Some(Drawing { name: "utilisation", title, scene: s, csv: table })
}
