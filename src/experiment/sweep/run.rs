//! The runs of a sweep, in parallel over points and replications.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::metric::Kept;
use super::record::Run;
use crate::experiment::replicate::{Control, Watch};
use crate::scenario::model::Model;
use crate::sim::simulate;

/// A run to do.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Its point.
    pub point: u32,
    /// Its replication.
    pub replication: u32,
    /// The point's model.
    pub model: &'a Model,
}

/// Does every task once, and hands each run over as it ends, from any thread and in any order. What a run comes to depends on
/// its model, the seed and its replication alone. When stopped, runs at work are thrown away and no further one begins.
pub fn all(tasks: &[Task<'_>], seed: u64, kept: &[Kept], control: Control<'_>, ended: &(dyn Fn(Run) + Sync)) {
    let next = AtomicUsize::new(0);
    let workers = rayon::current_num_threads().min(tasks.len());
    // Each worker takes the first task that nobody has: what is left after a crash is at the end.
    (0..workers).into_par_iter().with_max_len(1).for_each(|_| {
        while !control.stopped() {
            let Some(t) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let outcome = simulate(t.model, seed, t.replication, &mut Watch(control));
            if control.stopped() {
                break;
            }
            ended(Run::of(t.point, t.replication, &outcome, kept));
            if let Some(done) = control.done {
                done();
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use super::super::metric::{defaults, known};
    use super::*;
    use crate::experiment::fixture::v7;

    #[test]
    fn runs_do_not_depend_on_threads_and_points_share_their_luck() {
        let models = [v7(10.0), v7(20.0), v7(10.0)];
        let kept = defaults(&models[0], &known(&models));
        let tasks: Vec<Task<'_>> = (0..3u32)
            .flat_map(|p| (0..4).map(move |r| (p, r)))
            .map(|(point, replication)| Task { point, replication, model: &models[point as usize] })
            .collect();
        let with = |threads| {
            let got = Mutex::new(Vec::new());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| all(&tasks, 5, &kept, Control::default(), &|r| got.lock().unwrap().push(r)));
            let mut got = got.into_inner().unwrap();
            got.sort_by_key(|r| (r.point, r.replication));
            got
        };
        let one = with(1);
        assert_eq!((one.len(), &one), (12, &with(3)));
        // The first and the last point are the same model.
        assert!((0..4).all(|r| one[r].values == one[8 + r].values && one[r].values != one[4 + r].values));
    }

    #[test]
    fn a_stop_hands_over_what_had_ended() {
        let model = v7(10.0);
        let tasks: Vec<Task<'_>> = (0..500).map(|replication| Task { point: 0, replication, model: &model }).collect();
        let (stop, got) = (AtomicBool::new(false), AtomicUsize::new(0));
        let ended = |_| {
            if got.fetch_add(1, Ordering::Relaxed) == 4 {
                stop.store(true, Ordering::Relaxed);
            }
        };
        all(&tasks, 1, &[], Control { stop: Some(&stop), done: None }, &ended);
        assert!(got.into_inner() < 20);
    }
}
