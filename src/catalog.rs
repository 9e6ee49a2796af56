//! Devices, instance types and dated prices: facts with their source, date and evidence.
