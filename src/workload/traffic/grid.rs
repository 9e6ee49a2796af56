//! Whether the times of a trace lie on a grid, and on which.

use std::collections::BTreeMap;

/// Counts of the gaps between times.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    gaps: u64,
    ties: u64,
    /// How often each gap above 0 came, for the first [`MOST`] different ones.
    counts: BTreeMap<u64, u64>,
}

/// Enough to hold all gaps of a grid; times that lie on none have more different ones than that.
const MOST: usize = 4096;
/// Fewer gaps say nothing.
const LEAST: u64 = 100;
/// From this share of ties on times are taken to lie on a grid. Where they are as fine as they can be, ties are rare.
const TIES: f64 = 0.1;

impl Grid {
    pub fn gap(&mut self, gap: u64) {
        self.gaps += 1;
        if gap == 0 {
            self.ties += 1;
        } else if let Some(n) = self.counts.get_mut(&gap) {
            *n += 1;
        } else if self.counts.len() < MOST {
            self.counts.insert(gap, 1);
        }
    }

    /// The step: the commonest gap above 0 (the least of them), if so many times coincide that there must be one. On
    /// a grid, gaps of one step are the commonest whatever the rate, if arrivals are independent.
    pub fn step(&self) -> Option<crate::units::Duration> {
        if self.gaps < LEAST || (self.ties as f64) < TIES * self.gaps as f64 {
            return None;
        }
        let best = self.counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        best.map(|(gap, _)| crate::units::Duration(*gap))
    }
}
