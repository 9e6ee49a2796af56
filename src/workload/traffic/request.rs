//! One inference request as it arrives, and what its prompt shares with others.

use crate::units::SimTime;

/// Tokens in a prefix block, as in the Mooncake traces (`spec/inference_serving.md` §6.3).
pub const BLOCK_TOKENS: u32 = 512;

/// An inference request, in order of arrival. Sizes are whole tokens, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it arrives.
    pub at: SimTime,
    /// Tokens of the whole prompt, shared ones included.
    pub input: u32,
    /// Tokens that it will generate.
    pub output: u32,
    /// The session that it belongs to, counted from 1 within its source; 0 for none.
    pub session: u32,
    /// What of the prompt others share.
    pub prefix: PrefixRef,
    /// Index into the traffic's table of label sets.
    pub labels: u16,
    /// Which source of the traffic made it.
    pub source: u16,
    /// Higher goes first where the queue heeds it.
    pub priority: i8,
}

impl Request {
    /// Tokens that it holds in the cache when it ends.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.input as u64 + self.output as u64
    }
}

/// Which part of a prompt other requests may have computed already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrefixRef {
    /// None of it.
    #[default]
    None,
    /// A recorded trace names every block of the prompt: `len` ids from `start` on in its source's arena.
    Blocks {
        /// First id.
        start: u32,
        /// How many; the last block may be partly filled.
        len: u16,
        /// Which repetition of the trace: the blocks of another are others.
        copy: u16,
    },
    /// The first tokens are all of the input and output of the session's turn before.
    History {
        /// How many.
        tokens: u32,
    },
    /// The first tokens are those of a prompt that requests of the source share: 0 is its system prompt, from 1 on
    /// the prompts of an evaluation.
    Prompt {
        /// Which.
        id: u32,
        /// How many tokens of it.
        tokens: u32,
    },
}

impl PrefixRef {
    /// The first so many tokens of the prompt that may be cached, by what is known without the arena.
    #[must_use]
    pub const fn tokens(self) -> u32 {
        match self {
            PrefixRef::None => 0,
            PrefixRef::Blocks { len, .. } => len as u32 * BLOCK_TOKENS,
            PrefixRef::History { tokens } | PrefixRef::Prompt { tokens, .. } => tokens,
        }
    }
}

/// A block of [`BLOCK_TOKENS`] tokens and all that precedes it in its prompt: equal blocks hold equal caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u64);

/// Who owns a block's content.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// An id of a recorded trace.
    Recorded(u32),
    Session(u32),
    Prompt(u32),
}

impl BlockId {
    /// From the top: two bits of kind, 14 of source, 32 of owner, 16 of index (of the copy, for recorded ids).
    pub(super) fn new(source: u16, owner: Owner, index: u16) -> BlockId {
        let (kind, who) = match owner {
            Owner::Recorded(id) => (0u64, id),
            Owner::Session(id) => (1, id),
            Owner::Prompt(id) => (2, id),
        };
        BlockId(kind << 62 | u64::from(source & 0x3fff) << 48 | u64::from(who) << 16 | u64::from(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_small() {
        assert!(size_of::<Request>() <= 40, "{}", size_of::<Request>());
    }

    #[test]
    fn block_ids_keep_their_parts_apart() {
        let mut ids = vec![
            BlockId::new(0, Owner::Recorded(1), 0),
            BlockId::new(0, Owner::Session(1), 0),
            BlockId::new(0, Owner::Prompt(1), 0),
            BlockId::new(1, Owner::Session(1), 0),
            BlockId::new(0, Owner::Session(2), 0),
            BlockId::new(0, Owner::Session(1), 1),
        ];
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 6);
    }
}
