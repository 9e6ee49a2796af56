//! stub
/// x
pub const NEEDED: &[&str] = &["dlrm"];
