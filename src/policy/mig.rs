//! MIG: where an instance goes, which layouts are applied, what is moved to make room, and how long that takes.
//!
//! | file | what it holds |
//! |---|---|
//! | [`frag`] | [`Mix`] of demand and the fragmentation of an occupied GPU under it |
//! | [`place`] | [`Placer`]: which GPU, and from which slice on |
//! | [`pack`] | many requests on one GPU and on several |
//! | [`layout`] | whole layouts, as mig-parted configures and applies them |
//! | [`dynamic`] | one pending request: use, create, make room, or wait |
//! | [`repack`] | whom to evict so that a request fits, and which GPU to empty |
//! | [`times`] | how long each change takes |
//!
//! Where an instance lies is policy, not geometry: `3g` and then `4g` fit an A100 when the 3g goes to slice 4, and do not
//! when it goes to slice 0.

pub mod dynamic;
pub mod frag;
pub mod layout;
pub mod pack;
pub mod place;
pub mod repack;
#[cfg(test)]
mod tests;
pub mod times;

pub use dynamic::Next;
pub use frag::{FragTable, Mix};
pub use layout::{Apply, StaticLayout};
pub use place::{GpuOrder, Placer, StartOrder};
pub use times::Times;
