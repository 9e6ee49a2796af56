//! Who pays: the bill by the values of a label, with what carries no such label as a row of its own.

use super::{Drawing, csv, num, share};
use crate::outcome::Outcome;
use crate::report::axes::{About, Plot, Scale, dollars, from_zero, page};
use crate::report::scene::{Anchor, Area};
use crate::report::theme::{self, BLACK, GREY, HEAD_PX, LABEL_PX, MID, PALE};
use crate::report::words;
use crate::units::Usd;

const ROWS: usize = 12;
const BAR: theme::Ink = theme::SLATE;

/// The label to chart when none is asked for: `team` where there is one, else the first.
#[must_use]
pub fn default_key(o: &Outcome) -> Option<String> {
    let keys = o.label_keys();
    keys.iter().find(|k| *k == "team").or(keys.first()).cloned()
}

/// Draws it for `key`, or for the usual one; `None` when no work carries a label.
#[must_use]
pub fn draw(o: &Outcome, key: Option<&str>, about: &About) -> Option<Drawing> {
    let key = key.map(str::to_owned).or_else(|| default_key(o))?;
    let mut rows = o.by_label(&key);
    let (_, rest) = rows.pop()?;
    rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let bill = o.bill();
    let of = |u: Usd| words::percent(share(u.to_f64(), bill.to_f64()));
    let first = rows.first()?;
    let title = format!(
        "{} {} takes {} of {}; {} belongs to no {key}",
        words::sentence(&key),
        first.0,
        of(first.1),
        words::usd(bill),
        of(rest)
    );
    let note = format!("without {key}: work that carries no such label, GPUs that no job held, and fees");
    let table = csv(
        &[&key, "usd", "share_of_bill"],
        rows.iter()
            .chain([&("(unlabelled)".to_owned(), rest)])
            .map(|(v, u)| vec![v.clone(), u.exact(), num(share(u.to_f64(), bill.to_f64()))]),
    );

    let mut shown: Vec<(String, Usd, theme::Ink)> = Vec::new();
    let keep = if rows.len() > ROWS { ROWS - 1 } else { rows.len() };
    shown.extend(rows.iter().take(keep).map(|(v, u)| (v.clone(), *u, BAR)));
    if rows.len() > keep {
        let sum = rows[keep..].iter().map(|r| r.1).sum();
        shown.push((format!("{} others", rows.len() - keep), sum, MID));
    }
    shown.push((format!("without {key}"), rest, PALE));

    let (mut s, body) = page(&title, &note, about);
    let left = shown.iter().map(|r| theme::width(&r.0, HEAD_PX, false)).fold(0.0, f64::max).min(520.0);
    let area = Area::new(body.x0 + left + 28.0, body.y0 + 20.0, body.x1 - 330.0, body.y1 - 70.0);
    let pitch = (area.h() / shown.len() as f64).min(150.0);
    let area = Area { y1: area.y0 + pitch * shown.len() as f64, ..area };
    let max = shown.iter().map(|r| r.1.to_f64()).fold(0.0, f64::max);
    let (top, t, step) = from_zero(max, 1.0, 6);
    let plot = Plot { area, x: Scale::Linear(0.0, top), y: Scale::Linear(0.0, 1.0) };
    plot.x_axis(&mut s, &dollars(&t, step), "USD in the window");
    for (i, (name, usd, ink)) in shown.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let half = (pitch * 0.3).min(40.0);
        let x1 = plot.px(usd.to_f64());
        let bar = Area::new(area.x0, y - half, x1, y + half);
        s.rect(bar, *ink);
        if *ink == PALE {
            s.hatch(bar, GREY, 9.0);
        }
        let name = theme::fit(name, HEAD_PX, false, 520.0);
        s.text(area.x0 - 18.0, y + 9.0, name, HEAD_PX, BLACK, Anchor::End);
        let text = format!("{} · {}", words::usd(*usd), of(*usd));
        s.text(x1 + 14.0, y + 8.0, text, LABEL_PX, BLACK, Anchor::Start);
    }
    Some(Drawing { name: "labels", title, scene: s, csv: table })
}
