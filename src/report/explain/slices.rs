//! What became of GPUs that are cut, beneath the bill: by pool and kind of slice, and what of them was no use.

use crate::outcome::{MILLI_NS_PER_GPU_HOUR, Outcome, PoolOutcome, SliceOutcome};
use crate::report::summary::{columns, right};
use crate::report::words;
use crate::units::Activity;

/// Who held what; nothing where no pool's GPUs are cut.
#[must_use]
pub fn slices(o: &Outcome) -> String {
    let pools: Vec<(&PoolOutcome, &SliceOutcome)> =
        o.pools.iter().filter_map(|p| Some((p, p.slices.as_deref()?))).collect();
    if pools.is_empty() {
        return String::new();
    }
    let mut t = columns(&["pool", "slice", "of a GPU", "pods placed", "GPU-h held", "of billed"]);
    for (p, s) in &pools {
        let capacity = p.capacity.0.max(1) as f64;
        for k in &s.kinds {
            t.add_row(vec![
                p.name.clone(),
                k.name.clone(),
                words::percent(f64::from(k.milli) / 1000.0),
                words::count(k.placed),
                words::number(k.held.0 as f64 / MILLI_NS_PER_GPU_HOUR, 1),
                words::percent(k.held.0 as f64 / capacity),
            ]);
        }
    }
    right(&mut t, &[2, 3, 4, 5]);
    let mut out = format!("\nSlices of GPUs\n\n{}\n\n", t.trim_fmt());
    for (p, s) in &pools {
        for line in facts(p, s) {
            out.push_str(&format!("{}: {line}\n", p.name));
        }
    }
    out
}

fn facts(p: &PoolOutcome, s: &SliceOutcome) -> Vec<String> {
    let mut out = Vec::new();
    let stranded = p.activity[Activity::MigStranded as usize].0;
    if stranded > 0 {
        let share = words::percent(stranded as f64 / p.capacity.0.max(1) as f64);
        let hours = words::number(stranded as f64 / MILLI_NS_PER_GPU_HOUR, 1);
        out.push(format!("{hours} GPU-h ({share}) were memory slices that no profile in demand covers"));
    }
    if s.compute_left.0 > 0 {
        let share = words::percent(s.compute_left.0 as f64 / s.compute_all.0.max(1) as f64);
        let all = s.compute_slices;
        out.push(format!("{share} of its compute slices, {all} a GPU, had no memory that work could use with them"));
    }
    if let Some(each) = s.making_ns.checked_div(s.made) {
        let each = words::length(each);
        out.push(format!("{} instances were made on demand, {each} each until pods could begin", words::count(s.made)));
    }
    if s.recut > 0 {
        out.push(format!("{} nodes had their GPUs cut anew", words::count(s.recut)));
    }
    if let Some(m) = s.slowdown.mean() {
        out.push(format!(
            "pods took {} times as long as alone on a GPU, while they had something to do",
            words::number(m, 2)
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Exact, SliceKind, Slowdown};
    use crate::report::sample;

    #[test]
    fn slices_are_told_by_pool_with_what_was_no_use() {
        let mut o = sample::outcome(None, 1.0, 1.0);
        assert_eq!(slices(&o), "");
        let (hour, p) = (3_600_000_000_000_u128, &mut o.pools[0]);
        p.capacity = Exact(1000 * 100 * hour);
        p.activity[Activity::MigStranded as usize] = Exact(1000 * 5 * hour);
        let kind = SliceKind {
            name: "1g.10gb".into(),
            milli: 125,
            placed: 1234,
            held: Exact(1000 * 40 * hour),
            series: vec![],
        };
        p.slices = Some(Box::new(SliceOutcome {
            way: "mig_on_demand".into(),
            kinds: vec![kind],
            stranded: vec![],
            compute_slices: 7,
            compute_left: Exact(1),
            compute_all: Exact(7),
            made: 2,
            making_ns: 4_000_000_000,
            recut: 0,
            slowdown: Slowdown::default(),
            gpus: vec![],
        }));
        let text = slices(&o);
        for part in [
            "1,234",
            "40.0",
            "12 %",
            "5.0 GPU-h (5 %) were memory slices that no profile in demand covers",
            "14 % of its compute slices, 7 a GPU",
            "2 instances were made on demand, 2 s each",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
