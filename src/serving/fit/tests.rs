//! Fits of what was made by the formula give it back; bad tables are refused.

use super::*;

fn row(isl: u64, osl: u64, concurrency: u64, tpot_ms: f64) -> Row {
    Row { isl, osl, concurrency, ttft_ms: 100.0, tpot_ms }
}

fn made(cost: &StepCost, o: &Options) -> Vec<Row> {
    let mut rows = Vec::new();
    for (isl, osl) in [(1024, 1024), (8192, 1024), (1024, 8192), (2048, 256)] {
        for c in [1, 4, 16, 64] {
            let bare = row(isl, osl, c, 1.0);
            rows.push(Row { tpot_ms: tpot_ms(cost, &bare, o), ..bare });
        }
    }
    rows
}

#[test]
fn what_the_formula_made_is_found_again() {
    let truth = StepCost { a: 16.55, b: 0.041, c: 6.46e-5, p: 0.0687, ..StepCost::default() };
    let o = Options::default();
    let fit = from_benchmark(&made(&truth, &o), &o).unwrap();
    for ((name, want), (_, ours)) in truth.named().iter().zip(fit.cost.named()) {
        assert!((want - ours).abs() <= 1e-9 * want.max(1e-3), "{name}: {ours} for {want}");
    }
    assert!(fit.mape < 1e-9 && fit.loo < 1e-9 && fit.used == 16);
}

#[test]
fn experts_are_told_from_batch() {
    let truth = StepCost { a: 3.0, b: 0.02, p: 0.01, expert_ms: 6.0, expert_share: 1.0 / 32.0, ..StepCost::default() };
    let o = Options { expert_share: truth.expert_share, ..Options::default() };
    let fit = from_benchmark(&made(&truth, &o), &o).unwrap();
    assert!((fit.cost.expert_ms - 6.0).abs() < 1e-9 && (fit.cost.a - 3.0).abs() < 1e-9);
    let dense = from_benchmark(&made(&truth, &o), &Options::default()).unwrap();
    assert!(dense.mape > 1.0, "without the term it does not fit");
}

#[test]
fn leaving_a_row_out_shows_what_it_alone_says() {
    let truth = StepCost { a: 10.0, b: 0.05, c: 5e-5, p: 0.03, ..StepCost::default() };
    let o = Options::default();
    let mut rows = made(&truth, &o);
    rows[7].tpot_ms *= 1.5;
    let fit = from_benchmark(&rows, &o).unwrap();
    let (fitted, unseen) = (fit.rows[7].fitted_ms, fit.rows[7].unseen_ms.unwrap());
    // The others know nothing of the outlier: they foretell the truth.
    assert!((unseen * 1.5 - rows[7].tpot_ms).abs() < 1e-6 && fitted > unseen);
    assert!(fit.loo > fit.mape);
}

#[test]
fn rows_that_queued_are_left_out_and_shown() {
    let truth = StepCost { a: 10.0, b: 0.05, c: 5e-5, p: 0.03, ..StepCost::default() };
    let o = Options::default();
    let mut rows = made(&truth, &o);
    rows[3].ttft_ms = 30_000.0;
    rows[3].tpot_ms = 999.0;
    let fit = from_benchmark(&rows, &o).unwrap();
    assert_eq!((fit.used, fit.rows.len(), fit.rows[3].used, fit.rows[3].unseen_ms), (15, 16, false, None));
    assert!((fit.cost.a - 10.0).abs() < 1e-9);
}

#[test]
fn prompts_of_ones_own_are_a_line_in_their_length() {
    let truth = StepCost { a: 10.0, b: 0.05, c: 5e-5, p: 0.03, ..StepCost::default() };
    let o = Options::default();
    let mut rows = made(&truth, &o);
    for r in &mut rows {
        r.ttft_ms = 40.0 + 0.08 * 0.9 * r.isl as f64;
    }
    let t = from_benchmark(&rows, &o).unwrap().ttft.unwrap();
    assert!((t.base_ms - 40.0).abs() < 1e-6 && (t.ms_per_token - 0.08).abs() < 1e-9 && t.concurrency == 1);
}

#[test]
fn tables_that_cannot_be_fitted_say_why() {
    let truth = StepCost { a: 10.0, b: 0.05, c: 5e-5, p: 0.03, ..StepCost::default() };
    let o = Options::default();
    let rows = made(&truth, &o);
    assert!(matches!(from_benchmark(&rows[..7], &o), Err(FitError::TooFewRows { used: 7, late: 0, .. })));
    let mut late = rows.clone();
    late.iter_mut().for_each(|r| r.ttft_ms = 6_000.0);
    let e = from_benchmark(&late, &o).unwrap_err();
    assert!(e.to_diagnostic().help[0].contains("16 rows were left out"));
    let same: Vec<Row> = (1..10).map(|c| row(1024 * c, 1024 * c, c, 10.0)).collect();
    assert_eq!(from_benchmark(&same, &o), Err(FitError::OneShape));
    let mut bad = rows.clone();
    bad[2].tpot_ms = f64::NAN;
    assert!(matches!(from_benchmark(&bad, &o), Err(FitError::Row { row: 3, what: "TPOT", .. })));
    bad[2].tpot_ms = -1.0;
    assert!(from_benchmark(&bad, &o).is_err());
}

#[test]
fn the_overhead_of_the_host_is_found_to_a_microsecond() {
    let cost = StepCost { a: 11.06, ..StepCost::default() };
    // A run of 1000 steps: its length is linear in the overhead.
    let replay = |c: &StepCost| 1000.0 * (c.a + c.host);
    let done = from_trace(&cost, 13_560.0, replay).unwrap();
    assert!((done.cost.host - 2.5).abs() < 1e-3, "{done:?}");
    assert!(matches!(from_trace(&cost, 11_000.0, replay), Err(FitError::AlreadySlower { .. })));
    assert!(matches!(from_trace(&cost, 1e9, replay), Err(FitError::NeverSlower { .. })));
    assert!(from_trace(&cost, f64::NAN, replay).is_err());
}
