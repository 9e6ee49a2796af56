//! `fleetcast trace`: what a trace holds, and a synthetic workload like it.

mod fit;
mod inspect;
mod requests;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, value_parser};
use jiff::civil::DateTime;

use super::console::{Console, Exit, Failure};
use super::table;
use crate::scenario::decode::scalar::{Form, Scalar, Written};
use crate::units::{Diagnostic, Duration, SourceMap};
use crate::workload::trace::{self, Moment, Options, Trace, TraceFormat, csv, dlrm, openb, philly};
use crate::workload::traffic;

/// What stands for the folder of the public data, as in scenarios.
const DATA: &str = "$FLEETCAST_DATA";

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Files may be plain, gzip or zstd; the format is told by the header.

Examples:
  fleetcast trace inspect jobs.csv
  fleetcast trace inspect openb_pod_list_default.csv --from 115.9d --out charts
  fleetcast trace inspect AzureLLMInferenceTrace_conv.csv
  fleetcast trace fit philly.csv --from 2017-10-02 --to 2017-10-30
  fleetcast trace formats")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Counts, rates, quantiles and demand of a trace of jobs, or of requests; with --out a chart
    Inspect(InspectArgs),
    /// Print a work block of a scenario whose jobs are like those of a trace
    Fit(FitArgs),
    /// The formats that are read, and their columns
    Formats,
}

#[derive(Debug, clap::Args)]
struct Input {
    /// The trace; a leading `$FLEETCAST_DATA` stands for the folder of the public data, as in scenarios
    file: PathBuf,
    /// Its format, where the header does not tell
    #[arg(long, value_parser = formats())]
    format: Option<AnyFormat>,
    /// Where the window begins: a time after the trace's start (115.9d, "2d 12h") or, where it has dates, a date or a
    /// date and time (2017-10-02, 2017-10-02T08:00). Jobs that run or wait then are kept
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    from: Option<Moment>,
    /// Where the window ends, not in it
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    to: Option<Moment>,
    /// Sort a file of fleetcast's own format (csv) or of requests, which must be sorted otherwise
    #[arg(long)]
    sort: bool,
    /// The most GPUs that a node has: larger jobs become gangs
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u8).range(1..=16))]
    gpus_per_node: u8,
}

#[derive(Debug, clap::Args)]
struct InspectArgs {
    #[command(flatten)]
    input: Input,
    /// Write a chart: of jobs, arrivals and durations beside those of the fit; of requests, their rate and lengths.
    /// trace.svg, trace.png, trace.csv
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print all figures as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is kept: the mean rate, a weekly shape (from two weeks on), the variability of the gaps, and each attribute's own
distribution. What is not: attributes that go together (large jobs that are long), trends, who came after whom.

Example:
  fleetcast trace fit philly.csv --from 2017-10-02 --name training > work.ron")]
struct FitArgs {
    #[command(flatten)]
    input: Input,
    /// The workload's name; after the file where left out
    #[arg(long)]
    name: Option<String>,
}

/// A format of jobs or of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnyFormat {
    Jobs(TraceFormat),
    Requests(traffic::Format),
}

impl AnyFormat {
    fn all() -> impl Iterator<Item = AnyFormat> {
        let jobs = TraceFormat::ALL.into_iter().map(AnyFormat::Jobs);
        jobs.chain(traffic::Format::ALL.into_iter().map(AnyFormat::Requests))
    }

    fn key(self) -> &'static str {
        match self {
            AnyFormat::Jobs(f) => f.key(),
            AnyFormat::Requests(f) => f.key(),
        }
    }
}

fn formats() -> impl TypedValueParser<Value = AnyFormat> {
    PossibleValuesParser::new(AnyFormat::all().map(AnyFormat::key))
        .try_map(|word| AnyFormat::all().find(|f| f.key() == word).ok_or_else(|| format!("`{word}` is no format")))
}

fn moment(text: &str) -> Result<Moment, String> {
    let text = text.trim();
    if let Ok(at) = text.parse::<DateTime>() {
        return Ok(Moment::At(at));
    }
    Duration::read(Written { form: Form::Text, text, loose: true }).map(Moment::After).map_err(|r| {
        let why = [r.label, r.help].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
        let why = if why.is_empty() { String::new() } else { format!("{why}; ") };
        format!("{why}write a time after the trace's start, such as 115.9d, or a date, such as 2017-10-02T08:00")
    })
}

pub fn run(a: &Args, data: &Path, console: &Console) -> Result<Exit, Failure> {
    match &a.what {
        What::Inspect(i) => inspect::run(i, data, console),
        What::Fit(f) => fit::run(f, data, console),
        What::Formats => {
            console.print(&list());
            Ok(Exit::Fine)
        }
    }
}

impl Input {
    fn path(&self, data: &Path) -> PathBuf {
        match self.file.strip_prefix(DATA) {
            Ok(rest) => data.join(rest),
            Err(_) => self.file.clone(),
        }
    }

    /// The format of requests that it is in, by its name or its first line; `None` for jobs and for what is neither.
    fn requests(&self, data: &Path) -> Option<traffic::Format> {
        match self.format {
            Some(AnyFormat::Requests(f)) => Some(f),
            Some(AnyFormat::Jobs(_)) => None,
            None => traffic::Format::of(&self.path(data)),
        }
    }

    /// The jobs of a trace.
    fn read(&self, data: &Path) -> Result<Trace, Failure> {
        if let Some(f) = self.requests(data) {
            let d = Diagnostic::error(format!("`{}` is a trace of requests ({f}), not of jobs", self.file.display()));
            return Err(Failure::input(
                d.help("`fleetcast trace inspect` shows what it holds; a fit is made of jobs only"),
            ));
        }
        let format = match self.format {
            Some(AnyFormat::Jobs(f)) => Some(f),
            _ => None,
        };
        let options = Options {
            from: self.from,
            to: self.to,
            sort: self.sort,
            gpus_per_node: self.gpus_per_node,
            ..Options::default()
        };
        let mut sources = SourceMap::default();
        trace::open(format, &self.path(data), &options, &mut sources).map_err(|mut bad| {
            // What is neither is perhaps meant to be the other.
            if let [d] = bad.list.as_mut_slice()
                && d.message.contains(trace::UNKNOWN)
            {
                let known = traffic::Format::ALL.map(|f| format!("{f} has {}", f.marks().join(", ")));
                d.help.push(format!("of requests, {}", known.join("; ")));
            }
            Failure::Input(bad, sources)
        })
    }

    /// The file's name without folders and ending.
    fn stem(&self) -> String {
        let name = self.file.file_name().map_or_else(|| "trace".into(), |n| n.to_string_lossy());
        let stem =
            name.trim_end_matches(".gz").trim_end_matches(".zst").trim_end_matches(".csv").trim_end_matches(".jsonl");
        table::clean(if stem.is_empty() { "trace" } else { stem })
    }

    /// `from 115d 21h`, ` to …`: what part of the trace it is; empty for all of it.
    fn window(&self) -> String {
        let end = |word: &str, m: Option<Moment>| match m {
            None => String::new(),
            Some(Moment::After(d)) => format!(" {word} {} after its start", Scalar::write(&d).replace('"', "")),
            Some(Moment::At(at)) => format!(" {word} {at}"),
        };
        format!("{}{}", end("from", self.from), end("to", self.to)).trim_start().to_owned()
    }
}

/// The formats with what marks them, what they need, and where they are published.
fn list() -> String {
    let mut text = String::new();
    for f in TraceFormat::ALL {
        let (about, needs, more): (&str, &[&str], String) = match f {
            TraceFormat::Openb => ("pods of a GPU-sharing cluster", openb::NEEDED, "gpu_spec, qos, pod_phase".into()),
            TraceFormat::Philly => ("training jobs", philly::NEEDED, "cluster".into()),
            TraceFormat::Dlrm => ("inference instances", dlrm::NEEDED, "role".into()),
            TraceFormat::Csv => {
                let more = csv::KNOWN.iter().filter(|c| !csv::NEEDED.contains(c)).copied().collect::<Vec<_>>();
                ("a table of your own", csv::NEEDED, format!("{}, {}KEY", more.join(", "), csv::LABEL))
            }
        };
        let order = if f == TraceFormat::Csv { "must ascend by arrive, or pass --sort" } else { "sorted on reading" };
        text.push_str(&format!("{f}: {about}\n"));
        text.push_str(&format!("  told by   {}\n", f.marks().join(", ")));
        text.push_str(&format!("  needs     {}\n", needs.join(", ")));
        text.push_str(&format!("  optional  {more}\n"));
        text.push_str(&format!("  rows      {order}\n"));
        if let Some(place) = f.published() {
            text.push_str(&format!("  from      {place}\n"));
        }
        text.push('\n');
    }
    text.push_str(OWN);
    text.push_str("\nRequests to models, one a row, for `trace inspect`:\n");
    for f in traffic::Format::ALL {
        let (about, times) = match f {
            traffic::Format::Azure => ("requests to Azure's language models, 2023 and 2024", "dates and times"),
            traffic::Format::BurstGpt => ("requests to GPT-3.5 and GPT-4; some are failures", "seconds from the start"),
            traffic::Format::Mooncake => ("JSON lines, with the blocks of prompts", "milliseconds from the start"),
        };
        text.push_str(&format!("\n{f}: {about}\n"));
        text.push_str(&format!("  needs     {}; by these it is told\n", f.marks().join(", ")));
        if !f.optional().is_empty() {
            text.push_str(&format!("  optional  {}\n", f.optional().join(", ")));
        }
        text.push_str(&format!("  times     {times}\n"));
        text.push_str("  rows      must ascend by time, or pass --sort\n");
        text.push_str(&format!("  from      {}\n", f.published()));
    }
    text
}

/// The columns of our own format, as `workload::trace::csv` reads them.
const OWN: &str = "\
The columns of csv:
  arrive               seconds since the trace's start, or a date and time (2026-10-01T08:00:00 local, or with Z or an
                       offset); numbers from 315360000 on are Unix time; not both in one file
  duration             seconds on a device of speed 1
  gpus                 GPUs of the whole job; 0 is a CPU-only pod
  pods                 equal pods that they are split into; else the fewest that fit a node
  gpu_milli            thousandths of the GPU of a job of one, 1 to 1000
  cpu_milli            thousandths of a core, of each pod
  memory_mib           MiB, of each pod
  devices              accepted models, A|B; empty accepts any
  priority             higher first
  ending               completes, fails or cancelled
  busy, stall          true utilisation while not stalled, and share of time waiting for input, 0 to 1
  gpu_mem_mib          memory needed on each GPU
  patience             seconds after which it leaves the queue
  label.KEY            a label; empty sets none

Example:
  arrive,duration,gpus,label.team
  0,3600,8,search
  90.5,120,1,ads
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_or_times_after_the_start() {
        assert_eq!(moment("115.9d"), Ok(Moment::After(Duration::from_secs(10_013_760))));
        assert_eq!(moment(" 2d 12h "), Ok(Moment::After(Duration::from_hours(60))));
        let at = |h| Moment::At(jiff::civil::datetime(2017, 10, 2, h, 0, 0, 0));
        assert_eq!(moment("2017-10-02"), Ok(at(0)));
        assert_eq!(moment("2017-10-02T08:00"), Ok(at(8)));
        for bad in ["", "12", "tomorrow", "-3d", "2017-13-02"] {
            let why = moment(bad).expect_err(bad);
            assert!(why.contains("115.9d") && why.contains("2017-10-02T08:00"), "{why}");
        }
        assert!(moment("12").expect_err("no unit").contains("unit"));
    }

    #[test]
    fn every_column_that_is_read_is_explained() {
        let text = list();
        for c in csv::KNOWN {
            assert!(OWN.contains(c), "{c}");
        }
        for f in TraceFormat::ALL {
            assert!(text.contains(&format!("{f}: ")), "{f}");
        }
        // The example reads.
        for f in traffic::Format::ALL {
            assert!(f.marks().iter().chain(f.optional()).all(|c| text.contains(c)), "{f}");
        }
        let example: String = OWN.split("Example:\n").nth(1).expect("it is last").replace("  ", "");
        let bytes = std::io::Cursor::new(example.into_bytes());
        let t = trace::from_read(None, "example", bytes, &Options::default(), &mut SourceMap::default());
        assert_eq!(t.map(|t| (t.format, t.jobs.len())), Ok((TraceFormat::Csv, 2)));
    }
}
