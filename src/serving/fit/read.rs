//! Benchmark tables from CSV, split into sets of one model, GPU, engine, number format and parallelism.
//!
//! Two headers are read. A table of one's own has `isl, osl, concurrency, ttft_ms, tpot_ms` and may have `model, gpu,
//! engine, version, dtype, tp`. The other is that of the measured sample of ai-dynamo/aiconfigurator
//! (`silicon_sample.csv`): its concurrency is in `silicon_data_source` (`silicon_concurrency=64`), else `batch_size`;
//! of its rows, those whose `mode` is `agg` are taken, as the others are of split prefill and decode.

use std::collections::BTreeMap;
use std::path::Path;

use super::Row;
use crate::formats::rows::csv::{Column, Csv};
use crate::formats::rows::{Lines, Outcome};

/// What a table does not say.
pub const UNRECORDED: &str = "unrecorded";

/// What was measured: sets differ in any of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The model as the table names it, without the folder of a repository.
    pub model: String,
    /// The GPU as the table names it.
    pub gpu: String,
    /// The engine.
    pub engine: String,
    /// The number format of the weights.
    pub dtype: String,
    /// GPUs that share each layer.
    pub tp: u64,
    /// Stages that layers are split into, copies of attention, and GPUs that experts are spread over.
    pub other: [u64; 3],
    /// The engine's version; may be empty.
    pub version: String,
}

/// The rows of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// `MODEL/GPU/ENGINE/DTYPE/TP`; other parallelism follows TP (`TP4-EP2`), and of several versions all but
    /// the one with the most rows follow the engine (`vllm@0.18.0`).
    pub name: String,
    /// What it is of.
    pub key: Key,
    /// Its rows in the order of the table.
    pub rows: Vec<Row>,
}

impl Set {
    /// Whether layers are shared by tensor parallelism alone.
    #[must_use]
    pub fn plain(&self) -> bool {
        self.key.other == [1; 3]
    }
}

/// Reads a table.
///
/// # Errors
/// A column that is missing; a row whose quantities are not above zero; a file that cannot be read.
pub fn open(path: &Path) -> Outcome<Vec<Set>> {
    sets(Csv::open(path)?)
}

/// Reads a table from lines.
///
/// # Errors
/// As [`open`].
pub fn from_lines(lines: Lines) -> Outcome<Vec<Set>> {
    sets(Csv::new(lines)?)
}

/// Where things are.
struct Columns {
    isl: Column,
    osl: Column,
    ttft: Column,
    tpot: Column,
    concurrency: Option<Column>,
    batch: Option<Column>,
    told: Option<Column>,
    mode: Option<Column>,
    words: [Option<Column>; 5],
    tp: Option<Column>,
    others: [Option<Column>; 3],
}

impl Columns {
    fn find(csv: &Csv) -> Outcome<Columns> {
        let maybe = |name: &str| csv.optional_column(name);
        let sample = maybe("silicon_tpot_ms").is_some();
        let (ttft, tpot) = if sample { ("silicon_ttft_ms", "silicon_tpot_ms") } else { ("ttft_ms", "tpot_ms") };
        let words = if sample {
            ["model_path", "system", "backend", "precision", "backend_version"]
        } else {
            ["model", "gpu", "engine", "dtype", "version"]
        };
        let concurrency = if sample { maybe("concurrency") } else { Some(csv.column("concurrency")?) };
        Ok(Columns {
            isl: csv.column("isl")?,
            osl: csv.column("osl")?,
            ttft: csv.column(ttft)?,
            tpot: csv.column(tpot)?,
            concurrency,
            batch: if sample { Some(csv.column("batch_size")?) } else { None },
            told: maybe("silicon_data_source").filter(|_| sample),
            mode: maybe("mode").filter(|_| sample),
            words: words.map(maybe),
            tp: maybe(if sample { "tp_size" } else { "tp" }),
            others: ["pp_size", "attention_dp_size", "moe_ep_size"].map(|n| maybe(n).filter(|_| sample)),
        })
    }
}

fn sets(mut csv: Csv) -> Outcome<Vec<Set>> {
    let at = Columns::find(&csv)?;
    let mut found: BTreeMap<Key, Vec<Row>> = BTreeMap::new();
    while let Some(row) = csv.next_row()? {
        if at.mode.is_some_and(|c| row.text(c).trim() != "agg") {
            continue;
        }
        let count = |column: Column| match row.u64(column)? {
            0 => Err(row.fault(column, format!("line {}: zero, it must be above", row.line()), "must be above zero")),
            n => Ok(n),
        };
        let time = |column: Column| {
            let v = row.f64(column)?;
            if v > 0.0 {
                return Ok(v);
            }
            Err(row.fault(column, format!("line {}: a time of zero", row.line()), "must be above zero"))
        };
        let told = at.told.and_then(|c| told_concurrency(row.text(c)));
        let concurrency = match (told, at.concurrency, at.batch) {
            (Some(n), _, _) => n,
            (None, Some(c), _) | (None, None, Some(c)) => count(c)?,
            (None, None, None) => 1,
        };
        let word = |i: usize| {
            let text = at.words[i].and_then(|c| row.filled(c)).unwrap_or(if i == 4 { "" } else { UNRECORDED });
            text.rsplit('/').next().unwrap_or_default().to_owned()
        };
        // Zero and nothing both stand for "not used" in the sample.
        let degree = |c: Option<Column>| match c {
            Some(c) => row.optional_u64(c).map(|n| n.unwrap_or(1).max(1)),
            None => Ok(1),
        };
        let key = Key {
            model: word(0),
            gpu: word(1),
            engine: word(2),
            dtype: word(3),
            tp: degree(at.tp)?,
            other: [degree(at.others[0])?, degree(at.others[1])?, degree(at.others[2])?],
            version: word(4),
        };
        found.entry(key).or_default().push(Row {
            isl: count(at.isl)?,
            osl: count(at.osl)?,
            concurrency,
            ttft_ms: time(at.ttft)?,
            tpot_ms: time(at.tpot)?,
        });
    }
    // Of several versions the one with the most rows has the plain name; among equals the last.
    let mut largest: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (key, rows) in &found {
        let this = (rows.len(), key.version.clone());
        let best = largest.entry(name(key, "")).or_insert_with(|| this.clone());
        if this.0 >= best.0 {
            *best = this;
        }
    }
    let set = |(key, rows): (Key, Vec<Row>)| {
        let plain = largest.get(&name(&key, "")).is_none_or(|(_, version)| *version == key.version);
        let version = if key.version.is_empty() { UNRECORDED } else { &key.version };
        let version = if plain { String::new() } else { format!("@{version}") };
        Set { name: name(&key, &version), key, rows }
    };
    Ok(found.into_iter().map(set).collect())
}

fn name(k: &Key, version: &str) -> String {
    let mut text = format!("{}/{}/{}{version}/{}/TP{}", k.model, k.gpu, k.engine, k.dtype, k.tp);
    for (word, n) in ["PP", "DP", "EP"].iter().zip(k.other) {
        if n > 1 {
            text.push_str(&format!("-{word}{n}"));
        }
    }
    text
}

/// `silicon_concurrency=64` somewhere in a remark.
fn told_concurrency(text: &str) -> Option<u64> {
    let rest = text.split("silicon_concurrency=").nth(1)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok().filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> Outcome<Vec<Set>> {
        from_lines(Lines::from_reader("bench.csv", Cursor::new(text.to_owned()))?)
    }

    #[test]
    fn a_table_of_ones_own_is_read() {
        let sets = read("concurrency,isl,osl,ttft_ms,tpot_ms,gpu,tp\n4,1024,128,50.5,9.25,H100,2\n").unwrap();
        assert_eq!(sets[0].name, "unrecorded/H100/unrecorded/unrecorded/TP2");
        assert_eq!(sets[0].rows, [Row { isl: 1024, osl: 128, concurrency: 4, ttft_ms: 50.5, tpot_ms: 9.25 }]);
    }

    #[test]
    fn sets_of_several_versions_have_names_of_their_own() {
        let head = "silicon_data_source,backend,backend_version,model_path,system,precision,mode,isl,osl,batch_size,\
                    tp_size,moe_ep_size,silicon_ttft_ms,silicon_tpot_ms\n";
        let rows = "x; silicon_concurrency=64; y,vllm,0.18,org/M,h100_sxm,fp8,agg,1024,1024,8,2,0,10,1\n\
                    ,vllm,0.19,org/M,h100_sxm,fp8,agg,1024,1024,8,2,,10,1\n\
                    ,vllm,0.19,org/M,h100_sxm,fp8,disagg,1024,1024,,2,,,\n\
                    ,trtllm,1,org/M,h100_sxm,,agg,1024,1024,8,2,4,10,1\n";
        let sets = read(&format!("{head}{rows}")).unwrap();
        let names: Vec<&str> = sets.iter().map(|s| s.name.as_str()).collect();
        let want = ["M/h100_sxm/trtllm/unrecorded/TP2-EP4", "M/h100_sxm/vllm@0.18/fp8/TP2", "M/h100_sxm/vllm/fp8/TP2"];
        assert_eq!(names, want);
        assert_eq!((sets[1].rows[0].concurrency, sets[2].rows[0].concurrency), (64, 8));
    }

    #[test]
    fn bad_tables_point_to_the_place() {
        let e = read("isl,osl,ttft_ms,tpot_ms\n1,1,1,1\n").unwrap_err();
        assert!(e.message.contains("no column `concurrency`"), "{}", e.message);
        let head = "concurrency,isl,osl,ttft_ms,tpot_ms\n";
        for (row, line) in [("4,0,1,1,1", 2), ("4,1,1,1,NaN", 2), ("4,1,1,-1,1", 2), ("4,1,1,1,0", 2), ("x,1,1,1,1", 2)]
        {
            assert_eq!(read(&format!("{head}{row}\n")).unwrap_err().line, line, "{row}");
        }
    }
}
