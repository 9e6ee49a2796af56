//! Spend against budget: how fast the money goes, when a budget is passed, and where it heads.

use super::{Drawing, csv, num, share};
use crate::outcome::{BudgetOutcome, Outcome};
use crate::report::axes::{About, Plot, Scale, dollars, from_zero, page, place};
use crate::report::clock::Clock;
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene, Text, spread};
use crate::report::theme::{self, BLACK, BLUE, GREY, HEAD_PX, Ink, LABEL_PX, MID, TICK_PX, VERMILION};
use crate::report::words;
use crate::units::Usd;

/// The most panels; further budgets are named in the note, those nearest to their limit are shown.
const PANELS: usize = 4;

/// Draws it; `None` without series.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    if o.series.buckets == 0 || o.horizon_ns == 0 {
        return None;
    }
    let clock = Clock::of(o);
    let title = title(o, &clock);
    if o.budgets.is_empty() {
        return Some(by_pool(o, about, &clock, title));
    }
    let mut budgets: Vec<&BudgetOutcome> = o.budgets.iter().collect();
    budgets.sort_by(|a, b| used(b).total_cmp(&used(a)));
    let (shown, rest) = budgets.split_at(budgets.len().min(PANELS));
    let mut note = "cumulative; dashed: on to the period's end at the window's average rate".to_owned();
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().map(|b| b.name.clone()).collect();
        note = format!("not shown, less used: {}; {note}", words::list(&names));
    }
    let (mut s, body) = page(&title, &note, about);
    let columns = if shown.len() > 1 { 2 } else { 1 };
    let rows = shown.len().div_ceil(columns);
    let gap = 60.0;
    let w = (body.w() - gap * (columns - 1) as f64) / columns as f64;
    let h = body.h() / rows as f64;
    for (i, b) in shown.iter().enumerate() {
        let x0 = body.x0 + (i % columns) as f64 * (w + gap);
        let y0 = body.y0 + (i / columns) as f64 * h;
        panel(&mut s, Area::new(x0, y0, x0 + w, y0 + h), o, b, &clock);
    }
    let table = csv(
        &["time", "budget", "cumulative_usd", "budget_usd"],
        o.budgets.iter().flat_map(|b| {
            let clock = &clock;
            b.spend
                .iter()
                .enumerate()
                .map(move |(i, v)| vec![clock.iso(bucket_end(o, i)), b.name.clone(), num(*v), b.amount.0.exact()])
        }),
    );
    Some(Drawing { name: "spend", title, scene: s, csv: table })
}

fn used(b: &BudgetOutcome) -> f64 {
    share(b.spent.0.to_f64(), b.amount.0.to_f64())
}

fn bucket_end(o: &Outcome, i: usize) -> u64 {
    ((i as u64 + 1) * o.series.bucket_ns).min(o.horizon_ns)
}

/// Where the time axis of a budget ends: its period's end when that is after the window, else the window's.
fn period_end(o: &Outcome, b: &BudgetOutcome, clock: &Clock) -> u64 {
    let month = if b.period == "month" { clock.month_end() } else { None };
    month.unwrap_or(0).max(o.horizon_ns)
}

fn named(b: &BudgetOutcome) -> String {
    if b.period == "window" {
        format!("{}'s {} for the window", b.name, words::usd(b.amount.0))
    } else {
        format!("{}'s {} a {}", b.name, words::usd(b.amount.0), b.period)
    }
}

fn title(o: &Outcome, clock: &Clock) -> String {
    let bill = words::usd(o.bill());
    if let Some((b, at)) = o.budgets.iter().filter_map(|b| Some((b, b.crossed_100_ns?))).min_by_key(|x| x.1) {
        let more = o.budgets.iter().filter(|b| b.crossed_100_ns.is_some()).count() - 1;
        let more = if more > 0 { format!(", and {more} more by the end") } else { String::new() };
        return format!("Spend passes {} on {}{more}", named(b), clock.date(at));
    }
    let soon = o.budgets.iter().filter_map(|b| Some((b, b.forecast_ns?)));
    if let Some((b, at)) = soon.filter(|(b, at)| *at < period_end(o, b, clock)).min_by_key(|x| x.1) {
        return format!("At this rate {} runs out on {}", named(b), clock.date(at));
    }
    if let Some(b) = o.budgets.iter().max_by(|a, b| used(a).total_cmp(&used(b))) {
        let on = if o.budgets.len() == 1 { "the budget".to_owned() } else { "every budget".to_owned() };
        return format!("Spend stays within {on}: {} of {} is used", words::percent(used(b)), named(b));
    }
    let top = o.pools.iter().reduce(|a, b| if b.bill.0 > a.bill.0 { b } else { a });
    let month = Usd((o.bill().0 as f64 / o.hours().max(1e-9) * 730.0) as i128);
    let head = format!("{bill} in {}, or {} a month of 730 h", words::length(o.horizon_ns), words::usd(month));
    match top {
        Some(p) if o.pools.len() > 1 => {
            let part = share(p.bill.0.to_f64(), o.bill().to_f64());
            format!("{head}; {} takes {}", p.name, words::percent(part))
        }
        _ => head,
    }
}

fn panel(s: &mut Scene, a: Area, o: &Outcome, b: &BudgetOutcome, clock: &Clock) {
    let end = period_end(o, b, clock);
    let amount = b.amount.0.to_f64();
    let spent = b.spend.last().copied().unwrap_or(0.0).max(b.spent.0.to_f64());
    let rate = spent / o.horizon_ns as f64;
    let at_end = spent + rate * (end - o.horizon_ns) as f64;
    let (top, t, step) = from_zero(at_end.max(amount * 1.06), 1.0, 5);
    let t = dollars(&t, step);
    let left = t.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let area = Area::new(a.x0 + left, a.y0 + 122.0, a.x1 - 40.0, a.y1 - 50.0);
    let plot = Plot { area, x: Scale::Linear(0.0, end as f64), y: Scale::Linear(0.0, top) };
    heading(s, a.x0, a.y0 + 22.0, &format!("{} · {}", b.name, b.scope), a.w());
    plot.y_axis(s, &t, "USD, cumulative");
    plot.time_axis(s, clock, end);

    // Limits first, then the line over them.
    let (y80, y100) = (plot.py(amount * 0.8), plot.py(amount));
    s.dashed(&[(area.x0, y80), (area.x1, y80)], MID, 2, 8.0, 6.0);
    s.line((area.x0, y100), (area.x1, y100), BLACK, 3);
    if end > o.horizon_ns {
        let x = plot.px(o.horizon_ns as f64);
        s.dashed(&[(x, area.y0), (x, area.y1)], MID, 1, 4.0, 4.0);
        s.dashed(&[plot.at(o.horizon_ns as f64, spent), plot.at(end as f64, at_end)], BLUE, 3, 12.0, 8.0);
    }
    let mut px = vec![plot.at(0.0, 0.0)];
    px.extend(b.spend.iter().enumerate().map(|(i, v)| plot.at(bucket_end(o, i) as f64, *v)));
    s.path(px, BLUE, 5);

    let limit = |text: String, bold, ink| Text { x: 0.0, y: 0.0, text, px: LABEL_PX, bold, ink, anchor: Anchor::Start };
    let words_100 = limit(format!("budget {}", words::usd(b.amount.0)), true, BLACK);
    place(
        s,
        &area,
        &[(area.x0 + 12.0, y100 - 14.0, Anchor::Start), (area.x0 + 12.0, y100 + 30.0, Anchor::Start)],
        &words_100,
    );
    let words_80 = limit("80 %".into(), false, GREY);
    place(
        s,
        &area,
        &[(area.x0 + 12.0, y80 - 14.0, Anchor::Start), (area.x0 + 12.0, y80 + 30.0, Anchor::Start)],
        &words_80,
    );

    // The 80 % mark on the line, then the crossing with its date.
    if let Some(at) = b.crossed_80_ns {
        mark(s, &plot, at, amount * 0.8, BLACK, &format!("80 % on {}", clock.date_time(at)), false);
    }
    match (b.crossed_100_ns, b.forecast_ns) {
        (Some(at), _) => mark(s, &plot, at, amount, VERMILION, &format!("passed {}", clock.date_time(at)), true),
        (None, Some(at)) if at <= end => {
            mark(s, &plot, at, amount, VERMILION, &format!("runs out {}", clock.date(at)), true);
        }
        _ => {}
    }
    let text = if end > o.horizon_ns {
        let (spent, later) = (words::dollars(spent), words::dollars(at_end));
        format!("{spent} USD in the window, heading for {later} USD by the end of the month")
    } else {
        format!("{} USD, {} of the budget", words::dollars(spent), words::percent(used(b)))
    };
    let text = match b.crossed_100_ns {
        Some(at) => format!("{text}, passed {}", clock.date(at)),
        None => text,
    };
    s.text(a.x0, a.y0 + 58.0, theme::fit(&text, LABEL_PX, false, a.w()), LABEL_PX, GREY, Anchor::Start);
}

/// A point on the rising line, with its words below right of it or above left, where the line is not.
fn mark(s: &mut Scene, plot: &Plot, at: u64, usd: f64, ink: Ink, text: &str, bold: bool) {
    let (x, y) = plot.at(at as f64, usd);
    s.shapes.push(crate::report::scene::Shape::Disc((x, y), 9.0, ink));
    let like = Text { x, y, text: text.into(), px: LABEL_PX, bold, ink: BLACK, anchor: Anchor::Start };
    let places = [
        (x + 18.0, y + 36.0, Anchor::Start),
        (x - 18.0, y - 16.0, Anchor::End),
        (x - 18.0, y - 48.0, Anchor::End),
        (x + 18.0, y + 68.0, Anchor::Start),
        (x - 18.0, y - 80.0, Anchor::End),
        (x + 18.0, y + 100.0, Anchor::Start),
    ];
    place(s, &plot.area, &places, &like);
}

/// Without a budget: the pools on top of each other.
fn by_pool(o: &Outcome, about: &About, clock: &Clock, title: String) -> Drawing {
    // Fees and adjustments have no moment: the series do not hold them, the bill does.
    let drawn: f64 = o.series.pools.iter().flat_map(|p| &p.spend).sum();
    let rest = o.bill().to_f64() - drawn;
    let mut note = "cumulative by pool, largest at the bottom".to_owned();
    if rest.abs() >= 0.005 {
        note = format!("{note}; {} USD of fees and adjustments have no moment and are not drawn", words::dollars(rest));
    }
    let (mut s, body) = page(&title, &note, about);
    let n = o.series.buckets;
    let mut order: Vec<usize> = (0..o.pools.len()).collect();
    order.sort_by(|&a, &b| o.pools[b].bill.0.cmp(&o.pools[a].bill.0).then(a.cmp(&b)));
    let mut layers: Vec<(String, Ink, Vec<f64>)> = Vec::new();
    for &i in &order {
        let mut cum: Vec<f64> = Vec::with_capacity(n);
        let mut sum = 0.0;
        for v in o.series.pools.get(i).map_or(&[][..], |p| &p.spend) {
            sum += v;
            cum.push(sum);
        }
        let full = layers.len() == 6;
        match layers.last_mut() {
            // Six layers, the rest together.
            Some(l) if full => {
                l.0 = "other pools".into();
                l.1 = MID;
                super::add(&mut l.2, &cum);
            }
            _ => layers.push((o.pools[i].name.clone(), theme::pool(i), cum)),
        }
    }
    let total: f64 = layers.iter().map(|l| l.2.last().copied().unwrap_or(0.0)).sum();
    let (top, t, step) = from_zero(total, 1.0, 5);
    let t = dollars(&t, step);
    let left = t.iter().map(|t| theme::width(&t.1, TICK_PX, false)).fold(0.0, f64::max) + 14.0;
    let label = |l: &(String, Ink, Vec<f64>)| {
        let usd = l.2.last().copied().unwrap_or(0.0);
        format!("{} · {} USD", l.0, words::dollars(usd))
    };
    let right = layers.iter().map(|l| theme::width(&label(l), LABEL_PX, false)).fold(0.0, f64::max) + 60.0;
    let area = Area::new(body.x0 + left, body.y0 + 50.0, body.x1 - right, body.y1 - 50.0);
    let plot = Plot { area, x: Scale::Linear(0.0, o.horizon_ns as f64), y: Scale::Linear(0.0, top) };
    plot.y_axis(&mut s, &t, "USD, cumulative");
    plot.time_axis(&mut s, clock, o.horizon_ns);

    let mut base = vec![0.0; n];
    let mut middles = Vec::new();
    for (_, ink, cum) in &layers {
        let high: Vec<f64> = base.iter().zip(cum).map(|(b, c)| b + c).collect();
        let mut px = vec![plot.at(0.0, 0.0)];
        px.extend(high.iter().enumerate().map(|(i, v)| plot.at(bucket_end(o, i) as f64, *v)));
        px.extend(base.iter().enumerate().rev().take(high.len()).map(|(i, v)| plot.at(bucket_end(o, i) as f64, *v)));
        s.shapes.push(crate::report::scene::Shape::Polygon(px, *ink));
        let (b, h) = (base.last().copied().unwrap_or(0.0), high.last().copied().unwrap_or(0.0));
        middles.push(plot.py((b + h) / 2.0) + 8.0);
        base = high;
    }
    let ys = spread(&middles, 36.0, area.y0 + 10.0, area.y1);
    for (l, y) in layers.iter().zip(ys) {
        s.rect(Area::new(area.x1 + 14.0, y - 18.0, area.x1 + 26.0, y + 2.0), l.1);
        s.text(area.x1 + 36.0, y, label(l), LABEL_PX, BLACK, Anchor::Start);
    }
    if total > 0.0 {
        let y = plot.py(total) - 14.0;
        let text = format!("{} USD", words::dollars(total));
        s.label(Text { x: area.x1 - 6.0, y, text, px: HEAD_PX, bold: true, ink: BLACK, anchor: Anchor::End });
    }
    let rows = (0..n).flat_map(|i| {
        let iso = clock.iso(bucket_end(o, i));
        layers
            .iter()
            .map(move |l| vec![iso.clone(), l.0.clone(), num(l.2.get(i).copied().unwrap_or(0.0))])
            .collect::<Vec<_>>()
    });
    let table = csv(&["time", "pool", "cumulative_usd"], rows);
    Drawing { name: "spend", title, scene: s, csv: table }
}
