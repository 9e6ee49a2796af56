use proptest::prelude::*;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, Serializer};

use super::super::tree::outline;
use super::*;
use crate::units::SourceMap;

fn read(text: &str) -> (Option<Node>, Diagnostics) {
    let mut map = SourceMap::default();
    let id = map.add("f.ron", text);
    parse(id, text, 0)
}

fn shape(text: &str) -> String {
    let (node, out) = read(text);
    assert_eq!(out.list, [], "{text}");
    outline(&node.expect("a tree"))
}

/// Each diagnostic as `message @ the text under its caret`.
fn faults(text: &str) -> Vec<String> {
    let (_, out) = read(text);
    out.list
        .iter()
        .map(|d| {
            let (_, s) = d.at.expect("a place");
            format!("{} @ {}", d.message, &text[s.start as usize..s.end as usize])
        })
        .collect()
}

#[test]
fn every_form_of_value_is_read() {
    for (text, tree) in [
        ("(a: 1, b: -2.5e3,)", r#"{"a":1 "b":-2.5e3}"#),
        ("Scenario(version: 1)", r#"Scenario{"version":1}"#),
        ("[Fixed(8), Range(0, 16), Fifo, Spot(), ()]", "[Fixed[8] Range[0 16] Fifo Spot{} {}]"),
        ("Mix([(8, 0.7), (16, 0.3)])", "Mix[[[8 0.7] [16 0.3]]]"),
        ("Some(3)", "3"),
        ("Some(Some((a: None)))", r#"{"a":null}"#),
        ("Some(a: 1)", r#"{"a":1}"#),
        ("{\"k\": 1, b: 2, 3: true}", r#"{"k":1 b:2 3:true}"#),
        (
            "[330_000, 0x1F, 0b1_0, 0o17, 8u32, 1.5f64, inf, -inf, NaN, .5, 1., +3, 1e-3]",
            "[330_000 0x1F 0b1_0 0o17 8u32 1.5f64 inf -inf NaN .5 1. +3 1e-3]",
        ),
        (
            r##"["a\n\"\\\t\x41", r"C:\x", r#"say "hi""#, 'c', '\'', 'é', "é"]"##,
            r#"["a\n\"\\\tA" "C:\\x" "say \"hi\"" "c" "'" "é" "é"]"#,
        ),
        ("// c\n/* a /* nested */ b */ (a: /* x */ 1) // end", r#"{"a":1}"#),
        ("#![enable(implicit_some, unwrap_newtypes)]\n#![enable(unwrap_variant_newtypes,)] 1", "1"),
        ("(r#type: 1, r#us-east.1: 2)", r#"{"type":1 "us-east.1":2}"#),
        ("\"one\\\n   line\"", r#""oneline""#),
    ] {
        assert_eq!(shape(text), tree, "{text}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_and_places_count_it() {
    let mut map = SourceMap::default();
    let id = map.add("f.ron", "\u{feff}(a: 1)");
    let (node, out) = super::super::parse(id, &map, super::super::Syntax::Ron);
    assert_eq!(out.list, []);
    assert_eq!(node.expect("a tree").at.1, Span { start: 3, end: 9 });
}

#[test]
fn places_are_those_of_the_words() {
    let text = "Scenario(name: \"é\", pools: [(nodes: Fixed(8))])";
    let (node, _) = read(text);
    let node = node.expect("a tree");
    let slice = |n: &Node| text[n.at.1.start as usize..n.at.1.end as usize].to_owned();
    assert_eq!(slice(node.get("name").unwrap()), "\"é\"");
    assert_eq!(slice(node.get("pools").unwrap()), "[(nodes: Fixed(8))]");
    let head = node.head().1;
    assert_eq!(&text[head.start as usize..head.end as usize], "Scenario");
}

#[test]
fn all_faults_are_reported_with_their_place() {
    assert_eq!(
        faults("(a: 10m, b: 18%, c: us-east-1a, d: 2026-10-01, e: 4GB/s, f: 'abc', g: 1)"),
        [
            "`10m` is neither a number nor a name @ 10m",
            "`18%` is neither a number nor a name @ 18%",
            "`us-east-1a` is neither a number nor a name @ us-east-1a",
            "`2026-10-01` is neither a number nor a name @ 2026-10-01",
            "`4GB/s` is neither a number nor a name @ 4GB/s",
            "single quotes hold one character @ 'abc'",
        ]
    );
    assert_eq!(faults("(a: 1 b: 2)"), ["expected `,` or `)`, found `b` @ 1"]);
    assert_eq!(faults("(a: [1, 2)"), ["expected `]`, found `)` @ )"]);
    assert_eq!(faults("(a: (b: [1, 2"), ["expected `]`, found the end of the text @ "]);
    assert_eq!(faults("(a = 1, b: , c: 3)"), ["expected `:`, found `=` @ =", "expected a value, found `,` @ ,"]);
    assert_eq!(faults("(\"a\": 1)"), ["field names are written without quotes @ \"a\""]);
    assert_eq!(
        faults("(a: 1, \"b\": 2, 3, c: x y)"),
        [
            "field names are written without quotes @ \"b\"",
            "expected a field, as `name: value`, found `3` @ 3",
            "expected `,` or `)`, found `y` @ x",
        ]
    );
    assert_eq!(faults("(1, b: 2)"), ["a named field among values without names @ b"]);
    assert_eq!(faults("(a: \"x"), ["this text is never closed @ \""]);
    assert_eq!(faults("(a: 1 /* x"), ["this comment is never closed @ /*"]);
    assert_eq!(faults(r#"(a: "\q", b: "\u{D800}")"#).len(), 2);
    assert_eq!(faults("1 2"), ["expected the end of the text, found `2` @ 2"]);
    assert_eq!(faults(""), ["the text is empty @ "]);
    assert_eq!(faults("// nothing\n"), ["the text is empty @ "]);
    assert_eq!(faults("#![enable(implicit_none)] 1"), ["unknown extension `implicit_none` @ implicit_none"]);
    assert_eq!(faults("b\"x\""), ["bytes are not used here @ b\"x\""]);
    assert_eq!(faults("[1..5]"), ["`1..5` is neither a number nor a name @ 1..5"]);
}

#[test]
fn duplicate_keys_are_errors_that_leave_a_tree() {
    let (node, out) = read("(a: 1, b: (c: 1, c: 2), a: 3)");
    assert!(node.is_some());
    assert_eq!(
        out.list.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(),
        ["`c` is given twice", "`a` is given twice"]
    );
    assert!(out.list.iter().all(|d| d.also.is_some()));
}

#[test]
fn nesting_without_end_is_a_diagnostic() {
    for open in ["(", "[", "(a: ", "{a: ", "F(", "Some(", "[[("] {
        for text in [open.repeat(100_000), format!("(a: [{}], b: 10m)", open.repeat(100_000))] {
            let (node, out) = read(&text);
            assert!(node.is_none());
            assert!(
                out.list.iter().any(|d| d.message == "nested more than 128 levels deep"),
                "{open}: {:?}",
                out.list[0]
            );
            assert!(out.list.len() <= 3, "{open}: {:?}", out.list);
        }
    }
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert!(read(&deep(MAX_DEPTH)).0.is_some());
    assert_eq!(faults(&deep(MAX_DEPTH + 1)), ["nested more than 128 levels deep @ ["]);
}

#[test]
fn a_text_that_is_not_ron_gives_few_complaints() {
    let (_, out) = read(&"§ % & ; ".repeat(1000));
    assert_eq!(out.list.len(), MAX_ERRORS + 1);
}

/// What a fuzzed program could hold, written by `ron` itself and read by us.
#[derive(Clone, Debug)]
enum Gen {
    Unit,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Char(char),
    None,
    Some(Box<Gen>),
    Seq(Vec<Gen>),
    Map(Vec<(String, Gen)>),
    Struct(Vec<Gen>),
    UnitVariant,
    NewtypeVariant(Box<Gen>),
    TupleVariant(Vec<Gen>),
    StructVariant(Vec<Gen>),
}

const FIELDS: [&str; 4] = ["a", "on", "type_", "nodes2"];

impl Serialize for Gen {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Gen::Unit => s.serialize_unit(),
            Gen::Bool(b) => s.serialize_bool(*b),
            Gen::Int(i) => s.serialize_i64(*i),
            Gen::Float(f) => s.serialize_f64(*f),
            Gen::Text(t) => s.serialize_str(t),
            Gen::Char(c) => s.serialize_char(*c),
            Gen::None => s.serialize_none(),
            Gen::Some(x) => s.serialize_some(&**x),
            Gen::Seq(v) => {
                let mut q = s.serialize_seq(Some(v.len()))?;
                v.iter().try_for_each(|x| q.serialize_element(x))?;
                q.end()
            }
            Gen::Map(v) => {
                let mut m = s.serialize_map(Some(v.len()))?;
                v.iter().try_for_each(|(k, x)| m.serialize_entry(k, x))?;
                m.end()
            }
            Gen::Struct(v) => {
                let mut t = s.serialize_struct("Struct", v.len())?;
                FIELDS.iter().zip(v).try_for_each(|(k, x)| t.serialize_field(k, x))?;
                t.end()
            }
            Gen::UnitVariant => s.serialize_unit_variant("E", 0, "Fifo"),
            Gen::NewtypeVariant(x) => s.serialize_newtype_variant("E", 1, "Fixed", &**x),
            Gen::TupleVariant(v) => {
                use serde::ser::SerializeTupleVariant;
                let mut t = s.serialize_tuple_variant("E", 2, "Range", v.len())?;
                v.iter().try_for_each(|x| t.serialize_field(x))?;
                t.end()
            }
            Gen::StructVariant(v) => {
                let mut t = s.serialize_struct_variant("E", 3, "Spot", v.len())?;
                FIELDS.iter().zip(v).try_for_each(|(k, x)| t.serialize_field(k, x))?;
                t.end()
            }
        }
    }
}

/// The outline that our tree must have, by the meaning of each form.
fn expected(g: &Gen, names: bool) -> String {
    let list = |v: &[Gen]| format!("[{}]", v.iter().map(|x| expected(x, names)).collect::<Vec<_>>().join(" "));
    let fields = |v: &[Gen]| {
        let all: Vec<String> = FIELDS.iter().zip(v).map(|(k, x)| format!("{k:?}:{}", expected(x, names))).collect();
        format!("{{{}}}", all.join(" "))
    };
    match g {
        Gen::Unit => "{}".to_owned(),
        Gen::Bool(b) => b.to_string(),
        Gen::Int(i) => i.to_string(),
        Gen::Float(f) => ron::ser::to_string(f).expect("a float"),
        Gen::Text(t) => format!("{t:?}"),
        Gen::Char(c) => format!("{:?}", c.to_string()),
        Gen::None => "null".to_owned(),
        Gen::Some(x) => expected(x, names),
        Gen::Seq(v) => list(v),
        Gen::Map(v) => {
            let all: Vec<String> = v.iter().map(|(k, x)| format!("{k:?}:{}", expected(x, names))).collect();
            format!("{{{}}}", all.join(" "))
        }
        Gen::Struct(v) if names => format!("Struct{}", fields(v)),
        Gen::Struct(v) => fields(v),
        Gen::UnitVariant => "Fifo".to_owned(),
        Gen::NewtypeVariant(x) => format!("Fixed[{}]", expected(x, names)),
        Gen::TupleVariant(v) if v.is_empty() => "Range{}".to_owned(),
        Gen::TupleVariant(v) => format!("Range{}", list(v)),
        Gen::StructVariant(v) => format!("Spot{}", fields(v)),
    }
}

fn generated() -> impl Strategy<Value = Gen> {
    let leaf = prop_oneof![
        Just(Gen::Unit),
        any::<bool>().prop_map(Gen::Bool),
        any::<i64>().prop_map(Gen::Int),
        any::<f64>().prop_filter("ron writes NaN with a sign", |f| !f.is_nan()).prop_map(Gen::Float),
        ".{0,12}".prop_map(Gen::Text),
        any::<char>().prop_map(Gen::Char),
        Just(Gen::None),
        Just(Gen::UnitVariant),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let many = || proptest::collection::vec(inner.clone(), 0..5);
        let one = || inner.clone().prop_map(Box::new);
        prop_oneof![
            one().prop_map(Gen::Some),
            many().prop_map(Gen::Seq),
            proptest::collection::btree_map(".{0,6}", inner.clone(), 0..4)
                .prop_map(|m| Gen::Map(m.into_iter().collect())),
            proptest::collection::vec(inner.clone(), 0..=4).prop_map(Gen::Struct),
            one().prop_map(Gen::NewtypeVariant),
            many().prop_map(Gen::TupleVariant),
            proptest::collection::vec(inner.clone(), 0..=4).prop_map(Gen::StructVariant),
        ]
    })
}

proptest! {
    #[test]
    fn what_ron_writes_reads_to_the_same_tree(g in generated(), names: bool, pretty: bool, raw: bool) {
        let config = ron::ser::PrettyConfig::default().struct_names(names).escape_strings(raw);
        let text = if pretty {
            ron::ser::to_string_pretty(&g, config).expect("ron writes it")
        } else {
            ron::ser::to_string(&g).expect("ron writes it")
        };
        let (node, out) = read(&text);
        prop_assert_eq!(&out.list, &[], "{}", text);
        prop_assert_eq!(outline(&node.expect("a tree")), expected(&g, names && pretty), "{}", text);
    }

    #[test]
    fn any_text_gives_a_tree_or_an_error(text in "[(){}\\[\\],:=a-cF0-9.\"'#!/*\\\\ \n+%é-]{0,60}") {
        let (node, out) = read(&text);
        prop_assert_eq!(node.is_none() || out.list.iter().any(|d| d.message.ends_with("twice")), out.has_errors());
        for d in &out.list {
            let (_, s) = d.at.unwrap_or((SourceId(0), Span::default()));
            prop_assert!(text.is_char_boundary(s.start as usize) && text.is_char_boundary(s.end as usize) && s.start <= s.end);
        }
    }

    #[test]
    fn what_ron_reads_we_read(text in "[(){}\\[\\],:a1.\"'_ /-]{0,14}") {
        // Ranges aside, everything that `ron` takes as a value must have a tree.
        if !text.contains("..") && ron::from_str::<ron::Value>(&text).is_ok() {
            let (node, out) = read(&text);
            prop_assert!(node.is_some(), "{text:?}: {:?}", out.list);
        }
    }
}

#[test]
fn ron_and_we_agree_on_what_is_ron() {
    for text in [
        "1",
        "-1",
        "+1",
        "1_000",
        "0x_f",
        "0xf",
        "1.5",
        "1.",
        ".5",
        "1e5",
        "1e",
        "_1",
        "0b12",
        "1u8",
        "1f32",
        "--1",
        "1.5u8",
        "()",
        "(1)",
        "(1,)",
        "(,)",
        "[,]",
        "[1,,2]",
        "[1,]",
        "{1:2}",
        "{1:2,}",
        "{1}",
        "(a:1)",
        "(a:1,)",
        "(a:1,2)",
        "(1,a:2)",
        "a",
        "A(1)",
        "A (1)",
        "A(a:1)",
        "A{a:1}",
        "Some(1)",
        "None",
        "true",
        "'a'",
        "''",
        "'ab'",
        "\"a\"",
        "\"a",
        "r\"a\"",
        "r#\"a\"#",
        "r##\"a\"#",
        "\"\\x4\"",
        "\"\\x41\"",
        "\"\\u{41}\"",
        "\"\\u41\"",
        "/* a */ 1",
        "/* /* */ 1",
        "// a\n1",
        "1 // a",
        "1 2",
        "",
        "inf",
        "-inf",
        "NaN",
        "#![enable(implicit_some)] 1",
        "#![enable(nope)] 1",
        "#! [ enable ( implicit_some , ) ] 1",
    ] {
        let theirs = ron::from_str::<ron::Value>(text).is_ok();
        let ours = read(text).0.is_some();
        assert_eq!(ours, theirs, "{text:?}: {:?}", read(text).1.list);
    }
}

/// Panics unless `ron` reads the text to the same values, names of structs and variants aside, which its `Value` drops.
/// For every sample and scenario that is kept in the repository.
pub(crate) fn agrees_with_ron(text: &str) {
    let theirs: ron::Value = ron::from_str(text).unwrap_or_else(|e| panic!("ron: {e}\n{text}"));
    let (node, out) = read(text);
    assert_eq!(out.list, []);
    same(&node.expect("a tree"), &theirs);
}

fn same(ours: &Node, theirs: &ron::Value) {
    use ron::Value as R;
    let list = |items: &[Node], values: &[R]| {
        assert_eq!(items.len(), values.len());
        items.iter().zip(values).for_each(|(a, b)| same(a, b));
    };
    match (&ours.value, theirs) {
        (_, R::Option(Some(inner))) => same(ours, inner),
        (Value::Null, R::Option(None)) => {}
        (Value::Bool(a), R::Bool(b)) => assert_eq!(a, b),
        (Value::Text(a), R::String(b)) => assert_eq!(a, b),
        (Value::Text(a), R::Char(b)) => assert_eq!(*a, b.to_string()),
        (Value::Number(a), R::Number(b)) => {
            // `ron` takes the narrowest float that will do.
            let b = b.into_f64();
            let a: f64 = a.replace('_', "").parse().expect("a plain number in a sample");
            assert!((a - b).abs() <= a.abs() * 1e-6, "{a} {b}");
        }
        (Value::List(items), R::Seq(values)) => list(items, values),
        (Value::Map(entries), R::Map(map)) => {
            assert_eq!(entries.len(), map.len());
            // Theirs is sorted by key.
            for entry in entries {
                let key = R::String(entry.key.key_text().expect("a named field").to_owned());
                same(&entry.value, &map[&key]);
            }
        }
        (Value::Map(entries), R::Unit) if entries.is_empty() => {}
        (Value::Map(entries), R::Seq(values)) if entries.is_empty() => assert!(values.is_empty()),
        (Value::Tagged { body: None, .. }, R::Unit) => {}
        (Value::Tagged { body: Some(body), .. }, value) => same(body, value),
        (a, b) => panic!("{a:?} is not {b:?}"),
    }
}

#[test]
fn a_scenario_reads_as_ron_reads_it() {
    agrees_with_ron(
        r#"// A file as people write it.
Scenario(version: 1, name: "q4-mixed", start: "2026-10-01", tz: None, runs: 20,
  pools: [
    (name: "h100", zones: ["us-east-1a"], nodes: Fixed(8), buy: OnDemand, discount: "18%",),
    (name: "ft", nodes: Range(0, 16), buy: Spot(lives: HyperExp(mean: "9h", cv: 2.0), fallback: OnDemand(after: "20m"))),
  ],
  work: [
    Training(name: "finetune", labels: (team: "search", env: "dev"), gpus: Mix([(8, 0.7), (16, 0.2), (32, 0.1)]),
      gpu_mem: Some("28GB"), on_notice: true, note: 'x'), /* and /* so */ on */
  ],
  budgets: [(team: "research", usd: 330_000), (team: "search", full: BlockNew(except: "env=prod"), lag: r"12h")],
  variants: [("all-on-demand", ["pools.ft.buy=OnDemand"])], empty: (), none: Nothing())"#,
    );
}
