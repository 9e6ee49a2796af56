//! How jobs use the GPUs that they hold.

use super::laws;
use crate::kernel::{Dist, Streams};
use crate::scenario::file::laws::ShareLaw;
use crate::scenario::file::work::GpuUse;
use crate::units::{Diagnostics, Fraction, Name};
use crate::workload::Use;
use crate::workload::synth::Usage;

pub(super) fn usage(u: &GpuUse, out: &mut Diagnostics) -> Option<Usage> {
    let known = |l: &ShareLaw, none: Fraction| *l == ShareLaw::Constant(none);
    let busy = if known(&u.busy, Fraction::ONE) { None } else { Some(laws::share(&u.busy, u.busy.at, out)?) };
    let stall =
        if known(&u.stalled, Fraction::ZERO) { None } else { Some(laws::share(&u.stalled, u.stalled.at, out)?) };
    let gpu_mem_mib = u.memory.and_then(|m| Dist::constant(m.mib_ceil() as f64).ok());
    Some(Usage { busy, stall, gpu_mem_mib })
}

/// Use drawn for the jobs of a trace that does not say, once, when it is read: the same in every replication.
pub(super) struct Draws {
    busy: Option<(Dist, crate::kernel::Stream)>,
    stall: Option<(Dist, crate::kernel::Stream)>,
    mem: u32,
}

impl Draws {
    pub fn new(seed: u64, name: &Name, u: &GpuUse, out: &mut Diagnostics) -> Option<Draws> {
        let laws = usage(u, out)?;
        let streams = Streams::new(seed, 0);
        let with = |d: Option<Dist>, purpose: &str| d.map(|d| (d, streams.stream(purpose, name.as_str(), 0)));
        Some(Draws {
            busy: with(laws.busy, "busy"),
            stall: with(laws.stall, "stall"),
            mem: u.memory.map_or(0, |m| u32::try_from(m.mib_ceil()).unwrap_or(u32::MAX)),
        })
    }

    pub fn next(&mut self) -> Use {
        let ppm = |d: &mut Option<(Dist, crate::kernel::Stream)>, none: u32| {
            d.as_mut().map_or(none, |(d, s)| (d.sample(s).clamp(0.0, 1.0) * 1e6).round() as u32)
        };
        Use { busy_ppm: ppm(&mut self.busy, 1_000_000), stall_ppm: ppm(&mut self.stall, 0), gpu_mem_mib: self.mem }
    }
}
