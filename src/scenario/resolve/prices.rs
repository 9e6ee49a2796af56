//! What a pool costs: a step function of time from the price book, a price of the user's own, or owned hardware.

use super::context::Context;
use crate::catalog::energy;
use crate::catalog::{BillingRule, Evidence, Instance, LookupError, Market, PriceRow, Provider};
use crate::ledger::{Metering, PriceStep, Tariff, Unit};
use crate::market::{PricePath, PricePoint};
use crate::scenario::decode::Spanned;
use crate::scenario::file::Scenario;
use crate::scenario::file::fleet::{Billed, Pool};
use crate::scenario::file::market::Aligned;
use crate::scenario::file::money::{Buy, Owned, Price, PricesAt, StandIn};
use crate::scenario::model::Fee;
use crate::units::{Diagnostic, Diagnostics, Duration, Fraction, Rate, SimTime, Usd};

/// What is known of a pool's nodes when it is priced.
pub(super) struct Hardware<'c> {
    pub instance: Option<&'c Instance>,
    pub region: Option<Spanned<String>>,
    /// GPUs of a node; 0 for CPU nodes. `None` where nodes of the pool differ.
    pub gpus: Option<u32>,
    /// Milli-cores of a node, where all have the same.
    pub cpu_milli: Option<u32>,
    pub unit: Unit,
}

impl Context<'_, '_> {
    /// The tariff of a pool; `None` when it cannot be priced, which has been reported.
    pub fn tariff(
        &mut self,
        s: &Scenario,
        p: &Pool,
        h: &Hardware<'_>,
        path: Option<&(PricePath, String, Evidence)>,
        out: &mut Diagnostics,
    ) -> Option<Tariff> {
        let (market, discount) = match &p.buy {
            Buy::OnDemand(o) => (Market::OnDemand, o.discount),
            Buy::Spot(o) => (Market::Spot, o.discount),
            Buy::Owned(o) => return self.owned(p, o, h, out),
        };
        let provider = h.instance.map_or(Provider::Own, |i| i.provider);
        let rule = BillingRule::of(provider, market);
        let (steps, per_milli, per) = match &p.price {
            Some(price) => match path {
                Some((path, source, grade)) => path_price(p, path, source, *grade, h, out)?,
                None => self.own_price(s, p, price, market, h, out)?,
            },
            None => self.book_price(s, p, market, h, out)?,
        };
        let steps = steps.into_iter().map(|st| PriceStep { rate: less(st.rate, discount), ..st }).collect::<Vec<_>>();
        let weakest = steps.iter().max_by_key(|st| grade_rank(&st.evidence))?;
        self.note(format!("price of pool {}", *p.name), &weakest.evidence.clone(), weakest.source.clone());
        Some(Tariff {
            unit: h.unit,
            metering: metering(&p.billed),
            steps,
            per_milli,
            per,
            rule: rule.rule,
            sunk: false,
        })
    }

    /// The price book's prices of the pool's instance type.
    fn book_price(
        &mut self,
        s: &Scenario,
        p: &Pool,
        market: Market,
        h: &Hardware<'_>,
        out: &mut Diagnostics,
    ) -> Option<(Vec<PriceStep>, u32, String)> {
        let Some(instance) = h.instance else {
            out.push(
                Diagnostic::error(format!("pool `{}` has no price", *p.name))
                    .at(p.name.at.0, p.name.at.1, "no instance type, and no price of its own")
                    .help("name an `instance` and a `region`, or give a `price`: PerGpu(\"2.50 USD/h\"), PerNode(\"20 USD/h\")")
                    .help("or say what it cost: buy: Owned(capex: 300_000, life: \"1460d\")"),
            );
            return None;
        };
        let Some(region) = &h.region else {
            let regions = self.env.catalog.prices.regions(instance.id, market);
            out.push(
                Diagnostic::error(format!("pool `{}` names an instance type and no region", *p.name))
                    .at(p.name.at.0, p.name.at.1, "prices differ by region")
                    .help(format!("regions with a price: {}", some_of(&regions))),
            );
            return None;
        };
        let steps = self.schedule(s, instance, region, market, out)?;
        let (per_milli, per) = whole_node(h, out, p)?;
        Some((steps, per_milli, per))
    }

    /// A price that the scenario states.
    fn own_price(
        &mut self,
        s: &Scenario,
        p: &Pool,
        price: &Spanned<Price>,
        market: Market,
        h: &Hardware<'_>,
        out: &mut Diagnostics,
    ) -> Option<(Vec<PriceStep>, u32, String)> {
        let step = |rate: Rate| {
            vec![PriceStep {
                from: SimTime::ZERO,
                rate,
                source: "stated in the scenario".to_owned(),
                evidence: Evidence::Prior.key().to_owned(),
            }]
        };
        let wrong = |unit: &str, out: &mut Diagnostics| {
            out.push(
                Diagnostic::error(format!("pool `{}` is counted in {unit}, not in what this price is for", *p.name))
                    .at(price.at.0, price.at.1, "this price")
                    .help("PerGpu for nodes with GPUs, PerCore for nodes without, PerNode for either"),
            );
        };
        match &price.value {
            Price::PerNode(rate) => {
                let (per_milli, per) = whole_node(h, out, p)?;
                Some((step(*rate), per_milli, per))
            }
            Price::PerGpu(rate) if h.unit == Unit::Gpu => Some((step(*rate), 1000, "GPU".to_owned())),
            Price::PerCore(rate) if h.unit == Unit::Cpu => Some((step(*rate), 1000, "core".to_owned())),
            // Resolved before, see `price_path`.
            Price::Path(_) => None,
            Price::PerGpuOf(stand_in) if h.unit == Unit::Gpu => self.stand_in(s, stand_in, market, out),
            _ => {
                wrong(if h.unit == Unit::Gpu { "GPUs" } else { "cores" }, out);
                None
            }
        }
    }

    /// The price of a pool that follows a history, over the run, and where it comes from; `Some(None)` where it does not.
    #[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
    pub fn price_path(&mut self, p: &Pool, out: &mut Diagnostics) -> Option<Option<(PricePath, String, Evidence)>> {
        let Some(Price::Path(h)) = p.price.as_ref().map(|p| &p.value) else { return Some(None) };
        let (paths, points) = self.env.prices(&h.files, out)?;
        let at = h.files.first().map_or(h.files.at, |f| f.at);
        let Some(zone) = h.zone.as_ref().or(p.zone.as_ref()) else {
            out.push(
                Diagnostic::error(format!("of which zone are the prices of pool `{}`?", *p.name))
                    .at(at.0, at.1, "prices differ by zone")
                    .help(format!("give the pool a zone, or the history: zone: {:?}", zones(&points, None))),
            );
            return None;
        };
        let instance = h.instance.as_ref().or(p.instance.as_ref());
        let of_type = |q: &&PricePoint| instance.is_none_or(|i| q.instance.eq_ignore_ascii_case(i));
        // Change points by tick do not say what runs on the machine.
        let of_product = |q: &&PricePoint| q.product.is_empty() || q.product == h.product;
        let here = |q: &&PricePoint| q.zone.eq_ignore_ascii_case(zone);
        let mut mine: Vec<&PricePoint> = points.iter().filter(here).filter(of_type).filter(of_product).collect();
        mine.sort_by_key(|q| q.at);
        let (Some(first), Some(last)) = (mine.first(), mine.last()) else {
            let mut types: Vec<&str> = points.iter().map(|q| q.instance.as_str()).collect();
            types.sort_unstable();
            types.dedup();
            let of = instance.map_or_else(String::new, |i| format!(" of {}", **i));
            out.push(
                Diagnostic::error(format!("the history has no price{of} in {}", **zone))
                    .at(at.0, at.1, "nothing to lay over the run")
                    .help(format!("it has the types {} in the zones {}", types.join(", "), zones(&points, instance)))
                    .help("name what you mean: Path(files: […], zone: …, instance: …, product: …)"),
            );
            return None;
        };
        let from = match h.aligned {
            Aligned::FromStart => first.at,
            Aligned::Dated => self.epoch.timestamp(),
        };
        let length = Duration(self.end().0);
        let end = from.checked_add(jiff::SignedDuration::from_nanos(length.0 as i64)).unwrap_or(from);
        if last.at < from || first.at >= end {
            out.push(
                Diagnostic::error(format!(
                    "the history goes from {} to {}, and the run from {} to {}",
                    day(first.at),
                    day(last.at),
                    day(from),
                    day(end)
                ))
                .at(at.0, at.1, "not of the time of the run")
                .help("lay its beginning over the run's: aligned: FromStart"),
            );
            return None;
        }
        if last.at < end && h.aligned == Aligned::FromStart {
            self.env.notices.push(format!(
                "the price history of pool {} ends on {}, before the run does: its last price stays",
                *p.name,
                day(last.at)
            ));
        }
        let path = PricePath::of_history(mine.iter().copied(), from, length)?;
        let files: Vec<String> =
            paths.iter().filter_map(|p| p.file_name().map(|f| f.to_string_lossy().into_owned())).collect();
        let laid = if h.aligned == Aligned::Dated { "by date" } else { "from the run's start" };
        // Another type's prices, or another time's, stand in.
        let own = h.instance.as_ref().is_none_or(|i| p.instance.as_ref().is_some_and(|o| o.eq_ignore_ascii_case(i)));
        let grade = if own && h.aligned == Aligned::Dated { Evidence::Measured } else { Evidence::Guess };
        let of = h.instance.as_ref().filter(|_| !own).map_or_else(String::new, |i| format!(" of {}", **i));
        Some(Some((path, format!("{}{of}, {}, laid {laid}", files.join(", "), **zone), grade)))
    }

    /// An instance type's price per GPU.
    fn stand_in(
        &mut self,
        s: &Scenario,
        like: &StandIn,
        market: Market,
        out: &mut Diagnostics,
    ) -> Option<(Vec<PriceStep>, u32, String)> {
        let catalog = self.env.catalog.clone();
        let instance = match catalog.instance(&like.instance) {
            Ok(i) => i,
            Err(e) => {
                out.push(placed(&e, &like.instance));
                return None;
            }
        };
        if instance.gpu_count() == 0 {
            out.push(Diagnostic::error(format!("`{}` has no GPU to take a price per GPU from", instance.name)).at(
                like.instance.at.0,
                like.instance.at.1,
                "no GPU",
            ));
            return None;
        }
        let mut steps = self.schedule(s, instance, &like.region, market, out)?;
        for st in &mut steps {
            st.source = format!("stand-in: {} of {} GPUs; {}", instance.name, instance.gpu_count(), st.source);
            Evidence::Guess.key().clone_into(&mut st.evidence);
        }
        let n = instance.gpu_count();
        let per = format!("{n} GPUs, as one {}", instance.name);
        Some((steps, 1000 * n, if n == 1 { "GPU".to_owned() } else { per }))
    }

    /// The dated prices in force from the epoch to the end.
    fn schedule(
        &self,
        s: &Scenario,
        instance: &Instance,
        region: &Spanned<String>,
        market: Market,
        out: &mut Diagnostics,
    ) -> Option<Vec<PriceStep>> {
        let book = &self.env.catalog;
        let region_name = instance.provider.region_of_zone(region).to_owned();
        let source = |row: &PriceRow| {
            let src = book.sources.get(row.source);
            format!("{}, {}", src.title, row.from)
        };
        let step = |from: SimTime, row: &PriceRow| PriceStep {
            from,
            rate: row.rate,
            source: source(row),
            evidence: row.evidence.key().to_owned(),
        };
        let result = match &s.prices {
            PricesAt::On(date) => {
                book.price(instance, &region_name, market, **date).map(|q| vec![step(SimTime::ZERO, &q.row)])
            }
            PricesAt::InForce => {
                let days = (self.end().0 / 86_400_000_000_000) as i64 + 1;
                let from = self.epoch.date();
                let to = from.saturating_add(jiff::Span::new().days(days.min(20_000)));
                book.schedule_between(instance, &region_name, market, from, to).map(|steps| {
                    steps
                        .iter()
                        .enumerate()
                        .map(|(i, st)| {
                            let at = st.from.to_zoned(self.start.time_zone().clone());
                            let from =
                                if i == 0 { SimTime::ZERO } else { at.map_or(SimTime::ZERO, |z| self.clock(&z)) };
                            step(from, &st.row)
                        })
                        .collect()
                })
            }
        };
        let refused = |e: &LookupError| {
            let d = placed(e, region).help("or state it here: price: PerNode(\"3.06 USD/h\")");
            match e {
                LookupError::BeforeFirst { first, .. } => {
                    d.help(format!("or take the prices of one date throughout: prices: On(\"{first}\")"))
                }
                _ => d,
            }
        };
        result.map_err(|e| out.push(refused(&e))).ok()
    }

    /// Bought hardware.
    fn owned(&mut self, p: &Pool, o: &Owned, h: &Hardware<'_>, out: &mut Diagnostics) -> Option<Tariff> {
        let (per_milli, per) = whole_node(h, out, p)?;
        if o.capex.0 < 0 {
            out.push(
                Diagnostic::error(format!("pool `{}`: a node cannot have cost {} USD", *p.name, *o.capex))
                    .at(o.capex.at.0, o.capex.at.1, "must not be negative")
                    .help("0 is allowed for what is paid off"),
            );
            return None;
        }
        let months = o.life.0 / (730 * 3_600_000_000_000);
        let salvage = Usd(o.capex.0 * i128::from(o.salvage.ppm()) / 1_000_000);
        let pue = p.pue.map_or_else(|| energy::pue(Provider::Own).value, |v| *v);
        let machine = crate::catalog::Owned {
            capex: *o.capex,
            life_months: u32::try_from(months).unwrap_or(u32::MAX),
            salvage,
            power_w: o.power.map_or(0.0, |w| w.0),
            operations: o.operations,
            pue,
            tariff: Usd(o.tariff.0),
        };
        let rate = match machine.rate() {
            Ok(r) => r,
            Err(e) => {
                out.push(
                    Diagnostic::error(format!("pool `{}`: {e}", *p.name))
                        .at(o.life.at.0, o.life.at.1, "over which it is written off")
                        .help("for example life: \"1460d\" for four years"),
                );
                return None;
            }
        };
        let source = format!("straight-line over {months} months of 730 h, stated in the scenario");
        self.note(format!("price of pool {}", *p.name), "prior", source.clone());
        Some(Tariff {
            unit: h.unit,
            metering: metering(&p.billed),
            steps: vec![PriceStep { from: SimTime::ZERO, rate: rate.total(), source, evidence: "prior".to_owned() }],
            per_milli,
            per,
            rule: BillingRule::EXACT,
            sunk: true,
        })
    }

    /// Control-plane fees.
    pub fn fees(&mut self, s: &Scenario, out: &mut Diagnostics) -> Vec<Fee> {
        let mut fees = Vec::new();
        for c in &s.clusters {
            let provider = match c.provider.to_ascii_lowercase().as_str() {
                "aws" | "eks" => Provider::Aws,
                "gcp" | "gke" => Provider::Gcp,
                "azure" | "aks" => Provider::Azure,
                other => {
                    out.push(
                        Diagnostic::error(format!("`{other}` is not a provider of managed clusters"))
                            .at(c.provider.at.0, c.provider.at.1, "not known")
                            .help("one of aws, gcp, azure"),
                    );
                    continue;
                }
            };
            match crate::catalog::fees::control_plane(provider, &c.tier, self.start.date()) {
                Ok(f) => fees.push(Fee {
                    name: format!("{} control plane ({}×)", provider.key(), c.count),
                    rate: Rate(f.rate.0 * i128::from(c.count)),
                    source: format!("{}, {}", f.source, f.from),
                    evidence: f.evidence.key().to_owned(),
                }),
                Err(e) => out.push(Diagnostic::error(e.to_string()).at(
                    c.tier.at.0,
                    c.tier.at.1,
                    "not a tier of this provider",
                )),
            }
        }
        fees
    }
}

/// The zones of a history, of one type.
fn zones(points: &[PricePoint], instance: Option<&Spanned<String>>) -> String {
    let of = |q: &&PricePoint| instance.is_none_or(|i| q.instance.eq_ignore_ascii_case(i));
    let mut all: Vec<&str> = points.iter().filter(of).map(|q| q.zone.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() { "none".to_owned() } else { some_of(&all) }
}

fn day(at: jiff::Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A path as the steps of a tariff, per node.
fn path_price(
    p: &Pool,
    path: &PricePath,
    source: &str,
    grade: Evidence,
    h: &Hardware<'_>,
    out: &mut Diagnostics,
) -> Option<(Vec<PriceStep>, u32, String)> {
    let (per_milli, per) = whole_node(h, out, p)?;
    let step = |(from, rate): &(Duration, Rate)| PriceStep {
        from: SimTime(from.0),
        rate: *rate,
        source: source.to_owned(),
        evidence: grade.key().to_owned(),
    };
    Some((path.steps().iter().map(step).collect(), per_milli, per))
}

fn metering(b: &Billed) -> Metering {
    match b {
        Billed::Nodes => Metering::Nodes,
        Billed::Pods => Metering::Pods,
    }
}

/// A rate for a whole node as milli-units and words; an error where the pool's nodes differ.
fn whole_node(h: &Hardware<'_>, out: &mut Diagnostics, p: &Pool) -> Option<(u32, String)> {
    match (h.unit, h.gpus, h.cpu_milli) {
        (Unit::Gpu, Some(1), _) => Some((1000, "node of 1 GPU".to_owned())),
        (Unit::Gpu, Some(n), _) => Some((1000 * n, format!("node of {n} GPUs"))),
        (Unit::Cpu, _, Some(c)) => Some((c, format!("node of {} cores", f64::from(c) / 1000.0))),
        _ => {
            out.push(
                Diagnostic::error(format!(
                    "the nodes of pool `{}` differ, so a price per node says too little",
                    *p.name
                ))
                .at(p.name.at.0, p.name.at.1, "nodes of different sizes")
                .help("give a price per GPU: PerGpu(\"2.50 USD/h\") or PerGpuOf(instance: …, region: …)"),
            );
            None
        }
    }
}

/// A rate less a share of it, to the pico-dollar below.
fn less(rate: Rate, discount: Fraction) -> Rate {
    Rate(rate.0 - rate.0 * i128::from(discount.ppm()) / 1_000_000)
}

fn grade_rank(key: &str) -> usize {
    ["measured", "fitted", "prior", "guess"].iter().position(|g| *g == key).unwrap_or(3)
}

/// A failed look-up with the place of the word that was looked up.
pub(super) fn placed(e: &LookupError, word: &Spanned<String>) -> Diagnostic {
    let mut d = e.to_diagnostic();
    d.at = Some((word.at.0, word.at.1));
    if d.label.is_empty() {
        "here".clone_into(&mut d.label);
    }
    d
}

/// A list cut to what one reads.
pub(super) fn some_of(words: &[&str]) -> String {
    if words.len() <= 12 {
        return words.join(", ");
    }
    format!("{}, … ({} in all)", words[..12].join(", "), words.len())
}
