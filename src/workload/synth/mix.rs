//! A weighted choice among a few values: GPU counts, shares, teams, priorities.

use crate::kernel::Stream;

/// Why a list of values and weights is not a mix.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MixError {
    /// No value at all.
    #[error("a mix needs at least one value")]
    Empty,
    /// A weight that is negative, NaN or infinite.
    #[error("weight {0} is not a finite number of at least 0")]
    BadWeight(f64),
    /// All weights are 0.
    #[error("the weights of a mix must not all be 0")]
    AllZero,
}

/// Values with weights; weights need not add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix<T> {
    values: Vec<T>,
    shares: Vec<f64>,
    /// Cumulative shares; the last is exactly 1.
    upto: Vec<f64>,
}

impl<T> Mix<T> {
    /// A mix of values by weight.
    ///
    /// # Errors
    /// [`MixError`] when there is no value, a weight is negative or not finite, or all are 0.
    pub fn new(entries: impl IntoIterator<Item = (T, f64)>) -> Result<Mix<T>, MixError> {
        let (values, weights): (Vec<T>, Vec<f64>) = entries.into_iter().unzip();
        if values.is_empty() {
            return Err(MixError::Empty);
        }
        if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err(MixError::BadWeight(*bad));
        }
        // Scaled by the largest first, so that a sum of huge weights cannot overflow.
        let top = weights.iter().fold(0.0f64, |a, b| a.max(*b));
        if top == 0.0 {
            return Err(MixError::AllZero);
        }
        let total: f64 = weights.iter().map(|w| w / top).sum();
        let shares: Vec<f64> = weights.iter().map(|w| w / top / total).collect();
        let mut sum = 0.0;
        let mut upto: Vec<f64> = shares
            .iter()
            .map(|s| {
                sum += s;
                sum
            })
            .collect();
        // From the last value with a weight on, rounding must leave no gap below 1.
        let last = shares.iter().rposition(|s| *s > 0.0).unwrap_or(0);
        for u in &mut upto[last..] {
            *u = 1.0;
        }
        Ok(Mix { values, shares, upto })
    }

    /// One value, always.
    #[must_use]
    pub fn only(value: T) -> Mix<T> {
        Mix { values: vec![value], shares: vec![1.0], upto: vec![1.0] }
    }

    /// The index of a value, by one uniform draw; none is drawn when there is one value only.
    #[inline]
    pub fn pick(&self, stream: &mut Stream) -> usize {
        if self.upto.len() == 1 { 0 } else { self.at(stream.uniform()) }
    }

    /// The index that belongs to a number in `[0, 1)`.
    #[inline]
    #[must_use]
    pub fn at(&self, u: f64) -> usize {
        // Mixes are short and lead with the common value as a rule: a scan beats a binary search.
        self.upto.iter().position(|c| u < *c).unwrap_or(self.upto.len() - 1)
    }

    /// The value at an index from [`Mix::pick`].
    #[inline]
    #[must_use]
    pub fn value(&self, index: usize) -> &T {
        &self.values[index]
    }

    /// All values in their order.
    #[must_use]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Each value's share; they add up to 1 within rounding.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_share_of_the_unit_interval() {
        let m = Mix::new([("a", 4.0), ("b", 2.0), ("c", 2.0)]).unwrap();
        assert_eq!([m.at(0.0), m.at(0.499), m.at(0.5), m.at(0.749), m.at(0.75), m.at(0.999_999)], [0, 0, 1, 1, 2, 2]);
        assert_eq!(m.shares(), [0.5, 0.25, 0.25]);
    }

    #[test]
    fn a_value_of_weight_zero_is_never_taken() {
        let m = Mix::new([(1, 0.0), (2, 3.0), (3, 0.0)]).unwrap();
        assert!((0..1000).all(|i| *m.value(m.at(f64::from(i) / 1000.0)) == 2));
        assert_eq!(*m.value(m.at(1.0 - f64::EPSILON)), 2);
    }

    #[test]
    fn what_is_not_a_mix_is_refused() {
        assert_eq!(Mix::<u8>::new([]), Err(MixError::Empty));
        assert_eq!(Mix::new([(1, 0.0)]), Err(MixError::AllZero));
        assert_eq!(Mix::new([(1, -1.0)]), Err(MixError::BadWeight(-1.0)));
        assert!(matches!(Mix::new([(1, f64::NAN)]), Err(MixError::BadWeight(_))));
        assert_eq!(Mix::new([(1, f64::MAX), (2, f64::MAX)]).unwrap().shares(), [0.5, 0.5]);
    }
}
