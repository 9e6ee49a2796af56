//! The bundled profiles.
//!
//! Coefficients are our fits; no measurement is copied. Sources:
//!
//! | word | project | what |
//! |---|---|---|
//! | `aiconfigurator` | ai-dynamo/aiconfigurator, Apache-2.0 | measured TTFT and TPOT by concurrency, fitted by `from_benchmark` |
//! | `vidur` | microsoft/vidur, MIT | kernel times by tokens in a batch, a hinge fitted to their medians |
//! | `llmservingsim` | casys-kaist/LLMServingSim, MIT | kernel times; the overhead of the host from a measured run |

use std::sync::OnceLock;

use super::{Dtype, Profile, Quality, Text};
use crate::catalog::Evidence;
use crate::serving::cost::StepCost;
use crate::serving::fit::Ttft;
use crate::units::{Diagnostic, nearest};

/// Columns of the table.
const COLUMNS: usize = 32;

/// Every bundled profile, by name.
#[must_use]
pub fn bundled() -> &'static [Profile] {
    static TABLE: OnceLock<Vec<Profile>> = OnceLock::new();
    TABLE.get_or_init(|| include_str!("profiles.csv").lines().skip(1).map(profile).collect())
}

/// No profile of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile `{word}`")]
pub struct UnknownProfile {
    /// What was asked for.
    pub word: String,
    /// The nearest names, the nearest first.
    pub near: Vec<&'static str>,
}

impl UnknownProfile {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let d = Diagnostic::error(self.to_string());
        let d = match self.near.as_slice() {
            [] => d,
            [one] => d.help(format!("did you mean `{one}`?")),
            more => d.help(format!("the nearest are `{}`", more.join("`, `"))),
        };
        d.help("`fleetcast profile list` shows all; `fleetcast profile fit FILE` makes one")
    }
}

/// The profile of a name; case does not matter.
///
/// # Errors
/// [`UnknownProfile`] with the nearest names.
pub fn find(word: &str) -> Result<&'static Profile, UnknownProfile> {
    let all = bundled();
    if let Some(p) = all.iter().find(|p| p.name.eq_ignore_ascii_case(word.trim())) {
        return Ok(p);
    }
    let mut near: Vec<&'static str> = nearest(word, all.iter().map(|p| &*p.name)).into_iter().collect();
    // Else those that share the most words with it: `70b-h100` is nearer to a profile than any spelling says.
    if near.is_empty() {
        let word = word.to_lowercase();
        let parts: Vec<&str> = word.split(['-', '/', ' ', '_']).filter(|p| !p.is_empty()).collect();
        let shared = |name: &str| parts.iter().filter(|p| name.split('-').any(|n| n == **p)).count();
        let most = all.iter().map(|p| shared(&p.name)).max().unwrap_or(0);
        if most > 0 {
            near = all.iter().filter(|p| shared(&p.name) == most).map(|p| &*p.name).take(5).collect();
        }
    }
    Err(UnknownProfile { word: word.to_owned(), near })
}

/// A line of the table. It is ours, and a test reads all of it: a malformed one cannot reach a user.
fn profile(line: &'static str) -> Profile {
    let f: Vec<&'static str> = line.split(',').collect();
    let f: [&'static str; COLUMNS] = f.try_into().expect("the table has a fixed number of columns");
    let number = |i: usize| f[i].parse::<f64>().expect("the table holds plain numbers");
    let maybe = |i: usize| (!f[i].is_empty()).then(|| number(i));
    let count = |i: usize| maybe(i).map(|n| n as u32);
    let dtype = |i: usize| Dtype::named(f[i]).expect("the table holds known number formats");
    let text = |i: usize| Text::Borrowed(f[i]);
    Profile {
        name: text(0),
        model: text(1),
        device: text(2),
        tp: number(3) as u32,
        engine: text(4),
        version: text(5),
        dtype: dtype(6),
        kv_dtype: dtype(7),
        cost: StepCost {
            a: number(8),
            host: number(9),
            b: number(10),
            b1: number(11),
            b2: number(12),
            t0: number(13),
            c: number(14),
            p: number(15),
            q: number(16),
            m: number(17),
            expert_ms: number(18),
            expert_share: number(19),
        },
        kv_tokens: maybe(20).map(|n| n as u64),
        max_sequences: count(21),
        quality: maybe(24).map(|mape| Quality { rows: count(22), concurrency_max: count(23), mape, loo: maybe(25) }),
        ttft: maybe(26).map(|base_ms| Ttft { base_ms, ms_per_token: number(27), concurrency: number(28) as u64 }),
        evidence: if f[29] == "fitted" { Evidence::Fitted } else { Evidence::Prior },
        source: match f[30] {
            "aiconfigurator" => "ai-dynamo/aiconfigurator silicon_sample.csv, 2026-08-21".into(),
            "vidur" => "microsoft/vidur data/profiling/compute, 2024-11".into(),
            _ => "casys-kaist/LLMServingSim profiles and bench, 2026-08".into(),
        },
        note: text(31),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::serving::cost::Quantised;

    #[test]
    fn every_bundled_profile_is_whole() {
        let all = bundled();
        for (i, p) in all.iter().enumerate() {
            assert!(i == 0 || all[i - 1].name < p.name, "{}: sorted and unique", p.name);
            assert!(Quantised::new(&p.cost).is_ok(), "{}", p.name);
            assert!(p.architecture().is_ok() && Catalog::embedded().device(&p.device).is_ok(), "{}", p.name);
            let share = p.architecture().map_or(0.0, super::super::Model::expert_share);
            assert!(p.cost.expert_share == 0.0 || (p.cost.expert_share - share).abs() < 1e-12, "{}", p.name);
            assert!(p.kv_tokens().is_ok(), "{}: {:?}", p.name, p.kv_tokens());
        }
    }

    #[test]
    fn the_published_fits_are_there() {
        // Section 3.3 of the specification: a, b, c per 1000 KV tokens, p.
        for (name, a, b, c, p) in [
            ("llama-3.1-70b-fp8-h100-vllm-tp2", 16.55, 0.041, 0.0646, 0.0687),
            ("llama-3.1-70b-fp8-h100-vllm-tp4", 11.02, 0.055, 0.0310, 0.0446),
            ("llama-3.1-70b-fp8-h100-vllm-tp8", 8.82, 0.063, 0.0128, 0.0298),
            ("llama-3.1-70b-fp8-h200-vllm-tp1", 19.99, 0.062, 0.0972, 0.1103),
            ("llama-3.1-70b-fp8-h200-trtllm-tp8", 5.80, 0.085, 0.0061, 0.0262),
            ("llama-3.1-70b-fp8-b200-trtllm-tp1", 14.05, 0.021, 0.0313, 0.0542),
            ("llama-3.1-70b-fp8-b200-vllm-tp8", 6.00, 0.070, 0.0, 0.0222),
        ] {
            let cost = find(name).unwrap().cost;
            for (ours, want, half) in
                [(cost.a, a, 0.005), (cost.b, b, 0.0005), (cost.c * 1e3, c, 0.00005), (cost.p, p, 0.00005)]
            {
                assert!((ours - want).abs() <= half * 1.001, "{name}: {ours} for {want}");
            }
        }
        // Section 1.2 and 3.6.
        let hinge = find("llama-3-8b-bf16-a100-kernels-tp1").unwrap();
        assert_eq!((hinge.cost.a, hinge.cost.b1, hinge.cost.b2, hinge.cost.t0), (9.27, 0.0423, 0.0257, 193.0));
        let card = find("llama-3.1-8b-bf16-rtx4090-vllm-tp1").unwrap();
        assert_eq!((card.cost.q, card.kv_tokens), (4.39e-6, Some(41_408)));
        assert_eq!(find("llama-3.1-8b-bf16-rtxpro6000-vllm-tp1").unwrap().cost.host, 2.5);
    }

    #[test]
    fn a_slip_and_a_few_words_find_the_nearest() {
        let slip = find("llama-3.1-70b-fp8-h100-vlm-tp2").unwrap_err();
        assert_eq!(slip.near, ["llama-3.1-70b-fp8-h100-vllm-tp2"]);
        let words = find("70b h100 vllm").unwrap_err();
        assert!(words.near.contains(&"llama-3.1-70b-fp8-h100-vllm-tp4"), "{:?}", words.near);
        assert!(find("xyzzy").unwrap_err().near.is_empty());
    }
}
