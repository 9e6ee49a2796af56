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

fn record(b: &mut Buckets, value: u64, n: u64) {
    b.record_n(value, n).expect("every u64 fits a histogram that resizes itself");
}
