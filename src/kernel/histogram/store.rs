//! Where a histogram keeps its counts: a few values as they came, or the buckets of an HdrHistogram.
//!
//! Buckets take hundreds of kilobytes, which a run of one job would spend most of its time allocating. Nobody can tell
//! which of the two a histogram has: what is asked of a few values is asked of buckets made of them.

use std::borrow::Cow;

use super::DIGITS;

pub(super) type Buckets = hdrhistogram::Histogram<u64>;

/// So many distinct values are kept as they came.
const FEW: usize = 24;

/// Counts by value.
#[derive(Clone, Debug)]
pub(super) enum Store {
    Few(Vec<(u64, u64)>),
    Many(Box<Buckets>),
}

impl Store {
    pub const fn new() -> Store {
        Store::Few(Vec::new())
    }

    pub fn record_n(&mut self, value: u64, n: u64) {
        match self {
            Store::Many(b) => record(b, value, n),
            Store::Few(list) => {
                if let Some((_, count)) = list.iter_mut().find(|(v, _)| *v == value) {
                    *count += n;
                } else if list.len() < FEW {
                    list.push((value, n));
                } else {
                    let mut b = buckets(list);
                    record(&mut b, value, n);
                    *self = Store::Many(Box::new(b));
                }
            }
        }
    }

    /// Values that rise evenly, a bucket at a time: any value stands for its bucket.
    pub fn record_run(&mut self, first: u64, growth: u64, steps: u64, n: u64) {
        let (mut value, mut left) = (first, steps);
        loop {
            let here = match growth {
                0 => left,
                g => left.min((bucket_end(value) - value) / g + 1),
            };
            self.record_n(value, here * n);
            left -= here;
            if left == 0 {
                return;
            }
            value += growth * here;
        }
    }

    pub fn merge(&mut self, other: &Store) {
        match (&mut *self, other) {
            (_, Store::Few(list)) => list.iter().for_each(|(v, n)| self.record_n(*v, *n)),
            (Store::Many(b), Store::Many(o)) => b.add(&**o).expect("every histogram fits one that resizes itself"),
            (Store::Few(list), Store::Many(o)) => {
                let mut b = o.clone();
                list.iter().for_each(|(v, n)| record(&mut b, *v, *n));
                *self = Store::Many(b);
            }
        }
    }

    /// The buckets, to be asked.
    pub fn buckets(&self) -> Cow<'_, Buckets> {
        match self {
            Store::Few(list) => Cow::Owned(buckets(list)),
            Store::Many(b) => Cow::Borrowed(b),
        }
    }
}

/// Two stores are the same when their buckets are.
impl PartialEq for Store {
    fn eq(&self, other: &Store) -> bool {
        *self.buckets() == *other.buckets()
    }
}

fn buckets(list: &[(u64, u64)]) -> Buckets {
    let mut b = Buckets::new(DIGITS).expect("three digits are allowed, and it resizes itself");
    list.iter().for_each(|(v, n)| record(&mut b, *v, *n));
    b
}

/// The greatest value in the bucket of `value`: three digits need 2,048 buckets of one unit, then 1,024 for each doubling.
const fn bucket_end(value: u64) -> u64 {
    let width = match (value | 1).ilog2() {
        0..=10 => 0,
        bits => bits - 10,
    };
    value | ((1 << width) - 1)
}

fn record(b: &mut Buckets, value: u64, n: u64) {
    b.record_n(value, n).expect("every u64 fits a histogram that resizes itself");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_end_where_the_crate_says() {
        let b = Buckets::new(DIGITS).expect("three digits");
        for bits in 0..63 {
            for value in [1_u64 << bits, (1 << bits) + (1 << bits) / 3, (2 << bits) - 1] {
                assert_eq!(bucket_end(value), b.highest_equivalent(value), "{value}");
            }
        }
        assert_eq!(bucket_end(0), 0);
    }
}
