//! Least squares whose unknowns must not be negative, exactly, for a handful of unknowns.
//!
//! The minimum is the plain least-squares solution on some subset of the columns, the rest being zero. With at most
//! six columns there are at most 63 subsets: all of them are tried, so that there is no tolerance and no iteration
//! that could end early.

/// The most columns: 2^12 subsets.
pub const MAX_COLUMNS: usize = 12;

/// Minimises `Σ (row · x − y)²` over `x ≥ 0`. Rows have equal lengths. Where several are as good, as when columns
/// depend on each other, the later columns are left out first. All zeros where no subset can be solved.
///
/// # Panics
/// With more than [`MAX_COLUMNS`] columns.
#[must_use]
pub fn solve(rows: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let k = rows.first().map_or(0, Vec::len);
    assert!(k <= MAX_COLUMNS, "{k} columns are too many to try all subsets");
    // Columns of length one: otherwise tokens by the thousand and ones differ by more than a float can hold squared.
    let norms: Vec<f64> = (0..k).map(|j| rows.iter().map(|r| r[j] * r[j]).sum::<f64>().sqrt()).collect();
    let scaled: Vec<Vec<f64>> =
        rows.iter().map(|r| r.iter().zip(&norms).map(|(v, n)| if *n > 0.0 { v / n } else { 0.0 }).collect()).collect();
    let (mut best, mut best_error) = (vec![0.0; k], y.iter().map(|t| t * t).sum::<f64>());
    // Equal but for rounding is equal.
    let equal = 1e-12 * best_error;
    for subset in 1_u32..1 << k {
        let chosen: Vec<usize> = (0..k).filter(|j| subset >> j & 1 == 1).collect();
        let Some(x) = least_squares(&scaled, y, &chosen) else { continue };
        if x.iter().any(|v| *v < 0.0) {
            continue;
        }
        let residual = |(r, t): (&Vec<f64>, &f64)| {
            let ours: f64 = chosen.iter().zip(&x).map(|(j, v)| r[*j] * v).sum();
            (ours - t) * (ours - t)
        };
        let error: f64 = scaled.iter().zip(y).map(residual).sum();
        if error < best_error - equal {
            best_error = error;
            best = vec![0.0; k];
            for (j, v) in chosen.iter().zip(&x) {
                best[*j] = v / norms[*j];
            }
        }
    }
    best
}

/// Plain least squares on some columns by orthogonalising them one after the other, twice over, so that nearly
/// dependent ones do no harm; `None` where they are dependent.
fn least_squares(rows: &[Vec<f64>], y: &[f64], chosen: &[usize]) -> Option<Vec<f64>> {
    let k = chosen.len();
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(k);
    let mut upper = vec![vec![0.0; k]; k];
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    for (j, column) in chosen.iter().enumerate() {
        let mut v: Vec<f64> = rows.iter().map(|r| r[*column]).collect();
        for _ in 0..2 {
            for (i, q) in basis.iter().enumerate() {
                let part = dot(q, &v);
                upper[i][j] += part;
                v.iter_mut().zip(q).for_each(|(x, u)| *x -= part * u);
            }
        }
        let norm = dot(&v, &v).sqrt();
        if norm < 1e-9 {
            return None;
        }
        upper[j][j] = norm;
        basis.push(v.iter().map(|x| x / norm).collect());
    }
    let mut x = vec![0.0; k];
    for j in (0..k).rev() {
        let known: f64 = (j + 1..k).map(|i| upper[j][i] * x[i]).sum();
        x[j] = (dot(&basis[j], y) - known) / upper[j][j];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_negative_unknown_becomes_zero() {
        // Unconstrained: x = (2, −1). With the second at zero the first is the mean of y; the other way round the
        // error is larger (0.8 against 0.5).
        let x = solve(&[vec![1.0, 1.0], vec![1.0, 2.0]], &[1.0, 0.0]);
        assert!((x[0] - 0.5).abs() < 1e-15 && x[1] == 0.0, "{x:?}");
    }

    #[test]
    fn dependent_columns_are_no_trouble() {
        let rows: Vec<Vec<f64>> = (1..9).map(|i| vec![1.0, f64::from(i), 2.0 * f64::from(i)]).collect();
        let y: Vec<f64> = (1..9).map(|i| 3.0 + 4.0 * f64::from(i)).collect();
        let x = solve(&rows, &y);
        assert!((x[0] - 3.0).abs() < 1e-9 && (x[1] - 4.0).abs() < 1e-9 && x[2] == 0.0, "{x:?}");
        assert_eq!(solve(&[], &[]), Vec::<f64>::new());
    }

    proptest! {
        /// The conditions of Karush, Kuhn and Tucker: at the minimum no direction that is allowed goes down.
        #[test]
        fn the_minimum_is_one(values in prop::collection::vec(-1.0..1.0_f64, 60)) {
            let rows: Vec<Vec<f64>> = values.chunks(5).map(|c| c[..4].to_vec()).collect();
            let y: Vec<f64> = values.chunks(5).map(|c| c[4]).collect();
            let x = solve(&rows, &y);
            for j in 0..4 {
                let slope: f64 = rows.iter().zip(&y).map(|(r, t)| {
                    let ours: f64 = r.iter().zip(&x).map(|(a, b)| a * b).sum();
                    r[j] * (ours - t)
                }).sum();
                prop_assert!(slope > -1e-9);
                prop_assert!(x[j] == 0.0 || slope.abs() < 1e-9);
            }
        }
    }
}
