//! Whether the fleet could ever hold a workload's jobs.

use std::collections::BTreeMap;

use crate::fleet::{Capacity, PoolId, PoolSet};
use crate::formats::Place;
use crate::scenario::model::{Model, Work};
use crate::units::{Diagnostic, Diagnostics};
use crate::workload::Request;
use crate::workload::synth::Synth;

/// One size of job that a workload may yield; `n` where it is known how many.
pub(super) struct Size {
    pub request: Request,
    pub pods: u16,
    pub accept: u16,
    pub n: Option<u64>,
}

pub(super) fn sizes_of(synth: &Synth) -> Vec<Size> {
    synth
        .sizes()
        .into_iter()
        .flat_map(|(request, pods)| {
            (0..synth.accepts().len() as u16).map(move |accept| Size { request, pods, accept, n: None })
        })
        .filter(|size| size.accept > 0 || synth.spec().accept.values().iter().any(Vec::is_empty))
        .collect()
}

/// A job that the fleet could never hold is a fault of the scenario, found before the run.
pub(super) fn check_sizes(
    model: &Model,
    work: &Work,
    sizes: &[Size],
    at: Place,
    help: &[String],
    out: &mut Diagnostics,
) {
    let open = work.tiers.iter().fold(PoolSet::EMPTY, |s, t| s.or(t.pools));
    let mut impossible: Vec<&Size> = Vec::new();
    for size in sizes {
        let pools = open.and(work.accepts[size.accept as usize]);
        if pools.is_empty() {
            continue; // Reported as a device that nobody answers to.
        }
        let mut slots: BTreeMap<u32, u64> = BTreeMap::new();
        for n in model.all_nodes().filter(|n| pools.has(n.pool)) {
            let island = if work.one_island && size.pods > 1 { n.island.0 } else { 0 };
            *slots.entry(island).or_default() += u64::from(model.slots(n.pool, n.capacity, &size.request));
        }
        if slots.values().all(|s| *s < u64::from(size.pods)) {
            impossible.push(size);
        }
    }
    let Some(worst) =
        impossible.iter().max_by_key(|s| (u64::from(s.request.total_milli()) * u64::from(s.pods), s.request))
    else {
        return;
    };
    let many = match impossible.iter().map(|s| s.n).sum::<Option<u64>>() {
        Some(1) => format!("a job of `{}` is", work.name),
        Some(n) => format!("{n} jobs of `{}` are", work.name),
        None => format!("jobs of `{}` can be", work.name),
    };
    let gang = if worst.pods > 1 { format!("a gang of {} pods, each with ", worst.pods) } else { String::new() };
    let within = if work.one_island && worst.pods > 1 { " on one island" } else { "" };
    let d = Diagnostic::error(format!(
        "{many} larger than the fleet: no pool that they may use can ever hold them{within}"
    ))
    .at(at.0, at.1, format!("the largest asks for {gang}{}", asked(&worst.request)))
    .help(have(model, open.and(work.accepts[worst.accept as usize])));
    let d = help.iter().fold(d, |d, h| d.help(h.clone()));
    out.push(d.help("add nodes or pools, ask for less, or leave such jobs out"));
}

/// `4 GPUs, 48 cores and 1024 MiB`, without what is not asked for.
fn asked(r: &Request) -> String {
    let gpus = f64::from(r.total_milli()) / 1000.0;
    let mut parts = vec![if gpus == 1.0 { "1 GPU".to_owned() } else { format!("{gpus} GPUs") }];
    if r.cpu_milli > 0 {
        parts.push(format!("{} cores", f64::from(r.cpu_milli) / 1000.0));
    }
    if r.mem_mib > 0 {
        parts.push(format!("{} MiB", r.mem_mib));
    }
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}

/// What the pools have, for a message.
fn have(model: &Model, pools: PoolSet) -> String {
    let mut kinds: BTreeMap<(PoolId, Capacity), u64> = BTreeMap::new();
    for n in model.all_nodes().filter(|n| pools.has(n.pool)) {
        *kinds.entry((n.pool, n.capacity)).or_default() += 1;
    }
    let words: Vec<String> = kinds
        .iter()
        .map(|((pool, c), n)| {
            let name = model.pools.get(usize::from(pool.0)).map_or("", |p| p.name.as_str());
            format!("{n} × {} GPUs, {} cores, {} MiB in `{name}`", c.gpus, f64::from(c.cpu_milli) / 1000.0, c.mem_mib)
        })
        .collect();
    match words.len() {
        0 => "the pools that they may use have no nodes".to_owned(),
        n if n > 6 => format!("they may use {}, … ({n} kinds of nodes)", words[..6].join("; ")),
        _ => format!("they may use {}", words.join("; ")),
    }
}
