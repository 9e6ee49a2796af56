//! In which order waiting jobs are served, and what happens behind one that does not fit.

/// The whole of a queue's discipline.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuePolicy {
    /// Who is first.
    pub order: Order,
    /// What happens behind a job that does not fit.
    pub blocked: Blocked,
    /// Whether a job may push out running jobs of lower priority.
    pub preempt: bool,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        QueuePolicy { order: Order::Arrival, blocked: Blocked::Wait, preempt: false }
    }
}

/// Who is first. Ties go to the earlier arrival, then the lower workload, then the lower ordinal.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// First come, first served.
    Arrival,
    /// The least work (on a device of speed 1) first: SJF, with perfect estimates.
    ShortestWork,
    /// The highest priority first.
    Priority,
    /// The group that holds the least GPU per weight first: instantaneous max-min fairness over one label.
    FairShare {
        /// The label that makes a group; work without it is one more group.
        label: String,
        /// Weights by the label's value; others weigh 1.
        weights: Vec<(String, f64)>,
    },
}

/// What happens behind a job that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// Everyone waits: strict head of line.
    Wait,
    /// Others go ahead if they fit, as pods do under kube-scheduler.
    Skip,
    /// EASY backfill (Lifka 1995; Mu'alem and Feitelson 2001): others go ahead if that does not delay the first one's
    /// reservation. Run times are known exactly.
    Easy {
        /// How many waiting jobs behind the head are looked at.
        depth: usize,
    },
}
