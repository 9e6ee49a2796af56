//! What a replica keeps of earlier prompts.
//!
//! It lives in the blocks of KV that no sequence needs: the busier the replica, the less there is to find. A hit saves
//! computing, not room: the sequence holds the KV that was found as it holds what it computes. At least one token of a
//! prompt is computed, so that there is a next one (vLLM, `get_computed_blocks`).

use super::lru::Lru;
use crate::serving::replica::PrefixCaching;
use crate::serving::request::{Prefix, Request};
use crate::units::{Duration, SimTime};

/// The cache of one replica.
#[derive(Clone, Debug)]
pub struct PrefixCache {
    law: Law,
    /// Tokens in a block of KV.
    block: u32,
}

#[derive(Clone, Debug)]
enum Law {
    Off,
    /// Parts in a million of each prompt.
    Fixed(u32),
    Sessions(Sessions),
    Blocks(Blocks),
}

/// What was found of a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Tokens, in whole blocks, fewer than there are in the prompt.
    pub tokens: u64,
    /// Hashes that they make.
    pub hashes: u32,
    /// Blocks of these hashes.
    pub pinned_blocks: u64,
    /// Of these blocks, those that no sequence needed so far.
    pub unpinned_blocks: u64,
}

/// What idle sessions have left, by session.
#[derive(Clone, Debug)]
struct Sessions {
    idle: Duration,
    left: Lru<Left>,
    blocks: u64,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    tokens: u64,
    blocks: u64,
    at: SimTime,
}

/// Blocks by hash.
#[derive(Clone, Debug)]
struct Blocks {
    tokens: u32,
    /// Blocks of KV for each hash.
    each: u64,
    /// Those that no sequence needs, by last use.
    unpinned: Lru<()>,
    /// Those that some need, and how many.
    pinned: rustc_hash::FxHashMap<u64, u32>,
}

impl PrefixCache {
    /// An empty cache over blocks of so many tokens.
    #[must_use]
    pub fn new(kind: PrefixCaching, block: u32) -> PrefixCache {
        let law = match kind {
            PrefixCaching::Off => Law::Off,
            PrefixCaching::Fixed(share) => Law::Fixed(share.ppm()),
            PrefixCaching::Sessions { idle } => Law::Sessions(Sessions { idle, left: Lru::default(), blocks: 0 }),
            PrefixCaching::Blocks { tokens_per_hash } => Law::Blocks(Blocks {
                tokens: tokens_per_hash,
                each: u64::from(tokens_per_hash / block),
                unpinned: Lru::default(),
                pinned: Default::default(),
            }),
        };
        PrefixCache { law, block }
    }

    /// What is there of the first `need` tokens of a request at `now`.
    #[inline]
    #[must_use]
    pub fn find(&self, r: &Request, need: u32, now: SimTime) -> Found {
        let most = |tokens: u64| {
            let tokens = tokens.min(u64::from(r.prompt)).min(u64::from(need) - 1);
            tokens - tokens % u64::from(self.block)
        };
        match &self.law {
            Law::Off => Found::default(),
            Law::Fixed(ppm) => {
                Found { tokens: most(u64::from(*ppm) * u64::from(r.prompt) / 1_000_000), ..Found::default() }
            }
            Law::Sessions(s) => Found { tokens: most(s.shared(r, now)), ..Found::default() },
            Law::Blocks(b) => b.find(r, need),
        }
    }

    /// A request is taken up with what was found: it is in use from now on.
    #[inline]
    pub fn take(&mut self, r: &Request, found: &Found) {
        match &mut self.law {
            Law::Off | Law::Fixed(_) => {}
            Law::Sessions(s) => {
                if let Prefix::Session { session, .. } = r.prefix
                    && let Some(left) = s.left.remove(session)
                {
                    s.blocks -= left.blocks;
                }
            }
            Law::Blocks(b) => {
                for &h in b.hashes(r).iter().take(found.hashes as usize) {
                    b.pin(h);
                }
            }
        }
    }

    /// A prompt has been computed: its blocks can be found from now on. `pins` hashes of it were in use by this request;
    /// returns how many are now, and how many blocks it shares with others that it held a copy of until now.
    #[inline]
    pub fn keep(&mut self, r: &Request, pins: u32) -> (u32, u64) {
        let Law::Blocks(b) = &mut self.law else { return (pins, 0) };
        let hashes = b.hashes(r);
        let mut shared = 0;
        for &h in &hashes[(pins as usize).min(hashes.len())..] {
            shared += u64::from(b.pinned.contains_key(&h)) * b.each;
            b.pin(h);
        }
        (hashes.len() as u32, shared)
    }

    /// A request that held `tokens` tokens in `blocks` blocks, `pins` hashes among them, needs them no longer. Returns
    /// how many blocks of these hashes nobody needs now.
    #[inline]
    pub fn release(&mut self, r: &Request, pins: u32, tokens: u64, blocks: u64, now: SimTime) -> u64 {
        match &mut self.law {
            Law::Off | Law::Fixed(_) => 0,
            Law::Sessions(s) => {
                if let Prefix::Session { session, .. } = r.prefix {
                    s.blocks += blocks;
                    if let Some(old) = s.left.insert(session, Left { tokens, blocks, at: now }) {
                        s.blocks -= old.blocks;
                    }
                }
                0
            }
            Law::Blocks(b) => {
                let hashes = b.hashes(r);
                // From the end: the beginning of a prompt, which more prompts have in common, is forgotten last.
                hashes[..pins as usize].iter().rev().map(|&h| u64::from(b.unpin(h)) * b.each).sum()
            }
        }
    }

    /// Forgets the oldest until what is kept takes no more than `free` blocks.
    #[inline]
    pub fn trim(&mut self, free: u64) {
        match &mut self.law {
            Law::Off | Law::Fixed(_) => {}
            Law::Sessions(s) => {
                while s.blocks > free
                    && let Some((_, left)) = s.left.pop_oldest()
                {
                    s.blocks -= left.blocks;
                }
            }
            Law::Blocks(b) => while b.unpinned.len() as u64 * b.each > free && b.unpinned.pop_oldest().is_some() {},
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        match &mut self.law {
            Law::Off | Law::Fixed(_) => {}
            Law::Sessions(s) => {
                s.left.clear();
                s.blocks = 0;
            }
            Law::Blocks(b) => {
                b.unpinned.clear();
                b.pinned.clear();
            }
        }
    }

    /// Whether what is found now may not be found later.
    #[inline]
    #[must_use]
    pub const fn forgets(&self) -> bool {
        matches!(self.law, Law::Sessions(_) | Law::Blocks(_))
    }

    /// Blocks that so many hashes make.
    #[inline]
    #[must_use]
    pub const fn blocks_of_hashes(&self, hashes: u32) -> u64 {
        match &self.law {
            Law::Blocks(b) => b.each * hashes as u64,
            _ => 0,
        }
    }

    /// Blocks that are kept and that no sequence needs.
    #[must_use]
    pub fn kept_blocks(&self) -> u64 {
        match &self.law {
            Law::Off | Law::Fixed(_) => 0,
            Law::Sessions(s) => s.blocks,
            Law::Blocks(b) => b.unpinned.len() as u64 * b.each,
        }
    }
}

impl Sessions {
    /// Tokens that a request has in common with what its session left, if that is still there.
    fn shared(&self, r: &Request, now: SimTime) -> u64 {
        let Prefix::Session { session, shared } = r.prefix else { return 0 };
        match self.left.peek(session) {
            Some(left) if now.since(left.at) <= self.idle => left.tokens.min(u64::from(shared)),
            _ => 0,
        }
    }
}

impl Blocks {
    /// The hashes of a prompt's whole blocks.
    fn hashes<'r>(&self, r: &'r Request) -> &'r [u64] {
        match &r.prefix {
            Prefix::Blocks(h) => &h[..h.len().min((r.prompt / self.tokens) as usize)],
            _ => &[],
        }
    }

    fn find(&self, r: &Request, need: u32) -> Found {
        let hashes = self.hashes(r);
        let most = ((need - 1) / self.tokens) as usize;
        let mut found = Found::default();
        for h in hashes.iter().take(most) {
            if self.unpinned.peek(*h).is_some() {
                found.unpinned_blocks += self.each;
            } else if !self.pinned.contains_key(h) {
                break;
            }
            found.hashes += 1;
        }
        found.pinned_blocks = u64::from(found.hashes) * self.each;
        found.tokens = u64::from(found.hashes) * u64::from(self.tokens);
        found
    }

    fn pin(&mut self, h: u64) {
        self.unpinned.remove(h);
        *self.pinned.entry(h).or_insert(0) += 1;
    }

    /// True when nobody needs it any longer.
    fn unpin(&mut self, h: u64) -> bool {
        let count = self.pinned.get_mut(&h).expect("what is released was pinned");
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.pinned.remove(&h);
        self.unpinned.insert(h, ());
        true
    }
}
