//! Speeds against arithmetic.

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;

const A: DeviceId = DeviceId(1);
const B: DeviceId = DeviceId(2);

fn row(device: DeviceId, gpus: u32, per_second: f64) -> Row {
    Row { device, gpus, per_second, evidence: Evidence::Measured, source: format!("bench-{gpus}") }
}

fn speeds(rows: &[(u32, f64)]) -> Speeds {
    let rows = rows.iter().map(|(n, s)| row(A, *n, *s)).chain([row(B, 8, 1.0)]).collect();
    Speeds::new(rows, None).unwrap()
}

fn close(got: f64, want: f64) {
    assert!((got / want - 1.0).abs() < 1e-12, "{got} {want}");
}

#[test]
fn a_row_is_given_back_as_it_is() {
    let e = speeds(&[(32, 2700.0), (8, 900.0)]).at(A, 8).unwrap();
    assert_eq!((e.per_second, e.evidence, e.how), (900.0, Evidence::Measured, How::Given));
    assert_eq!(e.source, "bench-8");
}

#[test]
fn between_two_counts_it_is_on_the_line_of_their_logarithms() {
    // Slope ln 3 / ln 4; 16 is halfway in logarithms, so the geometric mean.
    let e = speeds(&[(8, 900.0), (32, 2700.0)]).at(A, 16).unwrap();
    close(e.per_second, (900.0_f64 * 2700.0).sqrt());
    assert_eq!((e.evidence, e.how), (Evidence::Fitted, How::Between { low: 8, high: 32 }));
    assert_eq!(e.source, "bench-8; bench-32");
}

#[test]
fn beyond_the_counts_it_says_so() {
    let s = speeds(&[(8, 900.0), (32, 2700.0)]);
    let slope = 3.0_f64.ln() / 4.0_f64.ln();
    let near = s.at(A, 64).unwrap();
    close(near.per_second, 2700.0 * 2.0_f64.powf(slope));
    assert_eq!((near.evidence, near.warnings.len()), (Evidence::Fitted, 0));
    let far = s.at(A, 65).unwrap();
    assert_eq!((far.evidence, far.how), (Evidence::Guess, How::Beyond { nearest: 32 }));
    assert_eq!(far.warnings[0].message, "the speed on 65 GPUs is read 2.0 times beyond the nearest count measured, 32");
    close(s.at(A, 4).unwrap().per_second, 900.0 / 2.0_f64.powf(slope));
    assert_eq!(s.at(A, 2).unwrap().evidence, Evidence::Guess);
    assert_eq!(s.at(A, 2).unwrap().warnings.len(), 1);
}

#[test]
fn beyond_the_counts_nothing_goes_better_than_in_proportion() {
    // Caches made 16 more than twice as fast as 8; 32 are not to profit again.
    close(speeds(&[(8, 100.0), (16, 240.0)]).at(A, 32).unwrap().per_second, 480.0);
    // Nor does a job that got slower get slower yet.
    close(speeds(&[(8, 100.0), (16, 80.0)]).at(A, 32).unwrap().per_second, 80.0);
}

#[test]
fn a_single_count_is_scaled_in_proportion_or_by_the_declared_efficiency() {
    let one = speeds(&[(8, 100.0)]).at(A, 16).unwrap();
    assert_eq!((one.per_second, one.evidence), (200.0, Evidence::Guess));
    let eff = Efficiency::new(vec![(8, 0.96), (16, 0.9)], Evidence::Prior).unwrap();
    let e = Speeds::new(vec![row(A, 8, 100.0)], Some(eff)).unwrap().at(A, 16).unwrap();
    close(e.per_second, 200.0 * 0.9 / 0.96);
    assert_eq!(e.evidence, Evidence::Prior);
}

#[test]
fn efficiency_is_a_line_in_the_logarithm_of_the_count() {
    let e = Efficiency::new(vec![(64, 0.8), (4, 0.96)], Evidence::Guess).unwrap();
    for (n, want) in [(1, 1.0), (2, 0.98), (4, 0.96), (16, 0.88), (64, 0.8), (1000, 0.8)] {
        close(e.at(n), want);
    }
    for bad in [vec![(0, 0.5)], vec![(2, 1.2)], vec![(2, 0.0)], vec![(2, f64::NAN)], vec![(2, 0.5), (2, 0.6)]] {
        assert!(Efficiency::new(bad, Evidence::Guess).is_err());
    }
}

#[test]
fn bad_rows_are_errors() {
    let twice = Speeds::new(vec![row(A, 8, 1.0), row(B, 8, 1.0), row(A, 8, 2.0)], None);
    assert_eq!(twice, Err(NoSpeed::Twice { device: A, gpus: 8 }));
    for bad in [row(A, 0, 1.0), row(A, 1, 0.0), row(A, 1, f64::NAN), row(A, 1, f64::INFINITY)] {
        assert!(matches!(Speeds::new(vec![bad], None), Err(NoSpeed::Impossible(_))));
    }
    let s = speeds(&[(8, 1.0)]);
    assert_eq!(s.at(DeviceId(9), 8), Err(NoSpeed::NoRow { device: DeviceId(9) }));
    assert!(s.at(A, 0).is_err());
}

#[test]
fn physics_is_flop_over_peak() {
    let catalog = Catalog::embedded();
    let h100 = catalog.device("H100").unwrap();
    // 70e9 parameters: 4.2e11 FLOP a token; 16 · 989e12 · 0.4 / 4.2e11 tokens a second.
    let e = from_physics(&Physics::new(70e9), h100, 16, None).unwrap();
    close(e.per_second, 16.0 * 989e12 * 0.4 / 4.2e11);
    assert_eq!(e.how, How::Physics);
    assert!(e.evidence >= Evidence::Prior && e.source.contains("2407.21783"));
    let eight = Physics { width: Width::Bits8, ..Physics::new(70e9) };
    close(from_physics(&eight, h100, 16, None).unwrap().per_second / e.per_second, 1979.0 / 989.0);
    let v100 = catalog.device("V100").unwrap();
    assert_eq!(
        from_physics(&eight, v100, 1, None).map_err(|e| e.to_string()),
        Err("V100-SXM2-16GB has no 8-bit rate in the catalogue".to_owned())
    );
    for bad in [
        Physics { mfu: 1.1, ..Physics::new(7e9) },
        Physics { mfu: 0.0, ..Physics::new(7e9) },
        Physics::new(-1.0),
        Physics { flop_per_token: f64::NAN, ..Physics::new(7e9) },
    ] {
        assert!(from_physics(&bad, h100, 1, None).is_err());
    }
    assert!(from_physics(&Physics::new(7e9), h100, 0, None).is_err());
    let eff = Efficiency::new(vec![(64, 0.8)], Evidence::Guess).unwrap();
    let far = from_physics(&Physics::new(7e9), h100, 129, Some(&eff)).unwrap();
    assert_eq!((far.warnings.len(), far.evidence), (1, Evidence::Guess));
}

#[test]
fn a_measurement_is_carried_to_another_device_by_its_share_of_the_peak() {
    let catalog = Catalog::embedded();
    let (h, a) = (catalog.device("H100").unwrap(), catalog.device("A100").unwrap());
    let what = Physics::new(7e9);
    let mfu = mfu_of(9000.0, &what, h, 1).unwrap();
    close(mfu, 9000.0 * 4.2e10 / 989e12);
    let there = from_physics(&Physics { mfu, ..what }, a, 1, None).unwrap();
    close(there.per_second, 9000.0 * 312.0 / 989.0);
    assert!(mfu_of(1e9, &what, h, 1).is_err(), "faster than the peak");
}

proptest! {
    #[test]
    fn more_gpus_are_never_slower_where_measured_ones_were_not(
        steps in prop::collection::vec((1_u32..5, 1.0_f64..3.0), 1..6), n in 1_u32..400,
    ) {
        let (mut gpus, mut speed, mut rows) = (1, 50.0, vec![]);
        for (k, f) in steps {
            gpus *= k + 1;
            speed *= f;
            rows.push((gpus, speed));
        }
        let s = speeds(&rows);
        let (here, more) = (s.at(A, n).unwrap().per_second, s.at(A, n + 1).unwrap().per_second);
        prop_assert!(more >= here * (1.0 - 1e-12), "{} {}", here, more);
    }
}
