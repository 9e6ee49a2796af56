//! How replicas start: what each stage takes, and all of it.

use super::service::{Shown, every};
use super::{Drawing, csv, num};
use crate::kernel::Histogram;
use crate::outcome::{DeploymentOutcome, Outcome, StartStage};
use crate::report::axes::{About, Plot, Scale, Swatch, from_zero, key, page, plain};
use crate::report::scene::{Anchor, Area};
use crate::report::theme::{self, BLACK, BLUE, GREY, HEAD_PX, Ink, LABEL_PX, ORANGE, PALE, SKY};
use crate::report::words;

/// The most deployments.
const ROWS: usize = 10;
/// The name of each stage and its colour.
const STAGES: [(StartStage, &str, Ink); 4] = [
    (StartStage::Schedule, "waiting for a place (costs nothing)", PALE),
    (StartStage::Image, "pulling the image", SKY),
    (StartStage::Load, "loading weights", BLUE),
    (StartStage::WarmUp, "warming up", ORANGE),
];

/// Means of the stages, s: they add up, as quantiles do not.
fn means(d: &DeploymentOutcome) -> [f64; 4] {
    STAGES.map(|(s, ..)| d.stages.get(s as usize).and_then(Histogram::mean).unwrap_or(0.0) / 1e9)
}

fn title(all: &[(Shown, &DeploymentOutcome)]) -> String {
    let whole = |d: &DeploymentOutcome| means(d).iter().sum::<f64>();
    let Some((_, d)) = all.iter().reduce(|a, b| if whole(b.1) > whole(a.1) { b } else { a }) else {
        return "No replica started".into();
    };
    let m = means(d);
    let most = (0..4).reduce(|a, b| if m[b] > m[a] { b } else { a }).unwrap_or(0);
    format!(
        "A replica of {} starts in {} on average; {} of that is {}",
        words::shorten(&d.name, 28),
        words::length((whole(d) * 1e9) as u64),
        words::percent(super::share(m[most], whole(d))),
        STAGES[most].1.split(" (").next().unwrap_or_default()
    )
}

/// Draws it; `None` where nothing started.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let mut all: Vec<(Shown, &DeploymentOutcome)> = every(o)
        .flat_map(|s| s.service.deployments.iter().map(move |d| (s, d)))
        .filter(|(_, d)| d.start_up.count() > 0)
        .collect();
    if all.is_empty() {
        return None;
    }
    let title = title(&all);
    let rest = all.len().saturating_sub(ROWS);
    all.sort_by_key(|(_, d)| std::cmp::Reverse(d.start_up.count()));
    all.truncate(ROWS);
    let more = if rest > 0 {
        format!("{rest} more deployments, which started less often, are in the CSV; ")
    } else {
        String::new()
    };
    let (mut s, body) =
        page(&title, &format!("{more}bars: means of the stages, which add up; replicas that became ready"), about);
    let entries = STAGES.map(|(_, name, ink)| (Swatch::Fill(ink), name));
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);
    let name = |(s, d): &(Shown, &DeploymentOutcome)| match s.work.name == d.name {
        true => words::shorten(&d.name, 30),
        false => format!("{}: {}", words::shorten(&s.work.name, 14), words::shorten(&d.name, 16)),
    };
    let fact = |d: &DeploymentOutcome| {
        let at = |q: f64| d.start_up.quantile(q).map_or_else(|| "–".into(), words::length);
        let n = d.start_up.count();
        format!(
            "median {}, p99 {} · {} {}",
            at(0.5),
            at(0.99),
            words::count(n),
            if n == 1 { "start" } else { "starts" }
        )
    };
    let left = all.iter().map(|d| theme::width(&name(d), HEAD_PX, true)).fold(0.0, f64::max);
    let right = all.iter().map(|d| theme::width(&fact(d.1), LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + left + 24.0, top + 20.0, body.x1 - right - 30.0, body.y1 - 70.0);
    let most = all.iter().map(|d| means(d.1).iter().sum::<f64>()).fold(0.0, f64::max);
    let unit = if most >= 300.0 { 60.0 } else { 1.0 };
    let (hi, t, step) = from_zero(most / unit, 1e-3, 6);
    let plot = Plot { area, x: Scale::Linear(0.0, hi), y: Scale::Linear(0.0, 1.0) };
    plot.x_axis(&mut s, &plain(&t, step), if unit > 1.0 { "minutes" } else { "seconds" });
    let pitch = (area.h() / all.len() as f64).min(210.0);
    for (i, d) in all.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let half = (pitch * 0.3).min(48.0);
        let mut from = 0.0;
        for (v, (_, _, ink)) in means(d.1).into_iter().zip(STAGES) {
            let (x0, x1) = (plot.px(from / unit), plot.px((from + v) / unit));
            s.rect(Area::new(x0, y - half, x1, y + half), ink);
            let text = words::length((v * 1e9) as u64);
            if x1 - x0 > theme::width(&text, LABEL_PX, false) + 16.0 {
                s.text((x0 + x1) / 2.0, y + 8.0, text, LABEL_PX, ink.text_on(), Anchor::Middle);
            }
            from += v;
        }
        s.bold(area.x0 - 16.0, y + 9.0, name(d), HEAD_PX, BLACK, Anchor::End);
        s.text(area.x1 + 20.0, y + 8.0, fact(d.1), LABEL_PX, GREY, Anchor::Start);
    }
    Some(Drawing { name: "starts", title, scene: s, csv: table(o) })
}

fn table(o: &Outcome) -> String {
    let rows = every(o).flat_map(|s| s.service.deployments.iter().map(move |d| (s, d))).flat_map(|(s, d)| {
        let stages = StartStage::ALL.iter().filter_map(|k| Some((k.key(), d.stages.get(*k as usize)?)));
        let all: Vec<(&str, &Histogram)> = stages.chain([("start_up", &d.start_up)]).collect();
        all.into_iter().filter(|(_, h)| h.count() > 0).map(move |(stage, h)| {
            let at = |v: Option<f64>| v.map_or_else(String::new, |v| num(v / 1e9));
            let q = |p: f64| at(h.quantile(p).map(|v| v as f64));
            let name = [s.work.name.clone(), d.name.clone(), stage.to_owned()];
            name.into_iter().chain([h.count().to_string(), at(h.mean()), q(0.5), q(0.9), q(0.99)]).collect::<Vec<_>>()
        })
    });
    csv(&["service", "deployment", "stage", "replicas", "mean_s", "p50_s", "p90_s", "p99_s"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn stages_add_up_to_the_start_and_are_told() {
        let o = sample::services::outcome();
        let d = &o.work[0].service.as_ref().unwrap().deployments[1];
        // One of three found the image on its node; there was room for all. 75 s and 40 s are the scenario's.
        let pulled = d.stages[StartStage::Image as usize].mean().unwrap() / 1e9;
        let m = means(d);
        assert_eq!((m[0], m[2], m[3]), (0.0, 75.0, 40.0));
        assert!((m[1] - pulled).abs() < 1e-12 && (pulled - 140.0 * 2.0 / 3.0).abs() < 1e-6, "{m:?}");
        let whole = d.start_up.mean().unwrap() / 1e9;
        assert!((m.iter().sum::<f64>() - whole).abs() < 1e-6 * whole, "{m:?} {whole}");
        let all: Vec<_> = every(&o).flat_map(|s| s.service.deployments.iter().map(move |d| (s, d))).collect();
        // 280 / 3 of 280 / 3 + 115 s.
        assert_eq!(
            title(&all),
            "A replica of chat-v2 starts in 3 min 28 s on average; 45 % of that is pulling the image"
        );
    }
}
