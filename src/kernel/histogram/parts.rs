//! The form in which a histogram is stored: its occupied buckets and its exact parts.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Histogram;

/// Occupied buckets as (least value, count), and what the buckets do not keep. The sum is text: JSON numbers lose digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    buckets: Vec<(u64, u64)>,
    sum: String,
    min: u64,
    max: u64,
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let parts = Parts {
            buckets: self.pairs(),
            sum: self.sum().to_string(),
            min: self.min().unwrap_or(0),
            max: self.max().unwrap_or(0),
        };
        parts.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Histogram, D::Error> {
        let p = Parts::deserialize(d)?;
        let sum = p.sum.parse().map_err(D::Error::custom)?;
        Histogram::from_parts(&p.buckets, sum, p.min, p.max).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_being_stored() {
        let mut h = Histogram::new();
        for v in [0, 1, 1, 999, 123_456_789, u64::from(u32::MAX) * 1000] {
            h.record(v);
        }
        let text = serde_json::to_string(&h).unwrap();
        let back: Histogram = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        assert_eq!((back.count(), back.sum(), back.quantile(0.5)), (h.count(), h.sum(), h.quantile(0.5)));
        assert!(serde_json::from_str::<Histogram>(r#"{"buckets":[[5,1]],"sum":"99","min":5,"max":5}"#).is_err());
    }
}
