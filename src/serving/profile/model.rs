//! What a model is, as far as its speed and its memory go.

use serde::Serialize;

use crate::catalog::Evidence;
use crate::units::{Diagnostic, nearest};

/// How weights or KV are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// 16 bits: BF16 or FP16.
    Bf16,
    /// 8 bits: FP8 or INT8.
    Fp8,
    /// 4 bits and their scales, 4.25 in all: MXFP4, NVFP4, INT4.
    Fp4,
}

impl Dtype {
    /// All.
    pub const ALL: [Dtype; 3] = [Dtype::Bf16, Dtype::Fp8, Dtype::Fp4];

    /// Bytes of one number.
    #[must_use]
    pub const fn bytes(self) -> f64 {
        match self {
            Dtype::Bf16 => 2.0,
            Dtype::Fp8 => 1.0,
            Dtype::Fp4 => 0.531_25,
        }
    }

    /// The word in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Dtype::Bf16 => "bf16",
            Dtype::Fp8 => "fp8",
            Dtype::Fp4 => "fp4",
        }
    }

    /// The type of a word, with what else it is called.
    #[must_use]
    pub fn named(word: &str) -> Option<Dtype> {
        match word.trim().to_ascii_lowercase().as_str() {
            "bf16" | "fp16" | "bfloat16" | "float16" => Some(Dtype::Bf16),
            "fp8" | "int8" | "fp8_block" => Some(Dtype::Fp8),
            "fp4" | "mxfp4" | "nvfp4" | "int4" => Some(Dtype::Fp4),
            _ => None,
        }
    }
}

/// What attention keeps of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kv {
    /// Keys and values of each KV head; divided among the GPUs of a tensor-parallel group.
    Heads {
        /// Layers that keep any: all of them, but in models with linear attention.
        layers: u32,
        /// KV heads.
        heads: u32,
        /// Numbers a head.
        dim: u32,
    },
    /// Multi-head latent attention: one compressed vector a layer, on every GPU of the group.
    Latent {
        /// Layers.
        layers: u32,
        /// Rank of the compression and the rotary part together.
        dim: u32,
    },
}

/// The architecture of a model. Sources: each model's `config.json` and model card, recalled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Name, e.g. `Llama-3.1-70B`.
    pub name: &'static str,
    /// Layers.
    pub layers: u32,
    /// Width.
    pub hidden: u32,
    /// Attention heads times their size.
    pub attention: u32,
    /// What attention keeps of a token.
    pub kv: Kv,
    /// Parameters, thousand millions.
    pub params_b: f64,
    /// Parameters that a token uses, thousand millions: all, but with experts.
    pub active_b: f64,
    /// Routed experts that a token uses, and how many there are in a layer; `None` for a dense model.
    pub experts: Option<(u32, u32)>,
    /// The longest context, tokens.
    pub context: u32,
    /// How sure these figures are.
    pub evidence: Evidence,
}

const fn gqa(layers: u32, heads: u32, dim: u32) -> Kv {
    Kv::Heads { layers, heads, dim }
}

const fn dense(name: &'static str, shape: (u32, u32, u32), kv: Kv, params_b: f64, context: u32) -> Model {
    let (layers, hidden, attention) = shape;
    let evidence = Evidence::Prior;
    Model { name, layers, hidden, attention, kv, params_b, active_b: params_b, experts: None, context, evidence }
}

const fn sparse(dense: Model, active_b: f64, experts: (u32, u32)) -> Model {
    Model { active_b, experts: Some(experts), ..dense }
}

const fn guessed(model: Model) -> Model {
    Model { evidence: Evidence::Guess, ..model }
}

/// Every model that is known by name.
pub const MODELS: &[Model] = &[
    dense("Llama-2-7B", (32, 4096, 4096), gqa(32, 32, 128), 6.738, 4096),
    dense("Llama-2-70B", (80, 8192, 8192), gqa(80, 8, 128), 68.977, 4096),
    dense("Llama-3-8B", (32, 4096, 4096), gqa(32, 8, 128), 8.03, 8192),
    dense("Llama-3-70B", (80, 8192, 8192), gqa(80, 8, 128), 70.554, 8192),
    dense("Llama-3.1-8B", (32, 4096, 4096), gqa(32, 8, 128), 8.03, 131_072),
    dense("Llama-3.1-70B", (80, 8192, 8192), gqa(80, 8, 128), 70.554, 131_072),
    dense("Llama-3.1-405B", (126, 16_384, 16_384), gqa(126, 8, 128), 405.853, 131_072),
    dense("Qwen3-32B", (64, 5120, 8192), gqa(64, 8, 128), 32.762, 40_960),
    sparse(dense("Qwen3-30B-A3B", (48, 2048, 4096), gqa(48, 4, 128), 30.532, 40_960), 3.353, (8, 128)),
    sparse(dense("Qwen3-235B-A22B", (94, 4096, 8192), gqa(94, 4, 128), 235.094, 40_960), 22.144, (8, 128)),
    sparse(dense("gpt-oss-20b", (24, 2880, 4096), gqa(24, 8, 64), 20.915, 131_072), 3.61, (4, 32)),
    sparse(dense("gpt-oss-120b", (36, 2880, 4096), gqa(36, 8, 64), 116.829, 131_072), 5.13, (4, 128)),
    sparse(dense("Mixtral-8x7B", (32, 4096, 4096), gqa(32, 8, 128), 46.703, 32_768), 12.879, (2, 8)),
    sparse(dense("Mixtral-8x22B", (56, 6144, 6144), gqa(56, 8, 128), 140.621, 65_536), 39.15, (2, 8)),
    sparse(
        dense("DeepSeek-V3", (61, 7168, 16_384), Kv::Latent { layers: 61, dim: 576 }, 671.026, 163_840),
        37.0,
        (8, 256),
    ),
    sparse(
        dense("DeepSeek-R1", (61, 7168, 16_384), Kv::Latent { layers: 61, dim: 576 }, 671.026, 163_840),
        37.0,
        (8, 256),
    ),
    guessed(sparse(
        dense("Kimi-K2.5", (61, 7168, 8192), Kv::Latent { layers: 61, dim: 576 }, 1026.0, 262_144),
        32.0,
        (8, 384),
    )),
    guessed(sparse(
        dense("GLM-5", (78, 6144, 16_384), Kv::Latent { layers: 78, dim: 576 }, 744.0, 202_752),
        40.0,
        (8, 256),
    )),
    guessed(sparse(dense("MiniMax-M2.5", (62, 3072, 6144), gqa(62, 8, 128), 228.7, 196_608), 9.8, (8, 256))),
    guessed(sparse(dense("Qwen3.5-397B-A17B", (60, 4096, 8192), gqa(15, 2, 256), 397.0, 262_144), 17.0, (10, 512))),
];

/// No model of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no model `{word}`")]
pub struct UnknownModel {
    /// What was asked for.
    pub word: String,
    /// The nearest name.
    pub nearest: Option<&'static str>,
}

impl UnknownModel {
    /// As a diagnostic, still without a place.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let d = Diagnostic::error(self.to_string());
        let d = if let Some(near) = self.nearest { d.help(format!("did you mean `{near}`?")) } else { d };
        let known: Vec<&str> = MODELS.iter().map(|m| m.name).collect();
        d.help(format!("the models are {}", known.join(", ")))
    }
}

/// A name as it is compared: without the folder of a repository, and without what marks a tuning or a number format.
fn fold(word: &str) -> String {
    let word = word.trim().rsplit('/').next().unwrap_or_default().to_ascii_lowercase().replace('_', "-");
    let word = word.strip_prefix("meta-").unwrap_or(&word);
    let mut word = word.to_owned();
    for end in ["-hf", "-nvfp4", "-mxfp4", "-fp8", "-fp4", "-bf16", "-instruct", "-chat", "-v0.1"] {
        if let Some(rest) = word.strip_suffix(end) {
            word.truncate(rest.len());
        }
    }
    word
}

impl Model {
    /// The model of a name; case, the folder of a repository (`meta-llama/`), `-Instruct`, `-hf` and `-FP8` do not
    /// matter.
    ///
    /// # Errors
    /// [`UnknownModel`] with the nearest name.
    pub fn find(word: &str) -> Result<&'static Model, UnknownModel> {
        let wanted = fold(word);
        MODELS.iter().find(|m| fold(m.name) == wanted).ok_or_else(|| UnknownModel {
            word: word.to_owned(),
            nearest: nearest(&wanted, MODELS.iter().map(|m| m.name)),
        })
    }

    /// Bytes that one token keeps in the KV cache, over all GPUs of a group of `tp` together.
    ///
    /// `2 · layers · KV heads · head size · bytes`; latent attention keeps `layers · dim · bytes` on each GPU.
    #[must_use]
    pub fn kv_bytes(&self, kv: Dtype, tp: u32) -> f64 {
        match self.kv {
            // More GPUs than heads: heads are copied.
            Kv::Heads { layers, heads, dim } => {
                2.0 * f64::from(layers) * f64::from(heads.max(tp)) * f64::from(dim) * kv.bytes()
            }
            Kv::Latent { layers, dim } => f64::from(layers) * f64::from(dim) * kv.bytes() * f64::from(tp),
        }
    }

    /// Bytes of the weights.
    #[must_use]
    pub fn weight_bytes(&self, dtype: Dtype) -> f64 {
        self.params_b * 1e9 * dtype.bytes()
    }

    /// The share of its experts that a token uses; zero for a dense model.
    #[must_use]
    pub fn expert_share(&self) -> f64 {
        self.experts.map_or(0.0, |(k, n)| f64::from(k) / f64::from(n))
    }

    /// Parameters in routed experts, thousand millions: with `total = D + E` and `active = D + E·k/N`,
    /// `E = (total − active) / (1 − k/N)`.
    #[must_use]
    pub fn expert_params_b(&self) -> f64 {
        self.experts.map_or(0.0, |_| (self.params_b - self.active_b) / (1.0 - self.expert_share()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        for (word, name) in [
            ("meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B"),
            ("nvidia/Llama-3.1-8B-Instruct-FP8", "Llama-3.1-8B"),
            ("meta-llama/Meta-Llama-3-70B", "Llama-3-70B"),
            ("meta-llama/Llama-2-7b-hf", "Llama-2-7B"),
            ("openai/gpt-oss-120b", "gpt-oss-120b"),
            ("Qwen/Qwen3-235B-A22B-FP8", "Qwen3-235B-A22B"),
        ] {
            assert_eq!(Model::find(word).map(|m| m.name), Ok(name));
        }
        assert_eq!(Model::find("Llama-3.1-80B").unwrap_err().nearest, Some("Llama-3.1-70B"));
    }

    #[test]
    fn kv_bytes_are_those_of_the_specification() {
        let of = |m: &str, kv| Model::find(m).unwrap().kv_bytes(kv, 1);
        assert_eq!(of("Llama-3.1-70B", Dtype::Bf16), 327_680.0);
        assert_eq!(of("Llama-3.1-70B", Dtype::Fp8), 163_840.0);
        assert_eq!(of("Llama-3.1-8B", Dtype::Bf16), 131_072.0);
        // Latent: 61 · 576 · 2 on every GPU.
        assert_eq!(Model::find("DeepSeek-V3").unwrap().kv_bytes(Dtype::Bf16, 8), 8.0 * 70_272.0);
    }

    #[test]
    fn names_are_unique_and_figures_sane() {
        for (i, m) in MODELS.iter().enumerate() {
            assert!(MODELS[..i].iter().all(|o| fold(o.name) != fold(m.name)), "{}", m.name);
            assert!(m.active_b <= m.params_b && m.expert_params_b() <= m.params_b, "{}", m.name);
            assert!(m.experts.is_some() == (m.active_b < m.params_b), "{}", m.name);
        }
    }
}
