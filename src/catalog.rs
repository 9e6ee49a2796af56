//! Devices, instance types and dated prices: facts with their source, date and evidence.
//!
//! | file | what it holds |
//! |---|---|
//! | `source` | [`Evidence`] grades, [`Provider`]s, where each fact comes from |
//! | `device` | what one GPU is: memory, speed, watts, MIG slices |
//! | `mig` | how a GPU is cut into MIG instances: grids, profiles, names, speed of a slice |
//! | `instance` | what a provider rents: GPUs, vCPUs, memory of a type |
//! | `price` | dated price schedules and their look-up; the spot estimate of AWS |
//! | `book` | [`Catalog`]: the tables together, the embedded one, look-ups by name |
//! | `import` | a user's own price CSV over the embedded book |
//! | `listing` | rows to print, each with source, date and evidence |
//! | `billing` | how long a run is billed: granularity, minimum, spot reclaim, sustained use |
//! | `fees` | control-plane fees |
//! | `owned` | hardware that is bought: straight-line cost per hour |
//! | `energy` | watts, PUE, grid intensity |
//!
//! *Invariants:* a price cannot be asked for without a date. Spot is never clamped to on-demand. Only facts from
//! sources with a licence are embedded (`src/catalog/README.md`). Nothing here knows of the simulation.

pub mod billing;
pub mod book;
pub mod device;
pub mod energy;
pub mod fees;
pub mod import;
pub mod instance;
pub mod listing;
pub mod lookup;
pub mod mig;
pub mod owned;
pub mod price;
pub mod source;
mod table;

pub use billing::{BillingRule, EndedBy};
pub use book::Catalog;
pub use device::{Device, DeviceId};
pub use energy::PowerModel;
pub use instance::{Instance, InstanceId};
pub use lookup::LookupError;
pub use owned::Owned;
pub use price::{Market, PriceRow, Quote, Step};
pub use source::{Evidence, Provider, Source, SourceRef};
