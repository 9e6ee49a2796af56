//! What a sweep leaves in its folder: `sweep.json`, which says what is swept, and a line of `runs.jsonl` for each run that
//! ended.

use serde::{Deserialize, Serialize};

use super::metric::Kept;
use crate::outcome::metric::metrics;
use crate::outcome::{EvidenceNote, Outcome};

/// The schema of `sweep.json`.
pub const SCHEMA: &str = "fleetcast.sweep/1";

/// The most parts of a sweep.
pub const MOST_SHARDS: u32 = 100_000;

/// A data file that runs depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its path when the sweep began.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

/// An axis as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AxisRecord {
    /// The setting.
    pub path: String,
    /// Its values and ranges.
    pub to: Vec<String>,
}

/// A part of a sweep: runs number `index − 1`, `index − 1 + of`, … of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// Whether a run, by its number, is part of it.
    #[must_use]
    pub fn has(self, number: u64) -> bool {
        number % u64::from(self.of.max(1)) + 1 == u64::from(self.index)
    }
}

/// What is swept: all that the results depend on, and what tables and charts are named after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of fleetcast.
    pub fleetcast: String,
    /// The scheme of the random streams.
    pub random_streams: String,
    /// The scenario's own name.
    pub name: String,
    /// The scenario's file, as it was named.
    pub scenario: String,
    /// SHA-256 of its text.
    pub scenario_sha256: String,
    /// Data files that any point reads.
    pub inputs: Vec<InputFile>,
    /// Settings changed for all points.
    pub set: Vec<String>,
    /// The variant whose settings all points have.
    pub variant: Option<String>,
    /// The seed.
    pub seed: u64,
    /// Replications of each point, numbered from 0: number `r` has the same luck at all points.
    pub replications: u32,
    /// The axes.
    pub axes: Vec<AxisRecord>,
    /// Of how many points the Latin hypercube is; none for a grid.
    pub latin: Option<u32>,
    /// The metrics kept; points are ranked by the first.
    pub metrics: Vec<Kept>,
    /// Under the titles of charts: horizon, start, time zone.
    pub about: String,
    /// Inputs by how well they are known, as the settings that all points share have them.
    #[serde(default)]
    pub evidence: Vec<EvidenceNote>,
    /// By point and axis, the value as it is set.
    pub points: Vec<Vec<String>>,
    /// Which part of it the folder has; none for the whole.
    pub shard: Option<Shard>,
}

impl Plan {
    /// Whether it hangs together: what was read from a file may not.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let fits = |p: &Vec<String>| p.len() == self.axes.len();
        let sound = |s: Shard| (1..=MOST_SHARDS).contains(&s.of) && (1..=s.of).contains(&s.index);
        match () {
            () if self.points.is_empty() || self.points.len() as u64 > super::design::MOST_POINTS => {
                Err(format!("{} points", self.points.len()))
            }
            () if self.axes.is_empty() || !self.points.iter().all(fits) => {
                Err("points with another number of values than there are axes".to_owned())
            }
            () if self.replications == 0 || self.metrics.is_empty() => Err("nothing to run or to keep".to_owned()),
            () if !self.shard.is_none_or(sound) => Err("a shard outside its range".to_owned()),
            () => Ok(()),
        }
    }

    /// Runs of the whole sweep.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.points.len() as u64 * u64::from(self.replications)
    }

    /// The runs of this folder, ascending by point and replication.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let of = u64::from(self.replications.max(1));
        (0..self.total())
            .filter(|n| self.shard.is_none_or(|s| s.has(*n)))
            .map(move |n| ((n / of) as u32, (n % of) as u32))
    }

    /// Whether a run belongs to this folder.
    #[must_use]
    pub fn has(&self, point: u32, replication: u32) -> bool {
        let number = u64::from(point) * u64::from(self.replications) + u64::from(replication);
        u64::from(point) < self.points.len() as u64
            && replication < self.replications
            && self.shard.is_none_or(|s| s.has(number))
    }

    /// What differs between this plan and another such that their runs do not belong together, each difference in words;
    /// `there` and `here` name the sides. Where a file lies makes no difference, what is in it does. Shards are not compared.
    #[must_use]
    pub fn differences(&self, other: &Plan, there: &str, here: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut say = |what: &str, a: String, b: String| {
            if a != b {
                out.push(format!("{what}: {a} {there}, {b} {here}"));
            }
        };
        say("version", format!("fleetcast {}", self.fleetcast), format!("fleetcast {}", other.fleetcast));
        say("random streams", self.random_streams.clone(), other.random_streams.clone());
        let text = |p: &Plan| format!("{} ({})", p.name, short(&p.scenario_sha256));
        say("scenario", text(self), text(other));
        say("variant", named(self.variant.as_deref()), named(other.variant.as_deref()));
        say("settings", listed(&self.set), listed(&other.set));
        say("seed", self.seed.to_string(), other.seed.to_string());
        say("replications", self.replications.to_string(), other.replications.to_string());
        let latin = |p: &Plan| p.latin.map_or_else(|| "a grid".to_owned(), |n| format!("a hypercube of {n}"));
        say("design", latin(self), latin(other));
        let axes =
            |p: &Plan| listed(&p.axes.iter().map(|a| format!("{}={}", a.path, a.to.join(","))).collect::<Vec<_>>());
        say("axes", axes(self), axes(other));
        let kept = |p: &Plan| listed(&p.metrics.iter().map(|m| m.name.clone()).collect::<Vec<_>>());
        say("metrics", kept(self), kept(other));
        if out.is_empty() && self.points != other.points {
            out.push("the points of the design".to_owned());
        }
        if out.is_empty() && (&self.metrics, &self.about) != (&other.metrics, &other.about) {
            out.push("what the tables say of metrics and horizon".to_owned());
        }
        let hashes = |p: &Plan| {
            let mut all: Vec<InputFile> = p.inputs.clone();
            all.sort_by(|a, b| a.sha256.cmp(&b.sha256));
            all
        };
        let (a, b) = (hashes(self), hashes(other));
        let missing = |of: &[InputFile], from: &[InputFile]| -> Vec<String> {
            let gone = of.iter().filter(|i| from.iter().all(|o| o.sha256 != i.sha256));
            gone.map(|i| format!("{} ({})", i.file, short(&i.sha256))).collect()
        };
        let (only_a, only_b) = (missing(&a, &b), missing(&b, &a));
        if !only_a.is_empty() || !only_b.is_empty() {
            out.push(format!("data files: {} {there}, {} {here}", listed(&only_a), listed(&only_b)));
        }
        out
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn named(name: Option<&str>) -> String {
    name.map_or_else(|| "none".to_owned(), |n| format!("`{n}`"))
}

fn listed(all: &[String]) -> String {
    if all.is_empty() { "none".to_owned() } else { all.join(" and ") }
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its point, from 0.
    pub point: u32,
    /// Its replication, from 0.
    pub replication: u32,
    /// Hash over its events: runs that agree event for event have the same.
    pub fingerprint: String,
    /// Its metrics, in the order of [`Plan::metrics`]; none where a denominator is nothing.
    pub values: Vec<Option<f64>>,
}

impl Run {
    /// From its outcome.
    #[must_use]
    pub fn of(point: u32, replication: u32, o: &Outcome, kept: &[Kept]) -> Run {
        let all = metrics(o);
        let value = |k: &Kept| all.iter().find(|m| m.name == k.name).and_then(|m| m.value);
        Run {
            point,
            replication,
            fingerprint: format!("{:016x}", o.fingerprint),
            values: kept.iter().map(value).collect(),
        }
    }

    /// Its line, with the line's end.
    ///
    /// # Errors
    /// Never, as far as is known: numbers and texts are always JSON.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|t| t + "\n")
    }
}

/// A line that is whole and is not a run of the plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Corrupt {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// The runs of `runs.jsonl`, in the order of their lines, and how many of its bytes are whole lines. What follows the last
/// line's end was being written when the process died, and is left out.
///
/// # Errors
/// The first whole line that is no run of the plan, or one that is there already.
pub fn runs(bytes: &[u8], plan: &Plan) -> Result<(Vec<Run>, usize), Corrupt> {
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let mut seen = std::collections::BTreeSet::new();
    let mut all = Vec::new();
    for (i, line) in bytes[..whole].split_inclusive(|b| *b == b'\n').enumerate() {
        let fault = |why: String| Corrupt { line: i + 1, why };
        let run: Run = serde_json::from_slice(line).map_err(|e| fault(format!("not a run: {e}")))?;
        let what = format!("point {}, replication {}", run.point, run.replication);
        if !plan.has(run.point, run.replication) {
            return Err(fault(format!("{what} is no run of this folder's design")));
        }
        if run.values.len() != plan.metrics.len() {
            return Err(fault(format!("{} values for {} metrics", run.values.len(), plan.metrics.len())));
        }
        if !seen.insert((run.point, run.replication)) {
            return Err(fault(format!("{what} is there twice")));
        }
        all.push(run);
    }
    Ok((all, whole))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::outcome::metric::Direction;

    /// Two axes of 2 and 3 values, two replications, two metrics.
    pub fn plan() -> Plan {
        let kept = |name: &str, unit: &str, better| Kept { name: name.into(), unit: unit.into(), better };
        let points = ["1", "2"].iter().flat_map(|a| ["x", "y", "z"].map(|b| vec![(*a).to_owned(), b.to_owned()]));
        Plan {
            schema: SCHEMA.into(),
            fleetcast: "0.1.0".into(),
            random_streams: "chacha8".into(),
            name: "small".into(),
            scenario: "small.ron".into(),
            scenario_sha256: "ab".repeat(32),
            inputs: vec![InputFile { file: "a.csv".into(), sha256: "cd".repeat(32) }],
            set: Vec::new(),
            variant: None,
            seed: 1,
            replications: 2,
            axes: vec![
                AxisRecord { path: "pools.a.nodes".into(), to: vec!["1..2:1".into()] },
                AxisRecord { path: "queue".into(), to: ["x", "y", "z"].map(str::to_owned).to_vec() },
            ],
            latin: None,
            metrics: vec![kept("cost.total", "USD", Direction::Lower), kept("util.true", "%", Direction::Higher)],
            about: "2 d from 2026-10-05 (UTC)".into(),
            evidence: Vec::new(),
            points: points.collect(),
            shard: None,
        }
    }

    fn run(point: u32, replication: u32) -> Run {
        Run { point, replication, fingerprint: "0".repeat(16), values: vec![Some(0.1 + 0.2), None] }
    }

    #[test]
    fn a_run_reads_back_as_it_was_and_a_torn_line_is_left_out() {
        let lines = run(0, 1).line().unwrap() + &run(5, 0).line().unwrap();
        let (all, whole) = runs(lines.as_bytes(), &plan()).unwrap();
        assert_eq!((all, whole), (vec![run(0, 1), run(5, 0)], lines.len()));
        let first = lines.find('\n').unwrap() + 1;
        for cut in first..lines.len() {
            let (all, whole) = runs(&lines.as_bytes()[..cut], &plan()).unwrap();
            assert_eq!((all, whole), (vec![run(0, 1)], first), "cut at {cut}");
        }
    }

    #[test]
    fn a_whole_line_that_is_no_run_of_the_plan_is_told() {
        let told = |text: &str, p: &Plan| runs(text.as_bytes(), p).unwrap_err().to_string();
        let line = |p, r| run(p, r).line().unwrap();
        assert!(told("{\n", &plan()).starts_with("line 1: not a run"));
        assert!(told(&(line(0, 0) + "\0\0\0\n"), &plan()).starts_with("line 2: not a run"));
        assert_eq!(told(&line(6, 0), &plan()), "line 1: point 6, replication 0 is no run of this folder's design");
        assert_eq!(told(&line(0, 2), &plan()), "line 1: point 0, replication 2 is no run of this folder's design");
        assert_eq!(told(&(line(0, 0) + &line(0, 0)), &plan()), "line 2: point 0, replication 0 is there twice");
        let mut short = run(0, 0);
        short.values.pop();
        assert_eq!(told(&short.line().unwrap(), &plan()), "line 1: 1 values for 2 metrics");
        let second = Plan { shard: Some(Shard { index: 2, of: 2 }), ..plan() };
        assert!(told(&line(0, 0), &second).contains("no run of this folder's design"));
        assert!(runs(line(0, 1).as_bytes(), &second).is_ok());
    }

    #[test]
    fn shards_share_out_every_run_once() {
        let whole: Vec<_> = plan().runs().collect();
        assert_eq!((whole.len(), whole[3]), (12, (1, 1)));
        for of in [1, 2, 3, 5, 20] {
            let part = |index| Plan { shard: Some(Shard { index, of }), ..plan() };
            let mut all: Vec<_> = (1..=of).flat_map(|i| part(i).runs().collect::<Vec<_>>()).collect();
            assert!((1..=of).all(|i| part(i).runs().count().abs_diff(12 / of as usize) <= 1));
            all.sort_unstable();
            assert_eq!(all, whole, "{of}");
        }
    }

    #[test]
    fn what_differs_is_named_and_where_files_lie_does_not_matter() {
        let told = |change: &dyn Fn(&mut Plan)| {
            let mut other = plan();
            change(&mut other);
            plan().differences(&other, "there", "here")
        };
        assert_eq!(told(&|p| (p.scenario, p.inputs[0].file) = ("x/small.ron".into(), "x/a.csv".into())), [""; 0]);
        assert_eq!(told(&|p| p.seed = 2), ["seed: 1 there, 2 here"]);
        assert_eq!(told(&|p| p.fleetcast = "0.2.0".into()), ["version: fleetcast 0.1.0 there, fleetcast 0.2.0 here"]);
        let file = told(&|p| p.inputs[0].sha256 = "ef".repeat(32));
        assert_eq!(file, ["data files: a.csv (cdcdcdcdcdcd) there, a.csv (efefefefefef) here"]);
        let both = told(&|p| (p.set, p.latin) = (vec!["a=1".into()], Some(9)));
        assert_eq!(both, ["settings: none there, a=1 here", "design: a grid there, a hypercube of 9 here"]);
        assert_eq!(told(&|p| p.points.truncate(2)), ["the points of the design"]);
    }
}
