//! Whether a model's training state fits the memory of the GPUs it is given.
