//! The table of GPUs that are cut.

use crate::outcome::{MILLI_NS_PER_GPU_HOUR, Outcome};
use crate::report::chart::{csv, num};

/// `slices.csv`: what pods held by pool and kind of slice; none where no pool's GPUs are cut. Who held what over time, and what
/// of each GPU was taken, is in the charts' own tables.
#[must_use]
pub fn slice_tables(o: &Outcome) -> Vec<(&'static str, String)> {
    if o.pools.iter().all(|p| p.slices.is_none()) {
        return Vec::new();
    }
    let header = ["pool", "way", "slice", "of_a_gpu", "pods_placed", "gpu_h_held"];
    let rows = o.pools.iter().filter_map(|p| Some((p, p.slices.as_deref()?))).flat_map(|(p, s)| {
        s.kinds.iter().map(move |k| {
            vec![
                p.name.clone(),
                s.way.clone(),
                k.name.clone(),
                num(f64::from(k.milli) / 1000.0),
                k.placed.to_string(),
                num(k.held.0 as f64 / MILLI_NS_PER_GPU_HOUR),
            ]
        })
    });
    vec![("slices.csv", csv(&header, rows))]
}
