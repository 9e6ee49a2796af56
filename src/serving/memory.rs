//! What fits into the memory of a replica's GPUs: weights, the engine's own, and KV.

use crate::serving::profile::{Dtype, Model};
use crate::units::Diagnostic;

/// Bytes in a GiB. The nominal GB of a GPU's data sheet are GiB, give or take one in a hundred (80 GB: 81,559 MiB).
pub const GIB: f64 = 1_073_741_824.0;

/// How an engine divides a GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Share of memory that the engine takes: of all of it, or of what weights leave.
    pub share: f64,
    /// Whether the share is of what weights and reserve leave free (TensorRT-LLM), not of all (vLLM, SGLang).
    pub of_free: bool,
    /// What activations, CUDA graphs and the communication library take on each GPU, bytes.
    pub reserve: f64,
}

impl Budget {
    /// Of all memory: 0.9 (vLLM's default up to 0.19), with 4 GB a GPU for the engine's own.
    ///
    /// The reserve is between those of aiconfigurator (3.5 GB and 0.4 for NCCL) and BLIS (5.5 GiB); the classifier of
    /// saturated rows was tried with it. A small model with a small token budget was measured at 1.7 GB.
    pub const OF_TOTAL: Budget = Budget { share: 0.9, of_free: false, reserve: 4e9 };
    /// Of what is free after loading the weights: 0.9 (TensorRT-LLM's default).
    pub const OF_FREE: Budget = Budget { share: 0.9, of_free: true, reserve: 4e9 };

    /// The default of an engine.
    #[must_use]
    pub fn of(engine: &str) -> Budget {
        if engine.to_ascii_lowercase().starts_with("trt") { Budget::OF_FREE } else { Budget::OF_TOTAL }
    }
}

/// A model that is too large for the GPUs it is put on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{model}` does not fit {gpus}: {missing_gib:.1} GiB are missing")]
pub struct DoesNotFit {
    /// The model.
    pub model: String,
    /// The GPUs, e.g. `2 × 80 GiB`.
    pub gpus: String,
    /// GiB that the weights and the engine need beyond what there is.
    pub missing_gib: f64,
    /// The fewest GPUs of the kind on which it fits, of 1, 2, 4, … 64.
    pub enough: Option<u32>,
}

impl DoesNotFit {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let more = self.enough.map_or_else(String::new, |n| format!("spread it over {n} GPUs, or "));
        Diagnostic::error(self.to_string()).help(format!("{more}use a smaller number format or GPUs with more memory"))
    }
}

/// KV tokens that fit: `(tp · (memory · share − reserve) − weights) / bytes a token`, where the share is of all memory;
/// `share · (tp · (memory − reserve) − weights) / bytes a token`, where it is of what is free.
///
/// # Errors
/// [`DoesNotFit`] when not one token fits.
pub fn kv_tokens(
    model: &Model,
    weights: Dtype,
    kv: Dtype,
    memory_gib: f64,
    tp: u32,
    budget: Budget,
) -> Result<u64, DoesNotFit> {
    let free = |tp: u32| {
        let (n, all, weights) = (f64::from(tp), memory_gib * GIB, model.weight_bytes(weights));
        if budget.of_free {
            budget.share * (n * (all - budget.reserve) - weights)
        } else {
            n * (all * budget.share - budget.reserve) - weights
        }
    };
    let tokens = |tp: u32| free(tp) / model.kv_bytes(kv, tp);
    if tokens(tp) >= 1.0 {
        return Ok(tokens(tp) as u64);
    }
    let short = if budget.of_free { -free(tp) / budget.share } else { -free(tp) };
    Err(DoesNotFit {
        model: model.name.to_owned(),
        gpus: format!("{tp} × {memory_gib} GiB"),
        missing_gib: (short + model.kv_bytes(kv, tp)) / GIB,
        enough: (0..7).map(|i| 1 << i).find(|n| *n > tp && tokens(*n) >= 1.0),
    })
}

/// Whether `concurrency` requests of mean lengths `input` and `output` want more KV than there is: each holds its
/// prompt and, on average, half of its output. Then requests queue for memory, and a fit of step times must leave the
/// measurement out.
#[must_use]
pub fn saturated(concurrency: f64, input: f64, output: f64, kv_tokens: u64) -> bool {
    concurrency * (input + output / 2.0) > kv_tokens as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llama_70b() -> &'static Model {
        Model::find("Llama-3.1-70B").unwrap()
    }

    #[test]
    fn the_capacity_of_two_h100_is_that_of_the_specification() {
        // Section 3.5: 231,991 tokens, from weights of 70.6 GB; ours are 70.554.
        let k = kv_tokens(llama_70b(), Dtype::Fp8, Dtype::Bf16, 80.0, 2, Budget::OF_TOTAL).unwrap();
        assert!(k.abs_diff(231_991) < 200, "{k}");
        // 64 requests of 1024 and 8192 at 0.9 of their lengths want 294,912.
        assert!(saturated(64.0, 921.6, 7_372.8, k));
        assert!(!saturated(32.0, 921.6, 7_372.8, k));
    }

    #[test]
    fn what_is_missing_is_said() {
        let e = kv_tokens(llama_70b(), Dtype::Bf16, Dtype::Bf16, 80.0, 1, Budget::OF_TOTAL).unwrap_err();
        // 141.108 GB of weights against 0.9 · 80 GiB − 4 GB = 73.309 GB.
        assert!((e.missing_gib - 63.14).abs() < 0.01, "{e}");
        assert_eq!(e.enough, Some(2));
        assert!(e.to_string().starts_with("`Llama-3.1-70B` does not fit 1 × 80 GiB: 63.1 GiB"));
    }
}
