//! The page of a comparison: what differs, how sure that is, which gates hold, why the bill changed.

use maud::{Markup, html};

use super::bars::{Bar, Interval, bars, intervals};
use super::method;
use super::page::{Page, Picture, Section, page, tag, tile};
use super::table::{self, code, markup, maybe, number, text};
use crate::experiment::compare::{Change, Comparison, Held, Part, Verdict};
use crate::outcome::Direction;
use crate::report::chart::changes as charts;
use crate::report::compare::{Party, Report, wording as say};
use crate::report::words;

/// The most figures in the chart of changes.
const CHANGES: usize = 24;
/// The most parts of a split with a bar of their own.
const PARTS: usize = 10;

/// The page.
#[must_use]
pub fn render(r: &Report, pictures: Vec<Picture>) -> String {
    let many = r.comparisons.len() > 1;
    let mut sections = vec![Section::new("summary", "Summary", summary(r))];
    sections.push(Section::new(
        "why",
        "Why the bill changed",
        html! {
            @for (i, c) in r.comparisons.iter().enumerate() { @if many { h3 { (c.candidate) } } (why(c, i)) }
        },
    ));
    sections.push(Section::new(
        "figures",
        "All figures",
        html! {
            @for (i, c) in r.comparisons.iter().enumerate() { @if many { h3 { (c.candidate) } } (figures(c, i)) }
        },
    ));
    sections.push(Section::new("inputs", "Inputs", inputs(r)));
    sections.push(Section::new("method", "Method and limits", method::method(method::Kind::Comparison)));
    let names: Vec<String> = r.comparisons.iter().map(|c| c.candidate.clone()).collect();
    let finding = match &r.comparisons[..] {
        [one] => words::sentence(&say::finding(one)),
        all => all.iter().map(|c| format!("{}: {}", c.candidate, say::finding(c))).collect::<Vec<_>>().join(". "),
    };
    page(Page {
        kind: "comparison",
        title: format!("{} beside {}", words::list(&names), r.base.name),
        over: format!(
            "Comparison · {} pairs of runs under the same luck · seed {}",
            words::count(r.replications.into()),
            r.seed
        ),
        finding: format!("{finding}."),
        head: html! { @for c in &r.comparisons { @if many { h4 { (c.candidate) } } (tiles(c)) } },
        sections,
        pictures,
        foot: format!(
            "Simulated by fleetcast {}, random streams {}, seed {}. This page has all of it: nothing is fetched.",
            r.fleetcast, r.random_streams, r.seed
        ),
    })
}

fn tone(c: &Change) -> &'static str {
    match c.verdict {
        Verdict::Better => "green",
        Verdict::Worse => "vermilion",
        Verdict::Higher | Verdict::Lower => "blue",
        Verdict::Same | Verdict::NotTold => "mid",
    }
}

fn tiles(c: &Comparison) -> Markup {
    let bill = c.metric("cost.total");
    let change = bill.and_then(|m| m.percent).map_or_else(|| "–".to_owned(), |p| format!("{} %", say::signed(p.mean)));
    let between = bill.map_or_else(String::new, |m| {
        format!(
            "{} USD, {}",
            say::change(m.change),
            if m.change.is_some_and(|d| d.low == d.high) { "the same in every pair" } else { "95 %" }
        )
    });
    let kind = match bill.map(|m| m.verdict) {
        Some(Verdict::Better) => "good",
        Some(Verdict::Worse) => "alarm",
        _ => "",
    };
    let count = |v: Verdict| c.metrics.iter().filter(|m| m.verdict == v).count();
    let (held, word) = match c.held() {
        Held::Holds => ("good", "all hold"),
        Held::Broken => ("alarm", "broken"),
        Held::Inconclusive => ("", "inconclusive"),
    };
    let key = |name: &str, title: &str| {
        let m = c.metric(name)?;
        let value = say::value(m.candidate, m.change);
        let was = format!("{} in the base: {}", say::value(m.base, m.change), m.verdict.title());
        Some(tile(
            title,
            &value,
            &m.unit,
            &was,
            match m.verdict {
                Verdict::Better => "good",
                Verdict::Worse => "alarm",
                _ => "",
            },
        ))
    };
    html! {
        div class="tiles" {
            (tile("Bill", &change, "", &between, kind))
            @if !c.gates.is_empty() { (tile("Gates", word, "", &say::gates(c), held)) }
            @for t in [key("cost.useful_gpu_hour", "A useful GPU-hour"), key("util.true", "GPUs at work"), key("wait.p90", "Wait, 90th percentile")].into_iter().flatten() { (t) }
            (tile("Figures told apart", &words::count((count(Verdict::Better) + count(Verdict::Worse) + count(Verdict::Higher) + count(Verdict::Lower)) as u64), "", &format!("{} better, {} worse, of {}", count(Verdict::Better), count(Verdict::Worse), c.metrics.len()), ""))
        }
    }
}

fn summary(r: &Report) -> Markup {
    let many = r.comparisons.len() > 1;
    html! {
        @for (i, c) in r.comparisons.iter().enumerate() {
            @if many { h3 { (c.candidate) } }
            p { (words::sentence(&say::basis(c, r.seed))) "." }
            @for n in &c.notes { p class="warn" { (n) } }
            (gates(c, i))
            (changes(c, i))
        }
    }
}

fn gates(c: &Comparison, i: usize) -> Markup {
    let columns = vec![
        table::words("outcome"),
        table::words("what must not be"),
        table::words("measured [95 %]"),
        table::words("why there is such a gate, and what would help"),
    ];
    let rows = c.gates.iter().map(|g| {
        let kind = match g.held {
            Held::Holds => "holds",
            Held::Inconclusive => "inconclusive",
            Held::Broken => "broken",
        };
        let more: Vec<String> = g.about.iter().cloned().chain(Some(say::remedy(g)).filter(|t| !t.is_empty())).collect();
        vec![
            markup(tag(kind, &say::held(g.held).to_lowercase())),
            code(&g.gate),
            text(say::measured(g)),
            text(more.join("; ")),
        ]
    });
    table::table(format!("gates-{i}"), "Gates", columns)
        .note("judged by the 95 % interval, not by the mean")
        .rows(rows)
        .html()
}

fn changes(c: &Comparison, i: usize) -> Markup {
    let list = charts::shown(c, CHANGES);
    let all: Vec<Interval> = list
        .iter()
        .filter_map(|m| {
            let p = m.percent?;
            let note = format!("{} % · {}", say::change(Some(p)), m.verdict.title());
            let ends = p.low.zip(p.high);
            Some(Interval { name: m.name.clone(), mean: p.mean, ends, ink: tone(m), note })
        })
        .collect();
    let title = charts::title(c, &list);
    let what = "Change of each figure in percent of the base, with its 95 % interval. Green: better; red: worse; blue: told apart, neither better nor worse; grey: not told apart.";
    intervals(&format!("changes-{i}"), &title, what, "% of the base", &all)
}

/// A difference as steps from nothing to the whole.
fn ladder(id: &str, title: &str, what: &str, parts: &[Part], total: &Part, n: u32) -> Markup {
    let ink = |v: f64| if v < 0.0 { "green" } else { "vermilion" };
    let bar = |(name, usd): (String, crate::units::Usd)| {
        let v = usd.to_f64() / f64::from(n.max(1));
        Bar::new(name, v, ink(v), format!("{} USD", say::signed_dollars(usd, n)))
    };
    let all = charts::steps(parts, PARTS + 1).into_iter().map(bar).collect();
    let mut all = Bar::in_steps(all);
    let whole = total.change.0.to_f64() / f64::from(n.max(1));
    let sum = Bar::new("the bill", whole, "slate", format!("{} USD", say::signed_dollars(total.change.0, n)));
    all.push(Bar { strong: true, ..sum });
    bars(id, title, what, "USD a run against the base", &all)
}

fn why(c: &Comparison, i: usize) -> Markup {
    let w = &c.why;
    let n = w.replications;
    let largest = |parts: &[Part], of: &str| charts::title_of_split(c, parts, of);
    let columns = || {
        vec![
            table::words(""),
            table::numbers("base, USD"),
            table::numbers("candidate, USD"),
            table::numbers("change, USD"),
        ]
    };
    let row = |p: &Part| {
        let of = |u: crate::units::Usd| u.to_f64() / f64::from(n.max(1));
        vec![
            text(&p.name),
            number(say::dollars(p.base.0, n), of(p.base.0)),
            number(say::dollars(p.candidate.0, n), of(p.candidate.0)),
            number(say::signed_dollars(p.change.0, n), of(p.change.0)),
        ]
    };
    let what = "Each bar begins where the one above ends: together they are the change of the bill, exactly. Left and green: less money; right and red: more.";
    html! {
        p class="lead" { (words::sentence(w.sentence())) "." }
        (ladder(&format!("why-activity-{i}"), &largest(&w.by_activity, "what it was for"), what, &w.by_activity, &w.total, n))
        @if w.by_pool.len() > 1 { (ladder(&format!("why-pool-{i}"), &largest(&w.by_pool, "pool"), what, &w.by_pool, &w.total, n)) }
        @if w.by_workload.len() > 1 { (ladder(&format!("why-workload-{i}"), &largest(&w.by_workload, "workload"), what, &w.by_workload, &w.total, n)) }
        @for (id, caption, parts) in [("activity", "By what it was for", &w.by_activity), ("pool", "By pool", &w.by_pool), ("workload", "By workload", &w.by_workload), ("both", "By pool and what it was for", &w.by_pool_and_activity)] {
            details {
                summary { (caption) }
                (table::table(format!("{id}-{i}"), caption, columns()).note(say::split_title(w)).rows(parts.iter().map(row)).foot(row(&w.total)).html())
            }
        }
        (done(c, i))
        @if let Some(p) = &c.reprice {
            h4 { "Price and behaviour" }
            ul {
                li { "Other prices for the candidate's time: " (say::signed_dollars(p.price.0, n)) " USD a run" }
                li { "Other behaviour, at the base's prices: " (say::signed_dollars(p.behaviour.0, n)) " USD a run" }
                @for k in &p.kept { li { (k.name) " (" (say::dollars(k.usd.0, n)) " USD) stays as the candidate has it: " (k.why) } }
                @if !p.only_base.is_empty() { li { "Only the base has " (words::list(&p.only_base)) ": its bill counts as behaviour" } }
            }
        }
    }
}

fn done(c: &Comparison, i: usize) -> Markup {
    metrics_table(
        format!("done-{i}"),
        "Whether as much was done",
        "within 1 % of the base, interval and all, is the same",
        false,
        &c.why.done,
    )
}

fn figures(c: &Comparison, i: usize) -> Markup {
    html! {
        (metrics_table(format!("metrics-{i}"), "Every figure that both have", "a change of a percentage is in points", true, &c.metrics))
        @for (names, who) in [(&c.only_base, "base"), (&c.only_candidate, "candidate")] {
            @if !names.is_empty() { p class="small muted" { "Only the " (who) " has: " (names.join(", ")) } }
        }
    }
}

fn metrics_table(id: String, caption: &str, note: &str, filter: bool, list: &[Change]) -> Markup {
    let columns = vec![
        table::words("figure"),
        table::words("unit"),
        table::words("better"),
        table::numbers("base"),
        table::numbers("candidate"),
        table::numbers("change [95 %]"),
        table::numbers("of the base, %"),
        table::words("verdict"),
        table::numbers("correlation").hint("of the pairs: what the same luck is worth"),
    ];
    let rows = list.iter().map(|m| {
        let better = match m.better {
            Direction::Lower => "lower",
            Direction::Higher => "higher",
            Direction::Neutral => "",
        };
        let verdict = match m.missing {
            0 => m.verdict.title().to_owned(),
            n => format!("absent in {n} of {} pairs", m.pairs + n),
        };
        let kind = match m.verdict {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            _ => "",
        };
        vec![
            code(&m.name),
            text(&m.unit),
            text(better),
            maybe(m.base, |_| say::value(m.base, m.change)),
            maybe(m.candidate, |_| say::value(m.candidate, m.change)),
            m.change.map_or_else(|| text("–"), |d| number(say::change(m.change), d.mean)),
            maybe(m.percent.map(|p| p.mean), say::signed),
            if kind.is_empty() { text(verdict) } else { markup(tag(kind, &verdict)) },
            maybe(m.correlation, |r| words::number(r, 3)),
        ]
    });
    table::table(id, caption, columns).note(note).filter(filter).rows(rows).html()
}

fn inputs(r: &Report) -> Markup {
    let parties = || std::iter::once(&r.base).chain(&r.candidates);
    let what = |p: &Party| {
        let variant = p.variant.as_ref().map(|v| format!(", variant {v}")).unwrap_or_default();
        let stored = p.stored.as_ref().map(|s| format!(", stored in {s}")).unwrap_or_default();
        format!("scenario {}{variant}{stored}", p.scenario)
    };
    let told: Vec<String> = parties().map(what).collect();
    let mut rows: Vec<(&str, &str, &str)> =
        parties().zip(&told).map(|(p, t)| (p.name.as_str(), t.as_str(), p.scenario_sha256.as_str())).collect();
    for i in parties().flat_map(|p| &p.inputs) {
        let row = (i.file.as_str(), "data", i.sha256.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    html! {
        @for (i, p) in parties().enumerate() {
            @if i == 0 || p.evidence != r.base.evidence {
                (method::evidence(&format!("evidence-{i}"), &format!("How well the inputs of {} are known", p.name), &p.evidence).html())
            }
        }
        @if parties().all(|p| p.evidence.is_empty()) {
            p class="muted" { "How well inputs are known is not in these results: they are of a stored base, or of an earlier version." }
        }
        (method::files("files", "Files", rows))
        h3 { "Settings" }
        ul {
            li { "Seed " (r.seed) ", " (words::count(r.replications.into())) " replications of each; random streams " code { (r.random_streams) } }
            @for p in parties().filter(|p| !p.set.is_empty()) { li { (p.name) ": " @for s in &p.set { code { (s) } " " } } }
        }
        pre { code { (r.command) } }
    }
}
