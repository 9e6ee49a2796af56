//! New versions of a deployment, and how they take over.

use std::num::NonZeroU32;

use super::engine::{
    CpuOfReplica, EngineLimits, NumberFormat, PrefixCache, ProfileOf, ShrunkModel, SpeculativeDecoding, StartUp,
};
use super::fleet::When;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Duration, Fraction, Name};

record! {
    /// A new version of a deployment.
    pub struct Rollout {
        /// When it begins.
        pub at: Spanned<When>,
        /// The deployment that it replaces.
        pub deployment: Spanned<Name>,
        /// The new version.
        pub new: Version,
        /// How it takes over.
        pub strategy: Spanned<Strategy> = Spanned::unplaced(Strategy::AllAtOnce) => "all requests, as soon as it has as many replicas",
        /// What must hold at the end of each step; nothing is judged where left out.
        pub gate: Option<Gate>,
    }
}

record! {
    /// A new version: what is left out is as it was.
    pub struct Version {
        /// Its name.
        pub name: Spanned<Name>,
        /// Its model.
        pub model: Option<Spanned<String>>,
        /// Pools that it may use.
        pub pools: Option<Spanned<Vec<Spanned<Name>>>>,
        /// GPUs of a replica.
        pub gpus: Option<Spanned<NonZeroU32>>,
        /// Its engine.
        pub engine: Option<Spanned<String>>,
        /// How weights are stored.
        pub dtype: Option<NumberFormat>,
        /// How KV is stored.
        pub kv_dtype: Option<NumberFormat>,
        /// What a step costs.
        pub profile: Option<Spanned<ProfileOf>>,
        /// The engine's limits.
        pub limits: Option<EngineLimits>,
        /// What it keeps of earlier prompts.
        pub prefix_cache: Option<Spanned<PrefixCache>>,
        /// Speculative decoding.
        pub speculative: Option<SpeculativeDecoding>,
        /// What the model was made smaller by.
        pub shrunk: Option<ShrunkModel>,
        /// What a replica goes through before it takes requests.
        pub start: Option<StartUp>,
        /// CPU of a replica's pod.
        pub cpu: Option<CpuOfReplica>,
    }
}

choice! {
    /// How a new version takes over.
    pub enum Strategy {
        /// It gets all requests as soon as it has as many replicas.
        AllAtOnce,
        /// Shares of the requests, each for so long: `Canary([("5%", "10m"), ("50%", "30m")])`; then all of them.
        Canary(Spanned<Vec<(Fraction, Duration)>>),
        /// Equal steps up to all.
        Staged(Stages),
        /// Copies of a share of the requests for so long; it answers nobody and takes over nothing.
        Shadow(Fraction, Duration),
    }
}

record! {
    /// Equal steps.
    pub struct Stages {
        /// How many: 4 are 25 %, 50 %, 75 % and all.
        pub steps: Spanned<NonZeroU32>,
        /// How long each takes.
        pub each: Duration,
    }
}

record! {
    /// What a rollout is judged by, over the requests of a step.
    pub struct Gate {
        /// Fewer requests than this say nothing, and the step goes on.
        pub least: u64 = 100 => "100: one in a hundred can be seen; a guess",
        /// At least this share of the new version's requests must keep every promise.
        pub good: Fraction = Fraction::new(0.99).unwrap_or_default() => "99 %, a common target",
        /// By how much it may be worse than the old version, at most.
        pub worse_by: Fraction = Fraction::new(0.01).unwrap_or_default() => "1 %; a guess",
    }
}
