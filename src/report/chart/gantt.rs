//! What one run did, from its arrival to its end: a lane for each pool that it was on, one for waiting.

use std::collections::BTreeSet;

use super::{Drawing, csv, num, share};
use crate::outcome::{Finish, Outcome, RunOutcome, Stretch, WorkOutcome};
use crate::report::axes::{About, Plot, Scale, Swatch, key, page};
use crate::report::scene::{Anchor, Area, Scene, Text};
use crate::report::theme::{
    self, BLACK, BLUE, GREY, HEAD_PX, Ink, LABEL_PX, MID, ORANGE, PALE, PURPLE, SKY, SLATE, VERMILION, WHITE,
};
use crate::report::words;
use crate::units::Activity;

/// The most lanes of pools; those beyond, with the least time, are left out.
const LANES: usize = 10;
/// What is shorter is still drawn so wide, unless it is work.
const LEAST_PX: f64 = 3.0;
const HOUR: f64 = 3.6e12;

/// How a stretch looks: in the order of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Spot,
    OnDemand,
    Owned,
    SetUp,
    Save,
    Boot,
    Waiting,
    Wasted,
    Other,
}

impl Look {
    fn of(s: &Stretch) -> Look {
        use Activity as A;
        match s.activity {
            None => Look::Waiting,
            Some(A::Lost | A::Discarded) => Look::Wasted,
            Some(A::Restart | A::ColdStart) => Look::SetUp,
            Some(A::CheckpointStall) => Look::Save,
            Some(A::Boot) => Look::Boot,
            Some(A::Productive | A::InputStall) => match s.market.as_str() {
                "spot" => Look::Spot,
                "owned" => Look::Owned,
                _ => Look::OnDemand,
            },
            Some(_) => Look::Other,
        }
    }

    /// What is drawn over what.
    const fn layer(self) -> u8 {
        match self {
            Look::Spot | Look::OnDemand | Look::Owned => 0,
            Look::Save | Look::Wasted => 2,
            _ => 1,
        }
    }

    /// Colour, hatching, and what the key says.
    const fn style(self) -> (Ink, Option<Ink>, &'static str) {
        match self {
            Look::Spot => (BLUE, None, "working on spot"),
            Look::OnDemand => (ORANGE, None, "working on demand"),
            Look::Owned => (SLATE, None, "working on owned capacity"),
            Look::SetUp => (PURPLE, None, "setting up"),
            Look::Save => (SKY, None, "saving"),
            Look::Boot => (PALE, Some(GREY), "getting nodes, booting"),
            Look::Waiting => (WHITE, Some(MID), "waiting without capacity"),
            Look::Wasted => (VERMILION, Some(WHITE), "work that was lost"),
            Look::Other => (MID, None, "anything else"),
        }
    }
}

/// The run that is drawn: of those whose whole life was recorded, the one of median length; the first where there is none.
fn chosen(r: &RunOutcome) -> Option<(Option<&Finish>, Vec<&Stretch>)> {
    let of = |n: u64| r.timeline.iter().filter(move |s| s.ordinal == n);
    let seen: BTreeSet<u64> = r.timeline.iter().map(|s| s.ordinal).collect();
    let whole = |f: &&Finish| seen.contains(&f.ordinal) && of(f.ordinal).map(|s| s.to_ns).max() >= Some(f.end_ns);
    let mut all: Vec<&Finish> = r.finishes.iter().filter(whole).collect();
    all.sort_by_key(|f| (f.end_ns - f.arrive_ns.min(f.end_ns), f.ordinal));
    let finish = all.get(all.len() / 2).copied();
    let n = finish.map_or_else(|| seen.first().copied(), |f| Some(f.ordinal))?;
    Some((finish, of(n).collect()))
}

/// Hours of the stretches that a filter lets through.
fn hours<'a>(s: impl IntoIterator<Item = &'a &'a Stretch>, of: impl Fn(Look) -> bool) -> f64 {
    s.into_iter().filter(|s| of(Look::of(s))).map(|s| (s.to_ns - s.from_ns) as f64 / HOUR).sum()
}

const fn is_work(l: Look) -> bool {
    matches!(l, Look::Spot | Look::OnDemand | Look::Owned)
}

fn title(name: &str, finish: Option<&Finish>, deadline: Option<u64>, of: &[&Stretch]) -> String {
    let end = finish.map(|f| f.end_ns - f.arrive_ns.min(f.end_ns));
    let done = finish.is_some_and(|f| f.done);
    let mut text = match (end, deadline) {
        (Some(e), Some(d)) if done && e <= d => format!("{name} finished {} before its deadline", words::length(d - e)),
        (Some(e), Some(d)) if done => format!("{name} finished {} after its deadline", words::length(e - d)),
        (Some(e), None) if done => format!("{name} finished after {}", words::length(e)),
        _ => format!("{name} had not finished when the window closed"),
    };
    let work = hours(of, is_work);
    let spot = hours(of, |l| l == Look::Spot);
    if work > 0.0 {
        text.push_str(&format!("; {} of its computing was on spot", words::percent(share(spot, work))));
    }
    if let Some(f) = finish.filter(|f| f.attempts > 1) {
        text.push_str(&format!(", in {} attempts", words::count(u64::from(f.attempts))));
    }
    text
}

/// Ticks of whole hours, at most ten.
fn hour_ticks(to_h: f64) -> Vec<(f64, String)> {
    let step = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0, 720.0].into_iter().find(|s| to_h / s <= 10.0);
    let step = step.unwrap_or((to_h / 10.0).ceil());
    let (step, n) = if to_h < 1.0 { (to_h.max(1e-6) / 4.0, 4) } else { (step, (to_h / step) as u32) };
    (0..=n).map(|i| f64::from(i) * step).map(|v| (v * HOUR, words::number(v, words::decimals(step).min(3)))).collect()
}

/// Draws it for the first workload whose runs buy their own capacity; `None` where none does.
#[must_use]
pub fn draw(o: &Outcome, about: &About) -> Option<Drawing> {
    let runs = o.work.iter().filter_map(|w| Some((w, w.run.as_ref()?)));
    let (work, run): (&WorkOutcome, &RunOutcome) = runs.into_iter().find(|(_, r)| !r.timeline.is_empty())?;
    let (finish, stretches) = chosen(run)?;
    let (first, last) = (stretches.iter().map(|s| s.from_ns).min()?, stretches.iter().map(|s| s.to_ns).max()?);
    let name = format!("{}-{}", work.name, stretches[0].ordinal);
    let origin = finish.map_or(first, |f| f.arrive_ns.min(first));
    let deadline = about.deadlines.iter().find(|d| d.0 == work.name).map(|d| d.1);
    let title = title(&name, finish, deadline, &stretches);
    let note =
        "of the runs recorded from start to end, the one of median length; what is short is drawn wide enough to see";
    let (mut s, body) = page(&title, note, about);

    // Lanes in the outcome's order of pools, the waiting last.
    let mut lanes: Vec<(String, String)> = Vec::new();
    let mut pools: Vec<&crate::outcome::PoolOutcome> =
        o.pools.iter().filter(|p| stretches.iter().any(|s| s.pool == p.name)).collect();
    if pools.len() > LANES {
        let time = |p: &str| stretches.iter().filter(|s| s.pool == p).map(|s| s.to_ns - s.from_ns).sum::<u64>();
        let mut order: Vec<u64> = pools.iter().map(|p| time(&p.name)).collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        let least = order[LANES - 1];
        pools.retain(|p| time(&p.name) >= least);
        pools.truncate(LANES);
    }
    lanes.extend(pools.iter().map(|p| (p.name.clone(), p.market.clone())));
    if stretches.iter().any(|s| s.activity.is_none()) {
        lanes.push((String::new(), "no capacity".into()));
    }

    let looks: BTreeSet<Look> = stretches.iter().map(|s| Look::of(s)).collect();
    let mut entries: Vec<(Swatch, &str)> = looks
        .iter()
        .map(|l| match l.style() {
            (ink, None, text) => (Swatch::Fill(ink), text),
            (ink, Some(h), text) => (Swatch::Hatch(ink, h), text),
        })
        .collect();
    if deadline.is_some() {
        entries.push((Swatch::Dash(BLACK, 3), "deadline"));
    }
    let top = key(&mut s, &body, body.y0 + 16.0, &entries);

    let left = lanes.iter().map(|l| theme::width(lane_name(l), HEAD_PX, true)).fold(120.0, f64::max).min(420.0);
    let notes: Vec<String> = lanes.iter().map(|l| lane_note(&stretches, l)).collect();
    let right = notes.iter().map(|n| theme::width(n, LABEL_PX, false)).fold(0.0, f64::max);
    let area = Area::new(body.x0 + left + 24.0, top + 40.0, body.x1 - right - 28.0, body.y1 - 72.0);
    let pitch = (area.h() / lanes.len().max(1) as f64).min(190.0);
    let area = Area { y1: area.y0 + pitch * lanes.len() as f64, ..area };
    let end = deadline.map_or(last, |d| last.max(origin + d)) - origin;
    let plot = Plot { area, x: Scale::Linear(0.0, end as f64 * 1.01), y: Scale::Linear(0.0, 1.0) };
    plot.x_axis(&mut s, &hour_ticks(end as f64 / HOUR), "hours since the run arrived");
    for (i, lane) in lanes.iter().enumerate() {
        let y = area.y0 + pitch * (i as f64 + 0.5);
        let half = (pitch * 0.33).min(52.0);
        s.line((area.x0, y + pitch / 2.0), (area.x1, y + pitch / 2.0), theme::GRID, 1);
        let mine: Vec<&&Stretch> = stretches.iter().filter(|s| s.pool == lane.0).collect();
        // Work first and saves and losses last: what is short and drawn wider lies over what is long.
        for layer in 0..3 {
            for st in mine.iter().filter(|s| Look::of(s).layer() == layer) {
                bar(&mut s, &plot, st, origin, (y, half), layer == 0);
            }
        }
        let text = theme::fit(lane_name(lane), HEAD_PX, true, 420.0);
        // Two lines where there is room for them: colours tell the markets apart as well.
        if pitch >= 76.0 {
            let market = if lane.0.is_empty() { "waiting" } else { &lane.1 };
            s.bold(area.x0 - 18.0, y - 4.0, text, HEAD_PX, BLACK, Anchor::End);
            s.text(area.x0 - 18.0, y + 26.0, market, theme::TICK_PX, GREY, Anchor::End);
        } else {
            s.bold(area.x0 - 18.0, y + 10.0, text, HEAD_PX, BLACK, Anchor::End);
        }
        s.text(area.x1 + 16.0, y + 8.0, notes[i].clone(), LABEL_PX, GREY, Anchor::Start);
    }
    if let Some(d) = deadline {
        let x = plot.px(d as f64);
        s.dashed(&[(x, area.y0 - 30.0), (x, area.y1)], BLACK, 3, 12.0, 7.0);
        let text = format!("deadline after {}", words::length(d));
        let t =
            Text { x: x - 12.0, y: area.y0 - 14.0, text, px: LABEL_PX, bold: false, ink: BLACK, anchor: Anchor::End };
        s.label(t);
    }
    Some(Drawing { name: "gantt", title, scene: s, csv: table(&stretches, origin) })
}

fn lane_name(l: &(String, String)) -> &str {
    if l.0.is_empty() { &l.1 } else { &l.0 }
}

fn lane_note(stretches: &[&Stretch], lane: &(String, String)) -> String {
    let mine: Vec<&Stretch> = stretches.iter().copied().filter(|s| s.pool == lane.0).collect();
    let ns = |h: f64| words::length((h * HOUR).round() as u64);
    if lane.0.is_empty() {
        return ns(hours(&mine, |_| true));
    }
    format!("{} of work", ns(hours(&mine, is_work)))
}

fn bar(s: &mut Scene, plot: &Plot, st: &Stretch, origin: u64, (y, half): (f64, f64), work: bool) {
    let at = |t: u64| plot.px((t - origin.min(t)) as f64);
    let (x0, mut x1) = (at(st.from_ns), at(st.to_ns));
    if !work {
        x1 = x1.max(x0 + LEAST_PX);
    }
    let area = Area::new(x0, y - half, x1, y + half);
    let (ink, hatch, _) = Look::of(st).style();
    s.rect(area, ink);
    if let Some(h) = hatch.filter(|_| area.w() >= 6.0) {
        s.hatch(area, h, 8.0);
    } else if ink == WHITE {
        s.rect(area, MID.tint(0.6));
    }
}

fn table(stretches: &[&Stretch], origin: u64) -> String {
    let hours = |t: u64| num((t - origin.min(t)) as f64 / HOUR);
    csv(
        &["ordinal", "from_h", "to_h", "pool", "market", "activity"],
        stretches.iter().map(|s| {
            vec![
                s.ordinal.to_string(),
                hours(s.from_ns),
                hours(s.to_ns),
                s.pool.clone(),
                s.market.clone(),
                s.activity.map_or("waiting", Activity::key).to_owned(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(ordinal: u64, from: f64, to: f64, market: &str, activity: Option<Activity>) -> Stretch {
        let pool = market.to_owned();
        Stretch {
            ordinal,
            pool: pool.clone(),
            market: pool,
            activity,
            from_ns: (from * HOUR) as u64,
            to_ns: (to * HOUR) as u64,
        }
    }

    #[test]
    fn the_run_of_median_length_is_drawn_and_one_cut_short_is_not() {
        let finish = |ordinal, end: f64| Finish {
            ordinal,
            arrive_ns: 0,
            end_ns: (end * HOUR) as u64,
            done: true,
            met: None,
            attempts: 1,
        };
        let p = Some(Activity::Productive);
        let r = RunOutcome {
            finishes: vec![finish(0, 5.0), finish(1, 9.0), finish(2, 7.0), finish(3, 99.0)],
            timeline: vec![
                stretch(0, 0.0, 5.0, "spot", p),
                stretch(1, 0.0, 9.0, "spot", p),
                stretch(2, 0.0, 7.0, "spot", p),
                stretch(3, 0.0, 8.0, "spot", p),
            ],
            ..RunOutcome::default()
        };
        assert_eq!(chosen(&r).unwrap().0.unwrap().ordinal, 2);
        assert!(chosen(&RunOutcome::default()).is_none());
    }

    #[test]
    fn the_title_says_how_far_from_the_deadline_and_how_much_on_spot() {
        let f = Finish { ordinal: 0, arrive_ns: 0, end_ns: 10 * HOUR as u64, done: true, met: Some(true), attempts: 3 };
        let p = Some(Activity::Productive);
        let s =
            [stretch(0, 0.0, 6.0, "spot", p), stretch(0, 6.0, 8.0, "on-demand", p), stretch(0, 8.0, 10.0, "", None)];
        let s: Vec<&Stretch> = s.iter().collect();
        let text = title("tune-0", Some(&f), Some(12 * HOUR as u64), &s);
        assert_eq!(text, "tune-0 finished 2 h before its deadline; 75 % of its computing was on spot, in 3 attempts");
    }
}
