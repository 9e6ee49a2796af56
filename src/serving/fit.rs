//! The cost of a step from measurements.
//!
//! - [`from_benchmark`]: a table of concurrency, lengths, TTFT and TPOT, as load generators print them;
//! - [`from_trace`]: one constant of the host from a run whose requests were timed;
//! - [`read`]: benchmark tables from CSV; [`nnls`]: non-negative least squares.
//!
//! With `C` requests at a time, mean prompt `I` and mean output `O`, every step decodes `C` sequences that hold
//! `I + O/2` tokens each, and every sequence brings `I` prompt tokens in `O` steps, so that in the mean
//! `TPOT = a + b·C + c·C·(I + O/2) + p·C·I/O + E(C)`. Weights `1/TPOT` make it a fit of relative errors.
//!
//! `p` is an *effective* coefficient: what others' prompts add to one's own TPOT. How long a prompt of one's own takes
//! is better read from the TTFT at low concurrency: [`Fit::ttft`].

pub mod nnls;
pub mod read;

use serde::Serialize;

use crate::serving::cost::{BadCost, StepCost, experts_touched};
use crate::units::Diagnostic;

/// The fewest rows that are fitted: twice the coefficients.
pub const MIN_ROWS: usize = 8;
/// Rows whose TTFT is above this many ms waited for KV memory or in a queue; their TPOT is not that of their
/// concurrency.
pub const TTFT_MOST_MS: f64 = 5_000.0;
/// Benchmarks of random lengths draw between 0.8 and 1 of the nominal length (InferenceMAX): 0.9 in the mean. An
/// assumption: the published tables do not say.
pub const LENGTH_SHARE: f64 = 0.9;

/// One line of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Nominal prompt, tokens.
    pub isl: u64,
    /// Nominal output, tokens.
    pub osl: u64,
    /// Requests at a time.
    pub concurrency: u64,
    /// Mean time to the first token, ms.
    pub ttft_ms: f64,
    /// Mean time between tokens, ms.
    pub tpot_ms: f64,
}

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Mean length over nominal length.
    pub length_share: f64,
    /// Rows above it are left out, ms.
    pub ttft_most_ms: f64,
    /// Share of experts that a token uses; zero for a dense model.
    pub expert_share: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options { length_share: LENGTH_SHARE, ttft_most_ms: TTFT_MOST_MS, expert_share: 0.0 }
    }
}

/// A row beside what the fit says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fitted {
    /// What was measured.
    pub row: Row,
    /// TPOT of the fit, ms.
    pub fitted_ms: f64,
    /// TPOT of a fit to all other rows, ms; `None` for a row that was left out.
    pub unseen_ms: Option<f64>,
    /// Whether it was fitted, or left out for its TTFT.
    pub used: bool,
}

/// TTFT at the lowest concurrency as a line in the prompt's length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ttft {
    /// ms without a prompt.
    pub base_ms: f64,
    /// ms a prompt token.
    pub ms_per_token: f64,
    /// At how many requests at a time.
    pub concurrency: u64,
}

/// A fit and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The coefficients.
    pub cost: StepCost,
    /// Every row, in the order given.
    pub rows: Vec<Fitted>,
    /// Rows fitted.
    pub used: usize,
    /// Mean absolute error over the fitted rows, in per cent.
    pub mape: f64,
    /// The same, each row predicted by a fit to the others.
    pub loo: f64,
    /// Whether three or more lengths were fitted: with two, `b`, `c` and `p` cannot all be told apart, and `b` is left
    /// out first.
    pub separable: bool,
    /// What prompts of one's own take; `None` where only one length was measured.
    pub ttft: Option<Ttft>,
}

/// Why nothing was fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Too few rows.
    #[error("rows that can be fitted: {used}, and {MIN_ROWS} are needed")]
    TooFewRows {
        /// Usable.
        used: usize,
        /// Left out for their TTFT.
        late: usize,
        /// The TTFT above which they are.
        most_ms: f64,
    },
    /// Prompts and KV cannot be told apart.
    #[error(
        "all rows have the same ratio of prompt to output: what KV costs and what prompts cost cannot be told apart"
    )]
    OneShape,
    /// A row with a quantity that cannot be.
    #[error("row {row}: {what} is {value}, it must be above zero")]
    Row {
        /// Which, from 1.
        row: usize,
        /// What.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// An option that cannot be.
    #[error("{what} is {value}, it must be above zero and finite")]
    Option {
        /// What.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// What comes out is no cost.
    #[error("the fit gives no cost: {0}")]
    Cost(#[from] BadCost),
    /// A run that takes longer than measured even without any overhead of the host.
    #[error("the replay takes {replayed} without any overhead of the host, {measured} was measured")]
    AlreadySlower {
        /// The replayed figure.
        replayed: f64,
        /// The measured one.
        measured: f64,
    },
    /// A run that no overhead of the host makes slow enough.
    #[error("no overhead of the host up to {most_ms} ms a step makes the replay as slow as measured ({measured})")]
    NeverSlower {
        /// The measured figure.
        measured: f64,
        /// The most that was tried.
        most_ms: f64,
    },
}

impl FitError {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let d = Diagnostic::error(self.to_string());
        match self {
            FitError::TooFewRows { late, most_ms, .. } if *late > 0 => d.help(format!(
                "{late} rows were left out, as their TTFT is above {most_ms} ms: measure lower concurrencies"
            )),
            FitError::TooFewRows { .. } => d.help("measure more concurrencies, and at least two ratios of isl to osl"),
            FitError::OneShape => d.help("measure another shape too: 8192/1024 beside 1024/1024, say"),
            FitError::Row { .. } => d.help("leave the row out, or measure it again"),
            FitError::Option { .. } => d,
            FitError::Cost(_) => d.help("the rows contradict each other: TPOT should rise with concurrency"),
            FitError::AlreadySlower { .. } => {
                d.help("the coefficients are too large for this run: another GPU, engine or version")
            }
            FitError::NeverSlower { .. } => {
                d.help("is the replay of the same requests, and the figure in the same unit?")
            }
        }
    }
}

/// The columns of the fit for one row, in the order `a, c, p, b` and, with experts, `expert_ms` before `b`. `b` is the
/// last, and so the first to go where the rows cannot tell all of them apart: it is the smallest.
fn columns(r: &Row, o: &Options) -> Vec<f64> {
    let (input, output) = (r.isl as f64 * o.length_share, r.osl as f64 * o.length_share);
    let n = r.concurrency as f64;
    let mut v = vec![1.0, n * (input + output / 2.0), n * input / output];
    if o.expert_share > 0.0 {
        v.push(experts_touched(o.expert_share, r.concurrency));
    }
    v.push(n);
    v
}

/// TPOT that coefficients give at a row, ms: the mean over steps, with prompts spread evenly.
#[must_use]
pub fn tpot_ms(cost: &StepCost, r: &Row, o: &Options) -> f64 {
    let (input, output) = (r.isl as f64 * o.length_share, r.osl as f64 * o.length_share);
    let (n, prompts) = (r.concurrency as f64, r.concurrency as f64 * input / output);
    let fixed = cost.a + cost.host + cost.expert_ms * experts_touched(cost.expert_share, r.concurrency);
    fixed + (cost.b + cost.b1) * n + cost.c * n * (input + output / 2.0) + (cost.p + cost.b1) * prompts
}

/// Fits `a, b, c, p` (and `expert_ms`, where a share of experts is given) by least squares on relative errors, none of
/// them negative; leaves each row out once to see how well it is foretold.
///
/// # Errors
/// Fewer than [`MIN_ROWS`] rows below the limit of TTFT, one ratio of lengths only, or a row that cannot be.
pub fn from_benchmark(rows: &[Row], o: &Options) -> Result<Fit, FitError> {
    for (what, value) in [("the share of the nominal length", o.length_share), ("the limit of TTFT", o.ttft_most_ms)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(FitError::Option { what, value });
        }
    }
    for (i, r) in rows.iter().enumerate() {
        for (what, value) in [
            ("isl", r.isl as f64),
            ("osl", r.osl as f64),
            ("concurrency", r.concurrency as f64),
            ("TTFT", r.ttft_ms),
            ("TPOT", r.tpot_ms),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(FitError::Row { row: i + 1, what, value });
            }
        }
    }
    let used: Vec<Row> = rows.iter().copied().filter(|r| r.ttft_ms <= o.ttft_most_ms).collect();
    if used.len() < MIN_ROWS {
        let late = rows.len() - used.len();
        return Err(FitError::TooFewRows { used: used.len(), late, most_ms: o.ttft_most_ms });
    }
    let first = used[0];
    if used.iter().all(|r| r.isl * first.osl == first.isl * r.osl) {
        return Err(FitError::OneShape);
    }
    let mut shapes: Vec<(u64, u64)> = used.iter().map(|r| (r.isl, r.osl)).collect();
    shapes.sort_unstable();
    shapes.dedup();
    let shapes = shapes.len();
    let cost = solve(&used, o);
    cost.check()?;
    let unseen: Vec<f64> = (0..used.len())
        .map(|out| {
            let others: Vec<Row> = used.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, r)| *r).collect();
            tpot_ms(&solve(&others, o), &used[out], o)
        })
        .collect();
    let error = |ours: &dyn Fn(usize, &Row) -> f64| {
        let sum: f64 = used.iter().enumerate().map(|(i, r)| (ours(i, r) / r.tpot_ms - 1.0).abs()).sum();
        100.0 * sum / used.len() as f64
    };
    let mut unseen_next = unseen.iter();
    let table = rows
        .iter()
        .map(|r| {
            let used = r.ttft_ms <= o.ttft_most_ms;
            let unseen_ms = if used { unseen_next.next().copied() } else { None };
            Fitted { row: *r, fitted_ms: tpot_ms(&cost, r, o), unseen_ms, used }
        })
        .collect();
    Ok(Fit {
        cost,
        rows: table,
        used: used.len(),
        mape: error(&|_, r| tpot_ms(&cost, r, o)),
        loo: error(&|i, _| unseen[i]),
        separable: shapes > 2,
        ttft: ttft(&used, o),
    })
}

fn solve(rows: &[Row], o: &Options) -> StepCost {
    let weighted: Vec<Vec<f64>> =
        rows.iter().map(|r| columns(r, o).into_iter().map(|v| v / r.tpot_ms).collect()).collect();
    let x = nnls::solve(&weighted, &vec![1.0; rows.len()]);
    let at = |i: usize| x.get(i).copied().unwrap_or(0.0);
    let experts = o.expert_share > 0.0;
    let (expert_ms, b) = if experts { (at(3), at(4)) } else { (0.0, at(3)) };
    // Experts that cost nothing have no share either.
    let expert_share = if expert_ms > 0.0 { o.expert_share } else { 0.0 };
    StepCost { a: at(0), b, c: at(1), p: at(2), expert_ms, expert_share, ..StepCost::default() }
}

/// A line through the TTFTs of the lowest concurrency at which two lengths were measured.
fn ttft(rows: &[Row], o: &Options) -> Option<Ttft> {
    let mut levels: Vec<u64> = rows.iter().map(|r| r.concurrency).collect();
    levels.sort_unstable();
    levels.dedup();
    for concurrency in levels {
        let at: Vec<&Row> = rows.iter().filter(|r| r.concurrency == concurrency).collect();
        if at.iter().all(|r| r.isl == at[0].isl) {
            continue;
        }
        let weighted: Vec<Vec<f64>> =
            at.iter().map(|r| vec![1.0 / r.ttft_ms, r.isl as f64 * o.length_share / r.ttft_ms]).collect();
        let x = nnls::solve(&weighted, &vec![1.0; at.len()]);
        return Some(Ttft { base_ms: x[0], ms_per_token: x[1], concurrency });
    }
    None
}

/// A cost calibrated on a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Calibrated {
    /// The coefficients, with `host` set.
    pub cost: StepCost,
    /// What the replay then gives, in the unit of the measured figure.
    pub replayed: f64,
    /// Replays that it took.
    pub replays: u32,
}

/// Finds the overhead of the host, in ms a step, with which a replay gives the figure that was measured, by bisection
/// to a microsecond. `replay` runs the measured requests through an engine with the given cost and returns the figure
/// (mean latency, say), which must not fall as steps grow longer.
///
/// # Errors
/// When the replay is too slow with none, or too fast with [`MAX_HOST_MS`].
pub fn from_trace(
    cost: &StepCost,
    measured: f64,
    mut replay: impl FnMut(&StepCost) -> f64,
) -> Result<Calibrated, FitError> {
    cost.check()?;
    if !(measured > 0.0 && measured.is_finite()) {
        return Err(FitError::Option { what: "the measured figure", value: measured });
    }
    let mut replays = 0;
    let mut at = |host: f64| {
        replays += 1;
        (cost.with_host(host), replay(&cost.with_host(host)))
    };
    let (bare, first) = at(0.0);
    if first == measured {
        return Ok(Calibrated { cost: bare, replayed: first, replays });
    }
    if first > measured {
        return Err(FitError::AlreadySlower { replayed: first, measured });
    }
    let (mut low, mut high) = (0.0, 1.0);
    while at(high).1 < measured {
        (low, high) = (high, high * 2.0);
        if high > MAX_HOST_MS {
            return Err(FitError::NeverSlower { measured, most_ms: MAX_HOST_MS });
        }
    }
    while high - low > 1e-3 {
        let middle = f64::midpoint(low, high);
        if at(middle).1 < measured { low = middle } else { high = middle }
    }
    let (cost, replayed) = at(high);
    Ok(Calibrated { cost, replayed, replays })
}

/// The most overhead of the host that [`from_trace`] tries, ms a step.
pub const MAX_HOST_MS: f64 = 1_000.0;

#[cfg(test)]
mod tests;
