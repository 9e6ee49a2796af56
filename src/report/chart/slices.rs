//! GPUs that are cut: who holds which slices over time, and what of each GPU is taken.

use super::service::{grid, panel};
use super::{Drawing, add, bucket_hours, csv, edges, integral, num, share, thin};
use crate::outcome::{Outcome, PoolOutcome, PoolSeries, SliceOutcome};
use crate::report::axes::{About, Scale, Swatch, from_zero, key, page, plain};
use crate::report::clock::Clock;
use crate::report::plot::{self, HeatRow};
use crate::report::scene::{Area, Scene};
use crate::report::theme::{self, BLUE, GREEN, Ink, ORANGE, PURPLE, SKY, SLATE, VERMILION, YELLOW};
use crate::report::words;

/// The most pools beneath one another.
const POOLS: usize = 2;
/// The most steps across a panel.
const STEPS: usize = 360;
/// The most kinds that have a colour of their own; the last stands for all further ones.
const KINDS: usize = 7;
/// The most GPUs of the map, and the most cells of a row.
const ROWS: usize = 26;
const CELLS: usize = 240;

const INKS: [Ink; KINDS] = [BLUE, GREEN, ORANGE, PURPLE, SKY, YELLOW, SLATE];

/// A pool that is cut.
struct Shown<'a> {
    pool: &'a PoolOutcome,
    slices: &'a SliceOutcome,
    series: &'a PoolSeries,
}

fn every(o: &Outcome) -> impl Iterator<Item = Shown<'_>> {
    let pools = o.pools.iter().zip(&o.series.pools);
    pools.filter_map(|(pool, series)| Some(Shown { pool, slices: pool.slices.as_deref()?, series }))
}

fn words_of(way: &str) -> &'static str {
    match way {
        "mig" => "MIG instances",
        "mig_on_demand" => "MIG instances on demand",
        "mps" => "clients of MPS",
        _ => "turns",
    }
}

/// The shares of billed GPU time that are held, and that are stranded.
fn shares(v: &Shown, hours: &[f64]) -> (f64, f64) {
    let billed = integral(&v.series.provisioned, hours);
    let held: f64 = v.slices.kinds.iter().map(|k| integral(&k.series, hours)).sum();
    (share(held, billed), share(integral(&v.slices.stranded, hours), billed))
}

/// The names of kinds over all pools, in order; those beyond the sixth together.
fn kinds(shown: &[Shown]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for k in shown.iter().flat_map(|v| &v.slices.kinds) {
        if !names.contains(&k.name) {
            names.push(k.name.clone());
        }
    }
    if names.len() > KINDS {
        names.truncate(KINDS - 1);
        names.push("others".to_owned());
    }
    names
}

/// Draws who holds which slices; `None` where no pool's GPUs are cut.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let mut shown: Vec<Shown> = every(o).collect();
    shown.sort_by_key(|v| std::cmp::Reverse(v.pool.bill.0));
    let rest = shown.len().saturating_sub(POOLS);
    shown.truncate(POOLS);
    if shown.is_empty() || o.series.buckets == 0 {
        return None;
    }
    let hours = bucket_hours(o);
    let (held, stranded) = shares(&shown[0], &hours);
    let what = if stranded >= 0.0005 { format!("; {} is stranded", words::percent(stranded)) } else { String::new() };
    let name = words::shorten(&shown[0].pool.name, 28);
    let title =
        format!("Pods hold {} of {name}'s GPUs as {}{what}", words::percent(held), words_of(&shown[0].slices.way));
    let more = if rest > 0 { format!("{rest} more pools are in the CSV; ") } else { String::new() };
    let note =
        format!("{more}time averages; an instance is worth its memory slices; stranded: free, and no use to any work");
    let (mut s, body) = page(&title, &note, about);
    let names = kinds(&shown);
    let mut entries: Vec<(Swatch, &str)> =
        names.iter().enumerate().map(|(i, n)| (Swatch::Fill(INKS[i].tint(0.75)), n.as_str())).collect();
    entries.push((Swatch::Hatch(VERMILION.tint(0.2), VERMILION), "stranded"));
    entries.push((Swatch::Line(theme::BLACK, 3), "billed"));
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let panels = grid(Area::new(body.x0, top, body.x1, body.y1), 1, shown.len(), 0.0);
    for (v, a) in shown.iter().zip(&panels[0]) {
        one(&mut s, o, v, &names, *a, &hours);
    }
    Some(Drawing { name: "slices", title, scene: s, csv: table(o) })
}

fn one(s: &mut Scene, o: &Outcome, v: &Shown, names: &[String], a: Area, hours: &[f64]) {
    let (k, billed) = thin(&v.series.provisioned, STEPS);
    let (hi, t, step) = from_zero(billed.iter().copied().fold(0.0, f64::max), 1.0, 4);
    let (held, stranded) = shares(v, hours);
    let mut fact = format!("GPUs; {} held", words::percent(held));
    if stranded >= 0.0005 {
        fact.push_str(&format!(", {} stranded", words::percent(stranded)));
    }
    let left = share(v.slices.compute_left.0 as f64, v.slices.compute_all.0 as f64);
    if left >= 0.0005 {
        fact.push_str(&format!(", {} of compute slices beyond use", words::percent(left)));
    }
    let plot = panel(s, o, a, Scale::Linear(0.0, hi), &plain(&t, step), (&words::shorten(&v.pool.name, 28), &fact));
    let e = edges(o, k, billed.len());
    let mut low = vec![0.0; billed.len()];
    for (i, name) in names.iter().enumerate() {
        let mut sum = Vec::new();
        let other = |n: &String| name == "others" && !names.contains(n);
        v.slices.kinds.iter().filter(|k| k.name == *name || other(&k.name)).for_each(|k| add(&mut sum, &k.series));
        let (_, mine) = thin(&sum, STEPS);
        let high: Vec<f64> = low.iter().enumerate().map(|(b, l)| l + mine.get(b).copied().unwrap_or(0.0)).collect();
        for c in plot.columns(&e, &low, &high) {
            s.rect(c, INKS[i].tint(0.75));
        }
        low = high;
    }
    let (_, lost) = thin(&v.slices.stranded, STEPS);
    let high: Vec<f64> = low.iter().enumerate().map(|(b, l)| l + lost.get(b).copied().unwrap_or(0.0)).collect();
    let columns = plot.columns(&e, &low, &high);
    columns.iter().for_each(|c| s.rect(*c, VERMILION.tint(0.2)));
    s.hatch_all(&columns, VERMILION, 8.0);
    plot.steps(s, &e, &billed, theme::BLACK, 3, false);
    plot.base(s);
}

fn table(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let rows = every(o).flat_map(|v| {
        let stranded = ("stranded", &v.slices.stranded);
        let kinds = v.slices.kinds.iter().map(|k| (k.name.as_str(), &k.series));
        let (clock, pool) = (&clock, &v.pool.name);
        let all: Vec<Vec<String>> = kinds
            .chain([stranded])
            .flat_map(|(name, series)| {
                series.iter().enumerate().map(move |(i, gpus)| {
                    vec![clock.iso(i as u64 * o.series.bucket_ns), pool.clone(), name.to_owned(), num(*gpus)]
                })
            })
            .collect();
        all
    });
    csv(&["time", "pool", "slice", "gpus"], rows)
}

/// Draws what of each GPU is taken; `None` where no pool's GPUs are cut.
#[must_use]
pub fn map(o: &Outcome, about: &About) -> Option<Drawing> {
    let v = every(o).max_by_key(|v| (v.pool.bill.0, std::cmp::Reverse(&v.pool.name)))?;
    if v.slices.gpus.is_empty() || o.series.buckets == 0 {
        return None;
    }
    let k = o.series.buckets.div_ceil(CELLS).max(1);
    let hours = bucket_hours(o);
    let mean = |t: &[u16]| {
        let all: Vec<f64> = t.iter().map(|v| f64::from(*v) / 1000.0).collect();
        share(integral(&all, &hours), hours.iter().sum())
    };
    let average = |c: &[u16]| Some(c.iter().map(|v| f64::from(*v) / 1000.0).sum::<f64>() / c.len() as f64);
    let rows: Vec<HeatRow> = v
        .slices
        .gpus
        .iter()
        .take(ROWS)
        .map(|g| HeatRow {
            name: g.name.clone(),
            values: g.taken.chunks(k).map(average).collect(),
            note: words::percent(mean(&g.taken)),
        })
        .collect();
    let (n, all) = (v.slices.gpus.len(), v.pool.units_at_start);
    let full = v.slices.gpus.iter().filter(|g| mean(&g.taken) >= 0.5).count();
    let idle = v.slices.gpus.iter().filter(|g| g.taken.iter().all(|t| *t == 0)).count();
    let name = words::shorten(&v.pool.name, 28);
    let of = if (n as f64) < all { format!("the first {n} GPUs") } else { format!("{n} GPUs") };
    let title = format!("{full} of {of} of {name} are more than half taken on average, {idle} never used");
    let more = if n > rows.len() { format!("{} more are in the CSV; ", n - rows.len()) } else { String::new() };
    let note = format!("{more}what of each GPU pods hold, time average, with the mean at the right");
    let (mut s, body) = page(&title, &note, about);
    plot::heat(&mut s, body, &rows, k as u64 * o.series.bucket_ns, o.horizon_ns, &Clock::of(o));
    let clock = Clock::of(o);
    let lines = every(o).flat_map(|v| {
        let (clock, bucket) = (&clock, o.series.bucket_ns);
        let gpus = v.slices.gpus.iter();
        let all: Vec<Vec<String>> = gpus
            .flat_map(|g| {
                g.taken
                    .iter()
                    .enumerate()
                    .map(move |(i, t)| vec![clock.iso(i as u64 * bucket), g.name.clone(), num(f64::from(*t) / 1000.0)])
            })
            .collect();
        all
    });
    let table = csv(&["time", "gpu", "taken"], lines);
    Some(Drawing { name: "slice-map", title, scene: s, csv: table })
}
