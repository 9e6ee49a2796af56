//! What resolving needs from outside: the data folder, the catalogue, the texts that carets point into.

use std::path::{Path, PathBuf};

use jiff::Zoned;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::recordings::Recordings;
use super::share::Ask;
use crate::catalog::mig::ProfileId;
use crate::catalog::{Catalog, Device, Provider};
use crate::fleet::PoolId;
use crate::formats::Place;
use crate::outcome::EvidenceNote;
use crate::scenario::decode::Spanned;
use crate::scenario::file::Scenario;
use crate::scenario::file::money::PricesAt;
use crate::units::{Diagnostic, Diagnostics, Duration, SimTime, SourceMap};

/// Where published data lies, by the folder that it has below the data folder.
const PUBLISHED: &[(&str, &str)] = &[
    ("openb", "github.com/alibaba/clusterdata, cluster-trace-gpu-v2023/csv"),
    ("philly", "github.com/msr-fiddle/philly-traces; the filtered copy in github.com/siasosp23/artifacts"),
    ("alibaba-gpu-v2025-dlrm", "github.com/alibaba/clusterdata, cluster-trace-gpu-v2025"),
    ("gaia", "github.com/umassos/GAIA, src/cluster_traces"),
    ("spot", "github.com/skypilot-org/spot-traces"),
    ("prices", "see the price tables' sources in `fleetcast catalog sources`"),
];

/// The word that stands for the data folder in paths.
pub const DATA: &str = "$FLEETCAST_DATA";

/// What resolving needs from outside.
#[derive(Debug)]
pub struct Env<'a> {
    /// Texts that diagnostics point into.
    pub sources: &'a mut SourceMap,
    /// The folder of the scenario file: other relative paths start here.
    pub base: PathBuf,
    /// What `$FLEETCAST_DATA` stands for.
    pub data: PathBuf,
    /// The price book and device tables, with the user's own prices once imported.
    pub catalog: Catalog,
    /// Every file that was read, for the run's manifest.
    pub inputs: Vec<PathBuf>,
    /// What readers had to say: rows sorted, jobs dropped before the window.
    pub notices: Vec<String>,
    /// Files that are not there, each told once however often it is named.
    missing: Vec<PathBuf>,
    /// Recorded markets that were read.
    pub(super) recordings: Recordings,
    /// Kubernetes manifests that were read.
    pub(super) manifests: super::manifests::Cache,
}

impl<'a> Env<'a> {
    /// With the embedded catalogue.
    pub fn new(sources: &'a mut SourceMap, base: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Env<'a> {
        Env {
            sources,
            base: base.into(),
            data: data.into(),
            catalog: Catalog::embedded().clone(),
            inputs: Vec::new(),
            notices: Vec::new(),
            missing: Vec::new(),
            recordings: Recordings::default(),
            manifests: super::manifests::Cache::default(),
        }
    }

    /// The path of an input file, which must be there: else a diagnostic that says where it is published and how to
    /// point to it.
    pub fn input(&mut self, written: &Spanned<String>, out: &mut Diagnostics) -> Option<PathBuf> {
        let text = written.value.as_str();
        let (path, public) = match text.strip_prefix(DATA) {
            Some(rest) => {
                (self.data.join(rest.trim_start_matches(['/', '\\'])), Some(rest.trim_start_matches(['/', '\\'])))
            }
            None => (self.base.join(text), None),
        };
        if path.is_file() {
            if !self.inputs.contains(&path) {
                self.inputs.push(path.clone());
            }
            return Some(path);
        }
        if self.missing.contains(&path) {
            return None;
        }
        self.missing.push(path.clone());
        let what = if path.exists() { "is not a file" } else { "is not there" };
        let mut d = Diagnostic::error(format!("the file `{}` {what}", path.display())).at(
            written.at.0,
            written.at.1,
            "needed here",
        );
        if let Some(rest) = public {
            let folder = Path::new(rest).iter().next().and_then(|p| p.to_str()).unwrap_or("");
            if let Some((_, place)) = PUBLISHED.iter().find(|(f, _)| *f == folder) {
                d = d.help(format!("it is public: {place}"));
            }
            d = d.help("set FLEETCAST_DATA to the folder that holds it, or pass --data FOLDER");
        } else {
            d = d.help(format!("relative paths start at the scenario's folder, `{}`", self.base.display()));
        }
        out.push(d);
        None
    }

    /// Puts the user's own price table over the embedded book.
    pub fn import_prices(&mut self, file: &Spanned<String>, out: &mut Diagnostics) {
        let Some(path) = self.input(file, out) else { return };
        match crate::formats::read_text(&path, self.sources) {
            Ok(id) => out.extend(self.catalog.import_prices(self.sources, id).1),
            Err(d) => out.extend(d),
        }
    }
}

/// A date and time as a moment. One that the clock skips or repeats is refused: either reading could be meant.
pub(super) fn moment(at: DateTime, tz: &TimeZone, place: Place, out: &mut Diagnostics) -> Option<Zoned> {
    let found = tz.to_ambiguous_zoned(at);
    let zone = tz.iana_name().unwrap_or("this time zone");
    let wrong =
        |what: &str, label: &str| Diagnostic::error(format!("{at} {what} in {zone}")).at(place.0, place.1, label);
    match found.offset() {
        AmbiguousOffset::Unambiguous { .. } => {}
        AmbiguousOffset::Gap { .. } => {
            let d = wrong("does not exist", "clocks go forward over it");
            let after = found.clone().compatible().map(|z| format!("write \"{}\", or another time", z.datetime()));
            out.push(d.help(after.unwrap_or_else(|_| "write another time".to_owned())));
            return None;
        }
        AmbiguousOffset::Fold { .. } => {
            out.push(
                wrong("comes twice", "clocks go back, and it could be before or after")
                    .help("write a time outside the hour that repeats, or use tz: \"UTC\""),
            );
            return None;
        }
    }
    match found.unambiguous() {
        Ok(z) => Some(z),
        Err(e) => {
            out.push(Diagnostic::error(format!("{at} is no moment in {zone}: {e}")).at(
                place.0,
                place.1,
                "out of range",
            ));
            None
        }
    }
}

/// The run of resolving one scenario.
pub(super) struct Context<'a, 'e> {
    pub env: &'a mut Env<'e>,
    /// Start of the measured window.
    pub start: Zoned,
    /// The epoch: the start less the warm-up.
    pub epoch: Zoned,
    pub warmup: Duration,
    pub horizon: Duration,
    pub seed: u64,
    /// The date whose prices apply when the run begins.
    pub priced: Date,
    pub evidence: Vec<EvidenceNote>,
    /// What is known of each pool that was made, beside the model.
    pub facts: Vec<PoolFacts>,
    /// What work asks of GPUs that are cut; slice `k` is ask `k - 1`.
    pub asks: Vec<Ask>,
    /// Which profiles work may use where.
    pub used: Vec<(PoolId, ProfileId)>,
}

/// What is known of a pool, beside the model.
#[derive(Clone, Debug)]
pub(super) struct PoolFacts {
    pub provider: Provider,
    pub region: Option<String>,
    pub zone: Option<String>,
    pub device: Option<Device>,
    /// GPUs of a node, where all have the same.
    pub gpus: Option<u32>,
    /// The most nodes that it can ever have at once.
    pub nodes: u32,
    /// Beside each of its replays, the folder of its trace.
    pub folders: Vec<Option<PathBuf>>,
}

impl<'a, 'e> Context<'a, 'e> {
    pub fn new(s: &Scenario, start: Zoned, env: &'a mut Env<'e>) -> Context<'a, 'e> {
        let span = jiff::SignedDuration::from_nanos(s.warmup.value.0 as i64);
        let epoch = start.checked_sub(span).unwrap_or_else(|_| start.clone());
        let priced = match &s.prices {
            PricesAt::On(date) => **date,
            PricesAt::InForce => epoch.date(),
        };
        Context {
            priced,
            env,
            start,
            epoch,
            warmup: *s.warmup,
            horizon: *s.horizon,
            seed: s.seed,
            evidence: Vec::new(),
            facts: Vec::new(),
            asks: Vec::new(),
            used: Vec::new(),
        }
    }

    /// Where the run ends on the run's clock.
    pub fn end(&self) -> SimTime {
        SimTime(self.warmup.0 + self.horizon.0)
    }

    /// A moment on the run's clock; zero for what lies before the epoch.
    pub fn clock(&self, at: &Zoned) -> SimTime {
        let ns = at.timestamp().as_nanosecond() - self.epoch.timestamp().as_nanosecond();
        SimTime(u64::try_from(ns).unwrap_or(0))
    }

    pub fn note(&mut self, what: String, grade: &str, source: impl Into<String>) {
        self.evidence.push(EvidenceNote { what, grade: grade.to_owned(), source: source.into() });
    }
}
