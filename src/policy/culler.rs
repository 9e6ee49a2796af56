//! The idle culler of JupyterHub, by itself: notebook servers that nobody has used for a while are stopped.
//!
//! Rules: jupyterhub/jupyterhub-idle-culler, `jupyterhub_idle_culler/__init__.py`. It looks once at its start and then
//! every `cull_every`, so that a server is billed idle from the timeout to less than the timeout and one period.
//!
//! What counts as activity is the hub's business: it hears of it with a delay, and kernels at work or open connections may
//! count, as the single-user server is set up. The [`Server`] brings what the hub knows at this moment.

use thiserror::Error;

use crate::units::{Duration, SimTime};

#[cfg(test)]
mod tests;

/// How it is set up. Defaults are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// `--timeout`: stopped when idle for this long; 600 s.
    pub timeout: Duration,
    /// `--cull-every`: how often it looks; `None`: half the timeout, in whole seconds.
    pub cull_every: Option<Duration>,
    /// `--max-age`: stopped when this old, however busy; 0, the default, is off.
    pub max_age: Duration,
    /// `--concurrency`: how many requests to the hub are made at once; 10. It does not change what is stopped.
    pub concurrency: u32,
    /// `--cull-default-servers`; on.
    pub default_servers: bool,
    /// `--cull-named-servers`; on.
    pub named_servers: bool,
    /// `--remove-named-servers`: named servers are removed, not just stopped; off.
    pub remove_named: bool,
    /// `--cull-admin-users`: servers of administrators too; on.
    pub admins: bool,
    /// `--cull-users`: users themselves are removed; off.
    pub users: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            timeout: Duration::from_secs(600),
            cull_every: None,
            max_age: Duration::ZERO,
            concurrency: 10,
            default_servers: true,
            named_servers: true,
            remove_named: false,
            admins: true,
            users: false,
        }
    }
}

/// What it refuses to start with.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[allow(missing_docs, reason = "the message says it")]
pub enum ConfigError {
    #[error("a timeout of 0 stops every server at once")]
    NoTimeout,
    #[error("it must look every now and then: the period is 0 (half of a timeout of {0}, in whole seconds)")]
    NoPeriod(Duration),
    #[error("it makes no request at all with a concurrency of 0")]
    NoConcurrency,
}

impl Config {
    /// How often it looks.
    #[must_use]
    pub fn period(&self) -> Duration {
        // Upstream's `timeout // 2` is of whole seconds.
        const SECOND: u64 = crate::units::time::NANOS_PER_SEC;
        self.cull_every.unwrap_or(Duration(self.timeout.0 / SECOND / 2 * SECOND))
    }
    /// All that is wrong.
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.timeout == Duration::ZERO {
            faults.push(ConfigError::NoTimeout);
        }
        if self.period() == Duration::ZERO {
            faults.push(ConfigError::NoPeriod(self.timeout));
        }
        if self.concurrency == 0 {
            faults.push(ConfigError::NoConcurrency);
        }
        faults
    }
}

/// A notebook server, as the hub knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whether it has a name; else it is its user's default server.
    pub named: bool,
    /// Whether its user is an administrator.
    pub admin: bool,
    /// Whether something is being done with it: starting, stopping.
    pub pending: bool,
    /// Whether it runs.
    pub ready: bool,
    /// When it was started.
    pub started: SimTime,
    /// When the hub last heard of activity; `None` if never.
    pub last_activity: Option<SimTime>,
}

/// Why a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Idle for the timeout.
    Idle,
    /// As old as it may be.
    TooOld,
}

/// What becomes of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It is pending or does not run: not looked at.
    Skipped,
    /// It is of a kind that is not stopped.
    Exempt,
    /// It is stopped.
    Stop {
        /// Why.
        reason: Reason,
        /// For how long it was idle.
        idle: Duration,
        /// Whether it is removed as well.
        remove: bool,
    },
}

/// The culler at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Culler {
    config: Config,
    next: SimTime,
}

impl Culler {
    /// A culler started at `start`, when it looks first.
    ///
    /// # Errors
    /// All that cannot work.
    pub fn new(config: Config, start: SimTime) -> Result<Culler, Vec<ConfigError>> {
        let faults = config.faults();
        if faults.is_empty() { Ok(Culler { config, next: start }) } else { Err(faults) }
    }
    /// How it is set up.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
    /// When it looks next.
    #[must_use]
    pub const fn next(&self) -> SimTime {
        self.next
    }
    /// One look at all servers: what becomes of each, in their order.
    pub fn look(&mut self, servers: &[Server], now: SimTime) -> Vec<Verdict> {
        self.next = now + self.config.period();
        servers.iter().map(|s| self.config.judge(s, now)).collect()
    }
    /// When a server will be stopped if nothing changes from now on (and it is not pending then): at the first look at
    /// which it has been idle, or is old, for long enough. A caller need not look before.
    #[must_use]
    pub fn stops_at(&self, server: &Server) -> Option<SimTime> {
        if self.config.exempt(server) {
            return None;
        }
        let idle = server.last_activity.unwrap_or(server.started) + self.config.timeout;
        let old = server.started + self.config.max_age;
        let due = if self.config.max_age > Duration::ZERO { idle.min(old) } else { idle };
        let period = self.config.period();
        let looks = due.since(self.next).0.div_ceil(period.0);
        Some(self.next + Duration(looks.saturating_mul(period.0)))
    }
}

impl Config {
    const fn exempt(&self, s: &Server) -> bool {
        (s.named && !self.named_servers) || (!s.named && !self.default_servers) || (s.admin && !self.admins)
    }
    /// What becomes of one server: it is stopped when it has been idle for the timeout or longer; its age counts where
    /// no activity is known.
    #[must_use]
    pub fn judge(&self, s: &Server, now: SimTime) -> Verdict {
        if self.exempt(s) {
            return Verdict::Exempt;
        }
        if s.pending || !s.ready {
            return Verdict::Skipped;
        }
        let age = now.since(s.started);
        let idle = s.last_activity.map_or(age, |at| now.since(at));
        let reason = if idle >= self.timeout {
            Reason::Idle
        } else if self.max_age > Duration::ZERO && age >= self.max_age {
            Reason::TooOld
        } else {
            return Verdict::Keep;
        };
        Verdict::Stop { reason, idle, remove: s.named && self.remove_named }
    }
}
