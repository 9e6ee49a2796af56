//! Autoscalers against their own unit tests: HPA v2 and KEDA.
//!
//! The vectors are upstream's test values (kubernetes/kubernetes `replica_calculator_test.go`, `horizontal_test.go`;
//! kedacore/keda `scale_jobs_test.go`, `scale_scaledobjects_test.go`, `fallback_test.go`, `metrics_test.go`), written as
//! cases in the format of `docs/cases.md`. Files of more cases in that format are run after them. All are exact.
//!
//! *Invariant:* no simulation stands around a controller here: what is checked is the rule alone.

mod blame;
mod format;
mod lower;
mod of_hpa;
mod of_keda;
#[cfg(test)]
mod tests;

use self::format::{Cases, Item};
use super::cases::{self, CaseFile, Report, Runner};
use super::{Case, NoCases, Options};
use crate::scenario::decode::{Spanned, schema};

/// The suite's name.
const SUITE: &str = "autoscalers";

/// The version of the format of case files.
pub const VERSION: u32 = 1;

/// The published vectors, in the order of their tables.
const VECTORS: [(&str, &str); 2] = [
    ("<the HPA vectors>", include_str!("autoscalers/hpa.ron")),
    ("<the KEDA vectors>", include_str!("autoscalers/keda.ron")),
];

/// Runs the suite: the published vectors, then those of the case files.
///
/// # Errors
/// [`NoCases::Bad`] with all that is wrong in all case files.
pub fn run(options: &Options) -> Result<Vec<Case>, NoCases> {
    let mut runner = Runner::default();
    runner.texts::<Cases>(&VECTORS);
    runner.files::<Cases>(options);
    runner.finish()
}

impl CaseFile for Cases {
    const SUITE: &'static str = SUITE;
    const VERSION: u32 = VERSION;
    type Item = Item;
    fn version(&self) -> &Spanned<u32> {
        &self.version
    }
    fn items(&self) -> &[Item] {
        &self.cases
    }
}

impl cases::Item for Item {
    fn id(&self) -> &Spanned<String> {
        match self {
            Item::Proposal(c) => &c.id,
            Item::Stabilize(c) => &c.id,
            Item::RateLimit(c) => &c.id,
            Item::Reconcile(c) => &c.id,
            Item::KedaPoll(c) => &c.id,
            Item::KedaFallback(c) => &c.id,
            Item::KedaHpa(c) => &c.id,
            Item::KedaTimeline(c) => &c.id,
            Item::ScaledJobStrategy(c) => &c.id,
            Item::ScaledJob(c) => &c.id,
            Item::ScaledJobTarget(c) => &c.id,
        }
    }

    fn run(&self, report: &mut Report<'_>) {
        match self {
            Item::Proposal(c) => of_hpa::proposal(c, report),
            Item::Stabilize(c) => of_hpa::stabilize(c, report),
            Item::RateLimit(c) => of_hpa::rate_limit(c, report),
            Item::Reconcile(c) => of_hpa::reconcile(c, report),
            Item::KedaPoll(c) => of_keda::poll(c, report),
            Item::KedaFallback(c) => of_keda::fallback(c, report),
            Item::KedaHpa(c) => of_keda::bounds(c, report),
            Item::KedaTimeline(c) => of_keda::timeline(c, report),
            Item::ScaledJobStrategy(c) => of_keda::job_strategy(c, report),
            Item::ScaledJob(c) => of_keda::scaled_job(c, report),
            Item::ScaledJobTarget(c) => of_keda::mean_target(c, report),
        }
    }
}

/// The field reference of case files, as `docs/cases.md` ends with it.
#[must_use]
pub fn reference() -> String {
    schema::markdown::<Cases>()
}
