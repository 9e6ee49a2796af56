//! The published experiment in small, the tuning, and broken input.

use super::replay::EXPERIMENT;
use super::*;
use crate::fleet::{Capacity, PoolId, PoolSet};
use crate::units::Diagnostics;
use crate::verify::Verdict;
use std::path::Path;

/// The openb data, where it is beside the checkout.
#[allow(clippy::disallowed_macros, reason = "a test that did nothing says so")]
fn data() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/openb");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: no data");
    None
}

fn default_trace() -> Option<(Cluster, Trace)> {
    let dir = data()?;
    let mut sources = SourceMap::default();
    let cluster = Cluster::read(&mut sources, &dir.join("openb_node_list_gpu_node.csv")).expect("it is well formed");
    let path = dir.join("openb_pod_list_default.csv");
    let trace = Trace::read(&mut sources, &path, &cluster).expect("it is well formed");
    Some((cluster, trace))
}

#[test]
fn the_data_is_what_was_published() {
    let Some((cluster, trace)) = default_trace() else { return };
    assert_eq!(cluster.nodes.len(), 1213);
    assert_eq!(cluster.milli(), 6_212_000);
    assert_eq!(cluster.nodes.iter().map(|(_, c)| u64::from(c.cpu_milli)).sum::<u64>(), 107_018_000);
    assert_eq!(cluster.nodes.iter().map(|(_, c)| u64::from(c.mem_mib)).sum::<u64>(), 503_828_480);
    assert_eq!(trace.name, "default");
    assert_eq!(trace.pods.len(), 8152);
    let asked: u64 = trace.pods.iter().map(|p| u64::from(trace.shapes[*p as usize].request.total_milli())).sum();
    assert_eq!(asked, 6_086_800);
    // 35 typical shapes, and 13.945 % of an empty fleet counts as fragmented because CPU-only pods are typical.
    assert_eq!(trace.typical.pods().len(), 35);
    let empty = trace.typical.cluster_fragmentation(&cluster.fleet()) / cluster.milli() as f64;
    assert!((100.0 * empty - 13.945).abs() < 0.0005, "{empty}");
}

#[test]
fn fgd_and_best_fit_meet_the_published_figures_on_the_default_trace() {
    let Some((cluster, trace)) = default_trace() else { return };
    for policy in [PlacementPolicy::BestFit, PlacementPolicy::Fgd] {
        let of = |seed| Run { cluster: &cluster, trace: &trace, policy, seed, ties: EXPERIMENT }.curve();
        let curves: Vec<Curve> = (42..45).map(of).collect();
        for percent in CURVE_COLUMNS {
            let mean = curves.iter().map(|c| c.unallocated(percent).expect("130 % arrive")).sum::<f64>() / 3.0;
            let want = curve_default(policy, percent).expect("it was published");
            let (_, sd) = published("default", policy).expect("it was published");
            assert!((mean - want).abs() <= tolerance(policy, sd, 3), "{policy:?} at {percent} %: {mean}, {want}");
        }
        assert_eq!(of(42), curves[0], "a run repeats");
        assert_ne!(curves[0], curves[1], "another seed is another run");
        assert_eq!(curves[0].unallocated(131), None);
    }
}

#[test]
fn sixty_cells_are_published_and_the_tolerance_is_the_documented_one() {
    assert_eq!(published_traces().count(), 10);
    for t in published_traces() {
        for p in POLICIES {
            let (mean, sd) = published(t, p).expect("all sixty are there");
            assert!(mean > 4.0 && mean < 20.0 && sd > 0.0 && sd < 1.0);
        }
    }
    assert_eq!(published("gpushare20", PlacementPolicy::Fgd), None);
    assert_eq!(published("default", PlacementPolicy::FirstFit), None);
    for p in POLICIES {
        assert_eq!(curve_default(p, 100), published("default", p).map(|c| c.0), "two tables, one figure");
    }
    assert_eq!(tolerance(PlacementPolicy::Fgd, 0.11, 10), 0.3);
    assert_eq!(tolerance(PlacementPolicy::Random, 0.33, 10), 1.0);
    assert!((tolerance(PlacementPolicy::GpuClustering, 0.61, 10) - 3.0 * 0.61 * 0.2f64.sqrt()).abs() < 1e-12);
    assert!((tolerance(PlacementPolicy::DotProduct, 0.61, 1) - 3.0 * 0.61 * 1.1f64.sqrt()).abs() < 1e-12);
}

/// A folder with these files; the paths in the same order.
fn files(list: &[(&str, &[u8])]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |(name, bytes): &(&str, &[u8])| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("it is writable");
        path
    };
    let paths = list.iter().map(write).collect();
    (dir, paths)
}

const NODES: &[u8] = b"sn,cpu_milli,memory_mib,gpu,model\nn0,8000,100,4,A\nn1,8000,100,4,B\nn2,9000,100,2,A\n";
const HEAD: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec";

fn small(pods: &str) -> Result<(Cluster, Trace), Diagnostics> {
    let text = format!("{HEAD}\n{pods}");
    let (_dir, paths) = files(&[("nodes.csv", NODES), ("openb_pod_list_small.csv", text.as_bytes())]);
    let mut sources = SourceMap::default();
    let cluster = Cluster::read(&mut sources, &paths[0])?;
    let trace = Trace::read(&mut sources, &paths[1], &cluster)?;
    Ok((cluster, trace))
}

#[test]
fn rows_become_pools_and_shapes_in_order_of_name() {
    let pods = "b,1,2,1,500,A|B\na,3,4,2,700,B\nd,9,9,0,1000,B\nc,1,2,1,500,B|A\ne,1,1,1,4000,C\nf,1,1,1,0,A\n";
    let (cluster, trace) = small(pods).expect("it is well formed");
    assert_eq!(cluster.nodes[2], (PoolId(0), Capacity { cpu_milli: 9000, mem_mib: 100, gpus: 2 }));
    assert_eq!(trace.name, "small");
    let shape = |i: usize| {
        let t = &trace.shapes[trace.pods[i] as usize];
        (t.request.gpus, t.request.gpu_milli, t.pools)
    };
    let (a, b) = (PoolSet::only(PoolId(0)), PoolSet::only(PoolId(1)));
    assert_eq!(shape(0), (2, 1000, b), "several GPUs are whole ones");
    assert_eq!(shape(1), (1, 500, a.or(b)));
    assert_eq!(shape(2), shape(1), "the order of models does not matter");
    assert_eq!(shape(3), (0, 0, PoolSet::ALL), "no GPU, no constraint");
    assert_eq!(shape(4), (1, 1000, PoolSet::EMPTY), "at most a whole GPU; a model the cluster lacks");
    assert_eq!(shape(5), (0, 0, PoolSet::ALL), "nothing of a GPU is no GPU");
}

fn arrived(run: &Run<'_>) -> (Vec<u32>, u64) {
    let pods = run.arrivals();
    let sum = pods.iter().map(|p| u64::from(run.trace.shapes[*p as usize].request.total_milli())).sum();
    (pods, sum)
}

#[test]
fn tuning_reaches_the_goal_from_below_and_from_above() {
    // 10 GPUs, so the goal is 13,000. From below, copies are added until one more would pass it.
    let rows: String = (0..20).map(|i| format!("p{i:02},1,1,1,{},\n", 10 + i)).collect();
    let (cluster, trace) = small(&rows).expect("it is well formed");
    for seed in 0..5 {
        let run = Run { cluster: &cluster, trace: &trace, policy: PlacementPolicy::Fgd, seed, ties: EXPERIMENT };
        let (pods, sum) = arrived(&run);
        assert!(sum <= 13_000 && sum > 13_000 - 30, "{sum}");
        let mut first = pods[..20].to_vec();
        first.sort_unstable();
        assert_eq!(first, trace.pods, "the original pods come first, shuffled");
        assert_eq!(run.arrivals(), pods);
    }
    // The check counts one GPU of a pod, so that pods of eight can pass the goal by seven at most.
    let (cluster, trace) = small("a,1,1,8,1000,\n").expect("it is well formed");
    let run = Run { cluster: &cluster, trace: &trace, policy: PlacementPolicy::Fgd, seed: 1, ties: EXPERIMENT };
    assert_eq!(arrived(&run), (vec![0, 0], 16_000));
    // From above, pods are taken away until the goal is met.
    let rows: String = (0..40).map(|i| format!("p{i:02},1,1,1,1000,\n")).collect();
    let (cluster, trace) = small(&rows).expect("it is well formed");
    let run = Run { cluster: &cluster, trace: &trace, policy: PlacementPolicy::Fgd, seed: 1, ties: EXPERIMENT };
    assert_eq!(arrived(&run).1, 13_000);
}

#[test]
fn a_small_suite_is_unchecked_and_curves_end_where_arrivals_do() {
    let rows: String = (0..200).map(|i| format!("p{i:03},100,1,1,{},\n", 50 + i % 40)).collect();
    let text = format!("{HEAD}\n{rows}");
    let (_dir, paths) = files(&[("nodes.csv", NODES), ("mine.csv", text.as_bytes())]);
    let mut sources = SourceMap::default();
    let cells = run_suite(&mut sources, &paths[1..], &paths[0], &[1, 2]).expect("it is well formed");
    assert_eq!(cells.iter().map(Cell::case).collect::<Vec<_>>()[..2], ["mine/Random", "mine/DotProd"]);
    for cell in &cells {
        assert_eq!((cell.verdict, cell.published, cell.n), (Verdict::Unchecked, None, 2));
        // What could not be placed is at least what had not arrived, and CPU is no limit here.
        assert!(cell.mean.is_some_and(|m| (0.0..20.0).contains(&m)), "{cell:?}");
    }
    let again = run_suite(&mut sources, &paths[1..], &paths[0], &[1, 2]).expect("it is well formed");
    assert_eq!(cells, again);
    let ties = tie_orders(&mut sources, &paths[1], &paths[0], &[1]).expect("it is well formed");
    assert_eq!((ties.len(), ties[0].means.len()), (6, 6));
    let curve = run_curve(&mut sources, &paths[1], &paths[0], &[1]).expect("it is well formed");
    assert_eq!(curve.len(), 42);
    assert_eq!(curve[0].case(), "mine/Random@80");
    assert!(run_suite(&mut sources, &paths[1..], &paths[0], &[]).expect("no seeds, no means")[0].mean.is_none());
}

/// The message of the only fault, and the text under its caret.
fn fault(nodes: &[u8], pods: &[u8]) -> (String, String) {
    let (_dir, paths) = files(&[("nodes.csv", nodes), ("pods.csv", pods)]);
    let mut sources = SourceMap::default();
    let found = run_suite(&mut sources, &paths[1..], &paths[0], &[1]).expect_err("it is broken");
    assert_eq!(found.list.len(), 1, "{found:?}");
    let d = &found.list[0];
    let under = d.at.map_or(String::new(), |(source, span)| {
        sources.get(source).text[span.start as usize..span.end as usize].to_owned()
    });
    assert!(!d.message.ends_with('.'));
    (
        d.message.replace(&paths[0].display().to_string(), "NODES").replace(&paths[1].display().to_string(), "PODS"),
        under,
    )
}

#[test]
fn broken_input_is_named_with_its_place() {
    let with = |rows: &str| fault(NODES, format!("{HEAD}\n{rows}").as_bytes());
    let says = |m: &str, under: &str| (m.to_owned(), under.to_owned());
    assert_eq!(with(""), says("the trace `PODS` has no rows", ""));
    assert_eq!(
        with("a,1,1,1,1000,\nb,x7,1,1,1000,\n"),
        says("`cpu_milli` must be a whole number from 0 to 4294967295, found `x7`", "x7")
    );
    assert_eq!(with("a,1,1,-1,1000,\n").1, "-1");
    assert_eq!(with("a,1,1,300,1000,\n").0, "`num_gpu` must be a whole number from 0 to 255, found `300`");
    assert_eq!(with("a,1,,1,1000,\n"), says("`memory_mib` must be a whole number from 0 to 4294967295, found ``", ""));
    assert_eq!(with("a,1,1,1,1000,\nb,1,1"), says("the trace `PODS` has a malformed row", "b,1,1"));
    assert_eq!(with("a,1,1,0,0,\n").0, "no pod of the trace `PODS` asks for a GPU");
    assert_eq!(
        fault(NODES, b"name,cpu_milli,memory_mb,num_gpu,gpu_milli\na,1,1,1,1\n"),
        says("the trace has no column `memory_mib`", "name,cpu_milli,memory_mb,num_gpu,gpu_milli")
    );
    assert_eq!(fault(NODES, &[0x1f, 0x8b, 8, 0]).0, "the trace `PODS` is not UTF-8 text at byte 1");
    assert_eq!(fault(b"cpu_milli,memory_mib,gpu,model\n1,1,0,A\n", b"").0, "the node list `NODES` has no GPU");
    assert_eq!(fault(b"cpu_milli,memory_mib,gpu,model\n1,1,17,A\n", b"").1, "17");
    assert_eq!(with("a,1,1,1,1000,\r\n\"b\",1,1,1,z,\r\n").1, "\"b\",1,1,1,z,");
}

#[test]
fn an_empty_or_missing_file_is_an_error_and_faults_of_all_files_come_together() {
    let (dir, paths) = files(&[("nodes.csv", NODES), ("empty.csv", b"")]);
    let mut sources = SourceMap::default();
    let gone = dir.path().join("gone.csv");
    let found = run_suite(&mut sources, &[paths[1].clone(), gone.clone()], &paths[0], &[1]).expect_err("both broken");
    assert!(found.list.iter().any(|d| d.message.starts_with("cannot read the trace")), "{found:?}");
    assert!(found.list.iter().any(|d| d.message == "the trace has no column `name`"), "{found:?}");
    assert!(run_suite(&mut sources, &[], &gone, &[1]).is_err());
    assert!(tie_orders(&mut sources, &gone, &paths[0], &[1]).is_err());
}

#[test]
fn a_trace_that_asks_for_next_to_nothing_is_refused() {
    let rows = format!("a,1,1,1,1,\n{}", "b,1,1,0,0,\n".repeat(2000));
    let (message, _) = fault(NODES, format!("{HEAD}\n{rows}").as_bytes());
    assert_eq!(message, "about 26013000 pods of the trace `pods` are needed to fill the fleet to 130 %");
}

#[test]
fn the_suite_takes_given_traces_and_says_what_data_is_missing() {
    let rows: String = (0..200).map(|i| format!("p{i:03},100,1,1,{},\n", 50 + i % 40)).collect();
    let text = format!("{HEAD}\n{rows}");
    let (dir, paths) = files(&[(super::NODES, NODES), ("mine.csv", text.as_bytes())]);
    let options = Options { data: None, traces: vec![paths[1].clone()], seeds: Some(1), ..Options::default() };
    let cases = run(&options).expect("the nodes lie beside the trace");
    assert_eq!(cases.len(), 6);
    assert_eq!((cases[5].case.as_str(), cases[5].verdict, cases[5].published), ("mine/FGD", Verdict::Unchecked, None));
    let nowhere = Options { data: Some(dir.path().join("nowhere")), ..Options::default() };
    for (options, what) in
        [(nowhere, "`openb/openb_node_list_gpu_node.csv`"), (Options::default(), "`openb/openb_node")]
    {
        let Err(NoCases::NoData(why)) = run(&options) else { panic!("there is no data") };
        assert!(why.starts_with(what), "{why}");
    }
    // One GPU, and pods that each ask for eight: arrivals go from 0 to 800 % at once.
    let (_dir, paths) = files(&[
        (super::NODES, b"cpu_milli,memory_mib,gpu,model\n1,1,1,A\n"),
        ("big.csv", format!("{HEAD}\na,1,1,8,1000,\nb,1,1,8,1000,\n").as_bytes()),
    ]);
    let options = Options { data: None, traces: vec![paths[1].clone()], seeds: Some(1), ..Options::default() };
    assert!(matches!(run(&options), Err(NoCases::Bad(d, _)) if d.list.len() == 1));
}

#[test]
fn a_flood_of_faults_is_cut_short() {
    let rows = "a,x,1,1,1,\n".repeat(1000);
    let (_dir, paths) = files(&[("nodes.csv", NODES), ("pods.csv", format!("{HEAD}\n{rows}").as_bytes())]);
    let found = run_suite(&mut SourceMap::default(), &paths[1..], &paths[0], &[1]).expect_err("it is broken");
    assert_eq!(found.list.len(), 20);
}
