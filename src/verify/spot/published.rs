//! The reference port's figures, in USD.

/// The folder of the table.
pub(super) const OCTOBER: &str = "availability/1-node/aws-10-26-2022";

/// Its files, and the mean bills of greedy and Uniform Progress on each for 48 h by 52 h, 0.2 h a launch.
pub(super) const OCTOBER_FILES: [&str; 8] = [
    "us-west-2a_k80_1",
    "us-west-2a_k80_8",
    "us-west-2a_v100_1",
    "us-west-2a_v100_8",
    "us-west-2b_k80_1",
    "us-west-2b_k80_8",
    "us-west-2b_v100_1",
    "us-west-2b_v100_8",
];
pub(super) const BY_FILE: [[f64; 2]; 8] = [
    [83.7200, 76.6694],
    [139.6156, 134.5397],
    [106.9175, 89.0504],
    [130.1295, 123.8698],
    [145.6669, 143.4027],
    [141.0888, 135.4766],
    [121.5159, 107.6354],
    [139.8472, 137.3364],
];

/// A row of the table: mean bills in the order of [`super::POLICIES`], how many runs, and what Uniform Progress saves in
/// percent of 48 h on demand.
pub(super) struct Row {
    pub(super) setting: &'static str,
    pub(super) runs: u32,
    pub(super) means: [f64; 7],
    pub(super) up_saves: f64,
}

const fn row(setting: &'static str, runs: u32, means: [f64; 7], up_saves: f64) -> Row {
    Row { setting, runs, means, up_saves }
}

pub(super) const TABLE: [Row; 6] = [
    row("48x52x0.02", 400, [147.39, 120.3341, 116.0484, 112.3313, 110.1839, 93.7068, 99.4297], 32.3),
    row("48x52x0.2", 400, [147.90, 126.0627, 123.9153, 122.4671, 125.5034, 119.3416, 118.4976], 19.3),
    row("48x70x0.02", 392, [147.39, 93.3653, 91.6643, 90.6840, 90.0875, 84.1606, 84.4688], 42.5),
    row("48x70x0.2", 392, [147.90, 101.1824, 100.1098, 100.1461, 101.0152, 97.6866, 96.9205], 34.0),
    row("48x92x0.02", 376, [147.39, 79.0716, 80.1914, 80.3434, 79.4692, 78.3407, 78.3852], 46.6),
    row("48x92x0.2", 376, [147.90, 88.7122, 89.9122, 90.5728, 90.3932, 90.0358, 89.5976], 39.0),
];

/// One run: file, first tick, setting, policy; bill, ticks on spot, on demand and idle, launches, preemptions.
pub(super) type Single = (&'static str, usize, &'static str, &'static str, f64, [u64; 5]);

pub(super) const SINGLES: [Single; 5] = [
    ("us-west-2a_v100_1", 0, "48x52x0.2", "greedy", 145.742750, [15, 281, 14, 7, 6]),
    ("us-west-2a_v100_1", 0, "48x52x0.2", "up", 142.542050, [33, 269, 8, 12, 7]),
    ("us-west-2a_v100_1", 0, "48x70x0.2", "up", 99.154833, [190, 134, 58, 31, 23]),
    ("us-west-2a_v100_1", 144, "48x70x0.2", "greedy", 50.439017, [311, 0, 84, 20, 19]),
    ("us-west-2a_v100_1", 144, "48x70x0.2", "up", 71.145833, [250, 60, 37, 19, 14]),
];

/// The gap to the optimum, a start every 48 h (104 runs): setting, optimum, greedy, Uniform Progress, and greedy's gap
/// over that of Uniform Progress.
pub(super) const GAPS: [(&str, f64, f64, f64, f64); 4] = [
    ("48x52x0.2", 103.0506, 126.5893, 118.5760, 1.516),
    ("48x52x0.02", 92.9335, 121.1691, 100.1461, 3.915),
    ("48x70x0.2", 89.0543, 103.4065, 97.2752, 1.746),
    ("48x70x0.02", 80.7844, 95.3647, 84.8817, 3.559),
];
