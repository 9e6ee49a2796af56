//! Requests of a service: made from parameters, read from a trace, or many at once.

use super::laws::{Bursts, Growth, Length, When};
use super::work::LabelMix;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Duration, Name};
use indexmap::IndexMap;
use jiff::civil::DateTime;
use std::num::NonZeroU32;

choice! {
    /// Where requests come from.
    pub enum Requests {
        /// Made from parameters.
        Synthetic(Synthetic),
        /// Read from a trace.
        Recorded(Recorded),
        /// Many at once, with a deadline: offline jobs.
        Batch(Batch),
        /// A set of prompts that is run again and again: evaluations in CI.
        Evaluation(Evaluation),
    }
}

record! {
    /// Requests made from parameters.
    pub struct Synthetic {
        /// Its name; it keys the random streams.
        pub name: Spanned<Name>,
        /// The model that it asks for; needed where the service has several.
        pub model: Option<Spanned<String>>,
        /// How often requests come.
        pub rate: RequestRate,
        /// How long prompts and answers are.
        pub tokens: Spanned<Tokens> = Spanned::unplaced(Tokens::AzureConversation) => "the conversation trace of Azure, November 2023",
        /// Conversations of several turns; every request stands alone where left out.
        pub sessions: Option<Sessions>,
        /// Tokens of a system prompt that all prompts begin with, on top of their own.
        pub shared: u32 = 0 => "no system prompt",
        /// Labels that all its requests carry; the service's own win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "only the service's own",
        /// Labels that are drawn for each request (each session).
        pub label_mix: Vec<LabelMix> = Vec::new() => "no drawn labels",
        /// −128 to 127; higher goes first in an engine's queue.
        pub priority: Spanned<i32> = Spanned::unplaced(0) => "all the same",
    }
}

record! {
    /// How often requests come.
    pub struct RequestRate {
        /// Mean requests a second, turns of sessions counted, before shape, growth and launches.
        pub per_second: Spanned<f64>,
        /// Coefficient of variation of the gaps between arrivals: 1 is Poisson, above 1 bursty.
        pub cv: Spanned<f64> = Spanned::unplaced(1.0) => "Poisson arrivals",
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
    /// From a moment on the rate is `1 + height·e^(−t/decay)` times what it would be.
    pub struct Launch {
        /// When, after the window's start.
        pub at: Duration,
        /// The additional rate at that moment over the rate without it.
        pub height: Spanned<f64>,
        /// In which the addition falls to 1/e; at least 10 minutes.
        pub decay: Duration,
    }
}

choice! {
    /// How long prompts and answers are.
    pub enum Tokens {
        /// Azure's conversation trace: 1,155 and 211 tokens on average.
        AzureConversation,
        /// Azure's code completion trace: 2,048 and 28 tokens on average.
        AzureCode,
        /// Two laws and their rank correlation.
        Lengths(Lengths),
    }
}

record! {
    /// Two laws and their rank correlation.
    pub struct Lengths {
        /// Tokens of the prompt.
        pub input: Spanned<Count>,
        /// Tokens of the answer.
        pub output: Spanned<Count>,
        /// Spearman's rank correlation of the two, −1 to 1.
        pub correlation: Spanned<f64> = Spanned::unplaced(0.0) => "independent",
        /// Longer prompts are cut to this.
        pub max_input: Option<Spanned<NonZeroU32>>,
        /// Longer answers are cut to this.
        pub max_output: Option<Spanned<NonZeroU32>>,
    }
}

choice! {
    /// The law of a number of tokens.
    pub enum Count (number is Constant) {
        /// Always the same.
        Constant(f64),
        /// Between two, each as likely.
        Uniform(f64, f64),
        /// Memoryless, by its mean.
        Exponential(f64),
        /// Log-normal by median and 95th percentile.
        LogNormal(MedianP95Tokens),
        /// A table of quantiles, linear in between: `[("0%", 8), ("50%", 400), ("100%", 8000)]`.
        Quantiles(Vec<(Percent, f64)>),
    }
}

record! {
    /// Log-normal by median and 95th percentile.
    pub struct MedianP95Tokens {
        /// Half are shorter.
        pub median: f64,
        /// One in twenty is longer.
        pub p95: f64,
    }
}

record! {
    /// Conversations: a turn's prompt holds all that was said before.
    pub struct Sessions {
        /// Mean turns of a conversation; geometric from 1 on.
        pub turns: Spanned<f64>,
        /// From one turn's sending to the next's.
        pub think: Spanned<Length>,
    }
}

choice! {
    /// The format of a trace of requests.
    pub enum RequestFormat {
        /// Told by the header.
        Detect,
        /// Azure's LLM traces.
        Azure,
        /// BurstGPT.
        BurstGpt,
        /// Mooncake: prompts by block hashes.
        Mooncake,
    }
}

record! {
    /// Requests read from a trace.
    pub struct Recorded {
        /// Its name.
        pub name: Spanned<Name>,
        /// The model that it asks for; needed where the service has several.
        pub model: Option<Spanned<String>>,
        /// The file, plain, gzip or zstd; `$FLEETCAST_DATA` in it stands for the folder of the public data.
        pub file: Spanned<String>,
        /// Its format.
        pub format: RequestFormat = RequestFormat::Detect => "told by the header",
        /// The window of the trace to use: from this time after its origin.
        pub from: Duration = Duration::ZERO => "the trace's origin",
        /// Until this time after its origin; the end where left out.
        pub to: Option<Duration>,
        /// At most so many requests; all where left out.
        pub limit: Option<u64>,
        /// Sort an unsorted file instead of refusing it.
        pub sort: bool = false => "a file must be sorted",
        /// How the rate is changed.
        pub scale: Spanned<RequestScale> = Spanned::unplaced(RequestScale::Number(1.0)) => "as recorded",
        /// What follows its end.
        pub repeat: RequestRepeat = RequestRepeat::Once => "nothing",
        /// What happens to requests that are longer than the model's context.
        pub over: OverLong = OverLong::Reject => "each is a fault of the file",
        /// What happens to times that lie on a grid (Azure's of 2023 on one of 100 ns, Mooncake's of 3 s).
        pub jitter: RequestJitter = RequestJitter::Grid => "moved within their step, where a grid is found",
        /// BurstGPT's failures stay, as requests of one token.
        pub keep_failures: bool = false => "left out, and counted",
        /// Labels that all its requests carry, beside those of the trace; the service's own win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "only the trace's own",
        /// −128 to 127; higher goes first in an engine's queue.
        pub priority: Spanned<i32> = Spanned::unplaced(0) => "all the same",
    }
}

choice! {
    /// How the rate of a trace is changed.
    pub enum RequestScale {
        /// Time runs so much faster: what took an hour takes less.
        Time(f64),
        /// Each request comes so many times on average: below 1 the trace is thinned.
        Number(f64),
    }
}

choice! {
    /// What follows the end of a trace.
    pub enum RequestRepeat {
        /// Nothing.
        Once,
        /// The trace again, at once.
        BackToBack,
        /// The trace again after a whole number of days, at its time of day.
        Days,
        /// The same by weeks.
        Weeks,
    }
}

choice! {
    /// What happens to requests beyond the model's context.
    pub enum OverLong {
        /// Each is a fault of the file.
        Reject,
        /// They are left out, and counted.
        Drop,
        /// They are cut, and counted.
        Clip,
    }
}

choice! {
    /// What happens to times that lie on a grid.
    pub enum RequestJitter {
        /// They stay.
        Off,
        /// If a grid is found, each is moved forward within its step.
        Grid,
        /// Each is moved forward within so much.
        Within(Duration),
    }
}

record! {
    /// Many requests at once.
    pub struct Batch {
        /// Its name.
        pub name: Spanned<Name>,
        /// The model that it asks for; needed where the service has several.
        pub model: Option<Spanned<String>>,
        /// When it runs.
        pub runs: Spanned<BatchRuns>,
        /// Requests of a run.
        pub requests: Spanned<NonZeroU32>,
        /// In which all requests of a run are due; no deadline where left out.
        pub due_in: Option<Duration>,
        /// How long prompts and answers are.
        pub tokens: Spanned<Tokens> = Spanned::unplaced(Tokens::AzureConversation) => "the conversation trace of Azure, November 2023",
        /// Tokens of a system prompt that all prompts begin with, on top of their own.
        pub shared: u32 = 0 => "no system prompt",
        /// Labels that all its requests carry; the service's own win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "only the service's own",
        /// −128 to 127; higher goes first in an engine's queue.
        pub priority: Spanned<i32> = Spanned::unplaced(-1) => "after requests of clients",
    }
}

choice! {
    /// When a batch runs.
    pub enum BatchRuns {
        /// At these times, in the scenario's time zone.
        At(Vec<Spanned<DateTime>>),
        /// First so long after the window's start, and then every so often.
        Every(Duration, Spanned<Duration>),
        /// At these local times of day: `["02:00", "14:30"]`.
        Daily(Vec<Spanned<String>>),
        /// At these local times of day, Monday to Friday.
        Weekdays(Vec<Spanned<String>>),
    }
}

record! {
    /// A set of prompts that is run again and again; each prompt is known from the run before.
    pub struct Evaluation {
        /// Its name.
        pub name: Spanned<Name>,
        /// The model that it asks for; needed where the service has several.
        pub model: Option<Spanned<String>>,
        /// Prompts of the set.
        pub prompts: Spanned<NonZeroU32>,
        /// Local times of day, Monday to Friday: `["09:00", "13:00", "17:00"]`.
        pub at: Spanned<Vec<Spanned<String>>>,
        /// How long prompts and answers are.
        pub tokens: Spanned<Tokens> = Spanned::unplaced(Tokens::AzureConversation) => "the conversation trace of Azure, November 2023",
        /// Tokens of a system prompt that all prompts begin with, on top of their own.
        pub shared: u32 = 0 => "no system prompt",
        /// Labels that all its requests carry; the service's own win.
        pub labels: IndexMap<Name, Name> = IndexMap::new() => "only the service's own",
        /// −128 to 127; higher goes first in an engine's queue.
        pub priority: Spanned<i32> = Spanned::unplaced(-1) => "after requests of clients",
    }
}
