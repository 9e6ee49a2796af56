//! Makespans against the specification's vectors, their own recursion, and their limits.

use proptest::prelude::*;

use super::*;
use crate::kernel::{Stream, Streams};

fn close(got: f64, want: f64) {
    // The vectors have six decimals.
    assert!((got - want).abs() <= 1e-9 * want.abs() + 5e-7, "{got} {want}");
}

/// The recursion as `spot_checkpoint.md` 2.6 writes it, for a whole number of segments and `w ≤ τ`.
fn recursion(n: usize, tau: f64, block: f64, w: f64, m: f64, r: f64, d: f64) -> f64 {
    let lambda = 1.0 / m;
    let rec = d * (lambda * r).exp() + ((lambda * r).exp() - 1.0) / lambda;
    let p = |a: f64, b: f64| (-lambda * a).exp() - (-lambda * b).exp();
    let e = |a: f64, b: f64| (a + m) * (-lambda * a).exp() - (b + m) * (-lambda * b).exp();
    let mut next = 0.0; // B_{n+1}
    for k in (1..=n).rev() {
        let s = if k == n { tau } else { tau + block };
        let alone = (-lambda * s).exp() * (s + next) + e(0.0, s) + p(0.0, s) * rec;
        let a_k = alone / (1.0 - p(0.0, s));
        if k == 1 {
            return a_k;
        }
        // A_{k−1} = (q·(s' + B_k) + e + p·rec)/(1 − p) with s' the segment before: linear in B_k, slope 1.
        let before = tau + block;
        let rest = ((-lambda * before).exp() * before + e(0.0, before) + p(0.0, before) * rec) / (1.0 - p(0.0, before));
        next = (alone + p(0.0, w) * rest + p(w, s) * a_k) / (1.0 - p(0.0, w));
    }
    0.0
}

/// One run of asynchronous checkpoints, played.
fn played(work: f64, tau: f64, block: f64, w: f64, (m, r, d): (f64, f64, f64), luck: &mut Stream) -> f64 {
    let n = (work / tau).ceil() as usize;
    let mut wait = || -m * luck.open().ln();
    let (mut now, mut k, mut in_flight) = (0.0, 0, false);
    loop {
        let last = k + 1 == n;
        let s = if last { work - (n - 1) as f64 * tau } else { tau + block };
        let x = wait();
        if x >= s {
            now += s;
            if last {
                return now;
            }
            (k, in_flight) = (k + 1, true);
            continue;
        }
        now += x;
        k -= usize::from(in_flight && x < w);
        in_flight = false;
        loop {
            now += d;
            let x = wait();
            now += x.min(r);
            if x >= r {
                break;
            }
        }
    }
}

#[test]
fn a_last_segment_shorter_than_the_write_before_it_is_right_too() {
    // The recursion of the specification does not cover it: 4 segments of 30, then 10 while a write of 25 is in flight.
    let (m, r, d) = (60.0, 5.0, 10.0);
    let mut luck = Streams::new(1, 0).stream("test", "makespan", 0);
    let n = 40_000;
    let runs: Vec<f64> = (0..n).map(|_| played(130.0, 30.0, 1.0, 25.0, (m, r, d), &mut luck)).collect();
    let mean = runs.iter().sum::<f64>() / f64::from(n);
    let var = runs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n - 1);
    let faults = Faults::new(m, r, d).unwrap();
    let form = asynchronous(&faults, 130.0, 30.0, 1.0, 25.0).unwrap().0.mean;
    let error = (var / f64::from(n)).sqrt();
    assert!((mean - form).abs() < 4.0 * error, "{mean} ± {error}, {form}");
    // Tight enough to tell it from holding the whole write against the last segment.
    let whole = form + (faults.exposure(25.0) - faults.exposure(10.0)) * faults.segment(31.0);
    assert!(whole - form > 10.0 * error);
}

#[test]
fn both_forms_give_the_vectors() {
    // work, interval, stall, MTBF, restart, downtime (minutes), Daly form, DES form.
    let table = [
        (30000.0, 117.0, 5.0, 1440.0, 10.0, 0.0, 32872.916319, 32869.468747),
        (30000.0, 57.0, 5.0, 360.0, 10.0, 0.0, 36613.057400, 36610.067059),
        (6000.0, 9.1, 5.0, 15.0, 10.0, 0.0, 30050.395832, 30041.576991),
        (2880.0, 60.0, 1.0, 240.0, 6.0, 0.0, 3418.128495, 3416.809217),
        (2880.0, 30.0, 2.0, 120.0, 3.0, 15.0, 4060.907186, 4057.920169),
        (1440.0, 1440.0, 0.0, 1440.0, 0.0, 0.0, 2474.325833, 2474.325833),
        (1440.0, 10.0, 0.5, 60.0, 5.0, 10.0, 2095.292176, 2094.540031),
        (2880.0, 20.0, 0.5, 84.72, 12.0, 31.68, 5286.899797, 5285.894583),
    ];
    for (w, tau, delta, m, r, d, daly, des) in table {
        let f = Faults::new(m, r, d).unwrap();
        close(daly_form(&f, w, tau, delta).unwrap().mean, daly);
        close(des_form(&f, w, tau, delta).unwrap().mean, des);
    }
}

#[test]
fn asynchronous_checkpoints_give_the_vectors() {
    let table = [
        (2880.0, 60.0, 0.1, 10.0, 240.0, 6.0, 0.0, 3501.018308),
        (2880.0, 30.0, 0.05, 20.0, 120.0, 3.0, 15.0, 4459.818466),
        (1440.0, 10.0, 0.02, 5.0, 60.0, 5.0, 10.0, 2163.118608),
        (2880.0, 60.0, 1.0, 0.0, 240.0, 6.0, 0.0, 3416.809217),
    ];
    for (work, tau, block, w, m, r, d, want) in table {
        let f = Faults::new(m, r, d).unwrap();
        close(asynchronous(&f, work, tau, block, w).unwrap().0.mean, want);
        close(recursion((work / tau) as usize, tau, block, w, m, r, d), want);
    }
}

#[test]
fn checkpoints_on_notice_give_the_vectors() {
    for (w, m, r, d, write, want) in
        [(2880.0, 240.0, 6.0, 0.0, 2.0, 2976.907547), (2880.0, 120.0, 3.0, 15.0, 0.5, 3334.020990)]
    {
        close(on_notice(&Faults::new(m, r, d).unwrap(), w, write).unwrap().mean, want);
    }
}

#[test]
fn restarting_from_zero_takes_e_less_one() {
    let f = Faults::new(7.0, 0.0, 0.0).unwrap();
    close(f.segment(7.0), 7.0 * (std::f64::consts::E - 1.0));
    assert_eq!(f.recovery(), 0.0);
}

#[test]
fn a_machine_that_never_fails_takes_work_and_stalls() {
    let f = Faults::new(f64::INFINITY, 5.0, 5.0).unwrap();
    // Four segments, three checkpoints.
    let want = Makespan { mean: 103.0, interruptions: 0.0 };
    assert_eq!(des_form(&f, 100.0, 25.0, 1.0), Ok(want));
    assert_eq!(asynchronous(&f, 100.0, 25.0, 1.0, 9.0), Ok((want, 25.0)));
    assert_eq!(on_notice(&f, 100.0, 1.0), Ok(Makespan { mean: 100.0, interruptions: 0.0 }));
    assert_eq!(f.recovery(), 10.0);
}

#[test]
fn no_work_takes_no_time_and_a_short_one_has_no_checkpoint() {
    let f = Faults::new(10.0, 1.0, 1.0).unwrap();
    assert_eq!(des_form(&f, 0.0, 5.0, 1.0).unwrap().mean, 0.0);
    assert_eq!(asynchronous(&f, 0.0, 5.0, 1.0, 1.0).unwrap().0.mean, 0.0);
    assert_eq!(des_form(&f, 3.0, 5.0, 1.0).unwrap().mean, f.segment(3.0));
    assert_eq!(asynchronous(&f, 3.0, 5.0, 1.0, 1.0).unwrap().0.mean, f.segment(3.0));
}

#[test]
fn an_interval_that_divides_the_work_but_for_rounding_leaves_no_crumb() {
    // 0.3/0.1 is a hair below 3 and 0.6/0.2 too; 1.1/0.1 a hair above 11.
    for (work, tau, n) in [(0.3, 0.1, 3.0), (0.6, 0.2, 3.0), (1.1, 0.1, 11.0)] {
        let (got, last) = segments(work, tau);
        assert_eq!(got, n);
        assert!((last - tau).abs() < 1e-12);
    }
    assert_eq!(segments(10.0, 4.0), (3.0, 2.0));
}

#[test]
fn a_persist_longer_than_the_interval_stretches_it() {
    let f = Faults::new(120.0, 3.0, 15.0).unwrap();
    let (stretched, interval) = asynchronous(&f, 2880.0, 10.0, 1.0, 41.0).unwrap();
    assert_eq!(interval, 40.0);
    assert_eq!(stretched, asynchronous(&f, 2880.0, 40.0, 1.0, 41.0).unwrap().0);
}

#[test]
fn a_slow_background_write_can_be_worse_than_a_short_stall() {
    let f = Faults::new(120.0, 3.0, 15.0).unwrap();
    assert!(asynchronous(&f, 2880.0, 30.0, 0.05, 20.0).unwrap().0.mean > des_form(&f, 2880.0, 30.0, 2.0).unwrap().mean);
}

#[test]
fn what_cannot_be_is_an_error() {
    let f = Faults::new(10.0, 0.0, 0.0).unwrap();
    for bad in [
        daly_form(&f, 1.0, 0.0, 1.0),
        daly_form(&f, f64::NAN, 1.0, 1.0),
        des_form(&f, 1.0, 1.0, -1.0),
        des_form(&f, -1.0, 1.0, 1.0),
        des_form(&f, 1.0, f64::NAN, 1.0),
        asynchronous(&f, 1.0, 1.0, 1.0, f64::NAN).map(|a| a.0),
        on_notice(&f, 1.0, -0.1),
    ] {
        assert!(matches!(bad, Err(Impossible::Quantity { .. })), "{bad:?}");
    }
    assert!(Faults::new(0.0, 1.0, 1.0).is_err() && Faults::new(1.0, f64::INFINITY, 1.0).is_err());
    assert!(Faults::of_gang(100.0, 0, 1.0, 1.0).is_err());
    assert!(waste(&f, 1.0, Checkpoints::Sync { stall: 0.1 }, 1.1).is_err());
    let hopeless = des_form(&f, 1e6, 1e5, 1.0).expect_err("ten thousand MTBFs in a row");
    assert_eq!(hopeless, Impossible::NeverEnds { segment: 100_001.0, mtbf: 10.0 });
}

#[test]
fn a_gang_pays_for_its_nodes_but_not_for_the_wait() {
    let f = Faults::of_gang(960.0, 8, 3.0, 15.0).unwrap();
    assert_eq!(f.mtbf(), 120.0);
    let m = des_form(&f, 2880.0, 30.0, 2.0).unwrap();
    // The mean is linear in the downtime, and its slope is the number of interruptions.
    let longer = des_form(&Faults::of_gang(960.0, 8, 3.0, 16.0).unwrap(), 2880.0, 30.0, 2.0).unwrap();
    close(longer.mean - m.mean, m.interruptions);
    close(m.node_time(8, 0.0).unwrap(), 8.0 * 4057.920169);
    close(m.node_time(8, 10.0).unwrap(), 8.0 * (4057.920169 - 10.0 * m.interruptions));
    assert!(m.node_time(8, -1.0).is_err());
    let n = on_notice(&f, 2880.0, 0.5).unwrap();
    let longer = on_notice(&Faults::new(120.0, 3.0, 16.0).unwrap(), 2880.0, 0.5).unwrap();
    close(longer.mean - n.mean, n.interruptions);
}

#[test]
fn first_order_waste_has_its_three_forms() {
    let f = Faults::new(1000.0, 10.0, 5.0).unwrap();
    let sync = waste(&f, 100.0, Checkpoints::Sync { stall: 2.0 }, 0.0).unwrap();
    close(sync, 0.02 + 0.065);
    let behind = Checkpoints::Async { block: 1.0, persist: 20.0 };
    close(waste(&f, 100.0, behind, 0.0).unwrap(), 0.01 + 0.085);
    close(waste(&f, 100.0, behind, 0.5).unwrap(), 0.01 + 0.05);
    close(waste(&f, 100.0, behind, 1.0).unwrap(), 0.01 + 0.015);
}

proptest! {
    #[test]
    fn the_closed_form_is_the_recursion(
        n in 1_usize..40,
        tau in 1.0_f64..50.0,
        block in 0.0_f64..5.0,
        share in 0.0_f64..1.0,
        m in 20.0_f64..500.0,
        r in 0.0_f64..20.0,
        d in 0.0_f64..20.0,
    ) {
        let f = Faults::new(m, r, d).unwrap();
        let (fast, interval) = asynchronous(&f, tau * n as f64, tau, block, share * tau).unwrap();
        let slow = recursion(n, tau, block, share * tau, m, r, d);
        prop_assert_eq!(interval, tau);
        prop_assert!((fast.mean / slow - 1.0).abs() < 1e-9, "{} {}", fast.mean, slow);
    }

    #[test]
    fn a_checkpoint_that_is_durable_at_once_is_a_synchronous_one(
        work in 1.0_f64..5000.0, tau in 1.0_f64..200.0, stall in 0.0_f64..10.0, m in 20.0_f64..2000.0,
    ) {
        let f = Faults::new(m, 4.0, 2.0).unwrap();
        let behind = asynchronous(&f, work, tau, stall, 0.0).unwrap().0;
        prop_assert!((behind.mean / des_form(&f, work, tau, stall).unwrap().mean - 1.0).abs() < 1e-12);
    }

    #[test]
    fn steadier_machines_finish_earlier(
        work in 1.0_f64..5000.0, tau in 1.0_f64..200.0, stall in 0.0_f64..10.0, persist in 0.0_f64..50.0,
        m in 20.0_f64..2000.0, better in 1.001_f64..10.0,
    ) {
        let (a, b) = (Faults::new(m, 4.0, 2.0).unwrap(), Faults::new(m * better, 4.0, 2.0).unwrap());
        prop_assert!(des_form(&b, work, tau, stall).unwrap().mean < des_form(&a, work, tau, stall).unwrap().mean);
        prop_assert!(daly_form(&b, work, tau, stall).unwrap().mean < daly_form(&a, work, tau, stall).unwrap().mean);
        prop_assert!(on_notice(&b, work, stall).unwrap().mean < on_notice(&a, work, stall).unwrap().mean);
        let of = |f| asynchronous(f, work, tau, stall, persist).unwrap().0.mean;
        prop_assert!(of(&b) < of(&a));
        // And none before its work is done.
        prop_assert!(of(&b) >= work);
    }

    #[test]
    fn the_first_order_is_the_limit_of_the_exact(tau in 5.0_f64..50.0, stall in 0.01_f64..0.5) {
        // With M ten thousand times the interval, what is left out is of second order.
        let f = Faults::new(1e5 * tau, 1.0, 2.0).unwrap();
        let work = tau * 1e4;
        let exact = daly_form(&f, work, tau, stall).unwrap().mean / work - 1.0;
        let first = waste(&f, tau, Checkpoints::Sync { stall }, 0.0).unwrap();
        prop_assert!((exact / first - 1.0).abs() < 0.02, "{} {}", exact, first);
    }
}
