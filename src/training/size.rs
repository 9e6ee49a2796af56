//! How many bytes a checkpoint holds: parameters times what is kept of each, plus what does not grow with them.
//!
//! Gradients are not kept. What a job needs in GPU memory, gradients included, is [`super::memory`].

use super::impossible::{Impossible, positive};
use crate::catalog::Evidence;
use crate::units::Bytes;

/// What is kept of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// The word in files.
    pub key: &'static str,
    /// Bytes of a checkpoint for each parameter trained.
    pub bytes_per_param: f64,
    /// What the bytes are.
    pub about: &'static str,
    /// How it is known: the sum is arithmetic on number formats.
    pub evidence: Evidence,
    /// Where the recipe comes from.
    pub source: &'static str,
}

/// What optimisers keep. The first is the default.
pub const KEPT: [Kept; 6] = [
    Kept {
        key: "bf16_adam",
        bytes_per_param: 14.0,
        about: "BF16 weights 2, FP32 master weights 4, Adam's two moments 4 + 4",
        evidence: Evidence::Fitted,
        source: "Rajbhandari et al., ZeRO (SC 2020, arXiv:1910.02054), section 3.1: 16 bytes less 2 of gradients",
    },
    Kept {
        key: "fp32_adam",
        bytes_per_param: 12.0,
        about: "FP32 weights 4, Adam's two moments 4 + 4",
        evidence: Evidence::Fitted,
        source: "Kingma and Ba, Adam (ICLR 2015, arXiv:1412.6980): two moments a parameter",
    },
    Kept {
        key: "fp32_momentum",
        bytes_per_param: 8.0,
        about: "FP32 weights 4, one momentum 4",
        evidence: Evidence::Fitted,
        source: "SGD with momentum: one buffer a parameter",
    },
    Kept {
        key: "adam_8bit",
        bytes_per_param: 8.0,
        about: "BF16 weights 2, FP32 master weights 4, two moments of 1 each",
        evidence: Evidence::Fitted,
        source: "Dettmers et al., 8-bit Optimizers (ICLR 2022, arXiv:2110.02861): block scales left out",
    },
    Kept {
        key: "weights_bf16",
        bytes_per_param: 2.0,
        about: "BF16 weights alone: enough to serve, not to go on training as before",
        evidence: Evidence::Fitted,
        source: "two bytes a number",
    },
    Kept {
        key: "lora",
        bytes_per_param: 14.0,
        about: "the adapters' parameters with their Adam state; the frozen base is read again, never written",
        evidence: Evidence::Fitted,
        source: "Hu et al., LoRA (ICLR 2022, arXiv:2106.09685); bytes as bf16_adam, of the adapters alone",
    },
];

/// The entry of a word.
#[must_use]
pub fn kept(key: &str) -> Option<&'static Kept> {
    KEPT.iter().find(|k| k.key == key)
}

/// `params · bytes_per_param + extra`, rounded to a byte. `params` counts what is trained: for adapters theirs, not the
/// base model's ([`lora_params`]).
///
/// # Errors
/// [`Impossible::Quantity`] unless both are above zero and the size is below 16 EiB.
pub fn checkpoint(params: f64, bytes_per_param: f64, extra: Bytes) -> Result<Bytes, Impossible> {
    let params = positive("number of parameters", params)?;
    let each = positive("number of bytes per parameter", bytes_per_param)?;
    let bytes = (params * each).round() + extra.0 as f64;
    if bytes < u64::MAX as f64 {
        Ok(Bytes((params * each).round() as u64 + extra.0))
    } else {
        Err(Impossible::Quantity { what: "checkpoint size in bytes", value: bytes, allowed: "below 16 EiB" })
    }
}

/// Parameters of low-rank adapters: `rank · (inputs + outputs)` for each adapted matrix (Hu et al., LoRA, section 4.1).
#[must_use]
pub fn lora_params(matrices: u32, inputs: u32, outputs: u32, rank: u32) -> f64 {
    f64::from(matrices) * f64::from(rank) * (f64::from(inputs) + f64::from(outputs))
}

/// Bytes a second that all writers together need to write a checkpoint within `seconds`.
///
/// # Errors
/// [`Impossible::Quantity`] unless there is time.
pub fn bandwidth_to_fit(bytes: Bytes, seconds: f64) -> Result<f64, Impossible> {
    Ok(bytes.0 as f64 / positive("time to write in", seconds)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_have_the_sizes_of_the_specification() {
        // spot_checkpoint.md 2.1: billions of parameters, GB, GB/s for 30 s and for 120 s.
        let table = [
            (7.0, 98.0, 3.27, 0.82),
            (13.0, 182.0, 6.07, 1.52),
            (70.0, 980.0, 32.67, 8.17),
            (175.0, 2450.0, 81.67, 20.42),
            (405.0, 5670.0, 189.0, 47.25),
        ];
        for (billions, gb, half_minute, two_minutes) in table {
            let size = checkpoint(billions * 1e9, KEPT[0].bytes_per_param, Bytes(0)).unwrap();
            assert_eq!(size, Bytes((gb * 1e9) as u64));
            assert!((bandwidth_to_fit(size, 30.0).unwrap() / 1e9 - half_minute).abs() < 0.0051);
            assert!((bandwidth_to_fit(size, 120.0).unwrap() / 1e9 - two_minutes).abs() < 0.0051);
        }
    }

    #[test]
    fn what_is_kept_is_found_by_its_word_and_defaults_to_adam() {
        let sizes: Vec<f64> = KEPT.iter().map(|k| k.bytes_per_param).collect();
        assert_eq!(sizes, [14.0, 12.0, 8.0, 8.0, 2.0, 14.0]);
        assert_eq!(kept("fp32_adam").map(|k| k.bytes_per_param), Some(12.0));
        assert_eq!(kept("adam"), None);
        assert!(KEPT.iter().all(|k| KEPT.iter().filter(|o| o.key == k.key).count() == 1 && !k.source.is_empty()));
    }

    #[test]
    fn adapters_are_small() {
        // 32 layers with four adapted 4096 × 4096 matrices each at rank 16: 16.8 M parameters, 235 MB.
        let params = lora_params(32 * 4, 4096, 4096, 16);
        assert_eq!(params, 16_777_216.0);
        assert_eq!(checkpoint(params, 14.0, Bytes(5)), Ok(Bytes(234_881_029)));
    }

    #[test]
    fn sizes_that_cannot_be_are_errors() {
        for (params, each) in [(0.0, 14.0), (f64::NAN, 14.0), (1e9, -1.0), (1e9, f64::INFINITY), (1e19, 14.0)] {
            assert!(checkpoint(params, each, Bytes(0)).is_err(), "{params} {each}");
        }
        assert!(checkpoint(1.0, 1.0, Bytes(u64::MAX)).is_err());
        assert!(bandwidth_to_fit(Bytes(1), 0.0).is_err());
    }
}
