//! `fleetcast profile`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli_bin::{fine, fleetcast, refused, word};
use serde_json::Value;

/// A benchmark made by TPOT = 12 + 0.04 C + 4e-5 C (I + O/2) + 0.05 C I/O at 0.9 of the nominal lengths.
fn bench(dir: &Path, extra: &str) -> PathBuf {
    let mut text = "model,gpu,engine,dtype,tp,isl,osl,concurrency,ttft_ms,tpot_ms\n".to_owned();
    for (isl, osl) in [(1024.0, 1024.0), (8192.0, 1024.0), (1024.0, 8192.0)] {
        for c in [4.0, 8.0, 16.0, 32.0] {
            let tpot = 12.0 + 0.04 * c + 4e-5 * c * 0.9 * (isl + osl / 2.0) + 0.05 * c * isl / osl;
            text.push_str(&format!("Llama-3.1-70B,H100,vllm,fp8,4,{isl},{osl},{c},{},{tpot}\n", 30.0 + 0.05 * isl));
        }
    }
    text.push_str(extra);
    let path = dir.join("bench.csv");
    fs::write(&path, text).expect("written");
    path
}

#[test]
fn a_benchmark_becomes_a_block_and_a_chart() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = bench(dir.path(), "");
    let out = dir.path().join("charts");
    let text = fine(&["profile", "fit", word(&file), "--out", word(&out)]);
    for w in
        ["Explicit(a: 12, b: 0.04, c: 0.00004, p: 0.05,", "Llama-3.1-70B, 4 × H100, vllm, fp8", "fitted to 12 rows"]
    {
        assert!(text.contains(w), "no `{w}` in\n{text}");
    }
    for name in ["profile.svg", "profile.png", "profile.csv"] {
        assert!(fs::metadata(out.join(name)).expect(name).len() > 100);
    }
    let again = fleetcast(&["profile", "fit", word(&file)]);
    assert_eq!(again.out, text, "the same bytes twice");
    // The block stands in a scenario as it is.
    let scenario = dir.path().join("fitted.ron");
    fs::write(
        &scenario,
        format!(
            r#"Scenario(version: 1, name: "fitted", start: "2026-10-05", horizon: "1h",
  pools: [(name: "h100", instance: "p5.48xlarge", region: "us-east-1", nodes: 1)],
  work: [Service(name: "chat", traffic: [Synthetic(name: "users", rate: (per_second: 1))],
    deployments: [(name: "main", model: "Llama-3.1-70B", gpus: 4, dtype: Fp8,
{text}
    )])])"#
        ),
    )
    .expect("written");
    let checked = fine(&["check", word(&scenario)]);
    assert!(checked.contains("fitted"), "{checked}");
    let v: Value = serde_json::from_str(&fine(&["profile", "fit", word(&file), "--json"])).expect("JSON");
    assert_eq!((v["used"].as_u64(), v["rows"].as_array().map(Vec::len)), (Some(12), Some(12)));
    assert!(v["loo"].as_f64().expect("a number") < 1e-6);
}

#[test]
fn bad_benchmarks_say_what_is_wrong_and_where() {
    let dir = tempfile::tempdir().expect("a folder");
    for (extra, words) in [
        ("M,H100,vllm,fp8,4,1024,1024,4,50,NaN\n", &["column `tpot_ms`", "bench.csv:14"][..]),
        ("M,H100,vllm,fp8,4,0,1024,4,50,9\n", &["zero", "bench.csv:14"]),
        ("M,H100,vllm,fp8,4,1024,1024,4,50,9\n", &["has 2 sets", "--set", "M/H100/vllm/fp8/TP4"]),
    ] {
        refused(&["profile", "fit", word(&bench(dir.path(), extra))], words);
    }
    let file = bench(dir.path(), "M,H100,vllm,fp8,4,1024,1024,4,50,9\n");
    refused(&["profile", "fit", word(&file), "--set", "M/H100/vllm/fp8/TP4"], &["8 are needed", "concurrencies"]);
    refused(&["profile", "fit", word(&file), "--set", "M/H100/vllm/fp8/TP8"], &["did you mean `M/H100/vllm/fp8/TP4`"]);
    let bare = dir.path().join("bare.csv");
    fs::write(&bare, "isl,osl,concurrency,ttft_ms,tpot\n1,1,1,1,1\n").expect("written");
    refused(&["profile", "fit", word(&bare)], &["no column `tpot_ms`", "columns found"]);
}

#[test]
fn profiles_are_listed_shown_and_estimated() {
    let list = fine(&["profile", "list", "--model", "70b", "--gpu", "h100"]);
    assert!(list.contains("llama-3.1-70b-fp8-h100-vllm-tp2") && !list.contains("b200"));
    for line in fine(&["profile", "list", "--json"]).lines() {
        let v: Value = serde_json::from_str(line).expect("JSON");
        assert!(v["cost"]["a"].as_f64().is_some_and(|a| a > 0.0), "{line}");
    }
    let show = fine(&["profile", "show", "llama-3.1-70b-fp8-h100-vllm-tp2"]);
    for w in ["16.55", "fitted", "aiconfigurator", "rows left out one at a time", "232,131 tokens"] {
        assert!(show.contains(w), "no `{w}` in\n{show}");
    }
    refused(&["profile", "show", "llama-3.1-70b-fp8-h100-vllm-tp3"], &["there is no profile", "did you mean"]);
    refused(&["profile", "list", "--model", "nothing"], &["no bundled profile"]);
    let estimate = fine(&["profile", "estimate", "--model", "Qwen3-32B", "--gpu", "L40S", "--tp", "2"]);
    assert!(estimate.contains("prior") && estimate.contains("KV tokens"), "{estimate}");
    let fit = ["profile", "estimate", "--model", "Llama-3.1-70B", "--gpu", "H100"];
    refused(&fit, &["does not fit 1 × 80 GiB: 63.1 GiB are missing", "spread it over 2 GPUs"]);
    refused(&["profile", "estimate", "--model", "Llama-3-8C", "--gpu", "H100"], &["did you mean `Llama-3-8B`"]);
    refused(&["profile", "estimate", "--model", "Llama-3-8B", "--gpu", "H1000"], &["H1000"]);
}
