//! What a metric of an autoscaler measures, told by its name.

use crate::scenario::decode::Spanned;
use crate::scenario::decode::quantity::Percent;
use crate::scenario::file::manifest::ManifestMetric as Kind;
use crate::scenario::file::scale::Metric;

/// Words in the names of metrics and in queries, the first that is there decides. Names are those of vLLM, SGLang, TGI,
/// Triton, dcgm-exporter and of usual HTTP metrics; the scenario's `manifest_metrics` goes before them.
const WORDS: [(&str, Kind); 30] = [
    ("num_requests_waiting", Kind::Queue),
    ("num_queue_reqs", Kind::Queue),
    ("tgi_queue_size", Kind::Queue),
    ("num_requests_running", Kind::Concurrency),
    ("num_running_reqs", Kind::Concurrency),
    ("cache_usage", Kind::KvUse),
    ("kv_cache", Kind::KvUse),
    ("token_usage", Kind::KvUse),
    ("generation_tokens", Kind::TokensPerSecond),
    ("tokens_per_second", Kind::TokensPerSecond),
    ("tokens_per_sec", Kind::TokensPerSecond),
    ("token_throughput", Kind::TokensPerSecond),
    ("gpu_util", Kind::GpuUtilisation),
    ("gpu_duty", Kind::GpuUtilisation),
    ("duty_cycle", Kind::GpuUtilisation),
    ("requests_per_second", Kind::RequestsPerSecond),
    ("requests_per_sec", Kind::RequestsPerSecond),
    ("request_rate", Kind::RequestsPerSecond),
    ("requests_total", Kind::RequestsPerSecond),
    ("request_total", Kind::RequestsPerSecond),
    ("requests_count", Kind::RequestsPerSecond),
    ("rps", Kind::RequestsPerSecond),
    ("qps", Kind::RequestsPerSecond),
    ("in_flight", Kind::Concurrency),
    ("inflight", Kind::Concurrency),
    ("concurren", Kind::Concurrency),
    ("active_requests", Kind::Concurrency),
    ("waiting", Kind::Queue),
    ("queue", Kind::Queue),
    ("pending", Kind::Queue),
];

/// What a metric measures, by the scenario's word or by its name; `None` when neither tells.
pub(super) fn measured(name: &str, own: &[(Spanned<String>, Kind)]) -> Option<Kind> {
    if let Some((_, kind)) = own.iter().find(|(n, _)| n.value == name) {
        return Some(kind.clone());
    }
    let low = name.to_ascii_lowercase();
    // What waits and what runs, added up, is what is in the system.
    if low.contains("waiting") && low.contains("running") {
        return Some(Kind::Concurrency);
    }
    // Short words count only as whole ones: `rps` is also in `corps`.
    let has = |w: &str| {
        if w.len() > 3 {
            return low.contains(w);
        }
        low.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == w)
    };
    WORDS.iter().find(|(w, _)| has(w)).map(|(_, k)| k.clone())
}

/// A metric with its target. Shares are per cent where they are above 1.
pub(super) fn metric(kind: &Kind, target: f64) -> Option<Metric> {
    let share = |v: f64| Percent(if v > 1.0 { v / 100.0 } else { v });
    Some(match kind {
        Kind::Queue => Metric::Queue(target),
        Kind::Concurrency => Metric::Concurrency(target),
        Kind::TokensPerSecond => Metric::TokensPerSecond(target),
        Kind::RequestsPerSecond => Metric::RequestsPerSecond(target),
        Kind::GpuUtilisation => Metric::GpuUtilisation(share(target)),
        Kind::KvUse => Metric::KvUse(share(target)),
        Kind::Nothing => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_engines_and_exporters_are_known() {
        for (name, kind) in [
            ("vllm:num_requests_waiting", Some(Kind::Queue)),
            ("vllm_num_requests_running", Some(Kind::Concurrency)),
            ("sum(vllm:gpu_cache_usage_perc)", Some(Kind::KvUse)),
            ("DCGM_FI_DEV_GPU_UTIL", Some(Kind::GpuUtilisation)),
            ("sum(rate(http_requests_total{app=\"llm\"}[1m]))", Some(Kind::RequestsPerSecond)),
            ("sum(vllm:num_requests_waiting) + sum(vllm:num_requests_running)", Some(Kind::Concurrency)),
            ("rps", Some(Kind::RequestsPerSecond)),
            ("corps", None),
            ("tgi_queue_size", Some(Kind::Queue)),
            ("temperature", None),
        ] {
            assert_eq!(measured(name, &[]), kind, "{name}");
        }
    }
}
