//! What each workload's money was for: work by market, what interruptions cost, and the rest; beneath, the workload to
//! which they cost most, part by part.

use std::collections::BTreeMap;

use super::{Drawing, csv, share};
use crate::outcome::{Outcome, Part, SplitRow};
use crate::report::axes::{About, Plot, Scale, Swatch, dollars, from_zero, key, page};
use crate::report::plot::heading;
use crate::report::scene::{Anchor, Area, Scene, Text};
use crate::report::theme::{
    self, BLACK, BLUE, GREEN, GREY, HEAD_PX, Ink, LABEL_PX, ORANGE, PALE, PURPLE, SKY, SLATE, VERMILION, YELLOW,
};
use crate::report::words;
use crate::training::restart::Stage;
use crate::units::Usd;

/// The most workloads with a bar of their own, and the most bars of the lower panel.
const ROWS: usize = 8;
const DETAILS: usize = 10;

/// Parts that share a colour: in the order of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Spot,
    OnDemand,
    Owned,
    Checkpoints,
    Lost,
    SetUp,
    NoticeAndBoot,
    Store,
    Rest,
}

impl Group {
    const ALL: [Group; 9] = [
        Group::Spot,
        Group::OnDemand,
        Group::Owned,
        Group::Checkpoints,
        Group::Lost,
        Group::SetUp,
        Group::NoticeAndBoot,
        Group::Store,
        Group::Rest,
    ];

    const fn of(part: Part) -> Group {
        match part {
            Part::Spot => Group::Spot,
            Part::OnDemand => Group::OnDemand,
            Part::Owned => Group::Owned,
            Part::Checkpoints => Group::Checkpoints,
            Part::Lost => Group::Lost,
            Part::Restart | Part::FirstStart => Group::SetUp,
            Part::Notice | Part::Boot | Part::GangWait => Group::NoticeAndBoot,
            Part::Storage | Part::Egress => Group::Store,
            _ => Group::Rest,
        }
    }

    const fn style(self) -> (Ink, Option<Ink>, &'static str) {
        match self {
            Group::Spot => (BLUE, None, "work on spot"),
            Group::OnDemand => (ORANGE, None, "work on demand"),
            Group::Owned => (SLATE, None, "work on owned capacity"),
            Group::Checkpoints => (SKY, None, "checkpoints and saves"),
            Group::Lost => (VERMILION, None, "lost work"),
            Group::SetUp => (PURPLE, None, "restarts and first starts"),
            Group::NoticeAndBoot => (YELLOW, None, "boot, notice, waiting for peers"),
            Group::Store => (GREEN, None, "storage and egress"),
            Group::Rest => (PALE, Some(GREY), "idle, broken, rounding, fees"),
        }
    }
}

/// What interruptions cost a workload: work lost, set-ups after them, notice, saves that were not needed otherwise left out.
const fn by_interruptions(p: Part) -> bool {
    matches!(p, Part::Lost | Part::Restart | Part::Notice | Part::GangWait)
}

struct Row {
    name: String,
    usd: Usd,
    groups: BTreeMap<Group, f64>,
    /// Given back: not drawn, but said.
    credit: f64,
}

fn rows(o: &Outcome, split: &[SplitRow]) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    let names = o.work.iter().map(|w| Some(w.name.as_str())).chain([None]);
    for who in names {
        let mine: Vec<&SplitRow> = split.iter().filter(|r| r.workload.as_deref() == who).collect();
        if mine.is_empty() {
            continue;
        }
        let mut row = Row {
            name: who.unwrap_or("shared, or used by none").to_owned(),
            usd: mine.iter().map(|r| r.usd.0).sum(),
            groups: BTreeMap::new(),
            credit: 0.0,
        };
        for r in mine {
            let usd = r.usd.0.to_f64();
            if usd < 0.0 {
                row.credit += usd;
            } else {
                *row.groups.entry(Group::of(r.part)).or_default() += usd;
            }
        }
        all.push(row);
    }
    all.sort_by_key(|r| std::cmp::Reverse(r.usd));
    if all.len() > ROWS {
        let rest = all.split_off(ROWS - 1);
        let n = rest.len();
        let mut sum = Row { name: format!("{n} others"), usd: Usd::ZERO, groups: BTreeMap::new(), credit: 0.0 };
        for r in rest {
            sum.usd += r.usd;
            sum.credit += r.credit;
            for (g, v) in r.groups {
                *sum.groups.entry(g).or_default() += v;
            }
        }
        all.push(sum);
    }
    all
}

/// The workload to which interruptions cost most, in dollars.
fn hardest<'a>(o: &'a Outcome, split: &[SplitRow]) -> Option<(&'a str, f64)> {
    let of = |name: &str| {
        let mine = split.iter().filter(|r| r.workload.as_deref() == Some(name) && by_interruptions(r.part));
        mine.map(|r| r.usd.0).sum::<Usd>().to_f64()
    };
    let all = o.work.iter().filter(|w| w.run.is_some()).map(|w| (w.name.as_str(), of(&w.name)));
    all.reduce(|a, b| if b.1 > a.1 { b } else { a })
}

fn title(o: &Outcome, split: &[SplitRow], hardest: Option<(&str, f64)>) -> String {
    let sum = |of: &dyn Fn(&SplitRow) -> bool| split.iter().filter(|r| of(r)).map(|r| r.usd.0).sum::<Usd>().to_f64();
    let bill = o.bill().to_f64();
    let work = sum(&|r| matches!(r.part, Part::Spot | Part::OnDemand | Part::Owned));
    let text = format!("{} of {} USD bought work", words::percent(share(work, bill)), words::dollars(bill));
    match hardest.filter(|h| h.1 > 0.0) {
        Some((name, usd)) => {
            let whole = sum(&|r| r.workload.as_deref() == Some(name));
            let part = words::percent(share(usd, whole));
            format!("{text}; interruptions cost {name} {} USD, {part} of its money", words::dollars(usd))
        }
        None => text,
    }
}

/// Draws it; `None` where nothing can be interrupted, or nothing was billed.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    if !o.has_interruptions() || o.bill() <= Usd::ZERO {
        return None;
    }
    let split = o.split();
    let rows = rows(o, &split);
    let hardest = hardest(o, &split);
    let title = title(o, &split, hardest);
    let note = "interruptions: lost work, restarts, notice windows, nodes that wait for peers; a pool's own costs are its only user's";
    let (mut s, body) = page(&title, note, about);
    let present: Vec<Group> =
        Group::ALL.into_iter().filter(|g| rows.iter().any(|r| r.groups.get(g).is_some_and(|v| *v > 0.0))).collect();
    let entries: Vec<(Swatch, &str)> = present
        .iter()
        .map(|g| match g.style() {
            (ink, None, text) => (Swatch::Fill(ink), text),
            (ink, Some(h), text) => (Swatch::Hatch(ink, h), text),
        })
        .collect();
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let details = hardest.filter(|_| rows.len() <= 4).map(|(name, _)| (name, details(&split, name)));
    let share_of_page = if details.is_some() { 0.16 + 0.07 * rows.len() as f64 } else { 1.0 };
    let area = Area { y0: top + 4.0, y1: top + (body.y1 - top) * share_of_page, ..body };
    bars(&mut s, area, &rows);
    if let Some((name, parts)) = details {
        let below = Area { y0: area.y1 + 46.0, ..body };
        heading(&mut s, below.x0, below.y0 + 4.0, &format!("What the money of {name} was for"), below.w());
        list(&mut s, Area { y0: below.y0 + 24.0, ..below }, &parts);
    }
    Some(Drawing { name: "split", title, scene: s, csv: table(&split) })
}

fn bars(s: &mut Scene, body: Area, rows: &[Row]) {
    let left = rows.iter().map(|r| theme::width(&r.name, HEAD_PX, true)).fold(0.0, f64::max).min(420.0);
    let texts: Vec<String> = rows
        .iter()
        .map(|r| {
            let credit =
                if r.credit < 0.0 { format!(", after {} came free", words::dollars(-r.credit)) } else { String::new() };
            format!("{}{credit}", words::usd(r.usd))
        })
        .collect();
    let max = rows.iter().map(|r| r.groups.values().sum::<f64>()).fold(1e-9, f64::max);
    // Room to the right for what is written beside each bar, where that bar ends.
    let (x0, x1) = (body.x0 + left + 28.0, body.x1 - 24.0);
    let width = rows.iter().zip(&texts).map(|(r, t)| {
        let part = (r.groups.values().sum::<f64>() / max).max(0.01);
        (x1 - x0 - theme::width(t, LABEL_PX, false) - 20.0) / part
    });
    let width = width.fold(x1 - x0, f64::min).max(200.0);
    let area = Area::new(x0, body.y0 + 8.0, x0 + width, body.y1 - 72.0);
    let pitch = (area.h() / rows.len().max(1) as f64).min(120.0);
    let area = Area { y1: area.y0 + pitch * rows.len() as f64, ..area };
    let (_, t, step) = from_zero(max, 1e-9, 6);
    let t: Vec<f64> = t.into_iter().filter(|v| *v <= max * 1.0001).collect();
    let plot = Plot { area, x: Scale::Linear(0.0, max), y: Scale::Linear(0.0, 1.0) };
    plot.x_axis(s, &dollars(&t, step), "USD in the window");
    for (i, r) in rows.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let half = (pitch * 0.34).min(38.0);
        let mut from = 0.0;
        for (g, v) in &r.groups {
            let a = Area::new(plot.px(from), y - half, plot.px(from + v), y + half);
            let (ink, hatch, _) = g.style();
            s.rect(a, ink);
            if let Some(h) = hatch {
                s.hatch(a, h, 9.0);
            }
            // Neighbours are told apart by a gap as well as by their colours.
            s.rect(Area::new(a.x1 - 1.0, a.y0, a.x1, a.y1), theme::WHITE);
            let whole: f64 = r.groups.values().sum();
            let text = words::percent(share(*v, whole));
            if a.w() > theme::width(&text, LABEL_PX, false) + 16.0 && hatch.is_none() {
                let x = (a.x0 + a.x1) / 2.0;
                s.text(x, y + 0.36 * LABEL_PX, text, LABEL_PX, ink.text_on(), Anchor::Middle);
            }
            from += v;
        }
        let name = theme::fit(&r.name, HEAD_PX, true, 420.0);
        s.bold(area.x0 - 18.0, y + 9.0, name, HEAD_PX, BLACK, Anchor::End);
        let (x, text) = (plot.px(from) + 14.0, texts[i].clone());
        s.label(Text { x, y: y + 8.0, text, px: LABEL_PX, bold: false, ink: GREY, anchor: Anchor::Start });
    }
}

/// The parts of a workload's money: restarts by stage, the largest first, at most [`DETAILS`].
fn details(split: &[SplitRow], name: &str) -> Vec<(String, f64, Group)> {
    let mut by: BTreeMap<(Part, Option<&str>), f64> = BTreeMap::new();
    for r in split.iter().filter(|r| r.workload.as_deref() == Some(name)) {
        *by.entry((r.part, r.stage)).or_default() += r.usd.0.to_f64();
    }
    let title = |part: Part, stage: Option<&str>| {
        let stage = stage.and_then(|k| Stage::ALL.into_iter().find(|s| s.key() == k));
        stage.map_or_else(|| part.title().to_owned(), |s| format!("restart: {}", s.title()))
    };
    let mut all: Vec<(String, f64, Group)> =
        by.into_iter().filter(|(_, v)| *v != 0.0).map(|((p, s), v)| (title(p, s), v, Group::of(p))).collect();
    all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    if all.len() > DETAILS {
        let rest = all.split_off(DETAILS - 1);
        all.push((format!("{} smaller parts", rest.len()), rest.iter().map(|r| r.1).sum(), Group::Rest));
    }
    all
}

fn list(s: &mut Scene, body: Area, parts: &[(String, f64, Group)]) {
    let whole: f64 = parts.iter().map(|p| p.1).sum();
    let left = parts.iter().map(|p| theme::width(&p.0, LABEL_PX, false)).fold(0.0, f64::max).min(520.0);
    let area = Area::new(body.x0 + left + 24.0, body.y0 + 6.0, body.x1 - 300.0, body.y1);
    let pitch = (area.h() / parts.len().max(1) as f64).min(60.0);
    let max = parts.iter().map(|p| p.1.abs()).fold(1e-9, f64::max);
    for (i, (name, usd, group)) in parts.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let half = (pitch * 0.34).min(20.0);
        let x1 = area.x0 + (area.w() * usd.abs() / max).max(2.0);
        let a = Area::new(area.x0, y - half, x1, y + half);
        let (ink, hatch, _) = group.style();
        s.rect(a, ink);
        if let Some(h) = hatch {
            s.hatch(a, h, 9.0);
        }
        s.text(
            area.x0 - 16.0,
            y + 0.36 * LABEL_PX,
            theme::fit(name, LABEL_PX, false, 520.0),
            LABEL_PX,
            BLACK,
            Anchor::End,
        );
        let text = format!("{} USD · {}", words::dollars(*usd), words::percent(share(*usd, whole)));
        s.text(x1 + 12.0, y + 0.36 * LABEL_PX, text, LABEL_PX, GREY, Anchor::Start);
    }
}

fn table(split: &[SplitRow]) -> String {
    let mut by: BTreeMap<(Option<&str>, Part, Option<&str>), Usd> = BTreeMap::new();
    for r in split {
        *by.entry((r.workload.as_deref(), r.part, r.stage)).or_default() += r.usd.0;
    }
    csv(
        &["workload", "part", "stage", "usd"],
        by.into_iter().map(|((w, p, s), usd)| {
            vec![w.unwrap_or_default().to_owned(), p.key().to_owned(), s.unwrap_or_default().to_owned(), usd.exact()]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn bars_and_credits_add_up_to_the_bill() {
        let o = sample::spot();
        let split = o.split();
        let rows = rows(&o, &split);
        let drawn: f64 = rows.iter().map(|r| r.groups.values().sum::<f64>() + r.credit).sum();
        assert!((drawn - o.bill().to_f64()).abs() < 1e-6);
        for r in rows.iter().filter(|r| r.name == "tune") {
            let parts: f64 = details(&split, "tune").iter().map(|p| p.1).sum();
            assert!((parts - r.usd.to_f64()).abs() < 1e-6);
        }
    }

    #[test]
    fn every_part_belongs_to_a_group_that_has_a_colour_of_its_own() {
        let inks: std::collections::BTreeSet<(u8, u8, u8)> = Group::ALL.iter().map(|g| g.style().0.rgb).collect();
        assert_eq!(inks.len(), Group::ALL.len());
        assert!(Part::ALL.iter().all(|p| Group::ALL.contains(&Group::of(*p))));
    }
}
