//! The recorded traces against what an independent program found in them.

use std::path::{Path, PathBuf};

use super::published::{APR, FEB, ROWS, Row, SIXTEEN, TOGETHER, WHOLE};
use super::{SUITE, digits};
use crate::kernel::stats::correlation;
use crate::market::read::read_lives;
use crate::market::{Availability, Bathtub, How, Input, LifeLog, Polarity, TraceFormat, read_availability};
use crate::units::{Diagnostics, Duration, SourceMap};
use crate::verify::{Case, NoCases};

/// What reading may come to.
type Read<T> = Result<T, NoCases>;

/// The figures of all files that are there.
pub(super) fn cases(spot: &Path) -> Read<Vec<Case>> {
    let mut out = Vec::new();
    let traces = spot.join("skypilot-spot-traces");
    for row in &ROWS {
        if let Some(runs) = trace(&traces.join(row.path()))?.map(|a| a.runs(1)) {
            let name = row.name();
            out.push(digits(format!("{name}: availability"), row.availability, runs.availability(), 4));
            for (kind, published, stats) in [
                ("up", (row.up[1], row.up[5]), runs.up_stats()),
                ("down", (row.down[0], row.down[4]), runs.down_stats()),
            ] {
                let (mean, cv) = stats.map_or((f64::NAN, f64::NAN), |s| (s.mean, s.cv));
                out.push(digits(format!("{name}: mean {kind} (h)"), published.0, mean, 3));
                out.push(digits(format!("{name}: cv {kind}"), published.1, cv, 2));
            }
            out.push(digits(format!("{name}: hazard (/h up)"), row.hazard, runs.hazard(), 4));
        }
    }
    for (folder, file, full, availability) in WHOLE {
        if let Some(a) = trace(&traces.join(folder).join(format!("{file}.json")))? {
            let name = format!("{}/{file}: share of time with all {full}", short(folder));
            out.push(digits(name, availability, a.runs(full).availability(), 4));
        }
    }
    for (file, share) in SIXTEEN {
        if let Some(a) = trace(&traces.join("availability/16-node/aws-08-27-2023").join(format!("{file}.json")))? {
            let name = format!("aws-08-27-2023/{file}: mean share of 16");
            out.push(digits(name, share, a.mean().unwrap_or(f64::NAN) / 16.0, 4));
        }
    }
    for (folder, full, any) in TOGETHER {
        let zones = folder_of(&traces.join(folder))?;
        if !zones.is_empty() {
            out.push(digits(format!("{}: some zone has all {full}", short(folder)), any, any_up(&zones, full), 4));
        }
    }
    correlations(&traces, &mut out)?;
    hours_of_day(&traces, &mut out)?;
    batches(spot, &mut out)?;
    logs(spot, &mut out)?;
    Ok(out)
}

/// The statistics of given files, unchecked.
pub(super) fn given(paths: &[PathBuf]) -> Read<Vec<Case>> {
    let mut out = Vec::new();
    for path in paths {
        let a = read(path, |input, sources| read_availability(input, SPOT_TRACES, sources))?;
        let (runs, stem) = (a.runs(1), path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned()));
        let mut row = |figure: &str, ours: f64| out.push(Case::unchecked(SUITE, format!("{stem}/{figure}"), ours));
        row("availability", runs.availability());
        for (kind, stats) in [("up", runs.up_stats()), ("down", runs.down_stats())] {
            let Some(s) = stats else { continue };
            row(&format!("{kind} mean (h)"), s.mean);
            row(&format!("{kind} median (h)"), s.median);
            row(&format!("{kind} p90 (h)"), s.p90);
            row(&format!("{kind} max (h)"), s.max);
            if s.n > 1 {
                row(&format!("{kind} cv"), s.cv);
            }
        }
        if !runs.up.is_empty() {
            row("hazard (/h up)", runs.hazard());
        }
    }
    Ok(out)
}

const SPOT_TRACES: How =
    How { format: TraceFormat::SpotTraces, polarity: Some(Polarity::OneIsAvailable), gap: None, sort: false };

const DETECT: How = How { format: TraceFormat::Detect, polarity: None, gap: None, sort: false };

fn read<T>(
    path: &Path,
    with: impl FnOnce(Input<'_>, &mut SourceMap) -> Result<(T, Diagnostics), Diagnostics>,
) -> Read<T> {
    let mut sources = SourceMap::default();
    match with(Input::Path(path), &mut sources) {
        Ok((value, _)) => Ok(value),
        Err(d) => Err(NoCases::Bad(d, sources)),
    }
}

/// A spot trace, where the file is there.
fn trace(path: &Path) -> Read<Option<Availability>> {
    if !path.is_file() {
        return Ok(None);
    }
    read(path, |input, sources| read_availability(input, SPOT_TRACES, sources)).map(Some)
}

fn log(path: &Path) -> Read<Option<LifeLog>> {
    if !path.is_file() {
        return Ok(None);
    }
    read(path, |input, sources| read_lives(input, DETECT, sources)).map(Some)
}

/// All traces of a folder, by name; none where there is no folder.
fn folder_of(folder: &Path) -> Read<Vec<Availability>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "json"));
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        out.extend(trace(&path)?);
    }
    Ok(out)
}

/// Values by tick, cut to the shortest.
fn aligned(zones: &[Availability]) -> Vec<Vec<u32>> {
    let mut ticks: Vec<Vec<u32>> = zones.iter().filter_map(Availability::ticks).collect();
    let shortest = ticks.iter().map(Vec::len).min().unwrap_or(0);
    ticks.iter_mut().for_each(|t| t.truncate(shortest));
    ticks
}

/// The share of ticks in which some zone offers at least `full`.
fn any_up(zones: &[Availability], full: u32) -> f64 {
    let ticks = aligned(zones);
    let n = ticks.first().map_or(0, Vec::len);
    (0..n).filter(|k| ticks.iter().any(|t| t[*k] >= full)).count() as f64 / n as f64
}

fn short(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// Mean correlation of availability between zones of one region and of two.
fn correlations(traces: &Path, out: &mut Vec<Case>) -> Read<()> {
    for (folder, same, cross) in [(FEB, 0.432, 0.136), (APR, 0.566, 0.149)] {
        let files: Vec<&str> = ROWS.iter().filter(|r| r.folder == folder).map(|r| r.file).collect();
        let mut zones = Vec::new();
        for file in &files {
            zones.extend(trace(&traces.join(folder).join(format!("{file}.json")))?);
        }
        if zones.len() < files.len() {
            continue;
        }
        let ticks: Vec<Vec<f64>> =
            aligned(&zones).into_iter().map(|t| t.into_iter().map(f64::from).collect()).collect();
        let region = |file: &str| file.split('_').next().map(|z| z[..z.len() - 1].to_owned());
        let (mut within, mut between) = (Vec::new(), Vec::new());
        for i in 0..files.len() {
            for j in i + 1..files.len() {
                let r = correlation(&ticks[i], &ticks[j]).unwrap_or(f64::NAN);
                if region(files[i]) == region(files[j]) { within.push(r) } else { between.push(r) }
            }
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        out.push(digits(format!("{}: correlation in a region", short(folder)), same, mean(&within), 3));
        out.push(digits(format!("{}: correlation across regions", short(folder)), cross, mean(&between), 3));
    }
    Ok(())
}

/// Availability by three hours of the day from the trace's start, which is why a hazard may follow the clock.
fn hours_of_day(traces: &Path, out: &mut Vec<Case>) -> Read<()> {
    for (zone, published) in [
        ("us-east-1c", [0.61, 0.58, 0.65, 0.50, 0.34, 0.33, 0.37, 0.34]),
        ("us-east-1f", [0.76, 0.79, 0.77, 0.61, 0.53, 0.44, 0.39, 0.42]),
    ] {
        let Some(a) = trace(&traces.join(FEB).join(format!("{zone}_v100_1.json")))? else { continue };
        let gap = a.gap().unwrap_or(Duration::ZERO).as_hours_f64();
        let (mut up, mut all) = ([0.0; 8], [0.0; 8]);
        for (k, v) in a.ticks().unwrap_or_default().into_iter().enumerate() {
            let bin = ((k as f64 * gap).rem_euclid(24.0) / 3.0) as usize % 8;
            up[bin] += f64::from(v);
            all[bin] += 1.0;
        }
        for (bin, share) in published.into_iter().enumerate() {
            let name = format!("aws-02-15-2023/{zone}: availability, hours {} to {}", 3 * bin, 3 * bin + 3);
            out.push(digits(name, share, up[bin] / all[bin], 2));
        }
    }
    Ok(())
}

/// Nodes of p3.2xlarge that came and went: how many at once.
fn batches(spot: &Path, out: &mut Vec<Case>) -> Read<()> {
    let path = spot.join("bamboo/p3-trace.csv");
    let Some(log) = log(&path)? else { return Ok(()) };
    let sizes = log.batches();
    for (size, n) in [(1, 39.0), (2, 13.0), (3, 15.0), (4, 7.0), (5, 1.0), (6, 4.0)] {
        let ours = sizes.iter().filter(|s| **s == size).count() as f64;
        out.push(Case::checked(SUITE, format!("bamboo p3: batches of {size} taken"), n, ours, 0.0));
    }
    let mean = sizes.iter().sum::<u32>() as f64 / sizes.len() as f64;
    out.push(digits("bamboo p3: mean batch", 2.114, mean, 3));
    out.push(digits("bamboo p3: hazard (/node-hour)", 0.6115, 1.0 / log.mttp_hours(""), 4));
    out.push(digits("bamboo p3: mean nodes", 24.03, log.availability().mean().unwrap_or(f64::NAN), 2));
    Ok(())
}

/// Instances that were kept alive: mean time to a preemption, launches that failed, the bathtub fitted to their lives.
fn logs(spot: &Path, out: &mut Vec<Case>) -> Read<()> {
    let dime = spot.join("training_on_a_dime");
    for (name, path, mttp, failed) in [
        ("GCP 1 GPU", "gcp/availability/persistent_2020-03-01.out", &[("", 1.03), ("v100x1", 1.90)][..], 513.0 / 936.0),
        ("GCP 8 GPUs", "gcp/availability/persistent_2020-03-04.out", &[("", 9.75)], 1930.0 / 1958.0),
        ("AWS", "aws/availability/persistent_2020-03-15.out", &[("k80x1", 4.23), ("k80x8", 7.06)], 290.0 / 329.0),
    ] {
        let Some(log) = log(&dime.join(path))? else { continue };
        for (kind, hours) in mttp {
            let of = if kind.is_empty() { String::new() } else { format!(" {kind}") };
            out.push(digits(format!("{name}{of}: mean time to preemption (h)"), *hours, log.mttp_hours(kind), 2));
        }
        let ours = log.launches_failed as f64 / (log.launches_failed as f64 + log.lives.len() as f64);
        out.push(digits(format!("{name}: share of launches that failed"), failed, ours, 9));
        if name == "GCP 8 GPUs" {
            // The least-squares fit: A, τ₁, τ₂, b, and how far from the lives its law is.
            let fit = Bathtub { a: 0.7298, tau1_h: 5.0785, tau2_h: 0.7376, b_h: 25.457, cap_h: None };
            let mut lives: Vec<f64> = log.taken().iter().map(|d| d.as_hours_f64()).collect();
            lives.sort_by(f64::total_cmp);
            // Against the middles of the steps of the empirical law.
            let middle = |i: usize| (i as f64 + 0.5) / lives.len() as f64;
            let off = lives.iter().enumerate().map(|(i, t)| (fit.cdf(*t) - middle(i)).abs()).fold(0.0, f64::max);
            out.push(digits(format!("{name}: bathtub fit, largest error"), 0.092, off, 3));
        }
    }
    Ok(())
}

impl Row {
    fn path(&self) -> PathBuf {
        Path::new(self.folder).join(format!("{}.json", self.file))
    }

    fn name(&self) -> String {
        format!("{}/{}", short(self.folder), self.file)
    }

    /// The columns that differ from the published row, of all of them.
    #[cfg(test)]
    fn wrong(&self, runs: &crate::market::Runs) -> Vec<String> {
        let list = |s: crate::market::RunStats| [s.n as f64, s.mean, s.median, s.p90, s.max, s.cv];
        let (up, down) = (list(runs.up_stats().expect("up")), list(runs.down_stats().expect("down")));
        let decimals = [0, 3, 3, 3, 1, 2];
        let names = ["n", "mean", "median", "p90", "max", "cv"];
        let mut out = Vec::new();
        for (kind, published, ours) in [("up", &self.up[..], &up[..]), ("down", &self.down[..], &down[1..])] {
            let skip = 6 - published.len();
            for (i, (p, o)) in published.iter().zip(ours).enumerate() {
                let name = format!("{} {kind} {}", self.name(), names[i + skip]);
                if digits("", *p, *o, decimals[i + skip]).verdict != crate::verify::Verdict::Pass {
                    out.push(format!("{name}: {p}, ours {o}"));
                }
            }
        }
        out
    }
}

/// Every column of every row, for the test: the suite prints half of them.
#[cfg(test)]
pub(super) fn all_columns(spot: &Path) -> Vec<String> {
    let of = |row: &Row| {
        let path = spot.join("skypilot-spot-traces").join(row.path());
        trace(&path).expect("a good file").map(|a| row.wrong(&a.runs(1))).unwrap_or_default()
    };
    ROWS.iter().flat_map(of).collect()
}
