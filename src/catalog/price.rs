//! Dated prices. A price belongs to a type, a region and a market, and holds from one date to the next row's.
//!
//! Dates are civil dates: a row holds from midnight of its date, in the zone of whoever asks. There is no look-up without a date, because
//! an undated price can be wrong by 1.8 times (p5.48xlarge: 98.32 USD/h until June 2025, 55.04 after).
//!
//! AWS publishes no history of its spot prices under a licence that lets us embed it. What there is, is the Spot
//! Advisor's saving over on-demand, a 30-day average of one day. The estimate is the on-demand price in force times
//! one minus that saving. It may exceed on-demand (p5.48xlarge in ca-central-1: a saving of -62 %) and is never clamped.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::Serialize;

use super::instance::{InstanceId, Instances};
use super::source::{Evidence, SourceRef, Sources};
use super::table::{self, Text};
use crate::units::{Rate, nearest};

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Market {
    /// At list price, for as long as wanted.
    OnDemand,
    /// At the spot price, until reclaimed.
    Spot,
}

impl Market {
    /// The word in files: `on_demand`, `spot`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Market::OnDemand => "on_demand",
            Market::Spot => "spot",
        }
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Market::OnDemand => "on-demand",
            Market::Spot => "spot",
        })
    }
}

/// Not a market's name; allowed are `on_demand` and `spot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a market: allowed are on_demand and spot")]
pub struct UnknownMarket;

impl FromStr for Market {
    type Err = UnknownMarket;
    fn from_str(s: &str) -> Result<Market, UnknownMarket> {
        match s.trim().to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
            "on_demand" | "ondemand" => Ok(Market::OnDemand),
            "spot" => Ok(Market::Spot),
            _ => Err(UnknownMarket),
        }
    }
}

/// How a row's price was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// It stands in the source as it is.
    Listed,
    /// The on-demand price in force times one minus the saving: a 30-day average, not a quote.
    SpotEstimate {
        /// On-demand price in force.
        on_demand: Rate,
        /// Saving in per cent; negative where spot is dearer.
        savings_pct: i16,
    },
}

/// A price and how long it is known to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// The first date at which it holds (or was first seen).
    pub from: Date,
    /// USD per hour of the whole machine.
    pub rate: Rate,
    /// The last date at which a source still showed it, for a schedule's last row; otherwise [`PriceRow::from`].
    pub seen_until: Date,
    /// Where it comes from.
    pub source: SourceRef,
    /// How sure it is.
    pub evidence: Evidence,
    /// Listed or estimated.
    pub basis: Basis,
}

/// The price in force on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The date asked for.
    pub on: Date,
    /// USD per hour of the whole machine.
    pub rate: Rate,
    /// The row that says so.
    pub row: PriceRow,
    /// The row is its schedule's last: nothing later is known to have replaced it.
    pub last: bool,
}

impl Quote {
    /// For how many days before the date asked for no source has confirmed the price: 0 while the schedule goes on
    /// or a source still showed it. AWS outside us-east-1 is known of one day only, so this can be more than a year.
    #[must_use]
    pub fn unconfirmed_days(&self) -> u32 {
        if !self.last || self.on <= self.row.seen_until {
            return 0;
        }
        let days = self.on.since(self.row.seen_until).map_or(0, |s| s.get_days());
        u32::try_from(days).unwrap_or(0)
    }
}

/// A step of the price over a window: `rate` holds from `from` to the next step's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The later of the window's start and the row's date.
    pub from: Date,
    /// USD per hour of the whole machine.
    pub rate: Rate,
    /// The row that says so.
    pub row: PriceRow,
}

/// What the Spot Advisor says of a type in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Saving over on-demand in per cent, a 30-day average; negative where spot is dearer.
    pub savings_pct: i16,
    /// Share of instances interrupted in the trailing month: 0 under 5 %, 1 to 10, 2 to 15, 3 to 20, 4 more.
    pub interruption_bucket: u8,
}

type Key = (InstanceId, Text, Market);

/// The schedules. Regions are in lower case.
#[derive(Clone, Debug)]
pub struct PriceBook {
    series: BTreeMap<Key, Vec<PriceRow>>,
    advice: BTreeMap<(InstanceId, Text), Advice>,
    advice_source: SourceRef,
    advice_date: Date,
}

impl PriceBook {
    pub(super) fn embedded(instances: &Instances, sources: &Sources) -> PriceBook {
        let advice_source = sources.find("spot-advisor").expect("a source of the table");
        let advice_date = sources.get(advice_source).last.expect("an embedded source is dated");
        let mut book = PriceBook { series: BTreeMap::new(), advice: BTreeMap::new(), advice_source, advice_date };
        for text in [include_str!("aws.csv"), include_str!("gcp.csv"), include_str!("azure.csv")] {
            book.read(text, instances, sources);
        }
        let mut last: Option<(&str, InstanceId)> = None;
        for [instance, region, savings, bucket] in table::rows::<4>(include_str!("aws_spot_savings.csv")) {
            let id = known(&mut last, instance, instances);
            let advice =
                Advice { savings_pct: table::number(savings) as i16, interruption_bucket: table::number(bucket) as u8 };
            book.advice.insert((id, region.into()), advice);
        }
        book
    }

    /// Reads a table that is sorted by instance, region, market and date.
    fn read(&mut self, text: &'static str, instances: &Instances, sources: &Sources) {
        let mut last_instance = None;
        let mut last_source = None;
        let mut at: Option<(&str, &str, &str)> = None;
        let mut rows: Vec<PriceRow> = Vec::new();
        let mut key: Option<Key> = None;
        for [instance, region, market, from, usd, source, seen] in table::rows::<7>(text) {
            if at != Some((instance, region, market)) {
                at = Some((instance, region, market));
                let id = known(&mut last_instance, instance, instances);
                let market = if market == "spot" { Market::Spot } else { Market::OnDemand };
                if let Some(done) = key.replace((id, region.into(), market)) {
                    self.series.insert(done, std::mem::take(&mut rows));
                }
            }
            let source = match last_source {
                Some((name, found)) if name == source => found,
                _ => sources.find(source).expect("the tables agree on sources"),
            };
            last_source = Some((sources.get(source).id.as_ref(), source));
            let from = table::date(from);
            rows.push(PriceRow {
                from,
                rate: usd.parse().expect("the table holds plain decimals"),
                seen_until: if seen.is_empty() { from } else { table::date(seen) },
                source,
                evidence: Evidence::Measured,
                basis: Basis::Listed,
            });
        }
        if let Some(done) = key {
            self.series.insert(done, rows);
        }
    }

    /// The whole schedule, oldest first; empty when nothing is known. Listed spot prices hide the estimate from their
    /// first date on; before it the estimate stands.
    #[must_use]
    pub fn rows(&self, instance: InstanceId, region: &str, market: Market) -> Cow<'_, [PriceRow]> {
        let stored = |m| self.series.get(&(instance, Text::Owned(region.to_owned()), m)).map(Vec::as_slice);
        let listed = stored(market).unwrap_or(&[]);
        if market == Market::OnDemand {
            return Cow::Borrowed(listed);
        }
        let Some(advice) = self.advice(instance, region) else { return Cow::Borrowed(listed) };
        let mut out = self.estimate(stored(Market::OnDemand).unwrap_or(&[]), advice);
        if let Some(first) = listed.first() {
            out.retain(|r| r.from < first.from);
        }
        out.extend_from_slice(listed);
        Cow::Owned(out)
    }

    /// Spot from on-demand: one row at the advice's date, one at each later change of on-demand.
    fn estimate(&self, on_demand: &[PriceRow], advice: Advice) -> Vec<PriceRow> {
        let in_force = on_demand.partition_point(|r| r.from <= self.advice_date).saturating_sub(1);
        let rows = on_demand.get(in_force..).unwrap_or(&[]);
        rows.iter()
            .map(|r| PriceRow {
                from: r.from.max(self.advice_date),
                rate: less_percent(r.rate, advice.savings_pct),
                // The saving was seen on one day only, however long the on-demand price has held.
                seen_until: r.from.max(self.advice_date),
                source: self.advice_source,
                evidence: Evidence::Fitted.max(r.evidence),
                basis: Basis::SpotEstimate { on_demand: r.rate, savings_pct: advice.savings_pct },
            })
            .collect()
    }

    /// What the Spot Advisor said, where it said something.
    #[must_use]
    pub fn advice(&self, instance: InstanceId, region: &str) -> Option<Advice> {
        self.advice.get(&(instance, Text::Owned(region.to_owned()))).copied()
    }

    /// Regions with a price of a type in a market, in alphabetical order.
    #[must_use]
    pub fn regions(&self, instance: InstanceId, market: Market) -> Vec<&str> {
        let first = (instance, Text::Borrowed(""), Market::OnDemand);
        let mut out: Vec<&str> = self
            .series
            .range(first..)
            .take_while(|((i, _, _), _)| *i == instance)
            .filter(|((_, region, m), _)| {
                *m == market || (market == Market::Spot && self.advice.contains_key(&(instance, region.clone())))
            })
            .map(|((_, region, _), _)| region.as_ref())
            .collect();
        out.dedup();
        out
    }

    /// Whether any type has a price in a region, and if not, the nearest region that has one.
    pub(super) fn check_region(&self, region: &str) -> Result<(), Option<&str>> {
        let all = || self.series.keys().map(|(_, r, _)| r.as_ref());
        if all().any(|r| r == region) { Ok(()) } else { Err(nearest(region, all())) }
    }

    /// Puts a user's rows over a schedule: from their first date on only they count. They must be sorted by date.
    pub(super) fn overlay(&mut self, instance: InstanceId, region: Text, market: Market, rows: &[PriceRow]) {
        let Some(first) = rows.first() else { return };
        let series = self.series.entry((instance, region, market)).or_default();
        series.retain(|r| r.from < first.from);
        series.extend_from_slice(rows);
    }

    /// How many schedules and rows are stored.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.series.len(), self.series.values().map(Vec::len).sum())
    }
}

/// The tables are sorted by instance, so the last answer is nearly always the next.
fn known(last: &mut Option<(&'static str, InstanceId)>, name: &'static str, all: &Instances) -> InstanceId {
    match last {
        Some((n, id)) if *n == name => *id,
        _ => {
            let id = all.find(name).expect("the tables agree on instance types").id;
            *last = Some((name, id));
            id
        }
    }
}

/// `rate` less a percentage, to the nearest pico-dollar. A negative percentage makes it dearer.
fn less_percent(rate: Rate, pct: i16) -> Rate {
    let scaled = rate.0 * (100 - i128::from(pct));
    let half = if scaled < 0 { -50 } else { 50 };
    Rate((scaled + half) / 100)
}

#[cfg(test)]
#[path = "price_tests.rs"]
mod tests;
