//! The limits of an engine.

use crate::serving::request::Refusal;
use crate::serving::request::Request;
use crate::units::{Duration, Fraction};

/// How an engine is set up. Defaults are vLLM's (`vllm/config`: 16-token blocks, 2,048 tokens a step, 256 sequences).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Sequences that run at once, at most.
    pub max_num_seqs: u32,
    /// Tokens in a step, at most: a token of each decoding sequence, and chunks of prompts. Not below `max_num_seqs`.
    pub max_num_batched_tokens: u32,
    /// Tokens of KV that fit; a last part of a block is not used.
    pub kv_tokens: u64,
    /// Tokens in a block of KV, a power of two. 1 counts tokens.
    pub block_tokens: u32,
    /// Tokens of prompt and output together, at most: the model's context.
    pub max_model_len: u32,
    /// Requests that wait, at most; what comes beyond is refused.
    pub queue_limit: u32,
    /// What is kept of earlier prompts.
    pub prefix: PrefixCaching,
    /// How it computes.
    pub mode: Mode,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_num_seqs: 256,
            max_num_batched_tokens: 2_048,
            kv_tokens: 400_000,
            block_tokens: 16,
            max_model_len: 131_072,
            queue_limit: u32::MAX,
            prefix: PrefixCaching::Off,
            mode: Mode::Leap,
        }
    }
}

/// How a replica computes; the results are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Each step by itself.
    Step,
    /// As many decode steps at once as nothing interrupts.
    #[default]
    Leap,
}

/// What a replica keeps of the KV of earlier prompts. It lives in the blocks that no sequence needs; a new replica has
/// nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum PrefixCaching {
    /// Nothing.
    #[default]
    Off,
    /// A fixed share of each prompt, rounded down to whole blocks.
    Fixed(Fraction),
    /// What a session's last turn left, until it has been idle for so long or its room is needed (least recently used
    /// first).
    Sessions {
        /// How long an idle session is kept.
        idle: Duration,
    },
    /// Blocks by their hashes, least recently used first; a block that several sequences share is held once. What
    /// preemption frees can be found again, as in vLLM.
    Blocks {
        /// Tokens for each hash: a multiple of `block_tokens`.
        tokens_per_hash: u32,
    },
}

/// A configuration that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// A limit is zero.
    #[error("`{0}` must be at least 1")]
    Zero(&'static str),
    /// Blocks of an odd size.
    #[error("`block_tokens` is {0}: it must be a power of two")]
    Block(u32),
    /// A decoding sequence may find no token in the budget.
    #[error(
        "`max_num_batched_tokens` is {tokens}, less than `max_num_seqs`, {seqs}: each sequence decodes a token a step"
    )]
    Budget {
        /// The budget.
        tokens: u32,
        /// The sequences.
        seqs: u32,
    },
    /// Hashes do not cover whole blocks.
    #[error("`tokens_per_hash` is {hash}: it must be a multiple of `block_tokens`, {block}")]
    Hash {
        /// Tokens for each hash.
        hash: u32,
        /// Tokens in a block.
        block: u32,
    },
}

impl Config {
    /// Whether this can be.
    ///
    /// # Errors
    /// The first limit that is zero or contradicts another.
    pub fn check(&self) -> Result<(), BadConfig> {
        let limits = [
            ("max_num_seqs", self.max_num_seqs),
            ("max_num_batched_tokens", self.max_num_batched_tokens),
            ("block_tokens", self.block_tokens),
            ("max_model_len", self.max_model_len),
            ("queue_limit", self.queue_limit),
        ];
        if let Some((name, _)) = limits.iter().find(|l| l.1 == 0) {
            return Err(BadConfig::Zero(name));
        }
        if !self.block_tokens.is_power_of_two() {
            return Err(BadConfig::Block(self.block_tokens));
        }
        if self.kv_tokens < u64::from(self.block_tokens) {
            return Err(BadConfig::Zero("kv_tokens"));
        }
        if self.max_num_batched_tokens < self.max_num_seqs {
            return Err(BadConfig::Budget { tokens: self.max_num_batched_tokens, seqs: self.max_num_seqs });
        }
        match self.prefix {
            PrefixCaching::Blocks { tokens_per_hash: hash } if hash == 0 || !hash.is_multiple_of(self.block_tokens) => {
                Err(BadConfig::Hash { hash, block: self.block_tokens })
            }
            _ => Ok(()),
        }
    }

    /// Whole blocks of KV.
    #[must_use]
    pub fn kv_blocks(&self) -> u64 {
        self.kv_tokens / u64::from(self.block_tokens)
    }

    /// Why such a request can never be served here, if so.
    #[must_use]
    pub fn refusal(&self, r: &Request) -> Option<Refusal> {
        use crate::serving::request::Part;
        let least = if r.part == Part::Decode { 2 } else { 1 };
        if r.prompt == 0 || r.output < least {
            return Some(Refusal::Empty);
        }
        let context = u64::from(r.prompt) + u64::from(r.output);
        let kv = if r.part == Part::Prefill { u64::from(r.prompt) } else { r.kv_tokens() };
        let fits =
            context <= u64::from(self.max_model_len) && kv.div_ceil(u64::from(self.block_tokens)) <= self.kv_blocks();
        (!fits).then_some(Refusal::TooLong)
    }
}
