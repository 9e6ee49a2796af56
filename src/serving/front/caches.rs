//! The response caches of a front, one after the other.

use super::config::Caches;
use crate::kernel::{Dist, DistError, Stream, Streams};
use crate::serving::cache::response::{Answer, EdgeCache, ResponseCache};
use crate::units::{Duration, SimTime};

/// What the caches say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An answer, after so long.
    Hit { after: Duration, wrong: bool },
    /// None; asking took so long.
    Miss { after: Duration },
}

/// Caches with the luck that they need. Each request draws its prompt and its place, whichever caches there are to ask.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    config: Caches,
    edge: Option<EdgeCache>,
    exact: Option<ResponseCache>,
    prompts: Option<Dist>,
    prompt: Stream,
    place: Stream,
    meaning: Stream,
}

impl Asked {
    /// # Errors
    /// A law of prompts that is none.
    pub fn new(config: &Caches, streams: &Streams, owner: &str) -> Result<Asked, DistError> {
        Ok(Asked {
            config: config.clone(),
            edge: config.edge.map(|(places, setup)| EdgeCache::new(places as usize, setup)),
            exact: config.exact.map(ResponseCache::new),
            prompts: config.prompts.map(|(n, s)| Dist::zipf(n, s)).transpose()?,
            prompt: streams.stream("cache-prompt", owner, 0),
            place: streams.stream("cache-place", owner, 0),
            meaning: streams.stream("cache-meaning", owner, 0),
        })
    }

    /// Whether there is any.
    pub const fn is_any(&self) -> bool {
        self.edge.is_some() || self.exact.is_some() || self.config.semantic.is_some()
    }

    pub fn ask(&mut self, now: SimTime) -> Found {
        let mut after = Duration::ZERO;
        let prompt = self.prompts.as_ref().map(|law| law.sample(&mut self.prompt) as u64);
        let mut ask = |answer: Answer| match answer {
            Answer::Hit { latency, wrong } => Some(Found::Hit { after: after + latency, wrong }),
            Answer::Miss { latency } => {
                after = after + latency;
                None
            }
        };
        if let Some(prompt) = prompt {
            if let Some(edge) = &mut self.edge {
                let places = u64::from(self.config.edge.map_or(1, |e| e.0.max(1)));
                let place = self.place.below(places) as usize;
                if let Some(hit) = ask(edge.ask(now, place, prompt)) {
                    return hit;
                }
            }
            if let Some(exact) = &mut self.exact
                && let Some(hit) = ask(exact.ask(now, prompt))
            {
                return hit;
            }
        }
        if let Some(semantic) = &self.config.semantic
            && let Some(hit) = ask(semantic.ask(&mut self.meaning))
        {
            return hit;
        }
        Found::Miss { after }
    }
}
