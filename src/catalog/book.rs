//! The catalogue: devices, machine types, prices and their sources together.

use std::borrow::Cow;
use std::sync::OnceLock;

use jiff::civil::Date;

use super::device::{Device, Devices};
use super::instance::{Instance, Instances};
use super::lookup::LookupError;
use super::price::{Market, PriceBook, PriceRow, Quote, Step};
use super::source::Sources;
use crate::units::nearest;

/// All that is known of devices, machine types and prices. Plain data: clone it to lay a user's own prices over it.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// GPUs.
    pub devices: Devices,
    /// Machine types.
    pub instances: Instances,
    /// Dated prices.
    pub prices: PriceBook,
    /// Where the rows come from.
    pub sources: Sources,
}

impl Catalog {
    /// The embedded catalogue, read on first use.
    #[must_use]
    pub fn embedded() -> &'static Catalog {
        static EMBEDDED: OnceLock<Catalog> = OnceLock::new();
        EMBEDDED.get_or_init(Catalog::read_embedded)
    }

    fn read_embedded() -> Catalog {
        let sources = Sources::embedded();
        let devices = Devices::embedded();
        let instances = Instances::embedded(&devices, &sources);
        let prices = PriceBook::embedded(&instances, &sources);
        Catalog { devices, instances, prices, sources }
    }

    /// The device of a name or alias.
    ///
    /// # Errors
    /// [`LookupError::UnknownDevice`] with the nearest right name.
    pub fn device(&self, word: &str) -> Result<&Device, LookupError> {
        self.devices.find(word).map(|id| self.devices.get(id))
    }

    /// The machine type of a name.
    ///
    /// # Errors
    /// [`LookupError::UnknownInstance`] with the nearest right name.
    pub fn instance(&self, word: &str) -> Result<&Instance, LookupError> {
        self.instances.find(word)
    }

    /// The whole price schedule of a type in a region and market, oldest first, never empty.
    ///
    /// # Errors
    /// [`LookupError::UnknownRegion`] or [`LookupError::NoMarket`].
    pub fn history(
        &self,
        instance: &Instance,
        region: &str,
        market: Market,
    ) -> Result<Cow<'_, [PriceRow]>, LookupError> {
        let wanted = region.trim().to_ascii_lowercase();
        let rows = self.prices.rows(instance.id, &wanted, market);
        if !rows.is_empty() {
            return Ok(rows);
        }
        let known = self.prices.regions(instance.id, market);
        if known.is_empty() {
            return Err(LookupError::NoMarket { instance: instance.name.to_string(), market });
        }
        Err(LookupError::UnknownRegion {
            instance: instance.name.to_string(),
            region: region.to_owned(),
            market,
            nearest: nearest(&wanted, known.iter().copied()).map(str::to_owned),
            known: known.into_iter().map(str::to_owned).collect(),
        })
    }

    /// The price in force on a date: the last row not after it.
    ///
    /// # Errors
    /// As [`Catalog::history`], and [`LookupError::BeforeFirst`] for a date before the first row.
    pub fn price(&self, instance: &Instance, region: &str, market: Market, on: Date) -> Result<Quote, LookupError> {
        let rows = self.history(instance, region, market)?;
        let at = in_force(&rows, instance, region, market, on)?;
        let row = rows[at];
        Ok(Quote { on, rate: row.rate, row, last: at + 1 == rows.len() })
    }

    /// The price over the days `from..to` as a step function. The first step begins at `from`; a change on `to` or
    /// later is left out. An empty window has one step.
    ///
    /// # Errors
    /// As [`Catalog::price`] on `from`.
    pub fn schedule_between(
        &self,
        instance: &Instance,
        region: &str,
        market: Market,
        from: Date,
        to: Date,
    ) -> Result<Vec<Step>, LookupError> {
        let rows = self.history(instance, region, market)?;
        let first = in_force(&rows, instance, region, market, from)?;
        let mut steps = vec![Step { from, rate: rows[first].rate, row: rows[first] }];
        let later = rows[first + 1..].iter().take_while(|r| r.from < to);
        steps.extend(later.map(|r| Step { from: r.from, rate: r.rate, row: *r }));
        debug_assert!(steps.windows(2).all(|w| w[0].from < w[1].from));
        Ok(steps)
    }
}

/// The index of the last row not after a date.
fn in_force(
    rows: &[PriceRow],
    instance: &Instance,
    region: &str,
    market: Market,
    on: Date,
) -> Result<usize, LookupError> {
    let held = rows.partition_point(|r| r.from <= on);
    held.checked_sub(1).ok_or_else(|| LookupError::BeforeFirst {
        instance: instance.name.to_string(),
        region: region.to_owned(),
        market,
        on,
        first: rows.first().map_or(on, |r| r.from),
    })
}
