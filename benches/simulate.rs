//! Whole runs through `simulate`, ledger on: the set-ups of `verify --timing`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetcast::verify::timing::setups;

fn runs(c: &mut Criterion) {
    let mut g = c.benchmark_group("simulate");
    g.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(10));
    for t in setups() {
        g.bench_function(t.name.trim_start_matches("simulate/"), |b| b.iter(|| black_box(t.run())));
    }
    g.finish();
}

criterion_group!(benches, runs);
criterion_main!(benches);
