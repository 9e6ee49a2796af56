//! The waiting room: jobs in classes of the same shape, each class in the order of service.
//!
//! Jobs of one class differ only in their place in line: when its first cannot start, none of it can. A pass over the queue
//! is therefore a pass over classes, however long the queue.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use ordered_float::OrderedFloat;
use rustc_hash::FxHashMap;

use super::jobs::JobId;
use crate::fleet::PoolSet;
use crate::policy::placement::ShapeId;
use crate::policy::queue::Order;
use crate::workload::{Job, Request};

/// Index of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClassId(pub u32);

/// What makes jobs interchangeable to the scheduler, their place in line aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub shape: ShapeId,
    pub pods: u16,
    pub one_island: bool,
    /// Index of the set of quotas that it counts against.
    pub limits: u16,
    /// Group for fair share; 0 when that is not in force.
    pub group: u16,
}

/// Place in line within a class: the order's own key, then arrival.
pub(super) type Place = (u64, u64);

/// A class of interchangeable jobs.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub key: ClassKey,
    pub request: Request,
    pub pools: PoolSet,
    /// Whether the fleet, with all that will ever be added to it, could take such a job when empty.
    pub possible: bool,
    /// Where the fleet's log ended when there was last no room for such a job; `u64::MAX` when that is not known.
    pub full_at: u64,
    /// The first in line, apart from the rest so that a queue that is seldom longer than one allocates nothing.
    first: Option<(Place, JobId)>,
    rest: BTreeMap<Place, JobId>,
}

impl Class {
    /// Milli-GPU of one such job.
    pub fn milli(&self) -> u64 {
        u64::from(self.request.total_milli()) * u64::from(self.key.pods)
    }

    /// The first in line.
    pub fn head(&self) -> Option<(Place, JobId)> {
        self.first
    }

    /// The whole line.
    pub fn line(&self) -> impl Iterator<Item = (Place, JobId)> {
        self.first.into_iter().chain(self.rest.iter().map(|(p, j)| (*p, *j)))
    }

    /// The smallest first: milli-GPU, CPU and memory of a pod, then what else tells classes apart.
    fn size(&self) -> (u32, u32, u32, u16, ShapeId) {
        (self.request.total_milli(), self.request.cpu_milli, self.request.mem_mib, self.key.pods, self.key.shape)
    }
}

/// All classes, and which of them have anyone waiting.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitingRoom {
    classes: Vec<Class>,
    ids: FxHashMap<ClassKey, ClassId>,
    active: Vec<ClassId>,
    /// By pool, how many active classes may use it; and the pools that any may.
    users: Vec<u32>,
    wanted: PoolSet,
    /// The first of all in line; unknown after it left, until someone asks.
    first: Option<(Place, ClassId)>,
    len: u64,
}

impl WaitingRoom {
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.0 as usize]
    }

    pub fn find(&self, key: &ClassKey) -> Option<ClassId> {
        self.ids.get(key).copied()
    }

    pub fn define(&mut self, key: ClassKey, request: Request, pools: PoolSet, possible: bool) -> ClassId {
        let id = ClassId(self.classes.len() as u32);
        let full_at = u64::MAX;
        self.classes.push(Class { key, request, pools, possible, full_at, first: None, rest: BTreeMap::new() });
        self.ids.insert(key, id);
        id
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The classes with anyone waiting, the smallest request first.
    pub fn active(&self) -> &[ClassId] {
        &self.active
    }

    /// The pools that anyone waits for.
    pub fn wanted(&self) -> PoolSet {
        self.wanted
    }

    /// The class of the first of all in line, where places compare across classes: not under fair share.
    pub fn first(&mut self) -> Option<ClassId> {
        let least = || self.active.iter().filter_map(|c| self.class(*c).head().map(|(p, _)| (p, *c))).min();
        let first = self.first.or_else(least);
        debug_assert_eq!(first, least(), "the first in line is the least of the heads");
        self.first = first;
        first.map(|(_, c)| c)
    }

    /// Notes that the fleet had no room for a job of this class when its log ended there.
    pub fn set_full(&mut self, id: ClassId, log_end: u64) {
        self.classes[id.0 as usize].full_at = log_end;
    }

    pub fn join(&mut self, id: ClassId, place: Place, job: JobId) {
        // Unknown stays unknown, unless nobody waits: then whoever joins is the first.
        if self.len == 0 || self.first.is_some_and(|(p, _)| place < p) {
            self.first = Some((place, id));
        }
        self.len += 1;
        let class = &mut self.classes[id.0 as usize];
        let before = match class.first {
            None => {
                class.first = Some((place, job));
                let at = self.position(id);
                self.active.insert(at, id);
                self.count_users(id, true);
                None
            }
            Some((p, j)) if place < p => {
                class.first = Some((place, job));
                class.rest.insert(p, j)
            }
            Some(_) => class.rest.insert(place, job),
        };
        debug_assert!(before.is_none(), "two jobs in one place");
    }

    pub fn leave(&mut self, id: ClassId, place: Place) {
        if self.first.is_some_and(|(p, _)| p == place) {
            self.first = None;
        }
        self.len -= 1;
        let class = &mut self.classes[id.0 as usize];
        if class.first.is_some_and(|(p, _)| p == place) {
            class.first = class.rest.pop_first();
            if class.first.is_none() {
                let at = self.position(id);
                debug_assert_eq!(self.active.get(at), Some(&id), "a class with someone waiting is active");
                self.active.remove(at);
                self.count_users(id, false);
            }
        } else {
            let was = class.rest.remove(&place);
            debug_assert!(was.is_some(), "a job leaves a line that it is not in");
        }
    }

    /// A class becomes active or ceases to be.
    fn count_users(&mut self, id: ClassId, joins: bool) {
        for p in self.classes[id.0 as usize].pools.iter() {
            let i = p.0 as usize;
            if self.users.len() <= i {
                self.users.resize(i + 1, 0);
            }
            self.users[i] = if joins { self.users[i] + 1 } else { self.users[i] - 1 };
            self.wanted = if self.users[i] > 0 { self.wanted.with(p) } else { self.wanted.without(PoolSet::only(p)) };
        }
    }

    /// Where a class is or would be among the active ones.
    fn position(&self, id: ClassId) -> usize {
        let size = |c: ClassId| (self.class(c).size(), c);
        self.active.partition_point(|c| size(*c) < size(id))
    }
}

/// Who is first under an order: a key that compares across classes. The fair share of the group, then the order's own
/// key, then arrival.
pub(super) type Rank = (OrderedFloat<f64>, Place);

/// Classes by the rank of their first jobs, the first on top.
pub(super) type Line = BinaryHeap<Reverse<(Rank, ClassId)>>;

/// A job's own key within its class.
pub(super) fn own_key(order: &Order, job: &Job) -> u64 {
    match order {
        Order::Arrival | Order::FairShare { .. } => 0,
        Order::ShortestWork => job.work.0,
        // Higher first: map i32 onto u64 upside down.
        Order::Priority => (i64::from(i32::MAX) - i64::from(job.priority)) as u64,
    }
}
