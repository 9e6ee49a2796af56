//! Published points of speed, held against the models.

use super::SUITE;
use crate::catalog::Catalog;
use crate::catalog::mig::{find, of_device, speed};
use crate::fleet::sharing::{Contention, Mps, Tenant};
use crate::verify::Case;

/// The points.
pub fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    sharing(&mut out);
    tax(&mut out);
    clients(&mut out);
    out
}

/// Mean latencies of YOLOS-small on an A100-80, s, by pods: time-slicing and MPS (nebuly-ai/nos
/// `demos/gpu-sharing-comparison`). Slowdowns are within 1.5 %.
const NOS: [(usize, f64, f64); 4] =
    [(1, 0.0882, 0.0880), (3, 0.2931, 0.1640), (5, 0.4890, 0.2409), (7, 0.6849, 0.3198)];

fn sharing(out: &mut Vec<Case>) {
    let c = Contention::default();
    // Under MPS seven pods got 1.92 times as much done as one: a pod fills at most about half the GPU.
    let pod = Tenant { duty: 1.0, uses: 1.0 / 1.92 };
    let (_, alone, alone_mps) = NOS[0];
    for (n, turns, mps) in NOS {
        let pods = vec![pod; n];
        let mut case = |what: &str, published: f64, ours: f64| {
            let name = format!("sharing/{what}/{n} pods");
            out.push(Case::checked(SUITE, name, published, ours, 0.015 * published));
        };
        case("time-slicing", turns / alone, c.time_sliced(&pods)[0]);
        case("MPS", mps / alone_mps, c.mps(&pods)[0]);
    }
}

/// SMs under MIG by those of the die.
fn tax(out: &mut Vec<Case>) {
    for (name, published) in [("A100", 98.0 / 108.0), ("H100", 1.0), ("A30", 1.0)] {
        let ours = Catalog::embedded().device(name).ok().and_then(|d| {
            let g = of_device(d)?;
            Some(speed::mig_tax(g.profile(g.whole()).sms, d.sms))
        });
        out.push(Case::checked(SUITE, format!("SMs under MIG/{name}"), published, ours.unwrap_or(f64::NAN), 1e-12));
    }
}

/// MPS clients within an instance: ⌊48·g/7⌋.
fn clients(out: &mut Vec<Case>) {
    for (word, published) in [("1g", 6), ("2g", 13), ("3g", 20), ("4g", 27), ("7g", 48)] {
        let ours = find("A100").ok().and_then(|g| Some(Mps::instance_clients(48, g, g.find(word).ok()?)));
        let ours = ours.map_or(f64::NAN, f64::from);
        out.push(Case::checked(SUITE, format!("MPS clients/{word}"), f64::from(published), ours, 0.0));
    }
}
