//! Counts of jobs, their waits, and the queue's own bookkeeping. No money here.

use super::jobs::Live;
use crate::fleet::PoolId;
use crate::kernel::{Buckets, Histogram, Integral};
use crate::ledger::book::buckets;
use crate::market::Cause;
use crate::outcome::{Exact, Finish, JobCounts, JobEnd, Loss, QueueTally, RunOutcome, Stretch, WaitClass};
use crate::scenario::model::Model;
use crate::training::restart::Stage;
use crate::units::SimTime;

/// The bands of gang sizes by which waits are told apart, in milli-GPU of the whole gang.
const BANDS: [(&str, u64, u64); 7] = [
    ("CPU", 0, 0),
    ("share", 1, 999),
    ("1", 1_000, 1_000),
    ("2–7", 1_001, 7_999),
    ("8", 8_000, 8_000),
    ("9–63", 8_001, 63_999),
    ("64+", 64_000, u64::MAX),
];

/// One workload's counts.
#[derive(Clone, Debug, Default)]
pub(super) struct WorkTally {
    pub jobs: JobCounts,
    pub waits: Histogram,
    pub turnaround: Histogram,
    pub met: u64,
    pub of: u64,
}

/// How many finishes, and how many stretches of timelines, are kept.
const FINISHES: usize = 1_000;
const STRETCHES: usize = 20_000;
/// How many of the dearest interruptions.
const WORST: usize = 5;

/// What happened to one workload's runs.
#[derive(Clone, Debug, Default)]
pub(super) struct RunTally {
    interruptions: [u64; Cause::ALL.len()],
    stages: [u128; Stage::COUNT],
    pub checkpoints: u64,
    pub saves: u64,
    pub saves_failed: u64,
    pub notice_to_safe: Histogram,
    deadline: (u64, u64),
    finishes: Vec<Finish>,
    worst: Vec<Loss>,
    timeline: Vec<Stretch>,
}

impl RunTally {
    pub fn stage(&mut self, stage: Stage, milli_ns: u128) {
        self.stages[stage as usize] += milli_ns;
    }

    pub fn interrupted(&mut self, cause: Cause) {
        self.interruptions[cause as usize] += 1;
    }

    /// Keeps the dearest; among equals the earlier.
    pub fn worst(&mut self, loss: Loss) {
        let at = self.worst.partition_point(|w| w.usd >= loss.usd);
        if at < WORST {
            self.worst.insert(at, loss);
            self.worst.truncate(WORST);
        }
    }

    pub fn finish(&mut self, f: Finish) {
        match f.met {
            Some(true) => self.deadline.0 += 1,
            Some(false) => self.deadline.1 += 1,
            None => {}
        }
        if self.finishes.len() < FINISHES {
            self.finishes.push(f);
        }
    }

    pub fn timeline(&mut self, s: Stretch) {
        if self.timeline.len() < STRETCHES {
            self.timeline.push(s);
        }
    }

    pub fn outcome(&self) -> RunOutcome {
        RunOutcome {
            interruptions: self.interruptions.to_vec(),
            stages: self.stages.iter().map(|s| Exact(*s)).collect(),
            checkpoints: self.checkpoints,
            saves: self.saves,
            saves_failed: self.saves_failed,
            notice_to_safe: self.notice_to_safe.clone(),
            deadline_met: self.deadline.0,
            deadline_missed: self.deadline.1,
            finishes: self.finishes.clone(),
            worst: self.worst.clone(),
            timeline: self.timeline.clone(),
        }
    }
}

/// All counts.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub work: Vec<WorkTally>,
    pub runs: Vec<RunTally>,
    pub bands: Vec<(Histogram, u64)>,
    pub pools: Vec<(Histogram, u64)>,
    pub notices: Vec<String>,
    pub rejected_by_quota: u64,
    pub rejected_by_size: u64,
    length: Integral,
    waited: u128,
    pub waiting_jobs: Buckets,
    pub waiting_milli: Buckets,
    /// Waiting demand by first choice.
    pub wanted: Vec<Buckets>,
    targets: Vec<Option<u64>>,
    window: (SimTime, SimTime),
    longest: u64,
    seq: u64,
    began: bool,
}

impl Tally {
    pub fn of(model: &Model) -> Tally {
        let window = (model.window_start(), model.end());
        let n = buckets(window, model.bucket);
        let series = || Buckets::new(window.0, model.bucket, n);
        Tally {
            work: model.work.iter().map(|_| WorkTally::default()).collect(),
            runs: model.work.iter().map(|_| RunTally::default()).collect(),
            bands: BANDS.iter().map(|_| (Histogram::new(), 0)).collect(),
            pools: model.pools.iter().map(|_| (Histogram::new(), 0)).collect(),
            notices: Vec::new(),
            rejected_by_quota: 0,
            rejected_by_size: 0,
            length: Integral::new(window.0, 0),
            waited: 0,
            waiting_jobs: series(),
            waiting_milli: series(),
            wanted: model.pools.iter().map(|_| series()).collect(),
            targets: model.work.iter().map(|w| w.wait_target.map(|(d, _)| d.0)).collect(),
            window,
            longest: 0,
            seq: 0,
            began: false,
        }
    }

    /// The next place in the order of arrival.
    pub fn seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// The measured window begins with this many waiting. Whose the jobs in the system are is told by
    /// [`Tally::begin_work`].
    pub fn begin(&mut self, waiting: u64) {
        self.began = true;
        self.length.set(self.window.0, waiting);
        self.longest = waiting;
    }

    /// A job of this workload was already there when the window began.
    pub fn begin_work(&mut self, work: u16, running: bool) {
        let j = &mut self.work[work as usize].jobs;
        if running {
            j.running_at_start += 1;
        } else {
            j.queued_at_start += 1;
        }
    }

    pub fn arrived(&mut self, work: u16) {
        if self.began {
            self.work[work as usize].jobs.arrived += 1;
        }
    }

    pub fn rejected(&mut self, l: &Live, by_quota: bool) {
        if self.began {
            self.work[l.work as usize].jobs.rejected += 1;
            *(if by_quota { &mut self.rejected_by_quota } else { &mut self.rejected_by_size }) += 1;
        }
    }

    pub fn preempted(&mut self, work: u16) {
        if self.began {
            self.work[work as usize].jobs.preemptions += 1;
        }
    }

    pub fn interrupted(&mut self, work: u16) {
        if self.began {
            self.work[work as usize].jobs.interruptions += 1;
        }
    }

    pub fn queue_length(&mut self, now: SimTime, len: u64) {
        if self.began {
            self.length.set(now, len);
            self.longest = self.longest.max(len);
        }
    }

    /// A job leaves the queue after a wait.
    pub fn waited(&mut self, l: &Live, first: Option<PoolId>, now: SimTime) {
        let (a, b) = (l.queued.max(self.window.0), now.min(self.window.1));
        if a < b {
            self.waited += u128::from((b - a).0);
            let milli = l.job.total_milli();
            self.waiting_jobs.add(a, b, 1);
            self.waiting_milli.add(a, b, milli);
            if let Some(p) = first {
                self.wanted[p.0 as usize].add(a, b, milli);
            }
        }
    }

    /// A job starts for the first time.
    pub fn first_start(&mut self, l: &Live, pool: PoolId, now: SimTime) {
        if !self.began {
            return;
        }
        let wait = (now - l.job.arrive).0;
        let w = &mut self.work[l.work as usize];
        w.waits.record(wait);
        if let Some(target) = self.targets[l.work as usize] {
            w.of += 1;
            w.met += u64::from(wait <= target);
        }
        // Replicas are nobody's jobs: their waits are stages of their start-up.
        if l.replica.is_some() {
            return;
        }
        self.bands[band(l.job.total_milli())].0.record(wait);
        let p = &mut self.pools[pool.0 as usize];
        p.0.record(wait);
        p.1 += 1;
    }

    /// A job leaves the system, or the window ends with it.
    pub fn left(&mut self, l: &Live, end: JobEnd, now: SimTime) {
        if !self.began {
            return;
        }
        let target = self.targets[l.work as usize];
        let w = &mut self.work[l.work as usize];
        let j = &mut w.jobs;
        match end {
            JobEnd::Done => {
                j.done += 1;
                w.turnaround.record((now - l.job.arrive).0);
            }
            JobEnd::Failed => j.failed += 1,
            JobEnd::Cancelled => j.cancelled += 1,
            JobEnd::Rejected => j.rejected += 1,
            JobEnd::Running => j.running_at_end += 1,
            JobEnd::Queued => {
                j.queued_at_end += 1;
                self.bands[band(l.job.total_milli())].1 += u64::from(l.replica.is_none());
                if l.first_start == SimTime::MAX
                    && let Some(target) = target
                    && (now - l.job.arrive).0 > target
                {
                    w.of += 1;
                }
            }
        }
    }

    /// The window ends earlier than it was to: at the end of all work.
    pub fn cut(&mut self, end: SimTime) {
        self.window.1 = end;
    }

    /// The queue's own bookkeeping until `now`.
    pub fn queue(&self, now: SimTime) -> QueueTally {
        QueueTally { length_ns: Exact(self.length.total(now)), waited_ns: Exact(self.waited), longest: self.longest }
    }

    /// Waits by band; bands that no job was in are left out.
    pub fn wait_classes(&self) -> Vec<WaitClass> {
        BANDS
            .iter()
            .zip(&self.bands)
            .filter(|(_, (h, n))| h.count() > 0 || *n > 0)
            .map(|((name, _, _), (h, n))| WaitClass { name: (*name).to_owned(), waits: h.clone(), still_waiting: *n })
            .collect()
    }
}

fn band(milli: u64) -> usize {
    BANDS.iter().position(|(_, a, b)| (*a..=*b).contains(&milli)).unwrap_or(BANDS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_of_gang_has_its_band() {
        for (milli, name) in [
            (0, "CPU"),
            (500, "share"),
            (1000, "1"),
            (1999, "2–7"),
            (7999, "2–7"),
            (8000, "8"),
            (63_999, "9–63"),
            (1 << 40, "64+"),
        ] {
            assert_eq!(BANDS[band(milli)].0, name);
        }
    }
}
