//! Runs cases of the idle culler.

use super::format as f;
use super::names::Names;
use crate::policy::culler::{Config, Culler, Reason, Server, Verdict};
use crate::units::{Duration, SimTime};
use crate::verify::cases::Report;

/// The most looks of a case.
const MOST: u64 = 1_000_000;

/// What became of a server.
#[derive(Clone, Copy, Debug)]
struct Stopped {
    at: SimTime,
    reason: Reason,
    removed: bool,
}

pub fn stops(case: &f::CullerCase, report: &mut Report<'_>) {
    let config = Config {
        timeout: case.timeout,
        cull_every: case.cull_every,
        max_age: case.max_age,
        default_servers: case.cull_default_servers,
        named_servers: case.cull_named_servers,
        remove_named: case.remove_named_servers,
        admins: case.cull_admin_users,
        ..Config::default()
    };
    let mut culler = match Culler::new(config, SimTime::ZERO) {
        Ok(culler) => culler,
        Err(faults) => return faults.iter().for_each(|e| report.fault(e.to_string(), "the culler would not work so")),
    };
    let looks = case.until.0 / config.period().0;
    if looks > MOST {
        return report.fault(format!("the case has {looks} looks, more than {MOST}"), "end it sooner: `until: \"1d\"`");
    }
    let mut names = Names::new("server");
    for s in &case.servers {
        if names.add(&s.name, report).is_none() {
            return;
        }
    }
    let mut stopped: Vec<Option<Stopped>> = vec![None; case.servers.len()];
    while culler.next() <= SimTime::ZERO + case.until {
        let now = culler.next();
        let servers: Vec<Server> = case.servers.iter().map(|s| seen(s, now)).collect();
        for (verdict, stopped) in culler.look(&servers, now).into_iter().zip(&mut stopped) {
            if let (Verdict::Stop { reason, remove, .. }, None) = (verdict, &stopped) {
                *stopped = Some(Stopped { at: now, reason, removed: remove });
            }
        }
    }
    for (name, expected) in &case.expect {
        let Some(i) = names.find(name, report) else { continue };
        let ours = stopped[i as usize];
        let seconds = |d: Duration| Some(d.as_secs_f64());
        let at = ours.map_or(f64::NAN, |s| s.at.as_secs_f64());
        report.part(name.value.clone());
        match expected {
            f::Culled::At(d) => report.double("stopped", seconds(*d), at, 0.0),
            f::Culled::Removed(d) => {
                report.double("removed", seconds(*d), if ours.is_some_and(|s| s.removed) { at } else { f64::NAN }, 0.0);
            }
            f::Culled::TooOld(d) => {
                let old = ours.is_some_and(|s| s.reason == Reason::TooOld);
                report.double("too old", seconds(*d), if old { at } else { f64::NAN }, 0.0);
            }
            f::Culled::Never => report.happened("runs", ours.is_none(), &format!("stopped at {at} s")),
        }
    }
    report.part("");
}

/// A server as the hub knows it at `now`.
fn seen(s: &f::Server, now: SimTime) -> Server {
    let at = |d: Duration| SimTime::ZERO + d;
    let heard = s.activity.iter().map(|d| at(*d)).filter(|t| *t <= now).max();
    let busy = s.busy_until.map(|until| at(until).min(now));
    Server {
        named: s.named,
        admin: s.admin,
        pending: now < at(s.ready),
        ready: now >= at(s.ready),
        started: at(s.started),
        last_activity: heard.max(busy),
    }
}
