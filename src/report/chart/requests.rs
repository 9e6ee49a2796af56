//! A trace of requests: how many come, and how long their prompts and answers are.

use super::{Drawing, csv, num};
use crate::report::axes::{About, Scale, page, plain, ticks};
use crate::report::plot::{self, Line};
use crate::report::scene::Area;
use crate::report::theme::{BLUE, GREEN, ORANGE};
use crate::report::words;

/// What a request trace looks like. Plain vectors: whoever inspects a trace fills them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestShape {
    /// The trace's name.
    pub name: String,
    /// Requests of each step from the trace's start.
    pub series: Vec<u64>,
    /// The length of a step, seconds.
    pub step_s: f64,
    /// The length of all of them, seconds: the last step may be cut short.
    pub span_s: f64,
    /// Tokens of a prompt at the median.
    pub input_median: f64,
    /// Tokens of an answer at the median.
    pub output_median: f64,
    /// The distribution of prompts: tokens, and the share of requests with at most so many.
    pub input: Vec<(f64, f64)>,
    /// That of answers.
    pub output: Vec<(f64, f64)>,
}

impl RequestShape {
    /// Requests a second in each step. What is left of a step at the end counts from half a step on: of less there is
    /// no rate.
    fn rates(&self) -> Vec<f64> {
        let rate = |(i, n): (usize, &u64)| {
            let length = (self.span_s - i as f64 * self.step_s).min(self.step_s);
            (length >= self.step_s / 2.0).then(|| *n as f64 / length)
        };
        self.series.iter().enumerate().map_while(rate).collect()
    }
}

/// Draws both; `None` for a trace too short to have a rate.
#[must_use]
pub fn draw(t: &RequestShape, about: &About) -> Option<Drawing> {
    let rates = t.rates();
    if rates.is_empty() || t.input.is_empty() || t.output.is_empty() {
        return None;
    }
    let requests: u64 = t.series.iter().sum();
    let mean = requests as f64 / t.span_s;
    let most = rates.iter().copied().fold(0.0, f64::max);
    let figure =
        |v: f64| words::number(v, if v < 0.1 { 4 } else { 2 - usize::from(v >= 1.0) - usize::from(v >= 100.0) });
    let step = words::length((t.step_s * 1e9) as u64);
    let title = format!(
        "{}: {} requests a second, {} in the busiest {step}; at the median {} tokens in, {} out",
        words::shorten(&t.name, 40),
        figure(mean),
        figure(most),
        words::number(t.input_median, 0),
        words::number(t.output_median, 0)
    );
    let note = format!("each step of the left curve is the mean of {step}");
    let (mut s, body) = page(&title, &note, about);
    let half = body.w() * 0.5;
    let left = Area { x1: body.x0 + half - 10.0, ..body };
    let right = Area { x0: body.x0 + half + 30.0, ..body };

    let at = |i: usize| (i as f64 + 0.5) * t.step_s;
    let points = rates.iter().enumerate().map(|(i, r)| (at(i), *r)).collect();
    let line = Line { name: "requests".into(), ink: BLUE, dashed: false, points };
    let (unit, x_ticks) = across(t.span_s);
    plot::lines(&mut s, left, &[line], Scale::Linear(0.0, t.span_s), &x_ticks, (unit, "requests a second"));

    let curve = |name: &str, ink, points: &[(f64, f64)]| {
        let points = points.to_vec();
        Line { name: name.into(), ink, dashed: false, points }
    };
    let curves = [curve("prompts", ORANGE, &t.input), curve("answers", GREEN, &t.output)];
    plot::ecdf_counts(&mut s, right, &curves, "tokens (each step a factor)");

    let rate_rows = rates
        .iter()
        .enumerate()
        .map(|(i, r)| vec!["requests_per_second".to_owned(), num(i as f64 * t.step_s), num(*r)]);
    let length_rows = |what: &'static str, points: &[(f64, f64)]| {
        points.iter().map(|(v, p)| vec![what.to_owned(), num(*p), num(*v)]).collect::<Vec<_>>()
    };
    let rows = rate_rows
        .chain(length_rows("prompt_tokens_at_share", &t.input))
        .chain(length_rows("answer_tokens_at_share", &t.output));
    let csv = csv(&["what", "at", "value"], rows);
    Some(Drawing { name: "trace", title, scene: s, csv })
}

/// The unit of an axis over so many seconds, and its ticks in seconds.
fn across(span_s: f64) -> (&'static str, Vec<(f64, String)>) {
    let (unit, second) = match span_s {
        s if s < 300.0 => ("seconds from the trace's start", 1.0),
        s if s < 3.0 * 3_600.0 => ("minutes from the trace's start", 60.0),
        s if s < 2.0 * 86_400.0 => ("hours from the trace's start", 3_600.0),
        _ => ("days from the trace's start", 86_400.0),
    };
    let (v, step) = ticks(0.0, span_s / second, 6);
    (unit, plain(&v, step).into_iter().map(|(v, t)| (v * second, t)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> RequestShape {
        RequestShape {
            name: "chat".into(),
            series: vec![20, 40, 10, 1],
            step_s: 10.0,
            span_s: 31.0,
            input_median: 900.0,
            output_median: 1.0,
            input: vec![(8.0, 0.25), (900.0, 0.75), (4_000.0, 1.0)],
            output: vec![(1.0, 0.5), (300.0, 1.0)],
        }
    }

    #[test]
    fn a_stump_of_a_step_has_no_rate() {
        assert_eq!(shape().rates(), [2.0, 4.0, 1.0]);
        assert_eq!(RequestShape { span_s: 36.0, ..shape() }.rates(), [2.0, 4.0, 1.0, 1.0 / 6.0]);
    }

    #[test]
    fn the_title_has_the_figures_and_the_table_all_points() {
        let d = draw(&shape(), &About::default()).expect("a drawing");
        let title = "chat: 2.3 requests a second, 4.0 in the busiest 10 s; at the median 900 tokens in, 1 out";
        assert_eq!(d.title, title);
        assert_eq!(d.csv.lines().count(), 1 + 3 + 3 + 2);
        assert_eq!(d.scene.faults(), Vec::<String>::new());
    }

    #[test]
    fn odd_traces_are_drawn_or_not_at_all() {
        let none = |t: RequestShape| assert_eq!(draw(&t, &About::default()), None);
        none(RequestShape::default());
        none(RequestShape { span_s: 0.0, ..shape() });
        none(RequestShape { input: vec![], ..shape() });
        let long = RequestShape { step_s: 86_400.0, span_s: 4.0 * 86_400.0 - 1.0, name: "n".repeat(90), ..shape() };
        let one = RequestShape { input: vec![(1.0, 1.0)], output: vec![(1.0, 1.0)], ..shape() };
        for t in [long, one] {
            assert_eq!(draw(&t, &About::default()).expect("a drawing").scene.faults(), Vec::<String>::new());
        }
    }
}
