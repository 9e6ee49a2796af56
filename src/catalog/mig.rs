//! MIG: how a GPU is cut into instances. Facts only; what is on a GPU now is in `fleet::mig`.
//!
//! | file | what it holds |
//! |---|---|
//! | [`slices`] | [`Slices`]: memory slices as a bit mask of any grid's width |
//! | [`profile`] | [`Profile`]: what one kind of instance takes, where it may start, how many there may be |
//! | [`geometry`] | [`Geometry`]: the grid of a device and its profiles; look-up by any of a profile's names |
//! | [`table`] | the embedded geometries, by device |
//! | [`resource`] | names in Kubernetes, and the strategies that decide which of them a node offers |
//! | [`speed`] | how fast work runs on a slice |
//!
//! A GPU instance occupies `size` memory slices from its `start` on (NVML, `nvmlGpuInstancePlacement_t`). Grids are 8
//! slices wide on parts with seven compute slices, 4 on the A30 and 12 on the RTX PRO 6000, so that width, starts and
//! sizes are data everywhere. A GPU instance has one compute instance of its full width, as Kubernetes tools make it.
//!
//! *Invariant:* a profile's name means something on a device only: `1g.10gb` is the double-memory profile of an A100 with
//! 40 GB and the base profile of one with 80 GB. No look-up here goes by name alone.

pub mod geometry;
pub mod profile;
pub mod resource;
pub mod slices;
pub mod speed;
pub mod table;
#[cfg(test)]
mod tests;

pub use geometry::{Geometry, GeometryFault, ProfileId, Shape, UnknownProfile};
pub use profile::{Engines, Media, Profile};
pub use resource::Strategy;
pub use slices::Slices;
pub use speed::SliceSpeed;
pub use table::{UnknownGeometry, find, geometries, of_device};
