//! Tables of runs that are interrupted: what the bill was for, the dearest interruptions, what the first runs did.

use crate::outcome::{Loss, MILLI_NS_PER_GPU_HOUR, Outcome, WorkOutcome};
use crate::report::chart::{csv, num};
use crate::report::clock::Clock;

/// The tables that an outcome has beside the usual ones, by file name; none where nothing can be interrupted.
#[must_use]
pub fn loss_tables(o: &Outcome) -> Vec<(&'static str, String)> {
    if !o.has_interruptions() {
        return Vec::new();
    }
    let mut out = vec![("cost-split.csv", cost_split_csv(o)), ("interruptions.csv", interruptions_csv(o))];
    if o.work.iter().filter_map(|w| w.run.as_ref()).any(|r| !r.timeline.is_empty()) {
        out.push(("stretches.csv", stretches_csv(o)));
    }
    out
}

/// `cost-split.csv`: the bill by what it was for ([`Outcome::split`]). Its `usd` column adds up to the bill, exactly.
#[must_use]
pub fn cost_split_csv(o: &Outcome) -> String {
    let header = ["workload", "pool", "market", "part", "stage", "basis", "gpu_h", "usd"];
    let rows = o.split().into_iter().map(|r| {
        vec![
            r.workload.unwrap_or_default(),
            r.pool,
            r.market,
            r.part.key().to_owned(),
            r.stage.unwrap_or_default().to_owned(),
            r.basis.key().to_owned(),
            num(r.milli_ns.0 as f64 / MILLI_NS_PER_GPU_HOUR),
            r.usd.0.exact(),
        ]
    });
    csv(&header, rows)
}

/// The dearest interruptions of all workloads, dearest first; equal ones by time. The run keeps five a workload, so that
/// the first five are the dearest of all.
#[must_use]
pub fn dearest(o: &Outcome) -> Vec<(&WorkOutcome, &Loss)> {
    let mut all: Vec<(&WorkOutcome, &Loss)> = o
        .work
        .iter()
        .filter_map(|w| Some((w, w.run.as_ref()?)))
        .flat_map(|(w, r)| r.worst.iter().map(move |l| (w, l)))
        .collect();
    all.sort_by_key(|(_, l)| (std::cmp::Reverse(l.usd), l.at_ns, l.ordinal));
    all
}

/// `interruptions.csv`: [`dearest`].
#[must_use]
pub fn interruptions_csv(o: &Outcome) -> String {
    let clock = Clock::of(o);
    let header =
        ["time", "at_s", "workload", "ordinal", "pool", "cause", "nodes", "lost_gpu_h", "restart_gpu_h", "usd"];
    let rows = dearest(o).into_iter().map(|(w, l)| {
        vec![
            clock.iso(l.at_ns),
            num(l.at_ns as f64 / 1e9),
            w.name.clone(),
            l.ordinal.to_string(),
            l.pool.clone(),
            l.cause.clone(),
            l.nodes.to_string(),
            num(l.lost.0 as f64 / MILLI_NS_PER_GPU_HOUR),
            num(l.restart.0 as f64 / MILLI_NS_PER_GPU_HOUR),
            l.usd.0.exact(),
        ]
    });
    csv(&header, rows)
}

/// `stretches.csv`: what the first runs did, stretch by stretch, in the order in which stretches ended.
#[must_use]
pub fn stretches_csv(o: &Outcome) -> String {
    let header = ["workload", "ordinal", "from_s", "to_s", "pool", "market", "activity"];
    let runs = o.work.iter().filter_map(|w| Some((w, w.run.as_ref()?)));
    let rows = runs.flat_map(|(w, r)| {
        r.timeline.iter().map(|s| {
            vec![
                w.name.clone(),
                s.ordinal.to_string(),
                num(s.from_ns as f64 / 1e9),
                num(s.to_ns as f64 / 1e9),
                s.pool.clone(),
                s.market.clone(),
                s.activity.map_or("waiting", crate::units::Activity::key).to_owned(),
            ]
        })
    });
    csv(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{ChargeKind, Part};
    use crate::report::sample;
    use crate::training::restart::Stage;
    use crate::units::{Activity, Usd};

    #[test]
    fn the_split_adds_up_to_the_bill_and_to_each_kind_of_line() {
        for o in [sample::spot(), sample::outcome(None, 1.0, 1.0)] {
            let split = o.split();
            assert_eq!(split.iter().map(|r| r.usd.0).sum::<Usd>(), o.bill());
            let lines: u128 = o.charges.iter().map(|c| c.milli_ns.0).sum();
            assert_eq!(split.iter().map(|r| r.milli_ns.0).sum::<u128>(), lines);
            for (part, kind) in [
                (Part::Lost, ChargeKind::Activity(Activity::Lost)),
                (Part::Restart, ChargeKind::Activity(Activity::Restart)),
                (Part::Boot, ChargeKind::Activity(Activity::Boot)),
                (Part::Storage, ChargeKind::Storage),
                (Part::FreeReclaim, ChargeKind::FreeReclaim),
            ] {
                let of: Usd = split.iter().filter(|r| r.part == part).map(|r| r.usd.0).sum();
                let want: Usd = o.charges.iter().filter(|c| c.kind == kind).map(|c| c.usd.0).sum();
                assert_eq!(of, want, "{}", part.key());
            }
            for l in o.work_losses() {
                assert_eq!(l.parts.iter().copied().sum::<Usd>(), l.usd);
            }
        }
    }

    #[test]
    fn the_sample_has_everything_that_is_told() {
        let o = sample::spot();
        let tune = o.work[0].run.as_ref().unwrap();
        assert!(tune.saves > 0 && tune.interruptions.iter().sum::<u64>() > 0 && tune.deadline_met > 0);
        let parts: std::collections::BTreeSet<Part> = o.split().iter().map(|r| r.part).collect();
        for p in
            [Part::Spot, Part::OnDemand, Part::Owned, Part::Checkpoints, Part::Lost, Part::Restart, Part::FirstStart]
        {
            assert!(parts.contains(&p), "{}", p.key());
        }
        for p in [Part::Notice, Part::Boot, Part::Broken, Part::Storage, Part::Egress, Part::FreeReclaim] {
            assert!(parts.contains(&p), "{}", p.key());
        }
    }

    #[test]
    fn restarts_are_divided_as_their_stages_last() {
        // Every stage of the sample has a fixed length: whole restarts spend 90 : 180 : 60 : 150 : 240 s in them. Those
        // that were cut short spent more in the early ones.
        let o = sample::spot();
        let rows: Vec<_> = o.split().into_iter().filter(|r| r.part == Part::Restart).collect();
        let of = |s: Stage| rows.iter().filter(|r| r.stage == Some(s.key())).map(|r| r.milli_ns.0).sum::<u128>() as f64;
        assert!(rows.iter().all(|r| r.stage.is_some()));
        let image = of(Stage::Image);
        assert!((of(Stage::Detect) / image - 0.5).abs() < 0.05);
        assert!((of(Stage::WarmUp) / image - 240.0 / 180.0).abs() < 0.1);
    }

    #[test]
    fn interruptions_come_dearest_first_and_stretches_do_not_overlap() {
        let o = sample::spot();
        let worst = dearest(&o);
        assert!(worst.len() >= 5 && worst.windows(2).all(|w| w[0].1.usd >= w[1].1.usd));
        assert_eq!(interruptions_csv(&o).lines().count(), worst.len() + 1);
        let text = stretches_csv(&o);
        let mut end = std::collections::BTreeMap::new();
        for r in ::csv::Reader::from_reader(text.as_bytes()).records() {
            let r = r.unwrap();
            let (from, to): (f64, f64) = (r[2].parse().unwrap(), r[3].parse().unwrap());
            let last = end.entry(r[1].to_owned()).or_insert(0.0);
            assert!(from >= *last - 1e-6 && to > from, "{r:?}");
            *last = to;
        }
        assert_eq!(loss_tables(&o).len(), 3);
        assert!(loss_tables(&sample::outcome(None, 1.0, 1.0)).is_empty());
    }
}
