//! Recorded markets: each file is read once, however many pools, variants and points of a curve name it.

use std::path::PathBuf;
use std::sync::Arc;

use super::context::Env;
use crate::market::read::{LifeLog, read_lives};
use crate::market::{
    Availability, How, Input, Polarity, PricePoint, TraceFormat, read_availability, read_price_history,
};
use crate::scenario::decode::Spanned;
use crate::scenario::file::market::{LifeLog as LogShape, LogFormat, Polarity as PolarityShape, ReplayTrace};
use crate::units::{Diagnostic, Diagnostics, SourceMap};

/// A price history.
type History = Arc<Vec<PricePoint>>;

/// What was read; nothing where it could not be, which has been told then.
#[derive(Debug, Default)]
pub(super) struct Recordings {
    traces: Vec<(PathBuf, How, Option<Arc<Availability>>)>,
    lives: Vec<(PathBuf, How, Option<Arc<LifeLog>>)>,
    prices: Vec<(Vec<PathBuf>, Option<History>)>,
}

fn format(f: &LogFormat) -> TraceFormat {
    match f {
        LogFormat::Detect => TraceFormat::Detect,
        LogFormat::SpotTraces => TraceFormat::SpotTraces,
        LogFormat::AddRemove => TraceFormat::AddRemove,
        LogFormat::Counts => TraceFormat::Counts,
        LogFormat::Instances => TraceFormat::Instances,
        LogFormat::Lifetimes => TraceFormat::Lifetimes,
    }
}

/// What was read, with its warnings told; what was wrong with it otherwise.
fn told<T>(read: Result<(T, Diagnostics), Diagnostics>, out: &mut Diagnostics) -> Option<Arc<T>> {
    match read {
        Ok((value, warnings)) => {
            out.extend(warnings);
            Some(Arc::new(value))
        }
        Err(d) => {
            out.extend(d);
            None
        }
    }
}

impl Env<'_> {
    /// A recorded availability and the file that it is from.
    pub(super) fn availability(
        &mut self,
        r: &ReplayTrace,
        out: &mut Diagnostics,
    ) -> Option<(PathBuf, Arc<Availability>)> {
        let path = self.input(&r.file, out)?;
        let polarity = r.polarity.as_ref().map(|p| match **p {
            PolarityShape::OneIsAvailable => Polarity::OneIsAvailable,
            PolarityShape::OneIsPreempted => Polarity::OneIsPreempted,
        });
        let how = How { format: format(&r.format), polarity, gap: r.gap, sort: r.sort };
        if let Some((_, _, known)) = self.recordings.traces.iter().find(|(p, h, _)| (p, h) == (&path, &how)) {
            return known.clone().map(|t| (path, t));
        }
        let trace = if polarity.is_some() {
            told(read_availability(Input::Path(&path), how, self.sources), out)
        } else {
            unsaid(&path, how, r, self.sources, out)
        };
        self.recordings.traces.push((path.clone(), how, trace.clone()));
        trace.map(|t| (path, t))
    }

    /// A log of lives and the file that it is from.
    pub(super) fn lives(&mut self, l: &LogShape, out: &mut Diagnostics) -> Option<(PathBuf, Arc<LifeLog>)> {
        let path = self.input(&l.file, out)?;
        let how = How { format: format(&l.format), sort: l.sort, ..How::default() };
        if let Some((_, _, known)) = self.recordings.lives.iter().find(|(p, h, _)| (p, h) == (&path, &how)) {
            return known.clone().map(|t| (path, t));
        }
        let log = told(read_lives(Input::Path(&path), how, self.sources), out);
        self.recordings.lives.push((path.clone(), how, log.clone()));
        log.map(|l| (path, l))
    }

    /// Price histories, merged.
    pub(super) fn prices(
        &mut self,
        files: &[Spanned<String>],
        out: &mut Diagnostics,
    ) -> Option<(Vec<PathBuf>, History)> {
        let paths: Vec<PathBuf> = files.iter().map(|f| self.input(f, out)).collect::<Option<_>>()?;
        if let Some((_, known)) = self.recordings.prices.iter().find(|(p, _)| *p == paths) {
            return known.clone().map(|h| (paths, h));
        }
        let inputs = paths.iter().map(|p| Input::Path(p)).collect();
        let history = told(read_price_history(inputs, self.sources), out);
        self.recordings.prices.push((paths.clone(), history.clone()));
        history.map(|h| (paths, h))
    }
}

/// A trace whose polarity is not said. Logs of what is live need none; where values come by the tick, a 1 could mean
/// either, and the place to say it is the scenario.
fn unsaid(
    path: &std::path::Path,
    how: How,
    r: &ReplayTrace,
    sources: &mut SourceMap,
    out: &mut Diagnostics,
) -> Option<Arc<Availability>> {
    let tried = How { polarity: Some(Polarity::OneIsAvailable), ..how };
    match read_availability(Input::Path(path), tried, sources) {
        Ok((trace, warnings)) if trace.gap().is_none() => {
            out.extend(warnings);
            Some(Arc::new(trace))
        }
        Ok(_) => {
            out.push(
                Diagnostic::error(format!("what does a 1 in `{}` mean?", r.file.value))
                    .at(r.file.at.0, r.file.at.1, "its polarity is not said")
                    .help("polarity: OneIsAvailable, for the traces of skypilot-org/spot-traces")
                    .help(
                        "polarity: OneIsPreempted, for the copies inside the simulator of Can't Be Late (Frontier-CS)",
                    ),
            );
            None
        }
        Err(d) => {
            out.extend(d);
            None
        }
    }
}
