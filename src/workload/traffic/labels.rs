//! What marks a source's requests: labels, each group drawn on its own, and a priority.

use super::TrafficError;
use crate::kernel::{Stream, Streams};
use crate::units::Label;
use crate::workload::synth::Mix;

/// Labels and priorities of a source's requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Marks {
    /// Groups of alternatives, each drawn on its own, as in [`crate::workload::synth::Spec::labels`].
    pub labels: Vec<Mix<Vec<Label>>>,
    /// Priorities; higher goes first.
    pub priority: Mix<i8>,
}

impl Default for Marks {
    /// No labels, priority 0.
    fn default() -> Marks {
        Marks { labels: Vec::new(), priority: Mix::only(0) }
    }
}

impl Marks {
    /// Every combination of one alternative of each group; the last group varies fastest. Each set is ordered by key.
    pub(super) fn table(&self) -> Result<Vec<Vec<Label>>, TrafficError> {
        let sets = self.labels.iter().fold(1u128, |n, g| n.saturating_mul(g.values().len() as u128));
        if sets > u128::from(u16::MAX) {
            return Err(TrafficError::TooManyLabels(sets));
        }
        let mut table: Vec<Vec<Label>> = vec![Vec::new()];
        for g in &self.labels {
            table = table
                .iter()
                .flat_map(|set| g.values().iter().map(|more| set.iter().chain(more).cloned().collect()))
                .collect();
        }
        for set in &mut table {
            set.sort();
            if let Some(pair) = set.windows(2).find(|w| w[0].key == w[1].key) {
                return Err(TrafficError::LabelTwice(pair[0].key.clone()));
            }
        }
        Ok(table)
    }

    pub(super) fn luck(&self, streams: &Streams, owner: &str) -> Luck {
        Luck {
            labels: (0..self.labels.len()).map(|g| streams.stream("labels", owner, g as u64)).collect(),
            priority: streams.stream("priority", owner, 0),
        }
    }

    /// Index into the table, and priority.
    #[inline]
    pub(super) fn draw(&self, luck: &mut Luck) -> (u16, i8) {
        let groups = self.labels.iter().zip(&mut luck.labels);
        let at = groups.fold(0, |at, (g, stream)| at * g.values().len() + g.pick(stream)) as u16;
        (at, *self.priority.value(self.priority.pick(&mut luck.priority)))
    }
}

/// The streams of marks.
#[derive(Clone, Debug)]
pub(super) struct Luck {
    labels: Vec<Stream>,
    priority: Stream,
}
