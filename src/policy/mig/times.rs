//! How long changes take.
//!
//! Bare latencies of creating and destroying instances are not published. Defaults are assumptions unless they say
//! otherwise; all can be replaced. What a job loses when it is restarted is not in here.

use super::layout::Apply;
use crate::catalog::mig::Geometry;
use crate::units::Duration;

/// Times of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Creating one instance: 1 s, an assumption. Drivers get slower with many (NVIDIA/gpu-operator issue 2155).
    pub create: Duration,
    /// Destroying one instance: 1 s, an assumption.
    pub destroy: Duration,
    /// Switching MIG on or off, a reset included: 30 s, an assumption.
    pub toggle: Duration,
    /// Rebooting the node, where a switch needs it (A100 and A30 passed through to a VM): 420 s, an assumption.
    pub reboot: Duration,
    /// Applying a layout with mig-manager, in which no GPU pod can start on the node: 240 s, the middle of the 3-5 minutes
    /// of a Red Hat quickstart.
    pub apply: Duration,
    /// The least that preparing an instance through dynamic resource allocation adds to the start of a pod: 2 s, an
    /// assumption.
    pub prepare_min: Duration,
    /// The most: 10 s, as comments in NVIDIA/k8s-dra-driver-gpu say of look-ups under load.
    pub prepare_max: Duration,
    /// How long mig-manager waits for each operand to stop, at most: 5 min (NVIDIA/mig-parted
    /// `pkg/mig/reconfigure/reconfigure.go`).
    pub operand_wait: Duration,
    /// How long it waits after stopping host services when the mode changes: 30 s (the same).
    pub settle: Duration,
}

impl Default for Times {
    fn default() -> Times {
        let s = Duration::from_secs;
        Times {
            create: s(1),
            destroy: s(1),
            toggle: s(30),
            reboot: s(420),
            apply: s(240),
            prepare_min: s(2),
            prepare_max: s(10),
            operand_wait: s(300),
            settle: s(30),
        }
    }
}

/// `n` times as long.
fn times(d: Duration, n: usize) -> Duration {
    Duration(d.0.saturating_mul(n as u64))
}

fn plus(a: Duration, b: Duration) -> Duration {
    Duration(a.0.saturating_add(b.0))
}

impl Times {
    /// Destroying so many instances and creating so many, one after the other: the driver takes one call at a time.
    #[must_use]
    pub fn change(&self, destroyed: usize, created: usize) -> Duration {
        plus(times(self.destroy, destroyed), times(self.create, created))
    }

    /// Switching MIG on or off. `vm`: the GPU is passed through to a virtual machine, which must reboot where the switch
    /// needs a reset of the GPU.
    #[must_use]
    pub fn switch(&self, g: &Geometry, vm: bool) -> Duration {
        if vm && g.reset_to_toggle() { plus(self.toggle, self.reboot) } else { self.toggle }
    }

    /// How long no GPU pod can start on the node while mig-manager applies a layout: nothing when it is applied already.
    #[must_use]
    pub fn outage(&self, apply: &Apply, g: &Geometry, vm: bool) -> Duration {
        match apply {
            Apply::Already => Duration::ZERO,
            Apply::Replace { toggle: false, .. } => self.apply,
            Apply::Replace { toggle: true, .. } => plus(self.apply, self.switch(g, vm)),
        }
    }
}
