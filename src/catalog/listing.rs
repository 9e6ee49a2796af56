//! Rows to print: devices, machine types and prices, each with its source, date and evidence.

use jiff::civil::Date;
use serde::Serialize;

use super::book::Catalog;
use super::instance::Instance;
use super::lookup::LookupError;
use super::price::{Basis, Market, PriceRow};
use super::source::{Evidence, Provider};

/// Which machine types to list; `None` asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this provider.
    pub provider: Option<Provider>,
    /// With this GPU (a name or an alias).
    pub device: Option<String>,
    /// With a price in this region, in either market.
    pub region: Option<String>,
}

/// A machine type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceLine<'a> {
    /// The provider's name for it.
    pub instance: &'a str,
    /// Who rents it.
    pub provider: Provider,
    /// The GPU model; empty for none.
    pub device: &'a str,
    /// GPUs; a share of one is a fraction.
    pub gpus: f64,
    /// vCPUs.
    pub vcpus: f64,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Regions with an on-demand price.
    pub regions: usize,
    /// Where the figures come from.
    pub source: &'a str,
    /// The last date that the source speaks of; empty for a user's own.
    pub as_of: String,
    /// How sure they are.
    pub evidence: Evidence,
}

/// A price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PriceLine<'a> {
    /// The machine type.
    pub instance: &'a str,
    /// The region.
    pub region: &'a str,
    /// On demand or spot.
    pub market: Market,
    /// The first date at which it holds.
    pub from: String,
    /// The next row's date; for the last row, the last date at which a source still showed it.
    pub until: String,
    /// USD per hour of the machine, all decimals.
    pub usd_per_hour: String,
    /// Where it comes from.
    pub source: &'a str,
    /// How sure it is.
    pub evidence: Evidence,
    /// What to know about it: how an estimate was made. May be empty.
    pub note: String,
}

impl Catalog {
    /// The machine types that pass a filter, in the order of the catalogue.
    ///
    /// # Errors
    /// [`LookupError::UnknownDevice`] for a GPU that is not known.
    pub fn list_instances(&self, filter: &Filter) -> Result<Vec<&Instance>, LookupError> {
        let device = filter.device.as_deref().map(|d| self.devices.find(d)).transpose()?;
        let region = filter.region.as_deref().map(|r| r.trim().to_ascii_lowercase());
        let passes = |i: &&Instance| {
            filter.provider.is_none_or(|p| p == i.provider)
                && device.is_none_or(|d| i.device == Some(d))
                && region.as_deref().is_none_or(|r| {
                    [Market::OnDemand, Market::Spot].iter().any(|m| !self.prices.rows(i.id, r, *m).is_empty())
                })
        };
        Ok(self.instances.iter().filter(passes).collect())
    }

    /// A machine type as a row to print.
    #[must_use]
    pub fn instance_line<'a>(&'a self, i: &'a Instance) -> InstanceLine<'a> {
        let source = self.sources.get(i.source);
        InstanceLine {
            instance: &i.name,
            provider: i.provider,
            device: i.device.map_or("", |d| self.devices.get(d).name),
            gpus: f64::from(i.gpus.0) / 1e3,
            vcpus: f64::from(i.cpu.0) / 1e3,
            memory_gib: i.memory.0 as f64 / f64::from(1 << 30),
            regions: self.prices.regions(i.id, Market::OnDemand).len(),
            source: &source.title,
            as_of: source.last.map_or_else(String::new, |d| d.to_string()),
            evidence: i.evidence,
        }
    }

    /// The price history of a type as rows to print: by market, then region, then date. `region` limits it to one.
    ///
    /// # Errors
    /// [`LookupError`] when nothing is known of the type in that region.
    pub fn list_prices<'a>(
        &'a self,
        instance: &'a Instance,
        region: Option<&'a str>,
    ) -> Result<Vec<PriceLine<'a>>, LookupError> {
        let mut out = Vec::new();
        for market in [Market::OnDemand, Market::Spot] {
            let regions = region.map_or_else(|| self.prices.regions(instance.id, market), |r| vec![r]);
            for r in regions {
                let rows = self.prices.rows(instance.id, &r.to_ascii_lowercase(), market);
                for (i, row) in rows.iter().enumerate() {
                    let until = rows.get(i + 1).map_or(row.seen_until, |next| next.from);
                    out.push(self.price_line(instance, r, market, row, until));
                }
            }
        }
        if out.is_empty() {
            self.history(instance, region.unwrap_or(""), Market::OnDemand)?;
        }
        Ok(out)
    }

    fn price_line<'a>(
        &'a self,
        instance: &'a Instance,
        region: &'a str,
        market: Market,
        row: &PriceRow,
        until: Date,
    ) -> PriceLine<'a> {
        let note = match row.basis {
            Basis::Listed => String::new(),
            Basis::SpotEstimate { on_demand, savings_pct } => {
                let on_demand = crate::units::Usd(on_demand.0).exact();
                format!("a 30-day average, not a quote: on-demand {on_demand} less {savings_pct} %")
            }
        };
        PriceLine {
            instance: &instance.name,
            region,
            market,
            from: row.from.to_string(),
            until: until.to_string(),
            usd_per_hour: crate::units::Usd(row.rate.0).exact(),
            source: &self.sources.get(row.source).title,
            evidence: row.evidence,
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_narrow_the_list() {
        let c = Catalog::embedded();
        let names = |f: Filter| -> Vec<String> {
            c.list_instances(&f).expect("a filter").iter().map(|i| i.name.to_string()).collect()
        };
        let all = names(Filter::default());
        assert!(all.len() > 150);
        let h100 = Filter { provider: Some(Provider::Aws), device: Some("H100".into()), ..Filter::default() };
        assert_eq!(names(h100), ["p5.48xlarge", "p5.4xlarge"]);
        let here = names(Filter { region: Some("us-central1".into()), ..Filter::default() });
        assert!(here.contains(&"a2-highgpu-1g".to_owned()) && !here.contains(&"p5.48xlarge".to_owned()));
        assert!(c.list_instances(&Filter { device: Some("G3".into()), ..Filter::default() }).is_err());
    }

    #[test]
    fn every_price_row_prints_its_source_date_and_grade() {
        let c = Catalog::embedded();
        let p5 = c.instance("p5.48xlarge").expect("a type");
        let lines = c.list_prices(p5, Some("us-east-1")).expect("priced");
        let short: Vec<_> =
            lines.iter().map(|l| (l.market, l.from.as_str(), l.usd_per_hour.as_str(), l.evidence)).collect();
        assert_eq!(short[0], (Market::OnDemand, "2023-09-18", "98.32", Evidence::Measured));
        assert_eq!(short[1], (Market::OnDemand, "2025-06-23", "55.04", Evidence::Measured));
        assert_eq!((short[2].0, short[2].1, short[2].3), (Market::Spot, "2025-06-28", Evidence::Fitted));
        assert_eq!((lines[0].until.as_str(), lines[1].until.as_str()), ("2025-06-23", "2026-07-20"));
        assert!(lines[2].note.contains("not a quote"));
        assert!(lines.iter().all(|l| !l.source.is_empty()));
        assert!(c.list_prices(p5, Some("nowhere")).is_err());
    }
}
