//! Checkpoints, the stores that they are written to, and the stages of setting up again.

use super::laws::Length;
use crate::scenario::decode::quantity::Bandwidth;
use crate::scenario::decode::{Spanned, all_defaults, choice, record};
use crate::units::{Bytes, Duration, Fraction, Name, Usd};
use std::num::NonZeroU32;

record! {
    /// Checkpoints: what they hold, how often, where to, and how much the run stands still for them.
    pub struct Checkpoint {
        /// Parameters that are trained; for adapters theirs alone.
        pub params: Option<Spanned<f64>>,
        /// What is kept of each.
        pub bytes_per_param: Spanned<Kept> = Spanned::unplaced(Kept::Bf16Adam) => "14 bytes: BF16 weights, FP32 master weights, Adam's two moments",
        /// The whole size, instead of parameters.
        pub size: Option<Spanned<Bytes>>,
        /// Compute between two checkpoints.
        pub every: Spanned<Every> = Spanned::unplaced(Every::Daly) => "Daly's higher-order optimum (2006)",
        /// How they are written.
        pub mode: Spanned<Mode> = Spanned::unplaced(Mode::Sync) => "the run stands still until it is written",
        /// The store it is written to, one of the scenario's `stores`.
        pub store: Option<Spanned<Name>>,
        /// What the job can write at, where it has no shared store.
        pub bandwidth: Option<Spanned<Bandwidth>>,
        /// How long writing takes when nobody else writes, instead of size over bandwidth.
        pub write: Option<Spanned<Duration>>,
        /// How long reading takes, instead of size over bandwidth.
        pub read: Option<Spanned<Duration>>,
        /// Save when a reclaim is announced.
        pub on_notice: Option<Spanned<OnNotice>>,
        /// How many are kept in the store.
        pub keep: u32 = 2 => "the last one, and the one being written",
    }
}

choice! {
    /// What is kept of a parameter.
    pub enum Kept (number is Bytes) {
        /// So many bytes.
        Bytes(f64),
        /// BF16 weights, FP32 master weights, Adam's two moments: 14 bytes.
        Bf16Adam,
        /// FP32 weights and Adam's two moments: 12 bytes.
        Fp32Adam,
        /// FP32 weights and one momentum: 8 bytes.
        Fp32Momentum,
        /// BF16 weights, FP32 master weights, two moments of a byte: 8 bytes.
        Adam8bit,
        /// BF16 weights alone: 2 bytes.
        WeightsBf16,
        /// Adapters with their Adam state: 14 bytes for each of theirs.
        Lora,
    }
}

choice! {
    /// How much compute lies between two checkpoints.
    pub enum Every (duration is Fixed) {
        /// Always as much.
        Fixed(Duration),
        /// √(2δM): Young's (1974), with the stall δ and the mean time between losses M.
        Young,
        /// Daly's higher-order optimum (2006).
        Daly,
        /// The exact optimum for losses at a constant rate.
        Exact,
    }
}

choice! {
    /// How a checkpoint is written.
    pub enum Mode {
        /// The run stands still until it is written.
        Sync,
        /// The run stands still for a copy to host memory, which is written in the background: durable once written.
        Async(Background),
        /// As Async, and the copies lie in the memory of peers too: a loss that leaves one of every group takes nothing.
        InMemory(PeerCopies),
        /// Progress is durable as it is made.
        Lossless,
    }
}

record! {
    /// A copy to host memory, written in the background.
    pub struct Background {
        /// What one node copies to its host memory at.
        pub snapshot: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(20_000_000_000)) => "20 GB/s a node, below PCIe 4.0; a guess",
        /// How long the run stands still, instead of size over snapshot bandwidth.
        pub block: Option<Duration>,
        /// How much slower it computes while writing.
        pub slow: Fraction = Fraction::ZERO => "not at all; 0 to 3 % are reported",
    }
}

record! {
    /// Copies in the memory of peers (as Gemini, SOSP 2023), and in the background in the store.
    pub struct PeerCopies {
        /// Nodes of a group, each with the copies of all of it.
        pub group: Spanned<NonZeroU32> = Spanned::unplaced(NonZeroU32::MIN.saturating_add(1)) => "pairs",
        /// What one node copies at.
        pub snapshot: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(20_000_000_000)) => "20 GB/s a node, below PCIe 4.0; a guess",
        /// How long the run stands still, instead of size over snapshot bandwidth.
        pub block: Option<Duration>,
        /// How much slower it computes while writing.
        pub slow: Fraction = Fraction::ZERO => "not at all; 0 to 3 % are reported",
    }
}

record! {
    /// A save when a reclaim is announced.
    pub struct OnNotice {
        /// Until the step in flight is over and writing begins.
        pub drain: Duration = Duration::from_secs(10) => "a step of a large model; a guess",
        /// Whether an early signal (a rebalance recommendation) is enough.
        pub early: bool = false => "as Karpenter, which does not drain on a recommendation",
    }
}

record! {
    /// A store that checkpoints are written to; all that write at once share it.
    pub struct CheckpointStore {
        /// Its name.
        pub name: Spanned<Name>,
        /// What all writers together get.
        pub write: Spanned<Bandwidth>,
        /// What all readers together get; as much as writers where left out.
        pub read: Option<Spanned<Bandwidth>>,
        /// What one node gets; by the distance of the regions where left out: 9.72, 8.20 or 3.59 Gbit/s.
        pub per_node: Option<Spanned<Bandwidth>>,
        /// Before the first byte moves.
        pub latency: Duration = Duration::ZERO => "none",
        /// Its region: moving data between regions costs money and time. In every pool's region where left out.
        pub region: Option<Spanned<String>>,
        /// What a gigabyte costs for a month of 730 hours.
        pub usd_per_gb_month: Spanned<Usd> = Spanned::unplaced(Usd(23_000_000_000)) => "0.023 USD, the list price of S3 Standard in us-east-1; recalled",
    }
}

choice! {
    /// What a run goes through before it computes. Waiting for capacity and booting are counted apart.
    pub enum Restart {
        /// Stage by stage.
        Stages(Stages),
        /// All of it as one figure.
        SetUp(Spanned<Length>),
    }
}

record! {
    /// The stages of setting up. A first start has no detection, no cleaning up and nothing to read.
    pub struct Stages {
        /// Until someone notices that a peer is gone.
        pub detect: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(30))) => "a heartbeat of 5 to 60 s; a collective's time-out may take 10 to 30 minutes",
        /// Stopping what is left.
        pub cleanup: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(10))) => "a guess",
        /// Drivers, device plugin, partitions.
        pub driver: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(30))) => "0 to 60 s; a guess",
        /// Pulling the image.
        pub image: Spanned<Image> = Spanned::unplaced(Image::Pull(all_defaults())) => "pulled to a fresh node",
        /// Processes and communicators.
        pub init: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(60))) => "10 s, more with the number of nodes; a guess",
        /// Reading the checkpoint; its size over the bandwidth where left out.
        pub read: Option<Spanned<Length>>,
        /// Compiling, filling caches.
        pub warm_up: Spanned<Length> = Spanned::unplaced(Length::Constant(Duration::from_secs(120))) => "a guess",
    }
}

choice! {
    /// How an image comes to a node.
    pub enum Image {
        /// Pulled.
        Pull(ImagePull),
        /// It takes so long.
        Takes(Spanned<Length>),
        /// It is there.
        Cached,
    }
}

record! {
    /// A pull.
    pub struct ImagePull {
        /// Its size.
        pub size: Bytes = Bytes(20_000_000_000) => "20 GB, a training image; a guess",
        /// What a node pulls at.
        pub bandwidth: Spanned<Bandwidth> = Spanned::unplaced(Bandwidth(1_215_000_000)) => "9.72 Gbit/s, S3 to one node in its region",
    }
}
