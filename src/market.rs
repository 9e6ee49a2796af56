//! Capacity that comes and goes: what a market offers over time, when it takes nodes back, and when hardware fails.
//!
//! | file | what it holds |
//! |---|---|
//! | [`availability`] | what one place offers over time, as steps; runs up and down and their statistics |
//! | [`replay`] | a recorded availability laid over a run: where it begins, whether it goes around |
//! | [`mod@read`] | readers of published traces, life logs and price histories |
//! | [`lifetime`] | how long a node lives: a law, a calendar, a bathtub; alternating renewal |
//! | [`shock`] | correlated loss (Marshall and Olkin): many nodes at one instant |
//! | [`launch`] | launches that fail, back-off, quotas, boot |
//! | [`notice`] | how long before the kill one knows |
//! | [`price`] | a spot price as a path in time, and a bid against it |
//! | [`advisor`] | published interruption shares as hazards, with the exposure that this assumes |
//! | [`hardware`] | failures by node, lemons, repair |
//! | [`sound`] | `check`: which parameters make sense |
//!
//! *Invariants:* this room is pure: no event queue, no fleet, no money but prices. A process here says *when* and
//! *which slots*; what is done about it belongs below. One draw of luck costs a fixed number of a stream's numbers
//! wherever that is possible, so that two policies meet the same market.

pub mod advisor;
pub mod availability;
pub mod hardware;
pub mod launch;
pub mod lifetime;
pub mod notice;
pub mod price;
pub mod read;
pub mod replay;
pub mod shock;
pub mod sound;
#[cfg(test)]
mod tests;

pub use advisor::{Feed, Hazard};
pub use availability::{Availability, RunStats, Runs};
pub use hardware::{Hardware, Lemons};
pub use launch::{Backoff, Launch, LaunchFailure};
pub use lifetime::{Bathtub, Calendar, CalendarShape, Lifetime, OnOff};
pub use notice::{Early, Notice, SourcedNotice};
pub use price::{PricePath, Reverting};
pub use read::{
    How, Input, Life, LifeLog, Polarity, PricePoint, TraceFormat, read_availability, read_lifetimes, read_lives,
    read_price_history,
};
pub use replay::{Offset, Replay, ReplayError};
pub use shock::{Cause, Kill, Shock, gang_rate};
pub use sound::Unsound;

use crate::units::Duration;
use crate::units::time::NANOS_PER_HOUR;

/// Never, as a length of time.
pub const NEVER: Duration = Duration(u64::MAX);

/// Hours as a length of time, to the nearest nanosecond; beyond the range (or infinite) it is [`NEVER`], NaN and
/// negative are zero.
#[must_use]
pub fn hours(h: f64) -> Duration {
    // `as` saturates and sends NaN to zero.
    Duration((h * NANOS_PER_HOUR as f64).round() as u64)
}
