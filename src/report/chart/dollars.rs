//! Where each dollar goes: the bill as steps from nothing to its total, useful work first, then by size.

use super::{Drawing, csv, share};
use crate::outcome::{ChargeKind, Outcome};
use crate::report::axes::{About, Plot, Scale, Swatch, dollars as dollar_ticks, from_zero, key, page, ticks};
use crate::report::scene::{Anchor, Area, Scene, Text};
use crate::report::theme::{self, BLACK, GREY, Ink, LABEL_PX, MID, PALE, VERMILION};
use crate::report::waste::{Slice, largest_avoidable, phrase, slices};
use crate::report::words;
use crate::units::{Group, Usd};

const USEFUL: Ink = theme::SLATE;
const ROWS: usize = 12;

fn colour(kind: ChargeKind) -> Ink {
    match kind {
        ChargeKind::Activity(a) => match a.group() {
            Group::Useful => USEFUL,
            Group::JobWaste => MID,
            Group::FleetWaste => PALE,
        },
        _ => theme::SKY.tint(0.55),
    }
}

/// The finding in a sentence.
#[must_use]
pub fn title(o: &Outcome) -> String {
    let all = slices(o);
    let bill = o.bill();
    let waste: Usd = all.iter().filter(|s| s.is_waste()).map(|s| s.usd).sum();
    if bill <= Usd::ZERO {
        return "Nothing was billed in the window".to_owned();
    }
    if waste <= Usd::ZERO {
        return format!("No waste: all of {} bought useful work or fees", words::usd(bill));
    }
    let head = format!("Waste takes {} of {}", words::percent(share(waste.to_f64(), bill.to_f64())), words::usd(bill));
    match largest_avoidable(&all) {
        Some(s) => format!("{head}; the largest avoidable slice is {} ({})", phrase(s.kind), words::usd(s.avoidable)),
        None => format!("{head}, all of it owned or committed: freeing it saves nothing by itself"),
    }
}

struct Row {
    label: String,
    usd: f64,
    avoidable: f64,
    ink: Ink,
    best: bool,
    /// Said after dollars and percent where there is room, most important first.
    notes: Vec<String>,
}

fn rows(all: &[Slice]) -> Vec<Row> {
    let best = largest_avoidable(all).map(|s| s.kind);
    let shown = if all.len() > ROWS { ROWS - 1 } else { all.len() };
    // A credit stays a row of its own at the end: it steps back.
    let (plus, minus): (Vec<&Slice>, Vec<&Slice>) = all.iter().partition(|s| s.usd >= Usd::ZERO);
    let shown = shown.saturating_sub(minus.len()).max(1);
    let row = |s: &Slice| {
        let is_best = Some(s.kind) == best;
        let top = s.top_pool.as_ref().filter(|_| is_best);
        let mut notes = Vec::new();
        if is_best && s.avoidable < s.usd {
            notes.push(format!("{} avoidable", words::usd(s.avoidable)));
        }
        notes.extend(top.map(|(p, u)| format!("{} of it in {p}", words::percent(o_share(*u, s.usd)))));
        Row {
            label: words::sentence(s.kind.title()),
            usd: s.usd.to_f64(),
            avoidable: s.avoidable.to_f64(),
            ink: if is_best { VERMILION } else { colour(s.kind) },
            best: is_best,
            notes,
        }
    };
    let mut out: Vec<Row> = plus.iter().take(shown).map(|s| row(s)).collect();
    let rest = &plus[out.len()..];
    if !rest.is_empty() {
        out.push(Row {
            label: format!("{} smaller lines", rest.len()),
            usd: rest.iter().map(|s| s.usd).sum::<Usd>().to_f64(),
            avoidable: rest.iter().map(|s| s.avoidable).sum::<Usd>().to_f64(),
            ink: PALE,
            best: false,
            notes: Vec::new(),
        });
    }
    out.extend(minus.iter().map(|s| row(s)));
    out
}

fn o_share(part: Usd, whole: Usd) -> f64 {
    share(part.to_f64(), whole.to_f64())
}

/// Draws it.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Drawing {
    let title = title(o);
    let all = slices(o);
    let bill = o.bill().to_f64();
    let note = "each bar begins where the one above ends; together they are the bill, exactly";
    let (mut s, body) = page(&title, note, about);
    let rows = rows(&all);
    let entries = entries(&all, &rows);
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);

    let labels = rows.iter().map(|r| theme::width(&r.label, LABEL_PX, r.best)).fold(0.0, f64::max);
    // Room to the right for what is written beside the longest bar.
    let area = Area::new(body.x0 + labels + 24.0, top + 4.0, body.x1 - 60.0, body.y1 - 72.0);
    let highest = rows.iter().scan(0.0, |sum, r| {
        *sum += r.usd;
        Some(*sum)
    });
    let max = highest.fold(bill, f64::max);
    let (_, t, step) = from_zero(max, 1.0, 6);
    let t: Vec<f64> = if t.is_empty() { ticks(0.0, 1.0, 4).0 } else { t };
    let plot = Plot { area, x: Scale::Linear(0.0, max.max(1e-9)), y: Scale::Linear(0.0, 1.0) };
    let t: Vec<f64> = t.into_iter().filter(|v| *v <= max * 1.0001).collect();
    plot.x_axis(&mut s, &dollar_ticks(&t, step), "USD of the bill, from its first line to the total");

    let pitch = (area.h() / rows.len().max(1) as f64).min(92.0);
    let thick = (pitch * 0.62).min(52.0);
    let mut cum = 0.0;
    for (i, r) in rows.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let (from, to) = (cum, cum + r.usd);
        let (x0, x1) = (plot.px(from.min(to)), plot.px(from.max(to)).max(plot.px(from.min(to)) + 2.0));
        let bar = Area::new(x0, y - thick / 2.0, x1, y + thick / 2.0);
        bar_of(&mut s, bar, r);
        if i + 1 < rows.len() {
            let x = plot.px(to);
            s.line((x, bar.y1), (x, y + pitch - thick / 2.0), MID, 1);
        }
        cum = to;
        let ink = if r.best { VERMILION } else { BLACK };
        let label = Text {
            x: area.x0 - 18.0,
            y: y + 0.36 * LABEL_PX,
            text: r.label.clone(),
            px: LABEL_PX,
            bold: r.best,
            ink,
            anchor: Anchor::End,
        };
        s.put(label);
        value(&mut s, &plot, bar, r, bill);
    }
    Drawing { name: "dollars", title, scene: s, csv: table(o, &all) }
}

fn bar_of(s: &mut Scene, bar: Area, r: &Row) {
    s.rect(bar, r.ink);
    let sunk = 1.0 - share(r.avoidable, r.usd).clamp(0.0, 1.0);
    if r.usd > 0.0 && sunk > 0.001 {
        let hatched = Area::new(bar.x1 - bar.w() * sunk, bar.y0, bar.x1, bar.y1);
        s.hatch(hatched, if r.ink.text_on() == BLACK { GREY } else { PALE }, 9.0);
    }
}

/// Dollars and percent beside the bar: right of it where there is room, else left, else within; notes as far as they fit.
fn value(s: &mut Scene, plot: &Plot, bar: Area, r: &Row, bill: f64) {
    let usd = format!("{} USD", words::dollars(r.usd));
    let mut texts = vec![format!("{usd} · {}", words::percent(share(r.usd, bill)))];
    for n in &r.notes {
        texts.push(format!("{} · {n}", texts[texts.len() - 1]));
    }
    let y = (bar.y0 + bar.y1) / 2.0 + 0.36 * LABEL_PX;
    let right = plot.area.x1 + 56.0;
    let base = Text { x: 0.0, y, text: String::new(), px: LABEL_PX, bold: r.best, ink: BLACK, anchor: Anchor::Start };
    for text in texts.iter().rev() {
        let w = theme::width(text, LABEL_PX, r.best);
        if bar.x1 + 14.0 + w <= right {
            return s.label(Text { x: bar.x1 + 14.0, text: text.clone(), ..base });
        } else if bar.x0 - 14.0 - w >= plot.area.x0 {
            return s.label(Text { x: bar.x0 - 14.0, text: text.clone(), anchor: Anchor::End, ..base });
        }
    }
    s.put(Text { x: bar.x0 + 16.0, text: texts[0].clone(), ink: r.ink.text_on(), ..base });
}

fn entries(all: &[Slice], rows: &[Row]) -> Vec<(Swatch, &'static str)> {
    let group = |g: Group| all.iter().any(|s| matches!(s.kind, ChargeKind::Activity(a) if a.group() == g));
    let mut out = Vec::new();
    if group(Group::Useful) {
        out.push((Swatch::Fill(USEFUL), "useful work"));
    }
    if rows.iter().any(|r| r.best) {
        out.push((Swatch::Fill(VERMILION), "largest avoidable slice"));
    }
    if group(Group::JobWaste) {
        out.push((Swatch::Fill(MID), "held by jobs, wasted"));
    }
    if group(Group::FleetWaste) {
        out.push((Swatch::Fill(PALE), "held by no job"));
    }
    if all.iter().any(|s| !matches!(s.kind, ChargeKind::Activity(_))) {
        out.push((Swatch::Fill(colour(ChargeKind::Storage)), "fees and rounding"));
    }
    if all.iter().any(|s| s.avoidable < s.usd) {
        out.push((Swatch::Hatch(theme::WHITE, GREY), "sunk: owned or committed"));
    }
    out
}

fn table(o: &Outcome, all: &[Slice]) -> String {
    let bill = o.bill().to_f64();
    csv(
        &["line", "usd", "avoidable_usd", "share_of_bill", "gpu_hours"],
        all.iter().map(|s| {
            vec![
                s.kind.key().to_owned(),
                s.usd.exact(),
                s.avoidable.exact(),
                super::num(share(s.usd.to_f64(), bill)),
                super::num(s.gpu_milli_ns as f64 / crate::outcome::MILLI_NS_PER_GPU_HOUR),
            ]
        }),
    )
}
