//! What is gathered of a container.
//!
//! Rules: `pkg/recommender/model/{container,aggregate_container_state}.go`.

use super::histogram::{Buckets, Histogram};
use crate::units::{Duration, SimTime};

/// What a CPU sample weighs. Until February 2025 (commit ca812b36a3): its request in cores, at least this.
const CPU_WEIGHT: f64 = 0.1;
/// A tenth of a mebibyte's thousand: 100 MiB.
const HUNDRED_MIB: i64 = 100 << 20;

/// How memory is gathered. Defaults: `aggregations_config.go`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryConfig {
    /// Of each so long only the peak counts; 24 h.
    pub window: Duration,
    /// An OOM kill counts as so many bytes more than what was used; 100 MiB.
    pub oom_min_bump: i64,
    /// Or so many times as much, whichever is more; 1.2.
    pub oom_ratio: f64,
}

impl Default for MemoryConfig {
    fn default() -> MemoryConfig {
        MemoryConfig { window: Duration::from_hours(24), oom_min_bump: HUNDRED_MIB, oom_ratio: 1.2 }
    }
}

/// What is gathered of a container: of one pod, or of all of a controller's pods with it if the caller gives all their
/// samples here in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    cpu: Histogram,
    memory: Histogram,
    config: MemoryConfig,
    /// Of CPU samples.
    first: Option<SimTime>,
    last: SimTime,
    samples: u64,
    /// When the window ends; `None` before the first memory sample.
    window_end: Option<SimTime>,
    last_memory: SimTime,
    peak: i64,
    oom_peak: i64,
}

impl Default for Container {
    fn default() -> Container {
        Container::new(Duration::from_hours(24), Duration::from_hours(24), MemoryConfig::default())
    }
}

impl Container {
    /// One of which nothing is known yet. Upstream's half-lives are 24 h each. The memory window is above 0.
    #[must_use]
    pub fn new(cpu_half_life: Duration, memory_half_life: Duration, config: MemoryConfig) -> Container {
        Container {
            cpu: Histogram::new(Buckets::cpu(), Some(cpu_half_life)),
            memory: Histogram::new(Buckets::memory(), Some(memory_half_life)),
            config,
            first: None,
            last: SimTime::ZERO,
            samples: 0,
            window_end: None,
            last_memory: SimTime::ZERO,
            peak: 0,
            oom_peak: 0,
        }
    }
    /// CPU usage, in cores.
    #[must_use]
    pub const fn cpu(&self) -> &Histogram {
        &self.cpu
    }
    /// Memory peaks, in bytes.
    #[must_use]
    pub const fn memory(&self) -> &Histogram {
        &self.memory
    }
    /// From the first CPU sample to the last.
    #[must_use]
    pub fn lifespan(&self) -> Duration {
        self.first.map_or(Duration::ZERO, |first| self.last.since(first))
    }
    /// How many CPU samples there were.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// CPU in use over a while that begins at `at`.
    pub fn add_cpu(&mut self, milli: i64, at: SimTime) {
        self.cpu.add(milli as f64 / 1000.0, CPU_WEIGHT, at);
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(at);
        self.samples += 1;
    }

    /// Memory in use at `at`. False: older than one before, and not counted.
    pub fn add_memory(&mut self, bytes: i64, at: SimTime) -> bool {
        if at < self.last_memory {
            return false;
        }
        self.memory_sample(bytes, at, false);
        true
    }

    /// An OOM kill at `at` of a container that had requested `requested` bytes. False: older than the window before, and
    /// not counted.
    pub fn add_oom(&mut self, requested: i64, at: SimTime) -> bool {
        if self.window_end.is_some_and(|end| at < SimTime(end.0.saturating_sub(self.config.window.0))) {
            return false;
        }
        // Not the peak of an earlier kill: a row of them would drive it up without end.
        let used = requested.max(self.peak);
        let scaled = (used as f64 * self.config.oom_ratio) as i64;
        self.memory_sample(used.saturating_add(self.config.oom_min_bump).max(scaled), at, true);
        true
    }

    fn memory_sample(&mut self, bytes: i64, at: SimTime, oom: bool) {
        self.last_memory = at;
        let mut end = self.window_end.unwrap_or(at);
        if at < end {
            let old = self.peak.max(self.oom_peak);
            if old == 0 || bytes <= old {
                self.window_end = Some(end);
                return;
            }
            self.memory.subtract(old as f64, 1.0, end);
        } else {
            let window = self.config.window.0.max(1);
            let shift = (at.0 - end.0) / window * window + window;
            end += Duration(shift);
            (self.peak, self.oom_peak) = (0, 0);
        }
        self.window_end = Some(end);
        self.memory.add(bytes as f64, 1.0, end);
        if oom {
            self.oom_peak = bytes;
        } else {
            self.peak = bytes;
        }
    }
}
