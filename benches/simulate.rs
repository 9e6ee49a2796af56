//! Whole runs through `simulate`, ledger on: the set-ups of `verify --timing`, named after the targets in `README.md`.
//!
//! The two that replay a trace need the public data: the folder that `FLEETCAST_DATA` names.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetcast::units::SourceMap;
use fleetcast::verify::timing::{Timed, openb, philly, setups};

/// The folder of the public data, where there is one.
#[allow(clippy::disallowed_methods, reason = "a bench is its own command line")]
fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    Some(std::env::var_os("FLEETCAST_DATA").map_or_else(beside, PathBuf::from)).filter(|d| d.is_dir())
}

/// The set-ups that replay a trace.
#[allow(clippy::disallowed_macros, reason = "a bench that did nothing says so")]
fn replays() -> Vec<Timed> {
    let Some(data) = data() else {
        eprintln!("philly_20k_fifo and openb_replay skipped: no data");
        return Vec::new();
    };
    let mut sources = SourceMap::default();
    let read = [philly(&data.join("philly/philly.csv"), &mut sources), openb(&data, &mut sources)];
    read.into_iter()
        .filter_map(|r| r.inspect_err(|d| eprintln!("a replay is skipped: {}", d.list[0].message)).ok())
        .collect()
}

fn runs(c: &mut Criterion) {
    let mut g = c.benchmark_group("simulate");
    g.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(10));
    for t in setups().into_iter().chain(replays()) {
        g.bench_function(t.name.trim_start_matches("simulate/"), |b| b.iter(|| black_box(t.run())));
    }
    g.finish();
}

criterion_group!(benches, runs);
criterion_main!(benches);
