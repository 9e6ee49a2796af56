//! stub
/// x
pub const NEEDED: &[&str] = &["philly"];
