//! Hit rates of caches: closed forms against simulated caches, and a published trace.

use std::path::Path;

use super::SUITE;
use crate::formats::rows::Outcome;
use crate::formats::rows::jsonl::JsonLines;
use crate::kernel::{Dist, Streams};
use crate::serving::cache::laws;
use crate::serving::cache::lru::Lru;
use crate::serving::cache::response::{Answer, ResponseCache, Setup};
use crate::units::{Diagnostics, Duration, SimTime, SourceMap};
use crate::verify::{Case, NoCases, Options};

/// Requests of a simulated cache, after as many to fill it.
const REQUESTS: u64 = 400_000;

/// Runs the cases.
///
/// # Errors
/// [`NoCases::Bad`] for a trace that cannot be read.
pub fn cases(options: &Options, out: &mut Vec<Case>) -> Result<(), NoCases> {
    // Items, exponent, capacity, hit rate by Che's approximation.
    for (items, s, capacity, rate) in [
        (10_000, 1.0, 100, 0.3905),
        (10_000, 1.0, 1_000, 0.6756),
        (10_000, 0.8, 1_000, 0.4367),
        (100_000, 1.0, 1_000, 0.5062),
    ] {
        let name = format!("cache/lru/N {items}, s {s}, C {capacity}");
        // The published rates have four digits.
        out.push(Case::checked(SUITE, format!("{name}/Che"), rate, laws::che(items, s, capacity), 5e-5));
        let n = REQUESTS as f64;
        // Three standard errors of a share, and what the approximation leaves: a thousandth.
        let tolerance = 1e-3 + 3.0 * (rate * (1.0 - rate) / n).sqrt();
        out.push(Case::checked(
            SUITE,
            format!("{name}/simulated, n {REQUESTS}"),
            rate,
            zipf(items, s, capacity),
            tolerance,
        ));
    }
    for (asked, fill, renewed) in [(0.5, 0.3333, 0.3935), (1.0, 0.5, 0.6321), (2.0, 0.6667, 0.8647)] {
        for (kind, renew, rate, law) in [
            ("from fill", false, fill, laws::ttl_from_fill(asked)),
            ("renewed", true, renewed, laws::ttl_renewed(asked)),
        ] {
            let name = format!("cache/ttl {kind}/{asked} within it");
            out.push(Case::checked(SUITE, format!("{name}/law"), rate, law, 5e-5));
            // Hits come in runs: the deviation of their number is that of a renewal process, below twice a coin's.
            let tolerance = 6.0 * (rate * (1.0 - rate) / REQUESTS as f64).sqrt();
            out.push(Case::checked(
                SUITE,
                format!("{name}/simulated, n {REQUESTS}"),
                law,
                ttl(asked, renew),
                tolerance,
            ));
        }
    }
    let Some(data) = &options.data else { return Ok(()) };
    let (mut sources, mut found) = (SourceMap::default(), Diagnostics::default());
    for t in TRACES {
        let file = data.join("mooncake").join(t.file);
        if !file.is_file() {
            continue;
        }
        match mooncake(&file, t, out) {
            Ok(()) => {}
            Err(fault) => found.push(fault.into_diagnostic(&mut sources)),
        }
    }
    if found.has_errors() { Err(NoCases::Bad(found, sources)) } else { Ok(()) }
}

fn cache(capacity: usize, ttl: Option<Duration>, renew: bool) -> ResponseCache {
    ResponseCache::new(Setup { capacity, ttl, renew_on_hit: renew, ..Setup::default() })
}

/// The share of hits of an LRU cache under Zipf's law.
fn zipf(items: u64, s: f64, capacity: u64) -> f64 {
    let law = Dist::zipf(items, s).expect("items and an exponent");
    let mut stream = Streams::new(1, 0).stream("verify", "lru", items);
    let mut cache = cache(capacity as usize, None, false);
    let mut hits = 0;
    for i in 0..2 * REQUESTS {
        let key = law.sample(&mut stream) as u64;
        let hit = matches!(cache.ask(SimTime(i), key), Answer::Hit { .. });
        hits += u64::from(hit && i >= REQUESTS);
    }
    hits as f64 / REQUESTS as f64
}

/// The share of hits of one item with a time to live, asked for by Poisson requests.
fn ttl(asked: f64, renew: bool) -> f64 {
    let gap = Dist::exponential(1.0).expect("a mean");
    let mut stream = Streams::new(1, 0).stream("verify", "ttl", asked.to_bits());
    let mut cache = cache(1, Some(Duration::from_secs_f64(asked)), renew);
    let (mut hits, mut now) = (0, SimTime::ZERO);
    for _ in 0..REQUESTS {
        now += Duration::from_secs_f64(gap.sample(&mut stream));
        hits += u64::from(matches!(cache.ask(now, 1), Answer::Hit { .. }));
    }
    hits as f64 / REQUESTS as f64
}

/// A published trace of prompts by the hashes of their 512-token blocks, and hit rates of one LRU over them.
struct Trace {
    name: &'static str,
    file: &'static str,
    blocks: u64,
    /// Blocks in the cache (0 for all), share of blocks found.
    rates: [(usize, f64); 6],
}

const TRACES: &[Trace] = &[
    Trace {
        name: "conversation",
        file: "conversation_trace.jsonl",
        blocks: 288_500,
        rates: [(1_000, 0.0445), (5_000, 0.1104), (10_000, 0.2112), (30_000, 0.3257), (50_000, 0.3546), (0, 0.3664)],
    },
    Trace {
        name: "synthetic",
        file: "synthetic_trace.jsonl",
        blocks: 121_877,
        rates: [(1_000, 0.0825), (5_000, 0.2791), (10_000, 0.4235), (30_000, 0.6242), (50_000, 0.6396), (0, 0.6396)],
    },
];

fn mooncake(file: &Path, t: &Trace, out: &mut Vec<Case>) -> Outcome<()> {
    let mut lines = JsonLines::open(file)?;
    let mut prompts: Vec<Vec<u64>> = Vec::new();
    while let Some(r) = lines.next_record()? {
        let hashes = r.fields.get("hash_ids").and_then(|v| v.as_array());
        let hashes = hashes.and_then(|a| a.iter().map(serde_json::Value::as_u64).collect::<Option<Vec<u64>>>());
        prompts.push(hashes.ok_or_else(|| {
            let text = format!("line {}: `hash_ids` must be a list of whole numbers", r.line());
            r.fault("hash_ids", text, "must be a list of whole numbers")
        })?);
    }
    let blocks: usize = prompts.iter().map(Vec::len).sum();
    out.push(Case::checked(SUITE, format!("cache/mooncake/{}/blocks", t.name), t.blocks as f64, blocks as f64, 0.0));
    for (capacity, rate) in t.rates {
        let hits = leading_hits(&prompts, if capacity == 0 { usize::MAX } else { capacity });
        let size = if capacity == 0 { "all".to_owned() } else { capacity.to_string() };
        let name = format!("cache/mooncake/{}/LRU of {size} blocks", t.name);
        out.push(Case::checked(SUITE, name, rate, hits as f64 / blocks as f64, 5e-5));
    }
    Ok(())
}

/// Blocks found: of each prompt the run of blocks from its beginning that are there; then all of its blocks are used, in
/// their order.
fn leading_hits(prompts: &[Vec<u64>], capacity: usize) -> usize {
    let (mut lru, mut hits) = (Lru::default(), 0);
    for prompt in prompts {
        hits += prompt.iter().take_while(|&&h| lru.peek(h).is_some()).count();
        for &h in prompt {
            lru.insert(h, ());
            if lru.len() > capacity {
                lru.pop_oldest();
            }
        }
    }
    hits
}
