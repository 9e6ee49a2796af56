//! Metering, charges and their allocation: where every billed GPU-nanosecond and every dollar goes, exactly once.
//!
//! *Invariants:* no policy here. Two independent integrals, of what was billed and of what it was spent on, must agree
//! to the unit at the end of every run; the charges add up to the bill to the pico-dollar.

pub mod book;
pub mod shared;
pub mod tariff;

pub use book::{Books, Held, Ledger, Line, LineKind, PoolBook};
pub use shared::SharedGpus;
pub use tariff::{Metering, Power, PriceStep, Tariff, Unit};
