//! How a job of many GPUs splits into pods of one node each.

/// Pods, and GPUs in each, for a job of `gpus` GPUs on nodes of `per_node`: the fewest equal pods that fit a node, so
/// 16 GPUs on nodes of 8 are 2 pods of 8, 12 are 2 of 6, and 13, a prime, are 13 of 1. A job without GPUs is one pod.
/// `None` when nodes have no GPUs, or the job needs more than 65,535 pods.
#[must_use]
pub fn gang(gpus: u32, per_node: u8) -> Option<(u16, u8)> {
    if gpus == 0 {
        return Some((1, 0));
    }
    if per_node == 0 || gpus.div_ceil(u32::from(per_node)) > u32::from(u16::MAX) {
        return None;
    }
    let pods =
        (gpus.div_ceil(u32::from(per_node))..=u32::from(u16::MAX).min(gpus)).find(|p| gpus.is_multiple_of(*p))?;
    Some((pods as u16, (gpus / pods) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gang_is_the_fewest_equal_pods_that_fit_a_node() {
        for (gpus, per_node, want) in [
            (0, 8, (1, 0)),
            (1, 8, (1, 1)),
            (8, 8, (1, 8)),
            (16, 8, (2, 8)),
            (12, 8, (2, 6)),
            (13, 8, (13, 1)),
            (9, 8, (3, 3)),
            (128, 8, (16, 8)),
            (6, 4, (2, 3)),
        ] {
            assert_eq!(gang(gpus, per_node), Some(want), "{gpus} on {per_node}");
        }
        assert_eq!(gang(4, 0), None);
        assert_eq!(gang(70_000, 1), None);
        assert_eq!(gang(65_537, 8), None);
        assert_eq!(gang(u32::MAX, 8), None);
    }

    #[test]
    fn no_gpu_is_lost_or_added() {
        for gpus in 0..2_000 {
            let (pods, each) = gang(gpus, 8).unwrap();
            assert_eq!(u32::from(pods) * u32::from(each), gpus);
            assert!(each <= 8);
        }
    }
}
