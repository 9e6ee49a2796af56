//! stub
/// x
pub const NEEDED: &[&str] = &["csv"];
