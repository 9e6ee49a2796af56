//! `profile fit`: a benchmark as a profile block, with how good it is as comments, and a chart.

use std::path::{Path, PathBuf};

use crate::cli::console::{Console, Exit, Failure};
use crate::cli::files::OutDir;
use crate::cli::table::clean;
use crate::report::chart::profile::draw;
use crate::report::{About, render_all, words};
use crate::serving::fit::read::{Set, UNRECORDED, open};
use crate::serving::fit::{Fit, LENGTH_SHARE, Options, TTFT_MOST_MS, from_benchmark};
use crate::serving::profile::Model;
use crate::units::{Diagnostic, SourceMap, nearest};

/// Sets that a message lists.
const MOST_LISTED: usize = 12;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file is CSV with the columns isl, osl, concurrency, ttft_ms, tpot_ms, and where wanted model, gpu, engine, version,
dtype, tp; or of the columns of aiconfigurator's silicon_sample.csv. Eight rows are needed, of two ratios of isl to osl.

Example:
  fleetcast profile fit silicon_sample.csv --set Llama-3.1-70B/h100_sxm/vllm/fp8/TP2 --out charts")]
pub(super) struct FitArgs {
    /// The benchmark; plain, gzip or zstd
    file: PathBuf,
    /// Which set of a file that has several: MODEL/GPU/ENGINE/DTYPE/TP
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Experts that a token uses and experts of a layer; by the model's name where it is known
    #[arg(long, value_name = "K/N", value_parser = experts)]
    experts: Option<(u32, u32)>,
    /// Mean length over nominal length: below 1 where the load generator draws lengths at random
    #[arg(long, value_name = "SHARE", default_value_t = LENGTH_SHARE)]
    length_share: f64,
    /// Rows of a longer TTFT queued and are left out, ms
    #[arg(long, value_name = "MS", default_value_t = TTFT_MOST_MS)]
    ttft_most: f64,
    /// Write a chart of fitted against measured: profile.svg, profile.png, profile.csv
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print the fit and every row as JSON
    #[arg(long)]
    json: bool,
}

fn experts(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('/').and_then(|(k, n)| Some((k.trim().parse().ok()?, n.trim().parse().ok()?)));
    parsed.filter(|(k, n)| *k > 0 && k <= n).ok_or_else(|| "write experts used of experts there are, e.g. 8/128".into())
}

pub(super) fn run(a: &FitArgs, console: &Console) -> Result<Exit, Failure> {
    // The output is opened before the work: a bad path fails early.
    let out = a.out.as_deref().map(OutDir::create).transpose()?;
    let mut sources = SourceMap::default();
    let sets = open(&a.file).map_err(|fault| Failure::Input(fault.into_diagnostic(&mut sources).into(), sources))?;
    let set = chosen(a, &sets)?;
    let by_name = Model::find(&set.key.model).map_or(0.0, Model::expert_share);
    let options = Options {
        length_share: a.length_share,
        ttft_most_ms: a.ttft_most,
        expert_share: a.experts.map_or(by_name, |(k, n)| f64::from(k) / f64::from(n)),
    };
    let fit = from_benchmark(&set.rows, &options).map_err(|e| {
        let d = e.to_diagnostic();
        Failure::input(Diagnostic { message: format!("`{}` cannot be fitted: {}", clean(&set.name), d.message), ..d })
    })?;
    if let Some(out) = &out {
        chart(set, &fit, &a.file, out, console)?;
    }
    if a.json {
        console.print(&serde_json::to_string_pretty(&fit).map_err(|e| Failure::Fault(e.into()))?);
    } else {
        console.print(&block(set, &fit, &a.file, &options));
    }
    Ok(Exit::Fine)
}

fn chosen<'a>(a: &FitArgs, sets: &'a [Set]) -> Result<&'a Set, Failure> {
    let names = || sets.iter().map(|s| s.name.as_str());
    // Those that hold the words that were given, or all.
    let listed = |word: &str| {
        let word = word.trim().to_lowercase();
        let holding: Vec<&str> = names().filter(|n| n.to_lowercase().contains(&word)).collect();
        let (what, of): (_, Vec<&str>) = if holding.is_empty() || word.is_empty() {
            ("the sets are", names().collect())
        } else {
            ("sets with that:", holding)
        };
        let rest = of.len().saturating_sub(MOST_LISTED);
        let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
        let first: Vec<String> = of.into_iter().take(MOST_LISTED).map(clean).collect();
        format!("{what} {}{more}", first.join(", "))
    };
    let file = clean(&a.file.display().to_string());
    match (&a.set, sets) {
        (_, []) => Err(Failure::input(Diagnostic::error(format!("`{file}` has no rows")))),
        (None, [one]) => Ok(one),
        (None, _) => {
            let d = Diagnostic::error(format!("`{file}` has {} sets: which is to be fitted?", sets.len()));
            Err(Failure::input(d.help("choose one with --set NAME").help(listed(""))))
        }
        (Some(word), _) => sets.iter().find(|s| s.name.eq_ignore_ascii_case(word.trim())).ok_or_else(|| {
            let d = Diagnostic::error(format!("`{file}` has no set `{}`", clean(word)));
            let d = match nearest(word, names()) {
                Some(near) => d.help(format!("did you mean `{}`?", clean(near))),
                None => d,
            };
            Failure::input(d.help(listed(word)))
        }),
    }
}

/// Six digits: more than any benchmark holds.
fn figure(v: f64) -> String {
    if v == 0.0 {
        return "0".to_owned();
    }
    let decimals = (5.0 - v.abs().log10().floor()).clamp(0.0, 15.0) as usize;
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A text within quotes: what a name holds stays in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", clean(text).replace('\\', "\\\\").replace('"', "\\\""))
}

fn block(set: &Set, fit: &Fit, file: &Path, o: &Options) -> String {
    let k = &set.key;
    let stem = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let left_out = fit.rows.len() - fit.used;
    let mut out = format!("// {} of {}\n", clean(&set.name), clean(&stem));
    out.push_str(&format!(
        "// fitted to {} rows, mean lengths {} of the nominal; {left_out} left out for a TTFT above {} s\n",
        fit.used,
        figure(o.length_share),
        figure(o.ttft_most_ms / 1e3)
    ));
    out.push_str(&format!(
        "// mean error {:.1} % on its own rows, {:.1} % on rows left out one at a time\n",
        fit.mape, fit.loo
    ));
    if !fit.separable {
        out.push_str("// two lengths only: b, c and p cannot all be told apart, and b is left out first\n");
    }
    if let Some(t) = fit.ttft {
        out.push_str(&format!(
            "// TTFT at concurrency {}: {} ms and {} ms a prompt token\n",
            t.concurrency,
            figure(t.base_ms),
            figure(t.ms_per_token)
        ));
    }
    out.push_str("//   isl    osl  concurrency  measured ms  fitted ms   error  unseen\n");
    let mut rows: Vec<_> = fit.rows.iter().collect();
    rows.sort_by_key(|f| (f.row.isl, f.row.osl, f.row.concurrency));
    for f in rows {
        let percent = |v: f64| format!("{:+.1} %", 100.0 * (v / f.row.tpot_ms - 1.0));
        let unseen = f.unseen_ms.map_or_else(|| "left out".to_owned(), percent);
        out.push_str(&format!(
            "// {:>5}  {:>5}  {:>11}  {:>11.2}  {:>9.2}  {:>6}  {unseen}\n",
            f.row.isl,
            f.row.osl,
            f.row.concurrency,
            f.row.tpot_ms,
            f.fitted_ms,
            percent(f.fitted_ms)
        ));
    }
    let known = |t: &str| (t != UNRECORDED && !t.is_empty()).then(|| clean(t));
    let of: Vec<String> = [
        known(&k.model),
        Some(format!("{} × {}", k.tp, known(&k.gpu).unwrap_or_else(|| "a GPU".to_owned()))),
        known(&k.engine).map(|e| [Some(e), known(&k.version)].into_iter().flatten().collect::<Vec<_>>().join(" ")),
        known(&k.dtype),
    ]
    .into_iter()
    .flatten()
    .collect();
    out.push_str(&format!("// for a deployment of a service: {}\n", of.join(", ")));
    out.push_str("// milliseconds: a step, a sequence, a KV token, a prompt token\n");
    // Which share of the experts a token uses is the model's, and the deployment names it.
    let terms: Vec<String> = fit
        .cost
        .named()
        .into_iter()
        .filter(|(name, v)| *v > 0.0 && *name != "expert_share")
        .map(|(name, v)| format!("{name}: {}", figure(v)))
        .collect();
    let source = format!(
        "{stem}, {}: fitted to {} rows, error {:.1} %, {:.1} % on rows left out",
        set.name, fit.used, fit.mape, fit.loo
    );
    out.push_str(&format!("profile: Explicit({},\n  source: {}),", terms.join(", "), quoted(&source)));
    out
}

fn chart(set: &Set, fit: &Fit, file: &Path, out: &OutDir, console: &Console) -> Result<(), Failure> {
    let stem = file.file_name().map(|n| clean(&n.to_string_lossy())).unwrap_or_default();
    let about = About {
        subtitle: format!("{} · {stem}, {} rows", clean(&set.name), words::count(fit.rows.len() as u64)),
        footnote: format!("fitted by fleetcast {}", env!("CARGO_PKG_VERSION")),
        deadlines: Vec::new(),
        notices: Vec::new(),
    };
    let Some(drawing) = draw(&clean(&set.key.model), fit, &about) else { return Ok(()) };
    for c in render_all(vec![drawing]).map_err(|e| Failure::Fault(e.into()))? {
        out.write(&format!("{}.svg", c.name), c.svg.as_bytes())?;
        out.write(&format!("{}.png", c.name), &c.png)?;
        out.write(&format!("{}.csv", c.name), c.csv.as_bytes())?;
        console.note(&format!("chart: {}", out.path().join(format!("{}.svg", c.name)).display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_six_digits_and_no_idle_zeros() {
        assert_eq!(
            [16.5512_f64, 0.0000646123, 3.0, 120.0, 0.0].map(figure),
            ["16.5512", "0.0000646123", "3", "120", "0"]
        );
    }

    #[test]
    fn experts_are_a_fraction() {
        assert_eq!(experts("8/128"), Ok((8, 128)));
        for bad in ["8", "0/4", "5/4", "a/b", "1/0"] {
            assert!(experts(bad).is_err(), "{bad}");
        }
    }
}
