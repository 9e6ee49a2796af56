//! When it finishes: the distribution of finish times over the replications, with deadlines.

use super::{Drawing, csv, num};
use crate::experiment::luck::{Finish, Misses};
use crate::experiment::{Bound, Candidate, Quantile};
use crate::report::axes::{About, Plot, Scale, page, plain, ticks};
use crate::report::scene::{Anchor, Area, Scene, Shape, Text, spread};
use crate::report::theme::{self, BLACK, GREY, Ink, LABEL_PX, TICK_PX, VERMILION, WHITE};
use crate::report::words;

/// The most lines drawn.
pub(super) const LINES: usize = 5;

/// The colour of a candidate by its place, told apart from its neighbours; vermilion is kept for what is missed.
pub(super) fn ink(i: usize) -> Ink {
    [theme::BLUE, theme::ORANGE, theme::GREEN, theme::PURPLE, theme::SKY].get(i).copied().unwrap_or(theme::SLATE)
}

/// The workload that finish times are told of: the first with a deadline, else the first whose finish is known.
#[must_use]
pub fn about_work(all: &[Candidate]) -> Option<usize> {
    let first = &all.first()?.luck.work;
    let known = |deadline: bool| first.iter().position(|w| w.makespan.is_some() && (!deadline || w.deadline.is_some()));
    known(true).or_else(|| known(false))
}

/// A quantile in words: hours up to ten days, then days, to a tenth; or what there is instead of a time.
#[must_use]
pub fn time(b: Option<Bound>) -> String {
    match b {
        Some(Bound::At(s)) if s < 7_200.0 => words::length((s * 1e9) as u64),
        Some(Bound::At(s)) if s < DAYS_FROM => format!("{} h", words::number(s / 3_600.0, 1)),
        Some(Bound::At(s)) => format!("{} d", words::number(s / 86_400.0, 1)),
        Some(Bound::Beyond) => "beyond the horizon".to_owned(),
        Some(Bound::TooFew) | None => "–".to_owned(),
    }
}

/// Times are told in days from here on; seconds.
pub(super) const DAYS_FROM: f64 = 864_000.0;

/// A quantile with its interval, in words: `35.1 h (34.9–35.3 h)`; `?` where so few runs give no bound.
#[must_use]
pub fn with_interval(q: &Quantile) -> String {
    let side = |b: Bound| match b {
        Bound::TooFew => "?".to_owned(),
        Bound::Beyond => "beyond".to_owned(),
        b => time(Some(b)),
    };
    match (q.value, q.low, q.high) {
        (Bound::TooFew, ..) => time(None),
        (v, Bound::TooFew, Bound::TooFew) => time(Some(v)),
        (v @ Bound::Beyond, Bound::Beyond | Bound::TooFew, _) => time(Some(v)),
        (v, a, b) => {
            let (a, b) = (side(a), side(b));
            // The unit once, where both ends have it.
            let a = a.strip_suffix(" h").filter(|_| b.ends_with(" h")).unwrap_or(&a);
            let a = a.strip_suffix(" d").filter(|_| b.ends_with(" d")).unwrap_or(a);
            format!("{} ({a}–{b})", time(Some(v)))
        }
    }
}

/// How often a deadline is missed, in words: `misses its deadline in 3 % of 100 runs (0.6–8.5 %)`.
#[must_use]
pub fn misses(m: &Misses, n: u32) -> String {
    let range = format!("({}–{})", words::percent(m.low).trim_end_matches(" %"), words::percent(m.high));
    let share = if m.unknown == 0 {
        words::percent(m.least)
    } else {
        format!("{} to {}", words::percent(m.least), words::percent(m.most))
    };
    let cut = match m.unknown {
        0 => String::new(),
        k => format!("; {} were over before it was known", words::count(u64::from(k))),
    };
    format!("misses its deadline in {share} of {} runs {range}{cut}", words::count(u64::from(n)))
}

fn title(all: &[&Candidate], work: usize) -> String {
    let of = |c: &Candidate, p: f64| c.luck.work[work].makespan.as_ref().and_then(|m| m.at(p)).map(|q| q.value);
    let base = all[0];
    let name = &base.luck.work[work].name;
    let mut text = match (of(base, 0.5), of(base, 0.9)) {
        (a @ Some(Bound::At(_)), b @ Some(Bound::At(_))) => {
            format!("Half of the runs of {name} finish within {}, nine in ten within {}", time(a), time(b))
        }
        (a @ Some(Bound::At(_)), _) => {
            format!("Half of the runs of {name} finish within {}, but not nine in ten within the horizon", time(a))
        }
        _ => format!("Most runs of {name} do not finish within the horizon"),
    };
    if let Some(m) = base.luck.work[work].deadline {
        text.push_str(&match (m.missed, m.unknown) {
            (0, 0) => "; none misses its deadline".to_owned(),
            (_, 0) => format!("; {} miss the deadline", words::percent(m.least)),
            _ => format!("; {} to {} miss the deadline", words::percent(m.least), words::percent(m.most)),
        });
    }
    let p90 = |c: &Candidate| of(c, 0.9).and_then(Bound::value);
    let soonest = all[1..].iter().filter(|c| p90(c).is_some());
    if let Some(best) = soonest.min_by(|a, b| p90(a).unwrap_or(0.0).total_cmp(&p90(b).unwrap_or(0.0)))
        && p90(best) < Some(p90(base).unwrap_or(f64::INFINITY) * 0.995)
    {
        let more = format!("{text}; nine in ten of {} within {}", best.name(), time(of(best, 0.9)));
        // Two lines of the title's type have room for about so much.
        if theme::width(&more, theme::TITLE_PX, true) < 1.85 * (f64::from(theme::WIDTH) - 160.0) {
            text = more;
        }
    }
    text
}

/// Times at which a candidate's runs finished, ascending, hours; how many did not; and the latest time looked at.
fn times(c: &Candidate, work: usize) -> (Vec<f64>, f64) {
    let hours = |ns: u64| ns as f64 / 3.6e12;
    let mut done: Vec<f64> = Vec::new();
    let mut end: f64 = 0.0;
    for r in &c.reps {
        match r.work.get(work).and_then(|w| w.finish) {
            Some(Finish::After(ns)) => done.push(hours(ns)),
            Some(Finish::Beyond(ns)) => end = end.max(hours(ns)),
            _ => {}
        }
    }
    done.sort_by(f64::total_cmp);
    (done, end)
}

/// Draws it; none unless a workload's finish is known in at least two replications.
#[must_use]
pub fn draw(all: &[Candidate], about: &About) -> Option<Drawing> {
    let work = about_work(all)?;
    let with: Vec<&Candidate> =
        all.iter().filter(|c| c.luck.n > 1 && c.luck.work.get(work).is_some_and(|w| w.makespan.is_some())).collect();
    if with.is_empty() || with[0].variant != all[0].variant {
        return None;
    }
    let title = title(&with, work);
    let shown = &with[..with.len().min(LINES)];
    let mut note = "from the first arrival to the last finish; discs mark P50 and P90".to_owned();
    if with.len() > shown.len() {
        note.push_str(&format!("; {} more variants are in finishes.csv", with.len() - shown.len()));
    }
    let (mut s, body) = page(&title, &note, about);
    let data: Vec<(Vec<f64>, f64)> = shown.iter().map(|c| times(c, work)).collect();
    let deadline = |c: &Candidate| c.luck.work[work].deadline.map(|m| m.deadline_s / 3_600.0);

    let xs = || data.iter().flat_map(|(d, end)| d.iter().copied().chain((*end > 0.0).then_some(*end)));
    let marks = || shown.iter().filter_map(|c| deadline(c));
    let (lo, hi) = xs().chain(marks()).fold((f64::MAX, f64::MIN), |a, v| (a.0.min(v), a.1.max(v)));
    if lo > hi {
        return None;
    }
    let pad = ((hi - lo) * 0.06).max(hi * 0.01).max(1e-6);
    let (lo, hi) = ((lo - pad).max(0.0), hi + pad);
    let (unit, per) = unit(hi);
    let notes: Vec<[String; 3]> = shown.iter().map(|c| beside(c, work)).collect();
    let right = notes.iter().flatten().map(|t| theme::width(t, LABEL_PX, false)).fold(0.0, f64::max).min(560.0);
    let area = Area::new(body.x0 + 90.0, body.y0 + 90.0, body.x1 - right - 60.0, body.y1 - 76.0);
    let plot = Plot { area, x: Scale::Linear(lo, hi), y: Scale::Linear(0.0, 1.0) };
    let y: Vec<(f64, String)> = [0.0, 0.25, 0.5, 0.75, 0.9, 1.0].iter().map(|p| (*p, words::percent(*p))).collect();
    plot.y_axis(&mut s, &y, "share of runs finished by then");
    let (t, step) = ticks(lo / per, hi / per, 8);
    let t: Vec<(f64, String)> = plain(&t, step).into_iter().map(|(v, t)| (v * per, t)).collect();
    plot.x_axis(&mut s, &t, unit);

    vertical_marks(&mut s, &plot, shown, &data, &deadline);
    for (i, (c, (done, end))) in shown.iter().zip(&data).enumerate() {
        let n = c.luck.n as f64;
        let mut points = vec![(plot.area.x0, plot.py(0.0))];
        for (k, h) in done.iter().enumerate() {
            points.push((plot.px(*h), plot.py(k as f64 / n)));
            points.push((plot.px(*h), plot.py((k + 1) as f64 / n)));
        }
        let last = if *end > 0.0 { plot.px(*end) } else { plot.area.x1 };
        points.push((last, plot.py(done.len() as f64 / n)));
        s.path(points, ink(i), 4);
        for p in [0.5, 0.9] {
            let q = c.luck.work[work].makespan.as_ref().and_then(|m| m.at(p));
            if let Some(Bound::At(v)) = q.map(|q| q.value) {
                let at = plot.at(v / 3_600.0, p);
                s.shapes.push(Shape::Disc(at, 11.0, WHITE));
                s.shapes.push(Shape::Disc(at, 9.0, ink(i)));
            }
        }
    }
    name_lines(&mut s, &plot, &notes, &data, shown);
    Some(Drawing { name: "finishes", title, scene: s, csv: table(&with, work) })
}

/// The unit of the axis and how many hours it has.
fn unit(hi: f64) -> (&'static str, f64) {
    match () {
        () if hi < 2.0 => ("minutes from the first arrival", 1.0 / 60.0),
        () if hi * 3_600.0 >= DAYS_FROM => ("days from the first arrival", 24.0),
        () => ("hours from the first arrival", 1.0),
    }
}

/// What is said beside a line: its name, quantiles, deadline.
fn beside(c: &Candidate, work: usize) -> [String; 3] {
    let w = &c.luck.work[work];
    let q = |p| time(w.makespan.as_ref().and_then(|m| m.at(p)).map(|q| q.value));
    let cost = c.luck.cost.as_ref().map_or_else(String::new, |s| format!(" · {} USD", words::dollars(s.mean.mean)));
    let miss = match w.deadline {
        Some(m) if m.unknown == 0 => format!("misses {}", words::percent(m.least)),
        Some(m) => format!("misses {} to {}", words::percent(m.least), words::percent(m.most)),
        None => match w.makespan.as_ref().map_or(0, |m| m.beyond + m.never) {
            0 => format!("{} runs", words::count(u64::from(c.luck.n))),
            k => format!("{k} of {} not finished", words::count(u64::from(c.luck.n))),
        },
    };
    let name = theme::fit(c.name(), LABEL_PX, true, 440.0);
    [name, format!("P50 {}, P90 {}", q(0.5), q(0.9)), format!("{miss}{cost}")]
}

/// Deadlines, and where the horizon cut runs off.
fn vertical_marks(
    s: &mut Scene,
    plot: &Plot,
    shown: &[&Candidate],
    data: &[(Vec<f64>, f64)],
    deadline: &dyn Fn(&Candidate) -> Option<f64>,
) {
    let mut marks: Vec<(f64, String, Ink)> = Vec::new();
    for c in shown {
        if let Some(h) = deadline(c)
            && marks.iter().all(|m| (m.0 - h).abs() > 1e-9)
        {
            marks.push((h, format!("deadline {}", words::length((h * 3.6e12) as u64)), VERMILION));
        }
    }
    let end = data.iter().map(|d| d.1).fold(0.0, f64::max);
    if end > 0.0 {
        marks.push((end, "horizon".to_owned(), GREY));
    }
    for (h, text, ink) in marks {
        let x = plot.px(h);
        s.dashed(&[(x, plot.area.y0 - 8.0), (x, plot.area.y1)], ink, 3, 14.0, 8.0);
        let w = theme::width(&text, LABEL_PX, true) / 2.0;
        let x = x.clamp(plot.area.x0 + w + 330.0, plot.area.x1.max(plot.area.x0 + w + 331.0));
        let like = Text { x, y: 0.0, text, px: LABEL_PX, bold: true, ink, anchor: Anchor::Middle };
        let bounds = Area::new(0.0, 0.0, f64::from(theme::WIDTH), plot.area.y1);
        let y = plot.area.y0 - 20.0;
        let places: Vec<_> = [0.0, -32.0, -60.0].iter().map(|d| (x, y + d, Anchor::Middle)).collect();
        crate::report::axes::place(s, &bounds, &places, &like);
    }
}

/// Names and figures at the right, in the order of P50, each with its colour.
fn name_lines(s: &mut Scene, plot: &Plot, notes: &[[String; 3]], data: &[(Vec<f64>, f64)], shown: &[&Candidate]) {
    // Later lines lie lower at any height, so that reading down is reading from the soonest to the latest.
    let mut order: Vec<usize> = (0..notes.len()).collect();
    let median = |i: usize| data[i].0.get(shown[i].reps.len() / 2).copied().unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| median(*a).total_cmp(&median(*b)).then(a.cmp(b)));
    let step = 132.0;
    let want: Vec<f64> = (0..order.len()).map(|k| plot.area.y0 + 40.0 + step * k as f64).collect();
    let ys = spread(&want, step, plot.area.y0, plot.area.y1 - 70.0);
    let x = plot.area.x1 + 24.0;
    for (k, y) in order.iter().zip(ys) {
        s.rect(Area::new(x, y - 19.0, x + 10.0, y + 70.0), ink(*k));
        s.bold(x + 24.0, y, notes[*k][0].clone(), LABEL_PX, BLACK, Anchor::Start);
        for (j, t) in notes[*k][1..].iter().enumerate() {
            let t = theme::fit(t, TICK_PX, false, f64::from(theme::WIDTH) - x - 40.0);
            s.text(x + 24.0, y + 33.0 * (j + 1) as f64, t, TICK_PX, GREY, Anchor::Start);
        }
    }
}

/// One row a replication that finished; what did not has no time.
fn table(all: &[&Candidate], work: usize) -> String {
    let rows = all.iter().flat_map(|c| {
        let (done, _) = times(c, work);
        let n = f64::from(c.luck.n);
        let name = c.luck.work[work].name.clone();
        done.into_iter()
            .enumerate()
            .map(move |(k, h)| vec![c.name().to_owned(), name.clone(), num(h), num((k + 1) as f64 / n)])
    });
    csv(&["variant", "workload", "hours", "share_finished"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::fixture::{minutes, v7};
    use crate::experiment::{Control, Rep, replicate};

    fn candidate(variant: Option<&str>, tau: f64, horizon_min: f64, deadline_min: Option<f64>) -> Candidate {
        let mut model = v7(tau);
        model.variant = variant.map(str::to_owned);
        model.horizon = minutes(horizon_min);
        let reps = replicate(&model, 1, 0..40, Control::default(), |r, o| Rep::of(&model, r, o));
        let mut c = Candidate::of(&model, 1, 40, reps);
        c.luck.work[0].deadline = deadline_min.map(|d| Misses {
            deadline_s: d * 60.0,
            missed: 2,
            met: 30,
            unknown: 8,
            least: 0.05,
            most: 0.25,
            low: 0.006,
            high: 0.41,
        });
        c
    }

    fn about() -> About {
        About { subtitle: "v7".into(), footnote: "simulated".into(), ..About::default() }
    }

    #[test]
    fn the_title_says_when_half_and_nine_in_ten_are_done() {
        let all = [candidate(None, 10.0, 1e5, None), candidate(Some("hourly"), 60.0, 1e5, None)];
        let d = draw(&all, &about()).unwrap();
        assert_eq!(d.scene.faults(), Vec::<String>::new());
        let title = d.title.clone();
        // The mean is 34.9 h, and one run's deviation 2.1 h.
        assert!(title.starts_with("Half of the runs of run finish within 3") && title.contains("nine in ten within 3"));
        assert_eq!(d.csv.lines().count(), 1 + 80);
    }

    #[test]
    fn deadlines_and_the_horizon_are_marked_and_nothing_overlaps() {
        let long = "a-variant-with-a-name-of-sixty-three-characters-as-long-as-it-is";
        let mut all = vec![candidate(None, 10.0, 2_100.0, Some(2_000.0))];
        all.extend(
            (0..7).map(|i| candidate(Some(long), 4.0 + f64::from(i) * 6.0, 2_150.0, Some(2_000.0 + f64::from(i)))),
        );
        let d = draw(&all, &about()).unwrap();
        assert_eq!(d.scene.faults(), Vec::<String>::new());
        let says = |t: &str| d.scene.texts.iter().any(|x| x.text.contains(t));
        assert!(says("deadline 1 d 9 h") && says("3 more variants"));
        assert!(d.title.contains("miss the deadline"), "{}", d.title);
    }

    #[test]
    fn there_is_nothing_to_draw_without_finish_times() {
        assert_eq!(draw(&[], &about()), None);
        let mut c = candidate(None, 10.0, 1e5, None);
        c.luck.work[0].makespan = None;
        assert_eq!(draw(&[c], &about()), None);
        let mut c = candidate(None, 10.0, 1e5, None);
        c.luck.n = 1;
        assert_eq!(draw(&[c], &about()), None, "one run has no distribution");
    }

    #[test]
    fn quantiles_are_told_with_their_intervals() {
        let h = |v: f64| Bound::At(v * 3_600.0);
        let q = |value, low, high| with_interval(&Quantile { p: 0.9, value, low, high });
        assert_eq!(q(h(35.06), h(34.9), h(35.3)), "35.1 h (34.9–35.3 h)");
        assert_eq!(q(h(35.0), h(34.9), Bound::TooFew), "35.0 h (34.9 h–?)");
        assert_eq!(q(h(239.0), h(230.0), h(480.0)), "239.0 h (230.0 h–20.0 d)");
        assert_eq!(q(h(35.0), Bound::TooFew, Bound::TooFew), "35.0 h");
        assert_eq!(q(h(35.0), h(34.0), Bound::Beyond), "35.0 h (34.0 h–beyond)");
        assert_eq!(q(Bound::Beyond, h(34.0), Bound::Beyond), "beyond the horizon (34.0 h–beyond)");
        assert_eq!(q(Bound::Beyond, Bound::Beyond, Bound::TooFew), "beyond the horizon");
    }

    #[test]
    fn misses_are_told_with_what_is_unknown() {
        let m = candidate(None, 10.0, 1e5, Some(1.0)).luck.work[0].deadline.unwrap();
        assert_eq!(
            misses(&m, 40),
            "misses its deadline in 5 % to 25 % of 40 runs (0.6–41 %); 8 were over before it was known"
        );
        assert_eq!(misses(&Misses { unknown: 0, ..m }, 40), "misses its deadline in 5 % of 40 runs (0.6–41 %)");
    }
}
