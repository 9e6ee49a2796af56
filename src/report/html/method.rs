//! How figures come about, how well inputs are known, and what the models leave out.

use maud::{Markup, html};

use super::page::tag;
use super::table::{self, Table, code, markup, text};
use crate::outcome::EvidenceNote;

/// What a grade says.
const GRADES: [(&str, &str); 4] = [
    ("measured", "taken from a published measurement, price list or data sheet of the very thing"),
    ("fitted", "from a law fitted to measurements; within their range it is as good as the fit"),
    ("prior", "stated by the scenario, or estimated from something alike"),
    ("guess", "nobody measured it that we know of: replace it by a figure of yours"),
];

/// Where a grade stands, the weakest first.
fn rank(grade: &str) -> usize {
    GRADES.iter().rev().position(|g| g.0 == grade).unwrap_or(0)
}

/// The table of inputs by how well they are known, the weakest first.
#[must_use]
pub fn evidence(id: &str, caption: &str, notes: &[EvidenceNote]) -> Table {
    let mut notes: Vec<&EvidenceNote> = notes.iter().collect();
    notes.sort_by_key(|n| rank(&n.grade));
    let columns = vec![table::words("input"), table::words("grade"), table::words("where it comes from")];
    table::table(id, caption, columns)
        .note("the weakest first: replacing these by figures of your own does most for trust")
        .rows(notes.into_iter().map(|n| vec![text(&n.what), markup(grade(&n.grade)), text(&n.source)]))
}

/// A grade with its colour.
#[must_use]
pub fn grade(g: &str) -> Markup {
    let known = GRADES.iter().any(|(k, _)| *k == g);
    tag(if known { g } else { "" }, g)
}

/// The table of files with their hashes.
#[must_use]
pub fn files<'a>(id: &str, caption: &str, rows: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Markup {
    let columns = vec![table::words("file"), table::words("what"), table::words("SHA-256")];
    table::table(id, caption, columns)
        .note("the same bytes in give the same bytes out")
        .rows(
            rows.into_iter()
                .map(|(file, what, hash)| vec![code(file), text(what), markup(html! { code class="long" { (hash) } })]),
        )
        .html()
}

/// How figures come about: what all three pages say, before what is particular to one.
#[must_use]
pub fn method(kind: Kind) -> Markup {
    html! {
        h3 { "How the figures come about" }
        ul {
            li {
                "A discrete-event simulation of the fleet: jobs and requests arrive, wait, are placed, run, lose nodes and end. "
                "Nothing here was measured on a live fleet unless an input says so."
            }
            li {
                "Every billed GPU-nanosecond is in exactly one activity and every dollar in exactly one line, in whole numbers; "
                "a run in which they do not add up stops. Sums in these tables are exact before they are rounded for print."
            }
            li {
                b { "Avoidable" } " is what using less would have saved; " b { "sunk" }
                " is owned or committed, and saves nothing until something else uses it."
            }
            li {
                "Use is of three kinds: " b { "allocated" } " (held by somebody), " b { "true" }
                " (compute at work, averaged over time), " b { "sampled" } " (what a dashboard that polls for running kernels shows)."
            }
            @match kind {
                Kind::Run => {
                    li {
                        "One run is one draw of luck. " code { "fleetcast run --replications 100" } " and " code { "fleetcast compare" }
                        " give 95 % intervals."
                    }
                }
                Kind::Comparison => {
                    li {
                        "Base and candidate meet the same luck: the same arrivals, sizes, failures, replication by replication. "
                        "Intervals are Student's t over the paired differences, 95 %, each of one figure and not corrected for how many "
                        "there are: of twenty figures that do not differ, one is told apart by luck."
                    }
                    li { "Splits of the bill are exact sums over the replications, shown as means of a run: each adds up to the change." }
                }
                Kind::Sweep => {
                    li {
                        "All points meet the same luck: replication " i { "r" } " has the same arrivals and failures at every point. "
                        "Intervals are Student's t, 95 %. Whether two points differ is told from the paired difference of their runs, "
                        "not from whether their intervals overlap."
                    }
                }
            }
        }
        h3 { "Evidence grades" }
        ul { @for (g, what) in GRADES { li { (grade(g)) " " (what) } } }
        h3 { "Limits" }
        ul {
            li {
                "Intervals are of luck alone, not of wrong inputs: they hold for the scenario as it is written. "
                "See the weakest inputs first."
            }
            li { "Prices are those of the date named, or the last known before it; spot is as its recording or law says." }
            li { "Jobs slow each other down by waiting only, unless the scenario says otherwise; networks are not modelled." }
            li { "What the end of the window cuts off is counted, and not guessed at." }
            li { "The README's section " i { "Limits" } " lists what this version does not model." }
        }
    }
}

/// What a page is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A run.
    Run,
    /// A comparison.
    Comparison,
    /// A sweep.
    Sweep,
}

/// Remarks of the results themselves.
#[must_use]
pub fn remarks(notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            h3 { "Worth knowing" }
            ul { @for n in notes { li { (n) } } }
        }
    }
}
