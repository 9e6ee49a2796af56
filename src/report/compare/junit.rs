//! A comparison for a build server, in the form of JUnit that Jenkins reads and others follow: a suite each candidate, a
//! case each gate. A broken gate is a failure, an inconclusive one is skipped.

use std::fmt::Write;

use super::wording as say;
use super::{Comparison, Report};
use crate::experiment::compare::Held;

/// The whole text.
#[must_use]
pub fn junit(r: &Report) -> String {
    let count = |h: Held| r.comparisons.iter().flat_map(|c| &c.gates).filter(|g| g.held == h).count();
    let tests: usize = r.comparisons.iter().map(cases).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"fleetcast compare\" tests=\"{tests}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
        count(Held::Broken),
        count(Held::Inconclusive)
    );
    for c in &r.comparisons {
        suite(&mut out, r, c);
    }
    out.push_str("</testsuites>\n");
    out
}

fn cases(c: &Comparison) -> usize {
    c.gates.len().max(1)
}

fn suite(out: &mut String, r: &Report, c: &Comparison) {
    let count = |h: Held| c.gates.iter().filter(|g| g.held == h).count();
    let class = format!("{} beside {}", c.candidate, r.base.name);
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
        escape(&class),
        cases(c),
        count(Held::Broken),
        count(Held::Inconclusive)
    );
    if c.gates.is_empty() {
        // A server takes a suite without a case for one that did not run.
        let _ = writeln!(out, "    <testcase classname=\"{}\" name=\"compared, without gates\"/>", escape(&class));
    }
    for g in &c.gates {
        let _ = writeln!(out, "    <testcase classname=\"{}\" name=\"{}\">", escape(&class), escape(&g.gate));
        let about = g.about.as_ref().map_or_else(String::new, |a| format!("; {a}"));
        match g.held {
            Held::Holds => {}
            Held::Broken => {
                let message = format!("{}: {}{about}", g.gate, say::measured(g));
                let _ = writeln!(
                    out,
                    "      <failure message=\"{}\" type=\"regression\">{}</failure>",
                    escape(&message),
                    escape(&say::finding(c))
                );
            }
            Held::Inconclusive => {
                let message = format!("inconclusive: {}; {}", say::measured(g), say::remedy(g));
                let _ = writeln!(out, "      <skipped message=\"{}\"/>", escape(&message));
            }
        }
        let mut detail = format!("measured {}", say::measured(g));
        if let Some(m) = c.metric(&g.metric) {
            let _ = write!(
                detail,
                "\nbase {}, candidate {}, change {} {}\n{}",
                say::value(m.base, m.change),
                say::value(m.candidate, m.change),
                say::change(m.change),
                say::change_unit(m),
                say::basis(c, r.seed)
            );
        }
        let _ = writeln!(out, "      <system-out>{}</system-out>", escape(&detail));
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

/// Text for XML 1.0, which has no place for most control characters.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
