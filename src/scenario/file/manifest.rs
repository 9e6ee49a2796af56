//! What Kubernetes manifests do not say: how long jobs run, and what metrics measure.

use crate::scenario::decode::{Spanned, choice, record};
use crate::units::Duration;

record! {
    /// How a Job of the manifests runs.
    pub struct ManifestJob {
        /// How long each of its pods runs, on a device of speed 1. The annotation `fleetcast.io/run-time` says the same.
        pub run: Spanned<Duration>,
        /// How long after the start of the window it is made.
        pub first: Duration = Duration::ZERO => "at the start",
        /// How often it is made again; once where left out. A CronJob has its own schedule.
        pub every: Option<Spanned<Duration>>,
    }
}

choice! {
    /// What a metric of an HPA or of a ScaledObject measures.
    pub enum ManifestMetric {
        /// Requests that wait for an engine.
        Queue,
        /// Requests in the system, waiting and running.
        Concurrency,
        /// Tokens produced a second.
        TokensPerSecond,
        /// Requests a second.
        RequestsPerSecond,
        /// Share of the time with a step in progress, in per cent or as a share of 1.
        GpuUtilisation,
        /// Share of KV in use, in per cent or as a share of 1.
        KvUse,
        /// Nothing that the model has: it is left out.
        Nothing,
    }
}
