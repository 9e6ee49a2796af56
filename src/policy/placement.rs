//! Where a pod goes: scoring policies over indexes that refresh only what changed.
