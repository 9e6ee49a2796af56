//! Curves that zoom: their figures as JSON, which the page's script draws.

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

use super::page::prose;
use crate::outcome::Outcome;
use crate::report::clock::Clock;

/// The most values of a curve: more buckets than that are averaged, as no screen shows them apart.
pub const MOST_VALUES: usize = 1_600;

/// A curve.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Its name in the key.
    pub name: String,
    /// A colour of the page's: `blue`, `vermilion`, …
    pub ink: &'static str,
    /// Which of four dashes.
    #[serde(skip_serializing_if = "is_zero")]
    pub dash: u8,
    /// Its values; none where there is a gap.
    pub v: Vec<Option<f64>>,
    /// Lower ends of intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<Vec<Option<f64>>>,
    /// Upper ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<Vec<Option<f64>>>,
    /// Whether the area below is tinted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fill: bool,
    /// Whether it is hidden at first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(v: &u8) -> bool {
    *v == 0
}

impl Series {
    /// A curve without gaps.
    pub fn new(name: impl Into<String>, ink: &'static str, values: &[f64]) -> Series {
        Series::with_gaps(name, ink, values.iter().map(|v| Some(*v)))
    }

    /// A curve that may have gaps.
    pub fn with_gaps(
        name: impl Into<String>,
        ink: &'static str,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Series {
        let v = values.into_iter().map(round).collect();
        Series { name: name.into(), ink, dash: 0, v, low: None, high: None, fill: false, off: false }
    }

    /// Dashed.
    #[must_use]
    pub const fn dash(mut self, dash: u8) -> Series {
        self.dash = dash;
        self
    }

    /// With the ends of its intervals.
    #[must_use]
    pub fn between(mut self, low: Vec<Option<f64>>, high: Vec<Option<f64>>) -> Series {
        if low.iter().any(Option::is_some) {
            (self.low, self.high) =
                (Some(low.into_iter().map(round).collect()), Some(high.into_iter().map(round).collect()));
        }
        self
    }
}

/// Seven digits: what is drawn needs no more, and the page stays small.
fn round(v: Option<f64>) -> Option<f64> {
    let v = v.filter(|v| v.is_finite())?;
    if v == 0.0 {
        return Some(0.0);
    }
    format!("{v:.6e}").parse().ok()
}

/// What stands across.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Across {
    /// Civil time.
    Time {
        /// Civil time of the start, as ms of an epoch without zones.
        start: i64,
        /// Changes of the zone's offset: from (ms after the start), by how many ms against the start.
        shifts: Vec<(u64, i64)>,
        /// What the axis is.
        label: String,
    },
    /// Numbers.
    Number {
        /// What the axis is.
        label: String,
        /// Values with the words for them.
        ticks: Vec<(f64, String)>,
    },
    /// Words, in their order.
    Names {
        /// What the axis is.
        label: String,
        /// The words.
        names: Vec<String>,
    },
}

impl Across {
    /// The civil time of an outcome.
    #[must_use]
    pub fn time(o: &Outcome) -> Across {
        let clock = Clock::of(o);
        let label = format!("time ({})", o.tz);
        let offset = |ns: u64| clock.at(ns).map_or(0, |z| i64::from(z.offset().seconds()) * 1000);
        let first = offset(0);
        let start = clock.at(0).map_or(0, |z| z.timestamp().as_millisecond() + first);
        // A change is looked for hour by hour, and taken to be on the hour: so it is in every zone of today.
        let hour = 3_600_000_000_000_u64;
        let mut shifts = Vec::new();
        let mut last = first;
        for h in 1..=(o.horizon_ns / hour).min(200_000) {
            let now = offset(h * hour);
            if now != last {
                shifts.push((h * 3_600_000, now - first));
                last = now;
            }
        }
        Across::Time { start, shifts, label }
    }
}

/// A horizontal line.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// Where.
    pub at: f64,
    /// What it is.
    pub name: String,
}

/// A figure of curves.
#[derive(Clone, Debug, Serialize)]
pub struct Curves {
    x: Across,
    /// Of buckets: their width, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<f64>,
    /// Of buckets: where the last ends, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<f64>,
    /// Of points: where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Vec<f64>>,
    /// Figures that zoom together.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'static str>,
    stack: bool,
    zero: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<f64>,
    y: String,
    unit: String,
    series: Vec<Series>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Mark>,
}

impl Curves {
    /// Over the buckets of an outcome. The series have a value a bucket; too many are averaged.
    #[must_use]
    pub fn over_time(o: &Outcome, y: &str, unit: &str, mut series: Vec<Series>) -> Curves {
        let k = o.series.buckets.div_ceil(MOST_VALUES).max(1);
        if k > 1 {
            let mean = |c: &[Option<f64>]| {
                let known: Vec<f64> = c.iter().copied().flatten().collect();
                round((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
            };
            for s in &mut series {
                s.v = s.v.chunks(k).map(mean).collect();
            }
        }
        Curves {
            x: Across::time(o),
            every: Some(k as f64 * o.series.bucket_ns as f64 / 1e6),
            end: Some(o.horizon_ns as f64 / 1e6),
            at: None,
            group: Some("time"),
            stack: false,
            zero: true,
            most: None,
            y: y.to_owned(),
            unit: unit.to_owned(),
            series,
            lines: Vec::new(),
        }
    }

    /// Over points.
    #[must_use]
    pub fn over(x: Across, at: Vec<f64>, y: &str, unit: &str, series: Vec<Series>) -> Curves {
        Curves {
            x,
            every: None,
            end: None,
            at: Some(at),
            group: None,
            stack: false,
            zero: false,
            most: None,
            y: y.to_owned(),
            unit: unit.to_owned(),
            series,
            lines: Vec::new(),
        }
    }

    /// One upon the other.
    #[must_use]
    pub const fn stacked(mut self) -> Curves {
        self.stack = true;
        self
    }

    /// The axis ends here, unless a value lies beyond.
    #[must_use]
    pub const fn at_most(mut self, most: f64) -> Curves {
        self.most = Some(most);
        self
    }

    /// With horizontal lines.
    #[must_use]
    pub fn lines(mut self, lines: Vec<Mark>) -> Curves {
        self.lines = lines;
        self
    }

    /// As a figure; nothing without values.
    #[must_use]
    pub fn html(&self, id: &str, title: &str, what: &str) -> Markup {
        if self.series.iter().all(|s| s.v.iter().all(Option::is_none)) {
            return PreEscaped(String::new());
        }
        let keys = match self.x {
            Across::Names { .. } => "Arrow keys read it out.",
            _ => {
                "Drag to zoom in, shift and drag to move, double click for all; arrow keys read it out, + and - zoom, 0 shows all."
            }
        };
        html! {
            figure class="curves" id=(id) {
                figcaption { h3 { (prose(title)) } p class="what" { (prose(what)) } }
                div class="plot" tabindex="0" role="group" aria-label=(format!("{title}. {keys}")) data-label=(title) {}
                script type="application/json" { (PreEscaped(json(self))) }
            }
        }
    }
}

/// JSON that may stand within a script element: no `<`, `>` or `&` in it.
#[must_use]
pub fn json(v: &impl Serialize) -> String {
    // Numbers and texts are always JSON.
    let text = serde_json::to_string(v).unwrap_or_else(|_| "null".to_owned());
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Of a figure that is made of several: the colours of those that have none of their own, in order.
pub const INKS: [&str; 8] = ["blue", "orange", "green", "purple", "sky", "vermilion", "slate", "yellow"];

/// The colour of a pool by its place, as in the charts; beyond six a dark grey.
#[must_use]
pub fn pool_ink(i: usize) -> &'static str {
    ["blue", "orange", "green", "purple", "sky", "yellow"].get(i).copied().unwrap_or("slate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_element_that_it_stands_in() {
        let s = Series::new("</script><script>alert(1)</script>&", "blue", &[1.0]);
        let text = json(&s);
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], "</script><script>alert(1)</script>&");
    }

    #[test]
    fn values_keep_seven_digits_and_what_is_not_finite_is_a_gap() {
        assert_eq!(round(Some(1_234.567_891_2)), Some(1_234.568));
        assert_eq!((round(Some(f64::NAN)), round(Some(0.0)), round(None)), (None, Some(0.0), None));
    }

    #[test]
    fn a_change_of_the_clock_is_told() {
        let mut o = crate::report::sample::outcome(None, 1.0, 1.0);
        // New York leaves summer time on 1 November 2026 at 02:00: 26 hours after midnight of 31 October.
        (o.start, o.tz) = ("2026-10-31T00:00:00".into(), "America/New_York".into());
        let Across::Time { start, shifts, .. } = Across::time(&o) else { panic!("time") };
        assert_eq!(shifts, [(26 * 3_600_000, -3_600_000)]);
        // 2026-10-31T00:00:00 as if it were UTC.
        assert_eq!(start, 1_793_404_800_000);
    }
}
