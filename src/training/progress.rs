//! How far a run has come after so much time: compute, checkpoints, and what would survive a loss. In closed form, to the
//! nanosecond, so that the simulator needs no event for a checkpoint.
//!
//! A run alternates: compute for an interval, stand still for the checkpoint's stall, compute on. After the last interval
//! there is no checkpoint (`spot_checkpoint.md` 2.6, the DES form). A synchronous checkpoint is durable when the stall
//! ends; an asynchronous one when it has been persisted in the background, so long after its stall ended.

use crate::units::Duration;

/// What survives a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// Nothing: the run begins again from its start.
    #[default]
    Nothing,
    /// Everything: progress is durable as it is made.
    Everything,
    /// What the last durable checkpoint holds.
    Checkpoints,
}

/// How a run computes and checkpoints, in wall-clock time on the capacity that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// What survives a loss.
    pub keeping: Keeping,
    /// Compute between two checkpoints; positive when there are any.
    pub interval: Duration,
    /// How long the run stands still for each: the write, or the copy to host memory.
    pub stall: Duration,
    /// How long after the stall a checkpoint is durable; zero when it is synchronous.
    pub persist: Duration,
    /// How much slower the run computes while a checkpoint is being persisted.
    pub slow_ppm: u32,
}

/// Where a run stands, all counted from when it began to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Compute done.
    pub done: Duration,
    /// Of it, what would survive a loss now.
    pub durable: Duration,
    /// When the last durable compute and its checkpoint's stall were over.
    pub durable_at: Duration,
    /// Time not computing until `durable_at`.
    pub stalled_durable: Duration,
    /// Time not computing in all: stalls, and what persisting slowed down.
    pub stalled: Duration,
    /// Checkpoints that are durable.
    pub checkpoints: u64,
}

const PPM: u128 = 1_000_000;

impl Pace {
    /// No checkpoints: a loss takes everything.
    pub const NOTHING: Pace = Pace {
        keeping: Keeping::Nothing,
        interval: Duration::ZERO,
        stall: Duration::ZERO,
        persist: Duration::ZERO,
        slow_ppm: 0,
    };

    /// A loss takes nothing.
    pub const EVERYTHING: Pace = Pace { keeping: Keeping::Everything, ..Pace::NOTHING };

    /// A synchronous checkpoint after every `interval` of compute.
    #[must_use]
    pub const fn sync(interval: Duration, stall: Duration) -> Pace {
        Pace { keeping: Keeping::Checkpoints, interval, stall, ..Pace::NOTHING }
    }

    /// An asynchronous one: the run stands still for `block`, and the checkpoint is durable `persist` later.
    #[must_use]
    pub const fn background(interval: Duration, block: Duration, persist: Duration, slow_ppm: u32) -> Pace {
        Pace { keeping: Keeping::Checkpoints, interval, stall: block, persist, slow_ppm }
    }

    /// Compute between two checkpoints, as it comes out: a snapshot may not begin before the one before it is persisted.
    fn every(&self) -> u64 {
        self.interval.0.max(self.persist.0.saturating_sub(self.stall.0)).max(1)
    }

    /// Compute done in the first `wall` of an interval that begins with a checkpoint in flight.
    fn computed(&self, wall: u64) -> u64 {
        wall - self.dragged(wall)
    }

    fn dragged(&self, wall: u64) -> u64 {
        (u128::from(wall.min(self.persist.0)) * u128::from(self.slow_ppm) / PPM) as u64
    }

    /// The wall-clock time that so much compute takes in such an interval: the least that suffices.
    fn wall_for(&self, compute: u64) -> u64 {
        if self.slow_ppm == 0 || self.persist.0 == 0 {
            return compute;
        }
        if self.computed(self.persist.0) < compute {
            return compute + self.dragged(self.persist.0);
        }
        let rate = PPM - u128::from(self.slow_ppm.min(999_999));
        let mut wall = (u128::from(compute) * PPM / rate) as u64;
        // Rounded down twice at most: step to the first instant at which it is done.
        while wall > 0 && self.computed(wall - 1) >= compute {
            wall -= 1;
        }
        while self.computed(wall) < compute {
            wall += 1;
        }
        wall
    }

    /// How long the run takes for so much compute when nothing happens to it.
    #[must_use]
    pub fn lasts(&self, compute: Duration) -> Duration {
        if self.keeping != Keeping::Checkpoints || compute.0 <= self.every() {
            return compute;
        }
        let every = self.every();
        let segments = compute.0.div_ceil(every);
        let last = compute.0 - (segments - 1) * every;
        // The first interval has no checkpoint in flight, all others have.
        let middle = (segments - 2) * self.wall_for(every);
        Duration(every + middle + self.wall_for(last) + (segments - 1) * self.stall.0)
    }

    /// Where the run stands `elapsed` after it began to compute, of `compute` in all.
    #[must_use]
    pub fn at(&self, compute: Duration, elapsed: Duration) -> Reached {
        let flat = |durable: Duration| Reached {
            done: elapsed.min(compute),
            durable,
            durable_at: durable,
            ..Reached::default()
        };
        match self.keeping {
            Keeping::Nothing => return flat(Duration::ZERO),
            Keeping::Everything => return flat(elapsed.min(compute)),
            Keeping::Checkpoints => {}
        }
        let every = self.every();
        let (first, later) = (every + self.stall.0, self.wall_for(every) + self.stall.0);
        // Checkpoints there will ever be.
        let most = compute.0.div_ceil(every).saturating_sub(1);
        let taken = if elapsed.0 < first { 0 } else { (1 + (elapsed.0 - first) / later).min(most) };
        // When the `k`-th stall ended, and the time not computing until then.
        let end_of = |k: u64| if k == 0 { 0 } else { first + (k - 1) * later };
        let since = elapsed.0 - end_of(taken);
        let computed = if taken == 0 { since } else { self.computed(since) };
        let done = (taken * every + computed.min(every)).min(compute.0);
        let durable_count = if taken > 0 && since < self.persist.0 { taken - 1 } else { taken };
        let durable = durable_count * every;
        Reached {
            done: Duration(done),
            durable: Duration(durable),
            durable_at: Duration(end_of(durable_count)),
            stalled_durable: Duration(end_of(durable_count) - durable),
            stalled: Duration(elapsed.0 - done),
            checkpoints: durable_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIN: u64 = 60_000_000_000;

    fn min(m: u64) -> Duration {
        Duration(m * MIN)
    }

    #[test]
    fn a_run_without_loss_pays_for_all_checkpoints_but_the_last() {
        // 30,000 minutes in 257 segments of 117: 256 checkpoints of 5.
        let pace = Pace::sync(min(117), min(5));
        assert_eq!(pace.lasts(min(30_000)), min(30_000 + 256 * 5));
        assert_eq!(Pace::sync(min(60), min(1)).lasts(min(60)), min(60), "one segment: no checkpoint");
        assert_eq!(Pace::NOTHING.lasts(min(7)), min(7));
    }

    #[test]
    fn a_synchronous_checkpoint_is_durable_when_it_is_written() {
        let pace = Pace::sync(min(60), min(2));
        let at = |m| pace.at(min(1_000), min(m));
        assert_eq!((at(60).done, at(60).durable, at(60).stalled), (min(60), min(0), min(0)));
        assert_eq!((at(61).done, at(61).durable, at(61).stalled), (min(60), min(0), min(1)));
        let r = at(62);
        assert_eq!((r.durable, r.durable_at, r.stalled_durable, r.checkpoints), (min(60), min(62), min(2), 1));
        assert_eq!((at(100).done, at(100).durable), (min(98), min(60)));
    }

    #[test]
    fn an_asynchronous_one_only_when_it_is_persisted() {
        let pace = Pace::background(min(60), min(1), min(10), 0);
        let at = |m| pace.at(min(1_000), min(m));
        assert_eq!((at(70).done, at(70).durable), (min(69), min(0)), "written, not yet persisted");
        assert_eq!((at(71).durable, at(71).durable_at), (min(60), min(61)));
        assert_eq!((at(122).done, at(122).durable), (min(120), min(60)), "the second is in flight");
        // A persist longer than the interval stretches it: a snapshot waits for the one before.
        let slow = Pace::background(min(10), min(1), min(30), 0);
        assert_eq!(slow.lasts(min(58)), min(59));
    }

    #[test]
    fn persisting_may_slow_the_run_down() {
        let pace = Pace::background(min(60), min(0), min(20), 500_000);
        // The second interval: 20 minutes at half speed, then 50 more.
        assert_eq!(pace.lasts(min(120)), min(60 + 70));
        assert_eq!(pace.at(min(120), min(80)).done, min(70));
    }

    proptest! {
        /// The closed form against a walk, a nanosecond at a time.
        #[test]
        fn closed_form_equals_a_walk(
            work in 1_u64..200, interval in 1_u64..30, stall in 0_u64..6, persist in 0_u64..40, slow in 0_u32..900_000,
            until in 0_u64..600,
        ) {
            let pace = Pace::background(Duration(interval), Duration(stall), Duration(persist), slow);
            let (mut done, mut durable, mut durable_at, mut t) = (0, 0, 0, 0_u64);
            // The compute that the last checkpoint holds and when its stall ended; how far the one being written is.
            let mut last: Option<(u64, u64)> = None;
            let (mut since, mut stalling, mut next): (u64, u64, u64) = (0, 0, pace.every());
            while t < until && done < work {
                t += 1;
                let settle = |last: Option<(u64, u64)>| last.filter(|(_, end)| t - end >= persist);
                if let Some((base, end)) = settle(last) { (durable, durable_at) = (base, end); }
                if stalling > 0 {
                    stalling -= 1;
                    if stalling == 0 { (last, since) = (Some((done, t)), 0); }
                } else {
                    since += 1;
                    done = last.map_or(since, |(base, _)| base + pace.computed(since));
                }
                if let Some((base, end)) = settle(last) { (durable, durable_at) = (base, end); }
                if stalling == 0 && done == next && done < work {
                    next += pace.every();
                    stalling = stall;
                    if stall == 0 {
                        (last, since) = (Some((done, t)), 0);
                        if let Some((base, end)) = settle(last) { (durable, durable_at) = (base, end); }
                    }
                }
            }
            let r = pace.at(Duration(work), Duration(t));
            prop_assert_eq!(r.done.0, done);
            if done < work {
                prop_assert_eq!((r.durable.0, r.durable_at.0), (durable, durable_at));
            } else {
                prop_assert_eq!(pace.lasts(Duration(work)).0, t);
            }
            prop_assert_eq!(r.done.0 + r.stalled.0, t);
        }
    }
}
