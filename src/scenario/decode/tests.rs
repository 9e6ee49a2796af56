use indexmap::IndexMap;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::number::{NonNegative, Positive};
use super::quantity::{Bandwidth, Percent, Power};
use super::*;
use crate::formats::set::Override;
use crate::formats::tree::outline;
use crate::formats::{Syntax, parse};
use crate::units::{Bytes, Duration, Fraction, Name, Rate, SourceMap, Usd};

record! {
    /// The whole file.
    pub struct Fleet {
        /// Which rules it follows.
        pub version: u32,
        /// What it is called.
        pub name: Spanned<Name>,
        /// Groups of nodes.
        pub pools: Vec<Pool>,
        /// How long.
        pub horizon: Duration = Duration::from_hours(48) => "two days, by convention",
        /// Who pays.
        pub labels: Option<IndexMap<Name, Name>>,
    }
}

record! {
    /// A group of nodes
    /// of one kind.
    pub struct Pool {
        /// What it is called.
        pub name: Spanned<Name>,
        /// How many nodes.
        pub nodes: Nodes = Nodes::Fixed(8) => "a rack",
        /// How they are bought.
        pub buy: Buy = Buy::OnDemand(all_defaults()) => "the simplest",
        /// A word.
        pub note: Option<String>,
        /// A Rust word.
        pub r#type: Option<f64>,
    }
}

choice! {
    /// How many.
    pub enum Nodes {
        /// Always as many.
        Fixed(u32),
        /// Between two numbers.
        Range(u32, u32),
        /// In parts.
        Mix(Vec<(u32, f64)>),
        /// None.
        Nothing,
    }
}

choice! {
    /// How to buy.
    pub enum Buy {
        /// By the hour.
        OnDemand(OnDemand),
        /// Cheap.
        Spot(Spot),
        /// One of another.
        Twice(Box<Buy>),
    }
}

record! {
    /// By the hour.
    pub struct OnDemand {
        /// Wait before.
        pub after: Duration = Duration::ZERO => "none",
    }
}

record! {
    /// Cheap and gone.
    pub struct Spot {
        /// Mean life.
        pub lives: Duration,
        /// Then what.
        pub fallback: Option<Box<Buy>>,
    }
}

fn read<T: Decode>(text: &str, syntax: Syntax, sets: &[&str]) -> (Decoded<T>, SourceMap) {
    let mut sources = SourceMap::default();
    let id = sources.add("f", text);
    let (tree, out) = parse(id, &sources, syntax);
    assert!(!out.has_errors(), "{text}: {out:?}");
    let mut tree = tree.expect("a tree");
    for set in sets {
        Override::from_argument(set, &mut sources).and_then(|o| o.apply(&mut tree)).expect("an override");
    }
    (decode::<T>(&tree), sources)
}

fn good<T: Decode>(text: &str) -> T {
    let (decoded, _) = read::<T>(text, Syntax::Ron, &[]);
    assert_eq!(decoded.diagnostics.list, [], "{text}");
    decoded.value.expect("a value")
}

/// Each problem as `message @ words under the caret | label | help | help`.
fn problems<T: Decode>(text: &str, syntax: Syntax, sets: &[&str]) -> Vec<String> {
    let (decoded, sources) = read::<T>(text, syntax, sets);
    let one = |d: &crate::units::Diagnostic| {
        let (id, s) = d.at.expect("a place");
        let under = &sources.get(id).text[s.start as usize..s.end as usize];
        let help: String = d.help.iter().map(|h| format!(" | {h}")).collect();
        format!("{} @ {under} | {}{help}", d.message, d.label)
    };
    decoded.diagnostics.list.iter().map(one).collect()
}

/// The label and help of the one problem of a scalar.
fn refusal<T: Decode>(text: &str) -> String {
    let (decoded, _) = read::<T>(text, Syntax::Ron, &[]);
    assert!(decoded.value.is_none(), "{text}");
    assert_eq!(decoded.diagnostics.list.len(), 1, "{text}");
    let d = &decoded.diagnostics.list[0];
    format!("{} | {}", d.label, d.help.join(" | "))
}

const GOOD: &str = r#"Fleet(version: 1, name: "a", pools: [
    (name: "h100", buy: Spot(lives: "9h", fallback: OnDemand)),
    Pool(name: "ft", nodes: Range(0, 16), note: "x", type: 1),
    (name: "l4", nodes: Mix([(8, 0.7), (16, 0.3)]), buy: Twice(OnDemand(after: "1m"))),
], labels: (team: "search"))"#;

#[test]
fn a_good_file_gives_its_values_and_the_defaults_taken() {
    let (decoded, _) = read::<Fleet>(GOOD, Syntax::Ron, &[]);
    assert_eq!(decoded.diagnostics.list, []);
    let fleet = decoded.value.expect("a value");
    assert_eq!(fleet.pools[1].nodes, Nodes::Range(0, 16));
    assert_eq!(fleet.pools[2].nodes, Nodes::Mix(vec![(8, 0.7), (16, 0.3)]));
    assert_eq!(fleet.pools[1].r#type, Some(1.0));
    let Buy::Spot(spot) = &fleet.pools[0].buy else { panic!() };
    assert_eq!(spot.lives, Duration::from_hours(9));
    assert_eq!(spot.fallback, Some(Box::new(Buy::OnDemand(OnDemand { after: Duration::ZERO }))));
    let taken: Vec<String> =
        decoded.defaults.iter().map(|d| format!("{} = {} ({})", d.path, d.value, d.source)).collect();
    assert_eq!(
        taken,
        [
            "pools.h100.nodes = Fixed(8) (a rack)",
            "pools.h100.buy.fallback.after = \"0s\" (none)",
            "pools.ft.buy = OnDemand(after: \"0s\") (the simplest)",
            "horizon = \"2d\" (two days, by convention)",
        ]
    );
}

#[test]
fn ron_json_and_yaml_give_the_same_values() {
    let json = r#"{"version": 1, "name": "a", "pools": [
        {"name": "h100", "buy": {"Spot": {"lives": "9h", "fallback": "OnDemand"}}},
        {"name": "ft", "nodes": {"Range": [0, 16]}, "note": "x", "type": 1},
        {"name": "l4", "nodes": {"Mix": [[8, 0.7], [16, 0.3]]}, "buy": {"Twice": {"OnDemand": {"after": "1m"}}}}],
        "labels": {"team": "search"}}"#;
    let yaml = "
version: 1
name: a
pools:
  - name: h100
    buy: !Spot {lives: 9h, fallback: OnDemand}
  - {name: ft, nodes: !Range [0, 16], note: x, type: 1}
  - name: l4
    nodes: {Mix: [[8, 0.7], [16, 0.3]]}
    buy: {Twice: {OnDemand: {after: 1m}}}
labels: {team: search}
";
    let ron = good::<Fleet>(GOOD);
    for (text, syntax) in [(json, Syntax::Json), (yaml, Syntax::Yaml)] {
        let (decoded, _) = read::<Fleet>(text, syntax, &[]);
        assert_eq!(decoded.diagnostics.list, []);
        assert_eq!(decoded.value.as_ref(), Some(&ron));
    }
    let shown = ron.show();
    assert_eq!(good::<Fleet>(&shown), ron, "{shown}");
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place_and_remedy() {
    let text = r#"(nmae: "a", pools: [
        (name: "h100", ndoes: Fixed(8), buy: OnDemnd),
        (nodes: Fixed(-1), buy: Spot, note: 5),
        (name: "x", nodes: 8, buy: Spot(lives: 9, fallback: Fixed(1))),
        (name: "y", nodes: Range(1), buy: OnDemand(after: h)),
        (name: "z", nodes: Fixed(1, 2), buy: Twice),
        (name: "w", nodes: Nothing(3), note: word),
        5,
    ], version: "1", labels: ("a b": "c"))"#
        .replace("(\"a b\": \"c\")", "{\"a b\": \"c\"}");
    assert_eq!(
        problems::<Fleet>(&text, Syntax::Ron, &[]),
        [
            "unknown field `nmae` in `Fleet` @ nmae | `Fleet` has no such field | did you mean `name`? | fields of `Fleet`: version, name, pools, horizon, labels",
            "expected a whole number, found the text \"1\" @ \"1\" | a number goes without quotes | write 1",
            "unknown field `ndoes` in `pools.h100` @ ndoes | `Pool` has no such field | did you mean `nodes`? | fields of `Pool`: name, nodes, buy, note, type",
            "unknown choice `OnDemnd` for `pools.h100.buy` @ OnDemnd | not a choice of `Buy` | did you mean `OnDemand`? | choices of `Buy`: OnDemand, Spot, Twice",
            "expected a whole number, found the number -1 @ -1 | must not be negative | write a whole number as 8 or 10_000",
            "missing field `lives` in `pools[1].buy` @ S | field `lives` is required here",
            "expected text, found the number 5 @ 5 | needs quotes | write \"5\"",
            "missing field `name` in `pools[1]` @ ( | field `name` is required here",
            "expected a choice (Nodes), found the number 8 @ 8 | expected a choice (Nodes) | choices of `Nodes`: Fixed, Range, Mix, Nothing",
            "expected a duration, found the number 9 @ 9 | a unit is missing | which unit? write \"9s\" for seconds, \"9m\" for minutes, \"9h\" for hours or \"9d\" for days",
            "unknown choice `Fixed` for `pools.x.buy.fallback` @ Fixed | not a choice of `Buy` | choices of `Buy`: OnDemand, Spot, Twice",
            "expected a pair, (a, b), found a list of 1 @ R | expected a pair, (a, b) | write the values together in brackets",
            "expected a duration, found `h` @ h | expected a duration | write a duration as \"2h 30m\", \"90s\" or \"31d\"",
            "`Fixed` takes one value @ Fixed | there are 2 | write `Fixed(…)`",
            "`Twice` needs a value @ Twice | a value is missing | write `Twice(…)`",
            "`Nothing` takes nothing @ Nothing | stands alone | write `Nothing`",
            "expected text, found `word` @ word | needs quotes | write \"word\"",
            "expected a record (Pool), found the number 5 @ 5 | expected a record (Pool) | fields of `Pool`: name, nodes, buy, note, type",
            "expected a name, found the text \"a b\" @ \"a b\" | ' ' is not allowed here: a name has letters, digits, '-', '_' and '.', and begins and ends with a letter or digit",
            "missing field `name` in `Fleet` @ ( | field `name` is required here",
        ]
    );
}

#[test]
fn overrides_may_leave_quotes_out_and_files_may_not() {
    let sets = [
        "pools.ft.note=word",
        "pools.ft.name=ft2",
        "horizon=10m",
        "pools.h100.note=8",
        "pools.l4.buy=Spot(lives: \"2h\")",
    ];
    let (decoded, _) = read::<Fleet>(GOOD, Syntax::Ron, &sets);
    assert_eq!(decoded.diagnostics.list, []);
    let fleet = decoded.value.expect("a value");
    assert_eq!(fleet.pools[1].note.as_deref(), Some("word"));
    assert_eq!(fleet.pools[1].name.as_str(), "ft2");
    assert_eq!(fleet.pools[0].note.as_deref(), Some("8"));
    assert_eq!(fleet.horizon, Duration::from_secs(600));
    assert_eq!(
        problems::<Fleet>(GOOD, Syntax::Ron, &["pools.ft.bui=Spot", "pools.h100.buy.lifes=1h", "horizon=10"]),
        [
            "unknown field `lifes` in `pools.h100.buy` @ lifes | `Spot` has no such field | did you mean `lives`? | fields of `Spot`: lives, fallback",
            "unknown field `bui` in `pools.ft` @ bui | `Pool` has no such field | did you mean `buy`? | fields of `Pool`: name, nodes, buy, note, type",
            "expected a duration, found the number 10 @ 10 | a unit is missing | which unit? write \"10s\" for seconds, \"10m\" for minutes, \"10h\" for hours or \"10d\" for days",
        ]
    );
}

#[test]
fn durations_are_exact_or_refused() {
    let ns = |t: &str| good::<Duration>(&format!("{t:?}")).0;
    const S: u64 = 1_000_000_000;
    for (text, want) in [
        ("2h 30m", 9000 * S),
        ("2h30m", 9000 * S),
        ("90s", 90 * S),
        ("31d", 31 * 86_400 * S),
        ("1.5h", 5400 * S),
        ("2w", 14 * 86_400 * S),
        ("800ms", 800_000_000),
        ("1us", 1000),
        ("1 ns", 1),
        ("0s", 0),
        ("50_000h", 50_000 * 3600 * S),
        ("0.000000001s", 1),
        ("1e3s", 0),
    ] {
        if text == "1e3s" {
            assert!(refusal::<Duration>("\"1e3s\"").starts_with("`e` is not a unit"));
        } else {
            assert_eq!(ns(text), want, "{text}");
        }
    }
    for (text, why) in [
        ("5", "a unit is missing | which unit? write \"5s\""),
        ("\"5\"", "a unit is missing | which unit? write \"5s\""),
        ("\"2h 30\"", "a unit is missing | which unit? write \"30s\""),
        ("\"5 min\"", "`min` is not a unit | write \"5m\""),
        ("\"5 sce\"", "`sce` is not a unit | units are w, d, h"),
        ("\"1M\"", "a month has no fixed length | write \"30d\""),
        ("\"2 years\"", "a year has no fixed length"),
        ("\"30m 2h\"", "units go from the larger to the smaller"),
        ("\"2h 3h\"", "units go from the larger to the smaller"),
        ("\"-5m\"", "must not be negative"),
        ("\"0.1ns\"", "finer than a nanosecond"),
        ("\"600y\"", "a year has no fixed length"),
        ("\"999999w\"", "longer than 584 years"),
        ("\"soon\"", "expected a duration"),
        ("\"\"", "empty"),
        ("true", "expected a duration"),
        ("[]", "expected a duration"),
    ] {
        let got = refusal::<Duration>(text);
        assert!(got.starts_with(why), "{text}: {got}");
    }
}

#[test]
fn sizes_bandwidths_and_power_have_units() {
    assert_eq!(good::<Bytes>("\"80GiB\""), Bytes(80 << 30));
    assert_eq!(good::<Bytes>("\"980GB\""), Bytes(980_000_000_000));
    assert_eq!(good::<Bytes>("\"1.5 TB\""), Bytes(1_500_000_000_000));
    assert_eq!(good::<Bandwidth>("\"4GB/s\""), Bandwidth(4_000_000_000));
    assert_eq!(good::<Bandwidth>("\"1.5 GiB/s\""), Bandwidth(3 << 29));
    assert_eq!(good::<Bandwidth>("\"100Gbit/s\""), Bandwidth(12_500_000_000));
    assert_eq!(good::<Power>("\"700W\""), Power(700.0));
    assert_eq!(good::<Power>("\"1.2 kW\""), Power(1200.0));
    for (text, why) in [
        ("80", "a unit is missing | write \"80GB\""),
        ("\"80\"", "a unit is missing"),
        ("\"80Gi\"", "the unit is cut short | write \"80GiB\""),
        ("\"80gb\"", "`gb` is not a unit | write \"80GB\""),
        ("\"0.1KiB\"", "not a whole number of bytes"),
        ("\"-1GB\"", "must not be negative"),
        ("\"99999999PB\"", "too large"),
        ("\"big\"", "expected a size in bytes"),
    ] {
        let got = refusal::<Bytes>(text);
        assert!(got.starts_with(why), "{text}: {got}");
    }
    for (text, why) in [
        ("\"4GB\"", "per what? | write \"4GB/s\""),
        ("4", "a unit is missing"),
        ("\"4Gb/s\"", "bits or bytes?"),
        ("\"4Gbps\"", "bits or bytes?"),
        ("\"4gB/s\"", "`gB` is not a unit | write \"4GB\""),
    ] {
        let got = refusal::<Bandwidth>(text);
        assert!(got.starts_with(why), "{text}: {got}");
    }
    assert!(refusal::<Power>("700").starts_with("a unit is missing | write \"700W\""));
    assert!(refusal::<Power>("\"700w\"").starts_with("`w` is not a unit | write \"700W\""));
}

#[test]
fn fractions_money_and_rates_are_exact() {
    assert_eq!(good::<Fraction>("\"18%\"").get().to_bits(), 0.18f64.to_bits());
    assert_eq!(good::<Fraction>("0.18").get(), 0.18);
    assert_eq!(good::<Fraction>("1").get(), 1.0);
    assert_eq!(good::<Percent>("\"-12.5%\""), Percent(-0.125));
    assert_eq!(good::<Usd>("330_000"), "330000".parse().unwrap());
    assert_eq!(good::<Usd>("\"12.5 USD\""), "12.5".parse().unwrap());
    assert_eq!(good::<Usd>("1e-3"), "0.001".parse().unwrap());
    assert_eq!(good::<Rate>("\"3.06 USD/h\""), "3.06".parse().unwrap());
    assert_eq!(good::<Rate>("32.7726"), "32.7726".parse().unwrap());
    assert!(refusal::<Fraction>("18").contains("write \"18%\""));
    assert!(refusal::<Fraction>("\"118%\"").starts_with("must be from 0 to 1"));
    assert!(refusal::<Fraction>("-0.1").starts_with("must be from 0 to 1"));
    assert!(refusal::<Fraction>("NaN").starts_with("must be finite"));
    assert!(refusal::<Usd>("1e-13").starts_with("more than twelve decimals"));
    assert!(refusal::<Usd>("1e30").starts_with("more than a bill can hold"));
    assert!(refusal::<Usd>("\"12 EUR\"").starts_with("`EUR` is not a unit here | write \"12 USD\""));
    assert!(refusal::<Usd>("\"$12\"").starts_with("dollars are written USD | write \"12 USD\""));
    assert!(refusal::<Usd>("\"330_000\"").starts_with("text without a currency | write 330000"));
    assert!(refusal::<Rate>("\"3.06 USD\"").starts_with("`USD` is not a unit here | write \"3.06 USD/h\""));
    assert!(refusal::<Rate>("-1").starts_with("must not be negative"));
}

#[test]
fn numbers_keep_their_range() {
    assert_eq!(good::<u32>("0x10"), 16);
    assert_eq!(good::<u32>("1e6"), 1_000_000);
    assert_eq!(good::<u64>("18_446_744_073_709_551_615"), u64::MAX);
    assert_eq!(good::<i32>("-7"), -7);
    assert_eq!(good::<Positive>("1e-3").get(), 1e-3);
    assert_eq!(good::<NonNegative>("-0.0").get().to_bits(), 0);
    for (got, why) in [
        (refusal::<u32>("4294967296"), "must be at most 4294967295"),
        (refusal::<u32>("1.5"), "must be a whole number"),
        (refusal::<u32>("-1"), "must not be negative"),
        (refusal::<u32>("1e40"), "must be at most"),
        (refusal::<i32>("-2147483649"), "must be at least -2147483648"),
        (refusal::<std::num::NonZeroU32>("0"), "must be at least 1"),
        (refusal::<f64>("NaN"), "must be finite"),
        (refusal::<f64>("-inf"), "must be finite"),
        (refusal::<f64>("1e999"), "too large for a number"),
        (refusal::<Positive>("0"), "must be above 0"),
        (refusal::<NonNegative>("-1e-9"), "must not be negative"),
        (refusal::<bool>("\"true\""), "expected `true` or `false` | write true, without quotes"),
        (refusal::<String>("true"), "needs quotes"),
    ] {
        assert!(got.starts_with(why), "{why}: {got}");
    }
    // What YAML takes for text still gets good advice.
    assert_eq!(problems::<u32>("330_000", Syntax::Yaml, &[]).len(), 1);
    assert!(problems::<u32>("330_000", Syntax::Yaml, &[])[0].ends_with("write 330000"));
}

#[test]
fn dates_times_and_zones_are_those_of_the_calendar() {
    assert_eq!(good::<Date>("\"2026-10-01\"").to_string(), "2026-10-01");
    assert_eq!(good::<DateTime>("\"2026-10-01T08:00\"").to_string(), "2026-10-01T08:00:00");
    assert_eq!(good::<DateTime>("\"2026-10-01\"").to_string(), "2026-10-01T00:00:00");
    assert_eq!(good::<Time>("\"14:00\"").hour(), 14);
    assert_eq!(good::<TimeZone>("\"America/New_York\"").iana_name(), Some("America/New_York"));
    for (got, why) in [
        (refusal::<Date>("\"2026-02-30\""), "2026-02 has 28 days"),
        (refusal::<Date>("\"2026-13-01\""), "months go from 01 to 12"),
        (refusal::<Date>("\"01.10.2026\""), "expected a date | write a date as \"2026-10-01\""),
        (refusal::<Date>("\"2026-10-01T08:00\""), "expected a date"),
        (refusal::<DateTime>("\"2026-10-01T08:00Z\""), "without a zone"),
        (refusal::<DateTime>("\"2026-10-01T25:00\""), "from 00:00 to 23:59:59"),
        (refusal::<Time>("\"2pm\""), "expected a time of day"),
        (
            refusal::<TimeZone>("\"America/New_Yrok\""),
            "not in the time zone database | did you mean \"America/New_York\"?",
        ),
        (refusal::<TimeZone>("\"New York\""), "not in the time zone database | did you mean \"America/New_York\"?"),
    ] {
        assert!(got.starts_with(why), "{why}: {got}");
    }
}

#[test]
fn names_are_unique_and_references_lead_somewhere() {
    let fleet = good::<Fleet>(r#"(version: 1, name: "h10", pools: [(name: "h100"), (name: "ft"), (name: "h100")])"#);
    let mut out = Diagnostics::default();
    let names = unique("pool", fleet.pools.iter().map(|p| &p.name), &mut out);
    assert_eq!(names.len(), 2);
    assert_eq!(out.list[0].message, "two pools are named `h100`");
    assert!(out.list[0].also.is_some() && out.list[0].at.unwrap().1.start > out.list[0].also.as_ref().unwrap().1.start);
    assert_eq!(names.find(&fleet.pools[1].name, &mut out), Some(1));
    assert_eq!(names.find(&fleet.name, &mut out), None);
    assert_eq!(out.list[1].message, "no pool named `h10`");
    assert_eq!(out.list[1].help, ["did you mean `h100`?", "pools are h100, ft"]);
}

#[test]
fn defaults_are_blamed_at_their_record() {
    let (decoded, sources) = read::<Placed>("[(), (at: \"x\")]".trim(), Syntax::Ron, &[]);
    let _ = sources;
    assert!(decoded.value.is_none());
    let both = good::<Vec<Placed>>("[(), (at: \"x\")]");
    assert_eq!(both[0].at.at.1.start, 1);
    assert_eq!(both[1].at.at.1.start, 10);
}

record! {
    /// For places.
    pub struct Placed {
        /// A place.
        pub at: Spanned<String> = Spanned::unplaced("d".to_owned()) => "nowhere",
    }
}

#[test]
fn the_schema_says_what_the_decoder_takes() {
    let schema = schema::json_schema::<Fleet>("a fleet");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$ref"], "#/$defs/Fleet");
    let pool = &schema["$defs"]["Pool"];
    assert_eq!(pool["additionalProperties"], false);
    assert_eq!(pool["required"], serde_json::json!(["name"]));
    assert_eq!(pool["description"], "A group of nodes of one kind.");
    assert_eq!(pool["properties"]["nodes"]["default"], serde_json::json!({"Fixed": 8}));
    assert_eq!(pool["properties"]["buy"]["default"], serde_json::json!({"OnDemand": {"after": "0s"}}));
    assert_eq!(pool["properties"]["type"]["anyOf"][1]["type"], "null");
    let buy = schema["$defs"]["Buy"]["oneOf"].as_array().expect("variants");
    // OnDemand stands alone or holds a record; Spot and Twice must hold something.
    assert_eq!(buy.iter().filter(|v| v.get("const").is_some()).count(), 1);
    assert_eq!(buy.len(), 4);
    let nodes = schema["$defs"]["Nodes"]["oneOf"].as_array().expect("variants");
    assert_eq!(nodes[1]["properties"]["Range"]["prefixItems"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_reference_has_a_table_for_each_type() {
    let text = schema::markdown::<Fleet>();
    for line in [
        "## Pool",
        "A group of nodes of one kind.",
        "| `name` | name | required |  | What it is called. |",
        "| `nodes` | [Nodes](#nodes) | `Fixed(8)` | a rack | How many nodes. |",
        "| `type` | number, may be left out | none |  | A Rust word. |",
        "| `horizon` | duration | `\"2d\"` | two days, by convention | How long. |",
        "| `labels` | names with name, may be left out | none |  | Who pays. |",
        "| `Range(…, …)` | whole number, whole number | Between two numbers. |",
        "| `Mix(…)` | list of (whole number, number) | In parts. |",
        "| `OnDemand` or `OnDemand(…)` | [OnDemand](#ondemand) | By the hour. |",
        "| `Nothing` |  | None. |",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

fn round_trips<T: Decode + PartialEq + std::fmt::Debug>(value: T) {
    let shown = value.show();
    assert_eq!(good::<T>(&shown), value, "{shown}");
    // And as JSON, by way of the tree.
    let mut sources = SourceMap::default();
    let id = sources.add("f", shown.as_str());
    let (tree, _) = parse(id, &sources, Syntax::Ron);
    let json = schema::to_json(&tree.expect("a tree")).to_string();
    let (decoded, _) = read::<T>(&json, Syntax::Json, &[]);
    assert_eq!(decoded.value, Some(value), "{json}");
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(
        ns in prop_oneof![any::<u64>(), (0u64..10_000).prop_map(|s| s * 1_000_000_000)],
        bytes in prop_oneof![any::<u64>(), (0u64..10_000).prop_map(|g| g << 30), (0u64..10_000).prop_map(|g| g * 1_000_000_000)],
        share in 0.0f64..=1.0, x in any::<f64>(), pico in 0i128..1_000_000_000_000_000_000_000_000,
        text in ".{0,20}", secs in 0i64..4_000_000_000,
    ) {
        round_trips(Duration(ns));
        round_trips(Bytes(bytes));
        round_trips(Bandwidth(bytes));
        round_trips(Fraction::new(share).expect("a fraction"));
        round_trips(text);
        let moment = jiff::Timestamp::from_second(secs).expect("a moment").to_zoned(TimeZone::UTC).datetime();
        round_trips(moment);
        round_trips(moment.date());
        round_trips(moment.time());
        if x.is_finite() {
            let got = good::<f64>(&x.show());
            prop_assert_eq!(got.to_bits(), (x + 0.0).to_bits());
        }
        // Money is exact in RON; JSON numbers of ours go through a double.
        prop_assert_eq!(good::<Usd>(&Usd(pico).show()), Usd(pico));
        prop_assert_eq!(good::<Usd>(&Usd(-pico).show()), Usd(-pico));
        round_trips(Rate(pico));
    }

    #[test]
    fn no_tree_makes_decoding_panic(text in "[(){}\\[\\],:a-cF0-9.\"%hGBs -]{0,40}") {
        let mut sources = SourceMap::default();
        let id = sources.add("f", text.as_str());
        if let (Some(tree), _) = parse(id, &sources, Syntax::Ron) {
            let _ = outline(&tree);
            let _ = decode::<Fleet>(&tree);
            let _ = decode::<Pool>(&tree);
            let _ = decode::<Buy>(&tree);
            let _ = decode::<Vec<(Duration, Bytes)>>(&tree);
            let _ = decode::<IndexMap<Name, Bandwidth>>(&tree);
        }
    }

    #[test]
    fn no_text_makes_a_scalar_panic(text in "[-+0-9.eE_%a-zA-Zµ$/: ]{0,16}") {
        let quoted = text.show();
        for t in [quoted.as_str(), text.as_str()] {
            let mut sources = SourceMap::default();
            let id = sources.add("f", t);
            if let (Some(tree), _) = parse(id, &sources, Syntax::Ron) {
                let _ = (decode::<Duration>(&tree), decode::<Bytes>(&tree), decode::<Bandwidth>(&tree), decode::<Power>(&tree));
                let _ = (decode::<Fraction>(&tree), decode::<Percent>(&tree), decode::<Usd>(&tree), decode::<Rate>(&tree));
                let _ = (decode::<Date>(&tree), decode::<DateTime>(&tree), decode::<Time>(&tree), decode::<TimeZone>(&tree));
                let _ = (decode::<u32>(&tree), decode::<i64>(&tree), decode::<f64>(&tree), decode::<bool>(&tree));
            }
        }
    }
}

#[test]
fn the_deepest_tree_decodes_without_trouble() {
    let deep = format!("{}OnDemand{}", "Twice(".repeat(127), ")".repeat(127));
    assert!(read::<Buy>(&deep, Syntax::Ron, &[]).0.value.is_some());
    let deep = format!("{}\"OnDemand\"{}", "{\"Twice\":".repeat(127), "}".repeat(127));
    assert!(read::<Buy>(&deep, Syntax::Json, &[]).0.value.is_some());
}

#[test]
fn a_report_reads_well() {
    let text = "(version: 1, name: \"a\", pools: [\n    (name: \"h100\", ndoes: Fixed(8)),\n])\n";
    let (decoded, sources) = read::<Fleet>(text, Syntax::Ron, &["pools.h100.buy=OnDemnd"]);
    let shown = crate::formats::render::render(&decoded.diagnostics, &sources, false);
    assert_eq!(
        shown,
        "\
error: unknown field `ndoes` in `pools.h100`
 --> f:2:20
  |
2 |     (name: \"h100\", ndoes: Fixed(8)),
  |                    ^^^^^ `Pool` has no such field
  |
  = help: did you mean `nodes`?
  = help: fields of `Pool`: name, nodes, buy, note, type

error: unknown choice `OnDemnd` for `pools.h100.buy`
 --> --set:1:16
  |
1 | pools.h100.buy=OnDemnd
  |                ^^^^^^^ not a choice of `Buy`
  |
  = help: did you mean `OnDemand`?
  = help: choices of `Buy`: OnDemand, Spot, Twice

2 errors
"
    );
}
