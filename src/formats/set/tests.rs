use super::super::tree::outline;
use super::super::{Syntax, parse as parse_text};
use super::*;

const SCENARIO: &str = r#"Scenario(
    pools: [
        (name: "h100", nodes: Fixed(8), buy: OnDemand, zones: ["a", "b"]),
        (name: "ft", nodes: Range(0, 16), buy: Spot(fallback: OnDemand(after: "20m"))),
        (name: "us.east-1", nodes: Fixed(1)),
    ],
    work: [Service(name: "chat", on: [(pool: "l4", max: 3), (pool: "mig", max: 48)], scale: Keda(cooldown: "5m"))],
    variants: [("cheap", ["pools.ft.buy=OnDemand"])],
    horizon: "31d", tz: None,
)"#;

fn set_in(text: &str, syntax: Syntax, argument: &str) -> Result<Node, (Diagnostics, SourceMap)> {
    let mut sources = SourceMap::default();
    let id = sources.add("s", text);
    let (tree, out) = parse_text(id, &sources, syntax);
    assert_eq!(out.list, []);
    let mut tree = tree.expect("a tree");
    match Override::from_argument(argument, &mut sources).and_then(|o| o.apply(&mut tree)) {
        Ok(()) => Ok(tree),
        Err(out) => Err((out, sources)),
    }
}

fn set(argument: &str) -> Node {
    set_in(SCENARIO, Syntax::Ron, argument).unwrap_or_else(|(out, _)| panic!("{argument}: {:?}", out.list))
}

fn fault(argument: &str) -> (String, String, Vec<String>) {
    let (out, sources) = set_in(SCENARIO, Syntax::Ron, argument).expect_err(argument);
    let d = out.list[0].clone();
    let (id, s) = d.at.expect("a place");
    (d.message, sources.get(id).text[s.start as usize..s.end as usize].to_owned(), d.help)
}

fn pool(tree: &Node, i: usize) -> String {
    let Value::List(pools) = &tree.get("pools").unwrap().value else { panic!() };
    outline(&pools[i])
}

#[test]
fn lists_go_by_name_and_variants_are_transparent() {
    assert!(pool(&set("pools.ft.buy=OnDemand"), 1).ends_with(r#""buy":OnDemand}"#));
    assert!(pool(&set("pools.ft.buy.fallback.after=1h"), 1).ends_with(r#"Spot{"fallback":OnDemand{"after":"1h"}}}"#));
    assert!(pool(&set("pools.ft.buy.Spot.fallback=None"), 1).ends_with(r#"Spot{"fallback":null}}"#));
    assert!(pool(&set("pools[0].nodes=Fixed(4)"), 0).contains(r#""nodes":Fixed[4]"#));
    assert!(pool(&set("pools.0.nodes[0]=4"), 0).contains(r#""nodes":Fixed[4]"#));
    assert!(pool(&set("pools.us.east-1.nodes=4"), 2).contains(r#""nodes":4"#));
    assert!(pool(&set("pools.\"us.east-1\".nodes = 4"), 2).contains(r#""nodes":4"#));
    let tree = set("work.chat.scale.cooldown=10m");
    assert!(outline(&tree).contains(r#""scale":Keda{"cooldown":"10m"}"#));
    assert!(outline(&set("work.chat.on.mig.max=0")).contains(r#"{"pool":"mig" "max":0}"#));
    assert!(outline(&set("work.chat.on.mig.max=0")).contains(r#"{"pool":"l4" "max":3}"#));
}

#[test]
fn what_is_absent_is_added() {
    assert!(pool(&set("pools.ft.discount=18%"), 1).ends_with(r#""discount":"18%"}"#));
    assert!(pool(&set("pools.h100.buy.after=18s"), 0).contains(r#""buy":OnDemand{"after":"18s"}"#));
    assert!(outline(&set("tz.name=x")).contains(r#""tz":{"name":x}"#));
    assert!(outline(&set("new.deep.field=[1, 2]")).ends_with(r#""new":{"deep":{"field":[1 2]}}}"#));
}

#[test]
fn values_are_ron_or_else_text_and_always_loose() {
    for (value, tree) in [
        ("OnDemand", "OnDemand"),
        ("330_000", "330_000"),
        ("10m", "\"10m\""),
        ("2026-10-01T08:00", "\"2026-10-01T08:00\""),
        ("us-east-1a", "\"us-east-1a\""),
        ("4 GB/s", "\"4 GB/s\""),
        ("\"quoted\"", "\"quoted\""),
        ("Range(0, 4)", "Range[0 4]"),
        ("true", "true"),
        ("a=b", "\"a=b\""),
    ] {
        let tree_after = set(&format!("horizon={value}"));
        let node = tree_after.get("horizon").unwrap();
        assert_eq!(outline(node), tree, "{value}");
        assert!(node.loose);
    }
}

#[test]
fn what_is_not_there_is_named_with_the_nearest_right_name() {
    let (message, caret, help) = fault("pools.h10.nodes=4");
    assert_eq!(message, "`pools` has no item named `h10`");
    assert_eq!(caret, "h10");
    assert_eq!(help, ["did you mean `h100`?", "names there: h100, ft, us.east-1"]);
    assert_eq!(fault("pools[3].nodes=4").0, "`pools` has no item 3");
    assert_eq!(fault("horizon.days=4").0, "nothing can be set inside `horizon`");
    assert_eq!(fault("pools.ft[0]=4").0, "`pools.ft` is a record, not a list");
    assert_eq!(fault("pools.h100.zones.c=4").0, "`pools.h100.zones` has no item named `c`");
}

#[test]
fn a_broken_override_is_a_diagnostic_with_a_caret() {
    assert_eq!(fault("pools.ft.nodes").0, "no `=` in an override");
    assert_eq!(fault("pools..nodes=4").0, "a part of the path is empty");
    assert_eq!(fault("=4").0, "a part of the path is empty");
    assert_eq!(fault("").0, "no `=` in an override");
    assert_eq!(fault("pools[x]=4").0, "brackets hold the number of an item, from 0");
    assert_eq!(fault(&format!("{}=1", ["a"; 50_000].join("."))).0, "a path of more than 32 parts");
    assert_eq!(fault("pools[0=4").0, "`[` is never closed");
    assert_eq!(fault("pools.ft.nodes=").0, "nothing after `=`");
    assert_eq!(fault("pools.ft.nodes=Range(0, 16").0, "expected `)`, found the end of the text");
    assert_eq!(fault("pools.ft.zones=[us-east-1a]").1, "us-east-1a");
}

#[test]
fn overrides_cannot_build_a_tower() {
    // Names of variants cost no step of the path, so each override may go down far and add as much.
    let chain = format!("{}(){}", "A(".repeat(60), ")".repeat(60));
    let mut sources = SourceMap::default();
    let id = sources.add("s", chain.as_str());
    let mut tree = parse_text(id, &sources, Syntax::Ron).0.expect("a tree");
    let mut set =
        |path: &str| Override::from_argument(&format!("{path}={chain}"), &mut sources).and_then(|o| o.apply(&mut tree));
    assert!(set("x").is_ok());
    let out = (0..5).find_map(|i| set(&format!("x{}", ".x".repeat(i + 1))).err()).expect("too deep at last");
    assert!(out.list[0].message.contains("levels deep"));
}

#[test]
fn two_items_of_one_name_must_be_counted() {
    let text = "(a: [(name: \"x\"), (name: \"y\"), (name: \"x\")])";
    let (out, _) = set_in(text, Syntax::Ron, "a.x.n=1").expect_err("ambiguous");
    assert_eq!(out.list[0].message, "`a` has two items named `x`");
    assert_eq!(out.list[0].help, ["count from 0: `[0]` or `[2]`"]);
}

#[test]
fn json_and_yaml_variants_are_transparent_too() {
    let json = r#"{"work": [{"Service": {"name": "chat", "buy": "OnDemand", "scale": {"Keda": {"cooldown": "5m"}}}}]}"#;
    let tree = |a: &str| outline(&set_in(json, Syntax::Json, a).unwrap_or_else(|(o, _)| panic!("{:?}", o.list)));
    assert!(tree("work.chat.scale.cooldown=10m").contains(r#"{"Keda":{"cooldown":"10m"}}"#));
    assert!(tree("work.chat.buy.after=10m").contains(r#"OnDemand{"after":"10m"}"#));
    let yaml = "work:\n  - !Service\n    name: chat\n    n: 1\n";
    let tree = set_in(yaml, Syntax::Yaml, "work.chat.n=2").unwrap_or_else(|(o, _)| panic!("{:?}", o.list));
    assert!(outline(&tree).contains(r#"Service{"name":"chat" "n":2}"#));
}

#[test]
fn an_override_in_a_file_points_into_the_file() {
    let text = r#"(pools: [(name: "ft")], variants: [("cheap", ["pools.f.buy=OnDemand", "pools.ft.n=\"x\""])])"#;
    let mut sources = SourceMap::default();
    let id = sources.add("s", text);
    let (tree, _) = parse_text(id, &sources, Syntax::Ron);
    let mut tree = tree.expect("a tree");
    let list = |tree: &Node, i: usize| {
        let Value::List(v) = &tree.get("variants").unwrap().value else { panic!() };
        let Value::List(pair) = &v[0].value else { panic!() };
        let Value::List(sets) = &pair[1].value else { panic!() };
        sets[i].clone()
    };
    let o = Override::from_node(&list(&tree, 0), &sources).unwrap();
    let out = o.apply(&mut tree).expect_err("no pool f");
    let (_, s) = out.list[0].at.unwrap();
    assert_eq!(&text[s.start as usize - 6..s.end as usize], "pools.f");
    let o = Override::from_node(&list(&tree, 1), &sources).unwrap();
    assert_eq!(o.path(), "pools.ft.n");
    let (_, s) = o.value().at.1.start.cmp(&0).is_gt().then_some(o.value().at).unwrap();
    assert_eq!(&text[s.start as usize..s.end as usize], r#""pools.ft.n=\"x\"""#);
}
