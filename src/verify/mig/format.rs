//! The format of case files: what may be written.

use crate::scenario::decode::{Spanned, choice, record};

record! {
    /// A file of cases.
    pub struct Cases {
        /// The version of this format.
        pub version: Spanned<u32> = Spanned::unplaced(super::VERSION) => "the only one there is",
        /// The cases.
        pub cases: Vec<Item>,
    }
}

choice! {
    /// A case, by what it exercises.
    pub enum Item {
        /// How many layouts a grid has with a set of profiles.
        Grid(GridCase),
        /// What happens to one GPU, step by step.
        Gpu(GpuCase),
        /// Where requests go among several GPUs.
        Fleet(FleetCase),
        /// What a profile of a device is.
        Profile(ProfileCase),
        /// How fast work runs on a slice.
        Speed(SpeedCase),
    }
}

choice! {
    /// A grid of memory slices and its profiles.
    pub enum Grid {
        /// That of a GPU in the catalogue, by its name or an alias (`A100-80GB`), or a geometry of its own name (`GB300-278`).
        Device(Spanned<String>),
        /// One that is written here.
        Own(OwnGrid),
    }
}

record! {
    /// A grid that is written in the case.
    pub struct OwnGrid {
        /// Memory slices, at most 16.
        pub width: u8,
        /// Compute slices.
        pub compute: u8,
        /// The profiles.
        pub profiles: Vec<OwnProfile>,
    }
}

record! {
    /// A profile of a grid that is written in the case.
    pub struct OwnProfile {
        /// Its name.
        pub name: String,
        /// Compute slices.
        pub compute: u8,
        /// Memory slices that it occupies.
        pub size: u8,
        /// Memory slices at which it may start, counted from 0.
        pub starts: Vec<u8>,
        /// The most instances on one GPU; as many as have room where left out.
        pub max: Option<u8>,
        /// Media engines.
        pub media: Media = Media::Base => "most profiles",
        /// The starts in the order that `NvidiaDriver` takes; ascending where left out.
        pub driver_order: Option<Vec<u8>>,
        /// Streaming multiprocessors.
        pub sms: Option<u16>,
    }
}

choice! {
    /// Which media engines an instance has: of `Extended` and `All` there is one on a GPU, and beside `All` only `Without`.
    pub enum Media {
        /// What comes with the slices.
        Base,
        /// `+me`.
        Extended,
        /// `+me.all`.
        All,
        /// `-me`.
        Without,
    }
}

record! {
    /// How many layouts a grid has with a set of profiles.
    pub struct GridCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The grid.
        pub grid: Spanned<Grid>,
        /// The set of profiles, by any of their names; all of the grid where left out.
        pub profiles: Option<Vec<Spanned<String>>>,
        /// What must come out.
        pub expect: GridExpected,
    }
}

record! {
    /// What listing all layouts must give. At least one of the fields; each is a line of the report.
    pub struct GridExpected {
        /// Placed layouts (sets of profile and start), the empty one included.
        pub layouts: Option<u64>,
        /// Different masks of occupied slices, the empty one included.
        pub masks: Option<u64>,
        /// Layouts to which nothing of the set can be added at any start.
        pub maximal: Option<u64>,
        /// Different multisets of profiles, the empty one included.
        pub multisets: Option<u64>,
        /// Different multisets of maximal layouts.
        pub maximal_multisets: Option<u64>,
        /// Multisets that no other contains.
        pub inclusion_maximal: Option<u64>,
        /// The maximal layouts, in any order: `"4g@0 3g@4"`, by family (or name, in a grid of the case), starts ascending.
        pub maximal_layouts: Option<Vec<String>>,
    }
}

choice! {
    /// Where an instance starts when a step does not say.
    pub enum Order {
        /// At the lowest legal start.
        Ascending,
        /// As NVIDIA's driver was seen to choose.
        NvidiaDriver,
        /// Where the GPU is then least fragmented for the `mix`; at the lowest of equals.
        LeastFragmentation,
    }
}

record! {
    /// What happens to one GPU, step by step. It begins in MIG mode, without instances.
    pub struct GpuCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The grid.
        pub grid: Spanned<Grid>,
        /// Where instances start when a step does not say.
        pub order: Order = Order::Ascending => "what explicit controllers do",
        /// The demand, as profiles and whole parts: for `LeastFragmentation` and `fragmentation`; one part of each profile
        /// of the grid where left out.
        pub mix: Option<Vec<(Spanned<String>, u32)>>,
        /// The steps.
        pub steps: Vec<Step>,
    }
}

choice! {
    /// A step. Instances are named by the slice at which they start.
    pub enum Step {
        /// Create an instance.
        Create(Create),
        /// Create an instance that is not ready before `Finish`.
        Begin(Create),
        /// What was begun at that slice is done: an instance is ready, or gone.
        Finish(Change),
        /// Destroy the instance that starts there.
        Destroy(Change),
        /// Begin to destroy it: its slices are taken until `Finish`.
        BeginDestroy(Change),
        /// Something runs on it from now on.
        Bind(Change),
        /// Nothing runs on it any more.
        Release(Change),
        /// Clear the GPU and make a whole layout, as NVIDIA's mig-manager does.
        Apply(Apply),
        /// Switch MIG off or on.
        Toggle(Toggle),
        /// Look at the GPU.
        Check(Check),
    }
}

record! {
    /// Creating an instance.
    pub struct Create {
        /// The profile, by any of its names.
        pub profile: Spanned<String>,
        /// From which slice on; where the case's `order` puts it where left out.
        pub start: Option<u8>,
        /// What must come out.
        pub expect: Placed,
    }
}

choice! {
    /// What must become of a request for an instance.
    pub enum Placed (number is At) {
        /// It starts at this slice.
        At(u8),
        /// It is made, wherever.
        Done,
        /// It is refused, for whatever reason.
        Refused,
        /// It is refused for this reason.
        RefusedFor(Reason),
    }
}

record! {
    /// A change of an instance.
    pub struct Change {
        /// The slice at which it starts.
        pub start: u8,
        /// What must come out.
        pub expect: Changed = Changed::Done => "most are not refused",
    }
}

choice! {
    /// What must become of a change.
    pub enum Changed {
        /// It is done.
        Done,
        /// There was nothing to do: the layout is there.
        Already,
        /// It is refused, for whatever reason, and has changed nothing.
        Refused,
        /// It is refused for this reason, and has changed nothing.
        RefusedFor(Reason),
    }
}

record! {
    /// Making a whole layout.
    pub struct Apply {
        /// How many of each profile.
        pub layout: Option<Vec<(Spanned<String>, u8)>>,
        /// A configuration by mig-parted's name, in place of `layout`: `all-balanced`, `all-1g.10gb`, `all-disabled`.
        pub config: Option<Spanned<String>>,
        /// What must come out.
        pub expect: Changed = Changed::Done => "most are not refused",
    }
}

record! {
    /// Switching MIG off or on.
    pub struct Toggle {
        /// What must come out.
        pub expect: Changed = Changed::Done => "most are not refused",
    }
}

choice! {
    /// Why something is refused.
    pub enum Reason {
        /// The profile never starts there.
        NotAStart,
        /// Slices from that start on are taken.
        Occupied,
        /// No start of the profile has all its slices free.
        NoFreeStart,
        /// There are as many of the profile as there may be.
        Limit,
        /// Its media engines are with another instance.
        Media,
        /// No instance starts there.
        NoInstance,
        /// The instance is in use.
        Busy,
        /// The instance is not in the phase that the change needs.
        Phase,
        /// MIG is off, or being switched.
        Mode,
        /// Instances of the GPU are in use, and all of it must be idle.
        GpuBusy,
        /// No way of making the whole layout is accepted.
        NoWay,
    }
}

record! {
    /// What the GPU must look like. At least one of the fields; each is a line of the report.
    pub struct Check {
        /// Slices from 0 on: `"##..#.#."`, `#` where taken.
        pub occupied: Option<String>,
        /// Free memory slices.
        pub free: Option<u8>,
        /// Compute slices of all instances.
        pub compute_used: Option<u8>,
        /// SMs of all instances.
        pub sms_used: Option<u32>,
        /// How many instances there are.
        pub instances: Option<u32>,
        /// The profiles for which the next two fields ask; all of the grid where left out.
        pub demand: Option<Vec<Spanned<String>>>,
        /// Free slices that no profile in demand can use, as `occupied` is written: `#` where stranded.
        pub stranded: Option<String>,
        /// Compute slices that profiles in demand cannot add any more.
        pub stranded_compute: Option<u8>,
        /// Fragmentation under the case's `mix`, in slices: within 1e-9.
        pub fragmentation: Option<f64>,
    }
}

choice! {
    /// To which of the GPUs that have a legal start a request goes; to the first of equals.
    pub enum Between {
        /// The first.
        FirstFit,
        /// The one with the fewest free slices.
        BestFit,
        /// The one with the most free slices.
        Spread,
        /// The one whose fragmentation for the `mix` grows least.
        LeastFragmentation,
    }
}

record! {
    /// Where requests go among several GPUs, which begin empty.
    pub struct FleetCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The grid of each.
        pub grid: Spanned<Grid>,
        /// How many GPUs there are, at most 1000.
        pub gpus: u32,
        /// To which GPU a request goes.
        pub between: Between = Between::FirstFit => "instaslice and DAS",
        /// Where on it an instance starts.
        pub order: Order = Order::Ascending => "instaslice and DAS",
        /// The demand, as profiles and whole parts; one part of each profile of the grid where left out.
        pub mix: Option<Vec<(Spanned<String>, u32)>>,
        /// Whether all requests are known beforehand and the hardest go first (most slices, then fewest starts); one after
        /// the other otherwise.
        pub hardest_first: bool = false => "requests come one by one",
        /// The requests: profiles by any of their names.
        pub requests: Vec<Spanned<String>>,
        /// By request, where it must go.
        pub expect: Vec<Where>,
    }
}

choice! {
    /// Where a request goes.
    pub enum Where {
        /// The GPU, counted from 0, and the start.
        On(u32, u8),
        /// Nowhere: no GPU has room.
        Refused,
    }
}

record! {
    /// What a profile of a device is.
    pub struct ProfileCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The GPU or geometry.
        pub device: Spanned<String>,
        /// The profile, by any of its names.
        pub profile: Spanned<String>,
        /// What must come out.
        pub expect: ProfileExpected,
    }
}

record! {
    /// What a profile must be. At least one of the fields; each is a line of the report.
    pub struct ProfileExpected {
        /// Its name.
        pub name: Option<String>,
        /// Its resource in Kubernetes with the strategy `mixed`.
        pub resource: Option<String>,
        /// Compute slices.
        pub compute: Option<u8>,
        /// Memory slices.
        pub size: Option<u8>,
        /// Starts, ascending.
        pub starts: Option<Vec<u8>>,
        /// The most instances on one GPU.
        pub max: Option<u8>,
        /// SMs; the line fails where they are not known.
        pub sms: Option<u16>,
        /// MiB as the driver reports them; the line fails where they are not known.
        pub memory_mib: Option<u32>,
    }
}

record! {
    /// How fast work runs on a slice, relative to the largest instance.
    pub struct SpeedCase {
        /// Its name in the report, unlike any other in the file.
        pub id: Spanned<String>,
        /// Where the expected values come from; not read.
        pub source: Option<String>,
        /// The GPU or geometry.
        pub device: Spanned<String>,
        /// The profile, by any of its names.
        pub profile: Spanned<String>,
        /// The share of the work that does not get slower on a slice, `a`: from 0 to 1.
        pub fixed: f64 = 0.62 => "the median of MISO's training logs",
        /// Whether it does nothing but stream memory.
        pub streaming: bool = false => "most work computes",
        /// The speed that must come out; 1 is the largest instance's.
        pub expect: f64,
        /// By how much it may differ.
        pub tolerance: f64 = 0.001 => "published points have three digits",
    }
}
