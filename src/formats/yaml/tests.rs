use super::super::tree::outline;
use super::*;
use crate::units::SourceMap;

fn read(text: &str) -> (Vec<Node>, Diagnostics) {
    let mut map = SourceMap::default();
    let id = map.add("f.yaml", text);
    parse_documents(id, text, 0)
}

fn shape(text: &str) -> String {
    let (docs, out) = read(text);
    assert_eq!(out.list, [], "{text}");
    docs.iter().map(outline).collect::<Vec<_>>().join(" | ")
}

#[test]
fn plain_words_are_typed_by_the_core_schema() {
    let text = "[1, -1.5e3, 0x1F, .inf, 330_000, 2026-10-01, no, yes, true, ~, null, '1', \"a\\n\", 1.8, 10m, 1., .5, +3, 1e3, e3, .]";
    assert_eq!(
        shape(text),
        r#"[1 -1.5e3 0x1F .inf "330_000" "2026-10-01" "no" "yes" true null null "1" "a\n" 1.8 "10m" 1. .5 +3 1e3 "e3" "."]"#
    );
}

#[test]
fn documents_anchors_and_tags_are_read() {
    assert_eq!(
        shape("a: &x {n: 1}\nb: *x\n---\n---\nc: !Spot {every: 5m}\nd: !Fixed 8\ne: !Fifo\nf: !!str 5\n"),
        r#"{"a":{"n":1} "b":{"n":1}} | {"c":Spot{"every":"5m"} "d":Fixed[8] "e":Fifo "f":"5"}"#
    );
}

#[test]
fn places_are_bytes_even_after_wide_characters() {
    let text = "# ééé\nname: \"ü\"\nnodes:   8   \nlist:\n  - a\n";
    let (docs, _) = read(text);
    let slice = |n: &Node| &text[n.at.1.start as usize..n.at.1.end as usize];
    assert_eq!(slice(docs[0].get("name").unwrap()), "\"ü\"");
    assert_eq!(slice(docs[0].get("nodes").unwrap()), "8");
    assert_eq!(slice(&docs[0].entries().unwrap()[2].key), "list");
    let wide = format!("# {}\nk: v\n", "é".repeat(1000));
    let (docs, _) = read(&wide);
    let at = docs[0].get("k").unwrap().at.1;
    assert_eq!(&wide[at.start as usize..at.end as usize], "v");
}

#[test]
fn faults_are_diagnostics() {
    for (text, message) in [
        ("a: 1\na: 2\n", "`a` is given twice"),
        ("a: [1, 2\n", "not YAML"),
        ("a: *nope\n", "not YAML"),
        ("a: &x [*x]\n", "an alias inside what it names"),
        ("a: &x 1\n---\nb: *x\n", "an alias to what another document marked"),
        ("a: !!int x\n", "is not what `!!int` says"),
        ("a: b: c\n", "not YAML"),
    ] {
        let (_, out) = read(text);
        assert_eq!(out.list.len(), 1, "{text}: {out:?}");
        assert!(out.list[0].message.contains(message), "{text}: {}", out.list[0].message);
        assert!(out.list[0].at.is_some());
    }
}

#[test]
fn aliases_cannot_multiply_without_end_and_depth_is_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let refs = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
    }
    assert!(read(&bomb).1.list[0].message.contains("aliases repeat"));
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for i in 1..400 {
        deep.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    assert!(read(&deep).1.list[0].message.contains("levels deep"));
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        let (docs, out) = read(&text);
        assert!(docs.is_empty() && out.has_errors());
    }
}
