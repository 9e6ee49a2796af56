//! Price told from behaviour: what the candidate's time would have cost at the base's prices.
//!
//! A bill is time × price, so the time that the candidate bought in a pool can be billed at the base's price of the same
//! pool. Lines of billing minimums and of time given back go by the same ratio: their rules stay the candidate's. What has no price of the
//! base stays as it was billed, and is named: pools that only the candidate has, pools whose devices are others, prices
//! that change at other dates, and fees.

use serde::{Deserialize, Serialize};

use super::sample::{Line, PoolFacts, Sample};
use crate::outcome::{Money, PriceRow};

use crate::units::{Rate, Usd, priced};

/// The difference of two bills, divided; sums over the replications. `price + behaviour` is the difference, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repriced {
    /// The base's bill.
    pub base: Money,
    /// The candidate's.
    pub candidate: Money,
    /// The candidate's time at the base's prices.
    pub at_base_prices: Money,
    /// What the candidate's prices add to its time: `candidate − at_base_prices`.
    pub price: Money,
    /// What its behaviour adds at the base's prices: `at_base_prices − base`.
    pub behaviour: Money,
    /// What stayed at the candidate's price, and why.
    pub kept: Vec<Kept>,
    /// Pools that only the base has.
    pub only_base: Vec<String>,
}

/// A pool or fee of the candidate that stayed at its own price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The pool, or the fee's name.
    pub name: String,
    /// Its part of the candidate's bill.
    pub usd: Money,
    /// Why.
    pub why: String,
}

impl Repriced {
    /// Bills the candidate's time at the base's prices.
    #[must_use]
    pub fn of(base: &Sample, candidate: &Sample) -> Repriced {
        let mut kept: Vec<Kept> = Vec::new();
        let mut at_base = Usd::ZERO;
        for l in &candidate.lines {
            match line(l, base, candidate) {
                Ok(usd) => at_base += usd,
                Err(why) => {
                    at_base += l.usd.0;
                    match kept.iter_mut().find(|k| k.name == l.pool && k.why == why) {
                        Some(k) => k.usd.0 += l.usd.0,
                        None => kept.push(Kept { name: l.pool.clone(), usd: l.usd, why: why.to_owned() }),
                    }
                }
            }
        }
        kept.retain(|k| k.usd.0 != Usd::ZERO);
        let (b, c) = (base.total(), candidate.total());
        let has = |s: &Sample, name: &str| s.pools.iter().any(|p| p.name == name);
        Repriced {
            base: Money(b),
            candidate: Money(c),
            at_base_prices: Money(at_base),
            price: Money(c - at_base),
            behaviour: Money(at_base - b),
            kept,
            only_base: base.pools.iter().map(|p| p.name.clone()).filter(|n| !has(candidate, n)).collect(),
        }
    }
}

/// A line of the candidate at the base's price, or why there is none.
fn line(l: &Line, base: &Sample, candidate: &Sample) -> Result<Usd, &'static str> {
    let pool = |s: &'_ Sample| -> Option<PoolFacts> { s.pools.iter().find(|p| p.name == l.pool).cloned() };
    let Some(own) = pool(candidate) else { return Err("a fee: no time is behind it") };
    let Some(theirs) = pool(base) else { return Err("a pool that only the candidate has") };
    if (&own.device, &own.instance, &own.unit) != (&theirs.device, &theirs.instance, &theirs.unit) {
        return Err("its machines are others than the base's");
    }
    let from = l.price_from_ns.ok_or("no price is behind it")?;
    let rows = |s: &Sample| s.prices.iter().filter(|p| p.pool == l.pool).cloned().collect::<Vec<PriceRow>>();
    let (own, theirs) = (rows(candidate), rows(base));
    let now = own.iter().find(|p| p.from_ns == from).ok_or("no price is behind it")?;
    let then = match &theirs[..] {
        [] => return Err("the base has no price for it"),
        [one] => one,
        several => several
            .iter()
            .find(|p| p.from_ns == from)
            .filter(|_| several.iter().map(|p| p.from_ns).eq(own.iter().map(|p| p.from_ns)))
            .ok_or("its prices change at other dates than the base's")?,
    };
    at_other_price(l, now, then)
}

/// The same time at another price.
fn at_other_price(l: &Line, now: &PriceRow, then: &PriceRow) -> Result<Usd, &'static str> {
    let (own, theirs) = (now.usd_per_hour.0.0, then.usd_per_hour.0.0);
    if (own, now.per_milli) == (theirs, then.per_milli) {
        return Ok(l.usd.0);
    }
    if then.per_milli == 0 || now.per_milli == 0 {
        return Err("a fee: no time is behind it");
    }
    if l.milli_ns.0 > 0 {
        let per = u128::from(then.per_milli) * 3_600_000_000_000;
        return Ok(priced(Rate(theirs), l.milli_ns.0, per));
    }
    // No time of its own: it goes with the price.
    if own <= 0 || theirs < 0 {
        return Err("billed at nothing, so that no ratio of prices is known");
    }
    let times = |rate: i128, per: u32| rate.unsigned_abs().checked_mul(u128::from(per));
    let (Some(up), Some(down)) = (times(theirs, now.per_milli), times(own, then.per_milli)) else {
        return Err("its price is beyond what can be billed");
    };
    Ok(priced(Rate(l.usd.0.0), up, down))
}
