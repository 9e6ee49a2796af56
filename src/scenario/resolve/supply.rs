//! How a pool's nodes come and go: launches, failing hardware, notices; and what several pools lose together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::context::{Context, PoolFacts};
use super::laws;
use super::reclaim::Reclaims;
use crate::catalog::Provider;
use crate::kernel::Dist;
use crate::market::hardware::{PRESETS, preset};
use crate::market::{
    Backoff, Cause, Early, Hardware, Kill, Launch, LaunchFailure, Lemons, Lifetime, Notice, OnOff, Shock, hours, replay,
};
use crate::scenario::decode::{Names, Spanned, all_defaults};
use crate::scenario::file::Scenario;
use crate::scenario::file::fleet::{Nodes, Pool};
use crate::scenario::file::market as shape;
use crate::scenario::file::money::Buy;
use crate::scenario::model::{self, Staffing, Supply};
use crate::units::{Diagnostic, Diagnostics, Duration, nearest};

/// A rate per hour that can be: from 0, and below one in a millisecond.
pub(super) fn per_hour(rate: &Spanned<f64>, what: &str, out: &mut Diagnostics) -> Option<f64> {
    if (0.0..=3.6e6).contains(&**rate) {
        return Some(**rate);
    }
    out.push(
        Diagnostic::error(format!("{} {what} an hour are not possible", **rate))
            .at(rate.at.0, rate.at.1, "from 0 to 3,600,000")
            .help("for example 0.01: one in a hundred hours"),
    );
    None
}

impl Context<'_, '_> {
    /// How a pool's nodes come and go, and the folders of its traces; `Some(None)` where they stay.
    #[expect(clippy::option_option, reason = "the outer None is a fault that has been reported")]
    pub fn supply(
        &mut self,
        p: &Pool,
        facts: &PoolFacts,
        price: Option<&crate::market::PricePath>,
        out: &mut Diagnostics,
    ) -> Option<Option<(Supply, Vec<Option<PathBuf>>)>> {
        let staffing = match &p.nodes {
            Nodes::OnRequest(_) => Staffing::OnRequest,
            Nodes::Scaled(n) => Staffing::Scaled { min: n.min, initial: n.initial.map_or(n.min, |i| *i) },
            Nodes::Fixed(_) | Nodes::Openb(_) => Staffing::Standing,
        };
        // Nodes that somebody launches as they are wanted.
        let on_request = staffing != Staffing::Standing;
        let spot = match &p.buy {
            Buy::Spot(s) => Some(s),
            Buy::OnDemand(_) => None,
            Buy::Owned(_) if on_request => {
                out.push(
                    Diagnostic::error(format!("pool `{}` is bought hardware, and nobody launches that", *p.name))
                        .at(p.name.at.0, p.name.at.1, "owned, with nodes that are launched")
                        .help("write nodes: Fixed(…) for hardware, or buy: OnDemand or Spot"),
                );
                return None;
            }
            Buy::Owned(_) => None,
        };
        if *p.spares > 0 && (on_request || *p.spares >= facts.nodes) {
            let why =
                if on_request { "nodes on request are never spare".to_owned() } else { format!("of {}", facts.nodes) };
            out.push(
                Diagnostic::error(format!("pool `{}` cannot keep {} spares", *p.name, *p.spares))
                    .at(p.spares.at.0, p.spares.at.1, why)
                    .help("spares are some of the pool's own nodes: fewer than `nodes`, which must be Fixed"),
            );
            return None;
        }
        let reclaims = match spot {
            Some(s) => self.reclaims(p, &s.reclaim, facts, price, out)?,
            None => Reclaims::default(),
        };
        let hardware = match &p.hardware {
            Some(h) => Some(self.hardware(p, h, facts, out)?),
            None => None,
        };
        let stays = reclaims.is_empty() && hardware.is_none() && p.launch.is_none() && *p.spares == 0;
        if !on_request && stays {
            return Some(None);
        }
        // Nodes that only fail are mended, not launched.
        let launch = self.launch(p, on_request || !reclaims.is_empty(), out)?;
        let notice = match spot {
            Some(s) => self.notice(p, s.notice.as_ref(), facts, &reclaims, out)?,
            None => Notice::NONE,
        };
        let Reclaims { lifetimes, replays, folders, .. } = reclaims;
        let supply =
            Supply { staffing, spot: spot.is_some(), lifetimes, replays, launch, notice, hardware, spares: *p.spares };
        Some(Some((supply, folders)))
    }

    fn launch(&mut self, p: &Pool, launched: bool, out: &mut Diagnostics) -> Option<Launch> {
        let taken: Spanned<shape::Launching>;
        let l = match &p.launch {
            Some(l) => l,
            None => {
                if launched {
                    self.note(format!("boot time of pool {}", *p.name), "guess", "two minutes, by default");
                }
                taken = Spanned { value: all_defaults(), at: p.name.at };
                &taken
            }
        };
        let boot = laws::length(&l.boot, l.boot.at, out)?;
        let fail = match &*l.fail {
            shape::LaunchFails::Never => LaunchFailure::Never,
            shape::LaunchFails::Chance(f) if f.get() >= 1.0 => {
                out.push(
                    Diagnostic::error(format!("every launch in pool `{}` fails", *p.name))
                        .at(l.fail.at.0, l.fail.at.1, "nothing can ever be launched")
                        .help("give a chance below 100%, or leave the pool out"),
                );
                return None;
            }
            shape::LaunchFails::Chance(f) => LaunchFailure::Chance(f.get()),
            shape::LaunchFails::OnOff(s) => {
                let (up, down) = (laws::hours(&s.up, out)?, laws::hours(&s.down, out)?);
                match OnOff::new(up, down) {
                    Ok(o) => LaunchFailure::OnOff(o),
                    Err(e) => {
                        out.push(Diagnostic::error(e.to_string()).at(l.fail.at.0, l.fail.at.1, "these lengths"));
                        return None;
                    }
                }
            }
        };
        let b = &l.backoff;
        if !(b.factor.is_finite() && b.factor >= 1.0) || b.first > b.max {
            out.push(
                Diagnostic::error(
                    "waits between attempts must not shrink, and the first must not be above the longest",
                )
                .at(b.at.0, b.at.1, "these waits")
                .help("for example backoff: (first: \"60s\", factor: 1.6, max: \"5m\")"),
            );
            return None;
        }
        let backoff = Backoff { first: b.first, factor: b.factor, max: b.max, jitter: b.jitter.get() };
        Some(Launch {
            fail,
            fail_latency: l.fail_latency,
            backoff,
            unavailable_for: l.unavailable_for,
            quota: l.quota,
            boot,
        })
    }

    fn hardware(
        &mut self,
        p: &Pool,
        h: &Spanned<shape::FailingHardware>,
        facts: &PoolFacts,
        out: &mut Diagnostics,
    ) -> Option<Hardware> {
        let rate = &h.gpu_hours_per_failure;
        let by_gpu = |gpu_hours: f64, out: &mut Diagnostics| match facts.gpus {
            Some(n) if n > 0 => Some(gpu_hours / f64::from(n)),
            _ => {
                out.push(
                    Diagnostic::error(format!("the nodes of pool `{}` have no GPUs, or differ in them", *p.name))
                        .at(rate.at.0, rate.at.1, "a rate per GPU")
                        .help("give a rate per node: gpu_hours_per_failure: NodeHours(6_000)"),
                );
                None
            }
        };
        let (node_hours, grade, source) = match &rate.value {
            shape::FailureRate::Hours(n) => (by_gpu(*n, out)?, "prior", format!("{n} GPU-hours a failure")),
            shape::FailureRate::NodeHours(n) => (*n, "prior", format!("{n} node-hours a failure")),
            shape::FailureRate::Published(key) => {
                let Some(found) = preset(key) else {
                    let keys = PRESETS.map(|p| p.key);
                    let mut d = Diagnostic::error(format!("no published failure rate is called `{}`", **key)).at(
                        key.at.0,
                        key.at.1,
                        "not known",
                    );
                    if let Some(near) = nearest(key, keys) {
                        d = d.help(format!("did you mean `{near}`?"));
                    }
                    out.push(d.help(format!("there are {}", keys.join(", "))));
                    return None;
                };
                (by_gpu(found.gpu_hours, out)?, found.evidence.key(), found.source.to_owned())
            }
        };
        if !(node_hours.is_finite() && node_hours > 0.0) {
            out.push(
                Diagnostic::error(format!("hardware of pool `{}` that fails every {node_hours} hours", *p.name))
                    .at(rate.at.0, rate.at.1, "must be above 0")
                    .help("for example 50_000 GPU-hours a failure; leave `hardware` out where it never fails"),
            );
            return None;
        }
        let lemons = match &h.lemons {
            None => Lemons::NONE,
            Some(l) if l.factor.is_finite() && *l.factor >= 1.0 && *l.factor <= 1e6 => {
                Lemons { share: l.share.get(), factor: *l.factor }
            }
            Some(l) => {
                out.push(Diagnostic::error(format!("lemons that fail {} times as often", *l.factor)).at(
                    l.factor.at.0,
                    l.factor.at.1,
                    "at least 1, at most 1e6",
                ));
                return None;
            }
        };
        self.note(format!("hardware failures of pool {}", *p.name), grade, source);
        // The stated rate is the fleet's average, lemons included.
        let average = 1.0 + lemons.share * (lemons.factor - 1.0);
        let made = Hardware {
            node_mtbf: hours(node_hours * average),
            lemons,
            reboot_share: h.reboot_share.get(),
            reboot: laws::hours(&h.reboot, out)?,
            replace: laws::hours(&h.replace, out)?,
            billed: h.billed.unwrap_or(matches!(p.buy, Buy::Owned(_))),
            software: None,
        };
        Some(made.with_software_share(h.software.get()))
    }

    fn notice(
        &mut self,
        p: &Pool,
        n: Option<&Spanned<shape::NoticeTime>>,
        facts: &PoolFacts,
        reclaims: &Reclaims,
        out: &mut Diagnostics,
    ) -> Option<Notice> {
        let usual = Notice::of(facts.provider);
        let mut notice = usual.notice;
        let stated = n.is_some_and(|n| n.kill.is_some());
        if let Some(n) = n {
            notice.kill = n.kill.as_ref().map_or(notice.kill, |k| **k);
            notice.detect = n.detect.unwrap_or(notice.detect);
            notice.reserve = n.reserve.unwrap_or(notice.reserve);
            match &n.early {
                None => {}
                Some(shape::EarlySignal::Never) => notice.early = None,
                Some(shape::EarlySignal::Sent(e)) => {
                    let (low, high) = *e.lead;
                    if low > high {
                        out.push(
                            Diagnostic::error(format!("the longest lead ({high}) is below the shortest ({low})"))
                                .at(e.lead.at.0, e.lead.at.1, "the wrong way round")
                                .help("write the shorter one first"),
                        );
                        return None;
                    }
                    notice.early = Some(Early {
                        simultaneous: e.simultaneous.get(),
                        lead: (low, high),
                        false_per_hour: per_hour(&e.false_per_hour, "false signals", out)?,
                    });
                }
            }
        }
        if reclaims.is_empty() {
            return Some(notice);
        }
        if stated {
            self.note(format!("notice of pool {}", *p.name), "prior", "stated in the scenario");
        } else if facts.provider == Provider::Own {
            self.note(format!("notice of pool {}", *p.name), "guess", "none: no provider is known");
        } else {
            self.note(format!("notice of pool {}", *p.name), usual.evidence.key(), usual.source);
        }
        let at = n.map_or(p.name.at, |n| n.kill.as_ref().map_or(n.at, |k| k.at));
        fits(p, &notice, reclaims, at, out);
        Some(notice)
    }

    /// What takes several nodes at once.
    pub fn shocks(&self, s: &Scenario, pools: &Names, out: &mut Diagnostics) -> Vec<Shock> {
        let mut names = Names::new("shock");
        let mut all = Vec::new();
        for shock in &s.shocks {
            names.add(&shock.name, out);
            all.extend(self.shock(shock, pools, out));
        }
        all
    }

    fn shock(&self, k: &shape::ShockProcess, pools: &Names, out: &mut Diagnostics) -> Option<Shock> {
        let named: Option<Vec<usize>> = match &k.pools {
            Some(list) => Some(list.iter().map(|n| pools.find(n, out)).collect::<Option<_>>()?),
            None => None,
        };
        let same = |have: Option<&str>, want: &Option<Spanned<String>>| {
            want.as_ref().is_none_or(|w| have.is_some_and(|h| h.eq_ignore_ascii_case(w)))
        };
        let device = |f: &PoolFacts| {
            k.device.as_ref().is_none_or(|w| {
                let wanted = self.env.catalog.device(w).map(|d| d.name).ok();
                f.device.as_ref().is_some_and(|d| Some(d.name) == wanted || d.name.eq_ignore_ascii_case(w))
            })
        };
        let scope: Vec<u16> = (0..self.facts.len())
            .filter(|i| named.as_ref().is_none_or(|n| n.contains(i)))
            .filter(|i| {
                let f = &self.facts[*i];
                same(f.zone.as_deref(), &k.zone) && same(f.region.as_deref(), &k.region) && device(f)
            })
            .map(|i| i as u16)
            .collect();
        if scope.is_empty() {
            let word = |w: &Option<Spanned<String>>| w.as_ref().map(|w| w.at);
            let at = word(&k.zone).or(word(&k.region)).or(word(&k.device)).unwrap_or(k.name.at);
            let have = |f: fn(&PoolFacts) -> Option<&str>| {
                let mut all: Vec<&str> = self.facts.iter().filter_map(f).collect();
                all.sort_unstable();
                all.dedup();
                if all.is_empty() { "none".to_owned() } else { all.join(", ") }
            };
            out.push(
                Diagnostic::error(format!("no pool lies in the scope of shock `{}`", *k.name))
                    .at(at.0, at.1, "hits nothing")
                    .help(format!(
                        "pools have zones: {}; regions: {}; devices: {}",
                        have(|f| f.zone.as_deref()),
                        have(|f| f.region.as_deref()),
                        have(|f| f.device.as_ref().map(|d| d.name))
                    )),
            );
            return None;
        }
        let kill = match &*k.kill {
            shape::ShockKill::Fraction(f) => Kill::Fraction(f.get()),
            shape::ShockKill::Counts(table) => {
                let sum: f64 = table.iter().map(|(_, w)| **w).sum();
                if !(sum > 0.0 && sum.is_finite() && table.iter().all(|(_, w)| **w >= 0.0)) {
                    out.push(
                        Diagnostic::error(format!("the weights of shock `{}` make no choice", *k.name))
                            .at(k.kill.at.0, k.kill.at.1, "weights of 0 or more, not all 0")
                            .help("for example kill: Counts([(1, 0.7), (4, 0.3)])"),
                    );
                    return None;
                }
                Kill::Counts(table.iter().map(|(n, w)| (*n, **w)).collect())
            }
        };
        let down = match &k.down {
            Some(l) => Some(laws::hours(l, out)?),
            None => None,
        };
        Some(Shock {
            name: k.name.to_string(),
            per_hour: per_hour(&k.per_hour, "shocks", out)?,
            kill,
            pools: scope,
            group: k.group.map(|g| g.get()),
            cause: if down.is_some() { Cause::Hardware } else { Cause::Capacity },
            down,
        })
    }

    /// Cuts traces that were recorded together (files of one folder) to one length, so that one place is one instant in
    /// all of them.
    pub fn align(&mut self, pools: &mut [model::Pool]) {
        let mut groups: BTreeMap<(PathBuf, bool), Vec<(usize, usize)>> = BTreeMap::new();
        for (p, (pool, facts)) in pools.iter().zip(&self.facts).enumerate() {
            let replays = pool.supply.iter().flat_map(|s| &s.replays);
            for (i, ((replay, _), folder)) in replays.zip(&facts.folders).enumerate() {
                if let Some(folder) = folder {
                    groups.entry((folder.clone(), replay.wrap)).or_default().push((p, i));
                }
            }
        }
        for ((folder, _), places) in groups {
            let of = |pools: &[model::Pool], (p, i): (usize, usize)| {
                pools[p].supply.as_ref().map(|s| s.replays[i].0.clone())
            };
            let mut replays: Vec<_> = places.iter().filter_map(|at| of(pools, *at)).collect();
            let longest = replays.iter().map(|r| r.trace.length()).max();
            replay::align(&mut replays);
            let shortest = replays.iter().map(|r| r.trace.length()).min();
            if let (Some(long), Some(short)) = (longest, shortest)
                && long > short
            {
                let name = folder.file_name().map_or_else(String::new, |f| f.to_string_lossy().into_owned());
                self.env.notices.push(format!(
                    "the traces of `{name}` are taken to begin together, and are cut to the shortest, {short}"
                ));
            }
            for ((p, i), r) in places.into_iter().zip(replays) {
                if let Some(s) = &mut pools[p].supply {
                    s.replays[i].0 = r;
                }
            }
        }
    }
}

/// A notice must fit into the life that it ends.
fn fits(p: &Pool, notice: &Notice, reclaims: &Reclaims, at: crate::formats::Place, out: &mut Diagnostics) {
    let kill = notice.kill;
    if kill == Duration::ZERO {
        return;
    }
    for ((life, _), own) in reclaims.lifetimes.iter().zip(&reclaims.places) {
        let longest = match life {
            Lifetime::Law(d) => hours(d.quantile(1.0)),
            Lifetime::Bathtub(b) => hours(b.end()),
            Lifetime::Calendar(_) => crate::market::NEVER,
        };
        if kill >= longest {
            out.push(
                Diagnostic::error(format!(
                    "the notice of pool `{}` ({kill}) is as long as the longest life of its nodes ({longest})",
                    *p.name
                ))
                .at(own.0, own.1, "reclaimed before the notice is over")
                .help("a node would be told of its end before it is there: shorten the notice, or lengthen the lives"),
            );
        } else if let Lifetime::Law(d @ (Dist::Exponential(_) | Dist::HyperExp(_) | Dist::Values(_))) = life
            && d.cdf(kill.as_hours_f64()) > 0.5
        {
            out.push(
                Diagnostic::warning(format!(
                    "more than half of the nodes of pool `{}` live for less than its notice of {kill}",
                    *p.name
                ))
                .at(at.0, at.1, "they are told of their end as they come"),
            );
        }
    }
    let gap = reclaims.replays.iter().filter_map(|(r, _)| r.trace.gap()).min();
    if let Some(gap) = gap.filter(|g| *g < kill) {
        out.push(
            Diagnostic::warning(format!(
                "the notice of pool `{}` ({kill}) is longer than the gap of its trace ({gap})",
                *p.name
            ))
            .at(at.0, at.1, "longer than the shortest life in the trace")
            .help("nodes that the trace takes after one tick are told as they come: shorten the notice"),
        );
    }
}
