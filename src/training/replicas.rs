//! Checkpoints in the memory of peers: what is the chance that a loss of nodes takes the last copy of a part with it?
//!
//! The nodes form groups of as many as there are replicas, and a group holds the parts of all its members, each of them
//! whole (Wang et al., Gemini, SOSP 2023, section 4: group placement). A part is lost when its whole group is; then the
//! job goes back to the checkpoint in the store.

use super::impossible::{Impossible, positive};

/// The chance that at least one whole group is among `dead` of `nodes`, all sets of that many being equally likely.
/// Exact but for rounding; takes `nodes · replicas · dead` steps.
///
/// # Errors
/// [`Impossible::Quantity`] when the nodes do not make whole groups, or more are dead than there are.
pub fn chance_of_loss(nodes: u32, replicas: u32, dead: u32) -> Result<f64, Impossible> {
    positive("number of nodes", f64::from(nodes))?;
    if replicas == 0 || !nodes.is_multiple_of(replicas) {
        let value = f64::from(replicas);
        return Err(Impossible::Quantity {
            what: "number of replicas",
            value,
            allowed: "a divisor of the number of nodes",
        });
    }
    if dead > nodes {
        let value = f64::from(dead);
        return Err(Impossible::Quantity { what: "number of dead nodes", value, allowed: "at most all" });
    }
    let m = replicas as usize;
    // alive[j]: every group so far has a survivor, and j of the dead are among the nodes still to be looked at.
    let mut alive = vec![0.0; dead as usize + 1];
    alive[dead as usize] = 1.0;
    let mut lost = 0.0;
    for group in (1..=nodes / replicas).rev() {
        let rest = f64::from(group) * f64::from(replicas);
        let mut next = vec![0.0; alive.len()];
        for (j, p) in alive.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            for a in 0..=m.min(j) {
                // Of the next m nodes exactly a are dead, when j of the rest are: hypergeometric.
                let chance = p * hypergeometric(m, a, j as f64, rest);
                if a == m { lost += chance } else { next[j - a] += chance }
            }
        }
        alive = next;
    }
    Ok(lost.clamp(0.0, 1.0))
}

/// `C(m, a)·C(rest−m, j−a) / C(rest, j)` as a product of ratios no greater than 1, but for the binomial.
fn hypergeometric(m: usize, a: usize, j: f64, rest: f64) -> f64 {
    (0..m).fold(1.0, |p, i| {
        let x = i as f64;
        if i < a {
            // The i-th of the dead, and a factor of C(m, a).
            p * (j - x) / (rest - x) * (m - i) as f64 / (a - i) as f64
        } else {
            let k = x - a as f64;
            p * (rest - j - k).max(0.0) / (rest - x)
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} {want}");
    }

    #[test]
    fn as_many_dead_as_replicas_lose_one_group_in_all_sets() {
        // Gemini's own example: 16 nodes, 2 replicas, 2 dead: 93.3 % recover. 8 pairs of 120.
        close(chance_of_loss(16, 2, 2).unwrap(), 8.0 / 120.0);
        close(chance_of_loss(12, 3, 3).unwrap(), 4.0 / 220.0);
    }

    #[test]
    fn one_replica_is_lost_with_its_node_and_fewer_dead_than_replicas_lose_nothing() {
        assert_eq!(chance_of_loss(8, 2, 1), Ok(0.0));
        assert_eq!(chance_of_loss(8, 2, 0), Ok(0.0));
        close(chance_of_loss(8, 1, 1).unwrap(), 1.0);
        close(chance_of_loss(8, 8, 7).unwrap(), 0.0);
        close(chance_of_loss(8, 8, 8).unwrap(), 1.0);
        // Five of eight in pairs cannot spare one of each.
        close(chance_of_loss(8, 2, 5).unwrap(), 1.0);
    }

    #[test]
    fn groups_that_do_not_come_out_even_are_errors() {
        for (n, m, k) in [(0, 1, 0), (8, 3, 1), (8, 0, 1), (8, 2, 9)] {
            assert!(chance_of_loss(n, m, k).is_err());
        }
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_all_sets(groups in 1_u32..5, replicas in 1_u32..4, dead in 0_u32..13) {
            let n = groups * replicas;
            let dead = dead % (n + 1);
            let group = (1_u32 << replicas) - 1;
            let (mut sets, mut bad) = (0.0, 0.0);
            for s in (0_u32..1 << n).filter(|s| s.count_ones() == dead) {
                sets += 1.0;
                bad += f64::from(u8::from((0..groups).any(|g| (s >> (g * replicas)) & group == group)));
            }
            prop_assert!((chance_of_loss(n, replicas, dead).unwrap() - bad / sets).abs() < 1e-12);
        }
    }
}
