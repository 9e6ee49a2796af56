//! Pools, nodes and dated changes.

use super::market::{FailingHardware, Launching};
use super::money::{Buy, Price};
use super::node_autoscaler::ScaledNodes;
use super::share::{Recut, Share};
use crate::scenario::decode::quantity::Power;
use crate::scenario::decode::{Spanned, choice, record};
use crate::units::{Bytes, Duration, Name};
use jiff::civil::DateTime;
use std::num::NonZeroU32;

record! {
    /// A pool of like nodes at one price.
    pub struct Pool {
        /// Its name.
        pub name: Spanned<Name>,
        /// Instance type, e.g. `p5.48xlarge`, `a2-highgpu-8g`, `NC24ads_A100_v4`: gives device, GPUs, CPU, memory and price.
        pub instance: Option<Spanned<String>>,
        /// Region of the instance type, e.g. `us-east-1`: prices differ by region.
        pub region: Option<Spanned<String>>,
        /// Availability zone, e.g. `us-east-2b`: for shocks, price histories, and the region where that is left out.
        pub zone: Option<Spanned<String>>,
        /// The device, where no instance type says so: `H100`, `A100-80`, `T4`; `none` for CPU nodes.
        pub device: Option<Spanned<String>>,
        /// GPUs of a node, where no instance type says so.
        pub gpus: Option<Spanned<u32>>,
        /// Cores of a node, where no instance type says so.
        pub cpus: Option<Spanned<f64>>,
        /// Memory of a node, where no instance type says so.
        pub memory: Option<Bytes>,
        /// How many nodes, a file that lists them, or how many there may be on request.
        pub nodes: Nodes,
        /// Nodes that are kept free on purpose: so many that nobody wants count as `spare`, not as `unallocated`.
        pub spares: Spanned<u32> = Spanned::unplaced(0) => "none",
        /// How its machines fail; they never do where left out.
        pub hardware: Option<Spanned<FailingHardware>>,
        /// How launches go, for nodes that are launched: on request, or again after a reclaim.
        pub launch: Option<Spanned<Launching>>,
        /// How its capacity is bought.
        pub buy: Buy = Buy::OnDemand(Default::default()) => "list price, by the hour",
        /// A price of your own instead of the price book's.
        pub price: Option<Spanned<Price>>,
        /// How its GPUs are shared out.
        pub share: Spanned<Share> = Spanned::unplaced(Share::Whole) => "whole GPUs and thousandths of them",
        /// Other names by which jobs may ask for this device, e.g. the model names of a trace.
        pub answers_to: Vec<String> = Vec::new() => "only the device's own names",
        /// Nodes that share a fast fabric (a rack, a placement group); all of the pool where left out.
        pub island: Option<Spanned<NonZeroU32>>,
        /// When capacity is billed: nodes from launch to termination, or pods for what they hold.
        pub billed: Billed = Billed::Nodes => "what virtual machines and owned hardware cost, used or not",
        /// Power of one device when idle, where the catalogue's figure does not suit.
        pub idle_power: Option<Power>,
        /// Power of one device at full use, where the catalogue's figure does not suit.
        pub peak_power: Option<Power>,
        /// Power usage effectiveness of the facility, where the provider's figure does not suit.
        pub pue: Option<Spanned<f64>>,
    }
}

choice! {
    /// How many nodes a pool has.
    pub enum Nodes (number is Fixed) {
        /// So many, there from the start.
        Fixed(u32),
        /// At most so many, each launched when a run asks for it and paid for until it is given back.
        OnRequest(Spanned<NonZeroU32>),
        /// As many as the scenario's `node_autoscaler` wants: `Scaled((max: 40))`.
        Scaled(ScaledNodes),
        /// Those of a node list in the format of Alibaba's openb trace.
        Openb(OpenbNodes),
    }
}

record! {
    /// Nodes from a list (`sn,cpu_milli,memory_mib,gpu,model`).
    pub struct OpenbNodes {
        /// The file; `$FLEETCAST_DATA` in it stands for the folder of the public data.
        pub file: Spanned<String>,
        /// Only those of this model.
        pub model: Spanned<String>,
    }
}

choice! {
    /// When capacity is billed.
    pub enum Billed {
        /// Nodes, from launch to termination, used or not.
        Nodes,
        /// Pods, for what they hold while they hold it: serverless nodes.
        Pods,
    }
}

choice! {
    /// A dated change of the fleet.
    pub enum Change {
        /// Nodes are delivered.
        Add(Add),
        /// Nodes are retired.
        Remove(Remove),
        /// GPUs are cut into other MIG instances.
        Recut(Recut),
    }
}

choice! {
    /// When something happens.
    pub enum When {
        /// This long after the start of the window.
        After(Duration),
        /// At this date and time in the scenario's zone.
        At(DateTime),
    }
}

record! {
    /// A delivery.
    pub struct Add {
        /// To which pool.
        pub pool: Spanned<Name>,
        /// How many nodes like the pool's others.
        pub nodes: Spanned<u32>,
        /// When they are billed from.
        pub when: Spanned<When>,
        /// Billed and unable to work for this long.
        pub boot: Duration = Duration::ZERO => "ready at once",
    }
}

record! {
    /// A retirement: the emptiest nodes are cordoned at once and go when empty.
    pub struct Remove {
        /// From which pool.
        pub pool: Spanned<Name>,
        /// How many nodes.
        pub nodes: Spanned<u32>,
        /// When.
        pub when: Spanned<When>,
        /// What still runs after this long is stopped, loses its progress and waits again; for ever where left out.
        pub grace: Option<Duration>,
    }
}
