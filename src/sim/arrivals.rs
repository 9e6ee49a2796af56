//! Jobs of all workloads, merged by time; among equals the earlier workload first.

use std::sync::Arc;

use crate::kernel::Streams;
use crate::scenario::model::{Model, Source};
use crate::units::SimTime;
use crate::workload::Job;
use crate::workload::synth::{Calendar, Jobs};

/// One workload's jobs still to come.
enum Feed<'m> {
    Trace(Arc<[Job]>, usize),
    Synth(Box<Jobs<'m>>),
}

impl Feed<'_> {
    fn next(&mut self) -> Option<Job> {
        match self {
            Feed::Trace(jobs, at) => {
                *at += 1;
                jobs.get(*at - 1).copied()
            }
            Feed::Synth(it) => it.next(),
        }
    }
}

struct Lane<'m> {
    feed: Feed<'m>,
    head: Option<Job>,
    ordinal: u64,
}

/// All workloads' jobs still to come.
pub(super) struct Arrivals<'m> {
    lanes: Vec<Lane<'m>>,
    next: Option<usize>,
}

impl<'m> Arrivals<'m> {
    pub fn of(model: &'m Model, streams: &Streams) -> Arrivals<'m> {
        let zone = model.start.time_zone().clone();
        let epoch = model.start.timestamp() - jiff::SignedDuration::from_nanos(model.warmup.0 as i64);
        let calendar = Calendar { epoch, zone };
        let lanes = model
            .work
            .iter()
            .map(|w| {
                let mut feed = match &w.source {
                    Source::Jobs(jobs) => Feed::Trace(Arc::clone(jobs), 0),
                    Source::Synth(s) => Feed::Synth(Box::new(s.jobs(streams, &calendar, SimTime::ZERO, model.end()))),
                    // Its replicas come when its scaler says so.
                    Source::Service(_) => Feed::Trace(Arc::from([]), 0),
                };
                let head = feed.next();
                Lane { feed, head, ordinal: 0 }
            })
            .collect();
        let mut all = Arrivals { lanes, next: None };
        all.find();
        all
    }

    /// When the next job arrives.
    pub fn next_time(&self) -> Option<SimTime> {
        self.next.and_then(|i| self.lanes[i].head).map(|j| j.arrive)
    }

    /// Takes the next job, with its workload and its ordinal there.
    pub fn take(&mut self) -> Option<(u16, u64, Job)> {
        let i = self.next?;
        let lane = &mut self.lanes[i];
        let job = lane.head.take()?;
        let ordinal = lane.ordinal;
        lane.ordinal += 1;
        lane.head = lane.feed.next();
        debug_assert!(lane.head.is_none_or(|n| n.arrive >= job.arrive), "a source yields jobs in order of arrival");
        self.find();
        Some((i as u16, ordinal, job))
    }

    fn find(&mut self) {
        self.next = (0..self.lanes.len())
            .filter(|i| self.lanes[*i].head.is_some())
            .min_by_key(|i| self.lanes[*i].head.map_or(SimTime::MAX, |j| j.arrive));
    }
}
