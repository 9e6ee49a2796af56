//! Where a service's requests come from: parameters, recorded traces, batches, evaluation runs.

use indexmap::IndexMap;
use jiff::civil::Time;
use std::num::NonZeroU32;

use super::fleet::When as Moment;
use super::laws::{Bursts, Growth, Length, When};
use super::work::LabelMix;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Duration, Name};

choice! {
    /// A source of requests.
    pub enum Traffic {
        /// Made from parameters.
        Synthetic(Synthetic),
        /// Replayed from a trace.
        Recorded(Recorded),
        /// Many at once, due in a given time.
        Batch(Batch),
        /// The same prompts again and again: the runs of a test set.
        Evaluation(Evaluation),
    }
}

record! {
    /// Requests made from parameters.
    pub struct Synthetic {
        /// Its name; it keys the random streams, so that other traffic can come and go without changing these requests.
        pub name: Spanned<Name>,
        /// The model that it asks; the service's only one where left out.
        pub model: Option<Spanned<String>>,
        /// How often requests arrive.
        pub rate: RequestRate,
        /// How long prompts and answers are.
        pub tokens: Spanned<Tokens> = Spanned::unplaced(Tokens::AzureConversation) => "a conversation service of Azure, November 2023 (Splitwise, ISCA 2024)",
        /// Conversations of several turns; every request stands alone where left out.
        pub sessions: Option<Conversations>,
        /// Tokens of a system prompt that all prompts begin with, on top of `tokens`.
        pub shared: Spanned<u32> = Spanned::unplaced(0) => "no system prompt",
        /// Labels of its requests, beside the service's own; those win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "none of its own",
        /// Labels that are drawn for each request or session: `[(key: "team", values: [("search", 0.6), ("ads", 0.4)])]`.
        pub label_mix: Vec<LabelMix> = Vec::new() => "no drawn labels",
        /// Priority in an engine's queue, from -128 to 127; higher goes first.
        pub priority: Spanned<Priority> = Spanned::unplaced(Priority::Fixed(0)) => "all the same",
    }
}

record! {
    /// How often requests arrive.
    pub struct RequestRate {
        /// Mean requests a second, all turns of sessions counted, before growth, bursts and launches.
        pub per_second: Spanned<f64>,
        /// Coefficient of variation of the gaps: 1 is Poisson's, above it bursty.
        pub cv: Spanned<f64> = Spanned::unplaced(1.0) => "independent of each other (a Poisson process)",
        /// How the rate varies over the week.
        pub when: When = When::Always => "the same rate around the clock",
        /// Growth of the rate.
        pub growth: Option<Growth>,
        /// Bursts on top.
        pub bursts: Option<Bursts>,
        /// Spikes that decay.
        pub launches: Vec<Launch> = Vec::new() => "no launches",
    }
}

record! {
    /// A launch: from a moment on the rate is `1 + height · e^(−t/decay)` times what it would be.
    pub struct Launch {
        /// When.
        pub at: Spanned<Moment>,
        /// The rate that it adds at that moment, over the rate without it.
        pub height: Spanned<f64>,
        /// The time in which what it adds falls to 1/e; at least 10 minutes.
        pub decay: Spanned<Duration>,
    }
}

choice! {
    /// How long prompts and answers are.
    pub enum Tokens {
        /// As in Azure's conversation trace of November 2023.
        AzureConversation,
        /// As in Azure's code-completion trace of November 2023.
        AzureCode,
        /// Laws of one's own.
        Lengths(Lengths),
    }
}

record! {
    /// Two laws and their correlation.
    pub struct Lengths {
        /// Tokens of a prompt; of a session's later turns what is new in it.
        pub input: Spanned<TokenLaw>,
        /// Tokens of an answer.
        pub output: Spanned<TokenLaw>,
        /// Spearman's rank correlation of the two, -1 to 1.
        pub correlation: Spanned<f64> = Spanned::unplaced(0.0) => "independent",
        /// Longer prompts are cut to this.
        pub max_input: Option<Spanned<u32>>,
        /// Longer answers are cut to this.
        pub max_output: Option<Spanned<u32>>,
    }
}

choice! {
    /// The law of a number of tokens, from 1 on.
    pub enum TokenLaw (number is Constant) {
        /// Always the same.
        Constant(u32),
        /// Between two, each as likely.
        Uniform(u32, u32),
        /// Memoryless, by its mean.
        Exponential(f64),
        /// Log-normal by its median and 95th percentile.
        LogNormal(TokensMedianP95),
        /// Gamma by mean and coefficient of variation.
        Gamma(TokensMeanCv),
        /// Weibull by scale (the 63rd percentile) and shape.
        Weibull(TokensWeibull),
        /// Pareto by its least value and shape.
        Pareto(TokensPareto),
        /// A table of quantiles, linear in between: `[("0%", 3), ("50%", 900), ("100%", 4000)]`.
        Quantiles(Vec<(Percent, f64)>),
        /// One of several values, by weight: `[(128, 0.5), (2048, 0.5)]`.
        Values(Vec<(u32, f64)>),
        /// One of several laws, by weight.
        Mixture(Vec<(Spanned<f64>, TokenLaw)>),
    }
}

record! {
    /// Log-normal by median and 95th percentile.
    pub struct TokensMedianP95 {
        /// Half are shorter.
        pub median: f64,
        /// One in twenty is longer.
        pub p95: Spanned<f64>,
    }
}

record! {
    /// By mean and coefficient of variation.
    pub struct TokensMeanCv {
        /// The mean.
        pub mean: f64,
        /// Standard deviation over mean.
        pub cv: Spanned<f64>,
    }
}

record! {
    /// Weibull.
    pub struct TokensWeibull {
        /// The 63rd percentile.
        pub scale: f64,
        /// Below 1 heavy-tailed, 1 exponential.
        pub shape: Spanned<f64>,
    }
}

record! {
    /// Pareto.
    pub struct TokensPareto {
        /// The least value.
        pub least: f64,
        /// The tail's exponent.
        pub shape: Spanned<f64>,
    }
}

record! {
    /// Conversations: a turn's prompt is the system prompt, all that was said before and what is new.
    pub struct Conversations {
        /// Mean turns; their number is geometric from 1 on.
        pub turns: Spanned<f64>,
        /// From one turn's arrival to the next's.
        pub think: Spanned<Length> = Spanned::unplaced(Length::Exponential(Duration::from_secs(60))) => "a minute on average to read and write; a guess",
    }
}

choice! {
    /// The priority of requests.
    pub enum Priority (number is Fixed) {
        /// Always the same.
        Fixed(i32),
        /// One of several, by weight: `[(0, 0.9), (10, 0.1)]`.
        Mix(Vec<(i32, f64)>),
    }
}

choice! {
    /// The format of a request trace.
    pub enum RequestFormat {
        /// Told by the first line.
        Detect,
        /// Azure's LLM inference traces of 2023 and 2024.
        Azure,
        /// BurstGPT, with or without its columns of sessions.
        BurstGpt,
        /// Mooncake's, with prefix blocks.
        Mooncake,
    }
}

record! {
    /// Requests replayed from a trace. The run begins with the start of its window.
    pub struct Recorded {
        /// Its name; it keys the random streams.
        pub name: Spanned<Name>,
        /// The model that it asks; the service's only one where left out.
        pub model: Option<Spanned<String>>,
        /// The file, plain, gzip or zstd; `$FLEETCAST_DATA` in it stands for the folder of the public data.
        pub file: Spanned<String>,
        /// Its format.
        pub format: RequestFormat = RequestFormat::Detect => "told by the first line",
        /// The window of the trace to use: from this long after its first request.
        pub from: Duration = Duration::ZERO => "the trace's first request",
        /// Until this long after its first request; the end where left out.
        pub to: Option<Duration>,
        /// At most so many requests; all where left out.
        pub limit: Option<u64>,
        /// Sort an unsorted file instead of refusing it.
        pub sort: bool = false => "a trace must be sorted by time",
        /// How the rate is changed: `Time(2.0)` runs it twice as fast, `Number(3.0)` sends three requests for each.
        pub scale: TraceScale = TraceScale::Time(1.0) => "as recorded",
        /// What follows the end of the trace.
        pub repeat: Repeat = Repeat::Once => "nothing",
        /// What happens to requests beyond the model's context.
        pub over: OverContext = OverContext::Reject => "a trace that does not fit the model is a fault to look at",
        /// Whether requests that failed (BurstGPT: without an answer) are sent, for an answer of one token.
        pub keep_failures: bool = false => "they are left out, and counted",
        /// What happens to times that lie on a grid.
        pub jitter: TraceJitter = TraceJitter::Grid => "spread within the grid's step where the trace has one",
        /// Labels of its requests, beside those of the file; these win over those, the service's own over all.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "only the file's and the service's own",
        /// Priority in an engine's queue, from -128 to 127; higher goes first.
        pub priority: Spanned<i32> = Spanned::unplaced(0) => "all the same",
    }
}

choice! {
    /// How the rate of a trace is changed.
    pub enum TraceScale {
        /// Times are divided by this; the day's phase is lost.
        Time(f64),
        /// Each request comes so many times on average; below 1 some are left out.
        Number(f64),
    }
}

choice! {
    /// What follows the end of a trace.
    pub enum Repeat {
        /// Nothing.
        Once,
        /// The trace again, at once.
        BackToBack,
        /// The trace again after whole days, at the time of day that it was recorded at.
        Days,
        /// The same by weeks.
        Weeks,
    }
}

choice! {
    /// What happens to requests beyond the model's context.
    pub enum OverContext {
        /// Each is a fault of the file.
        Reject,
        /// They are left out, and counted.
        Drop,
        /// They are cut, first the answer, then the prompt, and counted.
        Clip,
    }
}

choice! {
    /// What happens to times that lie on a grid.
    pub enum TraceJitter {
        /// They stay.
        Off,
        /// Each is moved forward within the grid's step, where there is one.
        Grid,
        /// Each is moved forward within so much.
        Within(Duration),
    }
}

record! {
    /// Many requests at once, again and again.
    pub struct Batch {
        /// Its name; it keys the random streams.
        pub name: Spanned<Name>,
        /// The model that it asks; the service's only one where left out.
        pub model: Option<Spanned<String>>,
        /// When it runs.
        pub runs: Spanned<Runs>,
        /// Requests of a run.
        pub requests: Spanned<NonZeroU32>,
        /// How long after a run's start all of it is due; no deadline where left out.
        pub due_in: Option<Duration>,
        /// How long prompts and answers are.
        pub tokens: Spanned<Tokens> = Spanned::unplaced(Tokens::AzureConversation) => "a conversation service of Azure, November 2023 (Splitwise, ISCA 2024)",
        /// Tokens that all prompts begin with, on top of `tokens`.
        pub shared: Spanned<u32> = Spanned::unplaced(0) => "no system prompt",
        /// Labels of its requests, beside the service's own; those win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "none of its own",
        /// Labels that are drawn for each request.
        pub label_mix: Vec<LabelMix> = Vec::new() => "no drawn labels",
        /// Priority in an engine's queue, from -128 to 127; higher goes first.
        pub priority: Spanned<Priority> = Spanned::unplaced(Priority::Fixed(0)) => "all the same",
    }
}

choice! {
    /// When a batch runs.
    pub enum Runs {
        /// At these moments: `At([After("2h"), At("2026-10-07T02:00")])`.
        At(Vec<Spanned<Moment>>),
        /// Once after the window's start, and then every so often.
        Every(EverySoOften),
        /// At local times of day, on some days of the week.
        Daily(DailyRuns),
    }
}

record! {
    /// At regular times.
    pub struct EverySoOften {
        /// The first run, this long after the start of the window.
        pub first: Duration = Duration::ZERO => "when the window starts",
        /// From one to the next.
        pub every: Spanned<Duration>,
    }
}

record! {
    /// At times of day.
    pub struct DailyRuns {
        /// Local times: `["02:00", "14:30"]`.
        pub times: Spanned<Vec<Time>>,
        /// Days of the week.
        pub days: Spanned<Vec<Weekday>> = Spanned::unplaced(Weekday::ALL.to_vec()) => "every day",
    }
}

choice! {
    /// A day of the week.
    pub enum Weekday {
        /// Monday.
        Mon,
        /// Tuesday.
        Tue,
        /// Wednesday.
        Wed,
        /// Thursday.
        Thu,
        /// Friday.
        Fri,
        /// Saturday.
        Sat,
        /// Sunday.
        Sun,
    }
}

impl Weekday {
    /// From Monday to Sunday.
    pub const ALL: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
}

record! {
    /// A test set that is run again and again: every run has the same prompts, known from the run before.
    pub struct Evaluation {
        /// Its name; it keys the random streams.
        pub name: Spanned<Name>,
        /// The model that it asks; the service's only one where left out.
        pub model: Option<Spanned<String>>,
        /// Prompts of a run.
        pub prompts: Spanned<NonZeroU32>,
        /// Local times at which it runs: `["02:00"]`.
        pub at: Spanned<Vec<Time>>,
        /// Days of the week on which it runs.
        pub days: Spanned<Vec<Weekday>> = Spanned::unplaced(Weekday::ALL[..5].to_vec()) => "working days, as CI runs",
        /// How long after its start all of a run is due; no deadline where left out.
        pub due_in: Option<Duration>,
        /// How long prompts and answers are.
        pub tokens: Spanned<Tokens> = Spanned::unplaced(Tokens::AzureConversation) => "a conversation service of Azure, November 2023 (Splitwise, ISCA 2024)",
        /// Tokens that all prompts begin with, on top of `tokens`.
        pub shared: Spanned<u32> = Spanned::unplaced(0) => "no system prompt",
        /// Labels of its requests, beside the service's own; those win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "none of its own",
        /// Priority in an engine's queue, from -128 to 127; higher goes first.
        pub priority: Spanned<Priority> = Spanned::unplaced(Priority::Fixed(0)) => "all the same",
    }
}
