//! `fleetcast metrics`.

use std::collections::BTreeSet;

use crate::cli_bin::{fine, refused};
use fleetcast::units::Activity;

#[test]
fn every_metric_has_unit_direction_and_meaning() {
    let list: serde_json::Value = serde_json::from_str(&fine(&["metrics", "--json"])).expect("JSON");
    let list = list.as_array().expect("a list");
    let table = fine(&["metrics"]);
    let names: BTreeSet<&str> = list.iter().filter_map(|m| m["name"].as_str()).collect();
    assert_eq!(names.len(), list.len());
    assert!(names.contains("cost.total") && names.contains("cost.pool.NAME"));
    // A row for each, and a header.
    assert_eq!(table.lines().count(), list.len() + 1);
    for m in list {
        let row = table.lines().find(|l| l.split("  ").next() == m["name"].as_str()).expect("a row");
        assert!(row.contains(m["unit"].as_str().expect("a unit")));
        assert!(row.ends_with(m["meaning"].as_str().expect("a meaning")));
        assert!(["lower", "higher", "neutral"].contains(&m["better"].as_str().expect("a direction")));
    }
}

#[test]
fn every_activity_is_listed_with_its_group() {
    let table = fine(&["metrics", "--activities"]);
    assert_eq!(table.lines().count(), Activity::COUNT + 1);
    for a in Activity::ALL {
        let row = table.lines().find(|l| l.split("  ").next() == Some(a.key())).expect("a row");
        assert!(row.contains(a.title()));
    }
    let list: serde_json::Value = serde_json::from_str(&fine(&["metrics", "--activities", "--json"])).expect("JSON");
    assert_eq!(list[0], serde_json::json!({"activity": "productive", "title": "productive", "group": "useful"}));
    let _ = refused(&["metrics", "--activity"], &["--activities"]);
}
