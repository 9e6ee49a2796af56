//! How much slower co-runners make each other.
//!
//! `slowdown_i = 1 + k · Σ_{j≠i} duty_j`. With 1, 3, 5 and 7 pods of YOLOS-small on an A100 (nebuly-ai/nos
//! `demos/gpu-sharing-comparison`, mean latencies) the slowdown is linear in the co-runners: `k` is 1.13 to 1.16 for
//! time-slicing, 0.432 to 0.439 for MPS, and 0 for MIG. One data set, one model: an assumption elsewhere.

/// One of those who share a GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tenant {
    /// Share of time in which it has work, 0 to 1.
    pub duty: f64,
    /// Share of the GPU that it can use when alone, above 0, at most 1: 1 saturates it.
    pub uses: f64,
}

impl Tenant {
    /// Works all the time and fills the GPU.
    pub const SATURATING: Tenant = Tenant { duty: 1.0, uses: 1.0 };

    fn saturates(&self) -> bool {
        self.duty >= 1.0 && self.uses >= 1.0
    }
}

/// The coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contention {
    /// Time-slicing, for each co-runner that works all the time: 1.14, fitted (nos).
    pub time_slicing: f64,
    /// MPS: 0.435, fitted (nos).
    pub mps: f64,
    /// Added to `mps` where tenants compete for memory bandwidth: 0 by default, up to 0.3 (arXiv 2604.22430 saw 30 % less
    /// performance). An assumption.
    pub mps_memory: f64,
    /// By how much instances slow each other when all of a GPU's are busy with work that fills them: 1.04, for power. On an
    /// A30 four busy instances each lost about 4 %, and three lost nothing.
    pub mig_power: f64,
    /// The most work that time-slicing gets done on a GPU when all tenants saturate it, relative to one alone: 0.90 (nos
    /// with 3, 5 and 7 pods; 0.84 for large matrix products on an A30).
    pub time_slicing_most: f64,
}

impl Default for Contention {
    fn default() -> Contention {
        Contention { time_slicing: 1.14, mps: 0.435, mps_memory: 0.0, mig_power: 1.04, time_slicing_most: 0.90 }
    }
}

impl Contention {
    /// MISO's own simulator: 15 % for each co-runner under MPS, of which it allows two (boringlee24/socc22-miso
    /// `utils.py`).
    #[must_use]
    pub fn miso() -> Contention {
        Contention { mps: 0.15, ..Contention::default() }
    }

    /// How many times as long each tenant takes under time-slicing. When all saturate the GPU, together they get no more
    /// done than [`Contention::time_slicing_most`].
    #[must_use]
    pub fn time_sliced(&self, tenants: &[Tenant]) -> Vec<f64> {
        let mut out = linear(self.time_slicing, tenants);
        if tenants.len() > 1 && tenants.iter().all(Tenant::saturates) {
            let done: f64 = out.iter().map(|s| 1.0 / s).sum();
            stretch(&mut out, done / self.time_slicing_most);
        }
        out
    }

    /// How many times as long each tenant takes under MPS. Together they use no more than the GPU: where
    /// `Σ duty_i·uses_i/slowdown_i` would be above 1, all are slowed until it is not.
    #[must_use]
    pub fn mps(&self, tenants: &[Tenant]) -> Vec<f64> {
        let mut out = linear(self.mps + self.mps_memory, tenants);
        let used: f64 = out.iter().zip(tenants).map(|(s, t)| t.duty * t.uses / s).sum();
        stretch(&mut out, used);
        out
    }

    /// How many times as long work on a MIG instance takes because of the others. `all_busy`: every instance of a GPU that
    /// is fully cut works all the time and fills its instance.
    #[must_use]
    pub const fn mig(&self, all_busy: bool) -> f64 {
        if all_busy { self.mig_power } else { 1.0 }
    }
}

fn linear(k: f64, tenants: &[Tenant]) -> Vec<f64> {
    let duty =
        |skip: usize| -> f64 { tenants.iter().enumerate().filter(|(j, _)| *j != skip).map(|(_, t)| t.duty).sum() };
    (0..tenants.len()).map(|i| 1.0 + k * duty(i)).collect()
}

fn stretch(slowdowns: &mut [f64], by: f64) {
    if by > 1.0 {
        slowdowns.iter_mut().for_each(|s| *s *= by);
    }
}
