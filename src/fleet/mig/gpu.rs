//! One GPU's instances.
//!
//! ```text
//! MIG off → toggling → MIG on;  creating → ready ⇄ bound;  ready → destroying → gone
//! ```
//!
//! Changing one instance leaves the others alone (so nos, instaslice and NVIDIA's DRA driver work). A busy one cannot be
//! destroyed. Switching MIG on or off, and applying a whole layout as NVIDIA's mig-manager does, need the GPU idle.
//! How long a change takes is for whoever makes it: here it begins and ends.

use std::sync::Arc;

use smallvec::SmallVec;

use super::refusal::Refusal;
use crate::catalog::mig::{Geometry, Profile, ProfileId, Slices};

/// A profile and the memory slice from which it lies.
pub type Placement = (ProfileId, u8);

/// An instance of a GPU; never reused on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its slices are taken; nothing can run yet.
    Creating,
    /// Free to be used.
    Ready,
    /// In use.
    Bound,
    /// Going; its slices are still taken.
    Destroying,
}

impl Phase {
    /// In words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Phase::Creating => "still being created",
            Phase::Ready => "ready and unused",
            Phase::Bound => "in use",
            Phase::Destroying => "being destroyed",
        }
    }
}

/// Whether the GPU is in MIG mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The GPU is whole.
    Off,
    /// Switching, to on when true.
    Toggling(bool),
    /// It may be cut.
    On,
}

impl Mode {
    /// In words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Toggling(true) => "being switched on",
            Mode::Toggling(false) => "being switched off",
            Mode::On => "on",
        }
    }
}

/// One instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id on the GPU.
    pub id: InstanceId,
    /// Its profile.
    pub profile: ProfileId,
    /// Its first memory slice.
    pub start: u8,
    /// Where it is in its life.
    pub phase: Phase,
}

/// The instances of one GPU.
#[derive(Clone, Debug)]
pub struct MigGpu {
    geometry: Arc<Geometry>,
    mode: Mode,
    occupied: Slices,
    /// Ascending by id.
    instances: SmallVec<[Instance; 8]>,
    next: u32,
}

impl MigGpu {
    /// A GPU in MIG mode without instances.
    #[must_use]
    pub fn new(geometry: Arc<Geometry>) -> MigGpu {
        MigGpu { geometry, mode: Mode::On, occupied: Slices::NONE, instances: SmallVec::new(), next: 0 }
    }

    /// A GPU that is not in MIG mode.
    #[must_use]
    pub fn whole(geometry: Arc<Geometry>) -> MigGpu {
        MigGpu { mode: Mode::Off, ..MigGpu::new(geometry) }
    }

    /// How it can be cut.
    #[must_use]
    pub const fn geometry(&self) -> &Arc<Geometry> {
        &self.geometry
    }

    /// Whether it is in MIG mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Memory slices that are taken.
    #[must_use]
    pub const fn occupied(&self) -> Slices {
        self.occupied
    }

    /// Memory slices that are free.
    #[must_use]
    pub fn free(&self) -> Slices {
        self.geometry.all().without(self.occupied)
    }

    /// Compute slices of all instances; at most 255, which only a made-up grid could pass.
    #[must_use]
    pub fn compute_used(&self) -> u8 {
        let each = self.instances.iter().map(|i| self.geometry.profile(i.profile).compute);
        each.fold(0, u8::saturating_add)
    }

    /// SMs of all instances; `None` where one's are not known.
    #[must_use]
    pub fn sms_used(&self) -> Option<u32> {
        self.instances.iter().map(|i| self.geometry.profile(i.profile).sms.map(u32::from)).sum()
    }

    /// The instances, by ascending id.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The instance of an id.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.iter().find(|i| i.id == id)
    }

    /// The instance that begins at a slice.
    #[must_use]
    pub fn at(&self, start: u8) -> Option<&Instance> {
        self.instances.iter().find(|i| i.start == start)
    }

    /// The slices of an instance of this GPU.
    #[must_use]
    pub fn slices(&self, i: &Instance) -> Slices {
        self.profile(i.profile).at(i.start)
    }

    /// What lies where, by ascending start.
    #[must_use]
    pub fn layout(&self) -> Vec<Placement> {
        let mut all: Vec<Placement> = self.instances.iter().map(|i| (i.profile, i.start)).collect();
        all.sort_by_key(|(_, start)| *start);
        all
    }

    /// How many instances are in use.
    #[must_use]
    pub fn bound(&self) -> u8 {
        self.instances.iter().filter(|i| i.phase == Phase::Bound).count() as u8
    }

    fn profile(&self, id: ProfileId) -> &Profile {
        self.geometry.profile(id)
    }

    /// What forbids one more of a profile wherever it lies: its maximum, or media engines.
    fn barred(&self, id: ProfileId) -> Result<(), Refusal> {
        let p = self.profile(id);
        let count = self.instances.iter().filter(|i| i.profile == id).count();
        if count >= usize::from(p.max) {
            return Err(Refusal::Limit { profile: id });
        }
        match self.instances.iter().find(|i| self.profile(i.profile).media.clashes(p.media)) {
            Some(i) => Err(Refusal::Media { profile: id, beside: i.profile }),
            None => Ok(()),
        }
    }

    fn in_mode(&self) -> Result<(), Refusal> {
        if self.mode == Mode::On { Ok(()) } else { Err(Refusal::Mode(self.mode)) }
    }

    /// Whether an instance of a profile may be created from a start on. A start that is none is said before slices that
    /// are taken, and those before limits.
    ///
    /// # Errors
    /// Why not.
    pub fn legal(&self, id: ProfileId, start: u8) -> Result<(), Refusal> {
        self.in_mode()?;
        let p = self.profile(id);
        if !p.starts.has(start) {
            return Err(Refusal::NotAStart { profile: id, start });
        }
        let taken = Slices(p.at(start).0 & self.occupied.0);
        if !taken.is_empty() {
            return Err(Refusal::Occupied { profile: id, start, taken });
        }
        self.barred(id)
    }

    /// The starts from which an instance of a profile may be created now; never empty.
    ///
    /// # Errors
    /// Why there are none: no room is said before limits.
    pub fn starts(&self, id: ProfileId) -> Result<Slices, Refusal> {
        self.in_mode()?;
        let free = self.profile(id).free_starts(self.occupied);
        if free.is_empty() {
            return Err(Refusal::NoFreeStart { profile: id, free: self.free().count() });
        }
        self.barred(id).map(|()| free)
    }

    /// Begins to create an instance: its slices are taken from now on.
    ///
    /// # Errors
    /// As [`MigGpu::legal`].
    pub fn begin_create(&mut self, profile: ProfileId, start: u8) -> Result<InstanceId, Refusal> {
        self.legal(profile, start)?;
        let id = InstanceId(self.next);
        self.next += 1;
        self.occupied = self.occupied.with(self.profile(profile).at(start));
        self.instances.push(Instance { id, profile, start, phase: Phase::Creating });
        self.check();
        Ok(id)
    }

    /// The instance is there.
    ///
    /// # Errors
    /// It was not being created.
    pub fn finish_create(&mut self, id: InstanceId) -> Result<(), Refusal> {
        self.step(id, Phase::Creating, Phase::Ready)
    }

    /// Creates an instance that is ready at once.
    ///
    /// # Errors
    /// As [`MigGpu::legal`].
    pub fn create(&mut self, profile: ProfileId, start: u8) -> Result<InstanceId, Refusal> {
        let id = self.begin_create(profile, start)?;
        self.finish_create(id).map(|()| id)
    }

    /// Something begins to run on an instance that is ready.
    ///
    /// # Errors
    /// It is not ready, or already in use.
    pub fn bind(&mut self, id: InstanceId) -> Result<(), Refusal> {
        self.step(id, Phase::Ready, Phase::Bound)
    }

    /// Nothing runs on it any more.
    ///
    /// # Errors
    /// It was not in use.
    pub fn release(&mut self, id: InstanceId) -> Result<(), Refusal> {
        self.step(id, Phase::Bound, Phase::Ready)
    }

    /// Begins to destroy an instance: its slices are still taken.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when it is in use; [`Refusal::Phase`] when it is not ready.
    pub fn begin_destroy(&mut self, id: InstanceId) -> Result<(), Refusal> {
        match self.instance(id).map(|i| i.phase) {
            Some(Phase::Bound) => Err(Refusal::Busy(id)),
            _ => self.step(id, Phase::Ready, Phase::Destroying),
        }
    }

    /// The instance is gone and its slices are free.
    ///
    /// # Errors
    /// It was not being destroyed.
    pub fn finish_destroy(&mut self, id: InstanceId) -> Result<(), Refusal> {
        let at = self.instances.iter().position(|i| i.id == id).ok_or(Refusal::NoInstance(id))?;
        let i = self.instances[at];
        if i.phase != Phase::Destroying {
            return Err(Refusal::Phase { id, phase: i.phase });
        }
        self.occupied = self.occupied.without(self.slices(&i));
        self.instances.remove(at);
        self.check();
        Ok(())
    }

    /// Destroys an instance at once.
    ///
    /// # Errors
    /// As [`MigGpu::begin_destroy`].
    pub fn destroy(&mut self, id: InstanceId) -> Result<(), Refusal> {
        self.begin_destroy(id)?;
        self.finish_destroy(id)
    }

    fn step(&mut self, id: InstanceId, from: Phase, to: Phase) -> Result<(), Refusal> {
        let i = self.instances.iter_mut().find(|i| i.id == id).ok_or(Refusal::NoInstance(id))?;
        if i.phase != from {
            return Err(Refusal::Phase { id, phase: i.phase });
        }
        i.phase = to;
        Ok(())
    }

    /// Whether nothing on the GPU is in use or on its way: what a change of the whole needs.
    ///
    /// # Errors
    /// [`Refusal::GpuBusy`], or the instance that is being created or destroyed.
    pub fn idle(&self) -> Result<(), Refusal> {
        let bound = self.bound();
        if bound > 0 {
            return Err(Refusal::GpuBusy { bound });
        }
        match self.instances.iter().find(|i| i.phase != Phase::Ready) {
            Some(i) => Err(Refusal::Phase { id: i.id, phase: i.phase }),
            None => Ok(()),
        }
    }

    /// Begins to switch MIG on or off. Instances are lost; all of them must be unused (NVML says `IN_USE` otherwise and
    /// leaves the change pending). On GPUs whose [`Geometry::reset_to_toggle`] is set this resets the GPU.
    ///
    /// # Errors
    /// As [`MigGpu::idle`], or it is that way already or switching.
    pub fn begin_toggle(&mut self) -> Result<(), Refusal> {
        let to = match self.mode {
            Mode::Off => true,
            Mode::On => false,
            Mode::Toggling(_) => return Err(Refusal::Mode(self.mode)),
        };
        self.idle()?;
        self.clear();
        self.mode = Mode::Toggling(to);
        Ok(())
    }

    /// The switch is done.
    ///
    /// # Errors
    /// It was not switching.
    pub fn finish_toggle(&mut self) -> Result<(), Refusal> {
        let Mode::Toggling(to) = self.mode else { return Err(Refusal::Mode(self.mode)) };
        self.mode = if to { Mode::On } else { Mode::Off };
        Ok(())
    }

    /// Puts a whole layout in place of all instances, which are ready at once: what mig-parted's `SetMigConfig` does. All
    /// or nothing.
    ///
    /// # Errors
    /// As [`MigGpu::idle`], or a placement that the ones before it forbid; nothing has changed then.
    pub fn replace(&mut self, layout: &[Placement]) -> Result<Vec<InstanceId>, Refusal> {
        self.in_mode()?;
        self.idle()?;
        let mut new = self.clone();
        new.clear();
        let ids = layout.iter().map(|(p, s)| new.create(*p, *s)).collect::<Result<Vec<_>, _>>()?;
        *self = new;
        Ok(ids)
    }

    /// The GPU was reset or its node rebooted: every instance is gone, whatever its phase, and a switch of the mode that
    /// was under way is done.
    pub fn reset(&mut self) {
        self.clear();
        if let Mode::Toggling(to) = self.mode {
            self.mode = if to { Mode::On } else { Mode::Off };
        }
    }

    fn clear(&mut self) {
        self.instances.clear();
        self.occupied = Slices::NONE;
    }

    /// The occupied slices are those of the instances, none twice.
    fn check(&self) {
        if !cfg!(debug_assertions) {
            return;
        }
        let sum: u32 = self.instances.iter().map(|i| u32::from(self.profile(i.profile).size)).sum();
        let union = self.instances.iter().fold(Slices::NONE, |m, i| m.with(self.slices(i)));
        debug_assert!(union == self.occupied && sum == u32::from(union.count()), "slices and instances disagree");
    }
}
