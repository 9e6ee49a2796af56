//! What stands before the replicas: routing, retries, caches, limits.

use std::num::NonZeroU64;

use super::replicas::for_ever;
use super::stores::moving;
use super::traffic::covered;
use crate::kernel::Dist;
use crate::scenario::decode::Spanned;
use crate::scenario::file::front as shape;
use crate::scenario::file::service::Service;
use crate::serving::cache::response::{SemanticCache, Setup};
use crate::serving::front::{Caches, Config, Lane, Limit, Limited, Objective, Retry, Slo};
use crate::serving::replica::transfer::Link;
use crate::serving::router::Routing;
use crate::units::{Diagnostic, Diagnostics, Duration, Label};
use crate::workload::traffic::Traffic;

/// The front of a service, of lanes that are given.
pub(super) fn front(
    v: &Service,
    lanes: Vec<Lane>,
    lane_of_source: Vec<u16>,
    own: &[Label],
    traffic: &Traffic,
    out: &mut Diagnostics,
) -> Option<Config> {
    let (retry, caches) = (retry(v, out), caches(&v.caches, out));
    let limits: Vec<Option<Limit>> = v.limits.iter().map(|l| limit(l, v, own, traffic, out)).collect();
    if let (Some(p), Some(t)) = (&v.patience, &v.timeout)
        && p.value > t.value
    {
        out.push(
            Diagnostic::error(format!("requests of `{}` wait longer for an engine than their clients wait", *v.name))
                .at(p.at.0, p.at.1, format!("longer than the timeout of {}", t.value))
                .also(t.at.0, t.at.1, "the client is gone after this")
                .help("a shorter patience, or a longer timeout"),
        );
    }
    for (d, what) in [(&v.patience, "patience"), (&v.timeout, "timeout")] {
        if let Some(d) = d.as_ref().filter(|d| d.0 == 0) {
            out.push(
                Diagnostic::error(format!("a {what} of nothing lets no request through"))
                    .at(d.at.0, d.at.1, "must be above 0")
                    .help("leave it out for clients that wait for ever"),
            );
        }
    }
    Some(Config {
        lanes,
        lane_of_source,
        hold: *v.hold,
        patience: for_ever(v.patience.as_ref()),
        timeout: for_ever(v.timeout.as_ref()),
        retry: retry?,
        caches: caches?,
        limits: limits.into_iter().collect::<Option<_>>()?,
    })
}

pub(super) fn routing(r: &Spanned<shape::Routing>, out: &mut Diagnostics) -> Option<Routing> {
    Some(match &r.value {
        shape::Routing::RoundRobin => Routing::RoundRobin,
        shape::Routing::LeastOutstanding => Routing::LeastOutstanding,
        shape::Routing::LeastKv(grain) => Routing::LeastKv { grain: grain.get() },
        shape::Routing::PowerOfTwo => Routing::PowerOfTwo,
        shape::Routing::PrefixAffine(most) if **most >= 1.0 => Routing::PrefixAffine { most: **most },
        shape::Routing::PrefixAffine(most) => {
            out.push(
                Diagnostic::error(format!("a replica cannot be kept below {} times the mean", **most))
                    .at(most.at.0, most.at.1, "1 or more")
                    .help("for example PrefixAffine(1.25)"),
            );
            return None;
        }
    })
}

fn retry(v: &Service, out: &mut Diagnostics) -> Option<Retry> {
    let (r, on) = (&v.retries, &v.retries.on);
    if r.most > 0 && on.is_empty() {
        out.push(
            Diagnostic::error(format!("clients of `{}` retry after nothing", *v.name))
                .at(on.at.0, on.at.1, "no reason to send a request again")
                .help("name some of Refused, TimedOut, CutOff; or write most: 0"),
        );
        return None;
    }
    let has = |what: shape::RetryOn| r.most > 0 && on.contains(&what);
    if has(shape::RetryOn::TimedOut) && v.timeout.is_none() && v.patience.is_none() {
        out.push(
            Diagnostic::warning(format!("no request of `{}` is ever given up on", *v.name))
                .at(on.at.0, on.at.1, "TimedOut needs a patience or a timeout")
                .help("for example timeout: \"60s\""),
        );
    }
    Some(Retry {
        most: r.most,
        backoff: r.backoff,
        refused: has(shape::RetryOn::Refused),
        timed_out: has(shape::RetryOn::TimedOut),
        cut_off: has(shape::RetryOn::CutOff),
    })
}

fn caches(c: &shape::Caches, out: &mut Diagnostics) -> Option<Caches> {
    let exact = |e: &shape::ExactCache| Setup {
        capacity: e.capacity.get() as usize,
        ttl: e.ttl,
        renew_on_hit: e.renew_on_hit,
        hit_latency: e.latency,
    };
    let edge = |e: &shape::EdgeCache| {
        let setup = Setup {
            capacity: e.capacity.get() as usize,
            ttl: e.ttl,
            renew_on_hit: e.renew_on_hit,
            hit_latency: e.latency,
        };
        (e.places.get(), setup)
    };
    let prompts = match &c.prompts {
        Some(p) => {
            if let Err(e) = Dist::zipf(*p.different, *p.zipf) {
                let at = if *p.different == 0 { p.different.at } else { p.zipf.at };
                out.push(Diagnostic::error(e.to_string()).at(at.0, at.1, "not a law of prompts"));
                return None;
            }
            Some((*p.different, *p.zipf))
        }
        None => None,
    };
    Some(Caches {
        edge: c.edge.as_ref().map(edge),
        exact: c.exact.as_ref().map(exact),
        semantic: c.semantic.as_ref().map(|s| SemanticCache { hits: s.hits, wrong: s.wrong, lookup: s.lookup }),
        prompts,
    })
}

/// Edge and exact caches live on prompts that repeat: how often they do has no default.
pub(super) fn prompts_known(v: &Service, out: &mut Diagnostics) {
    let c = &v.caches;
    let which = match (&c.edge, &c.exact) {
        (Some(_), _) => "edge",
        (None, Some(_)) => "exact",
        (None, None) => {
            if let Some(p) = &c.prompts {
                out.push(
                    Diagnostic::warning(format!("no cache of `{}` asks how often prompts repeat", *v.name))
                        .at(p.different.at.0, p.different.at.1, "without use")
                        .help("add caches: (exact: (), …), or leave it out"),
                );
            }
            return;
        }
    };
    if c.prompts.is_none() {
        out.push(
            Diagnostic::error(format!("the {which} cache of `{}` cannot know which prompts repeat", *v.name))
                .at(v.name.at.0, v.name.at.1, "caches.prompts is missing")
                .help("say it as you measured it: caches: (prompts: (different: 100000, zipf: 1.0), …)"),
        );
    }
}

fn limit(l: &shape::RateLimit, v: &Service, own: &[Label], traffic: &Traffic, out: &mut Diagnostics) -> Option<Limit> {
    let covers = covered(l.label.as_ref(), own, traffic.label_sets(), out)?;
    let (rate, of, per_second) = match (&l.requests_per_second, &l.tokens_per_minute) {
        (Some(r), None) => (r, Limited::Requests, r.value),
        (None, Some(t)) => (t, Limited::Tokens, t.value / 60.0),
        (r, _) => {
            let at = r.as_ref().or(l.burst.as_ref()).map(|r| r.at).or(l.label.as_ref().map(|l| l.at));
            let at = at.unwrap_or(v.name.at);
            let twice = r.is_some();
            out.push(
                Diagnostic::error(format!(
                    "a limit of `{}` {}",
                    *v.name,
                    if twice { "counts requests and tokens" } else { "limits nothing" }
                ))
                .at(at.0, at.1, if twice { "one of the two" } else { "no rate" })
                .help("write requests_per_second or tokens_per_minute; two limits are two entries"),
            );
            return None;
        }
    };
    let burst = l
        .burst
        .as_ref()
        .map_or_else(|| if of == Limited::Requests { per_second.max(1.0) } else { rate.value }, |b| b.value);
    let bad = [Some(rate), l.burst.as_ref()].into_iter().flatten().find(|n| !(n.value > 0.0 && n.value <= 1e12));
    if let Some(bad) = bad {
        out.push(
            Diagnostic::error(format!("a limit of {} lets nothing through, or everything", bad.value))
                .at(bad.at.0, bad.at.1, "above 0, at most 1e12")
                .help("leave the limit out to let all requests through"),
        );
        return None;
    }
    if of == Limited::Requests && burst < 1.0 {
        if let Some(b) = &l.burst {
            out.push(
                Diagnostic::error(format!("a burst of {burst} requests lets none through"))
                    .at(b.at.0, b.at.1, "1 or more")
                    .help("leave it out for a second's worth"),
            );
        }
        return None;
    }
    Some(Limit { covers, of, per_second, burst })
}

pub(super) fn link(t: &shape::Transfer, out: &mut Diagnostics) -> Option<Link> {
    let bps = moving(&t.bandwidth, "moving KV", out);
    let shared_bps: Option<Option<NonZeroU64>> = match &t.shared {
        Some(s) => moving(s, "moving KV", out).map(Some),
        None => Some(None),
    };
    Some(Link { base: t.base, bps: bps?, shared_bps: shared_bps?, overlap_ppm: t.overlap.ppm() })
}

pub(super) fn slo(p: &shape::Promises, out: &mut Diagnostics) -> Slo {
    let mut one = |p: &Option<shape::Promise>| {
        let p = p.as_ref()?;
        if p.within.0 == 0 {
            out.push(
                Diagnostic::error("nothing is answered within no time")
                    .at(p.within.at.0, p.within.at.1, "must be above 0")
                    .help("leave the promise out where there is none"),
            );
        }
        Some(Objective { within: *p.within, share: p.share.get() })
    };
    Slo { ttft: one(&p.ttft), tpot: one(&p.tpot), e2e: one(&p.e2e) }
}

/// A duration that ends a sentence.
pub(super) fn at_least(ps: u64) -> Duration {
    Duration(ps.div_ceil(crate::serving::cost::PS_PER_NS))
}
