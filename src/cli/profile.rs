//! `fleetcast profile`: what a step of a language model costs, bundled, estimated or fitted.

mod fit;

use clap::Subcommand;
use serde::Serialize;

use super::console::{Console, Exit, Failure};
use super::table;
use crate::catalog::Catalog;
use crate::report::words;
use crate::serving::cost::{Step, StepCost};
use crate::serving::physics::{Link, Setup};
use crate::serving::profile::{self, Dtype, Model, Profile};
use crate::units::{Diagnostic, nearest};

/// Arguments of `profile`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A profile says how long one step of an inference engine takes for a model, GPU, engine and number format: milliseconds
for what is fixed (a), for each sequence (b), KV token (c) and prompt token (p, or b1 and b2 beyond t0 tokens), and more.
Each says where it comes from, for which version of the engine, and how far off it is.

Examples:
  fleetcast profile list --model llama-3.1-70b
  fleetcast profile show llama-3.1-70b-fp8-h100-vllm-tp2
  fleetcast profile estimate --model Qwen3-32B --gpu L40S --tp 2
  fleetcast profile fit bench.csv --out charts")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The bundled profiles
    List(ListArgs),
    /// One profile: coefficients, memory, what it foretells, and how it is known
    Show(ShowArgs),
    /// A prior from a GPU's data sheet and a model's architecture
    Estimate(EstimateArgs),
    /// Fit a profile to a benchmark of concurrencies and lengths
    Fit(fit::FitArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only those whose model contains this
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// Only those whose GPU contains this
    #[arg(long, value_name = "TEXT")]
    gpu: Option<String>,
    /// Print one JSON object a line and profile
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Its name
    name: String,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct EstimateArgs {
    /// The model, e.g. Llama-3.1-70B
    #[arg(long)]
    model: String,
    /// The GPU, e.g. H100
    #[arg(long)]
    gpu: String,
    /// GPUs that share each layer
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    tp: u32,
    /// The engine
    #[arg(long, default_value = "vllm")]
    engine: String,
    /// How weights are stored
    #[arg(long, default_value = "bf16", value_parser = dtype)]
    dtype: Dtype,
    /// How KV is stored
    #[arg(long, default_value = "bf16", value_parser = dtype)]
    kv: Dtype,
    /// GB/s one way between the GPUs, where they are not on NVLink
    #[arg(long, value_name = "GB/S")]
    link: Option<f64>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

fn dtype(word: &str) -> Result<Dtype, String> {
    let keys = Dtype::ALL.map(Dtype::key);
    Dtype::named(word).ok_or_else(|| {
        let near = nearest(word, keys).map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
        format!("{near}allowed are {}", keys.join(", "))
    })
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    match &a.what {
        What::List(l) => list(l, console),
        What::Show(s) => {
            let p = profile::find(&s.name).map_err(|e| Failure::input(e.to_diagnostic()))?;
            print(p, s.json, console)
        }
        What::Estimate(e) => print(&estimate(e)?, e.json, console),
        What::Fit(f) => fit::run(f, console),
    }
}

fn list(a: &ListArgs, console: &Console) -> Result<Exit, Failure> {
    let has = |text: &str, part: &Option<String>| {
        part.as_ref().is_none_or(|p| text.to_lowercase().contains(&p.trim().to_lowercase()))
    };
    let chosen: Vec<&Profile> =
        profile::bundled().iter().filter(|p| has(&p.model, &a.model) && has(&p.device, &a.gpu)).collect();
    if chosen.is_empty() {
        let d = Diagnostic::error("no bundled profile is of that model and GPU");
        return Err(Failure::input(d.help(
            "`fleetcast profile list` shows all; `fleetcast profile estimate` makes a prior, `fleetcast profile fit` a fit",
        )));
    }
    if a.json {
        let lines: Result<Vec<String>, Failure> = chosen.iter().map(|p| json(*p)).collect();
        console.print(&lines?.join("\n"));
        return Ok(Exit::Fine);
    }
    let rows = chosen.iter().map(|p| {
        let q = p.quality;
        let error = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| format!("{v:.1} %"));
        vec![
            p.name.to_string(),
            number(p.cost.a + p.cost.host),
            p.kv_tokens().map_or_else(|_| "-".to_owned(), words::count),
            error(q.map(|q| q.mape)),
            error(q.and_then(|q| q.loo)),
            p.evidence.to_string(),
            p.version.to_string(),
        ]
    });
    let header = ["profile", "step ms", "KV tokens", "error", "left-out error", "evidence", "version"];
    console.print(&table::plain(&header, &[1, 2, 3, 4], rows));
    Ok(Exit::Fine)
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::Fault(e.into()))
}

fn print(p: &Profile, as_json: bool, console: &Console) -> Result<Exit, Failure> {
    console.print(&if as_json { json(p)? } else { text(p) });
    Ok(Exit::Fine)
}

fn estimate(a: &EstimateArgs) -> Result<Profile, Failure> {
    let model = Model::find(&a.model).map_err(|e| Failure::input(e.to_diagnostic()))?;
    let device = Catalog::embedded().device(&a.gpu).map_err(|e| Failure::input(e.to_diagnostic()))?;
    let link = match a.link {
        Some(gb_s) if !(gb_s > 0.0 && gb_s.is_finite()) => {
            let d = Diagnostic::error(format!("--link is {gb_s}"));
            return Err(Failure::input(d.help("write the GB/s of each GPU one way, above zero: 16 for PCIe 4")));
        }
        // 10 µs an all-reduce: what small messages take over PCIe.
        other => other.map(|gb_s| Link { latency_ms: 0.01, gb_s }),
    };
    let (weights, kv) = (a.dtype, a.kv);
    // 4-bit weights are unpacked to 16 bits where the GPU has no 4-bit arithmetic: the cautious reading.
    let compute = if weights == Dtype::Fp4 { Dtype::Bf16 } else { weights };
    let setup = Setup { model, device, tp: a.tp, engine: &a.engine, weights, compute, kv, link };
    Profile::from_physics(&setup).map_err(|e| Failure::input(e.to_diagnostic()))
}

/// Milliseconds with as many digits as matter.
fn number(v: f64) -> String {
    match v {
        0.0 => "0".to_owned(),
        v if v >= 1.0 => words::number(v, 2),
        v => {
            let decimals = (3.0 - v.log10().floor()).clamp(0.0, 12.0) as usize;
            format!("{v:.decimals$}").trim_end_matches('0').to_owned()
        }
    }
}

fn text(p: &Profile) -> String {
    let version = if p.version.is_empty() { "version not recorded".to_owned() } else { p.version.to_string() };
    let gpus = if p.tp == 1 { p.device.to_string() } else { format!("{} × {}", p.tp, p.device) };
    let mut out = format!("{}: {} on {gpus}, {} ({version})\n", p.name, p.model, p.engine);
    let kv = match (p.kv_tokens, p.kv_tokens()) {
        (Some(n), _) => format!("{} tokens, as the engine reported", words::count(n)),
        (None, Ok(n)) => format!("{} tokens of {}, computed", words::count(n), p.kv_dtype.key()),
        (None, Err(e)) => e.to_string(),
    };
    out.push_str(&format!("  evidence  {}: {}\n  KV        {kv}\n", p.evidence, p.source));
    if let Some(q) = p.quality {
        let rows = q.rows.map_or_else(String::new, |n| format!(" on {n} rows"));
        let most = q.concurrency_max.map_or_else(String::new, |n| format!(", up to {n} at a time"));
        let loo = q.loo.map_or_else(String::new, |v| format!("; {v:.1} % on rows left out one at a time"));
        out.push_str(&format!("  error     {:.1} %{rows}{most}{loo}\n", q.mape));
    }
    if let Some(t) = p.ttft {
        let (base, slope) = (words::number(t.base_ms, 1), number(t.ms_per_token));
        out.push_str(&format!("  TTFT      {base} ms and {slope} ms a prompt token, at {} at a time\n", t.concurrency));
    }
    if !p.note.is_empty() {
        out.push_str(&format!("  note      {}\n", p.note));
    }
    out.push('\n');
    out.push_str(&coefficients(&p.cost));
    out.push('\n');
    out.push_str(&foretold(&p.cost));
    out
}

fn coefficients(cost: &StepCost) -> String {
    let rows = cost.named().into_iter().filter(|(_, v)| *v > 0.0).map(|(name, v)| {
        let what = match name {
            "a" => "ms a step",
            "host" => "ms a step, overhead of the host",
            "b" => "ms a sequence",
            "b1" => "ms a token",
            "b2" => "ms a token beyond t0",
            "t0" => "tokens",
            "c" => "ms a KV token read",
            "p" => "ms a prompt token",
            "q" => "ms a pair of prompt token and one before it",
            "m" => "ms a step with a prompt",
            "expert_ms" => "ms to read all experts once",
            _ => "of the experts are used by one token",
        };
        vec![name.to_owned(), number(v), what.to_owned()]
    });
    table::plain(&["coefficient", "value", "unit"], &[1], rows)
}

/// Steps that a reader can hold against what is known of an engine.
fn foretold(cost: &StepCost) -> String {
    let decode = |n: u64| (format!("decode {n} × 2,048 KV tokens"), Step::decode(n, 2_048 * n));
    let mut prompt = Step::default();
    prompt.add_chunk(2_048, 0);
    let mut mixed = Step::decode(32, 2_048 * 32);
    mixed.add_chunk(2_016, 0);
    let steps = [1, 8, 32, 128].map(decode).into_iter().chain([
        ("a prompt of 2,048 alone".to_owned(), prompt),
        ("decode 32 beside 2,016 prompt tokens".to_owned(), mixed),
    ]);
    let rows = steps.map(|(what, s)| {
        let ms = cost.step_ms(&s);
        let rate = words::count((s.tokens() as f64 / ms * 1e3).round() as u64);
        vec![what, words::number(ms, 2), rate]
    });
    table::plain(&["step", "ms", "tokens/s"], &[1, 2], rows)
}
