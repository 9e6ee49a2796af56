//! Requests: laws, moments and traces into sources of traffic.

use super::context::{self, Context};
use super::{laws, policy};
use crate::kernel::{Dist, DistError};
use crate::scenario::decode::Spanned;
use crate::scenario::file::fleet::When;
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

type At = crate::formats::Place;

/// What a source of requests says, whatever it is.
pub(super) fn name_of(t: &shape::Traffic) -> &Spanned<Name> {
    match t {
        shape::Traffic::Synthetic(t) => &t.name,
        shape::Traffic::Recorded(t) => &t.name,
        shape::Traffic::Batch(t) => &t.name,
        shape::Traffic::Evaluation(t) => &t.name,
    }
}

/// The model that a source asks, where it says so.
pub(super) fn model_of(t: &shape::Traffic) -> Option<&Spanned<String>> {
    match t {
        shape::Traffic::Synthetic(t) => t.model.as_ref(),
        shape::Traffic::Recorded(t) => t.model.as_ref(),
        shape::Traffic::Batch(t) => t.model.as_ref(),
        shape::Traffic::Evaluation(t) => t.model.as_ref(),
    }
}

/// Where a source stands: its service, and the context of the model that it asks.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    pub service: &'a Name,
    pub context: u32,
}

impl Asks<'_> {
    /// What keys a source's streams: two services may have sources of one name.
    fn key(self, name: &Name) -> Name {
        Name::new(&format!("{}.{name}", self.service)).unwrap_or_else(|_| name.clone())
    }
}

impl Context<'_, '_> {
    /// A source of requests.
    pub(super) fn requests(&mut self, t: &shape::Traffic, asks: Asks<'_>, out: &mut Diagnostics) -> Option<Source> {
        let what = format!("requests of {}/{}", asks.service, **name_of(t));
        match t {
            shape::Traffic::Recorded(r) => self.recorded(r, asks, what, out),
            shape::Traffic::Synthetic(s) => {
                let made = self.synthetic(s, asks, out)?;
                self.note(what.clone(), "prior", "parameters stated in the scenario");
                self.note_lengths(&what, &s.tokens);
                Some(made)
            }
            shape::Traffic::Batch(b) => {
                let lengths = lengths(&b.tokens, *b.shared, asks.context, out);
                let marks = marks(&b.labels, &b.label_mix, &b.priority, out);
                let runs = self.runs(&b.runs, out);
                let spec = BatchSpec {
                    due_in: b.due_in,
                    shared: *b.shared,
                    context: asks.context,
                    marks: marks?,
                    ..BatchSpec::offline(asks.key(&b.name), SimTime::ZERO, b.requests.get(), Duration::ZERO, lengths?)
                };
                let made = batch(BatchSpec { runs: runs?, ..spec }, &b.tokens, &b.shared, b.runs.at, out)?;
                self.note(what.clone(), "prior", "parameters stated in the scenario");
                self.note_lengths(&what, &b.tokens);
                Some(made)
            }
            shape::Traffic::Evaluation(e) => {
                let lengths = lengths(&e.tokens, *e.shared, asks.context, out);
                let marks = marks(&e.labels, &[], &e.priority, out);
                let spec = BatchSpec {
                    runs: Runs::Daily { times: e.at.value.clone(), days: days(&e.days) },
                    due_in: e.due_in,
                    shared: *e.shared,
                    context: asks.context,
                    marks: marks?,
                    ..BatchSpec::evaluation(asks.key(&e.name), e.prompts.get(), Vec::new(), lengths?)
                };
                let at = if e.at.is_empty() { e.at.at } else { e.days.at };
                let made = batch(spec, &e.tokens, &e.shared, at, out)?;
                self.note(what.clone(), "prior", "parameters stated in the scenario");
                self.note_lengths(&what, &e.tokens);
                Some(made)
            }
        }
    }

    fn note_lengths(&mut self, what: &str, tokens: &shape::Tokens) {
        let (grade, source) = match tokens {
            shape::Tokens::AzureConversation => ("fitted", "quantiles of AzureLLMInferenceTrace_conv.csv, 2023"),
            shape::Tokens::AzureCode => ("fitted", "quantiles of AzureLLMInferenceTrace_code.csv, 2023"),
            shape::Tokens::Lengths(_) => ("prior", "laws stated in the scenario"),
        };
        self.note(format!("lengths of {what}"), grade, source);
    }

    fn synthetic(&self, s: &shape::Synthetic, asks: Asks<'_>, out: &mut Diagnostics) -> Option<Source> {
        let rate = &s.rate;
        let mut launches = Vec::new();
        for l in &rate.launches {
            // One after the horizon is told and left out.
            if let Some(at) = self.happens(&l.at, "this launch", out) {
                launches.push(Launch { at, height: *l.height, decay: *l.decay });
            }
        }
        let (shape, growth, bursts) =
            (laws::when(&rate.when, out), laws::growth(rate.growth.as_ref(), out), laws::bursts(rate.bursts.as_ref()));
        let lengths = lengths(&s.tokens, *s.shared, asks.context, out);
        let marks = marks(&s.labels, &s.label_mix, &s.priority, out);
        let sessions = match &s.sessions {
            Some(c) => Some(Sessions { turns: *c.turns, think: laws::length(&c.think, c.think.at, out)? }),
            None => None,
        };
        let rate =
            Rate { per_second: *rate.per_second, cv: *rate.cv, shape: shape?, growth: growth?, bursts, launches };
        let spec = Spec {
            sessions,
            shared: *s.shared,
            context: asks.context,
            marks: marks?,
            ..Spec::new(asks.key(&s.name), rate, lengths?)
        };
        match Synth::new(spec) {
            Ok(made) => Some(made.into()),
            Err(list) => {
                for e in list {
                    let launch = |f: fn(&shape::Launch) -> At| s.rate.launches.first().map_or(s.name.at, f);
                    let (at, label) = match &e {
                        TrafficError::Rate(_) => (s.rate.per_second.at, "not a rate"),
                        TrafficError::Arrivals(_) => (s.rate.cv.at, "these arrivals"),
                        TrafficError::Turns(_) => {
                            (s.sessions.as_ref().map_or(s.name.at, |c| c.turns.at), "not a number of turns")
                        }
                        TrafficError::Height(_) => (launch(|l| l.height.at), "not a height"),
                        TrafficError::Decay => (launch(|l| l.decay.at), "too short"),
                        other => token_place(other, &s.tokens, &s.shared, s.name.at),
                    };
                    out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, label).help(remedy(&e)));
                }
                None
            }
        }
    }

    fn recorded(&mut self, t: &shape::Recorded, asks: Asks<'_>, what: String, out: &mut Diagnostics) -> Option<Source> {
        let path = self.env.input(&t.file, out)?;
        let format = match t.format {
            shape::RequestFormat::Detect => None,
            shape::RequestFormat::Azure => Some(Format::Azure),
            shape::RequestFormat::BurstGpt => Some(Format::BurstGpt),
            shape::RequestFormat::Mooncake => Some(Format::Mooncake),
        };
        let options = Options {
            from: (t.from.0 > 0).then_some(Moment::After(t.from)),
            to: t.to.map(Moment::After),
            limit: t.limit,
            sort: t.sort,
            context: Some(asks.context),
            over: match t.over {
                shape::OverContext::Reject => Over::Reject,
                shape::OverContext::Drop => Over::Drop,
                shape::OverContext::Clip => Over::Clip,
            },
            failures: if t.keep_failures { Failures::Keep } else { Failures::Drop },
            scale: match t.scale {
                shape::TraceScale::Time(by) => Scale::Time(by),
                shape::TraceScale::Number(by) => Scale::Number(by),
            },
            repeat: match t.repeat {
                shape::Repeat::Once => Repeat::Once,
                shape::Repeat::BackToBack => Repeat::BackToBack,
                shape::Repeat::Days => Repeat::Days,
                shape::Repeat::Weeks => Repeat::Weeks,
            },
            jitter: match t.jitter {
                shape::TraceJitter::Off => Jitter::Off,
                shape::TraceJitter::Grid => Jitter::Grid,
                shape::TraceJitter::Within(d) => Jitter::Within(d),
            },
            labels: super::work::fixed_labels(t.labels.iter()),
            priority: narrow(*t.priority, t.priority.at, out)?,
        };
        let read = match Recorded::open(asks.key(&t.name), format, &path, options, self.env.sources) {
            Ok(read) => read,
            Err(mut found) => {
                // What has no place in the trace is said where the trace is named.
                for d in found.list.iter_mut().filter(|d| d.at.is_none()) {
                    *d = d.clone().at(t.file.at.0, t.file.at.1, "this trace");
                }
                out.extend(found);
                return None;
            }
        };
        let name = format!("{}/{}", asks.service, *t.name);
        self.env.notices.extend(read.notices().iter().map(|n| format!("{name}: {n}")));
        let span = read.summary().span;
        let lasts = match t.scale {
            shape::TraceScale::Time(by) => Duration((span.0 as f64 / by) as u64),
            shape::TraceScale::Number(_) => span,
        };
        if t.repeat == shape::Repeat::Once && lasts.0 < self.warmup.0.saturating_add(self.horizon.0) / 2 {
            out.push(
                Diagnostic::warning(format!("the requests of `{}` are over after {lasts}", *t.name))
                    .at(t.file.at.0, t.file.at.1, format!("the run lasts {}", Duration(self.end().0)))
                    .help("shorten the horizon, or write repeat: Days, Weeks or BackToBack"),
            );
        }
        let file = path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
        self.note(what, "measured", format!("trace {file}"));
        Some(read.into())
    }

    fn runs(&self, r: &Spanned<shape::Runs>, out: &mut Diagnostics) -> Option<Runs> {
        match &r.value {
            shape::Runs::At(moments) if moments.is_empty() => Some(Runs::At(Vec::new())),
            shape::Runs::At(moments) => {
                let at: Vec<SimTime> = moments.iter().filter_map(|m| self.happens(m, "this run", out)).collect();
                // All after the horizon: told, and left out with them.
                (!at.is_empty()).then_some(Runs::At(at))
            }
            shape::Runs::Every(e) => {
                Some(Runs::Every { first: SimTime(self.warmup.0.saturating_add(e.first.0)), every: *e.every })
            }
            shape::Runs::Daily(d) => Some(Runs::Daily { times: d.times.value.clone(), days: days(&d.days) }),
        }
    }

    /// A moment on the run's clock; none for what comes after the horizon, which is told.
    pub(super) fn happens(&self, when: &Spanned<When>, what: &str, out: &mut Diagnostics) -> Option<SimTime> {
        let at = match &when.value {
            When::After(d) => SimTime(self.warmup.0.saturating_add(d.0)),
            When::At(date) => {
                let z = context::moment(*date, self.start.time_zone(), when.at, out)?;
                if z < self.epoch {
                    out.push(
                        Diagnostic::error(format!("{date} lies before the run begins ({})", self.epoch.datetime()))
                            .at(when.at.0, when.at.1, "too early")
                            .help("choose a later date, or a longer warm-up"),
                    );
                    return None;
                }
                self.clock(&z)
            }
        };
        if at < self.end() {
            return Some(at);
        }
        out.push(
            Diagnostic::warning(format!("{what} comes after the horizon and will not happen"))
                .at(when.at.0, when.at.1, "too late")
                .help("let it come earlier, or lengthen the horizon"),
        );
        None
    }
}

fn batch(
    spec: BatchSpec,
    tokens: &Spanned<shape::Tokens>,
    shared: &Spanned<u32>,
    runs: At,
    out: &mut Diagnostics,
) -> Option<Source> {
    match Batch::new(spec) {
        Ok(made) => Some(made.into()),
        Err(list) => {
            for e in list {
                let (at, label) = match &e {
                    TrafficError::NoRuns | TrafficError::Interval => (runs, "never runs"),
                    other => token_place(other, tokens, shared, runs),
                };
                out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, label).help(remedy(&e)));
            }
            None
        }
    }
}

/// What to write instead.
const fn remedy(e: &TrafficError) -> &'static str {
    match e {
        TrafficError::Rate(_) => "for example per_second: 5",
        TrafficError::Arrivals(_) => "look at cv, when, growth and bursts of the rate",
        TrafficError::Turns(_) => "for example turns: 3",
        TrafficError::Height(_) => "height: 2 is three times the rate",
        TrafficError::Decay => "for example decay: \"1h\"",
        TrafficError::TooManyLaunches(_) => "spread them over several sources",
        TrafficError::Correlation(_) => "0 is none, 1 the longest answers to the longest prompts",
        TrafficError::Cap(_) => "leave it out where nothing is cut",
        TrafficError::Context { .. } => "shorten it, or choose a model (or `max_model_len`) with a longer context",
        TrafficError::EmptyBatch => "for example requests: 5000",
        TrafficError::NoRuns => "for example Daily(times: [\"02:00\"], days: [Mon, Thu])",
        TrafficError::Interval => "for example every: \"6h\"",
        TrafficError::LabelTwice(_) => "keep it in `labels` or in one entry of `label_mix`",
        TrafficError::TooManyLabels(_) => "draw fewer labels, or of fewer values",
        TrafficError::SameName(_) => "give one of them another name",
        TrafficError::TooManySources(_) => "put some of them together",
    }
}

/// Where a fault of lengths is blamed.
fn token_place(
    e: &TrafficError,
    tokens: &Spanned<shape::Tokens>,
    shared: &Spanned<u32>,
    other: At,
) -> (At, &'static str) {
    let own = match &tokens.value {
        shape::Tokens::Lengths(l) => Some(l),
        _ => None,
    };
    match e {
        TrafficError::Context { .. } => (shared.at, "too long for the model"),
        TrafficError::Correlation(_) => (own.map_or(tokens.at, |l| l.correlation.at), "not a correlation"),
        TrafficError::Cap(n) => {
            let caps = own.into_iter().flat_map(|l| [&l.max_input, &l.max_output]).flatten();
            (caps.filter(|c| c.value == *n).map(|c| c.at).next().unwrap_or(tokens.at), "not a cap")
        }
        _ => (other, "here"),
    }
}

fn days(list: &[shape::Weekday]) -> [bool; 7] {
    shape::Weekday::ALL.map(|d| list.contains(&d))
}

/// A priority that an engine's queue has.
fn narrow(p: i32, at: At, out: &mut Diagnostics) -> Option<i8> {
    let found = i8::try_from(p).ok();
    if found.is_none() {
        out.push(
            Diagnostic::error(format!("a priority of {p}"))
                .at(at.0, at.1, "from -128 to 127")
                .help("higher goes first"),
        );
    }
    found
}

fn marks(
    labels: &IndexMap<Name, Name>,
    drawn: &[LabelMix],
    priority: &Spanned<shape::Priority>,
    out: &mut Diagnostics,
) -> Option<Marks> {
    let mut groups = vec![Mix::only(super::work::fixed_labels(labels.iter()))];
    for (i, m) in drawn.iter().enumerate() {
        if labels.contains_key(&m.key) || drawn[..i].iter().any(|o| o.key == m.key) {
            out.push(
                Diagnostic::error(format!("these requests get the label `{}` twice", m.key))
                    .at(m.values.at.0, m.values.at.1, "drawn here, and given elsewhere")
                    .help("keep it in `labels` or in one entry of `label_mix`"),
            );
            return None;
        }
        let value = |v: &Name| vec![Label { key: m.key.clone(), value: v.clone() }];
        groups.push(laws::mix(m.values.iter().map(|(v, w)| (value(v), w.value)).collect(), m.values.at, out)?);
    }
    let priority = match &priority.value {
        shape::Priority::Fixed(p) => Mix::only(narrow(*p, priority.at, out)?),
        shape::Priority::Mix(entries) => {
            let mut some = Vec::new();
            for (p, w) in entries {
                some.push((narrow(*p, priority.at, out)?, *w));
            }
            laws::mix(some, priority.at, out)?
        }
    };
    Some(Marks { labels: groups, priority })
}

/// The laws of lengths, and whether the model's context holds what they give.
fn lengths(tokens: &Spanned<shape::Tokens>, shared: u32, context: u32, out: &mut Diagnostics) -> Option<Lengths> {
    let (lengths, at) = match &tokens.value {
        shape::Tokens::AzureConversation => (Lengths::azure_conversation(), tokens.at),
        shape::Tokens::AzureCode => (Lengths::azure_code(), tokens.at),
        shape::Tokens::Lengths(l) => {
            let (input, output) = (token_law(&l.input, l.input.at, out), token_law(&l.output, l.output.at, out));
            let mut made = Lengths { correlation: *l.correlation, ..Lengths::new(input?, output?) };
            let cap = |c: &Option<Spanned<u32>>, most: &mut u32| *most = c.as_ref().map_or(*most, |c| c.value);
            cap(&l.max_input, &mut made.max_input);
            cap(&l.max_output, &mut made.max_output);
            (made, l.input.at)
        }
    };
    let room = f64::from(context) - f64::from(shared) - 1.0;
    let least = lengths.input.quantile(1e-9).min(f64::from(lengths.max_input));
    if room >= 1.0 && least.round() > room {
        let more = if shared > 0 { format!(" and {shared} of the system prompt") } else { String::new() };
        out.push(
            Diagnostic::error(format!("no prompt fits a context of {context} tokens"))
                .at(at.0, at.1, format!("at least {least:.0} tokens{more}, and one for the answer"))
                .help("shorten the prompts, or choose a model (or `max_model_len`) with a longer context"),
        );
        return None;
    }
    let beyond = if f64::from(lengths.max_input) > room { 1.0 - lengths.input.cdf(room) } else { 0.0 };
    if room >= 1.0 && beyond > 0.05 {
        out.push(
            Diagnostic::warning(format!("{:.0} % of the prompts are cut to the context of {context}", beyond * 100.0))
                .at(at.0, at.1, "longer than the model reads")
                .help("cap them yourself with `max_input`, or choose a longer context"),
        );
    }
    Some(lengths)
}

fn token_law(l: &shape::TokenLaw, at: At, out: &mut Diagnostics) -> Option<Dist> {
    use shape::TokenLaw as L;
    let law = |r: Result<Dist, DistError>, at: At, out: &mut Diagnostics| {
        r.map_err(|e| out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "this cannot be drawn from"))).ok()
    };
    let least = match l {
        L::Constant(n) => Some(f64::from(*n)),
        L::Uniform(a, _) => Some(f64::from(*a)),
        L::Exponential(mean) => Some(*mean),
        L::LogNormal(m) => Some(m.median),
        L::Gamma(g) => Some(g.mean),
        L::Weibull(w) => Some(w.scale),
        L::Pareto(p) => Some(p.least),
        L::Quantiles(points) => points.first().map(|p| p.1),
        L::Values(values) => values.iter().map(|v| f64::from(v.0)).min_by(f64::total_cmp),
        L::Mixture(_) => None,
    };
    if let Some(n) = least.filter(|n| *n < 1.0) {
        out.push(
            Diagnostic::error(format!("{n} tokens are no request"))
                .at(at.0, at.1, "prompts and answers have at least 1")
                .help("a prompt without an answer still costs a token of it: write 1"),
        );
        return None;
    }
    match l {
        L::Constant(n) => law(Dist::constant(f64::from(*n)), at, out),
        L::Uniform(a, b) if a > b => {
            out.push(
                Diagnostic::error(format!("the upper end ({b}) lies below the lower end ({a})"))
                    .at(at.0, at.1, "the wrong way round")
                    .help("write the lower end first"),
            );
            None
        }
        L::Uniform(a, b) => law(Dist::uniform(f64::from(*a), f64::from(*b)), at, out),
        L::Exponential(mean) => law(Dist::exponential(*mean), at, out),
        L::LogNormal(m) if *m.p95 < m.median => {
            out.push(
                Diagnostic::error(format!("the 95th percentile ({}) lies below the median ({})", *m.p95, m.median))
                    .at(m.p95.at.0, m.p95.at.1, "95 of 100 are shorter than this, and half are shorter than the median")
                    .help("give the longer one as p95"),
            );
            None
        }
        L::LogNormal(m) => law(Dist::lognormal_median_p95(m.median, *m.p95), m.p95.at, out),
        L::Gamma(g) => law(Dist::gamma(g.mean, *g.cv), g.cv.at, out),
        L::Weibull(w) => law(Dist::weibull(*w.shape, w.scale), w.shape.at, out),
        L::Pareto(p) => law(Dist::pareto(p.least, *p.shape), p.shape.at, out),
        L::Quantiles(points) => {
            if let Some(w) = points.windows(2).find(|w| w[1].1 < w[0].1) {
                out.push(
                    Diagnostic::error(format!("the quantiles fall from {} to {}", w[0].1, w[1].1))
                        .at(at.0, at.1, "quantiles rise")
                        .help("sort the table by its shares, and check the values"),
                );
                return None;
            }
            let points: Vec<(f64, f64)> = points.iter().map(|(p, n)| (p.0, *n)).collect();
            law(Dist::quantiles(&points), at, out)
        }
        L::Values(values) => {
            let table: Vec<(f64, f64)> = values.iter().map(|(n, w)| (f64::from(*n), *w)).collect();
            law(Dist::values(&table), at, out)
        }
        L::Mixture(parts) => {
            let mut laws = Vec::new();
            for (w, l) in parts {
                laws.push((**w, token_law(l, w.at, out)?));
            }
            law(Dist::mixture(laws), at, out)
        }
    }
}

/// Which of the label sets of a service's traffic a limit covers.
pub(super) fn covered(
    label: Option<&Spanned<String>>,
    own: &[Label],
    sets: &[Vec<Label>],
    out: &mut Diagnostics,
) -> Option<Vec<bool>> {
    let Some(text) = label else { return Some(vec![true; sets.len()]) };
    let wanted = policy::label(text, out)?;
    // The service's own labels win over those of its requests.
    let has =
        |set: &Vec<Label>| own.contains(&wanted) || (own.iter().all(|l| l.key != wanted.key) && set.contains(&wanted));
    let covers: Vec<bool> = sets.iter().map(has).collect();
    if covers.contains(&true) {
        return Some(covers);
    }
    let known: std::collections::BTreeSet<String> =
        own.iter().chain(sets.iter().flatten()).map(|l| format!("{}={}", l.key, l.value)).collect();
    let mut d = Diagnostic::error(format!("no request carries the label `{}` of this limit", text.value)).at(
        text.at.0,
        text.at.1,
        "nobody has it",
    );
    if let Some(near) = crate::units::nearest(text, known.iter().map(String::as_str)) {
        d = d.help(format!("did you mean `{near}`?"));
    }
    out.push(if known.is_empty() {
        d.help("no request carries any label: give traffic `labels`")
    } else {
        d.help(format!("requests carry {}", known.into_iter().collect::<Vec<_>>().join(", ")))
    });
    None
}
