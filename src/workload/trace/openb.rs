//! stub
/// x
pub const NEEDED: &[&str] = &["openb"];
