//! Upstream's vectors, and those worked out from its rules.

use proptest::prelude::*;

use super::*;

const fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000_000)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn server(last_activity: u64) -> Server {
    Server {
        named: false,
        admin: false,
        pending: false,
        ready: true,
        started: at(0),
        last_activity: Some(at(last_activity)),
    }
}

/// When looks from 0 on stop a server that is as `of` says at each of them.
fn stopped(config: Config, of: impl Fn(SimTime) -> Server) -> Option<SimTime> {
    let mut culler = Culler::new(config, at(0)).unwrap();
    for _ in 0..20_000 {
        let now = culler.next();
        if matches!(culler.look(&[of(now)], now)[0], Verdict::Stop { .. }) {
            return Some(now);
        }
    }
    None
}

/// J1 (`test_idle_culler.py`).
#[test]
fn idle_servers_are_stopped_together() {
    let config = Config { timeout: s(300), ..Config::default() };
    let mut culler = Culler::new(config, at(1000)).unwrap();
    let three = [server(1000), Server { named: true, ..server(1000) }, Server { admin: true, ..server(1000) }];
    assert_eq!(culler.look(&three, at(1000)), [Verdict::Keep; 3]);
    let stop = Verdict::Stop { reason: Reason::Idle, idle: s(600), remove: false };
    assert_eq!(culler.look(&three, at(1600)), [stop; 3]);
    assert_eq!(culler.next(), at(1750));
}

/// J2 to J7.
#[test]
fn a_server_is_stopped_at_the_first_look_after_its_timeout() {
    let usual = Config::default();
    let hour = Config { timeout: s(3600), ..usual };
    for (id, config, last, stop) in
        [("J2", usual, 0, 600), ("J3", usual, 1, 900), ("J4", usual, 299, 900), ("J5", hour, 100, 5400)]
    {
        assert_eq!(stopped(config, |_| server(last)), Some(at(stop)), "{id}");
        assert_eq!(Culler::new(config, at(0)).unwrap().stops_at(&server(last)), Some(at(stop)), "{id}");
    }
    let aged = Config { max_age: s(7200), ..usual };
    let busy = |now| Server { last_activity: Some(now), ..server(0) };
    assert_eq!(stopped(aged, busy), Some(at(7200)), "J6");
    assert_eq!(stopped(usual, busy), None);
    let pending = |now| Server { pending: now < at(601), ..server(0) };
    assert_eq!(stopped(usual, pending), Some(at(900)), "J7");
    let starting = |now| Server { ready: now > at(899), last_activity: None, ..server(0) };
    assert_eq!(stopped(usual, starting), Some(at(900)), "its age counts without activity");
}

#[test]
fn some_kinds_of_server_can_be_left_alone() {
    let config = Config { named_servers: false, admins: false, ..Config::default() };
    let judge = |c: &Config, server| c.judge(&server, at(1000));
    assert_eq!(judge(&config, Server { named: true, ..server(0) }), Verdict::Exempt);
    assert_eq!(judge(&config, Server { admin: true, ..server(0) }), Verdict::Exempt);
    assert!(matches!(judge(&config, server(0)), Verdict::Stop { .. }));
    let config = Config { default_servers: false, remove_named: true, ..Config::default() };
    assert_eq!(judge(&config, server(0)), Verdict::Exempt);
    assert!(matches!(judge(&config, Server { named: true, ..server(0) }), Verdict::Stop { remove: true, .. }));
    let culler = Culler::new(config, at(0)).unwrap();
    assert_eq!(culler.stops_at(&server(0)), None);
}

#[test]
fn the_period_is_half_the_timeout_in_whole_seconds() {
    assert_eq!(Config::default().period(), s(300));
    assert_eq!(Config { timeout: s(7), ..Config::default() }.period(), s(3));
    assert_eq!(Config { cull_every: Some(s(60)), ..Config::default() }.period(), s(60));
    let nothing = Config { timeout: s(0), concurrency: 0, ..Config::default() };
    assert_eq!(Culler::new(nothing, at(0)).unwrap_err().len(), 3);
    let short = Config { timeout: s(1), ..Config::default() };
    assert_eq!(Culler::new(short, at(0)).unwrap_err(), [ConfigError::NoPeriod(s(1))]);
}

proptest! {
    /// Idle time that is billed is at least the timeout, and less than a period more.
    #[test]
    fn idle_time_is_bounded(timeout in 2_u64..5000, last in 0_u64..10_000) {
        let config = Config { timeout: s(timeout), ..Config::default() };
        let stop = stopped(config, |now| if now < at(last) { Server { last_activity: Some(now), ..server(0) } } else { server(last) });
        let idle = stop.unwrap().since(at(last));
        prop_assert!(idle >= s(timeout) && idle < s(timeout) + config.period());
        prop_assert_eq!(Culler::new(config, at(0)).unwrap().stops_at(&server(last)), stop);
    }
}
