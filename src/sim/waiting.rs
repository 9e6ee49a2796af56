//! The waiting room: jobs in classes of the same shape, each class in the order of service.
//!
//! Jobs of one class differ only in their place in line: when its first cannot start, none of it can. A pass over the queue
//! is therefore a pass over classes, however long the queue.

use std::collections::BTreeMap;

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
    line: BTreeMap<Place, JobId>,
    slot: u32,
}

impl Class {
    /// Milli-GPU of one such job.
    pub fn milli(&self) -> u64 {
        u64::from(self.request.total_milli()) * u64::from(self.key.pods)
    }

    /// The first in line.
    pub fn head(&self) -> Option<(Place, JobId)> {
        self.line.first_key_value().map(|(p, j)| (*p, *j))
    }

    /// The whole line.
    pub fn line(&self) -> impl Iterator<Item = (Place, JobId)> {
        self.line.iter().map(|(p, j)| (*p, *j))
    }
}

/// All classes, and which of them have anyone waiting.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitingRoom {
    classes: Vec<Class>,
    ids: FxHashMap<ClassKey, ClassId>,
    active: Vec<ClassId>,
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
        self.classes.push(Class { key, request, pools, possible, line: BTreeMap::new(), slot: u32::MAX });
        self.ids.insert(key, id);
        id
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The classes with anyone waiting, in no particular order: sort what you take from here.
    pub fn active(&self) -> &[ClassId] {
        &self.active
    }

    pub fn join(&mut self, id: ClassId, place: Place, job: JobId) {
        let class = &mut self.classes[id.0 as usize];
        if class.line.is_empty() {
            class.slot = self.active.len() as u32;
            self.active.push(id);
        }
        let before = class.line.insert(place, job);
        debug_assert!(before.is_none(), "two jobs in one place");
        self.len += 1;
    }

    pub fn leave(&mut self, id: ClassId, place: Place) {
        let class = &mut self.classes[id.0 as usize];
        let was = class.line.remove(&place);
        debug_assert!(was.is_some(), "a job leaves a line that it is not in");
        self.len -= 1;
        if class.line.is_empty() {
            let slot = std::mem::replace(&mut class.slot, u32::MAX);
            self.active.swap_remove(slot as usize);
            if let Some(moved) = self.active.get(slot as usize) {
                self.classes[moved.0 as usize].slot = slot;
            }
        }
    }
}

/// Who is first under an order: a key that compares across classes. The fair share of the group, then the order's own
/// key, then arrival.
pub(super) type Rank = (OrderedFloat<f64>, Place);

/// A job's own key within its class.
pub(super) fn own_key(order: &Order, job: &Job) -> u64 {
    match order {
        Order::Arrival | Order::FairShare { .. } => 0,
        Order::ShortestWork => job.work.0,
        // Higher first: map i32 onto u64 upside down.
        Order::Priority => (i64::from(i32::MAX) - i64::from(job.priority)) as u64,
    }
}
