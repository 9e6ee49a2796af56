//! Windows over past recommendations (upstream's `stabilizeRecommendation` and
//! `stabilizeRecommendationWithBehaviors`).

use crate::units::{Duration, SimTime};

/// What the metrics asked for once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Replicas.
    pub replicas: i32,
    /// When.
    pub at: SimTime,
}

/// How far back each direction looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The least asked for within it holds a step up back.
    pub up: Duration,
    /// The most asked for within it holds a step down back.
    pub down: Duration,
}

/// Whether a window changed what was asked for; the reason of the condition `AbleToScale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stabilised {
    /// `ReadyForNewScale`.
    No,
    /// `ScaleUpStabilized`.
    Up,
    /// `ScaleDownStabilized`.
    Down,
}

impl Stabilised {
    /// The reason as Kubernetes writes it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Stabilised::No => "ReadyForNewScale",
            Stabilised::Up => "ScaleUpStabilized",
            Stabilised::Down => "ScaleDownStabilized",
        }
    }
}

/// Without a behaviour: the most of `wanted` and all that was asked for within the window, its far end included.
/// `wanted` takes the slot of the last expired one, or a new one.
pub fn plain(log: &mut Vec<Recommendation>, window: Duration, wanted: i32, now: SimTime) -> i32 {
    let (mut most, mut expired) = (wanted, None);
    for (i, r) in log.iter().enumerate() {
        if now.since(r.at) > window {
            expired = Some(i);
        } else {
            most = most.max(r.replicas);
        }
    }
    keep(log, expired, wanted, now);
    most
}

/// With windows for both directions, their far ends excluded: the nearest to `current` between the least asked for
/// within the window up and the most within the window down. What is remembered is `wanted`, as it was asked for; it
/// takes the slot of the last one that both windows have left, or a new one.
pub fn with_windows(
    log: &mut Vec<Recommendation>,
    windows: Windows,
    current: i32,
    wanted: i32,
    now: SimTime,
) -> (i32, Stabilised) {
    let (mut up, mut down, mut expired) = (wanted, wanted, None);
    for (i, r) in log.iter().enumerate() {
        let age = now.since(r.at);
        if age < windows.up {
            up = up.min(r.replicas);
        }
        if age < windows.down {
            down = down.max(r.replicas);
        }
        if age > windows.up && age > windows.down {
            expired = Some(i);
        }
    }
    // `up ≤ wanted ≤ down`, so the two cannot contradict each other.
    let replicas = current.max(up).min(down);
    keep(log, expired, wanted, now);
    let able = match replicas == wanted {
        true => Stabilised::No,
        false if wanted >= current => Stabilised::Up,
        false => Stabilised::Down,
    };
    (replicas, able)
}

fn keep(log: &mut Vec<Recommendation>, slot: Option<usize>, replicas: i32, now: SimTime) {
    let new = Recommendation { replicas, at: now };
    match slot {
        Some(i) => log[i] = new,
        None => log.push(new),
    }
}
