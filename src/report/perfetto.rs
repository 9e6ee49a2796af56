//! A run as a trace for ui.perfetto.dev and chrome://tracing, written while it goes on.
//!
//! The object form of the Trace Event Format (Google, "Trace Event Format", the document behind chrome://tracing): one
//! event a line, in the order in which stretches end. Workloads and pools are processes; runs (by ordinal) and nodes are
//! their threads. Complete events (`X`) say what a run or a node did, instants (`i`) when a node was lost and why,
//! counters (`C`) how many nodes of a pool are up, booting and broken. Times are microseconds of the run's clock, to the
//! nanosecond; `args` repeats them as whole nanoseconds.
//!
//! Nothing is kept but the present state of each node and which threads have a name.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::market::Cause;
use crate::outcome::{NodeRow, StretchRow};
use crate::units::SimTime;

/// What the trace says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// Seed of the run.
    pub seed: u64,
    /// Civil time and zone at the start of the measured window.
    pub start: &'a str,
    /// The run's clock then.
    pub window_start: SimTime,
}

/// A node's present state.
#[derive(Clone, Copy, Debug)]
struct Open {
    state: &'static str,
    since: SimTime,
}

#[derive(Clone, Debug)]
struct Pool {
    name: String,
    nodes: Vec<Option<Open>>,
    /// Up, booting, broken.
    counts: [u32; 3],
    /// When the counts changed, until they are written.
    changed: Option<SimTime>,
}

#[derive(Clone, Debug)]
struct Work {
    name: String,
    /// One bit a run: whether its thread has its name.
    named: Vec<u64>,
}

/// Writes the trace. Call [`Perfetto::finish`] at the end, however the run ended: the file is valid JSON only then.
#[derive(Debug)]
pub struct Perfetto<W: Write> {
    out: W,
    work: Vec<Work>,
    pools: Vec<Pool>,
    line: String,
    first: bool,
}

/// JSON's form of a text, quotes included.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Nanoseconds as microseconds, exactly.
struct Micros(u64);
impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 % 1_000 {
            0 => write!(f, "{}", self.0 / 1_000),
            rest => write!(f, "{}.{rest:03}", self.0 / 1_000),
        }
    }
}

/// Which counter a state belongs to; none while a node is not there.
fn counter(state: &str) -> Option<usize> {
    match state {
        "ready" | "held" | "draining" => Some(0),
        "booting" => Some(1),
        "broken" => Some(2),
        _ => None,
    }
}

impl<W: Write> Perfetto<W> {
    /// Begins the trace. `work` and `pools` are names, in the scenario's order; each becomes a process.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new<'a>(
        mut out: W,
        header: Header<'_>,
        work: impl IntoIterator<Item = &'a str>,
        pools: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<Perfetto<W>> {
        write!(
            out,
            "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"program\":\"fleetcast {}\",\"scenario\":{},\"seed\":\"{}\",\
             \"window_start\":{},\"window_start_ns\":\"{}\"}},\"traceEvents\":[",
            env!("CARGO_PKG_VERSION"),
            quoted(header.scenario),
            header.seed,
            quoted(header.start),
            header.window_start.0
        )?;
        let work: Vec<Work> = work.into_iter().map(|n| Work { name: n.to_owned(), named: Vec::new() }).collect();
        let pools: Vec<Pool> = pools
            .into_iter()
            .map(|n| Pool { name: n.to_owned(), nodes: Vec::new(), counts: [0; 3], changed: None })
            .collect();
        let mut p = Perfetto { out, work: Vec::new(), pools: Vec::new(), line: String::new(), first: true };
        let names = work.iter().map(|w| ("workload", &w.name)).chain(pools.iter().map(|p| ("pool", &p.name)));
        for (i, (what, name)) in names.enumerate() {
            let pid = i + 1;
            let title = quoted(&format!("{what} {name}"));
            p.event(format_args!(
                "{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{pid},\"args\":{{\"name\":{title}}}}}"
            ))?;
            p.event(format_args!(
                "{{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":{pid},\"args\":{{\"sort_index\":{i}}}}}"
            ))?;
        }
        (p.work, p.pools) = (work, pools);
        Ok(p)
    }

    fn event(&mut self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.line.clear();
        // Formatting into a string cannot fail.
        let _ = write!(self.line, "{}\n{text}", if self.first { "" } else { "," });
        self.first = false;
        self.out.write_all(self.line.as_bytes())
    }

    fn thread(&mut self, pid: usize, tid: u64, name: &str) -> io::Result<()> {
        let name = quoted(name);
        self.event(format_args!(
            "{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{pid},\"tid\":{tid},\"args\":{{\"name\":{name}}}}}"
        ))
    }

    /// What a run did; see [`crate::outcome::Recorder::stretch`]. Rows of workloads that were not named are left out.
    ///
    /// # Errors
    /// When writing fails.
    pub fn stretch(&mut self, r: &StretchRow<'_>) -> io::Result<()> {
        let Some(i) = self.work.iter().position(|w| w.name == r.workload) else { return Ok(()) };
        let (pid, tid) = (i + 1, r.ordinal + 1);
        let (word, bit) = ((r.ordinal / 64) as usize, 1u64 << (r.ordinal % 64));
        let named = &mut self.work[i].named;
        if named.len() <= word {
            named.resize(word + 1, 0);
        }
        if named[word] & bit == 0 {
            named[word] |= bit;
            let name = format!("{}-{}", r.workload, r.ordinal);
            self.thread(pid, tid, &name)?;
        }
        let ns = r.to.since(r.from).0;
        self.event(format_args!(
            "{{\"ph\":\"X\",\"cat\":\"run\",\"name\":{},\"pid\":{pid},\"tid\":{tid},\"ts\":{},\"dur\":{},\"args\":\
             {{\"pool\":{},\"market\":{},\"activity\":\"{}\",\"milli\":{},\"nodes\":{},\"from_ns\":{},\"ns\":{ns}}}}}",
            quoted(r.activity.title()),
            Micros(r.from.0),
            Micros(ns),
            quoted(r.pool),
            quoted(r.market),
            r.activity.key(),
            r.milli,
            r.nodes,
            r.from.0
        ))
    }

    /// A node changed its state; see [`crate::outcome::Recorder::node`]. Rows of pools that were not named are left out.
    ///
    /// # Errors
    /// When writing fails.
    pub fn node(&mut self, r: &NodeRow<'_>) -> io::Result<()> {
        let Some(i) = self.pools.iter().position(|p| p.name == r.pool) else { return Ok(()) };
        let at = r.ordinal as usize;
        let (pid, tid) = (self.work.len() + i + 1, u64::from(r.ordinal) + 1);
        // All changes of one instant make one count.
        if self.pools[i].changed.is_some_and(|t| t < r.at) {
            self.count(i)?;
        }
        let p = &mut self.pools[i];
        let fresh = p.nodes.len() <= at;
        if fresh {
            p.nodes.resize(at + 1, None);
        }
        let was = p.nodes[at];
        let is = counter(r.state).map(|_| Open { state: r.state, since: r.at });
        // A state that goes on is one stretch.
        if was.is_some_and(|w| w.state == r.state) {
            return Ok(());
        }
        p.nodes[at] = is;
        if let Some(c) = was.and_then(|w| counter(w.state)) {
            p.counts[c] -= 1;
        }
        if let Some(c) = counter(r.state) {
            p.counts[c] += 1;
        }
        p.changed = Some(r.at);
        if was.is_none() && is.is_some() {
            // Named anew at each launch: cheaper than remembering, and the viewers take the last name.
            let name = format!("{}-{}", r.pool, r.ordinal);
            self.thread(pid, tid, &name)?;
        }
        if let Some(w) = was {
            self.lived(pid, tid, w, r.at)?;
        }
        let given_back = r.cause == Some(Cause::User.key());
        match r.cause.filter(|_| !given_back && matches!(r.state, "away" | "broken")) {
            None => Ok(()),
            Some(cause) => self.event(format_args!(
                "{{\"ph\":\"i\",\"s\":\"t\",\"cat\":\"loss\",\"name\":{},\"pid\":{pid},\"tid\":{tid},\"ts\":{},\"args\":\
                 {{\"cause\":{},\"at_ns\":{}}}}}",
                quoted(&format!("lost: {cause}")),
                Micros(r.at.0),
                quoted(cause),
                r.at.0
            )),
        }
    }

    fn lived(&mut self, pid: usize, tid: u64, w: Open, to: SimTime) -> io::Result<()> {
        let ns = to.since(w.since).0;
        if ns == 0 {
            return Ok(());
        }
        self.event(format_args!(
            "{{\"ph\":\"X\",\"cat\":\"node\",\"name\":\"{}\",\"pid\":{pid},\"tid\":{tid},\"ts\":{},\"dur\":{},\"args\":\
             {{\"from_ns\":{},\"ns\":{ns}}}}}",
            w.state,
            Micros(w.since.0),
            Micros(ns),
            w.since.0
        ))
    }

    fn count(&mut self, i: usize) -> io::Result<()> {
        let pid = self.work.len() + i + 1;
        let Some(at) = self.pools[i].changed.take() else { return Ok(()) };
        let [up, booting, broken] = self.pools[i].counts;
        self.event(format_args!(
            "{{\"ph\":\"C\",\"name\":\"nodes\",\"pid\":{pid},\"ts\":{},\"args\":\
             {{\"up\":{up},\"booting\":{booting},\"broken\":{broken}}}}}",
            Micros(at.0)
        ))
    }

    /// Ends what is still open at the run's end, and the file; gives the writer back, flushed.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self, end: SimTime) -> io::Result<W> {
        for i in 0..self.pools.len() {
            self.count(i)?;
            let pid = self.work.len() + i + 1;
            for (at, open) in std::mem::take(&mut self.pools[i].nodes).into_iter().enumerate() {
                if let Some(w) = open {
                    self.lived(pid, at as u64 + 1, w, end)?;
                }
            }
        }
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::outcome::{Outcome, Recorder};
    use crate::report::sample;
    use crate::scenario::model::Model;
    use crate::sim::simulate;
    use crate::units::Activity;

    /// Passes on so many rows: what a run that is stopped tells.
    struct Trace {
        out: Perfetto<Vec<u8>>,
        rows: usize,
    }
    impl Trace {
        fn more(&mut self) -> bool {
            self.rows = self.rows.saturating_sub(1);
            self.rows > 0
        }
    }
    impl Recorder for Trace {
        fn wants_stretches(&self) -> bool {
            true
        }
        fn stretch(&mut self, r: &StretchRow<'_>) {
            if self.more() {
                self.out.stretch(r).unwrap();
            }
        }
        fn node(&mut self, r: &NodeRow<'_>) {
            if self.more() {
                self.out.node(r).unwrap();
            }
        }
    }

    fn traced(rows: usize) -> (Outcome, Vec<u8>, Vec<Value>) {
        trace_of(&sample::interrupted(), rows)
    }

    fn trace_of(m: &Model, rows: usize) -> (Outcome, Vec<u8>, Vec<Value>) {
        let header =
            Header { scenario: "a \"quoted\" name", seed: 3, start: "2026-10-05", window_start: m.window_start() };
        let work = m.work.iter().map(|w| w.name.as_str());
        let out = Perfetto::new(Vec::new(), header, work, m.pools.iter().map(|p| p.name.as_str())).unwrap();
        let mut t = Trace { out, rows };
        let o = simulate(m, 3, 0, &mut t);
        let bytes = t.out.finish(SimTime(o.horizon_ns)).unwrap();
        let v: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(v["otherData"]["scenario"], "a \"quoted\" name");
        (o, bytes, v["traceEvents"].as_array().unwrap().clone())
    }

    fn ns(e: &Value, key: &str) -> u128 {
        u128::from(e["args"][key].as_u64().unwrap())
    }

    #[test]
    fn stretches_of_a_thread_do_not_overlap_and_microseconds_say_what_nanoseconds_do() {
        let (_, _, events) = traced(usize::MAX);
        assert!(apart(&events) > 20);
        // Replicas of a service: a thread each, of every deployment.
        let m = sample::services::model();
        let (o, _, events) = trace_of(&m, usize::MAX);
        let created: u64 =
            o.work.iter().filter_map(|w| w.service.as_ref()).flat_map(|s| &s.deployments).map(|d| d.created).sum();
        apart(&events);
        let runs: BTreeSet<(u64, u64)> = events
            .iter()
            .filter(|e| e["ph"] == "X" && e["cat"] == "run")
            .map(|e| (e["pid"].as_u64().unwrap(), e["tid"].as_u64().unwrap()))
            .collect();
        assert!(runs.len() > 3 && runs.len() as u64 <= created, "{} threads of {created} replicas", runs.len());
        // A bit for each ordinal: their numbers are dense over the deployments.
        assert!(runs.iter().all(|r| r.1 <= 2 * created), "{runs:?}");
    }

    /// Checks that no thread does two things at once; how many threads there are.
    fn apart(events: &[Value]) -> usize {
        let mut threads: BTreeMap<(u64, u64), Vec<(u128, u128)>> = BTreeMap::new();
        for e in events.iter().filter(|e| e["ph"] == "X") {
            let (from, len) = (ns(e, "from_ns"), ns(e, "ns"));
            assert!((e["ts"].as_f64().unwrap() * 1e3 - from as f64).abs() < 1.0);
            assert!((e["dur"].as_f64().unwrap() * 1e3 - len as f64).abs() < 1.0);
            let at = (e["pid"].as_u64().unwrap(), e["tid"].as_u64().unwrap());
            threads.entry(at).or_default().push((from, from + len));
        }
        let count = threads.len();
        for (at, mut v) in threads {
            v.sort_unstable();
            assert!(v.windows(2).all(|w| w[0].1 <= w[1].0), "{at:?}");
        }
        count
    }

    #[test]
    fn durations_add_up_to_what_the_ledger_has() {
        let (o, _, events) = traced(usize::MAX);
        let x = |cat: &'static str| events.iter().filter(move |e| e["ph"] == "X" && e["cat"] == cat);
        // Runs: GPU time by workload. A gang over several pools is told once, with the GPUs of the first: all nodes of the
        // sample have eight.
        let milli = |e: &Value| ns(e, "nodes") * 8000;
        for (i, w) in o.work.iter().enumerate() {
            let told: u128 = x("run").filter(|e| e["pid"] == i + 1).map(|e| ns(e, "ns") * milli(e)).sum();
            assert_eq!(told, w.activity.iter().map(|a| a.0).sum::<u128>(), "{}", w.name);
            for a in [Activity::Lost, Activity::Restart, Activity::ColdStart] {
                let mine = x("run").filter(|e| e["pid"] == i + 1 && e["args"]["activity"] == a.key());
                let told: u128 = mine.map(|e| ns(e, "ns") * milli(e)).sum();
                // A checkpoint's stall within lost work is booked as a stall.
                assert!(told >= w.activity[a as usize].0, "{} {}", w.name, a.key());
            }
        }
        // Nodes: eight GPUs each, billed from launch to loss.
        for (i, p) in o.pools.iter().enumerate() {
            let told: u128 = x("node").filter(|e| e["pid"] == o.work.len() + i + 1).map(|e| ns(e, "ns") * 8000).sum();
            assert_eq!(told, p.capacity.0, "{}", p.name);
            let boot = x("node").filter(|e| e["pid"] == o.work.len() + i + 1 && e["name"] == "booting");
            assert_eq!(boot.map(|e| ns(e, "ns") * 8000).sum::<u128>(), p.activity[Activity::Boot as usize].0);
        }
    }

    #[test]
    fn losses_are_instants_and_counters_follow_the_nodes() {
        let (o, _, events) = traced(usize::MAX);
        for (i, p) in o.pools.iter().enumerate() {
            let pid = o.work.len() + i + 1;
            let lost = events.iter().filter(|e| e["ph"] == "i" && e["pid"] == pid).count() as u64;
            assert_eq!(lost, p.losses.as_ref().unwrap().total(), "{}", p.name);
            let counts: Vec<&Value> = events.iter().filter(|e| e["ph"] == "C" && e["pid"] == pid).collect();
            assert!(counts.windows(2).all(|w| w[0]["ts"].as_f64() < w[1]["ts"].as_f64()));
            let up =
                |e: &&Value| ["up", "booting", "broken"].iter().map(|k| e["args"][k].as_u64().unwrap()).sum::<u64>();
            assert_eq!(counts.iter().map(up).max(), Some(u64::from(p.nodes_max)), "{}", p.name);
        }
        let named = |what: &str| events.iter().filter(|e| e["name"] == what).count();
        assert_eq!(named("process_name"), o.work.len() + o.pools.len());
        assert!(events.iter().any(|e| e["args"]["name"] == "tune-4"));
    }

    #[test]
    fn the_same_run_gives_the_same_bytes_and_one_that_stops_is_valid_too() {
        assert_eq!(traced(usize::MAX).1, traced(usize::MAX).1);
        for rows in [1, 2, 100, 400] {
            assert!(traced(rows).2.len() >= rows);
        }
        let m = sample::interrupted();
        let header = Header { scenario: "", seed: 0, start: "", window_start: SimTime::ZERO };
        let p = Perfetto::new(Vec::new(), header, m.work.iter().map(|w| w.name.as_str()), []).unwrap();
        let v: Value = serde_json::from_slice(&p.finish(SimTime::ZERO).unwrap()).unwrap();
        assert_eq!(v["traceEvents"].as_array().unwrap().len(), 4);
        // A writer that fails says so, and does not panic.
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("no space left"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(Perfetto::new(Full, header, [], []).is_err());
    }
}
