//! How long a checkpoint takes to write and to read back over an idle store, and whether a notice is long enough.
//!
//! `t = latency + max(bytes / (writers · bw_node), bytes / bw_store)`: either the nodes or the store is the narrow
//! place. When several jobs write at once the store is shared: [`super::store`].
//!
//! The figures by [`Distance`] are those that one published migration simulator uses for S3 from one node
//! (`migration_model.py`, which counts a gigabyte as 1024 · 8 megabits). Not measured here: grade prior.

use std::num::NonZeroU64;

use super::impossible::Impossible;
use crate::catalog::Evidence;
use crate::units::{Bytes, Duration, Usd};

/// Bytes in the gigabyte that egress is priced by.
const GB: i128 = 1_000_000_000;

/// How far a store is from the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Distance {
    /// In the nodes' region.
    SameRegion,
    /// In another region of the continent.
    CrossRegion,
    /// On another continent.
    CrossContinent,
}

impl Distance {
    /// All, from the nearest.
    pub const ALL: [Distance; 3] = [Distance::SameRegion, Distance::CrossRegion, Distance::CrossContinent];
    /// How the figures are known.
    pub const EVIDENCE: Evidence = Evidence::Prior;
    /// Where they come from.
    pub const SOURCE: &'static str = "migration_model.py of a published spot migration simulator (S3 from one node)";

    /// The word in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Distance::SameRegion => "same_region",
            Distance::CrossRegion => "cross_region",
            Distance::CrossContinent => "cross_continent",
        }
    }

    /// Bytes a second between the store and one node: 9.72, 8.20 and 3.59 Gb/s.
    #[must_use]
    pub const fn node_bps(self) -> NonZeroU64 {
        let bits: u64 = match self {
            Distance::SameRegion => 9_720_000_000,
            Distance::CrossRegion => 8_200_000_000,
            Distance::CrossContinent => 3_590_000_000,
        };
        NonZeroU64::new(bits / 8).expect("a bandwidth of the table is above zero")
    }

    /// Dollars for each gigabyte (10⁹ bytes) that crosses: 0, 0.02 and 0.09.
    #[must_use]
    pub const fn egress_per_gb(self) -> Usd {
        match self {
            Distance::SameRegion => Usd::ZERO,
            Distance::CrossRegion => Usd(20_000_000_000),
            Distance::CrossContinent => Usd(90_000_000_000),
        }
    }

    /// What `bytes` cost to cross, exact to a pico-dollar, half up.
    #[must_use]
    pub fn egress(self, bytes: Bytes) -> Usd {
        Usd((self.egress_per_gb().0 * i128::from(bytes.0) + GB / 2) / GB)
    }
}

/// From the nodes to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Before the first byte moves.
    pub latency: Duration,
    /// Bytes a second of one node.
    pub node_bps: NonZeroU64,
    /// Bytes a second of the whole store; `None` when only the nodes' links bind.
    pub store_bps: Option<NonZeroU64>,
}

impl Path {
    /// A path with the bandwidth of [`Distance`], no latency and a store without a limit.
    #[must_use]
    pub const fn of(distance: Distance) -> Path {
        Path { latency: Duration::ZERO, node_bps: distance.node_bps(), store_bps: None }
    }

    /// How long `writers` nodes take to write `bytes` between them, rounded up to a nanosecond; beyond the range of the
    /// clock "never".
    ///
    /// # Errors
    /// [`Impossible::Quantity`] for no writers.
    pub fn write(&self, bytes: Bytes, writers: u32) -> Result<Duration, Impossible> {
        if writers == 0 {
            return Err(Impossible::Quantity { what: "number of writers", value: 0.0, allowed: "above zero" });
        }
        let by_nodes = nanos(u128::from(bytes.0), u128::from(self.node_bps.get()) * u128::from(writers));
        let by_store = self.store_bps.map_or(0, |b| nanos(u128::from(bytes.0), u128::from(b.get())));
        Ok(self.latency + Duration(by_nodes.max(by_store)))
    }

    /// How long `readers` nodes take to read `bytes` back when each byte is read `copies` times: once by every
    /// data-parallel replica, or once in all where one reads and hands on (`copies` 1).
    ///
    /// # Errors
    /// [`Impossible::Quantity`] for no readers or no copies, or for more bytes than 16 EiB in all.
    pub fn read(&self, bytes: Bytes, readers: u32, copies: u32) -> Result<Duration, Impossible> {
        let wrong = |what, value| Impossible::Quantity { what, value, allowed: "above zero" };
        if readers == 0 {
            return Err(wrong("number of readers", 0.0));
        }
        if copies == 0 {
            return Err(wrong("number of copies read", 0.0));
        }
        let all = bytes.0.checked_mul(u64::from(copies)).ok_or(Impossible::Quantity {
            what: "volume read in bytes",
            value: bytes.0 as f64 * f64::from(copies),
            allowed: "below 16 EiB",
        })?;
        self.write(Bytes(all), readers)
    }
}

/// `bytes / bps` in nanoseconds, rounded up.
fn nanos(bytes: u128, bps: u128) -> u64 {
    u64::try_from((bytes * 1_000_000_000).div_ceil(bps)).unwrap_or(u64::MAX)
}

/// What is left of a notice once it has been noticed (polling every 5 s is common) and less what the pod keeps for its
/// own end.
#[must_use]
pub fn effective_notice(notice: Duration, detect: Duration, reserve: Duration) -> Duration {
    notice - detect - reserve
}

/// Whether a checkpoint on notice is durable in time: draining and then writing fit, to the nanosecond.
#[must_use]
pub fn in_time(effective_notice: Duration, drain: Duration, write: Duration) -> bool {
    effective_notice >= drain + write
}

/// Bytes that only doomed nodes hold and that must be written before they go; what a survivor holds too need not hurry.
///
/// The state is cut into `nodes / replicas` equal shards. Node `i` holds shard `i mod (nodes / replicas)`: with one replica
/// every node has a part of its own (ZeRO-3, FSDP), with as many as nodes each holds all (plain data parallelism).
/// A fraction of a byte counts as one. Node numbers beyond the gang, and repeated ones, do not count.
///
/// # Errors
/// [`Impossible::Quantity`] when the nodes do not make whole replicas.
pub fn urgent_bytes(bytes: Bytes, nodes: u32, replicas: u32, doomed: &[u32]) -> Result<Bytes, Impossible> {
    if replicas == 0 || nodes == 0 || !nodes.is_multiple_of(replicas) {
        let value = f64::from(replicas);
        return Err(Impossible::Quantity {
            what: "number of replicas",
            value,
            allowed: "a divisor of the number of nodes",
        });
    }
    let shards = nodes / replicas;
    let mut gone: Vec<u32> = doomed.iter().copied().filter(|n| *n < nodes).collect();
    gone.sort_unstable();
    gone.dedup();
    let mut held = vec![0_u32; shards as usize];
    for n in gone {
        held[(n % shards) as usize] += 1;
    }
    let lost = held.into_iter().filter(|h| *h == replicas).count() as u128;
    let urgent = (u128::from(bytes.0) * lost).div_ceil(u128::from(shards));
    Ok(Bytes(u64::try_from(urgent).expect("a part of the bytes is no more than the bytes")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GB: u64 = 1_000_000_000;

    fn bps(n: u64) -> NonZeroU64 {
        NonZeroU64::new(n).unwrap()
    }

    fn store(gb_s: u64) -> Path {
        Path { latency: Duration::ZERO, node_bps: bps(1000 * GB), store_bps: Some(bps(gb_s * GB)) }
    }

    #[test]
    fn the_vectors_of_a_checkpoint_on_notice() {
        // spot_checkpoint.md 2.3: GB, GB/s, seconds, in time at 30 s, at 120 s.
        let table = [(98, 2, 49, false, true), (980, 20, 49, false, true), (980, 5, 196, false, false)];
        for (gb, bw, secs, half_minute, two_minutes) in table {
            let t = store(bw).write(Bytes(gb * GB), 8).unwrap();
            assert_eq!(t, Duration::from_secs(secs));
            for (notice, want) in [(30, half_minute), (120, two_minutes)] {
                assert_eq!(in_time(Duration::from_secs(notice), Duration::ZERO, t), want);
            }
        }
    }

    #[test]
    fn a_notice_is_shorter_than_it_sounds() {
        let s = Duration::from_secs;
        assert_eq!(effective_notice(s(120), s(5), s(15)), s(100));
        assert_eq!(effective_notice(s(30), s(25), s(15)), Duration::ZERO);
        assert!(in_time(s(100), s(51), s(49)));
        assert!(!in_time(s(100), s(51), s(49) + Duration(1)));
    }

    #[test]
    fn nodes_bind_until_the_store_does() {
        let path = Path { latency: Duration::from_secs(1), node_bps: bps(2 * GB), store_bps: Some(bps(10 * GB)) };
        let t = |n| path.write(Bytes(100 * GB), n).unwrap();
        assert_eq!([t(1), t(4), t(5), t(50)], [51.0, 13.5, 11.0, 11.0].map(Duration::from_secs_f64));
        assert_eq!(path.write(Bytes(0), 1), Ok(Duration::from_secs(1)));
        assert!(path.write(Bytes(1), 0).is_err());
        // Four replicas on eight nodes that each read all of it move four times as much.
        assert_eq!(path.read(Bytes(100 * GB), 8, 4), Ok(Duration::from_secs(41)));
        assert_eq!(path.read(Bytes(100 * GB), 8, 1), Ok(Duration::from_secs(11)));
        assert!(path.read(Bytes(GB), 0, 1).is_err() && path.read(Bytes(GB), 1, 0).is_err());
        assert!(path.read(Bytes(u64::MAX), 1, 2).is_err());
    }

    #[test]
    fn the_defaults_are_those_of_the_reference() {
        // 100 of its gigabytes (8 · 1024 Mb each) take 84.28 s in the region; ours are 10⁹ bytes.
        let theirs = Bytes(100 * 1024 * 1_000_000);
        let t = Path::of(Distance::SameRegion).write(theirs, 1).unwrap().as_secs_f64();
        assert!((t - 84.28).abs() < 0.005, "{t}");
        let dollars = |d: Distance| d.egress(Bytes(980 * GB)).exact();
        assert_eq!(Distance::ALL.map(dollars), ["0.00", "19.60", "88.20"]);
        assert_eq!(Distance::CrossRegion.egress(Bytes(1)), Usd(20));
    }

    #[test]
    fn only_what_no_survivor_holds_is_urgent() {
        let all = Bytes(960 * GB);
        let urgent = |replicas, doomed: &[u32]| urgent_bytes(all, 8, replicas, doomed).unwrap().0 / GB;
        // Fully sharded: the doomed nodes' own parts.
        assert_eq!(urgent(1, &[0, 3]), 240);
        // Each node has everything: nothing is urgent until the last.
        assert_eq!(urgent(8, &[0, 1, 2, 3, 4, 5, 6]), 0);
        assert_eq!(urgent(8, &[0, 1, 2, 3, 4, 5, 6, 7]), 960);
        // Two replicas of four shards: nodes 1 and 5 hold the same one.
        assert_eq!(urgent(2, &[1, 2]), 0);
        assert_eq!(urgent(2, &[1, 5, 5, 99]), 240);
        assert_eq!(urgent(2, &[]), 0);
        assert!(urgent_bytes(all, 8, 3, &[]).is_err() && urgent_bytes(all, 8, 0, &[]).is_err());
    }

    proptest! {
        #[test]
        fn more_nodes_or_bandwidth_never_make_it_slower(
            bytes in 0..1_000 * GB, node in 1..10 * GB, all in 1..50 * GB, n in 1_u32..64,
        ) {
            let t = |node, all, n| {
                Path { latency: Duration(7), node_bps: bps(node), store_bps: Some(bps(all)) }.write(Bytes(bytes), n).unwrap()
            };
            let here = t(node, all, n);
            prop_assert!(t(node, all, n + 1) <= here && t(node + 1, all, n) <= here && t(node, all + 1, n) <= here);
        }

        #[test]
        fn more_doomed_nodes_never_leave_less_to_save(
            shards in 1_u32..6, replicas in 1_u32..5, doomed in prop::collection::vec(0_u32..30, 0..20), one in 0_u32..30,
        ) {
            let u = |d: &[u32]| urgent_bytes(Bytes(1_000_003), shards * replicas, replicas, d).unwrap();
            let mut more = doomed.clone();
            more.push(one);
            prop_assert!(u(&more) >= u(&doomed));
            let everyone: Vec<u32> = (0..30).collect();
            prop_assert_eq!(u(&everyone), Bytes(1_000_003));
        }
    }
}
