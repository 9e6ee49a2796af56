//! Laws given by a table: values with weights, quantiles, other laws.

use super::{Dist, DistError, Law, Stream, finite, least_reaching, not_negative};

/// Checks weights, and returns the running sums.
fn cumulate(what: &'static str, weights: impl Iterator<Item = f64>) -> Result<Vec<f64>, DistError> {
    let mut total = 0.0;
    let mut sums = Vec::new();
    for weight in weights {
        total += not_negative("a weight", weight)?;
        sums.push(finite("the sum of the weights", total)?);
    }
    if total > 0.0 { Ok(sums) } else { Err(DistError::Empty { what }) }
}

/// See [`Dist::values`].
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    values: Vec<f64>,
    cumulative: Vec<f64>,
}

impl Values {
    pub(super) fn new(table: &[(f64, f64)]) -> Result<Values, DistError> {
        let mut last = f64::NEG_INFINITY;
        for (i, &(value, _)) in table.iter().enumerate() {
            if finite("a value", value)? < last {
                return Err(DistError::Unsorted { what: "the values", index: i + 1, found: value });
            }
            last = value;
        }
        let cumulative = cumulate("the table of values", table.iter().map(|e| e.1))?;
        Ok(Values { values: table.iter().map(|e| e.0).collect(), cumulative })
    }

    fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or(0.0)
    }

    /// The weighted mean of a function of the values.
    fn expect(&self, of: impl Fn(f64) -> f64) -> f64 {
        let mut before = 0.0;
        let mut sum = 0.0;
        for (&value, &upto) in self.values.iter().zip(&self.cumulative) {
            sum += (upto - before) / self.total() * of(value);
            before = upto;
        }
        sum
    }
}

impl Law for Values {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.values[stream.index_weighted(&self.cumulative)]
    }
    fn mean(&self) -> f64 {
        self.expect(|x| x)
    }
    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.expect(|x| (x - mean).powi(2))
    }
    fn cdf(&self, x: f64) -> f64 {
        match self.values.partition_point(|&v| v <= x) {
            0 => 0.0,
            n => self.cumulative[n - 1] / self.total(),
        }
    }
    fn quantile(&self, p: f64) -> f64 {
        let at = p * self.total();
        // At 0 the first value that has a weight.
        let i = self.cumulative.partition_point(|&sum| if at == 0.0 { sum <= 0.0 } else { sum < at });
        self.values[i.min(self.values.len() - 1)]
    }
}

/// See [`Dist::quantiles`].
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    points: Vec<(f64, f64)>,
}

impl Quantiles {
    pub(super) fn new(points: &[(f64, f64)]) -> Result<Quantiles, DistError> {
        let (Some(&(first, mut value)), Some(&(last, _))) = (points.first(), points.last()) else {
            return Err(DistError::Empty { what: "the table of quantiles" });
        };
        finite("a probability", first)?;
        finite("a value", value)?;
        let mut probability = first;
        for (i, &(p, v)) in points.iter().enumerate().skip(1) {
            if finite("a probability", p)? <= probability {
                return Err(DistError::Unsorted { what: "the probabilities", index: i + 1, found: p });
            }
            if finite("a value", v)? < value {
                return Err(DistError::Unsorted { what: "the values", index: i + 1, found: v });
            }
            (probability, value) = (p, v);
        }
        if first != 0.0 || last != 1.0 {
            return Err(DistError::Span { first, last });
        }
        if !(value - points[0].1).is_finite() {
            return Err(DistError::Overflow);
        }
        Ok(Quantiles { points: points.to_vec() })
    }

    /// The mean over all lines of a function of (share, value at the start, value at the end).
    fn lines(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        self.points.windows(2).map(|w| (w[1].0 - w[0].0) * of(w[0].1, w[1].1)).sum()
    }
}

impl Law for Quantiles {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.quantile(stream.uniform())
    }
    fn mean(&self) -> f64 {
        self.lines(|a, b| a / 2.0 + b / 2.0)
    }
    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.lines(|a, b| {
            let (a, b) = (a - mean, b - mean);
            (a * a + a * b + b * b) / 3.0
        })
    }
    fn cdf(&self, x: f64) -> f64 {
        match self.points.partition_point(|e| e.1 <= x) {
            0 => 0.0,
            n if n == self.points.len() => 1.0,
            n => {
                let ((p0, v0), (p1, v1)) = (self.points[n - 1], self.points[n]);
                p0 + (p1 - p0) * ((x - v0) / (v1 - v0))
            }
        }
    }
    fn quantile(&self, p: f64) -> f64 {
        // The points start at 0 and end at 1, so there is a line to every p.
        let n = self.points.partition_point(|e| e.0 < p).clamp(1, self.points.len() - 1);
        let ((p0, v0), (p1, v1)) = (self.points[n - 1], self.points[n]);
        (v0 + (v1 - v0) * ((p - p0) / (p1 - p0))).clamp(v0, v1)
    }
}

/// See [`Dist::mixture`].
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    cumulative: Vec<f64>,
    /// (share of the whole, law), only those with a share.
    parts: Vec<(f64, Dist)>,
}

impl Mixture {
    pub(super) fn new(mut parts: Vec<(f64, Dist)>) -> Result<Mixture, DistError> {
        let total = cumulate("the mixture", parts.iter().map(|e| e.0))?.last().copied().unwrap_or(0.0);
        parts.retain(|e| e.0 > 0.0);
        parts.iter_mut().for_each(|e| e.0 /= total);
        let cumulative = cumulate("the mixture", parts.iter().map(|e| e.0))?;
        Ok(Mixture { cumulative, parts })
    }

    fn expect(&self, of: impl Fn(&Dist) -> f64) -> f64 {
        self.parts.iter().map(|(share, law)| share * of(law)).sum()
    }

    fn least(&self, of: impl Fn(&Dist) -> f64) -> f64 {
        self.parts.iter().map(|e| of(&e.1)).fold(f64::INFINITY, f64::min)
    }

    fn greatest(&self, of: impl Fn(&Dist) -> f64) -> f64 {
        self.parts.iter().map(|e| of(&e.1)).fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Law for Mixture {
    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.parts[stream.index_weighted(&self.cumulative)].1.sample(stream)
    }
    fn mean(&self) -> f64 {
        self.expect(Dist::mean)
    }
    /// The mean of the variances and the variance of the means.
    fn variance(&self) -> f64 {
        let mean = self.mean();
        if mean.is_infinite() {
            return f64::INFINITY;
        }
        self.expect(|law| law.variance() + (law.mean() - mean).powi(2))
    }
    fn cdf(&self, x: f64) -> f64 {
        self.expect(|law| law.cdf(x)).min(1.0)
    }
    fn quantile(&self, p: f64) -> f64 {
        // At the ends the answer is known; between, the parts' own quantiles enclose it.
        match p {
            0.0 => self.least(|law| law.quantile(0.0)),
            1.0 => self.greatest(|law| law.quantile(1.0)),
            p => {
                let (low, high) = (self.least(|law| law.quantile(p)), self.greatest(|law| law.quantile(p)));
                least_reaching(p, low, high, |x| self.cdf(x))
            }
        }
    }
}
