//! The cases on tables that are made here, and, where the public table is at hand, the bundled profiles against it.

use super::*;
use crate::serving::cost::StepCost;
use crate::serving::fit::Options as FitOptions;
use crate::serving::profile::bundled;

const HEAD: &str = "silicon_data_source,backend,backend_version,model_path,system,precision,mode,isl,osl,batch_size,tp_size,\
                    silicon_ttft_ms,silicon_tpot_ms\n";

/// A set as the formula makes it, each TPOT off by `off` in turn above and below.
fn table(model: &str, off: f64) -> String {
    let truth = StepCost { a: 12.0, b: 0.04, c: 4e-5, p: 0.05, ..StepCost::default() };
    let mut text = HEAD.to_owned();
    for (i, (isl, osl)) in [(1024, 1024), (8192, 1024), (1024, 8192)].into_iter().enumerate() {
        for (j, concurrency) in [4, 8, 16, 32, 64].into_iter().enumerate() {
            let row = Row { isl, osl, concurrency, ttft_ms: 100.0, tpot_ms: 1.0 };
            let sign = if (i + j) % 2 == 0 { 1.0 } else { -1.0 };
            let tpot = tpot_ms(&truth, &row, &FitOptions::default()) * (1.0 + sign * off);
            text.push_str(&format!(",vllm,,{model},h100_sxm,fp8,agg,{isl},{osl},{concurrency},8,100,{tpot}\n"));
        }
    }
    text
}

fn on(files: &[(&str, String)]) -> Result<Vec<Case>, NoCases> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // This part of the suite alone: the others do not look at these tables.
    let mut out = Vec::new();
    match cases(&Options { data: Some(dir.path().to_owned()), ..Options::default() }, &mut out)? {
        Some(what) if out.is_empty() => Err(NoCases::NoData(what)),
        _ => Ok(out),
    }
}

#[test]
fn a_table_that_was_not_seen_has_a_case_for_each_set() {
    let cases = on(&[("silicon_held_out.csv", table("meta-llama/Llama-3.1-70B", 0.01))]).unwrap();
    let of = |name: &str| cases.iter().find(|c| c.case == name).unwrap_or_else(|| panic!("no case {name}"));
    let fit = of("tpot/Llama-3.1-70B/h100_sxm/vllm/fp8/TP8");
    // The published error of that set; and 1 % off each is at most 1 % of error, give or take what the fit follows.
    assert_eq!((fit.published, fit.verdict), (Some(2.5), Verdict::Pass));
    assert!(fit.ours > 0.5 && fit.ours < 1.1, "{}", fit.ours);
    assert!(of("tpot-loo/Llama-3.1-70B/h100_sxm/vllm/fp8/TP8").ours > fit.ours);
    // A part of the table is not held against figures of all of it.
    assert_eq!(of("prior/all, median").verdict, Verdict::Unchecked);
    assert_eq!(of("saturation/vllm/told").verdict, Verdict::Unchecked);
}

#[test]
fn a_fit_that_is_worse_than_published_fails() {
    let cases = on(&[("silicon.csv", table("meta-llama/Llama-3.1-70B", 0.10))]).unwrap();
    assert_eq!(cases[0].verdict, Verdict::Fail, "{:?}", cases[0]);
}

#[test]
fn models_without_a_published_figure_are_unchecked_and_too_few_rows_no_case() {
    let few: String = table("org/other", 0.0).lines().take(6).map(|l| format!("{l}\n")).collect();
    let files = [("silicon_a.csv", table("org/mine", 0.01)), ("llm-measured/silicon_b.csv", few)];
    let cases = on(&files).unwrap();
    let names: Vec<&str> = cases.iter().map(|c| c.case.as_str()).collect();
    assert_eq!(names, ["tpot/mine/h100_sxm/vllm/fp8/TP8", "tpot-loo/mine/h100_sxm/vllm/fp8/TP8"]);
    assert!(cases.iter().all(|c| c.verdict == Verdict::Unchecked));
}

#[test]
fn the_same_table_twice_counts_once() {
    let once = on(&[("silicon.csv", table("m", 0.02))]).unwrap();
    let twice = on(&[("silicon.csv", table("m", 0.02)), ("llm-measured/silicon.csv", table("m", 0.02))]).unwrap();
    assert_eq!(once, twice);
}

#[test]
fn no_table_is_no_data_and_a_broken_one_points_to_its_line() {
    assert!(matches!(on(&[("other.csv", String::new())]), Err(NoCases::NoData(_))));
    let broken = table("m", 0.0).replacen("8,100,", "8,-100,", 1);
    let Err(NoCases::Bad(found, sources)) = on(&[("silicon.csv", broken)]) else { panic!("it is broken") };
    let (id, span) = found.list[0].at.unwrap();
    assert_eq!(sources.line_col(id, span.start).0, 2);
    let missing = on(&[("silicon.csv", "isl,silicon_tpot_ms\n1,2\n".to_owned())]);
    assert!(matches!(missing, Err(NoCases::Bad(..))));
}

#[test]
fn bundled_profiles_are_the_fits_of_the_public_table() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let Ok(sets) = sets(&Options { data: Some(data), ..Options::default() }) else { return };
    let mut seen = 0;
    for p in bundled().iter().filter(|p| p.source.starts_with("ai-dynamo")) {
        let gpu = |set: &Set| Catalog::embedded().device(set.key.gpu.split('_').next().unwrap()).map(|d| d.name);
        let same = |set: &&Set| {
            model_of(set).is_some_and(|m| m.name == p.model)
                && gpu(set).is_ok_and(|g| g == p.device)
                && (set.key.engine == *p.engine && set.key.version == *p.version && set.key.tp == u64::from(p.tp))
                && Dtype::named(&set.key.dtype).unwrap_or(Dtype::Bf16) == p.dtype
                && set.plain()
        };
        let share = p.architecture().unwrap().expert_share();
        let options = FitOptions { expert_share: share, ..FitOptions::default() };
        let fits = sets.iter().filter(same).filter_map(|s| from_benchmark(&s.rows, &options).ok());
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-4 * a.abs().max(1e-12);
        let told = |f: &fit::Fit| {
            let (x, y) = (f.cost, p.cost);
            [(x.a, y.a), (x.b, y.b), (x.c, y.c), (x.p, y.p), (x.expert_ms, y.expert_ms)].iter().all(|v| close(v.0, v.1))
        };
        let found: Vec<fit::Fit> = fits.collect();
        if found.is_empty() {
            // One row is published only as coefficients.
            assert_eq!(p.name, "llama-3.1-70b-fp8-h100-vllm-tp8");
            continue;
        }
        assert!(found.iter().any(told), "{}: {:?} is none of {:?}", p.name, p.cost, found[0].cost);
        seen += 1;
    }
    assert!(seen > 90, "{seen}");
}
