//! Requests of a service: parameters, traces and batches into traffic.

use jiff::civil::Time;

use super::context::{Context, moment};
use super::laws;
use super::work::{fixed_labels, weighed};
use crate::formats::Place;
use crate::kernel::{Dist, DistError};
use crate::scenario::decode::Spanned;
use crate::scenario::file::traffic as shape;
use crate::scenario::file::work::LabelMix;
use crate::units::{Diagnostic, Diagnostics, Duration, Label, Name, SimTime};
use crate::workload::synth::Mix;
use crate::workload::trace::Moment;
use crate::workload::traffic::{
    Batch, BatchSpec, Failures, Format, Jitter, Launch, Lengths, Marks, Options, Over, Rate, Recorded, Repeat, Runs,
    Scale, Sessions, Source, Spec, Synth, TrafficError,
};
use indexmap::IndexMap;

/// The most tokens of a prompt that a scenario may say: beyond, it is a slip.
const MOST_TOKENS: f64 = 16_777_216.0;

impl shape::Requests {
    /// Its name.
    pub(super) fn name(&self) -> &Spanned<Name> {
        match self {
            shape::Requests::Synthetic(r) => &r.name,
            shape::Requests::Recorded(r) => &r.name,
            shape::Requests::Batch(r) => &r.name,
            shape::Requests::Evaluation(r) => &r.name,
        }
    }

    /// The model that it asks for, where it says so.
    pub(super) fn model(&self) -> Option<&Spanned<String>> {
        match self {
            shape::Requests::Synthetic(r) => r.model.as_ref(),
            shape::Requests::Recorded(r) => r.model.as_ref(),
            shape::Requests::Batch(r) => r.model.as_ref(),
            shape::Requests::Evaluation(r) => r.model.as_ref(),
        }
    }
}

/// The faults of a source's parameters, at its name.
fn faults(name: &Spanned<Name>, list: Vec<TrafficError>, out: &mut Diagnostics) {
    for e in list {
        out.push(Diagnostic::error(format!("requests `{}`: {e}", **name)).at(name.at.0, name.at.1, "here"));
    }
}

impl Context<'_, '_> {
    /// A source of requests for a model whose context is so many tokens.
    pub(super) fn requests(&mut self, r: &shape::Requests, context: u32, out: &mut Diagnostics) -> Option<Source> {
        match r {
            shape::Requests::Synthetic(r) => self.synthetic(r, context, out),
            shape::Requests::Recorded(r) => self.recorded(r, context, out),
            shape::Requests::Batch(r) => self.batch(r, context, out),
            shape::Requests::Evaluation(r) => self.evaluation(r, context, out),
        }
    }

    fn synthetic(&mut self, r: &shape::Synthetic, context: u32, out: &mut Diagnostics) -> Option<Source> {
        let rate = &r.rate;
        if !(0.0..=1e8).contains(&*rate.per_second) {
            out.push(
                Diagnostic::error(format!("{} requests a second are not possible", *rate.per_second))
                    .at(rate.per_second.at.0, rate.per_second.at.1, "from 0 to 100,000,000")
                    .help("for example per_second: 8"),
            );
            return None;
        }
        let launches = rate
            .launches
            .iter()
            .map(|l| Launch { at: SimTime(self.warmup.0 + l.at.0), height: *l.height, decay: l.decay })
            .collect();
        let lengths = self.lengths(&r.tokens, r.shared, context, &r.name, out)?;
        let sessions = match &r.sessions {
            Some(s) => Some(Sessions { turns: *s.turns, think: laws::length(&s.think, s.think.at, out)? }),
            None => None,
        };
        let spec = Spec {
            rate: Rate {
                per_second: *rate.per_second,
                cv: *rate.cv,
                shape: laws::when(&rate.when, out)?,
                growth: laws::growth(rate.growth.as_ref(), out)?,
                bursts: laws::bursts(rate.bursts.as_ref()),
                launches,
            },
            lengths,
            sessions,
            shared: r.shared,
            context,
            marks: marks(&r.labels, &r.label_mix, &r.priority, &r.name, out)?,
            ..Spec::new(r.name.value.clone(), Rate::poisson(1.0), Lengths::azure_conversation())
        };
        self.note(format!("rate of requests {}", *r.name), "prior", "stated in the scenario");
        match Synth::new(spec) {
            Ok(s) => Some(s.into()),
            Err(list) => {
                faults(&r.name, list, out);
                None
            }
        }
    }

    /// Laws of tokens; `shared` tokens come before each prompt.
    fn lengths(
        &mut self,
        t: &Spanned<shape::Tokens>,
        shared: u32,
        context: u32,
        name: &Spanned<Name>,
        out: &mut Diagnostics,
    ) -> Option<Lengths> {
        let what = format!("tokens of requests {}", **name);
        let l = match &t.value {
            shape::Tokens::AzureConversation => {
                self.note(what, "measured", "Azure LLM inference trace, conversation, November 2023");
                return Some(Lengths::azure_conversation());
            }
            shape::Tokens::AzureCode => {
                self.note(what, "measured", "Azure LLM inference trace, code, November 2023");
                return Some(Lengths::azure_code());
            }
            shape::Tokens::Lengths(l) => l,
        };
        self.note(what, "prior", "stated in the scenario");
        let (input, output) = (count(&l.input, out), count(&l.output, out));
        let (input, output) = (input?, output?);
        for (law, at, what) in [(&input, l.input.at, "prompt"), (&output, l.output.at, "answer")] {
            if law.quantile(1.0) < 0.5 {
                out.push(
                    Diagnostic::error(format!("every {what} of `{}` has no token", **name))
                        .at(at.0, at.1, "rounds to 0")
                        .help("a request has at least one token of each: for example input: LogNormal(median: 500, p95: 4000)"),
                );
                return None;
            }
        }
        let least = f64::from(shared) + input.quantile(0.0).max(1.0).round() + 1.0;
        if least > f64::from(context) {
            out.push(
                Diagnostic::error(format!("no request of `{}` fits the model's context of {context} tokens", **name))
                    .at(l.input.at.0, l.input.at.1, format!("at least {least:.0} tokens with one of the answer"))
                    .help("shorten the prompts, or serve a model of a longer context"),
            );
            return None;
        }
        let mut lengths = Lengths { correlation: *l.correlation, ..Lengths::new(input, output) };
        if let Some(most) = &l.max_input {
            lengths.max_input = most.get();
        }
        if let Some(most) = &l.max_output {
            lengths.max_output = most.get();
        }
        Some(lengths)
    }

    fn recorded(&mut self, r: &shape::Recorded, context: u32, out: &mut Diagnostics) -> Option<Source> {
        let path = self.env.input(&r.file, out)?;
        let format = match r.format {
            shape::RequestFormat::Detect => None,
            shape::RequestFormat::Azure => Some(Format::Azure),
            shape::RequestFormat::BurstGpt => Some(Format::BurstGpt),
            shape::RequestFormat::Mooncake => Some(Format::Mooncake),
        };
        let options = Options {
            from: (r.from.0 > 0).then_some(Moment::After(r.from)),
            to: r.to.map(Moment::After),
            limit: r.limit,
            sort: r.sort,
            context: Some(context),
            over: match r.over {
                shape::OverLong::Reject => Over::Reject,
                shape::OverLong::Drop => Over::Drop,
                shape::OverLong::Clip => Over::Clip,
            },
            failures: if r.keep_failures { Failures::Keep } else { Failures::Drop },
            scale: match *r.scale {
                shape::RequestScale::Time(f) => Scale::Time(f),
                shape::RequestScale::Number(f) => Scale::Number(f),
            },
            repeat: match r.repeat {
                shape::RequestRepeat::Once => Repeat::Once,
                shape::RequestRepeat::BackToBack => Repeat::BackToBack,
                shape::RequestRepeat::Days => Repeat::Days,
                shape::RequestRepeat::Weeks => Repeat::Weeks,
            },
            jitter: match r.jitter {
                shape::RequestJitter::Off => Jitter::Off,
                shape::RequestJitter::Grid => Jitter::Grid,
                shape::RequestJitter::Within(d) => Jitter::Within(d),
            },
            labels: fixed_labels(r.labels.iter()),
            priority: priority(&r.priority, out)?,
        };
        let read = match Recorded::open(r.name.value.clone(), format, &path, options, self.env.sources) {
            Ok(read) => read,
            Err(d) => {
                out.extend(d);
                return None;
            }
        };
        self.env.notices.extend(read.notices().iter().map(|n| format!("{}: {n}", *r.name)));
        let file = path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
        self.note(format!("requests of {}", *r.name), "measured", format!("trace {file}"));
        Some(read.into())
    }

    fn batch(&mut self, r: &shape::Batch, context: u32, out: &mut Diagnostics) -> Option<Source> {
        let runs = match &r.runs.value {
            shape::BatchRuns::At(times) => {
                let tz = self.start.time_zone().clone();
                let mut at = Vec::new();
                for t in times {
                    at.push(self.clock(&moment(**t, &tz, t.at, out)?));
                }
                Runs::At(at)
            }
            shape::BatchRuns::Every(first, every) => {
                Runs::Every { first: SimTime(self.warmup.0 + first.0), every: **every }
            }
            shape::BatchRuns::Daily(list) => Runs::Daily { times: times(list, out)?, days: [true; 7] },
            shape::BatchRuns::Weekdays(list) => Runs::Daily { times: times(list, out)?, days: WEEKDAYS },
        };
        let lengths = self.lengths(&r.tokens, r.shared, context, &r.name, out)?;
        let spec = BatchSpec::offline(r.name.value.clone(), SimTime::ZERO, r.requests.get(), Duration::ZERO, lengths);
        let spec = BatchSpec { runs, due_in: r.due_in, shared: r.shared, context, ..spec };
        let marks = marks(&r.labels, &[], &r.priority, &r.name, out)?;
        made(&r.name, BatchSpec { marks, ..spec }, out)
    }

    fn evaluation(&mut self, r: &shape::Evaluation, context: u32, out: &mut Diagnostics) -> Option<Source> {
        let lengths = self.lengths(&r.tokens, r.shared, context, &r.name, out)?;
        let spec = BatchSpec::evaluation(r.name.value.clone(), r.prompts.get(), times(&r.at, out)?, lengths);
        let marks = marks(&r.labels, &[], &r.priority, &r.name, out)?;
        made(&r.name, BatchSpec { shared: r.shared, context, marks, ..spec }, out)
    }
}

const WEEKDAYS: [bool; 7] = [true, true, true, true, true, false, false];

fn made(name: &Spanned<Name>, spec: BatchSpec, out: &mut Diagnostics) -> Option<Source> {
    match Batch::new(spec) {
        Ok(b) => Some(b.into()),
        Err(list) => {
            faults(name, list, out);
            None
        }
    }
}

/// Times of day.
fn times(list: &[Spanned<String>], out: &mut Diagnostics) -> Option<Vec<Time>> {
    let mut all = Vec::new();
    for t in list {
        match t.value.trim().parse::<Time>() {
            Ok(time) => all.push(time),
            Err(_) => {
                out.push(
                    Diagnostic::error(format!("`{}` is not a time of day", t.value))
                        .at(t.at.0, t.at.1, "not a time")
                        .help("write hours and minutes: \"02:30\""),
                );
                return None;
            }
        }
    }
    Some(all)
}

/// The law of a number of tokens.
fn count(c: &Spanned<shape::Count>, out: &mut Diagnostics) -> Option<Dist> {
    use shape::Count as C;
    let at = c.at;
    let given: Vec<f64> = match &c.value {
        C::Constant(v) | C::Exponential(v) => vec![*v],
        C::Uniform(a, b) => vec![*a, *b],
        C::LogNormal(m) => vec![m.median, m.p95],
        C::Quantiles(points) => points.iter().map(|p| p.1).collect(),
    };
    if let Some(bad) = given.iter().find(|v| !(0.0..=MOST_TOKENS).contains(*v)) {
        out.push(
            Diagnostic::error(format!("{bad} tokens are not possible"))
                .at(at.0, at.1, "from 1 to 16,777,216")
                .help("for example input: LogNormal(median: 500, p95: 4000)"),
        );
        return None;
    }
    if let C::Constant(v) = c.value
        && v < 1.0
    {
        out.push(no_tokens(v, at));
        return None;
    }
    let law: Result<Dist, DistError> = match &c.value {
        C::Constant(v) => Dist::constant(*v),
        C::Uniform(a, b) => Dist::uniform(*a, *b),
        C::Exponential(mean) => Dist::exponential(*mean),
        C::LogNormal(m) => Dist::lognormal_median_p95(m.median, m.p95),
        C::Quantiles(points) => {
            let points: Vec<(f64, f64)> = points.iter().map(|(p, v)| (p.0, *v)).collect();
            Dist::quantiles(&points)
        }
    };
    law.map_err(|e| out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "this cannot be drawn from"))).ok()
}

fn no_tokens(v: f64, at: Place) -> Diagnostic {
    Diagnostic::error(format!("{v} tokens are no prompt and no answer"))
        .at(at.0, at.1, "at least 1")
        .help("a request has at least one token of each")
}

fn priority(p: &Spanned<i32>, out: &mut Diagnostics) -> Option<i8> {
    let found = i8::try_from(p.value).ok();
    if found.is_none() {
        out.push(Diagnostic::error(format!("{} is not a priority of requests", p.value)).at(
            p.at.0,
            p.at.1,
            "from -128 to 127",
        ));
    }
    found
}

fn marks(
    labels: &IndexMap<Name, Name>,
    mix: &[LabelMix],
    p: &Spanned<i32>,
    name: &Spanned<Name>,
    out: &mut Diagnostics,
) -> Option<Marks> {
    let mut groups = Vec::new();
    if !labels.is_empty() {
        groups.push(Mix::only(fixed_labels(labels.iter())));
    }
    for (i, m) in mix.iter().enumerate() {
        if labels.contains_key(&m.key) || mix[..i].iter().any(|o| o.key == m.key) {
            out.push(
                Diagnostic::error(format!("`{}` gives its requests the label `{}` twice", **name, m.key))
                    .at(m.values.at.0, m.values.at.1, "drawn here, and given elsewhere")
                    .help("keep it in `labels` or in one entry of `label_mix`"),
            );
            return None;
        }
        let label = |v: &Name| vec![Label { key: m.key.clone(), value: v.clone() }];
        let values: Vec<_> = m.values.iter().map(|(v, w)| (label(v), *w)).collect();
        groups.push(laws::mix(weighed(&values), m.values.at, out)?);
    }
    Some(Marks { labels: groups, priority: Mix::only(priority(p, out)?) })
}
