//! Measured times between tokens: how well fits, priors and the classifier of saturated rows do on them.
//!
//! The tables are every `silicon*.csv` in the data folder or its `llm-measured/` (ai-dynamo/aiconfigurator). Cases:
//!
//! - `tpot/MODEL/GPU/ENGINE/DTYPE/TP`: mean absolute error of the fit on its own rows, per cent;
//! - `tpot-loo/…`: the same, each row foretold by a fit to the others;
//! - `prior/…`: median error of the estimate from data sheets, per cent, nothing fitted;
//! - `saturation/…`: how often "wants more KV than there is" tells the rows whose TTFT is above five seconds.
//!
//! Errors of priors leave out the rows that queued, as the fits do. A figure at or below the published one, give or take its rounding, passes. Sets without a published figure are
//! unchecked. Sets with fewer than eight usable rows or one shape only cannot be fitted and have no case.

use std::path::{Path, PathBuf};

use super::SUITE;
use crate::catalog::Catalog;
use crate::serving::fit::read::{Set, UNRECORDED, open};
use crate::serving::fit::{self, FitError, LENGTH_SHARE, Row, TTFT_MOST_MS, from_benchmark, tpot_ms};
use crate::serving::memory::{Budget, GIB, kv_tokens, saturated};
use crate::serving::physics::{Setup, from_physics};
use crate::serving::profile::{Dtype, Model};
use crate::units::{Diagnostics, SourceMap};
use crate::verify::{Case, NoCases, Options, Verdict};

/// The published figures are rounded to a tenth of a per cent; whole ones to a whole.
const ROUNDING: f64 = 0.05;

/// The published errors of priors are rounded to half a per cent, some to one.
const HALF: f64 = 0.5;
/// Rows from which on a table is taken as the published one, of all dense models and of one family.
const ALL_ROWS: usize = 700;
const FAMILY_ROWS: usize = 25;

/// What was published of a set (or of a family of sets: the larger end of its range).
struct Published {
    model: &'static str,
    gpu: &'static str,
    engine: &'static str,
    tp: &'static [u64],
    mape: f64,
    loo: Option<f64>,
    /// The TTFT above which rows were left out, ms.
    ttft_most_ms: f64,
}

const fn published(
    set: (&'static str, &'static str, &'static str),
    tp: &'static [u64],
    mape: f64,
    loo: f64,
) -> Published {
    Published { model: set.0, gpu: set.1, engine: set.2, tp, mape, loo: Some(loo), ttft_most_ms: TTFT_MOST_MS }
}

const LLAMA_70B: &str = "Llama-3.1-70B";
const LLAMA_8B: &str = "Llama-3.1-8B";
const GPT_OSS: &str = "gpt-oss-120b";
const QWEN_32B: &str = "Qwen3-32B";

/// The published errors of the same fit, in per cent. The SGLang runs are bursts: their fit left out rows above three
/// seconds.
const PUBLISHED: &[Published] = &[
    published((LLAMA_70B, "h100_sxm", "vllm"), &[2], 0.9, 1.7),
    published((LLAMA_70B, "h100_sxm", "vllm"), &[4], 2.2, 3.5),
    published((LLAMA_70B, "h100_sxm", "vllm"), &[8], 2.5, 3.6),
    published((LLAMA_70B, "h200_sxm", "vllm"), &[1, 2, 4, 8], 3.7, 6.1),
    published((LLAMA_70B, "h200_sxm", "trtllm"), &[1, 2, 4, 8], 1.3, 1.6),
    published((LLAMA_70B, "b200_sxm", "trtllm"), &[1, 2, 4, 8], 2.0, 2.7),
    published((LLAMA_70B, "b200_sxm", "vllm"), &[1, 2, 4, 8], 2.6, 3.3),
    published((LLAMA_8B, "h100_sxm", "trtllm"), &[1], 1.8, 2.0),
    published((LLAMA_8B, "h100_sxm", "trtllm"), &[2], 3.1, 3.5),
    Published { loo: None, ..published((LLAMA_8B, "h100_sxm", "trtllm"), &[4, 8], 9.0, 0.0) },
    Published { ttft_most_ms: 3_000.0, ..published((QWEN_32B, "h100_sxm", "sglang"), &[2, 4, 8], 3.2, 3.9) },
    // A mixture of experts fitted without a term for its experts: 2 to 12 %.
    Published { loo: None, ..published((GPT_OSS, "h100_sxm", "vllm"), &[1, 2, 4, 8], 12.0, 0.0) },
    Published { loo: None, ..published((GPT_OSS, "h200_sxm", "vllm"), &[1, 2, 4, 8], 12.0, 0.0) },
    Published { loo: None, ..published((GPT_OSS, "b200_sxm", "vllm"), &[1, 2, 4, 8], 12.0, 0.0) },
    Published { loo: None, ..published((GPT_OSS, "h200_sxm", "trtllm"), &[1, 2, 4, 8], 12.0, 0.0) },
    Published { loo: None, ..published((GPT_OSS, "b200_sxm", "trtllm"), &[1, 2, 4, 8], 12.0, 0.0) },
    // One row is 121 % off.
    Published { loo: None, ..published((QWEN_32B, "h100_sxm", "vllm"), &[2], 17.0, 0.0) },
];

/// All sets of all tables of the data folder.
///
/// # Errors
/// [`NoCases::NoData`] without a table, [`NoCases::Bad`] for one that cannot be read.
pub fn sets(options: &Options) -> Result<Vec<Set>, NoCases> {
    let files = options.data.as_deref().map(files).unwrap_or_default();
    if files.is_empty() {
        let what = "silicon*.csv of ai-dynamo/aiconfigurator, in the folder or its llm-measured/";
        return Err(NoCases::NoData(what.to_owned()));
    }
    let (mut out, mut sources, mut found) = (Vec::new(), SourceMap::default(), Diagnostics::default());
    for file in files {
        match open(&file) {
            Ok(sets) => out.extend(sets),
            Err(fault) => found.push(fault.into_diagnostic(&mut sources)),
        }
    }
    if found.has_errors() { Err(NoCases::Bad(found, sources)) } else { Ok(merged(out)) }
}

/// Sets of the same name in several files are one set.
fn merged(sets: Vec<Set>) -> Vec<Set> {
    let mut out: Vec<Set> = Vec::new();
    for set in sets {
        match out.iter_mut().find(|s| s.name == set.name && s.key == set.key) {
            // The same file in both folders must not count twice.
            Some(before) if before.rows == set.rows => {}
            Some(before) => before.rows.extend(set.rows),
            None => out.push(set),
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.key.cmp(&b.key)));
    out
}

/// `silicon*.csv` of a folder and of `llm-measured/` in it, in the order of their names.
fn files(data: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for folder in [data.to_owned(), data.join("llm-measured")] {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut here: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| wanted(p)).collect();
        here.sort();
        out.extend(here);
    }
    out
}

fn wanted(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = name.trim_end_matches(".gz").trim_end_matches(".zst");
    name.starts_with("silicon") && plain.ends_with(".csv") && path.is_file()
}

/// Adds the cases; says what is missing where there is no table at all.
///
/// # Errors
/// [`NoCases::Bad`] for a table that cannot be read.
pub fn cases(options: &Options, out: &mut Vec<Case>) -> Result<Option<String>, NoCases> {
    let sets = match sets(options) {
        Err(NoCases::NoData(what)) => return Ok(Some(what)),
        other => other?,
    };
    for set in &sets {
        fitted(set, out);
    }
    priors(&sets, out);
    classifier(&sets, out);
    Ok(None)
}

/// At most as large as published.
fn at_most(case: String, published: f64, ours: f64, tolerance: f64) -> Case {
    let verdict = if ours <= published + tolerance { Verdict::Pass } else { Verdict::Fail };
    Case { suite: SUITE, case, published: Some(published), ours, tolerance: Some(tolerance), verdict }
}

fn model_of(set: &Set) -> Option<&'static Model> {
    Model::find(&set.key.model).ok()
}

fn published_of(set: &Set) -> Option<&'static Published> {
    // The other 8B table is of rows whose prompts were cached.
    let name = model_of(set)?.name;
    let k = &set.key;
    PUBLISHED
        .iter()
        .find(|p| set.plain() && p.model == name && p.gpu == k.gpu && p.engine == k.engine && p.tp.contains(&k.tp))
}

fn fitted(set: &Set, out: &mut Vec<Case>) {
    let known = published_of(set);
    let options = fit::Options {
        ttft_most_ms: known.map_or(TTFT_MOST_MS, |p| p.ttft_most_ms),
        expert_share: model_of(set).map_or(0.0, Model::expert_share),
        ..fit::Options::default()
    };
    let (mape, loo) = match from_benchmark(&set.rows, &options) {
        Ok(f) => (f.mape, f.loo),
        Err(FitError::TooFewRows { .. } | FitError::OneShape) => return,
        // What ought to be fitted and is not fails, if it is known; a table that contradicts itself is not ours.
        Err(_) => (f64::NAN, f64::NAN),
    };
    let case = |name: &str, published: Option<f64>, ours: f64| {
        let case = format!("{name}/{}", set.name);
        match published {
            Some(p) => at_most(case, p, ours, if p == p.trunc() { HALF } else { ROUNDING }),
            None => Case::unchecked(SUITE, case, ours),
        }
    };
    out.push(case("tpot", known.map(|p| p.mape), mape));
    out.push(case("tpot-loo", known.and_then(|p| p.loo), loo));
}

/// The prior of a set, where model and GPU are known. Weights of a format that was not recorded are taken as 16 bits.
fn prior(set: &Set, kv: Dtype) -> Option<(Setup<'static>, Vec<f64>)> {
    let device = Catalog::embedded().device(set.key.gpu.split('_').next()?).ok()?;
    let weights = if set.key.dtype == UNRECORDED { Dtype::Bf16 } else { Dtype::named(&set.key.dtype)? };
    let tp = u32::try_from(set.key.tp).ok()?;
    // The engine's name is only asked for vLLM.
    let engine = if set.key.engine == "vllm" {
        "vllm"
    } else if set.key.engine == "trtllm" {
        "trtllm"
    } else {
        ""
    };
    // Those SGLang runs read weights as if they had 16 bits and computed prompts faster than 16 bits can be.
    let compute = if weights == Dtype::Bf16 && set.key.engine == "sglang" { Dtype::Fp8 } else { weights };
    let setup = Setup { model: model_of(set)?, device, tp, engine, weights, compute, kv, link: None };
    let (cost, o) = (from_physics(&setup), fit::Options::default());
    let quiet = set.rows.iter().filter(|r| r.ttft_ms <= TTFT_MOST_MS);
    let errors = quiet.map(|r| 100.0 * (tpot_ms(&cost, r, &o) / r.tpot_ms - 1.0).abs()).collect();
    Some((setup, errors))
}

/// Families of sets, and the published median of their errors.
const PRIORS: &[(&str, &str, &str, &str, f64)] = &[
    ("70B fp8 H100", LLAMA_70B, "h100_sxm", "", 3.8),
    ("70B fp8 H200", LLAMA_70B, "h200_sxm", "", 5.0),
    ("70B fp8 B200", LLAMA_70B, "b200_sxm", "", 7.9),
    ("8B H100", LLAMA_8B, "h100_sxm", "", 12.5),
    ("8B H200 SGLang", LLAMA_8B, "h200_sxm", "sglang", 10.0),
    ("Qwen3-32B SGLang", QWEN_32B, "h100_sxm", "sglang", 8.0),
    ("Qwen3-32B TRT-LLM fp8", QWEN_32B, "h100_sxm", "trtllm", 18.0),
    ("Qwen3-32B vLLM", QWEN_32B, "h100_sxm", "vllm", 27.0),
];

/// Whether the prior is held against a set: the dense models of the published check, without the runs whose TTFTs say
/// that prompts were cached.
fn judged(set: &Set) -> bool {
    let cached = set.key.gpu == "h200_sxm" && set.key.engine == "vllm" && set.key.model.ends_with("-FP8");
    let gpu = ["h100_sxm", "h200_sxm", "b200_sxm"].contains(&set.key.gpu.as_str());
    let model = model_of(set).is_some_and(|m| [LLAMA_70B, LLAMA_8B, QWEN_32B].contains(&m.name));
    model && gpu && set.plain() && !cached
}

fn median(mut v: Vec<f64>) -> Option<f64> {
    v.sort_by(f64::total_cmp);
    let n = v.len();
    (n > 0).then(|| f64::midpoint(v[(n - 1) / 2], v[n / 2]))
}

fn priors(sets: &[Set], out: &mut Vec<Case>) {
    let all = |of: &dyn Fn(&Set) -> bool| -> Vec<f64> {
        sets.iter().filter(|s| judged(s) && of(s)).filter_map(|s| prior(s, Dtype::Bf16)).flat_map(|p| p.1).collect()
    };
    let every = all(&|_| true);
    let mean = every.iter().sum::<f64>() / every.len() as f64;
    let mut case = |name: &str, published: f64, rows: usize, ours: Option<f64>, least: usize| {
        let Some(ours) = ours else { return };
        let case = format!("prior/{name}");
        // Of a part of the table the published median says nothing.
        let whole = rows >= least;
        out.push(if whole { at_most(case, published, ours, HALF) } else { Case::unchecked(SUITE, case, ours) });
    };
    case("all, median", 11.0, every.len(), median(every.clone()), ALL_ROWS);
    case("all, mean", 14.5, every.len(), (!every.is_empty()).then_some(mean), ALL_ROWS);
    for (name, model, gpu, engine, published) in PRIORS {
        let of = |s: &Set| {
            let engine = engine.is_empty() || s.key.engine == *engine;
            model_of(s).is_some_and(|m| m.name == *model) && s.key.gpu == *gpu && engine
        };
        let errors = all(&of);
        case(name, *published, errors.len(), median(errors.clone()), FAMILY_ROWS);
    }
}

/// GPU memory as the published check took it: the nominal GB, but GiB for the H100. (What the driver reports is GiB,
/// give or take, for all three; [`kv_tokens`] takes what it is given.)
fn published_memory_gib(gpu: &str, nominal_gb: f64) -> f64 {
    if gpu == "h100_sxm" { nominal_gb } else { nominal_gb * 1e9 / GIB }
}

/// Counts of the classifier over an engine's rows of the 70B model: rows told saturated, those of them that are,
/// saturated ones that it missed. A row is saturated when its TTFT is above five seconds; the published count of
/// vLLM's found rows took one such row as not saturated and does not say by what rule, so found may be more.
fn classifier(sets: &[Set], out: &mut Vec<Case>) {
    for (engine, kv, least, [told, found, missed]) in
        [("vllm", Dtype::Bf16, 150, [8.0, 5.0, 0.0]), ("trtllm", Dtype::Fp8, 144, [5.0, 5.0, 1.0])]
    {
        let (mut rows, mut ours) = (0, [0.0; 3]);
        for set in sets.iter().filter(|s| judged(s) && s.key.engine == engine) {
            let Some((s, _)) = prior(set, kv).filter(|(s, _)| s.model.name == LLAMA_70B) else { continue };
            let memory = published_memory_gib(&set.key.gpu, s.device.memory_gb);
            let capacity = kv_tokens(s.model, s.weights, kv, memory, s.tp, Budget::of(engine)).unwrap_or(0);
            for r in &set.rows {
                let (says, is) = (wants_more(r, capacity), r.ttft_ms > TTFT_MOST_MS);
                rows += 1;
                for (count, hit) in ours.iter_mut().zip([says, says && is, is && !says]) {
                    *count += f64::from(u8::from(hit));
                }
            }
        }
        let name = |what: &str| format!("saturation/{engine}/{what}");
        match rows {
            0 => {}
            n if n < least => {
                let whats = ["told", "found", "missed"].iter().zip(ours);
                out.extend(whats.map(|(what, ours)| Case::unchecked(SUITE, name(what), ours)));
            }
            _ => {
                out.push(Case::checked(SUITE, name("told"), told, ours[0], 0.0));
                out.push(at_least(name("found"), found, ours[1]));
                out.push(at_most(name("missed"), missed, ours[2], 0.0));
            }
        }
    }
}

/// At least as many as published.
fn at_least(case: String, published: f64, ours: f64) -> Case {
    let verdict = if ours >= published { Verdict::Pass } else { Verdict::Fail };
    Case { suite: SUITE, case, published: Some(published), ours, tolerance: Some(0.0), verdict }
}

fn wants_more(r: &Row, capacity: u64) -> bool {
    saturated(r.concurrency as f64, LENGTH_SHARE * r.isl as f64, LENGTH_SHARE * r.osl as f64, capacity)
}

#[cfg(test)]
mod tests;
