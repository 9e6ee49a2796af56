//! `trace fit`: a fit written as the work block of a scenario, with its evidence as comments.

use std::collections::BTreeMap;
use std::path::Path;

use super::{FitArgs, Input};
use crate::cli::console::{Console, Exit, Failure};
use crate::cli::table::clean;
use crate::formats::{Syntax, parse};
use crate::kernel::Dist;
use crate::report::words;
use crate::scenario::decode::{self, scalar};
use crate::scenario::file::Work;
use crate::units::{Bytes, Diagnostic, Duration, Label, Name, SourceMap};
use crate::workload::fit;
use crate::workload::fit::{Candidate, Fitted};

/// Values of a label; the rest becomes `other`.
const MOST_VALUES: usize = 20;
/// Combinations of drawn labels that a workload may have, with some room.
const MOST_COMBINATIONS: usize = 50_000;
/// Columns of the text.
const COLUMNS: usize = 118;
/// The probabilities of a table of lengths: those of `workload::fit`, so that nothing is lost between them.
const POINTS: [f64; 36] = [
    0.0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9, 0.92,
    0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.9965, 0.998, 0.999, 0.9995, 0.9998, 1.0,
];

pub(super) fn run(a: &FitArgs, data: &Path, console: &Console) -> Result<Exit, Failure> {
    let name = match &a.name {
        Some(n) => Name::new(n).map_err(|e| {
            Failure::input(Diagnostic::error(format!("`{}` cannot be a workload's name: {e}", clean(n))).help(
                "write at most 63 letters, digits, `-`, `_` and `.`, the first and last a letter or digit: training-v2",
            ))
        })?,
        None => name_of(&a.input.stem()),
    };
    let trace = a.input.read(data)?;
    let fitted = fit(&trace).map_err(|e| {
        Failure::input(Diagnostic::error(format!("nothing can be fitted to `{}`: {e}", a.input.stem())).help(
            "take a longer window (--from, --to); `fleetcast trace inspect` shows when jobs arrive and how long they run",
        ))
    })?;
    let text = block(&fitted, &name, &origin(&a.input, trace.format.key()), trace.origin.is_some());
    sound(&text)?;
    console.print(&text);
    Ok(Exit::Fine)
}

/// `openb trace x, from …`.
fn origin(input: &Input, format: &str) -> String {
    let window = input.window();
    let comma = if window.is_empty() { "" } else { ", " };
    format!("{} ({format}{comma}{window})", input.stem())
}

/// The nearest name that is allowed.
fn name_of(stem: &str) -> Name {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text: String = stem.chars().map(|c| if allowed(c) { c } else { '-' }).take(63).collect();
    let text = text.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    Name::new(text).or_else(|_| Name::new("fitted")).expect("letters are a name")
}

/// What is printed decodes: anything else is our fault, and nobody's scenario should find out.
fn sound(text: &str) -> Result<(), Failure> {
    let mut sources = SourceMap::default();
    let id = sources.add("the fit", text);
    let (node, mut found) = parse(id, &sources, Syntax::Ron);
    if let Some(node) = node {
        found.extend(decode::decode::<Work>(&node).diagnostics);
    }
    match found.list.first() {
        Some(d) if found.has_errors() => {
            Err(Failure::Fault(anyhow::anyhow!("the fit is no work block: {}", d.message)))
        }
        _ => Ok(()),
    }
}

/// The lines of a block.
struct Block(String);

impl Block {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A field: `  name: value,`.
    fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("  {name}: {value},"));
    }

    /// A comment, wrapped. Whatever is in it stays in it: no line break gets through.
    fn comment(&mut self, indent: &str, text: &str) {
        let mut line = format!("{indent}//");
        for w in clean(text).split(' ') {
            if line.chars().count() + 1 + w.chars().count() > COLUMNS {
                self.line(&line);
                line = format!("{indent}//");
            }
            line.push(' ');
            line.push_str(w);
        }
        self.line(&line);
    }

    /// A list, several items a line where it is long.
    fn list(&mut self, indent: &str, head: &str, items: &[String], tail: &str) {
        let one = format!("{indent}{head}[{}]{tail}", items.join(", "));
        if one.chars().count() <= COLUMNS {
            self.line(&one);
            return;
        }
        self.line(&format!("{indent}{head}["));
        let mut line = format!("{indent} ");
        for i in items {
            if line.chars().count() + i.chars().count() + 2 > COLUMNS {
                self.line(&line);
                line = format!("{indent} ");
            }
            line.push_str(&format!(" {i},"));
        }
        self.line(&line);
        self.line(&format!("{indent}]{tail}"));
    }
}

fn block(f: &Fitted, name: &Name, origin: &str, dated: bool) -> String {
    let mut b = Block(String::new());
    let jobs = words::count(f.jobs);
    b.comment("", &format!("Fitted by fleetcast {} to {jobs} jobs of {origin}.", env!("CARGO_PKG_VERSION")));
    b.comment("", "Evidence: fitted. Weights are counts of jobs. Put it into `work: [ … ]` of a scenario.");
    b.comment("", "Not kept: attributes that go together (large jobs that are long), trends, who came after whom.");
    f.notes.iter().for_each(|n| b.comment("", &format!("Note: {n}.")));
    b.line("Jobs(");
    b.field("name", &scalar::quote(name.as_str()));
    labels(&mut b, f);
    arrivals(&mut b, f, dated);
    lengths(&mut b, f);
    gpus(&mut b, f);
    resources(&mut b, f);
    devices(&mut b, f);
    ends(&mut b, f);
    priority(&mut b, f);
    b.comment(
        "  ",
        "The trace does not say how busy the GPUs were: use_of_gpu: (busy: Uniform(\"30%\", \"70%\")) for one.",
    );
    b.line(")");
    b.0
}

/// Four significant digits, never an exponent.
fn digits(v: f64, significant: i32) -> String {
    if v == 0.0 || !v.is_finite() {
        return "0".to_owned();
    }
    let decimals = (significant - 1 - v.abs().log10().floor() as i32).max(0);
    let text = format!("{v:.*}", decimals as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A duration as a scenario writes it, `"2h 30m"`: four significant digits, whole seconds from 10,000 s on. Rounding
/// keeps the order of durations.
fn duration(seconds: f64) -> String {
    let ns = Duration::from_secs_f64(seconds).0;
    let step = 10u64.pow(ns.max(1).ilog10().saturating_sub(3)).min(1_000_000_000);
    scalar::Scalar::write(&Duration((ns.saturating_add(step / 2)) / step * step))
}

/// A share as percent, rounded down so that shares never add up to more than all.
fn percent(share: f64) -> String {
    format!("\"{}%\"", (share.clamp(0.0, 1.0) * 1e4).floor() / 100.0)
}

fn arrivals(b: &mut Block, f: &Fitted, dated: bool) {
    let per_day = digits(f.per_hour * 24.0, 5);
    let cv = digits(f.cv, 3);
    let Some(week) = &f.week else {
        b.field("arrive", &format!("Renewal(per_day: {per_day}, cv: {cv})"));
        return;
    };
    if dated {
        b.comment("  ", "Hour of the day times day of the week, from Monday, local time of the trace.");
    } else {
        b.comment(
            "  ",
            "Hour of the day times day of the week; the trace has no dates: its start counts as Monday 00:00.",
        );
    }
    b.line(&format!("  arrive: Renewal(per_day: {per_day}, cv: {cv}, when: Hourly(["));
    for day in week.chunks(24) {
        let hours: Vec<String> = day.iter().map(|w| format!("{w:.2}")).collect();
        b.line(&format!("    {},", hours.join(", ")));
    }
    b.line("  ])),");
}

fn lengths(b: &mut Block, f: &Fitted) {
    let (median, p95) = f.median_p95_s;
    let plain = |s: f64| duration(s).replace('"', "");
    b.comment(
        "  ",
        &format!("Lengths of jobs that complete: median {}, 95th percentile {}.", plain(median), plain(p95)),
    );
    b.comment("  ", "Laws tried, with their Kolmogorov-Smirnov distance, and their mean over that of the trace:");
    for c in &f.tried {
        let taken = if *c == f.length { "  taken" } else { "" };
        let row = format!("{:<36} {:.4}  {}{taken}", c.family.title(), c.ks, digits(c.mean_ratio, 3));
        b.line(&format!("  //   {row}"));
    }
    if let Some(law) = law(&f.length) {
        b.field("length", &law);
        return;
    }
    // The same value at several probabilities is an atom: each probability is needed.
    let points: Vec<String> = POINTS
        .iter()
        .map(|p| format!("(\"{}%\", {})", digits(p * 100.0, 6), duration(f.length.dist.quantile(*p))))
        .collect();
    b.list("  ", "length: Quantiles(", &points, "),");
}

/// A law that a scenario has by name; others are written as tables.
fn law(c: &Candidate) -> Option<String> {
    match &c.dist {
        d @ Dist::LogNormal(_) => {
            let (median, p95) = (d.quantile(0.5), d.quantile(0.95));
            Some(format!("LogNormal(median: {}, p95: {})", duration(median), duration(p95)))
        }
        Dist::Weibull(w) => Some(format!("Weibull(scale: {}, shape: {})", duration(w.scale()), digits(w.shape(), 4))),
        d @ Dist::HyperExp(_) => {
            // Rounding must not take it below 1, which no hyper-exponential has.
            let cv = digits(d.cv().max(1.0), 4);
            Some(format!("HyperExp(mean: {}, cv: {cv})", duration(d.mean())))
        }
        d @ Dist::Exponential(_) => Some(format!("Exponential({})", duration(d.mean()))),
        d @ Dist::Constant(_) => Some(format!("Constant({})", duration(d.mean()))),
        _ => None,
    }
}

fn gpus(b: &mut Block, f: &Fitted) {
    match f.gpus.as_slice() {
        [(n, _)] => b.field("gpus", &format!("Fixed({n})")),
        list => {
            let items: Vec<String> = list.iter().map(|(n, w)| format!("({n}, {})", digits(*w, 15))).collect();
            b.list("  ", "gpus: Mix(", &items, "),");
        }
    }
    if !f.shares.is_empty() {
        let share = |milli: u16| digits(f64::from(milli) / 10.0, 4);
        let items: Vec<String> =
            f.shares.iter().map(|(m, w)| format!("(\"{}%\", {})", share(*m), digits(*w, 15))).collect();
        b.list("  ", "shares: ", &items, ",");
    }
}

fn resources(b: &mut Block, f: &Fitted) {
    let cores = |milli: u32| digits(f64::from(milli) / 1000.0, 10);
    if f.cpu_milli.per_gpu > 0 {
        b.field("cpus_per_gpu", &cores(f.cpu_milli.per_gpu));
    }
    if f.mem_mib.per_gpu > 0 {
        let bytes = Bytes(u64::from(f.mem_mib.per_gpu) << 20);
        b.field("memory_per_gpu", &scalar::Scalar::write(&bytes));
    }
    if f.gpus.iter().any(|(n, _)| *n == 0) {
        b.field("cpus", &cores(f.cpu_milli.cpu_only));
        if f.mem_mib.cpu_only > 0 {
            let mib = words::count(u64::from(f.mem_mib.cpu_only));
            b.comment("  ", &format!("CPU-only jobs ask for {mib} MiB each, median, which a scenario cannot say."));
        }
    }
    if f.cpu_milli.per_gpu > 0 || f.mem_mib.per_gpu > 0 {
        b.comment("  ", "CPU and memory are medians per GPU.");
    }
}

fn devices(b: &mut Block, f: &Fitted) {
    match f.accepts.as_slice() {
        [] => {}
        [(set, _)] if set.is_empty() => {}
        [(set, _)] => {
            let items: Vec<String> = set.iter().map(|d| scalar::quote(d)).collect();
            b.list("  ", "devices: ", &items, ",");
        }
        many => {
            b.comment(
                "  ",
                "Accepted devices differ; a block has one list. Split it by these shares, with devices: [ … ]:",
            );
            let all: f64 = many.iter().map(|(_, w)| w).sum();
            for (set, w) in many.iter().take(MOST_VALUES) {
                let what = if set.is_empty() { "any".to_owned() } else { set.join("|") };
                b.comment("  ", &format!("  {} {what}", words::percent(w / all)));
            }
        }
    }
}

fn ends(b: &mut Block, f: &Fitted) {
    let mut parts = Vec::new();
    let mut long = false;
    for (what, (share, ratio)) in [("failed", f.fails), ("cancelled", f.cancelled)] {
        if share > 0.0 {
            parts.push(format!("{what}: {}", percent(share)));
            long |= ratio > 1.0;
            if ratio < 1.0 {
                parts.push(format!("{what}_after: {}", percent(ratio)));
            }
        }
    }
    if !parts.is_empty() {
        b.field("ends", &format!("({})", parts.join(", ")));
    }
    if long {
        b.comment(
            "  ",
            &format!(
                "Jobs that fail or are cancelled run {} and {} times as long as those that complete; a scenario has at most 1.",
                digits(f.fails.1, 3),
                digits(f.cancelled.1, 3)
            ),
        );
    }
}

fn priority(b: &mut Block, f: &Fitted) {
    let most = f.priorities.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((p, _)) = most.filter(|(p, _)| *p != 0) {
        b.field("priority", &p.to_string());
    }
    if f.priorities.len() > 1 {
        let list: Vec<String> = f.priorities.iter().take(MOST_VALUES).map(|(p, w)| format!("{p}: {w} jobs")).collect();
        b.comment("  ", &format!("Priorities differ and a block has one, the most common: {}.", list.join(", ")));
    }
}

/// Labels that all jobs share are fixed, others drawn, each key on its own.
fn labels(b: &mut Block, f: &Fitted) {
    let mut keys: BTreeMap<&Name, BTreeMap<&Name, f64>> = BTreeMap::new();
    let mut all = 0.0;
    for (set, w) in &f.labels {
        all += w;
        for Label { key, value } in set {
            *keys.entry(key).or_default().entry(value).or_default() += w;
        }
    }
    let mut fixed = Vec::new();
    let mut mixes: Vec<(&Name, Vec<(String, f64)>)> = Vec::new();
    for (key, values) in keys {
        let labelled: f64 = values.values().sum();
        if let (Some((v, _)), 1, true) = (values.iter().next(), values.len(), labelled >= all) {
            fixed.push(format!("{}: {}", scalar::quote(key.as_str()), scalar::quote(v.as_str())));
            continue;
        }
        let mut list: Vec<(String, f64)> = values.iter().map(|(v, w)| (v.to_string(), *w)).collect();
        // Most first; equal ones by name.
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        if list.len() > MOST_VALUES {
            let rest: f64 = list.split_off(MOST_VALUES).iter().map(|(_, w)| w).sum();
            add(&mut list, "other", rest);
        }
        if labelled < all {
            add(&mut list, "unlabelled", all - labelled);
        }
        mixes.push((key, list));
    }
    if !fixed.is_empty() {
        b.field("labels", &format!("{{{}}}", fixed.join(", ")));
    }
    // A workload has only so many combinations: the keys with the most values go first.
    let mut left_out = Vec::new();
    while mixes.iter().map(|(_, l)| l.len()).fold(1usize, usize::saturating_mul) > MOST_COMBINATIONS {
        let Some(at) = (0..mixes.len()).max_by_key(|i| mixes[*i].1.len()) else { break };
        left_out.push(mixes.remove(at).0.to_string());
    }
    if !left_out.is_empty() {
        b.comment("  ", &format!("Labels left out, too many combinations: {}.", left_out.join(", ")));
    }
    if !mixes.is_empty() {
        b.line("  label_mix: [");
        for (key, list) in &mixes {
            let items: Vec<String> =
                list.iter().map(|(v, w)| format!("({}, {})", scalar::quote(v), digits(*w, 15))).collect();
            b.list("    ", &format!("(key: {}, values: ", scalar::quote(key.as_str())), &items, "),");
        }
        b.line("  ],");
    }
}

/// Adds a weight to the value of that name, which may be there already.
fn add(list: &mut Vec<(String, f64)>, name: &str, weight: f64) {
    match list.iter_mut().find(|(n, _)| n == name) {
        Some((_, w)) => *w += weight,
        None => list.push((name.to_owned(), weight)),
    }
}

#[cfg(test)]
mod tests;
