//! How long a run takes in the mean, with checkpoints and interruptions.
