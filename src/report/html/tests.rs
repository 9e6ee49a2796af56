//! Pages of runs, comparisons and sweeps: whole, escaped, and of one piece.

use super::page::Picture;
use super::run::Results;
use super::{MOST_BYTES, comparison, run, sweep};
use crate::experiment::compare::{Comparison, Gate, One, Sample};
use crate::experiment::fixture::v7;
use crate::experiment::sweep::{Run, Swept};
use crate::experiment::{Control, replicate};
use crate::outcome::{EvidenceNote, Outcome};
use crate::report::compare::{Party, Report};
use crate::report::manifest::{self, InputFile, Manifest};
use crate::report::sample;
use crate::scenario::model::Model;
use crate::units::SourceMap;

/// What must come out as text wherever it goes in.
const NASTY: &str = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\"'&`%";

/// Holds a page to what every page is: well-formed, self-contained, without anything that text could have brought in.
fn hold(page: &str, kind: &str) {
    assert!(page.len() < MOST_BYTES, "{kind}: {} bytes", page.len());
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    // Nothing is fetched: no address in an attribute, an import or a style.
    for word in [
        "http://", "https://", "//cdn", "url(http", "@import", "src=\"/", "href=\"/", "srcset", "<link", "<iframe",
        "<object", "<base",
    ] {
        let found: Vec<&str> = page.match_indices(word).map(|(i, _)| text_around(page, i)).collect();
        assert!(found.is_empty(), "{kind}: {word} in {found:?}");
    }
    for (i, _) in page.match_indices(" src=\"") {
        assert!(page[i..].starts_with(" src=\"data:image/svg+xml;base64,"), "{kind}: {}", text_around(page, i));
    }
    for (i, _) in page.match_indices(" href=\"") {
        assert!(page[i..].starts_with(" href=\"#"), "{kind}: {}", text_around(page, i));
    }
    assert!(page.contains("default-src 'none'; script-src 'sha256-"), "{kind}: a policy");
    // Text is text: the only elements are ours.
    assert!(!page.contains("alert('x')</script>") && !page.contains("<img src=x"), "{kind}: text became an element");
    balanced(page, kind);
    assert!(
        !page.contains("NaN") || page.matches("NaN").count() == page_script_nans(),
        "{kind}: a figure that is none"
    );
}

/// How often the script itself says so.
fn page_script_nans() -> usize {
    include_str!("page.js").matches("NaN").count()
}

fn text_around(page: &str, at: usize) -> &str {
    let mut end = (at + 80).min(page.len());
    while !page.is_char_boundary(end) {
        end -= 1;
    }
    &page[at..end]
}

/// Every element that is opened is closed, in order, and every mark is there once.
fn balanced(page: &str, kind: &str) {
    const VOID: [&str; 6] = ["meta", "img", "input", "br", "hr", "link"];
    let (mut open, mut marks) = (Vec::new(), std::collections::BTreeSet::new());
    let mut rest = page.split_once("<!DOCTYPE html>").expect("a document").1;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let end = rest.find('>').unwrap_or_else(|| panic!("{kind}: an element without an end"));
        let (tag, after) = (&rest[1..end], &rest[end + 1..]);
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(!name.is_empty(), "{kind}: {}", text_around(rest, 0));
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "{kind}: before {}", text_around(after, 0));
        } else if !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        if let Some(id) = tag.split(" id=\"").nth(1).and_then(|t| t.split('"').next()) {
            assert!(marks.insert(id.to_owned()), "{kind}: the mark {id} is there twice");
        }
        // What stands in a script or a style is no markup, and ends where the first such end is.
        rest = match name.as_str() {
            "script" | "style" if !tag.starts_with('/') => {
                let end = after.find(&format!("</{name}")).expect("an end");
                if tag.contains("application/json") {
                    let json: serde_json::Value = serde_json::from_str(&after[..end]).expect("JSON");
                    assert!(json["series"].as_array().is_some_and(|s| !s.is_empty()), "{kind}: curves");
                }
                &after[end..]
            }
            _ => after,
        };
    }
    assert_eq!(open, Vec::<String>::new(), "{kind}: not closed");
}

fn results(o: Outcome, variants: Vec<Outcome>) -> Results {
    let manifest = Manifest {
        schema: manifest::SCHEMA.into(),
        fleetcast: "0.1.0".into(),
        scenario: "my.ron".into(),
        scenario_sha256: "ab".repeat(32),
        random_streams: "streams/1".into(),
        seed: 1,
        set: vec!["pools.a.nodes=4".into()],
        variant: None,
        inputs: vec![InputFile { file: "trace.csv".into(), sha256: "cd".repeat(32) }],
        defaults: vec![manifest::Default { path: "queue".into(), value: "Fifo".into(), source: "the simplest".into() }],
    };
    let svg = "<svg><text font-size=\"42\" font-weight=\"bold\">\nA finding &amp; more\n</text></svg>".to_owned();
    Results {
        outcome: o,
        variants,
        manifest: Some(manifest),
        luck: Vec::new(),
        pictures: vec![Picture::new("one", svg)],
    }
}

#[test]
fn pages_of_runs_are_of_one_piece_and_have_every_section() {
    let variants = vec![sample::outcome(Some("fewer"), 0.8, 1.5)];
    for (kind, r) in [
        ("jobs", results(sample::outcome(None, 1.0, 1.0), variants)),
        ("spot", results(sample::spot(), Vec::new())),
        ("services", results(sample::services::outcome(), Vec::new())),
    ] {
        let page = run::render(&r);
        hold(&page, kind);
        for id in ["summary", "money", "use", "figures", "inputs", "slides", "method"] {
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{kind}: {id}");
        }
        assert_eq!(page.contains("<section id=\"services\">"), kind == "services");
        assert_eq!(page.contains("<section id=\"losses\">"), kind == "spot");
        let (hash, data) = ("ab".repeat(32), "cd".repeat(32));
        for text in [&hash, &data, "trace.csv", "pools.a.nodes=4", "alt=\"A finding &amp; more\"", "Evidence grades"] {
            assert!(page.contains(text), "{kind}: {text}");
        }
        for e in &r.outcome.evidence {
            assert!(page.contains(&format!("<span class=\"tag {0}\">{0}</span>", e.grade)), "{kind}: {}", e.grade);
        }
        assert_eq!(run::render(&r), page, "the same results give the same bytes");
    }
}

#[test]
fn a_bill_adds_up_in_its_page() {
    let o = sample::outcome(None, 1.0, 1.0);
    let page = run::render(&results(o.clone(), Vec::new()));
    let foot = page.split("<tfoot>").nth(1).expect("a sum");
    assert!(foot.contains(&format!("data-v=\"{}\"", o.bill().to_f64())), "{}", text_around(foot, 0));
    let lines = page.split("id=\"bill\"").nth(1).expect("the bill").split("</table>").next().unwrap();
    assert_eq!(lines.matches("<tr>").count(), o.charges.len() + 1, "a row a line, and the head");
}

#[test]
fn no_name_in_a_run_becomes_markup() {
    for mut o in [sample::outcome(None, 1.0, 1.0), sample::spot(), sample::services::outcome()] {
        let n = || NASTY.to_owned();
        (o.scenario, o.tz, o.notices) = (n(), n(), vec![n()]);
        o.pools.iter_mut().for_each(|p| (p.name, p.device, p.market, p.instance) = (n(), n(), n(), Some(n())));
        o.charges.iter_mut().for_each(|c| {
            (c.id, c.pool, c.workload, c.labels) = (n(), n(), Some(n()), vec![format!("{NASTY}={NASTY}")])
        });
        o.prices.iter_mut().for_each(|p| (p.pool, p.per, p.source, p.evidence) = (n(), n(), n(), n()));
        o.waits.iter_mut().for_each(|w| w.name = n());
        o.nodes = Some(crate::outcome::NodeScaling { by: n(), removed: vec![(n(), 1)], ..Default::default() });
        o.budgets.iter_mut().for_each(|b| (b.name, b.scope, b.period) = (n(), n(), n()));
        o.evidence = vec![EvidenceNote { what: n(), grade: n(), source: n() }];
        for w in &mut o.work {
            w.name = n();
            for l in w.run.iter_mut().flat_map(|r| &mut r.worst) {
                (l.pool, l.cause) = (n(), n());
            }
            if let Some(s) = &mut w.service {
                s.deployments.iter_mut().for_each(|d| (d.name, d.model, d.profiles) = (n(), n(), vec![n()]));
                s.rollouts.iter_mut().for_each(|r| (r.deployment, r.what, r.why) = (n(), n(), n()));
            }
        }
        let mut r = results(o.clone(), vec![Outcome { variant: Some(n()), ..o }]);
        let m = r.manifest.as_mut().unwrap();
        (m.fleetcast, m.scenario, m.scenario_sha256, m.random_streams, m.set, m.variant) =
            (n(), n(), n(), n(), vec![n()], Some(n()));
        m.inputs = vec![InputFile { file: n(), sha256: n() }];
        m.defaults = vec![manifest::Default { path: n(), value: n(), source: n() }];
        r.pictures = vec![Picture { name: n(), title: n(), svg: n() }];
        let page = run::render(&r);
        hold(&page, "nasty run");
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert"), "the name is there, as text");
    }
}

#[test]
fn a_run_of_nothing_has_a_page() {
    let mut o = sample::outcome(None, 1.0, 1.0);
    o.charges.clear();
    o.pools.clear();
    o.budgets.clear();
    o.evidence.clear();
    o.waits.clear();
    o.work.clear();
    o.series = crate::outcome::Series { bucket_ns: 1, ..Default::default() };
    let page = run::render(&Results {
        outcome: o,
        variants: Vec::new(),
        manifest: None,
        luck: Vec::new(),
        pictures: Vec::new(),
    });
    hold(&page, "nothing");
    assert!(page.contains("Nothing was billed"));
}

fn report(name: &str) -> Report {
    let sample = |m: &Model| Sample::of(m, 5, &replicate(m, 5, 0..6, Control::default(), |_, o| One::of(o)));
    let (b, c) = (sample(&v7(10.0)), sample(&v7(45.0)));
    let gate = |t: &str| Gate::from_argument(t, &mut SourceMap::default()).unwrap().resolve(&b, &c).unwrap();
    let gates = ["cost.total > +2%", "jobs.done < -1%", "cost.total > +20%"].map(gate);
    let c = Comparison::of(name, &b, &c, &gates, true);
    let party = |n: &str| Party {
        name: n.into(),
        scenario: n.into(),
        variant: Some(n.into()),
        set: vec![n.into()],
        scenario_sha256: "ab".repeat(32),
        stored: Some(n.into()),
        inputs: vec![crate::experiment::compare::baseline::Input { file: n.into(), sha256: "cd".repeat(32) }],
        evidence: vec![EvidenceNote { what: n.into(), grade: "guess".into(), source: n.into() }],
    };
    Report {
        schema: crate::report::compare::SCHEMA.into(),
        fleetcast: "0.1.0".into(),
        random_streams: "streams/1".into(),
        confidence: 0.95,
        seed: 5,
        replications: 6,
        base: party("often.ron"),
        candidates: vec![party(name), party(name)],
        held: c.held(),
        comparisons: vec![c.clone(), c],
        command: format!("fleetcast compare often.ron '{name}'"),
    }
}

#[test]
fn pages_of_comparisons_are_of_one_piece_and_no_name_becomes_markup() {
    for name in ["seldom.ron", NASTY] {
        let r = report(name);
        let page = comparison::render(&r, Vec::new());
        hold(&page, "comparison");
        for id in ["summary", "why", "figures", "inputs", "method"] {
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
        let shown = &r.comparisons[0].metrics;
        assert!(shown.iter().all(|m| page.contains(&format!("<code>{}</code>", m.name))), "every figure is there");
        assert!(page.contains("tag broken") && page.contains("tag holds") && page.contains("tag guess"));
    }
}

#[test]
fn pages_of_sweeps_are_of_one_piece_and_no_name_becomes_markup() {
    let plan = crate::experiment::sweep::record::tests::plan();
    for (axes, latin, name) in [(2, None, "small"), (1, None, NASTY), (2, None, NASTY), (2, Some(6), NASTY)] {
        let mut p = plan.clone();
        (p.latin, p.name, p.scenario, p.about) = (latin, name.into(), name.into(), name.into());
        p.axes.truncate(axes);
        p.points.iter_mut().for_each(|v| v.truncate(axes));
        if axes == 1 {
            p.points = (0..6).map(|i| vec![format!("{i}{name}")]).collect();
        }
        p.axes[0].path = name.into();
        p.set = vec![name.into()];
        p.metrics[1].name = name.into();
        p.evidence = vec![EvidenceNote { what: name.into(), grade: name.into(), source: name.into() }];
        let runs = p.runs().map(|(point, replication)| Run {
            point,
            replication,
            fingerprint: format!("{replication}"),
            values: vec![Some(f64::from(point * 10 + replication)), (point < 5).then_some(f64::from(point))],
        });
        let s = Swept::new(p.clone(), runs.collect()).expect("whole");
        let page = sweep::render(&s, Vec::new());
        hold(&page, "sweep");
        for id in ["summary", "response", "points", "inputs", "method"] {
            assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        }
        assert_eq!(page.contains("id=\"heat-0\""), axes == 2 && latin.is_none());
    }
}
