//! The cost of a step where nothing was measured: from a GPU's data sheet and a model's architecture.
//!
//! `a` reads the weights at 0.95 of the memory's bandwidth and spends 50 µs a layer on launches and all-reduces (20 µs
//! more for vLLM across GPUs); `c` reads KV at 0.72 of the bandwidth; `p` computes prompts at a utilisation that falls
//! with the number of GPUs. The constants were chosen on measured 70B runs; elsewhere expect an error of 10 to 15 % in
//! the time between tokens, and up to 27 % on stacks that were not tried. Evidence: prior.

use crate::catalog::Device;
use crate::serving::cost::StepCost;
use crate::serving::profile::{Dtype, Model};

/// Share of the bandwidth at which weights are read.
const WEIGHT_BANDWIDTH: f64 = 0.95;
/// Share of the bandwidth at which KV is read.
const KV_BANDWIDTH: f64 = 0.72;
/// ms a layer: launches, norms, all-reduces.
const LAYER_MS: f64 = 0.050;
/// ms a layer more, for vLLM on more than one GPU.
const VLLM_LAYER_MS: f64 = 0.020;
/// ms a sequence: sampling, scheduling, output.
const SEQUENCE_MS: f64 = 0.030;

/// Where a group's GPUs talk to each other over something slower than NVLink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// Latency of one all-reduce, ms.
    pub latency_ms: f64,
    /// Bandwidth of each GPU, GB/s one way (PCIe 4 x16: about 16 as measured by all-reduces).
    pub gb_s: f64,
}

/// What is to be estimated.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The model.
    pub model: &'a Model,
    /// The GPU.
    pub device: &'a Device,
    /// GPUs that share every layer.
    pub tp: u32,
    /// The engine: `vllm`, `sglang`, `trtllm`, …
    pub engine: &'a str,
    /// How weights are stored, and so read.
    pub weights: Dtype,
    /// What they are multiplied in: 16 bits where 4-bit weights are unpacked first.
    pub compute: Dtype,
    /// How KV is stored.
    pub kv: Dtype,
    /// A slow link between the GPUs; none for NVLink, whose time is within the share a layer.
    pub link: Option<Link>,
}

/// Share of the peak arithmetic rate that prompts reach.
#[must_use]
pub const fn utilisation(tp: u32) -> f64 {
    match tp {
        0 | 1 => 0.65,
        2 | 3 => 0.52,
        4..=7 => 0.42,
        _ => 0.32,
    }
}

/// The peak rate at a number format, floating-point operations a second.
fn rate(d: &Device, dtype: Dtype) -> f64 {
    let tflops = match dtype {
        Dtype::Bf16 => d.tflops_16,
        // What multiplies 4-bit weights at a rate of their own is not in the table.
        Dtype::Fp8 | Dtype::Fp4 => d.tflops_8.unwrap_or(d.tflops_16),
    };
    tflops * 1e12
}

/// The coefficients, all in ms.
#[must_use]
pub fn from_physics(s: &Setup<'_>) -> StepCost {
    let (m, tp) = (s.model, f64::from(s.tp.max(1)));
    let (layers, bandwidth) = (f64::from(m.layers), s.device.bandwidth_gb_s * 1e9);
    let read_ms = |params_b: f64| params_b * 1e9 * s.weights.bytes() / (tp * bandwidth * WEIGHT_BANDWIDTH) * 1e3;
    let vllm = s.engine.eq_ignore_ascii_case("vllm") && s.tp > 1;
    let compute = tp * rate(s.device, s.compute) * utilisation(s.tp);
    let attention = tp * rate(s.device, Dtype::Bf16) * utilisation(s.tp);
    let (mut fixed, mut token) = (layers * (LAYER_MS + if vllm { VLLM_LAYER_MS } else { 0.0 }), 0.0);
    if let Some(link) = s.link.filter(|_| s.tp > 1) {
        // Two all-reduces a layer: latency, and twice (TP − 1)/TP of a token's activations (always 16 bits).
        fixed += 2.0 * layers * link.latency_ms;
        let bytes = f64::from(m.hidden) * Dtype::Bf16.bytes() * 2.0 * (tp - 1.0) / tp;
        token += 2.0 * layers * bytes / (link.gb_s * 1e9) * 1e3;
    }
    StepCost {
        a: read_ms(m.params_b - m.expert_params_b()) + fixed,
        b: SEQUENCE_MS,
        b1: token,
        c: m.kv_bytes(s.kv, s.tp) / (tp * bandwidth * KV_BANDWIDTH) * 1e3,
        p: 2.0 * m.active_b * 1e9 / compute * 1e3,
        // Scores and their sum: four operations a pair, head and dimension.
        q: 4.0 * layers * f64::from(m.attention) / attention * 1e3,
        expert_ms: read_ms(m.expert_params_b()),
        expert_share: m.expert_share(),
        ..StepCost::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::catalog::device::Devices;

    fn setup<'a>(c: &'a Devices, model: &str, gpu: &str, tp: u32, weights: Dtype) -> Setup<'a> {
        let (model, device) = (Model::find(model).unwrap(), c.get(c.find(gpu).unwrap()));
        Setup { model, device, tp, engine: "vllm", weights, compute: weights, kv: Dtype::Bf16, link: None }
    }

    #[test]
    fn the_terms_are_those_of_the_formulas() {
        let c = Catalog::embedded();
        let s = from_physics(&setup(&c.devices, "Llama-3.1-70B", "H100", 2, Dtype::Fp8));
        // 70.554e9 / (2 · 3.35e12 · .95) + 80 · 70 µs = 11.0847 + 5.6 ms.
        assert!((s.a - 16.6847).abs() < 1e-3, "{}", s.a);
        // 327,680 / (2 · 3.35e12 · .72) = 67.9 ns.
        assert!((s.c - 6.7927e-5).abs() < 1e-8, "{}", s.c);
        // 2 · 70.554e9 / (2 · 1.979e15 · .52).
        assert!((s.p - 0.06856).abs() < 1e-4, "{}", s.p);
        assert_eq!((s.b, s.b1, s.expert_ms), (0.03, 0.0, 0.0));
        assert!(s.check().is_ok());
    }

    #[test]
    fn a_slow_link_costs_what_the_formula_says() {
        let c = Catalog::embedded();
        let bare = setup(&c.devices, "Qwen3-32B", "RTX-PRO-6000", 2, Dtype::Bf16);
        let slow = Setup { link: Some(Link { latency_ms: 0.01, gb_s: 16.0 }), ..bare };
        let (bare, slow) = (from_physics(&bare), from_physics(&slow));
        assert!((slow.a - bare.a - 1.28).abs() < 1e-9);
        // 2 · 64 · 5120 · 2 B · 2 · ½ / 16 GB/s = 81.92 µs a token.
        assert!((slow.b1 - 0.08192).abs() < 1e-9);
    }

    #[test]
    fn experts_are_read_as_they_are_touched() {
        let c = Catalog::embedded();
        let s = from_physics(&setup(&c.devices, "Mixtral-8x7B", "H100", 2, Dtype::Bf16));
        // (46.703 − 12.879) / (1 − ¼) = 45.0987e9 parameters in experts.
        assert!((s.expert_ms - 45.0987e9 * 2.0 / (2.0 * 3.35e12 * 0.95) * 1e3).abs() < 1e-3);
        assert_eq!(s.expert_share, 0.25);
    }
}
