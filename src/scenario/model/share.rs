//! How the GPUs of a pool are shared out: MIG instances, or turns that pods take on a GPU.

use std::sync::Arc;

use crate::fleet::Cut;
use crate::fleet::sharing::contention::Contention;
use crate::policy::placement::CutOrders;
use crate::units::Duration;

/// How the GPUs of a pool are shared out.
#[derive(Clone, Debug)]
pub struct Share {
    /// The places of each GPU when a node comes up.
    pub cut: Arc<Cut>,
    /// Which of them pods take first.
    pub orders: CutOrders,
    /// What there is to know of each slice that the run's work asks for, by the index of [`crate::workload::Request::slice`].
    pub slices: Vec<Option<Slice>>,
    /// How long making an instance takes, where they are made on demand.
    pub create: Duration,
    /// How long destroying one takes.
    pub destroy: Duration,
    /// By how much pods that take turns slow each other down.
    pub turns: Option<Turns>,
}

/// A slice as this pool has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its profile: `1g.10gb`.
    pub name: String,
    /// Its compute as a share of the whole GPU's without MIG.
    pub compute: f64,
    /// Compute slices.
    pub slices: u8,
}

/// Pods that take turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turns {
    /// Whether they run at once through one MPS server; else one after the other.
    pub mps: bool,
    /// The coefficients.
    pub contention: Contention,
    /// How often what a replica had to do is measured, which tells how much it slows others.
    pub look: Duration,
}
