//! Capacity that comes and goes: reclaims and their notices, launches, failing hardware, shocks, spot price histories.

use super::laws::Length;
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Duration, Fraction, Name, Rate};
use std::num::NonZeroU32;

choice! {
    /// Why and when the provider takes spot nodes back. Several combine: whichever comes first takes the node.
    pub enum Reclaim {
        /// Each node is kept for a time drawn from a law.
        Lifetime(Spanned<Length>),
        /// Each node is kept for one of the times in a log of real ones, each as likely.
        Empirical(LifeLog),
        /// A hazard that follows the local clock.
        Calendar(CalendarHazard),
        /// Often taken young, seldom in between, and often again before a limit (the old preemptible VMs of Google).
        Bathtub(BathtubLaw),
        /// No node is kept for longer than this: 24 h for Google's legacy preemptible VMs, no limit for Spot VMs.
        MaxLifetime(Spanned<Duration>),
        /// What the market offers is what a recording says: nodes beyond it are taken, launches beyond it fail.
        Replay(ReplayTrace),
        /// A made-up market: capacity for all nodes and for none by turns, as lengths drawn from two laws.
        UpDown(UpDownMarket),
        /// All are taken while the price is above a bid; needs a price that changes (`price: Path(…)`).
        PriceCrossing(Bid),
        /// A published share of interrupted instances, read as a hazard: a guess, which is warned of.
        Advisor(AdvisorHazard),
    }
}

record! {
    /// A log of how long instances lived.
    pub struct LifeLog {
        /// The file; `$FLEETCAST_DATA` in it stands for the folder of the public data.
        pub file: Spanned<String>,
        /// Its format.
        pub format: LogFormat = LogFormat::Detect => "told by its first words",
        /// Only instances of this kind, where the log tells kinds apart.
        pub kind: String = String::new() => "all of them",
        /// Put its lines in order of time instead of refusing an unordered file.
        pub sort: bool = false => "a time before the one above it is a fault of the file",
        /// What it was measured on, where that is not this pool's instance type: named as an assumption.
        pub measured_on: Option<String>,
    }
}

choice! {
    /// How a trace or log is written.
    pub enum LogFormat {
        /// Told by its first words.
        Detect,
        /// `{"metadata": {"gap_seconds": …}, "data": [0, 1, …]}` (skypilot-org/spot-traces, Frontier-CS).
        SpotTraces,
        /// Lines `ms,add|remove,node` (Bamboo, SpotServe).
        AddRemove,
        /// Lines `ms,count` or `date,time,count` (Parcae, Bamboo).
        Counts,
        /// Log lines of created, running and lost instances (training_on_a_dime).
        Instances,
        /// JSON of instances with their `time_in_sec` (goog-preemption-data).
        Lifetimes,
    }
}

record! {
    /// A hazard that follows the clock of the scenario's time zone.
    pub struct CalendarHazard {
        /// Reclaims per hour of one node, on average of a sinusoid, or where an hour's factor is 1.
        pub per_hour: Spanned<f64>,
        /// How it varies.
        pub shape: Spanned<ClockShape>,
    }
}

choice! {
    /// How a hazard follows the clock.
    pub enum ClockShape {
        /// Up and down once a day.
        Sinusoid(DailyWave),
        /// A factor for each hour of the day (24) or of the week (168, from Monday midnight).
        Hours(Vec<f64>),
    }
}

record! {
    /// 1 + a · sin(2π(t − φ)/24).
    pub struct DailyWave {
        /// a: by how much it swings, as a share of the mean.
        pub amplitude: Fraction,
        /// φ: the hour of the day at which it rises through its mean.
        pub phase: Spanned<f64> = Spanned::unplaced(0.0) => "rises at midnight",
    }
}

record! {
    /// P(life ≤ t) = A(1 − e^(−t/τ₁) + e^((t − b)/τ₂)) (Kadupitiya, Jadhao and Sharma, HPDC 2020).
    pub struct BathtubLaw {
        /// A: the share that early reclaims tend to.
        pub a: Spanned<f64>,
        /// τ₁: how fast early reclaims come.
        pub tau1: Spanned<Duration>,
        /// τ₂: how fast late ones do.
        pub tau2: Spanned<Duration>,
        /// b: when late ones come.
        pub b: Spanned<Duration>,
        /// All that are left are taken at this age.
        pub cap: Option<Duration>,
    }
}

record! {
    /// A recorded availability, laid over the run.
    pub struct ReplayTrace {
        /// The file; `$FLEETCAST_DATA` in it stands for the folder of the public data.
        pub file: Spanned<String>,
        /// What a 1 means. Needed for 0/1 and counted traces: copies of one trace exist with either meaning.
        pub polarity: Option<Spanned<Polarity>>,
        /// Its format.
        pub format: LogFormat = LogFormat::Detect => "told by its first words",
        /// The time between two values, to be checked against the file's own.
        pub gap: Option<Duration>,
        /// Where in the recording a run begins.
        pub offset: Spanned<TraceOffset> = Spanned::unplaced(TraceOffset::Fixed(Duration::ZERO)) => "its beginning",
        /// After its end the recording begins again; otherwise a run must end before it does.
        pub wrap: bool = false => "what happened after the recording is not known",
        /// Nodes for each unit that the recording counts.
        pub nodes_per_unit: NonZeroU32 = NonZeroU32::MIN => "it counts nodes",
        /// Put its lines in order of time instead of refusing an unordered file.
        pub sort: bool = false => "a time before the one above it is a fault of the file",
        /// What it was measured on, where that is not this pool's instance type: named as an assumption.
        pub measured_on: Option<String>,
    }
}

choice! {
    /// What a 1 in a trace means.
    pub enum Polarity {
        /// 1 (or N) is what can be had: skypilot-org/spot-traces.
        OneIsAvailable,
        /// 1 is a preemption, nothing can be had: the copies inside the simulator of "Can't Be Late" (Frontier-CS).
        OneIsPreempted,
    }
}

choice! {
    /// Where in a recording a replication begins. Recordings of one folder begin at the same place.
    pub enum TraceOffset (duration is Fixed) {
        /// So far in, in every replication.
        Fixed(Duration),
        /// Replication r begins r times so far in, and around again when the run no longer fits.
        Stride(Spanned<Duration>),
        /// Anywhere that the run fits, each tick as likely.
        Random,
    }
}

record! {
    /// A market that is up and down by turns: an alternating renewal. It is drawn once from the scenario's seed, a hundred
    /// runs long; a replication begins anywhere in it.
    pub struct UpDownMarket {
        /// How long all nodes can be had.
        pub up: Spanned<Length>,
        /// How long none can.
        pub down: Spanned<Length>,
        /// Lengths are whole numbers of these where given, at least one.
        pub tick: Option<Duration>,
    }
}

record! {
    /// A bid against the spot price. The bill is the price, never the bid.
    pub struct Bid {
        /// Per node and hour; the on-demand price of the price book where left out, as AWS has it.
        pub bid: Option<Spanned<Rate>>,
    }
}

record! {
    /// A hazard from a published share of interrupted instances: h = −ln(1 − share)/exposure.
    pub struct AdvisorHazard {
        /// The share; that of the embedded Spot Advisor table for the pool's instance type and region where left out.
        pub share: Option<Spanned<Fraction>>,
        /// How long an instance was exposed in the month that the share is of; Azure's rates are per hour.
        pub exposure: Spanned<Duration> = Spanned::unplaced(Duration::from_hours(730)) => "a whole month: the feed does not say, and GPUs are taken 10 to 1000 times as often as this gives",
    }
}

record! {
    /// What is told before a reclaim; the provider's own notice where a field is left out.
    pub struct NoticeTime {
        /// From the notice to the kill: 120 s on AWS, 30 s on GCP and Azure.
        pub kill: Option<Spanned<Duration>>,
        /// An earlier signal.
        pub early: Option<EarlySignal>,
        /// From the notice to when the node's agent sees it: 5 s is usual.
        pub detect: Option<Duration>,
        /// What the pods' own ending (preStop, grace period) takes of it.
        pub reserve: Option<Duration>,
    }
}

choice! {
    /// A signal before the notice.
    pub enum EarlySignal {
        /// None is sent, or none is heeded.
        Never,
        /// As AWS's rebalance recommendation.
        Sent(Rebalance),
    }
}

record! {
    /// An early signal, as AWS's rebalance recommendation.
    pub struct Rebalance {
        /// How often it comes only with the notice.
        pub simultaneous: Fraction = Fraction::new(0.3).unwrap_or_default() => "a guess: AWS promises no lead",
        /// Otherwise it comes so long before the notice, evenly from the first to the second.
        pub lead: Spanned<(Duration, Duration)> = Spanned::unplaced((Duration::from_secs(600), Duration::from_secs(1200))) => "10 to 20 minutes in general (Karpenter, designs/interruption-handling.md)",
        /// Signals per node and hour that no reclaim follows.
        pub false_per_hour: Spanned<f64> = Spanned::unplaced(0.0) => "none",
    }
}

record! {
    /// How launches go.
    pub struct Launching {
        /// From the request to a node that works.
        pub boot: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(120))) => "the middle of the 60 to 180 s that clouds take; a guess",
        /// Whether launches fail, beside what a replayed trace says.
        pub fail: Spanned<LaunchFails> = Spanned::unplaced(LaunchFails::Never) => "capacity is always there, unless a trace says otherwise",
        /// From the request to the refusal.
        pub fail_latency: Duration = Duration::from_secs(30) => "10 to 60 s are seen; a guess",
        /// How long to wait before the next attempt.
        pub backoff: Spanned<Waits> = Spanned::unplaced(all_defaults()) => "SkyPilot's first wait, growing",
        /// How long a pool is passed over after a refusal or a reclaim.
        pub unavailable_for: Duration = Duration::from_secs(180) => "UnavailableOfferingsTTL of aws/karpenter-provider-aws, pkg/cache",
        /// The most nodes that the account may have here. Waiting does not help against it.
        pub quota: Option<u32>,
    }
}

choice! {
    /// Whether launches fail.
    pub enum LaunchFails {
        /// They do not.
        Never,
        /// Each with this probability, whatever happened before. Real shortages last: this understates them.
        Chance(Fraction),
        /// All of them while the market is short of capacity, none otherwise.
        OnOff(Shortage),
    }
}

record! {
    /// A market that has capacity and is short of it by turns.
    pub struct Shortage {
        /// How long there is capacity.
        pub up: Spanned<Length>,
        /// How long there is none.
        pub down: Spanned<Length>,
    }
}

record! {
    /// Waits between attempts.
    pub struct Waits {
        /// Before the second attempt.
        pub first: Duration = Duration::from_secs(60) => "skypilot-org/skypilot, sky/jobs/recovery_strategy.py",
        /// Each further wait is so many times the one before.
        pub factor: f64 = 1.6 => "a guess",
        /// No wait is longer.
        pub max: Duration = Duration::from_secs(300) => "a guess",
        /// By how much a wait varies.
        pub jitter: Fraction = Fraction::new(0.4).unwrap_or_default() => "a guess",
    }
}

record! {
    /// Hardware that fails, rented or owned. Nodes fail independently at constant rates.
    pub struct FailingHardware {
        /// GPU-hours for each failure that stops a job and is not its own code: a number, or a published rate.
        pub gpu_hours_per_failure: Spanned<FailureRate> = Spanned::unplaced(FailureRate::Hours(50_000.0)) => "A100 and H100, all causes, rounded from The Llama 3 Herd of Models (2024); 13,600 to 82,000 are reported",
        /// Nodes that fail more often.
        pub lemons: Option<LemonNodes>,
        /// Share of failures that a reboot mends; the others need a replacement.
        pub reboot_share: Fraction = Fraction::new(1.0 / 3.0).unwrap_or_default() => "a third; recalled, not measured",
        /// Until a rebooted node is back.
        pub reboot: Spanned<Length> = Spanned::unplaced(Length::Uniform(Duration::from_secs(600), Duration::from_secs(1800))) => "10 to 30 minutes; a guess",
        /// Until a replaced node is back.
        pub replace: Spanned<Length> = Spanned::unplaced(Length::Uniform(Duration::from_hours(24), Duration::from_hours(72))) => "one to three days; recalled, not measured",
        /// Whether a node that is down is billed; owned ones are and rented ones are not where left out.
        pub billed: Option<bool>,
        /// Share of failures that are the job's software and leave the node well.
        pub software: Fraction = Fraction::ZERO => "all take the node; of Llama 3's failures 15 % were software",
    }
}

choice! {
    /// How often hardware fails.
    pub enum FailureRate (number is Hours) {
        /// GPU-hours per failure.
        Hours(f64),
        /// As published: `default`, `llama3`, `rsc1`, `rsc2`, `opt`.
        Published(Spanned<String>),
        /// Node-hours per failure: for nodes without GPUs, or where a node's rate is what one knows.
        NodeHours(f64),
    }
}

record! {
    /// Nodes that fail more often.
    pub struct LemonNodes {
        /// Their share.
        pub share: Fraction,
        /// By how much more often they fail.
        pub factor: Spanned<f64>,
    }
}

record! {
    /// What takes several nodes at once (Marshall and Olkin): shocks come to a scope at random, and each hits some nodes.
    pub struct ShockProcess {
        /// Its name.
        pub name: Spanned<Name>,
        /// Only these pools; all where left out.
        pub pools: Option<Spanned<Vec<Spanned<Name>>>>,
        /// Only pools of this zone.
        pub zone: Option<Spanned<String>>,
        /// Only pools of this region.
        pub region: Option<Spanned<String>>,
        /// Only pools of this device.
        pub device: Option<Spanned<String>>,
        /// Shocks per hour, for each group where there are groups.
        pub per_hour: Spanned<f64>,
        /// How many of the nodes in scope each takes.
        pub kill: Spanned<ShockKill> = Spanned::unplaced(ShockKill::Fraction(Fraction::ONE)) => "all of them",
        /// Every so many nodes share a rack or switch, with shocks of its own; one scope for all where left out.
        pub group: Option<NonZeroU32>,
        /// A fault of the hardware: nodes that it hits are down for so long. A reclaim where left out.
        pub down: Option<Spanned<Length>>,
    }
}

choice! {
    /// How many a shock takes.
    pub enum ShockKill {
        /// Each node in scope with this probability.
        Fraction(Fraction),
        /// So many, by weight: `[(1, 39), (2, 13), (3, 15)]`.
        Counts(Vec<(u32, Spanned<f64>)>),
    }
}

record! {
    /// A spot price history, as a path in time. Prices are per node and hour.
    pub struct PriceHistory {
        /// The files: AWS's `describe-spot-price-history` as JSON, or change points as CSV. Several are merged.
        pub files: Spanned<Vec<Spanned<String>>>,
        /// Which zone's prices; the pool's where left out.
        pub zone: Option<Spanned<String>>,
        /// Which instance type's prices; the pool's where left out.
        pub instance: Option<Spanned<String>>,
        /// Which product's prices.
        pub product: String = "Linux/UNIX".to_owned() => "what most GPU nodes run",
        /// How its dates are laid over the run.
        pub aligned: Aligned = Aligned::Dated => "prices have dates",
    }
}

choice! {
    /// How the dates of a history are laid over a run.
    pub enum Aligned {
        /// Each price from its own date.
        Dated,
        /// The history begins where the run does, warm-up included.
        FromStart,
    }
}
