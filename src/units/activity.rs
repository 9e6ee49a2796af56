//! What a billed GPU-nanosecond was spent on. Every one is in exactly one activity.

use serde::{Deserialize, Serialize};

/// The one thing that a share of a billed GPU was doing. A node's state outranks its pods':
/// broken, then reconfiguring, boot, drain, then what the pod is doing, then why the share is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Activity {
    /// Work that counted: progress that lasted, tokens served, interactive use.
    Productive,
    /// The job holds its GPUs and waits for input data.
    InputStall,
    /// The job holds its GPUs and waits for a checkpoint to be written.
    CheckpointStall,
    /// Setting up again after an interruption.
    Restart,
    /// A replica loading before it can serve.
    ColdStart,
    /// A loaded replica without requests, an open notebook unused.
    WarmIdle,
    /// Held while peers of the gang are missing.
    GangWait,
    /// No GPU cycles, and not known to be dead.
    Hung,
    /// Progress rolled back by a reclaim, a failure or a preemption.
    Lost,
    /// Progress of jobs that failed or were cancelled for reasons of their own.
    Discarded,
    /// Billed before it can take work.
    Boot,
    /// Billed while being emptied.
    Drain,
    /// Partitions being changed.
    Reconfiguring,
    /// Out of order and billed.
    Broken,
    /// Kept free on purpose.
    Spare,
    /// Free, while work waits that this free share cannot take.
    Fragmented,
    /// Free slices that no legal profile in demand can use.
    MigStranded,
    /// Free, and able to take work that waits, but held back by the queue's order, a reservation or a quota.
    QueueHeld,
    /// Free, and nothing that waits wants it.
    Unallocated,
}

/// Whose the time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Work that counted.
    Useful,
    /// Held by a job and not advancing, or advanced in vain.
    JobWaste,
    /// Billed and not held by any job.
    FleetWaste,
}

impl Activity {
    /// How many there are.
    pub const COUNT: usize = 19;
    /// All, in the order of every table.
    pub const ALL: [Activity; Activity::COUNT] = [
        Activity::Productive,
        Activity::InputStall,
        Activity::CheckpointStall,
        Activity::Restart,
        Activity::ColdStart,
        Activity::WarmIdle,
        Activity::GangWait,
        Activity::Hung,
        Activity::Lost,
        Activity::Discarded,
        Activity::Boot,
        Activity::Drain,
        Activity::Reconfiguring,
        Activity::Broken,
        Activity::Spare,
        Activity::Fragmented,
        Activity::MigStranded,
        Activity::QueueHeld,
        Activity::Unallocated,
    ];

    /// The name in metrics and files, e.g. `input_stall`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Activity::Productive => "productive",
            Activity::InputStall => "input_stall",
            Activity::CheckpointStall => "checkpoint_stall",
            Activity::Restart => "restart",
            Activity::ColdStart => "cold_start",
            Activity::WarmIdle => "warm_idle",
            Activity::GangWait => "gang_wait",
            Activity::Hung => "hung",
            Activity::Lost => "lost",
            Activity::Discarded => "discarded",
            Activity::Boot => "boot",
            Activity::Drain => "drain",
            Activity::Reconfiguring => "reconfiguring",
            Activity::Broken => "broken",
            Activity::Spare => "spare",
            Activity::Fragmented => "fragmented",
            Activity::MigStranded => "mig_stranded",
            Activity::QueueHeld => "queue_held",
            Activity::Unallocated => "unallocated",
        }
    }

    /// The name for people, e.g. `input stall`.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Activity::InputStall => "input stall",
            Activity::CheckpointStall => "checkpoint stall",
            Activity::ColdStart => "cold start",
            Activity::WarmIdle => "warm idle",
            Activity::GangWait => "gang wait",
            Activity::Lost => "lost work",
            Activity::Discarded => "discarded work",
            Activity::Drain => "notice and drain",
            Activity::MigStranded => "MIG-stranded",
            Activity::QueueHeld => "held by the queue",
            other => other.key(),
        }
    }

    /// Useful, the job's own waste, or the fleet's.
    #[must_use]
    pub const fn group(self) -> Group {
        match self {
            Activity::Productive => Group::Useful,
            Activity::InputStall
            | Activity::CheckpointStall
            | Activity::Restart
            | Activity::ColdStart
            | Activity::WarmIdle
            | Activity::GangWait
            | Activity::Hung
            | Activity::Lost
            | Activity::Discarded => Group::JobWaste,
            _ => Group::FleetWaste,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_each_activity_once_in_its_order() {
        for (i, a) in Activity::ALL.iter().enumerate() {
            assert_eq!(*a as usize, i);
        }
        let keys: std::collections::BTreeSet<_> = Activity::ALL.iter().map(|a| a.key()).collect();
        assert_eq!(keys.len(), Activity::COUNT);
    }
}
