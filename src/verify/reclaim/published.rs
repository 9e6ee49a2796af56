//! What an independent program found in the recorded traces.

/// A file of skypilot-org/spot-traces (commit 221da1a) and its runs.
pub(super) struct Row {
    pub folder: &'static str,
    pub file: &'static str,
    /// Share of the time up.
    pub availability: f64,
    /// Runs up: how many, mean, median, 90th percentile and longest in hours, coefficient of variation.
    pub up: [f64; 6],
    /// Runs down: the same without the number.
    pub down: [f64; 5],
    /// Runs up per hour up.
    pub hazard: f64,
}

pub(super) const OCT: &str = "availability/1-node/aws-10-26-2022";
pub(super) const FEB: &str = "availability/1-node/aws-02-15-2023";
pub(super) const APR: &str = "preemption/1-node/aws-04-22-2023";

#[rustfmt::skip]
pub(super) const ROWS: [Row; 21] = [
    Row { folder: OCT, file: "us-west-2a_k80_1", availability: 0.8927, up: [133.0, 4.357, 1.000, 11.967, 33.0, 1.60], down: [0.528, 0.167, 0.817, 24.5, 4.04], hazard: 0.2295 },
    Row { folder: OCT, file: "us-west-2a_k80_8", availability: 0.3263, up: [135.0, 1.569, 0.667, 4.433, 13.0, 1.38], down: [3.216, 0.833, 5.667, 62.5, 2.66], hazard: 0.6373 },
    Row { folder: OCT, file: "us-west-2a_v100_1", availability: 0.7926, up: [127.0, 4.051, 0.500, 10.733, 85.3, 2.53], down: [1.069, 0.500, 2.500, 10.8, 1.62], hazard: 0.2468 },
    Row { folder: OCT, file: "us-west-2a_v100_8", availability: 0.4798, up: [269.0, 1.158, 0.333, 1.667, 71.8, 4.40], down: [1.251, 0.333, 3.000, 19.8, 1.98], hazard: 0.8636 },
    Row { folder: OCT, file: "us-west-2b_k80_1", availability: 0.1166, up: [47.0, 1.610, 0.667, 2.333, 24.2, 2.26], down: [12.202, 0.167, 13.333, 340.7, 4.19], hazard: 0.6211 },
    Row { folder: OCT, file: "us-west-2b_k80_8", availability: 0.4080, up: [246.0, 1.077, 0.500, 2.583, 13.7, 1.39], down: [1.562, 0.333, 3.750, 33.0, 2.22], hazard: 0.9289 },
    Row { folder: OCT, file: "us-west-2b_v100_1", availability: 0.7158, up: [172.0, 2.702, 1.167, 7.150, 25.0, 1.46], down: [1.073, 0.333, 3.950, 10.3, 1.62], hazard: 0.3702 },
    Row { folder: OCT, file: "us-west-2b_v100_8", availability: 0.4657, up: [400.0, 0.756, 0.333, 2.000, 15.3, 1.81], down: [0.867, 0.167, 1.683, 21.2, 2.51], hazard: 1.3230 },
    Row { folder: FEB, file: "us-east-1a_v100_1", availability: 0.1667, up: [253.0, 0.719, 0.325, 1.560, 8.1, 1.49], down: [3.582, 0.542, 11.050, 80.2, 2.57], hazard: 1.3901 },
    Row { folder: FEB, file: "us-east-1c_v100_1", availability: 0.4665, up: [344.0, 1.481, 0.487, 3.683, 30.2, 2.12], down: [1.693, 0.542, 4.225, 23.3, 1.65], hazard: 0.6753 },
    Row { folder: FEB, file: "us-east-1d_v100_1", availability: 0.4473, up: [294.0, 1.661, 0.542, 4.588, 41.8, 2.14], down: [2.053, 0.704, 4.680, 56.2, 2.35], hazard: 0.6020 },
    Row { folder: FEB, file: "us-east-1f_v100_1", availability: 0.5912, up: [286.0, 2.257, 0.542, 5.688, 34.9, 2.03], down: [1.561, 0.487, 4.740, 23.9, 1.83], hazard: 0.4431 },
    Row { folder: FEB, file: "us-east-2a_v100_1", availability: 0.7593, up: [146.0, 5.679, 0.867, 14.733, 115.6, 2.41], down: [1.800, 0.379, 4.550, 20.9, 1.73], hazard: 0.1761 },
    Row { folder: FEB, file: "us-east-2b_v100_1", availability: 0.6822, up: [175.0, 4.257, 1.083, 13.498, 49.2, 1.77], down: [1.983, 0.704, 4.832, 20.8, 1.46], hazard: 0.2349 },
    Row { folder: FEB, file: "us-west-2a_v100_1", availability: 0.8831, up: [159.0, 6.064, 1.029, 14.506, 126.1, 2.56], down: [0.808, 0.379, 1.750, 8.1, 1.42], hazard: 0.1649 },
    Row { folder: FEB, file: "us-west-2b_v100_1", availability: 0.9050, up: [95.0, 10.401, 1.408, 18.763, 135.7, 2.49], down: [1.104, 0.379, 2.930, 7.2, 1.34], hazard: 0.0961 },
    Row { folder: FEB, file: "us-west-2c_v100_1", availability: 0.8913, up: [143.0, 6.806, 0.921, 16.207, 143.4, 2.62], down: [0.836, 0.379, 2.091, 8.4, 1.49], hazard: 0.1469 },
    Row { folder: APR, file: "us-east-1c_v100_1", availability: 0.3143, up: [41.0, 1.360, 0.364, 4.213, 8.2, 1.53], down: [2.897, 0.520, 10.604, 20.5, 1.82], hazard: 0.7352 },
    Row { folder: APR, file: "us-east-1f_v100_1", availability: 0.5920, up: [60.0, 1.751, 0.338, 3.549, 19.8, 2.27], down: [1.187, 0.302, 1.591, 15.7, 2.52], hazard: 0.5712 },
    Row { folder: APR, file: "us-west-2b_v100_1", availability: 0.7928, up: [45.0, 3.126, 1.138, 10.537, 22.3, 1.54], down: [0.817, 0.427, 1.977, 4.9, 1.32], hazard: 0.3199 },
    Row { folder: APR, file: "us-west-2c_v100_1", availability: 0.7310, up: [58.0, 2.236, 0.733, 6.235, 14.7, 1.41], down: [0.823, 0.369, 1.987, 7.9, 1.57], hazard: 0.4472 },
];

/// Share of the time with all nodes, of other files: folder, file, how many are all, share.
pub(super) const WHOLE: [(&str, &str, u32, f64); 11] = [
    ("preemption/1-node/aws-04-19-2023", "us-east-1b_intel_64", 1, 0.8505),
    ("preemption/1-node/aws-04-19-2023", "us-east-1c_intel_64", 1, 0.6393),
    ("preemption/1-node/aws-04-19-2023", "us-east-1d_intel_64", 1, 0.9400),
    ("preemption/1-node/gcp-04-30-2023", "us-central1-a_c3-88", 1, 0.9998),
    ("preemption/1-node/gcp-04-30-2023", "us-east1-b_c3-88", 1, 0.9543),
    ("preemption/4-node/aws-08-03-2023", "us-east-1f_v100_1", 4, 0.3040),
    ("preemption/4-node/aws-08-03-2023", "us-east-2a_v100_1", 4, 0.7123),
    ("preemption/4-node/aws-08-03-2023", "us-west-2c_v100_1", 4, 0.7895),
    ("availability/16-node/aws-08-27-2023", "us-east-2b_v100_1", 16, 0.4564),
    ("availability/16-node/aws-08-27-2023", "us-west-2a_v100_1", 16, 0.4183),
    ("availability/16-node/aws-08-27-2023", "us-west-2c_v100_1", 16, 0.4149),
];

/// Mean number on offer over 16.
pub(super) const SIXTEEN: [(&str, f64); 3] =
    [("us-east-2b_v100_1", 0.5474), ("us-west-2a_v100_1", 0.4312), ("us-west-2c_v100_1", 0.4270)];

/// Share of the time in which some file of a folder has all nodes: folder, how many are all, share.
pub(super) const TOGETHER: [(&str, u32, f64); 5] = [
    (OCT, 1, 0.9908),
    (FEB, 1, 0.9921),
    (APR, 1, 0.8968),
    ("preemption/4-node/aws-08-03-2023", 4, 0.9585),
    ("availability/16-node/aws-08-27-2023", 16, 0.7675),
];
