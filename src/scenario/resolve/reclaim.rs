//! Why and when a spot pool's nodes are taken back.

use std::path::PathBuf;
use std::sync::Arc;

use super::context::{Context, PoolFacts};
use super::laws;
use super::supply::per_hour;
use crate::catalog::{Market, Provider};
use crate::formats::Place;
use crate::kernel::{Dist, Streams};
use crate::market::advisor::{Feed, LABELS, hazard_of_share, of_advice};
use crate::market::lifetime::empirical;
use crate::market::{Bathtub, Calendar, CalendarShape, Cause, Lifetime, Offset, OnOff, PricePath, Replay, ReplayError};
use crate::scenario::decode::Spanned;
use crate::scenario::file::fleet::Pool;
use crate::scenario::file::market as shape;
use crate::units::{Diagnostic, Diagnostics, Duration, Rate};

/// What takes a pool's nodes, and beside each replay the folder of its trace.
#[derive(Default)]
pub(super) struct Reclaims {
    pub lifetimes: Vec<(Lifetime, Cause)>,
    /// Beside each lifetime, where it was written.
    pub places: Vec<Place>,
    pub replays: Vec<(Replay, Cause)>,
    pub folders: Vec<Option<PathBuf>>,
}

impl Reclaims {
    pub fn is_empty(&self) -> bool {
        self.lifetimes.is_empty() && self.replays.is_empty()
    }
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned())
}

impl Context<'_, '_> {
    /// All causes together; every fault is told.
    pub fn reclaims(
        &mut self,
        p: &Pool,
        list: &[Spanned<shape::Reclaim>],
        facts: &PoolFacts,
        price: Option<&PricePath>,
        out: &mut Diagnostics,
    ) -> Option<Reclaims> {
        let mut all = Reclaims::default();
        let mut whole = true;
        for r in list {
            whole &= self.reclaim(p, r, facts, price, &mut all, out).is_some();
        }
        whole.then_some(all)
    }

    fn reclaim(
        &mut self,
        p: &Pool,
        r: &Spanned<shape::Reclaim>,
        facts: &PoolFacts,
        price: Option<&PricePath>,
        all: &mut Reclaims,
        out: &mut Diagnostics,
    ) -> Option<()> {
        let stated = "stated in the scenario";
        match &r.value {
            shape::Reclaim::Lifetime(l) => {
                let law = laws::hours(l, out)?;
                self.reclaims_of(p, "prior", stated);
                all.lifetimes.push((Lifetime::Law(law), Cause::Capacity));
            }
            shape::Reclaim::Empirical(l) => {
                let law = self.empirical(p, l, out)?;
                all.lifetimes.push((Lifetime::Law(law), Cause::Capacity));
            }
            shape::Reclaim::Calendar(c) => {
                let law = self.calendar(c, out)?;
                self.reclaims_of(p, "prior", stated);
                all.lifetimes.push((Lifetime::Calendar(law), Cause::Capacity));
            }
            shape::Reclaim::Bathtub(b) => {
                let law = bathtub(b, out)?;
                self.reclaims_of(p, "prior", stated);
                all.lifetimes.push((Lifetime::Bathtub(law), Cause::Capacity));
            }
            shape::Reclaim::MaxLifetime(d) => {
                if d.0 == 0 {
                    out.push(
                        Diagnostic::error("nodes that live for no time")
                            .at(d.at.0, d.at.1, "above 0")
                            .help("for example MaxLifetime(\"24h\"); leave it out where there is no limit"),
                    );
                    return None;
                }
                let law = Dist::constant(d.as_hours_f64()).ok()?;
                all.lifetimes.push((Lifetime::Law(law), Cause::MaxLifetime));
            }
            shape::Reclaim::Replay(t) => {
                let (replay, folder) = self.replay(p, t, out)?;
                all.replays.push((replay, Cause::Capacity));
                all.folders.push(Some(folder));
            }
            shape::Reclaim::UpDown(m) => {
                let replay = self.up_down(p, m, r.at, facts, out)?;
                self.reclaims_of(p, "prior", stated);
                all.replays.push((replay, Cause::Capacity));
                all.folders.push(None);
            }
            shape::Reclaim::PriceCrossing(b) => {
                let replay = self.crossing(p, b, r.at, facts, price, out)?;
                all.replays.push((replay, Cause::Price));
                all.folders.push(None);
            }
            shape::Reclaim::Advisor(a) => {
                let law = self.advised(p, a, r.at, facts, out)?;
                all.lifetimes.push((Lifetime::Law(law), Cause::Capacity));
            }
        }
        all.places.resize(all.lifetimes.len(), r.at);
        Some(())
    }

    fn reclaims_of(&mut self, p: &Pool, grade: &str, source: impl Into<String>) {
        self.note(format!("reclaims of pool {}", *p.name), grade, source);
    }

    /// What was measured, and whether it was measured on this.
    fn measured(&mut self, p: &Pool, file: &str, on: Option<&String>) {
        match on {
            Some(on) => self.reclaims_of(p, "guess", format!("{file}, measured on {on}, stands in")),
            None => self.reclaims_of(p, "measured", file),
        }
    }

    fn empirical(&mut self, p: &Pool, l: &shape::LifeLog, out: &mut Diagnostics) -> Option<Dist> {
        let (path, log) = self.env.lives(l, out)?;
        let Some(law) = empirical(log.of_kind(&l.kind)) else {
            let mut kinds: Vec<&str> = log.lives.iter().map(|l| l.kind.as_str()).filter(|k| !k.is_empty()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            let mut d = Diagnostic::error(format!("`{}` has no instance that was taken", l.file.value)).at(
                l.file.at.0,
                l.file.at.1,
                "no lives to draw from",
            );
            if !kinds.is_empty() {
                d = d.help(format!("its kinds are {}", kinds.join(", ")));
            }
            out.push(d);
            return None;
        };
        self.measured(p, &format!("lives of {}", file_name(&path)), l.measured_on.as_ref());
        Some(law)
    }

    fn calendar(&self, c: &shape::CalendarHazard, out: &mut Diagnostics) -> Option<Calendar> {
        let per_hour = per_hour(&c.per_hour, "reclaims", out)?;
        let at = c.shape.at;
        let shape = match &c.shape.value {
            shape::ClockShape::Sinusoid(w) if !(0.0..=24.0).contains(&*w.phase) => {
                out.push(
                    Diagnostic::error(format!("hour {} is not within the day", *w.phase))
                        .at(w.phase.at.0, w.phase.at.1, "from 0 to 24")
                        .help("the hour at which the hazard rises through its mean: 8 for one that peaks at 14"),
                );
                return None;
            }
            shape::ClockShape::Sinusoid(w) => {
                CalendarShape::Sinusoid { amplitude: w.amplitude.get(), phase_h: *w.phase }
            }
            shape::ClockShape::Hours(f) => {
                let fine = f.iter().all(|x| *x >= 0.0) && f.iter().any(|x| *x > 0.0);
                if !matches!(f.len(), 24 | 168) || !fine {
                    out.push(
                        Diagnostic::error(format!("{} factors do not make a day or a week", f.len()))
                            .at(at.0, at.1, "24 or 168 factors of 0 or more, not all 0")
                            .help("one for each hour of the day, or of the week from Monday midnight"),
                    );
                    return None;
                }
                CalendarShape::Hours(f.clone())
            }
        };
        let clock = self.epoch.time();
        let hour = f64::from(clock.hour()) + f64::from(clock.minute()) / 60.0 + f64::from(clock.second()) / 3600.0;
        let day = f64::from(self.epoch.weekday().to_monday_zero_offset());
        Some(Calendar { per_hour, shape, epoch_hour: 24.0 * day + hour })
    }

    fn replay(&mut self, p: &Pool, t: &shape::ReplayTrace, out: &mut Diagnostics) -> Option<(Replay, PathBuf)> {
        let (path, trace) = self.env.availability(t, out)?;
        let offset = match &*t.offset {
            shape::TraceOffset::Fixed(d) => Offset::Fixed(*d),
            shape::TraceOffset::Stride(d) if d.0 == 0 => {
                out.push(
                    Diagnostic::error("a stride of nothing: every replication would begin at the same place")
                        .at(d.at.0, d.at.1, "above 0")
                        .help("for example Stride(\"12h\"), or Fixed(\"0s\") if that is meant"),
                );
                return None;
            }
            shape::TraceOffset::Stride(d) => Offset::Stride(**d),
            shape::TraceOffset::Random => Offset::Random,
        };
        let replay = Replay { trace: trace.clone(), offset, wrap: t.wrap, nodes_per_unit: t.nodes_per_unit.get() };
        let need = Duration(self.end().0);
        match replay.check(need) {
            Ok(()) => {}
            Err(e @ ReplayError::OffEnd { .. }) => {
                out.push(
                    Diagnostic::error(e.to_string())
                        .at(t.file.at.0, t.file.at.1, format!("{} long", trace.length()))
                        .help("let it begin again after its end: wrap: true")
                        .help(format!(
                            "or shorten the run: it takes the warm-up and the horizon, {} and {}",
                            self.warmup, self.horizon
                        )),
                );
                return None;
            }
            Err(e) => {
                out.push(Diagnostic::error(e.to_string()).at(t.file.at.0, t.file.at.1, "nothing to replay"));
                return None;
            }
        }
        if trace.max() == 0 {
            out.push(
                Diagnostic::warning(format!("`{}` never offers a node", t.file.value))
                    .at(t.file.at.0, t.file.at.1, "always 0")
                    .help("is its polarity the right one?"),
            );
        }
        self.measured(p, &format!("trace {}", file_name(&path)), t.measured_on.as_ref());
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        Some((replay, folder))
    }

    /// A made-up market, long enough that replications meet different parts of it.
    fn up_down(
        &self,
        p: &Pool,
        m: &shape::UpDownMarket,
        at: Place,
        facts: &PoolFacts,
        out: &mut Diagnostics,
    ) -> Option<Replay> {
        const RUNS: u64 = 100;
        let (up, down) = (laws::hours(&m.up, out)?, laws::hours(&m.down, out)?);
        let law = match OnOff::new(up, down) {
            Ok(law) => law,
            Err(e) => {
                out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "these lengths"));
                return None;
            }
        };
        let need = Duration(self.end().0);
        let turns = need.as_hours_f64() * RUNS as f64 / (law.laws().0.mean() + law.laws().1.mean());
        if turns > 1e6 {
            out.push(
                Diagnostic::error(format!("the market of pool `{}` would change {turns:.0} times", *p.name))
                    .at(at.0, at.1, "lengths far too short for such a horizon")
                    .help("check their units"),
            );
            return None;
        }
        let length = Duration(need.0.saturating_mul(RUNS));
        let mut luck = Streams::new(self.seed, 0).stream("market", p.name.as_str(), 0);
        let trace = Arc::new(law.path(length, m.tick, &mut luck));
        Some(Replay { trace, offset: Offset::Random, wrap: true, nodes_per_unit: facts.nodes })
    }

    fn crossing(
        &mut self,
        p: &Pool,
        b: &shape::Bid,
        at: Place,
        facts: &PoolFacts,
        price: Option<&PricePath>,
        out: &mut Diagnostics,
    ) -> Option<Replay> {
        let Some(path) = price else {
            out.push(
                Diagnostic::error(format!("the price of pool `{}` never crosses a bid: it is not a path", *p.name))
                    .at(at.0, at.1, "needs a price that changes")
                    .help("give the pool a history: price: Path(files: [\"history.json\"])"),
            );
            return None;
        };
        let bid: Rate = match &b.bid {
            Some(bid) => **bid,
            None => self.on_demand_price(p, facts, at, out)?,
        };
        let least = path.steps().iter().map(|s| s.1).min()?;
        if bid < least {
            out.push(
                Diagnostic::warning(format!(
                    "the bid of pool `{}` ({} USD/h) is below every price: it never gets a node",
                    *p.name,
                    bid.to_f64()
                ))
                .at(at.0, at.1, format!("the lowest price is {} USD/h", least.to_f64())),
            );
        }
        let trace = Arc::new(path.under(bid, facts.nodes));
        Some(Replay { trace, offset: Offset::Fixed(Duration::ZERO), wrap: false, nodes_per_unit: 1 })
    }

    /// The on-demand price of the pool's type when the run begins: what AWS bids where nothing is said.
    fn on_demand_price(&self, p: &Pool, facts: &PoolFacts, at: Place, out: &mut Diagnostics) -> Option<Rate> {
        let found = p.instance.as_ref().zip(facts.region.as_ref()).and_then(|(word, region)| {
            let i = self.env.catalog.instance(word).ok()?;
            self.env.catalog.price(i, region, Market::OnDemand, self.priced).ok()
        });
        if found.is_none() {
            out.push(
                Diagnostic::error(format!("pool `{}` has no on-demand price to bid", *p.name))
                    .at(at.0, at.1, "no bid is given")
                    .help("state one per node: PriceCrossing(bid: \"3.06 USD/h\")"),
            );
        }
        found.map(|q| q.rate)
    }

    fn advised(
        &mut self,
        p: &Pool,
        a: &shape::AdvisorHazard,
        at: Place,
        facts: &PoolFacts,
        out: &mut Diagnostics,
    ) -> Option<Dist> {
        let gpu = facts.device.is_some();
        let exposure_h = a.exposure.as_hours_f64();
        if exposure_h <= 0.0 {
            out.push(
                Diagnostic::error("an exposure of no time")
                    .at(a.exposure.at.0, a.exposure.at.1, "above 0")
                    .help("730h is a whole month"),
            );
            return None;
        }
        let feed = if facts.provider == Provider::Azure { Feed::AzureHourly } else { Feed::AwsMonthly { exposure_h } };
        let (hazard, source) = if let Some(share) = &a.share {
            if !(0.0..1.0).contains(&share.get()) || share.get() == 0.0 {
                out.push(Diagnostic::error("a share of interrupted instances of 0% or 100% makes no hazard").at(
                    share.at.0,
                    share.at.1,
                    "above 0% and below 100%",
                ));
                return None;
            }
            (hazard_of_share(share.get(), feed, gpu), "a share stated in the scenario".to_owned())
        } else {
            let instance = p.instance.as_ref().and_then(|w| self.env.catalog.instance(w).ok());
            let advice = instance.zip(facts.region.as_ref()).and_then(|(i, r)| self.env.catalog.prices.advice(i.id, r));
            let Some(advice) = advice else {
                out.push(
                    Diagnostic::error(format!("the Spot Advisor table says nothing of pool `{}`", *p.name))
                        .at(at.0, at.1, "no share is given, and none is known")
                        .help("it knows AWS instance types in AWS regions; else give one: Advisor(share: \"7.5%\")"),
                );
                return None;
            };
            let bucket = LABELS[usize::from(advice.interruption_bucket).min(LABELS.len() - 1)];
            (of_advice(advice, exposure_h, gpu), format!("Spot Advisor bucket {bucket}"))
        };
        if let Some(w) = &hazard.warning {
            out.push(Diagnostic::warning(w.clone()).at(at.0, at.1, format!("in pool `{}`", *p.name)));
        }
        let exposure = format!("{source}, read with {} h of exposure", hazard.exposure_h);
        self.reclaims_of(p, "guess", exposure);
        Dist::exponential(hazard.mean_hours()).ok()
    }
}

fn bathtub(b: &shape::BathtubLaw, out: &mut Diagnostics) -> Option<Bathtub> {
    if !(*b.a > 0.0 && *b.a <= 1.0) {
        out.push(Diagnostic::error(format!("a share of {} that is taken early", *b.a)).at(
            b.a.at.0,
            b.a.at.1,
            "above 0, at most 1",
        ));
        return None;
    }
    for (name, d) in [("tau1", &b.tau1), ("tau2", &b.tau2)] {
        if d.0 == 0 {
            out.push(Diagnostic::error(format!("`{name}` of no time")).at(d.at.0, d.at.1, "above 0"));
            return None;
        }
    }
    Some(Bathtub {
        a: *b.a,
        tau1_h: b.tau1.as_hours_f64(),
        tau2_h: b.tau2.as_hours_f64(),
        b_h: b.b.as_hours_f64(),
        cap_h: b.cap.map(Duration::as_hours_f64),
    })
}
