//! Checkpoints and stages of setting up: from what is written to how a run keeps its progress.

use std::num::NonZeroU64;

use super::context::Context;
use super::laws;
use super::losses::LossRate;
use super::stores::{StoreFacts, Stores, moving};
use crate::formats::Place;
use crate::kernel::Dist;
use crate::scenario::decode::Spanned;
use crate::scenario::file::checkpoint as shape;
use crate::scenario::file::laws::Length;
use crate::scenario::model::{Checkpoint, Model, OnNotice};
use crate::training::interval::Rule;
use crate::training::progress::Pace;
use crate::training::restart::Stage;
use crate::training::size;
use crate::training::transfer::{Distance, Path, in_time};
use crate::units::{Bytes, Diagnostic, Diagnostics, Duration, Rate, Usd};

/// Who checkpoints.
pub(super) struct Who<'a> {
    pub name: &'a str,
    /// Nodes of the (largest) gang.
    pub nodes: u32,
    /// Pools that it may be in, by index.
    pub pools: Vec<usize>,
    /// How often it loses a node.
    pub losses: LossRate,
}

/// A checkpoint with what setting up again needs of it.
pub(super) struct Kept {
    pub checkpoint: Checkpoint,
    /// How long reading one takes.
    pub read: Duration,
}

/// How long writing and reading take when nobody else does.
struct Moves {
    write: Duration,
    read: Duration,
    store: Option<u16>,
    own_bps: u64,
}

impl Context<'_, '_> {
    /// How a run keeps its progress.
    pub(super) fn checkpoint(
        &mut self,
        c: &shape::Checkpoint,
        who: &Who<'_>,
        stores: &Stores<'_>,
        model: &Model,
        out: &mut Diagnostics,
    ) -> Option<Kept> {
        let lossless = matches!(*c.mode, shape::Mode::Lossless);
        let bytes = self.bytes(c, who, lossless, out)?;
        let store = match &c.store {
            Some(name) => {
                let i = stores.names.find(name, out)?;
                // A faulty store has been reported.
                Some((i, stores.list.get(i)?.as_ref()?))
            }
            None => None,
        };
        let moves = self.moves(c, who, bytes, store, out)?;
        let pace = if lossless { Pace::EVERYTHING } else { self.pace(c, who, bytes, &moves, out)? };
        let storage = store.map_or(Rate(0), |(_, s)| {
            let month = s.shape.usd_per_gb_month.0 * i128::from(bytes.0) / 1_000_000_000;
            Rate(month / 730)
        });
        let egress = (0..model.pools.len())
            .map(|p| store.map_or(Usd(0), |(_, s)| s.distance(&self.facts[p]).egress(bytes)))
            .collect();
        if let Some((_, s)) = store {
            let crosses = who.pools.iter().any(|p| s.distance(&self.facts[*p]) != Distance::SameRegion);
            if crosses {
                self.note(format!("egress of {}", who.name), Distance::EVIDENCE.key(), Distance::SOURCE);
            }
        }
        let on_notice = c.on_notice.as_ref().map(|n| OnNotice { drain: n.drain, write: moves.write, early: n.early });
        if let (Some(n), Some(written)) = (&on_notice, &c.on_notice) {
            never_in_time(n, who, model, written.at, out);
        }
        let peers = match &*c.mode {
            shape::Mode::InMemory(m) if m.group.get() < 2 || m.group.get() > who.nodes => {
                out.push(
                    Diagnostic::error(format!(
                        "copies in groups of {} nodes, of {} nodes in all",
                        m.group.get(),
                        who.nodes
                    ))
                    .at(m.group.at.0, m.group.at.1, "at least 2, at most all")
                    .help("a group of 2 keeps each copy on two nodes"),
                );
                return None;
            }
            shape::Mode::InMemory(m) => Some(m.group.get()),
            _ => None,
        };
        let checkpoint = Checkpoint {
            pace,
            bytes: bytes.0,
            store: moves.store,
            own_bps: moves.own_bps,
            on_notice,
            peers,
            keep: c.keep,
            storage,
            egress,
        };
        Some(Kept { checkpoint, read: moves.read })
    }

    /// What one holds.
    fn bytes(&mut self, c: &shape::Checkpoint, who: &Who<'_>, lossless: bool, out: &mut Diagnostics) -> Option<Bytes> {
        match (&c.params, &c.size) {
            (Some(_), Some(size)) => {
                out.push(
                    Diagnostic::error(format!("the checkpoint of `{}` has a size and parameters", who.name))
                        .at(size.at.0, size.at.1, "given twice")
                        .help("keep `size`, or `params` with `bytes_per_param`"),
                );
                None
            }
            (None, Some(size)) => {
                self.note(format!("checkpoint size of {}", who.name), "prior", "stated in the scenario");
                Some(**size)
            }
            (Some(params), None) => {
                let preset = |key: &str| size::kept(key).map(|k| (k.bytes_per_param, k.evidence.key(), k.source));
                let kept = match *c.bytes_per_param {
                    shape::Kept::Bytes(n) => Some((n, "prior", "stated in the scenario")),
                    shape::Kept::Bf16Adam => preset("bf16_adam"),
                    shape::Kept::Fp32Adam => preset("fp32_adam"),
                    shape::Kept::Fp32Momentum => preset("fp32_momentum"),
                    shape::Kept::Adam8bit => preset("adam_8bit"),
                    shape::Kept::WeightsBf16 => preset("weights_bf16"),
                    shape::Kept::Lora => preset("lora"),
                };
                let (each, grade, source) = kept?;
                match size::checkpoint(**params, each, Bytes(0)) {
                    Ok(bytes) => {
                        self.note(format!("checkpoint size of {}", who.name), grade, source);
                        Some(bytes)
                    }
                    Err(e) => {
                        let at = if each > 0.0 { params.at } else { c.bytes_per_param.at };
                        out.push(e.to_diagnostic().at(at.0, at.1, "of the checkpoint"));
                        None
                    }
                }
            }
            (None, None) if lossless || c.write.is_some() => Some(Bytes(0)),
            (None, None) => {
                out.push(
                    Diagnostic::error(format!("the checkpoint of `{}` does not say what it holds", who.name))
                        .at(c.every.at.0, c.every.at.1, "how large is one?")
                        .help("give its parameters, params: 70e9, or its size, size: \"980GB\"")
                        .help("or how long writing and reading take: write: \"49s\", read: \"49s\""),
                );
                None
            }
        }
    }

    /// Over the store, over a bandwidth of its own, or as stated. Of several pools the slowest counts.
    fn moves(
        &mut self,
        c: &shape::Checkpoint,
        who: &Who<'_>,
        bytes: Bytes,
        store: Option<(usize, &StoreFacts<'_>)>,
        out: &mut Diagnostics,
    ) -> Option<Moves> {
        if let (Some((_, s)), Some(b)) = (store, &c.bandwidth) {
            out.push(
                Diagnostic::error(format!("the checkpoint of `{}` has a store and a bandwidth of its own", who.name))
                    .at(b.at.0, b.at.1, format!("store `{}` has bandwidths", *s.shape.name))
                    .help("keep one of them; `per_node` of the store says what a node can write at"),
            );
            return None;
        }
        let own = match &c.bandwidth {
            Some(b) => Some(moving(b, "writing a checkpoint", out)?),
            None => None,
        };
        let slowest = |paths: &[Path]| {
            paths.iter().filter_map(|p| p.write(bytes, who.nodes.max(1)).ok()).max().unwrap_or(Duration::ZERO)
        };
        let nothing = bytes.0 == 0;
        let paths = |read: bool| -> Vec<Path> {
            match (store, own) {
                (Some((_, s)), _) => {
                    let of = |p: &usize| if read { s.reading(&self.facts[*p]) } else { s.writing(&self.facts[*p]) };
                    who.pools.iter().map(of).collect()
                }
                (None, Some(bps)) => {
                    vec![Path { latency: Duration::ZERO, node_bps: NonZeroU64::MAX, store_bps: Some(bps) }]
                }
                (None, None) => vec![Path::of(Distance::SameRegion)],
            }
        };
        let (writing, reading) = (paths(false), paths(true));
        let write = c.write.as_ref().map_or_else(|| slowest(&writing), |w| **w);
        let read = c.read.as_ref().map_or_else(|| if nothing { write } else { slowest(&reading) }, |r| **r);
        if store.is_none() && own.is_none() && c.write.is_none() && !nothing {
            self.note(
                format!("checkpoint bandwidth of {}", who.name),
                "guess",
                format!("9.72 Gbit/s for each node, {}", Distance::SOURCE),
            );
        }
        // What the run alone can write at: the rate that the stated time means, or that of its nodes' links.
        let links = writing.iter().map(|p| u128::from(p.node_bps.get()) * u128::from(who.nodes)).min().unwrap_or(0);
        let own_bps = match &c.write {
            Some(w) if w.0 > 0 => u128::from(bytes.0) * 1_000_000_000 / u128::from(w.0),
            _ => links,
        };
        // Writing that takes no time waits for nobody.
        let shares = store.filter(|_| bytes.0 > 0 && write.0 > 0);
        Some(Moves {
            write,
            read,
            store: shares.and_then(|(i, _)| u16::try_from(i).ok()),
            own_bps: u64::try_from(own_bps).unwrap_or(u64::MAX).max(1),
        })
    }

    fn pace(
        &mut self,
        c: &shape::Checkpoint,
        who: &Who<'_>,
        bytes: Bytes,
        moves: &Moves,
        out: &mut Diagnostics,
    ) -> Option<Pace> {
        let copy = |snapshot, block: Option<Duration>, out: &mut Diagnostics| -> Option<Duration> {
            if let Some(block) = block {
                return Some(block);
            }
            let node_bps = moving(snapshot, "copying to host memory", out)?;
            let path = Path { latency: Duration::ZERO, node_bps, store_bps: None };
            path.write(bytes, who.nodes.max(1)).ok()
        };
        // Stall, persist and slowdown.
        let (stall, persist, slow) = match &*c.mode {
            shape::Mode::Sync | shape::Mode::Lossless => (moves.write, Duration::ZERO, 0),
            shape::Mode::Async(b) => (copy(&b.snapshot, b.block, out)?, moves.write, b.slow.ppm()),
            shape::Mode::InMemory(m) => (copy(&m.snapshot, m.block, out)?, moves.write, m.slow.ppm()),
        };
        let at = c.every.at;
        let rule = match &*c.every {
            shape::Every::Fixed(d) if d.0 == 0 => {
                out.push(
                    Diagnostic::error(format!("`{}` would do nothing but write checkpoints", who.name))
                        .at(at.0, at.1, "no compute between them")
                        .help("for example every: \"30m\", or Daly for the optimum"),
                );
                return None;
            }
            shape::Every::Fixed(_) => None,
            shape::Every::Young => Some(Rule::Young),
            shape::Every::Daly => Some(Rule::Daly),
            shape::Every::Exact => Some(Rule::Exact),
        };
        let interval = match (&*c.every, rule) {
            (shape::Every::Fixed(d), _) => *d,
            (_, Some(rule)) => self.optimum(rule, stall, who, at, out)?,
            (_, None) => return None,
        };
        if stall > interval {
            out.push(
                Diagnostic::warning(format!(
                    "`{}` stands still for {stall} after every {interval} of compute",
                    who.name
                ))
                .at(at.0, at.1, "a checkpoint takes longer than the work between two")
                .help("checkpoint less often, write faster, or in the background: mode: Async"),
            );
        }
        if persist.0.saturating_sub(stall.0) > interval.0 {
            out.push(
                Diagnostic::warning(format!(
                    "a checkpoint of `{}` takes {persist} to be written, and the next is due after {interval}",
                    who.name
                ))
                .at(at.0, at.1, "it can never be written before the next")
                .help("each waits for the one before: the interval stretches to what writing takes"),
            );
        }
        let pace = match &*c.mode {
            shape::Mode::Sync | shape::Mode::Lossless => Pace::sync(interval, stall),
            shape::Mode::Async(_) | shape::Mode::InMemory(_) => Pace::background(interval, stall, persist, slow),
        };
        Some(pace)
    }

    /// The optimal interval for the gang's mean time between losses.
    fn optimum(
        &mut self,
        rule: Rule,
        stall: Duration,
        who: &Who<'_>,
        at: Place,
        out: &mut Diagnostics,
    ) -> Option<Duration> {
        let by_hand = "or state one: every: \"30m\"";
        if who.losses.per_hour <= 0.0 {
            out.push(
                Diagnostic::error(format!("nothing ever takes a node of `{}`: no interval is the best", who.name))
                    .at(at.0, at.1, "needs a mean time between losses")
                    .help("give its pools `hardware`, or spot pools a `reclaim`")
                    .help(by_hand),
            );
            return None;
        }
        if stall.0 == 0 {
            out.push(
                Diagnostic::error(format!("a checkpoint of `{}` costs no time: no interval is the best", who.name))
                    .at(at.0, at.1, "the stall is 0")
                    .help("say what it holds and what it is written at")
                    .help(by_hand),
            );
            return None;
        }
        let mean_s = who.losses.mean_hours() * 3600.0;
        match rule.interval(stall.as_secs_f64(), mean_s) {
            Ok(s) => {
                let interval = Duration::from_secs_f64(s);
                let grade = if who.losses.measured { "fitted" } else { "prior" };
                let source = format!(
                    "{} optimum, {interval}: a stall of {stall}, one loss in {} ({})",
                    rule.key(),
                    who.losses.mean(),
                    who.losses.basis.join("; ")
                );
                self.note(format!("checkpoint interval of {}", who.name), grade, source);
                Some(interval)
            }
            Err(e) => {
                out.push(e.to_diagnostic().at(at.0, at.1, "no optimum").help(by_hand));
                None
            }
        }
    }
}

/// A save that no pool's notice leaves time for is no protection.
fn never_in_time(n: &OnNotice, who: &Who<'_>, model: &Model, at: Place, out: &mut Diagnostics) {
    let spot = who.pools.iter().filter_map(|p| model.pools[*p].supply.as_deref().map(|s| (&model.pools[*p].name, s)));
    let late: Vec<String> = spot
        .filter(|(_, s)| s.spot && !in_time(s.notice.effective(), n.drain, n.write))
        .map(|(name, s)| format!("`{name}` leaves {}", s.notice.effective()))
        .collect();
    if !late.is_empty() {
        out.push(
            Diagnostic::warning(format!(
                "`{}` cannot save itself on notice: that takes {}, and {}",
                who.name,
                n.drain + n.write,
                late.join(", ")
            ))
            .at(at.0, at.1, "never succeeds there")
            .help("write faster, or leave `on_notice` out"),
        );
    }
}

/// The stages of setting up, those that take no time left out.
pub(super) fn stages(
    restart: &Spanned<shape::Restart>,
    read: Option<Duration>,
    reshape: Option<&Spanned<Length>>,
    out: &mut Diagnostics,
) -> Option<Vec<(Stage, Dist)>> {
    let law = |l: &Spanned<Length>, out: &mut Diagnostics| laws::length(l, l.at, out);
    let fixed = |d: Duration| Dist::constant(d.as_secs_f64()).ok();
    let mut all = Vec::new();
    match &restart.value {
        shape::Restart::SetUp(l) => all.push((Stage::SetUp, law(l, out)?)),
        shape::Restart::Stages(s) => {
            all.push((Stage::Detect, law(&s.detect, out)?));
            all.push((Stage::Cleanup, law(&s.cleanup, out)?));
            all.push((Stage::Driver, law(&s.driver, out)?));
            match &*s.image {
                shape::Image::Cached => {}
                shape::Image::Takes(l) => all.push((Stage::Image, law(l, out)?)),
                shape::Image::Pull(p) => {
                    let node_bps = moving(&p.bandwidth, "pulling an image", out)?;
                    let path = Path { latency: Duration::ZERO, node_bps, store_bps: None };
                    all.push((Stage::Image, fixed(path.write(p.size, 1).ok()?)?));
                }
            }
            all.push((Stage::Init, law(&s.init, out)?));
            match (&s.read, read) {
                (Some(l), _) => all.push((Stage::Read, law(l, out)?)),
                (None, Some(d)) => all.push((Stage::Read, fixed(d)?)),
                (None, None) => {}
            }
            all.push((Stage::WarmUp, law(&s.warm_up, out)?));
        }
    }
    if let Some(l) = reshape {
        all.push((Stage::Reshape, law(l, out)?));
    }
    all.retain(|(_, d)| d.mean() > 0.0);
    Some(all)
}
