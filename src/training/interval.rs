//! How long to work between two checkpoints: Young's, Daly's and the exact optimum.
