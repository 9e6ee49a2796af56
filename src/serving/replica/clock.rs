//! A replica's own clock: picoseconds inside, whole nanoseconds outside.

use crate::serving::cost::PS_PER_NS;
use crate::units::SimTime;

/// An instant to the picosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    ns: u64,
    /// Picoseconds beyond, below 1,000.
    ps: u64,
}

impl Instant {
    /// A whole nanosecond.
    pub const fn at(t: SimTime) -> Instant {
        Instant { ns: t.0, ps: 0 }
    }

    /// So many picoseconds later.
    #[inline]
    pub const fn after(self, ps: u64) -> Instant {
        // The sum of both may exceed a u64 only where `ps` is beyond 213 days.
        let ps = ps.saturating_add(self.ps);
        Instant { ns: self.ns.saturating_add(ps / PS_PER_NS), ps: ps % PS_PER_NS }
    }

    /// The first whole nanosecond that is not before it: what happens is not seen before it has happened.
    #[inline]
    pub const fn ceil(self) -> SimTime {
        SimTime(if self.ps == 0 { self.ns } else { self.ns.saturating_add(1) })
    }

    /// Picoseconds from here to `t`; zero when `t` is past, at most 213 days.
    #[inline]
    pub const fn until(self, t: SimTime) -> u64 {
        if t.0 <= self.ns {
            return 0;
        }
        (t.0 - self.ns).saturating_mul(PS_PER_NS).saturating_sub(self.ps)
    }

    /// Picoseconds since `earlier`, at most 213 days.
    pub const fn since(self, earlier: Instant) -> u64 {
        (self.ns.saturating_sub(earlier.ns).saturating_mul(PS_PER_NS).saturating_add(self.ps))
            .saturating_sub(earlier.ps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picoseconds_add_up_and_round_up_at_the_edge() {
        let t = Instant::at(SimTime(5)).after(2_300);
        assert_eq!((t.ceil(), t.after(700).ceil(), t.after(701).ceil()), (SimTime(8), SimTime(8), SimTime(9)));
        assert_eq!((t.until(SimTime(8)), t.until(SimTime(7)), t.since(Instant::at(SimTime(5)))), (700, 0, 2_300));
        assert_eq!(t.after(u64::MAX).until(SimTime::ZERO), 0);
    }
}
