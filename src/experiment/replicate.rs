//! One model, many lucks.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rayon::prelude::*;

use crate::outcome::{Outcome, Progress, Recorder};
use crate::scenario::model::Model;
use crate::sim::simulate;

/// What the caller keeps a hand on while replications run.
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    /// Set it to true, and no further replication begins; those at work end soon and count for nothing.
    pub stop: Option<&'a AtomicBool>,
    /// Called after each replication, from any thread.
    pub done: Option<&'a (dyn Fn() + Sync)>,
}

impl Control<'_> {
    /// Whether the caller wants no more.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stop.is_some_and(|s| s.load(Ordering::Relaxed))
    }
}

/// Wants no rows, and ends a run early when it is to stop.
pub(super) struct Watch<'a>(pub(super) Control<'a>);

impl Recorder for Watch<'_> {
    fn progress(&mut self, _: Progress) -> bool {
        !self.0.stopped()
    }
}

/// Runs these replications of a model with a seed and keeps of each what `of` makes of it, in order, whatever the number
/// of threads. Replication `r` is [`simulate`]`(model, seed, r)`: other models with the same seed meet the same luck.
///
/// When stopped, the result is shorter: the first so many replications, without a gap. Which ones those are was settled
/// before anything ran, so that quick runs are not preferred.
pub fn replicate<T: Send>(
    model: &Model,
    seed: u64,
    replications: Range<u32>,
    control: Control<'_>,
    of: impl Fn(u32, &Outcome) -> T + Sync,
) -> Vec<T> {
    let next = AtomicU32::new(replications.start);
    let workers = rayon::current_num_threads().min(replications.len());
    // Each worker takes the lowest replication that nobody has, so that a stop leaves no more holes than there are workers.
    let work = |_: usize| {
        let mut mine: Vec<(u32, T)> = Vec::new();
        while !control.stopped() {
            let Ok(r) =
                next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |r| (r < replications.end).then_some(r + 1))
            else {
                break;
            };
            let outcome = simulate(model, seed, r, &mut Watch(control));
            if control.stopped() {
                break;
            }
            mine.push((r, of(r, &outcome)));
            if let Some(done) = control.done {
                done();
            }
        }
        mine
    };
    let mut all: Vec<(u32, T)> =
        (0..workers).into_par_iter().with_max_len(1).map(work).collect::<Vec<_>>().into_iter().flatten().collect();
    all.sort_unstable_by_key(|(r, _)| *r);
    let whole = all.iter().zip(replications.clone()).take_while(|((r, _), want)| r == want).count();
    assert!(control.stopped() || whole == replications.len(), "every replication is there");
    all.truncate(whole);
    all.into_iter().map(|(_, t)| t).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::v7;
    use super::*;
    use crate::outcome::Silent;

    #[test]
    fn the_order_and_the_results_do_not_depend_on_threads() {
        let model = v7(10.0);
        let print = |r: u32, o: &Outcome| (r, o.fingerprint, o.bill());
        let want: Vec<_> = (0..40).map(|r| print(r, &simulate(&model, 5, r, &mut Silent))).collect();
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let got = pool.install(|| replicate(&model, 5, 0..40, Control::default(), print));
            assert_eq!(got, want, "{threads} threads");
        }
        let tail = replicate(&model, 5, 25..40, Control::default(), print);
        assert_eq!(tail, want[25..], "a part is that part");
        assert_eq!(replicate(&model, 5, 7..7, Control::default(), print), []);
    }

    #[test]
    fn a_stop_leaves_the_first_so_many() {
        let model = v7(10.0);
        let stop = AtomicBool::new(false);
        let count = AtomicU32::new(0);
        let done = || {
            if count.fetch_add(1, Ordering::Relaxed) == 9 {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let control = Control { stop: Some(&stop), done: Some(&done) };
        let got = replicate(&model, 5, 3..1_000, control, |r, _| r);
        assert!(got.len() <= 12, "{}", got.len());
        assert_eq!(got, (3..3 + got.len() as u32).collect::<Vec<_>>());
        assert!(control.stopped());
    }
}
