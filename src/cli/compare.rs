//! `fleetcast compare`: candidates beside a base, pair by pair under the same luck; gates; why the bill changed.

mod out;
mod plan;

use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::console::{Console, Exit, Failure};
use super::files::{OutDir, Pending};
use super::load::Input;
use crate::experiment::compare::{Baseline, Comparison, Gate, Held, One, Sample, comparable, gates_file};
use crate::experiment::luck::CONFIDENCE;
use crate::experiment::{Control, replicate};
use crate::formats::{Syntax, read_text};
use crate::kernel::random;
use crate::report::compare::{Party, Report, SCHEMA, junit, markdown, text};
use crate::scenario::model::Model;
use crate::units::{Diagnostic, Diagnostics, SourceMap};

use plan::{Runner, Spec, command, hashed, plan};

/// How many pairs there are where neither the command line nor the scenario says: there Student's t, 2.04, is within a
/// twentieth of the normal law's 1.96, and more runs narrow an interval by their root alone.
const PAIRS: u32 = 32;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Who is compared:
  compare BASE CAND...                   files: the first is the base, each other one a candidate
  compare FILE                           the scenario and each of its variants
  compare FILE --variant NAME            the scenario and this variant; may be given several times
  compare FILE --set PATH=VALUE          the scenario and the same with this setting
  compare --baseline FILE CAND...        a stored base, which is not run again
--set changes the candidates alone, --set-all base and candidates alike. All meet the same luck: the base's seed.

Gates say what must not be, and are judged by the 95 % interval, not by the mean:
  'cost.total > +2%'                     the change, in percent of the base (a sign makes a change)
  'cost.total > +500 USD'                the change, in the metric's unit
  'slo.NAME.wait < -1pp'                 the change of a percentage, in points
  'cost.total > 500 USD'                 the candidate's own value (no sign)
Broken: all of the interval is beyond the limit. Inconclusive: the limit is within it: more runs would tell.

Exit codes: 0 no gate broken, 1 a gate broken, 2 bad input, 3 none broken and some inconclusive.

Examples:
  fleetcast compare before.ron after.ron --fail-on 'cost.total > +2%' --fail-on 'jobs.done < -1%'
  fleetcast compare my.ron --set pools.a100.nodes=6 --replications 64
  fleetcast compare base.ron cand.ron --gates gates.ron --markdown comment.md --junit gates.xml
  fleetcast compare before.ron after.ron --out change && fleetcast report change
  fleetcast compare base.ron --save-baseline base.json
  fleetcast compare --baseline base.json cand.ron --reprice")]
pub struct Args {
    /// The base and its candidates (.ron, .json, .yaml); the embedded quickstart where none is named
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Compare with this variant of the one scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    variant: Vec<String>,
    /// Change a setting of the candidates by name; may be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Change a setting of base and candidates alike; may be given several times
    #[arg(long, value_name = "PATH=VALUE", conflicts_with = "baseline")]
    set_all: Vec<String>,
    /// Seed of every random stream, instead of the base's
    #[arg(long)]
    seed: Option<u64>,
    /// How many pairs of runs [default: the base's `replications` where more than 1, else 32]
    #[arg(long, value_name = "N")]
    replications: Option<NonZeroU32>,
    /// A gate: 'METRIC > LIMIT' or 'METRIC < LIMIT'; may be given several times
    #[arg(long, value_name = "GATE")]
    fail_on: Vec<String>,
    /// A file of gates
    #[arg(long, value_name = "FILE")]
    gates: Option<PathBuf>,
    /// Also bill the candidate's time at the base's prices: price told from behaviour
    #[arg(long)]
    reprice: bool,
    /// A stored base, instead of running one
    #[arg(long, value_name = "FILE", conflicts_with = "save_baseline")]
    baseline: Option<PathBuf>,
    /// Store the base's runs; with one scenario alone nothing is compared
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// Show every figure, not only what changed
    #[arg(long)]
    all: bool,
    /// Print JSON (schema fleetcast.compare/1) instead of text
    #[arg(long)]
    json: bool,
    /// Write a folder: comparison.json and charts, for `fleetcast report`
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write Markdown for a pull request
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write JUnit XML: a case a gate
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The base: run here, or stored.
enum Base {
    Run(Box<(Spec, Input)>),
    Stored(Box<(PathBuf, Baseline)>),
}

pub fn run(a: &Args, data: &Path, console: &Console) -> Result<Exit, Failure> {
    let (gates, sources) = gates(a)?;
    let stored = a.baseline.as_deref().map(stored).transpose()?;
    let (base, candidates) = plan(a, stored, data, console)?;
    if candidates.is_empty() && !gates.is_empty() {
        return Err(Failure::input(
            Diagnostic::error("gates need a candidate, and the base is only stored here")
                .help("leave the gates out, or name a candidate"),
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    let of_base = match &base {
        Base::Run(b) => &b.1.notices[..],
        Base::Stored(_) => &[],
    };
    for n in of_base.iter().chain(candidates.iter().flat_map(|(_, i)| &i.notices)).filter(|n| seen.insert(*n)) {
        console.note(&format!("note: {n}"));
    }
    // Outputs are opened before the work starts: a bad path fails early.
    let out = |p: &Option<PathBuf>| p.as_deref().map(open).transpose();
    let folder = a.out.as_deref().map(OutDir::create).transpose()?;
    let (md, xml, save) = (out(&a.markdown)?, out(&a.junit)?, out(&a.save_baseline)?);
    let (seed, n) = size(a, &base)?;
    let bar = bar(console, u64::from(n) * (candidates.len() as u64 + u64::from(matches!(base, Base::Run(_)))));
    let done = || {
        if let Some(bar) = &bar {
            bar.inc(1);
        }
    };
    let runner = Runner { seed, n, control: Control { stop: None, done: Some(&done) } };
    // One run of each shows whether they can be compared, and which figures there are.
    let begun = match &base {
        Base::Run(b) => runner.begin(&b.1.loaded.model),
        Base::Stored(s) => Begun::Stored(&s.1.sample),
    };
    let others: Vec<Begun<'_>> = candidates.iter().map(|(_, i)| runner.begin(&i.loaded.model)).collect();
    let resolved = resolve(&gates, &begun.head(seed), &candidates, &others, seed).map_err(|d| {
        bar.iter().for_each(ProgressBar::finish_and_clear);
        Failure::Input(d, sources)
    })?;
    let base_sample = runner.end(begun);
    let mut comparisons = Vec::new();
    for (((spec, input), begun), gates) in candidates.iter().zip(others).zip(&resolved) {
        let sample = runner.end(begun);
        let mut c = Comparison::of(&spec.name, &base_sample, &sample, gates, a.reprice);
        c.notes.extend(other_data(&base, input)?);
        comparisons.push(c);
    }
    bar.iter().for_each(ProgressBar::finish_and_clear);
    if let (Some(file), Base::Run(b)) = (save, &base) {
        write(file, &baseline(b, base_sample)?.to_text().map_err(fault)?)?;
    }
    if comparisons.is_empty() {
        console.note(&format!("stored {n} runs of {} (seed {seed})", base.name()));
        return Ok(Exit::Fine);
    }
    let held = comparisons.iter().map(Comparison::held).max().unwrap_or(Held::Holds);
    let report = Report {
        schema: SCHEMA.to_owned(),
        fleetcast: VERSION.to_owned(),
        random_streams: random::SCHEME.to_owned(),
        confidence: CONFIDENCE,
        seed,
        replications: n,
        base: base.party()?,
        candidates: candidates.iter().map(|(s, i)| s.party(i)).collect::<Result<_, _>>()?,
        held,
        comparisons,
        command: command(a, seed, n),
    };
    if let Some(folder) = folder {
        out::write(&folder, &report)?;
    }
    if let Some(file) = md {
        write(file, &markdown::markdown(&report))?;
    }
    if let Some(file) = xml {
        write(file, &junit::junit(&report))?;
    }
    console.print(&if a.json { report.to_json().map_err(fault)? } else { text::text(&report, a.all) });
    Ok(match held {
        Held::Holds => Exit::Fine,
        Held::Broken => Exit::Failed,
        Held::Inconclusive => Exit::Inconclusive,
    })
}

fn fault(e: serde_json::Error) -> Failure {
    Failure::Fault(e.into())
}

/// The gates of the command line and of the file, with the texts that they stand in.
fn gates(a: &Args) -> Result<(Vec<Gate>, SourceMap), Failure> {
    let (mut gates, mut wrong, mut sources) = (Vec::new(), Diagnostics::default(), SourceMap::default());
    for text in &a.fail_on {
        match Gate::from_argument(text, &mut sources) {
            Ok(g) => gates.push(g),
            Err(d) => wrong.extend(d),
        }
    }
    if let Some(path) = &a.gates {
        let read = Syntax::from_path(path).and_then(|s| Ok((read_text(path, &mut sources)?, s)));
        match read.and_then(|(id, syntax)| gates_file::read(id, syntax, &sources)) {
            Ok(g) => gates.extend(g),
            Err(d) => wrong.extend(d),
        }
    }
    if wrong.has_errors() { Err(Failure::Input(wrong, sources)) } else { Ok((gates, sources)) }
}

fn stored(path: &Path) -> Result<(PathBuf, Baseline), Failure> {
    let mut sources = SourceMap::default();
    let id = read_text(path, &mut sources).map_err(Failure::input)?;
    let text = sources.get(id).text.clone();
    match Baseline::from_text(id, &text, VERSION) {
        Ok(b) => Ok((path.to_owned(), b)),
        Err(mut d) => {
            // Without a place in it the file is named.
            for d in d.list.iter_mut().filter(|d| d.at.is_none()) {
                d.message = format!("`{}`: {}", path.display(), d.message);
            }
            Err(Failure::Input(d, sources))
        }
    }
}

/// Seed and number of pairs.
fn size(a: &Args, base: &Base) -> Result<(u64, u32), Failure> {
    let asked = a.replications.map(NonZeroU32::get);
    match base {
        Base::Run(b) => {
            let own = Some(b.1.loaded.model.replications).filter(|n| *n > 1);
            Ok((a.seed.unwrap_or(b.1.loaded.scenario.seed), asked.or(own).unwrap_or(PAIRS)))
        }
        Base::Stored(s) => {
            let (seed, n) = (s.1.sample.seed, s.1.sample.replications());
            let other = |what: &str, has: u64, wanted: u64| {
                Failure::input(
                    Diagnostic::error(format!("the stored baseline has {what} {has}, and {wanted} is asked for"))
                        .help("leave the option out, or store the base again with --save-baseline"),
                )
            };
            match (a.seed, asked) {
                (Some(s), _) if s != seed => Err(other("the seed", seed, s)),
                (_, Some(k)) if k != n => Err(other("a number of runs of", n.into(), k.into())),
                _ => Ok((seed, n)),
            }
        }
    }
}

fn bar(console: &Console, runs: u64) -> Option<ProgressBar> {
    console.progress.then(|| {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {eta} left  {pos} of {len} runs");
        ProgressBar::new(runs).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    })
}

fn open(path: &Path) -> Result<Pending, Failure> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match path.file_name().and_then(|n| n.to_str()) {
        Some(name) if !path.is_dir() => OutDir::create(folder)?.open(name),
        _ => Err(Failure::input(Diagnostic::error(format!("`{}` is not the name of a file", path.display())))),
    }
}

fn write(mut to: Pending, text: &str) -> Result<(), Failure> {
    to.file.write_all(text.as_bytes()).map_err(|e| Failure::Fault(e.into()))?;
    to.keep()
}

fn baseline(b: &(Spec, Input), sample: Sample) -> Result<Baseline, Failure> {
    let (spec, input) = b;
    Ok(Baseline {
        fleetcast: VERSION.to_owned(),
        random_streams: random::SCHEME.to_owned(),
        name: spec.name.clone(),
        scenario: plan::text_of(input),
        set: spec.set.clone(),
        inputs: hashed(input)?,
        sample,
    })
}

/// Data files of the same name that are not what the stored base read.
fn other_data(base: &Base, input: &Input) -> Result<Vec<String>, Failure> {
    let Base::Stored(s) = base else { return Ok(Vec::new()) };
    let own = hashed(input)?;
    let changed = own.iter().filter(|i| s.1.inputs.iter().any(|b| b.file == i.file && b.sha256 != i.sha256));
    Ok(changed
        .map(|i| format!("{} is not the file that the stored base read: what differs may come from it", i.file))
        .collect())
}

impl Base {
    fn name(&self) -> String {
        match self {
            Base::Run(b) => b.0.name.clone(),
            Base::Stored(s) => s.1.name.clone(),
        }
    }

    fn party(&self) -> Result<Party, Failure> {
        match self {
            Base::Run(b) => b.0.party(&b.1),
            Base::Stored(s) => Ok(Party {
                name: self.name(),
                scenario: s.1.sample.scenario.clone(),
                variant: s.1.sample.variant.clone(),
                set: s.1.set.clone(),
                scenario_sha256: s.1.scenario.sha256.clone(),
                stored: Some(s.0.display().to_string()),
                inputs: s.1.inputs.clone(),
                evidence: Vec::new(),
            }),
        }
    }
}

/// One of which the first run is there, or all of them are.
enum Begun<'a> {
    Run(&'a Model, One),
    Stored(&'a Sample),
}

impl Begun<'_> {
    /// The first run alone.
    fn head(&self, seed: u64) -> Sample {
        match self {
            Begun::Run(model, one) => Sample::of(model, seed, std::slice::from_ref(one)),
            Begun::Stored(s) => {
                let mut one = (*s).clone();
                one.bills.truncate(1);
                one
            }
        }
    }
}

impl Runner<'_> {
    fn begin<'m>(&self, model: &'m Model) -> Begun<'m> {
        let mut one = replicate(model, self.seed, 0..1, self.control, |_, o| One::of(o));
        Begun::Run(model, one.swap_remove(0))
    }

    fn end(&self, begun: Begun<'_>) -> Sample {
        match begun {
            Begun::Stored(s) => s.clone(),
            Begun::Run(model, first) => {
                let mut ones = vec![first];
                ones.extend(replicate(model, self.seed, 1..self.n, self.control, |_, o| One::of(o)));
                Sample::of(model, self.seed, &ones)
            }
        }
    }
}

/// The gates as each candidate has them, or all that stands against comparing.
fn resolve(
    gates: &[Gate],
    base: &Sample,
    candidates: &[(Spec, Input)],
    begun: &[Begun<'_>],
    seed: u64,
) -> Result<Vec<Vec<Gate>>, Diagnostics> {
    let (mut wrong, mut all) = (Diagnostics::default(), Vec::new());
    for ((spec, _), one) in candidates.iter().zip(begun) {
        let sample = one.head(seed);
        if let Err(d) = comparable(&spec.name, base, &sample) {
            wrong.extend(d);
            continue;
        }
        let mut list = Vec::new();
        for g in gates {
            match g.resolve(base, &sample) {
                Ok(g) => list.push(g),
                // What is wrong beside one candidate is wrong beside the next.
                Err(d) if d.list.iter().all(|d| wrong.list.contains(d)) => {}
                Err(d) => wrong.extend(d),
            }
        }
        all.push(list);
    }
    if wrong.has_errors() { Err(wrong) } else { Ok(all) }
}
