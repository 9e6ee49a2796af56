//! Jobs that are in the system: a slab whose places are used again.

use smallvec::SmallVec;

use super::runs::RunState;
use super::service::replica::ReplicaState;
use super::turns::Turn;
use super::waiting::ClassId;
use crate::kernel::Timer;
use crate::policy::placement::Spot;
use crate::units::{Activity, SimTime, Usd};
use crate::workload::Job;

/// A place in the slab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct JobId(pub u32);

/// A job in the system.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub job: Job,
    /// Its workload.
    pub work: u16,
    /// How many of its tiers are open.
    pub tier: u8,
    /// Its ordinal within its workload.
    pub ordinal: u64,
    /// Its place in the order of arrival over all workloads.
    pub seq: u64,
    /// Who pays.
    pub account: u32,
    /// The class it waits in.
    pub class: ClassId,
    /// When it last joined the queue.
    pub queued: SimTime,
    /// When it first started; `MAX` when it has not.
    pub first_start: SimTime,
    /// When its present run started; `MAX` while it waits.
    pub start: SimTime,
    /// When the instances that it runs on are made; the start where nothing has to be.
    pub made: SimTime,
    /// When its present run will be over.
    pub ends: SimTime,
    pub attempts: u32,
    /// Where it shares a GPU by turns: what is left of it.
    pub turn: Option<Turn>,
    pub end_timer: Option<Timer>,
    pub patience: Option<Timer>,
    pub widen: Option<Timer>,
    /// Where its pods are.
    pub pods: SmallVec<[Spot; 1]>,
    /// How it keeps its progress, where it does.
    pub run: Option<Box<RunState>>,
    /// What it is of a service, where it is a replica.
    pub replica: Option<Box<ReplicaState>>,
    /// For its row, kept only when rows are wanted.
    pub row: Option<Box<RowParts>>,
}

/// What a job's row adds up.
#[derive(Clone, Debug, Default)]
pub(super) struct RowParts {
    pub activity: [u128; Activity::COUNT],
    pub usd: Usd,
}

impl Live {
    pub fn is_running(&self) -> bool {
        self.start != SimTime::MAX
    }
}

/// The slab.
#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    slots: Vec<Option<Live>>,
    free: Vec<u32>,
}

impl Jobs {
    pub fn insert(&mut self, live: Live) -> JobId {
        match self.free.pop() {
            Some(i) => {
                self.slots[i as usize] = Some(live);
                JobId(i)
            }
            None => {
                self.slots.push(Some(live));
                JobId(self.slots.len() as u32 - 1)
            }
        }
    }

    pub fn remove(&mut self, id: JobId) -> Live {
        self.free.push(id.0);
        self.slots[id.0 as usize].take().expect("an id is given up once")
    }

    /// A job, unless it has left.
    pub fn get(&self, id: JobId) -> Option<&Live> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The live jobs in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (JobId, &Live)> {
        self.slots.iter().enumerate().filter_map(|(i, s)| s.as_ref().map(|l| (JobId(i as u32), l)))
    }
}

impl std::ops::Index<JobId> for Jobs {
    type Output = Live;
    fn index(&self, id: JobId) -> &Live {
        self.slots[id.0 as usize].as_ref().expect("ids of jobs that left are not kept")
    }
}
impl std::ops::IndexMut<JobId> for Jobs {
    fn index_mut(&mut self, id: JobId) -> &mut Live {
        self.slots[id.0 as usize].as_mut().expect("ids of jobs that left are not kept")
    }
}
