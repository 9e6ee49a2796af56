//! `fleetcast catalog`: devices, machine types, dated prices, and where each figure comes from.

use std::collections::BTreeMap;

use clap::Subcommand;
use jiff::civil::Date;
use serde::Serialize;

use super::console::{Console, Exit, Failure};
use super::table::{self, Notes};
use crate::catalog::listing::{Filter, PriceLine};
use crate::catalog::{Catalog, Device, Evidence, Instance, LookupError, Market, Provider, Source};
use crate::report::words;
use crate::units::{Diagnostic, nearest};

/// Arguments of `catalog`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every figure has a source, a date and a grade: measured, fitted, prior or guess (see `fleetcast catalog sources`).

Examples:
  fleetcast catalog                                          all instance types
  fleetcast catalog instances --provider aws --device H100
  fleetcast catalog prices p5.48xlarge --region us-east-1    what it cost, and when
  fleetcast catalog prices g5.xlarge --at 2025-01-01 --market on_demand
  fleetcast catalog devices --json | jq '.[] | select(.name == \"T4-16GB\")'")]
pub struct Args {
    /// What to list; the instance types where left out.
    #[command(subcommand)]
    list: Option<List>,
    /// Print JSON, all figures in full
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum List {
    /// GPUs: memory, bandwidth, speed, power, and the names that they answer to
    Devices(DevicesArgs),
    /// Instance types: GPUs, vCPUs, memory, in how many regions a price is known
    Instances(InstancesArgs),
    /// The dated prices of an instance type, each with its source
    Prices(PricesArgs),
    /// Where the rows come from: project, file, licence, dates
    Sources,
    /// How to bring prices or instance types of your own
    ImportHelp,
}

#[derive(Debug, clap::Args)]
struct DevicesArgs {
    /// Only those that this provider rents: aws, gcp or azure
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<Provider>,
}

#[derive(Debug, Default, clap::Args)]
struct InstancesArgs {
    /// Only of this provider: aws, gcp or azure
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<Provider>,
    /// Only with this GPU: a name or an alias, such as H100
    #[arg(long, value_name = "GPU")]
    device: Option<String>,
    /// Only those with a price in this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

#[derive(Debug, clap::Args)]
struct PricesArgs {
    /// The instance type, such as p5.48xlarge
    #[arg(value_name = "TYPE")]
    instance: String,
    /// Only in this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Only in this market: on_demand or spot
    #[arg(long, value_name = "MARKET")]
    market: Option<Market>,
    /// Only the price in force on this date, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = date)]
    at: Option<Date>,
}

fn date(text: &str) -> Result<Date, String> {
    text.trim().parse().map_err(|_| "not a date: write it as 2026-10-05".to_owned())
}

pub fn run(a: &Args, console: &Console) -> Result<Exit, Failure> {
    let catalog = Catalog::embedded();
    let text = match &a.list {
        None => instances(catalog, &InstancesArgs::default(), a.json)?,
        Some(List::Devices(d)) => devices(catalog, d, a.json)?,
        Some(List::Instances(i)) => instances(catalog, i, a.json)?,
        Some(List::Prices(p)) => prices(catalog, p, a.json)?,
        Some(List::Sources) => sources(catalog, a.json)?,
        Some(List::ImportHelp) => IMPORT.to_owned(),
    };
    console.print(&text);
    Ok(Exit::Fine)
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|e| Failure::Fault(e.into()))
}

fn unknown(e: &LookupError) -> Failure {
    Failure::input(e.to_diagnostic())
}

/// A figure without needless decimals; empty for none.
fn figure(v: impl Into<Option<f64>>) -> String {
    v.into().map_or_else(String::new, |v: f64| words::number(v, words::decimals(v)))
}

fn devices(catalog: &Catalog, a: &DevicesArgs, as_json: bool) -> Result<String, Failure> {
    let filter = Filter { provider: a.provider, ..Filter::default() };
    let rented = catalog.list_instances(&filter).map_err(|e| unknown(&e))?;
    let list: Vec<&Device> = catalog
        .devices
        .iter()
        .filter(|(id, _)| a.provider.is_none() || rented.iter().any(|i| i.device == Some(*id)))
        .map(|(_, d)| d)
        .collect();
    if as_json {
        return json(&list);
    }
    let mut notes = Notes::default();
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|d| {
            vec![
                d.name.to_owned(),
                figure(d.memory_gb),
                figure(d.bandwidth_gb_s),
                figure(d.tflops_16),
                figure(d.tflops_8),
                figure(d.tdp_w),
                figure(d.idle_w),
                d.mig_slices.map_or_else(String::new, |m| m.to_string()),
                grades(d),
                d.as_of.to_string(),
                notes.mark(d.source),
                d.aliases.join(" "),
            ]
        })
        .collect();
    let header = [
        "device",
        "GB",
        "GB/s",
        "TFLOP/s 16",
        "TFLOP/s 8",
        "TDP W",
        "idle W",
        "MIG",
        "evidence",
        "as of",
        "source",
        "also called",
    ];
    let table = table::plain(&header, &[1, 2, 3, 4, 5, 6, 7], rows);
    Ok(format!("{table}\nRates are dense. Where two grades stand, the second is of the idle watts.\n{}", notes.text()))
}

/// The grade of the data sheet and, where it differs, of the idle watts.
fn grades(d: &Device) -> String {
    if d.idle_w.is_none() || d.sheet == d.idle { d.sheet.to_string() } else { format!("{}/{}", d.sheet, d.idle) }
}

fn instances(catalog: &Catalog, a: &InstancesArgs, as_json: bool) -> Result<String, Failure> {
    if let Some(r) = &a.region {
        known_region(catalog, r)?;
    }
    let filter = Filter { provider: a.provider, device: a.device.clone(), region: a.region.clone() };
    let list = catalog.list_instances(&filter).map_err(|e| unknown(&e))?;
    let lines: Vec<_> = list.into_iter().map(|i| catalog.instance_line(i)).collect();
    if as_json {
        return json(&lines);
    }
    if lines.is_empty() {
        return Ok("no instance type of the catalogue is like that\n".to_owned());
    }
    let mut notes = Notes::default();
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|l| {
            vec![
                l.instance.to_owned(),
                l.provider.to_string(),
                l.device.to_owned(),
                figure(l.gpus),
                figure(l.vcpus),
                figure(l.memory_gib),
                l.regions.to_string(),
                l.evidence.to_string(),
                l.as_of.clone(),
                notes.mark(l.source),
            ]
        })
        .collect();
    let header = ["type", "provider", "device", "GPUs", "vCPUs", "GiB", "regions", "evidence", "as of", "source"];
    Ok(format!("{}\n{}", table::plain(&header, &[3, 4, 5, 6], rows), notes.text()))
}

/// A region that no price names is a slip, not an empty list.
fn known_region(catalog: &Catalog, word: &str) -> Result<(), Failure> {
    let markets = [Market::OnDemand, Market::Spot];
    let all: std::collections::BTreeSet<&str> = catalog
        .instances
        .iter()
        .flat_map(|i| markets.into_iter().flat_map(|m| catalog.prices.regions(i.id, m)))
        .collect();
    let wanted = word.trim().to_ascii_lowercase();
    if all.contains(wanted.as_str()) {
        return Ok(());
    }
    let mut d = Diagnostic::error(format!("no price of any instance type is known in `{}`", table::clean(word)));
    if let Some(near) = nearest(&wanted, all.iter().copied()) {
        d = d.help(format!("did you mean `{near}`?"));
    }
    Err(Failure::input(d.help(format!("regions with prices: {}", all.into_iter().collect::<Vec<_>>().join(", ")))))
}

fn prices(catalog: &Catalog, a: &PricesArgs, as_json: bool) -> Result<String, Failure> {
    let instance = catalog.instance(&a.instance).map_err(|e| unknown(&e))?;
    let region = a.region.as_ref().map(|r| r.trim().to_ascii_lowercase());
    let lines = price_lines(catalog, instance, region.as_deref(), a).map_err(|e| unknown(&e))?;
    if as_json {
        return json(&lines);
    }
    let mut notes = Notes::default();
    let mut late = false;
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|l| {
            // The last price of a schedule holds beyond the day on which a source still showed it, unconfirmed.
            let beyond = a.at.is_some_and(|at| l.until.parse::<Date>().is_ok_and(|until| at > until));
            late |= beyond;
            vec![
                l.region.to_owned(),
                l.market.to_string(),
                l.from.clone(),
                if beyond { format!("{} *", l.until) } else { l.until.clone() },
                l.usd_per_hour.clone(),
                l.evidence.to_string(),
                notes.mark(l.source),
                l.note.clone(),
            ]
        })
        .collect();
    let header = ["region", "market", "from", "until", "USD/h", "evidence", "source", "note"];
    let mut text = format!("{}\n", table::plain(&header, &[4], rows));
    if late {
        text.push_str("* the last date at which the source still showed this price: later ones are not confirmed\n");
    }
    text.push_str(&notes.text());
    Ok(text)
}

/// The rows that were asked for, never none.
fn price_lines<'a>(
    catalog: &'a Catalog,
    instance: &'a Instance,
    region: Option<&'a str>,
    a: &PricesArgs,
) -> Result<Vec<PriceLine<'a>>, LookupError> {
    let mut lines = catalog.list_prices(instance, region)?;
    if let Some(market) = a.market {
        lines.retain(|l| l.market == market);
        if lines.is_empty() {
            catalog.history(instance, region.unwrap_or(""), market)?;
        }
    }
    let Some(at) = a.at else { return Ok(lines) };
    let mut held: BTreeMap<(Market, &str), PriceLine<'a>> = BTreeMap::new();
    // Rows ascend by date within a region and market: the last one not after the date is in force.
    let mut first: Option<(Market, &str)> = None;
    for l in lines {
        let key = (l.market, l.region);
        first.get_or_insert(key);
        if l.from.parse::<Date>().is_ok_and(|from| from <= at) {
            held.insert(key, l);
        }
    }
    if held.is_empty()
        && let Some((market, region)) = first
    {
        catalog.price(instance, region, market, at)?;
    }
    Ok(held.into_values().collect())
}

/// A source as a row to print.
#[derive(Serialize)]
struct SourceLine<'a> {
    id: &'a str,
    title: &'a str,
    licence: &'a str,
    address: &'a str,
    from: Option<String>,
    until: Option<String>,
    note: &'a str,
}

impl<'a> SourceLine<'a> {
    fn of(s: &'a Source) -> SourceLine<'a> {
        SourceLine {
            id: &s.id,
            title: &s.title,
            licence: &s.licence,
            address: &s.address,
            from: s.first.map(|d| d.to_string()),
            until: s.last.map(|d| d.to_string()),
            note: &s.note,
        }
    }
}

fn sources(catalog: &Catalog, as_json: bool) -> Result<String, Failure> {
    let lines: Vec<SourceLine<'_>> = catalog.sources.iter().map(SourceLine::of).collect();
    if as_json {
        return json(&lines);
    }
    let mut text = String::new();
    for l in &lines {
        let (from, until) = (l.from.as_deref().unwrap_or(""), l.until.as_deref().unwrap_or(""));
        text.push_str(&format!("{}  {}\n", l.id, l.title));
        text.push_str(&format!("    of {from} to {until}; licence: {}\n    {}\n", l.licence, l.address));
        if !l.note.is_empty() {
            text.push_str(&format!("    {}\n", l.note));
        }
    }
    text.push_str("\nEvidence\n");
    for e in [Evidence::Measured, Evidence::Fitted, Evidence::Prior, Evidence::Guess] {
        text.push_str(&format!("  {e:<9} {}\n", e.meaning()));
    }
    Ok(text)
}

/// What `catalog::import` reads; a test reads the example with it.
const IMPORT: &str = "\
Prices of your own are a CSV file, named in a scenario by `price_file: \"my-prices.csv\"`. They lie over the
catalogue: from the first date that the file gives for a type, region and market, only its rows count.

column                            what it is
instance                          a type of the catalogue, or a new one (with the four columns below)
region                            any name; a known region's for a known type
market                            on_demand or spot
from                              the first date at which the price holds, YYYY-MM-DD
usd_per_hour                      USD per hour of the whole machine, a plain decimal
source                            optional: where it comes from; the file's name if left out
device, gpus, vcpus, memory_gib   optional, together: the figures of a type, to define a new one or correct one
provider                          optional: aws, gcp, azure or own, for billing rules and fees; own for a new type

Columns may stand in any order, rows too. Blank lines and lines that begin with # are skipped.
All problems are reported together, and a file with an error changes nothing.

Example:
instance,region,market,from,usd_per_hour,source,device,gpus,vcpus,memory_gib
p5.48xlarge,us-east-1,on_demand,2026-01-01,49.50,our contract,,,,
hall-h100,hall-1,on_demand,2026-01-01,31.20,finance,H100,8,192,2048
";
