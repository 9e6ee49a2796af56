//! `{"metadata": {"gap_seconds": 600}, "data": [0, 1, …]}`: values at equal gaps.
//!
//! skypilot-org/spot-traces; the windows of FrontierCS/Frontier-CS have the same shape and the opposite polarity, and
//! more keys, which are passed over.

use super::input::Text;
use super::lines::Faults;
use super::{How, Polarity};
use crate::formats::tree::shorten;
use crate::formats::{Node, Value};
use crate::market::Availability;
use crate::units::{Diagnostic, Diagnostics, Duration, nearest};

/// A gap of more than a year is a mistake.
const GAP_MAX_S: u64 = 366 * 86_400;

pub(super) fn read(text: &Text, root: &Node, how: How) -> Result<(Availability, Diagnostics), Diagnostics> {
    let mut faults = Faults::new(text.id);
    let mut warnings = Diagnostics::default();
    let gap = gap(text, root, how, &mut faults);
    let data = match root.get("data") {
        Some(Node { value: Value::List(items), .. }) => Some(items.as_slice()),
        Some(other) => {
            let message = format!("`data` is {}, not a list", other.found());
            faults.add(other.head().1, message, "expected a list of whole numbers", "");
            None
        }
        None => {
            missing(root, "data", &mut faults);
            None
        }
    };
    let values = data.map(|items| values(text, root, items, how.polarity, &mut faults));
    let (gap, values) = match (gap, values) {
        (Some(gap), Some(values)) if !faults.any() => (gap, values),
        _ => return faults.finish(()).and(Err(Diagnostics::default())),
    };
    if u128::from(gap.0) * values.len() as u128 > u128::from(u64::MAX) {
        let message = format!("{} values of {gap} are longer than 584 years", values.len());
        return Err(Diagnostic::error(message).into());
    }
    let window = root.get("original_trace").or_else(|| root.get("generator"));
    if let (Some(key), Some(Polarity::OneIsAvailable)) = (window, how.polarity) {
        let d = Diagnostic::warning("this looks like a window of FrontierCS/Frontier-CS, in which 1 is preempted")
            .at(text.id, key.at.1, "spot-traces has no such key")
            .help("if it is, say `polarity: OneIsPreempted`");
        warnings.push(d);
    }
    Ok((Availability::of_ticks(gap, &values), warnings))
}

fn missing(root: &Node, key: &str, faults: &mut Faults) {
    let near = nearest(key, root.entries().unwrap_or(&[]).iter().filter_map(|e| e.key.key_text()));
    let help = match near {
        Some(near) => format!("is it `{near}`?"),
        None => "a spot trace is {\"metadata\": {\"gap_seconds\": 600}, \"data\": [0, 1, 1]}".to_owned(),
    };
    faults.add(root.head().1, format!("no `{key}` in the trace"), format!("has no `{key}`"), &help);
}

fn gap(text: &Text, root: &Node, how: How, faults: &mut Faults) -> Option<Duration> {
    let Some(metadata) = root.get("metadata") else {
        missing(root, "metadata", faults);
        return None;
    };
    let Some(node) = metadata.get("gap_seconds") else {
        missing(metadata, "gap_seconds", faults);
        return None;
    };
    let whole = match &node.value {
        Value::Number(n) => n.parse::<u64>().ok().filter(|s| (1..=GAP_MAX_S).contains(s)),
        _ => None,
    };
    let Some(seconds) = whole else {
        let message = format!("`gap_seconds` is {}, not a whole number of seconds", node.found());
        faults.add(node.at.1, message, format!("expected a whole number from 1 to {GAP_MAX_S}"), "");
        return None;
    };
    let found = Duration::from_secs(seconds);
    if let Some(expected) = how.gap.filter(|e| *e != found) {
        let message = format!("the values of `{}` are {found} apart, not {expected}", text.name);
        let help =
            "traces of another gap are another recording: name the right file, or change the gap that is asked for";
        faults.add(node.at.1, message, format!("expected {expected}"), help);
    }
    Some(found)
}

fn values(text: &Text, root: &Node, items: &[Node], polarity: Option<Polarity>, faults: &mut Faults) -> Vec<u32> {
    let place = root.get("data").map_or(root.head().1, |d| d.head().1);
    if items.is_empty() {
        faults.add(place, format!("`{}` has no values", text.name), "an empty list", "");
    }
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let number = match &item.value {
            Value::Number(n) => n.parse::<u32>().map_err(|_| n.as_str()),
            _ => Err(""),
        };
        match (number, polarity) {
            (Ok(n), Some(Polarity::OneIsPreempted)) if n > 1 => {
                let help = "counts say how many are available: say `polarity: OneIsAvailable`";
                faults.add(item.at.1, format!("value {} is {n}, where 1 is preempted", i + 1), "neither 0 nor 1", help);
            }
            (Ok(n), Some(Polarity::OneIsPreempted)) => out.push(1 - n),
            (Ok(n), _) => out.push(n),
            (Err(n), _) => {
                let what = if n.starts_with('-') { "negative" } else { "not a whole number" };
                let message = match n {
                    "" => format!("value {} is {}, not a whole number", i + 1, item.found()),
                    n => format!("value {} is {what}: {}", i + 1, shorten(n)),
                };
                faults.add(item.at.1, message, "expected a whole number of nodes, 0 or more", "");
            }
        }
    }
    if polarity.is_none() {
        let help = "say `polarity: OneIsAvailable` for files of skypilot-org/spot-traces, `polarity: OneIsPreempted` for \
                    those of FrontierCS/Frontier-CS, which are the same bits inverted: a market that is up 90 % of the \
                    time reads as one that is up 10 %";
        faults.add(place, format!("what a 1 means in `{}` is not said", text.name), "available, or preempted?", help);
    }
    out
}
