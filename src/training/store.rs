//! A store that many write to at once: processor sharing, exact in bytes and nanoseconds.
